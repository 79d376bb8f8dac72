// Every scalar operation of the tables against known values and identities.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { evaluateBinary } from "../../src/tensor/expr.ts";
import {
  accepts,
  BINARY_OPS,
  type BinaryOp,
  COMPARE_OPS,
  REDUCE_OPS,
  UNARY_OPS,
  type UnaryOp,
} from "../../src/tensor/expr_ops.ts";
import { test } from "../support/test.ts";

/** For each unary operation arguments and results that are known without computing: a new operation is a row here. */
const UNARY_VALUES: { readonly [Op in UnaryOp]: readonly (readonly [number, number])[] } = {
  neg: [[2, -2], [0, -0], [-Infinity, Infinity], [NaN, NaN]],
  abs: [[-2, 2], [-0, 0], [-Infinity, Infinity], [NaN, NaN]],
  sign: [[-3, -1], [4, 1], [0, 0], [NaN, NaN]],
  floor: [[2.5, 2], [-2.5, -3], [Infinity, Infinity]],
  ceil: [[2.5, 3], [-2.5, -2], [-Infinity, -Infinity]],
  round: [[0.5, 0], [1.5, 2], [2.5, 2], [-1.5, -2], [-2.5, -2], [2.4, 2], [2.6, 3], [
    4503599627370497,
    4503599627370497,
  ]],
  trunc: [[2.9, 2], [-2.9, -2]],
  sqrt: [[9, 3], [2, Math.SQRT2], [-1, NaN], [Infinity, Infinity]],
  exp: [[0, 1], [1, Math.E], [-Infinity, 0], [Infinity, Infinity], [1000, Infinity]],
  expm1: [[0, 0], [1e-20, 1e-20], [-Infinity, -1], [Math.LN2, 1]],
  log: [[1, 0], [Math.E, 1], [0, -Infinity], [-1, NaN], [2, Math.LN2]],
  log1p: [[0, 0], [1e-20, 1e-20], [-1, -Infinity], [-2, NaN], [1, Math.LN2]],
  sin: [[0, 0], [Math.PI / 2, 1], [Math.PI / 6, 0.5], [Infinity, NaN]],
  cos: [[0, 1], [Math.PI, -1], [Math.PI / 3, 0.5], [-Infinity, NaN]],
  tanh: [[0, 0], [Infinity, 1], [-Infinity, -1], [Math.log(3) / 2, 0.5]],
  sigmoid: [[0, 0.5], [Math.log(3), 0.75], [-1000, 0], [1000, 1]],
  not: [[0, 1], [1, 0]],
};

/** The same for binary operations on floats. */
const BINARY_VALUES: { readonly [Op in BinaryOp]: readonly (readonly [number, number, number])[] } = {
  add: [[1, 2, 3], [Infinity, -Infinity, NaN]],
  sub: [[1, 2, -1]],
  mul: [[3, -2, -6], [0, Infinity, NaN]],
  div: [[1, 4, 0.25], [1, 0, Infinity], [1, -0, -Infinity], [0, 0, NaN]],
  mod: [[7, 3, 1], [-7, 3, 2], [7, -3, -2], [5.5, 2, 1.5], [1, 0, NaN]],
  pow: [[2, 10, 1024], [2, -1, 0.5], [9, 0.5, 3], [-2, 3, -8], [-2, 0.5, NaN], [NaN, 0, 1], [0, -1, Infinity]],
  minimum: [[1, 2, 1], [NaN, 1, NaN], [1, NaN, NaN]],
  maximum: [[1, 2, 2], [NaN, 1, NaN], [1, NaN, NaN]],
  atan2: [[0, 1, 0], [1, 0, Math.PI / 2], [-1, -1, -3 * Math.PI / 4], [0, -1, Math.PI]],
  and: [[6, 3, 2]],
  or: [[6, 3, 7]],
  xor: [[6, 3, 5]],
};

for (const op of Object.keys(UNARY_VALUES) as UnaryOp[]) {
  test(`${op} has its known values to 1e-15`, () => {
    for (const [x, expected] of UNARY_VALUES[op]) {
      assertAlmostEquals(UNARY_OPS[op].evaluate(x), expected, 1e-15 * Math.max(1, Math.abs(expected)), `${op}(${x})`);
    }
  });
}

for (const op of Object.keys(BINARY_VALUES) as BinaryOp[]) {
  test(`${op} has its known values to 1e-15`, () => {
    for (const [x, y, expected] of BINARY_VALUES[op]) {
      assertAlmostEquals(
        BINARY_OPS[op].evaluate(x, y),
        expected,
        1e-15 * Math.max(1, Math.abs(expected)),
        `${op}(${x}, ${y})`,
      );
    }
  });
}

test("every operation of the tables has known values here", () => {
  assertEquals(Object.keys(UNARY_OPS).sort(), Object.keys(UNARY_VALUES).sort());
  assertEquals(Object.keys(BINARY_OPS).sort(), Object.keys(BINARY_VALUES).sort());
});

test("round gives an even integer at ties and is odd", () => {
  for (let k = -9; k <= 9; k++) {
    const { evaluate } = UNARY_OPS.round;
    assertEquals([-0, -0.3, -0.5, 0, 0.5].map(evaluate), [-0, -0, -0, 0, 0]);
    assertEquals(Math.abs(evaluate(k + 0.5)) % 2, 0);
    assert(evaluate(-(k + 0.5)) === -evaluate(k + 0.5));
  }
});

test("integer variants wrap, truncate and never divide by zero", () => {
  assertEquals(evaluateBinary("mul", "int32", 0x40000000, 4), 0);
  assertEquals(evaluateBinary("div", "int32", -7, 2), -3);
  assertEquals(evaluateBinary("div", "int32", 7, 0), 0);
  assertEquals(evaluateBinary("mod", "int32", -7, 2), 1);
  assertEquals(evaluateBinary("sub", "int32", -0x80000000, 1), 0x7fffffff);
  assertEquals(evaluateBinary("xor", "bool", 1, 1), 0);
});

test("comparisons follow IEEE 754", () => {
  const table = (x: number, y: number): boolean[] =>
    (["eq", "ne", "lt", "le", "gt", "ge"] as const).map((op) => COMPARE_OPS[op](x, y));
  assertEquals(table(1, 2), [false, true, true, true, false, false]);
  assertEquals(table(2, 2), [true, false, false, true, false, true]);
  assertEquals(table(0, -0), [true, false, false, true, false, true]);
  assertEquals(table(NaN, NaN), [false, true, false, false, false, false]);
});

test("accepts tells which types an operation takes", () => {
  const types = ["bool", "int32", "float32", "float64"] as const;
  const table = (rule: Parameters<typeof accepts>[0]): boolean[] => types.map((dtype) => accepts(rule, dtype));
  assertEquals(table("float"), [false, false, true, true]);
  assertEquals(table("number"), [false, true, true, true]);
  assertEquals(table("bool"), [true, false, false, false]);
  assertEquals(table("bits"), [true, true, false, false]);
});

test("reductions leave their identity unchanged: combine(identity, x) is x", () => {
  for (const op of ["sum", "prod", "max", "min"] as const) {
    const { identity, combine } = REDUCE_OPS[op];
    for (const x of [-3, 0, 7]) {
      assertEquals(combine(identity("float32"), x), x, op);
      assertEquals(combine(identity("int32"), x), x, op);
    }
    if (op === "max" || op === "min") { for (const x of [0, 1]) assertEquals(combine(identity("bool"), x), x, op); }
  }
});
