/**
 * Chooses how a correlation is computed and in which pieces, from its shape alone: never from the number of threads, so
 * that results do not depend on it. A piece is a block of planes (a plane is one depth position of one sample) times a
 * range of rows of one or more groups; its columns are built in parts of a few channels that stay in the second-level cache.
 */

import type { Correlation } from "./correlation.ts";

/** How the products of a correlation are computed. */
export type Method =
  /** One tap at the same place: the input itself is the right operand. */
  | "pointwise"
  /** Shifted copies for depth and horizontal taps, a row offset for each vertical one. */
  | "rows"
  /** Copies for all taps (im2col of a tile). */
  | "unfold"
  /** As "rows", with the kernels for few output channels. */
  | "thin"
  /** Those kernels on rows with their padding: no copies at all but one for each residue of the horizontal stride. */
  | "wide";

/** How a correlation is computed and in which pieces. */
export interface Tiling {
  /** The method. */
  readonly method: Method;
  /** Samples in a piece; more than 1 only where `depths` is all of them. */
  readonly samples: number;
  /** Depth positions in a piece. */
  readonly depths: number;
  /** Output rows in a piece. */
  readonly rows: number;
  /** Input channels in a part. */
  readonly channels: number;
  /** Groups in a piece; more than 1 only for "thin" and "wide". */
  readonly groups: number;
}

/** Bytes of columns that a part aims at: half of a second-level cache of 1 MiB. */
const COLUMN_BYTES = 512 * 1024;

/** Output channels of a group up to which "thin" wins. */
const THIN_CHANNELS = 4;

/** Rows of columns below which vertical taps are copied too. */
const UNFOLD_DEPTH = 32;

/** Rows of columns that a part has at least. */
const LEAST_DEPTH = 64;

/** Pixels that a piece aims at where the image has more, and where it has fewer. */
const PIXELS = { most: 1024, least: 384 } as const;

/** Pieces that there should be, for two threads and more to share evenly. */
const PIECES = 8;

/** Pixels below which a piece is not divided further. */
const SMALLEST_PIECE = 128;

/** Multiply-adds that a piece of "thin" or "wide" should have. */
const THIN_WORK = 200_000;

/** Whether the input itself, seen as `[channel][pixel]`, is the right operand of the product. */
export function isPointwise(problem: Correlation): boolean {
  const { axes, input } = problem;
  const dense = axes.every((axis) => axis.taps === 1 && axis.stride === 1 && axis.start === 0) &&
    axes.every((axis) => axis.inputs >= axis.outputs);
  return dense && isDenseRow(axes[2].outputs, axes[1].outputs, input.space);
}

/** Whether rows of `columns` elements follow one another without gaps. */
export function isDenseRow(columns: number, rows: number, space: readonly [number, number, number]): boolean {
  return (columns === 1 || space[2] === 1) && (rows === 1 || space[1] === columns) && (columns > 1 || space[1] === 1);
}

/** Rows of input that `rows` outputs of the vertical axis meet, gaps of a dilated filter included. */
export function rowSpan(problem: Correlation, rows: number): number {
  const { taps, stride, step } = problem.axes[1];
  return rows + Math.ceil(((taps - 1) * Math.abs(step)) / stride) * Math.min(stride, taps);
}

/** `total` in equal parts of at most `most`: the size of a part. */
export function evenParts(total: number, most: number): number {
  const limited = Math.max(1, Math.min(total, Math.floor(most)));
  return Math.max(1, Math.ceil(total / Math.max(1, Math.ceil(total / limited))));
}

/** Whether a method computes with the kernels for few output channels. */
export function isThin(method: Method): boolean {
  return method === "thin" || method === "wide";
}

/**
 * Chooses a tiling.
 *
 * @param forWeights Whether the weight gradient is computed, for which the padding of "wide" rows would be in the way.
 */
export function planCorrelation(problem: Correlation, forWeights: boolean): Tiling {
  const { axes, batch, groups, inChannels, outChannels, dtype } = problem;
  const bytes = dtype === "float32" ? 4 : 8;
  const [depthAxis, rowAxis, columnAxis] = axes;
  const [Z, Y, X] = axes.map((axis) => axis.outputs);
  const horizontal = columnAxis.taps;
  let method: Method = "rows";
  if (outChannels <= THIN_CHANNELS) method = forWeights ? "thin" : "wide";
  else if (isPointwise(problem) && Y * X >= 32) method = "pointwise";
  else if (rowAxis.taps > 1 && inChannels * depthAxis.taps * horizontal < UNFOLD_DEPTH) method = "unfold";

  const plane = Y * X;
  // A tile needs rows above and below it: where rows are long, as many as the filter has are the least that pays.
  let rows = plane > 2 * PIXELS.most ? evenParts(Y, Math.max(PIXELS.most / X, rowAxis.taps - 1)) : Y;
  let planes = plane >= PIXELS.least / 2 || method === "pointwise" ? 1 : Math.ceil(PIXELS.least / plane);
  const pieces = () => groups * Math.ceil((batch * Z) / planes) * Math.ceil(Y / rows);
  while (pieces() < PIECES && planes > 1 && (planes / 2) * plane >= SMALLEST_PIECE) planes = Math.ceil(planes / 2);
  while (pieces() < PIECES && rows > 1 && planes === 1 && (rows / 2) * X >= SMALLEST_PIECE) rows = Math.ceil(rows / 2);

  let depths = 1;
  let samples = 1;
  if (planes >= Z) {
    depths = Z;
    samples = Math.max(1, Math.min(batch, Math.floor(planes / Math.max(1, Z))));
  } else {
    depths = evenParts(Z, planes);
  }
  const copies = depthAxis.taps * (method === "wide" ? Math.min(columnAxis.stride, horizontal) : horizontal);
  const perChannel = bytes * copies * samples * depths * X *
    (method === "unfold" ? rowAxis.taps * rows : rowSpan(problem, rows));
  // Products of very few rows of columns cost more than leaving the cache.
  const affordable = Math.max(COLUMN_BYTES / Math.max(1, perChannel), LEAST_DEPTH / Math.max(1, copies));
  const channels = method === "pointwise" ? inChannels : evenParts(inChannels, affordable);
  let groupBlock = 1;
  if (isThin(method) && channels === inChannels) {
    const work = outChannels * inChannels * depthAxis.taps * horizontal * rowAxis.taps * samples * depths * rows * X;
    const most = Math.min(THIN_WORK / Math.max(1, work), COLUMN_BYTES / Math.max(1, perChannel * inChannels));
    groupBlock = evenParts(groups, most);
  }
  return { method, samples, depths, rows, channels, groups: groupBlock };
}
