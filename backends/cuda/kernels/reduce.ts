/**
 * Reductions of elementwise computations on the cuda backend: one fused kernel reads the inputs once for all outputs. Few results with much
 * to reduce are reduced in parts, whose results are reduced again. How work is divided depends on shapes and strides alone, so that results
 * are the same bits on every device.
 */

import type { MapReduceCall } from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT } from "../../../src/tensor/dtype.ts";
import { input } from "../../../src/tensor/expr.ts";
import { callKey, indexStrides, type Leaves, leavesOf, PlanCache } from "../../../src/tensor/kernel_calls.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import { pointerOf, pushNumbers, pushScalars, type ScalarPlace, SCRATCH, scratchView, THREADS } from "./bind.ts";
import { isWide, LoopCode, type Loops, planLoops, positionsOf, type WidthRule } from "./loops.ts";
import { type ReduceAccess, reduceSource, RUN } from "./reduce_source.ts";

/** Blocks that keep a device busy. */
const BLOCKS = 512;
/** Most parts of what is reduced. */
const PARTS = 1024;
/** Threads along x and y of a warp's width, below which neighbours in memory are not read together. */
const WARP = 32;

/** How the threads of a block are divided. */
export interface ReduceShape {
  /** Whether neighbouring threads are positions of one result (else different results). */
  readonly lanesReduce: boolean;
  /** Results of a block. */
  readonly columns: number;
  /** Threads that share a result. */
  readonly rows: number;
  /** Parts of what is reduced. */
  readonly parts: number;
  /** Positions of a part. */
  readonly part: number;
}

interface ReducePlan {
  readonly kernel: CudaKernel;
  readonly leaves: Leaves;
  readonly numbers: readonly number[];
  readonly wide: boolean;
  readonly results: number;
  readonly shape: ReduceShape;
}

/** The smallest power of two that is not below `n`. */
function powerAbove(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}

/**
 * Divides a reduction of `results` times `reduced` positions.
 *
 * @param lanesReduce Whether neighbours in memory belong to one result.
 */
export function reduceShape(results: number, reduced: number, lanesReduce: boolean): ReduceShape {
  const threads = Math.min(THREADS, Math.max(WARP, powerAbove(results * reduced)));
  let rows: number;
  if (lanesReduce) rows = Math.min(threads, powerAbove(Math.ceil(reduced / 4)));
  else if (results < WARP) rows = threads / powerAbove(results);
  else rows = Math.min(8, powerAbove(Math.ceil(reduced / 16)), threads / WARP);
  const columns = threads / rows;
  const wanted = Math.ceil(BLOCKS / Math.ceil(results / columns));
  const parts = Math.max(1, Math.min(wanted, PARTS, Math.floor(reduced / (rows * RUN))));
  const part = Math.ceil(reduced / parts);
  return { lanesReduce, columns, rows, parts: part === 0 ? 1 : Math.ceil(reduced / part), part };
}

/** Whether neighbouring threads should be positions of one result: where that brings the inputs' elements closer together. */
function lanesReduceOf(outer: Loops, inner: Loops, inputs: readonly number[]): boolean {
  const { length: inners } = inner.sizes, { length: outers } = outer.sizes;
  if (inners === 0) return false;
  if (outers === 0) return true;
  let along = 0, across = 0;
  for (const operand of inputs) {
    along += Math.min(8, Math.abs(inner.strides[operand][inners - 1]));
    across += Math.min(8, Math.abs(outer.strides[operand][outers - 1]));
  }
  return along === across ? positionsOf(inner) >= positionsOf(outer) : along < across;
}

/**
 * Makes the backend's `mapReduce`.
 *
 * @param wideRule Where positions have 64 bits. Default {@linkcode isWide}: where they must.
 */
