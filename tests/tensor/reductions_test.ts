// Reductions: values over every axis, types, empty axes, ties, and what is refused.
// covers: src/tensor/product.ts

import { assertEquals, assertThrows } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { float64, int32, sample, values } from "./support.ts";
import { arange, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, ShapeError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { exclusiveProduct } from "../../src/tensor/product.ts";
import { reduce, reduceMany } from "../../src/tensor/reductions.ts";
import { scope } from "../../src/tensor/scope.ts";

test("sum reduces any axes and keeps them on request", () => {
  using _ = scope();
  const x = arange(12).reshape([2, 3, 2]);
  assertEquals(x.sum().itemSync(), 66);
  assertEquals(values(x.sum(0)), [6, 8, 10, 12, 14, 16]);
  assertEquals(values(x.sum([0, -1])), [14, 22, 30]);
  assertEquals(x.sum([0, 2], true).shape, [1, 3, 1]);
  assertEquals(values(x.sum([])), values(x));
  assertThrows(() => x.sum(3), ShapeError, "an axis from -3 to 2");
  assertThrows(() => x.sum([0, -3]), ShapeError, "distinct axes");
});

test("sums and products of bools and integers are integers, means are float32", () => {
  using _ = scope();
  const b = tensor([1, 1, 0], { dtype: "bool" });
  assertEquals([b.sum().dtype, b.sum().itemSync(), b.prod().itemSync()], ["int32", 2, 0]);
  assertEquals([b.mean().dtype, b.mean().itemSync()], ["float32", Math.fround(2 / 3)]);
  assertEquals([int32([3, 5]).prod().dtype, int32([3, 5]).prod().itemSync()], ["int32", 15]);
  assertEquals(tensor([1, 2, 3]).mean().itemSync(), 2);
});

test("max, min, any and all", () => {
  using _ = scope();
  const x = tensor([[1, -5, 3], [0, 0, NaN]]);
  assertEquals([values(x.max(1)), values(x.min(1))], [[3, NaN], [-5, NaN]]);
  assertEquals([x.any(1).dtype, values(x.any(0)), values(x.all(1))], ["bool", [1, 1, 1], [1, 0]]);
  assertEquals(int32([4, -4]).min().itemSync(), -4);
});

test("reductions over no elements give their identities", () => {
  using _ = scope();
  const x = zeros([2, 0]);
  assertEquals([values(x.sum(1)), values(x.prod(1))], [[0, 0], [1, 1]]);
  assertEquals([values(x.max(1)), values(x.min(1))], [[-Infinity, -Infinity], [Infinity, Infinity]]);
  assertEquals([values(x.any(1)), values(x.all(1))], [[0, 0], [1, 1]]);
  assertEquals(values(x.mean(1)), [NaN, NaN]);
  assertEquals(values(x.sum(0)), []);
});

test("variance divides by n - 1 or n", () => {
  using _ = scope();
  const x = tensor([[1, 2, 3, 4], [2, 2, 2, 2]]);
  assertClose(values(x.variance(1)), [5 / 3, 0], { absolute: 1e-7 });
  assertEquals(values(x.variance(1, { unbiased: false })), [1.25, 0]);
  assertEquals(x.variance(0, { keepDims: true }).shape, [1, 4]);
  assertEquals(values(tensor([[5]]).variance(1)), [NaN]);
});

test("norm is Euclidean and has the gradient 0 at 0", () => {
  using _ = scope();
  const x = tensor([[3, 4], [0, 0]]).requireGrad();
  const y = x.norm(1);
  assertEquals(values(y), [5, 0]);
  y.sum().backward();
  assertClose(values(x.grad!), [0.6, 0.8, 0, 0], { absolute: 1e-7 });
});

test("argmax and argmin find the first extreme and the first NaN", () => {
  using _ = scope();
  const x = tensor([[1, 7, 7], [2, NaN, NaN], [-1, -2, -2]]);
  assertEquals([x.argmax(1).dtype, values(x.argmax(1))], ["int32", [1, 1, 0]]);
  assertEquals(values(x.argmin(1)), [0, 1, 1]);
  assertEquals(x.argmax(-1, true).shape, [3, 1]);
  assertThrows(() => zeros([2, 0]).argmax(1), ArgumentError, "elements along axis 1");
});

test("the gradient of a maximum is shared by ties", () => {
  using _ = scope();
  const x = tensor([[2, 5, 5], [1, 0, -1]]).requireGrad();
  x.max(1).sum().backward();
  assertEquals(values(x.grad!), [0, 0.5, 0.5, 1, 0, 0]);
});

test("reduceMany computes several reductions of expressions in one pass", () => {
  using _ = scope();
  const x = tensor([[1, 2], [3, 4]]);
  const row = tensor([10, 100]);
  const [sum, max] = reduceMany([x, row], ["sum", "max"], 1, (a, b, s) => [E.mul(E.mul(a, b), s), E.sub(a, b)], {
    scalars: [2],
    keepDims: true,
  });
  assertEquals([sum.shape, values(sum), values(max)], [[2, 1], [420, 860], [-9, -7]]);
  assertEquals(values(reduce([x], "min", 0, (a) => E.neg(a))), [-3, -4]);
  assertThrows(() => reduceMany([x], ["sum"], 0, (a) => [a, a]), ArgumentError, "2 operations");
  assertThrows(() => reduceMany([], "sum", 0, () => []), ArgumentError, "at least one input");
});

test("exclusiveProduct multiplies all other elements, zeros and empty axes included", () => {
  using _ = scope();
  for (const count of [1, 2, 3, 5, 8]) {
    const data = sample([count]);
    const expected = data.map((_, i) => data.reduce((product, x, j) => j === i ? product : product * x, 1));
    assertClose(values(exclusiveProduct(float64([count]), [0])), expected, { relative: 1e-13 });
  }
  assertEquals(values(exclusiveProduct(tensor([2, 0, 3]), [0])), [0, 6, 0]);
  assertEquals(values(exclusiveProduct(tensor([[1, 2], [3, 4]]), [0])), [3, 4, 1, 2]);
  assertEquals(values(exclusiveProduct(zeros([2, 0]), [1])), []);
});
