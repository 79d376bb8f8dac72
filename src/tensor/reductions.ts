/**
 * Reductions over axes: fused ones of a scalar expression (`reduce`, `reduceMany`), and the usual ones under their names.
 * Several results over the same axes come from one pass.
 */

import { isGradEnabled } from "./context.ts";
import { record, viewOf } from "./core.ts";
import { type DType, isFloat } from "./dtype.ts";
import { ArgumentError } from "./errors.ts";
import { binaryOperation } from "./elementwise.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import type { ReduceOp } from "./expr_ops.ts";
import { dropReduced, keepReduced, runMap, runReduce, spread } from "./fused.ts";
import { fusedPlan } from "./fused_plan.ts";
import { elementCount, normalizeAxes, normalizeAxis, type Shape } from "./layout.ts";
import { commonShape, type MapBuilder, type MapOptions, operandNodes, requireInputs, scalarValues } from "./map.ts";
import { exclusiveProduct } from "./product.ts";
import type { Tensor } from "./tensor.ts";

/** Axes of a reduction: one, several, or all (`undefined`). */
export type Axes = number | readonly number[] | undefined;

/** Options of {@linkcode reduce}. */
export interface ReduceOptions extends MapOptions {
  /** Leave the reduced axes in place with size 1. Default false. */
  readonly keepDims?: boolean;
}

/**
 * Several reductions of scalar expressions in one pass: `outputs[j]` is `operations[j]` over `axes` of `build(inputs…, scalars…)[j]`, over
 * the shape to which the inputs broadcast. One operation serves all outputs. Differentiable; ties of a maximum or minimum share
 * the gradient equally.
 */
export function reduceMany(
  inputs: readonly Tensor[],
  operations: ReduceOp | readonly ReduceOp[],
  axes: Axes,
  build: MapBuilder,
  options: ReduceOptions = {},
): Tensor[] {
  requireInputs(inputs, "reduce");
  const scalars = scalarValues(options);
  const shape = commonShape(inputs, "reduce");
  const along = normalizeAxes(axes, shape.length, "reduce");
  const built = build(...operandNodes(inputs, options));
  const expressions = Array.isArray(built) ? built as readonly Expr[] : [built as Expr];
  const list = typeof operations === "string" ? expressions.map(() => operations) : operations;
  if (list.length !== expressions.length) {
    throw new ArgumentError({
      op: "reduce",
      expected: `${expressions.length} operations, one for each expression`,
      actual: String(list.length),
    });
  }
  const resultShape = options.keepDims ? keepReduced(shape, along) : dropReduced(shape, along);
  return runReductions("reduce", expressions, list, along, inputs, scalars, shape, resultShape);
}

/**
 * A fused reduction, see {@linkcode reduceMany}.
 *
 * @example
 * ```ts
 * import { expr, reduce, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const x = tensor([[3, 4], [6, 8]]);
 * const squares = reduce([x], "sum", 1, (a) => expr.mul(a, a));
 * assertEquals(await squares.data(), new Float32Array([25, 100]));
 * ```
 */
export function reduce(
  inputs: readonly Tensor[],
  operation: ReduceOp,
  axes: Axes,
  build: MapBuilder,
  options: ReduceOptions = {},
): Tensor {
  return reduceMany(inputs, operation, axes, build, options)[0];
}

function runReductions(
  op: string,
  expressions: readonly Expr[],
  operations: readonly ReduceOp[],
  axes: readonly number[],
  inputs: readonly Tensor[],
  scalars: readonly number[],
  shape: Shape,
  resultShape: Shape,
): Tensor[] {
  const dtypes = inputs.map((input) => input.dtype);
  const recorded = inputs.some((input) => input.node !== undefined) && isGradEnabled();
  if (!recorded || !operations.includes("prod")) {
    const plan = fusedPlan(expressions, dtypes, operations);
    return runReduce(op, plan, axes, inputs, scalars, shape, resultShape);
  }
  // Products have a derivative of their own, so each is a map followed by a plain product.
  return expressions.map((expression, j) => {
    if (operations[j] !== "prod" || !isFloat(expression.dtype)) {
      const plan = fusedPlan([expression], dtypes, [operations[j]]);
      return runReduce(op, plan, axes, inputs, scalars, shape, resultShape)[0];
    }
    using factors = runMap(op, fusedPlan([expression], dtypes), inputs, scalars, shape)[0];
    return productAlong(factors, axes, resultShape);
  });
}

/** The product over axes of a tensor, recorded with its own derivative. */
function productAlong(factors: Tensor, axes: readonly number[], resultShape: Shape): Tensor {
  const { shape, dtype } = factors;
  // Without history in the pass itself, whose recorded derivative would be that of a sum.
  using plain = viewOf(factors, factors);
  const plan = fusedPlan([E.input(0, dtype)], [dtype], ["prod"]);
  const result = runReduce("prod", plan, axes, [plain], [], shape, resultShape)[0];
  if (factors.node !== undefined) {
    const kept = keepReduced(shape, axes);
    record("prod", [factors], [result], [factors], ([gradient], [saved]) => [
      binaryOperation("mul", spread(gradient!, kept, shape), exclusiveProduct(saved, axes)),
    ]);
  }
  return result;
}

/** A reduction of the elements themselves, converted to `dtype` first. */
function reduceElements(
  op: string,
  tensor: Tensor,
  operation: ReduceOp,
  dtype: DType,
  axes: Axes,
  keepDims: boolean,
): Tensor {
  const { shape } = tensor;
  const along = normalizeAxes(axes, shape.length, op);
  const resultShape = keepDims ? keepReduced(shape, along) : dropReduced(shape, along);
  const expression = E.cast(E.input(0, tensor.dtype), dtype);
  return runReductions(op, [expression], [operation], along, [tensor], [], shape, resultShape)[0];
}

