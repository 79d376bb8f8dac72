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
  type BatchMaps,
  type BatchWorkerData,
  type BatchWorkerJob,
  batchWorkerSource,
  fillImages,
  imageSize,
} from "./batch_kernel.ts";
import { planBatches } from "./batch_plan.ts";
import type { ArrayDataset } from "./dataset.ts";
import { checkDataset, type CheckedDataset, type Elements } from "./dataset_check.ts";
import { loaderDisposed } from "./errors.ts";
import { prefetched } from "./prefetch.ts";
import { rotateImage, rotateLabels } from "./rotation.ts";
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
  /** Channels of a pixel that are used, the first ones: 3 leaves out the opacity of a canvas's RGBA. Default: all. */
  readonly channels?: number;
  /**
   * Size `[height, width]`, or `[depth, height, width]` of volumes, to which images are zero-padded at the bottom and right (and in depth at
   * the end). Default: as they are. Odd sizes keep the grid symmetric under stride 2.
   */
  readonly padTo?: readonly [number, number] | readonly [number, number, number];
  /**
   * Mirrors each image (after padding, about the centre of its rotation) with probability ½: `"horizontal"` changes left and right,
   * `"vertical"` up and down, `"both"` draws for either. Before it is rotated. Default: none.
   */
  readonly flip?: "horizontal" | "vertical" | "both";
  /**
   * Random rotation of each image by an angle in radians drawn uniformly from `[low, high)`: bilinear, of label maps by nearest neighbour, of
   * volumes about the axis of depth. Default: none.
   */
  readonly rotation?: readonly [low: number, high: number];
  /**
   * Random translation of each image, down and right, by numbers of pixels drawn uniformly from `[low, high)`; fractions are interpolated
   * bilinearly. Default: none. Shifts below a pixel keep a network from relying on edges sharper than interpolation leaves them.
   */
  readonly translation?: readonly [low: number, high: number];
  /**
   * Bytes are mapped to (value / 255 − mean) / deviation, floats to (value − mean) / deviation, with one number for all channels or a list with
   * one for each. Default `{ mean: 0, deviation: 1 }`.
   */
  readonly normalize?: {
    readonly mean: number | readonly number[];
    readonly deviation: number | readonly number[];
  };
  /**
   * Label in label maps of what padding, rotation and translation bring in from outside; `crossEntropy` leaves it out as its `ignoreIndex`.
   * Default 0.
   */
  readonly outsideLabel?: number;
  /** Batches prepared ahead of the one in use. Default 2, or `workers` where that is more. */
  readonly prefetch?: number;
  /**
   * Threads that prepare images while the loop computes; the batches are the same to the last bit. At most `prefetch`. Default 0: the main
   * thread prepares them. Images and label maps are copied when the first epoch begins (into shared memory where there is some), so that
   * later changes of the dataset's arrays are not seen.
   */
  readonly workers?: number;
  /**
   * Whether the memory of `images` is used again, so that an epoch takes memory for `prefetch` + 1 batches only. The `images` of a batch, and
   * its label maps, are then empty (their length is 0) as soon as the next batch is asked for. Default false: every batch can be kept.
   */
  readonly reuse?: boolean;
}

/** Labels of batches of a dataset of type `D`: float targets stay floats, integers become int32. */
export type BatchLabels<D extends ArrayDataset> = D["labels"] extends infer L
  ? L extends Float32Array ? Float32Array : Int32Array
  : never;

/** Shape of batches of images. */
export type ImageShape = readonly [size: number, channels: number, height: number, width: number];

/** Shape of batches of volumes. */
export type VolumeShape = readonly [size: number, channels: number, depth: number, height: number, width: number];

/** Shape of batches of a dataset of type `D`: volumes have an axis more. */
export type BatchShape<D extends ArrayDataset> = D extends { readonly depth: number } ? VolumeShape
  : "depth" extends keyof D ? ImageShape | VolumeShape
  : ImageShape;

