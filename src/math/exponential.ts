/**
 * exp, log, pow, cbrt and hypot from + − × ÷ and square roots alone, so that every JavaScript engine gives the same
 * bits. Classical argument reduction and Taylor series; the rounding errors that matter are carried as pairs.
 * Every function stays below one unit in the last place of the true value.
 */

import { addPairs, type DoubleDouble, multiplyPairs, productError, twoProduct, twoSum } from "./double_double.ts";

const LN2_HI = 0.6931471803691238; // the first 32 bits of ln 2, so that k * LN2_HI is exact
const LN2_LO = 1.9082149292705877e-10;
const LN2_42 = 0.6931471805598903; // the first 42 bits
const LN2_42_REST = 5.497923018708371e-14;
const INVERSE_LN2 = 1.4426950408889634;
const SQRT_HALF = 0.7071067811865476;
const TWO_THIRDS: DoubleDouble = { hi: 0.6666666666666666, lo: 3.700743415417188e-17 };

const view = new DataView(new ArrayBuffer(8));

/** `2 ** k` for integers k in [-1022, 1023], exactly. */
export function powerOfTwo(k: number): number {
  view.setUint32(0, (k + 1023) << 20);
  view.setUint32(4, 0);
  return view.getFloat64(0);
}

/** `x * 2 ** k` with one rounding, for integers k. */
export function scaleByPowerOfTwo(x: number, k: number): number {
  if (k > 1023) return k > 2200 ? x * Infinity : scaleByPowerOfTwo(x * powerOfTwo(1023), k - 1023);
  if (k < -1022) return k < -2200 ? x * 0 : (x * powerOfTwo(k + 1022 < -1022 ? -1022 : k + 1022)) * powerOfTwo(-1022);
  return x * powerOfTwo(k);
}

/** The exponent e of a finite positive x = m * 2 ** e with m in [1, 2). */
export function exponentOf(x: number): number {
  view.setFloat64(0, x);
  const e = (view.getUint32(0) >>> 20) & 2047;
  return e === 0 ? exponentOf(x * 18014398509481984) - 54 : e - 1023;
}

// exp(hi + lo) for |hi| < 746: k ln 2 is removed exactly, the rest is a Taylor series on [-ln2/2, ln2/2].
function expOfPair(hi: number, lo: number): number {
  const k = Math.floor(hi * INVERSE_LN2 + 0.5);
  const a = hi - k * LN2_HI;
  const b = k * LN2_LO - lo;
  const r = a - b;
  const rest = (a - r) - b;
  let p = 1 / 87178291200;
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
  return scaleByPowerOfTwo(1 + (r + (r * r * p + (rest + rest * r))), k);
}

/** e to the power `x`. */
export function exp(x: number): number {
  if (x !== x) return NaN;
  if (x > 709.782712893384) return Infinity;
  if (x < -745.1332191019412) return 0;
  return expOfPair(x, 0);
}

/** The natural logarithm of `x`: NaN for negative numbers, -Infinity at zero. */
export function log(x: number): number {
  if (!(x > 0)) return x === 0 ? -Infinity : NaN;
  if (x === Infinity) return Infinity;
  let k = exponentOf(x);
  let m = k < -1022 ? x * 18014398509481984 * powerOfTwo(-k - 54) : x * powerOfTwo(k === 1023 ? -1022 : -k);
  if (k === 1023) m *= 0.5;
  if (m * 0.5 > SQRT_HALF) {
    m *= 0.5;
    k += 1;
  }
  // log m = 2 artanh(s) with s = f / (2 + f), rearranged so that the leading terms f - f²/2 are nearly exact.
  const f = m - 1;
  const s = f / (2 + f);
  const z = s * s;
  let p = 2 / 23;
  p = p * z + 2 / 21;
  p = p * z + 2 / 19;
  p = p * z + 2 / 17;
  p = p * z + 2 / 15;
  p = p * z + 2 / 13;
  p = p * z + 2 / 11;
  p = p * z + 2 / 9;
  p = p * z + 2 / 7;
  p = p * z + 2 / 5;
  p = p * z + 2 / 3;
  const half = 0.5 * f * f;
  return k * LN2_HI - ((half - (s * (half + z * p) + k * LN2_LO)) - f);
}

