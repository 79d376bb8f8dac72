/**
 * From a dataset and a loader's options to the sizes of its batches: what is padded, which channels are used, how they are normalized, and
 * whether labels are maps that go with the images.
 */

import { ArgumentError } from "../tensor/errors.ts";
import type { BatchGeometry, BatchMaps } from "./batch_kernel.ts";
import type { CheckedDataset } from "./dataset_check.ts";
import type { BatchOptions } from "./loader.ts";

/** How batches are made. */
export interface BatchPlan {
  /** Of the images. */
  readonly geometry: BatchGeometry;
  /** Of label maps, where there are some. */
  readonly maps: BatchMaps | undefined;
  /** Shape of one image of a batch. */
  readonly shape: readonly number[];
  /** Shape of one label of a batch. */
  readonly labelShape: readonly number[];
}

function refuse(expected: string, actual: string): never {
  throw new ArgumentError({ op: "BatchLoader", expected, actual });
}

/** The size `[slices, rows, columns]` of a batch's images. */
function paddedSize(
  { size, isVolume }: CheckedDataset,
  padTo: BatchOptions["padTo"],
): readonly [number, number, number] {
  if (padTo === undefined) return size;
  const [depth, height, width] = size;
  const space = isVolume ? size : [height, width];
  const least = isVolume && padTo.length === 2 ? [height, width] : space;
  const fits = padTo.length === least.length && padTo.every((n, axis) => Number.isInteger(n) && n >= least[axis]);
  if (!fits) refuse(`padTo of at least the images' size [${space.join(", ")}]`, `[${padTo.join(", ")}]`);
  return padTo.length === 3 ? padTo : [depth, ...padTo];
}

/** One number for each channel. */
function perChannel(name: string, value: number | readonly number[], channels: number): number[] {
  const list = typeof value === "number" ? new Array<number>(channels).fill(value) : [...value];
  const isFine = (n: number): boolean => Number.isFinite(n) && (name === "mean" || n > 0);
  if (list.length === channels && list.every(isFine)) return list;
  const range = name === "mean" ? "finite" : "positive";
  const each = channels === 1 ? "" : ` or a list of ${channels}, one for each channel`;
  return refuse(
    `normalize.${name} as one ${range} number${each}`,
    typeof value === "number" ? `${value}` : `[${list}]`,
  );
}

/** Refuses augmentation that cannot be drawn. */
function checkAugmentation({ flip, rotation, translation }: BatchOptions): void {
  if (flip !== undefined && !["horizontal", "vertical", "both"].includes(flip)) {
    refuse('flip "horizontal", "vertical" or "both"', String(flip));
  }
  for (const [name, range] of [["rotation", rotation], ["translation", translation]] as const) {
    if (range === undefined || (range.length === 2 && range.every(Number.isFinite))) continue;
    refuse(`${name} as two finite numbers [low, high]`, `[${range}]`);
  }
}

/** Refuses a label that the batches cannot hold, so that none is rounded; in float maps NaN is fine. */
function checkOutside(outside: number, isFloat: boolean): void {
  if (isFloat ? typeof outside === "number" : (outside | 0) === outside) return;
  refuse(isFloat ? "outsideLabel as a number" : "outsideLabel as an int32 number", String(outside));
}

/** Plans batches. Throws {@linkcode ArgumentError} for options that do not fit the dataset. */
export function planBatches(dataset: CheckedDataset, options: BatchOptions): BatchPlan {
  const { size: [depth, height, width], isVolume, isInterleaved, pixels, labels } = dataset;
  checkAugmentation(options);
  const channels = options.channels ?? dataset.channels;
  if (!Number.isInteger(channels) || channels < 1 || channels > dataset.channels) {
    refuse(`channels as an integer from 1 to the dataset's ${dataset.channels}`, String(channels));
  }
  const [slices, rows, columns] = paddedSize(dataset, options.padTo);
  const { mean, deviation } = options.normalize ?? { mean: 0, deviation: 1 };
  const isFloat = labels instanceof Float32Array;
  const outside = options.outsideLabel ?? 0;
  checkOutside(outside, isFloat);
  const voxels = depth * height * width;
  const sizes = { depth, height, width, slices, rows, columns };
  const image = dataset.channels * voxels;
  const space = isVolume ? [slices, rows, columns] : [rows, columns];
  const { maps: mapCount, labelShape } = dataset;
  return {
    geometry: {
      ...sizes,
      channels,
      strides: isInterleaved ? [image, 1, dataset.channels] : [image, voxels, 1],
      one: pixels instanceof Uint8Array ? 255 : 1,
      outside: 0,
      mean: perChannel("mean", mean, channels),
      deviation: perChannel("deviation", deviation, channels),
    },
    maps: mapCount === 0 ? undefined : {
      labels,
      geometry: {
        ...sizes,
        channels: mapCount,
        strides: [mapCount * voxels, voxels, 1],
        one: 1,
        outside,
        mean: [],
        deviation: [],
      },
    },
    shape: [channels, ...space],
    labelShape: mapCount === 0 ? labelShape : [...labelShape.slice(0, labelShape.length - space.length), ...space],
  };
}
