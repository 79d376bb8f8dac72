/**
 * The registry of backends: which ones there are, which one is current, and why another one is not. Built-in backends are
 * loaded when they are asked for, so that importing the library costs nothing that is not used.
 */

import { runtime } from "../runtime/mod.ts";
import type { Backend, BackendFactory, BackendOptions } from "./backend.ts";
import { ArgumentError, BackendError } from "./errors.ts";
import { observer } from "./observer.ts";
import { markBackendDisposed } from "./storage.ts";

/** Loads a backend's factory. */
type FactoryLoader = () => Promise<BackendFactory>;

const loaders = new Map<string, FactoryLoader>([
  ["reference", async () => (await import("../../backends/reference/mod.ts")).createBackend],
  ["cpu", async () => (await import("../../backends/cpu/mod.ts")).createBackend],
  ["cuda", async () => (await import("../../backends/cuda/mod.ts")).createBackend],
]);

/** What `"auto"` tries, the best first. */
const preference: string[] = ["cuda", "cpu"];

/** Device files of NVIDIA's driver, on Linux, in WSL and (its library) on Windows. */
const NVIDIA_FILES: readonly string[] = ["/dev/nvidiactl", "/dev/dxg", "C:/Windows/System32/nvcuda.dll"];

/**
 * Whether there may be a GPU for CUDA: a look that opens and loads nothing, so that machines without one start as fast as ever. A path
 * in `ESCNN_CUDA_DRIVER` counts as one.
 */
async function mayHaveCuda(): Promise<boolean> {
  if (runtime.name === "browser" || runtime.platform === "darwin") return false;
  const given = runtime.env("ESCNN_CUDA_DRIVER");
  if (given) return given !== "off";
  return (await Promise.all(NVIDIA_FILES.map((path) => runtime.exists(path)))).includes(true);
}

/** Whether it has been said that a better backend did not start. */
let fallbackTold = false;

/** A running backend and the options that it was started with. */
interface Started {
  readonly backend: Backend;
  readonly options: string;
}

const started = new Map<string, Started>();
const starting = new Map<string, Promise<Backend>>();
const failures = new Map<string, string>();
let current: Backend | undefined;

/** Options of {@linkcode registerBackend}. */
export interface RegisterOptions {
  /** Let `useBackend("auto")` try it before the built-in ones. Default false. */
  readonly preferred?: boolean;
}

/**
 * Makes a backend available under a name. Throws {@linkcode ArgumentError} when the name is taken.
 *
 * @example
 * ```ts
 * import { registerBackend, useBackend } from "@escnn/escnn";
 * import { assertRejects } from "@std/assert";
 *
 * registerBackend("mine", () => Promise.reject(new Error("no such device")));
 * await assertRejects(() => useBackend("mine"), Error, "no such device");
 * ```
 */
export function registerBackend(name: string, factory: BackendFactory, options: RegisterOptions = {}): void {
  if (loaders.has(name) || name === "auto") {
    throw new ArgumentError({
      op: "registerBackend",
      expected: "a name that is not taken",
      actual: `"${name}"`,
      hint: `Taken are auto, ${[...loaders.keys()].join(", ")}`,
    });
  }
  loaders.set(name, () => Promise.resolve(factory));
  if (options.preferred) preference.unshift(name);
}

async function start(name: string, options: BackendOptions): Promise<Backend> {
  const loader = loaders.get(name);
  if (loader === undefined) {
    throw new ArgumentError({
      op: "useBackend",
      expected: `one of auto, ${[...loaders.keys()].join(", ")}`,
      actual: `"${name}"`,
      hint: "Register another backend with registerBackend()",
    });
  }
  const key = JSON.stringify(options);
  const running = started.get(name);
  if (running !== undefined && running.options === key) return running.backend;
  const pending = starting.get(`${name} ${key}`);
  if (pending !== undefined) return await pending;
  const promise = (async () => {
    const backend = await (await loader())(options);
    started.set(name, { backend, options: key });
    observer?.started(backend);
    failures.delete(name);
    return backend;
  })();
  starting.set(`${name} ${key}`, promise);
  try {
    return await promise;
  } catch (error) {
    failures.set(name, error instanceof Error ? error.message : String(error));
    throw error;
  } finally {
    starting.delete(`${name} ${key}`);
  }
}

