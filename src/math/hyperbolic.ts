/**
 * expm1, log1p and the hyperbolic functions from + − × ÷ alone, next to the exponential and the logarithm that they
 * refine near zero. Every function stays below two units in the last place of the true value.
 */

import { exp, log, scaleByPowerOfTwo } from "./exponential.ts";

const LN2_HI = 0.6931471803691238; // the first 32 bits of ln 2, so that k * LN2_HI is exact
const LN2_LO = 1.9082149292705877e-10;
const INVERSE_LN2 = 1.4426950408889634;

/** `e to the power x, minus 1`, without cancellation near zero. */
export function expm1(x: number): number {
  if (x !== x) return NaN;
  if (x > 709.782712893384) return Infinity;
  if (x < -40) return -1;
  if (x > 40) return exp(x) - 1;
  if (Math.abs(x) < 1e-16) return x;
  const k = Math.floor(x * INVERSE_LN2 + 0.5);
  const a = x - k * LN2_HI;
  const b = k * LN2_LO;
  const r = a - b;
  const rest = (a - r) - b;
  let p = 1 / 1307674368000;
  p = p * r + 1 / 87178291200;
  p = p * r + 1 / 6227020800;
  p = p * r + 1 / 479001600;
  p = p * r + 1 / 39916800;
  p = p * r + 1 / 3628800;
  p = p * r + 1 / 362880;
  p = p * r + 1 / 40320;
  p = p * r + 1 / 5040;
  p = p * r + 1 / 720;
  p = p * r + 1 / 120;
  p = p * r + 1 / 24;
  p = p * r + 1 / 6;
  p = p * r + 0.5;
  const q = r + (r * r * p + (rest + rest * r));
  if (k === 0) return q;
  return scaleByPowerOfTwo(q, k) + (scaleByPowerOfTwo(1, k) - 1);
}

/** The natural logarithm of `1 + x`, without cancellation near zero; NaN below −1. */
export function log1p(x: number): number {
  if (Math.abs(x) < 1e-16) return x;
  const u = 1 + x;
  if (u === 0 || u === Infinity || !(u > 0)) return log(u);
  return log(u) + (x - (u - 1)) / u;
}

/** The hyperbolic tangent. */
export function tanh(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < 1e-9) return x;
  let value: number;
  if (magnitude > 22) {
    value = 1;
  } else if (magnitude >= 1) {
    value = 1 - 2 / (expm1(2 * magnitude) + 2);
  } else {
    const t = expm1(-2 * magnitude);
    value = -t / (t + 2);
  }
  return x < 0 ? -value : value;
}

/** The hyperbolic sine. */
export function sinh(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude < 1e-9) return x;
  if (magnitude > 709) {
    const half = exp(magnitude / 2);
    return (x < 0 ? -0.5 * half : 0.5 * half) * half;
  }
  const t = expm1(magnitude);
  const value = 0.5 * (t + t / (t + 1));
  return x < 0 ? -value : value;
}

/** The hyperbolic cosine. */
export function cosh(x: number): number {
  const magnitude = Math.abs(x);
  if (magnitude > 709) {
    const half = exp(magnitude / 2);
    return 0.5 * half * half;
  }
  const e = exp(magnitude);
  return 0.5 * (e + 1 / e);
}
