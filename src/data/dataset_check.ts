/**
 * What a loader needs to know of a dataset before it makes batches: that its arrays fit its sizes, where their elements lie, and their
 * contents as plain typed arrays.
 */

import { ArgumentError } from "../tensor/errors.ts";
import type { ArrayDataset, LabelArray, PixelArray } from "./dataset.ts";

const OP = "BatchLoader";

/** Elements in one of the types that the batches' program reads. */
export type Elements = LabelArray;

/** A dataset whose sizes have been checked, with all that it leaves open filled in. */
export interface CheckedDataset {
  /** Number of images. */
  readonly length: number;
  /** `[depth, height, width]`, with depth 1 where they are images. */
  readonly size: readonly [depth: number, height: number, width: number];
  /** Whether they are volumes. */
  readonly isVolume: boolean;
  /** Numbers of a pixel. */
  readonly channels: number;
  /** Whether the channels of a pixel lie beside each other. */
  readonly isInterleaved: boolean;
  /** The images. */
  readonly pixels: Elements;
  /** The labels. */
  readonly labels: Elements;
  /** Shape of one label. */
  readonly labelShape: readonly number[];
  /** Label maps of an image; 0: labels are not maps. */
  readonly maps: number;
}

/** The same memory as an array of one of the four types themselves, which a subclass (Node's Buffer) may not be. */
function plain(data: PixelArray | LabelArray): Elements {
  const { buffer, byteOffset, length } = data;
  if (data instanceof Float32Array) return new Float32Array(buffer, byteOffset, length);
  if (data instanceof Int32Array) return new Int32Array(buffer, byteOffset, length);
  if (data instanceof Uint16Array) return new Uint16Array(buffer, byteOffset, length);
  return new Uint8Array(buffer, byteOffset, length);
}

const isPixels = (value: unknown): boolean =>
  value instanceof Uint8Array || value instanceof Uint8ClampedArray || value instanceof Float32Array;

const isLabels = (value: unknown): boolean =>
  value instanceof Uint8Array || value instanceof Uint16Array || value instanceof Int32Array ||
  value instanceof Float32Array;

const isSize = (value: unknown, least: number): boolean => Number.isInteger(value) && value as number >= least;

/** Refuses what is no dataset, before its numbers are used. */
function checkForm({ pixels, labels, length, height, width }: ArrayDataset): void {
  if (isPixels(pixels) && isLabels(labels) && [length, height, width].every((size) => isSize(size, 0))) return;
  const form = (value: unknown): string => ArrayBuffer.isView(value) ? value.constructor.name : String(value);
  throw new ArgumentError({
    op: OP,
    expected:
      "a dataset { length, height, width, pixels: Uint8Array of grey values from 0 to 255 (or Uint8ClampedArray, " +
      "or Float32Array, taken as it is), labels: Uint8Array, Uint16Array, Int32Array or Float32Array }",
    actual: `length ${length}, height ${height}, width ${width}, pixels ${form(pixels)}, labels ${form(labels)}`,
    hint: "Colour images add channels and layout, volumes depth, label maps and vectors of targets labelShape",
  });
}

function refuse(expected: string, actual: string, hint?: string): never {
  throw new ArgumentError({ op: OP, expected, actual, hint });
}

/** Refuses impossible values of what a dataset may leave open. */
function checkExtents({ channels, depth, layout, labelShape }: ArrayDataset): void {
  if (channels !== undefined && !isSize(channels, 1)) {
    refuse("channels of the dataset as an integer of at least 1", String(channels));
  }
  if (depth !== undefined && !isSize(depth, 0)) {
    refuse("depth of the dataset as an integer of at least 0", String(depth), "Leave it out where there are images");
  }
  if (layout !== undefined && layout !== "channelsFirst" && layout !== "channelsLast") {
    refuse('layout "channelsFirst" or "channelsLast"', String(layout));
  }
  if (labelShape !== undefined && !(Array.isArray(labelShape) && labelShape.every((size) => isSize(size, 1)))) {
    refuse("labelShape as a list of integers of at least 1", String(labelShape));
  }
}

const product = (sizes: readonly number[]): number => sizes.reduce((a, b) => a * b, 1);

/** Checks a dataset. Throws {@linkcode ArgumentError} for what is none, or whose arrays do not fit its sizes. */
export function checkDataset(dataset: ArrayDataset): CheckedDataset {
  checkForm(dataset);
  checkExtents(dataset);
  const { length, height, width, depth, channels = 1, layout = "channelsFirst", labelShape = [] } = dataset;
  const space = depth === undefined ? [height, width] : [depth, height, width];
  const perLabel = product(labelShape);
  const { pixels, labels } = dataset;
  if (pixels.length !== length * channels * product(space) || labels.length !== length * perLabel) {
    const label = labelShape.length === 0 ? "a label each" : `labels [${labelShape.join(", ")}]`;
    const size = `${space.join(" × ")} ${depth === undefined ? "pixels" : "voxels"}`;
    refuse(
      `${length} ${depth === undefined ? "images" : "volumes"} of ${size}${
        channels === 1 ? "" : ` of ${channels} channels`
      } with ${label}`,
      `${pixels.length} ${channels === 1 ? "pixels" : "numbers"} and ${labels.length} labels`,
      labels.length === length * product(space) ? `Label maps have labelShape: [${space.join(", ")}]` : undefined,
    );
  }
  const leading = labelShape.length - space.length;
  const isMap = leading >= 0 && space.every((size, axis) => labelShape[leading + axis] === size);
  return {
    length,
    size: [depth ?? 1, height, width],
    isVolume: depth !== undefined,
    channels,
    isInterleaved: layout === "channelsLast",
    pixels: plain(pixels),
    labels: plain(labels),
    labelShape: [...labelShape],
    maps: isMap ? product(labelShape.slice(0, leading)) : 0,
  };
}
