/**
 * What convolution by a plan keeps on the device and how its launches are divided: tables for as long as their plans live, kernels, blocks
 * that fit into shared memory, and the numbers of a problem.
 */

import type { SteerableConvolutionCall } from "../../../src/tensor/backend.ts";
import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { SteerablePlan } from "../../../src/tensor/steerable_plan.ts";
import type { CudaBuffer } from "../allocator.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import { steerableNumbers, tapBytes } from "./steerable_source.ts";
import { type SteerableTables, steerableTables } from "./steerable_tables.ts";

/** Shared memory that a block may have without asking. */
export const SHARED_BYTES = 48 * 1024;
/** Shared memory that a block should not exceed: two of them fit beside each other on data-center devices since sm_90. */
const LARGE_SHARED_BYTES = 99 * 1024;
/** Threads of a block. */
export const THREADS = 128;

/** How a block of the kernel of planes is divided. */
export interface PlanesBlock {
  /** Threads. */
  readonly threads: number;
  /** Positions of a thread. */
  readonly each: number;
  /** Dynamic shared memory. */
  readonly sharedBytes: number;
}

/**
 * The division of blocks for copies of a size, so that the functions' values fit into shared memory: what every block may have, where that is
 * enough for two positions of a thread, else what it may ask for.
 *
 * @param bytes Of an element.
 * @param optInBytes Shared memory that a block may ask for.
 */
export function planesBlock(size: number, functionCount: number, bytes: number, optInBytes: number): PlanesBlock {
  const table = tapBytes(functionCount, bytes);
  const needed = (threads: number, each: number): number => size * functionCount * bytes * threads * each;
  const most = Math.max(SHARED_BYTES, Math.min(optInBytes, LARGE_SHARED_BYTES));
  const wanted = functionCount <= 12 ? 4 : functionCount <= 24 ? 2 : 1;
  for (const limit of [SHARED_BYTES, most]) {
    for (let each = wanted; each >= Math.min(2, wanted); each /= 2) {
      if (needed(THREADS, each) + table <= limit) return { threads: THREADS, each, sharedBytes: needed(THREADS, each) };
    }
  }
  let threads = THREADS;
  while (needed(threads, 1) + table > most && threads > 1) threads /= 2;
  return { threads, each: 1, sharedBytes: needed(threads, 1) };
}

/** Three entries, `fill` in front. */
export function threeAxes(list: readonly number[], fill: number): readonly [number, number, number] {
  const padded = [...new Array<number>(3 - list.length).fill(fill), ...list];
  return [padded[0], padded[1], padded[2]];
}

/** Tables on the device. */
export interface PlacedTables {
  /** What they are. */
  readonly tables: SteerableTables;
  /** Where they are. */
  readonly buffer: CudaBuffer;
}

/** Tables on the device, for as long as their plans live. */
export class TableStore {
  readonly #context: CudaContext;
  readonly #upload: (target: number, bytes: Uint8Array) => void;
  readonly #known = new Map<FloatDType, WeakMap<SteerablePlan, PlacedTables>>();
  readonly #registry: FinalizationRegistry<CudaBuffer>;

  /** @param upload Copies bytes to a device address. */
  constructor(context: CudaContext, upload: (target: number, bytes: Uint8Array) => void) {
    this.#context = context;
    this.#upload = upload;
    this.#registry = new FinalizationRegistry((buffer) => context.allocator.freeInternal(buffer));
  }

  /** The tables of a plan. */
  of(plan: SteerablePlan, dtype: FloatDType): PlacedTables {
    let known = this.#known.get(dtype);
    if (known === undefined) this.#known.set(dtype, known = new WeakMap());
    let placed = known.get(plan);
    if (placed === undefined) {
      const tables = steerableTables(plan, dtype);
      const buffer = this.#context.allocator.allocateInternal(tables.bytes.length);
      try {
        this.#upload(buffer.pointer, tables.bytes);
      } catch (error) {
        this.#context.allocator.freeInternal(buffer);
        throw error;
      }
      known.set(plan, placed = { tables, buffer });
      this.#registry.register(plan, buffer);
    }
    return placed;
  }
}

/** Kernels by what their sources depend on. */
export class SteerableKernels {
  readonly #context: CudaContext;
  readonly #kernels = new Map<string, CudaKernel>();
  /** The dynamic shared memory that kernels have been given beyond the usual. */
  readonly #allowed = new Map<CudaKernel, number>();

  /** Kernels of a context. */
  constructor(context: CudaContext) {
    this.#context = context;
  }

  /** A kernel; `key` tells its sources apart. */
  of(entry: string, key: string, source: () => string): CudaKernel {
    const id = `${entry}|${key}`;
    let kernel = this.#kernels.get(id);
    if (kernel === undefined) {
      [kernel] = this.#context.kernels.kernel(source(), [entry], { fmad: true });
      this.#kernels.set(id, kernel);
    }
    return kernel;
  }

  /** Lets a kernel that has `staticBytes` of shared memory have so much dynamic one. */
  allow(kernel: CudaKernel, dynamicBytes: number, staticBytes: number): void {
    if (dynamicBytes + staticBytes <= SHARED_BYTES || dynamicBytes <= (this.#allowed.get(kernel) ?? 0)) return;
    // A limit above the usual one, even where static memory alone makes the difference; with it the device must not be asked for more
    // than it has.
    const most = this.#context.device.maxOptInSharedBytesPerBlock - staticBytes;
    const allowed = Math.max(dynamicBytes, Math.min(SHARED_BYTES + staticBytes, most));
    this.#context.driver.allowSharedBytes(kernel.handle, allowed);
    this.#allowed.set(kernel, allowed);
  }
}

/** The numbers of a problem, those of each launch being 0. */
export function problemNumbers({ geometry, plan }: SteerableConvolutionCall, planes: number): number[] {
  const [inputDepth, inputHeight, inputWidth] = threeAxes(geometry.inputSize, 1);
  const [depth, height, width] = threeAxes(geometry.outputSize, 1);
  const [kernelDepth, kernelHeight, kernelWidth] = threeAxes(geometry.kernelSize, 1);
  const [strideDepth, strideHeight, strideWidth] = threeAxes(geometry.stride, 1);
  const [dilationDepth, dilationHeight, dilationWidth] = threeAxes(geometry.dilation, 1);
  const [padDepth, padHeight, padWidth] = threeAxes(geometry.padBefore, 0);
  return steerableNumbers({
    pixels: depth * height * width,
    inputPixels: inputDepth * inputHeight * inputWidth,
    inChannels: plan.inChannels,
    planes,
    ...{ inputDepth, inputHeight, inputWidth, depth, height, width },
    ...{ kernelHeight, kernelWidth, taps: kernelDepth * kernelHeight * kernelWidth },
    ...{ strideDepth, strideHeight, strideWidth, dilationDepth, dilationHeight, dilationWidth },
    ...{ padDepth, padHeight, padWidth },
  });
}
