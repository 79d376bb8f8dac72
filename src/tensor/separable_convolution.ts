/**
 * Convolution of every channel with a filter that is a product of one profile for each axis, on backends that have it; it and its adjoint
 * are each other's derivatives.
 */

import type { Backend } from "./backend.ts";
import { allocateTensor, commonBackend, needsGrad, record } from "./core.ts";
import { type ConvolutionGeometry, convolutionGeometry, type PerAxis } from "./conv_geometry.ts";
import { isFloat } from "./dtype.ts";
import { DTypeError } from "./errors.ts";
import type { Tensor } from "./tensor.ts";
import { contiguous } from "./views.ts";

/** Options of {@linkcode separableConvolution}. */
export interface SeparableConvolutionOptions {
  /** Step between neighbouring outputs. Default 1. */
  readonly stride?: PerAxis;
  /** Zeros on both sides of each axis. Default 0. */
  readonly padding?: PerAxis;
}

interface Problem {
  readonly geometry: ConvolutionGeometry;
  readonly profiles: readonly Float64Array[];
}

/** Whether a backend convolves with separable filters. */
export function hasSeparableFilters(backend: Backend): boolean {
  return backend.separableFilter !== undefined && backend.separableFilterAdjoint !== undefined;
}

function filter(problem: Problem, x: Tensor, adjoint: boolean): Tensor {
  const { batch, inChannels, inputSize, outputSize } = problem.geometry;
  const shape = [batch, inChannels, ...(adjoint ? inputSize : outputSize)];
  const result = allocateTensor(x.backend, shape, x.dtype);
  if (result.size > 0) {
    const operand = contiguous(x);
    if (adjoint) x.backend.separableFilterAdjoint!({ ...problem, input: result, output: operand });
    else x.backend.separableFilter!({ ...problem, input: operand, output: result });
    operand.dispose();
  }
  if (needsGrad([x])) {
    const op = adjoint ? "separableConvolutionAdjoint" : "separableConvolution";
    record(op, [x], [result], [], ([gradient]) => [filter(problem, gradient!, !adjoint)]);
  }
  return result;
}

/**
 * The convolution of every channel of `x` `[batch, channels, …spatial]` with the outer product of `profiles`, one for each spatial axis, on a
 * backend that {@linkcode hasSeparableFilters}.
 *
 * @throws DTypeError unless `x` is of a float type; ShapeError or ArgumentError where filter and input do not fit.
 */
export function separableConvolution(
  x: Tensor,
  profiles: readonly Float64Array[],
  { stride = 1, padding = 0 }: SeparableConvolutionOptions = {},
): Tensor {
  const op = "separableConvolution";
  commonBackend([x], op);
  if (!isFloat(x.dtype)) {
    throw new DTypeError({ op, expected: "a float tensor", actual: x.describe(), hint: "Convert with cast()" });
  }
  const channels = x.shape[1], filterShape = [channels, 1, ...profiles.map(({ length }) => length)];
  const geometry = convolutionGeometry(x.shape, filterShape, { stride, padding, groups: channels }, op);
  return filter({ geometry, profiles }, x, false);
}
