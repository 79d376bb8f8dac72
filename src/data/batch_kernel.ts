/**
 * The work behind a batch of images: choose, pad, mirror, rotate, move, normalize. One function does it on the main thread and, by its
 * text, in the workers of a {@linkcode BatchLoader}, so that both give the same bits; label maps are moved by the same one.
 */

import type { Elements } from "./dataset_check.ts";
import { rotateImage, rotateLabels } from "./rotation.ts";

/** What all batches of a loader have in common; of images are made planes `[rows, columns]`, `slices` for each channel. */
export interface BatchGeometry {
  /** Channels of a batch's images. */
  readonly channels: number;
  /** Slices of the dataset's volumes; 1 for images. */
  readonly depth: number;
  /** Rows of the dataset's images. */
  readonly height: number;
  /** Columns of the dataset's images. */
  readonly width: number;
  /** Slices of a batch's volumes. */
  readonly slices: number;
  /** Rows of a batch's images. */
  readonly rows: number;
  /** Columns of a batch's images. */
  readonly columns: number;
  /** How far apart the dataset's images, channels, and pixels of a row lie, in elements; rows and slices follow each other. */
  readonly strides: readonly [image: number, channel: number, pixel: number];
  /** Value that becomes 1. */
  readonly one: number;
  /** What is outside of an image. */
  readonly outside: number;
  /** For each channel, what is subtracted. Empty: nothing is normalized. */
  readonly mean: readonly number[];
  /** For each channel, what the difference is divided by. */
  readonly deviation: readonly number[];
}

/** Which images make up one batch. */
export interface BatchJob {
  /** Positions of the images in the dataset. */
  readonly from: Int32Array;
  /** For each image the angle in radians and the shift in pixels `[angle, down, right]`; absent: none is moved. */
  readonly moves?: Float64Array;
  /** For each image whether left and right (1), up and down (2), or both (3) change places; absent: in none. */
  readonly flips?: Uint8Array;
}

/** What {@linkcode rotateImage} and {@linkcode rotateLabels} have in common. */
type Rotate = (
  source: ArrayLike<number>,
  sourceOffset: number,
  target: Float32Array,
  targetOffset: number,
  height: number,
  width: number,
  angle: number,
  shift: readonly [down: number, right: number],
  outside: number,
) => void;

/**
 * Writes the images of a batch.
 *
 * @param images Receives `[job.from.length, channels, slices, rows, columns]`.
 * @param job Which images, and how they are moved.
 * @param pixels The dataset's images.
 * @param scratch At least rows · columns numbers of the type of `images`, overwritten.
 * @param geometry Sizes and normalization.
 * @param rotate {@linkcode rotateImage} or {@linkcode rotateLabels}.
 */
export function fillImages<T extends Float32Array | Int32Array>(
  images: T,
  job: BatchJob,
  pixels: Elements,
  scratch: T,
  geometry: BatchGeometry,
  rotate: Rotate,
): void {
  // The text of this function runs in workers: it uses nothing from outside but its arguments, and has no functions inside, into which
  // a compiler could put calls of its helpers.
  const depth = geometry.depth, height = geometry.height, width = geometry.width;
  const channels = geometry.channels, slices = geometry.slices, rows = geometry.rows, columns = geometry.columns;
  const one = geometry.one, outside = geometry.outside, moves = job.moves, flips = job.flips;
  const imageStride = geometry.strides[0], channelStride = geometry.strides[1], stride = geometry.strides[2];
  const plane = rows * columns, planes = channels * slices;
  const target = moves === undefined ? images : scratch;
  const isPadded = rows !== height || columns !== width;
  if (isPadded) target.fill(outside);
  if (slices !== depth) images.fill(outside);
  for (let i = 0; i < job.from.length; i++) {
    const flip = flips === undefined ? 0 : flips[i];
    const step = (flip & 1) === 0 ? 1 : -1;
    // A mirrored image does not cover the place of the one before.
    if (flips !== undefined && isPadded && moves !== undefined) scratch.fill(outside);
    for (let channel = 0; channel < channels; channel++) {
      for (let slice = 0; slice < depth; slice++) {
        const place = (i * planes + channel * slices + slice) * plane;
        const offset = moves === undefined ? place : 0;
        for (let row = 0; row < height; row++) {
          const begin = job.from[i] * imageStride + channel * channelStride + (slice * height + row) * width * stride;
          const line = offset + ((flip & 2) === 0 ? row : rows - 1 - row) * columns + (step === 1 ? 0 : columns - 1);
          for (let column = 0; column < width; column++) {
            target[line + step * column] = pixels[begin + column * stride] / one;
          }
        }
        if (moves !== undefined) {
          const shift: readonly [number, number] = [moves[3 * i + 1], moves[3 * i + 2]];
          rotate(scratch, 0, images as Float32Array, place, rows, columns, moves[3 * i], shift, outside);
        }
      }
    }
  }
  for (let channel = 0; channel < geometry.mean.length; channel++) {
    const mean = geometry.mean[channel], deviation = geometry.deviation[channel];
    if (mean === 0 && deviation === 1) continue;
    for (let i = 0; i < job.from.length; i++) {
      const begin = (i * planes + channel * slices) * plane, end = begin + slices * plane;
      for (let at = begin; at < end; at++) images[at] = (images[at] - mean) / deviation;
    }
  }
}

/** Label maps that are prepared with the images. */
export interface BatchMaps {
  /** The dataset's labels, shared where memory can be shared. */
  readonly labels: Elements;
  /** Sizes. */
  readonly geometry: BatchGeometry;
}

/** What a worker of a loader gets at its start. */
export interface BatchWorkerData {
  /** The dataset's images, shared where memory can be shared. */
  readonly pixels: Elements;
  /** Sizes and normalization. */
  readonly geometry: BatchGeometry;
  /** Label maps; absent: labels are no maps. */
  readonly maps?: BatchMaps;
}

/** What a worker is asked for: a batch, and the memory for it when there is some to use again. */
export interface BatchWorkerJob extends BatchJob {
  /** Memory to write into, at least as large as the batch's images and label maps. Absent: the worker takes new memory. */
  readonly buffer?: ArrayBuffer;
}

/** Numbers that one image becomes. */
export function imageSize({ channels, slices, rows, columns }: BatchGeometry): number {
  return channels * slices * rows * columns;
}

/**
 * The program of a worker that prepares images: the body of a pool's worker, which answers each job with the memory of the images, behind
 * which the label maps lie.
 */
export function batchWorkerSource(): string {
  return `
const rotateImage = ${rotateImage.toString()};
const rotateLabels = ${rotateLabels.toString()};
const fill = ${fillImages.toString()};
const { pixels, geometry, maps } = data;
const sizeOf = (geometry) => geometry ? geometry.channels * geometry.slices * geometry.rows * geometry.columns : 0;
const scratch = new Float32Array(geometry.rows * geometry.columns);
const Labels = maps && maps.labels instanceof Float32Array ? Float32Array : Int32Array;
const mapScratch = maps && new Labels(scratch.length);
const handle = (job) => {
  const count = job.from.length * sizeOf(geometry), mapCount = job.from.length * sizeOf(maps && maps.geometry);
  const buffer = job.buffer || new ArrayBuffer(4 * (count + mapCount));
  fill(new Float32Array(buffer, 0, count), job, pixels, scratch, geometry, rotateImage);
  if (maps) fill(new Labels(buffer, 4 * count, mapCount), job, maps.labels, mapScratch, maps.geometry, rotateLabels);
  return { result: buffer, transfer: [buffer] };
};
`;
}
