// Views: which elements they show, that they copy only where they must, and what is refused.

import { assertEquals, assertNotStrictEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { values } from "./support.ts";
import { arange, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, ShapeError } from "../../src/tensor/errors.ts";
import { scope } from "../../src/tensor/scope.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

const sharesMemory = (a: Tensor, b: Tensor) => a.buffer === b.buffer;

test("reshape is a view where strides allow it and a copy elsewhere", () => {
  using _ = scope();
  const x = arange(6).reshape([2, 3]);
  assertStrictEquals(sharesMemory(x.reshape([3, 2]), x), true);
  assertEquals(values(x.reshape([3, -1])), [0, 1, 2, 3, 4, 5]);
  const turned = x.transpose(0, 1).reshape([6]);
  assertEquals(values(turned), [0, 3, 1, 4, 2, 5]);
  assertStrictEquals(sharesMemory(turned, x), false);
  assertEquals(x.reshape([2, 1, 3]).shape, [2, 1, 3]);
  assertEquals(zeros([0, 3]).reshape([3, 0]).shape, [3, 0]);
  assertEquals(tensor(1).reshape([1, 1]).shape, [1, 1]);
});

test("reshape refuses another count and more than one -1", () => {
  using _ = scope();
  assertThrows(() => arange(6).reshape([4]), ShapeError, "a shape of 6 elements");
  assertThrows(() => arange(6).reshape([-1, -1]), ShapeError);
  assertThrows(() => arange(6).reshape([4, -1]), ShapeError, "got [4, -1]");
  assertThrows(() => zeros([0]).reshape([0, -1]), ShapeError);
});

test("flatten joins axes", () => {
  using _ = scope();
  const x = zeros([2, 3, 4]);
  assertEquals([x.flatten().shape, x.flatten(1).shape, x.flatten(0, 1).shape], [[24], [2, 12], [6, 4]]);
  assertEquals(tensor(3).flatten().shape, [1]);
  assertThrows(() => x.flatten(2, 1), ArgumentError, "startAxis");
});

test("permute and transpose reorder axes", () => {
  using _ = scope();
  const x = arange(6).reshape([1, 2, 3]);
  assertEquals(x.permute([2, 0, 1]).shape, [3, 1, 2]);
  assertEquals(values(x.permute([-1, 1, 0])), [0, 3, 1, 4, 2, 5]);
  assertEquals(values(x.transpose(-1, -2)), [0, 3, 1, 4, 2, 5]);
  assertThrows(() => x.permute([0, 0, 1]), ShapeError, "a permutation of 3 axes");
  assertThrows(() => x.transpose(0, 3), ShapeError, "an axis from -3 to 2");
});

test("expand repeats without copying", () => {
  using _ = scope();
  const x = tensor([[1], [2]]);
  const wide = x.expand([2, 2, 3]);
  assertEquals(values(wide), [1, 1, 1, 2, 2, 2, 1, 1, 1, 2, 2, 2]);
  assertStrictEquals(sharesMemory(wide, x), true);
  assertEquals(x.expand([-1, 3]).shape, [2, 3]);
  assertThrows(() => x.expand([3, 3]), ShapeError, "broadcasts to");
  assertThrows(() => x.expand([2]), ShapeError);
});

test("slice follows Python for negative positions, steps and bounds", () => {
  using _ = scope();
  const x = arange(6);
  const cases: [number, number | undefined, number, number[]][] = [
    [1, 4, 1, [1, 2, 3]],
    [-2, undefined, 1, [4, 5]],
    [0, -4, 1, [0, 1]],
    [0, 100, 2, [0, 2, 4]],
    [-1, undefined, -2, [5, 3, 1]],
    [4, 1, -1, [4, 3, 2]],
    [100, -100, -3, [5, 2]],
    [3, 3, 1, []],
    [4, 2, 1, []],
    [6, undefined, 1, []],
  ];
  for (const [start, end, step, expected] of cases) assertEquals(values(x.slice(0, start, end, step)), expected);
  assertThrows(() => x.slice(0, 0, 1, 0), ArgumentError, "a step other than 0");
  assertThrows(() => x.slice(1, 0), ShapeError);
});

test("select, squeeze and unsqueeze drop and add axes", () => {
  using _ = scope();
  const x = arange(6).reshape([2, 1, 3]);
  assertEquals([x.select(0, -1).shape, values(x.select(0, -1))], [[1, 3], [3, 4, 5]]);
  assertEquals([x.squeeze().shape, x.squeeze(1).shape], [[2, 3], [2, 3]]);
  assertEquals([x.unsqueeze(0).shape, x.unsqueeze(-1).shape], [[1, 2, 1, 3], [2, 1, 3, 1]]);
  assertThrows(() => x.select(0, 2), ArgumentError, "an index from -2 to 1");
  assertThrows(() => x.squeeze(0), ShapeError, "size 1 along axis 0");
});

test("flip reverses axes, also empty ones", () => {
  using _ = scope();
  const x = arange(6).reshape([2, 3]);
  assertEquals(values(x.flip(1)), [2, 1, 0, 5, 4, 3]);
  assertEquals(values(x.flip([0, 1])), [5, 4, 3, 2, 1, 0]);
  assertEquals(values(zeros([0, 2]).flip(0)), []);
});

test("clone copies, contiguous copies only where it must", () => {
  using _ = scope();
  const x = arange(6).reshape([2, 3]);
  assertNotStrictEquals(x.clone().buffer, x.buffer);
  assertStrictEquals(sharesMemory(x.contiguous(), x), true);
  const turned = x.transpose(0, 1).contiguous();
  assertStrictEquals(sharesMemory(turned, x), false);
  assertEquals([turned.strides, values(turned)], [[2, 1], [0, 3, 1, 4, 2, 5]]);
});

test("operations read views with any strides", () => {
  using _ = scope();
  const x = arange(12).reshape([3, 4]);
  const view = x.flip(0).transpose(0, 1).slice(0, 1, 4, 2);
  assertEquals(values(view), [9, 5, 1, 11, 7, 3]);
  assertEquals(values(view.add(view)), [18, 10, 2, 22, 14, 6]);
  assertEquals(values(view.sum(0)), [20, 12, 4]);
});
