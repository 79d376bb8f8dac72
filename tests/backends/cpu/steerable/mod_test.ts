// Convolution by a plan on the cpu backend against the reference: axes, options, both types, one and two threads, with and
// without OpenBLAS; results that do not depend on the number of threads.
// covers: backends/cpu/steerable/adjoint.ts, backends/cpu/steerable/folded_rows.ts, backends/cpu/steerable/frame.ts,
// covers: backends/cpu/steerable/module.ts,
// covers: backends/cpu/steerable/projection.ts

import { assertEquals } from "@std/assert";
import { createBackend as createCpu } from "../../../../backends/cpu/mod.ts";
import { findOpenblas } from "../../../../backends/cpu/openblas.ts";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import type { Backend, SteerableConvolutionCall, View } from "../../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../../src/tensor/conv_geometry.ts";
import { createTypedArray, type FloatDType, type TypedArray } from "../../../../src/tensor/dtype.ts";
import { contiguousStrides, elementCount } from "../../../../src/tensor/layout.ts";
import type { SteerablePlan } from "../../../../src/tensor/steerable_plan.ts";
import { steerablePlan } from "../../../../src/tensor/steerable_plan.ts";
import { runtime } from "../../../../src/runtime/mod.ts";
import { assertClose } from "../../../support/close.ts";
import { numbers, randomPlan, type RandomPlanOptions } from "../../../support/random_plan.ts";
import { test } from "../../../support/test.ts";

interface Case {
  readonly plan: RandomPlanOptions;
  readonly size: readonly number[];
  readonly batch?: number;
  readonly options?: ConvolutionOptions;
}

const CASES: readonly Case[] = [
  { plan: { kernelSize: [3] }, size: [11], options: { padding: 1 } },
  { plan: { kernelSize: [5, 5], functionCount: 11 }, size: [9, 13], options: { padding: 2 } },
  { plan: { kernelSize: [3, 3] }, size: [3, 2], options: { padding: [[0, 1], [1, 2]] }, batch: 3 },
  { plan: { kernelSize: [3, 3], symmetric: false }, size: [40, 33], batch: 1 },
  { plan: { kernelSize: [4, 2] }, size: [9, 7], options: { padding: 1, stride: [2, 3] } },
  { plan: { kernelSize: [3, 5] }, size: [12, 17], options: { stride: 2, dilation: [2, 3], padding: [1, 6] } },
  { plan: { kernelSize: [3, 3] }, size: [10, 8], options: { stride: [3, 1], dilation: 2, groups: 2 } },
  { plan: { kernelSize: [1, 1] }, size: [5, 6] },
  { plan: { kernelSize: [3, 5] }, size: [9, 30], options: { dilation: [1, 3], padding: [1, 9] } },
  { plan: { kernelSize: [3, 7], functionCount: 9 }, size: [7, 26], options: { stride: [1, 2], padding: [1, 11] } },
  { plan: { kernelSize: [2, 4] }, size: [6, 40], options: { stride: [2, 5], dilation: [1, 2], padding: 3 } },
  { plan: { kernelSize: [7, 7], functionCount: 18, copies: 2 }, size: [15, 16], options: { padding: 3 } },
  { plan: { kernelSize: [3, 3, 3], copies: 2 }, size: [5, 6, 7], options: { padding: 1 } },
  { plan: { kernelSize: [3, 2, 3], copies: 2 }, size: [6, 5, 9], options: { padding: [1, 0, 2], stride: [2, 1, 2] } },
  { plan: { kernelSize: [3, 3, 3], copies: 1 }, size: [4, 31, 30], options: { padding: 1 }, batch: 1 },
];

function view(backend: Backend, shape: readonly number[], data: TypedArray, dtype: FloatDType): View {
  const buffer = backend.allocate(data.byteLength);
  const made: View = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
  backend.write(made, data);
  return made;
}

const METHODS = [
  ["steerableConvolution", "output"],
  ["steerableConvolutionInputGradient", "input"],
  ["steerableConvolutionWeightGradient", "weight"],
] as const;

