/**
 * Removes steps that compute what an earlier step has computed: two layers that read one feature map change its basis in the same way.
 */

import type { View } from "../../tensor/backend.ts";
import type { Expr } from "../../tensor/expr.ts";
import type { SteerablePlan } from "../../tensor/steerable_plan.ts";
import {
  accumulates,
  bufferOf,
  type PlanBuffer,
  readsOf,
  ROLES,
  type Step,
  usesOf,
  viewIn,
  viewKey,
  withViews,
  writesOf,
} from "./program.ts";

/** The program without repeated steps; who read their results reads those of the first. */
export function withoutRepeats(steps: readonly Step[], output: View): Step[] {
  const uses = usesOf(steps, output), known = new Map<string, readonly PlanBuffer[]>();
  const renamed = new Map<PlanBuffer, PlanBuffer>(), plans = new Map<SteerablePlan, number>();
  const writtenOnce = (view: View): boolean => {
    const buffer = bufferOf(view);
    return buffer.role !== "planned" || uses.get(buffer)?.writers.length === 1;
  };
  const kept: Step[] = [];
  for (const given of steps) {
    const step = withViews(given, (view) => viewIn(renamed.get(bufferOf(view)) ?? view.buffer, view));
    const reads = readsOf(step.op, step.call), writes = writesOf(step.op, step.call);
    const comparable = !accumulates(step.op, step.call) && [...reads, ...writes].every(writtenOnce) &&
      !writes.some((view) => view.buffer === output.buffer);
    const key = comparable ? keyOf(step, reads, writes, plans) : undefined;
    const buffers = writes.map(bufferOf), before = key === undefined ? undefined : known.get(key);
    if (before === undefined) {
      if (key !== undefined) known.set(key, buffers);
      kept.push(step);
    } else {
      buffers.forEach((buffer, i) => renamed.set(buffer, before[i]));
    }
  }
  return kept;
}

/** What a step computes, as text. */
function keyOf(
  { op, call }: Step,
  reads: readonly View[],
  writes: readonly View[],
  plans: Map<SteerablePlan, number>,
): string {
  const { reads: readNames, writes: writeNames } = ROLES[op];
  const rest = Object.entries(call).filter(([name]) => !readNames.includes(name) && !writeNames.includes(name)).map(
    ([name, value]) => {
      if (name === "expressions") return (value as readonly Expr[]).map((expression) => expression.key);
      if (name !== "plan") return JSON.stringify(value);
      const plan = value as SteerablePlan;
      if (!plans.has(plan)) plans.set(plan, plans.size);
      return plans.get(plan);
    },
  );
  const layouts = writes.map(({ shape, strides, offset, dtype, buffer }) =>
    `${shape}/${strides}/${offset}/${dtype}/${buffer.bytes}`
  );
  const shapes = reads.map((view) => `${viewKey(view)}/${view.shape}`);
  return [op, ...rest, ...shapes, ...layouts].join("|");
}
