/**
 * Threads that do jobs for a loader: they start at the first job, do their jobs in the order of arrival, keep the process alive only
 * while an answer is due, and end together. An error in one of them fails the jobs that are under way and ends them all.
 */

import { runtime, type RuntimeWorker } from "../runtime/mod.ts";
import { LoaderError } from "./errors.ts";

/** What a {@linkcode WorkerPool} runs. */
export interface WorkerPoolOptions {
  /** Whose threads they are, for error messages. */
  readonly op: string;
  /**
   * Plain JavaScript that defines `handle`, a function from a job to `{ result, transfer }` (the buffers in `transfer` move to the main
   * thread) or a promise of it. It may use `data` and `port.load(url)`.
   */
  readonly source: string;
  /** Number of threads. */
  readonly threads: number;
  /** What each of them gets as `data`. */
  readonly data: unknown;
  /** Whether `port.load` takes TypeScript in every runtime. Default false. */
  readonly loadsTypeScript?: boolean;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: LoaderError) => void;
}

interface Thread {
  readonly worker: RuntimeWorker;
  /** Answers that are due, by number of the job. */
  readonly pending: Map<number, Pending>;
}

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly name: string; readonly message: string; readonly stack?: string };
}

/** Jobs are done one after the other even where `handle` waits, so that a source of batches needs no care for concurrency. */
const SERVICE = `
let last = Promise.resolve();
const describe = (error) => error instanceof Error
  ? { name: error.name, message: error.message, stack: error.stack }
  : { name: "Error", message: String(error) };
port.listen(({ id, job }) => {
  last = last
    .then(() => handle(job))
    .then(({ result, transfer }) => port.post({ id, result }, transfer))
    .catch((error) => port.post({ id, error: describe(error) }));
});
`;

/** The error that a worker described, with its name and the stack that it had there. */
function causeOf({ name, message, stack }: NonNullable<Answer["error"]>): Error {
  const cause = new Error(message);
  cause.name = name;
  if (stack !== undefined) cause.stack = stack;
  return cause;
}

/** Threads that do jobs. */
export class WorkerPool<Job, Result> {
  readonly #options: WorkerPoolOptions;
  #threads: Thread[] | undefined;
  #jobs = 0;
  #epochs = 0;

  /** Nothing starts yet. */
  constructor(options: WorkerPoolOptions) {
    this.#options = options;
  }

  /** Number of threads that are alive. */
  get liveThreads(): number {
    return this.#threads?.length ?? 0;
  }

  /**
   * Has a job done, by the thread with the fewest under way. Rejects with {@linkcode LoaderError} when it fails or the pool is stopped
   * meanwhile.
   *
   * @param transfer Buffers of the job that move to the thread.
   */
  run(job: Job, transfer: ArrayBuffer[] = []): Promise<Result> {
    const threads = this.#threads ??= this.#start();
    const thread = threads.reduce((a, b) => b.pending.size < a.pending.size ? b : a);
    const id = this.#jobs++;
    return new Promise<unknown>((resolve, reject) => {
      thread.worker.post({ id, job }, transfer);
      thread.pending.set(id, { resolve, reject });
      if (thread.pending.size === 1) thread.worker.hold(true);
    }) as Promise<Result>;
  }

  /** Says that an epoch begins. */
  enter(): void {
    this.#epochs++;
  }

  /**
   * Says that an epoch has ended. Threads that worked for one that was left early end with it, unless another one goes on: what they would
   * still do is of no use to anybody.
   */
  async leave(complete: boolean): Promise<void> {
    this.#epochs--;
    if (!complete && this.#epochs === 0) await this.stop();
  }

  /** Ends all threads at once; jobs under way reject. A later job starts new threads. */
  async stop(): Promise<void> {
    await this.#end(
      new LoaderError({
        op: this.#options.op,
        expected: "a batch",
        actual: "the end of the loop or of the loader before it was ready",
      }),
    );
  }

  /** Ends the threads when `owner`, from which the pool must not be reachable the other way round, is garbage. */
  endWith(owner: object): void {
    abandoned.register(owner, this);
  }

  #start(): Thread[] {
    const { op, source, threads: count, data, loadsTypeScript = false } = this.#options;
    const threads: Thread[] = [];
    const fail = (actual: string, cause?: unknown): void => {
      // A thread that was ended on purpose has no answers due, and none of the present ones.
      if (this.#threads !== threads) return;
      const hint = "The loader can be used again; workers: 0 prepares batches on the main thread";
      void this.#end(new LoaderError({ op, expected: "a worker that prepares batches", actual, hint }, { cause }));
    };
    try {
      for (let i = 0; i < count; i++) {
        const pending = new Map<number, Pending>();
        const worker = runtime.spawnWorker(`${source}${SERVICE}`, {
          data,
          loadsTypeScript,
          onMessage: (message) => this.#receive(threads[i], message as Answer),
          onError: (error) => fail(`${error.name}: ${error.message}`, error),
          onExit: () => fail("its end"),
        });
        threads.push({ worker, pending });
      }
    } catch (cause) {
      for (const { worker } of threads) void worker.terminate();
      const actual = cause instanceof Error ? cause.message : String(cause);
      throw new LoaderError({ op, expected: `${count} workers`, actual }, { cause });
    }
    return threads;
  }

  #receive({ worker, pending }: Thread, { id, result, error }: Answer): void {
    const entry = pending.get(id);
    if (entry === undefined) return;
    pending.delete(id);
    if (pending.size === 0) worker.hold(false);
    if (error === undefined) entry.resolve(result);
    else {
      const { op } = this.#options;
      const actual = `${error.name}: ${error.message}`;
      entry.reject(new LoaderError({ op, expected: "a batch", actual }, { cause: causeOf(error) }));
    }
  }

  async #end(reason: LoaderError): Promise<void> {
    const threads = this.#threads ?? [];
    this.#threads = undefined;
    for (const { pending } of threads) {
      for (const { reject } of pending.values()) reject(reason);
      pending.clear();
    }
    await Promise.all(threads.map(({ worker }) => {
      // Somebody may wait for the end: until then the process lives.
      worker.hold(true);
      return worker.terminate();
    }));
  }
}

const abandoned = new FinalizationRegistry<WorkerPool<never, unknown>>((pool) => void pool.stop());
