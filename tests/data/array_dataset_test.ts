// Datasets that are no grey bytes: colours, floats, volumes, large labels, targets and label maps, against values worked out by hand.
// covers: src/data/dataset_check.ts, src/data/batch_plan.ts, src/data/batch_kernel.ts, src/data/loader.ts

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  type ArrayDataset,
  BatchLoader,
  type BatchOptions,
  type ImageShape,
  type VolumeShape,
} from "../../src/data/mod.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import { test } from "../support/test.ts";

async function batches<B>(loader: { epoch(epoch: number): AsyncGenerator<B, void, undefined> }): Promise<B[]> {
  const list: B[] = [];
  for await (const batch of loader.epoch(0)) list.push(batch);
  return list;
}

const bytes = (...list: number[]): number[] => list.map((value) => Math.fround(value / 255));
const nine = [1, 2, 3, 4, 5, 6, 7, 8, 9], nineTurned = [3, 6, 9, 2, 5, 8, 1, 4, 7];

/** Two images of 1 × 2 pixels, whose channels are red 10 … 40, green 50 … 80, blue 90 … 120. */
const colours = {
  length: 2,
  height: 1,
  width: 2,
  channels: 3,
  pixels: new Uint8Array([10, 20, 50, 60, 90, 100, 30, 40, 70, 80, 110, 120]),
  labels: new Uint16Array([300, 65535]),
};
const interleaved = {
  ...colours,
  layout: "channelsLast" as const,
  pixels: new Uint8ClampedArray([10, 50, 90, 20, 60, 100, 30, 70, 110, 40, 80, 120]),
};

test("BatchLoader gives colour images of both layouts channel by channel, and labels beyond 255", async () => {
  for (const dataset of [colours, interleaved]) {
    const [batch] = await batches(new BatchLoader(dataset));
    const shape: ImageShape = batch.shape, labels: Int32Array = batch.labels;
    assertEquals([[...shape], [...batch.labelShape]], [[2, 3, 1, 2], [2]]);
    assertEquals([...batch.images], bytes(10, 20, 50, 60, 90, 100, 30, 40, 70, 80, 110, 120));
    assertEquals(labels, new Int32Array([300, 65535]));
    const [two] = await batches(new BatchLoader(dataset, { channels: 2, padTo: [2, 2] }));
    assertEquals(two.shape, [2, 2, 2, 2]);
    assertEquals([...two.images], bytes(10, 20, 0, 0, 50, 60, 0, 0, 30, 40, 0, 0, 70, 80, 0, 0));
  }
});

test("BatchLoader takes floats as they are and normalizes every channel by its own numbers", async () => {
  const dataset = {
    length: 2,
    height: 1,
    width: 2,
    channels: 2,
    pixels: new Float32Array([1, 2, 10, 20, -3, 5, 0, 300]),
    labels: new Float32Array([0.5, -1.5, 2.25, 4, 0, 1]),
    labelShape: [3],
  };
  const [raw] = await batches(new BatchLoader(dataset, { batchSize: 2 }));
  assertEquals([...raw.images], [1, 2, 10, 20, -3, 5, 0, 300]);
  const targets: Float32Array = raw.labels;
  assertEquals([targets, raw.labelShape], [new Float32Array([0.5, -1.5, 2.25, 4, 0, 1]), [2, 3]]);
  const normalize = { mean: [1, 10], deviation: [2, 5] };
  const [normal] = await batches(new BatchLoader(dataset, { normalize }));
  assertEquals([...normal.images], [0, 0.5, 0, 2, -2, 2, -2, 58]);
  const [common] = await batches(new BatchLoader(dataset, { normalize: { mean: 2, deviation: [1, 4] } }));
  assertEquals([...common.images], [-1, 0, 2, 4.5, -5, 3, -0.5, 74.5]);
});

