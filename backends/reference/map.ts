/**
 * `map` and `mapReduce` of the reference backend: a loop over all points that evaluates the expressions by their
 * definition. Reductions of floats run in float64 (int32 exactly, wrapping) and are rounded once.
 */

import type { MapCall, MapReduceCall } from "../../src/tensor/backend.ts";
import { isFloat, roundTo } from "../../src/tensor/dtype.ts";
import { compileEvaluator } from "../../src/tensor/expr_evaluate.ts";
import { BINARY_OPS, REDUCE_OPS } from "../../src/tensor/expr_ops.ts";
import { contiguousStrides, elementCount, type Shape } from "../../src/tensor/layout.ts";
import { elementPositions, type Operand } from "./buffer.ts";

/** Evaluates the expressions at every point, row-major, and hands each result to `store(output, point, value)`. */
function evaluateAll(
  call: MapCall | MapReduceCall,
  inputs: readonly Operand[],
  store: (output: number, point: number, value: number) => void,
): void {
  const evaluate = compileEvaluator(call.expressions);
  const results = new Float64Array(call.expressions.length);
  const values = new Float64Array(inputs.length);
  const position = new Int32Array(call.shape.length);
  const count = elementCount(call.shape);
  for (let linear = 0; linear < count; linear++) {
    for (let i = 0; i < inputs.length; i++) values[i] = inputs[i].elements[inputs[i].positions[linear]];
    evaluate({ inputs: values, scalars: call.scalars, position, linear }, results);
    for (let j = 0; j < results.length; j++) store(j, linear, results[j]);
    advance(position, call.shape);
  }
}

/** The next position in row-major order. */
function advance(position: Int32Array, shape: Shape): void {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    if (++position[axis] < shape[axis]) return;
    position[axis] = 0;
  }
}

/** See `Backend.map`. A typed array rounds (or wraps) what is stored into it. */
export function map(call: MapCall, inputs: readonly Operand[], outputs: readonly Operand[]): void {
  evaluateAll(call, inputs, (j, point, value) => {
    outputs[j].elements[outputs[j].positions[point]] = value;
  });
}

/** See `Backend.mapReduce`. */
export function mapReduce(call: MapReduceCall, inputs: readonly Operand[], outputs: readonly Operand[]): void {
  const reduced = call.shape.map((size, axis) => call.axes.includes(axis) ? 1 : size);
  const strides = contiguousStrides(reduced).map((stride, axis) => call.axes.includes(axis) ? 0 : stride);
  // For each point of the iteration space the element of the result that it contributes to.
  const targets = elementPositions({ shape: call.shape, strides, offset: 0 });
  const reducers = call.expressions.map(({ dtype }, j) => {
    const op = call.reductions[j];
    const { identity, combine } = REDUCE_OPS[op];
    if (isFloat(dtype)) return { identity: identity(dtype), combine };
    // The product of two int32 does not fit in float64: the integer multiplication does it exactly.
    const exact = op === "prod" ? BINARY_OPS.mul.evaluateInteger ?? combine : combine;
    return { identity: identity(dtype), combine: (x: number, y: number) => roundTo(dtype, exact(x, y)) };
  });
  const sums = reducers.map(({ identity }) => new Float64Array(elementCount(reduced)).fill(identity));
  evaluateAll(call, inputs, (j, point, value) => {
    const sum = sums[j];
    sum[targets[point]] = reducers[j].combine(sum[targets[point]], value);
  });
  sums.forEach((sum, j) => {
    const { elements, positions } = outputs[j];
    for (let i = 0; i < sum.length; i++) elements[positions[i]] = sum[i];
  });
}
