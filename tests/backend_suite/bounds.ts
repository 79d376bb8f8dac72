// What a backend may answer: interval arithmetic over scalar expressions. Each node gets the set of values that an
// implementation may compute for it (an interval, with or without NaN), if every operation errs by at most its number of
// units in the last place and if intermediate results may or may not be rounded to the node's type. Where a comparison,
// a rounding or a conversion stands near its jump, both sides are in the set.

import type { DType, FloatDType } from "../../src/tensor/dtype.ts";
import { isFloat, roundTo } from "../../src/tensor/dtype.ts";
import { evaluateCast, type Expr, operandsOf, topologicalOrder } from "../../src/tensor/expr.ts";
import {
  BINARY_OPS,
  type BinaryOp,
  COMPARE_OPS,
  type CompareOp,
  UNARY_OPS,
  type UnaryOp,
} from "../../src/tensor/expr_ops.ts";
import type { EvaluationPoint } from "../../src/tensor/expr_evaluate.ts";
import { bitsFromWords, normalFromWords, philox4x32, uniformFromWords } from "../../src/tensor/philox.ts";

/** Values that may come out: all in [low, high], and NaN if `nan`. An empty interval (low > high) leaves NaN alone. */
export interface Range {
  low: number;
  high: number;
  nan: boolean;
  /** Whether there is one value only and its bits are certain, even the sign of a zero. */
  exact: boolean;
}

/** Error bounds in ulp of operations that need not round correctly. */
export const UNARY_ULPS: { readonly [Op in UnaryOp]: number } = {
  neg: 0,
  abs: 0,
  sign: 0,
  floor: 0,
  ceil: 0,
  round: 0,
  trunc: 0,
  sqrt: 0.5,
  exp: 2,
  expm1: 4,
  log: 2,
  log1p: 4,
  sin: 4,
  cos: 4,
  tanh: 4,
  sigmoid: 4,
  not: 0,
};

/** The same for binary operations on floats. */
export const BINARY_ULPS: { readonly [Op in BinaryOp]: number } = {
  add: 0.5,
  sub: 0.5,
  mul: 0.5,
  div: 0.5,
  mod: 0.5,
  pow: 4,
  minimum: 0,
  maximum: 0,
  atan2: 4,
  and: 0,
  or: 0,
  xor: 0,
};

/** Error bound of normal random numbers in ulp. */
export const NORMAL_ULPS = 4;

/** Beyond this argument sin and cos have no bound but [−1, 1]. */
export const TRIGONOMETRIC_LIMIT = 1e4;

const bytes = new DataView(new ArrayBuffer(8));

/** The powers of two from 2⁻¹⁰⁷⁴ on. */
const POWERS = new Float64Array(2098);
for (let i = 0, power = Number.MIN_VALUE; i < POWERS.length; i++, power *= 2) POWERS[i] = power;

/** The distance of neighbouring numbers of a type at `x`. */
export function ulpOf(dtype: FloatDType, x: number): number {
  if (!Number.isFinite(x)) return 0;
  bytes.setFloat64(0, x);
  const exponent = ((bytes.getUint32(0) >>> 20) & 2047) - 1023;
  return POWERS[1074 + (dtype === "float32" ? Math.max(exponent, -126) - 23 : Math.max(exponent, -1022) - 52)];
}

const LARGEST: { readonly [D in FloatDType]: number } = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };

const ANYTHING: Readonly<Range> = { low: -Infinity, high: Infinity, nan: true, exact: false };
const NOT_A_NUMBER: Readonly<Range> = { low: Infinity, high: -Infinity, nan: true, exact: true };
const ANY_BOOL: Readonly<Range> = { low: 0, high: 1, nan: false, exact: false };
const ANY_INT: Readonly<Range> = { low: -0x80000000, high: 0x7fffffff, nan: false, exact: false };

const exactly = (value: number): Range =>
  value !== value ? { ...NOT_A_NUMBER } : { low: value, high: value, nan: false, exact: true };
