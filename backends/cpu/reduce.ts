/**
 * Reductions of elementwise computations on the cpu backend: one fused kernel reads the inputs once for all outputs. Which
 * loop runs innermost, and into which pieces a long reduction is cut, depends on shapes and strides alone, never on the
 * number of threads, so results are the same bits on any number of them.
 */

import type { MapReduceCall } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT } from "../../src/tensor/dtype.ts";
import { constant, input } from "../../src/tensor/expr.ts";
import { REDUCE_OPS } from "../../src/tensor/expr_ops.ts";
import { callKey, type Leaves, leavesOf, PlanCache } from "../../src/tensor/kernel_calls.ts";
import { contiguousStrides, elementCount } from "../../src/tensor/layout.ts";
import type { CpuContext, Kernel } from "./context.ts";
import { accumulatorType } from "./emit_reduce.ts";
import { type BoundKernel, byteOperand, indexOperand, viewPointer, writeParameters } from "./kernel_frame.ts";
import { accessOf, type Loops, ParameterLayout, planLoops } from "./loop_plan.ts";
import { createMap, grainOf, PARAMETER_SLOT } from "./map.ts";
import { compileReduction, type InnerLoop, type Reduction } from "./reduce_kernel.ts";

/** The slot of scratch memory that holds partial results. */
const PARTIAL_SLOT = 14;

/** Elements in a piece of a long reduction: they fit the caches when a kernel passes over them several times. */
const PIECE = 32768;

/** With so many results or more along reduced rows, the results alone keep all threads busy. */
const MANY_RESULTS = 64;

/** With more results than these across rows, partial results would cost more memory traffic than they save. */
const MOST_PARTIAL_RESULTS = 8192;

/** Least elements of a result in a piece, so that partial results stay few. */
const LEAST_PER_PIECE = 64;

interface ReducePlan extends BoundKernel {
  /** Number of results. */
  readonly total: number;
  /** Results in a piece worth a thread. */
  readonly grain: number;
  /** Pieces start at multiples of it. */
  readonly align: number;
}

/** A long reduction in two stages. */
interface StagedPlan {
  /** Results of whole pieces. */
  readonly pieces: ReducePlan;
  /** Results of what is left after them, and where that starts in each operand. */
  readonly rest: ReducePlan | undefined;
  readonly restShift: readonly number[];
  /** Combines the partial results. */
  readonly final: ReducePlan;
  /** Byte offsets of each output's partial results, and of those of the rest. */
  readonly partial: readonly number[];
  readonly restPartial: readonly number[];
  readonly partialBytes: number;
}

/** Rough cost of an element when a loop of this size, with these strides of the inputs, runs innermost. */
function innerCost(size: number, strides: readonly number[], units: readonly number[], overhead: number): number {
  let cost = 1;
  strides.forEach((stride, k) => cost += stride !== 0 && stride !== units[k] ? 3 : 0);
  return cost * (Math.ceil(size / 4) * 4) / size + overhead / size;
}

const NO_LOOPS = (operands: number): Loops => ({ sizes: [], strides: Array.from({ length: operands }, () => []) });

/** All loops but the last one, and the last one. */
function splitInner(loops: Loops): { outer: Loops; inner: { size: number; strides: number[] } } {
  return {
    outer: { sizes: loops.sizes.slice(0, -1), strides: loops.strides.map((strides) => strides.slice(0, -1)) },
    inner: { size: loops.sizes[loops.sizes.length - 1], strides: loops.strides.map((strides) => strides.at(-1)!) },
  };
}

/** Makes plans and keeps the kernels. */
class ReducePlanner {
  readonly #context: CpuContext;
  readonly #kernels = new Map<string, Kernel>();

  constructor(context: CpuContext) {
    this.#context = context;
  }

  /** A plan for loops over results and over what is reduced. Operands: outputs, inputs, positions. */
  plan(reduction: Reduction, leaves: Leaves, kept: Loops, reduced: Loops): ReducePlan {
    const { expressions, reductions, outputTypes } = reduction;
    const units = this.#units(reduction, leaves);
    const innerLoop = this.innerLoopOf(reduction, leaves, kept, reduced);
    const none = NO_LOOPS(units.length);
    let outer = kept;
    let nest = reduced;
    let inner: { size: number; strides: readonly number[] } = { size: 1, strides: units.map(() => 0) };
    if (innerLoop === "kept") ({ outer, inner } = splitInner(kept));
    else if (reduced.sizes.length > 0) ({ outer: nest, inner } = splitInner(reduced));
    else nest = none;
    const access = units.map((unit, k) => accessOf(inner.strides[k], unit));
    const layout = new ParameterLayout(outer.sizes.length, nest.sizes.length, units.length);
    const key = [
      innerLoop,
      expressions.map((expression) => expression.key),
      reductions,
      outputTypes,
      layout.outer,
      layout.nest,
      access,
    ].join("|");
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      kernel = compileReduction(this.#context, reduction, leaves, access, layout, innerLoop);
      this.#kernels.set(key, kernel);
    }
    const perResult = elementCount(reduced.sizes);
    const grain = grainOf(expressions, access.slice(expressions.length)) * this.#context.grainScale / perResult;
    return {
      kernel,
      layout,
      leaves,
      template: layout.template(outer, nest, inner, leaves.scalars.length),
      total: elementCount(kept.sizes),
      grain: Math.max(1, Math.ceil(grain)),
      align: innerLoop === "kept" ? 16 : 1,
    };
  }

