// The batched matrix product of the cpu backend against sums in float64: folded, broadcast and strided batches, copies for
// BLAS, parts of large products.

import { assertEquals } from "@std/assert";
import { createContext } from "../../../backends/cpu/create_context.ts";
import { Gemm } from "../../../backends/cpu/gemm/gemm.ts";
import { createMatmul } from "../../../backends/cpu/matmul.ts";
import { findOpenblas } from "../../../backends/cpu/openblas.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import type { View } from "../../../src/tensor/backend.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import { test } from "../../support/test.ts";

interface Operand {
  shape: number[];
  strides: number[];
}

/** Shapes and strides of a, b and the output, with the way that they go. */
const CASES: readonly { why: string; a: Operand; b: Operand; c: Operand }[] = [
  {
    why: "a batch of rows on one matrix becomes one product",
    a: { shape: [5, 7, 9], strides: [63, 9, 1] },
    b: { shape: [5, 9, 4], strides: [0, 4, 1] },
    c: { shape: [5, 7, 4], strides: [28, 4, 1] },
  },
  {
    why: "one matrix on a batch of columns becomes one product",
    a: { shape: [3, 6, 8], strides: [0, 8, 1] },
    b: { shape: [3, 8, 5], strides: [5, 15, 1] },
    c: { shape: [3, 6, 5], strides: [5, 15, 1] },
  },
  {
    why: "many small products go to one call",
    a: { shape: [4, 50, 8, 8], strides: [3200, 64, 8, 1] },
    b: { shape: [4, 50, 8, 8], strides: [0, 64, 1, 8] },
    c: { shape: [4, 50, 8, 8], strides: [3200, 64, 1, 8] },
  },
  {
    why: "a large product is cut by columns",
    a: { shape: [20, 70], strides: [70, 1] },
    b: { shape: [70, 2500], strides: [2500, 1] },
    c: { shape: [20, 2500], strides: [2500, 1] },
  },
  {
    why: "a large product is cut by rows",
    a: { shape: [2500, 70], strides: [1, 2500] },
    b: { shape: [70, 20], strides: [20, 1] },
    c: { shape: [2500, 20], strides: [1, 2500] },
  },
  {
    why: "factors with gaps are copied for BLAS",
    a: { shape: [3, 40, 50], strides: [4000, 100, 2] },
    b: { shape: [3, 50, 60], strides: [0, 3, 150] },
    c: { shape: [3, 40, 60], strides: [2400, 60, 1] },
  },
  {
    why: "a result with gaps stays in WebAssembly",
    a: { shape: [40, 50], strides: [50, 1] },
    b: { shape: [50, 60], strides: [60, 1] },
    c: { shape: [40, 60], strides: [180, 3] },
  },
  {
    why: "a product with a vector",
    a: { shape: [2, 1, 30], strides: [30, 30, 1] },
    b: { shape: [2, 30, 17], strides: [510, 1, 30] },
    c: { shape: [2, 1, 17], strides: [17, 17, 1] },
  },
];

const hasBlas = findOpenblas("auto", 1).opened !== undefined;
const threads = Math.min(2, runtime.cores());

/** Position of each element of an operand, row-major. */
function positions({ shape, strides }: Operand): number[] {
  return Array.from({ length: elementCount(shape) }, (_, i) => {
    let rest = i;
    let position = 0;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      position += (rest % shape[axis]) * strides[axis];
      rest = Math.floor(rest / shape[axis]);
    }
    return position;
  });
}

for (const openblas of ["off", "auto"]) {
  for (const dtype of ["float32", "float64"] as const) {
    const name = `matmul of ${dtype} is within ${dtype === "float32" ? "2e-5" : "1e-13"} in every way that it goes, ` +
      `openblas ${openblas}`;
    test.runIf(openblas === "off" || hasBlas, name, "OpenBLAS is not installed", () => {
      const context = createContext({ threads, openblas, grainScale: 0, startAfter: 0 });
      const matmul = createMatmul(context, new Gemm(context));
      const bytes = dtype === "float32" ? 4 : 8;
      const memory = () => dtype === "float32" ? context.heap.f32() : context.heap.f64();
      for (const { why, a, b, c } of CASES) {
        const operands = [a, b, c];
        const places = operands.map(positions);
        const views = operands.map(({ shape, strides }, i): View & { first: number } => {
          const buffer = context.heap.allocate(
            bytes * (places[i].reduce((last, place) => Math.max(last, place), 0) + 1),
          );
          const first = buffer.pointer / bytes;
          places[i].forEach((place, j) => memory()[first + place] = i < 2 ? Math.sin(place + i) : j % 5);
          return { buffer, dtype, shape, strides, offset: 0, first };
        });
        const [m, k] = a.shape.slice(-2);
        const n = b.shape[b.shape.length - 1];
        for (const [alpha, beta] of [[1, 0], [0.5, -2]]) {
          const before = places[2].map((place) => memory()[views[2].first + place]);
          if (beta === 0) places[2].forEach((place) => memory()[views[2].first + place] = NaN);
          matmul({ a: views[0], b: views[1], output: views[2], alpha, beta });
          let worst = 0;
          places[2].forEach((place, i) => {
            const batch = Math.floor(i / (m * n));
            const row = Math.floor(i / n) % m;
            let sum = 0;
            for (let p = 0; p < k; p++) {
              sum += memory()[views[0].first + places[0][(batch * m + row) * k + p]] *
                memory()[views[1].first + places[1][(batch * k + p) * n + i % n]];
            }
            const error = Math.abs(
              memory()[views[2].first + place] - alpha * sum - (beta === 0 ? 0 : beta * before[i]),
            );
            worst = Math.max(worst, error === error ? error : Infinity);
          });
          assertEquals(worst < (dtype === "float32" ? 2e-5 : 1e-13), true, `${why}, beta ${beta}: error ${worst}`);
        }
        for (const { buffer } of views) context.heap.free(context.heap.own(buffer, "test"));
      }
      context.dispose();
    });
  }
}
