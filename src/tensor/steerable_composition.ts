/**
 * Convolution by a plan (`steerable_plan.ts`) composed of the operations that every backend has: a depthwise convolution with the
 * functions, matrix products with the coefficients, and one with the weights of each output. Differentiable to any order.
 */

import { convolution, convolutionTransposed } from "./conv.ts";
import type { ConvolutionGeometry } from "./conv_geometry.ts";
import { tensor, zeros } from "./creation.ts";
import { binaryOperation } from "./elementwise.ts";
import { gatherUnchecked } from "./gather.ts";
import { concatenate } from "./join.ts";
import { matmul } from "./matmul.ts";
import { scope } from "./scope.ts";
import type { SteerablePlan } from "./steerable_plan.ts";
import type { Tensor } from "./tensor.ts";
import { expand, reshape, slice, transpose } from "./views.ts";

/** A constant beside a tensor. */
function constant(data: Float64Array | Int32Array, shape: readonly number[], beside: Tensor): Tensor {
  const { backend, dtype } = beside;
  if (data instanceof Int32Array) return tensor(data, shape, { backend });
  return tensor(dtype === "float32" ? new Float32Array(data) : data, shape, { backend, dtype });
}

/** The slices of `x` along `axis` at these positions; all of it where they are all in order. */
function choose(x: Tensor, axis: number, positions: readonly number[]): Tensor {
  if (positions.length === x.shape[axis] && positions.every((position, i) => position === i)) return x;
  const shape = x.shape.map((size, i) => i === axis ? positions.length : size);
  const column = shape.map((_, i) => i === axis ? positions.length : 1);
  return gatherUnchecked(x, axis, expand(constant(Int32Array.from(positions), column, x), shape));
}

/** The functions as a depthwise filter. */
function depthwiseFilter(x: Tensor, plan: SteerablePlan, channels: number): Tensor {
  const { functions, functionCount, kernelSize } = plan;
  const one = constant(functions, [1, functionCount, ...kernelSize], x);
  return reshape(expand(one, [channels, functionCount, ...kernelSize]), [channels * functionCount, 1, ...kernelSize]);
}

/** The padding as pairs. */
function sidesOf({ padBefore, padAfter }: ConvolutionGeometry): [number, number][] {
  return padBefore.map((before, axis) => [before, padAfter[axis]]);
}

/** All planes of each output: `[batch, groups, columns, size · pixels]`, `undefined` where there is none. */
function planesOf(x: Tensor, plan: SteerablePlan, geometry: ConvolutionGeometry): (Tensor | undefined)[] {
  const { batch, groups, stride, dilation, outputSize } = geometry;
  const { functionCount, inChannels } = plan;
  const pixels = outputSize.reduce((a, b) => a * b, 1);
  const channels = groups * inChannels;
  const filter = depthwiseFilter(x, plan, channels);
  const padding = sidesOf(geometry);
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

/** See {@linkcode steerableConvolutionTransposed}; operands have been checked. */
export function composeSteerableTransposed(
  x: Tensor,
  weights: Tensor,
  plan: SteerablePlan,
  geometry: ConvolutionGeometry,
): Tensor {
  return scope(() => {
    const { batch, groups, outputSize, inputSize, stride, dilation } = geometry;
    const { functionCount, inChannels } = plan;
    const pixels = outputSize.reduce((a, b) => a * b, 1);
    const source = reshape(x, [batch, groups, plan.outChannels, pixels]);
    const byGroup = reshape(weights, [groups, plan.weightCount]);
    // What the weights send back to the planes of each output.
    const planes = plan.outputs.map(({ size, channels }, o) => {
      if (channels.length * plan.columns[o] === 0) return undefined;
      const start = plan.offsets[o], end = start + channels.length * plan.columns[o];
      const matrix = reshape(slice(byGroup, 1, start, end), [groups, channels.length, plan.columns[o]]);
      const positions = Array.from(channels, (first) => Array.from({ length: size }, (_, i) => first + i)).flat();
      const rows = reshape(choose(source, 2, positions), [batch, groups, channels.length, size * pixels]);
      return matmul(transpose(matrix, 1, 2), rows);
    });
    const columns = plan.outputs.map(() => 0);
    let functions: Tensor | undefined;
    for (const { size, channels: copies, parts } of plan.inputs) {
      let sum: Tensor | undefined;
      for (const { output, paths, coefficients } of parts) {
        const outSize = plan.outputs[output].size, from = columns[output];
        columns[output] += copies.length * paths;
        const back = planes[output];
        if (back === undefined) continue;
        const part = reshape(slice(back, 2, from, columns[output]), [
          batch,
          groups,
          copies.length,
          paths * outSize,
          pixels,
        ]);
        const matrix = constant(coefficients, [paths * outSize, size * functionCount], x);
        const product = matmul(transpose(matrix, 0, 1), part);
        sum = sum === undefined ? product : binaryOperation("add", sum, product);
      }
      if (sum === undefined) continue;
      // Channels of this kind get it, all others zeros.
      const order = new Array<number>(inChannels).fill(copies.length * size);
      copies.forEach((first, c) => {
        for (let j = 0; j < size; j++) order[first + j] = c * size + j;
      });
      const rows = reshape(sum, [batch, groups, copies.length * size, functionCount * pixels]);
      const { backend, dtype } = x;
      const padded = concatenate([rows, zeros([batch, groups, 1, functionCount * pixels], { backend, dtype })], 2);
      const spread = choose(padded, 2, order);
      functions = functions === undefined ? spread : binaryOperation("add", functions, spread);
    }
    const { backend, dtype } = x;
    if (functions === undefined) return zeros([batch, groups * inChannels, ...inputSize], { backend, dtype });
    const channels = groups * inChannels;
    return convolutionTransposed(
      reshape(functions, [batch, channels * functionCount, ...outputSize]),
      depthwiseFilter(x, plan, channels),
      {
        stride,
        dilation,
        padding: sidesOf(geometry),
        groups: channels,
        outputPadding: inputSize.map((size, axis) => {
          const reach = dilation[axis] * (plan.kernelSize[axis] - 1) + 1;
          const [before, after] = sidesOf(geometry)[axis];
          return size + before + after - reach - (outputSize[axis] - 1) * stride[axis];
        }),
      },
    );
  });
}
