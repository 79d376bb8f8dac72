// Expressions as statements of CUDA C.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { withDeviceFunctions } from "../../../../backends/cuda/kernels/device_functions.ts";
import {
  expressionCode,
  expressionCost,
  type LeafCode,
  literal,
  operationCode,
} from "../../../../backends/cuda/kernels/expression_source.ts";
import { BINARY_CODE } from "../../../../backends/cuda/kernels/operations.ts";
import { BackendError } from "../../../../src/tensor/errors.ts";
import * as E from "../../../../src/tensor/expr.ts";
import { test } from "../../../support/test.ts";

const NAMES: LeafCode = {
  input: ({ index }) => `x${index}`,
  index: ({ axis }) => `i_${axis}`,
  scalar: ({ index }) => `s${index}`,
};

test("literal writes numbers that C reads back exactly", () => {
  assertEquals(literal("float32", 1), "1.0f");
  assertEquals(literal("float32", Math.fround(0.1)), "0.10000000149011612f");
  assertEquals(literal("float64", 0.1), "0.1");
  assertEquals(literal("float64", -1e-7), "(-1e-7)");
  assertEquals(literal("float64", 1e21), "1e+21");
  assertEquals(literal("float32", -0), "(-0.0f)");
  assertEquals(literal("int32", -0x80000000), "(-2147483647 - 1)");
  assertEquals(literal("int32", -5), "(-5)");
  assertEquals(literal("bool", 1), "true");
  assertEquals(literal("float64", NaN), "escnn_nan_f64()");
  assertEquals(literal("float32", -Infinity), "(-escnn_infinity_f32())");
});

test("expressionCode computes common subtrees once and inlines constants", () => {
  const x = E.input(0, "float32");
  const shared = E.exp(E.mul(x, 2));
  const { statements, values } = expressionCode([E.add(shared, 1), E.mul(shared, shared)], NAMES);
  assertEquals(statements, [
    "const float v0 = x0;",
    "const float v1 = v0 * 2.0f;",
    "const float v2 = expf(v1);",
    "const float v3 = v2 + 1.0f;",
    "const float v4 = v2 * v2;",
  ]);
  assertEquals(values, ["v3", "v4"]);
});

test("expressionCode knows powers by constants, wrapping integers and every kind of node", () => {
  const lines = (expression: E.Expr): string => expressionCode([expression], NAMES).statements.join("\n");
  assertStringIncludes(lines(E.pow(E.input(0, "float32"), 2)), "v0 * v0");
  assertStringIncludes(lines(E.pow(E.input(0, "float64"), -0.5)), "(double)1 / escnn_root_f64(v0)");
  assertStringIncludes(lines(E.pow(E.input(0, "float32"), 1.5)), "escnn_pow_f32(v0, 1.5f)");
  const int = E.input(0, "int32");
  assertStringIncludes(lines(E.add(int, int)), "(int)((unsigned)v0 + (unsigned)v0)");
  assertStringIncludes(lines(E.div(int, E.scalar(3, "int32"))), "escnn_quotient_i32(v0, v1)");
  assertStringIncludes(lines(E.cast(E.input(0, "float64"), "int32")), "escnn_integer_f64(v0)");
  const choice = E.select(E.lt(int, E.index("linear")), E.index(1), 7);
  assertEquals(lines(choice).split("\n").slice(-1), ["const int v4 = v2 ? v3 : 7;"]);
  const words = [0, 1, 2, 3, 4].map((i) => E.scalar(i, "int32")) as [E.Expr, E.Expr, E.Expr, E.Expr, E.Expr];
  assertStringIncludes(
    lines(E.random("normal", "float32", words)),
    "escnn_normal_f32(escnn_philox(v0, v1, v2, v3, v4))",
  );
});

test("operationCode refuses types that an operation lacks", () => {
  const error = assertThrows(() => operationCode("pow", BINARY_CODE.pow, "int32", "a", "b"), BackendError);
  assertStringIncludes(error.message, "expression pow: expected a type that it is defined for, got int32");
});

test("expressionCost grows with what is computed", () => {
  const x = E.input(0, "float32");
  assert(expressionCost([E.exp(x)]) > expressionCost([E.neg(x)]));
  assert(expressionCost([E.exp(E.input(0, "float64"))]) > expressionCost([E.exp(x)]));
});

test("withDeviceFunctions takes in what is named, and what that names, each once and before its use", () => {
  const source = withDeviceFunctions("float f(escnn_words w) { return escnn_normal_f32(w) + escnn_mod_f32(1, 2); }");
  for (const name of ["escnn_log", "escnn_cos", "escnn_box_muller", "escnn_normal_f32", "escnn_mod_f32"]) {
    assertEquals(source.split(`inline ${/log|cos|box/.test(name) ? "double" : "float"} ${name}(`).length, 2, name);
  }
  assert(source.indexOf("struct escnn_words") < source.indexOf("inline float escnn_normal_f32"));
  assert(source.indexOf("inline double escnn_log(") < source.indexOf("inline double escnn_box_muller("));
  assert(!source.includes("escnn_pow"));
  assertEquals(withDeviceFunctions("int x;"), "int x;");
});
