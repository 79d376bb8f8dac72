// Elementwise computations and reductions on the reference backend against numbers worked out by hand.

import { assertEquals } from "@std/assert";
import { createBackend } from "../../../backends/reference/mod.ts";
import { add, binary, cast, exp, gt, index, input, mul, scalar, select } from "../../../src/tensor/expr.ts";
import { test } from "../../support/test.ts";
import { numbersOf, viewOf } from "./views.ts";

const x = input(0, "float32");
const y = input(1, "float32");

test("map adds a broadcast row to a matrix", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [2, 3], [1, 2, 3, 4, 5, 6]);
  const b = { ...viewOf(backend, "float32", [3], [10, 20, 30]), shape: [2, 3], strides: [0, 1] };
  const output = viewOf(backend, "float32", [2, 3]);
  backend.map({ expressions: [add(x, y)], shape: [2, 3], inputs: [a, b], scalars: [], outputs: [output] });
  assertEquals(numbersOf(backend, output), [11, 22, 33, 14, 25, 36]);
});

test("map reads permuted and reversed inputs and writes a strided output", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [2, 3], [1, 2, 3, 4, 5, 6]);
  const transposed = { ...a, shape: [3, 2], strides: [-1, 3], offset: 2 };
  const whole = viewOf(backend, "float32", [12], new Array(12).fill(0));
  const output = { ...whole, shape: [3, 2], strides: [4, 2], offset: 1 };
  backend.map({ expressions: [x], shape: [3, 2], inputs: [transposed], scalars: [], outputs: [output] });
  assertEquals(numbersOf(backend, whole), [0, 3, 0, 6, 0, 2, 0, 5, 0, 1, 0, 4]);
});

test("map computes several outputs at once, in place and with scalars", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [3], [1, 2, 3]);
  const b = viewOf(backend, "float32", [3], [5, 6, 7]);
  // The parameter and its momentum are updated together, both in place.
  backend.map({
    expressions: [add(x, mul(scalar(0, "float32"), y)), mul(y, 2)],
    shape: [3],
    inputs: [a, b],
    scalars: [0.5],
    outputs: [a, b],
  });
  assertEquals(numbersOf(backend, a), [3.5, 5, 6.5]);
  assertEquals(numbersOf(backend, b), [10, 12, 14]);
});

test("map knows positions along axes and in row-major order", async () => {
  const backend = await createBackend({});
  const output = viewOf(backend, "int32", [2, 3]);
  const expression = add(add(mul(index(0), 100), mul(index(1), 10)), index("linear"));
  backend.map({ expressions: [expression], shape: [2, 3], inputs: [], scalars: [], outputs: [output] });
  assertEquals(numbersOf(backend, output), [0, 11, 22, 103, 114, 125]);
});

test("map of float32 rounds once: (2^24 + 1) − 2^24 is 1", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [], [2 ** 24]);
  const output = viewOf(backend, "float32", []);
  const expression = binary("sub", add(x, 1), x);
  backend.map({ expressions: [expression], shape: [], inputs: [a], scalars: [], outputs: [output] });
  assertEquals(numbersOf(backend, output), [1]);
});

test("map converts, compares and selects", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [4], [-1.5, 2.5, NaN, 3e9]);
  const mask = viewOf(backend, "bool", [4]);
  const whole = viewOf(backend, "int32", [4]);
  const relu = viewOf(backend, "float32", [4]);
  backend.map({
    expressions: [gt(x, 0), cast(x, "int32"), select(gt(x, 0), x, 0)],
    shape: [4],
    inputs: [a],
    scalars: [],
    outputs: [mask, whole, relu],
  });
  assertEquals(numbersOf(backend, mask), [0, 1, 0, 1]);
  assertEquals(numbersOf(backend, whole), [-1, 2, 0, 2147483647]);
  assertEquals(numbersOf(backend, relu), [0, 2.5, 0, 3e9]);
});

