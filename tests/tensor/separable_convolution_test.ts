// Convolution of every channel with a product of profiles: values, derivatives of both orders, bad input.
// covers: src/tensor/separable_filter.ts

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  DTypeError,
  grad,
  gradcheck,
  ones,
  randn,
  seed,
  ShapeError,
  type Tensor,
  tensor,
  useBackend,
} from "../../src/tensor/mod.ts";
import { hasSeparableFilters, separableConvolution } from "../../src/tensor/separable_convolution.ts";
import { test } from "../support/test.ts";

await useBackend("reference");

const D = { dtype: "float64" } as const;

test("separableConvolution weighs each channel's neighbours, zeros in the padding", () => {
  const x = tensor([1, 2, 3, 4, 5, 6], [1, 2, 3], D);
  const y = separableConvolution(x, [Float64Array.of(1, 10, 100)], { padding: 1 });
  assertEquals([...y.dataSync()], [210, 321, 32, 540, 654, 65]);
  const strided = separableConvolution(ones([1, 1, 4, 5], D), [Float64Array.of(1, 1), Float64Array.of(1, 2)], {
    stride: [2, 3],
    padding: [0, 1],
  });
  assertEquals(strided.shape, [1, 1, 2, 2]);
  assertEquals([...strided.dataSync()], [4, 6, 4, 6]);
  assertEquals(separableConvolution(ones([0, 2, 5], D), [Float64Array.of(1, 1)]).shape, [0, 2, 4]);
});

test("derivatives of separableConvolution are its adjoint, and that one's are it", async () => {
  seed(1);
  const profiles = [Float64Array.of(0.5, -1, 2), Float64Array.of(1, 3)], options = { stride: [2, 1], padding: [1, 1] };
  const x = randn([2, 2, 4, 3], { ...D, requiresGrad: true });
  const y = separableConvolution(x, profiles, options), weights = randn(y.shape, D);
  // Adjoint: the inner product of y with any numbers is that of x with the gradient.
  const [gradient] = grad([y], [x], { gradOutputs: [weights] });
  const inner = (a: Tensor, b: Tensor) => a.detach().mul(b.detach()).sum().item();
  assertAlmostEquals(await inner(y, weights), await inner(x, gradient), 1e-12);
  await gradcheck((input) => separableConvolution(input, profiles, options).square(), [x], { secondOrder: true });
});

test("separableConvolution refuses integers and inputs smaller than the filter, and says which backends have it", () => {
  const x = ones([1, 1, 2], D);
  assert(hasSeparableFilters(x.backend));
  assertThrows(() => separableConvolution(x.cast("int32"), [Float64Array.of(1)]), DTypeError);
  assertThrows(() => separableConvolution(x, [Float64Array.of(1, 2, 3)]), ShapeError);
});
