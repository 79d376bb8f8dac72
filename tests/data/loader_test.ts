// covers: src/data/loader.ts

import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { type Batch, BatchLoader, epochOrder } from "../../src/data/mod.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import { test } from "../support/test.ts";

const dataset = {
  length: 10,
  height: 2,
  width: 2,
  pixels: Uint8Array.from({ length: 40 }, (_, i) => 5 * i),
  labels: Uint8Array.from({ length: 10 }, (_, i) => i),
};

async function batches(loader: BatchLoader, epoch = 0, first = 0): Promise<Batch[]> {
  const list: Batch[] = [];
  for await (const batch of loader.epoch(epoch, first)) list.push(batch);
  return list;
}

test("epochOrder is a permutation fixed by seed and epoch", () => {
  const order = epochOrder(100, 7, 3);
  assertEquals([...order].sort((a, b) => a - b), Array.from({ length: 100 }, (_, i) => i));
  assertEquals(epochOrder(100, 7, 3), order);
  assertNotEquals(epochOrder(100, 7, 4), order);
  assertNotEquals(epochOrder(100, 8, 3), order);
});

test("BatchLoader in order gives every image once, normalized and padded at bottom and right", async () => {
  const list = await batches(
    new BatchLoader(dataset, { batchSize: 4, padTo: [3, 3], normalize: { mean: 0.5, deviation: 2 } }),
  );
  assertEquals(list.map((batch) => batch.size), [4, 4, 2]);
  assertEquals(list.flatMap((batch) => [...batch.labels]), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assertEquals(list[1].shape, [4, 1, 3, 3]);
  const pixel = (value: number): number => Math.fround((Math.fround(value / 255) - 0.5) / 2);
  const [a, b, c, d] = [80, 85, 90, 95].map(pixel);
  const zero = pixel(0);
  assertEquals([...list[1].images.subarray(0, 9)], [a, b, zero, c, d, zero, zero, zero, zero]);
});

test("BatchLoader drops an incomplete last batch and limits the images on demand", async () => {
  const list = await batches(new BatchLoader(dataset, { batchSize: 4, dropLast: true, limit: 9 }));
  assertEquals(list.map((batch) => [...batch.labels]), [[0, 1, 2, 3], [4, 5, 6, 7]]);
});

test("BatchLoader resumes in the middle of an epoch with the batches of an uninterrupted one", async () => {
  const options = { batchSize: 3, shuffle: true, seed: 5, rotation: [0, 2 * Math.PI] as const };
  const whole = await batches(new BatchLoader(dataset, options), 2);
  const rest = await batches(new BatchLoader(dataset, { ...options, prefetch: 0 }), 2, 2);
  assertEquals(rest, whole.slice(2));
  assertEquals(whole.flatMap((batch) => [...batch.labels]).sort(), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
});

test("BatchLoader rotates by angles of the given range", async () => {
  const quarter = new BatchLoader(dataset, { batchSize: 1, limit: 1, rotation: [Math.PI / 2, Math.PI / 2] });
  const [batch] = await batches(quarter);
  assertEquals([...batch.images], [5, 15, 0, 10].map((value) => Math.fround(value / 255)));
});

test("BatchLoader moves images down and right by shifts of the given range, fractions bilinearly", async () => {
  const options = { batchSize: 1, limit: 1, padTo: [3, 3] as const };
  const whole = await batches(new BatchLoader(dataset, { ...options, translation: [1, 1] }));
  const values = (list: number[]): number[] => list.map((value) => Math.fround(value / 255));
  assertEquals([...whole[0].images], values([0, 0, 0, 0, 0, 5, 0, 10, 15]));
  const half = await batches(new BatchLoader(dataset, { ...options, translation: [0.5, 0.5] }));
  [0, 1.25, 1.25, 2.5, 7.5, 5, 2.5, 6.25, 3.75].forEach((value, i) =>
    assertAlmostEquals(half[0].images[i], value / 255, 1e-7)
  );
});

test("BatchLoader draws the two shifts of every image apart, as well as the angle", async () => {
  const bright = { length: 4, height: 9, width: 9, pixels: new Uint8Array(4 * 81), labels: new Uint8Array(4) };
  for (let i = 0; i < 4; i++) bright.pixels[i * 81 + 40] = 255;
  const [batch] = await batches(new BatchLoader(bright, { translation: [-3, 3], rotation: [0, 1], seed: 2 }));
  const shifts = [0, 1, 2, 3].flatMap((image) => {
    let [down, right] = [0, 0];
    for (let i = 0; i < 81; i++) {
      down += batch.images[image * 81 + i] * (Math.floor(i / 9) - 4);
      right += batch.images[image * 81 + i] * (i % 9 - 4);
    }
    return [down, right];
  });
  for (const shift of shifts) assert(Math.abs(shift) < 3.2);
  assertEquals(new Set(shifts.map((shift) => shift.toFixed(2))).size, 8);
});

test("BatchLoader refuses what is no dataset, with what it would take", () => {
  const arrays: unknown = { images: new Float32Array(4), labels: dataset.labels };
  assertThrows(() => new BatchLoader(arrays as typeof dataset), ArgumentError, "pixels: Uint8Array of grey values");
  const floats: unknown = new Float64Array(40);
  assertThrows(
    () => new BatchLoader({ ...dataset, pixels: floats as Uint8Array<ArrayBuffer> }),
    ArgumentError,
    "pixels Float64Array",
  );
});

test("BatchLoader refuses impossible options with the option's name", () => {
  assertThrows(
    () => new BatchLoader(dataset, { batchSize: 0 }),
    ArgumentError,
    "batchSize as an integer of at least 1, got 0",
  );
  assertThrows(() => new BatchLoader(dataset, { prefetch: -1 }), ArgumentError, "prefetch");
  assertThrows(
    () => new BatchLoader(dataset, { padTo: [1, 5] }),
    ArgumentError,
    "at least the images' size [2, 2], got [1, 5]",
  );
});