const countable = (dtype: DType): DType => dtype === "bool" ? "int32" : dtype;
const real = (dtype: DType): DType => isFloat(dtype) ? dtype : "float32";

/** Sum over axes (0 over none); bools are counted as int32. */
export function sum(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduceElements("sum", tensor, "sum", countable(tensor.dtype), axes, keepDims);
}

/** Product over axes (1 over none). */
export function prod(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduceElements("prod", tensor, "prod", countable(tensor.dtype), axes, keepDims);
}

/** Maximum over axes; NaN if one is NaN, −∞ over no elements. */
export function max(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduceElements("max", tensor, "max", tensor.dtype, axes, keepDims);
}

/** Minimum over axes; NaN if one is NaN, ∞ over no elements. */
export function min(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduceElements("min", tensor, "min", tensor.dtype, axes, keepDims);
}

/** Whether an element is not 0: a bool tensor. */
export function anyNonZero(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduceElements("any", tensor, "max", "bool", axes, keepDims);
}

/** Whether no element is 0: a bool tensor. */
export function allNonZero(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  return reduceElements("all", tensor, "min", "bool", axes, keepDims);
}

function countAlong(shape: Shape, axes: readonly number[]): number {
  return elementCount(axes.map((axis) => shape[axis]));
}

/** Mean over axes: the sum divided by the count, NaN over no elements. Integers and bools give float32. */
export function mean(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  const along = normalizeAxes(axes, tensor.rank, "mean");
  using total = reduceElements("mean", tensor, "sum", real(tensor.dtype), along, keepDims);
  return binaryOperation("div", total, countAlong(tensor.shape, along));
}

/** Options of {@linkcode variance}. */
export interface VarianceOptions {
  /** Leave the reduced axes in place with size 1. Default false. */
  readonly keepDims?: boolean;
  /** Divide by n − 1 instead of n. Default true. */
  readonly unbiased?: boolean;
}

/** Mean of squared deviations from the mean over axes, in two passes; NaN where there are too few elements. */
export function variance(tensor: Tensor, axes?: Axes, options: VarianceOptions = {}): Tensor {
  const { keepDims = false, unbiased = true } = options;
  const along = normalizeAxes(axes, tensor.rank, "variance");
  const dtype = real(tensor.dtype);
  using center = mean(tensor, along, true);
  const expression = E.square(E.sub(E.cast(E.input(0, tensor.dtype), dtype), E.input(1, dtype)));
  const shape = tensor.shape;
  const resultShape = keepDims ? keepReduced(shape, along) : dropReduced(shape, along);
  const inputs = [tensor, center];
  using total = runReductions("variance", [expression], ["sum"], along, inputs, [], shape, resultShape)[0];
  return binaryOperation("div", total, Math.max(0, countAlong(shape, along) - (unbiased ? 1 : 0)));
}

/** Euclidean norm over axes; where it is 0, its derivative is taken as 0. */
export function norm(tensor: Tensor, axes?: Axes, keepDims = false): Tensor {
  const along = normalizeAxes(axes, tensor.rank, "norm");
  const dtype = real(tensor.dtype);
  const shape = tensor.shape;
  const resultShape = keepDims ? keepReduced(shape, along) : dropReduced(shape, along);
  const squares = E.square(E.cast(E.input(0, tensor.dtype), dtype));
  using total = runReductions("norm", [squares], ["sum"], along, [tensor], [], shape, resultShape)[0];
  const s = E.input(0, dtype);
  const vanishes = E.eq(s, 0);
  const root = E.select(vanishes, 0, E.sqrt(E.select(vanishes, 1, s)));
  return runMap("norm", fusedPlan([root], [dtype]), [total], [], resultShape)[0];
}

function extremeIndex(op: "argmax" | "argmin", tensor: Tensor, axis: number, keepDims: boolean): Tensor {
  const along = normalizeAxis(axis, tensor.rank, op);
  const shape = tensor.shape;
  if (shape[along] === 0) {
    throw new ArgumentError({ op, expected: `elements along axis ${along}`, actual: tensor.describe() });
  }
  using plain = viewOf(tensor, tensor);
  using extreme = reduceElements(op, plain, op === "argmax" ? "max" : "min", tensor.dtype, along, true);
  const x = E.input(0, tensor.dtype);
  // A NaN makes the extreme NaN, which equals nothing: then the first NaN is meant.
  const found = E.binary("or", E.eq(x, E.input(1, tensor.dtype)), E.ne(x, x));
  const position = E.select(found, E.index(along), 0x7fffffff);
  const plan = fusedPlan([position], [tensor.dtype, tensor.dtype], ["min"]);
  const resultShape = keepDims ? keepReduced(shape, [along]) : dropReduced(shape, [along]);
  return runReduce(op, plan, [along], [plain, extreme], [], shape, resultShape)[0];
}

/** Position (int32) of the maximum along an axis, the first one in a tie; of the first NaN if there is one. No gradient. */
export function argmax(tensor: Tensor, axis: number, keepDims = false): Tensor {
  return extremeIndex("argmax", tensor, axis, keepDims);
}

/** Position (int32) of the minimum along an axis, the first one in a tie; of the first NaN if there is one. No gradient. */
export function argmin(tensor: Tensor, axis: number, keepDims = false): Tensor {
  return extremeIndex("argmin", tensor, axis, keepDims);
}
