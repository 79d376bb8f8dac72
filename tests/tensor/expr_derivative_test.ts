// Symbolic derivatives: each table row against difference quotients, at kinks, and the sharing of subtrees.

import { assert, assertEquals } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import * as E from "../../src/tensor/expr.ts";
import type { Expr } from "../../src/tensor/expr.ts";
import {
  BINARY_DERIVATIVES,
  gradientExpressions,
  isZero,
  UNARY_DERIVATIVES,
} from "../../src/tensor/expr_derivative.ts";
import { BINARY_OPS, type BinaryOp, UNARY_OPS, type UnaryOp } from "../../src/tensor/expr_ops.ts";

const x0 = E.input(0, "float64");
const x1 = E.input(1, "float64");
const seed = E.input(2, "float64");

/** The value of an expression over float64 inputs, by the tables of operations. */
function evaluate(node: Expr, inputs: readonly number[]): number {
  switch (node.kind) {
    case "input":
      return inputs[node.index];
    case "constant":
      return node.value;
    case "unary":
      return UNARY_OPS[node.op].evaluate(evaluate(node.operand, inputs));
    case "binary":
      return BINARY_OPS[node.op].evaluate(evaluate(node.left, inputs), evaluate(node.right, inputs));
    case "compare": {
      const [a, b] = [evaluate(node.left, inputs), evaluate(node.right, inputs)];
      return Number({ eq: a === b, ne: a !== b, lt: a < b, le: a <= b, gt: a > b, ge: a >= b }[node.op]);
    }
    case "select":
      return evaluate(evaluate(node.condition, inputs) ? node.whenTrue : node.whenFalse, inputs);
    default:
      throw new Error(`no ${node.kind} here`);
  }
}

const gradients = (root: Expr) => gradientExpressions([root], [seed], [0, 1]);

for (const op of Object.keys(UNARY_DERIVATIVES) as UnaryOp[]) {
  if (op === "not") continue;
  test(`UNARY_DERIVATIVES.${op} agrees with difference quotients to 1e-8`, () => {
    const [gradient] = gradients(E.unary(op, x0));
    for (const x of [0.3, 0.77, 1.9]) {
      const numeric = (UNARY_OPS[op].evaluate(x + 1e-6) - UNARY_OPS[op].evaluate(x - 1e-6)) / 2e-6;
      const found = gradient === undefined ? 0 : evaluate(gradient, [x, 0, 1.5]);
      assertClose([found], [1.5 * numeric], { absolute: 1e-8, relative: 1e-8 });
    }
  });
}

for (const op of Object.keys(BINARY_DERIVATIVES) as BinaryOp[]) {
  if (BINARY_OPS[op].operands === "bits") continue;
  test(`BINARY_DERIVATIVES.${op} agrees with difference quotients to 1e-8`, () => {
    const found = gradients(E.binary(op, x0, x1));
    for (const [a, b] of [[0.7, 1.3], [2.2, 0.6], [1.7, 1.6]]) {
      const f = BINARY_OPS[op].evaluate;
      const numeric = [(f(a + 1e-6, b) - f(a - 1e-6, b)) / 2e-6, (f(a, b + 1e-6) - f(a, b - 1e-6)) / 2e-6];
      const analytic = found.map((gradient) => evaluate(gradient!, [a, b, -0.8]));
      assertClose(analytic, numeric.map((d) => -0.8 * d), { absolute: 1e-8, relative: 1e-8 });
    }
  });
}

test("derivatives at kinks and borders are finite: abs, ties, powers of zero", () => {
  const at = (root: Expr, a: number, b: number) =>
    gradients(root).map((g) => g === undefined ? 0 : evaluate(g, [a, b, 1]));
  assertEquals(at(E.abs(x0), 0, 0), [0, 0]);
  assertEquals(at(E.maximum(x0, x1), 2, 2), [0.5, 0.5]);
  assertEquals(at(E.minimum(x0, x1), 2, 2), [0.5, 0.5]);
  assertEquals(at(E.pow(x0, x1), 0, 0), [0, 0]);
  assertEquals(at(E.pow(x0, x1), 0, 2), [0, 0]);
  assertEquals(at(E.pow(x0, 2), 0, 0), [0, 0]);
});

test("select passes the gradient to the chosen branch", () => {
  const [a, b] = gradients(E.select(E.lt(x0, x1), E.mul(x0, 3), E.mul(x1, 5)));
  assertEquals([evaluate(a!, [1, 2, 1]), evaluate(b!, [1, 2, 1])], [3, 0]);
  assertEquals([evaluate(a!, [2, 1, 1]), evaluate(b!, [2, 1, 1])], [0, 5]);
});

test("casts carry gradients between float types and not through integers", () => {
  const narrow = E.input(0, "float32");
  const [gradient] = gradientExpressions([E.cast(narrow, "float64")], [seed], [0]);
  assertEquals([gradient!.kind, gradient!.dtype], ["cast", "float32"]);
  const rounded = E.cast(E.cast(x0, "int32"), "float64");
  assertEquals(gradientExpressions([rounded], [seed], [0]), [undefined]);
});

test("gradientExpressions adds several roots and skips inputs that are not wanted", () => {
  const other = E.input(3, "float64");
  const [gradient] = gradientExpressions([E.mul(x0, x1), E.square(x0)], [seed, other], [0]);
  // seed · x1 + other · 2 x0
  assertEquals(evaluate(gradient!, [3, 5, 1, 10]), 5 + 60);
  assert(!E.topologicalOrder([gradientExpressions([E.mul(x0, x1)], [seed], [1])[0]!]).includes(x1));
});

test("gradientExpressions visits a shared subtree once", () => {
  let node: Expr = x0;
  for (let i = 0; i < 60; i++) node = E.add(E.mul(node, 0.5), E.mul(E.sqrt(node), node));
  // Without sharing this tree would have 3^60 leaves.
  const [gradient] = gradients(node);
  assert(E.topologicalOrder([gradient!]).length < 1000);
  assert(!isZero(gradient!));
});
