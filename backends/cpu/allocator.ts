/**
 * The allocator of the cpu backend: two-level segregated free lists (Masmano, Ripoll, Crespo, Real, "TLSF", 2004) with
 * immediate merging of neighbours, so that a long training run does not fragment the 4 GiB that WebAssembly can address.
 * It decides about offsets only; the memory is an argument, and no bookkeeping lives inside it.
 */

/** The memory that an {@linkcode Allocator} hands out. */
export interface AllocatorMemory {
  /** Its size in bytes. */
  readonly byteLength: number;
  /**
   * Makes it at least `byteLength` bytes long.
   *
   * @returns Whether it is now: on false nothing has changed.
   */
  grow(byteLength: number): boolean;
}

/** Every offset and block size is a multiple of this many bytes: a cache line, and the widest vector. */
export const ALIGNMENT = 64;

/** Subdivisions of each power of two. */
const SUBCLASSES = 8;
const SUBCLASS_BITS = 3;
/** Blocks of the wanted class itself that are looked at before a larger class is split. */
const PROBES = 8;

/** A stretch of memory, free or in use; neighbours in address order are linked. */
interface Block {
  pointer: number;
  bytes: number;
  free: boolean;
  before: Block | undefined;
  after: Block | undefined;
  previousFree: Block | undefined;
  nextFree: Block | undefined;
}

/** A piece of memory in use. */
export interface Allocation {
  /** Its offset, a multiple of {@linkcode ALIGNMENT}. */
  readonly pointer: number;
  /** Its true size: the size asked for, rounded up to {@linkcode ALIGNMENT}. */
  readonly bytes: number;
}

/** Index of the class that holds blocks of `bytes`: power of two and subdivision of it, in units of the alignment. */
function classOf(bytes: number): number {
  const units = bytes / ALIGNMENT;
  if (units < SUBCLASSES) return units;
  const power = 31 - Math.clz32(units);
  return (power - SUBCLASS_BITS + 1) * SUBCLASSES + ((units >>> (power - SUBCLASS_BITS)) & (SUBCLASSES - 1));
}

const CLASSES = classOf(2 ** 32 - ALIGNMENT) + 1;

/** Hands out pieces of one memory. */
export class Allocator {
  readonly #memory: AllocatorMemory;
  readonly #lists: (Block | undefined)[] = new Array(CLASSES).fill(undefined);
  /** One bit for each class whose list is not empty. */
  readonly #occupied = new Uint32Array((CLASSES >>> 5) + 1);
  readonly #used = new Map<number, Block>();
  #last: Block | undefined;
  #end: number;
  #usedBytes = 0;

  /**
   * @param memory The memory; it must not be shorter than `start`.
   * @param start First byte to hand out. Default: the first aligned one behind 0, so that no offset is 0.
   */
  constructor(memory: AllocatorMemory, start: number = ALIGNMENT) {
    this.#memory = memory;
    this.#end = Math.ceil(start / ALIGNMENT) * ALIGNMENT;
    this.#extend(memory.byteLength);
  }

  /** Bytes in use, rounding included. */
  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** The number of pieces in use. */
  get usedBlocks(): number {
    return this.#used.size;
  }

  /**
   * A piece of at least `bytes` bytes.
   *
   * @param bytes From 0 (which gets a piece of its own).
   * @returns `undefined` when there is no room and the memory does not grow; nothing has changed then.
   */
  allocate(bytes: number): Allocation | undefined {
    const wanted = Math.max(1, Math.ceil(bytes / ALIGNMENT)) * ALIGNMENT;
    const block = this.#find(wanted) ?? (this.#growFor(wanted) ? this.#find(wanted) : undefined);
    if (block === undefined) return undefined;
    this.#unlink(block);
    this.#split(block, wanted);
    block.free = false;
    this.#used.set(block.pointer, block);
    this.#usedBytes += block.bytes;
    return { pointer: block.pointer, bytes: block.bytes };
  }

