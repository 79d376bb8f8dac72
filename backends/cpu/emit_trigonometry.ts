/**
 * sin, cos and atan2 as vector code. Arguments are reduced by π/2 in float64 (Cody and Waite's three parts up to 1.6e6,
 * beyond that Payne and Hanek's exact integer method, "Radian reduction for trigonometric functions", SIGNUM 1983), so that
 * results are accurate also next to zeros. Polynomials are Chebyshev interpolations of the remainders.
 */

import { type Code, type FloatLanes, promote, throughFloat64, type VectorCode } from "./lanes.ts";
import { makePayneHanek } from "./emit_payne_hanek.ts";

const TWO_OVER_PI = 0.6366197723675814;
// π/2 in three parts, the first two of 33 bits: their products with integers below 2^20 are exact.
const HALF_PI_1 = 1.5707963267341256;
const HALF_PI_2 = 6.077100506303966e-11;
const HALF_PI_3 = 2.0222662487959506e-21;
const CODY_WAITE_LIMIT = 1.6e6;

/** `(sin r − r) / r³` in r² on |r| ≤ π/4. */
const SIN_TAIL = {
  f32x4: [-0.16666666663741367, 0.00833333183062943, -0.00019840063040804117, 2.7246868722877944e-6],
  f64x2: [
    -0.16666666666666666,
    0.008333333333333331,
    -0.00019841269841264821,
    2.7557319219150783e-6,
    -2.5052106167335705e-8,
    1.6058521349954986e-10,
    -7.586094789672621e-13,
  ],
};

/** `(cos r − 1 + r²/2) / r⁴` in r². */
const COS_TAIL = {
  f32x4: [0.04166666459882798, -0.0013888291300556933, 2.4545419078353295e-5],
  f64x2: [
    0.041666666666666664,
    -0.0013888888888888887,
    2.480158730158451e-5,
    -2.755731922129809e-7,
    2.0876755754879594e-9,
    -1.1470455178216906e-11,
    4.745537017319258e-14,
  ],
};

/** An angle minus a multiple of π/2, in f64x2. All kept. */
interface ReducedAngle {
  /** The rest, |rest| ≤ π/4. */
  readonly high: Code;
  /** What rounding `high` lost. */
  readonly low: Code;
  /** The multiple as integer bits; its two lowest bits count. */
  readonly quadrant: Code;
}

/** @param bounded The angle is known to stay below the limit of Cody and Waite's method, so that the other one is left out. */
function reduceByHalfPi(v: FloatLanes, x: Code, bounded = false): ReducedAngle {
  const { code } = v;
  const { f } = code;
  const { float, bits } = v.round(v.mul(x, TWO_OVER_PI));
  const first = v.keep(v.sub(x, v.mul(float, HALF_PI_1)));
  const product = v.keep(v.mul(float, HALF_PI_2));
  // The exact error of first − product (Knuth), of which nothing may be lost near multiples of π/2.
  const sum = v.keep(v.sub(first, product));
  const back = v.keep(v.sub(sum, first));
  const error = v.sub(v.sub(first, v.sub(sum, back)), v.add(product, back));
  const trailing = v.keep(v.sub(error, v.mul(float, HALF_PI_3)));
  const high = code.keepLocal(v.add(sum, trailing));
  const low = code.keepLocal(v.add(v.sub(sum, () => f.get(high)), trailing));
  const quadrant = code.keepLocal(bits);
  const reduced = { high: () => f.get(high), low: () => f.get(low), quadrant: () => f.get(quadrant) };
  if (bounded) return reduced;
  const payneHanek = code.helper("payneHanek", makePayneHanek);
  const isLarge = code.keep(v.compare("gt", v.abs(x), CODY_WAITE_LIMIT));
  isLarge();
  f.op("v128.any_true").if(() => {
    const [h, l] = [f.local("f64"), f.local("f64")];
    const n = f.local("i64");
    for (const lane of [0, 1]) {
      isLarge();
      f.lane("i64x2.extract_lane", lane).op("i32.wrap_i64").if(() => {
        x();
        f.lane("f64x2.extract_lane", lane).call(payneHanek).set(n).set(l).set(h);
        f.get(high).get(h).lane("f64x2.replace_lane", lane).set(high);
        f.get(low).get(l).lane("f64x2.replace_lane", lane).set(low);
        f.get(quadrant).get(n).lane("i64x2.replace_lane", lane).set(quadrant);
      });
    }
    f.release(h, l, n);
  });
  return reduced;
}

/** Chooses between the two series by the quadrant, and the sign. `quadrant` is kept. */
function combine(v: FloatLanes, quadrant: Code, sine: Code, cosine: Code): Code {
  const one = v.bits(1);
  const isOdd = v.code.op(`${v.ints}.eq`, v.and(quadrant, one), one);
  const sign = v.shiftLeft(v.and(quadrant, v.bits(2)), v.wide ? 62 : 30);
  return v.xor(v.select(isOdd, cosine, sine), sign);
}

/** sin of `quadrant · π/2 + high + low` */
function sineOfReduced(v: FloatLanes, { high, low, quadrant }: ReducedAngle): Code {
  const z = v.keep(v.mul(high, high));
  const half = v.keep(v.mul(z, 0.5));
  const sineTail = v.polynomial(z, SIN_TAIL[v.type]);
  const lowPart = v.mul(low, v.sub(1, half));
  const sine = v.keep(v.add(high, v.add(v.mul(v.mul(high, z), sineTail), lowPart)));
  const w = v.keep(v.sub(1, half));
  const cosineTail = v.mul(v.mul(z, z), v.polynomial(z, COS_TAIL[v.type]));
  const rest = v.add(v.sub(v.sub(1, w), half), v.sub(cosineTail, v.mul(high, low)));
  return combine(v, quadrant, sine, v.add(w, rest));
}

