// Scalar expressions: interning, folding, types, and their text.

import { assert, assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { ArgumentError, DTypeError } from "../../src/tensor/errors.ts";
import {
  abs,
  add,
  binary,
  cast,
  compare,
  constant,
  div,
  eq,
  evaluateCast,
  exp,
  formatExpr,
  ge,
  gt,
  index,
  input,
  le,
  log,
  lt,
  maximum,
  minimum,
  mul,
  ne,
  neg,
  operandsOf,
  pow,
  random,
  scalar,
  select,
  sigmoid,
  sqrt,
  square,
  sub,
  substitute,
  tanh,
  topologicalOrder,
  unary,
} from "../../src/tensor/expr.ts";
import { test } from "../support/test.ts";

const x = input(0, "float32");
const y = input(1, "float32");

test("expressions are interned: equal trees are one object with one key", () => {
  assertStrictEquals(add(x, mul(y, 2)), add(x, mul(y, 2)));
  assertEquals(add(x, y).key, add(x, y).key);
  assert(add(x, y).key !== add(y, x).key);
  assertNotStrictEquals(input(0, "float32"), input(0, "float64"));
  assertNotStrictEquals(constant(0, "float32"), constant(-0, "float32"));
});

test("constant rounds to its type", () => {
  assertEquals(formatExpr(constant(0.1, "float32")), String(Math.fround(0.1)));
  assertEquals(formatExpr(constant(2 ** 32 + 5, "int32")), "5");
  assertEquals(formatExpr(constant(3, "bool")), "1");
});

test("constants fold through every kind of operation", () => {
  const two = constant(2, "float32");
  const text = [
    unary("sqrt", constant(9, "float32")),
    binary("mul", two, two),
    compare("lt", two, 3),
    cast(constant(2.7, "float32"), "int32"),
    select(constant(1, "bool"), x, y),
    binary("mul", constant(0x7fffffff, "int32"), 2),
  ].map(formatExpr);
  assertEquals(text, ["3", "4", "1", "2", "x0", "-2"]);
});

test("neutral elements vanish", () => {
  for (const same of [add(x, 0), add(0, x), sub(x, 0), mul(x, 1), mul(1, x), div(x, 1), pow(x, 1), neg(neg(x))]) {
    assertStrictEquals(same, x);
  }
  assertStrictEquals(sub(0, x), neg(x));
  assertStrictEquals(mul(x, -1), neg(x));
  assertStrictEquals(cast(x, "float32"), x);
  assertStrictEquals(select(gt(x, 0), y, y), y);
});

test("formatExpr prints a tree as text", () => {
  const relu = select(gt(x, 0), x, 0);
  assertEquals(formatExpr(relu), "select(gt(x0, 0), x0, 0)");
  assertEquals(formatExpr(add(scalar(1, "float32"), cast(index("linear"), "float32"))), "add(s1, float32(i))");
  assertEquals(formatExpr(mul(index(2), 3)), "mul(i2, 3)");
  assertEquals(formatExpr(mul(x, constant(-0, "float32"))), "mul(x0, -0)");
  const word = scalar(0, "int32");
  assertEquals(
    formatExpr(random("bits", "int32", [word, word, index("linear"), word, word])),
    "random_bits(s0, s0, i, s0, s0)",
  );
  assertEquals(
    formatExpr(random("bits", "int32", [word, word, index("linear"), word, word], 2)),
    "random_bits2(s0, s0, i, s0, s0)",
  );
});

test("the named builders make the operations of the tables", () => {
  const text = [
    minimum(x, y),
    maximum(x, y),
    abs(x),
    sqrt(x),
    exp(x),
    log(x),
    tanh(x),
    sigmoid(x),
    square(x),
    eq(x, y),
    ne(x, y),
    lt(x, y),
    le(x, y),
    gt(x, y),
    ge(x, y),
  ].map(formatExpr);
  assertEquals(text, [
    "minimum(x0, x1)",
    "maximum(x0, x1)",
    "abs(x0)",
    "sqrt(x0)",
    "exp(x0)",
    "log(x0)",
    "tanh(x0)",
    "sigmoid(x0)",
    "mul(x0, x0)",
    "eq(x0, x1)",
    "ne(x0, x1)",
    "lt(x0, x1)",
    "le(x0, x1)",
    "gt(x0, x1)",
    "ge(x0, x1)",
  ]);
});

test("a bare number takes the type of the other operand", () => {
  assertEquals(operandsOf(add(input(0, "int32"), 2.9)).map(({ dtype }) => dtype), ["int32", "int32"]);
  assertEquals(formatExpr(add(input(0, "int32"), 2.9)), "add(x0, 2)");
  assertEquals(gt(x, 0).dtype, "bool");
});

test("operations of types that they do not take throw DTypeError that names the types and the way out", () => {
  const i = input(0, "int32");
  const b = input(0, "bool");
  assertThrows(
    () => add(x, i),
    DTypeError,
    "expression add: expected operands of one type, got float32 and int32. Convert with cast()",
  );
  assertThrows(() => exp(i), DTypeError, "expression exp: expected a float operand, got int32");
  assertThrows(() => add(b, b), DTypeError, "expected number operands, got bool and bool");
  assertThrows(() => unary("not", x), DTypeError, "expected a bool operand, got float32");
  assertThrows(() => binary("and", x, y), DTypeError, "expected bits operands");
  assertThrows(() => select(x, x, y), DTypeError, "expected a bool condition, got float32");
  assertThrows(() => random("bits", "int32", [i, i, i, i, x]), DTypeError, "expected int32 words, got float32");
  assertThrows(() => random("bits", "float32", [i, i, i, i, i]), DTypeError, "random bits: expected int32 for bits");
  assertThrows(() => random("bits", "int32", [i, i, i, i, i], 4), ArgumentError, "a word from 0 to 3");
  assertThrows(() => random("normal", "float32", [i, i, i, i, i], 1), ArgumentError, "word 0");
  assertThrows(() => random("normal", "int32", [i, i, i, i, i]), DTypeError, "else a float type, got int32");
});

test("topologicalOrder lists each distinct node once, operands first", () => {
  const shared = add(x, y);
  const order = topologicalOrder([mul(shared, shared), exp(shared)]);
  assertEquals(order.map(formatExpr), ["x0", "x1", "add(x0, x1)", "mul(add(x0, x1), add(x0, x1))", "exp(add(x0, x1))"]);
});

test("substitute replaces inputs and scalars and folds what becomes constant", () => {
  const expression = select(gt(x, scalar(0, "float32")), mul(x, y), cast(index(0), "float32"));
  const replaced = substitute(expression, (i, dtype) => input(i + 5, dtype), () => constant(2, "float32"));
  assertEquals(formatExpr(replaced), "select(gt(x5, 2), mul(x5, x6), float32(i0))");
  assertEquals(formatExpr(substitute(exp(neg(x)), (_, dtype) => constant(0, dtype))), "1");
  const word = scalar(0, "int32");
  const sample = random("uniform", "float32", [word, word, word, word, word]);
  const moved = substitute(sample, input, (i, dtype) => scalar(i + 1, dtype));
  assertEquals(formatExpr(moved), "random_uniform(s1, s1, s1, s1, s1)");
});

test("evaluateCast truncates and saturates floats, and widens integers exactly", () => {
  assertEquals(evaluateCast("float64", "int32", -3.99), -3);
  assertStrictEquals(evaluateCast("float64", "int32", -0.5), 0, "an int32 has no negative zero");
  assertEquals(evaluateCast("float32", "int32", 3e9), 0x7fffffff);
  assertEquals(evaluateCast("int32", "float32", 16777217), 16777216);
  assertEquals(evaluateCast("int32", "float64", 16777217), 16777217);
  assertEquals(evaluateCast("bool", "int32", 1), 1);
});
