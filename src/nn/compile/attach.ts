/**
 * Joins convolutions by a plan with the elementwise step that reads their result and nothing else does: the backend computes it on each
 * part of the result while that is in a cache, and the result itself takes no memory (`src/tensor/steerable_map.ts`).
 */

import type { View } from "../../tensor/backend.ts";
import { elementCount, isContiguous } from "../../tensor/layout.ts";
import { type Access, type Nest, nestOf, splitAxis } from "./nest.ts";
import { bufferOf, canMove, isWhole, PlanBuffer, type Step, usesOf, viewIn } from "./program.ts";

/** The program with convolutions and the steps behind them joined. */
export function attached(steps: readonly Step[], output: View): Step[] {
  const made = [...steps];
  for (let position = 0; position < made.length; position++) {
    const step = made[position];
    if (step.op !== "steerableConvolution") continue;
    const uses = usesOf(made, output), result = step.call.output, buffer = bufferOf(result);
    const { writers, readers } = uses.get(buffer)!;
    if (buffer.role !== "planned" || writers.length !== 1 || readers.length !== 1) continue;
    const [reader] = readers, consumer = made[reader];
    if (consumer?.op !== "map" || !canMove(step, position, reader, uses)) continue;
    if (!isContiguous(result) || !isWhole(result) || result.shape.includes(0)) continue;
    const nest = nestOf(consumer), local = nest === undefined ? undefined : localNest(nest, buffer, result);
    if (local === undefined) continue;
    const joined = join(step, local, buffer);
    made[reader] = joined;
    made.splice(position, 1);
    position--;
  }
  return made;
}

/** The step's call with the nest behind it, whose axes are samples, others, positions. */
function join(step: Step & { readonly op: "steerableConvolution" }, nest: Nest, buffer: PlanBuffer): Step {
  const { output, ...convolution } = step.call, name = new PlanBuffer(buffer.bytes, "name");
  const { sizes, expressions, scalars } = nest;
  const view = (access: Access): View => ({
    ...access,
    shape: sizes,
    buffer: access.buffer === buffer ? name : access.buffer,
  });
  const call = {
    ...convolution,
    result: viewIn(name, output),
    expressions,
    shape: sizes,
    inputs: nest.inputs.map(view),
    scalars,
    outputs: nest.outputs.map(view),
  };
  return { op: "steerableConvolutionMap", call, modules: [...new Set([...step.modules, ...nest.modules])] };
}

/** The nest with the axes samples, others, positions, if it treats all samples and positions of the result alike and by themselves. */
function localNest(nest: Nest, buffer: PlanBuffer, { shape: [batch, channels, ...size] }: View): Nest | undefined {
  const positions = elementCount(size), sample = channels * positions;
  const [first, ...others] = nest.inputs.filter((access) => access.buffer === buffer);
  if (others.some(({ strides }) => strides.some((step, axis) => step !== first.strides[axis]))) return undefined;
  let made = nest;
  const along = (): readonly number[] => made.inputs.find((access) => access.buffer === buffer)!.strides;
  for (const bound of [positions, sample]) {
    for (let axis = 0; axis < made.sizes.length; axis++) {
      const step = along()[axis];
      if (step <= 0 || step >= bound || step * made.sizes[axis] <= bound) continue;
      if (bound % step !== 0 || made.sizes[axis] % (bound / step) !== 0) return undefined;
      made = splitAxis(made, axis, bound / step);
    }
  }
  const strides = along(), axes = strides.map((_, axis) => axis);
  const outer = batch === 1 ? undefined : strides.indexOf(sample),
    inner = positions === 1 ? undefined : strides.indexOf(1);
  const whole = (axis: number | undefined, count: number): boolean => axis === undefined || made.sizes[axis] === count;
  const middle = axes.filter((axis) => axis !== outer && axis !== inner);
  const local = whole(outer, batch) && whole(inner, positions) &&
    middle.every((axis) => strides[axis] > 0 && strides[axis] < sample && strides[axis] % positions === 0) &&
    made.inputs.every(({ buffer: other, offset }) => other !== buffer || (offset % positions === 0 && offset < sample));
  if (!local) return undefined;
  const arranged = (access: Access): Access => ({
    ...access,
    strides: [
      outer === undefined ? sample : access.strides[outer],
      ...middle.map((axis) => access.strides[axis]),
      inner === undefined ? 1 : access.strides[inner],
    ],
  });
  return {
    ...made,
    sizes: [batch, ...middle.map((axis) => made.sizes[axis]), positions],
    reduced: new Array<boolean>(middle.length + 2).fill(false),
    inputs: made.inputs.map(arranged),
    outputs: made.outputs.map(arranged),
  };
}
