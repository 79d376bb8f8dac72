// Arrays of the host as tensors on backends: made once for each backend and type, freed with their scope, by hand, or with their backend.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { PlacedArrays } from "../../../src/nn/plain/placed_arrays.ts";
import {
  type Backend,
  currentBackend,
  disposeBackend,
  DisposedError,
  memory,
  scope,
  useBackend,
} from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { values } from "../support.ts";

const live = (name = "reference"): number => memory()[name].liveTensors;
const PLACES = Int32Array.of(3, 1), WEIGHTS = Float64Array.of(0.1, 0.2, 0.3);

test("PlacedArrays makes one tensor of each array for each backend and element type", async () => {
  const reference = currentBackend();
  const placed = new PlacedArrays();
  const places = scope(() => placed.on(PLACES, reference, "float32"));
  assertEquals([places.dtype, values(places)], ["int32", [3, 1]]);
  assertStrictEquals(placed.on(PLACES, reference, "float64"), places);
  const fine = placed.on(WEIGHTS, reference, "float64"), coarse = placed.on(WEIGHTS, reference, "float32");
  assertEquals([values(fine), values(coarse)], [[...WEIGHTS], [...Float32Array.from(WEIGHTS)]]);
  assertStrictEquals(placed.on(WEIGHTS, reference, "float32"), coarse);
  const cpu = await useBackend("cpu");
  try {
    const there = placed.on(PLACES, cpu, "float32");
    assertEquals([there.backend.name, values(there)], ["cpu", [3, 1]]);
    assertStrictEquals(placed.on(PLACES, reference, "float32"), places);
    disposeBackend("cpu");
    const again: Backend = await useBackend("cpu");
    assertEquals(values(placed.on(PLACES, again, "float32")), [3, 1]);
    assertEquals(live("cpu"), 1);
    placed.dispose();
    assertEquals(live("cpu"), 0);
  } finally {
    disposeBackend("cpu");
    await useBackend("reference");
  }
  for (const one of [places, fine, coarse]) assert(one.isDisposed);
});

test("PlacedArrays' tensors go at the end of the scope in which it was made, later ones at that of the scope around", () => {
  const before = live(), reference = currentBackend();
  const outer = scope();
  const inner = scope();
  const placed = new PlacedArrays();
  const first = scope(() => placed.on(PLACES, reference, "float32"));
  assertEquals([values(first), live()], [[3, 1], before + 1]);
  inner.end();
  assertEquals(live(), before);
  assertThrows(() => first.storage, DisposedError);
  assertEquals(values(placed.on(PLACES, reference, "float32")), [3, 1]);
  assertEquals([outer.size, live()], [1, before + 1]);
  outer.end();
  assertEquals(live(), before);
  placed.on(PLACES, reference, "float32");
  placed.dispose();
  placed.dispose();
  assertEquals(live(), before);
});

test("PlacedArrays moves to another scope, or out of all, with what it has", () => {
  const before = live(), reference = currentBackend();
  const placed = new PlacedArrays();
  const first = scope();
  placed.belongTo(first);
  const kept = placed.on(PLACES, reference, "float32");
  placed.belongTo(undefined);
  first.end();
  assertEquals([kept.isDisposed, live()], [false, before + 1]);
  const second = scope();
  placed.belongTo(second);
  second.end();
  assertEquals([kept.isDisposed, live()], [true, before]);
});
