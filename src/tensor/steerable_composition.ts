/**
 * Convolution by a plan (`steerable_plan.ts`) composed of the operations that every backend has: a depthwise convolution with the
 * functions, matrix products with the coefficients, and one with the weights of each output. Differentiable to any order.
 */

import { convolution } from "./conv.ts";
import type { ConvolutionGeometry } from "./conv_geometry.ts";
import { tensor, zeros } from "./creation.ts";
import { gatherUnchecked } from "./gather.ts";
import { concatenate } from "./join.ts";
import { matmul } from "./matmul.ts";
import { scope } from "./scope.ts";
import type { SteerablePlan } from "./steerable_plan.ts";
import type { Tensor } from "./tensor.ts";
import { expand, reshape, slice } from "./views.ts";

/** A constant beside a tensor. */
function constant(data: Float64Array | Int32Array, shape: readonly number[], beside: Tensor): Tensor {
  const { backend, dtype } = beside;
  if (data instanceof Int32Array) return tensor(data, shape, { backend });
  return tensor(dtype === "float32" ? Float32Array.from(data) : data, shape, { backend, dtype });
}

/** The slices of `x` along `axis` at these positions; all of it where they are all in order. */
function choose(x: Tensor, axis: number, positions: readonly number[]): Tensor {
  if (positions.length === x.shape[axis] && positions.every((position, i) => position === i)) return x;
  const shape = x.shape.map((size, i) => i === axis ? positions.length : size);
  const column = shape.map((_, i) => i === axis ? positions.length : 1);
  return gatherUnchecked(x, axis, expand(constant(Int32Array.from(positions), column, x), shape));
}

/** All planes of each output: `[batch, groups, columns, size · pixels]`, `undefined` where there is none. */
function planesOf(x: Tensor, plan: SteerablePlan, geometry: ConvolutionGeometry): (Tensor | undefined)[] {
  const { batch, groups, stride, dilation, padBefore, padAfter, outputSize } = geometry;
  const { functionCount, kernelSize, inChannels } = plan;
  const pixels = outputSize.reduce((a, b) => a * b, 1);
  const channels = groups * inChannels;
  const one = constant(plan.functions, [1, functionCount, ...kernelSize], x);
  const filter = reshape(expand(one, [channels, functionCount, ...kernelSize]), [
    channels * functionCount,
    1,
    ...kernelSize,
  ]);
  const padding = padBefore.map((before, axis): [number, number] => [before, padAfter[axis]]);
  const projected = reshape(
    convolution(x, filter, { stride, dilation, padding, groups: channels }),
    [batch, groups, inChannels, functionCount * pixels],
  );
  const pieces = plan.outputs.map((): Tensor[] => []);
  for (const { size, channels: copies, parts } of plan.inputs) {
    const positions = Array.from(copies, (first) => Array.from({ length: size }, (_, j) => first + j)).flat();
    const functions = reshape(choose(projected, 2, positions), [
      batch,
      groups,
      copies.length,
      size * functionCount,
      pixels,
    ]);
    for (const { output, paths, coefficients } of parts) {
      const outSize = plan.outputs[output].size;
      const matrix = constant(coefficients, [paths * outSize, size * functionCount], x);
      pieces[output].push(reshape(matmul(matrix, functions), [batch, groups, copies.length * paths, outSize * pixels]));
    }
  }
  return pieces.map((list) => list.length === 0 ? undefined : list.length === 1 ? list[0] : concatenate(list, 2));
}

/** See {@linkcode steerableConvolution}; operands have been checked. */
export function composeSteerableConvolution(
  x: Tensor,
  weights: Tensor,
  plan: SteerablePlan,
  geometry: ConvolutionGeometry,
): Tensor {
  return scope(() => {
    const { batch, groups, outputSize } = geometry;
    const pixels = outputSize.reduce((a, b) => a * b, 1);
    const planes = planesOf(x, plan, geometry);
    const byGroup = reshape(weights, [groups, plan.weightCount]);
    const made: Tensor[] = [];
    const order = new Array<number>(plan.outChannels).fill(-1);
    let rows = 0;
    plan.outputs.forEach(({ size, channels }, o) => {
      const source = planes[o];
      if (source === undefined || channels.length === 0) return;
      const start = plan.offsets[o], end = start + channels.length * plan.columns[o];
      const matrix = reshape(slice(byGroup, 1, start, end), [groups, channels.length, plan.columns[o]]);
      made.push(reshape(matmul(matrix, source), [batch, groups, channels.length * size, pixels]));
      for (const channel of channels) for (let i = 0; i < size; i++) order[channel + i] = rows++;
    });
    const { backend, dtype } = x;
    if (order.includes(-1)) made.push(zeros([batch, groups, 1, pixels], { backend, dtype }));
    const stacked = made.length === 1 ? made[0] : concatenate(made, 2);
    const result = choose(stacked, 2, order.map((row) => row < 0 ? rows : row));
    return reshape(result, [batch, groups * plan.outChannels, ...outputSize]);
  });
}
