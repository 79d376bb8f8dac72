// Plain batch normalization against its definition, in loops.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { BatchNorm1d, BatchNorm2d, BatchNorm3d } from "../../../src/nn/plain/mod.ts";
import { batchNormalize, batchNormSettings, batchNormState, positionsOf } from "../../../src/nn/plain/batch_norm.ts";
import { ArgumentError, gradcheck, ShapeError, type Tensor, tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

/** Normalizes [batch, channels, positions] channel by channel. */
function definition(x: Tensor, eps: number): number[] {
  const [batch, channels] = x.shape, positions = positionsOf(x), data = values(x);
  const result = new Array<number>(data.length);
  for (let c = 0; c < channels; c++) {
    const indices = Array.from(
      { length: batch * positions },
      (_, i) => (Math.floor(i / positions) * channels + c) * positions + i % positions,
    );
    const mean = indices.reduce((sum, i) => sum + data[i], 0) / indices.length;
    const variance = indices.reduce((sum, i) => sum + (data[i] - mean) ** 2, 0) / indices.length;
    for (const i of indices) result[i] = (data[i] - mean) / Math.sqrt(variance + eps);
  }
  return result;
}

test("BatchNorm1d, 2d and 3d normalize each channel over batch and positions", () => {
  const cases = [
    [new BatchNorm1d(3, { dtype: "float64" }), [4, 3]],
    [new BatchNorm1d(3, { dtype: "float64", eps: 0.1 }), [2, 3, 5]],
    [new BatchNorm2d(3, { dtype: "float64" }), [2, 3, 4, 2]],
    [new BatchNorm3d(3, { dtype: "float64", affine: false }), [2, 3, 2, 2, 3]],
  ] as const;
  for (const [layer, shape] of cases) {
    const x = normal(shape);
    assertClose(values(layer.forward(x)), definition(x, layer.settings.eps), { absolute: 1e-13 });
  }
});

test("batchNormalize shares statistics among the members of a group", () => {
  const settings = batchNormSettings("test", { affine: false, trackRunningStats: false, dtype: "float64" });
  const x = normal([2, 2, 3, 4]);
  const y = batchNormalize("test", x, {}, settings, false);
  assertClose(values(y.mean([0, 2, 3])), [0, 0], { absolute: 1e-15 });
  assertClose(values(y.square().mean([0, 2, 3])), [1, 1], { absolute: 1e-4 });
  assertEquals(batchNormState(2, settings), { parameters: [], buffers: [] });
});

test("batchNormalize has first and second derivatives by input, weight and bias, in both modes", async () => {
  const settings = batchNormSettings("test", { dtype: "float64" });
  const running = { runningMean: normal([2]), runningVar: tensor([1.5, 0.5], { dtype: "float64" }) };
  const inputs = [normal([2, 2, 1, 3]), normal([2]), normal([2])];
  const batch = (x: Tensor, weight: Tensor, bias: Tensor) =>
    batchNormalize("test", x, { weight, bias }, settings, false);
  await gradcheck(batch, inputs, { secondOrder: true });
  const fixed = (x: Tensor, weight: Tensor, bias: Tensor) =>
    batchNormalize("test", x, { weight, bias, ...running }, settings, false);
  await gradcheck(fixed, inputs, { secondOrder: true });
});

test("BatchNorm1d normalizes float64 inputs with float32 state and float32 inputs with float64 state", () => {
  const x = normal([4, 2]);
  const expected = definition(x, 1e-5);
  assertClose(values(new BatchNorm1d(2).forward(x)), expected, { absolute: 1e-13 });
  const coarse = new BatchNorm1d(2, { dtype: "float64" }).forward(x.cast("float32"));
  assertEquals(coarse.dtype, "float32");
  assertClose(values(coarse), expected, { absolute: 1e-5 });
});

test("BatchNorm refuses a batch of one number in train mode, and other channels and options", () => {
  const layer = new BatchNorm1d(3);
  const error = assertThrows(() => layer.forward(normal([1, 3])), ShapeError, "at least two numbers");
  assertStringIncludes(error.message, "eval()");
  assertEquals(values(layer.buffers()[2]), [0]);
  assertEquals(layer.eval().forward(normal([1, 3])).shape, [1, 3]);
  assertThrows(() => layer.forward(normal([2, 4])), ShapeError, "3 channels");
  assertThrows(() => new BatchNorm2d(0), ArgumentError, "channels");
  assertThrows(() => batchNormSettings("here", { momentum: -1 }), ArgumentError, "here");
});
