/**
 * What is done where a library finds no memory for its own needs (a module's code, a graph, a workspace inside a call): the memory that the
 * allocator keeps for later goes back to the device, and the call is tried once more.
 */

import { OutOfMemoryError } from "../../src/tensor/errors.ts";
import type { CudaAllocator } from "./allocator.ts";
import { CudaError } from "./errors.ts";

/** Statuses that say that there is no memory: of the driver, of cuBLAS (`ALLOC_FAILED`), of cuDNN (`DEVICE_ALLOCATION_FAILED`). */
const OUT_OF_MEMORY: { readonly [library: string]: number } = { "CUDA driver": 2, cuBLAS: 3, cuDNN: 4004 };

/** Whether a failed call says that the device has no memory left. */
export function isOutOfMemory(error: unknown): error is CudaError {
  return error instanceof CudaError && OUT_OF_MEMORY[error.failure.library] === error.failure.status;
}

/** What gives memory back and says how much there is. */
export type MemorySource = Pick<CudaAllocator, "reclaim" | "describe">;

/** Gives memory back and tries again. */
export class MemoryRelief {
  #source: MemorySource | undefined;

  /** Before the first source there is nothing to give back. */
  setSource(source: MemorySource): void {
    this.#source = source;
  }

  /**
   * Makes a call once more that failed with `error`, where that may help.
   *
   * @throws The error itself where it is another one, or where no memory could be given back before there was a source;
   *   OutOfMemoryError with the call and what memory there is, when that did not help.
   */
  retry<R>(error: unknown, call: () => R): R {
    const source = this.#source;
    if (!isOutOfMemory(error) || source === undefined) throw error;
    let last = error;
    if (source.reclaim() > 0) {
      try {
        return call();
      } catch (again) {
        if (!isOutOfMemory(again)) throw again;
        last = again;
      }
    }
    const { failure } = last;
    throw new OutOfMemoryError({
      op: `${failure.library} ${failure.call}`,
      expected: "free memory on the device for what the call needs by itself",
      actual: `"${failure.text}" with ${source.describe()}`,
      hint: "Use smaller batches, dispose tensors (scope()), leave memory free with the option memoryLimit, " +
        "or end other programs on the device",
    });
  }
}
