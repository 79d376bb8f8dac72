/**
 * The executor's table of kernels. With workers it has a copy in the shared heap, from which they learn of a kernel when they
 * first meet its number: where the module's binary lies, or that it is a native function, and under which name.
 */

import type { Kernel } from "./context.ts";
import type { WebAssemblyHeap } from "./heap.ts";
import { KERNEL_ROW, KERNEL_WORDS } from "./job_layout.ts";

/** A kernel as the executor runs it. */
export interface Entry extends Kernel {
  /** The function itself, which takes absolute addresses when it is native. */
  readonly raw: (...args: number[]) => void;
  /** Bit i is set when the heap's address must be added to argument i of `raw`. */
  readonly pointers: number;
}

/** Where a module's binary lies in the heap. */
export interface ModulePlace {
  /** Its first byte; 0 for native functions. */
  readonly pointer: number;
  /** Its length. */
  readonly length: number;
}

/** No module: a native function. */
export const NO_MODULE: ModulePlace = { pointer: 0, length: 0 };

/** Kernels by number. */
export class KernelTable {
  /** The kernels; the index is the number. */
  readonly entries: Entry[] = [];
  readonly #heap: WebAssemblyHeap;
  readonly #published: boolean;
  #pointer = 0;
  #rows = 0;

  /** @param published Whether workers read the table. */
  constructor(heap: WebAssemblyHeap, published: boolean) {
    this.#heap = heap;
    this.#published = published;
  }

  /** Offset of the copy in the heap; it changes when the table grows. */
  get pointer(): number {
    return this.#pointer;
  }

  /** Puts a module's binary where workers find it. */
  place(module: Uint8Array): ModulePlace {
    if (!this.#published) return NO_MODULE;
    const pointer = this.#heap.reserve(module.byteLength);
    this.#heap.u8().set(module, pointer);
    return { pointer, length: module.byteLength };
  }

  /** Adds a kernel under the next number. */
  add(kernel: Omit<Entry, "id">, module: ModulePlace): Entry {
    const entry: Entry = { id: this.entries.length, ...kernel };
    if (this.#published) this.#write(entry, module);
    this.entries.push(entry);
    return entry;
  }

  #write({ id, name, pointers }: Entry, module: ModulePlace): void {
    if (id >= this.#rows) this.#grow();
    const text = this.#heap.reserve(name.length);
    const u8 = this.#heap.u8();
    for (let i = 0; i < name.length; i++) u8[text + i] = name.charCodeAt(i);
    const i32 = this.#heap.i32();
    const row = (this.#pointer >>> 2) + id * KERNEL_WORDS;
    i32[row + KERNEL_ROW.module] = module.pointer;
    i32[row + KERNEL_ROW.moduleLength] = module.length;
    i32[row + KERNEL_ROW.name] = text;
    i32[row + KERNEL_ROW.nameLength] = name.length;
    i32[row + KERNEL_ROW.pointers] = pointers;
  }

  #grow(): void {
    const rows = Math.max(64, this.#rows * 2);
    const pointer = this.#heap.reserve(rows * KERNEL_WORDS * 4);
    if (this.#pointer !== 0) {
      this.#heap.u8().copyWithin(pointer, this.#pointer, this.#pointer + this.#rows * KERNEL_WORDS * 4);
      this.#heap.release(this.#pointer);
    }
    this.#pointer = pointer;
    this.#rows = rows;
  }
}
