/**
 * Host memory with an address: what native functions read arguments from and write results to. Blocks are ArrayBuffers large
 * enough that no runtime moves them, held for as long as they are in use.
 */

import { type FfiAdapter, loadFfi } from "../../ffi/mod.ts";

/** Below this size runtimes may keep a buffer inside a JavaScript object, which moves. */
const SMALLEST = 1024;

/** Written where a use ends, so that optimized code cannot find a block's memory unused before. */
const lastUsed: { bytes?: Uint8Array<ArrayBuffer> } = {};

/**
 * A block of host memory that stays where it is. Hold it with `using` over the call that gets its address, so that it is not
 * collected before.
 */
export class HostBlock implements Disposable {
  /** Where it starts, as native code sees it. */
  readonly address: number;
  /** The asked-for bytes, zero at first. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The same for numbers; little-endian as all machines with CUDA are. */
  readonly view: DataView<ArrayBuffer>;

  /** @param size Its bytes. */
  constructor(size: number, adapter: FfiAdapter = loadFfi()) {
    const memory = new ArrayBuffer(Math.max(size, SMALLEST));
    this.address = adapter.addressOf(memory);
    this.bytes = new Uint8Array(memory, 0, size);
    this.view = new DataView(memory, 0, size);
  }

  /** A block with a copy of `bytes`. */
  static of(bytes: Uint8Array): HostBlock {
    const block = new HostBlock(bytes.length);
    block.bytes.set(bytes);
    return block;
  }

  /** A zero-terminated copy of a text in UTF-8. */
  static text(text: string): HostBlock {
    return HostBlock.of(new TextEncoder().encode(`${text}\0`));
  }

  /** The address (or another 64-bit number below 2^53) at a byte offset. */
  readAddress(offset: number): number {
    return this.view.getUint32(offset, true) + this.view.getUint32(offset + 4, true) * 2 ** 32;
  }

  /** Writes a 64-bit number, from 0 to 2^53. */
  writeAddress(offset: number, value: number): void {
    this.view.setUint32(offset, value % 2 ** 32, true);
    this.view.setUint32(offset + 4, Math.floor(value / 2 ** 32), true);
  }

  /** The text up to the first zero byte. */
  readText(): string {
    const end = this.bytes.indexOf(0);
    return new TextDecoder().decode(this.bytes.subarray(0, end < 0 ? undefined : end));
  }

  /** Ends the use. The memory itself goes with the object. */
  [Symbol.dispose](): void {
    lastUsed.bytes = this.bytes;
  }
}