/**
 * Starts a backend (or takes the running one, when it was started with the same options) and makes it the current one, where new
 * tensors go. `"auto"` takes the best that works here, cuda before cpu, or what the environment variable `ESCNN_BACKEND` names; when there is a
 * GPU that cannot be used, it says so once on standard error. Tensors on another backend stay there. Throws {@linkcode BackendError} when it cannot start: what was looked for, where, and how to install it.
 *
 * @example
 * ```ts
 * import { tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * assertEquals(tensor([1, 2, 3]).backend.name, "reference");
 * ```
 */
export async function useBackend(name: string, options: BackendOptions = {}): Promise<Backend> {
  if (name !== "auto") return current = await start(name, options);
  const chosen = runtime.env("ESCNN_BACKEND");
  if (chosen !== undefined && chosen !== "" && chosen !== "auto") return current = await start(chosen, options);
  const reasons: string[] = [];
  for (const candidate of preference) {
    if (candidate === "cuda" && !started.has(candidate) && !await mayHaveCuda()) continue;
    try {
      const backend = await start(candidate, options);
      if (reasons.length > 0 && !fallbackTold) {
        fallbackTold = true;
        console.warn(
          `useBackend("auto"): using ${candidate}, because another backend did not start:\n${reasons.join("\n")}`,
        );
      }
      return current = backend;
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      reasons.push(`${candidate}: ${error.message}`);
    }
  }
  throw new BackendError({
    op: 'useBackend("auto")',
    expected: `one of ${preference.join(", ")} to start`,
    actual: reasons.join("; "),
    hint: 'useBackend("reference") works everywhere, slowly',
  });
}

/** The backend on which new tensors are made. Throws {@linkcode BackendError} before the first `useBackend`. */
export function currentBackend(): Backend {
  if (current === undefined) {
    throw new BackendError({
      op: "currentBackend",
      expected: "a backend in use",
      actual: "none",
      hint: 'Call await useBackend("auto") first',
    });
  }
  return current;
}

/** The running backend called `name`, started if need be, without making it the current one. */
export async function startBackend(name: string, options?: BackendOptions): Promise<Backend> {
  if (options === undefined) {
    const running = started.get(name);
    if (running !== undefined) return running.backend;
  }
  return await start(name, options ?? {});
}

/** All running backends, by the name under which they are registered. */
export function runningBackends(): ReadonlyMap<string, Backend> {
  return new Map([...started].map(([name, { backend }]) => [name, backend]));
}

/** Tells what was chosen for a backend, a line each. */
export type BackendNotes = (backend: Backend) => readonly string[];

const notes: BackendNotes[] = [];

/** Lets {@linkcode backendInfo} show what another part of the library chose for each backend. */
export function addBackendNotes(of: BackendNotes): void {
  notes.push(of);
}

/**
 * What runs and why: a line for each running backend (the current one first), below it how convolutions were computed there, and a line for
 * each backend that could not start.
 */
export function backendInfo(): string {
  const running = [...runningBackends().values()].sort((a, b) => Number(b === current) - Number(a === current));
  const lines = running.flatMap((backend) => [
    backend.info().description,
    ...notes.flatMap((of) => of(backend)).map((line) => `  ${line}`),
  ]);
  for (const [name, reason] of failures) lines.push(`${name}: not available: ${reason}`);
  return lines.length > 0 ? lines.join("\n") : 'no backend in use: call await useBackend("auto")';
}

/**
 * Ends a running backend: its tensors cannot be used any more. Default: the current one. No error when it does not run.
 */
export function disposeBackend(name?: string): void {
  const entry = name === undefined
    ? [...started].find(([, { backend }]) => backend === current)
    : [...started].find(([key]) => key === name);
  if (entry === undefined) return;
  const [key, { backend }] = entry;
  started.delete(key);
  if (current === backend) current = undefined;
  markBackendDisposed(backend);
  backend.dispose();
}
