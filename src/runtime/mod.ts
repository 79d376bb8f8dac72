// The entry of the runtime adapters: `runtime` is the adapter of the runtime that runs the library. Whatever depends on
// the runtime (environment, files, workers, asynchronous context) goes through it.

import "./dispose_symbols.ts";
import { bunGlobal, denoGlobal, processGlobal } from "./builtins.ts";
import { BrowserRuntime } from "./browser.ts";
import { BunRuntime } from "./bun.ts";
import { DenoRuntime } from "./deno.ts";
import { NodeRuntime } from "./node.ts";
import type { Runtime } from "./types.ts";

export { gunzip, isGzip } from "./gunzip.ts";
export {
  FileError,
  RuntimeAdapterError,
  type RuntimeErrorFields,
  RuntimePermissionError,
  RuntimeUnsupportedError,
  ScopeOrderError,
} from "./errors.ts";
export type { ContextStorage, Runtime, RuntimeName, RuntimeWorker, WorkerOptions } from "./types.ts";

function detect(): Runtime {
  if (denoGlobal() !== undefined) return new DenoRuntime();
  const process = processGlobal();
  // An old Node must not pass for a browser: NodeRuntime says which version it needs.
  if (process?.getBuiltinModule === undefined && process?.versions.node === undefined) return new BrowserRuntime();
  return bunGlobal() !== undefined ? new BunRuntime() : new NodeRuntime();
}

/** The adapter of the runtime that runs the library. */
export const runtime: Runtime = detect();
