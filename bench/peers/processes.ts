/**
 * The processes of `bench:peers`: ours, Python's and those of JavaScript peers, each started anew for each measurement, with what they
 * print as their last line. escnn runs from a copy of the package, so that its disk cache can be emptied and the user's stays as it is.
 */

import { ROOT } from "../../tools/process.ts";
import type { Measured } from "./figures.ts";
import type { Options, Peer } from "./options.ts";

/** A process that did not give a figure; the message has the last lines that it wrote. */
export class ProcessError extends Error {
  override readonly name: string = "ProcessError";
}

/** A program, its arguments and its variables. */
export interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** The last `count` lines of a text that are not empty. */
function lastLines(text: string, count: number): string {
  return text.split("\n").filter((line) => line.trim() !== "").slice(-count).join("\n");
}

/** Runs a program and returns what it printed. */
async function run({ program, args, env }: Call): Promise<string> {
  let output;
  try {
    output = await new Deno.Command(program, {
      args: [...args],
      env,
      cwd: ROOT,
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
  } catch (error) {
    throw new ProcessError(`${program}: ${error instanceof Error ? error.message : String(error)}`);
  }
  const decode = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  if (!output.success) {
    throw new ProcessError(`ended with ${output.code}: ${lastLines(decode(output.stderr), 2)}`);
  }
  return decode(output.stdout);
}

/** The JSON object in the last line of a program's output. */
export async function runForJson(call: Call): Promise<unknown> {
  const line = lastLines(await run(call), 1);
  try {
    return JSON.parse(line);
  } catch {
    throw new ProcessError(`expected a JSON line at the end, got ${JSON.stringify(line.slice(0, 200))}`);
  }
}

/** Milliseconds from the start of a program to the first byte that it prints. The program runs to its end. */
export async function firstOutput({ program, args, env }: Call): Promise<number> {
  const begin = performance.now();
  const child = new Deno.Command(program, {
    args: [...args],
    env,
    cwd: ROOT,
    stdin: "null",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const reader = child.stdout.getReader();
  const { done } = await reader.read();
  const milliseconds = performance.now() - begin;
  while (!(await reader.read()).done);
  const { success, code } = await child.status;
  if (done || !success) throw new ProcessError(`ended with ${code}${done ? " and printed nothing" : ""}`);
  return milliseconds;
}

/** Our process for a work. */
export function ourCall(args: readonly string[], threads: number, openblas: boolean): Call {
  return {
    program: Deno.execPath(),
    args: ["run", "-A", "--no-check", ...args],
    env: { ESCNN_THREADS: String(threads), ...openblas ? {} : { ESCNN_OPENBLAS: "off" } },
  };
}

/** The variables of Python: its path. */
function pythonEnvironment(options: Options, folders: readonly string[]): Record<string, string> {
  const path = [...folders, ...options.standIns === undefined ? [] : [options.standIns]];
  const given = Deno.env.get("PYTHONPATH");
  if (given !== undefined && given !== "") path.push(given);
  return { PYTHONPATH: path.map((folder) => folder.replace(/^(?!\/)/, ROOT)).join(":") };
}

/** Python with a copy of escnn. */
export class Python {
  readonly #options: Options;
  readonly #copy: string;

  private constructor(options: Options, copy: string) {
    this.#options = options;
    this.#copy = copy;
  }

  /** Copies the installed escnn, with the disk cache it has, into a folder of its own. Throws ProcessError where it is not installed. */
  static async start(options: Options): Promise<Python> {
    const env = pythonEnvironment(options, []);
    const find =
      "import importlib.util as u, json; print(json.dumps(list(u.find_spec('escnn').submodule_search_locations)))";
    const found = await runForJson({ program: options.python, args: ["-c", find], env }) as string[];
    const copy = await Deno.makeTempDir({ prefix: "escnn-peers-" });
    await copyFolder(found[0], `${copy}/escnn`);
    return new Python(options, copy);
  }

  /** The process that runs a script of `bench/peers`. */
  call(script: string, args: readonly string[]): Call {
    return {
      program: this.#options.python,
      args: [`bench/peers/${script}`, ...args],
      env: pythonEnvironment(this.#options, [this.#copy]),
    };
  }

  /** Empties escnn's disk cache. */
  async emptyCache(): Promise<void> {
    await Deno.remove(`${this.#copy}/escnn/group/_cache`, { recursive: true }).catch(() => undefined);
  }

  /** Removes the copy. */
  async end(): Promise<void> {
    await Deno.remove(this.#copy, { recursive: true });
  }
}

/** Python without a copy of anything: for PyTorch alone. */
export function pythonCall(options: Options, script: string, args: readonly string[]): Call {
  return { program: options.python, args: [`bench/peers/${script}`, ...args], env: pythonEnvironment(options, []) };
}

async function copyFolder(from: string, to: string): Promise<void> {
  await Deno.mkdir(to, { recursive: true });
  for await (const { name, isDirectory } of Deno.readDir(from)) {
    if (name === "__pycache__") continue;
    if (isDirectory) await copyFolder(`${from}/${name}`, `${to}/${name}`);
    else await Deno.copyFile(`${from}/${name}`, `${to}/${name}`);
  }
}

/** The process of a JavaScript peer. */
export function javaScriptCall(options: Options, peer: Peer, seconds: number): Call {
  const script = peer === "tfjs" ? "tfjs.mjs" : "jax.mjs";
  return {
    program: Deno.execPath(),
    args: ["run", "-A", "--no-check", `bench/peers/${script}`, options.javaScript, "--seconds", String(seconds)],
    env: {},
  };
}

/** What a process of a work measured. */
export async function measured(call: Call): Promise<Measured> {
  return await runForJson(call) as Measured;
}