test("BatchLoader shuffles vectors of targets with their images", async () => {
  const labels = Float32Array.from({ length: 18 }, (_, i) => Math.floor(i / 2) + (i % 2 === 0 ? 0 : 0.5));
  const dataset = { length: 9, height: 1, width: 1, pixels: Float32Array.from(nine), labels, labelShape: [2] };
  const list = await batches(new BatchLoader(dataset, { batchSize: 4, shuffle: true }));
  assertEquals(list.map(({ labelShape }) => labelShape), [[4, 2], [4, 2], [1, 2]]);
  const seen = list.flatMap(({ images }) => [...images]);
  assert(seen.join() !== nine.join());
  assertEquals([...seen].sort(), nine);
  assertEquals(list.flatMap(({ labels }) => [...labels]), seen.flatMap((value) => [value - 1, value - 0.5]));
});

test("BatchLoader rotates channels, the slices of volumes and label maps alike", async () => {
  const hundred = nine.map((value) => 100 + value), hundredTurned = nineTurned.map((value) => 100 + value);
  const rotation = [Math.PI / 2, Math.PI / 2] as const;
  const image = {
    length: 1,
    height: 3,
    width: 3,
    channels: 2,
    pixels: new Float32Array([...nine, ...hundred]),
    labels: new Int32Array([...nine.map((value) => 70000 * value), ...nine]),
    labelShape: [2, 3, 3],
  };
  const [colour] = await batches(new BatchLoader(image, { rotation }));
  assertEquals([...colour.images], [...nineTurned, ...hundredTurned]);
  assertEquals([...colour.labels], [...nineTurned.map((value) => 70000 * value), ...nineTurned]);
  assertEquals(colour.labelShape, [1, 2, 3, 3]);
  const volume = { ...image, channels: 1, depth: 2 };
  const [turned] = await batches(new BatchLoader(volume, { rotation }));
  const shape: VolumeShape = turned.shape;
  assertEquals(shape, [1, 1, 2, 3, 3]);
  assertEquals([...turned.images], [...nineTurned, ...hundredTurned]);
  assertEquals([...turned.labels], [...nineTurned.map((value) => 70000 * value), ...nineTurned]);
});

test("BatchLoader pads volumes and their maps in depth, height and width", async () => {
  const volume = {
    length: 2,
    depth: 1,
    height: 1,
    width: 2,
    channels: 2,
    layout: "channelsLast" as const,
    pixels: new Float32Array([1, 10, 2, 20, 3, 30, 4, 40]),
    labels: new Uint8Array([5, 6, 7, 8]),
    labelShape: [1, 1, 2],
  };
  for (const rotation of [undefined, [0, 0] as const]) {
    const options = { outsideLabel: -1, batchSize: 1, rotation };
    const list = await batches(new BatchLoader(volume, { ...options, padTo: [2, 1, 3] }));
    assertEquals(list.map(({ shape }) => [...shape]), [[1, 2, 2, 1, 3], [1, 2, 2, 1, 3]]);
    assertEquals([...list[1].images], [3, 4, 0, 0, 0, 0, 30, 40, 0, 0, 0, 0]);
    assertEquals([[...list[0].labels], [...list[1].labels]], [[5, 6, -1, -1, -1, -1], [7, 8, -1, -1, -1, -1]]);
    assertEquals(list[0].labelShape, [1, 2, 1, 3]);
    const [flat] = await batches(new BatchLoader(volume, { ...options, padTo: [2, 2] }));
    assertEquals([flat.shape, [...flat.images]], [[1, 2, 1, 2, 2], [1, 2, 0, 0, 10, 20, 0, 0]]);
  }
});

