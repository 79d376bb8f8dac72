/**
 * Makes the {@linkcode CpuContext} that all operations of the cpu backend share: reads options and environment, decides on
 * threads and native BLAS, and takes the memory. Nothing here prompts for a permission.
 */

import { runtime } from "../../src/runtime/mod.ts";
import type { BackendOptions } from "../../src/tensor/backend.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import type { Blas, ConvolutionMethod, CpuContext, CpuFeatures } from "./context.ts";
import { ThreadExecutor } from "./executor.ts";
import { detectFeatures } from "./features.ts";
import { MAXIMUM_BYTES, MINIMUM_BYTES, WebAssemblyHeap } from "./heap.ts";
import { KernelStore, type ModuleListener } from "./kernel_store.ts";
import { type BlasSearch, findOpenblas, nativeSupport, registerBlas } from "./openblas.ts";

/** Options of the cpu backend beyond those of every backend. */
export interface CpuOptions extends BackendOptions {
  /** The most bytes that its memory may have, 1 MiB to 4 GiB. Default: `ESCNN_HEAP_LIMIT` or 4 GiB. */
  readonly heapLimit?: number;
  /**
   * How dense convolutions are computed: `"auto"` by what is faster for their shape, `"direct"`, or `"fourier"` in tiles wherever they
   * can be (two axes, float32, a square filter, stride and dilation 1). Results differ by rounding, and in
   * tiles an infinite number or NaN reaches neighbours too. Default: `ESCNN_CONVOLUTION` or `"auto"`.
   */
  readonly convolution?: ConvolutionMethod;
  /** Factor on the least amount of work that is split over threads: tests lower it. Default 1. */
  readonly grainScale?: number;
  /** Milliseconds of work that could be split before the workers start; tests set 0. Default 60. */
  readonly startAfter?: number;
  /** Called with each kernel's module that could be stored; all are then built. */
  readonly onModule?: ModuleListener;
}

/** Numbers of scratch areas. */
const SCRATCH_SLOTS = 16;

/** The one implementation of {@linkcode CpuContext}. */
export class CpuSystem implements CpuContext {
  readonly heap: WebAssemblyHeap;
  readonly executor: ThreadExecutor;
  readonly features: CpuFeatures;
  readonly store: KernelStore;
  readonly blas: Blas | undefined;
  readonly grainScale: number;
  readonly convolution: ConvolutionMethod;
  /** What came of the search for OpenBLAS. */
  readonly search: BlasSearch;
  readonly #pointers = new Float64Array(SCRATCH_SLOTS);
  readonly #sizes = new Float64Array(SCRATCH_SLOTS);

  /** Made by {@linkcode createContext}. */
  constructor(parts: {
    heap: WebAssemblyHeap;
    executor: ThreadExecutor;
    features: CpuFeatures;
    store: KernelStore;
    blas: Blas | undefined;
    grainScale: number;
    convolution: ConvolutionMethod;
    search: BlasSearch;
  }) {
    this.heap = parts.heap;
    this.executor = parts.executor;
    this.features = parts.features;
    this.store = parts.store;
    this.blas = parts.blas;
    this.grainScale = parts.grainScale;
    this.convolution = parts.convolution;
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

/** Text of an environment variable; `undefined` when it is not set, empty, or may not be read. */
function variable(name: string): string | undefined {
  return runtime.env(name) || undefined;
}

/** Threads to use: the option, else `ESCNN_THREADS`, else all cores. One where memory cannot be shared. */
function chooseThreads(option: number | undefined, features: CpuFeatures): number {
  const cores = runtime.cores();
  const text = option === undefined ? variable("ESCNN_THREADS") : undefined;
  const wanted = option ?? (text === undefined ? cores : Number(text));
  if (!(Number.isInteger(wanted) && wanted >= 1 && wanted <= cores)) {
    throw new ArgumentError({
      op: text === undefined ? "cpu option threads" : "ESCNN_THREADS",
      expected: `a whole number from 1 to the number of cores, ${cores}`,
      actual: text === undefined ? String(wanted) : `"${text}"`,
      hint: text === undefined ? "Leave it out to use ESCNN_THREADS or all cores" : "Unset it to use all cores",
    });
  }
  return features.threads && runtime.hasSharedMemory ? wanted : 1;
}

/** Bytes that the heap may have: the option, else `ESCNN_HEAP_LIMIT`, else all that there can be. */
function chooseLimit(option: number | undefined): number | undefined {
  const text = option === undefined ? variable("ESCNN_HEAP_LIMIT") : undefined;
  const limit = text === undefined ? option : Number(text);
  if (limit === undefined || (limit >= MINIMUM_BYTES && limit <= MAXIMUM_BYTES)) return limit;
  throw new ArgumentError({
    op: text === undefined ? "cpu option heapLimit" : "ESCNN_HEAP_LIMIT",
    expected: `a number of bytes from ${MINIMUM_BYTES} to ${MAXIMUM_BYTES}`,
    actual: text === undefined ? String(limit) : `"${text}"`,
    hint: "Leave it out to use up to 4 GiB",
  });
}

const CONVOLUTIONS: readonly ConvolutionMethod[] = ["auto", "direct", "fourier"];

/** How convolutions are computed: the option, else `ESCNN_CONVOLUTION`, else what is faster. */
function chooseConvolution(option: ConvolutionMethod | undefined): ConvolutionMethod {
  const text = option ?? variable("ESCNN_CONVOLUTION") ?? "auto";
  const known = CONVOLUTIONS.find((name) => name === text);
  if (known !== undefined) return known;
  throw new ArgumentError({
    op: option === undefined ? "ESCNN_CONVOLUTION" : "cpu option convolution",
    expected: CONVOLUTIONS.map((name) => `"${name}"`).join(", "),
    actual: `"${text}"`,
    hint: "Leave it out to compute each shape by what is faster",
  });
}

/**
 * Makes a context.
 *
 * @throws ArgumentError for options out of range; BackendError when the engine lacks SIMD or memory, or when the path of an
 * OpenBLAS was given and it cannot be used.
 */
export function createContext(options: CpuOptions = {}): CpuSystem {
  const features = detectFeatures();
  const threads = chooseThreads(options.threads, features);
  const grainScale = options.grainScale ?? 1;
  const convolution = chooseConvolution(options.convolution);
  const limit = chooseLimit(options.heapLimit);
  const search = findOpenblas(options.openblas, threads);
  // Native code needs a memory that never moves, which only a shared one is certain to be.
  const heap = new WebAssemblyHeap({ shared: threads > 1 || search.opened !== undefined, limit });
  const native = search.opened && nativeSupport(search.opened, heap);
  const executor = new ThreadExecutor(heap, { threads, native, startAfter: options.startAfter });
  const blas = search.opened && registerBlas(search.opened, executor, heap);
  const store = new KernelStore({ shared: heap.shared, features, onModule: options.onModule });
  return new CpuSystem({ heap, executor, features, store, blas, grainScale, convolution, search });
}
