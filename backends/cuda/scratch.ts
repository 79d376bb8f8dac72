/**
 * Device memory for intermediate values: one growing buffer for each slot, used again by every operation, because the stream's
 * order keeps them apart. A recorded graph holds on to the buffers that it was recorded with.
 */

import type { CudaAllocator, CudaBuffer } from "./allocator.ts";

/** The buffers of all slots. */
export class ScratchSlots {
  readonly #allocator: CudaAllocator;
  readonly #slots = new Map<number, CudaBuffer>();
  /** How many graphs hold a buffer. */
  readonly #holders = new Map<CudaBuffer, number>();
  #recorded: Set<CudaBuffer> | undefined;

  /** @param allocator Where they come from. */
  constructor(allocator: CudaAllocator) {
    this.#allocator = allocator;
  }

  /** The address of at least `bytes` of a slot. @throws OutOfMemoryError */
  pointer(bytes: number, slot: number): number {
    let buffer = this.#slots.get(slot);
    if (buffer === undefined || buffer.bytes < bytes) {
      if (buffer !== undefined) {
        this.#slots.delete(slot);
        if (!this.#holders.has(buffer) && this.#recorded?.has(buffer) !== true) this.#allocator.freeInternal(buffer);
      }
      buffer = this.#allocator.allocateInternal(Math.max(bytes, 4096));
      this.#slots.set(slot, buffer);
    }
    this.#recorded?.add(buffer);
    return buffer.pointer;
  }

  /** From here on notes which buffers are used. */
  startRecording(): void {
    this.#recorded = new Set();
  }

  /** Ends that; the buffers stay until the returned function is called. */
  endRecording(): () => void {
    const buffers = [...this.#recorded ?? []];
    this.#recorded = undefined;
    for (const buffer of buffers) this.#holders.set(buffer, (this.#holders.get(buffer) ?? 0) + 1);
    return () => {
      for (const buffer of buffers.splice(0)) {
        const left = (this.#holders.get(buffer) ?? 1) - 1;
        if (left > 0) {
          this.#holders.set(buffer, left);
          continue;
        }
        this.#holders.delete(buffer);
        if (![...this.#slots.values()].includes(buffer)) this.#allocator.freeInternal(buffer);
      }
    };
  }
}
