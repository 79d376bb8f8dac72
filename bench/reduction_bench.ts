/**
 * Reductions, gather and scatterAdd of the cpu backend in elements read per second on all threads: along rows, across rows, of
 * everything, and the ones that the layers need.
 */

import { createBackend } from "../backends/cpu/mod.ts";
import type { View } from "../src/tensor/backend.ts";
import { input, square } from "../src/tensor/expr.ts";
import type { ReduceOp } from "../src/tensor/expr_ops.ts";
import { contiguousStrides, elementCount } from "../src/tensor/layout.ts";
import { peaks, peaksText } from "./peaks.ts";
import { rateBench } from "./rate.ts";

const backend = await createBackend({ openblas: "off", startAfter: 0 });
console.log(peaksText(await peaks()));

function view(shape: readonly number[]): View {
  const count = elementCount(shape);
  const buffer = backend.allocate(count * 4);
  const made: View = { buffer, dtype: "float32", shape, strides: contiguousStrides(shape), offset: 0 };
  backend.write(made, Float32Array.from({ length: count }, (_, i) => (i % 977) / 97 - 5));
  return made;
}

/** Calls until the engine's better code has replaced its first one. */
async function warm(run: () => void): Promise<() => void> {
  for (let round = 0; round < 20; round++) {
    run();
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  return run;
}

/** What is reduced, and why. */
const SHAPES: readonly (readonly [why: string, op: ReduceOp, shape: readonly number[], axes: readonly number[]])[] = [
  ["a tiny one: the cost of a call", "sum", [16], [0]],
  ["all of an array in the caches", "sum", [100_000], [0]],
  ["all of an array in memory", "sum", [10_000_000], [0]],
  ["all of an array in memory", "max", [10_000_000], [0]],
  ["along rows: softmax of classes", "max", [4096, 10], [1]],
  ["along rows: layer normalization", "sum", [4096, 192], [1]],
  ["along tiny rows: the C8 axis", "sum", [100_000, 8], [1]],
  ["across rows: gradient of a linear bias", "sum", [4096, 192], [0]],
  ["channels: gradient of a convolution's bias", "sum", [64, 80, 841], [0, 2]],
  ["group pooling over C16", "max", [64, 5, 16, 841], [2]],
];

const x = input(0, "float32");

for (const [why, op, shape, axes] of SHAPES) {
  rateBench({
    name: `${op} of [${shape.join(", ")}] over [${axes.join(", ")}]`,
    group: `reduction, ${why}`,
    work: elementCount(shape),
    unit: "1e9 elements/s",
    prepare: () => {
      const source = view(shape);
      const outputs = [view(shape.map((size, axis) => axes.includes(axis) ? 1 : size))];
      const call = { expressions: [x], reductions: [op], shape, axes, inputs: [source], scalars: [], outputs };
      return warm(() => backend.mapReduce(call));
    },
  });
}

rateBench({
  name: "sums of x and x² of [64, 80, 841] over [0, 2]",
  group: "reduction, channels: batch normalization, both moments in one pass",
  work: 64 * 80 * 841,
  unit: "1e9 elements/s",
  prepare: () => {
    const source = view([64, 80, 841]);
    const outputs = [view([1, 80, 1]), view([1, 80, 1])];
    return warm(() =>
      backend.mapReduce({
        expressions: [x, square(x)],
        reductions: ["sum", "sum"],
        shape: source.shape,
        axes: [0, 2],
        inputs: [source],
        scalars: [],
        outputs,
      })
    );
  },
});

for (const kind of ["gather", "scatterAdd"] as const) {
  rateBench({
    name: `${kind} of 8192 rows of 80 in a table of 4096`,
    group: "reduction, rows of a table",
    work: 8192 * 80,
    unit: "1e9 elements/s",
    prepare: () => {
      const table = view([4096, 80]);
      const rows = view([8192, 80]);
      const buffer = backend.allocate(8192 * 4);
      const flat: View = { buffer, dtype: "int32", shape: [8192], strides: [1], offset: 0 };
      backend.write(flat, Int32Array.from({ length: 8192 }, (_, i) => (i * 2477) % 4096));
      const indices: View = { ...flat, shape: [8192, 80], strides: [1, 0] };
      return warm(() =>
        kind === "gather"
          ? backend.gather({ input: table, indices, axis: 0, output: rows })
          : backend.scatterAdd({ source: rows, indices, axis: 0, output: table })
      );
    },
  });
}