/** One batch. */
export interface Batch<
  Labels extends Int32Array | Float32Array = Int32Array,
  Shape extends ImageShape | VolumeShape = ImageShape,
> {
  /** Images in it. */
  readonly size: number;
  /** Shape of `images`: `[size, channels, height, width]`, of volumes `[size, channels, depth, height, width]`. */
  readonly shape: Shape;
  /** Normalized pixels, row-major. */
  readonly images: Float32Array;
  /** Labels or targets of shape `labelShape`, row-major. */
  readonly labels: Labels;
  /** `[size]`, followed by the dataset's `labelShape`; of label maps with the padded size of the images. */
  readonly labelShape: readonly number[];
}

/** Options that are off unless given. */
type Augmentation = "flip" | "rotation" | "translation";

/** Options that the plan of batches holds. */
type Planned = "channels" | "padTo" | "normalize" | "outsideLabel";

type LoaderOptions = Required<Omit<BatchOptions, Augmentation | Planned>> & Pick<BatchOptions, Augmentation>;

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

/** Elements that several threads can read: in shared memory where there is such, else a copy that is cloned for each. */
function shareElements(data: Elements): Elements {
  if (!runtime.hasSharedMemory) return data.slice();
  if (data.buffer instanceof SharedArrayBuffer) return data;
  const Type = data.constructor as new (buffer: ArrayBufferLike) => Elements;
  const shared = new Type(new SharedArrayBuffer(data.byteLength));
  shared.set(data);
  return shared;
}

/**
 * Makes batches of an {@linkcode ImageDataset}, or of any {@linkcode ArrayDataset}: colour images, floats, volumes, with labels, targets or
 * label maps.
 *
 * With `workers`, threads of its own prepare the images while the loop computes. They start with the first epoch, idle between epochs
 * without keeping the process alive, and end when the loader is disposed of, when it is garbage, and when a loop is left early (the next
 * epoch starts new ones). An error in a worker is thrown in the loop as a {@linkcode LoaderError}.
 *
 * Throws {@linkcode ArgumentError} for a batch size, limit, prefetch or number of workers out of range, a dataset whose arrays do not fit
 * its sizes, padding smaller than the images, or numbers of the normalization that are not one for all channels or for each.
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
export interface BatchLoader<
  Labels extends Int32Array | Float32Array = Int32Array,
  Shape extends ImageShape | VolumeShape = ImageShape,
> {
  /** Threads that prepare batches; 0: the main thread does, because no workers were asked for or the runtime has none. */
  readonly threads: number;
  /** Number of batches in an epoch. */
  readonly length: number;
  /**
   * The batches of epoch number `epoch`, from batch number `first` on (default 0), prepared `prefetch` ahead.
   *
   * Throws {@linkcode DisposedError} after `dispose`, and {@linkcode LoaderError} when a worker fails.
   */
  epoch(epoch: number, first?: number): AsyncGenerator<Batch<Labels, Shape>, void, undefined>;
  /** Ends the workers; resolves when they have ended. A loop that waits for a batch gets a {@linkcode LoaderError}. */
  dispose(): Promise<void>;
  /** Ends the workers without waiting for them. */
  [Symbol.dispose](): void;
  /** Ends the workers. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** How a {@linkcode BatchLoader} is made: the types of its batches follow from the dataset's. */
export interface BatchLoaderConstructor {
  /** Checks dataset and options; nothing is prepared yet. */
  new <D extends ArrayDataset>(dataset: D, options?: BatchOptions): BatchLoader<BatchLabels<D>, BatchShape<D>>;
}

/**
 * The loader itself. It has the types of its batches as parameters; that they follow from the dataset's is what
 * {@linkcode BatchLoaderConstructor} says, which a class cannot say of its own constructor.
 */
class ArrayBatchLoader<
  Labels extends Int32Array | Float32Array,
  Shape extends ImageShape | VolumeShape,
