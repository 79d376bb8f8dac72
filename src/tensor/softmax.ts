/**
 * Softmax, its logarithm, and the logarithm of a sum of exponentials along an axis, safe from overflow: the maximum is
 * subtracted first. Each has a derivative of two fused kernels.
 */

import { needsGrad, record, viewOf } from "./core.ts";
import { isFloat } from "./dtype.ts";
import { DTypeError } from "./errors.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import { spread } from "./fused.ts";
import { normalizeAxis } from "./layout.ts";
import { map } from "./map.ts";
import { max, reduce } from "./reductions.ts";
import type { Tensor } from "./tensor.ts";
import { reshape } from "./views.ts";

function prepare(op: string, x: Tensor, axis: number): number {
  void x.storage;
  if (!isFloat(x.dtype)) {
    throw new DTypeError({ op, expected: "a float tensor", actual: x.describe(), hint: "Convert with cast()" });
  }
  return normalizeAxis(axis, x.rank, op);
}

/** The maximum, with 0 in place of an infinite one (or of none), so that no ∞ − ∞ arises. */
const finiteShift = (m: Expr): Expr => E.select(E.eq(E.abs(m), Infinity), 0, m);

/** `x − m` for a finite maximum `m`. */
const shifted = (x: Expr, m: Expr): Expr => E.sub(x, finiteShift(m));

/** The maximum (kept axis) and the sum of the exponentials of the distances from it, without history. */
function exponentialSum(x: Tensor, axis: number): [maximum: Tensor, total: Tensor] {
  const maximum = max(x, axis, true);
  const total = reduce([x, maximum], "sum", axis, (a, m) => E.exp(shifted(a, m)), { keepDims: true });
  return [maximum, total];
}

/**
 * `exp(xᵢ) / Σⱼ exp(xⱼ)` along `axis` (default: the last).
 *
 * @example
 * ```ts
 * import { softmax, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * assertEquals(await softmax(tensor([[7, 7], [0, -Infinity]])).data(), new Float32Array([0.5, 0.5, 1, 0]));
 * ```
 */
export function softmax(x: Tensor, axis = -1): Tensor {
  const along = prepare("softmax", x, axis);
  using plain = viewOf(x, x);
  const [maximum, total] = exponentialSum(plain, along);
  const result = map([plain, maximum, total], (a, m, s) => E.div(E.exp(shifted(a, m)), s));
  maximum.dispose();
  total.dispose();
  if (needsGrad([x])) {
    record("softmax", [x], [result], [result], ([gradient], [y]) => {
      const inner = reduce([gradient!, y], "sum", along, (g, p) => E.mul(g, p), { keepDims: true });
      return [map([gradient!, y, inner], (g, p, s) => E.mul(p, E.sub(g, s)))];
    });
  }
  return result;
}

/** `log softmax(x)` along `axis` (default: the last), computed without the rounding of the detour. */
export function logSoftmax(x: Tensor, axis = -1): Tensor {
  const along = prepare("logSoftmax", x, axis);
  using plain = viewOf(x, x);
  const [maximum, total] = exponentialSum(plain, along);
  const result = map([plain, maximum, total], (a, m, s) => E.sub(shifted(a, m), E.log(s)));
  maximum.dispose();
  total.dispose();
  if (needsGrad([x])) {
    record("logSoftmax", [x], [result], [result], ([gradient], [y]) => {
      const inner = reduce([gradient!], "sum", along, (g) => g, { keepDims: true });
      return [map([gradient!, y, inner], (g, p, s) => E.sub(g, E.mul(E.exp(p), s)))];
    });
  }
  return result;
}

/** `log Σⱼ exp(xⱼ)` along `axis` (default: the last); −∞ over no elements. */
export function logSumExp(x: Tensor, axis = -1, keepDims = false): Tensor {
  const along = prepare("logSumExp", x, axis);
  using plain = viewOf(x, x);
  const [maximum, total] = exponentialSum(plain, along);
  const kept = map([maximum, total], (m, s) => E.add(finiteShift(m), E.log(s)));
  maximum.dispose();
  total.dispose();
  const shape = kept.shape;
  const result = keepDims ? kept : reshape(kept, shape.filter((_, i) => i !== along));
  if (!keepDims) kept.dispose();
  if (needsGrad([x])) {
    const full = x.shape;
    record("logSumExp", [x], [result], [x, result], ([gradient], [a, y]) => [
      map(
        [spread(gradient!, shape, full), a, spread(y, shape, full)],
        (g, value, l) => E.mul(g, E.exp(shifted(value, l))),
      ),
    ]);
  }
  return result;
}
