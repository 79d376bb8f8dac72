/**
 * sin, cos, atan, atan2, asin and acos from + − × ÷ and square roots alone, so that every JavaScript engine gives the
 * same bits. Cody-Waite reduction by π/2 in three parts, for huge arguments exact integer arithmetic with π from
 * Machin's formula; Taylor series; a table of arctangents. All angles are in radians.
 */

import { productError, twoProduct, twoSum } from "./double_double.ts";
import { exponentOf, powerOfTwo, scaleByPowerOfTwo } from "./exponential.ts";

const TWO_OVER_PI = 0.6366197723675814;
const HALF_PI = 1.5707963267948966;
const HALF_PI_REST = 6.123233995736766e-17;
// π/2 in three parts, the first two of 33 bits: their products with integers below 2^20 are exact.
const HALF_PI_1 = 1.5707963267341256;
const HALF_PI_2 = 6.077100506303966e-11;
const HALF_PI_3 = 2.0222662487959506e-21;
const CODY_WAITE_LIMIT = 1.6e6;

let reducedHi = 0;
let reducedLo = 0;

const PI_BITS = 1400n;
let scaledHalfPi = 0n;

// π/2 · 2^1400, rounded down to within a few units, by Machin's formula π/4 = 4 arctan(1/5) − arctan(1/239).
function halfPiInteger(): bigint {
  if (scaledHalfPi === 0n) {
    const guard = 32n;
    const arctanInverse = (n: bigint): bigint => {
      let power = (1n << (PI_BITS + guard)) / n;
      let sum = power;
      for (let k = 3n, sign = -1n; power !== 0n; k += 2n, sign = -sign) {
        power /= n * n;
        sum += sign * (power / k);
      }
      return sum;
    };
    scaledHalfPi = (8n * arctanInverse(5n) - 2n * arctanInverse(239n)) >> guard;
  }
  return scaledHalfPi;
}

// Sets reducedHi + reducedLo in [-π/4, π/4] to x minus a multiple n of π/2, returns n modulo 4. x is finite.
function reduce(x: number): number {
  if (Math.abs(x) <= CODY_WAITE_LIMIT) {
    const n = Math.floor(x * TWO_OVER_PI + 0.5);
    const a = x - n * HALF_PI_1;
    const b = twoSum(a, -n * HALF_PI_2);
    const lo = b.lo - n * HALF_PI_3;
    reducedHi = b.hi + lo;
    reducedLo = (b.hi - reducedHi) + lo;
    return ((n % 4) + 4) % 4;
  }
  const e = exponentOf(Math.abs(x)) - 52;
  const mantissa = BigInt(scaleByPowerOfTwo(x, -e));
  const bits = BigInt(e + 53 > 0 ? e + 53 : 0) + 180n;
  const unit = halfPiInteger() >> (PI_BITS - bits);
  const scaled = mantissa << (BigInt(e) + bits);
  let n = scaled / unit;
  let rest = scaled - n * unit;
  if (rest * 2n > unit) {
    rest -= unit;
    n += 1n;
  } else if (rest * 2n < -unit) {
    rest += unit;
    n -= 1n;
  }
  rest >>= bits - 180n;
  const hi = Number(rest);
  const scale = powerOfTwo(-180);
  reducedHi = hi * scale;
  reducedLo = Number(rest - BigInt(hi)) * scale;
  return Number(((n % 4n) + 4n) % 4n);
}

// sin(r + lo) for |r| <= π/4
function sinKernel(r: number, lo: number): number {
  const z = r * r;
  let p = -1 / 121645100408832000;
  p = p * z + 1 / 355687428096000;
  p = p * z - 1 / 1307674368000;
  p = p * z + 1 / 6227020800;
  p = p * z - 1 / 39916800;
  p = p * z + 1 / 362880;
  p = p * z - 1 / 5040;
  p = p * z + 1 / 120;
  p = p * z - 1 / 6;
  return r + (r * z * p + lo * (1 - 0.5 * z));
}

// cos(r + lo) for |r| <= π/4
function cosKernel(r: number, lo: number): number {
  const z = r * r;
  let p = 1 / 2432902008176640000;
  p = p * z - 1 / 6402373705728000;
  p = p * z + 1 / 20922789888000;
  p = p * z - 1 / 87178291200;
  p = p * z + 1 / 479001600;
  p = p * z - 1 / 3628800;
  p = p * z + 1 / 40320;
  p = p * z - 1 / 720;
  p = p * z + 1 / 24;
  const half = 0.5 * z;
  const w = 1 - half;
  return w + (((1 - w) - half) + (z * z * p - r * lo));
}

/** The sine of `x` radians. */
export function sin(x: number): number {
  if (x - x !== 0) return NaN;
  if (Math.abs(x) < 1e-8) return x;
  const quadrant = reduce(x);
  const value = quadrant % 2 === 0 ? sinKernel(reducedHi, reducedLo) : cosKernel(reducedHi, reducedLo);
  return quadrant < 2 ? value : -value;
}

/** The cosine of `x` radians. */
export function cos(x: number): number {
  if (x - x !== 0) return NaN;
  const quadrant = reduce(x);
  const value = quadrant % 2 === 0 ? cosKernel(reducedHi, reducedLo) : sinKernel(reducedHi, reducedLo);
  return quadrant === 0 || quadrant === 3 ? value : -value;
}

