// Batched products on the reference backend: strides, alpha and beta, and a NaN in the output that beta 0 must not
// read.

import { assertEquals } from "@std/assert";
import { createBackend } from "../../../backends/reference/mod.ts";
import { test } from "../../support/test.ts";
import { numbersOf, viewOf } from "./views.ts";

test("matmul multiplies 2×3 by 3×2", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [2, 3], [1, 2, 3, 4, 5, 6]);
  const b = viewOf(backend, "float32", [3, 2], [7, 8, 9, 10, 11, 12]);
  const output = viewOf(backend, "float32", [2, 2], [NaN, NaN, NaN, NaN]);
  backend.matmul({ a, b, output, alpha: 1, beta: 0 });
  assertEquals(numbersOf(backend, output), [58, 64, 139, 154]);
  backend.matmul({ a, b, output, alpha: 2, beta: -1 });
  assertEquals(numbersOf(backend, output), [58, 64, 139, 154]);
});

test("matmul takes transposed operands and batches of which one is broadcast", async () => {
  const backend = await createBackend({});
  const a = { ...viewOf(backend, "float64", [2, 2], [1, 3, 2, 4]), shape: [2, 2, 2], strides: [0, 1, 2] };
  const b = viewOf(backend, "float64", [2, 2, 1], [1, 0, 0, 1]);
  const output = viewOf(backend, "float64", [2, 2, 1]);
  backend.matmul({ a, b, output, alpha: 1, beta: 0 });
  assertEquals(numbersOf(backend, output), [1, 3, 2, 4]);
});

test("matmul over no terms scales the output by beta", async () => {
  const backend = await createBackend({});
  const a = viewOf(backend, "float32", [1, 0]);
  const b = viewOf(backend, "float32", [0, 2]);
  const output = viewOf(backend, "float32", [1, 2], [4, 6]);
  backend.matmul({ a, b, output, alpha: 1, beta: 0.5 });
  assertEquals(numbersOf(backend, output), [2, 3]);
});
