/**
 * Elementwise computations and reductions as loop nests: axes, operands with a stride along each, one expression for each output. Axes
 * can be merged, split, permuted and unrolled, which is what it takes to bring two nests to the same axes and fuse them.
 */

import type { View } from "../../tensor/backend.ts";
import type { DType } from "../../tensor/dtype.ts";
import * as E from "../../tensor/expr.ts";
import { type Expr, topologicalOrder } from "../../tensor/expr.ts";
import type { BinaryOp, ReduceOp } from "../../tensor/expr_ops.ts";
import { coalesce, contiguousStrides } from "../../tensor/layout.ts";
import { bufferOf, type PlanBuffer, type Step } from "./program.ts";

/** The elements of a buffer that a nest meets. */
export interface Access {
  /** Where they lie. */
  readonly buffer: PlanBuffer;
  /** Their type. */
  readonly dtype: DType;
  /** The first one. */
  readonly offset: number;
  /** Steps along the axes. */
  readonly strides: readonly number[];
}

/** A loop nest. */
export interface Nest {
  /** Sizes of the axes, outermost first. */
  readonly sizes: readonly number[];
  /** Whether results are reduced along each axis. */
  readonly reduced: readonly boolean[];
  /** What is read: input i of the expressions. */
  readonly inputs: readonly Access[];
  /** What is written; stride 0 along reduced axes. */
  readonly outputs: readonly Access[];
  /** One for each output. */
  readonly expressions: readonly Expr[];
  /** How each output is reduced; of no meaning without reduced axes. */
  readonly reductions: readonly ReduceOp[];
  /** Values of the scalar nodes. */
  readonly scalars: readonly number[];
  /** The modules that it comes from. */
  readonly modules: readonly string[];
}

/** Reductions as operations of two. */
export const REDUCTION_OPERATIONS: { readonly [Op in ReduceOp]: BinaryOp } = {
  sum: "add",
  prod: "mul",
  max: "maximum",
  min: "minimum",
};

/** The axis with this change made to all operands. */
function withAxes(
  nest: Nest,
  sizes: readonly number[],
  reduced: readonly boolean[],
  strides: (access: Access) => readonly number[],
): Nest {
  const change = (access: Access): Access => ({ ...access, strides: strides(access) });
  return { ...nest, sizes, reduced, inputs: nest.inputs.map(change), outputs: nest.outputs.map(change) };
}

/** A nest with as few axes as possible: none of size 1, none that continues the one before it for all operands. */
export function simplified(nest: Nest): Nest {
  const operands = [...nest.inputs, ...nest.outputs];
  // A flag that differs keeps axes apart.
  const flag = contiguousStrides(nest.sizes).map((stride, axis) => nest.reduced[axis] ? stride : 0);
  const loop = coalesce(nest.sizes, [...operands.map(({ strides }) => strides), flag]);
  const place = new Map(operands.map((access, i) => [access, loop.strides[i]]));
  const flags = loop.strides[operands.length];
  return withAxes(nest, loop.shape, flags.map((stride) => stride !== 0), (access) => place.get(access)!);
}

/** Axis `axis` as two: the inner one of this size. */
export function splitAxis(nest: Nest, axis: number, inner: number): Nest {
  const divide = <T>(list: readonly T[], outer: T, within: T): T[] => [
    ...list.slice(0, axis),
    outer,
    within,
    ...list.slice(axis + 1),
  ];
  const flag = nest.reduced[axis];
  return withAxes(
    nest,
    divide(nest.sizes, nest.sizes[axis] / inner, inner),
    divide(nest.reduced, flag, flag),
    ({ strides }) => divide(strides, strides[axis] * inner, strides[axis]),
  );
}

/** The axes in another order. */
export function permuted(nest: Nest, order: readonly number[]): Nest {
  const pick = <T>(list: readonly T[]): T[] => order.map((axis) => list[axis]);
  return withAxes(nest, pick(nest.sizes), pick(nest.reduced), ({ strides }) => pick(strides));
}

/** A list of operands without repetitions, and where each of the given ones went. */
export class Operands {
  /** The operands. */
  readonly list: Access[] = [];
  readonly #known = new Map<string, number>();

  /** The position of an operand. */
  add(access: Access): number {
    const key = `${access.buffer.id} ${access.dtype} ${access.offset} ${access.strides}`;
    let position = this.#known.get(key);
    if (position === undefined) {
      position = this.list.push(access) - 1;
      this.#known.set(key, position);
    }
    return position;
  }
}

