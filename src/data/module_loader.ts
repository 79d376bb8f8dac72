/**
 * Loading with code of one's own on another thread: functions cannot be sent there, so the code is a module, named by its address, whose
 * default export makes a source of batches.
 */

import { ArgumentError } from "../tensor/errors.ts";

/** A source of batches of any kind. */
export interface BatchSource<B> {
  /** Number of batches in an epoch. */
  readonly length: number;
  /**
   * Makes a batch: of arrays, numbers, strings and objects of such, because it is copied to the main thread. It must depend on the two
   * numbers (and what the source was made with) alone: several threads with a source each share the work.
   */
  batch(epoch: number, index: number): B | Promise<B>;
}

/** What a module exports as its default: it makes a source from what `params` of {@linkcode ModuleLoaderOptions} holds. */
export type BatchSourceFactory<B, P> = (params: P) => BatchSource<B> | Promise<BatchSource<B>>;

/** Options of {@linkcode loadInWorker}. */
export interface ModuleLoaderOptions<P = unknown> {
  /** What the module's function gets, copied: arrays in shared memory (`SharedArrayBuffer`) are not. Default: `undefined`. */
  readonly params?: P;
  /** Batches prepared ahead of the one in use. Default 2, or `workers` where that is more. */
  readonly prefetch?: number;
  /** Threads, each with a source of its own; at most `prefetch`. 0: the main thread. Default 1. */
  readonly workers?: number;
}

/** Batches of an epoch, prepared ahead. */
export interface EpochLoader<B> extends Disposable, AsyncDisposable {
  /** Number of batches in an epoch. */
  readonly length: number;
  /** Threads that prepare batches; 0: the main thread does, because no workers were asked for or the runtime has none. */
  readonly threads: number;
  /**
   * The batches of epoch number `epoch`, from batch number `first` on. Threads end when the loop is left early; the next epoch starts new
   * ones. Throws {@linkcode DisposedError} after `dispose`, and {@linkcode LoaderError} when the source does; its `cause` is the error.
   */
  epoch(epoch: number, first?: number): AsyncGenerator<B, void, undefined>;
  /** Ends the workers; resolves when they have ended. A loop that waits for a batch gets a {@linkcode LoaderError}. */
  dispose(): Promise<void>;
}

/**
 * Prepares batches by a module in a worker, while the loop over them computes. The module may be TypeScript (in Node under tsx) and may
 * import what it needs, this library as well.
 *
 * Throws {@linkcode ArgumentError} for options out of range, {@linkcode LoaderError} where the module cannot be loaded (in Deno that needs
 * `--allow-read`), has no function as its default export, or that function fails.
 *
 * @param module Address of the module, usually `new URL("./data.ts", import.meta.url)`.
 *
 * @example Batches of a module
 * ```ts
 * import { loadInWorker } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * // In a file: export default (params: { batches: number }) => ({ length: params.batches, batch: … });
 * const module = `export default ({ batches }) => ({
 *   length: batches,
 *   batch: (epoch, index) => ({ x: Float32Array.of(epoch, index) }),
 * })`;
 * const address = "data:text/javascript," + encodeURIComponent(module);
 * await using loader = await loadInWorker<{ x: Float32Array }>(address, { params: { batches: 2 } });
 * for await (const { x } of loader.epoch(5)) assertEquals(x[0], 5);
 * ```
 */
export async function loadInWorker<B, P = unknown>(
  module: URL | string,
  options: ModuleLoaderOptions<P> = {},
): Promise<EpochLoader<B>> {
  const { params, workers = 1, prefetch = Math.max(2, workers) } = options;
  const op = "loadInWorker";
  for (const [name, value] of [["workers", workers], ["prefetch", prefetch]] as const) {
    if (!Number.isInteger(value) || value < 0) {
      throw new ArgumentError({ op, expected: `${name} as an integer of at least 0`, actual: String(value) });
    }
  }
  if (workers > prefetch) {
    const hint = "More workers than batches ahead have nothing to do: raise prefetch";
    throw new ArgumentError({ op, expected: `at most prefetch = ${prefetch} workers`, actual: String(workers), hint });
  }
  const url = checkedAddress(module);
  const { openModule } = await import("./worker_loader.ts");
  return await openModule<B>({ url, params, prefetch, workers });
}

/** A relative address would mean another file in a worker than here. */
function checkedAddress(module: URL | string): string {
  if (module instanceof URL) return module.href;
  if (URL.canParse(module)) return module;
  throw new ArgumentError({
    op: "loadInWorker",
    expected: "an absolute address of a module",
    actual: `"${module}"`,
    hint: `Write new URL(${JSON.stringify(module)}, import.meta.url)`,
  });
}
