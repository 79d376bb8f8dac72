/**
 * Folds scales of channels into the weights before them: where a convolution or product is followed by y · s + t with numbers s and t for
 * each channel (batch normalization in eval mode, a bias), its weights are multiplied by s, and t is one number to add.
 */

import type { View } from "../../tensor/backend.ts";
import type { TypedArray } from "../../tensor/dtype.ts";
import * as E from "../../tensor/expr.ts";
import { type Expr, operandsOf, topologicalOrder } from "../../tensor/expr.ts";
import { compileEvaluator } from "../../tensor/expr_evaluate.ts";
import { contiguousStrides, elementCount, isContiguous } from "../../tensor/layout.ts";
import type { Constants } from "./constants.ts";
import { type Access, type Nest, nestOf, simplified, splitAxis, stepOf } from "./nest.ts";
import { isHarmonic } from "./plan_description.ts";
import { bufferOf, type PlanBuffer, type Step, usesOf, viewIn, withViews } from "./program.ts";

/** Where a step's output channels stand in its weights and in its output. */
interface Channels {
  /** The weights. */
  readonly weight: View;
  /** The axis of the channels, in this view of the weights. */
  readonly axis: number;
  /** The weights with their axes. */
  readonly layout: Pick<View, "shape" | "strides" | "offset">;
  /** The output. */
  readonly output: View;
  /** Elements of the output from one channel to the next. */
  readonly stride: number;
  /** Number of channels. */
  readonly count: number;
}

/** The channels of steps whose weights are linear maps to them. */
function channelsOf(step: Step): Channels | undefined {
  switch (step.op) {
    case "convolution": {
      const { weight, output } = step.call;
      return { weight, axis: 0, layout: weight, output, stride: output.strides[1], count: output.shape[1] };
    }
    case "convolutionInputGradient": {
      const { weight, input, geometry } = step.call;
      if (geometry.groups !== 1) return undefined;
      return { weight, axis: 1, layout: weight, output: input, stride: input.strides[1], count: input.shape[1] };
    }
    case "steerableConvolution": {
      const { weight, output, plan, geometry } = step.call;
      if (!isHarmonic(plan) || plan.outputs[0].channels.some((channel, i) => channel !== i)) return undefined;
      const count = geometry.groups * plan.outChannels, columns = plan.columns[0];
      const layout = { shape: [count, columns], strides: [columns, 1], offset: weight.offset };
      return { weight, axis: 0, layout, output, stride: output.strides[1], count };
    }
    case "matmul": {
      const { b, output, beta } = step.call, rank = b.shape.length;
      const repeated = b.strides.slice(0, rank - 2).every((stride, axis) => stride === 0 || b.shape[axis] === 1);
      if (beta !== 0 || !repeated) return undefined;
      const layout = { shape: b.shape.slice(-2), strides: b.strides.slice(-2), offset: b.offset };
      return { weight: b, axis: 1, layout, output, stride: output.strides[rank - 1], count: output.shape[rank - 1] };
    }
    default:
      return undefined;
  }
}

/** The program with scales folded, and the modules whose weights were multiplied. */
export async function folded(
  steps: readonly Step[],
  output: View,
  constants: Constants,
): Promise<{ readonly steps: Step[]; readonly folded: readonly string[] }> {
  const made = [...steps], names = new Set<string>();
  for (let position = 0; position < made.length; position++) {
    const channels = channelsOf(made[position]);
    if (channels === undefined || bufferOf(channels.weight).role !== "constant") continue;
    const buffer = bufferOf(channels.output);
    const uses = usesOf(made, output).get(buffer);
    if (buffer.role !== "planned" || uses === undefined || uses.writers.length !== 1 || uses.readers.length !== 1) {
      continue;
    }
    const [reader] = uses.readers, consumer = made[reader];
    if (consumer?.op !== "map") continue;
    const nest = nestOf(consumer), divided = nest === undefined ? undefined : withChannelAxes(nest, buffer, channels);
    const change = divided === undefined ? undefined : await scalesOf(divided, buffer, channels, constants);
    if (change === undefined) continue;
    made[position] = await scaled(made[position], channels, change.scales, constants);
    made[reader] = stepOf(simplified(change.nest));
    for (const name of made[position].modules) names.add(name);
  }
  return { steps: made, folded: [...names] };
}

/** A value in terms of an element: `scale · x + shift`. */
interface Affine {
  /** The node that it is. */
  readonly node: Expr;
  readonly scale: Expr;
  readonly shift: Expr;
}

