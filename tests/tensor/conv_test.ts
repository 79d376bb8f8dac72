// Convolutions on tensors: values, adjointness, empty batches, and what is refused before anything is allocated.

import { assertEquals, assertThrows } from "@std/assert";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";
import { float64, int32, values } from "./support.ts";
import { convolution, convolutionTransposed } from "../../src/tensor/conv.ts";
import { arange, ones, tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { memory } from "../../src/tensor/memory.ts";
import { scope } from "../../src/tensor/scope.ts";

test("convolution correlates, with bias, stride and padding on unequal sides", () => {
  using _ = scope();
  const x = tensor([[[1, 2, 3, 4]]]);
  const w = tensor([[[1, 0, -1]], [[0, 1, 0]]]);
  assertEquals(values(convolution(x, w)), [-2, -2, 2, 3]);
  const y = convolution(x, w, { stride: 2, padding: [[2, 1]], bias: tensor([100, 0]) });
  assertEquals(y.shape, [1, 2, 3]);
  assertEquals(values(y), [99, 98, 103, 0, 2, 4]);
});

test("convolution with groups keeps channels apart, in 3D too", () => {
  using _ = scope();
  const x = arange(4).reshape([1, 2, 1, 1, 2]);
  const w = tensor([1, 10], [2, 1, 1, 1, 1]);
  assertEquals(values(convolution(x, w, { groups: 2 })), [0, 1, 20, 30]);
});

test("convolutionTransposed is the adjoint of convolution", () => {
  using _ = scope();
  const options = { stride: [2, 1], padding: 1, dilation: [1, 2], groups: 2 };
  const x = float64([2, 4, 6, 5]);
  const w = float64([6, 2, 3, 2], 1);
  const y = convolution(x, w, options);
  const z = float64(y.shape, 2);
  const back = convolutionTransposed(z, w, { ...options, outputPadding: [1, 0] });
  assertEquals(back.shape, x.shape);
  assertClose(values(back.mul(x).sum()), values(y.mul(z).sum()), { relative: 1e-13 });
});

test("convolutionTransposed spreads each element by the filter", () => {
  using _ = scope();
  const y = convolutionTransposed(tensor([[[1, 10]]]), tensor([[[1, 2, 3]]]), { stride: 2, bias: tensor([0.5]) });
  assertEquals(values(y), [1.5, 2.5, 13.5, 20.5, 30.5]);
});

test("convolution of an empty batch gives an empty batch and zero gradients", () => {
  using _ = scope();
  const x = zeros([0, 2, 4, 4]).requireGrad();
  const w = ones([3, 2, 3, 3]).requireGrad();
  const bias = ones([3]).requireGrad();
  const y = convolution(x, w, { bias });
  assertEquals(y.shape, [0, 3, 2, 2]);
  y.sum().backward();
  assertEquals([x.grad!.shape, w.grad!.sum().itemSync(), values(bias.grad!)], [[0, 2, 4, 4], 0, [0, 0, 0]]);
});

test("convolution refuses operands that do not fit and allocates nothing", () => {
  using _ = scope();
  const x = ones([1, 2, 4, 4]);
  const bad = ones([3, 3, 3, 3]);
  const w = ones([3, 2, 3, 3]);
  const before = memory().reference.liveBuffers;
  assertThrows(() => convolution(x, bad), ShapeError, "for 2 input channels in 1 groups");
  assertThrows(() => convolution(x, w, { groups: 2 }), ShapeError);
  assertThrows(() => convolution(x, w, { stride: 0 }), ArgumentError, "stride");
  assertThrows(() => convolution(x, w, { dilation: 4 }), ShapeError, "the filter's reach 9");
  assertThrows(() => convolution(x, w, { bias: x }), ShapeError, "a bias [3]");
  assertThrows(() => convolution(x.select(0, 0), w), ShapeError, "1 to 3 spatial axes");
  assertThrows(() => convolutionTransposed(x, w), ShapeError, "[channels, out / groups");
  assertThrows(
    () => convolutionTransposed(x, w.slice(0, 0, 2), { outputPadding: 1 }),
    ArgumentError,
    "less than stride",
  );
  assertEquals(memory().reference.liveBuffers, before);
  assertThrows(() => convolution(x, float64([3, 2, 3, 3])), DTypeError, "one float type");
  assertThrows(() => convolution(int32([1], [1, 1, 1]), int32([1], [1, 1, 1])), DTypeError);
});
