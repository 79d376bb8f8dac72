// covers: backends/cpu/map.ts, backends/cpu/kernel_frame.ts, backends/cpu/emit_expr.ts, backends/cpu/emit_loops.ts,
// backends/cpu/emit_random.ts

import { assertEquals } from "@std/assert";
import { createMap } from "../../../backends/cpu/map.ts";
import type { View } from "../../../src/tensor/backend.ts";
import {
  add,
  cast,
  constant,
  type Expr,
  gt,
  index,
  input,
  mul,
  random,
  scalar,
  select,
  square,
  sub,
  unary,
} from "../../../src/tensor/expr.ts";
import { evaluateExpression } from "../../../src/tensor/expr_evaluate.ts";
import { test } from "../../support/test.ts";
import { Device } from "./device.ts";

const device = new Device();
const map = createMap(device.context);
const x = input(0, "float32");
const y = input(1, "float32");

/** 0, 1, 2, … */
const count = (length: number): number[] => Array.from({ length }, (_, i) => i);

test("map computes every length from 1 to 40, and touches nothing behind the end", () => {
  for (let length = 1; length <= 40; length++) {
    const a = device.tensor("float32", [length], count(length));
    const output = device.tensor("float32", [length], new Float32Array(length + 8).fill(9));
    map({ expressions: [add(mul(x, 3), 1)], shape: [length], inputs: [a], scalars: [], outputs: [output] });
    assertEquals(device.read(output), count(length).map((i) => 3 * i + 1));
    assertEquals([...device.all(output, length + 8)].slice(length), new Array(8).fill(9));
  }
});

test("map reads broadcast, transposed, reversed and stepped operands", () => {
  const matrix = device.tensor("float32", [3, 5], count(15));
  const shape = [5, 3];
  const transposed: View = { ...matrix, shape, strides: [1, 5] };
  const row: View = { ...device.tensor("float32", [3], [100, 200, 300]), shape, strides: [0, 1] };
  const reversed: View = { ...device.tensor("float32", [30], count(30)), shape, strides: [-6, 2], offset: 25 };
  const output = device.empty("float32", shape);
  const z = input(2, "float32");
  map({
    expressions: [add(add(x, y), mul(z, 1000))],
    shape,
    inputs: [transposed, row, reversed],
    scalars: [],
    outputs: [output],
  });
  const expected = count(15).map((k) => {
    const [i, j] = [Math.floor(k / 3), k % 3];
    return (j * 5 + i) + 100 * (j + 1) + 1000 * (25 - 6 * i + 2 * j);
  });
  assertEquals(device.read(output), expected);
});

test("map writes into a strided output and leaves the gaps alone", () => {
  const a = device.tensor("float32", [7], count(7));
  const output: View = { ...device.tensor("float32", [21], new Float32Array(21).fill(-1)), shape: [7], strides: [3] };
  map({ expressions: [add(x, 10)], shape: [7], inputs: [a], scalars: [], outputs: [output] });
  assertEquals([...device.all(output, 21)], count(21).map((k) => k % 3 === 0 ? k / 3 + 10 : -1));
});

test("map works in place, with several outputs that see the old values", () => {
  const length = 23;
  const parameter = device.tensor("float32", [length], count(length));
  const momentum = device.tensor("float32", [length], new Float32Array(length).fill(2));
  const next = add(mul(y, 0.5), x);
  map({
    expressions: [sub(x, next), next],
    shape: [length],
    inputs: [parameter, momentum],
    scalars: [],
    outputs: [parameter, momentum],
  });
  assertEquals(device.read(momentum), count(length).map((i) => 1 + i));
  assertEquals(device.read(parameter), new Array(length).fill(-1));
});

test("map rounds scalars to their types and takes them anew in each call", () => {
  const output = device.empty("float32", [5]);
  const [wide, whole, flag] = [device.empty("float64", [5]), device.empty("int32", [5]), device.empty("bool", [5])];
  for (const value of [0.1, -3.75, 0]) {
    map({
      expressions: [scalar(0, "float32"), scalar(0, "float64"), scalar(0, "int32"), scalar(0, "bool")],
      shape: [5],
      inputs: [],
      scalars: [value],
      outputs: [output, wide, whole, flag],
    });
    assertEquals(device.read(output), new Array(5).fill(Math.fround(value)));
    assertEquals(device.read(wide), new Array(5).fill(value));
    assertEquals(device.read(whole), new Array(5).fill(Math.trunc(value)));
    assertEquals(device.read(flag), new Array(5).fill(value === 0 ? 0 : 1));
  }
});

test("map knows positions along axes and the row-major one in every order of loops", () => {
  const shape = [3, 4, 5];
  const linear = index("linear");
  const coded = add(add(mul(index(0), 100), mul(index(1), 10)), index(2));
  const expected = count(60).map((k) => [Math.floor(k / 20) * 100 + (Math.floor(k / 5) % 4) * 10 + k % 5, k]);
  for (const strides of [[20, 5, 1], [1, 3, 12], [5, 15, 1]]) {
    const outputs = [0, 1].map(() => ({ ...device.empty("int32", [60]), shape, strides }));
    map({ expressions: [coded, linear], shape, inputs: [], scalars: [], outputs });
    assertEquals(device.read(outputs[0]), expected.map(([code]) => code));
    assertEquals(device.read(outputs[1]), expected.map(([, position]) => position));
  }
});

