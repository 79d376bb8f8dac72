/**
 * Running fused computations on tensors and recording them: `map` and `mapReduce` with broadcasting. The derivative of a
 * fused computation is one fused map for the inputs of full shape and one fused reduction for each way in which inputs were
 * broadcast, so a fused forward pass has a fused backward pass, to any order.
 */

import { allocateTensors, commonBackend, expandedView, needsGrad, record, viewOf } from "./core.ts";
import type { View } from "./backend.ts";
import type { DType } from "./dtype.ts";
import * as E from "./expr.ts";
import { type FusedPlan, fusedPlan } from "./fused_plan.ts";
import { contiguousStrides, expandLayout, reshapeLayout, type Shape } from "./layout.ts";
import type { Gradients } from "./node.ts";
import type { Tensor } from "./tensor.ts";

/** Whether two shapes are equal. */
export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** Axes of `full` along which an operand of shape `shape` is repeated. */
export function broadcastAxes(shape: Shape, full: Shape): number[] {
  const lead = full.length - shape.length;
  const axes: number[] = [];
  for (let axis = 0; axis < full.length; axis++) {
    if (full[axis] !== 1 && (axis < lead || shape[axis - lead] === 1)) axes.push(axis);
  }
  return axes;
}

/** `shape` with size 1 along `axes` (ascending). */
export function keepReduced(shape: Shape, axes: readonly number[]): number[] {
  const kept = [...shape];
  for (const axis of axes) kept[axis] = 1;
  return kept;
}

/** `shape` without `axes` (ascending). */
export function dropReduced(shape: Shape, axes: readonly number[]): number[] {
  return shape.filter((_, axis) => !axes.includes(axis));
}

function operandView(tensor: Tensor, shape: Shape, op: string): View {
  if (sameShape(tensor.shape, shape)) return tensor;
  return expandedView(tensor, shape, expandLayout(tensor, shape, op).strides);
}

/**
 * Runs a map over `shape`, to which the inputs broadcast. `resultShape` names the same elements with other axes of size 1.
 * At least one input.
 */
export function runMap(
  op: string,
  plan: FusedPlan,
  inputs: readonly Tensor[],
  scalars: readonly number[],
  shape: Shape,
  resultShape: Shape = shape,
): Tensor[] {
  const backend = commonBackend(inputs, op);
  const views = inputs.map((input) => operandView(input, shape, op));
  const outputs = allocateTensors(backend, plan.outputs.map(() => resultShape), plan.outputs);
  const same = sameShape(shape, resultShape);
  const strides = same ? undefined : contiguousStrides(shape);
  backend.map({
    expressions: plan.expressions,
    shape,
    inputs: views,
    scalars,
    outputs: strides === undefined ? outputs : outputs.map((output) => expandedView(output, shape, strides)),
  });
  if (needsGrad(inputs)) recordFused(op, plan, inputs, scalars, shape, shape, outputs);
  return outputs;
}

/**
 * Runs a reduction over `axes` (ascending) of `shape`, to which the inputs broadcast. `resultShape` is `shape` with the
 * axes at size 1 or gone. Products are not recorded here (see `product.ts`).
 */
export function runReduce(
  op: string,
  plan: FusedPlan,
  axes: readonly number[],
  inputs: readonly Tensor[],
  scalars: readonly number[],
  shape: Shape,
  resultShape: Shape,
): Tensor[] {
  const backend = commonBackend(inputs, op);
  const views = inputs.map((input) => operandView(input, shape, op));
  const kept = keepReduced(shape, axes);
  const outputs = allocateTensors(backend, plan.outputs.map(() => resultShape), plan.outputs);
  const strides = contiguousStrides(kept);
  backend.mapReduce({
    expressions: plan.expressions,
    reductions: plan.reductions!,
    shape,
    axes,
    inputs: views,
    scalars,
    outputs: outputs.map((output) => expandedView(output, kept, strides)),
  });
  if (needsGrad(inputs)) recordFused(op, plan, inputs, scalars, shape, kept, outputs);
  return outputs;
}

