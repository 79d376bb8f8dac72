/**
 * The exhaustive table of scalar operations: for each its operand types, its meaning (`evaluate`, the definition that the
 * reference backend loops over) and its derivative. A new operation is a row here and a row in each backend's own table.
 */

import type { DType } from "./dtype.ts";
import { isFloat } from "./dtype.ts";
import { atan2, cos, exp, expm1, log, log1p, pow, sin, tanh } from "../math/functions.ts";

/** Operations of one operand. */
export type UnaryOp =
  | "neg"
  | "abs"
  | "sign"
  | "floor"
  | "ceil"
  | "round"
  | "trunc"
  | "sqrt"
  | "exp"
  | "expm1"
  | "log"
  | "log1p"
  | "sin"
  | "cos"
  | "tanh"
  | "sigmoid"
  | "not";

/** Operations of two operands of one type, with a result of that type. */
export type BinaryOp =
  | "add"
  | "sub"
  | "mul"
  | "div"
  | "mod"
  | "pow"
  | "minimum"
  | "maximum"
  | "atan2"
  | "and"
  | "or"
  | "xor";

/** Comparisons: two operands of one type, a `bool` result. */
export type CompareOp = "eq" | "ne" | "lt" | "le" | "gt" | "ge";

/** Reductions over axes. */
export type ReduceOp = "sum" | "prod" | "max" | "min";

/** Which element types an operation takes. */
export type OperandRule = "float" | "number" | "bool" | "bits";

/** A row of the table of unary operations. */
export interface UnaryDefinition {
  /** Operand types it takes; the result has the operand's type. */
  readonly operands: OperandRule;
  /** Its meaning on one element (float64; int32 operands are exact integers, bool 0 or 1). */
  readonly evaluate: (x: number) => number;
}

/** A row of the table of binary operations. */
export interface BinaryDefinition {
  /** Operand types it takes; both operands and the result have the same type. */
  readonly operands: OperandRule;
  /** Its meaning on one element of a floating-point type. */
  readonly evaluate: (x: number, y: number) => number;
  /** Its meaning on int32 or bool, where it differs; the result is wrapped to the type afterwards. */
  readonly evaluateInteger?: (x: number, y: number) => number;
}

/** Whether an operation with this rule takes operands of `dtype`. */
export function accepts(rule: OperandRule, dtype: DType): boolean {
  switch (rule) {
    case "float":
      return isFloat(dtype);
    case "number":
      return dtype !== "bool";
    case "bool":
      return dtype === "bool";
    case "bits":
      return dtype === "bool" || dtype === "int32";
  }
}

/** Rounds half to even, as IEEE 754's roundToIntegralTiesToEven: the sign of x stays, also on a zero. */
function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  const up = rest > 0.5 || (rest === 0.5 && floor % 2 !== 0);
  const rounded = up ? floor + 1 : floor;
  return rounded === 0 && x < 0 ? -0 : rounded;
}

/** The logistic function without overflow on either side. */
function sigmoid(x: number): number {
  if (x >= 0) return 1 / (1 + exp(-x));
  const e = exp(x);
  return e / (1 + e);
}

/** All unary operations. */
export const UNARY_OPS: { readonly [Op in UnaryOp]: UnaryDefinition } = {
  neg: { operands: "number", evaluate: (x) => -x },
  abs: { operands: "number", evaluate: Math.abs },
  sign: { operands: "number", evaluate: Math.sign },
  floor: { operands: "float", evaluate: Math.floor },
  ceil: { operands: "float", evaluate: Math.ceil },
  round: { operands: "float", evaluate: roundHalfEven },
  trunc: { operands: "float", evaluate: Math.trunc },
  sqrt: { operands: "float", evaluate: Math.sqrt },
  exp: { operands: "float", evaluate: exp },
  expm1: { operands: "float", evaluate: expm1 },
  log: { operands: "float", evaluate: log },
  log1p: { operands: "float", evaluate: log1p },
  sin: { operands: "float", evaluate: sin },
  cos: { operands: "float", evaluate: cos },
  tanh: { operands: "float", evaluate: tanh },
  sigmoid: { operands: "float", evaluate: sigmoid },
  not: { operands: "bool", evaluate: (x) => x === 0 ? 1 : 0 },
};

/** All binary operations. Division of int32 truncates; dividing an int32 by zero, or its remainder, gives 0. */
export const BINARY_OPS: { readonly [Op in BinaryOp]: BinaryDefinition } = {
  add: { operands: "number", evaluate: (x, y) => x + y },
  sub: { operands: "number", evaluate: (x, y) => x - y },
  mul: { operands: "number", evaluate: (x, y) => x * y, evaluateInteger: Math.imul },
  div: { operands: "number", evaluate: (x, y) => x / y, evaluateInteger: (x, y) => y === 0 ? 0 : Math.trunc(x / y) },
  // The remainder has the sign of the divisor, as in Python.
  mod: {
    operands: "number",
    evaluate: (x, y) => x - y * Math.floor(x / y),
    evaluateInteger: (x, y) => y === 0 ? 0 : x - y * Math.floor(x / y),
  },
  pow: { operands: "float", evaluate: pow },
  minimum: { operands: "number", evaluate: Math.min },
  maximum: { operands: "number", evaluate: Math.max },
  atan2: { operands: "float", evaluate: atan2 },
  and: { operands: "bits", evaluate: (x, y) => x & y },
  or: { operands: "bits", evaluate: (x, y) => x | y },
  xor: { operands: "bits", evaluate: (x, y) => x ^ y },
};

/** All comparisons. With NaN all but `ne` are false. */
export const COMPARE_OPS: { readonly [Op in CompareOp]: (x: number, y: number) => boolean } = {
  eq: (x, y) => x === y,
  ne: (x, y) => x !== y,
  lt: (x, y) => x < y,
  le: (x, y) => x <= y,
  gt: (x, y) => x > y,
  ge: (x, y) => x >= y,
};

/** All reductions: the value of an empty one per type, and how two partial results combine. */
export const REDUCE_OPS: {
  readonly [Op in ReduceOp]: {
    readonly identity: (dtype: DType) => number;
    readonly combine: (x: number, y: number) => number;
  };
} = {
  sum: { identity: () => 0, combine: (x, y) => x + y },
  prod: { identity: () => 1, combine: (x, y) => x * y },
  max: { identity: (dtype) => dtype === "int32" ? -0x80000000 : dtype === "bool" ? 0 : -Infinity, combine: Math.max },
  min: { identity: (dtype) => dtype === "int32" ? 0x7fffffff : dtype === "bool" ? 1 : Infinity, combine: Math.min },
};
