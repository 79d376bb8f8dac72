/**
 * The task `bench:cuda`: convolutions and the benchmarks' networks on a GPU, ours and, in the same run, cuDNN's own time and PyTorch with
 * escnn where they are installed. Prints the device, a table of medians, and as its last line `{work: {peer: theirs / ours}}`.
 *
 *     deno task bench:cuda [--seconds 3] [--tf32] [--python PATH] [--no-peers] [FILTER…]
 */

import { parseArgs } from "node:util";
import { noGrad, recordStep, runtime, scope, seed, type Tensor, useBackend } from "@escnn/escnn";
import { ROOT } from "../../tools/process.ts";
import { requireSupportedDeno } from "../../tools/versions.ts";
import { exported, Training, type WorkName, WORKS } from "../networks/works.ts";
import { median, ratios, type Row, tableText } from "../peers/figures.ts";
import { compareConvolutions } from "./convolutions.ts";

const PHASES = ["train-step", "recorded-step", "train-forward", "inference"] as const;

/** What PyTorch does in the place of a phase that it does not have. */
const THEIRS: Readonly<Partial<Record<string, string>>> = { "recorded-step": "train-step" };

/** Seconds by work and phase. */
type Times = Map<string, number>;

/** Median seconds of a call that waits for its result, after three that do not count. */
async function measure(run: () => Promise<unknown>, seconds: number): Promise<number> {
  for (let i = 0; i < 3; i++) await run();
  const times: number[] = [];
  const start = performance.now();
  while (times.length < 3 || (times.length < 200 && performance.now() - start < 1000 * seconds)) {
    const begin = performance.now();
    await run();
    times.push((performance.now() - begin) / 1000);
  }
  return median(times);
}

/** Runs a pass, waits for its result and frees it. */
async function pass(forward: () => Tensor): Promise<void> {
  using _ = scope();
  await forward().backend.synchronize();
}

/** Measures our networks. */
async function measureOurs(isWanted: (name: string) => boolean, seconds: number): Promise<Times> {
  const times: Times = new Map();
  for (const name of Object.keys(WORKS) as WorkName[]) {
    if (!PHASES.some((phase) => isWanted(`${name}/${phase}`))) continue;
    seed(0);
    using _ = scope();
    const network = WORKS[name].create();
    const training = new Training(WORKS[name], network);
    const phase = async (which: typeof PHASES[number], run: () => Promise<unknown>): Promise<void> => {
      if (!isWanted(`${name}/${which}`)) return;
      times.set(`${name}/${which}`, await measure(run, seconds));
      console.error(`ours: ${name}/${which}`);
    };
    await phase("train-step", () => training.step());
    using recorded = await recordStep(() => training.update());
    await phase("recorded-step", async () => {
      using _ = scope();
      await recorded.run().item();
    });
    await phase("train-forward", () => pass(() => training.forward()));
    const layers = exported(network);
    await phase("inference", () => noGrad(() => pass(() => layers.forward(training.inputs))));
  }
  return times;
}

/** Measures the same networks in PyTorch, in a process of its own; nothing where it is not installed. */
async function measureTheirs(
  python: string,
  works: readonly string[],
  phases: readonly string[],
  { seconds, tf32 }: { readonly seconds: number; readonly tf32: boolean },
): Promise<Times> {
  const times: Times = new Map();
  const args = [
    "bench/cuda/measure.py",
    `--works=${works.join()}`,
    `--phases=${phases.join()}`,
    `--seconds=${seconds}`,
  ];
  let output;
  try {
    output = await new Deno.Command(python, {
      args: [...args, ...tf32 ? ["--tf32"] : []],
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
  } catch (error) {
    console.error(`PyTorch: left out, ${python}: ${error instanceof Error ? error.message : String(error)}`);
    return times;
  }
  const text = new TextDecoder();
  for (const line of text.decode(output.stdout).split("\n").filter((part) => part.startsWith("{"))) {
    const found = JSON.parse(line) as { work: string; phase?: string; seconds?: number; error?: string };
    if (found.seconds !== undefined) times.set(`${found.work}/${found.phase}`, found.seconds);
    else console.error(`PyTorch: ${found.work} left out, ${found.error}`);
  }
  if (!output.success) {
    const last = text.decode(output.stderr).trim().split("\n").at(-1);
    console.error(`PyTorch: ended with ${output.code}: ${last}`);
  }
  return times;
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...runtime.args],
    allowPositionals: true,
    options: {
      seconds: { type: "string", default: "3" },
      tf32: { type: "boolean", default: false },
      python: { type: "string", default: runtime.env("ESCNN_PEERS_PYTHON") ?? "python3" },
      "no-peers": { type: "boolean", default: false },
    },
  });
  const seconds = Number(values.seconds);
  if (!(seconds > 0)) throw new RangeError(`--seconds takes a positive number, got ${values.seconds}`);
  const isWanted = (name: string): boolean =>
    positionals.length === 0 || positionals.some((filter) => name.includes(filter));
  const options = { seconds, tf32: values.tf32 };
  const backend = await useBackend("cuda", { precision: values.tf32 ? "tf32" : "float32" });
  console.log(backend.info().description);
  const ours = await measureOurs(isWanted, seconds);
  const works = [...new Set([...ours.keys()].map((name) => name.split("/")[0]))];
  const theirName = (name: string): string => {
    const [work, phase] = name.split("/");
    return `${work}/${THEIRS[phase] ?? phase}`;
  };
  const phases = [...new Set([...ours.keys()].map((name) => theirName(name).split("/")[1]))];
  const theirs = values["no-peers"] || works.length === 0
    ? new Map<string, number>()
    : await measureTheirs(values.python, works, phases, options);
  const rows: Row[] = await compareConvolutions(isWanted, options);
  for (const [work, own] of ours) {
    const other = theirs.get(theirName(work));
    if (other !== undefined) rows.push({ work, peer: "PyTorch", unit: "s", theirs: other, ours: own });
    else console.log(`${work}: ${(1000 * own).toPrecision(3)} ms`);
  }
  console.log(tableText(rows));
  console.log(JSON.stringify(ratios(rows)));
}

requireSupportedDeno();
await main();
