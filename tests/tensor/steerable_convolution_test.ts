// Convolution by a plan: the reference's loops against the composition of other operations, derivatives, bad input.
// covers: src/tensor/steerable_composition.ts, src/tensor/steerable_plan.ts, backends/reference/steerable_convolution.ts

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  ArgumentError,
  type ConvolutionOptions,
  DTypeError,
  grad,
  gradcheck,
  randn,
  seed,
  ShapeError,
  steerableConvolution,
  steerableConvolutionTransposed,
  steerablePlan,
  steerableWork,
  useBackend,
  zeros,
} from "../../src/tensor/mod.ts";
import { convolutionGeometry } from "../../src/tensor/conv_geometry.ts";
import { composeSteerableConvolution, composeSteerableTransposed } from "../../src/tensor/steerable_composition.ts";
import { assertClose } from "../support/close.ts";
import { randomPlan } from "../support/random_plan.ts";
import { test } from "../support/test.ts";

await useBackend("reference");

const CASES: readonly (readonly [readonly number[], readonly number[], ConvolutionOptions])[] = [
  [[3], [9], { padding: 1 }],
  [[3, 5], [6, 8], { padding: [[1, 0], [2, 3]], stride: [1, 2] }],
  [[2, 3], [7, 6], { dilation: [2, 1], groups: 2 }],
  [[3, 3, 3], [4, 5, 3], { padding: 1 }],
];

for (const [kernelSize, size, options] of CASES) {
  test(`steerableConvolution in the reference equals its composition to 1e-12: ${kernelSize.join("x")}`, () => {
    seed(1);
    const plan = randomPlan({ kernelSize });
    const groups = options.groups ?? 1;
    const x = randn([2, groups * plan.inChannels, ...size], { dtype: "float64", requiresGrad: true });
    const w = randn([groups * plan.weightCount], { dtype: "float64", requiresGrad: true });
    const y = steerableConvolution(x, w, plan, options);
    const filter = [groups * plan.outChannels, plan.inChannels, ...kernelSize];
    const composed = composeSteerableConvolution(x, w, plan, convolutionGeometry(x.shape, filter, options));
    assertEquals(y.shape, composed.shape);
    assertClose(y.dataSync(), composed.dataSync(), { absolute: 1e-12 });
    const gradOutputs = [randn(y.shape, { dtype: "float64" })];
    const expected = grad([composed], [x, w], { gradOutputs }), got = grad([y], [x, w], { gradOutputs });
    got.forEach((g, i) => assertClose(g.dataSync(), expected[i].dataSync(), { absolute: 1e-11 }));
  });
}

for (const [kernelSize, size, options] of CASES) {
  test(`steerableConvolutionTransposed is the adjoint, and equals its composition to 1e-12: ${kernelSize.join("x")}`, () => {
    seed(3);
    const plan = randomPlan({ kernelSize });
    const groups = options.groups ?? 1;
    const x = randn([2, groups * plan.inChannels, ...size], { dtype: "float64", requiresGrad: true });
    const w = randn([groups * plan.weightCount], { dtype: "float64", requiresGrad: true });
    const filter = [groups * plan.outChannels, plan.inChannels, ...kernelSize];
    const geometry = convolutionGeometry(x.shape, filter, options);
    const y = steerableConvolution(x, w, plan, options);
    const z = randn(y.shape, { dtype: "float64", requiresGrad: true });
    const [adjoint] = grad([y], [x], { gradOutputs: [z] });
    const outputPadding = size.map((length, axis) => {
      const reach = geometry.dilation[axis] * (kernelSize[axis] - 1) + 1;
      const whole = length + geometry.padBefore[axis] + geometry.padAfter[axis] - reach;
      return whole - (geometry.outputSize[axis] - 1) * geometry.stride[axis];
    });
    const transposed = steerableConvolutionTransposed(z, w, plan, { ...options, outputPadding });
    assertEquals(transposed.shape, x.shape);
    assertClose(transposed.dataSync(), adjoint.dataSync(), { absolute: 1e-12 });
    const composed = composeSteerableTransposed(z, w, plan, geometry);
    assertClose(composed.dataSync(), adjoint.dataSync(), { absolute: 1e-12 });
    const gradOutputs = [randn(x.shape, { dtype: "float64" })];
    const expected = grad([composed], [z, w], { gradOutputs }), got = grad([transposed], [z, w], { gradOutputs });
    got.forEach((g, i) => assertClose(g.dataSync(), expected[i].dataSync(), { absolute: 1e-11 }));
  });
}

