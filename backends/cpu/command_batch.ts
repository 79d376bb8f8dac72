/**
 * A batch of tasks as numbers in the heap: for each call the kernel, the number of arguments, which of them are per thread and
 * their stride, and the arguments; beside it a table of where each task starts. Workers read the same numbers. The areas are
 * kept from batch to batch and grow on demand, so that a steady program makes no garbage here.
 */

import type { WebAssemblyHeap } from "./heap.ts";
import { COMMAND_HEAD } from "./job_layout.ts";
import type { Entry } from "./kernel_table.ts";

/** Tasks and their calls. */
export class CommandBatch {
  readonly #heap: WebAssemblyHeap;
  #commands = 0;
  #commandCapacity = 0;
  #length = 0;
  #starts = 0;
  #startCapacity = 0;
  #tasks = 0;

  /** An empty batch; it reserves nothing yet. */
  constructor(heap: WebAssemblyHeap) {
    this.#heap = heap;
  }

  /** Number of tasks. */
  get tasks(): number {
    return this.#tasks;
  }

  /** Offset of the commands. */
  get commands(): number {
    return this.#commands;
  }

  /** Offset of the table of starts. */
  get starts(): number {
    return this.#starts;
  }

  /** Empties it. */
  clear(): void {
    this.#tasks = 0;
    this.#length = 0;
  }

  /** Begins a task. */
  beginTask(): void {
    if (this.#tasks + 2 > this.#startCapacity) {
      const capacity = Math.max(256, this.#startCapacity * 2);
      this.#starts = this.#regrow(this.#starts, this.#tasks * 4, capacity * 4);
      this.#startCapacity = capacity;
    }
    this.#heap.i32()[(this.#starts >>> 2) + this.#tasks] = this.#length;
    this.#tasks++;
  }

  /** Adds a call to the task begun last. */
  push(kernel: number, threadMask: number, threadStride: number, args: readonly number[]): void {
    const next = this.#length + COMMAND_HEAD + args.length;
    if (next > this.#commandCapacity) {
      const capacity = Math.max(next, this.#commandCapacity * 2, 4096);
      this.#commands = this.#regrow(this.#commands, this.#length * 8, capacity * 8);
      this.#commandCapacity = capacity;
    }
    const f64 = this.#heap.f64();
    let place = (this.#commands >>> 3) + this.#length;
    f64[place] = kernel;
    f64[place + 1] = args.length;
    f64[place + 2] = threadMask;
    f64[place + 3] = threadStride;
    place += COMMAND_HEAD;
    for (let i = 0; i < args.length; i++) f64[place + i] = args[i];
    this.#length = next;
  }

  /** Ends the last task: to be called once before tasks are run. */
  close(): void {
    this.#heap.i32()[(this.#starts >>> 2) + this.#tasks] = this.#length;
  }

  /** Runs a task on the caller, which is thread 0: per-thread arguments are as they are. */
  runTask(index: number, entries: readonly Entry[], base: number): void {
    const i32 = this.#heap.i32();
    const f64 = this.#heap.f64();
    const start = (this.#starts >>> 2) + index;
    const first = this.#commands >>> 3;
    const end = first + i32[start + 1];
    let place = first + i32[start];
    while (place < end) {
      const { raw, pointers } = entries[f64[place]];
      const count = f64[place + 1];
      place += COMMAND_HEAD;
      const args = new Array<number>(count);
      for (let i = 0; i < count; i++) args[i] = f64[place + i] + ((pointers >>> i) & 1 ? base : 0);
      raw(...args);
      place += count;
    }
  }

  /** Moves the first `used` bytes of a reserved area into one of `bytes` bytes. */
  #regrow(pointer: number, used: number, bytes: number): number {
    const area = this.#heap.reserve(bytes);
    if (pointer !== 0) {
      this.#heap.u8().copyWithin(area, pointer, pointer + used);
      this.#heap.release(pointer);
    }
    return area;
  }
}