  /**
   * Takes a piece back.
   *
   * @param pointer Its offset.
   * @returns False when no piece in use starts there; nothing has changed then.
   */
  free(pointer: number): boolean {
    const block = this.#used.get(pointer);
    if (block === undefined) return false;
    this.#used.delete(pointer);
    this.#usedBytes -= block.bytes;
    block.free = true;
    const { after } = block;
    if (after?.free) {
      this.#unlink(after);
      this.#absorb(block, after);
    }
    const { before } = block;
    if (before?.free) {
      this.#unlink(before);
      this.#absorb(before, block);
      this.#link(before);
    } else {
      this.#link(block);
    }
    return true;
  }

  /** A free block of at least `bytes`: a fitting one of the same class, else the first of the next class that has one. */
  #find(bytes: number): Block | undefined {
    const own = classOf(bytes);
    let candidate = this.#lists[own];
    for (let probe = 0; candidate !== undefined && probe < PROBES; probe++) {
      if (candidate.bytes >= bytes) return candidate;
      candidate = candidate.nextFree;
    }
    for (let word = (own + 1) >>> 5; word < this.#occupied.length; word++) {
      let bits = this.#occupied[word];
      if (word === (own + 1) >>> 5) bits = (bits >>> ((own + 1) & 31)) << ((own + 1) & 31);
      if (bits !== 0) return this.#lists[(word << 5) + 31 - Math.clz32(bits & -bits)];
    }
    // What is left is the rest of a long list of the own class.
    while (candidate !== undefined && candidate.bytes < bytes) candidate = candidate.nextFree;
    return candidate;
  }

  /** Grows the memory so that its end holds a free block of `bytes`; by more than that where the memory allows. */
  #growFor(bytes: number): boolean {
    const tail = this.#last?.free ? this.#last.bytes : 0;
    const needed = this.#end - tail + bytes;
    const generous = Math.max(needed, this.#end + Math.min(this.#end / 2, 2 ** 28));
    if (!this.#memory.grow(generous) && !this.#memory.grow(needed)) return false;
    this.#extend(this.#memory.byteLength);
    return true;
  }

  /** Makes the bytes from the present end to `byteLength` available. */
  #extend(byteLength: number): void {
    const end = Math.floor(byteLength / ALIGNMENT) * ALIGNMENT;
    const bytes = end - this.#end;
    if (bytes <= 0) return;
    const last = this.#last;
    if (last?.free) {
      this.#unlink(last);
      last.bytes += bytes;
      this.#link(last);
    } else {
      const block: Block = {
        pointer: this.#end,
        bytes,
        free: true,
        before: last,
        after: undefined,
        previousFree: undefined,
        nextFree: undefined,
      };
      if (last !== undefined) last.after = block;
      this.#last = block;
      this.#link(block);
    }
    this.#end = end;
  }

  /** Cuts what `block` has beyond `bytes` off into a free block of its own. */
  #split(block: Block, bytes: number): void {
    const rest = block.bytes - bytes;
    if (rest === 0) return;
    const tail: Block = {
      pointer: block.pointer + bytes,
      bytes: rest,
      free: true,
      before: block,
      after: block.after,
      previousFree: undefined,
      nextFree: undefined,
    };
    if (block.after === undefined) this.#last = tail;
    else block.after.before = tail;
    block.after = tail;
    block.bytes = bytes;
    this.#link(tail);
  }

  /** Makes `next`, which follows `block`, a part of it. */
  #absorb(block: Block, next: Block): void {
    block.bytes += next.bytes;
    block.after = next.after;
    if (next.after === undefined) this.#last = block;
    else next.after.before = block;
  }

  #link(block: Block): void {
    const index = classOf(block.bytes);
    const head = this.#lists[index];
    block.previousFree = undefined;
    block.nextFree = head;
    if (head !== undefined) head.previousFree = block;
    this.#lists[index] = block;
    this.#occupied[index >>> 5] |= 1 << (index & 31);
  }

  #unlink(block: Block): void {
    const index = classOf(block.bytes);
    if (block.previousFree === undefined) this.#lists[index] = block.nextFree;
    else block.previousFree.nextFree = block.nextFree;
    if (block.nextFree !== undefined) block.nextFree.previousFree = block.previousFree;
    if (this.#lists[index] === undefined) this.#occupied[index >>> 5] &= ~(1 << (index & 31));
    block.previousFree = undefined;
    block.nextFree = undefined;
  }
}