/** How far up from an element a nest computes nothing but its product and sum with constants. */
function affineAbove(x: Expr, parents: ReadonlyMap<Expr, readonly Expr[]>, fixed: ReadonlySet<Expr>): Affine {
  let node = x, scale: Expr = E.constant(1, x.dtype), shift: Expr = E.constant(0, x.dtype);
  for (;;) {
    const above = parents.get(node) ?? [], [parent] = above;
    if (above.length !== 1) break;
    if (parent.kind === "unary" && parent.op === "neg") {
      scale = E.neg(scale);
      shift = E.neg(shift);
    } else if (parent.kind === "binary") {
      const first = parent.left === node, other = first ? parent.right : parent.left;
      if (!fixed.has(other) || (!first && (parent.op === "div"))) break;
      if (parent.op === "add") shift = E.add(shift, other);
      else if (parent.op === "sub" && first) shift = E.sub(shift, other);
      else if (parent.op === "sub") [scale, shift] = [E.neg(scale), E.sub(other, shift)];
      else if (parent.op === "mul" || parent.op === "div") {
        scale = E.binary(parent.op, scale, other);
        shift = E.binary(parent.op, shift, other);
      } else break;
    } else break;
    node = parent;
  }
  return { node, scale, shift };
}

/** The scale of each channel, and the nest without them; nothing where there are none, or they are not of channels alone. */
async function scalesOf(
  nest: Nest,
  buffer: PlanBuffer,
  { stride, count }: Channels,
  constants: Constants,
): Promise<{ readonly scales: Float64Array; readonly nest: Nest } | undefined> {
  const nodes = topologicalOrder(nest.expressions), fixed = new Set<Expr>();
  const parents = new Map<Expr, Expr[]>();
  for (const node of nodes) {
    const constant = node.kind === "input" ? nest.inputs[node.index].buffer.role === "constant" : true;
    if (constant && node.kind !== "random" && operandsOf(node).every((operand) => fixed.has(operand))) fixed.add(node);
    for (const operand of new Set(operandsOf(node))) parents.set(operand, [...(parents.get(operand) ?? []), node]);
  }
  // A result is a use of its own.
  for (const root of nest.expressions) parents.set(root, [...(parents.get(root) ?? []), root]);
  const scales = new Float64Array(count).fill(NaN), shifts = new Float64Array(count).fill(NaN);
  const replaced = new Map<Expr, number>();
  for (const node of nodes) {
    if (node.kind !== "input" || nest.inputs[node.index].buffer !== buffer) continue;
    const affine = affineAbove(node, parents, fixed);
    const covered = await fillChannels(nest, node.index, affine, stride, scales, shifts, constants);
    if (!covered) return undefined;
    replaced.set(affine.node, node.index);
  }
  if (scales.some(Number.isNaN) || scales.every((scale) => scale === 1)) return undefined;
  return { scales, nest: withShifts(nest, replaced, stride, count, shifts, constants) };
}

/** The nest with axes split so that none goes both over channels and over what lies within or around them. */
function withChannelAxes(nest: Nest, buffer: PlanBuffer, { stride, count }: Channels): Nest | undefined {
  const [first, ...others] = nest.inputs.filter((access) => access.buffer === buffer);
  if (others.some(({ strides }) => strides.some((step, axis) => step !== first.strides[axis]))) return undefined;
  let made = nest;
  for (const bound of [stride, stride * count]) {
    for (let axis = 0; axis < made.sizes.length; axis++) {
      const step = made.inputs.find((access) => access.buffer === buffer)!.strides[axis];
      if (step <= 0 || step >= bound || step * made.sizes[axis] <= bound) continue;
      if (bound % step !== 0 || made.sizes[axis] % (bound / step) !== 0) return undefined;
      made = splitAxis(made, axis, bound / step);
    }
  }
  return made;
}

/** The steps of an access that go from channel to channel, by axis; 0 along other axes. */
function channelSteps({ strides }: Access, stride: number, count: number): number[] {
  return strides.map((step) => step >= stride && step < stride * count ? step / stride : 0);
}