test("BatchLoader moves label maps to the nearest place and never mixes labels", async () => {
  const dataset = { length: 1, height: 2, width: 2, pixels: new Float32Array([1, 2, 3, 4]), labelShape: [2, 2] };
  const labels = new Int32Array([10, 20, 30, 40]);
  const at = async (translation: [number, number]): Promise<number[]> => {
    const [batch] = await batches(new BatchLoader({ ...dataset, labels }, { translation, outsideLabel: -7 }));
    return [...batch.labels];
  };
  assertEquals(await at([0.4, 0.4]), [10, 20, 30, 40]);
  assertEquals(await at([0.6, 0.6]), [-7, -7, -7, 10]);
  assertEquals(await at([-1, -1]), [40, -7, -7, -7]);
  const floats = { ...dataset, labels: new Float32Array([0.5, 1.5, 2.5, 3.5]) };
  const options = { translation: [1, 1] as const, outsideLabel: NaN };
  const [moved] = await batches(new BatchLoader(floats, options));
  assertEquals([...moved.labels], [NaN, NaN, NaN, 0.5]);
});

test("BatchLoader keeps label maps on their images under any rotation, shift and mirroring", async () => {
  const size = 31, area = size * size;
  // The right half is 1: a bilinear value is above one half just where the nearest pixel is of the right half.
  const half = Float32Array.from({ length: 8 * area }, (_, i) => i % size >= 16 ? 1 : 0);
  const dataset = { length: 8, height: size, width: size, pixels: half, labels: Uint8Array.from(half) };
  const options: BatchOptions = { rotation: [0, 2 * Math.PI], translation: [-1, 1], flip: "both", outsideLabel: 9 };
  const [{ images, labels }] = await batches(new BatchLoader({ ...dataset, labelShape: [size, size] }, options));
  let [compared, mixed] = [0, 0];
  images.forEach((value, i) => {
    const radius = Math.hypot(Math.floor(i % area / size) - 15, i % size - 15);
    if (radius > 12 || Math.abs(value - 0.5) < 1e-5) return;
    compared++;
    if (value > 0.01 && value < 0.99) mixed++;
    assertEquals(labels[i], value > 0.5 ? 1 : 0);
  });
  assert(compared > 3000 && mixed > 100, `${compared} places, ${mixed} of them between the halves`);
  assertEquals(new Set(labels), new Set([0, 1, 9]));
});

test("BatchLoader mirrors each image with probability one half, and its map with it", async () => {
  const length = 400;
  const four = [1, 2, 3, 4];
  const pixels = Float32Array.from({ length: 4 * length }, (_, i) => four[i % 4]);
  const dataset = { length, height: 2, width: 2, pixels, labels: Int32Array.from(pixels), labelShape: [2, 2] };
  const count = async (flip: BatchOptions["flip"]): Promise<{ [form: string]: number }> => {
    const [batch] = await batches(new BatchLoader(dataset, { flip, batchSize: length }));
    assertEquals([...batch.labels], [...batch.images]);
    const forms: { [form: string]: number } = {};
    for (let i = 0; i < length; i++) {
      const form = batch.images.subarray(4 * i, 4 * i + 4).join("");
      forms[form] = (forms[form] ?? 0) + 1;
    }
    return forms;
  };
  const [horizontal, vertical, both] = [await count("horizontal"), await count("vertical"), await count("both")];
  assertEquals(Object.keys(horizontal).sort(), ["1234", "2143"]);
  assertEquals(Object.keys(vertical).sort(), ["1234", "3412"]);
  assertEquals(Object.keys(both).sort(), ["1234", "2143", "3412", "4321"]);
  // Five standard deviations: √(400/4) = 10, √(400·3/16) ≈ 8.7.
  for (const n of [...Object.values(horizontal), ...Object.values(vertical)]) assert(Math.abs(n - 200) < 50, `${n}`);
  for (const n of Object.values(both)) assert(Math.abs(n - 100) < 44, `${n}`);
});

