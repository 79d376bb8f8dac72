/**
 * What the parts of the cpu backend share: the heap, the executor that runs kernels on threads, the engine's features and
 * the native BLAS. Interfaces only; `mod.ts` makes the one {@linkcode CpuContext} and hands it to every operation.
 */

import type { DeviceBuffer } from "../../src/tensor/backend.ts";
import type { KernelStore } from "./kernel_store.ts";

/** A buffer of the cpu backend. */
export interface HeapBuffer extends DeviceBuffer {
  /** Its size as asked for. */
  readonly bytes: number;
  /** Where it starts in the heap: a multiple of 64, never 0. */
  readonly pointer: number;
}

/** One WebAssembly memory with an allocator. Only the main thread allocates. */
export interface Heap {
  /** The memory; kernels import it as `env.memory`. */
  readonly memory: WebAssembly.Memory;
  /** Whether it is shared with threads or native code (a module's import declares the same). */
  readonly shared: boolean;
  /** What the memory's type declares as its maximum, in pages of 64 KiB; an importing module declares at least this. */
  readonly maximumPages: number;
  /** The most bytes that it may have. */
  readonly limit: number;
  /** New memory, contents arbitrary; grows the heap when needed. Throws `OutOfMemoryError` and changes nothing. */
  allocate(bytes: number): HeapBuffer;
  /** Gives a buffer back. */
  free(buffer: HeapBuffer): void;
  /** The whole memory as bytes. Valid until the next allocation: do not keep it. */
  u8(): Uint8Array;
  /** The whole memory as float32. Valid until the next allocation. */
  f32(): Float32Array;
  /** The whole memory as float64. Valid until the next allocation. */
  f64(): Float64Array;
  /** The whole memory as int32. Valid until the next allocation. */
  i32(): Int32Array;
}

/** What the engine can do; see `features.ts`. */
export interface CpuFeatures {
  /** 128-bit SIMD: required. */
  readonly simd: true;
  /** Relaxed SIMD (`f32x4.relaxed_madd`). */
  readonly relaxedSimd: boolean;
  /** Shared memories and atomics. */
  readonly threads: boolean;
}

/** A function that the executor can run on any thread: an export of a WebAssembly module, or a native function. */
export interface Kernel {
  /** Its number in the executor's table. */
  readonly id: number;
  /** The export's or symbol's name. */
  readonly name: string;
  /**
   * Calls it on the calling thread. Heap pointers are plain offsets for both kinds: a native kernel adds the heap's
   * address to its pointer arguments itself.
   */
  readonly invoke: (...args: number[]) => void;
}

/** One call of a task. */
export interface KernelCall {
  /** What to call. */
  readonly kernel: Kernel;
  /** Its arguments: integers and heap offsets below 2³², or floats. */
  readonly args: readonly number[];
  /**
   * Bit i set: `thread · threadStride` is added to argument i, where `thread` is the index of the running thread (0 is the
   * caller). With the pointer of a scratch area of `threads · threadStride` bytes this gives each thread its own part; with
   * argument 0 and stride 1 the index itself. Default 0.
   */
  readonly threadMask?: number;
  /** See `threadMask`. Default 0. */
  readonly threadStride?: number;
}

/** Calls that run in order on one thread. */
export interface Task {
  /** The calls. */
  readonly calls: readonly KernelCall[];
}

/**
 * Runs kernels on the caller and a pool of workers. Every method returns when its work is done; until a worker is ready the
 * caller does everything. An error inside a kernel, on any thread, is thrown to the caller after all tasks have ended.
 */
export interface Executor {
  /** Threads including the caller. Per-thread scratch has this many parts. */
  readonly threads: number;

  /**
   * Compiles a module that imports only `env.memory`, here at once and in each worker when it is first used there.
   *
   * @param module The binary; it is copied.
   * @param exports Names of the exported functions.
   * @returns A kernel for each name.
   */
  register(module: Uint8Array, exports: readonly string[]): Kernel[];

  /** Calls a kernel on the calling thread. */
  call(kernel: Kernel, ...args: number[]): void;

  /**
   * Calls `kernel(params, begin, end)` for pieces that cover `[0, total)`. A piece has at least `grain` elements (but for the
   * last) and starts at a multiple of `align`. One piece on the caller when `total ≤ grain` or there is one thread.
   * Where pieces lie depends on the number of threads: the result must not.
   *
   * @param align Default 1.
   */
  parallelRange(kernel: Kernel, params: number, total: number, grain: number, align?: number): void;

  /** Runs tasks in any order on any thread. */
  run(tasks: readonly Task[]): void;

  /** Starts a task of the batch that the next `flush` completes. The same as `run` without objects for each call. */
  beginTask(): void;
  /** Adds a call to the task begun last. It may run at once. */
  push(kernel: Kernel, ...args: number[]): void;
  /** Adds a call with per-thread arguments to the task begun last; see {@linkcode KernelCall}. */
  pushPerThread(kernel: Kernel, threadMask: number, threadStride: number, ...args: number[]): void;
  /** Runs the tasks of the batch and waits for them. */
  flush(): void;

  /** Ends the workers. */
  dispose(): void;
}

/**
 * Native matrix products. Both take the arguments of `cblas_?gemm`: order (101 row-major, 102 column-major), transA, transB
 * (111 no, 112 yes), m, n, k, alpha, A, lda, B, ldb, beta, C, ldc, with heap offsets for A, B and C. Each call runs on one
 * thread: split the work into tasks.
 */
export interface Blas {
  /** float32. */
  readonly sgemm: Kernel;
  /** float64. */
  readonly dgemm: Kernel;
  /** What runs: `OpenBLAS 0.3.21 (SkylakeX)`. */
  readonly description: string;
}

/** How convolutions are computed: by what is faster, directly, or in Fourier tiles wherever that can be done. */
export type ConvolutionMethod = "auto" | "direct" | "fourier";

/** What every operation of the cpu backend gets. */
export interface CpuContext {
  /** The memory. */
  readonly heap: Heap;
  /** The threads. */
  readonly executor: Executor;
  /** The engine. */
  readonly features: CpuFeatures;
  /** Where kernels' modules come from. */
  readonly store: KernelStore;
  /** Native matrix products, `undefined` without OpenBLAS. */
  readonly blas: Blas | undefined;
  /**
   * Factor on the grains of parallel work, 1 but in tests, which set it to (nearly) 0 to run small cases on all threads. An
   * operation multiplies its own threshold with it.
   */
  readonly grainScale: number;
  /** How convolutions are computed. */
  readonly convolution: ConvolutionMethod;
  /**
   * Reusable memory, at least `bytes` long, 64-byte aligned, contents arbitrary; valid until the next call with the same slot.
   * It may grow the heap: fetch views after it. For per-thread scratch ask for `threads · stride` bytes.
   *
   * @param slot From 0 to 15. Default 0.
   */
  scratch(bytes: number, slot?: number): number;
}
