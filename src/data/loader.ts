/**
 * Batches of a dataset: shuffled by seed, prepared ahead of the training loop, optionally augmented, on the main thread or on others. An
 * epoch depends on the seed and its number alone, so a resumed run sees what an uninterrupted one would have seen, with or without workers.
 */

import { runtime } from "../runtime/mod.ts";
import { ArgumentError } from "../tensor/errors.ts";
import { philox4x32, uniformFromWords } from "../tensor/philox.ts";
import {
  type BatchGeometry,
  type BatchJob,
  type BatchWorkerData,
  type BatchWorkerJob,
  batchWorkerSource,
  fillImages,
} from "./batch_kernel.ts";
import type { ImageDataset } from "./dataset.ts";
import { loaderDisposed } from "./errors.ts";
import { prefetched } from "./prefetch.ts";
import { rotateImage } from "./rotation.ts";
import type { WorkerPool } from "./worker_pool.ts";

/** How a {@linkcode BatchLoader} makes batches. */
export interface BatchOptions {
  /** Images in a batch. Default 64. */
  readonly batchSize?: number;
  /** Whether the order is a random permutation, a new one for each epoch. Default false. */
  readonly shuffle?: boolean;
  /** Seed of order and augmentation. Default 0. */
  readonly seed?: number;
  /** Whether a last incomplete batch is left out. Default false. */
  readonly dropLast?: boolean;
  /** Use only the first `limit` images (after no shuffling). Default: all. */
  readonly limit?: number;
  /**
   * Size `[height, width]` to which images are zero-padded at the bottom and right. Default: as they are. Odd sizes keep the grid
   * symmetric under stride 2.
   */
  readonly padTo?: readonly [number, number];
  /** Random rotation of each image by an angle in radians drawn uniformly from `[low, high)`. Default: none. */
  readonly rotation?: readonly [low: number, high: number];
  /**
   * Random translation of each image, down and right, by numbers of pixels drawn uniformly from `[low, high)`; fractions are interpolated
   * bilinearly. Default: none. Shifts below a pixel keep a network from relying on edges sharper than interpolation leaves them.
   */
  readonly translation?: readonly [low: number, high: number];
  /** Grey values are mapped to (value / 255 − mean) / deviation. Default `{ mean: 0, deviation: 1 }`. */
  readonly normalize?: { readonly mean: number; readonly deviation: number };
  /** Batches prepared ahead of the one in use. Default 2, or `workers` where that is more. */
  readonly prefetch?: number;
  /**
   * Threads that prepare images while the loop computes; the batches are the same to the last bit. At most `prefetch`. Default 0: the main
   * thread prepares them. The images are copied when the first epoch begins (into shared memory where there is some), so that later changes
   * of the dataset's pixels are not seen.
   */
  readonly workers?: number;
  /**
   * Whether the memory of `images` is used again, so that an epoch takes memory for `prefetch` + 1 batches only. The `images` of a batch are
   * then empty (their length is 0) as soon as the next batch is asked for. Default false: every batch can be kept.
   */
  readonly reuse?: boolean;
}

/** Options that are off unless given. */
type Augmentation = "rotation" | "translation";

/** One batch. */
export interface Batch {
  /** Images in it. */
  readonly size: number;
  /** Shape of `images`: `[size, 1, height, width]`. */
  readonly shape: readonly [number, number, number, number];
  /** Normalized grey values, row-major. */
  readonly images: Float32Array;
  /** Labels `[size]`. */
  readonly labels: Int32Array;
}

/** Uniform numbers in [0, 1) from a counter: the `index`-th of stream `stream` under `seed`, the `which`-th of them. */
function uniform(seed: number, stream: number, index: number, which = 0): number {
  const words = philox4x32([seed | 0, Math.floor(seed / 0x100000000) | 0], [index | 0, stream | 0, which, 0]);
  return uniformFromWords("float64", words);
}

/** Streams of random numbers: even ones order an epoch, odd ones augment it. */
const orderStream = (epoch: number): number => 2 * epoch;
const augmentStream = (epoch: number): number => 2 * epoch + 1;

/** The order in which an epoch visits `count` elements: a Fisher–Yates shuffle drawn from `seed` and `epoch`. */
export function epochOrder(count: number, seed: number, epoch: number): Int32Array {
  const order = Int32Array.from({ length: count }, (_, i) => i);
  for (let i = count - 1; i > 0; i--) {
    const j = Math.floor(uniform(seed, orderStream(epoch), i) * (i + 1));
    const swap = order[i];
    order[i] = order[j];
    order[j] = swap;
  }
  return order;
}

/** Refuses an option that is no integer of at least `minimum`. */
function checkInteger(name: string, value: number, minimum: number): void {
  if (Number.isInteger(value) && value >= minimum) return;
  const expected = `${name} as an integer of at least ${minimum}`;
  throw new ArgumentError({ op: "BatchLoader", expected, actual: String(value) });
}

