/**
 * The cuda backend's exhaustive table of scalar operations: how each one is written in CUDA C for floats, int32 and bool. Operands are
 * names of variables, so a row may repeat them. Functions named `escnn_…` are in `device_functions.ts`. A new operation of
 * `expr_ops.ts` is a row here.
 */

import type { DType, FloatDType } from "../../../src/tensor/dtype.ts";
import type { BinaryOp, CompareOp, ReduceOp, UnaryOp } from "../../../src/tensor/expr_ops.ts";

/** The types of values of each element type; a bool lies in memory as an `unsigned char`. */
export const VALUE_TYPES: { readonly [D in DType]: string } = {
  bool: "bool",
  int32: "int",
  float32: "float",
  float64: "double",
};

/** The types in memory. */
export const MEMORY_TYPES: { readonly [D in DType]: string } = { ...VALUE_TYPES, bool: "unsigned char" };

/** Integers of each size in bytes, as which elements are moved. */
export const WORD_TYPES: { readonly [bytes: number]: string } = {
  1: "unsigned char",
  4: "unsigned int",
  8: "unsigned long long",
};

/** A floating-point type in CUDA C. */
export interface FloatCode {
  /** Which one. */
  readonly dtype: FloatDType;
  /** `float` or `double`. */
  readonly type: string;
  /** A function of the mathematical library: `fn("exp")` is `expf` for float. */
  fn(name: string): string;
  /** A function of `device_functions.ts`: `own("pow")` is `escnn_pow_f32` for float. */
  own(name: string): string;
}

/** The floating-point types. */
export const FLOAT_CODES: { readonly [D in FloatDType]: FloatCode } = {
  float32: { dtype: "float32", type: "float", fn: (name) => `${name}f`, own: (name) => `escnn_${name}_f32` },
  float64: { dtype: "float64", type: "double", fn: (name) => name, own: (name) => `escnn_${name}_f64` },
};

/** How an operation of one operand is written. Present for the types that `UNARY_OPS` lets it take. */
export interface UnaryCode {
  /** float or double. */
  readonly float?: (f: FloatCode, x: string) => string;
  /** int, wrapping. */
  readonly int32?: (x: string) => string;
  /** bool. */
  readonly bool?: (x: string) => string;
  /** Rough number of instructions. */
  readonly cost: number;
}

/** How an operation of two operands is written. */
export interface BinaryCode {
  /** float or double. */
  readonly float?: (f: FloatCode, x: string, y: string) => string;
  /** int, wrapping. */
  readonly int32?: (x: string, y: string) => string;
  /** bool. */
  readonly bool?: (x: string, y: string) => string;
  /** Rough number of instructions. */
  readonly cost: number;
}

const library = (name: string, cost: number): UnaryCode => ({ float: (f, x) => `${f.fn(name)}(${x})`, cost });

/** An operator on integers that wraps: signed overflow has no meaning in C. */
const wrapping = (operator: string) => (x: string, y: string): string =>
  `(int)((unsigned)${x} ${operator} (unsigned)${y})`;

/** All unary operations. */
export const UNARY_CODE: { readonly [Op in UnaryOp]: UnaryCode } = {
  neg: { float: (_, x) => `-${x}`, int32: (x) => `(int)(0u - (unsigned)${x})`, cost: 1 },
  abs: {
    float: (f, x) => `${f.fn("fabs")}(${x})`,
    int32: (x) => `(${x} < 0 ? (int)(0u - (unsigned)${x}) : ${x})`,
    cost: 1,
  },
  // ±0 and NaN stay.
  sign: {
    float: (f, x) => `(${x} > 0 ? (${f.type})1 : ${x} < 0 ? (${f.type})-1 : ${x})`,
    int32: (x) => `((${x} > 0) - (${x} < 0))`,
    cost: 4,
  },
  floor: library("floor", 1),
  ceil: library("ceil", 1),
  round: library("rint", 1),
  trunc: library("trunc", 1),
  sqrt: library("sqrt", 10),
  exp: library("exp", 12),
  expm1: library("expm1", 20),
  log: library("log", 20),
  log1p: library("log1p", 25),
  sin: library("sin", 40),
  cos: library("cos", 40),
  tanh: library("tanh", 25),
  sigmoid: { float: (f, x) => `${f.own("sigmoid")}(${x})`, cost: 30 },
  not: { bool: (x) => `!${x}`, cost: 1 },
};

