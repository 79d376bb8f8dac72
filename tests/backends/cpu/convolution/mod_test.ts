// covers: backends/cpu/convolution/mod.ts, backends/cpu/convolution/forward.ts, backends/cpu/convolution/weight_gradient.ts, backends/cpu/convolution/pieces.ts, backends/cpu/convolution/filter.ts, backends/cpu/convolution/kernels.ts, backends/cpu/convolution/columns.ts, backends/cpu/convolution/thin.ts, backends/cpu/convolution/thin_tables.ts
// Convolution and its gradients of the cpu backend against the reference, each way that they are computed by name, at sizes
// beyond one tile and one part; the suite of all backends draws the small and strange ones.

import { assertEquals } from "@std/assert";
import { createBackend } from "../../../../backends/cpu/mod.ts";
import { findOpenblas } from "../../../../backends/cpu/openblas.ts";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { runtime } from "../../../../src/runtime/mod.ts";
import type { Backend, View } from "../../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../../src/tensor/conv_geometry.ts";
import { createTypedArray, type FloatDType, type TypedArray } from "../../../../src/tensor/dtype.ts";
import { contiguousStrides, elementCount } from "../../../../src/tensor/layout.ts";
import { test } from "../../../support/test.ts";
import { assertClose } from "../../../support/close.ts";

interface Shape {
  why: string;
  input: number[];
  weight: number[];
  options?: ConvolutionOptions;
  dtype?: FloatDType;
}

const SHAPES: readonly Shape[] = [
  {
    why: "rows in several parts of the channels",
    input: [2, 40, 29, 29],
    weight: [6, 40, 5, 5],
    options: { padding: 2 },
  },
  { why: "rows in several tiles", input: [1, 12, 70, 50], weight: [5, 12, 3, 3], options: { padding: 1 } },
  {
    why: "small images side by side",
    input: [21, 12, 5, 6],
    weight: [8, 12, 3, 3],
    options: { padding: [[1, 1], [2, 0]] },
  },
  { why: "three axes", input: [3, 5, 6, 7, 9], weight: [6, 5, 3, 3, 3], options: { padding: 1 } },
  { why: "one axis", input: [3, 7, 120], weight: [9, 7, 7], options: { padding: 3, dilation: 2 } },
  { why: "unfolding, few channels", input: [5, 3, 20, 20], weight: [16, 3, 5, 5], options: { padding: 2 } },
  {
    why: "unfolding with a stride, a lower last tile",
    input: [1, 2, 201, 101],
    weight: [8, 2, 3, 3],
    options: { stride: 2 },
  },
  { why: "a stride", input: [4, 16, 17, 17], weight: [12, 16, 3, 3], options: { padding: 1, stride: 2 } },
  {
    why: "a stride with dilation",
    input: [2, 16, 19, 21],
    weight: [12, 16, 3, 4],
    options: { padding: 2, stride: [2, 3], dilation: [3, 2] },
  },
  { why: "one tap", input: [3, 20, 11, 13], weight: [9, 20, 1, 1] },
  { why: "one tap in three axes", input: [3, 20, 4, 5, 6], weight: [9, 20, 1, 1, 1] },
  { why: "groups", input: [3, 24, 13, 13], weight: [30, 4, 3, 3], options: { groups: 6, padding: 1 } },
  { why: "depthwise", input: [5, 24, 15, 15], weight: [24, 1, 5, 5], options: { groups: 24, padding: 2 } },
  {
    why: "depthwise with a stride",
    input: [5, 24, 15, 15],
    weight: [24, 1, 5, 5],
    options: { groups: 24, padding: 2, stride: 2 },
  },
  { why: "two output channels per group", input: [3, 8, 20, 9], weight: [8, 2, 3, 3], options: { groups: 4 } },
  { why: "three output channels", input: [3, 30, 21, 18], weight: [3, 30, 3, 3], options: { padding: 1 } },
  {
    why: "four output channels in several parts",
    input: [1, 60, 40, 40],
    weight: [4, 60, 3, 3],
    options: { padding: 1 },
  },
  { why: "float64", input: [3, 13, 19, 19], weight: [7, 13, 5, 5], options: { padding: 2 }, dtype: "float64" },
  {
    why: "float64 depthwise",
    input: [3, 13, 19, 19],
    weight: [13, 1, 3, 3],
    options: { groups: 13, stride: 2 },
    dtype: "float64",
  },
  { why: "a filter wider than the image", input: [2, 6, 3, 3], weight: [7, 6, 5, 7], options: { padding: 3 } },
];

