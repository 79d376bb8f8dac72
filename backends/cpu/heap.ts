/**
 * The heap of the cpu backend: one WebAssembly memory that kernels, workers and native libraries read at the same offsets.
 * A shared memory is made with the greatest maximum, because only then is it certain not to move when it grows; engines reserve
 * addresses for all of it, so where they refuse (browsers of phones), with the greatest that they give.
 */

import {
  ArgumentError,
  BackendError,
  BackendMismatchError,
  DisposedError,
  OutOfMemoryError,
} from "../../src/tensor/errors.ts";
import type { DeviceBuffer, View } from "../../src/tensor/backend.ts";
import { requireViewWithin } from "../../src/tensor/kernel_calls.ts";
import { Allocator, type AllocatorMemory } from "./allocator.ts";
import type { Heap, HeapBuffer } from "./context.ts";

/** Bytes of a page of WebAssembly memory. */
export const PAGE_BYTES = 65_536;

/** The most pages that a WebAssembly memory can have: 4 GiB. */
export const MAXIMUM_PAGES = 65_536;

/** Pages that a heap has at its start: 1 MiB, of which the system gives only what is touched. */
const INITIAL_PAGES = 16;

/** Bytes at the end that are never given out: kernels may read a vector beyond a buffer's end. */
const END_BYTES = 64;

/** The least limit of a heap. */
export const MINIMUM_BYTES: number = INITIAL_PAGES * PAGE_BYTES;

/** The least maximum that is worth a start: 256 MiB. */
const LEAST_MAXIMUM_PAGES = 4096;

/** The greatest limit of a heap. */
export const MAXIMUM_BYTES: number = MAXIMUM_PAGES * PAGE_BYTES;

/** Options of {@linkcode WebAssemblyHeap}. */
export interface HeapOptions {
  /** Whether threads or native code read it too. */
  readonly shared: boolean;
  /** The most bytes that it may have. Default 4 GiB. */
  readonly limit?: number;
}

/** A buffer that knows its heap and whether it has been freed. */
class LiveBuffer implements HeapBuffer {
  readonly bytes: number;
  readonly pointer: number;
  readonly owner: Heap;
  live = true;

  constructor(owner: Heap, bytes: number, pointer: number) {
    this.owner = owner;
    this.bytes = bytes;
    this.pointer = pointer;
  }
}

/** A WebAssembly memory with views of it that follow its growth up to a limit. */
class GrowingMemory implements AllocatorMemory {
  readonly memory: WebAssembly.Memory;
  readonly limit: number;
  u8: Uint8Array;
  f32: Float32Array;
  f64: Float64Array;
  i32: Int32Array;

  constructor(memory: WebAssembly.Memory, limit: number) {
    this.memory = memory;
    this.limit = limit;
    const { buffer } = memory;
    this.u8 = new Uint8Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
  }

  /** Bytes that may be given out. */
  get byteLength(): number {
    return this.u8.byteLength - END_BYTES;
  }

  grow(byteLength: number): boolean {
    if (byteLength + END_BYTES > this.limit) return false;
    try {
      this.memory.grow(Math.ceil((byteLength - this.byteLength) / PAGE_BYTES));
    } catch {
      return false;
    }
    const { buffer } = this.memory;
    this.u8 = new Uint8Array(buffer);
    this.f32 = new Float32Array(buffer);
    this.f64 = new Float64Array(buffer);
    this.i32 = new Int32Array(buffer);
    return true;
  }
}

/**
 * A memory with the greatest maximum of at most 4 GiB, halved until the engine has room for it.
 *
 * @throws BackendError when it has not even room for 256 MiB.
 */
function createMemory(shared: boolean): { memory: WebAssembly.Memory; maximum: number } {
  let refusal: unknown;
  for (let maximum = MAXIMUM_PAGES; maximum >= LEAST_MAXIMUM_PAGES; maximum /= 2) {
    try {
      return { memory: new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum, shared }), maximum };
    } catch (error) {
      refusal ??= error;
    }
  }
  throw new BackendError({
    op: "cpu backend",
    expected: `a ${shared ? "shared " : ""}WebAssembly memory with room for ${LEAST_MAXIMUM_PAGES} pages or more`,
    actual: refusal instanceof Error ? refusal.message : String(refusal),
    hint: "The process may have too little address space: raise the limit (ulimit -v) to 16 GiB or more",
  }, { cause: refusal });
}

