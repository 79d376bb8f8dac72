// Elementwise computations behind convolutions by a plan, on tiles of the result: against the reference, on one and two threads, with and
// without OpenBLAS; the same bits as both operations one after the other.

import { assert, assertEquals } from "@std/assert";
import { createBackend as createCpu } from "../../../../backends/cpu/mod.ts";
import { findOpenblas } from "../../../../backends/cpu/openblas.ts";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { resultTiles } from "../../../../backends/cpu/steerable/epilogue.ts";
import type { Backend, View } from "../../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../../src/tensor/conv_geometry.ts";
import { createTypedArray, type FloatDType, type TypedArray } from "../../../../src/tensor/dtype.ts";
import * as E from "../../../../src/tensor/expr.ts";
import { contiguousStrides, elementCount } from "../../../../src/tensor/layout.ts";
import { composeSteerableMap, type SteerableMapCall } from "../../../../src/tensor/steerable_map.ts";
import { runtime } from "../../../../src/runtime/mod.ts";
import { assertClose } from "../../../support/close.ts";
import { numbers, randomPlan, type RandomPlanOptions } from "../../../support/random_plan.ts";
import { test } from "../../../support/test.ts";

interface Case {
  readonly plan: RandomPlanOptions;
  readonly size: readonly number[];
  readonly batch: number;
  readonly options?: ConvolutionOptions;
}

const CASES: readonly Case[] = [
  { plan: { kernelSize: [3] }, size: [11], batch: 3, options: { padding: 1 } },
  { plan: { kernelSize: [5, 5], functionCount: 11 }, size: [29, 33], batch: 2, options: { padding: 2 } },
  { plan: { kernelSize: [3, 3] }, size: [21, 40], batch: 1, options: { stride: 2 } },
  { plan: { kernelSize: [3, 3], copies: 2 }, size: [25, 24], batch: 2, options: { groups: 2, padding: 1 } },
  { plan: { kernelSize: [3, 3, 3], copies: 2 }, size: [5, 21, 20], batch: 2, options: { padding: 1 } },
  { plan: { kernelSize: [1, 1] }, size: [1, 1], batch: 4 },
];

/**
 * Two results: pairs of neighbouring channels to their norm and a shifted ReLU of the first, with one shift for each pair and one plane of
 * factors for all; scalars take part.
 */
function callOn(
  backend: Backend,
  { plan: options, size, batch, options: geometryOptions = {} }: Case,
  dtype: FloatDType,
): SteerableMapCall {
  const plan = randomPlan(options), groups = geometryOptions.groups ?? 1, next = numbers(5);
  const filter = [groups * plan.outChannels, plan.inChannels, ...plan.kernelSize];
  const geometry = convolutionGeometry([batch, groups * plan.inChannels, ...size], filter, geometryOptions);
  const positions = elementCount(geometry.outputSize), pairs = geometry.outChannels >> 1;
  const view = (shape: readonly number[], value: () => number = next): View => {
    const data = createTypedArray(dtype, elementCount(shape)).map(value) as TypedArray;
    const made: View = {
      buffer: backend.allocate(data.byteLength),
      dtype,
      shape,
      strides: contiguousStrides(shape),
      offset: 0,
    };
    backend.write(made, data);
    return made;
  };
  const shape = [batch, pairs, positions], sample = geometry.outChannels * positions;
  const resultShape = [batch, geometry.outChannels, ...geometry.outputSize];
  const result: View = {
    buffer: { bytes: 0 },
    dtype,
    shape: resultShape,
    strides: contiguousStrides(resultShape),
    offset: 0,
  };
  const half = (offset: number): View => ({ ...result, shape, strides: [sample, 2 * positions, 1], offset });
  const a = E.input(0, dtype), b = E.input(1, dtype), shift = E.input(2, dtype), factor = E.input(3, dtype);
  return {
    geometry,
    plan,
    input: view([batch, geometry.inChannels, ...size]),
    weight: view([groups * plan.weightCount]),
    result,
    expressions: [
      E.mul(E.sqrt(E.add(E.mul(a, a), E.mul(b, b))), E.scalar(0, dtype)),
      E.mul(E.maximum(E.add(a, shift), E.constant(0, dtype)), factor),
    ],
    shape,
    inputs: [
      half(0),
      half(positions),
      { ...view([pairs]), shape, strides: [0, 1, 0] },
      { ...view([positions]), shape, strides: [0, 0, 1] },
    ],
    scalars: [0.75],
    outputs: [
      view(shape, () => NaN),
      { ...view([pairs, positions, batch], () => NaN), shape, strides: [1, positions * batch, batch] },
    ],
  };
}

const reference = await createReference({});

for (const openblas of ["off", "auto"] as const) {
  for (const threads of [1, 2]) {
    const name = `${threads} thread${threads === 1 ? "" : "s"}${openblas === "off" ? "" : ", OpenBLAS"}`;
    const missing = threads > runtime.cores()
      ? `${runtime.cores()} core`
      : openblas === "auto" && findOpenblas("auto", threads).opened === undefined
      ? "no OpenBLAS"
      : undefined;
    test.runIf(missing === undefined, `steerableConvolutionMap on tiles, ${name}`, missing ?? "", async () => {
      const backend = await createCpu({ openblas, threads, grainScale: 1e-4, startAfter: 0 });
      try {
        for (const entry of CASES) {
          for (const dtype of ["float32", "float64"] as const) {
            const expected = callOn(reference, entry, dtype), call = callOn(backend, entry, dtype);
            reference.steerableConvolutionMap!(expected);
            backend.steerableConvolutionMap!(call);
            const composed = callOn(backend, entry, dtype);
            composeSteerableMap(backend, composed);
            expected.outputs.forEach((output, i) => {
              const numbers = reference.readSync(output), got = backend.readSync(call.outputs[i]);
              const largest = Math.max(...Array.from(numbers, Math.abs));
              assertClose(got, numbers, { absolute: (dtype === "float32" ? 2e-5 : 1e-13) * largest });
              assertEquals(got, backend.readSync(composed.outputs[i]));
            });
          }
        }
      } finally {
        backend.dispose();
      }
    });
  }
}

test("tiles of a result begin in other lines of a cache for each channel", () => {
  const call = callOn(reference, CASES[1], "float32");
  const tile = (pixels: number) => ({ block: 0, start: 0, pixels });
  const { pitch, bytes } = resultTiles(call, [tile(240), tile(256), tile(3)]);
  assertEquals([pitch, bytes], [272, 272 * 4 * call.geometry.outChannels]);
  assert((4 * pitch) % 1024 !== 0);
});