test("steerableConvolution has right first and second derivatives (gradcheck)", async () => {
  seed(2);
  const plan = randomPlan({ kernelSize: [2, 3], copies: 1, functionCount: 3 });
  const x = randn([1, plan.inChannels, 3, 4], { dtype: "float64" });
  const w = randn([plan.weightCount], { dtype: "float64" });
  await gradcheck((a, b) => steerableConvolution(a, b, plan, { padding: 1, stride: 2 }), [x, w], { secondOrder: true });
});

test("steerableConvolution of an empty batch is empty, and its weight gradient zero", () => {
  const plan = randomPlan({ kernelSize: [3] });
  const w = randn([plan.weightCount], { requiresGrad: true });
  const y = steerableConvolution(zeros([0, plan.inChannels, 5]), w, plan);
  assertEquals(y.shape, [0, plan.outChannels, 3]);
  const [gradient] = grad([y.sum()], [w]);
  assertEquals(gradient.dataSync(), new Float32Array(plan.weightCount));
});

test("steerableConvolution names what does not fit", () => {
  const plan = randomPlan({ kernelSize: [3] });
  const x = zeros([1, plan.inChannels, 5]);
  const error = assertThrows(() => steerableConvolution(x, zeros([3]), plan), ShapeError);
  assertStringIncludes(error.message, `[${plan.weightCount}]`);
  assertThrows(() => steerableConvolution(zeros([1, 2, 5]), zeros([plan.weightCount]), plan), ShapeError);
  assertThrows(() => steerableConvolution(x, zeros([plan.weightCount], { dtype: "float64" }), plan), DTypeError);
});

test("steerablePlan refuses channels and coefficients that do not fit", () => {
  const one = { size: 1, channels: Int32Array.of(0) };
  const parts = { functions: new Float64Array(3), kernelSize: [3], inChannels: 1, outChannels: 1 };
  const input = (count: number) => ({
    ...one,
    parts: [{ output: 0, paths: 1, coefficients: new Float64Array(count) }],
  });
  assertEquals(steerablePlan({ ...parts, inputs: [input(1)], outputs: [one] }).weightCount, 1);
  assertThrows(() => steerablePlan({ ...parts, inputs: [input(2)], outputs: [one] }), ArgumentError, "1 coefficients");
  const outside = { size: 2, channels: Int32Array.of(0) };
  assertThrows(() => steerablePlan({ ...parts, inputs: [], outputs: [outside] }), ArgumentError);
});

test("steerableWork counts coefficients that are not 0, planes and products", () => {
  const coefficients = Float64Array.of(1, 0, 0, 2);
  const plan = steerablePlan({
    functions: Float64Array.of(1, 0, 1, -1, 0, 1),
    kernelSize: [3],
    inChannels: 3,
    outChannels: 4,
    inputs: [{ size: 1, channels: Int32Array.of(0, 1, 2), parts: [{ output: 0, paths: 2, coefficients }] }],
    outputs: [{ size: 1, channels: Int32Array.of(0, 1, 2, 3) }],
  });
  const work = steerableWork(plan, convolutionGeometry([2, 3, 7], [4, 3, 3]));
  assertEquals(work, {
    projection: 3 * 4 * 10,
    contraction: 3 * 2 * 10,
    product: 3 * 2 * 4 * 10,
    planes: 6,
    folded: 3 * 3 * 10,
    outputs: 4 * 10,
  });
});