/** "1.5 GiB (1610612736 bytes)". */
function sizeText(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${bytes} bytes` : `${Number(value.toPrecision(4))} ${units[unit]} (${bytes} bytes)`;
}

/** The one implementation of {@linkcode Heap}. */
export class WebAssemblyHeap implements Heap {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  readonly maximumPages: number;
  /** The most bytes that it may have: what was asked for, or less where the engine has not room for so much. */
  readonly limit: number;

  readonly #memory: GrowingMemory;
  readonly #allocator: Allocator;
  #liveBytes = 0;
  #liveBuffers = 0;
  #peakBytes = 0;

  /**
   * Takes the memory from the system.
   *
   * @throws ArgumentError for a limit outside 1 MiB … 4 GiB; BackendError when the engine has not even room for 256 MiB.
   */
  constructor({ shared, limit = MAXIMUM_BYTES }: HeapOptions) {
    if (!(limit >= MINIMUM_BYTES && limit <= MAXIMUM_BYTES)) {
      throw new ArgumentError({
        op: "cpu heap limit",
        expected: `from ${MINIMUM_BYTES} to ${MAXIMUM_BYTES} bytes`,
        actual: String(limit),
        hint: "Set ESCNN_HEAP_LIMIT or the option heapLimit to a number of bytes in this range",
      });
    }
    this.shared = shared;
    const { memory, maximum } = createMemory(shared);
    this.memory = memory;
    this.maximumPages = maximum;
    this.limit = Math.min(Math.floor(limit / PAGE_BYTES), maximum) * PAGE_BYTES;
    this.#memory = new GrowingMemory(this.memory, this.limit);
    this.#allocator = new Allocator(this.#memory);
  }

  /** Bytes asked for in buffers that have not been freed. */
  get liveBytes(): number {
    return this.#liveBytes;
  }

  /** The number of buffers that have not been freed. */
  get liveBuffers(): number {
    return this.#liveBuffers;
  }

  /** The greatest `liveBytes` so far. */
  get peakBytes(): number {
    return this.#peakBytes;
  }

  /** Size of the memory. */
  get reservedBytes(): number {
    return this.#memory.u8.byteLength;
  }

  allocate(bytes: number): HeapBuffer {
    if (!(Number.isInteger(bytes) && bytes >= 0)) {
      throw new ArgumentError({
        op: "allocate",
        expected: "a whole number of bytes, 0 or more",
        actual: String(bytes),
      });
    }
    const allocation = this.#allocate(bytes);
    this.#liveBytes += bytes;
    this.#liveBuffers++;
    if (this.#liveBytes > this.#peakBytes) this.#peakBytes = this.#liveBytes;
    return new LiveBuffer(this, bytes, allocation);
  }

  free(buffer: DeviceBuffer): void {
    const own = this.#own(buffer, "free");
    own.live = false;
    this.#liveBytes -= own.bytes;
    this.#liveBuffers--;
    this.#allocator.free(own.pointer);
  }

  /**
   * Memory for the backend's own use (scratch, tables), not counted as live.
   *
   * @returns Its offset, 64-byte aligned. Throws `OutOfMemoryError`.
   */
  reserve(bytes: number): number {
    return this.#allocate(bytes);
  }

  /** Gives memory from {@linkcode reserve} back. */
  release(pointer: number): void {
    this.#allocator.free(pointer);
  }

  /**
   * `buffer` as one of this heap's.
   *
   * @throws BackendMismatchError when it is another's, DisposedError when it has been freed.
   */
  own(buffer: DeviceBuffer, op: string): HeapBuffer {
    return this.#own(buffer, op);
  }

  /**
   * Checks that a view's buffer is a live one of this heap and that its elements lie within it: kernels do not look.
   *
   * @throws BackendMismatchError, DisposedError as {@linkcode own}; ShapeError when an element lies outside.
   */
  checkView(view: View, op: string): void {
    requireViewWithin(view, this.#own(view.buffer, op).bytes, op);
  }

  u8(): Uint8Array {
    return this.#memory.u8;
  }

  f32(): Float32Array {
    return this.#memory.f32;
  }

  f64(): Float64Array {
    return this.#memory.f64;
  }

  i32(): Int32Array {
    return this.#memory.i32;
  }

  #own(buffer: DeviceBuffer, op: string): LiveBuffer {
    if (!(buffer instanceof LiveBuffer) || buffer.owner !== this) {
      throw new BackendMismatchError({
        op,
        expected: "a buffer of this cpu backend",
        actual: buffer instanceof LiveBuffer ? "a buffer of another cpu backend" : "a buffer of another backend",
        hint: "Move the data with read() and write(), or tensor.to(backend)",
      });
    }
    if (!buffer.live) {
      throw new DisposedError({
        op,
        expected: "a live buffer",
        actual: `a freed one (${buffer.bytes} bytes at ${buffer.pointer})`,
        hint: "Do not use a buffer after free()",
      });
    }
    return buffer;
  }

  #allocate(bytes: number): number {
    const allocation = this.#allocator.allocate(bytes);
    if (allocation === undefined) {
      throw new OutOfMemoryError({
        op: "allocate on cpu",
        expected: `room for ${sizeText(bytes)}`,
        actual: `${sizeText(this.#liveBytes)} live in ${this.#liveBuffers} buffers, of at most ${sizeText(this.limit)}`,
        hint: this.limit < this.maximumPages * PAGE_BYTES
          ? "Raise ESCNN_HEAP_LIMIT (at most 4 GiB), use smaller batches, or release tensors earlier: using _ = scope()"
          : "Use smaller batches, or release tensors earlier: using _ = scope()",
      });
    }
    return allocation.pointer;
  }
}