  /** Which loop runs innermost: where the inputs are contiguous, and long enough. */
  innerLoopOf(reduction: Reduction, leaves: Leaves, kept: Loops, reduced: Loops): InnerLoop {
    if (kept.sizes.length === 0) return "reduced";
    if (reduced.sizes.length === 0) return "kept";
    const units = this.#units(reduction, leaves);
    const from = reduction.expressions.length;
    const to = from + leaves.inputs.length;
    const cost = (loops: Loops, overhead: number): number =>
      innerCost(
        loops.sizes[loops.sizes.length - 1],
        loops.strides.slice(from, to).map((strides) => strides.at(-1)!),
        units.slice(from, to),
        overhead,
      );
    return cost(reduced, 16) <= cost(kept, 4 + 16 / elementCount(reduced.sizes)) ? "reduced" : "kept";
  }

  #units({ outputTypes }: Reduction, leaves: Leaves): number[] {
    return [
      ...outputTypes.map((dtype) => BYTES_PER_ELEMENT[dtype]),
      ...leaves.inputs.map((node) => BYTES_PER_ELEMENT[node.dtype]),
      ...leaves.indices.map(() => 1),
    ];
  }
}

/** Puts a loop around others. */
function around(size: number, strides: readonly number[], loops: Loops): Loops {
  return { sizes: [size, ...loops.sizes], strides: loops.strides.map((inner, k) => [strides[k], ...inner]) };
}

/** The same loops with other strides of the first operands. */
function withStrides(loops: Loops, first: readonly (readonly number[])[]): Loops {
  return { sizes: loops.sizes, strides: [...first, ...loops.strides.slice(first.length)] };
}

function planStages(
  planner: ReducePlanner,
  reduction: Reduction,
  leaves: Leaves,
  kept: Loops,
  reduced: Loops,
): StagedPlan | undefined {
  const results = elementCount(kept.sizes);
  const perResult = elementCount(reduced.sizes);
  const most = planner.innerLoopOf(reduction, leaves, kept, reduced) === "kept" ? MOST_PARTIAL_RESULTS : MANY_RESULTS;
  const perPiece = Math.max(LEAST_PER_PIECE, PIECE / results);
  if (results > most || perResult < 2 * perPiece) return undefined;
  const size = reduced.sizes[0];
  const length = Math.ceil(perPiece / (perResult / size));
  const count = Math.floor(size / length);
  if (count < 2) return undefined;
  const { expressions, reductions } = reduction;
  const types = expressions.map((expression, j) => accumulatorType(reductions[j], expression.dtype));
  const partialKept = contiguousStrides(kept.sizes);
  const partialStrides = types.map((dtype) => partialKept.map((stride) => stride * BYTES_PER_ELEMENT[dtype]));
  const pieceStride = types.map((dtype) => results * BYTES_PER_ELEMENT[dtype]);
  const step = reduced.strides.map((strides) => strides[0]);
  const resized = (first: number): Loops => ({ sizes: [first, ...reduced.sizes.slice(1)], strides: reduced.strides });
  const toPartial = { expressions, reductions, outputTypes: types };
  const keptToPartial = withStrides(kept, partialStrides);
  const strides = step.map((stride, k) => k < types.length ? pieceStride[k] : stride * length);
  const left = size - count * length;
  const pieceCount = count + (left > 0 ? 1 : 0);

  let bytes = 0;
  const partial = types.map((dtype) => {
    const offset = bytes;
    bytes += Math.ceil(pieceCount * results * BYTES_PER_ELEMENT[dtype] / 64) * 64;
    return offset;
  });
  const finalExpressions = types.map((dtype, j) => input(j, dtype));
  const finalLeaves = leavesOf(finalExpressions);
  const finalStrides = [
    ...kept.strides.slice(0, types.length),
    ...finalLeaves.inputs.map((node) => partialStrides[node.index]),
  ];
  const pieceLoop = [...types.map(() => 0), ...finalLeaves.inputs.map((node) => pieceStride[node.index])];
  return {
    pieces: planner.plan(toPartial, leaves, around(count, strides, keptToPartial), resized(length)),
    rest: left > 0 ? planner.plan(toPartial, leaves, keptToPartial, resized(left)) : undefined,
    restShift: step.map((stride, k) => k < types.length ? 0 : stride * length * count),
    final: planner.plan(
      { expressions: finalExpressions, reductions, outputTypes: expressions.map((expression) => expression.dtype) },
      finalLeaves,
      { sizes: kept.sizes, strides: finalStrides },
      { sizes: [pieceCount], strides: pieceLoop.map((stride) => [stride]) },
    ),
    partial,
    restPartial: partial.map((offset, j) => offset + count * pieceStride[j]),
    partialBytes: bytes,
  };
}

