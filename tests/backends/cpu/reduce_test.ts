// covers: backends/cpu/reduce.ts, backends/cpu/reduce_kernel.ts, backends/cpu/emit_reduce.ts

import { assert, assertEquals } from "@std/assert";
import { accumulatorType, REDUCE_EMITTERS } from "../../../backends/cpu/emit_reduce.ts";
import { createMapReduce } from "../../../backends/cpu/reduce.ts";
import type { View } from "../../../src/tensor/backend.ts";
import type { DType } from "../../../src/tensor/dtype.ts";
import { add, cast, type Expr, gt, index, input, mul, square } from "../../../src/tensor/expr.ts";
import { REDUCE_OPS, type ReduceOp } from "../../../src/tensor/expr_ops.ts";
import { test } from "../../support/test.ts";
import { Device } from "./device.ts";

const device = new Device();
const mapReduce = createMapReduce(device.context);
const x = input(0, "float32");
const OPS = Object.keys(REDUCE_OPS) as ReduceOp[];

const count = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** Reduces one view with one expression. */
function reduce(
  op: ReduceOp,
  view: View,
  axes: readonly number[],
  expression: Expr = input(0, view.dtype),
  run = mapReduce,
  on = device,
): number[] {
  const shape = view.shape.map((size, axis) => axes.includes(axis) ? 1 : size);
  const output = on.empty(expression.dtype, shape);
  run({
    expressions: [expression],
    reductions: [op],
    shape: view.shape,
    axes,
    inputs: [view],
    scalars: [],
    outputs: [output],
  });
  return on.read(output);
}

test("REDUCE_EMITTERS has a row for every reduction, and float32 sums and products accumulate in float64", () => {
  assertEquals(Object.keys(REDUCE_EMITTERS).sort(), [...OPS].sort());
  assertEquals(OPS.map((op) => accumulatorType(op, "float32")), ["float64", "float64", "float32", "float32"]);
});

test("mapReduce reduces every length from 1 to 40 by every operation", () => {
  for (let length = 1; length <= 40; length++) {
    const values = count(length).map((i) => ((i * 7) % 5) - 2.5);
    for (const dtype of ["float32", "float64"] as const) {
      const view = device.tensor(dtype, [length], values);
      assertEquals(reduce("sum", view, [0]), [values.reduce((a, b) => a + b)]);
      assertEquals(reduce("max", view, [0]), [Math.max(...values)]);
      assertEquals(reduce("min", view, [0]), [Math.min(...values)]);
    }
    const whole = device.tensor("int32", [length], count(length).map((i) => i % 3 + 1));
    assertEquals(reduce("prod", whole, [0]), [count(length).reduce((product, i) => Math.imul(product, i % 3 + 1), 1)]);
    assertEquals(reduce("sum", whole, [0]), [count(length).reduce((sum, i) => sum + i % 3 + 1, 0)]);
  }
});

test("mapReduce reduces bools as or (sum, max) and as and (prod, min)", () => {
  for (const values of [[0, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 1, 1, 1, 1]]) {
    const view = device.tensor("bool", [7], values);
    const [any, all] = [Math.max(...values), Math.min(...values)];
    assertEquals(OPS.map((op) => reduce(op, view, [0])[0]), [any, all, any, all]);
  }
});

test("mapReduce reduces any axes of any strides", () => {
  const data = count(2 * 3 * 4 * 5).map((i) => (i * 37) % 101);
  for (const strides of [[60, 20, 5, 1], [1, 2, 6, 24], [20, 40, 1, 4], [5, 10, 30, 1]]) {
    const view: View = { ...device.tensor("float32", [120], data), shape: [2, 3, 4, 5], strides };
    for (let mask = 0; mask < 16; mask++) {
      const axes = [0, 1, 2, 3].filter((axis) => mask >> axis & 1);
      const kept = [0, 1, 2, 3].map((axis) => axes.includes(axis) ? 1 : view.shape[axis]);
      const expected = new Array<number>(kept.reduce((a, b) => a * b)).fill(0);
      const greatest = new Array<number>(expected.length).fill(-Infinity);
      for (let k = 0; k < 120; k++) {
        const position = [Math.floor(k / 60), Math.floor(k / 20) % 3, Math.floor(k / 5) % 4, k % 5];
        const value = data[position.reduce((sum, p, axis) => sum + p * strides[axis], 0)];
        const target = position.reduce((sum, p, axis) => sum * kept[axis] + (axes.includes(axis) ? 0 : p), 0);
        expected[target] += value;
        greatest[target] = Math.max(greatest[target], value);
      }
      assertEquals(reduce("sum", view, axes), expected, `sum of ${strides} over ${axes}`);
      assertEquals(reduce("max", view, axes), greatest, `max of ${strides} over ${axes}`);
    }
  }
});

test("mapReduce gives the identity for an empty reduction and nothing for an empty result", () => {
  const empty: View = { ...device.tensor("float32", [1], [3]), shape: [2, 0], strides: [0, 1] };
  assertEquals(OPS.map((op) => reduce(op, empty, [1])), [[0, 0], [1, 1], [-Infinity, -Infinity], [Infinity, Infinity]]);
  assertEquals(reduce("max", { ...empty, dtype: "int32" }, [0, 1]), [-0x80000000]);
  assertEquals(reduce("sum", empty, [0]), []);
});

