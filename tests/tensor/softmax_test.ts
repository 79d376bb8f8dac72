// Softmax and its kin: values where exponentials overflow or vanish, and what is refused.

import { assertEquals, assertThrows } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { float64, int32, values } from "./support.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { scope } from "../../src/tensor/scope.ts";
import { logSoftmax, logSumExp, softmax } from "../../src/tensor/softmax.ts";

test("softmax adds up to 1 along its axis, with huge and infinite elements too", () => {
  using _ = scope();
  const x = tensor([[1000, 1000, -1000], [-Infinity, 0, -Infinity]]);
  assertEquals(values(softmax(x)), [0.5, 0.5, 0, 0, 1, 0]);
  assertClose(values(softmax(float64([3, 4]), 0).sum(0)), [1, 1, 1, 1], { absolute: 1e-15 });
});

test("logSoftmax and logSumExp do not round away small differences", () => {
  using _ = scope();
  const x = tensor(Float64Array.of(1000, 0));
  assertEquals(values(logSoftmax(x)), [0, -1000]);
  assertEquals(logSumExp(x).itemSync(), 1000);
  const y = float64([2, 5]);
  const rows = [values(y).slice(0, 5), values(y).slice(5)];
  const expected = rows.map((row) => Math.log(row.reduce((sum, v) => sum + Math.exp(v), 0)));
  assertClose(values(logSumExp(y)), expected, { relative: 1e-14 });
  assertClose(values(logSoftmax(y)), rows.flatMap((row, i) => row.map((v) => v - expected[i])), { absolute: 1e-14 });
  assertEquals(logSumExp(y, 0, true).shape, [1, 5]);
});

test("logSumExp of nothing, and of nothing but -Infinity, is -Infinity; with an Infinity it is Infinity", () => {
  using _ = scope();
  assertEquals(values(logSumExp(zeros([2, 0]))), [-Infinity, -Infinity]);
  assertEquals(values(logSumExp(tensor([-Infinity, -Infinity]))), [-Infinity]);
  assertEquals(values(logSumExp(tensor([Infinity, 0]))), [Infinity]);
});

test("the gradient of logSumExp is the softmax", () => {
  using _ = scope();
  const x = float64([4]).requireGrad();
  logSumExp(x).backward();
  assertClose(values(x.grad!), values(softmax(x)), { absolute: 1e-15 });
});

test("softmax refuses integers and axes that do not exist", () => {
  using _ = scope();
  assertThrows(() => softmax(int32([1, 2])), DTypeError, "a float tensor");
  assertThrows(() => logSoftmax(tensor([1]), 1), ShapeError, "an axis from -1 to 0");
});
