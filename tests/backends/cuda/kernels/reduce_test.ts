// Reductions: how work is divided, and on the emulator long ones in parts, 64-bit positions and the same bits in any order of threads.
// covers: backends/cuda/kernels/reduce_source.ts

import { assert, assertEquals } from "@std/assert";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { createMapReduce, reduceShape } from "../../../../backends/cuda/kernels/reduce.ts";
import { combineCode } from "../../../../backends/cuda/kernels/reduce_source.ts";
import * as E from "../../../../src/tensor/expr.ts";
import type { ReduceOp } from "../../../../src/tensor/expr_ops.ts";
import { runCases } from "../../../backend_suite.ts";
import { test } from "../../../support/test.ts";
import { noEmulator, startDevice, type TestDevice } from "./device.ts";

test("reduceShape divides blocks into powers of two and covers what is reduced", () => {
  for (const results of [1, 2, 5, 31, 33, 1000, 100000]) {
    for (const reduced of [0, 1, 3, 10, 64, 1000, 100000, 2 ** 24]) {
      for (const lanesReduce of [false, true]) {
        const { columns, rows, parts, part } = reduceShape(results, reduced, lanesReduce);
        const name = `${results} × ${reduced}`;
        assert(columns * rows <= 256 && Number.isInteger(Math.log2(columns)), name);
        assert(rows >= 1 && Number.isInteger(Math.log2(rows)), name);
        assert(parts >= 1 && parts <= 1024 && parts * part >= reduced && (parts - 1) * part <= reduced, name);
      }
    }
  }
});

test("reduceShape splits few long reductions, not many or short ones", () => {
  assertEquals(reduceShape(1, 2 ** 24, true).parts, 512);
  assertEquals(reduceShape(100000, 1000, true).parts, 1);
  assertEquals(reduceShape(1, 1000, true).parts, 1);
  assertEquals(reduceShape(64, 2 ** 20, false), {
    lanesReduce: false,
    columns: 32,
    rows: 8,
    parts: 256,
    part: 4096,
  });
});

test("combineCode takes sums of bools as or, products as and", () => {
  assertEquals(combineCode("sum", "bool", "a", "b"), "a || b");
  assertEquals(combineCode("prod", "bool", "a", "b"), "a && b");
  assertEquals(combineCode("max", "float32", "a", "b"), "escnn_maximum_f32(a, b)");
});

const reason = noEmulator ?? "";
const onEmulator = (name: string, fn: () => Promise<void>) => test.runIf(noEmulator === undefined, name, reason, fn);

/** Reduces a float32 input of some shape over axes. */
function reduce(
  device: TestDevice,
  data: Float32Array,
  shape: readonly number[],
  axes: readonly number[],
  reductions: readonly ReduceOp[],
): Float32Array[] {
  const kept = shape.map((size, axis) => axes.includes(axis) ? 1 : size);
  const count = kept.reduce((a, b) => a * b, 1);
  const outputs = reductions.map(() => device.upload(new Float32Array(count), kept));
  device.operations.mapReduce({
    expressions: reductions.map(() => E.input(0, "float32")),
    reductions,
    shape,
    axes,
    inputs: [device.upload(data, shape)],
    scalars: [],
    outputs,
  });
  return outputs.map((view) => device.read(view) as Float32Array);
}

onEmulator(
  "mapReduce of a long row in parts is as accurate as a tree, and the same in any order of threads",
  async () => {
    using device = await startDevice();
    const count = 150_000;
    const data = Float32Array.from({ length: count }, (_, i) => 1 + Math.sin(i) / 2);
    const exact = data.reduce((sum, value) => sum + value, 0);
    const [[sum], [largest], [smallest]] = reduce(device, data, [count], [0], ["sum", "max", "min"]);
    // One after another in float32 it would be off by some hundred units in the last place.
    assert(Math.abs(sum - exact) <= 4 * 2 ** -23 * exact, `${sum} for ${exact}`);
    assertEquals(largest, data.reduce((a, b) => Math.max(a, b)));
    assertEquals(smallest, data.reduce((a, b) => Math.min(a, b)));
    device.emulator.set("reverse", 1);
    const [[again]] = reduce(device, data, [count], [0], ["sum"]);
    device.emulator.reset();
    assertEquals(again, sum);
  },
);

onEmulator("mapReduce in parts finds a NaN anywhere, across rows and columns", async () => {
  using device = await startDevice();
  const rows = 30_000, columns = 3;
  const data = Float32Array.from({ length: rows * columns }, (_, i) => i % 7);
  data[columns * 20_001 + 1] = NaN;
  const [sum, max] = reduce(device, data, [rows, columns], [0], ["sum", "max"]);
  assertEquals([...max], [6, NaN, 6]);
  assertEquals(Number.isNaN(sum[1]), true);
  const column = (c: number) => data.reduce((total, value, i) => i % columns === c ? total + value : total, 0);
  assertEquals([sum[0], sum[2]], [column(0), column(2)]);
});

onEmulator("mapReduce with 64-bit positions agrees with the reference", async () => {
  using device = await startDevice();
  const backend = device.backend({ mapReduce: createMapReduce(device.system, () => true) });
  await runCases("mapReduce", Array.from({ length: 12 }, (_, i) => i), 13, backend, await createReference({}));
});