> implements BatchLoader<Labels, Shape> {
  readonly threads: number;
  readonly #dataset: CheckedDataset;
  readonly #options: LoaderOptions;
  readonly #geometry: BatchGeometry;
  /** How label maps are made; absent: labels are no maps. */
  readonly #maps: BatchMaps | undefined;
  readonly #isFloat: boolean;
  readonly #shape: readonly number[];
  readonly #labelShape: readonly number[];
  /** Memory of images to use again. */
  readonly #free: ArrayBuffer[] = [];
  readonly #scratch: Float32Array;
  readonly #mapScratch: Float32Array | Int32Array;
  #pool: Promise<WorkerPool<BatchWorkerJob, ArrayBuffer>> | undefined;
  #disposed = false;

  /** Checks dataset and options; nothing is prepared yet. */
  constructor(dataset: ArrayDataset, options: BatchOptions = {}) {
    const checked = checkDataset(dataset);
    const workers = options.workers ?? 0;
    this.#dataset = checked;
    this.#options = {
      batchSize: options.batchSize ?? 64,
      shuffle: options.shuffle ?? false,
      seed: options.seed ?? 0,
      dropLast: options.dropLast ?? false,
      limit: Math.min(options.limit ?? checked.length, checked.length),
      prefetch: options.prefetch ?? Math.max(2, workers),
      workers,
      reuse: options.reuse ?? false,
      flip: options.flip,
      rotation: options.rotation,
      translation: options.translation,
    };
    const { batchSize, prefetch, limit } = this.#options;
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
    const plan = planBatches(checked, options);
    this.#geometry = plan.geometry;
    this.#maps = plan.maps;
    this.#shape = plan.shape;
    this.#labelShape = plan.labelShape;
    this.#isFloat = checked.labels instanceof Float32Array;
    const { rows, columns } = plan.geometry;
    this.#scratch = new Float32Array(rows * columns);
    const mapPlane = plan.maps === undefined ? 0 : rows * columns;
    this.#mapScratch = this.#isFloat ? new Float32Array(mapPlane) : new Int32Array(mapPlane);
    this.threads = runtime.hasWorkers ? workers : 0;
  }

  get length(): number {
    const { limit, batchSize, dropLast } = this.#options;
    return dropLast ? Math.floor(limit / batchSize) : Math.ceil(limit / batchSize);
  }

  async *epoch(epoch: number, first = 0): AsyncGenerator<Batch<Labels, Shape>, void, undefined> {
    this.#check();
    const { batchSize, limit, shuffle, seed, prefetch, reuse } = this.#options;
    const order = shuffle ? epochOrder(limit, seed, epoch) : Int32Array.from({ length: limit }, (_, i) => i);
    const pool = this.threads > 0 ? await (this.#pool ??= this.#createPool()) : undefined;
    pool?.enter();
    yield* prefetched<Batch<Labels, Shape>>({
      first,
      length: this.length,
      prefetch,
      prepare: async (index) => {
        this.#check();
        const job = this.#job(order, epoch, index);
        const buffer = this.#free.pop() ??
          (reuse ? new ArrayBuffer(Math.min(batchSize, limit) * this.#bytes) : undefined);
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

  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#free.length = 0;
    const pool = this.#pool;
    this.#pool = undefined;
    await (await pool)?.stop();
  }

  [Symbol.dispose](): void {
    void this.dispose();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.dispose();
  }

  #check(): void {
    if (this.#disposed) throw loaderDisposed("BatchLoader");
  }

  async #createPool(): Promise<WorkerPool<BatchWorkerJob, ArrayBuffer>> {
    const { WorkerPool } = await import("./worker_pool.ts");
    const share = (data: Elements, { strides }: BatchGeometry): Elements =>
      shareElements(data.subarray(0, this.#options.limit * strides[0]));
    const maps = this.#maps;
    const data: BatchWorkerData = {
      pixels: share(this.#dataset.pixels, this.#geometry),
      geometry: this.#geometry,
      maps: maps && { labels: share(maps.labels, maps.geometry), geometry: maps.geometry },
    };
    const options = { op: "BatchLoader", source: batchWorkerSource(), threads: this.threads, data };
    const pool = new WorkerPool<BatchWorkerJob, ArrayBuffer>(options);
    pool.endWith(this);
    return pool;
  }

  /** Bytes of an image and of its label maps. */
  get #bytes(): number {
    return 4 * (imageSize(this.#geometry) + (this.#maps === undefined ? 0 : imageSize(this.#maps.geometry)));
  }

  /** Takes the memory away from the batch that had it. */
  #release(buffer: ArrayBuffer): void {
    this.#free.push(structuredClone(buffer, { transfer: [buffer] }));
  }

  /** The images of a batch, and how they are moved. */
  #job(order: Int32Array, epoch: number, index: number): BatchJob {
    const { batchSize, flip, rotation, translation, limit, seed } = this.#options;
    const begin = index * batchSize;
    const from = order.slice(begin, Math.min(begin + batchSize, limit));
    const draw = (i: number, which: number): number => uniform(seed, augmentStream(epoch), begin + i, which);
    const flips = flip === undefined ? undefined : Uint8Array.from(from, (_, i) => {
      const leftRight = flip !== "vertical" && draw(i, 3) < 0.5, upDown = flip !== "horizontal" && draw(i, 4) < 0.5;
      return (leftRight ? 1 : 0) + (upDown ? 2 : 0);
    });
    if (rotation === undefined && translation === undefined) return { from, flips };
    const moves = new Float64Array(3 * from.length);
    [rotation, translation, translation].forEach((range, which) => {
      if (range === undefined) return;
      const [low, high] = range;
      for (let i = 0; i < from.length; i++) moves[3 * i + which] = low + (high - low) * draw(i, which);
    });
    return { from, moves, flips };
  }

  /** Prepares a batch on this thread. */
  #fill(job: BatchJob, buffer: ArrayBuffer | undefined): Batch<Labels, Shape> {
    const memory = buffer ?? new ArrayBuffer(job.from.length * this.#bytes);
    const batch = this.#batch(job, memory);
    fillImages(batch.images, job, this.#dataset.pixels, this.#scratch, this.#geometry, rotateImage);
    if (this.#maps !== undefined) {
      const { labels, geometry } = this.#maps;
      fillImages<Float32Array | Int32Array>(batch.labels, job, labels, this.#mapScratch, geometry, rotateLabels);
    }
    return batch;
  }

  /** The batch whose images, and label maps behind them, are in `buffer`. */
  #batch({ from }: BatchJob, buffer: ArrayBuffer): Batch<Labels, Shape> {
    const count = from.length * imageSize(this.#geometry);
    return {
      size: from.length,
      shape: [from.length, ...this.#shape] as readonly number[] as Shape,
      images: new Float32Array(buffer, 0, count),
      labels: this.#labels(from, buffer, 4 * count) as Labels,
      labelShape: [from.length, ...this.#labelShape],
    };
  }

  #labels(from: Int32Array, buffer: ArrayBuffer, offset: number): Float32Array | Int32Array {
    const Type = this.#isFloat ? Float32Array : Int32Array;
    if (this.#maps !== undefined) return new Type(buffer, offset, from.length * imageSize(this.#maps.geometry));
    const { labels, labelShape } = this.#dataset;
    const size = labelShape.reduce((a, b) => a * b, 1);
    const target = new Type(from.length * size);
    for (let i = 0; i < from.length; i++) {
      for (let k = 0; k < size; k++) target[i * size + k] = labels[from[i] * size + k];
    }
    return target;
  }
}

/** Makes a {@linkcode BatchLoader} of a dataset. */
export const BatchLoader: BatchLoaderConstructor = ArrayBatchLoader;
