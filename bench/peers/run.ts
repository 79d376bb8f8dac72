/**
 * The task `bench:peers`: the same work here and in other libraries, each measurement in a process of its own, ours and theirs in turn.
 * Prints what ran, a table of medians, and as its last line `{work: {peer: theirs / ours}}`. The README beside this file says what the
 * works are and how to install the peers.
 */

import process from "node:process";
import { availableParallelism } from "node:os";
import { ROOT } from "../../tools/process.ts";
import { requireSupportedDeno } from "../../tools/versions.ts";
import { type WorkName, WORKS } from "../networks/works.ts";
import { peaks, peaksText } from "../peaks.ts";
import { type Measured, median, PHASES, ratios, type Row, rowsOf, tableText } from "./figures.ts";
import { HELP, type Options, parseOptions, type Peer, selected, UsageError } from "./options.ts";
import {
  type Call,
  firstOutput,
  javaScriptCall,
  measured,
  ourCall,
  ProcessError,
  Python,
  pythonCall,
  runForJson,
} from "./processes.ts";

/** Which peers do a work, and by which of the works of `torch_networks.py`. */
const COMPARISONS: Readonly<Record<WorkName, Partial<Readonly<Record<Peer, string>>>>> = {
  "readme-conv": { escnn: "readme-conv" },
  "tutorial-c8": { escnn: "tutorial-c8", pytorch: "conventional" },
  "conventional": { pytorch: "conventional" },
  "wrn": { escnn: "wrn" },
  "se3": { escnn: "se3" },
  "octa": { escnn: "octa" },
  "point": { escnn: "point" },
  "dense-conv": { pytorch: "dense-conv", tfjs: "dense-conv", "jax-js": "dense-conv" },
};

/** What the peers are, or why they are left out. */
class Peers {
  readonly #options: Options;
  readonly #present = new Set<Peer>();
  python: Python | undefined;

  constructor(options: Options) {
    this.#options = options;
  }

  has(peer: Peer): boolean {
    return this.#present.has(peer);
  }

  /** Looks which peers are installed, and says so. */
  async look(): Promise<void> {
    for (const peer of this.#options.peers) {
      try {
        console.log(`${peer}: ${await this.#find(peer)}`);
        this.#present.add(peer);
      } catch (error) {
        if (!(error instanceof ProcessError)) throw error;
        console.log(`${peer}: left out, ${error.message}`);
      }
    }
  }

