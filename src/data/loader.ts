/**
 * Batches of a dataset: shuffled by seed, prepared ahead of the training loop, optionally augmented. The order of an epoch depends on
 * the seed and the epoch's number alone, so a resumed run sees what an uninterrupted one would have seen.
 */

import { ArgumentError } from "../tensor/errors.ts";
import { philox4x32, uniformFromWords } from "../tensor/philox.ts";
import type { ImageDataset } from "./dataset.ts";
import { rotateImage } from "./rotation.ts";

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
  /** Batches prepared ahead of the one in use. Default 2. */
  readonly prefetch?: number;
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

/**
 * Makes batches of an {@linkcode ImageDataset}.
 *
 * Throws {@linkcode ArgumentError} for a batch size, limit or prefetch out of range, or padding smaller than the images.
 *
 * @example Iterate over an epoch
 * ```ts
 * import { BatchLoader } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const dataset = { length: 3, height: 1, width: 2, pixels: new Uint8Array([0, 255, 51, 0, 0, 0]), labels: new Uint8Array([4, 5, 6]) };
 * const loader = new BatchLoader(dataset, { batchSize: 2 });
 * const sizes: number[] = [];
 * for await (const batch of loader.epoch(0)) sizes.push(batch.size);
 * assertEquals(sizes, [2, 1]);
 * ```
 */
export class BatchLoader {
  readonly #dataset: ImageDataset;
  readonly #options: Required<Omit<BatchOptions, Augmentation>> & Pick<BatchOptions, Augmentation>;

  /** Checks the options; nothing is prepared yet. */
  constructor(dataset: ImageDataset, options: BatchOptions = {}) {
    this.#dataset = dataset;
    this.#options = {
      batchSize: options.batchSize ?? 64,
      shuffle: options.shuffle ?? false,
      seed: options.seed ?? 0,
      dropLast: options.dropLast ?? false,
      limit: Math.min(options.limit ?? dataset.length, dataset.length),
      padTo: options.padTo ?? [dataset.height, dataset.width],
      normalize: options.normalize ?? { mean: 0, deviation: 1 },
      prefetch: options.prefetch ?? 2,
      rotation: options.rotation,
      translation: options.translation,
    };
    const { batchSize, prefetch, limit, padTo } = this.#options;
    for (
      const [name, value, minimum] of [["batchSize", batchSize, 1], ["prefetch", prefetch, 0], [
        "limit",
        limit,
        0,
      ]] as const
    ) {
      if (!Number.isInteger(value) || value < minimum) {
        throw new ArgumentError({
          op: "BatchLoader",
          expected: `${name} as an integer of at least ${minimum}`,
          actual: String(value),
        });
      }
    }
    if (padTo[0] < dataset.height || padTo[1] < dataset.width) {
      throw new ArgumentError({
        op: "BatchLoader",
        expected: `padTo of at least the images' size [${dataset.height}, ${dataset.width}]`,
        actual: `[${padTo.join(", ")}]`,
      });
    }
  }

  /** Number of batches in an epoch. */
  get length(): number {
    const { limit, batchSize, dropLast } = this.#options;
    return dropLast ? Math.floor(limit / batchSize) : Math.ceil(limit / batchSize);
  }

  /** The batches of epoch number `epoch`, from batch number `first` on, prepared `prefetch` ahead. */
  async *epoch(epoch: number, first = 0): AsyncGenerator<Batch, void, undefined> {
    const { limit, shuffle, seed, prefetch } = this.#options;
    const order = shuffle ? epochOrder(limit, seed, epoch) : Int32Array.from({ length: limit }, (_, i) => i);
    const ready: Promise<Batch>[] = [];
    for (let next = first; next < this.length || ready.length > 0;) {
      while (next < this.length && ready.length <= prefetch) {
        const index = next++;
        ready.push(Promise.resolve().then(() => this.#prepare(order, epoch, index)));
      }
      yield await ready.shift()!;
    }
  }

  #prepare(order: Int32Array, epoch: number, index: number): Batch {
    const { batchSize, padTo, rotation, translation, normalize, limit, seed } = this.#options;
    const { height, width, pixels, labels } = this.#dataset;
    const begin = index * batchSize;
    const size = Math.min(batchSize, limit - begin);
    const [rows, columns] = padTo;
    const images = new Float32Array(size * rows * columns);
    const padded = new Float32Array(rows * columns);
    const chosen = new Int32Array(size);
    const moved = rotation !== undefined || translation !== undefined;
    for (let i = 0; i < size; i++) {
      const from = order[begin + i];
      chosen[i] = labels[from];
      const target = moved ? padded : images;
      const offset = moved ? 0 : i * rows * columns;
      for (let row = 0; row < height; row++) {
        for (let column = 0; column < width; column++) {
          target[offset + row * columns + column] = pixels[(from * height + row) * width + column] / 255;
        }
      }
      if (moved) {
        const draw = ([low, high]: readonly [number, number], which: number): number =>
          low + (high - low) * uniform(seed, augmentStream(epoch), begin + i, which);
        const angle = rotation === undefined ? 0 : draw(rotation, 0);
        const shift = translation === undefined
          ? [0, 0] as const
          : [draw(translation, 1), draw(translation, 2)] as const;
        rotateImage(padded, 0, images, i * rows * columns, rows, columns, angle, shift);
      }
    }
    if (normalize.mean !== 0 || normalize.deviation !== 1) {
      for (let i = 0; i < images.length; i++) images[i] = (images[i] - normalize.mean) / normalize.deviation;
    }
    return { size, shape: [size, 1, rows, columns], images, labels: chosen };
  }
}