const between = (low: number, high: number, nan = false): Range => ({ low, high, nan, exact: false });
const isEmpty = (range: Range): boolean => range.low > range.high;
const hasZero = (range: Range): boolean => range.low <= 0 && range.high >= 0;
const hasInfinity = (range: Range): boolean => range.low === -Infinity || range.high === Infinity;

/** Adds the error of an operation to both ends: `ulps` of the type; float64 has one more for the oracle's own error. */
export function widened(dtype: FloatDType, low: number, high: number, ulps: number, nan = false): Range {
  const factor = dtype === "float64" ? ulps + 1 : ulps;
  const down = low - factor * ulpOf(dtype, low);
  const up = high + factor * ulpOf(dtype, high);
  const largest = LARGEST[dtype];
  // Near the largest number an implementation overflows earlier or later than another.
  return {
    low: down < -largest ? -Infinity : Math.min(down, largest),
    high: up > largest ? Infinity : Math.max(up, -largest),
    nan,
    exact: false,
  };
}

/** One value with the error of an operation. */
function around(dtype: FloatDType, value: number, ulps: number): Range {
  if (value !== value) return { ...NOT_A_NUMBER };
  if (!Number.isFinite(value)) return exactly(value);
  if (value === 0 && dtype === "float32") return between(0, 0);
  return widened(dtype, value, value, ulps);
}

const INCREASING: ReadonlySet<UnaryOp> = new Set<UnaryOp>([
  "sign",
  "floor",
  "ceil",
  "round",
  "trunc",
  "sqrt",
  "exp",
  "expm1",
  "log",
  "log1p",
  "tanh",
  "sigmoid",
]);

function unaryRange(op: UnaryOp, dtype: DType, x: Range): Range {
  const { evaluate } = UNARY_OPS[op];
  if (!isFloat(dtype)) {
    if (x.exact) return exactly(roundTo(dtype, evaluate(x.low)));
    return dtype === "bool" ? ANY_BOOL : ANY_INT;
  }
  if (isEmpty(x)) return NOT_A_NUMBER;
  const ulps = UNARY_ULPS[op];
  if (op === "neg") return { low: -x.high, high: -x.low, nan: x.nan, exact: x.exact };
  if (op === "abs") {
    const low = hasZero(x) ? 0 : Math.min(Math.abs(x.low), Math.abs(x.high));
    return { low, high: Math.max(Math.abs(x.low), Math.abs(x.high)), nan: x.nan, exact: x.exact };
  }
  if (op === "sin" || op === "cos") return trigonometricRange(op, dtype, x);
  if (!INCREASING.has(op)) {
    throw new Error(`No bounds for the operation ${op}: add it to tests/backend_suite/bounds.ts`);
  }
  if (x.exact) {
    const value = evaluate(x.low);
    return ulps === 0 ? { ...exactly(value), exact: value !== 0 } : around(dtype, value, ulps);
  }
  const domain = op === "log" || op === "sqrt" ? 0 : op === "log1p" ? -1 : -Infinity;
  const nan = x.nan || x.low < domain;
  if (x.high < domain) return NOT_A_NUMBER;
  const low = evaluate(Math.max(x.low, domain));
  const high = evaluate(x.high);
  return ulps === 0 ? between(low, high, nan) : widened(dtype, low, high, ulps, nan);
}

function trigonometricRange(op: "sin" | "cos", dtype: FloatDType, x: Range): Range {
  if (x.exact && !Number.isFinite(x.low)) return NOT_A_NUMBER;
  const nan = x.nan || !Number.isFinite(x.low) || !Number.isFinite(x.high);
  if (nan || Math.max(Math.abs(x.low), Math.abs(x.high)) > TRIGONOMETRIC_LIMIT) return between(-1, 1, nan);
  const value = UNARY_OPS[op].evaluate(x.low);
  const range = around(dtype, value, UNARY_ULPS[op]);
  const width = x.high - x.low;
  return width === 0 ? range : widened(dtype, range.low - width, range.high + width, UNARY_ULPS[op]);
}

