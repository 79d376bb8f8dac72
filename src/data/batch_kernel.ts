/**
 * The work behind a batch of images: choose, pad, rotate, move, normalize. One function does it on the main thread and, by its text, in
 * the workers of a {@linkcode BatchLoader}, so that both give the same bits.
 */

import { rotateImage } from "./rotation.ts";

/** What all batches of a loader have in common. */
export interface BatchGeometry {
  /** Rows of the dataset's images. */
  readonly height: number;
  /** Columns of the dataset's images. */
  readonly width: number;
  /** Rows of a batch's images. */
  readonly rows: number;
  /** Columns of a batch's images. */
  readonly columns: number;
  /** What is subtracted from grey values of 0 to 1. */
  readonly mean: number;
  /** What the difference is divided by. */
  readonly deviation: number;
}

/** Which images make up one batch. */
export interface BatchJob {
  /** Positions of the images in the dataset. */
  readonly from: Int32Array;
  /** For each image the angle in radians and the shift in pixels `[angle, down, right]`; absent: none is moved. */
  readonly moves?: Float64Array;
}

/**
 * Writes the images of a batch.
 *
 * @param images Receives `[job.from.length, rows, columns]`.
 * @param job Which images, and how they are moved.
 * @param pixels The dataset's images `[length, height, width]`.
 * @param scratch At least rows · columns numbers, overwritten.
 * @param geometry Sizes and normalization.
 * @param rotate {@linkcode rotateImage}.
 */
export function fillImages(
  images: Float32Array,
  job: BatchJob,
  pixels: Uint8Array,
  scratch: Float32Array,
  geometry: BatchGeometry,
  rotate: typeof rotateImage,
): void {
  // The text of this function runs in workers: it uses nothing from outside but its arguments, and has no functions inside, into which
  // a compiler could put calls of its helpers.
  const height = geometry.height, width = geometry.width, rows = geometry.rows, columns = geometry.columns;
  const mean = geometry.mean, deviation = geometry.deviation, moves = job.moves;
  const target = moves === undefined ? images : scratch;
  if (rows !== height || columns !== width) target.fill(0);
  for (let i = 0; i < job.from.length; i++) {
    const offset = moves === undefined ? i * rows * columns : 0;
    for (let row = 0; row < height; row++) {
      const begin = (job.from[i] * height + row) * width;
      for (let column = 0; column < width; column++) {
        target[offset + row * columns + column] = pixels[begin + column] / 255;
      }
    }
    if (moves !== undefined) {
      const shift: readonly [number, number] = [moves[3 * i + 1], moves[3 * i + 2]];
      rotate(scratch, 0, images, i * rows * columns, rows, columns, moves[3 * i], shift);
    }
  }
  if (mean !== 0 || deviation !== 1) {
    for (let i = 0; i < images.length; i++) images[i] = (images[i] - mean) / deviation;
  }
}

/** What a worker of a loader gets at its start. */
export interface BatchWorkerData {
  /** The dataset's images, shared where memory can be shared. */
  readonly pixels: Uint8Array;
  /** Sizes and normalization. */
  readonly geometry: BatchGeometry;
}

/** What a worker is asked for: a batch, and the memory for it when there is some to use again. */
export interface BatchWorkerJob extends BatchJob {
  /** Memory to write into, at least as large as the batch's images. Absent: the worker takes new memory. */
  readonly buffer?: ArrayBuffer;
}

/** The program of a worker that prepares images: the body of a pool's worker, which answers each job with the images' memory. */
export function batchWorkerSource(): string {
  return `
const rotate = ${rotateImage.toString()};
const fill = ${fillImages.toString()};
const scratch = new Float32Array(data.geometry.rows * data.geometry.columns);
const handle = (job) => {
  const count = job.from.length * scratch.length;
  const buffer = job.buffer || new ArrayBuffer(4 * count);
  fill(new Float32Array(buffer, 0, count), job, data.pixels, scratch, data.geometry, rotate);
  return { result: buffer, transfer: [buffer] };
};
`;
}
