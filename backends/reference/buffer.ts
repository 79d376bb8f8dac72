/**
 * Memory of the reference backend: every buffer is an `ArrayBuffer` of its own. Here handles are checked (whose they are,
 * whether they still live, whether a view lies inside them), and views become typed arrays and element positions.
 */

import type { BackendMemory, DeviceBuffer, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type TypedArray, viewTypedArray } from "../../src/tensor/dtype.ts";
import { ArgumentError, BackendMismatchError, DisposedError, OutOfMemoryError } from "../../src/tensor/errors.ts";
import { elementCount, formatShape, type Layout } from "../../src/tensor/layout.ts";

/** A buffer of this backend. */
class ReferenceBuffer implements DeviceBuffer {
  readonly bytes: number;
  /** The store that made it. */
  readonly owner: BufferStore;
  /** Its bytes; `undefined` after it was freed. */
  memory: ArrayBuffer | undefined;

  constructor(owner: BufferStore, bytes: number, memory: ArrayBuffer) {
    this.owner = owner;
    this.bytes = bytes;
    this.memory = memory;
  }
}

/** A view ready for computation: element number `i` (row-major) is `elements[positions[i]]`. */
export interface Operand {
  /** The whole buffer as elements of the view's dtype. */
  readonly elements: TypedArray;
  /** Where the view's elements stand in it, row-major. */
  readonly positions: Int32Array;
}

/** Positions of all elements of a layout in its storage, row-major. */
export function elementPositions(layout: Layout): Int32Array {
  let positions = Int32Array.of(layout.offset);
  layout.shape.forEach((size, axis) => {
    const stride = layout.strides[axis];
    const next = new Int32Array(positions.length * size);
    for (let outer = 0, at = 0; outer < positions.length; outer++) {
      for (let i = 0; i < size; i++) next[at++] = positions[outer] + i * stride;
    }
    positions = next;
  });
  return positions;
}

/** The buffers of one backend. */
export class BufferStore {
  #live = new Set<ReferenceBuffer>();
  #liveBytes = 0;
  #peakBytes = 0;
  #disposed = false;

  /** New memory, filled with 0xff bytes (NaN in floats), so that reading it before writing shows. */
  allocate(bytes: number): DeviceBuffer {
    this.#alive("allocate");
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new ArgumentError({ op: "allocate", expected: "a non-negative integer of bytes", actual: String(bytes) });
    }
    let memory: ArrayBuffer;
    try {
      // A multiple of the widest element, so that a view of any dtype fits over the whole.
      memory = new ArrayBuffer(Math.ceil(bytes / 8) * 8);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new OutOfMemoryError({
        op: "allocate",
        expected: `${bytes} bytes to be available`,
        actual: `${this.#liveBytes} bytes in use and no room for more`,
        hint: "Dispose tensors that are no longer needed, or use smaller batches",
      });
    }
    new Uint8Array(memory).fill(0xff);
    const buffer = new ReferenceBuffer(this, bytes, memory);
    this.#live.add(buffer);
    this.#liveBytes += bytes;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return buffer;
  }

  /** Gives a buffer back. */
  free(buffer: DeviceBuffer): void {
    const own = this.#own(buffer, "free");
    own.memory = undefined;
    this.#live.delete(own);
    this.#liveBytes -= own.bytes;
  }

  /**
   * The elements of a view. Throws {@linkcode BackendMismatchError} for another backend's buffer, {@linkcode DisposedError}
   * for a freed one, {@linkcode ArgumentError} for a view that reaches outside its buffer.
   */
  open(view: View, op: string): Operand {
    const buffer = this.#own(view.buffer, op);
    const size = BYTES_PER_ELEMENT[view.dtype];
    const memory = buffer.memory!;
    this.#checkExtent(view, Math.floor(buffer.bytes / size), op);
    return {
      elements: viewTypedArray(view.dtype, memory, 0, memory.byteLength / size),
      positions: elementPositions(view),
    };
  }

  /** What is held now. */
  memory(): BackendMemory {
    return {
      liveBytes: this.#liveBytes,
      liveBuffers: this.#live.size,
      peakBytes: this.#peakBytes,
      reservedBytes: [...this.#live].reduce((sum, buffer) => sum + buffer.memory!.byteLength, 0),
    };
  }

  /** Frees everything; the store refuses all work afterwards. */
  dispose(): void {
    for (const buffer of this.#live) buffer.memory = undefined;
    this.#live.clear();
    this.#liveBytes = 0;
    this.#disposed = true;
  }

  #alive(op: string): void {
    if (this.#disposed) {
      throw new DisposedError({
        op,
        expected: "a running backend",
        actual: "the reference backend after its disposal",
        hint: 'Start it again with useBackend("reference")',
      });
    }
  }

  #own(buffer: DeviceBuffer, op: string): ReferenceBuffer {
    this.#alive(op);
    if (!(buffer instanceof ReferenceBuffer) || buffer.owner !== this) {
      throw new BackendMismatchError({
        op,
        expected: "a buffer of this reference backend",
        actual: buffer instanceof ReferenceBuffer ? "one of another reference backend" : "one of another backend",
        hint: "Copy the data over: read it there and write it here",
      });
    }
    if (buffer.memory === undefined) {
      throw new DisposedError({ op, expected: "a live buffer", actual: `one of ${buffer.bytes} bytes that was freed` });
    }
    return buffer;
  }

  #checkExtent(view: View, count: number, op: string): void {
    if (elementCount(view.shape) === 0) return;
    let first = view.offset;
    let last = view.offset;
    view.shape.forEach((size, axis) => {
      const reach = (size - 1) * view.strides[axis];
      if (reach < 0) first += reach;
      else last += reach;
    });
    if (first < 0 || last >= count) {
      throw new ArgumentError({
        op,
        expected: `a view inside its buffer of ${count} ${view.dtype} elements`,
        actual: `elements ${first} to ${last} (shape ${formatShape(view.shape)}, strides ${
          formatShape(view.strides)
        }, offset ${view.offset})`,
      });
    }
  }
}
