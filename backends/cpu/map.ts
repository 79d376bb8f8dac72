/**
 * Elementwise computations of the cpu backend: each expression is compiled once for each pattern of access into one fused
 * SIMD kernel, which walks over strided operands of any layout; large calls are split over threads.
 */

import type { MapCall } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT } from "../../src/tensor/dtype.ts";
import type { Expr } from "../../src/tensor/expr.ts";
import { callKey, type Leaves, leavesOf, PlanCache } from "../../src/tensor/kernel_calls.ts";
import { elementCount } from "../../src/tensor/layout.ts";
import type { CpuContext, Kernel } from "./context.ts";
import { expressionCost, type Group } from "./emit_expr.ts";
import { emitSteps, emitWalk } from "./emit_loops.ts";
import {
  type BoundKernel,
  byteOperand,
  indexOperand,
  KernelFrame,
  viewPointer,
  writeParameters,
} from "./kernel_frame.ts";
import { type Access, accessOf, ParameterLayout, planLoops } from "./loop_plan.ts";

/** The slot of scratch memory that holds the parameters of a running kernel. */
export const PARAMETER_SLOT = 15;

/** Work, in elements times instructions over 4, that takes about 25 µs on one thread: less is not worth splitting. */
const GRAIN = 196608;

/** Instructions in the body of the unrolled loop, about; more do not fit the registers and gain nothing. */
const UNROLL_BUDGET = 40;

/** A kernel for the shape and strides of a call. */
export interface MapPlan extends BoundKernel {
  /** Elements of its range. */
  readonly total: number;
  /** Elements that a thread should have at least. */
  readonly grain: number;
}

/** The backend's `map`. */
export interface MapOperation {
  (call: MapCall): void;
  /** The kernel of a call, for who runs it otherwise: only shapes, strides and expressions count. */
  planOf(call: MapCall): MapPlan;
}

/** How many groups of four elements one round of the main loop takes. */
export function unrolling(expressions: readonly Expr[], access: readonly Access[]): number {
  const cost = expressionCost(expressions) + access.length;
  if (access.includes("strided")) return 1;
  return cost * 4 <= UNROLL_BUDGET ? 4 : cost * 2 <= UNROLL_BUDGET ? 2 : 1;
}

/** Elements for each thread's piece, from the cost of one. */
export function grainOf(expressions: readonly Expr[], access: readonly Access[]): number {
  const strided = access.filter((kind) => kind === "strided").length;
  const cost = expressionCost(expressions) + access.length + 8 * strided;
  return Math.max(256, Math.ceil(GRAIN * 4 / (cost + 2)));
}

function compile(
  context: CpuContext,
  expressions: readonly Expr[],
  leaves: Leaves,
  access: readonly Access[],
  layout: ParameterLayout,
): Kernel {
  const build = () => buildMap(context, expressions, leaves, access, layout);
  const module = context.store.module(`map|${layout.outer}|${access}`, expressions, build);
  return context.executor.register(module, ["kernel"])[0];
}

function buildMap(
  context: CpuContext,
  expressions: readonly Expr[],
  leaves: Leaves,
  access: readonly Access[],
  layout: ParameterLayout,
): Uint8Array {
  const outputs = expressions.length;
  const units = expressions.map((expression) => BYTES_PER_ELEMENT[expression.dtype]);
  const frame = new KernelFrame(context, expressions, leaves, units, access, layout);
  const { f, emitter, pointers } = frame;
  const count = f.local("i32");
  const group = (which: Group): void =>
    emitter.group(which, (values) => {
      for (let j = 0; j < outputs; j++) emitter.storeGroup(frame.operand(j), expressions[j].dtype, values[j], which);
    });
  const unroll = unrolling(expressions, access);
  emitWalk(f, layout, frame.parameters, pointers, count, frame.pushInnerDistance, () => {
    emitter.enterRow();
    for (const groups of unroll > 1 ? [unroll, 1] : [1]) {
      emitSteps(f, count, 4 * groups, () => {
        for (let u = 0; u < groups; u++) group(u);
        frame.advance(4 * groups);
      });
    }
    f.get(count).if(() => {
      emitter.enterTail(count);
      group("tail");
    });
  });
  return frame.toBytes();
}

