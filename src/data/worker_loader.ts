/**
 * The loader behind `loadInWorker`: batches of a user's own source, made by a module that is imported in worker threads, or on the main
 * thread where there are none or none are wanted.
 */

import { runtime } from "../runtime/mod.ts";
import { loaderDisposed, LoaderError } from "./errors.ts";
import type { BatchSource, BatchSourceFactory, EpochLoader } from "./module_loader.ts";
import { prefetched } from "./prefetch.ts";
import { WorkerPool } from "./worker_pool.ts";

const OP = "loadInWorker";

/** `length`: how many batches an epoch has; otherwise the numbers of the epoch and of the batch. */
type SourceJob = "length" | readonly [epoch: number, index: number];

/**
 * The factory of a module: its default export, under Node's interoperability of CommonJS modules that of its default export. The text of
 * this function also runs in workers.
 */
function factoryOf(module: { readonly default?: unknown }, url: string): BatchSourceFactory<unknown, unknown> {
  const outer = module.default;
  const factory = typeof outer === "object" && outer !== null ? (outer as { default?: unknown }).default : outer;
  if (typeof factory === "function") return factory as BatchSourceFactory<unknown, unknown>;
  throw new TypeError("expected a function as the default export of " + url + ", got " + typeof factory);
}

/** A thread's program. The source is made at the first job, so that its error is the answer to one. */
const SOURCE = `
const factoryOf = ${factoryOf.toString()};
let source;
const handle = async (job) => {
  source ??= port.load(data.url).then((module) => factoryOf(module, data.url)(data.params));
  const { length } = await source;
  return { result: job === "length" ? length : await (await source).batch(job[0], job[1]), transfer: [] };
};
`;

/** A source on the main thread that answers as a thread would. */
class MainThreadSource {
  readonly #url: string;
  readonly #params: unknown;
  #source: Promise<BatchSource<unknown>> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor(url: string, params: unknown) {
    this.#url = url;
    this.#params = params;
  }

  run(job: SourceJob): Promise<unknown> {
    const answer = this.#last.then(() => this.#answer(job));
    this.#last = answer.catch(() => {});
    return answer;
  }

  async #answer(job: SourceJob): Promise<unknown> {
    try {
      const source = await (this.#source ??= this.#load());
      return job === "length" ? source.length : await source.batch(job[0], job[1]);
    } catch (cause) {
      const actual = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
      throw new LoaderError({ op: OP, expected: "a batch", actual }, { cause });
    }
  }

  async #load(): Promise<BatchSource<unknown>> {
    const factory = factoryOf(await import(this.#url), this.#url);
    // As a worker would get them: changes of the caller's own objects are not seen.
    return await factory(structuredClone(this.#params));
  }
}

/** What {@linkcode openModule} needs to know. */
export interface ModuleSettings {
  /** The module. */
  readonly url: string;
  /** What its factory gets. */
  readonly params: unknown;
  /** Batches prepared ahead. */
  readonly prefetch: number;
  /** Threads, 0 for none. */
  readonly workers: number;
}

/** Starts the source and asks how long an epoch is. */
export async function openModule<B>({ url, params, prefetch, workers }: ModuleSettings): Promise<EpochLoader<B>> {
  const threads = runtime.hasWorkers ? workers : 0;
  const pool = threads === 0 ? undefined : new WorkerPool<SourceJob, unknown>({
    op: OP,
    source: SOURCE,
    threads,
    data: { url, params },
    loadsTypeScript: true,
  });
  const source = pool ?? new MainThreadSource(url, params);
  try {
    const length = await source.run("length");
    if (typeof length !== "number" || !Number.isInteger(length) || length < 0) {
      const expected = "an integer of at least 0 as the length of the source";
      throw new LoaderError({ op: OP, expected, actual: String(length) });
    }
    return new ModuleLoader<B>(length, threads, prefetch, source, pool);
  } catch (error) {
    await pool?.stop();
    throw error;
  }
}

class ModuleLoader<B> implements EpochLoader<B> {
  readonly length: number;
  readonly threads: number;
  readonly #prefetch: number;
  readonly #source: { run(job: SourceJob): Promise<unknown> };
  readonly #pool: WorkerPool<SourceJob, unknown> | undefined;
  #disposed = false;

  constructor(
    length: number,
    threads: number,
    prefetch: number,
    source: { run(job: SourceJob): Promise<unknown> },
    pool: WorkerPool<SourceJob, unknown> | undefined,
  ) {
    this.length = length;
    this.threads = threads;
    this.#prefetch = prefetch;
    this.#source = source;
    this.#pool = pool;
    pool?.endWith(this);
  }

  async *epoch(epoch: number, first = 0): AsyncGenerator<B, void, undefined> {
    this.#check();
    this.#pool?.enter();
    yield* prefetched<B>({
      first,
      length: this.length,
      prefetch: this.#prefetch,
      prepare: async (index) => {
        this.#check();
        return await this.#source.run([epoch, index]) as B;
      },
      end: (complete) => this.#pool?.leave(complete) ?? Promise.resolve(),
    });
  }

  async dispose(): Promise<void> {
    this.#disposed = true;
    await this.#pool?.stop();
  }

  [Symbol.dispose](): void {
    void this.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #check(): void {
    if (this.#disposed) throw loaderDisposed(OP);
  }
}
