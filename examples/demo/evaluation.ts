/**
 * What the demo measures: accuracy on upright and rotated images, accuracy by angle, and how much a quarter turn changes the logits.
 */

import { type Batch, BatchLoader, type ImageDataset, noGrad, rotateImage, scope, tensor } from "@escnn/escnn";
import { type DigitNetwork, INPUT_SIZE } from "./networks.ts";
import { NORMALIZATION } from "./training.ts";

const BATCH_SIZE = 100;

/** Which images are tested, and how they are turned. */
export interface TestOptions {
  /** Number of images. */
  readonly limit: number;
  /** Angles in radians, uniformly from `[low, high)`; absent: upright. */
  readonly rotation?: readonly [number, number];
  /** Seed of the angles. */
  readonly seed: number;
  /** Called after every batch with the share that is done. */
  readonly onProgress?: (share: number) => void;
}

function loader(dataset: ImageDataset, options: TestOptions): BatchLoader {
  return new BatchLoader(dataset, {
    batchSize: BATCH_SIZE,
    limit: options.limit,
    padTo: [INPUT_SIZE, INPUT_SIZE],
    normalize: NORMALIZATION,
    seed: options.seed,
    ...(options.rotation === undefined ? {} : { rotation: options.rotation }),
  });
}

async function logitsOf(network: DigitNetwork, images: Float32Array, shape: readonly number[]): Promise<Float32Array> {
  using _ = scope();
  return await noGrad(() => network.forward(tensor(images, shape))).data() as Float32Array;
}

/** Share of images whose greatest logit is their label's. */
export async function accuracy(network: DigitNetwork, dataset: ImageDataset, options: TestOptions): Promise<number> {
  let [right, count] = [0, 0];
  for await (const batch of loader(dataset, options).epoch(0)) {
    const logits = await logitsOf(network, batch.images, batch.shape);
    const classes = logits.length / batch.size;
    for (let i = 0; i < batch.size; i++) {
      const row = logits.subarray(i * classes, (i + 1) * classes);
      if (row.indexOf(Math.max(...row)) === batch.labels[i]) right++;
    }
    count += batch.size;
    options.onProgress?.(count / Math.min(options.limit, dataset.length));
  }
  return right / count;
}

/** Every image of a batch turned by one angle about its centre. */
export function rotateBatch(batch: Batch, angle: number): Float32Array {
  const [, , rows, columns] = batch.shape;
  const background = -NORMALIZATION.mean / NORMALIZATION.deviation;
  // Rotation fills with zero, so grey values are shifted to have their background there.
  const shifted = batch.images.map((value) => value - background);
  const turned = new Float32Array(shifted.length);
  for (let i = 0; i < batch.size; i++) {
    rotateImage(shifted, i * rows * columns, turned, i * rows * columns, rows, columns, angle);
  }
  return turned.map((value) => value + background);
}

/** The first `limit` test images as one batch. */
export async function firstBatch(dataset: ImageDataset, limit: number): Promise<Batch> {
  for await (const batch of loader(dataset, { limit, seed: 0 }).epoch(0)) return batch;
  throw new RangeError("firstBatch: expected at least one image, got an empty dataset");
}

/** ‖f(turned by 90°) − f‖ / ‖f‖ of the logits of 100 images, the greatest over the three quarter turns. */
export async function equivarianceError(network: DigitNetwork, dataset: ImageDataset): Promise<number> {
  const batch = await firstBatch(dataset, BATCH_SIZE);
  const upright = await logitsOf(network, batch.images, batch.shape);
  let worst = 0;
  for (const turns of [1, 2, 3]) {
    const turned = await logitsOf(network, rotateBatch(batch, turns * Math.PI / 2), batch.shape);
    let [difference, norm] = [0, 0];
    upright.forEach((value, i) => {
      difference += (turned[i] - value) ** 2;
      norm += value ** 2;
    });
    worst = Math.max(worst, Math.sqrt(difference / norm));
  }
  return worst;
}
