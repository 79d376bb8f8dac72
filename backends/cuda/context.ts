/**
 * What the parts of the cuda backend share: the device and its stream, memory, compiled kernels and how they are launched.
 * `create_context.ts` builds it; the operations take it and nothing else.
 */

import type { MatmulCall } from "../../src/tensor/backend.ts";
import type { CudaAllocator } from "./allocator.ts";
import type { Driver } from "./driver.ts";
import type { KernelArguments } from "./kernel_arguments.ts";

/** Sizes of a grid or of a block, along x, y and z. */
export type Extent3 = readonly [number, number, number];

/** What is known of the device in use. */
export interface DeviceFacts {
  /** Its name as the driver gives it. */
  readonly name: string;
  /** Its number among the visible devices. */
  readonly ordinal: number;
  /** Major and minor compute capability: `[9, 0]` is `sm_90`. */
  readonly computeCapability: readonly [number, number];
  /** Its number of multiprocessors. */
  readonly multiprocessors: number;
  /** Its memory. */
  readonly totalBytes: number;
  /** Shared memory that a block may have without asking for more. */
  readonly maxSharedBytesPerBlock: number;
  /** Shared memory that a block may have when the kernel was given it (`driver.allowSharedBytes`). */
  readonly maxOptInSharedBytesPerBlock: number;
  /** Threads of a warp: 32. */
  readonly warpSize: number;
}

/** A compiled kernel, loaded into the device's context. */
export interface CudaKernel {
  /** The name of its function. */
  readonly name: string;
  /** Its `CUfunction`. */
  readonly handle: number;
}

/** How a kernel's source is compiled. */
export interface KernelOptions {
  /** Whether a product and a sum may be fused, which rounds once instead of twice. Default false. */
  readonly fmad?: boolean;
}

/** Compiles kernels from CUDA C, each source once: kept in memory, and on disk where there is a folder for it. */
export interface KernelCompiler {
  /**
   * The kernels of a source, in the order of `entries` (names of `extern "C" __global__` functions).
   *
   * @throws CudaError with the compiler's log when the source is wrong or the module cannot be loaded.
   */
  kernel(source: string, entries: readonly string[], options?: KernelOptions): readonly CudaKernel[];
  /** Facts for `info()`: sources compiled and taken from the cache, the cache's folder or why there is none. */
  readonly details: { readonly [fact: string]: string | number | boolean };
  /** Unloads all modules. Kernels must not be launched afterwards. */
  dispose(): void;
}

/** The device, ready to work. */
export interface CudaContext {
  /** The driver's functions, each checked: what fails is thrown as CudaError. */
  readonly driver: Driver;
  /** The device. */
  readonly device: DeviceFacts;
  /** The `CUstream` on which everything runs in order. */
  readonly stream: number;
  /** Device memory. */
  readonly allocator: CudaAllocator;
  /** Kernels. */
  readonly kernels: KernelCompiler;
  /** An empty list of kernel arguments; the same object at every call, so fill it and launch at once. */
  arguments(): KernelArguments;
  /**
   * Puts a kernel on the stream. Nothing happens when the grid or the block is empty.
   *
   * @param sharedBytes Dynamic shared memory of a block.
   * @throws CudaError naming the kernel, its grid and its block.
   */
  launch(kernel: CudaKernel, grid: Extent3, block: Extent3, sharedBytes: number, args: KernelArguments): void;
  /**
   * Device memory for intermediate values, contents arbitrary, aligned to 256 bytes. What was issued before the next call with
   * the same slot may use it: the stream's order makes that safe.
   *
   * @param slot Which one; one operation uses different slots for what must be there at the same time. Default 0.
   * @throws OutOfMemoryError
   */
  scratch(bytes: number, slot?: number): number;
  /**
   * Where a kernel reports an index out of range (`escnn_bad_index`): pinned memory of the host, read by whoever waits next.
   *
   * @throws OutOfMemoryError
   */
  indexReport(): number;
  /** Where a kernel finds these scalars as doubles in the device's memory, because they change in a graph; 0 where they are arguments. */
  scalarsInMemory(scalars: readonly number[]): number;
  /** A batched product of views, which are taken as they are: for operations that are made of products. Uses scratch slots 8 to 10. */
  matmul(call: MatmulCall): void;
}
