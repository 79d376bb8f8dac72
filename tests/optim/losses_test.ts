// covers: src/optim/losses.ts

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { crossEntropy, meanSquaredError } from "../../src/optim/mod.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { gradcheck, tensor, useBackend } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";

const LOGITS = [[1, -2, 0.5], [0, 3, -1]];
const LABELS = new Int32Array([2, 0]);

function logits() {
  return tensor(new Float64Array(LOGITS.flat()), [2, 3]);
}

/** −Σ target · log softmax of a row. */
function rowLoss(row: number[], target: number[]): number {
  const norm = Math.log(row.reduce((sum, value) => sum + Math.exp(value), 0));
  return -row.reduce((sum, value, i) => sum + target[i] * (value - norm), 0);
}

test("crossEntropy is −log softmax at the label, by mean, sum or row", async () => {
  await useBackend("reference");
  const rows = [rowLoss(LOGITS[0], [0, 0, 1]), rowLoss(LOGITS[1], [1, 0, 0])];
  const labels = tensor(LABELS);
  assertAlmostEquals(await crossEntropy(logits(), labels).item(), (rows[0] + rows[1]) / 2, 1e-14);
  assertAlmostEquals(await crossEntropy(logits(), labels, { reduction: "sum" }).item(), rows[0] + rows[1], 1e-14);
  assertClose(await crossEntropy(logits(), labels, { reduction: "none" }).data(), rows, { absolute: 1e-14 });
});

test("crossEntropy with label smoothing spreads its share over all classes", async () => {
  await useBackend("reference");
  const expected = (rowLoss(LOGITS[0], [0.1, 0.1, 0.8]) + rowLoss(LOGITS[1], [0.8, 0.1, 0.1])) / 2;
  assertAlmostEquals(await crossEntropy(logits(), tensor(LABELS), { labelSmoothing: 0.3 }).item(), expected, 1e-14);
});

test("crossEntropy stays finite for logits of ±1e4", async () => {
  await useBackend("reference");
  const loss = crossEntropy(tensor(new Float64Array([1e4, -1e4]), [1, 2]), tensor(new Int32Array([1])));
  assertAlmostEquals(await loss.item(), 2e4, 1e-9);
});

test("crossEntropy lets other classes be impossible: logits of −∞ neither make the loss NaN nor its gradient", async () => {
  await useBackend("reference");
  const x = tensor(new Float64Array([1, -Infinity, 0.5]), [1, 3]).requireGrad(), labels = tensor(new Int32Array([2]));
  const loss = crossEntropy(x, labels), odds = Math.exp(0.5); // of the first class against the third
  assertAlmostEquals(await loss.item(), Math.log(1 + odds), 1e-14);
  loss.backward();
  assertClose(await x.grad!.data(), [odds / (1 + odds), 0, -odds / (1 + odds)], { absolute: 1e-14 });
  assertEquals(await crossEntropy(x, labels, { labelSmoothing: 0.3 }).item(), Infinity);
});

test("crossEntropy takes labels of pixels: as a loss of as many rows", async () => {
  await useBackend("reference");
  const pixels = tensor(Float64Array.from({ length: 2 * 3 * 4 }, (_, i) => Math.sin(3 * i)), [2, 3, 2, 2]);
  const labels = tensor(Int32Array.of(0, 1, 2, 0, 2, 2, 1, 0), [2, 2, 2]);
  const rows = crossEntropy(pixels.permute([0, 2, 3, 1]).reshape([8, 3]), labels.reshape([8]), { reduction: "none" });
  const each = crossEntropy(pixels, labels, { reduction: "none" });
  assertEquals(each.shape, [2, 2, 2]);
  assertClose(await each.data(), await rows.data(), { absolute: 1e-14 });
  assertAlmostEquals(await crossEntropy(pixels, labels).item(), await rows.mean().item(), 1e-14);
});

test("crossEntropy leaves out ignored labels, also from the mean, and gives 0 where none is left", async () => {
  await useBackend("reference");
  const labels = tensor(Int32Array.of(-1, 0)), options = { ignoreIndex: -1, labelSmoothing: 0.3 };
  const second = rowLoss(LOGITS[1], [0.8, 0.1, 0.1]);
  assertAlmostEquals(await crossEntropy(logits(), labels, options).item(), second, 1e-14);
  assertClose(await crossEntropy(logits(), labels, { ...options, reduction: "none" }).data(), [0, second], {
    absolute: 1e-14,
  });
  assertEquals(await crossEntropy(logits(), tensor(Int32Array.of(-1, -1)), options).item(), 0);
  await gradcheck((x) => crossEntropy(x, labels, options), [logits()], { secondOrder: true });
});

test("crossEntropy refuses labels that are no class, on a backend that is not waited for by a loss of NaN", async () => {
  await useBackend("reference");
  for (const wrong of [3, -1]) {
    const labels = tensor(Int32Array.of(0, wrong));
    assertThrows(
      () => crossEntropy(logits(), labels),
      ArgumentError,
      `labels from 0 to 2 for logits of 3 classes, got ${wrong}`,
    );
    // A proxy would not be this backend for its buffers, so the property alone is changed.
    Object.defineProperty(labels.backend, "checksIndices", { value: true, configurable: true });
    try {
      assertEquals(await crossEntropy(logits(), labels).item(), NaN);
      const first = await crossEntropy(logits(), labels, { ignoreIndex: wrong }).item();
      assertAlmostEquals(first, rowLoss(LOGITS[0], [1, 0, 0]), 1e-14);
    } finally {
      Reflect.deleteProperty(labels.backend, "checksIndices");
    }
  }
});

test("losses pass gradcheck of first and second order", async () => {
  await useBackend("reference");
  const labels = tensor(LABELS);
  const target = tensor(new Float64Array([0.1, 0.2, -0.7, 1, 2, 3]), [2, 3]);
  await gradcheck((x) => crossEntropy(x, labels, { labelSmoothing: 0.1 }), [logits()], { secondOrder: true });
  await gradcheck((x, y) => meanSquaredError(x, y), [logits(), target], { secondOrder: true });
});

test("meanSquaredError is the mean, the sum or each square of the differences", async () => {
  await useBackend("reference");
  const [a, b] = [tensor([1, 2, 4]), tensor([0, 2, 1])];
  assertAlmostEquals(await meanSquaredError(a, b).item(), 10 / 3, 1e-6);
  assertAlmostEquals(await meanSquaredError(a, b, { reduction: "sum" }).item(), 10, 1e-6);
  assertClose(await meanSquaredError(a, b, { reduction: "none" }).data(), [1, 0, 9], { absolute: 0 });
});

test("losses name the shapes, types and options they refuse", async () => {
  await useBackend("reference");
  assertThrows(() => crossEntropy(logits(), tensor(new Int32Array(3))), ShapeError, "got [2, 3] and [3]. Labels");
  assertThrows(() => crossEntropy(logits(), tensor([0, 1])), DTypeError, "expected int32 labels, got float32");
  assertThrows(() => crossEntropy(logits(), tensor(LABELS), { labelSmoothing: 1 }), ArgumentError, "labelSmoothing");
  assertThrows(() => meanSquaredError(tensor([1, 2]), tensor([1])), ShapeError, "got [2] and [1]");
});
