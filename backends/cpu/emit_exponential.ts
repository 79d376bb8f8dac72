/**
 * exp, expm1, log, log1p, tanh and sigmoid as vector code for f32x4 and f64x2. Cody-Waite reduction by ln 2 and
 * near-minimax polynomials (Chebyshev interpolation of the remainder, computed with 60 digits); the critical steps are
 * arranged as in Tang, "Table-driven implementation of the exponential function", ACM TOMS 15 (1989), without tables.
 */

import type { Code, FloatLanes } from "./lanes.ts";

/** Numbers that depend on the precision. */
interface Precision {
  /** Leading bits of ln 2: its product with any exponent is exact. */
  readonly ln2High: number;
  /** The rest of ln 2. */
  readonly ln2Low: number;
  /** `(eʳ − 1 − r) / r²` on |r| ≤ ln 2 / 2, lowest coefficient first. */
  readonly expTail: readonly number[];
  /** `(2 artanh(s) − 2 s) / s³` in s² on |s| ≤ (√2 − 1) / (√2 + 1). */
  readonly logTail: readonly number[];
  /** Below it exp is 0, above the other it is infinite. */
  readonly expRange: readonly [number, number];
  /** Below it expm1 rounds to −1. */
  readonly expm1Floor: number;
  /** Smallest normal number. */
  readonly smallestNormal: number;
  /** √½ as integer bits. */
  readonly sqrtHalfBits: bigint;
}

const SINGLE: Precision = {
  ln2High: 0.693145751953125,
  ln2Low: 1.4286068203094173e-6,
  expTail: [0.5, 0.16666576062275124, 0.04166655345865175, 0.008363333082182943, 0.001392637599580353],
  logTail: [0.6666666655358554, 0.40000122584584097, 0.285507364053582, 0.23332761807741403],
  expRange: [-104, 89],
  expm1Floor: -40,
  smallestNormal: 1.1754943508222875e-38,
  sqrtHalfBits: 0x3f3504f3n,
};

const DOUBLE: Precision = {
  ln2High: 0.6931471803691238,
  ln2Low: 1.9082149292705877e-10,
  expTail: [
    0.5,
    0.16666666666666666,
    0.04166666666666668,
    0.008333333333333333,
    0.001388888888887887,
    0.00019841269841263163,
    2.4801587336984012e-5,
    2.7557319247579834e-6,
    2.755726270076176e-7,
    2.50520707088271e-8,
    2.0918351141207293e-9,
    1.6086770194332677e-10,
  ],
  logTail: [
    0.6666666666666666,
    0.4000000000000089,
    0.28571428570795937,
    0.22222222393451754,
    0.18181795454619548,
    0.15386249783145214,
    0.13268503447792365,
    0.1308944373626974,
  ],
  expRange: [-746, 710],
  expm1Floor: -60,
  smallestNormal: 2.2250738585072014e-308,
  sqrtHalfBits: 0x3fe6a09e667f3bcdn,
};

/** `(2 artanh(s) − 2 s) / s³` in s², in float64, for powers. */
export const LOG_TAIL_DOUBLE: readonly number[] = DOUBLE.logTail;

const precisionOf = (v: FloatLanes): Precision => v.wide ? DOUBLE : SINGLE;

/** What is left of x after subtracting the nearest multiple of ln 2. */
interface ReducedExponent {
  /** The multiple, as integer bits. Kept. */
  readonly k: Code;
  /** The rest, |r| ≤ ln 2 / 2. Kept. */
  readonly r: Code;
  /** What rounding `r` lost (0 in single precision, where it does not matter). Kept. */
  readonly lost: Code | undefined;
}

