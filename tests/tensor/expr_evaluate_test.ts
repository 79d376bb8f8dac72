// The evaluation of expressions that defines what every backend computes.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ArgumentError } from "../../src/tensor/errors.ts";
import {
  add,
  binary,
  cast,
  compare,
  constant,
  div,
  exp,
  index,
  input,
  mul,
  random,
  scalar,
  select,
  sub,
  unary,
} from "../../src/tensor/expr.ts";
import { compileEvaluator, evaluateExpression } from "../../src/tensor/expr_evaluate.ts";
import { philox4x32 } from "../../src/tensor/philox.ts";
import { test } from "../support/test.ts";

const x = input(0, "float32");
const y = input(1, "float32");
const i = input(0, "int32");
const j = input(1, "int32");

test("evaluateExpression computes nested float expressions in float64 and rounds once", () => {
  const expression = mul(add(x, y), exp(sub(x, y)));
  assertEquals(evaluateExpression(expression, { inputs: [1.5, 0.5] }), Math.fround(2 * Math.E));
  assertEquals(evaluateExpression(sub(add(x, 1), x), { inputs: [2 ** 25] }), 1);
});

test("evaluateExpression rounds inputs, scalars and casts to their type", () => {
  assertEquals(evaluateExpression(cast(x, "float64"), { inputs: [0.1] }), Math.fround(0.1));
  assertEquals(
    evaluateExpression(add(cast(scalar(0, "float32"), "float64"), scalar(1, "float64")), { scalars: [0.1, 0.1] }),
    Math.fround(0.1) + 0.1,
  );
  assertEquals(
    evaluateExpression(cast(cast(input(0, "float64"), "float32"), "float64"), { inputs: [0.1] }),
    Math.fround(0.1),
  );
});

test("evaluateExpression keeps int32 exact and wraps it", () => {
  assertEquals(evaluateExpression(mul(i, j), { inputs: [0x7fffffff, 0x7fffffff] }), 1);
  assertEquals(evaluateExpression(mul(mul(i, i), j), { inputs: [65537, 65537] }), 65537 * 131073 % 2 ** 32 | 0);
  assertEquals(evaluateExpression(unary("neg", i), { inputs: [-0x80000000] }), -0x80000000);
  assertEquals(evaluateExpression(unary("abs", i), { inputs: [-0x80000000] }), -0x80000000);
  assertEquals(evaluateExpression(add(i, j), { inputs: [0x7fffffff, 1] }), -0x80000000);
});

test("evaluateExpression truncates int32 division, and its remainder has the sign of the divisor", () => {
  const at = (op: "div" | "mod", a: number, b: number): number =>
    evaluateExpression(binary(op, i, j), { inputs: [a, b] });
  assertEquals([at("div", 7, 2), at("div", -7, 2), at("div", 7, -2), at("div", 5, 0)], [3, -3, -3, 0]);
  assertEquals([at("mod", 7, 3), at("mod", -7, 3), at("mod", 7, -3), at("mod", 5, 0)], [1, 2, -2, 0]);
  assertEquals(at("div", -0x80000000, -1), -0x80000000);
});

test("evaluateExpression converts floats to int32 by truncation with saturation, NaN to 0", () => {
  const at = (value: number): number => evaluateExpression(cast(x, "int32"), { inputs: [value] });
  assertEquals([at(2.9), at(-2.9), at(NaN), at(1e20), at(-Infinity)], [2, -2, 0, 0x7fffffff, -0x80000000]);
  const bool = (value: number): number => evaluateExpression(cast(x, "bool"), { inputs: [value] });
  assertEquals([bool(0), bool(-0), bool(0.1), bool(NaN)], [0, 0, 1, 1]);
});

test("evaluateExpression selects by a comparison, and NaN compares false but for ne", () => {
  const at = (value: number): number => evaluateExpression(select(compare("gt", x, 0), x, 7), { inputs: [value] });
  assertEquals([at(3), at(-3), at(NaN)], [3, 7, 7]);
  assertEquals(evaluateExpression(compare("ne", x, x), { inputs: [NaN] }), 1);
});

test("evaluateExpression knows the position", () => {
  const expression = add(mul(index(0), 10), add(index(1), mul(index("linear"), 1000)));
  assertEquals(evaluateExpression(expression, { position: [2, 3], linear: 11 }), 11023);
});

test("evaluateExpression draws Philox numbers with key words 0, 1 and counter words 2, 3, 4", () => {
  const words = [1, 2, 3, 4, 5].map((word) => constant(word, "int32")) as unknown as Parameters<typeof random>[2];
  const block = philox4x32([1, 2], [3, 4, 5, 0]);
  assertEquals(evaluateExpression(random("bits", "int32", words)), block[0] | 0);
  for (const word of [1, 2, 3]) assertEquals(evaluateExpression(random("bits", "int32", words, word)), block[word] | 0);
  assertEquals(evaluateExpression(random("uniform", "float32", words)), (block[0] >>> 8) * 2 ** -24);
  const u1 = ((block[0] >>> 8) + 0.5) * 2 ** -24;
  const u2 = (block[1] >>> 8) * 2 ** -24;
  assertAlmostEquals(
    evaluateExpression(random("normal", "float32", words)),
    Math.sqrt(-2 * Math.log(u1)) * Math.cos(2 * Math.PI * u2),
    1e-6,
  );
});

test("compileEvaluator gives several results at once and reads its point anew each time", () => {
  const evaluate = compileEvaluator([add(x, y), div(x, y), x]);
  const inputs = [6, 3];
  const results = new Float64Array(3);
  evaluate({ inputs, scalars: [], position: [], linear: 0 }, results);
  assertEquals([...results], [9, 2, 6]);
  inputs[1] = 2;
  evaluate({ inputs, scalars: [], position: [], linear: 0 }, results);
  assertEquals([...results], [8, 3, 6]);
});

test("compileEvaluator computes a shared subtree once: a chain of 40 doublings takes no time", () => {
  let node = x;
  for (let step = 0; step < 40; step++) node = add(node, node);
  assertEquals(evaluateExpression(node, { inputs: [1] }), 2 ** 40);
});

test("evaluateExpression throws ArgumentError that names how many inputs, scalars or axes are missing", () => {
  assertThrows(() => evaluateExpression(y, { inputs: [1] }), ArgumentError, "expected at least 2 inputs, got 1");
  assertThrows(() => evaluateExpression(scalar(2, "float32")), ArgumentError, "expected at least 3 scalars, got 0");
  assertThrows(() => evaluateExpression(index(1), { position: [0] }), ArgumentError, "expected at least 2 axes, got 1");
  assert(evaluateExpression(x, { inputs: [1] }) === 1);
});
