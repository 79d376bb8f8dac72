// Choosing by index and its adjoint: values, repeated indices, and what is refused.

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { float64, int32, values } from "./support.ts";
import { arange, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { gather, indexSelect, scatterAdd } from "../../src/tensor/gather.ts";
import { memory } from "../../src/tensor/memory.ts";
import { scope } from "../../src/tensor/scope.ts";

test("gather picks along an axis, and repeated indices add their gradients", () => {
  using _ = scope();
  const x = arange(6).reshape([2, 3]).requireGrad();
  const y = gather(x, 1, int32([2, 2, 0, 1], [2, 2]));
  assertEquals(values(y), [2, 2, 3, 4]);
  y.sum().backward();
  assertEquals(values(x.grad!), [0, 0, 2, 1, 1, 0]);
});

test("indexSelect takes lists and vectors, along any axis", () => {
  using _ = scope();
  const x = arange(6).reshape([2, 3]);
  assertEquals(values(indexSelect(x, 1, [2, 0])), [2, 0, 5, 3]);
  assertEquals(values(indexSelect(x, -2, Int32Array.of(1, 1, 0))), [3, 4, 5, 3, 4, 5, 0, 1, 2]);
  assertEquals(values(indexSelect(x.transpose(0, 1), 0, int32([1]))), [1, 4]);
  assertEquals(values(indexSelect(x, 0, int32([5, 1, 5, 0]).slice(0, 1, 4, 2))), [3, 4, 5, 0, 1, 2]);
  assertEquals(indexSelect(x, 0, []).shape, [0, 3]);
});

test("scatterAdd adds to a copy of its base", () => {
  using _ = scope();
  const base = tensor([1, 1, 1]);
  const y = scatterAdd(base, 0, int32([2, 0, 2]), tensor([10, 20, 30]));
  assertEquals([values(y), values(base)], [[21, 1, 41], [1, 1, 1]]);
  assertEquals(values(scatterAdd(int32([0, 0]), 0, int32([1]), int32([7]))), [0, 7]);
});

test("gather, indexSelect and scatterAdd refuse bad indices, types and shapes, and leave nothing behind", () => {
  using _ = scope();
  const x = arange(6).reshape([2, 3]);
  const indices = int32([0, 3], [2, 1]);
  const negative = int32([-1, 0], [2, 1]);
  const floats = tensor([[0], [0]]);
  const flat = int32([0]);
  const source = zeros([2, 1]);
  const before = memory().reference.liveBuffers;
  assertThrows(() => gather(x, 1, indices), ArgumentError, "indices from 0 to 2, got indices from 0 to 3");
  assertThrows(() => gather(x, 1, negative), ArgumentError, "from -1 to 0");
  assertThrows(() => gather(x, 1, floats), DTypeError, 'cast("int32")');
  assertThrows(() => gather(x, 1, flat), ShapeError, "but for axis 1");
  assertThrows(() => gather(x, 2, indices), ShapeError, "an axis from -2 to 1");
  assertThrows(() => indexSelect(x, 0, [2]), ArgumentError, "indices from 0 to 1");
  assertThrows(() => indexSelect(x, 0, [0.5]), ArgumentError);
  assertThrows(() => indexSelect(x, 0, indices), ShapeError, "an int32 vector");
  assertThrows(() => scatterAdd(x, 1, indices, source), ArgumentError, "got indices from 0 to 3");
  assertThrows(() => scatterAdd(x, 1, indices, x), ShapeError, "the indices' shape [2, 1]");
  assertEquals(memory().reference.liveBuffers, before);
  assertThrows(() => scatterAdd(x, 1, negative.abs(), float64([2, 1])), DTypeError, "one type");
});
