// Selection along an axis and its adjoint on the reference backend, with repeated and impossible indices.

import { assertEquals, assertThrows } from "@std/assert";
import { createBackend } from "../../../backends/reference/mod.ts";
import { ArgumentError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";
import { numbersOf, viewOf } from "./views.ts";

test("gather selects rows, repeated and in any order", async () => {
  const backend = await createBackend({});
  const input = viewOf(backend, "float32", [3, 2], [1, 2, 3, 4, 5, 6]);
  const indices = { ...viewOf(backend, "int32", [4], [2, 0, 0, 1]), shape: [4, 2], strides: [1, 0] };
  const output = viewOf(backend, "float32", [4, 2]);
  backend.gather({ input, indices, axis: 0, output });
  assertEquals(numbersOf(backend, output), [5, 6, 1, 2, 1, 2, 3, 4]);
});

test("gather along the last axis takes an index for each element", async () => {
  const backend = await createBackend({});
  const input = viewOf(backend, "int32", [2, 3], [1, 2, 3, 4, 5, 6]);
  const indices = viewOf(backend, "int32", [2, 2], [2, 0, 1, 1]);
  const output = viewOf(backend, "int32", [2, 2]);
  backend.gather({ input, indices, axis: 1, output });
  assertEquals(numbersOf(backend, output), [3, 1, 5, 5]);
});

test("scatterAdd adds repeated indices up and keeps what stands there", async () => {
  const backend = await createBackend({});
  const output = viewOf(backend, "float32", [3], [100, 200, 300]);
  const indices = viewOf(backend, "int32", [4], [0, 2, 0, 0]);
  const source = viewOf(backend, "float32", [4], [1, 2, 3, 4]);
  backend.scatterAdd({ source, indices, axis: 0, output });
  assertEquals(numbersOf(backend, output), [108, 200, 302]);
});

test("scatterAdd of int32 wraps", async () => {
  const backend = await createBackend({});
  const output = viewOf(backend, "int32", [1], [0x7fffffff]);
  const indices = viewOf(backend, "int32", [1], [0]);
  const source = viewOf(backend, "int32", [1], [1]);
  backend.scatterAdd({ source, indices, axis: 0, output });
  assertEquals(numbersOf(backend, output), [-0x80000000]);
});

test("gather and scatterAdd refuse an index outside the axis with ArgumentError and write nothing", async () => {
  const backend = await createBackend({});
  const chosen = viewOf(backend, "float32", [2], [1, 2]);
  const selected = viewOf(backend, "float32", [2], [3, 4]);
  for (const bad of [2, -1]) {
    const indices = viewOf(backend, "int32", [2], [0, bad]);
    const message = `expected indices from 0 to 1 along axis 0, got ${bad}`;
    assertThrows(() => backend.gather({ input: chosen, indices, axis: 0, output: selected }), ArgumentError, message);
    assertThrows(
      () => backend.scatterAdd({ source: selected, indices, axis: 0, output: chosen }),
      ArgumentError,
      message,
    );
  }
  assertEquals([...numbersOf(backend, chosen), ...numbersOf(backend, selected)], [1, 2, 3, 4]);
});