const OPERATIONS = [
  { name: "convolution", result: "output" },
  { name: "convolutionInputGradient", result: "input" },
  { name: "convolutionWeightGradient", result: "weight" },
] as const;

/** Numbers in [-1, 1) from a seed. */
function noise(dtype: FloatDType, length: number, seed: number): TypedArray {
  let state = seed;
  const array = createTypedArray(dtype, length);
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    array[i] = state / 2 ** 31 - 1;
  }
  return array;
}

function results(backend: Backend, { input, weight, options, dtype = "float32" }: Shape): TypedArray[] {
  const geometry = convolutionGeometry(input, weight, options);
  const shapes = { input, weight, output: [geometry.batch, geometry.outChannels, ...geometry.outputSize] };
  return OPERATIONS.map(({ name, result }, i) => {
    const operand = (key: "input" | "weight" | "output", seed: number): View => {
      const shape = shapes[key];
      const count = elementCount(shape);
      const buffer = backend.allocate(count * (dtype === "float32" ? 4 : 8));
      const made = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
      backend.write(made, key === result ? createTypedArray(dtype, count).fill(NaN) : noise(dtype, count, seed + i));
      return made;
    };
    const call = { geometry, input: operand("input", 1), weight: operand("weight", 5), output: operand("output", 9) };
    backend[name](call);
    const found = backend.readSync(call[result]);
    for (const key of ["input", "weight", "output"] as const) backend.free(call[key].buffer);
    return found;
  });
}

const hasBlas = findOpenblas("auto", 1).opened !== undefined;
const threads = Math.min(2, runtime.cores());

for (const openblas of ["off", "auto"]) {
  for (const shape of SHAPES) {
    const name =
      `convolution and its gradients agree with the reference to 1e-5 of the largest (openblas ${openblas}): ` +
      shape.why;
    test.runIf(openblas === "off" || hasBlas, name, "OpenBLAS is not installed", async () => {
      const backend = await createBackend({ openblas, threads, grainScale: 0, startAfter: 0 });
      const reference = await createReference({});
      const found = results(backend, shape);
      results(reference, shape).forEach((expected, i) => {
        const largest = Array.from(expected).reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        const bound = shape.dtype === "float64" ? 1e-14 : 1e-5;
        assertClose(found[i], expected, { absolute: bound * largest, message: OPERATIONS[i].name });
      });
      backend.dispose();
      reference.dispose();
    });
  }
}

test("convolution of an empty batch writes nothing, and its weight gradient is zero", async () => {
  const backend = await createBackend({ openblas: "off", threads: 1 });
  const [output, input, weight] = results(backend, { why: "", input: [0, 3, 8, 8], weight: [5, 3, 3, 3] });
  assertEquals([output.length, input.length], [0, 0]);
  assertEquals([...weight], new Array(135).fill(0));
  backend.dispose();
});

test("convolutionInputGradient is zero where a stride skips the input", async () => {
  const backend = await createBackend({ openblas: "off", threads: 1 });
  const [, gradient] = results(backend, { why: "", input: [1, 1, 7], weight: [1, 1, 1], options: { stride: 3 } });
  assertEquals([...gradient].map((value) => value !== 0), [true, false, false, true, false, false, true]);
  backend.dispose();
});