/** Evaluates scale and shift for the channels of an input; false where they are not constants of channels. */
async function fillChannels(
  nest: Nest,
  index: number,
  { scale, shift }: Affine,
  stride: number,
  scales: Float64Array,
  shifts: Float64Array,
  constants: Constants,
): Promise<boolean> {
  const input = nest.inputs[index], count = scales.length;
  const steps = channelSteps(input, stride, count), first = Math.floor(input.offset / stride) % count;
  if (steps.some((step) => !Number.isInteger(step))) return false;
  const axes = steps.flatMap((step, axis) => step === 0 ? [] : [axis]);
  const used = topologicalOrder([scale, shift]).flatMap((node) => node.kind === "input" ? [node.index] : []);
  const values: (TypedArray | undefined)[] = nest.inputs.map(() => undefined);
  for (const i of used) {
    const { strides, buffer, dtype, offset } = nest.inputs[i];
    if (strides.some((step, axis) => step !== 0 && steps[axis] === 0)) return false;
    values[i] = await constants.load({ buffer, dtype, shape: [], strides: [], offset });
  }
  const evaluate = compileEvaluator([scale, shift]), results = [0, 0];
  const inputs = new Float64Array(nest.inputs.length), sizes = axes.map((axis) => nest.sizes[axis]);
  for (let linear = 0; linear < elementCount(sizes); linear++) {
    const position = nest.sizes.map(() => 0);
    let rest = linear, channel = first;
    for (let i = axes.length - 1; i >= 0; i--) {
      position[axes[i]] = rest % sizes[i];
      rest = Math.floor(rest / sizes[i]);
      channel += position[axes[i]] * steps[axes[i]];
    }
    for (const i of used) {
      const { strides, offset } = nest.inputs[i];
      inputs[i] = values[i]![strides.reduce((sum, step, axis) => sum + step * position[axis], offset)];
    }
    evaluate({ inputs, scalars: nest.scalars, position: [], linear: 0 }, results);
    // Met twice, it would have to have one scale.
    if (!(channel < count) || !Number.isNaN(scales[channel]) || !Number.isFinite(results[0] + results[1])) return false;
    [scales[channel], shifts[channel]] = results;
  }
  return true;
}

/** The nest with `x + shift` in the place of the nodes that are scaled elements. */
function withShifts(
  nest: Nest,
  replaced: ReadonlyMap<Expr, number>,
  stride: number,
  count: number,
  shifts: Float64Array,
  constants: Constants,
): Nest {
  const inputs = [...nest.inputs], made = new Map<Expr, Expr>();
  const zero = shifts.every((shift) => shift === 0);
  const buffer = zero ? undefined : constants.make(shifts, nest.inputs[[...replaced.values()][0]].dtype);
  for (const [node, index] of replaced) {
    const input = nest.inputs[index], x = E.input(index, input.dtype);
    if (buffer === undefined) {
      made.set(node, x);
      continue;
    }
    const strides = channelSteps(input, stride, count), offset = Math.floor(input.offset / stride) % count;
    const place = inputs.push({ buffer, dtype: input.dtype, offset, strides }) - 1;
    made.set(node, E.add(x, E.input(place, input.dtype)));
  }
  return { ...nest, inputs, expressions: nest.expressions.map((root) => replaceNodes(root, made)) };
}

/** The step with its weights multiplied by a number for each channel. */
async function scaled(step: Step, channels: Channels, scales: Float64Array, constants: Constants): Promise<Step> {
  const { weight, layout, axis } = channels, values = await constants.load(weight);
  const { shape, strides, offset } = layout, count = elementCount(shape);
  const numbers = new Float64Array(count);
  if (isContiguous(layout)) {
    const inner = elementCount(shape.slice(axis + 1)), channels = shape[axis];
    for (let i = 0; i < count; i++) numbers[i] = values[offset + i] * scales[Math.floor(i / inner) % channels];
  } else {
    const position = shape.map(() => 0);
    for (let linear = 0; linear < count; linear++) {
      const at = strides.reduce((sum, stride, i) => sum + stride * position[i], offset);
      numbers[linear] = values[at] * scales[position[axis]];
      for (let i = shape.length - 1; i >= 0 && ++position[i] === shape[i]; i--) position[i] = 0;
    }
  }
  const buffer = constants.make(numbers, weight.dtype);
  // Axes before the layout's are repeated ones; flat weights have one axis for all.
  const lead = weight.shape.length - shape.length;
  const all = lead < 0 ? [1] : [...new Array<number>(lead).fill(0), ...contiguousStrides(shape)];
  return withViews(
    step,
    (view) => view === weight ? { ...viewIn(buffer, weight), strides: all, offset: 0 } : view,
  );
}

/** An expression with nodes replaced by others. */
function replaceNodes(node: Expr, made: Map<Expr, Expr>): Expr {
  const known = made.get(node);
  if (known !== undefined) return known;
  const operands = operandsOf(node).map((operand) => replaceNodes(operand, made));
  const rebuilt = operands.every((operand, i) => operand === operandsOf(node)[i]) ? node : withOperands(node, operands);
  made.set(node, rebuilt);
  return rebuilt;
}

function withOperands(node: Expr, [a, b, c]: readonly Expr[]): Expr {
  switch (node.kind) {
    case "unary":
      return E.unary(node.op, a);
    case "cast":
      return E.cast(a, node.dtype);
    case "binary":
      return E.binary(node.op, a, b);
    case "compare":
      return E.compare(node.op, a, b);
    case "select":
      return E.select(a, b, c);
    default:
      return node;
  }
}