  async #find(peer: Peer): Promise<string> {
    const options = this.#options;
    if (peer === "pytorch" || peer === "escnn") {
      if (peer === "escnn") this.python = await Python.start(options);
      const modules = peer === "escnn" ? ["torch", "escnn", "escnn.nn"] : ["torch"];
      const code = `import json; from importlib.metadata import version; import ${modules.join(", ")}; ` +
        `print(json.dumps([version(name) for name in ${JSON.stringify(modules.slice(0, 2))}]))`;
      const call = this.python?.call("", []) ?? pythonCall(options, "", []);
      const versions = await runForJson({ ...call, args: ["-c", code] }) as string[];
      return versions.map((version, i) => `${modules[i]} ${version}`).join(", ");
    }
    const name = peer === "tfjs" ? "@tensorflow/tfjs" : "@jax-js/jax";
    const path = `${options.javaScript.replace(/^(?!\/)/, ROOT)}/node_modules/${name}/package.json`;
    try {
      const { version } = JSON.parse(await Deno.readTextFile(path)) as { version: string };
      return `${name} ${version}`;
    } catch {
      throw new ProcessError(`no ${name} in ${options.javaScript}/node_modules`);
    }
  }

  /** The process in which a peer does a work. */
  call(peer: Peer, work: string, args: readonly string[]): Call {
    if (peer === "tfjs" || peer === "jax-js") return javaScriptCall(this.#options, peer, this.#options.seconds);
    if (peer === "escnn") return this.python!.call("measure.py", [work, ...args]);
    return pythonCall(this.#options, "measure.py", [work, ...args]);
  }
}

/** Runs a piece of the measurements; one that fails is named and left out. */
async function attempt<T>(what: string, run: () => Promise<T>): Promise<T | undefined> {
  const begin = performance.now();
  try {
    const result = await run();
    console.error(`${what}: ${((performance.now() - begin) / 1000).toFixed(1)} s`);
    return result;
  } catch (error) {
    if (!(error instanceof ProcessError)) throw error;
    console.error(`${what}: left out, ${error.message}`);
    return undefined;
  }
}

/** Says so where two networks that should be the same differ in size. escnn leaves fields together that ours separates, which is a few norms. */
function checkSize(name: string, peer: Peer, theirs: number | undefined, ours: number | undefined): void {
  if (theirs === undefined || ours === undefined || Math.abs(theirs - ours) <= 1e-3 * theirs) return;
  console.error(`${name}: ${peer} has ${theirs} parameters, ours ${ours}: not the same network`);
}

/** All rows of a work with a number of threads. */
async function compareWork(name: WorkName, threads: number, options: Options, peers: Peers): Promise<Row[]> {
  const phases = PHASES.filter((phase) => selected(`${name}/${phase}`, options.filters));
  if (selected(`${name}/peak`, options.filters) && phases.length === 0) phases.push("train-step");
  if (phases.length === 0) return [];
  const others = (Object.keys(COMPARISONS[name]) as Peer[]).filter((peer) => peers.has(peer));
  const threadSuffix = threads === 1 ? "@1" : "", label = `${name}, ${threads} thread${threads === 1 ? "" : "s"}`;
  const args = [`--phases=${phases.join()}`, `--seconds=${options.seconds}`];
  let cold: Measured | undefined;
  if (phases.includes("construct") && others.includes("escnn")) {
    await peers.python!.emptyCache();
    const call = peers.call("escnn", COMPARISONS[name].escnn!, ["--phases=construct", `--threads=${threads}`]);
    cold = await attempt(`${label}: escnn with an empty disk cache`, () => measured(call));
  }
  const runs = new Map<string, Measured[]>();
  const add = async (who: string, call: Call): Promise<void> => {
    const found = await attempt(`${label}: ${who}`, () => measured(call));
    if (found !== undefined) runs.set(who, [...runs.get(who) ?? [], found]);
    else if (who.startsWith("ours")) throw new Error(`${who} failed on ${label}`);
  };
  for (let repeat = 0; repeat < options.repeats; repeat++) {
    await add("ours", ourCall(["bench/peers/measure.ts", name, ...args], threads, true));
    if (options.wasm) {
      await add("ours without OpenBLAS", ourCall(["bench/peers/measure.ts", name, ...args], threads, false));
    }
    for (const peer of others) {
      // A library that failed once on a work is not tried again.
      if (repeat > 0 && !runs.has(peer)) continue;
      await add(peer, peers.call(peer, COMPARISONS[name][peer]!, [...args, `--threads=${threads}`]));
    }
  }
  const rows: Row[] = [];
  for (const peer of others) {
    const theirs = runs.get(peer) ?? [];
    for (const [who, suffix] of [["ours", threadSuffix], ["ours without OpenBLAS", `${threadSuffix}@wasm`]] as const) {
      const ours = runs.get(who);
      if (ours === undefined) continue;
      if (COMPARISONS[name][peer] === name) checkSize(name, peer, theirs[0]?.parameters, ours[0].parameters);
      if (cold !== undefined && peer === "escnn") {
        rows.push(...rowsOf(name, suffix, peer, [cold], ours, ["construct"]));
        const warm = rowsOf(name, suffix, peer, theirs, ours, ["construct"]);
        rows.push(...warm.map((row) => ({ ...row, peer: "escnn, warm cache" })));
      }
      rows.push(...rowsOf(name, suffix, peer, theirs, ours, phases.filter((phase) => phase !== "construct")));
    }
  }
  return rows;
}

/** From the start of a process to the first output of the README's first program. */
async function compareStartup(threads: number, options: Options, peers: Peers): Promise<Row[]> {
  if (!selected("startup", options.filters) || !peers.has("escnn")) return [];
  const calls = {
    ours: ourCall(["examples/snippet.ts"], threads, true),
    escnn: peers.python!.call("startup.py", []),
  };
  const times = { ours: [] as number[], escnn: [] as number[] };
  const result = await attempt("startup", async () => {
    // The first of each fills caches of compiled code.
    for (let repeat = -1; repeat < Math.max(3, options.repeats); repeat++) {
      for (const who of ["ours", "escnn"] as const) {
        const milliseconds = await firstOutput(calls[who]);
        if (repeat >= 0) times[who].push(milliseconds / 1000);
      }
    }
    return times;
  });
  if (result === undefined) return [];
  const [ours, theirs] = [median(result.ours), median(result.escnn)];
  return [{ work: `startup${threads === 1 ? "@1" : ""}`, peer: "escnn", unit: "s", theirs, ours }];
}

/** The whole run. */
async function main(): Promise<void> {
  const options = parseOptions(Deno.args, (name) => Deno.env.get(name), availableParallelism());
  if (options === undefined) return console.log(HELP);
  console.log(peaksText(await peaks()));
  const peers = new Peers(options);
  await peers.look();
  const rows: Row[] = [];
  try {
    for (const threads of options.threads) {
      rows.push(...await compareStartup(threads, options, peers));
      for (const name of Object.keys(WORKS) as WorkName[]) {
        rows.push(...await compareWork(name, threads, options, peers));
      }
    }
  } finally {
    await peers.python?.end();
  }
  if (rows.length > 0) console.log(tableText(rows));
  console.log(JSON.stringify(ratios(rows.filter(({ peer }) => peer !== "escnn, warm cache"))));
}

requireSupportedDeno();
try {
  await main();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(`${error.message}\n\n${HELP}`);
  process.exit(2);
}