/** Refuses what is no dataset, before its numbers are used. */
function checkDataset({ pixels, labels, length, height, width }: ImageDataset): void {
  const bytes = pixels instanceof Uint8Array && labels instanceof Uint8Array;
  if (bytes && [length, height, width].every((size) => Number.isInteger(size) && size >= 0)) return;
  const form = (value: unknown): string => ArrayBuffer.isView(value) ? value.constructor.name : String(value);
  throw new ArgumentError({
    op: "BatchLoader",
    expected:
      "a dataset { length, height, width, pixels: Uint8Array of grey values from 0 to 255, labels: Uint8Array }",
    actual: `length ${length}, height ${height}, width ${width}, pixels ${form(pixels)}, labels ${form(labels)}`,
    hint: "Images of other kinds are batched by a loop of your own, tensor(numbers, [batch, channels, height, width])",
  });
}

/** Refuses sizes that do not fit together. */
function checkSizes({ length, height, width, pixels, labels }: ImageDataset, padTo: readonly [number, number]): void {
  const op = "BatchLoader";
  if (pixels.length !== length * height * width || labels.length !== length) {
    throw new ArgumentError({
      op,
      expected: `${length} images of ${height} × ${width} pixels with a label each`,
      actual: `${pixels.length} pixels and ${labels.length} labels`,
    });
  }
  if (padTo[0] < height || padTo[1] < width) {
    throw new ArgumentError({
      op,
      expected: `padTo of at least the images' size [${height}, ${width}]`,
      actual: `[${padTo.join(", ")}]`,
    });
  }
}

/** Pixels that several threads can read: in shared memory where there is such, else a copy that is cloned for each. */
function sharePixels(pixels: Uint8Array): Uint8Array {
  if (!runtime.hasSharedMemory) return pixels.slice();
  if (pixels.buffer instanceof SharedArrayBuffer) return pixels;
  const shared = new Uint8Array(new SharedArrayBuffer(pixels.length));
  shared.set(pixels);
  return shared;
}

/**
 * Makes batches of an {@linkcode ImageDataset}.
 *
 * With `workers`, threads of its own prepare the images while the loop computes. They start with the first epoch, idle between epochs
 * without keeping the process alive, and end when the loader is disposed of, when it is garbage, and when a loop is left early (the next
 * epoch starts new ones). An error in a worker is thrown in the loop as a {@linkcode LoaderError}.
 *
 * Throws {@linkcode ArgumentError} for a batch size, limit, prefetch or number of workers out of range, a dataset whose arrays do not fit
 * its sizes, or padding smaller than the images.
 *
 * @example Iterate over an epoch
 * ```ts
 * import { BatchLoader } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const dataset = { length: 3, height: 1, width: 2, pixels: new Uint8Array([0, 255, 51, 0, 0, 0]), labels: new Uint8Array([4, 5, 6]) };
 * await using loader = new BatchLoader(dataset, { batchSize: 2, rotation: [0, Math.PI], workers: 1 });
 * const sizes: number[] = [];
 * for await (const batch of loader.epoch(0)) sizes.push(batch.size);
 * assertEquals(sizes, [2, 1]);
 * ```
 */
export class BatchLoader {
  /** Threads that prepare batches; 0: the main thread does, because no workers were asked for or the runtime has none. */
  readonly threads: number;
  readonly #dataset: ImageDataset;
  readonly #options: Required<Omit<BatchOptions, Augmentation>> & Pick<BatchOptions, Augmentation>;
  readonly #geometry: BatchGeometry;
  /** Memory of images to use again. */
  readonly #free: ArrayBuffer[] = [];
  readonly #scratch: Float32Array;
  #pool: Promise<WorkerPool<BatchWorkerJob, ArrayBuffer>> | undefined;
  #disposed = false;

