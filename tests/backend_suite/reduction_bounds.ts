// What a backend may answer for a sum, a product or an extremum of terms that are themselves known up to a range: the
// classical error bounds of summation (Higham, "Accuracy and Stability of Numerical Algorithms", chapter 4), for any
// order of the terms.

import type { DType, FloatDType } from "../../src/tensor/dtype.ts";
import { REDUCE_OPS } from "../../src/tensor/expr_ops.ts";
import { type Range, ulpOf } from "./bounds.ts";

/** Half the relative distance of neighbouring numbers: the error of one rounding. */
export const ROUNDOFF: { readonly [D in FloatDType]: number } = { float32: 2 ** -24, float64: 2 ** -53 };

const LARGEST: { readonly [D in FloatDType]: number } = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

/**
 * Bound on the error of a sum of `count` terms relative to the sum of their magnitudes: `count` roundings at worst, and
 * √count (with a factor) where roundings are as good as random, which needs terms of many different values.
 */
export function sumError(dtype: FloatDType, count: number, varied: boolean): number {
  // The oracle errs too in float64.
  const shared = dtype === "float64" ? 2 : 1;
  return shared * ROUNDOFF[dtype] * (varied ? Math.min(count, 8 * Math.sqrt(count)) : count) + ROUNDOFF[dtype];
}

/** The range of a sum of floats. */
export function acceptSum(dtype: FloatDType, terms: readonly Readonly<Range>[]): Range {
  let low = 0;
  let high = 0;
  let size = 0;
  let finiteSize = 0;
  let nan = false;
  let onlyNan = false;
  const different = new Set<number>();
  for (const term of terms) {
    nan ||= term.nan;
    if (term.low > term.high) {
      onlyNan = true;
      continue;
    }
    low += term.low;
    high += term.high;
    const largest = Math.max(Math.abs(term.low), Math.abs(term.high));
    size += largest;
    if (Number.isFinite(largest)) finiteSize += largest;
    if (different.size < 32) different.add(term.low);
  }
  if (onlyNan) return { low: Infinity, high: -Infinity, nan: true, exact: true };
  // Partial sums may overflow in one order and not in another, and then meet an infinity of the other sign.
  if (finiteSize * (1 + 1e-3) >= LARGEST[dtype]) return { low: -Infinity, high: Infinity, nan: true, exact: false };
  const exactInfinities = terms.every((term) => term.exact || Number.isFinite(term.low) && Number.isFinite(term.high));
  if (low !== low || high !== high) {
    // +∞ and −∞ for certain: NaN for certain.
    return exactInfinities && low !== low && high !== high
      ? { low: Infinity, high: -Infinity, nan: true, exact: true }
      : { low: -Infinity, high: Infinity, nan: true, exact: false };
  }
  if (!Number.isFinite(size)) {
    if (exactInfinities && low === high) return { low, high, nan, exact: false };
    return { low: -Infinity, high: Infinity, nan: true, exact: false };
  }
  const error = sumError(dtype, terms.length, different.size >= 32) * size;
  return { low: low - error, high: high + error, nan, exact: false };
}

/** The range of a product of floats: relative error of one rounding for each factor, unless parts leave the type's range. */
export function acceptProduct(dtype: FloatDType, terms: readonly Readonly<Range>[]): Range {
  let value = 1;
  let relative = (terms.length + 1) * 2 * ROUNDOFF[dtype];
  let up = 1;
  let down = 1;
  let nan = false;
  for (const term of terms) {
    nan ||= term.nan;
    if (term.low > term.high) return { low: Infinity, high: -Infinity, nan: true, exact: true };
    const middle = term.exact ? term.low : (term.low + term.high) / 2;
    const radius = (term.high - term.low) / 2;
    if (!Number.isFinite(middle) || radius >= Math.abs(middle) && radius > 0) {
      return { low: -Infinity, high: Infinity, nan: true, exact: false };
    }
    value *= middle;
    if (radius > 0) relative += 1.001 * radius / Math.abs(middle) + ROUNDOFF.float64;
    up *= Math.max(1, Math.abs(middle));
    if (middle !== 0) down *= Math.min(1, Math.abs(middle));
  }
  const smallest = dtype === "float32" ? 2 ** -125 : 2 ** -1021;
  if (up >= LARGEST[dtype] / 2 || down < smallest || relative > 0.5) {
    return { low: -Infinity, high: Infinity, nan: true, exact: false };
  }
  const error = Math.expm1(relative) * Math.abs(value) + ulpOf(dtype, value);
  return { low: value - (value === 0 ? 0 : error), high: value + (value === 0 ? 0 : error), nan, exact: false };
}

/** The range of an extremum. */
export function fold(op: "max" | "min", dtype: DType, terms: readonly Readonly<Range>[]): Range {
  const { identity, combine } = REDUCE_OPS[op];
  let low = identity(dtype);
  let high = low;
  let nan = false;
  for (const term of terms) {
    if (term.low > term.high) return { low: Infinity, high: -Infinity, nan: true, exact: true };
    nan ||= term.nan;
    low = combine(low, term.low);
    high = combine(high, term.high);
  }
  return { low, high, nan, exact: false };
}
