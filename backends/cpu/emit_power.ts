/**
 * Powers as vector code: `e^(y log |x|)`, the sign and the special cases. float32 goes through float64; float64 carries the
 * logarithm as a pair of numbers (Dekker 1971), because the exponential multiplies its error by up to 745.
 */

import { emitExp, emitExpOfPair, emitLog, LOG_TAIL_DOUBLE, normalizedLogParts } from "./emit_exponential.ts";
import { type Code, type FloatLanes, throughFloat64 } from "./lanes.ts";

/** An unevaluated sum; both kept. */
interface Pair {
  readonly high: Code;
  readonly low: Code;
}

const LN2_42 = 0.6931471805598903; // the first 42 bits, so that its product with an exponent is exact
const LN2_42_REST = 5.497923018708371e-14;
const TWO_THIRDS_LOW = 3.700743415417188e-17;

/** `a · b − product`, exact but for the last bit, from factors cut at 26 bits (Dekker). Kept operands. */
function productError(v: FloatLanes, a: Code, b: Code, product: Code): Code {
  const mask = v.bits(-0x8000000n);
  const [aHead, bHead] = [v.keep(v.and(a, mask)), v.keep(v.and(b, mask))];
  const [aTail, bTail] = [v.keep(v.sub(a, aHead)), v.keep(v.sub(b, bHead))];
  const leading = v.add(v.sub(v.mul(aHead, bHead), product), v.mul(aHead, bTail));
  return v.add(v.add(leading, v.mul(aTail, bHead)), v.mul(aTail, bTail));
}

function fastTwoSum(v: FloatLanes, high: Code, low: Code): Pair {
  const sum = v.keep(v.add(high, low));
  return { high: sum, low: v.keep(v.add(v.sub(high, sum), low)) };
}

function addPairs(v: FloatLanes, a: Pair, b: Pair): Pair {
  const sum = v.keep(v.add(a.high, b.high));
  const t = v.keep(v.sub(sum, a.high));
  const error = v.add(v.sub(a.high, v.sub(sum, t)), v.sub(b.high, t));
  return fastTwoSum(v, sum, v.keep(v.add(error, v.add(a.low, b.low))));
}

function multiplyPairs(v: FloatLanes, a: Pair, b: Pair): Pair {
  const product = v.keep(v.mul(a.high, b.high));
  const error = v.add(productError(v, a.high, b.high, product), v.add(v.mul(a.high, b.low), v.mul(a.low, b.high)));
  return fastTwoSum(v, product, v.keep(error));
}

/** log x to about 2^-65, for positive finite x. */
function logPair(v: FloatLanes, x: Code): Pair {
  const { k, m } = normalizedLogParts(v, x);
  const f = v.keep(v.sub(m, 1));
  const d = v.keep(v.add(f, 2));
  const dLow = v.sub(f, v.sub(d, 2));
  const sHigh = v.keep(v.div(f, d));
  const back = v.keep(v.mul(sHigh, d));
  const remainder = v.sub(v.sub(v.sub(f, back), productError(v, sHigh, d, back)), v.mul(sHigh, dLow));
  const s: Pair = { high: sHigh, low: v.keep(v.div(remainder, d)) };
  const square = multiplyPairs(v, s, s);
  const twoThirds: Pair = { high: v.constant(2 / 3), low: v.constant(TWO_THIRDS_LOW) };
  const cubic = multiplyPairs(v, multiplyPairs(v, square, s), twoThirds);
  const z = square.high;
  const tail = v.mul(v.mul(sHigh, v.mul(z, z)), v.polynomial(z, LOG_TAIL_DOUBLE.slice(1)));
  const series = addPairs(v, {
    high: v.keep(v.add(s.high, s.high)),
    low: v.keep(v.add(s.low, s.low)),
  }, { high: cubic.high, low: v.keep(v.add(cubic.low, tail)) });
  return addPairs(v, { high: v.keep(v.mul(k, LN2_42)), low: v.keep(v.mul(k, LN2_42_REST)) }, series);
}

/** `e^(y log ax)` for ax ≥ 0, with infinities where they belong. */
function magnitudeDouble(v: FloatLanes, ax: Code, y: Code): Code {
  const log = logPair(v, ax);
  const isRegular = v.keep(v.and(v.compare("gt", ax, 0), v.compare("lt", ax, Infinity)));
  const limit = v.select(v.compare("eq", ax, 0), -Infinity, ax);
  const high = v.keep(v.select(isRegular, log.high, limit));
  const product = v.keep(v.mul(y, high));
  const error = v.add(productError(v, y, high, product), v.mul(y, log.low));
  const isModerate = v.keep(v.and(isRegular, v.compare("lt", v.abs(product), 800)));
  const low = v.keep(v.and(error, isModerate));
  return emitExpOfPair(v, v.keep(v.clamp(product, -746, 710)), low);
}

function emitPowDouble(v: FloatLanes, x: Code, y: Code, magnitude: (ax: Code) => Code): Code {
  const value = v.keep(magnitude(v.keep(v.abs(x))));
  const half = v.keep(v.mul(y, 0.5));
  const isInteger = v.keep(v.compare("eq", v.floor(y), y));
  const isOdd = v.and(isInteger, v.compare("ne", v.floor(half), half));
  const signed = v.xor(value, v.and(v.and(x, v.signBit()), isOdd));
  const isNegative = v.and(v.compare("lt", x, 0), v.compare("gt", x, -Infinity));
  const hasNoValue = v.code.op("v128.andnot", isNegative, isInteger);
  return v.select(v.compare("eq", y, 0), 1, v.select(hasNoValue, NaN, signed));
}

/** √x as the power ½: that of −0 is 0 and that of −∞ is ∞. */
function powerHalf(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  return v.sqrt(v.select(v.compare("eq", x, -Infinity), Infinity, v.add(x, 0)));
}

/** Powers by constant exponents that need no logarithm, with the same special cases; below 2 ulp. */
export const CONSTANT_POWERS: ReadonlyMap<number, (v: FloatLanes, x: Code) => Code> = new Map([
  [2, (v, x) => {
    const base = v.keep(x);
    return v.mul(base, base);
  }],
  [3, (v, x) => {
    const base = v.keep(x);
    return v.mul(v.mul(base, base), base);
  }],
  [-1, (v, x) => v.div(1, x)],
  [0.5, powerHalf],
  [-0.5, (v, x) => v.div(1, powerHalf(v, x))],
]);

/** `x^y` with the special cases of JavaScript's `Math.pow`; below 2 ulp in both precisions. */
export function emitPow(v: FloatLanes, x: Code, y: Code): Code {
  if (v.wide) {
    const exponent = v.keep(y);
    return emitPowDouble(v, v.keep(x), exponent, (ax) => magnitudeDouble(v, ax, exponent));
  }
  return throughFloat64(
    v,
    [x, y],
    (wide, [wideX, wideY]) =>
      emitPowDouble(wide, wideX, wideY, (ax) => emitExp(wide, wide.keep(wide.mul(wideY, emitLog(wide, ax))))),
  );
}
