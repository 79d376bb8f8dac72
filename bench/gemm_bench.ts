/**
 * Matrix products of the cpu backend, with OpenBLAS and without, on one thread and on all, as `Backend.matmul` does them: the
 * sizes that convolutions and linear maps give it, and batches of the small products of equivariant layers.
 */

import { createBackend } from "../backends/cpu/mod.ts";
import { runtime } from "../src/runtime/mod.ts";
import type { Backend, View } from "../src/tensor/backend.ts";
import { contiguousStrides, elementCount } from "../src/tensor/layout.ts";
import { type OneAndAll, peaks, peaksText } from "./peaks.ts";
import { rateBench } from "./rate.ts";

/** Shapes as [batch, m, n, k], and why. */
const SHAPES: readonly (readonly [why: string, shape: readonly [number, number, number, number]])[] = [
  ["square: the ceiling", [1, 1024, 1024, 1024]],
  ["one tap of a 64-channel convolution on 29 × 29", [1, 64, 841, 64]],
  ["its im2col", [1, 64, 841, 1600]],
  ["a batch of 1 × 1 convolutions", [16, 128, 841, 128]],
  ["a linear layer on a batch", [1, 64, 64, 192]],
  ["small products of irreps", [4096, 8, 8, 8]],
  ["blocks of regular fields", [512, 32, 32, 32]],
  ["a tall one: weight gradients", [1, 64, 64, 53824]],
];

function view(backend: Backend, shape: number[], transposed = false): View {
  const buffer = backend.allocate(elementCount(shape) * 4);
  const rank = shape.length;
  const stored = transposed ? [...shape.slice(0, -2), shape[rank - 1], shape[rank - 2]] : shape;
  const strides = contiguousStrides(stored);
  if (transposed) [strides[rank - 2], strides[rank - 1]] = [strides[rank - 1], strides[rank - 2]];
  const made: View = { buffer, dtype: "float32", shape, strides, offset: 0 };
  const data = Float32Array.from({ length: elementCount(shape) }, (_, i) => (i % 13) / 13 - 0.5);
  backend.write({ ...made, shape: stored, strides: contiguousStrides(stored) }, data);
  return made;
}

const found = await peaks();
console.log(peaksText(found));

const all = runtime.cores();
for (const openblas of found.sgemm === undefined ? ["off"] : ["auto", "off"]) {
  for (const threads of all > 1 ? [1, all] : [1]) {
    let started: Promise<Backend> | undefined;
    const start = (): Promise<Backend> => started ??= createBackend({ openblas, threads, startAfter: 0 });
    const library = openblas === "auto" ? found.openblas : "WebAssembly";
    for (const [why, [batch, m, n, k]] of SHAPES) {
      rateBench({
        name: `${batch} × [${m}, ${k}] · [${k}, ${n}], ${threads} thread${threads > 1 ? "s" : ""}, ${library}`,
        group: `gemm, ${why}`,
        work: 2 * batch * m * n * k,
        unit: "GFLOP/s",
        ceiling: (p) => {
          const peak: OneAndAll | undefined = openblas === "auto" ? p.sgemm : p.webAssembly;
          return threads === 1 ? peak?.one : peak?.all;
        },
        prepare: async () => {
          const backend = await start();
          const a = view(backend, [batch, m, k]);
          const b = view(backend, [batch, k, n]);
          const output = view(backend, [batch, m, n]);
          const run = () => backend.matmul({ a, b, output, alpha: 1, beta: 0 });
          const deadline = performance.now() + 5000;
          while (Number(backend.info().details.workersReady) < threads - 1 && performance.now() < deadline) {
            run();
            await new Promise((resolve) => setTimeout(resolve, 1));
          }
          return run;
        },
      });
    }
  }
}