/** The nest without an axis, whose elements become outputs (or terms) of their own. */
export function unrolled(nest: Nest, axis: number): Nest {
  const without = <T>(list: readonly T[]): T[] => list.filter((_, i) => i !== axis);
  const count = nest.sizes[axis];
  const at = (access: Access, i: number): Access => ({
    ...access,
    offset: access.offset + i * access.strides[axis],
    strides: without(access.strides),
  });
  const operands = new Operands();
  const copies = Array.from({ length: count }, (_, i) => {
    const places = nest.inputs.map((access) => operands.add(at(access, i)));
    return nest.expressions.map((expression) =>
      E.substitute(expression, (index, dtype) => E.input(places[index], dtype))
    );
  });
  const shared = { ...nest, sizes: without(nest.sizes), reduced: without(nest.reduced), inputs: operands.list };
  if (nest.reduced[axis]) {
    return {
      ...shared,
      outputs: nest.outputs.map((access) => at(access, 0)),
      expressions: nest.expressions.map((_, j) =>
        copies.map((list) => list[j]).reduce((a, b) => E.binary(REDUCTION_OPERATIONS[nest.reductions[j]], a, b))
      ),
    };
  }
  return {
    ...shared,
    outputs: copies.flatMap((_, i) => nest.outputs.map((access) => at(access, i))),
    expressions: copies.flat(),
    reductions: copies.flatMap(() => nest.reductions),
  };
}

function accessOf(view: View): Access {
  return { buffer: bufferOf(view), dtype: view.dtype, offset: view.offset, strides: view.strides };
}

/** A step as a loop nest; `undefined` where it is none, or its expressions ask for positions. */
export function nestOf({ op, call, modules }: Step): Nest | undefined {
  if (op === "copy") {
    return simplified({
      sizes: call.source.shape,
      reduced: call.source.shape.map(() => false),
      inputs: [accessOf(call.source)],
      outputs: [accessOf(call.target)],
      expressions: [E.input(0, call.source.dtype)],
      reductions: ["sum"],
      scalars: [],
      modules,
    });
  }
  if (op !== "map" && op !== "mapReduce") return undefined;
  const { expressions, shape, inputs, outputs, scalars } = call;
  if (shape.includes(0) || topologicalOrder(expressions).some(({ kind }) => kind === "index")) return undefined;
  const axes = op === "mapReduce" ? call.axes : [];
  const reduced = shape.map((_, axis) => axes.includes(axis));
  const operands = new Operands();
  const places = inputs.map((view) => operands.add(accessOf(view)));
  return simplified({
    sizes: shape,
    reduced,
    inputs: operands.list,
    outputs: outputs.map((view) => ({
      ...accessOf(view),
      strides: view.strides.map((stride, axis) => reduced[axis] ? 0 : stride),
    })),
    expressions: expressions.map((e) => E.substitute(e, (index, dtype) => E.input(places[index], dtype))),
    reductions: op === "mapReduce" ? call.reductions : expressions.map(() => "sum" as const),
    scalars,
    modules,
  });
}

/** A loop nest as a step. */
export function stepOf(nest: Nest): Step {
  const { sizes, reduced, expressions, scalars, modules } = nest;
  // Inputs that no expression needs any more go.
  const used = [...new Set(topologicalOrder(expressions).flatMap((node) => node.kind === "input" ? [node.index] : []))];
  const place = new Map(used.map((index, position) => [index, position]));
  const renamed = expressions.map((e) => E.substitute(e, (index, dtype) => E.input(place.get(index)!, dtype)));
  const view = (access: Access, shape: readonly number[]): View => ({ ...access, shape });
  const inputs = used.map((index) => view(nest.inputs[index], sizes));
  const kept = sizes.map((size, axis) => reduced[axis] ? 1 : size);
  const outputs = nest.outputs.map((access) => view(access, kept));
  if (!reduced.includes(true)) {
    const [only] = renamed;
    if (renamed.length === 1 && only.kind === "input") {
      return { op: "copy", call: { source: inputs[0], target: outputs[0] }, modules };
    }
    return { op: "map", call: { expressions: renamed, shape: sizes, inputs, scalars, outputs }, modules };
  }
  const axes = sizes.flatMap((_, axis) => reduced[axis] ? [axis] : []);
  const { reductions } = nest;
  return {
    op: "mapReduce",
    call: { expressions: renamed, reductions, shape: sizes, axes, inputs, scalars, outputs },
    modules,
  };
}
