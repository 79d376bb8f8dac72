/**
 * Pooling over windows of the spatial axes: maxima, whose derivative scatters to where they stand, and averages, which with
 * their gradient are a pair of adjoint operations. Adaptive forms take the output's size instead of the window's.
 */

import { allocateTensor, commonBackend, needsGrad, record } from "./core.ts";
import { type PerAxis, perAxis } from "./conv_geometry.ts";
import { isFloat } from "./dtype.ts";
import { DTypeError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import { indexSelect, scatterIntoZeros } from "./gather.ts";
import { elementCount, type Shape } from "./layout.ts";
import { type PoolGeometry, poolGeometry, type PoolOptions } from "./pool_geometry.ts";
import { max, reduce } from "./reductions.ts";
import type { Tensor } from "./tensor.ts";
import { expand, reshape } from "./views.ts";

function requireFloat(op: string, x: Tensor): void {
  commonBackend([x], op);
  if (isFloat(x.dtype)) return;
  throw new DTypeError({ op, expected: "a float tensor", actual: x.describe(), hint: "Convert with cast()" });
}

const poolShape = (geometry: PoolGeometry): Shape => [geometry.batch, geometry.channels, ...geometry.outputSize];

/** Options of {@linkcode averagePool}. */
export interface AveragePoolOptions {
  /** Step between neighbouring windows. Default: the window's size. */
  readonly stride?: PerAxis;
  /** Zeros on both sides of each axis, at most half the window; they count. Default 0. */
  readonly padding?: PerAxis;
  /** Round the output's size up instead of down; what lies beyond the padding does not count. Default false. */
  readonly ceilMode?: boolean;
}

/**
 * The maxima of windows of `x` `[batch, channels, …spatial]`, 1 to 3 spatial axes; padding never wins. The gradient goes to the
 * first maximum of a window. Throws {@linkcode ShapeError} or {@linkcode ArgumentError} where window and input do not fit.
 *
 * @example
 * ```ts
 * import { arange, maxPool, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const y = maxPool(arange(16).reshape([1, 1, 4, 4]), 2);
 * assertEquals(await y.data(), new Float32Array([5, 7, 13, 15]));
 * ```
 */
export function maxPool(x: Tensor, kernelSize: PerAxis, options: PoolOptions = {}): Tensor {
  const op = "maxPool";
  requireFloat(op, x);
  const geometry = poolGeometry(x.shape, kernelSize, options, op);
  const shape = poolShape(geometry);
  const output = allocateTensor(x.backend, shape, x.dtype);
  using indices = allocateTensor(x.backend, shape, "int32");
  if (output.size > 0) x.backend.maxPool({ geometry, input: x, output, indices });
  if (needsGrad([x])) {
    const inputSize = x.shape;
    record(op, [x], [output], [indices], ([gradient], [saved]) => [scatterMaxima(gradient!, saved, inputSize)]);
  }
  return output;
}

const planes = (shape: Shape): Shape => [shape[0], shape[1], elementCount(shape.slice(2))];

/** Gradients put back where the maxima stand. */
function scatterMaxima(gradient: Tensor, indices: Tensor, inputShape: Shape): Tensor {
  const flat = planes(gradient.shape);
  const scattered = scatterIntoZeros(planes(inputShape), 2, reshape(indices, flat), reshape(gradient, flat));
  return reshape(scattered, inputShape);
}

/**
 * The averages of windows of `x` `[batch, channels, …spatial]`; zeros of the padding count.
 * Throws {@linkcode ShapeError} or {@linkcode ArgumentError} where window and input do not fit.
 */
export function averagePool(x: Tensor, kernelSize: PerAxis, options: AveragePoolOptions = {}): Tensor {
  const op = "averagePool";
  requireFloat(op, x);
  const { stride, padding, ceilMode } = options;
  return averageForward(poolGeometry(x.shape, kernelSize, { stride, padding, ceilMode }, op), x);
}

function averageForward(geometry: PoolGeometry, input: Tensor): Tensor {
  const output = allocateTensor(input.backend, poolShape(geometry), input.dtype);
  if (output.size > 0) input.backend.averagePool({ geometry, input, output });
  if (needsGrad([input])) {
    record("averagePool", [input], [output], [], ([gradient]) => [averageGradient(geometry, gradient!)]);
  }
  return output;
}

function averageGradient(geometry: PoolGeometry, output: Tensor): Tensor {
  const shape = [geometry.batch, geometry.channels, ...geometry.inputSize];
  const input = allocateTensor(output.backend, shape, output.dtype);
  if (input.size > 0) output.backend.averagePoolGradient({ geometry, input, output });
  if (needsGrad([output])) {
    record("averagePool", [output], [input], [], ([gradient]) => [averageForward(geometry, gradient!)]);
  }
  return input;
}

/** A window along one axis: from `start` (included) to `end`. */
interface Range {
  readonly start: number;
  readonly end: number;
}

/** The windows ⌊i · in / out⌋ to ⌈(i + 1) · in / out⌉. */
function adaptiveRanges(size: number, count: number): Range[] {
  return Array.from({ length: count }, (_, i) => ({
    start: Math.floor(i * size / count),
    end: Math.ceil((i + 1) * size / count),
  }));
}

function adaptive(
  op: string,
  x: Tensor,
  outputSize: PerAxis,
  whole: (x: Tensor, window: readonly number[]) => Tensor,
  along: (x: Tensor, axis: number, ranges: readonly Range[]) => Tensor,
): Tensor {
  requireFloat(op, x);
  const axes = x.rank - 2;
  if (axes < 1 || axes > 3) {
    throw new ShapeError({
      op,
      expected: "input [batch, channels, …spatial] with 1 to 3 spatial axes",
      actual: x.describe(),
    });
  }
  const counts = perAxis(outputSize, axes, "outputSize", 1, op);
  const sizes = x.shape.slice(2);
  if (sizes.some((size) => size === 0)) {
    throw new ShapeError({ op, expected: "at least one element along each axis", actual: x.describe() });
  }
  if (sizes.every((size, axis) => size % counts[axis] === 0)) {
    return whole(x, sizes.map((size, axis) => size / counts[axis]));
  }
  let result = along(x, 2, adaptiveRanges(sizes[0], counts[0]));
  for (let axis = 1; axis < axes; axis++) {
    using before = result;
    result = along(before, axis + 2, adaptiveRanges(sizes[axis], counts[axis]));
  }
  return result;
}

/** The windows of an axis side by side: `[…, windows, longest, …]`; shorter ones repeat their last element. */
function windowsAlong(x: Tensor, axis: number, ranges: readonly Range[]): Tensor {
  const longest = Math.max(...ranges.map(({ start, end }) => end - start));
  const indices = ranges.flatMap(({ start, end }) =>
    Array.from({ length: longest }, (_, i) => Math.min(start + i, end - 1))
  );
  using chosen = indexSelect(x, axis, indices);
  return reshape(chosen, [...x.shape.slice(0, axis), ranges.length, longest, ...x.shape.slice(axis + 1)]);
}

/** Maxima over windows that cover the input and give `outputSize`; one number for all axes or one for each. */
export function adaptiveMaxPool(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptive(
    "adaptiveMaxPool",
    x,
    outputSize,
    (input, window) => maxPool(input, window),
    (input, axis, ranges) => {
      using windows = windowsAlong(input, axis, ranges);
      return max(windows, axis + 1);
    },
  );
}

/** Averages over windows that cover the input and give `outputSize`; one number for all axes or one for each. */
export function adaptiveAveragePool(x: Tensor, outputSize: PerAxis): Tensor {
  return adaptive(
    "adaptiveAveragePool",
    x,
    outputSize,
    (input, window) => averagePool(input, window),
    (input, axis, ranges) => {
      using windows = windowsAlong(input, axis, ranges);
      using lengths = allocateTensor(input.backend, [ranges.length], "int32");
      input.backend.write(lengths, Int32Array.from(ranges, ({ start, end }) => end - start));
      using column = reshape(lengths, [ranges.length, ...new Array<number>(input.rank - axis).fill(1)]);
      using counts = expand(column, windows.shape);
      // Elements beyond a window's own length are repetitions and do not count.
      return reduce([windows, counts], "sum", axis + 1, (value, count) => {
        const inside = E.lt(E.index(axis + 1), count);
        return E.select(inside, E.div(value, E.cast(count, value.dtype)), 0);
      });
    },
  );
}