/**
 * Makes kernels of an expression over row-major operands with one output: for `inputs` inputs of the output's dtype, up to `count` elements
 * from where its parameters say.
 */
export function createFlatMap(context: CpuContext): (expression: Expr, inputs: number, count: number) => BoundKernel {
  const kernels = new Map<string, Kernel>();
  return (expression, inputs, count) => {
    const leaves = leavesOf([expression]), unit = BYTES_PER_ELEMENT[expression.dtype];
    const operands = 1 + leaves.inputs.length;
    const access = new Array<Access>(operands).fill("contiguous"), layout = new ParameterLayout(0, 0, operands);
    const key = `${expression.key}|${inputs}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) kernels.set(key, kernel = compile(context, [expression], leaves, access, layout));
    const none = { sizes: [], strides: new Array<number[]>(operands).fill([]) };
    const inner = { size: count, strides: new Array<number>(operands).fill(unit) };
    return { kernel, layout, leaves, template: layout.template(none, none, inner, 0) };
  };
}

/** Makes the backend's `map`. */
export function createMap(context: CpuContext): MapOperation {
  const plans = new PlanCache<MapPlan>();
  const kernels = new Map<string, Kernel>();

  const plan = ({ expressions, shape, inputs, outputs }: MapCall): MapPlan => {
    const leaves = leavesOf(expressions);
    const operands = [
      ...outputs.map(byteOperand),
      ...leaves.inputs.map((node) => byteOperand(inputs[node.index])),
      ...leaves.indices.map((node) => indexOperand(node.axis, shape)),
    ];
    const loops = planLoops(shape, shape.map((_, axis) => axis), operands);
    const rank = loops.sizes.length;
    const outer = {
      sizes: loops.sizes.slice(0, -1),
      strides: loops.strides.map((strides) => strides.slice(0, -1)),
    };
    // A single element is a row of one, contiguous in the outputs.
    const inner = {
      size: rank === 0 ? 1 : loops.sizes[rank - 1],
      strides: operands.map(({ unit }, k) => rank > 0 ? loops.strides[k][rank - 1] : k < outputs.length ? unit : 0),
    };
    const access = operands.map(({ unit }, k) => accessOf(inner.strides[k], unit));
    const layout = new ParameterLayout(outer.sizes.length, 0, operands.length);
    const key = `${expressions.map((expression) => expression.key)}|${outer.sizes.length}|${access}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      kernel = compile(context, expressions, leaves, access, layout);
      kernels.set(key, kernel);
    }
    return {
      kernel,
      layout,
      leaves,
      template: layout.template(outer, { sizes: [], strides: [] }, inner, leaves.scalars.length),
      total: elementCount(shape),
      grain: Math.ceil(grainOf(expressions, access) * context.grainScale),
    };
  };

  const planOf = (call: MapCall): MapPlan => {
    const { expressions, shape, inputs, outputs } = call;
    return plans.get(callKey("", expressions, shape, inputs, outputs), () => plan(call));
  };
  const run = (call: MapCall): void => {
    const { shape, inputs, scalars, outputs } = call;
    if (outputs.length === 0 || elementCount(shape) === 0) return;
    const ready = planOf(call);
    const block = context.scratch(ready.template.byteLength, PARAMETER_SLOT);
    writeParameters(context, block, ready, outputs.map(viewPointer), inputs.map(viewPointer), scalars);
    if (ready.total <= ready.grain) context.executor.call(ready.kernel, block, 0, ready.total);
    else context.executor.parallelRange(ready.kernel, block, ready.total, ready.grain, 16);
  };
  return Object.assign(run, { planOf });
}