/** All binary operations. */
export const BINARY_CODE: { readonly [Op in BinaryOp]: BinaryCode } = {
  add: { float: (_, x, y) => `${x} + ${y}`, int32: wrapping("+"), cost: 1 },
  sub: { float: (_, x, y) => `${x} - ${y}`, int32: wrapping("-"), cost: 1 },
  mul: { float: (_, x, y) => `${x} * ${y}`, int32: wrapping("*"), cost: 1 },
  div: { float: (_, x, y) => `${x} / ${y}`, int32: (x, y) => `escnn_quotient_i32(${x}, ${y})`, cost: 10 },
  mod: {
    float: (f, x, y) => `${f.own("mod")}(${x}, ${y})`,
    int32: (x, y) => `escnn_remainder_i32(${x}, ${y})`,
    cost: 20,
  },
  pow: { float: (f, x, y) => `${f.own("pow")}(${x}, ${y})`, cost: 80 },
  minimum: {
    float: (f, x, y) => `${f.own("minimum")}(${x}, ${y})`,
    int32: (x, y) => `(${x} < ${y} ? ${x} : ${y})`,
    cost: 4,
  },
  maximum: {
    float: (f, x, y) => `${f.own("maximum")}(${x}, ${y})`,
    int32: (x, y) => `(${x} > ${y} ? ${x} : ${y})`,
    cost: 4,
  },
  atan2: { float: (f, x, y) => `${f.fn("atan2")}(${x}, ${y})`, cost: 40 },
  and: { int32: (x, y) => `${x} & ${y}`, bool: (x, y) => `${x} && ${y}`, cost: 1 },
  or: { int32: (x, y) => `${x} | ${y}`, bool: (x, y) => `${x} || ${y}`, cost: 1 },
  xor: { int32: (x, y) => `${x} ^ ${y}`, bool: (x, y) => `${x} != ${y}`, cost: 1 },
};

/** All comparisons; C's are those of IEEE 754. */
export const COMPARE_CODE: { readonly [Op in CompareOp]: string } = {
  eq: "==",
  ne: "!=",
  lt: "<",
  le: "<=",
  gt: ">",
  ge: ">=",
};

/** Powers by constant exponents that need no logarithm, with the same special cases. */
export const CONSTANT_POWERS: ReadonlyMap<number, (f: FloatCode, x: string) => string> = new Map([
  [2, (_, x) => `${x} * ${x}`],
  [3, (_, x) => `${x} * ${x} * ${x}`],
  [-1, (f, x) => `(${f.type})1 / ${x}`],
  [0.5, (f, x) => `${f.own("root")}(${x})`],
  [-0.5, (f, x) => `(${f.type})1 / ${f.own("root")}(${x})`],
]);

/** All conversions. Float to int32 truncates and saturates, NaN gives 0; anything to bool is `≠ 0`. */
export const CAST_CODE: { readonly [From in DType]: { readonly [To in DType]: (x: string) => string } } = {
  bool: { bool: (x) => x, int32: (x) => `(int)${x}`, float32: (x) => `(float)${x}`, float64: (x) => `(double)${x}` },
  int32: { bool: (x) => `${x} != 0`, int32: (x) => x, float32: (x) => `(float)${x}`, float64: (x) => `(double)${x}` },
  float32: {
    bool: (x) => `${x} != 0`,
    int32: (x) => `escnn_integer_f32(${x})`,
    float32: (x) => x,
    float64: (x) => `(double)${x}`,
  },
  float64: {
    bool: (x) => `${x} != 0`,
    int32: (x) => `escnn_integer_f64(${x})`,
    float32: (x) => `(float)${x}`,
    float64: (x) => x,
  },
};

/** How two partial results of a reduction combine. A sum of bools is whether one holds, their product whether all do. */
export const REDUCE_CODE: { readonly [Op in ReduceOp]: Pick<BinaryCode, "float" | "int32" | "bool"> } = {
  sum: { ...BINARY_CODE.add, bool: (x, y) => `${x} || ${y}` },
  prod: { ...BINARY_CODE.mul, bool: (x, y) => `${x} && ${y}` },
  max: { ...BINARY_CODE.maximum, bool: (x, y) => `${x} || ${y}` },
  min: { ...BINARY_CODE.minimum, bool: (x, y) => `${x} && ${y}` },
};