test("BatchLoader mirrors padded images about their centre, the same with a rotation by nothing", async () => {
  const length = 32;
  const pixels = Float32Array.from({ length: 4 * length }, (_, i) => i % 4 + 1);
  const dataset = { length, height: 1, width: 2, channels: 2, pixels, labels: new Uint8Array(length) };
  const options: BatchOptions = { flip: "horizontal", padTo: [1, 3], batchSize: length };
  const [batch] = await batches(new BatchLoader(dataset, options));
  const forms = new Set(Array.from({ length }, (_, i) => batch.images.subarray(6 * i, 6 * i + 6).join()));
  assertEquals([...forms].sort(), ["0,2,1,0,4,3", "1,2,0,3,4,0"]);
  const [still] = await batches(new BatchLoader(dataset, { ...options, rotation: [0, 0] }));
  assertEquals(still.images, batch.images);
});

test("BatchLoader interpolates every channel as it does a grey image", async () => {
  const grey = (k: number): Uint8Array => Uint8Array.from({ length: 49 }, (_, i) => (i * 37 + k * 91) % 256);
  const options: BatchOptions = { rotation: [0.3, 0.9], translation: [-1, 1], seed: 4 };
  const base = { length: 1, height: 7, width: 7, labels: new Uint8Array(1) };
  const pixels = Uint8Array.from({ length: 98 }, (_, i) => grey(i % 2)[i >> 1]);
  const colour = { ...base, channels: 2, layout: "channelsLast" as const, pixels };
  const [batch] = await batches(new BatchLoader(colour, options));
  for (const k of [0, 1]) {
    const [alone] = await batches(new BatchLoader({ ...base, pixels: grey(k) }, options));
    assertEquals(batch.images.slice(49 * k, 49 * k + 49), alone.images);
  }
  const sum = batch.images.reduce((a, b) => a + b, 0);
  assertAlmostEquals(sum / 98, 0.4, 0.15);
});

test("BatchLoader refuses datasets that do not fit, with what it expected", () => {
  const refuse = (dataset: ArrayDataset, text: string, options: BatchOptions = {}): void => {
    assertThrows(() => new BatchLoader(dataset, options), ArgumentError, text);
  };
  refuse({ ...colours, channels: 4 }, "2 images of 1 × 2 pixels of 4 channels with a label each, got 12 numbers");
  refuse({ ...colours, channels: 0 }, "channels of the dataset as an integer of at least 1, got 0");
  refuse({ ...colours, depth: 1.5 }, "depth of the dataset as an integer of at least 0, got 1.5");
  refuse({ ...colours, depth: 2 }, "2 volumes of 2 × 1 × 2 voxels of 3 channels");
  refuse({ ...colours, labelShape: [0] }, "labelShape as a list of integers of at least 1, got 0");
  refuse({ ...colours, labelShape: [3] }, "with labels [3], got 12 numbers and 2 labels");
  refuse({ ...colours, labels: new Uint8Array(4) }, "Label maps have labelShape: [1, 2]");
  const other: unknown = { ...colours, layout: "NHWC" }, large: unknown = { ...colours, labels: new Float64Array(2) };
  refuse(other as ArrayDataset, 'layout "channelsFirst" or "channelsLast", got NHWC');
  refuse(large as ArrayDataset, "labels Float64Array");
  refuse(colours, "channels as an integer from 1 to the dataset's 3, got 4", { channels: 4 });
  refuse(colours, "padTo of at least the images' size [1, 2], got [1, 1, 2]", { padTo: [1, 1, 2] });
  const mean = { mean: [1, 2], deviation: 1 };
  refuse(colours, "normalize.mean as one finite number or a list of 3, one for each channel, got [1,2]", {
    normalize: mean,
  });
  refuse(colours, "normalize.deviation as one positive number", { normalize: { mean: 0, deviation: 0 } });
  refuse(colours, "rotation as two finite numbers [low, high], got [0,NaN]", { rotation: [0, NaN] });
  refuse(colours, "outsideLabel as an int32 number, got 0.5", { outsideLabel: 0.5 });
  const flip: unknown = { flip: "left" };
  refuse(colours, 'flip "horizontal", "vertical" or "both", got left', flip as BatchOptions);
});
