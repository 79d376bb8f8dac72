/**
 * Copies between the host and the device, through pinned host memory that the device reads and writes by itself. An upload fills
 * a pinned block and returns; the block is used again once its copy is done. Only downloads wait.
 */

import type { FfiAdapter } from "../../ffi/mod.ts";
import { OutOfMemoryError } from "../../src/tensor/errors.ts";
import type { Driver } from "./driver.ts";

/** Bytes of a block; longer copies take several. */
const CHUNK = 1 << 22;
/** The smallest block. */
const SMALLEST = 1 << 14;
/** Pinned memory at most: what the system can not swap out should be little. */
const LIMIT = 1 << 26;
/** Chunks of a download that are under way together. */
const DOWNLOAD_CHUNKS = 4;

/** What staging calls of the driver. */
export type StagingDriver = Pick<
  Driver,
  | "tryAllocateHost"
  | "freeHost"
  | "copyToDevice"
  | "copyToHost"
  | "createEvent"
  | "recordEvent"
  | "synchronizeEvent"
  | "destroyEvent"
  | "synchronizeStream"
>;

interface PinnedBlock {
  readonly address: number;
  readonly size: number;
  /** Recorded behind the copy that uses the block. */
  readonly event: number;
}

/** Moves bytes in both directions. */
export class Staging {
  readonly #driver: StagingDriver;
  readonly #stream: number;
  readonly #adapter: Pick<FfiAdapter, "viewBytes">;
  readonly #blocks = new Set<PinnedBlock>();
  readonly #idle: PinnedBlock[] = [];
  /** Blocks whose copies may be under way, the oldest first. */
  readonly #pending: PinnedBlock[] = [];
  #bytes = 0;

  /**
   * @param driver The driver, with the device's context.
   * @param stream Where the copies go.
   * @param adapter To see pinned memory.
   */
  constructor(driver: StagingDriver, stream: number, adapter: Pick<FfiAdapter, "viewBytes">) {
    this.#driver = driver;
    this.#stream = stream;
    this.#adapter = adapter;
  }

  /** Bytes of pinned memory. */
  get pinnedBytes(): number {
    return this.#bytes;
  }

  /** Puts a copy of `source` to a device address on the stream; `source` may change as soon as this returns. */
  upload(target: number, source: Uint8Array): void {
    for (let at = 0; at < source.length; at += CHUNK) {
      const part = source.subarray(at, at + CHUNK);
      const block = this.#acquire(part.length);
      try {
        this.#adapter.viewBytes(block.address, part.length).set(part);
        this.#driver.copyToDevice(target + at, block.address, part.length, this.#stream);
      } catch (error) {
        this.#idle.push(block);
        throw error;
      }
      // Should this fail, nobody knows when the copy is done: the block is then not used again.
      this.#driver.recordEvent(block.event, this.#stream);
      this.#pending.push(block);
    }
  }

  /** Copies from a device address into `target`, after all that is on the stream. Waits. */
  download(target: Uint8Array, source: number): void {
    for (let start = 0; start < target.length; start += CHUNK * DOWNLOAD_CHUNKS) {
      const parts: { block: PinnedBlock; at: number; length: number }[] = [];
      const end = Math.min(target.length, start + CHUNK * DOWNLOAD_CHUNKS);
      try {
        for (let at = start; at < end; at += CHUNK) {
          const length = Math.min(CHUNK, end - at);
          const block = this.#acquire(length);
          try {
            this.#driver.copyToHost(block.address, source + at, length, this.#stream);
          } catch (error) {
            this.#idle.push(block);
            throw error;
          }
          parts.push({ block, at, length });
        }
        this.synchronize();
      } catch (error) {
        this.#leave(parts.map(({ block }) => block));
        throw error;
      }
      for (const { block, at, length } of parts) target.set(this.#adapter.viewBytes(block.address, length), at);
      this.#idle.push(...parts.map(({ block }) => block));
    }
  }

  /** Leaves blocks to copies that are still under way: what is written into them now would be overwritten. */
  #leave(blocks: readonly PinnedBlock[]): void {
    for (const block of blocks) {
      try {
        this.#driver.recordEvent(block.event, this.#stream);
        this.#pending.push(block);
      } catch {
        // Nobody knows when the copy is done: the block is not used again. The error that led here says more.
      }
    }
  }

  /** Waits for the stream, after which no block is in use. */
  synchronize(): void {
    this.#driver.synchronizeStream(this.#stream);
    this.#idle.push(...this.#pending.splice(0));
  }

  /** Gives all pinned memory and events back. `attempt` runs each step and keeps its error. */
  dispose(attempt: (step: () => void) => void): void {
    for (const { address, event } of this.#blocks) {
      attempt(() => this.#driver.destroyEvent(event));
      attempt(() => this.#driver.freeHost(address));
    }
    this.#blocks.clear();
    this.#idle.length = this.#pending.length = this.#bytes = 0;
  }

  #acquire(bytes: number): PinnedBlock {
    const size = Math.max(SMALLEST, 2 ** Math.ceil(Math.log2(bytes)));
    for (;;) {
      const at = this.#idle.findIndex((block) => block.size === size);
      if (at >= 0) return this.#idle.splice(at, 1)[0];
      const block = this.#bytes + size <= LIMIT ? this.#create(size) : undefined;
      if (block !== undefined) return block;
      const oldest = this.#pending.shift();
      if (oldest !== undefined) {
        // Back-pressure: more uploads are under way than there is pinned memory for.
        this.#driver.synchronizeEvent(oldest.event);
        this.#idle.push(oldest);
      } else if (!this.#dropIdle()) {
        throw new OutOfMemoryError({
          op: "cuda staging",
          expected: `${size} bytes of pinned host memory`,
          actual: `none left beside ${this.#bytes} bytes in use`,
          hint: "Free memory of the host, or raise the limit of locked memory (ulimit -l)",
        });
      }
    }
  }

  #create(size: number): PinnedBlock | undefined {
    const address = this.#driver.tryAllocateHost(size);
    if (address === undefined) return undefined;
    let event: number;
    try {
      event = this.#driver.createEvent();
    } catch (error) {
      this.#driver.freeHost(address);
      throw error;
    }
    const block = { address, size, event };
    this.#blocks.add(block);
    this.#bytes += size;
    return block;
  }

  /** Gives one idle block of another size back; false when there is none. */
  #dropIdle(): boolean {
    const block = this.#idle.shift();
    if (block === undefined) return false;
    this.#blocks.delete(block);
    this.#bytes -= block.size;
    this.#driver.destroyEvent(block.event);
    this.#driver.freeHost(block.address);
    return true;
  }
}
