/**
 * The executor of the cpu backend: runs kernels on the caller and on a pool of workers that take pieces of a job from one
 * atomic word in the shared heap.
 *
 * Protocol. The caller describes a job in the control block (`job_layout.ts`), sets `done` to 0, and publishes by storing
 * `pieces` = (0 · 65536 + number of pieces); then it counts `sequence` up and wakes parked workers. A thread takes a piece by
 * compare-and-exchange on `pieces`: the caller the first one, workers the last one, so that in a series of similar jobs each
 * keeps its part of the data in its cache. Taking always comes before reading the description, and the caller changes the
 * description only after `done` has reached the number of pieces; so a late worker either takes nothing, or takes a piece of
 * the present job. Workers look for the next job for some microseconds and then wait on `sequence`, where they cost nothing
 * and receive no messages; hence everything reaches them through the heap.
 */

import { runtime, type RuntimeWorker } from "../../src/runtime/mod.ts";
import { ArgumentError, BackendError, DisposedError } from "../../src/tensor/errors.ts";
import type { Executor, Kernel, Task } from "./context.ts";
import { CommandBatch } from "./command_batch.ts";
import { PAGE_BYTES, type WebAssemblyHeap } from "./heap.ts";
import { CONTROL, CONTROL_BYTES, JOB, MAXIMUM_ARGUMENTS, MAXIMUM_PIECES } from "./job_layout.ts";
import { KernelTable, NO_MODULE } from "./kernel_table.ts";
import { type WorkerData, workerSource } from "./worker_source.ts";

/** Microseconds that an idle worker looks for the next job before it parks. */
const WORKER_SPIN = 30;

/** Looks at `done` that the caller takes before it waits: some tens of microseconds. */
const CALLER_SPIN = 4000;

/** Pieces of a range for each thread: more than one, so that a thread that is held up does not hold up the others. */
const PIECES_PER_THREAD = 4;

/**
 * Milliseconds of work that could have been split, after which the workers are started: about what starting them takes from
 * the caller in the slowest runtime (Deno: 16 ms for the module, 40 ms for the first worker), so that a short script does not
 * pay for threads that it hardly uses.
 */
const START_AFTER = 60;

/** How workers open the native functions. */
export interface NativeSupport {
  /** Statements that define `openNative`; see {@linkcode workerSource}. */
  readonly source: string;
  /** What it opens: anything that can be cloned. */
  readonly library: unknown;
  /** Address of the heap. */
  readonly base: number;
}

/** A native function for {@linkcode ThreadExecutor.registerNative}. */
export interface NativeFunction {
  /** The symbol. */
  readonly name: string;
  /** Bit i is set when argument i is a heap pointer. */
  readonly pointers: number;
  /** Calls it with absolute addresses. */
  readonly fn: (...args: number[]) => void;
}

/** Options of {@linkcode ThreadExecutor}. */
export interface ExecutorOptions {
  /** Threads including the caller; more than one needs a shared heap. */
  readonly threads: number;
  /** Native functions that will be registered. */
  readonly native?: NativeSupport;
  /** Milliseconds of work that the caller does alone before it starts the workers. Default 60. */
  readonly startAfter?: number;
}

/** The one implementation of {@linkcode Executor}. */
export class ThreadExecutor implements Executor {
  readonly threads: number;

  readonly #heap: WebAssemblyHeap;
  readonly #native: NativeSupport | undefined;
  readonly #base: number;
  readonly #startAfter: number;
  /** The control block, used with workers alone: memory that they share stays where it is when it grows. */
  readonly #control: Int32Array;
  readonly #controlPointer: number;
  readonly #table: KernelTable;
  readonly #batch: CommandBatch;
  #workers: RuntimeWorker[] | undefined;
  #workerError: string | undefined;
  #disposed = false;
  /** Milliseconds of work that could have been split so far. */
  #aloneTime = 0;
  #batchStart = 0;

  /** Whether commands of the present batch are run as they come. */
  #direct = true;
  #batchOpen = false;

  /**
   * Reserves the control block.
   *
   * @throws ArgumentError when more than one thread is asked for on a heap that is not shared.
   */
  constructor(heap: WebAssemblyHeap, { threads, native, startAfter = START_AFTER }: ExecutorOptions) {
    if (threads > 1 && !heap.shared) {
      throw new ArgumentError({ op: "ThreadExecutor", expected: "a shared heap", actual: "one that is not shared" });
    }
    this.threads = threads;
    this.#heap = heap;
    this.#native = native;
    this.#base = native?.base ?? 0;
    this.#startAfter = startAfter;
    this.#table = new KernelTable(heap, threads > 1);
    this.#batch = new CommandBatch(heap);
    this.#controlPointer = heap.reserve(CONTROL_BYTES);
    this.#control = new Int32Array(heap.memory.buffer, this.#controlPointer, CONTROL_BYTES / 4);
    this.#control.fill(0);
  }

