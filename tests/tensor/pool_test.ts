// Pooling: values, where gradients go, adaptive windows, and what is refused.

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { float64, int32, values } from "./support.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { adaptiveAveragePool, adaptiveMaxPool, averagePool, maxPool } from "../../src/tensor/pool.ts";
import { scope } from "../../src/tensor/scope.ts";

test("maxPool takes maxima, and the gradient goes to the first one", () => {
  using _ = scope();
  const x = tensor([[[3, 3, 1, -2, -1]]]).requireGrad();
  const y = maxPool(x, 2);
  assertEquals(values(y), [3, 1]);
  y.sum().backward();
  assertEquals(values(x.grad!), [1, 0, 1, 0, 0]);
  assertEquals(values(maxPool(tensor([[[-1, -2, -3]]]), 2, { padding: 1 })), [-1, -2]);
  assertEquals(values(maxPool(x, 2, { ceilMode: true })), [3, 1, -1]);
});

test("averagePool counts zeros of the padding, but not what ceilMode adds", () => {
  using _ = scope();
  const x = tensor([[[2, 4, 6]]]).requireGrad();
  assertEquals(values(averagePool(x, 2, { padding: 1 })), [1, 5]);
  assertEquals(values(averagePool(x, 2, { ceilMode: true })), [3, 6]);
  averagePool(x, 2, { stride: 1 }).sum().backward();
  assertEquals(values(x.grad!), [0.5, 1, 0.5]);
});

test("adaptive pools cover the input with the output's number of windows", () => {
  using _ = scope();
  const x = arange(5, { dtype: "float64" }).reshape([1, 1, 5]);
  // Windows 0-1, 1-3, 3-4.
  assertEquals(values(adaptiveMaxPool(x, 3)), [1, 3, 4]);
  assertEquals(values(adaptiveAveragePool(x, 3)), [0.5, 2, 3.5]);
  assertEquals(values(adaptiveAveragePool(x, 1)), [2]);
  const plane = float64([2, 3, 4, 6]);
  assertEquals(values(adaptiveMaxPool(plane, [2, 3])), values(maxPool(plane, 2)));
  assertEquals(adaptiveAveragePool(plane, [3, 4]).shape, [2, 3, 3, 4]);
  assertEquals(adaptiveAveragePool(ones([1, 1, 2, 2]), 5).sum().itemSync(), 25);
});

test("pools of an empty batch are empty, with gradients", () => {
  using _ = scope();
  const x = zeros([0, 1, 4]).requireGrad();
  maxPool(x, 2).sum().add(averagePool(x, 2).sum()).backward();
  assertEquals(x.grad!.shape, [0, 1, 4]);
});

test("pools refuse windows and inputs that do not fit", () => {
  using _ = scope();
  const x = ones([1, 1, 4, 4]);
  assertThrows(() => maxPool(x, 5), ShapeError, "a window [5, 5]");
  assertThrows(() => maxPool(x, 2, { padding: 2 }), ArgumentError, "half the window");
  assertThrows(() => averagePool(x, [2]), ArgumentError, "kernelSize");
  assertThrows(() => averagePool(ones([4, 4]), 2), ShapeError, "1 to 3 spatial axes");
  assertThrows(() => adaptiveMaxPool(x, 0), ArgumentError, "outputSize");
  assertThrows(() => adaptiveAveragePool(ones([1, 4]), 1), ShapeError);
  assertThrows(() => adaptiveAveragePool(zeros([1, 1, 0]), 1), ShapeError, "at least one element");
  assertThrows(() => maxPool(int32([1], [1, 1, 1]), 1), DTypeError, "a float tensor");
});