export function createMapReduce(
  context: CudaContext,
  wideRule: WidthRule = isWide,
): (call: MapReduceCall) => void {
  const plans = new PlanCache<ReducePlan>();
  const kernels = new Map<string, CudaKernel>();

  const makePlan = (
    { expressions, reductions, shape, axes, inputs, outputs }: MapReduceCall,
    inParts: boolean,
    scalars: ScalarPlace,
  ): ReducePlan => {
    const leaves = leavesOf(expressions);
    const targets = outputs.map(({ strides }) => strides.map((stride, axis) => axes.includes(axis) ? 0 : stride));
    const sources = [
      ...leaves.inputs.map(({ index }) => inputs[index].strides),
      ...leaves.indices.map((node) => indexStrides(node.axis, shape)),
    ];
    const kept = shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
    const outer = planLoops(shape, kept, [...targets, ...sources]);
    const inner = planLoops(shape, axes, [...targets, ...sources]);
    const wide = wideRule([outer, inner]);
    const results = positionsOf(outer), reduced = positionsOf(inner);
    const lanesReduce = lanesReduceOf(outer, inner, leaves.inputs.map((_, k) => outputs.length + k));
    const divided = reduceShape(results, reduced, lanesReduce);
    const division = inParts ? divided : { ...divided, parts: 1, part: reduced };
    const access: ReduceAccess = { outer: outer.sizes.length, inner: inner.sizes.length, wide, scalars };
    const key = `${expressions.map(({ key }) => key)}|${reductions}|${access.outer}|${access.inner}|${wide}|${scalars}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      [kernel] = context.kernels.kernel(reduceSource(expressions, reductions, access), ["reduce_kernel"]);
      kernels.set(key, kernel);
    }
    const walked: Loops = { sizes: inner.sizes, strides: inner.strides.slice(outputs.length) };
    return {
      kernel,
      leaves,
      wide,
      results,
      shape: division,
      numbers: [
        results,
        reduced,
        division.part,
        division.lanesReduce ? 1 : 0,
        results,
        ...LoopCode.numbers(outer, wide),
        ...LoopCode.numbers(walked, wide),
      ],
    };
  };

  const planOf = (call: MapReduceCall, inParts: boolean, address: number): ReducePlan => {
    const { expressions, reductions, shape, axes, inputs, outputs } = call;
    const key = callKey(`${reductions}|${axes}|${inParts}|${address !== 0}|`, expressions, shape, inputs, outputs);
    return plans.get(key, () => makePlan(call, inParts, address === 0 ? "arguments" : "memory"));
  };

  const run = ({ inputs, outputs, scalars }: MapReduceCall, plan: ReducePlan, address: number): void => {
    const { kernel, leaves, numbers, wide, results } = plan;
    const { lanesReduce, rows, columns, parts } = plan.shape;
    const args = context.arguments();
    pushNumbers(args, numbers, wide);
    for (const view of outputs) args.pointer(pointerOf(view));
    for (const { index } of leaves.inputs) args.pointer(pointerOf(inputs[index]));
    pushScalars(args, leaves.scalars, scalars, address);
    const grid = [Math.ceil(results / columns), parts, 1] as const;
    context.launch(kernel, grid, lanesReduce ? [rows, columns, 1] : [columns, rows, 1], 0, args);
  };

  return (call) => {
    const { expressions, reductions, shape, axes, outputs } = call;
    if (outputs.length === 0) return;
    const results = shape.map((size, axis) => axes.includes(axis) ? 1 : size);
    const count = elementCount(results);
    if (count === 0) return;
    // Results of parts lie row-major, whatever the outputs are.
    const partial = { ...call, outputs: outputs.map(({ dtype }) => scratchView(0, dtype, results)) };
    const address = context.scalarsInMemory(call.scalars);
    const plan = planOf(partial, true, address);
    const { parts } = plan.shape;
    if (parts === 1) return run(call, planOf(call, false, address), address);
    const sizes = outputs.map(({ dtype }) => Math.ceil(parts * count * BYTES_PER_ELEMENT[dtype] / 256) * 256);
    let end = context.scratch(sizes.reduce((a, b) => a + b, 0), SCRATCH.partialResults);
    const places = sizes.map((size) => (end += size) - size);
    run({ ...call, outputs: outputs.map(({ dtype }, j) => scratchView(places[j], dtype, results)) }, plan, address);
    const final: MapReduceCall = {
      expressions: expressions.map(({ dtype }, j) => input(j, dtype)),
      reductions,
      shape: [parts, ...results],
      axes: [0],
      inputs: outputs.map(({ dtype }, j) => scratchView(places[j], dtype, [parts, ...results])),
      scalars: [],
      outputs: outputs.map((view) => ({ ...view, shape: [1, ...view.shape], strides: [0, ...view.strides] })),
    };
    run(final, planOf(final, false, 0), 0);
  };
}