/** The hull of the values at the four corners; anything where one of them is undefined. */
function corners(x: Range, y: Range, evaluate: (x: number, y: number) => number): Range {
  const list = [evaluate(x.low, y.low), evaluate(x.low, y.high), evaluate(x.high, y.low), evaluate(x.high, y.high)];
  if (list.some((value) => value !== value)) return { ...ANYTHING };
  return between(Math.min(...list), Math.max(...list), x.nan || y.nan);
}

function binaryRange(op: BinaryOp, dtype: DType, x: Range, y: Range): Range {
  const definition = BINARY_OPS[op];
  if (!isFloat(dtype)) {
    const evaluate = definition.evaluateInteger ?? definition.evaluate;
    if (x.exact && y.exact) return exactly(roundTo(dtype, evaluate(x.low, y.low)));
    if (dtype === "bool") return ANY_BOOL;
    if (op !== "add" && op !== "sub" && op !== "mul" && op !== "minimum" && op !== "maximum") return ANY_INT;
    const hull = corners(x, y, definition.evaluate);
    return hull.low < ANY_INT.low || hull.high > ANY_INT.high ? ANY_INT : hull;
  }
  const ulps = BINARY_ULPS[op];
  const exact = x.exact && y.exact;
  if (isEmpty(x) || isEmpty(y)) {
    // NaN to the power 0 is 1; everything else keeps a NaN.
    if (op !== "pow") return NOT_A_NUMBER;
    return exact
      ? around(dtype, definition.evaluate(isEmpty(x) ? NaN : x.low, isEmpty(y) ? NaN : y.low), ulps)
      : ANYTHING;
  }
  switch (op) {
    case "minimum":
    case "maximum": {
      const low = definition.evaluate(x.low, y.low);
      const high = definition.evaluate(x.high, y.high);
      return { low, high, nan: x.nan || y.nan, exact: exact && low !== 0 };
    }
    case "mod":
      return moduloRange(dtype, x, y);
    case "pow": {
      if (exact) return around(dtype, definition.evaluate(x.low, y.low), ulps);
      if (!(x.low > 0) || x.nan || y.nan || hasInfinity(y)) return ANYTHING;
      const hull = corners(x, y, definition.evaluate);
      return widened(dtype, hull.low, hull.high, ulps, hull.nan);
    }
    case "atan2": {
      if (exact) return around(dtype, definition.evaluate(x.low, y.low), ulps);
      const smooth = y.low > 0 || x.low > 0 || x.high < 0;
      const hull = smooth ? corners(x, y, definition.evaluate) : between(-Math.PI, Math.PI, x.nan || y.nan);
      return widened(dtype, hull.low, hull.high, ulps, hull.nan);
    }
    case "div":
      if (exact) return around(dtype, definition.evaluate(x.low, y.low), ulps);
      if (hasZero(y)) return ANYTHING;
      break;
    default:
      if (exact) return around(dtype, definition.evaluate(x.low, y.low), ulps);
      if (op === "mul" && (hasInfinity(x) && hasZero(y) || hasInfinity(y) && hasZero(x))) return ANYTHING;
  }
  const hull = corners(x, y, definition.evaluate);
  return widened(dtype, hull.low, hull.high, ulps, hull.nan);
}

/** The remainder as it is defined, `x − y · ⌊x / y⌋`, every step with its own rounding. */
function moduloRange(dtype: FloatDType, x: Range, y: Range): Range {
  const quotient = binaryRange("div", dtype, x, y);
  const whole = unaryRange("floor", dtype, quotient);
  const product = binaryRange("mul", dtype, y, whole);
  const range = binaryRange("sub", dtype, x, product);
  if (isEmpty(range)) return range;
  return { ...range, exact: false };
}

