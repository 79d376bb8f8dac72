// Joining and splitting: values, types, gradients, and what is refused.

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { int32, values } from "./support.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, ShapeError } from "../../src/tensor/errors.ts";
import { concatenate, split, stack } from "../../src/tensor/join.ts";
import { memory } from "../../src/tensor/memory.ts";
import { scope } from "../../src/tensor/scope.ts";

test("concatenate and stack join along an axis, with promotion", () => {
  using _ = scope();
  const a = tensor([[1, 2]]);
  const b = tensor([[3, 4], [5, 6]]);
  assertEquals(values(concatenate([a, b], 0)), [1, 2, 3, 4, 5, 6]);
  assertEquals(values(concatenate([b, b.flip(0)], -1)), [3, 4, 5, 6, 5, 6, 3, 4]);
  assertEquals(concatenate([int32([1]), tensor([0.5])], 0).dtype, "float32");
  assertEquals(concatenate([zeros([0, 2]), a], 0).shape, [1, 2]);
  assertEquals([stack([a, a]).shape, stack([a, a], -1).shape], [[2, 1, 2], [1, 2, 2]]);
});

test("concatenate passes gradients only where they are wanted", () => {
  using _ = scope();
  const a = tensor([1, 2]).requireGrad();
  concatenate([a, tensor([3]), a], 0).mul(tensor([1, 2, 3, 4, 5])).sum().backward();
  assertEquals(values(a.grad!), [5, 7]);
});

test("split gives views, by sizes and by count", () => {
  using _ = scope();
  const x = arange(6).reshape([6, 1]);
  const parts = split(x, [1, 0, 5], 0);
  assertEquals(parts.map((part) => part.shape), [[1, 1], [0, 1], [5, 1]]);
  assertEquals(parts[2].buffer, x.buffer);
  assertEquals(split(x, 3, 0).map(values), [[0, 1], [2, 3], [4, 5]]);
});

test("join and split refuse what does not fit, and leave nothing behind", () => {
  using _ = scope();
  const a = ones([2, 2]);
  const b = ones([3, 3]);
  const before = memory().reference.liveBuffers;
  assertThrows(() => concatenate([], 0), ArgumentError, "at least one tensor");
  assertThrows(() => concatenate([a, b], 0), ShapeError, "[2, 2] and [3, 3]");
  assertThrows(() => stack([a, b]), ShapeError);
  assertThrows(() => split(a, [1, 2], 0), ShapeError, "add up to 2");
  assertThrows(() => split(a, 3, 0), ShapeError, "3 parts");
  assertEquals(memory().reference.liveBuffers, before);
});
