// Making tensors: values, types, shapes, and what is refused.

import { assert, assertEquals, assertFalse, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { values } from "./support.ts";
import {
  arange,
  eye,
  full,
  linspace,
  ones,
  onesLike,
  parameter,
  tensor,
  zeros,
  zerosLike,
} from "../../src/tensor/creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { scope } from "../../src/tensor/scope.ts";

test("tensor takes numbers, nested arrays and typed arrays, with the type of a typed array", () => {
  using _ = scope();
  const scalar = tensor(2.5);
  assertEquals([scalar.shape, scalar.dtype, scalar.itemSync()], [[], "float32", 2.5]);
  const matrix = tensor([[1, 2, 3], [4, 5, 6]]);
  assertEquals([matrix.shape, values(matrix)], [[2, 3], [1, 2, 3, 4, 5, 6]]);
  assertEquals(tensor(Int32Array.of(1, 2)).dtype, "int32");
  assertEquals(tensor(Float64Array.of(1, 2, 3, 4), [2, 2]).shape, [2, 2]);
  assertEquals(values(tensor([[true, false]], { dtype: "bool" })), [1, 0]);
  assertEquals(values(tensor([1, 2, 3, 4], [2, 2])), [1, 2, 3, 4]);
  assertEquals(tensor([[], []]).shape, [2, 0]);
  assertEquals(values(tensor([0.1]))[0], Math.fround(0.1));
  assertEquals(values(tensor([0.1], { dtype: "float64" }))[0], 0.1);
});

test("tensor refuses ragged arrays, wrong counts and shapes that are none", () => {
  assertThrows(() => tensor([[1, 2], [3]]), ShapeError, "an array of 1 among them");
  assertThrows(() => tensor([[1, 2], 3]), ShapeError, "the number 3");
  assertThrows(() => tensor([1, 2, 3], [2, 2]), ShapeError, "expected 4 elements for the shape [2, 2], got 3");
  assertThrows(() => tensor([1, 2], [-1, 2]), ShapeError, "non-negative integers");
  assertThrows(() => zeros([1.5]), ShapeError, "[1.5]");
});

test("zeros, ones, full and their likes fill every type", () => {
  using _ = scope();
  for (const dtype of ["bool", "int32", "float32", "float64"] as const) {
    assertEquals(values(zeros([2], { dtype })), [0, 0]);
    assertEquals(values(ones([2], { dtype })), [1, 1]);
  }
  assertEquals(values(full([2, 1], 3)), [3, 3]);
  const other = zeros([1, 2], { dtype: "int32" });
  assertEquals([onesLike(other).dtype, values(onesLike(other))], ["int32", [1, 1]]);
  assertEquals([zerosLike(other).shape, values(zerosLike(other))], [[1, 2], [0, 0]]);
  assertEquals(zeros([0, 3]).dataSync().length, 0);
});

test("eye has ones on the diagonal, also when it is not square", () => {
  using _ = scope();
  assertEquals(values(eye(2)), [1, 0, 0, 1]);
  assertEquals(values(eye(2, 3, { dtype: "int32" })), [1, 0, 0, 0, 1, 0]);
});

test("arange and linspace give the numbers of float64 arithmetic", () => {
  using _ = scope();
  assertEquals(values(arange(4)), [0, 1, 2, 3]);
  assertEquals(values(arange(2, 8, 2, { dtype: "int32" })), [2, 4, 6]);
  assertEquals(values(arange(1, 0, -0.25, { dtype: "float64" })), [1, 0.75, 0.5, 0.25]);
  assertEquals(values(arange(3, { dtype: "float64" })), [0, 1, 2]);
  assertEquals(values(arange(5, 1)), []);
  assertEquals(values(linspace(0, 1, 5)), [0, 0.25, 0.5, 0.75, 1]);
  assertEquals(values(linspace(3, 9, 1)), [3]);
  assertThrows(() => arange(0, 5, 0), ArgumentError, "a step other than 0");
});

test("tensor with requiresGrad is a leaf, of floats only", () => {
  using _ = scope();
  assert(tensor([1], { requiresGrad: true }).requiresGrad);
  assertFalse(tensor([1]).requiresGrad);
  assertThrows(() => tensor(Int32Array.of(1)).requireGrad(), DTypeError, "float32 or float64");
});

test("parameter outlives its scope and carries its name", () => {
  const weight = scope(() => {
    const made = parameter([[1, 2]], { name: "weight" });
    return { name: made.name, made: [made].map((p) => () => p) };
  });
  const leaf = weight.made[0]();
  assertFalse(leaf.isDisposed);
  assertEquals([leaf.name, leaf.requiresGrad, leaf.shape], ["weight", true, [1, 2]]);
  leaf.dispose();
  const detached = scope(() => parameter(tensor([2]).requireGrad().mul(3)));
  assertEquals([detached.requiresGrad, values(detached)], [true, [6]]);
  detached.mul(2).sum().backward();
  assertEquals(values(detached.grad!), [2]);
  detached.dispose();
});

test("tensor takes bytes as bools where they are 0 and 1, and wants a type for pixels", () => {
  using _ = scope();
  assertEquals(tensor(Uint8Array.of(0, 1, 1)).dtype, "bool");
  assertThrows(() => tensor(Uint8Array.of(0, 128, 255), [3]), DTypeError, 'dtype: "float32"');
  assertEquals(values(tensor(Uint8Array.of(0, 128, 255), [3], { dtype: "float32" })), [0, 128, 255]);
  const clamped = Uint8ClampedArray.of(7, 300);
  assertThrows(() => tensor(clamped), DTypeError, "Uint8ClampedArray");
  assertEquals(values(tensor(clamped, [1, 2], { dtype: "float32" })), [7, 255]);
  const shape: unknown = 3;
  assertThrows(() => zeros(shape as number[]), ShapeError, "a shape as an array");
});