function compareRange(op: CompareOp, x: Range, y: Range): Range {
  const evaluate = COMPARE_OPS[op];
  if (x.exact && y.exact) return exactly(evaluate(isEmpty(x) ? NaN : x.low, isEmpty(y) ? NaN : y.low) ? 1 : 0);
  const outcomes = new Set<boolean>();
  if (x.nan || y.nan) outcomes.add(op === "ne");
  if (!isEmpty(x) && !isEmpty(y)) {
    if (x.low < y.high) outcomes.add(evaluate(0, 1));
    if (x.high > y.low) outcomes.add(evaluate(1, 0));
    if (x.low <= y.high && y.low <= x.high) outcomes.add(evaluate(0, 0));
  }
  return outcomes.size === 1 ? exactly(outcomes.has(true) ? 1 : 0) : ANY_BOOL;
}

function selectRange(condition: Range, x: Range, y: Range): Range {
  if (condition.exact) return condition.low !== 0 ? x : y;
  return between(Math.min(x.low, y.low), Math.max(x.high, y.high), x.nan || y.nan);
}

function castRange(from: DType, to: DType, x: Range): Range {
  if (x.exact) {
    return exactly(evaluateCast(from, to, isEmpty(x) ? NaN : x.low));
  }
  if (to === "bool") return hasZero(x) ? ANY_BOOL : exactly(1);
  if (to === "int32") {
    if (isEmpty(x)) return exactly(0);
    const low = evaluateCast(from, to, x.low);
    const high = evaluateCast(from, to, x.high);
    const range = x.nan ? between(Math.min(low, 0), Math.max(high, 0)) : between(low, high);
    return range.low === range.high ? exactly(range.low) : range;
  }
  if (to === "float32" && !isEmpty(x)) return widened(to, x.low, x.high, 0.5, x.nan);
  return x;
}

type RangeStep = (point: EvaluationPoint) => Range;

/**
 * Compiles expressions into a function that gives the range of each at a point. The ranges may be shared: do not change them.
 */
export function compileRanges(expressions: readonly Expr[]): (point: EvaluationPoint) => readonly Readonly<Range>[] {
  const nodes = topologicalOrder(expressions);
  const slots = new Map(nodes.map((node, slot) => [node, slot]));
  const ranges = new Array<Range>(nodes.length);
  const steps = nodes.map((node) => rangeStep(node, ranges, operandsOf(node).map((operand) => slots.get(operand)!)));
  const outputs = expressions.map((expression) => slots.get(expression)!);
  return (point) => {
    for (let slot = 0; slot < steps.length; slot++) ranges[slot] = steps[slot](point);
    return outputs.map((slot) => ranges[slot]);
  };
}

function rangeStep(node: Expr, ranges: Range[], operands: readonly number[]): RangeStep {
  const [a, b, c] = operands;
  switch (node.kind) {
    case "input":
      return (point) => exactly(roundTo(node.dtype, point.inputs[node.index]));
    case "scalar":
      return (point) => exactly(roundTo(node.dtype, point.scalars[node.index]));
    case "constant":
      return () => exactly(node.value);
    case "index": {
      const axis = node.axis;
      return (point) => exactly(axis === "linear" ? point.linear | 0 : point.position[axis]);
    }
    case "unary":
      return () => unaryRange(node.op, node.dtype, ranges[a]);
    case "binary":
      return () => binaryRange(node.op, node.dtype, ranges[a], ranges[b]);
    case "compare":
      return () => compareRange(node.op, ranges[a], ranges[b]);
    case "select":
      return () => selectRange(ranges[a], ranges[b], ranges[c]);
    case "cast":
      return () => castRange(node.operand.dtype, node.dtype, ranges[a]);
    case "random":
      return () => {
        const words = operands.map((slot) => ranges[slot]);
        if (words.some((word) => !word.exact)) {
          return node.distribution === "bits"
            ? ANY_INT
            : node.distribution === "uniform"
            ? between(0, 1)
            : between(-Infinity, Infinity);
        }
        const block = philox4x32([words[0].low, words[1].low], [words[2].low, words[3].low, words[4].low, 0]);
        if (node.distribution === "bits") return exactly(bitsFromWords(block, node.word));
        const dtype = node.dtype as FloatDType;
        if (node.distribution === "uniform") return exactly(uniformFromWords(dtype, block));
        return around(dtype, normalFromWords(dtype, block), NORMAL_ULPS);
      };
  }
}