  /** Workers that take part now. */
  get readyWorkers(): number {
    return this.#workers === undefined ? 0 : Atomics.load(this.#control, CONTROL.ready);
  }

  /** Why a worker could not start or has ended, when one has: the caller then does its part. */
  get workerError(): string | undefined {
    return this.#workerError;
  }

  register(module: Uint8Array, exports: readonly string[]): Kernel[] {
    this.#checkAlive("register");
    const compiled = new WebAssembly.Module(module.slice());
    const instance = new WebAssembly.Instance(compiled, { env: { memory: this.#heap.memory } });
    const place = this.#table.place(module);
    return exports.map((name) => {
      const fn = instance.exports[name];
      if (typeof fn !== "function") {
        throw new ArgumentError({
          op: "register",
          expected: `a function among the exports ${Object.keys(instance.exports).join(", ")}`,
          actual: `"${name}"`,
        });
      }
      const raw = fn as (...args: number[]) => void;
      return this.#table.add({ name, invoke: raw, raw, pointers: 0 }, place);
    });
  }

  /** Makes a native function a kernel. */
  registerNative({ name, pointers, fn }: NativeFunction): Kernel {
    this.#checkAlive("registerNative");
    const base = this.#base;
    const positions: number[] = [];
    for (let i = 0; i < MAXIMUM_ARGUMENTS; i++) if ((pointers >>> i) & 1) positions.push(i);
    const invoke = (...args: number[]) => {
      for (const position of positions) args[position] += base;
      fn(...args);
    };
    return this.#table.add({ name, invoke, raw: fn, pointers }, NO_MODULE);
  }

  call(kernel: Kernel, ...args: number[]): void {
    kernel.invoke(...args);
  }

  parallelRange(kernel: Kernel, params: number, total: number, grain: number, align = 1): void {
    if (total <= 0) return;
    if (total <= grain || this.threads === 1) {
      kernel.invoke(params, 0, total);
      return;
    }
    if (!this.#helpersReady()) {
      const start = performance.now();
      kernel.invoke(params, 0, total);
      this.#aloneTime += performance.now() - start;
      return;
    }
    const least = Math.max(grain, total / (this.threads * PIECES_PER_THREAD), 1);
    const length = Math.ceil(least / align) * align;
    const pieces = Math.ceil(total / length);
    if (pieces === 1) {
      kernel.invoke(params, 0, total);
      return;
    }
    const control = this.#control;
    control[CONTROL.kind] = JOB.range;
    control[CONTROL.kernel] = kernel.id;
    control[CONTROL.parameters] = params;
    control[CONTROL.end] = total;
    control[CONTROL.pieceLength] = length;
    this.#share(pieces, (index) => kernel.invoke(params, index * length, Math.min(total, (index + 1) * length)));
  }

  run(tasks: readonly Task[]): void {
    for (const task of tasks) {
      this.beginTask();
      for (const { kernel, args, threadMask = 0, threadStride = 0 } of task.calls) {
        this.#push(kernel, threadMask, threadStride, args);
      }
    }
    this.flush();
  }

  beginTask(): void {
    if (!this.#batchOpen) {
      this.#batchOpen = true;
      this.#direct = this.threads === 1 || !this.#helpersReady();
      this.#batch.clear();
      if (this.#direct && this.threads > 1) this.#batchStart = performance.now();
    }
    if (this.#direct) return;
    if (this.#batch.tasks === MAXIMUM_PIECES) {
      this.#runBatch();
      this.#batch.clear();
    }
    this.#batch.beginTask();
  }

  push(kernel: Kernel, ...args: number[]): void {
    this.#push(kernel, 0, 0, args);
  }

  pushPerThread(kernel: Kernel, threadMask: number, threadStride: number, ...args: number[]): void {
    this.#push(kernel, threadMask, threadStride, args);
  }

  flush(): void {
    if (!this.#batchOpen) return;
    this.#batchOpen = false;
    if (!this.#direct) {
      if (this.#batch.tasks > 0) this.#runBatch();
    } else if (this.threads > 1) {
      this.#aloneTime += performance.now() - this.#batchStart;
    }
  }

  /** Forgets tasks that were begun and never flushed, as an operation that failed half-way leaves them. */
  abandon(): void {
    this.#batchOpen = false;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    if (this.#workers !== undefined) {
      Atomics.store(this.#control, CONTROL.stop, 1);
      Atomics.add(this.#control, CONTROL.sequence, 1);
      Atomics.notify(this.#control, CONTROL.sequence);
    }
    for (const worker of this.#workers ?? []) void worker.terminate();
    this.#workers = undefined;
    this.#table.entries.length = 0;
  }

  /** Thread 0 is the caller, so per-thread arguments are as they are here. */
  #push(kernel: Kernel, threadMask: number, threadStride: number, args: readonly number[]): void {
    if (!this.#batchOpen) {
      throw new BackendError({ op: "push", expected: "a task begun with beginTask()", actual: "none" });
    }
    if (this.#direct) {
      try {
        kernel.invoke(...args);
      } catch (error) {
        this.#batchOpen = false;
        throw error;
      }
      return;
    }
    this.#batch.push(kernel.id, threadMask, threadStride, args);
  }

  #runBatch(): void {
    const batch = this.#batch;
    const { entries } = this.#table;
    batch.close();
    const control = this.#control;
    control[CONTROL.kind] = JOB.tasks;
    control[CONTROL.commands] = batch.commands;
    control[CONTROL.starts] = batch.starts;
    this.#share(batch.tasks, (index) => batch.runTask(index, entries, this.#base));
  }

  /** Publishes a job, takes part in it, and waits for its end. */
  #share(pieces: number, runPiece: (index: number) => void): void {
    const control = this.#control;
    this.#publish(pieces);
    let failure: unknown;
    for (let index = this.#take(); index >= 0; index = this.#take()) {
      if (Atomics.load(control, CONTROL.error) === 0) {
        try {
          runPiece(index);
        } catch (error) {
          failure = error;
          Atomics.compareExchange(control, CONTROL.error, 0, -1);
        }
      }
      Atomics.add(control, CONTROL.done, 1);
    }
    this.#finish(pieces, failure);
  }

  /** Whether a worker will help; starts the workers when it is time. */
  #helpersReady(): boolean {
    if (this.#workers === undefined) {
      this.#checkAlive("run");
      if (this.#aloneTime < this.#startAfter) return false;
      this.#startWorkers();
    }
    return Atomics.load(this.#control, CONTROL.ready) > 0;
  }

  #startWorkers(): void {
    const workers: RuntimeWorker[] = [];
    this.#workers = workers;
    const source = workerSource(this.#native?.source ?? "");
    for (let thread = 1; thread < this.threads; thread++) {
      const data: WorkerData = {
        memory: this.#heap.memory,
        control: this.#controlPointer,
        thread,
        spin: WORKER_SPIN,
        base: this.#base,
        native: this.#native?.library,
      };
      try {
        workers.push(runtime.spawnWorker(source, {
          data,
          onMessage: (message) => this.#workerFailed(String(message)),
          onError: (error) => this.#workerFailed(error.message),
        }));
      } catch (error) {
        // It comes in the middle of an operation, which the caller can do alone.
        this.#workerFailed(error instanceof Error ? error.message : String(error));
        return;
      }
    }
  }

  #workerFailed(reason: string): void {
    if (this.#workerError !== undefined || this.#disposed) return;
    this.#workerError = reason;
    console.warn(`cpu backend: a worker failed, and the other threads do its work: ${reason}`);
  }

  #publish(pieces: number): void {
    const control = this.#control;
    control[CONTROL.kernels] = this.#table.pointer;
    control[CONTROL.pages] = this.#heap.reservedBytes / PAGE_BYTES;
    control[CONTROL.done] = 0;
    Atomics.store(control, CONTROL.pieces, pieces);
    Atomics.add(control, CONTROL.sequence, 1);
    if (Atomics.load(control, CONTROL.parked) > 0) Atomics.notify(control, CONTROL.sequence, pieces - 1);
  }

  /** The first piece that nobody has taken, -1 when there is none. */
  #take(): number {
    const control = this.#control;
    for (;;) {
      const state = Atomics.load(control, CONTROL.pieces);
      if ((state & 65_535) === 0) return -1;
      if (Atomics.compareExchange(control, CONTROL.pieces, state, state + 65_535) === state) return state >>> 16;
    }
  }

  /** Waits for the pieces that workers have taken, then throws what went wrong in any thread. */
  #finish(pieces: number, failure: unknown): void {
    const control = this.#control;
    let done = Atomics.load(control, CONTROL.done);
    for (let look = 0; done < pieces && look < CALLER_SPIN; look++) done = Atomics.load(control, CONTROL.done);
    if (done < pieces) {
      if (runtime.canWaitOnMainThread) {
        Atomics.store(control, CONTROL.callerWaits, 1);
        for (done = Atomics.load(control, CONTROL.done); done < pieces; done = Atomics.load(control, CONTROL.done)) {
          Atomics.wait(control, CONTROL.done, done);
        }
        Atomics.store(control, CONTROL.callerWaits, 0);
      } else {
        while (done < pieces) done = Atomics.load(control, CONTROL.done);
      }
    }
    const thread = Atomics.load(control, CONTROL.error);
    if (thread === 0) return;
    Atomics.store(control, CONTROL.error, 0);
    if (thread < 0) throw failure;
    const text = control.subarray(CONTROL.errorText, CONTROL.errorText + control[CONTROL.errorLength]);
    throw new BackendError({
      op: `cpu worker ${thread}`,
      expected: "kernels that end without an error",
      actual: `"${String.fromCharCode(...text)}"`,
      hint: "This is a fault of the backend or of the engine: please report it with the operation and its shapes",
    });
  }

  #checkAlive(op: string): void {
    if (!this.#disposed) return;
    throw new DisposedError({ op, expected: "a running cpu backend", actual: "one that has been disposed" });
  }
}
