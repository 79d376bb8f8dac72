// covers: backends/cpu/gather.ts

import { assertEquals } from "@std/assert";
import { createGather, createScatterAdd } from "../../../backends/cpu/gather.ts";
import type { View } from "../../../src/tensor/backend.ts";
import { test } from "../../support/test.ts";
import { Device } from "./device.ts";

const device = new Device();
const gather = createGather(device.context);
const scatterAdd = createScatterAdd(device.context);

const count = (length: number): number[] => Array.from({ length }, (_, i) => i);

test("gather takes whole rows where the index is the same along them, of every type", () => {
  for (const dtype of ["float32", "float64", "int32", "bool"] as const) {
    const table = device.tensor(dtype, [4, 7], count(28).map((i) => dtype === "bool" ? (i % 3 === 0 ? 1 : 0) : i));
    const rows = [3, 0, 3, 1, 2];
    const indices: View = { ...device.tensor("int32", [5], rows), shape: [5, 7], strides: [1, 0] };
    const output = device.empty(dtype, [5, 7]);
    gather({ input: table, indices, axis: 0, output });
    const data = device.read(table);
    assertEquals(device.read(output), rows.flatMap((row) => data.slice(7 * row, 7 * row + 7)));
  }
});

test("gather takes an index for each element, along any axis of strided views", () => {
  const table: View = { ...device.tensor("float32", [24], count(24)), shape: [2, 3, 4], strides: [1, 8, 2] };
  const choice = count(2 * 5 * 4).map((i) => (i * 7) % 3);
  const indices = device.tensor("int32", [2, 5, 4], choice);
  const output: View = { ...device.empty("float32", [40]), shape: [2, 5, 4], strides: [1, 2, 10] };
  gather({ input: table, indices, axis: 1, output });
  const expected = choice.map((j, k) => Math.floor(k / 20) + 8 * j + 2 * (k % 4));
  assertEquals(device.read(output), expected);
});

test("scatterAdd adds to what is there, repeated indices in the order of the axis", () => {
  const output = device.tensor("float32", [3], [0.5, 10, 0]);
  const source = device.tensor("float32", [6], [1, 2 ** 24, 1, 1, 3, -(2 ** 24)]);
  const indices = device.tensor("int32", [6], [2, 2, 2, 2, 1, 2]);
  scatterAdd({ source, indices, axis: 0, output });
  // 1 + 2^24 rounds to 2^24, and so on: another order would give another sum.
  assertEquals(device.read(output), [0.5, 13, 0]);
});

test("scatterAdd adds whole rows and single elements, of float32, float64 and int32", () => {
  for (const dtype of ["float32", "float64", "int32"] as const) {
    for (const width of [1, 3, 19]) {
      const rows = [2, 0, 2, 2, 1];
      const source = device.tensor(dtype, [5, width], count(5 * width));
      const indices: View = { ...device.tensor("int32", [5], rows), shape: [5, width], strides: [1, 0] };
      const output = device.tensor(dtype, [3, width], new Float64Array(3 * width).fill(100));
      scatterAdd({ source, indices, axis: 0, output });
      const expected = new Array<number>(3 * width).fill(100);
      rows.forEach((row, i) => count(width).forEach((j) => expected[row * width + j] += i * width + j));
      assertEquals(device.read(output), expected);
    }
  }
});

test("gather and scatterAdd give the same bits on one thread and on two", () => {
  using two = new Device({ threads: 2, grainScale: 1e-4 });
  const results = [device, two].map((on) => {
    const table = on.tensor("float32", [50, 33], count(1650).map(Math.sin));
    const picks = count(400).map((i) => (i * 31) % 50);
    const indices: View = { ...on.tensor("int32", [400], picks), shape: [400, 33], strides: [1, 0] };
    const rows = on.empty("float32", [400, 33]);
    createGather(on.context)({ input: table, indices, axis: 0, output: rows });
    createScatterAdd(on.context)({ source: rows, indices, axis: 0, output: table });
    return [...on.read(rows), ...on.read(table)];
  });
  assertEquals(results[1], results[0]);
});

test("gather and scatterAdd do nothing for empty shapes", () => {
  const output = device.tensor("float32", [2], [1, 2]);
  const nothing: View = { ...output, shape: [0], strides: [1] };
  const indices: View = { ...device.tensor("int32", [1], [0]), shape: [0], strides: [1] };
  scatterAdd({ source: nothing, indices, axis: 0, output });
  gather({ input: output, indices, axis: 0, output: nothing });
  assertEquals(device.read(output), [1, 2]);
});
