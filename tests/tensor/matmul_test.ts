// Matrix products: values with vectors, batches and views, and what is refused.

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { float64, int32, values } from "./support.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { matmul } from "../../src/tensor/matmul.ts";
import { scope } from "../../src/tensor/scope.ts";

test("matmul multiplies matrices and vectors", () => {
  using _ = scope();
  const a = tensor([[1, 2], [3, 4]]);
  const v = tensor([1, 10]);
  assertEquals(values(a.matmul(a)), [7, 10, 15, 22]);
  assertEquals([matmul(a, v).shape, values(matmul(a, v))], [[2], [21, 43]]);
  assertEquals([matmul(v, a).shape, values(matmul(v, a))], [[2], [31, 42]]);
  assertEquals([matmul(v, v).shape, values(matmul(v, v))], [[], [101]]);
});

test("matmul broadcasts batches and reads views", () => {
  using _ = scope();
  const a = arange(8).reshape([2, 2, 2]);
  const b = tensor([[0, 1], [1, 0]]);
  assertEquals(values(matmul(a, b)), [1, 0, 3, 2, 5, 4, 7, 6]);
  assertEquals(values(matmul(b, a)), [2, 3, 0, 1, 6, 7, 4, 5]);
  assertEquals(values(matmul(a.transpose(1, 2), b)), [2, 0, 3, 1, 6, 4, 7, 5]);
  assertEquals(matmul(ones([3, 1, 2, 5]), ones([4, 5, 1])).shape, [3, 4, 2, 1]);
  assertEquals(values(matmul(a, tensor([1, 1]))), [1, 5, 9, 13]);
});

test("matmul of empty matrices is empty or zero, with gradients", () => {
  using _ = scope();
  const a = zeros([2, 0]).requireGrad();
  const b = zeros([0, 3]).requireGrad();
  const y = matmul(a, b);
  assertEquals(values(y), [0, 0, 0, 0, 0, 0]);
  y.sum().backward();
  assertEquals([a.grad!.shape, b.grad!.shape], [[2, 0], [0, 3]]);
  const weight = ones([3, 2]).requireGrad();
  matmul(zeros([0, 5, 3]), weight).sum().backward();
  assertEquals(values(weight.grad!), [0, 0, 0, 0, 0, 0]);
});

test("matmul promotes float32 beside float64", () => {
  using _ = scope();
  const a = ones([1, 2]).requireGrad();
  const y = matmul(a, float64([2, 1]));
  assertEquals(y.dtype, "float64");
  y.sum().backward();
  assertEquals(a.grad!.dtype, "float32");
});

test("matmul refuses inner sizes that differ, scalars and integers", () => {
  using _ = scope();
  assertThrows(() => matmul(ones([2, 3]), ones([2, 3])), ShapeError, "[2, 3] and [2, 3]");
  assertThrows(() => matmul(tensor(1), ones([1])), ShapeError, "the same k");
  assertThrows(() => matmul(ones([2, 2, 2]), ones([3, 2, 2])), ShapeError, "broadcast");
  assertThrows(() => matmul(int32([1]), int32([1])), DTypeError, "float operands");
});