/** The same in single precision, where the rest of the angle is one number. */
function sineOfReducedSingle(v: FloatLanes, r: Code, quadrant: Code): Code {
  const z = v.keep(v.mul(r, r));
  const sine = v.keep(v.madd(v.mul(r, z), v.polynomial(z, SIN_TAIL.f32x4), r));
  const cosine = v.madd(v.mul(z, z), v.polynomial(z, COS_TAIL.f32x4), v.sub(1, v.mul(z, 0.5)));
  return combine(v, quadrant, sine, cosine);
}

/** sin(x + turn · π/2) for a kept x. */
function sineWithTurn(v: FloatLanes, x: Code, turn: number, bounded = false): Code {
  const { code } = v;
  if (v.wide) {
    const reduced = reduceByHalfPi(v, x, bounded);
    if (turn === 0) return sineOfReduced(v, reduced);
    return sineOfReduced(v, { ...reduced, quadrant: v.keep(v.intAdd(reduced.quadrant, v.bits(turn))) });
  }
  const wide = code.floats("f64x2");
  const halves = [0, 1].map((half) => reduceByHalfPi(wide, code.keep(promote(code, x, half))));
  const [r0, r1] = halves.map((half) => code.keep(code.op("f32x4.demote_f64x2_zero", half.high)));
  const r = v.keep(code.shuffle32(r0, r1, [0, 1, 4, 5]));
  const n = code.shuffle32(halves[0].quadrant, halves[1].quadrant, [0, 2, 4, 6]);
  return sineOfReducedSingle(v, r, v.keep(turn === 0 ? n : v.intAdd(n, v.bits(turn))));
}

/** The sine: float32 below 2 ulp, float64 below 2 ulp, for all finite angles. */
export function emitSin(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  return v.select(v.compare("eq", x, 0), x, sineWithTurn(v, x, 0));
}

/** The cosine: float32 below 2 ulp, float64 below 2 ulp, for all finite angles. */
export function emitCos(v: FloatLanes, operand: Code): Code {
  return sineWithTurn(v, v.keep(operand), 1);
}

/** `(arctan t − t) / t³` in t² on |t| ≤ √2 − 1. */
const ARCTAN_TAIL = [
  -0.3333333333333333,
  0.1999999999999999,
  -0.14285714285711462,
  0.11111111110748206,
  -0.09090909066620814,
  0.07692306722348839,
  -0.06666641717454794,
  0.05881920850292149,
  -0.05257998927708906,
  0.0471912307867654,
  -0.041033382962583305,
  0.030610287402309498,
  -0.013892533041866743,
];
// π/4 as float64 ends in three zero bits, so its multiples up to 4 are exact; and what it lacks.
const QUARTER_PI_HIGH = Math.PI / 4;
const QUARTER_PI_LOW = 3.061616997868383e-17;

function emitAtan2Double(v: FloatLanes, y: Code, x: Code): Code {
  const ax = v.keep(v.abs(x));
  const ay = v.keep(v.abs(y));
  const isSteep = v.keep(v.compare("gt", ay, ax));
  const numerator = v.keep(v.select(isSteep, ax, ay));
  const denominator = v.keep(v.select(isSteep, ay, ax));
  const quotient = v.div(numerator, denominator);
  // 0 / 0 stands for an angle of 0, ∞ / ∞ for one of π/4; NaN operands stay NaN.
  const isEqual = v.compare("eq", numerator, denominator);
  const equalQuotient = v.select(v.compare("eq", numerator, 0), 0, 1);
  const q = v.keep(v.select(isEqual, equalQuotient, quotient));
  const isLarge = v.keep(v.compare("gt", q, Math.SQRT2 - 1));
  const t = v.keep(v.select(isLarge, v.div(v.sub(q, 1), v.add(q, 1)), q));
  const z = v.keep(v.mul(t, t));
  const tail = v.mul(v.mul(t, z), v.polynomial(z, ARCTAN_TAIL));
  // The angle is a multiple of π/4 plus or minus arctan t: reflect it at the diagonal, then at the vertical axis.
  let base = v.keep(v.and(isLarge, v.constant(1)));
  let sign = v.keep(v.and(isSteep, v.signBit()));
  base = v.keep(v.select(isSteep, v.sub(2, base), base));
  const isLeft = v.keep(v.code.op("i64x2.lt_s", x, v.bits(0)));
  sign = v.keep(v.xor(sign, v.and(isLeft, v.signBit())));
  base = v.keep(v.select(isLeft, v.sub(4, base), base));
  const high = v.keep(v.mul(base, QUARTER_PI_HIGH));
  const small = v.add(v.mul(base, QUARTER_PI_LOW), v.xor(tail, sign));
  const magnitude = v.keep(v.add(high, v.add(v.xor(t, sign), small)));
  const isNaN = v.code.op("v128.or", v.compare("ne", x, x), v.compare("ne", y, y));
  return v.select(isNaN, NaN, v.copySign(magnitude, y));
}

/** The angle in (−π, π] of the point (x, y), with the special cases of IEEE 754; below 2 ulp in both precisions. */
export function emitAtan2(v: FloatLanes, y: Code, x: Code): Code {
  if (v.wide) return emitAtan2Double(v, v.keep(y), v.keep(x));
  return throughFloat64(v, [y, x], (wide, [wideY, wideX]) => emitAtan2Double(wide, wideY, wideX));
}

/** cos of `2π u` as the product `fl(2π) · u` rounded to float64 defines it (normal random numbers). f64x2. */
export function emitCosOfTurns(code: VectorCode, turns: Code): Code {
  const v = code.floats("f64x2");
  return sineWithTurn(v, v.keep(v.mul(turns, 2 * Math.PI)), 1, true);
}
