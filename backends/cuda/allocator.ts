/**
 * The caching allocator of device memory. Sizes are rounded up to classes (four to each power of two); small blocks are cut from
 * slabs, large ones come from the driver one by one, and both are kept when freed, because the driver's own calls take long and
 * wait for the device. One stream orders all work, so a freed block can be handed out again at once.
 */

import type { BackendMemory, DeviceBuffer, View } from "../../src/tensor/backend.ts";
import { ArgumentError, BackendMismatchError, DisposedError, OutOfMemoryError } from "../../src/tensor/errors.ts";
import { requireViewWithin } from "../../src/tensor/kernel_calls.ts";
import type { Driver } from "./driver.ts";

/** Device memory. */
export interface CudaBuffer extends DeviceBuffer {
  /** Where it starts, aligned to 256 bytes. */
  readonly pointer: number;
}

/** What the allocator calls of the driver. */
export type MemoryDriver = Pick<Driver, "tryAllocate" | "free" | "memoryInfo" | "synchronizeStream">;

/** Every block starts at a multiple of this. */
const ALIGNMENT = 512;
/** Blocks up to this size are cut from slabs. */
const SMALL = 1 << 19;
/** The size of a slab: the granularity in which the driver takes memory anyway. */
const SLAB = 1 << 21;

/** The size that is set aside for a request: a multiple of the alignment with three significant bits. */
export function sizeClass(bytes: number): number {
  if (bytes <= ALIGNMENT) return ALIGNMENT;
  const step = Math.max(ALIGNMENT, 2 ** (Math.floor(Math.log2(bytes - 1)) - 2));
  return Math.ceil(bytes / step) * step;
}

/** What the driver gave: a block of its own, or a slab of blocks of one class. */
interface Segment {
  readonly pointer: number;
  readonly bytes: number;
  /** Blocks that are not in a free list. */
  used: number;
}

/** A block of a segment. */
interface Block {
  readonly pointer: number;
  readonly size: number;
  readonly segment: Segment;
  /** The pool that it returns to. */
  pool: Pool;
}

/** Free blocks by class. */
class Pool {
  readonly #free = new Map<number, Block[]>();
  readonly #reserved: boolean;
  #successor: Pool | undefined;

  /** @param reserved Whether its segments count as in use even where its blocks are free. */
  constructor(reserved: boolean) {
    this.#reserved = reserved;
  }