/** `x + low`; both are kept, `x` is within the range of exponents. */
function reduceByLn2(v: FloatLanes, x: Code, low?: Code): ReducedExponent {
  const { ln2High, ln2Low } = precisionOf(v);
  const { float, bits } = v.round(v.mul(x, Math.LOG2E));
  const leading = v.keep(v.sub(x, v.mul(float, ln2High)));
  const product = v.mul(float, ln2Low);
  const trailing = v.keep(low === undefined ? product : v.sub(product, low));
  const r = v.keep(v.sub(leading, trailing));
  const lost = v.wide ? v.keep(v.sub(v.sub(leading, r), trailing)) : undefined;
  return { k: bits, r, lost };
}

/** `e^(r + lost) − 1` */
function expm1OfReduced(v: FloatLanes, { r, lost }: ReducedExponent): Code {
  const tail = v.mul(v.mul(r, r), v.polynomial(r, precisionOf(v).expTail));
  return v.add(r, lost === undefined ? tail : v.add(tail, v.madd(lost, r, lost)));
}

/** `x · 2^k` with one rounding even where the result is subnormal: two steps of half the exponent. `k` is kept. */
function scale(v: FloatLanes, x: Code, k: Code): Code {
  const half = v.keep(v.shiftRight(v.intAdd(k, v.bits(4096)), 1));
  const first = v.powerOfTwo(v.intSub(half, v.bits(2048)));
  const second = v.powerOfTwo(v.intAdd(v.intSub(k, half), v.bits(2048)));
  return v.mul(v.mul(x, first), second);
}

/** `eˣ`, below 2 ulp. */
export function emitExp(v: FloatLanes, operand: Code): Code {
  const [low, high] = precisionOf(v).expRange;
  const reduced = reduceByLn2(v, v.keep(v.clamp(operand, low, high)));
  return scale(v, v.add(expm1OfReduced(v, reduced), 1), reduced.k);
}

/** `e^(x + low)` for a kept pair within the range of exponents; for powers. */
export function emitExpOfPair(v: FloatLanes, x: Code, low: Code): Code {
  const reduced = reduceByLn2(v, x, low);
  return scale(v, v.add(expm1OfReduced(v, reduced), 1), reduced.k);
}

/** `eˣ − 1`, below 3 ulp also near 0. The operand is kept; at ±0 the result's sign may be lost. */
function expm1Core(v: FloatLanes, x: Code): Code {
  const { expm1Floor, expRange } = precisionOf(v);
  const reduced = reduceByLn2(v, v.keep(v.clamp(x, expm1Floor, expRange[1])));
  const p = v.keep(expm1OfReduced(v, reduced));
  // 2^k p + (2^k − 1), by way of 2^(k − 1), which does not overflow where the result does not.
  const half = v.keep(v.powerOfTwo(v.intSub(reduced.k, v.bits(1))));
  const scaled = v.add(v.mul(half, p), v.sub(half, 0.5));
  const isZero = v.code.op(`${v.ints}.eq`, reduced.k, v.bits(0));
  return v.select(isZero, p, v.mul(scaled, 2));
}

/** `eˣ − 1`, below 3 ulp. */
export function emitExpm1(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  return v.select(v.compare("eq", x, 0), x, expm1Core(v, x));
}

/** A positive normal number, given as bits, as `2^k · m` with m in [√½, √2). `shift` is added to k. Both kept. */
function splitExponent(v: FloatLanes, bits: Code, shift: Code | undefined): { k: Code; m: Code } {
  const { sqrtHalfBits } = precisionOf(v);
  // The exponent of x / √½ is k.
  const above = v.keep(v.intSub(bits, v.bits(sqrtHalfBits)));
  const exponent = v.code.shift(`${v.ints}.shr_s`, above, v.significandBits);
  const significandMask = v.bits((1n << BigInt(v.significandBits)) - 1n);
  const m = v.keep(v.intAdd(v.and(above, significandMask), v.bits(sqrtHalfBits)));
  const k = v.wide
    ? v.sub(v.intAdd(exponent, v.bits(0x4338000000000000n)), v.magic)
    : v.code.op("f32x4.convert_i32x4_s", exponent);
  return { k: v.keep(shift === undefined ? k : v.add(k, shift)), m };
}