// arctan(i / 16) for i = 0 … 16: the nearest float64, and what is missing.
// deno-fmt-ignore
const ARCTAN_HI = [
  0, 0.06241880999595735, 0.12435499454676144, 0.18534794999569476, 0.24497866312686414, 0.3028848683749714,
  0.35877067027057225, 0.4124104415973873, 0.4636476090008061, 0.5123894603107377, 0.5585993153435624,
  0.6022873461349642, 0.6435011087932844, 0.6823165548747481, 0.7188299996216245, 0.7531512809621944,
  0.7853981633974483,
];
// deno-fmt-ignore
const ARCTAN_LO = [
  0, -1.5490756308295046e-18, -3.1253241424539383e-18, 4.180692268843079e-18, 1.0698755618734451e-17,
  -1.1010827903001369e-17, -2.4623815582638635e-17, -1.587652227770689e-17, 2.2698777452961687e-17,
  -2.5462781472855804e-17, -5.4556305485916264e-18, 2.950430737228402e-17, 1.5834785051444286e-17,
  6.943223671560008e-18, -2.1478388444456983e-17, -2.4256934659182068e-17, 3.061616997868383e-17,
];

// The angle of the point (xh + xl, yh + yl) with x, y >= 0, not both 0, as a pair in arctanHi/arctanLo.
let angleHi = 0;
let angleLo = 0;
function angleInQuadrant(xh: number, xl: number, yh: number, yl: number): void {
  const swap = yh > xh;
  const dh = swap ? yh : xh;
  const dl = swap ? yl : xl;
  const nh = swap ? xh : yh;
  const nl = swap ? xl : yl;
  const q = nh / dh;
  const back = twoProduct(q, dh);
  const ql = (((nh - back.hi) - back.lo) + nl - q * dl) / dh;
  // arctan q = arctan c + arctan((q - c) / (1 + q c)) with c the nearest sixteenth
  const i = Math.floor(q * 16 + 0.5);
  const c = i / 16;
  const numerator = q - c;
  const p = q * c;
  const d = 1 + p;
  const dRest = (1 - d) + p + (productError(q, c, p) + ql * c);
  const t = numerator / d;
  const tBack = twoProduct(t, d);
  const tRest = (((numerator - tBack.hi) - tBack.lo) + ql - t * dRest) / d;
  const z = t * t;
  let s = -1 / 15;
  s = s * z + 1 / 13;
  s = s * z - 1 / 11;
  s = s * z + 1 / 9;
  s = s * z - 1 / 7;
  s = s * z + 1 / 5;
  s = s * z - 1 / 3;
  const hi = ARCTAN_HI[i] + t;
  const lo = ((ARCTAN_HI[i] - hi) + t) + (ARCTAN_LO[i] + (tRest + t * z * s));
  if (swap) {
    angleHi = HALF_PI - hi;
    angleLo = ((HALF_PI - angleHi) - hi) + (HALF_PI_REST - lo);
  } else {
    angleHi = hi;
    angleLo = lo;
  }
}

/** The angle in (-π, π] of the point (x, y), with the special cases of JavaScript's `Math.atan2`. */
export function atan2(y: number, x: number): number {
  if (x !== x || y !== y) return NaN;
  const below = y < 0 || Object.is(y, -0);
  const left = x < 0 || Object.is(x, -0);
  let ax = Math.abs(x);
  let ay = Math.abs(y);
  if (ay === 0) {
    angleHi = 0;
    angleLo = 0;
  } else if (ax === Infinity || ay === Infinity) {
    angleInQuadrant(ax === Infinity ? 1 : 0, 0, ay === Infinity ? 1 : 0, 0);
  } else {
    const ex = ax === 0 ? -1074 : exponentOf(ax);
    const ey = exponentOf(ay);
    if (!left && ey - ex < -60) return y / x;
    // Scaled so that the larger is near 1: nothing in the exact products overflows or loses bits.
    const e = ex > ey ? ex : ey;
    ax = scaleByPowerOfTwo(ax, -e);
    ay = scaleByPowerOfTwo(ay, -e);
    if (ey - ex < -200) ay = 0;
    if (ex - ey < -200) ax = 0;
    angleInQuadrant(ax, 0, ay, 0);
  }
  let value = angleHi + angleLo;
  if (left) {
    const hi = 2 * HALF_PI - angleHi;
    value = hi + (((2 * HALF_PI - hi) - angleHi) + (2 * HALF_PI_REST - angleLo));
  }
  return below ? -value : value;
}

/** The arctangent of `x`, in [-π/2, π/2]. */
export function atan(x: number): number {
  return atan2(x, 1);
}

// The pair √(1 − x²) for |x| <= 1
function cosineOfArcsine(x: number): { hi: number; lo: number } {
  const square = twoProduct(x, x);
  const d = twoSum(1, -square.hi);
  const rest = d.lo - square.lo;
  const value = d.hi + rest;
  if (value <= 0) return { hi: 0, lo: 0 };
  const root = Math.sqrt(value);
  const p = root * root;
  return { hi: root, lo: ((((d.hi - value) + rest) + (value - p)) - productError(root, root, p)) / (2 * root) };
}

/** The angle in [-π/2, π/2] whose sine is `x`; NaN outside [-1, 1]. */
export function asin(x: number): number {
  if (!(x >= -1 && x <= 1)) return NaN;
  if (Math.abs(x) < 1e-8) return x;
  const c = cosineOfArcsine(x);
  angleInQuadrant(c.hi, c.lo, Math.abs(x), 0);
  const value = angleHi + angleLo;
  return x < 0 ? -value : value;
}

/** The angle in [0, π] whose cosine is `x`; NaN outside [-1, 1]. */
export function acos(x: number): number {
  if (!(x >= -1 && x <= 1)) return NaN;
  const s = cosineOfArcsine(x);
  angleInQuadrant(Math.abs(x), 0, s.hi, s.lo);
  if (x >= 0) return angleHi + angleLo;
  const hi = 2 * HALF_PI - angleHi;
  return hi + (((2 * HALF_PI - hi) - angleHi) + (2 * HALF_PI_REST - angleLo));
}