  /** Checks the options; nothing is prepared yet. */
  constructor(dataset: ImageDataset, options: BatchOptions = {}) {
    checkDataset(dataset);
    const workers = options.workers ?? 0;
    this.#dataset = dataset;
    this.#options = {
      batchSize: options.batchSize ?? 64,
      shuffle: options.shuffle ?? false,
      seed: options.seed ?? 0,
      dropLast: options.dropLast ?? false,
      limit: Math.min(options.limit ?? dataset.length, dataset.length),
      padTo: options.padTo ?? [dataset.height, dataset.width],
      normalize: options.normalize ?? { mean: 0, deviation: 1 },
      prefetch: options.prefetch ?? Math.max(2, workers),
      workers,
      reuse: options.reuse ?? false,
      rotation: options.rotation,
      translation: options.translation,
    };
    const { batchSize, prefetch, limit, padTo, normalize } = this.#options;
    checkInteger("batchSize", batchSize, 1);
    checkInteger("workers", workers, 0);
    checkInteger("prefetch", prefetch, 0);
    checkInteger("limit", limit, 0);
    if (workers > prefetch) {
      throw new ArgumentError({
        op: "BatchLoader",
        expected: `at most prefetch = ${prefetch} workers`,
        actual: String(workers),
        hint: "More workers than batches ahead have nothing to do: raise prefetch",
      });
    }
    checkSizes(dataset, padTo);
    const [rows, columns] = padTo;
    this.#geometry = { height: dataset.height, width: dataset.width, rows, columns, ...normalize };
    this.#scratch = new Float32Array(rows * columns);
    this.threads = runtime.hasWorkers ? workers : 0;
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const { limit, batchSize, dropLast } = this.#options;
    return dropLast ? Math.floor(limit / batchSize) : Math.ceil(limit / batchSize);
  }

  /**
   * The batches of epoch number `epoch`, from batch number `first` on, prepared `prefetch` ahead.
   *
   * Throws {@linkcode DisposedError} after `dispose`, and {@linkcode LoaderError} when a worker fails.
   */
  async *epoch(epoch: number, first = 0): AsyncGenerator<Batch, void, undefined> {
    this.#check();
    const { limit, shuffle, seed, prefetch, reuse } = this.#options;
    const order = shuffle ? epochOrder(limit, seed, epoch) : Int32Array.from({ length: limit }, (_, i) => i);
    const pool = this.threads > 0 ? await (this.#pool ??= this.#createPool()) : undefined;
    pool?.enter();
    yield* prefetched<Batch>({
      first,
      length: this.length,
      prefetch,
      prepare: async (index) => {
        this.#check();
        const job = this.#job(order, epoch, index);
        const buffer = this.#free.pop() ?? (reuse ? new ArrayBuffer(this.#bytes) : undefined);
        if (pool === undefined) {
          // The loop goes on with the batch it has before this one is made.
          await Promise.resolve();
          return this.#fill(job, buffer);
        }
        return this.#batch(job, await pool.run({ ...job, buffer }, buffer === undefined ? [] : [buffer]));
      },
      release: reuse ? ({ images }) => this.#release(images.buffer as ArrayBuffer) : undefined,
      end: (complete) => pool?.leave(complete) ?? Promise.resolve(),
    });
  }

  /** Ends the workers; resolves when they have ended. A loop that waits for a batch gets a {@linkcode LoaderError}. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#free.length = 0;
    const pool = this.#pool;
    this.#pool = undefined;
    await (await pool)?.stop();
  }

  /** Ends the workers without waiting for them. */
  [Symbol.dispose](): void {
    void this.dispose();
  }

  /** Ends the workers. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #check(): void {
    if (this.#disposed) throw loaderDisposed("BatchLoader");
  }

  async #createPool(): Promise<WorkerPool<BatchWorkerJob, ArrayBuffer>> {
    const { WorkerPool } = await import("./worker_pool.ts");
    const { height, width, pixels } = this.#dataset;
    const used = pixels.subarray(0, this.#options.limit * height * width);
    const data: BatchWorkerData = { pixels: sharePixels(used), geometry: this.#geometry };
    const options = { op: "BatchLoader", source: batchWorkerSource(), threads: this.threads, data };
    const pool = new WorkerPool<BatchWorkerJob, ArrayBuffer>(options);
    pool.endWith(this);
    return pool;
  }

  /** Bytes of the images of a whole batch. */
  get #bytes(): number {
    return 4 * Math.min(this.#options.batchSize, this.#options.limit) * this.#scratch.length;
  }

  /** Takes the memory away from the batch that had it. */
  #release(buffer: ArrayBuffer): void {
    this.#free.push(structuredClone(buffer, { transfer: [buffer] }));
  }

  /** The images of a batch, and how they are moved. */
  #job(order: Int32Array, epoch: number, index: number): BatchJob {
    const { batchSize, rotation, translation, limit, seed } = this.#options;
    const begin = index * batchSize;
    const from = order.slice(begin, Math.min(begin + batchSize, limit));
    if (rotation === undefined && translation === undefined) return { from };
    const moves = new Float64Array(3 * from.length);
    [rotation, translation, translation].forEach((range, which) => {
      if (range === undefined) return;
      const [low, high] = range;
      for (let i = 0; i < from.length; i++) {
        moves[3 * i + which] = low + (high - low) * uniform(seed, augmentStream(epoch), begin + i, which);
      }
    });
    return { from, moves };
  }

  /** Prepares a batch on this thread. */
  #fill(job: BatchJob, buffer: ArrayBuffer | undefined): Batch {
    const batch = this.#batch(job, buffer ?? new ArrayBuffer(4 * job.from.length * this.#scratch.length));
    fillImages(batch.images, job, this.#dataset.pixels, this.#scratch, this.#geometry, rotateImage);
    return batch;
  }

  /** The batch whose images are in `buffer`. */
  #batch({ from }: BatchJob, buffer: ArrayBuffer): Batch {
    const { rows, columns } = this.#geometry;
    const images = new Float32Array(buffer, 0, from.length * rows * columns);
    const labels = Int32Array.from(from, (position) => this.#dataset.labels[position]);
    return { size: from.length, shape: [from.length, 1, rows, columns], images, labels };
  }
}