test("mapReduce propagates NaN through sum, prod, max and min, wherever it stands", () => {
  for (const position of [0, 3, 17, 18, 40, 99_999]) {
    const values = new Float32Array(100_000).fill(1);
    values[position] = NaN;
    const view = device.tensor("float32", [100_000], values);
    for (const op of OPS) assertEquals(reduce(op, view, [0]), [NaN], `${op} at ${position}`);
    device.context.heap.free(view.buffer as ReturnType<typeof device.context.heap.allocate>);
  }
});

test("a float32 sum of 3,000,000 elements is the exact sum rounded once", () => {
  const values = Float32Array.from(count(3_000_000), (i) => Math.fround(((i * 7919) % 10007) / 10007 - 0.3));
  let exact = 0;
  let rest = 0;
  for (const value of values) {
    // Kahan's sum: float64 with its rounding errors carried along.
    const next = value - rest;
    const sum = exact + next;
    rest = (sum - exact) - next;
    exact = sum;
  }
  const view = device.tensor("float32", [3_000_000], values);
  assertEquals(reduce("sum", view, [0]), [Math.fround(exact)]);
  device.context.heap.free(view.buffer as ReturnType<typeof device.context.heap.allocate>);
});

test("a float64 sum of 1,000,000 elements is within 1e-14 of the sum of magnitudes", () => {
  const values = Float64Array.from(count(1_000_000), (i) => ((i * 7919) % 10007) / 10007 - 0.5);
  const view = device.tensor("float64", [1_000_000], values);
  const exact = count(1_000_000).reduce((sum, i) => sum + BigInt((i * 7919) % 10007), 0n);
  const right = Number(exact) / 10007 - 500_000;
  const [sum] = reduce("sum", view, [0]);
  assert(Math.abs(sum - right) < 1e-14 * 250_000, `${sum} is not ${right}`);
});

/** Long reductions that are cut into pieces, with and without a rest. */
const LONG: readonly { name: string; shape: number[]; axes: number[]; strides?: number[] }[] = [
  { name: "one axis without a rest", shape: [4 * 32768], axes: [0] },
  { name: "one axis with a rest", shape: [150_001], axes: [0] },
  { name: "rows of a matrix", shape: [3, 100_003], axes: [1] },
  { name: "columns of a matrix", shape: [20_011, 17], axes: [0] },
  { name: "the batch and the pixels of channels", shape: [37, 5, 2003], axes: [0, 2] },
  { name: "a transposed matrix", shape: [257, 1021], axes: [0, 1], strides: [1, 257] },
];

for (const { name, shape, axes, strides } of LONG) {
  test(`mapReduce cuts ${name} into pieces that give the same bits on one thread and on two`, () => {
    using two = new Device({ threads: 2, grainScale: 1e-4 });
    const total = shape.reduce((a, b) => a * b);
    const values = Float32Array.from(count(total), (i) => Math.fround(Math.sin(i) * 3));
    const results = [device, two].map((on) => {
      const run = on === device ? mapReduce : createMapReduce(on.context);
      let view = on.tensor("float32", shape, values);
      if (strides !== undefined) view = { ...view, strides };
      // The position enters, so that a piece which forgets where it starts is found out.
      const expression = add(x, mul(cast(index("linear"), "float32"), 2 ** -20));
      const sums = reduce("sum", view, axes, expression, run, on);
      const maxima = reduce("max", view, axes, expression, run, on);
      return [sums, maxima];
    });
    assertEquals(results[1], results[0]);
    const kept = shape.map((size, axis) => axes.includes(axis) ? 1 : size);
    const sums = new Array<number>(kept.reduce((a, b) => a * b)).fill(0);
    const maxima = new Array<number>(sums.length).fill(-Infinity);
    const steps = strides ?? shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    for (let k = 0; k < total; k++) {
      let rest = k;
      let source = 0;
      let target = 0;
      let scale = 1;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        const p = rest % shape[axis];
        rest = Math.floor(rest / shape[axis]);
        source += p * steps[axis];
        if (!axes.includes(axis)) {
          target += p * scale;
          scale *= shape[axis];
        }
      }
      const value = Math.fround(values[source] + Math.fround(Math.fround(k) * 2 ** -20));
      sums[target] += value;
      maxima[target] = Math.max(maxima[target], value);
    }
    assertEquals(results[0][1], maxima);
    results[0][0].forEach((sum, i) =>
      assert(Math.abs(sum - sums[i]) <= 1e-7 * Math.abs(sums[i]) + 1e-6, `${sum}, ${sums[i]}`)
    );
  });
}

test("mapReduce reads its inputs once for several outputs of different types and reductions", () => {
  const view = device.tensor("float32", [5, 70_000], count(350_000).map((i) => (i % 1000) / 10));
  const types: DType[] = ["float32", "float32", "int32", "bool"];
  const outputs = types.map((dtype) => device.empty(dtype, [5, 1]));
  mapReduce({
    expressions: [x, square(x), cast(gt(x, 50), "int32"), gt(x, 99.85)],
    reductions: ["max", "sum", "sum", "max"],
    shape: [5, 70_000],
    axes: [1],
    inputs: [view],
    scalars: [],
    outputs,
  });
  assertEquals(device.read(outputs[0]), new Array(5).fill(Math.fround(99.9)));
  const squares = count(1000).reduce((sum, i) => sum + Math.fround(Math.fround(i / 10) ** 2), 0) * 70;
  assertEquals(device.read(outputs[1]), new Array(5).fill(Math.fround(squares)));
  assertEquals(device.read(outputs[2]), new Array(5).fill(499 * 70));
  assertEquals(device.read(outputs[3]), new Array(5).fill(1));
});
