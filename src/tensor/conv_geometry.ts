/**
 * The geometry of a convolution, computed and validated once: every backend gets the same numbers and derives nothing.
 * Convolutions here are cross-correlations, as in PyTorch: `out[n, o, p] = Σ in[n, c, p·stride + t·dilation − padBefore] · w[o, c, t]`.
 */

import { ArgumentError, ShapeError } from "./errors.ts";
import { formatShape, type Shape } from "./layout.ts";

/** One number for every spatial axis, or one for each, in array order (`[depth, vertical, horizontal]`). */
export type PerAxis = number | readonly number[];

/** Zeros around the input: one number for all sides, one for each axis, or `[before, after]` for each axis. */
export type Padding = number | readonly (number | readonly [number, number])[];

/** Options of a convolution. */
export interface ConvolutionOptions {
  /** Step between neighbouring outputs. Default 1. */
  readonly stride?: PerAxis;
  /** Zeros around the input. Default 0. */
  readonly padding?: Padding;
  /** Distance between neighbouring taps. Default 1. */
  readonly dilation?: PerAxis;
  /** Number of blocks into which input and output channels are divided. Default 1. */
  readonly groups?: number;
}

/** A validated convolution. Spatial arrays are in array order, one entry for each of the 1, 2 or 3 axes. */
export interface ConvolutionGeometry {
  /** Number of samples. */
  readonly batch: number;
  /** Channels of the input, all groups together. */
  readonly inChannels: number;
  /** Channels of the output, all groups together. */
  readonly outChannels: number;
  /** Number of channel blocks. */
  readonly groups: number;
  /** Spatial sizes of the input. */
  readonly inputSize: readonly number[];
  /** Spatial sizes of the filter. */
  readonly kernelSize: readonly number[];
  /** Spatial sizes of the output. */
  readonly outputSize: readonly number[];
  /** Step between outputs. */
  readonly stride: readonly number[];
  /** Distance between taps. */
  readonly dilation: readonly number[];
  /** Zeros before the first element of each axis. */
  readonly padBefore: readonly number[];
  /** Zeros after the last element of each axis. */
  readonly padAfter: readonly number[];
}

/** `value` once for each axis, checked to be integers of at least `minimum`. */
export function perAxis(value: PerAxis, axes: number, name: string, minimum: number, op: string): number[] {
  const list = Array.isArray(value) ? [...value] : new Array<number>(axes).fill(value as number);
  if (list.length !== axes || list.some((entry) => !Number.isInteger(entry) || entry < minimum)) {
    throw new ArgumentError({
      op,
      expected: `${name} as an integer of at least ${minimum}, or ${axes} of them`,
      actual: Array.isArray(value)
        ? formatShape(value)
        : typeof value === "number"
        ? String(value)
        : `${JSON.stringify(value)}`,
    });
  }
  return list;
}

/** Padding as `[before, after]` for each axis. */
export function perSide(padding: Padding, axes: number, op: string): [number, number][] {
  const list = typeof padding === "number" ? new Array<number>(axes).fill(padding) : [...padding];
  const sides = list.map((entry): [number, number] =>
    typeof entry === "number" ? [entry, entry] : [entry[0], entry[1]]
  );
  if (sides.length !== axes || sides.some((side) => side.some((entry) => !Number.isInteger(entry) || entry < 0))) {
    throw new ArgumentError({
      op,
      expected: `padding as a non-negative integer, or ${axes} of them, or ${axes} pairs [before, after]`,
      actual: JSON.stringify(padding),
    });
  }
  return sides;
}

/**
 * The geometry of the convolution of an input `[batch, channels, …spatial]` with a filter `[out, channels / groups, …taps]`.
 * Throws {@linkcode ShapeError} or {@linkcode ArgumentError} where they do not fit together.
 */
export function convolutionGeometry(
  input: Shape,
  weight: Shape,
  options: ConvolutionOptions = {},
  op = "convolution",
): ConvolutionGeometry {
  const axes = input.length - 2;
  if (axes < 1 || axes > 3 || weight.length !== input.length) {
    throw new ShapeError({
      op,
      expected: "input [batch, channels, …spatial] and filter [out, channels / groups, …taps] with 1 to 3 spatial axes",
      actual: `${formatShape(input)} and ${formatShape(weight)}`,
    });
  }
  const groups = options.groups ?? 1;
  if (!Number.isInteger(groups) || groups < 1) {
    throw new ArgumentError({ op, expected: "groups as a positive integer", actual: String(groups) });
  }
  if (weight[1] * groups !== input[1] || weight[0] % groups !== 0) {
    throw new ShapeError({
      op,
      expected: `a filter [multiple of ${groups}, ${input[1] / groups}, …] for ${
        input[1]
      } input channels in ${groups} groups`,
      actual: formatShape(weight),
    });
  }
  const inputSize = input.slice(2);
  const kernelSize = weight.slice(2);
  const stride = perAxis(options.stride ?? 1, axes, "stride", 1, op);
  const dilation = perAxis(options.dilation ?? 1, axes, "dilation", 1, op);
  const sides = perSide(options.padding ?? 0, axes, op);
  const outputSize = inputSize.map((size, axis) => {
    const padded = size + sides[axis][0] + sides[axis][1];
    const reach = dilation[axis] * (kernelSize[axis] - 1) + 1;
    if (kernelSize[axis] < 1 || reach > padded) {
      throw new ShapeError({
        op,
        expected: `spatial sizes of at least the filter's reach ${reach} along axis ${axis} (with padding)`,
        actual: `${size} + padding ${sides[axis][0]} + ${sides[axis][1]}`,
        hint: "Use a larger input, more padding, a smaller filter or dilation",
      });
    }
    return Math.floor((padded - reach) / stride[axis]) + 1;
  });
  return {
    batch: input[0],
    inChannels: input[1],
    outChannels: weight[0],
    groups,
    inputSize,
    kernelSize,
    outputSize,
    stride,
    dilation,
    padBefore: sides.map((side) => side[0]),
    padAfter: sides.map((side) => side[1]),
  };
}

/** Multiply-adds of one pass of the convolution (forward or either gradient), times two. */
export function convolutionFlops(geometry: ConvolutionGeometry): number {
  const { batch, inChannels, outChannels, groups, kernelSize, outputSize } = geometry;
  return [...kernelSize, ...outputSize].reduce((a, b) => a * b, 2 * batch * outChannels * (inChannels / groups));
}
