/**
 * The cpu backend's exhaustive table of scalar operations: how each one is written as vector code for floats (f32x4 and
 * f64x2), int32 (i32x4) and bool (i32x4 masks). A new operation of `expr_ops.ts` is a row here.
 */

import type { DType } from "../../src/tensor/dtype.ts";
import type { BinaryOp, CompareOp, UnaryOp } from "../../src/tensor/expr_ops.ts";
import { emitExp, emitExpm1, emitLog, emitLog1p, emitSigmoid, emitTanh } from "./emit_exponential.ts";
import { emitPow } from "./emit_power.ts";
import { emitAtan2, emitCos, emitSin } from "./emit_trigonometry.ts";
import { type Code, type FloatLanes, promote, throughFloat64, type VectorCode } from "./lanes.ts";

/** How an operation of one operand is written. Present for the types that `UNARY_OPS` lets it take. */
export interface UnaryEmitter {
  /** f32x4 or f64x2. */
  readonly float?: (v: FloatLanes, x: Code) => Code;
  /** i32x4, wrapping. */
  readonly int32?: (code: VectorCode, x: Code) => Code;
  /** Masks. */
  readonly bool?: (code: VectorCode, x: Code) => Code;
  /** Rough number of instructions, for choosing how far to unroll. */
  readonly cost: number;
}

/** How an operation of two operands is written. */
export interface BinaryEmitter {
  /** f32x4 or f64x2. */
  readonly float?: (v: FloatLanes, x: Code, y: Code) => Code;
  /** i32x4, wrapping. */
  readonly int32?: (code: VectorCode, x: Code, y: Code) => Code;
  /** Masks. */
  readonly bool?: (code: VectorCode, x: Code, y: Code) => Code;
  /** Rough number of instructions. */
  readonly cost: number;
}

/** Math.sign: ±1 with the operand's sign, but ±0 and NaN stay. */
function emitSign(v: FloatLanes, operand: Code): Code {
  const x = v.keep(operand);
  return v.select(v.compare("gt", v.abs(x), 0), v.copySign(1, x), x);
}

/** The remainder of the definition, `x − y ⌊x / y⌋`; float32 in float64, where it is exact but for the last rounding. */
function emitMod(v: FloatLanes, x: Code, y: Code): Code {
  const remainder = (wide: FloatLanes, a: Code, b: Code): Code => {
    const divisor = wide.keep(b);
    const dividend = wide.keep(a);
    return wide.sub(dividend, wide.mul(divisor, wide.floor(wide.div(dividend, divisor))));
  };
  if (v.wide) return remainder(v, x, y);
  return throughFloat64(v, [x, y], (wide, [a, b]) => remainder(wide, a, b));
}

/**
 * The quotient of int32 rounded by `round`, wrapped to int32, 0 where the divisor is 0. float64 holds the quotient well
 * enough: it is at least 2^-31 (relatively) away from any integer that it does not equal.
 */
function emitIntQuotient(code: VectorCode, x: Code, y: Code, round: "trunc" | "floor"): Code {
  const v = code.floats("f64x2");
  const [a, b] = [code.keep(x), code.keep(y)];
  const quotients = [0, 1].map((half) => {
    const [dividend, divisor] = [a, b].map((operand) => convertToFloat64(code, operand, half));
    // Adding 1.5 · 2^52 leaves the integer in the low bits; taking the low word wraps.
    return code.keep(v.add(v[round](v.div(dividend, divisor)), v.magic));
  });
  const quotient = code.shuffle32(quotients[0], quotients[1], [0, 2, 4, 6]);
  return code.op("v128.and", quotient, code.op("i32x4.ne", b, code.i32(0)));
}

/** Lanes 0-1 or 2-3 of an i32x4 as f64x2. */
function convertToFloat64(code: VectorCode, x: Code, half: number): Code {
  return code.op("f64x2.convert_low_i32x4_s", half === 0 ? x : code.shuffle32(x, x, [2, 3, 2, 3]));
}

function emitIntMod(code: VectorCode, x: Code, y: Code): Code {
  const [a, b] = [code.keep(x), code.keep(y)];
  const quotient = emitIntQuotient(code, a, b, "floor");
  const remainder = code.op("i32x4.sub", a, code.op("i32x4.mul", b, quotient));
  return code.op("v128.and", remainder, code.op("i32x4.ne", b, code.i32(0)));
}

/** All unary operations. */
export const UNARY_EMITTERS: { readonly [Op in UnaryOp]: UnaryEmitter } = {
  neg: { float: (v, x) => v.neg(x), int32: (c, x) => c.op("i32x4.neg", x), cost: 1 },
  abs: { float: (v, x) => v.abs(x), int32: (c, x) => c.op("i32x4.abs", x), cost: 1 },
  sign: {
    float: emitSign,
    int32: (c, x) => c.op("i32x4.max_s", c.op("i32x4.min_s", x, c.i32(1)), c.i32(-1)),
    cost: 5,
  },
  floor: { float: (v, x) => v.floor(x), cost: 1 },
  ceil: { float: (v, x) => v.ceil(x), cost: 1 },
  round: { float: (v, x) => v.nearest(x), cost: 1 },
  trunc: { float: (v, x) => v.trunc(x), cost: 1 },
  sqrt: { float: (v, x) => v.sqrt(x), cost: 3 },
  exp: { float: emitExp, cost: 30 },
  expm1: { float: emitExpm1, cost: 35 },
  log: { float: emitLog, cost: 40 },
  log1p: { float: emitLog1p, cost: 50 },
  sin: { float: emitSin, cost: 80 },
  cos: { float: emitCos, cost: 80 },
  tanh: { float: emitTanh, cost: 40 },
  sigmoid: { float: emitSigmoid, cost: 40 },
  not: { bool: (c, x) => c.op("v128.not", x), cost: 1 },
};