type AnyPlan = { readonly direct: ReducePlan } | { readonly staged: StagedPlan };

/** Makes the backend's `mapReduce`. */
export function createMapReduce(context: CpuContext): (call: MapReduceCall) => void {
  const plans = new PlanCache<AnyPlan>();
  const planner = new ReducePlanner(context);
  const map = createMap(context);

  const makePlan = (call: MapReduceCall): AnyPlan => {
    const { expressions, reductions, shape, axes, inputs, outputs } = call;
    const leaves = leavesOf(expressions);
    const isReduced = shape.map((_, axis) => axes.includes(axis));
    const outputOperands = outputs.map((view) => {
      const { strides, unit } = byteOperand(view);
      return { strides: strides.map((stride, axis) => isReduced[axis] ? 0 : stride), unit };
    });
    const sources = [
      ...leaves.inputs.map((node) => byteOperand(inputs[node.index])),
      ...leaves.indices.map((node) => indexOperand(node.axis, shape)),
    ];
    const operands = [...outputOperands, ...sources];
    // The operand that touches the most memory decides the order of the loops.
    const extent = ({ strides }: { readonly strides: readonly number[] }): number =>
      shape.reduce((product, size, axis) => strides[axis] === 0 ? product : product * size, 1);
    const memory = sources.slice(0, leaves.inputs.length).sort((a, b) => extent(b) - extent(a));
    const priority = [...memory, ...outputOperands, ...sources.slice(leaves.inputs.length)];
    const axesWhere = (wanted: boolean): number[] =>
      shape.map((_, axis) => axis).filter((axis) => isReduced[axis] === wanted);
    const kept = planLoops(shape, axesWhere(false), operands, priority);
    const reduced = planLoops(shape, axesWhere(true), operands, priority);
    const reduction = { expressions, reductions, outputTypes: expressions.map((expression) => expression.dtype) };
    const staged = planStages(planner, reduction, leaves, kept, reduced);
    return staged === undefined ? { direct: planner.plan(reduction, leaves, kept, reduced) } : { staged };
  };

  const run = (
    plan: ReducePlan,
    outputs: readonly number[],
    inputs: readonly number[],
    scalars: readonly number[],
    shift?: readonly number[],
  ): void => {
    const block = context.scratch(plan.template.byteLength, PARAMETER_SLOT);
    writeParameters(context, block, plan, outputs, inputs, scalars, shift);
    if (plan.total <= plan.grain) context.executor.call(plan.kernel, block, 0, plan.total);
    else context.executor.parallelRange(plan.kernel, block, plan.total, plan.grain, plan.align);
  };

  const fillWithIdentity = ({ expressions, reductions, outputs }: MapReduceCall): void => {
    map({
      expressions: expressions.map(({ dtype }, j) => constant(REDUCE_OPS[reductions[j]].identity(dtype), dtype)),
      shape: outputs[0].shape,
      inputs: [],
      scalars: [],
      outputs,
    });
  };

  return (call) => {
    const { expressions, reductions, shape, axes, inputs, scalars, outputs } = call;
    if (outputs.length === 0 || elementCount(outputs[0].shape) === 0) return;
    if (elementCount(shape) === 0) return fillWithIdentity(call);
    const key = callKey(`${reductions}|${axes}|`, expressions, shape, inputs, outputs);
    const plan = plans.get(key, () => makePlan(call));
    const targets = outputs.map(viewPointer);
    const origins = inputs.map(viewPointer);
    if ("direct" in plan) return run(plan.direct, targets, origins, scalars);
    const { pieces, rest, restShift, final, partial, restPartial, partialBytes } = plan.staged;
    const scratch = context.scratch(partialBytes, PARTIAL_SLOT);
    const partials = partial.map((offset) => scratch + offset);
    run(pieces, partials, origins, scalars);
    if (rest !== undefined) run(rest, restPartial.map((offset) => scratch + offset), origins, scalars, restShift);
    run(final, targets, partials, []);
  };
}
