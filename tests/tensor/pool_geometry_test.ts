// The geometry of pooling windows: rounding up, padding, and windows that do not fit.

import { assertEquals, assertThrows } from "@std/assert";
import { ArgumentError, ShapeError } from "../../src/tensor/errors.ts";
import { poolGeometry } from "../../src/tensor/pool_geometry.ts";
import { test } from "../support/test.ts";

test("poolGeometry steps by the window unless told otherwise", () => {
  const geometry = poolGeometry([2, 3, 7, 8], 2);
  assertEquals(geometry.outputSize, [3, 4]);
  assertEquals(geometry.stride, [2, 2]);
  assertEquals([geometry.batch, geometry.channels], [2, 3]);
  assertEquals(poolGeometry([1, 1, 7], 3, { stride: 2, padding: 1 }).outputSize, [4]);
  assertEquals(poolGeometry([1, 1, 9], 3, { dilation: 2, stride: 1 }).outputSize, [5]);
});

test("poolGeometry in ceilMode keeps a last window that starts in the input, drops one that starts in the padding after", () => {
  assertEquals(poolGeometry([1, 1, 7], 2, { ceilMode: true }).outputSize, [4]);
  assertEquals(poolGeometry([1, 1, 8], 2, { ceilMode: true }).outputSize, [4]);
  // Windows of 2 by steps of 2 over 1 + 3 + 1 elements start at 0, 2 and 4; the one at 4 is all padding.
  assertEquals(poolGeometry([1, 1, 3], 2, { padding: 1, ceilMode: true }).outputSize, [2]);
  assertEquals(poolGeometry([1, 1, 4], 3, { stride: 3, padding: 1, ceilMode: true }).outputSize, [2]);
  assertEquals(poolGeometry([1, 1, 2], 1, { stride: 5, ceilMode: true }).outputSize, [1]);
});

test("poolGeometry takes a window for each axis", () => {
  assertEquals(poolGeometry([1, 1, 4, 6, 8], [1, 2, 4]).outputSize, [4, 3, 2]);
});

test("poolGeometry refuses inputs and windows that do not fit with ShapeError", () => {
  assertThrows(() => poolGeometry([1, 1], 2), ShapeError, "with 1 to 3 spatial axes, got [1, 1]");
  assertThrows(
    () => poolGeometry([1, 1, 2], 3, {}, "maxPool"),
    ShapeError,
    "maxPool: expected spatial sizes that hold a window [3], got [2]",
  );
});

test("poolGeometry refuses options out of range with ArgumentError", () => {
  assertThrows(() => poolGeometry([1, 1, 5], 0), ArgumentError, "kernelSize as an integer of at least 1");
  assertThrows(() => poolGeometry([1, 1, 5], 2, { padding: 2 }), ArgumentError, "at most half the window [2], got [2]");
  assertThrows(() => poolGeometry([1, 1, 5], 2, { stride: 0 }), ArgumentError, "stride");
});