/** The logarithm of the normal positive number with these bits times 2^shift, plus `correction`. */
function logOfBits(v: FloatLanes, bits: Code, shift: Code | undefined, correction: Code | undefined): Code {
  const { ln2High, ln2Low, logTail } = precisionOf(v);
  const { k, m } = splitExponent(v, bits, shift);
  const f = v.keep(v.sub(m, 1));
  const s = v.keep(v.div(f, v.add(f, 2)));
  const z = v.keep(v.mul(s, s));
  const halfSquare = v.keep(v.mul(v.mul(f, 0.5), f));
  const tail = v.keep(v.mul(z, v.polynomial(z, logTail)));
  let low = v.mul(k, ln2Low);
  if (correction !== undefined) low = v.add(low, correction);
  const small = v.add(v.mul(s, v.add(halfSquare, tail)), low);
  return v.sub(v.mul(k, ln2High), v.sub(v.sub(halfSquare, small), f));
}

/** Bits of a positive number scaled into the normal range, and the power of two to add to its exponent; both kept. */
function normalized(v: FloatLanes, x: Code): { bits: Code; shift: Code } {
  const isSubnormal = v.keep(v.compare("lt", x, precisionOf(v).smallestNormal));
  const factor = 2 ** (v.significandBits + 1);
  return {
    bits: v.keep(v.select(isSubnormal, v.mul(x, factor), x)),
    shift: v.keep(v.and(isSubnormal, v.constant(-(v.significandBits + 1)))),
  };
}

/** A positive finite number as `2^k · m` with m in [√½, √2), for powers. `x` and the results are kept. */
export function normalizedLogParts(v: FloatLanes, x: Code): { k: Code; m: Code } {
  const { bits, shift } = normalized(v, x);
  return splitExponent(v, bits, shift);
}

/** −Infinity at 0, Infinity at Infinity, NaN below 0 and at NaN, else `finite`. */
function withLogLimits(v: FloatLanes, x: Code, finite: Code): Code {
  const positive = v.select(v.compare("eq", x, Infinity), Infinity, finite);
  const atMostZero = v.select(v.compare("eq", x, 0), -Infinity, NaN);
  return v.select(v.compare("gt", x, 0), positive, atMostZero);
}

/** The natural logarithm, below 2 ulp. */
export function emitLog(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  const { bits, shift } = normalized(v, x);
  return withLogLimits(v, x, logOfBits(v, bits, shift, undefined));
}

/** The same for arguments known to be positive, finite and not subnormal. */
export function emitLogOfNormal(v: FloatLanes, operand: Code): Code {
  return logOfBits(v, v.keep(operand), undefined, undefined);
}

/** `log(1 + x)`, below 3 ulp: the logarithm of the rounded sum, corrected for what rounding lost. */
export function emitLog1p(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  const u = v.keep(v.add(x, 1));
  // Exact (Dekker): which of 1 and x is larger decides the order of subtraction.
  const lost = v.select(v.compare("gt", x, 1), v.sub(1, v.sub(u, x)), v.sub(x, v.sub(u, 1)));
  const correction = v.keep(v.div(lost, u));
  const value = withLogLimits(v, u, logOfBits(v, u, undefined, correction));
  return v.select(v.compare("lt", v.abs(x), v.wide ? 1e-17 : 1e-9), x, value);
}

/** The hyperbolic tangent, below 4 ulp: `−e / (2 + e)` with `e = expm1(−2 |x|)`. */
export function emitTanh(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  const e = v.keep(expm1Core(v, v.keep(v.mul(v.abs(x), -2))));
  return v.copySign(v.div(v.neg(e), v.add(e, 2)), x);
}

/** The logistic function, below 4 ulp: `1 / (1 + e)` or `e / (1 + e)` with `e = exp(−|x|)`. */
export function emitSigmoid(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  const e = v.keep(emitExp(v, v.neg(v.abs(x))));
  return v.div(v.select(v.compare("lt", x, 0), e, 1), v.add(e, 1));
}
