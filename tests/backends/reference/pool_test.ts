// Pooling on the reference backend: ties, padding, dilation and windows that hang over, worked out by hand.

import { assertEquals } from "@std/assert";
import { createBackend } from "../../../backends/reference/mod.ts";
import type { Shape } from "../../../src/tensor/layout.ts";
import { poolGeometry, type PoolOptions } from "../../../src/tensor/pool_geometry.ts";
import { test } from "../../support/test.ts";
import { numbersOf, viewOf } from "./views.ts";

async function max(shape: Shape, data: number[], window: number, options?: PoolOptions): Promise<[number[], number[]]> {
  const backend = await createBackend({});
  const geometry = poolGeometry(shape, window, options);
  const size = [geometry.batch, geometry.channels, ...geometry.outputSize];
  const input = viewOf(backend, "float32", shape, data);
  const output = viewOf(backend, "float32", size);
  const indices = viewOf(backend, "int32", size);
  backend.maxPool({ geometry, input, output, indices });
  return [numbersOf(backend, output), numbersOf(backend, indices)];
}

test("maxPool gives the greatest element and its position in the channel", async () => {
  const data = [1, 5, 2, 6, 3, 4, 9, 7, -1, -2, -3, -4, -5, -6, -7, -8];
  assertEquals(await max([1, 2, 2, 4], data, 2), [[5, 9, -1, -3], [1, 6, 0, 2]]);
});

test("maxPool takes the first of equal elements and the first NaN", async () => {
  assertEquals(await max([1, 1, 4], [2, 2, 7, 7], 4), [[7], [2]]);
  assertEquals(await max([1, 1, 4], [2, NaN, 7, NaN], 4), [[NaN], [1]]);
  assertEquals(await max([1, 1, 2], [-Infinity, -Infinity], 2), [[-Infinity], [0]]);
});

test("maxPool never takes the padding, and steps by stride and dilation", async () => {
  assertEquals(await max([1, 1, 3], [-5, -6, -7], 2, { padding: 1, stride: 2 }), [[-5, -6], [0, 1]]);
  assertEquals(await max([1, 1, 5], [1, 9, 2, 8, 3], 3, { dilation: 2, stride: 1 }), [[3], [4]]);
});

test("maxPool in ceilMode has a last window that hangs over", async () => {
  assertEquals(await max([1, 1, 5], [1, 2, 3, 4, 5], 2, { ceilMode: true }), [[2, 4, 5], [1, 3, 4]]);
  assertEquals(await max([1, 1, 5], [1, 2, 3, 4, 5], 2), [[2, 4], [1, 3]]);
});

async function average(shape: Shape, data: number[], window: number, options?: PoolOptions): Promise<number[]> {
  const backend = await createBackend({});
  const geometry = poolGeometry(shape, window, options);
  const input = viewOf(backend, "float32", shape, data);
  const output = viewOf(backend, "float32", [geometry.batch, geometry.channels, ...geometry.outputSize]);
  backend.averagePool({ geometry, input, output });
  return numbersOf(backend, output);
}

test("averagePool divides by the whole window, padding included", async () => {
  assertEquals(await average([1, 1, 2, 2], [1, 2, 3, 4], 2), [2.5]);
  assertEquals(await average([1, 1, 4], [2, 4, 6, 8], 2, { padding: 1, stride: 2 }), [1, 5, 4]);
});

test("averagePool in ceilMode divides by the part of the window in the padded input", async () => {
  assertEquals(await average([1, 1, 5], [2, 4, 6, 8, 10], 2, { ceilMode: true }), [3, 7, 10]);
  // Padded input 0 2 4 6 8 0 in windows of 3 by steps of 2: the third has one element and one padding zero in it.
  assertEquals(
    await average([1, 1, 4], [2, 4, 6, 8], 3, { padding: 1, stride: 2, ceilMode: true }),
    [2, 6, 4],
  );
});

test("averagePoolGradient gives each element its share of the windows that hold it", async () => {
  const backend = await createBackend({});
  const geometry = poolGeometry([1, 1, 4], 2, { stride: 1 });
  const input = viewOf(backend, "float32", [1, 1, 4]);
  const output = viewOf(backend, "float32", [1, 1, 3], [2, 4, 8]);
  backend.averagePoolGradient({ geometry, input, output });
  assertEquals(numbersOf(backend, input), [1, 3, 6, 4]);
});
