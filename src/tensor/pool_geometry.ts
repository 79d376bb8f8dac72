/**
 * The geometry of a pooling window, computed and validated once for every backend. Follows PyTorch: padding never wins a
 * maximum; with `ceilMode` the last window must start inside the input or its padding before.
 */

import { type PerAxis, perAxis } from "./conv_geometry.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { formatShape, type Shape } from "./layout.ts";

/** Options of a pooling. */
export interface PoolOptions {
  /** Step between neighbouring windows. Default: the window's size. */
  readonly stride?: PerAxis;
  /** Padding on both sides of each axis, at most half the window. Default 0. */
  readonly padding?: PerAxis;
  /** Distance between neighbouring elements of a window (max-pooling only). Default 1. */
  readonly dilation?: PerAxis;
  /** Round the output's size up instead of down. Default false. */
  readonly ceilMode?: boolean;
}

/** A validated pooling over the 1 to 3 spatial axes of `[batch, channels, …spatial]`, in array order. */
export interface PoolGeometry {
  /** Number of samples. */
  readonly batch: number;
  /** Number of channels. */
  readonly channels: number;
  /** Spatial sizes of the input. */
  readonly inputSize: readonly number[];
  /** Sizes of the window. */
  readonly windowSize: readonly number[];
  /** Spatial sizes of the output. */
  readonly outputSize: readonly number[];
  /** Step between windows. */
  readonly stride: readonly number[];
  /** Distance between a window's elements. */
  readonly dilation: readonly number[];
  /** Padding before the first element of each axis; as much follows the last. */
  readonly padding: readonly number[];
}

/**
 * The geometry of pooling an input `[batch, channels, …spatial]`.
 * Throws {@linkcode ShapeError} or {@linkcode ArgumentError} where window and input do not fit.
 */
export function poolGeometry(input: Shape, window: PerAxis, options: PoolOptions = {}, op = "pool"): PoolGeometry {
  const axes = input.length - 2;
  if (axes < 1 || axes > 3) {
    throw new ShapeError({
      op,
      expected: "input [batch, channels, …spatial] with 1 to 3 spatial axes",
      actual: formatShape(input),
    });
  }
  const inputSize = input.slice(2);
  const windowSize = perAxis(window, axes, "kernelSize", 1, op);
  const stride = perAxis(options.stride ?? window, axes, "stride", 1, op);
  const padding = perAxis(options.padding ?? 0, axes, "padding", 0, op);
  const dilation = perAxis(options.dilation ?? 1, axes, "dilation", 1, op);
  if (padding.some((pad, axis) => 2 * pad > windowSize[axis])) {
    throw new ArgumentError({
      op,
      expected: `padding of at most half the window ${formatShape(windowSize)}`,
      actual: formatShape(padding),
    });
  }
  const outputSize = inputSize.map((size, axis) => {
    const span = size + 2 * padding[axis] - (dilation[axis] * (windowSize[axis] - 1) + 1);
    if (span < 0) {
      throw new ShapeError({
        op,
        expected: `spatial sizes that hold a window ${formatShape(windowSize)}`,
        actual: formatShape(inputSize),
      });
    }
    if (!options.ceilMode) return Math.floor(span / stride[axis]) + 1;
    const count = Math.ceil(span / stride[axis]) + 1;
    return (count - 1) * stride[axis] >= size + padding[axis] ? count - 1 : count;
  });
  return { batch: input[0], channels: input[1], inputSize, windowSize, outputSize, stride, dilation, padding };
}
