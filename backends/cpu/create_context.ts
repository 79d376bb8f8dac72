/**
 * Makes the {@linkcode CpuContext} that all operations of the cpu backend share: reads options and environment, decides on
 * threads and native BLAS, and takes the memory. Nothing here prompts for a permission.
 */

import { runtime } from "../../src/runtime/mod.ts";
import type { BackendOptions } from "../../src/tensor/backend.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import type { Blas, CpuContext, CpuFeatures } from "./context.ts";
import { ThreadExecutor } from "./executor.ts";
import { detectFeatures } from "./features.ts";
import { WebAssemblyHeap } from "./heap.ts";
import { type BlasSearch, findOpenblas, nativeSupport, registerBlas } from "./openblas.ts";

/** Options of the cpu backend beyond those of every backend. */
export interface CpuOptions extends BackendOptions {
  /** The most bytes that its memory may have, 1 MiB to 4 GiB. Default: `ESCNN_HEAP_LIMIT` or 4 GiB. */
  readonly heapLimit?: number;
  /** Factor on the least amount of work that is split over threads: tests lower it. Default 1. */
  readonly grainScale?: number;
  /** Milliseconds of work that could be split before the workers start; tests set 0. Default 30. */
  readonly startAfter?: number;
}

/** Numbers of scratch areas. */
const SCRATCH_SLOTS = 16;

/** The one implementation of {@linkcode CpuContext}. */
export class CpuSystem implements CpuContext {
  readonly heap: WebAssemblyHeap;
  readonly executor: ThreadExecutor;
  readonly features: CpuFeatures;
  readonly blas: Blas | undefined;
  readonly grainScale: number;
  /** What came of the search for OpenBLAS. */
  readonly search: BlasSearch;
  readonly #pointers = new Float64Array(SCRATCH_SLOTS);
  readonly #sizes = new Float64Array(SCRATCH_SLOTS);

  /** Made by {@linkcode createContext}. */
  constructor(parts: {
    heap: WebAssemblyHeap;
    executor: ThreadExecutor;
    features: CpuFeatures;
    blas: Blas | undefined;
    grainScale: number;
    search: BlasSearch;
  }) {
    this.heap = parts.heap;
    this.executor = parts.executor;
    this.features = parts.features;
    this.blas = parts.blas;
    this.grainScale = parts.grainScale;
    this.search = parts.search;
  }

  scratch(bytes: number, slot = 0): number {
    if (bytes <= this.#sizes[slot]) return this.#pointers[slot];
    if (!(slot >= 0 && slot < SCRATCH_SLOTS)) {
      throw new ArgumentError({
        op: "scratch",
        expected: `a slot from 0 to ${SCRATCH_SLOTS - 1}`,
        actual: String(slot),
      });
    }
    if (this.#sizes[slot] > 0) {
      this.heap.release(this.#pointers[slot]);
      this.#sizes[slot] = 0;
    }
    this.#pointers[slot] = this.heap.reserve(bytes);
    this.#sizes[slot] = bytes;
    return this.#pointers[slot];
  }

  /** Ends the workers. The library stays open, because a worker may be inside it until it has ended. */
  dispose(): void {
    this.executor.dispose();
  }
}

/** A whole number from an environment variable; `undefined` when it is not set or may not be read. */
function numberFromEnvironment(name: string): number | undefined {
  const text = runtime.env(name);
  return text === undefined || text === "" ? undefined : Number(text);
}

/** Threads to use: the option, else `ESCNN_THREADS`, else all cores. One where memory cannot be shared. */
function chooseThreads(options: CpuOptions, features: CpuFeatures): number {
  const cores = runtime.cores();
  const fromEnvironment = options.threads === undefined ? numberFromEnvironment("ESCNN_THREADS") : undefined;
  const wanted = options.threads ?? fromEnvironment;
  if (wanted !== undefined && !(Number.isInteger(wanted) && wanted >= 1 && wanted <= cores)) {
    throw new ArgumentError({
      op: fromEnvironment === undefined ? "cpu option threads" : "ESCNN_THREADS",
      expected: `a whole number from 1 to the number of cores, ${cores}`,
      actual: fromEnvironment === undefined ? String(wanted) : `"${runtime.env("ESCNN_THREADS")}"`,
      hint: "Leave it out to use all cores",
    });
  }
  return features.threads && runtime.hasSharedMemory ? wanted ?? cores : 1;
}

/**
 * Makes a context.
 *
 * @throws ArgumentError for options out of range; BackendError when the engine lacks SIMD or memory, or when the path of an
 * OpenBLAS was given and it cannot be used.
 */
export function createContext(options: CpuOptions = {}): CpuSystem {
  const features = detectFeatures();
  const threads = chooseThreads(options, features);
  const grainScale = options.grainScale ?? 1;
  const limit = options.heapLimit ?? numberFromEnvironment("ESCNN_HEAP_LIMIT");
  const search = findOpenblas(options.openblas, threads);
  // Native code needs a memory that never moves, which only a shared one is certain to be.
  const heap = new WebAssemblyHeap({ shared: threads > 1 || search.opened !== undefined, limit });
  const native = search.opened && nativeSupport(search.opened, heap);
  const executor = new ThreadExecutor(heap, { threads, native, startAfter: options.startAfter });
  const blas = search.opened && registerBlas(search.opened, executor, heap);
  return new CpuSystem({ heap, executor, features, blas, grainScale, search });
}