/** The results of the three methods on fixed numbers. */
function results(
  backend: Backend,
  plan: SteerablePlan,
  { size, batch = 2, options = {} }: Omit<Case, "plan">,
  dtype: FloatDType,
): TypedArray[] {
  const groups = options.groups ?? 1;
  const filter = [groups * plan.outChannels, plan.inChannels, ...plan.kernelSize];
  const geometry = convolutionGeometry([batch, groups * plan.inChannels, ...size], filter, options);
  const shapes = {
    input: [batch, geometry.inChannels, ...size],
    weight: [groups * plan.weightCount],
    output: [batch, geometry.outChannels, ...geometry.outputSize],
  };
  return METHODS.map(([method, result], i) => {
    const next = numbers(7 + i);
    const data = (shape: readonly number[]) => {
      const array = createTypedArray(dtype, elementCount(shape));
      return array.map(() => next()) as TypedArray;
    };
    const operands = Object.fromEntries(
      Object.entries(shapes).map(([role, shape]) => {
        const values = role === result ? createTypedArray(dtype, elementCount(shape)).fill(NaN) : data(shape);
        return [role, view(backend, shape, values as TypedArray, dtype)];
      }),
    );
    const call = { geometry, plan, ...operands } as unknown as SteerableConvolutionCall;
    backend[method]!(call);
    const read = backend.readSync(call[result]);
    for (const operand of Object.values(operands)) backend.free(operand.buffer);
    return read;
  });
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
    CASES.forEach((entry, i) => {
      const { plan: planOptions, size, options = {} } = entry;
      const title = `steerableConvolution and its gradients are within 2e-5 of the largest: ${
        planOptions.kernelSize.join("x")
      } taps on ${size.join("x")} ${JSON.stringify(options)}, ${name}`;
      test.runIf(missing === undefined, title, missing ?? "", async () => {
        const backend = await createCpu({ openblas, threads, grainScale: 1e-4, startAfter: 0 });
        try {
          const plan = randomPlan({ seed: i + 1, ...planOptions });
          for (const dtype of ["float32", "float64"] as const) {
            const expected = results(reference, plan, entry, dtype);
            results(backend, plan, entry, dtype).forEach((got, method) => {
              const largest = Math.max(...Array.from(expected[method], Math.abs));
              const bound = (dtype === "float32" ? 2e-5 : 1e-13) * largest;
              assertClose(got, expected[method], { absolute: bound, message: `${dtype} ${METHODS[method][0]}` });
            });
          }
        } finally {
          backend.dispose();
        }
      });
    });
  }
}

test("steerableConvolution without a contraction writes the functions as planes", async () => {
  const next = numbers(3), count = 4;
  const identity = new Float64Array(count * count);
  for (let f = 0; f < count; f++) identity[f * count + f] = 1;
  const plan = steerablePlan({
    functions: Float64Array.from({ length: count * 9 }, next),
    kernelSize: [3, 3],
    inChannels: 300,
    outChannels: 3,
    inputs: [{
      size: 1,
      channels: Int32Array.from({ length: 300 }, (_, i) => i),
      parts: [{ output: 0, paths: count, coefficients: identity }],
    }],
    outputs: [{ size: 1, channels: Int32Array.of(0, 1, 2) }],
  });
  const backend = await createCpu({ openblas: "off", threads: 1 });
  const entry = { size: [20, 17], batch: 1, options: { padding: 1 } };
  const expected = results(reference, plan, entry, "float64");
  results(backend, plan, entry, "float64").forEach((got, i) => assertClose(got, expected[i], { absolute: 1e-11 }));
  backend.dispose();
});

test("steerableConvolution gives the same bits on one and two threads", async () => {
  if (runtime.cores() < 2) return;
  const plan = randomPlan({ kernelSize: [5, 5], functionCount: 11 });
  const all: TypedArray[][] = [];
  for (const threads of [1, 2]) {
    const backend = await createCpu({ openblas: "off", threads, grainScale: 1e-4, startAfter: 0 });
    all.push(results(backend, plan, { size: [15, 15], batch: 5, options: { padding: 2 } }, "float32"));
    backend.dispose();
  }
  all[0].forEach((values, i) => assertEquals(values, all[1][i]));
});

test("steerableConvolution clears output channels that no matrix makes", async () => {
  const plan = randomPlan({ kernelSize: [3] });
  const backend = await createCpu({ openblas: "off", threads: 1 });
  const [output] = results(backend, plan, { size: [6], batch: 1 }, "float32");
  const last = (plan.outChannels - 1) * 4;
  assertEquals([...output.subarray(last, last + 4)], [0, 0, 0, 0]);
  backend.dispose();
});