test("map over an empty shape writes nothing", async () => {
  const backend = await createBackend({});
  const empty = viewOf(backend, "float32", [0, 3]);
  backend.map({ expressions: [exp(x)], shape: [0, 3], inputs: [empty], scalars: [], outputs: [empty] });
  assertEquals(numbersOf(backend, empty), []);
});

test("mapReduce sums, multiplies and finds extrema over chosen axes", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [2, 3], [1, -2, 3, 4, 5, -6]);
  const reduce = (op: "sum" | "prod" | "max" | "min", axes: number[]): number[] => {
    const shape = [2, 3].map((size, axis) => axes.includes(axis) ? 1 : size);
    const output = viewOf(backend, "float32", shape);
    backend.mapReduce({
      expressions: [x],
      reductions: [op],
      shape: [2, 3],
      axes,
      inputs: [a],
      scalars: [],
      outputs: [output],
    });
    return numbersOf(backend, output);
  };
  assertEquals(reduce("sum", [0]), [5, 3, -3]);
  assertEquals(reduce("sum", [1]), [2, 3]);
  assertEquals(reduce("sum", [0, 1]), [5]);
  assertEquals(reduce("prod", [1]), [-6, -120]);
  assertEquals(reduce("max", [0]), [4, 5, 3]);
  assertEquals(reduce("min", [1]), [-2, -6]);
  assertEquals(reduce("sum", []), [1, -2, 3, 4, 5, -6]);
});

test("mapReduce of nothing gives the identity of the reduction", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [2, 0]);
  const i = viewOf(backend, "int32", [2, 0]);
  const floats = ["sum", "prod", "max", "min"].map(() => viewOf(backend, "float32", [2, 1]));
  const integers = ["max", "min"].map(() => viewOf(backend, "int32", [2, 1]));
  const z = input(1, "int32");
  backend.mapReduce({
    expressions: [x, x, x, x, z, z],
    reductions: ["sum", "prod", "max", "min", "max", "min"],
    shape: [2, 0],
    axes: [1],
    inputs: [a, i],
    scalars: [],
    outputs: [...floats, ...integers],
  });
  assertEquals(floats.map((view) => numbersOf(backend, view)), [[0, 0], [1, 1], [-Infinity, -Infinity], [
    Infinity,
    Infinity,
  ]]);
  assertEquals(integers.map((view) => numbersOf(backend, view)[0]), [-0x80000000, 0x7fffffff]);
});

test("mapReduce of int32 wraps exactly, and of bool means or and and", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "int32", [3], [0x7fffffff, 0x7fffffff, 3]);
  const b = viewOf(backend, "bool", [3], [0, 1, 0]);
  const sum = viewOf(backend, "int32", [1]);
  const product = viewOf(backend, "int32", [1]);
  const any = viewOf(backend, "bool", [1]);
  const all = viewOf(backend, "bool", [1]);
  const i = input(0, "int32");
  const p = input(1, "bool");
  backend.mapReduce({
    expressions: [i, i, p, p],
    reductions: ["sum", "prod", "sum", "prod"],
    shape: [3],
    axes: [0],
    inputs: [a, b],
    scalars: [],
    outputs: [sum, product, any, all],
  });
  // 2·(2³¹ − 1) + 3 = 2³² + 1, and (2³¹ − 1)²·3 = 3·2⁶² − 3·2³² + 3.
  assertEquals([sum, product, any, all].map((view) => numbersOf(backend, view)[0]), [1, 3, 1, 0]);
});

test("mapReduce carries NaN through max and min", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [3], [1, NaN, 2]);
  const outputs = [viewOf(backend, "float32", [1]), viewOf(backend, "float32", [1])];
  backend.mapReduce({
    expressions: [x, x],
    reductions: ["max", "min"],
    shape: [3],
    axes: [0],
    inputs: [a],
    scalars: [],
    outputs,
  });
  assertEquals(outputs.map((view) => numbersOf(backend, view)[0]), [NaN, NaN]);
});
