// Padding modes: values, and amounts that a mode cannot give.

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { int32, values } from "./support.ts";
import { arange, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import { pad, type PaddingMode } from "../../src/tensor/pad.ts";
import { scope } from "../../src/tensor/scope.ts";

test("pad fills with zeros, constants and the tensor's own elements", () => {
  using _ = scope();
  const x = tensor([1, 2, 3]);
  assertEquals(values(pad(x, [[1, 2]])), [0, 1, 2, 3, 0, 0]);
  assertEquals(values(pad(x, [[1, 0]], { mode: "constant", value: 7 })), [7, 1, 2, 3]);
  assertEquals(values(pad(x, [[2, 2]], { mode: "reflect" })), [3, 2, 1, 2, 3, 2, 1]);
  assertEquals(values(pad(x, [[2, 1]], { mode: "replicate" })), [1, 1, 1, 2, 3, 3]);
  assertEquals(values(pad(x, [[3, 2]], { mode: "circular" })), [1, 2, 3, 1, 2, 3, 1, 2]);
  assertEquals(values(pad(int32([5]), [[1, 1]])), [0, 5, 0]);
});

test("pad applies its pairs to the last axes", () => {
  using _ = scope();
  const x = arange(4).reshape([1, 2, 2]);
  const y = pad(x, [[1, 0], [0, 1]]);
  assertEquals([y.shape, values(y)], [[1, 3, 3], [0, 0, 0, 0, 1, 0, 2, 3, 0]]);
  const z = pad(x, [[1, 0], [0, 1]], { mode: "circular" });
  assertEquals(values(z), [2, 3, 2, 0, 1, 0, 2, 3, 2]);
  assertEquals(pad(zeros([0, 2]), [[1, 1]], { mode: "reflect" }).shape, [0, 4]);
});

test("pad refuses negative amounts, too many pairs, and more than a mode can give", () => {
  using _ = scope();
  const x = tensor([1, 2, 3]);
  assertThrows(() => pad(x, [[-1, 0]]), ArgumentError, "non-negative integers");
  assertThrows(() => pad(x, [[0, 0], [1, 1]]), ArgumentError, "at most 1 pairs");
  assertThrows(() => pad(x, [[3, 0]], { mode: "reflect" }), ArgumentError, "at most 2 elements of mode reflect");
  assertThrows(() => pad(x, [[4, 0]], { mode: "circular" }), ArgumentError, "at most 3 elements");
  assertThrows(() => pad(zeros([0]), [[1, 0]], { mode: "replicate" }), ArgumentError, "at most 0");
  assertThrows(() => pad(x, [[1, 0]], { mode: "mirror" as PaddingMode }), ArgumentError, "got mirror");
});
