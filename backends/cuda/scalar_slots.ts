/**
 * Scalars that change between the runs of a graph: the kernels in it read them from the device's memory, where each run puts the new
 * ones first. An array of scalars, known by its identity, has one place, whichever kernels read it.
 */

import type { CudaAllocator, CudaBuffer } from "./allocator.ts";
import type { Staging } from "./staging.ts";

/** Numbers of a block. */
const BLOCK = 512;

interface Block {
  readonly buffer: CudaBuffer;
  readonly values: Float64Array<ArrayBuffer>;
  used: number;
}

interface Place {
  readonly block: Block;
  readonly at: number;
  readonly count: number;
}

/** The scalars of one graph. */
export class ScalarSlots {
  readonly #allocator: Pick<CudaAllocator, "allocateInternal" | "freeInternal">;
  readonly #staging: Pick<Staging, "upload">;
  readonly #blocks: Block[] = [];
  readonly #places = new Map<readonly number[], Place>();

  /** Where the memory comes from, and how numbers get there. */
  constructor(
    allocator: Pick<CudaAllocator, "allocateInternal" | "freeInternal">,
    staging: Pick<Staging, "upload">,
  ) {
    this.#allocator = allocator;
    this.#staging = staging;
  }

  /** The device address of an array's numbers, which get their place at the first call. @throws OutOfMemoryError */
  addressOf(scalars: readonly number[]): number {
    let place = this.#places.get(scalars);
    if (place === undefined) {
      place = this.#place(scalars.length);
      place.block.values.set(scalars, place.at);
      this.#places.set(scalars, place);
    }
    return place.block.buffer.pointer + 8 * place.at;
  }

  /** Puts one array's numbers to their place, on the stream. */
  uploadOne(scalars: readonly number[]): void {
    const { block, at, count } = this.#places.get(scalars)!;
    this.#staging.upload(block.buffer.pointer + 8 * at, new Uint8Array(block.values.buffer, 8 * at, 8 * count));
  }

  /** Takes new numbers over and puts all to their places, on the stream. */
  upload(values: ReadonlyMap<readonly number[], readonly number[]>): void {
    for (const [scalars, { block, at }] of this.#places) {
      const next = values.get(scalars);
      if (next !== undefined) block.values.set(next, at);
    }
    for (const { buffer, values, used } of this.#blocks) {
      this.#staging.upload(buffer.pointer, new Uint8Array(values.buffer, 0, 8 * used));
    }
  }

  /** Gives the memory back. */
  dispose(): void {
    this.#places.clear();
    for (const { buffer } of this.#blocks.splice(0)) this.#allocator.freeInternal(buffer);
  }

  #place(count: number): Place {
    let block = this.#blocks[this.#blocks.length - 1];
    if (block === undefined || block.used + count > block.values.length) {
      const values = new Float64Array(Math.max(BLOCK, count));
      block = { buffer: this.#allocator.allocateInternal(values.byteLength), values, used: 0 };
      this.#blocks.push(block);
    }
    const at = block.used;
    block.used += count;
    return { block, at, count };
  }
}
