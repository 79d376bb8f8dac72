// The cpu backend in each runtime: it starts, its workers take part, and a product and an elementwise computation are right on
// every configuration that the runtime offers.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { createBackend } from "../../backends/cpu/mod.ts";
import { findOpenblas } from "../../backends/cpu/openblas.ts";
import { runtime } from "../../src/runtime/mod.ts";
import type { View } from "../../src/tensor/backend.ts";
import { binary, input, unary } from "../../src/tensor/expr.ts";
import { test, testRuntime } from "../support/test.ts";

const hasBlas = findOpenblas("auto", 1).opened !== undefined;

test(`cpu tests run in the runtime they name: ${testRuntime}`, () => assertEquals(runtime.name, testRuntime));

for (const openblas of ["auto", "off"]) {
  for (const threads of [1, 2]) {
    test.runIf(
      threads <= runtime.cores() && (openblas === "off" || hasBlas),
      `cpu in ${testRuntime} multiplies matrices on ${threads} threads, openblas: ${openblas}`,
      threads <= runtime.cores() ? "OpenBLAS cannot be used here" : "one core",
      async () => {
        const backend = await createBackend({ openblas, threads, startAfter: 0 });
        const [m, k, n] = [300, 200, 250];
        const view = (rows: number, columns: number): View => ({
          buffer: backend.allocate(rows * columns * 4),
          dtype: "float32",
          shape: [rows, columns],
          strides: [columns, 1],
          offset: 0,
        });
        const [a, b, output] = [view(m, k), view(k, n), view(m, n)];
        backend.write(a, Float32Array.from({ length: m * k }, (_, i) => (i % 7) - 3));
        backend.write(b, Float32Array.from({ length: k * n }, (_, i) => (i % 5) - 2));
        const deadline = performance.now() + 20_000;
        do {
          backend.matmul({ a, b, output, alpha: 1, beta: 0 });
          await new Promise((resolve) => setTimeout(resolve, 2));
          assert(performance.now() < deadline, "workers did not start in 20 s");
        } while (Number(backend.info().details.workersReady) < threads - 1);
        for (let round = 0; round < 20; round++) {
          backend.matmul({ a, b, output, alpha: 1, beta: 0 });
          const result = backend.readSync(output);
          for (const [row, column] of [[0, 0], [m - 1, n - 1], [149, 125], [150, 124], [17, 249]]) {
            let sum = 0;
            for (let l = 0; l < k; l++) sum += (((row * k + l) % 7) - 3) * (((l * n + column) % 5) - 2);
            assertEquals(result[row * n + column], sum, `row ${row}, column ${column}`);
          }
        }
        const x = input(0, "float32");
        backend.map({
          expressions: [binary("mul", unary("exp", x), x)],
          shape: [m, k],
          inputs: [a],
          scalars: [],
          outputs: [a],
        });
        const mapped = backend.readSync(a);
        for (const place of [0, 1, 59_999]) {
          const value = (place % 7) - 3;
          assertAlmostEquals(mapped[place], Math.exp(value) * value, 1e-5);
        }
        backend.dispose();
      },
    );
  }
}
