// covers: backends/cpu/copy.ts

import { assertEquals } from "@std/assert";
import { createCopy, createTransfers } from "../../../backends/cpu/copy.ts";
import type { View } from "../../../src/tensor/backend.ts";
import { createTypedArray, type DType } from "../../../src/tensor/dtype.ts";
import { test } from "../../support/test.ts";
import { Device } from "./device.ts";

const device = new Device();
const copy = createCopy(device.context);
const { read, write } = createTransfers(device.context, copy);
const TYPES: readonly DType[] = ["float32", "float64", "int32", "bool"];

const count = (length: number): number[] => Array.from({ length }, (_, i) => i);
const valuesOf = (dtype: DType, length: number): number[] =>
  count(length).map((i) => dtype === "bool" ? (i * 7 >> 1) & 1 : i);

test("copy transposes matrices of every size around its blocks, of every type", () => {
  for (const dtype of TYPES) {
    for (
      const [rows, columns] of [[1, 5], [3, 4], [4, 64], [64, 64], [65, 67], [130, 33], [7, 300], [300, 7], [128, 2]]
    ) {
      const source = device.tensor(dtype, [rows, columns], valuesOf(dtype, rows * columns));
      const target = device.empty(dtype, [columns, rows]);
      const transposed: View = { ...source, shape: [columns, rows], strides: [1, columns] };
      copy(transposed, target);
      assertEquals(device.read(target), device.read(transposed), `${dtype} ${rows} by ${columns}`);
    }
  }
});

test("copy exchanges axes of a batch: [6, 20, 101] to [6, 101, 20] and to [101, 6, 20]", () => {
  const source = device.tensor("float32", [6, 20, 101], count(6 * 20 * 101));
  for (const [shape, strides] of [[[6, 101, 20], [2020, 1, 101]], [[101, 6, 20], [1, 2020, 101]]]) {
    const view: View = { ...source, shape, strides };
    const target = device.empty("float32", shape);
    copy(view, target);
    assertEquals(device.read(target), device.read(view));
  }
});

test("copy transposes views whose members are accessors, as tensors' are", () => {
  const source = device.tensor("float32", [130, 33], count(130 * 33)), target = device.empty("float32", [33, 130]);
  const accessors = (view: View): View =>
    Object.create(
      {},
      Object.fromEntries(Object.entries(view).map(([name, value]) => [name, { get: () => value, enumerable: false }])),
    );
  copy(accessors({ ...source, shape: [33, 130], strides: [1, 33] }), accessors(target));
  assertEquals(device.read(target), device.read({ ...source, shape: [33, 130], strides: [1, 33] }));
});

test("copy moves contiguous memory, also in the middle of buffers, and no byte more", () => {
  for (const length of [1, 15, 64, 1000]) {
    const source: View = { ...device.tensor("int32", [length + 3], count(length + 3)), shape: [length], offset: 3 };
    const target: View = {
      ...device.tensor("int32", [length + 4], new Array(length + 4).fill(-1)),
      shape: [length],
      offset: 2,
    };
    copy(source, target);
    assertEquals([...device.all(target, length + 4)], [-1, -1, ...count(length).map((i) => i + 3), -1, -1]);
  }
});

test("copy splits large copies and transpositions over threads", () => {
  using two = new Device({ threads: 2, grainScale: 1e-3 });
  const copyTwo = createCopy(two.context);
  const source = two.tensor("float32", [257, 301], count(257 * 301));
  const target = two.empty("float32", [257, 301]);
  const transposed = two.empty("float32", [301, 257]);
  for (let round = 0; round < 20; round++) {
    copyTwo(source, target);
    copyTwo({ ...source, shape: [301, 257], strides: [1, 301] }, transposed);
  }
  assertEquals(two.read(target), count(257 * 301));
  assertEquals(two.read(transposed), count(257 * 301).map((k) => (k % 257) * 301 + Math.floor(k / 257)));
});

test("copy broadcasts and reverses", () => {
  const row = device.tensor("float32", [3], [1, 2, 3]);
  const target = device.empty("float32", [2, 3]);
  copy({ ...row, shape: [2, 3], strides: [0, -1], offset: 2 }, target);
  assertEquals(device.read(target), [3, 2, 1, 3, 2, 1]);
});

test("read and write go through any strides and give copies", () => {
  for (const dtype of TYPES) {
    const view: View = { ...device.empty(dtype, [24]), shape: [2, 3], strides: [1, -4], offset: 9 };
    const data = createTypedArray(dtype, 6);
    data.set(valuesOf(dtype, 6));
    write(view, data);
    const result = read(view);
    assertEquals(result.constructor, data.constructor);
    assertEquals([...result], [...data]);
    result[0] = 1 - result[0];
    assertEquals([...read(view)], [...data]);
    const contiguous = device.empty(dtype, [6]);
    write(contiguous, data);
    assertEquals([...read(contiguous)], [...data]);
  }
});

test("read and write of empty views do nothing", () => {
  const view: View = { ...device.empty("float32", [1]), shape: [0, 4], strides: [4, 1] };
  write(view, new Float32Array(0));
  assertEquals(read(view).length, 0);
});
