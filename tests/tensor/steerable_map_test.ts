// The contract of a convolution by a plan with an elementwise computation behind it: what calls must look like, and what the reference
// makes of them.

import { assertEquals, assertThrows } from "@std/assert";
import { createBackend } from "../../backends/reference/mod.ts";
import type { DeviceBuffer, View } from "../../src/tensor/backend.ts";
import { convolutionGeometry } from "../../src/tensor/conv_geometry.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { contiguousStrides } from "../../src/tensor/layout.ts";
import { checkSteerableMap, type SteerableMapCall } from "../../src/tensor/steerable_map.ts";
import { steerablePlan } from "../../src/tensor/steerable_plan.ts";
import { test } from "../support/test.ts";

const reference = await createBackend({});

/** Row-major numbers in new memory. */
function view(shape: readonly number[], data: readonly number[]): View {
  const made: View = {
    buffer: reference.allocate(8 * data.length),
    dtype: "float64",
    shape,
    strides: contiguousStrides(shape),
    offset: 0,
  };
  reference.write(made, Float64Array.from(data));
  return made;
}

/** One function, x[p] − x[p + 1], for two channels: y₀ = 2 d₀ + d₁ and y₁ = 3 d₁ on two samples of four positions. */
function callOf(changes: (result: View) => Partial<SteerableMapCall>): SteerableMapCall {
  const identity = Float64Array.of(1);
  const plan = steerablePlan({
    functions: Float64Array.of(1, -1),
    kernelSize: [2],
    inChannels: 2,
    outChannels: 2,
    inputs: [{ size: 1, channels: Int32Array.of(0, 1), parts: [{ output: 0, paths: 1, coefficients: identity }] }],
    outputs: [{ size: 1, channels: Int32Array.of(0, 1) }],
  });
  const name: DeviceBuffer = { bytes: 0 };
  const result: View = { buffer: name, dtype: "float64", shape: [2, 2, 3], strides: [6, 3, 1], offset: 0 };
  const call: SteerableMapCall = {
    geometry: convolutionGeometry([2, 2, 4], [2, 2, 2]),
    plan,
    input: view([2, 2, 4], [0, 1, 3, 6, 5, 3, 2, 2, 1, 1, 0, 0, 9, 8, 6, 3]),
    weight: view([4], [2, 1, 0, 3]),
    result,
    expressions: [E.maximum(E.add(E.input(0, "float64"), E.input(1, "float64")), E.constant(0, "float64"))],
    shape: [2, 2, 3],
    inputs: [result, { ...view([2], [1, -4]), shape: [2, 2, 3], strides: [0, 1, 0] }],
    scalars: [],
    outputs: [view([2, 2, 3], new Array<number>(12).fill(NaN))],
  };
  return { ...call, ...changes(result) };
}

test("the reference gives the computation of the convolution's result, and keeps none of it", () => {
  const call = callOf(() => ({})), before = reference.memory().liveBytes;
  reference.steerableConvolutionMap!(call);
  // Differences −1, −2, −3 and 2, 1, 0; then 0, 1, 0 and 1, 2, 3.
  assertEquals([...reference.readSync(call.outputs[0])], [1, 0, 0, 2, 0, 0, 2, 5, 4, 0, 2, 5]);
  assertEquals(reference.memory().liveBytes, before);
});

test("a computation of both channels of a position", () => {
  const call = callOf((result) => {
    const channel = (offset: number): View => ({ ...result, shape: [2, 3], strides: [6, 1], offset });
    return {
      expressions: [E.sub(E.input(1, "float64"), E.input(0, "float64"))],
      shape: [2, 3],
      inputs: [channel(0), channel(3)],
      outputs: [view([2, 3], new Array<number>(6).fill(NaN))],
    };
  });
  reference.steerableConvolutionMap!(call);
  assertEquals([...reference.readSync(call.outputs[0])], [6 - 0, 3 + 3, 0 + 6, 3 - 1, 6 - 4, 9 - 3]);
});

test("calls that are not local in samples and positions are refused", () => {
  const refused = (message: string, changes: (result: View) => Partial<SteerableMapCall>) =>
    assertThrows(() => checkSteerableMap(callOf(changes)), ShapeError, message);
  refused("a computation of shape [2, …, 3]", () => ({ shape: [2, 6] }));
  refused("a computation of shape [2, …, 3]", () => ({ shape: [6] }));
  refused("a row-major result", (result) => ({ result: { ...result, strides: [6, 1, 2] } }));
  const swapped = (view: View): View => ({ ...view, strides: [3, 6, 1] });
  refused("strides [6, multiples of 3, 1]", (result) => ({ inputs: [swapped(result)] }));
  refused("strides [6, multiples of 3, 1]", (result) => ({ inputs: [{ ...result, offset: 1 }] }));
  refused("strides [6, multiples of 3, 1]", (result) => ({ inputs: [{ ...result, strides: [6, 3, 0] }] }));
  checkSteerableMap(callOf(() => ({})));
});