/** All binary operations. */
export const BINARY_EMITTERS: { readonly [Op in BinaryOp]: BinaryEmitter } = {
  add: { float: (v, x, y) => v.add(x, y), int32: (c, x, y) => c.op("i32x4.add", x, y), cost: 1 },
  sub: { float: (v, x, y) => v.sub(x, y), int32: (c, x, y) => c.op("i32x4.sub", x, y), cost: 1 },
  mul: { float: (v, x, y) => v.mul(x, y), int32: (c, x, y) => c.op("i32x4.mul", x, y), cost: 1 },
  div: { float: (v, x, y) => v.div(x, y), int32: (c, x, y) => emitIntQuotient(c, x, y, "trunc"), cost: 3 },
  mod: { float: emitMod, int32: emitIntMod, cost: 10 },
  pow: { float: emitPow, cost: 200 },
  minimum: { float: (v, x, y) => v.min(x, y), int32: (c, x, y) => c.op("i32x4.min_s", x, y), cost: 4 },
  maximum: { float: (v, x, y) => v.max(x, y), int32: (c, x, y) => c.op("i32x4.max_s", x, y), cost: 4 },
  atan2: { float: emitAtan2, cost: 120 },
  and: { int32: (c, x, y) => c.op("v128.and", x, y), bool: (c, x, y) => c.op("v128.and", x, y), cost: 1 },
  or: { int32: (c, x, y) => c.op("v128.or", x, y), bool: (c, x, y) => c.op("v128.or", x, y), cost: 1 },
  xor: { int32: (c, x, y) => c.op("v128.xor", x, y), bool: (c, x, y) => c.op("v128.xor", x, y), cost: 1 },
};

/** All comparisons: the float instruction, the one of int32, and what holds for masks (where true is −1). */
export const COMPARE_EMITTERS: {
  readonly [Op in CompareOp]: {
    readonly float: "eq" | "ne" | "lt" | "le" | "gt" | "ge";
    readonly int32: "eq" | "ne" | "lt_s" | "le_s" | "gt_s" | "ge_s";
    readonly bool: "eq" | "ne" | "lt_s" | "le_s" | "gt_s" | "ge_s";
  };
} = {
  eq: { float: "eq", int32: "eq", bool: "eq" },
  ne: { float: "ne", int32: "ne", bool: "ne" },
  lt: { float: "lt", int32: "lt_s", bool: "gt_s" },
  le: { float: "le", int32: "le_s", bool: "ge_s" },
  gt: { float: "gt", int32: "gt_s", bool: "lt_s" },
  ge: { float: "ge", int32: "ge_s", bool: "le_s" },
};

/** A value of four elements: one vector, or two for float64. */
export type Lanes = readonly Code[];

/** Two f64x2 masks as one i32x4 mask. */
export function narrowMask(code: VectorCode, halves: Lanes): Code {
  return code.shuffle32(halves[0], halves[1], [0, 2, 4, 6]);
}

/** An i32x4 mask as two f64x2 masks. Kept operand. */
export function widenMask(code: VectorCode, mask: Code): Lanes {
  return [code.shuffle32(mask, mask, [0, 0, 1, 1]), code.shuffle32(mask, mask, [2, 2, 3, 3])];
}

/**
 * All conversions. Operands are kept. Float to int32 truncates and saturates, NaN gives 0; anything to bool is `≠ 0`; true
 * is 1.
 */
export const CAST_EMITTERS: {
  readonly [From in DType]: { readonly [To in DType]: (code: VectorCode, x: Lanes) => Lanes };
} = {
  bool: {
    bool: (_, x) => x,
    int32: (c, [x]) => [c.op("v128.and", x, c.i32(1))],
    float32: (c, [x]) => [c.op("v128.and", x, c.f32(1))],
    float64: (c, [x]) => widenMask(c, x).map((half) => c.op("v128.and", half, c.f64(1))),
  },
  int32: {
    bool: (c, [x]) => [c.op("i32x4.ne", x, c.i32(0))],
    int32: (_, x) => x,
    float32: (c, [x]) => [c.op("f32x4.convert_i32x4_s", x)],
    float64: (c, [x]) => [convertToFloat64(c, x, 0), convertToFloat64(c, x, 1)],
  },
  float32: {
    bool: (c, [x]) => [c.op("f32x4.ne", x, c.f32(0))],
    int32: (c, [x]) => [c.op("i32x4.trunc_sat_f32x4_s", x)],
    float32: (_, x) => x,
    float64: (c, [x]) => [promote(c, x, 0), promote(c, x, 1)],
  },
  float64: {
    bool: (c, x) => [narrowMask(c, x.map((half) => c.op("f64x2.ne", half, c.f64(0))))],
    int32: (c, [a, b]) => [
      c.shuffle32(
        c.op("i32x4.trunc_sat_f64x2_s_zero", a),
        c.op("i32x4.trunc_sat_f64x2_s_zero", b),
        [0, 1, 4, 5],
      ),
    ],
    float32: (c, [a, b]) => [
      c.shuffle32(c.op("f32x4.demote_f64x2_zero", a), c.op("f32x4.demote_f64x2_zero", b), [0, 1, 4, 5]),
    ],
    float64: (_, x) => x,
  },
};
