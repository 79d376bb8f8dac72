/**
 * The command line of `bench:peers`.
 */

import { parseArgs } from "node:util";
import { WORKS } from "../networks/works.ts";
import { PHASES } from "./figures.ts";

/** The libraries that are measured beside ours. */
export const PEERS = ["escnn", "pytorch", "tfjs", "jax-js"] as const;

/** One of {@linkcode PEERS}. */
export type Peer = typeof PEERS[number];

/** What to measure, and with what. */
export interface Options {
  /** Parts of names: what contains none of them is left out. Empty: everything. */
  readonly filters: readonly string[];
  /** Numbers of threads. */
  readonly threads: readonly number[];
  /** Whether ours is also measured without OpenBLAS. */
  readonly wasm: boolean;
  /** Processes for each figure. */
  readonly repeats: number;
  /** Seconds for each figure in a process. */
  readonly seconds: number;
  /** The peers to look for. */
  readonly peers: readonly Peer[];
  /** The Python that has PyTorch and escnn. */
  readonly python: string;
  /** A folder that comes first on Python's path. */
  readonly standIns: string | undefined;
  /** The folder whose `node_modules` has the JavaScript peers. */
  readonly javaScript: string;
}

/** A command line that makes no sense; the message says what was expected. */
export class UsageError extends Error {
  override readonly name: string = "UsageError";
}

/** The text of `--help`. */
export const HELP = `deno task bench:peers [OPTION] [FILTER]: the same work here and in other libraries, theirs / ours

FILTER: part of a name (tutorial-c8, se3/train-step, startup); several are allowed
  --threads N        number of threads of both, or several: 1,2 (default 2)
  --wasm             ours without OpenBLAS as well
  --repeats N        processes for each figure, ours and theirs in turn (default 3)
  --seconds N        time for each figure in a process (default 3)
  --peers LIST       of ${PEERS.join(",")} (default all that are installed)
  --python PATH      the Python with PyTorch and escnn (default ESCNN_PEERS_PYTHON, or python3)
  --stand-ins DIR    a folder that comes first on PYTHONPATH
  --js DIR           the folder whose node_modules has the JavaScript peers (default ESCNN_PEERS_JS, or bench/peers)`;

/** The number of an option. */
function positive(name: string, text: string, whole: boolean): number {
  const value = Number(text);
  if (Number.isFinite(value) && value > 0 && (!whole || Number.isInteger(value))) return value;
  throw new UsageError(`--${name} takes a positive ${whole ? "integer" : "number"}, got ${JSON.stringify(text)}`);
}

/** All names that a filter can be part of. */
function allNames(): string[] {
  return ["startup", ...Object.keys(WORKS).flatMap((work) => [...PHASES, "peak"].map((phase) => `${work}/${phase}`))];
}

/**
 * Reads a command line; `undefined` when help was asked for.
 *
 * @param args The arguments.
 * @param environment Reads a variable.
 * @param cores Number of processors.
 * @throws UsageError saying what was expected.
 */
export function parseOptions(
  args: readonly string[],
  environment: (name: string) => string | undefined,
  cores: number,
): Options | undefined {
  let parsed;
  const text = { type: "string" } as const, flag = { type: "boolean", default: false } as const;
  try {
    parsed = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        threads: { ...text, default: String(Math.min(2, cores)) },
        wasm: flag,
        repeats: { ...text, default: "3" },
        seconds: { ...text, default: "3" },
        peers: { ...text, default: PEERS.join() },
        python: { ...text, default: environment("ESCNN_PEERS_PYTHON") ?? "python3" },
        "stand-ins": text,
        js: { ...text, default: environment("ESCNN_PEERS_JS") ?? "bench/peers" },
        help: flag,
      },
    });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
  const { values, positionals } = parsed;
  if (values.help) return undefined;
  const threads = values.threads.split(",").map((count) => positive("threads", count, true));
  if (threads.some((count) => count > cores)) {
    throw new UsageError(`--threads takes numbers from 1 to ${cores}, the number of processors, got ${values.threads}`);
  }
  const peers = values.peers.split(",").map((name) => PEERS.find((peer) => peer === name) ?? name);
  const unknown = peers.filter((name): name is Exclude<typeof name, Peer> => !PEERS.some((peer) => peer === name));
  if (unknown.length > 0) {
    throw new UsageError(`--peers takes names of ${PEERS.join(", ")}, got ${unknown.join(", ")}`);
  }
  const names = allNames();
  const lost = positionals.filter((filter) => !names.some((name) => name.includes(filter)));
  if (lost.length > 0) {
    throw new UsageError(`${lost.join(", ")}: part of no name; works are ${Object.keys(WORKS).join(", ")}, startup`);
  }
  return {
    filters: positionals,
    threads,
    wasm: values.wasm,
    repeats: positive("repeats", values.repeats, true),
    seconds: positive("seconds", values.seconds, false),
    peers: PEERS.filter((peer) => peers.includes(peer)),
    python: values.python,
    standIns: values["stand-ins"],
    javaScript: values.js,
  };
}

/** Whether a name passes the filters. */
export function selected(name: string, filters: readonly string[]): boolean {
  return filters.length === 0 || filters.some((filter) => name.includes(filter));
}
