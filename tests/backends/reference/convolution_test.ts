// Convolution and its gradients on the reference backend against numbers worked out by hand.

import { assertEquals } from "@std/assert";
import { createBackend } from "../../../backends/reference/mod.ts";
import type { ConvolutionOptions } from "../../../src/tensor/conv_geometry.ts";
import { convolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import type { Shape } from "../../../src/tensor/layout.ts";
import { test } from "../../support/test.ts";
import { numbersOf, viewOf } from "./views.ts";

/** A shape and its elements; those of the result are not needed. */
type Operand = readonly [shape: Shape, data?: readonly number[]];

async function run(
  method: "convolution" | "convolutionInputGradient" | "convolutionWeightGradient",
  [inputShape, input]: Operand,
  [weightShape, weight]: Operand,
  output: readonly number[] | undefined,
  options: ConvolutionOptions = {},
): Promise<number[]> {
  const backend = await createBackend({});
  const geometry = convolutionGeometry(inputShape, weightShape, options);
  const call = {
    geometry,
    input: viewOf(backend, "float32", inputShape, input),
    weight: viewOf(backend, "float32", weightShape, weight),
    output: viewOf(backend, "float32", [geometry.batch, geometry.outChannels, ...geometry.outputSize], output),
  };
  backend[method](call);
  const result = {
    convolution: call.output,
    convolutionInputGradient: call.input,
    convolutionWeightGradient: call.weight,
  };
  return numbersOf(backend, result[method]);
}

test("convolution is a cross-correlation: the filter is not mirrored", async () => {
  assertEquals(await run("convolution", [[1, 1, 4], [1, 2, 3, 4]], [[1, 1, 2], [1, 10]], undefined), [21, 32, 43]);
});

test("convolution sums over channels and takes stride, unequal padding and dilation", async () => {
  // Channel sums 11, 22, 33, 44; taps at distance 2 from position 2·p − 1.
  const input = [1, 2, 3, 4, 10, 20, 30, 40];
  const options = { stride: 2, padding: [[1, 2]] as const, dilation: 2 };
  assertEquals(
    await run("convolution", [[1, 2, 4], input], [[1, 2, 2], [1, 100, 1, 100]], undefined, options),
    [2200, 22 + 4400, 44],
  );
});

test("convolution in 2D against nine products by hand", async () => {
  const input = [1, 2, 3, 4, 5, 6, 7, 8, 9];
  assertEquals(await run("convolution", [[1, 1, 3, 3], input], [[1, 1, 2, 2], [1, 0, 0, -1]], undefined), [
    -4,
    -4,
    -4,
    -4,
  ]);
  assertEquals(
    await run("convolution", [[1, 1, 3, 3], input], [[1, 1, 3, 3], [0, 1, 0, 0, 0, 0, 0, 0, 0]], undefined, {
      padding: 1,
    }),
    [0, 0, 0, 1, 2, 3, 4, 5, 6],
  );
});

test("convolution in 3D picks one tap", async () => {
  const input = Array.from({ length: 8 }, (_, i) => i + 1);
  const tap = [0, 0, 0, 0, 0, 1, 0, 0];
  assertEquals(await run("convolution", [[1, 1, 2, 2, 2], input], [[1, 1, 2, 2, 2], tap], undefined), [6]);
});

test("convolution in groups keeps the groups apart", async () => {
  assertEquals(
    await run("convolution", [[1, 2, 2], [1, 2, 3, 4]], [[4, 1, 1], [1, 10, 100, 1000]], undefined, { groups: 2 }),
    [1, 2, 10, 20, 300, 400, 3000, 4000],
  );
});

test("convolution of an empty batch gives an empty result, its weight gradient is zero", async () => {
  assertEquals(await run("convolution", [[0, 1, 3], []], [[1, 1, 2], [1, 2]], undefined), []);
  assertEquals(await run("convolutionWeightGradient", [[0, 1, 3], []], [[1, 1, 2]], []), [0, 0]);
});

test("convolutionInputGradient spreads each output over its taps", async () => {
  assertEquals(await run("convolutionInputGradient", [[1, 1, 4]], [[1, 1, 2], [1, 10]], [1, 2, 3]), [1, 12, 23, 30]);
  // With stride 2 the last element is met by no window.
  assertEquals(
    await run("convolutionInputGradient", [[1, 1, 5]], [[1, 1, 2], [1, 10]], [1, 2], { stride: 2 }),
    [1, 10, 2, 20, 0],
  );
});

test("convolutionWeightGradient correlates input and output", async () => {
  assertEquals(
    await run("convolutionWeightGradient", [[2, 1, 3], [1, 2, 3, 4, 5, 6]], [[1, 1, 2]], [1, 10, 100, 1000]),
    [1 + 20 + 400 + 5000, 2 + 30 + 500 + 6000],
  );
});