test("map mixes float32, float64, int32 and bool in one expression", () => {
  const length = 11;
  const a = device.tensor("float64", [length], count(length).map((i) => i / 3 - 1));
  const b = device.tensor("int32", [length], count(length).map((i) => i * i - 20));
  const c = device.tensor("bool", [length], count(length).map((i) => i % 3 === 0 ? 1 : 0));
  const expression = select(
    input(2, "bool"),
    add(input(0, "float64"), cast(input(1, "int32"), "float64")),
    cast(cast(mul(input(0, "float64"), 7), "int32"), "float64"),
  );
  const positive = gt(input(0, "float64"), 0);
  const outputs = [
    device.empty("float64", [length]),
    device.empty("bool", [length]),
    device.empty("float32", [length]),
  ];
  map({
    expressions: [expression, positive, cast(expression, "float32")],
    shape: [length],
    inputs: [a, b, c],
    scalars: [],
    outputs,
  });
  const expected = count(length).map((i) => i % 3 === 0 ? i / 3 - 1 + (i * i - 20) : Math.trunc((i / 3 - 1) * 7));
  assertEquals(device.read(outputs[0]), expected);
  assertEquals(device.read(outputs[1]), count(length).map((i) => i > 3 ? 1 : 0));
  assertEquals(device.read(outputs[2]), expected.map(Math.fround));
});

test("map reads any byte but 0 of a bool as true and writes 1", () => {
  const a = device.tensor("bool", [9], [0, 1, 2, 255, 0, 128, 3, 0, 1]);
  const output = device.empty("bool", [9]);
  map({ expressions: [input(0, "bool")], shape: [9], inputs: [a], scalars: [], outputs: [output] });
  assertEquals(device.read(output), [0, 1, 1, 1, 0, 1, 1, 0, 1]);
});

test("map does nothing for an empty shape and computes one element for a scalar shape", () => {
  const output = device.tensor("float32", [], [5]);
  map({
    expressions: [constant(1, "float32")],
    shape: [0, 3],
    inputs: [],
    scalars: [],
    outputs: [{ ...output, shape: [0, 3], strides: [3, 1] }],
  });
  assertEquals(device.read(output), [5]);
  const one = device.tensor("float32", [], [4]);
  map({ expressions: [square(x)], shape: [], inputs: [one], scalars: [], outputs: [output] });
  assertEquals(device.read(output), [16]);
});

test("map gives the same bits on one thread and on two, whatever the pieces", () => {
  using two = new Device({ threads: 2, grainScale: 1e-4 });
  const mapTwo = createMap(two.context);
  const shape = [37, 101, 3];
  const total = 37 * 101 * 3;
  const values = Float32Array.from(count(total), (i) => Math.sin(i) * 10);
  const expression = add(mul(unary("tanh", x), y), cast(index(1), "float32"));
  const results = [device, two].map((target) => {
    const a = target.tensor("float32", shape, values);
    const b: View = { ...target.tensor("float32", [101], values.subarray(0, 101)), shape, strides: [0, 1, 0] };
    const output = target.empty("float32", shape);
    const run = target === device ? map : mapTwo;
    for (let round = 0; round < 20; round++) {
      run({ expressions: [expression], shape, inputs: [a, b], scalars: [], outputs: [output] });
    }
    return target.read(output);
  });
  assertEquals(results[1], results[0]);
});

test("random bits and uniforms equal their definition bit for bit, normals within 4 ulp", () => {
  const length = 1003;
  const words: [Expr, Expr, Expr, Expr, Expr] = [
    constant(123456789, "int32"),
    scalar(0, "int32"),
    index("linear"),
    constant(-5, "int32"),
    mul(index("linear"), 77777),
  ];
  for (
    const [distribution, dtype] of [["bits", "int32"], ["uniform", "float32"], ["uniform", "float64"], [
      "normal",
      "float32",
    ], ["normal", "float64"]] as const
  ) {
    const expression = random(distribution, dtype, words);
    const output = device.empty(dtype, [length]);
    map({ expressions: [expression], shape: [length], inputs: [], scalars: [-987654321], outputs: [output] });
    const got = device.read(output);
    const expected = count(length).map((i) =>
      evaluateExpression(expression, { scalars: [-987654321], position: [i], linear: i })
    );
    if (distribution !== "normal") {
      assertEquals(got, expected);
      continue;
    }
    const epsilon = dtype === "float32" ? 2 ** -23 : 2 ** -52;
    const wrong = got.filter((value, i) => Math.abs(value - expected[i]) > 2 * epsilon * Math.abs(expected[i]));
    assertEquals(wrong, []);
  }
});

test("map takes several words of one block of random numbers", () => {
  using device = new Device();
  const map = createMap(device.context);
  const words = [
    constant(7, "int32"),
    scalar(0, "int32"),
    index("linear"),
    constant(-5, "int32"),
    constant(3, "int32"),
  ] as const;
  const bits = (word: number) => random("bits", "int32", words, word);
  // Another block beside it, a word that is used twice, and one that is alone.
  const other = random("bits", "int32", [words[0], words[1], words[2], words[4], words[3]], 2);
  const expressions = [bits(2), add(bits(0), bits(3)), bits(1), bits(2), mul(bits(3), other)];
  for (const length of [1, 7, 64, 203]) {
    const outputs = expressions.map(() => device.empty("int32", [length]));
    map({ expressions, shape: [length], inputs: [], scalars: [99], outputs });
    outputs.forEach((output, j) =>
      assertEquals(
        device.read(output),
        count(length).map((i) => evaluateExpression(expressions[j], { scalars: [99], position: [i], linear: i })),
      )
    );
  }
});