  take(size: number): Block | undefined {
    const block = this.#free.get(size)?.pop();
    if (block === undefined) return undefined;
    if (!this.#reserved) block.segment.used++;
    block.pool = this;
    return block;
  }

  give(block: Block): void {
    if (this.#successor !== undefined) return this.#successor.give(block);
    const list = this.#free.get(block.size);
    if (list === undefined) this.#free.set(block.size, [block]);
    else list.push(block);
    if (!this.#reserved) block.segment.used--;
  }

  /** Forgets the free blocks of segments that are not in use. */
  dropUnused(): void {
    for (const [size, list] of this.#free) this.#free.set(size, list.filter(({ segment }) => segment.used > 0));
  }

  /** Hands everything to another pool, now and what comes later. */
  moveTo(successor: Pool): void {
    this.#successor = successor;
    for (const list of this.#free.values()) list.forEach((block) => successor.give(block));
    this.#free.clear();
  }

  clear(): void {
    this.#free.clear();
  }
}

class Buffer implements CudaBuffer {
  readonly bytes: number;
  readonly pointer: number;
  readonly owner: CudaAllocator;
  /** `undefined` once it is given back, and for a buffer of no bytes. */
  block: Block | undefined;
  freed = false;
  /** How many graphs have it as an operand. */
  pins = 0;

  constructor(bytes: number, block: Block | undefined, owner: CudaAllocator) {
    this.bytes = bytes;
    this.pointer = block?.pointer ?? 0;
    this.block = block;
    this.owner = owner;
  }
}

/** What a recorded graph uses; it keeps these blocks from being handed to anybody else. */
export interface MemoryReservation {
  /** Lets them go. */
  release(): void;
}

/** Allocates and frees device memory. */
export class CudaAllocator {
  readonly #driver: MemoryDriver;
  readonly #stream: number;
  readonly #limit: number;
  readonly #shared = new Pool(false);
  readonly #segments = new Set<Segment>();
  #recording: Pool | undefined;
  #held: Block[] = [];
  #liveBytes = 0;
  #liveBuffers = 0;
  #peakBytes = 0;
  #reservedBytes = 0;

  /**
   * @param driver The driver, with the device's context.
   * @param stream The stream that orders all work.
   * @param limit Bytes to take from the device at most. Default: no limit but the device's.
   */
  constructor(driver: MemoryDriver, stream: number, limit: number = Infinity) {
    this.#driver = driver;
    this.#stream = stream;
    this.#limit = limit;
  }

  /**
   * New memory, contents arbitrary.
   *
   * @throws OutOfMemoryError with the request, what is free and what there is, after cached blocks were given back in vain.
   */
  allocate(bytes: number): CudaBuffer {
    if (!Number.isSafeInteger(bytes) || bytes < 0) {
      throw new ArgumentError({ op: "allocate", expected: "a number of bytes", actual: String(bytes) });
    }
    const block = bytes === 0 ? undefined : this.#take(sizeClass(bytes), bytes);
    this.#liveBytes += bytes;
    this.#liveBuffers++;
    this.#peakBytes = Math.max(this.#peakBytes, this.#liveBytes);
    return new Buffer(bytes, block, this);
  }

  /** Memory for the backend itself, which counts as reserved, not as live, and never belongs to a recorded graph. */
  allocateInternal(bytes: number): CudaBuffer {
    return new Buffer(bytes, this.#take(sizeClass(bytes), bytes, this.#shared), this);
  }

  /** Gives it back. */
  freeInternal(buffer: CudaBuffer): void {
    const own = this.#own(buffer, "free");
    own.freed = true;
    own.block?.pool.give(own.block);
    own.block = undefined;
  }

  /** Gives memory back; what was put on the stream before may still use it. */
  free(buffer: DeviceBuffer): void {
    const own = this.#own(buffer, "free");
    own.freed = true;
    if (own.block !== undefined && own.pins === 0) {
      // A recorded graph may read what was there before the record began: nobody else gets it while the graph lives.
      if (this.#recording !== undefined && own.block.pool !== this.#recording) this.#held.push(own.block);
      else own.block.pool.give(own.block);
      own.block = undefined;
    }
    this.#liveBytes -= own.bytes;
    this.#liveBuffers--;
  }

  /** Keeps a buffer's memory from being handed to anybody else, freed or not, until it is unpinned. False for what the graph under way owns. */
  pin(buffer: DeviceBuffer): boolean {
    const own = this.#own(buffer, "record");
    if (own.block === undefined || own.block.pool === this.#recording) return false;
    own.pins++;
    return true;
  }

  /** Ends that. */
  unpin(buffer: DeviceBuffer): void {
    if (!(buffer instanceof Buffer) || --buffer.pins > 0 || !buffer.freed) return;
    buffer.block?.pool.give(buffer.block);
    buffer.block = undefined;
  }

  /** Whether a buffer has been freed. */
  isFreed(buffer: DeviceBuffer): boolean {
    return buffer instanceof Buffer && buffer.freed;
  }

  /**
   * Checks that a view's buffer is a live one of this device and that its elements lie within it: kernels do not look.
   *
   * @throws BackendMismatchError, DisposedError; ShapeError when an element lies outside.
   */
  checkView(view: View, op: string): void {
    requireViewWithin(view, this.#own(view.buffer, op).bytes, op);
  }

  /** What there is now. */
  memory(): BackendMemory {
    return {
      liveBytes: this.#liveBytes,
      liveBuffers: this.#liveBuffers,
      peakBytes: this.#peakBytes,
      reservedBytes: this.#reservedBytes,
    };
  }

  /** From here on blocks come from a pool of their own, and nothing that is freed is handed to others, for a graph to keep. */
  startReservation(): void {
    this.#recording = new Pool(true);
    this.#held = [];
  }

  /** Ends that. The blocks used since stay reserved until the result is released. */
  endReservation(): MemoryReservation {
    const pool = this.#recording;
    const held = this.#held;
    this.#recording = undefined;
    this.#held = [];
    let done = pool === undefined;
    return {
      release: () => {
        if (done) return;
        done = true;
        for (const block of held) block.pool.give(block);
        pool?.moveTo(this.#shared);
      },
    };
  }

  /** Gives all cached memory that is wholly free back to the device. Waits for the stream. Returns the bytes given back. */
  trim(): number {
    this.#driver.synchronizeStream(this.#stream);
    this.#shared.dropUnused();
    let bytes = 0;
    for (const segment of [...this.#segments]) {
      if (segment.used > 0) continue;
      this.#driver.free(segment.pointer);
      this.#segments.delete(segment);
      this.#reservedBytes -= segment.bytes;
      bytes += segment.bytes;
    }
    return bytes;
  }

  /** The same, where that may be done: not while work is recorded, which waiting would break. */
  reclaim(): number {
    return this.#recording === undefined ? this.trim() : 0;
  }

  /** What memory there is, in words. */
  describe(): string {
    const { free, total } = this.#driver.memoryInfo();
    const limit = Number.isFinite(this.#limit) ? `, of a limit of ${this.#limit}` : "";
    return `${free} free of ${total}, ${this.#liveBytes} of them in live tensors here` +
      ` (${this.#reservedBytes} taken from the device${limit})`;
  }

  /** Gives everything back, in use or not. `attempt` runs each step and keeps its error. */
  dispose(attempt: (step: () => void) => void): void {
    for (const segment of this.#segments) attempt(() => this.#driver.free(segment.pointer));
    this.#segments.clear();
    this.#shared.clear();
    this.#liveBytes = this.#liveBuffers = this.#reservedBytes = 0;
  }

  #own(buffer: DeviceBuffer, op: string): Buffer {
    if (!(buffer instanceof Buffer) || buffer.owner !== this) {
      throw new BackendMismatchError({
        op,
        expected: "memory of this cuda backend",
        actual: buffer instanceof Buffer ? "memory of another cuda backend" : "memory of another backend",
        hint: 'Move the tensor first: await x.to("cuda")',
      });
    }
    if (buffer.freed) throw new DisposedError({ op, expected: "live memory", actual: "memory that was freed" });
    return buffer;
  }

  #take(size: number, asked: number, pool: Pool = this.#recording ?? this.#shared): Block {
    let block = pool.take(size);
    if (block === undefined && pool !== this.#shared) block = this.#shared.take(size);
    block ??= size <= SMALL ? this.#cut(size, asked) : this.#single(size, asked);
    block.pool = pool;
    return block;
  }

  #single(size: number, asked: number): Block {
    const segment = this.#segment(size, asked);
    segment.used = 1;
    return { pointer: segment.pointer, size, segment, pool: this.#shared };
  }

  /** A new slab; its first block is returned, the others are free. */
  #cut(size: number, asked: number): Block {
    const segment = this.#segment(SLAB, asked);
    const count = Math.floor(SLAB / size);
    segment.used = count;
    for (let i = count - 1; i > 0; i--) {
      this.#shared.give({ pointer: segment.pointer + i * size, size, segment, pool: this.#shared });
    }
    return { pointer: segment.pointer, size, segment, pool: this.#shared };
  }

  #segment(bytes: number, asked: number): Segment {
    let pointer = this.#fromDevice(bytes);
    if (pointer === undefined && this.#recording === undefined && this.trim() > 0) pointer = this.#fromDevice(bytes);
    if (pointer === undefined) throw this.#outOfMemory(asked);
    const segment = { pointer, bytes, used: 0 };
    this.#segments.add(segment);
    this.#reservedBytes += bytes;
    return segment;
  }

  #fromDevice(bytes: number): number | undefined {
    if (this.#reservedBytes + bytes > this.#limit) return undefined;
    return this.#driver.tryAllocate(bytes);
  }

  #outOfMemory(asked: number): OutOfMemoryError {
    return new OutOfMemoryError({
      op: "cuda allocate",
      expected: `${asked} free bytes on the device`,
      actual: this.describe(),
      hint: "Use smaller batches, dispose tensors (scope()), or end other programs on the device",
    });
  }
}