/** Records a map (`kept` equals `shape`) or a reduction whose outputs have, seen with all axes, the shape `kept`. */
function recordFused(
  op: string,
  plan: FusedPlan,
  inputs: readonly Tensor[],
  scalars: readonly number[],
  shape: Shape,
  kept: Shape,
  outputs: readonly Tensor[],
): void {
  let mask = 0;
  const differentiable = plan.differentiable;
  for (let i = 0; i < inputs.length; i++) {
    if (inputs[i].node !== undefined && (differentiable & 1 << i) !== 0) mask |= 1 << i;
  }
  if (mask === 0) return;
  const n = inputs.length;
  const m = outputs.length;
  const savedOperands: number[] = [];
  const saved: Tensor[] = [];
  const save = (operand: number): void => {
    const isValue = operand >= n + m && (operand - n - m) % 2 === 0;
    if ((operand >= n && !isValue) || savedOperands.includes(operand)) return;
    savedOperands.push(operand);
    saved.push(operand < n ? inputs[operand] : outputs[(operand - n - m) / 2]);
  };
  for (const operand of plan.gradient(mask, plan.allOutputs).operands) {
    save(operand);
    const count = operand - n - m;
    if (count >= 0 && count % 2 === 1) plan.tieCount((count - 1) / 2).operands.forEach(save);
  }
  const shapes = inputs.map((input) => input.shape);
  record(op, inputs, outputs, saved, (gradients, savedTensors, needs) => {
    const operands = new Map<number, Tensor>();
    const operand = (number: number): Tensor => {
      let tensor = operands.get(number);
      if (tensor !== undefined) return tensor;
      if (number < n) tensor = savedTensors[savedOperands.indexOf(number)];
      else if (number < n + m) tensor = spread(gradients[number - n]!, kept, shape);
      else if ((number - n - m) % 2 === 0) {
        tensor = spread(savedTensors[savedOperands.indexOf(number)], kept, shape);
      } else {
        const count = plan.tieCount((number - n - m - 1) / 2);
        const axes = broadcastAxes(kept, shape);
        const total = runReduce(op, count.plan, axes, count.operands.map(operand), scalars, shape, kept)[0];
        tensor = spread(total, kept, shape);
      }
      operands.set(number, tensor);
      return tensor;
    };
    return fusedGradients(op, plan, gradients, needs, mask, shapes, scalars, shape, operand);
  });
}

/** The gradients of a fused computation's inputs: grouped by the axes along which they were broadcast. */
function fusedGradients(
  op: string,
  plan: FusedPlan,
  gradients: Gradients,
  needs: readonly boolean[],
  mask: number,
  shapes: readonly Shape[],
  scalars: readonly number[],
  shape: Shape,
  operand: (number: number) => Tensor,
): Gradients {
  let outputMask = 0;
  gradients.forEach((gradient, j) => {
    if (gradient !== undefined) outputMask |= 1 << j;
  });
  const results: Gradients = new Array(shapes.length).fill(undefined);
  const groups = new Map<string, { mask: number; axes: number[] }>();
  for (let i = 0; i < shapes.length; i++) {
    if ((mask & 1 << i) === 0 || !needs[i]) continue;
    const axes = sameShape(shapes[i], shape) ? [] : broadcastAxes(shapes[i], shape);
    const single = plan.gradient(1 << i, outputMask);
    if (single.targets.length === 0) continue;
    if (axes.length === 0 && single.plan.expressions[0].kind === "input") {
      // The gradient passes unchanged: no kernel, only a view.
      results[i] = spread(operand(single.operands[0]), shapes[i], shapes[i]);
      continue;
    }
    const key = axes.length === 0 ? shapes[i].length.toString() : `${axes} ${shapes[i].length}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { mask: 1 << i, axes });
    else group.mask |= 1 << i;
  }
  for (const { mask: groupMask, axes } of groups.values()) {
    const kernel = plan.gradient(groupMask, outputMask);
    const tensors = kernel.operands.map(operand);
    const resultShape = shapes[kernel.targets[0]];
    const made = axes.length === 0
      ? runMap(op, kernel.plan, tensors, scalars, shape, resultShape)
      : runReduce(op, sumOf(kernel.plan), axes, tensors, scalars, shape, resultShape);
    kernel.targets.forEach((target, position) => results[target] = made[position]);
  }
  return results;
}

const sums = new WeakMap<FusedPlan, FusedPlan>();

/** The plan that adds up what a map's plan computes. */
function sumOf(plan: FusedPlan): FusedPlan {
  let summed = sums.get(plan);
  if (summed === undefined) {
    summed = fusedPlan(plan.expressions, plan.inputs, plan.expressions.map(() => "sum"));
    sums.set(plan, summed);
  }
  return summed;
}

/** The sum over `axes` (ascending) of a tensor, seen as `resultShape`. */
export function sumAlong(tensor: Tensor, axes: readonly number[], resultShape: Shape): Tensor {
  if (axes.length === 0) return spread(tensor, resultShape, resultShape);
  return runReduce("sum", sumPlan(tensor.dtype), axes, [tensor], [], tensor.shape, resultShape)[0];
}

function sumPlan(dtype: DType): FusedPlan {
  return fusedPlan([E.input(0, dtype)], [dtype], ["sum"]);
}

/**
 * A tensor seen with the shape `kept` (its own, but for axes of size 1), repeated along those axes to the shape `full`: a view.
 * Its derivative is the sum along the repeated axes.
 */
export function spread(tensor: Tensor, kept: Shape, full: Shape): Tensor {
  if (sameShape(tensor.shape, full)) return tensor;
  const seen = sameShape(tensor.shape, kept) ? tensor : reshapeLayout(tensor, kept)!;
  const result = viewOf(tensor, expandLayout(seen, full, "expand"));
  if (needsGrad([tensor])) {
    const shape = tensor.shape;
    record("expand", [tensor], [result], [], ([gradient]) => [sumAlong(gradient!, broadcastAxes(kept, full), shape)]);
  }
  return result;
}
