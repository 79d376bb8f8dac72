// What backends that generate kernels share: leaves, strides of positions, keys and caches, and the bounds of views.

import { assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import type { View } from "../../src/tensor/backend.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { callKey, indexStrides, leavesOf, PlanCache, requireViewWithin } from "../../src/tensor/kernel_calls.ts";
import { test } from "../support/test.ts";

const view: View = { buffer: { bytes: 24 }, dtype: "float32", shape: [2, 3], strides: [3, 1], offset: 0 };

test("leavesOf lists each leaf once", () => {
  const x = E.input(3, "float32");
  const { inputs, indices, scalars } = leavesOf([
    E.add(E.mul(x, E.scalar(1, "float32")), x),
    E.add(E.index(0), E.index("linear")),
  ]);
  assertEquals<readonly E.Expr[]>(inputs, [x]);
  assertEquals<readonly E.Expr[]>(indices, [E.index(0), E.index("linear")]);
  assertEquals<readonly E.Expr[]>(scalars, [E.scalar(1, "float32")]);
});

test("PlanCache makes a plan once and forgets all beyond its limit", () => {
  const cache = new PlanCache<number>(2);
  let made = 0;
  const get = (key: string) => cache.get(key, () => ++made);
  assertEquals([get("a"), get("a"), get("b"), get("c"), get("a")], [1, 1, 2, 3, 4]);
});

test("indexStrides counts along an axis, or all elements in row-major order", () => {
  assertEquals(indexStrides("linear", [2, 3, 4]), [12, 4, 1]);
  assertEquals(indexStrides(1, [2, 3, 4]), [0, 1, 0]);
});

test("callKey tells expressions, shapes and strides apart, and not offsets", () => {
  const x = E.input(0, "float32");
  const key = (expression: E.Expr, input: View) => callKey("map", [expression], input.shape, [input], [view]);
  assertEquals(key(E.neg(x), { ...view, offset: 3 }), key(E.neg(x), view));
  assertNotEquals(key(E.exp(x), view), key(E.neg(x), view));
  assertNotEquals(key(E.neg(x), { ...view, strides: [0, 1] }), key(E.neg(x), view));
  assertNotEquals(key(E.neg(x), { ...view, shape: [3, 2] }), key(E.neg(x), view));
});

test("requireViewWithin takes views inside their buffer only, and names the elements outside", () => {
  requireViewWithin(view, 24, "test");
  requireViewWithin({ ...view, shape: [2, 0], offset: 99 }, 24, "test");
  requireViewWithin({ ...view, strides: [-3, 1], offset: 3 }, 24, "test");
  const error = assertThrows(() => requireViewWithin({ ...view, offset: 1 }, 24, "test"), ShapeError);
  assertEquals(error.message.includes("a view within its buffer of 24 bytes"), true, error.message);
  assertEquals(error.message.includes("float32 elements 1 to 6"), true, error.message);
  assertThrows(() => requireViewWithin({ ...view, strides: [-3, 1] }, 24, "test"), ShapeError);
});