// log x as a pair, to about 2^-65 relative: what a power needs.
function logPair(x: number): DoubleDouble {
  let k = exponentOf(x);
  let m = k < -1022 ? x * 18014398509481984 * powerOfTwo(-k - 54) : x * powerOfTwo(k === 1023 ? -1022 : -k);
  if (k === 1023) m *= 0.5;
  if (m * 0.5 > SQRT_HALF) {
    m *= 0.5;
    k += 1;
  }
  const f = m - 1;
  const d = twoSum(2, f);
  const sHi = f / d.hi;
  const back = twoProduct(sHi, d.hi);
  const sLo = (((f - back.hi) - back.lo) - sHi * d.lo) / d.hi;
  const s: DoubleDouble = { hi: sHi, lo: sLo };
  const square = multiplyPairs(s, s);
  const cubic = multiplyPairs(multiplyPairs(square, s), TWO_THIRDS);
  const z = square.hi;
  let p = 2 / 25;
  p = p * z + 2 / 23;
  p = p * z + 2 / 21;
  p = p * z + 2 / 19;
  p = p * z + 2 / 17;
  p = p * z + 2 / 15;
  p = p * z + 2 / 13;
  p = p * z + 2 / 11;
  p = p * z + 2 / 9;
  p = p * z + 2 / 7;
  p = p * z + 2 / 5;
  const tail = sHi * z * z * p;
  const series = addPairs({ hi: 2 * sHi, lo: 2 * sLo }, addPairs(cubic, { hi: tail, lo: 0 }));
  if (k === 0) return series;
  return addPairs(twoSum(k * LN2_42, k * LN2_42_REST), series);
}

/** `x` to the power `y`, with the special cases of JavaScript's `Math.pow`. */
export function pow(x: number, y: number): number {
  if (y === 0) return 1;
  if (x !== x || y !== y) return NaN;
  const magnitude = Math.abs(x);
  if (y === Infinity || y === -Infinity) {
    if (magnitude === 1) return NaN;
    return (magnitude > 1) === (y > 0) ? Infinity : 0;
  }
  const isInteger = Math.floor(y) === y;
  const isOdd = isInteger && Math.abs(y) <= 9007199254740991 && Math.abs(y) % 2 === 1;
  if (x === 0 || magnitude === Infinity) {
    const grows = (magnitude === Infinity) === (y > 0);
    const negative = isOdd && (x < 0 || Object.is(x, -0));
    return grows ? (negative ? -Infinity : Infinity) : (negative ? -0 : 0);
  }
  if (x < 0 && !isInteger) return NaN;
  const sign = x < 0 && isOdd ? -1 : 1;
  if (magnitude === 1) return sign;
  const l = logPair(magnitude);
  const hi = y * l.hi;
  if (hi > 710) return sign * Infinity;
  if (hi < -746) return sign * 0;
  // Beyond 2^995 the splitting would overflow; there l.hi is so small that its error cannot matter.
  const lo = (Math.abs(y) > 1e290 ? 0 : productError(y, l.hi, hi)) + y * l.lo;
  return sign * expOfPair(hi, lo);
}

/** The real cube root of `x`. */
export function cbrt(x: number): number {
  if (x === 0 || x !== x || x === Infinity || x === -Infinity) return x;
  const magnitude = Math.abs(x);
  const e = exponentOf(magnitude);
  const q = Math.floor(e / 3);
  const m = scaleByPowerOfTwo(magnitude, -3 * q); // in [1, 8)
  let t = 0.75 + 0.25 * m - 0.012 * m * m; // any start in (0.9, 2.3) converges
  for (let i = 0; i < 6; i++) t -= (t * t * t - m) / (3 * t * t);
  const square = twoProduct(t, t);
  const cube = multiplyPairs(square, { hi: t, lo: 0 });
  const root = t - ((cube.hi - m) + cube.lo) / (3 * t * t);
  return scaleByPowerOfTwo(x < 0 ? -root : root, q);
}

/** The square root of the sum of the squares, without overflow or underflow on the way. */
export function hypot(...values: number[]): number {
  let largest = 0;
  let hasNaN = false;
  for (const v of values) {
    const a = Math.abs(v);
    if (a === Infinity) return Infinity;
    if (a !== a) hasNaN = true;
    else if (a > largest) largest = a;
  }
  if (hasNaN) return NaN;
  if (largest === 0) return 0;
  const e = exponentOf(largest);
  let sum: DoubleDouble = { hi: 0, lo: 0 };
  for (const v of values) {
    const s = scaleByPowerOfTwo(v, -e);
    sum = addPairs(sum, twoProduct(s, s));
  }
  const root = Math.sqrt(sum.hi);
  const rest = ((sum.hi - root * root) - productError(root, root, root * root) + sum.lo) / (2 * root);
  return scaleByPowerOfTwo(root + rest, e);
}
