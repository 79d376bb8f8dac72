// Handles of the reference backend: ownership, use after free, views outside their buffer, and that new memory is no
// accident.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createBackend } from "../../../backends/reference/mod.ts";
import { BufferStore, elementPositions } from "../../../backends/reference/buffer.ts";
import {
  ArgumentError,
  BackendMismatchError,
  DisposedError,
  DTypeError,
  OutOfMemoryError,
} from "../../../src/tensor/errors.ts";
import { contiguousLayout } from "../../../src/tensor/layout.ts";
import { input } from "../../../src/tensor/expr.ts";
import { test } from "../../support/test.ts";
import { numbersOf, viewOf } from "./views.ts";

test("elementPositions lists offset + Σ index · stride in row-major order", () => {
  assertEquals([...elementPositions({ shape: [2, 3], strides: [-10, 2], offset: 15 })], [15, 17, 19, 5, 7, 9]);
  assertEquals([...elementPositions({ shape: [], strides: [], offset: 4 })], [4]);
  assertEquals([...elementPositions({ shape: [2, 0], strides: [1, 1], offset: 0 })], []);
});

test("allocate counts live and peak bytes, free takes them back", async () => {
  const backend = await createBackend({});
  const a = backend.allocate(100);
  const b = backend.allocate(28);
  assertEquals(a.bytes, 100);
  backend.free(a);
  assertEquals(backend.memory(), { liveBytes: 28, liveBuffers: 1, peakBytes: 128, reservedBytes: 32 });
  backend.free(b);
  assertEquals(backend.memory().liveBuffers, 0);
});

test("allocate fills new memory with NaN, so that a read before a write shows", async () => {
  const backend = await createBackend({});
  assertEquals(numbersOf(backend, viewOf(backend, "float32", [2])), [NaN, NaN]);
});

test("allocate refuses sizes that are no size, and memory that is not there", async () => {
  const backend = await createBackend({});
  assertThrows(() => backend.allocate(-1), ArgumentError, "expected a non-negative integer of bytes, got -1");
  assertThrows(() => backend.allocate(1.5), ArgumentError);
  const before = backend.memory();
  assertThrows(() => backend.allocate(2 ** 52), OutOfMemoryError, "4503599627370496 bytes");
  assertEquals(backend.memory(), before);
});

test("write and read go through strides, read gives a copy", async () => {
  const backend = await createBackend({});
  const whole = viewOf(backend, "int32", [6], [0, 0, 0, 0, 0, 0]);
  const view = { ...whole, shape: [2, 2], strides: [-1, 3], offset: 1 };
  backend.write(view, Int32Array.of(1, 2, 3, 4));
  assertEquals(numbersOf(backend, whole), [3, 1, 0, 4, 2, 0]);
  const read = await backend.read(view);
  assertEquals(read, Int32Array.of(1, 2, 3, 4));
  read[0] = 99;
  assertEquals(numbersOf(backend, view), [1, 2, 3, 4]);
});

test("copy moves elements between arrangements", async () => {
  const backend = await createBackend({});
  const source = viewOf(backend, "bool", [2, 3], [1, 0, 0, 1, 1, 0]);
  const target = viewOf(backend, "bool", [3, 2]);
  backend.copy({ ...source, shape: [3, 2], strides: [1, 3] }, target);
  assertEquals(numbersOf(backend, target), [1, 1, 0, 1, 0, 0]);
});

test("write refuses data of another type or length and changes nothing", async () => {
  const backend = await createBackend({});
  const view = viewOf(backend, "float32", [2], [1, 2]);
  assertThrows(() => backend.write(view, Int32Array.of(1, 2)), DTypeError, "expected float32, got int32");
  assertThrows(
    () => backend.write(view, Float32Array.of(1)),
    ArgumentError,
    "expected 2 elements for shape [2], got 1",
  );
  assertEquals(numbersOf(backend, view), [1, 2]);
});

test("every use of a freed buffer throws DisposedError that says its size", async () => {
  const backend = await createBackend({});
  const view = viewOf(backend, "float32", [2], [1, 2]);
  const other = viewOf(backend, "float32", [2], [1, 2]);
  backend.free(view.buffer);
  const x = input(0, "float32");
  const call = { expressions: [x], shape: [2], scalars: [] };
  assertThrows(
    () => backend.readSync(view),
    DisposedError,
    "read: expected a live buffer, got one of 8 bytes that was freed",
  );
  await assertRejects(() => backend.read(view), DisposedError, "read");
  assertThrows(() => backend.write(view, Float32Array.of(1, 2)), DisposedError, "write");
  assertThrows(() => backend.copy(view, other), DisposedError, "copy");
  assertThrows(() => backend.map({ ...call, inputs: [view], outputs: [other] }), DisposedError, "map");
  assertThrows(() => backend.map({ ...call, inputs: [other], outputs: [view] }), DisposedError, "map");
  assertThrows(() => backend.free(view.buffer), DisposedError, "free");
  assertEquals(numbersOf(backend, other), [1, 2]);
});

test("a buffer of another backend throws BackendMismatchError", async () => {
  const backend = await createBackend({});
  const second = await createBackend({});
  const foreign = viewOf(second, "float32", [1], [1]);
  assertThrows(
    () => backend.readSync(foreign),
    BackendMismatchError,
    "expected a buffer of this reference backend, got one of another reference backend",
  );
  assertThrows(
    () => backend.readSync({ ...foreign, buffer: { bytes: 4 } }),
    BackendMismatchError,
    "got one of another backend",
  );
});

test("a view that reaches outside its buffer throws ArgumentError that names both ends", () => {
  const store = new BufferStore();
  const buffer = store.allocate(16);
  const view = { buffer, dtype: "float32" as const };
  assertThrows(
    () => store.open({ ...view, ...contiguousLayout([5]) }, "test"),
    ArgumentError,
    "expected a view inside its buffer of 4 float32 elements, got elements 0 to 4",
  );
  assertThrows(() => store.open({ ...view, shape: [2], strides: [-1], offset: 0 }, "test"), ArgumentError);
  assertEquals(store.open({ ...view, ...contiguousLayout([4]) }, "test").positions.length, 4);
  assertEquals(store.open({ ...view, shape: [0], strides: [9], offset: 99 }, "test").positions.length, 0);
});
