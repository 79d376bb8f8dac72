// Plain layers: values worked out by hand, derivatives, shapes, bad input.
// covers: src/nn/plain/layer.ts, src/nn/plain/linear.ts, src/nn/plain/convolution.ts, src/nn/plain/activations.ts
// covers: src/nn/plain/pooling.ts, src/nn/plain/structure.ts, src/nn/plain/dropout.ts, src/nn/plain/upsampling.ts

import { assert, assertEquals, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import * as plain from "../../../src/nn/plain/mod.ts";
import { eluExpression, leakyReluExpression, reluExpression } from "../../../src/nn/plain/activations.ts";
import { checkProbability, dropout } from "../../../src/nn/plain/dropout.ts";
import { checkInput } from "../../../src/nn/plain/layer.ts";
import { paddedConvolution } from "../../../src/nn/plain/convolution.ts";
import { uniform } from "../../../src/nn/plain/linear.ts";
import { maxOfBlocks } from "../../../src/nn/plain/pooling.ts";
import { namedEntries } from "../../../src/nn/plain/structure.ts";
import {
  ArgumentError,
  convolution,
  expr,
  gradcheck,
  pad,
  randn,
  seed,
  type Shape,
  ShapeError,
  tensor,
} from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { awayFromZero, normal, values } from "../support.ts";

const float64 = { dtype: "float64" } as const;

test("Linear computes x Wᵀ + b", async () => {
  const layer = new plain.Linear(2, 3, float64);
  const tensors = new Map([["weight", tensor([[1, 2], [3, 4], [5, 6]])], ["bias", tensor([10, 20, 30])]]);
  layer.loadStateDict({ convention: plain.STATE_CONVENTION, tensors });
  assertEquals(values(layer.forward(tensor([[1, -1]], float64))), [9, 19, 29]);
  assertEquals(layer.forward(normal([0, 2])).shape, [0, 3]);
  assertEquals(new plain.Linear(2, 3, { bias: false }).bias, undefined);
  await gradcheck((x) => layer.forward(x), [normal([2, 2])], { secondOrder: true });
});

test("Linear starts uniform in ±1/√in, by the seed", () => {
  seed(2);
  const first = values(new plain.Linear(16, 64).weight);
  assert(first.every((w) => Math.abs(w) <= 0.25));
  assert(first.some((w) => w > 0.23) && first.some((w) => w < -0.23));
  seed(2);
  assertEquals(values(new plain.Linear(16, 64).weight), first);
  assertEquals(values(new plain.Linear(2, 1, { initialize: false }).weight), [0, 0]);
  assertEquals(values(uniform([2], 0, "float64")), [0, 0]);
});

test("Conv1d, Conv2d and Conv3d pass their options to the convolution", () => {
  const two = new plain.Conv2d(4, 6, [3, 1], {
    stride: 2,
    padding: [1, 0],
    dilation: [1, 2],
    groups: 2,
    dtype: "float64",
  });
  assertEquals(two.weight.shape, [6, 2, 3, 1]);
  const x = normal([2, 4, 5, 6]);
  const expected = convolution(x, two.weight, {
    bias: two.bias,
    stride: 2,
    padding: [1, 0],
    dilation: [1, 2],
    groups: 2,
  });
  assertEquals(values(two.forward(x)), values(expected));
  assertEquals(new plain.Conv1d(2, 3, 3, float64).forward(normal([1, 2, 7])).shape, [1, 3, 5]);
  assertEquals(new plain.Conv3d(1, 2, 3, float64).forward(normal([1, 1, 4, 5, 6])).shape, [1, 2, 2, 3, 4]);
  assertEquals(
    new plain.ConvTranspose2d(2, 3, 3, { stride: 2, outputPadding: 1, dtype: "float64" }).forward(normal([1, 2, 4, 4]))
      .shape,
    [1, 3, 10, 10],
  );
  assertEquals(new plain.ConvTranspose3d(2, 1, 2, float64).forward(normal([1, 2, 2, 2, 2])).shape, [1, 1, 3, 3, 3]);
  assertStringIncludes(two.toString(), "4 -> 6, kernelSize 3x1, stride 2x2, padding 1x0, dilation 1x2, groups 2");
});

test("paddedConvolution pads in other modes before it convolves", () => {
  const x = normal([1, 1, 4, 5]), weight = normal([1, 1, 3, 3]);
  for (const paddingMode of ["reflect", "replicate", "circular"] as const) {
    const got = paddedConvolution(x, weight, {
      stride: [1, 1],
      padding: [1, 2],
      dilation: [1, 1],
      groups: 1,
      paddingMode,
    });
    const padded = pad(x, [[1, 1], [2, 2]], { mode: paddingMode });
    assertEquals(values(got), values(convolution(padded, weight)));
  }
});

test("activations compute their functions, with derivatives to second order", async () => {
  const x = awayFromZero(normal([3, 4]));
  for (
    const layer of [
      new plain.ReLU(),
      new plain.ELU({ alpha: 0.5 }),
      new plain.LeakyReLU(),
      new plain.Sigmoid(),
      new plain.Tanh(),
    ]
  ) {
    await gradcheck((v) => layer.forward(v), [x], { secondOrder: true });
  }
  const at = tensor([-2, 3], float64);
  assertEquals(values(plain.relu(at)), [0, 3]);
  assertClose(values(plain.elu(at, 2)), [2 * Math.expm1(-2), 3], { absolute: 1e-15 });
  assertClose(values(plain.leakyRelu(at, 0.1)), [-0.2, 3], { absolute: 1e-16 });
});

test("activation expressions are shared by plain and equivariant modules", () => {
  const x = expr.constant(-1, "float64"), a = expr.constant(0.5, "float64");
  const constant = (node: expr.Expr) => node.kind === "constant" ? node.value : NaN;
  assertEquals(constant(reluExpression(x)), 0);
  assertClose([constant(eluExpression(x, a))], [0.5 * Math.expm1(-1)], { absolute: 1e-16 });
  assertEquals(constant(leakyReluExpression(x, a)), -0.5);
});

test("poolings: maxima, averages, whole planes and blocks of channels", () => {
  const x = tensor([[[[1, 2], [3, 4]], [[5, 6], [7, 8]]]], float64);
  assertEquals(values(new plain.MaxPool2d(2).forward(x)), [4, 8]);
  assertEquals(values(new plain.AvgPool2d(2).forward(x)), [2.5, 6.5]);
  assertEquals(values(new plain.AdaptiveAvgPool2d(1).forward(x)), [2.5, 6.5]);
  assertEquals(values(new plain.AdaptiveMaxPool2d([1, 2]).forward(x)), [3, 4, 7, 8]);
  const mean = new plain.GlobalAveragePool().forward(x);
  assertEquals([mean.shape, values(mean)] as [Shape, number[]], [[1, 2], [2.5, 6.5]]);
  assertEquals(values(new plain.MaxPoolChannels(2).forward(x)), [5, 6, 7, 8]);
  const blocks = tensor([[3, 1, 2, 9, 8]], float64);
  assertEquals(values(new plain.MaxPoolChannels([2, 1, 2]).forward(blocks)), [3, 2, 9]);
  assertEquals(values(maxOfBlocks(blocks, [1, 1, 3])), [3, 1, 9]);
  assertThrows(() => new plain.MaxPoolChannels(3).forward(x), ShapeError, "multiple of 3");
  assertThrows(() => new plain.MaxPoolChannels([1, 2]).forward(x), ShapeError, "3 channels");
  assertThrows(() => new plain.MaxPoolChannels([]), ArgumentError);
});

test("Flatten, Identity, MaskLayer and Sequential", () => {
  const x = normal([2, 3, 2, 2]);
  assertEquals(new plain.Flatten().forward(x).shape, [2, 12]);
  assertEquals(new plain.Flatten().forward(normal([0, 3, 2])).shape, [0, 6]);
  assertThrows(() => new plain.Flatten().forward(tensor(1)), ShapeError);
  assertStrictEquals(new plain.Identity().forward(x), x);
  const mask = new plain.MaskLayer(Float64Array.of(1, 0, 0, 2), [2, 2]);
  assertEquals(values(mask.forward(x)), values(x).map((v, i) => v * [1, 0, 0, 2][i % 4]));
  assertThrows(() => mask.forward(normal([1, 1, 2, 3])), ShapeError, "[2, 2]");
  const net = new plain.Sequential({ mask, flatten: new plain.Flatten() });
  assertEquals([...net.children().keys()], ["mask", "flatten"]);
  assertEquals(net.forward(x).shape, [2, 12]);
});

test("namedEntries names a list by position and refuses what is no part", () => {
  const isNumber = (value: unknown): value is number[] => Array.isArray(value);
  assertEquals(namedEntries<number[]>([[1], [2]], isNumber).map(([name]) => name), ["0", "1"]);
  assertEquals(namedEntries<number[]>([{ a: [1] }], isNumber), [["a", [1]]]);
  assertThrows(() => namedEntries<number[]>([[1], { a: [2] }], isNumber), ArgumentError, "modules");
});

test("Dropout keeps the mean, and is the identity in eval mode", () => {
  seed(6);
  const x = tensor(new Float64Array(4000).fill(1), [4000], float64), layer = new plain.Dropout(0.2);
  const y = values(layer.forward(x));
  assert(y.every((v) => v === 0 || Math.abs(v - 1.25) < 1e-12));
  assert(Math.abs(y.reduce((a, b) => a + b, 0) / 4000 - 1) < 0.05);
  assertStrictEquals(layer.eval().forward(x), x);
  assertEquals(values(dropout(tensor([1, 2]), 1, [2])), [0, 0]);
  assertThrows(() => checkProbability("here", -0.1), ArgumentError, "here");
});

test("Upsample2d enlarges by a factor or to a size", () => {
  const x = tensor([[[[1, 2]]]], float64);
  assertEquals(values(new plain.Upsample2d({ scaleFactor: 2, mode: "nearest" }).forward(x)), [1, 1, 2, 2, 1, 1, 2, 2]);
  const wide = new plain.Upsample2d({ size: [1, 3], alignCorners: true });
  assertEquals(values(wide.forward(x)), [1, 1.5, 2]);
  assertEquals(wide.outputSize([1, 2]), [1, 3]);
  assertThrows(() => new plain.Upsample2d({}), ArgumentError, "either");
});

test("plain layers refuse other ranks, channels and options, naming what was expected and what came", () => {
  assertThrows(() => new plain.Linear(3, 2).forward(randn([1, 4])), ShapeError, "3 channels");
  assertThrows(() => new plain.Linear(0, 2), ArgumentError, "0 and 2");
  const error = assertThrows(() => new plain.Conv2d(3, 2, 3).forward(randn([1, 4, 5, 5])), ShapeError, "Conv2d");
  assertStringIncludes(error.message, "[1, 4, 5, 5]");
  assertThrows(() => new plain.Conv2d(3, 2, 3, { groups: 2 }), ArgumentError, "groups");
  assertThrows(() => new plain.Conv2d(2, 2, 0), ArgumentError, "kernelSize");
  assertThrows(() => new plain.MaxPool2d(2).forward(randn([1, 2, 3])), ShapeError, "[1, 2, 3]");
  assertThrows(
    () => checkInput("here", [1, 2], [3], 2, "[a, b, c]"),
    ShapeError,
    "here: expected an input [a, b, c] with 2",
  );
});
