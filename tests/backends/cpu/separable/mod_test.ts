// Separable filters and their adjoint on the cpu backend against the reference: axes, strides, paddings, sizes around whole vectors, both
// types, one and two threads; what lies beside a view is neither read into results nor written.
// covers: backends/cpu/separable/module.ts, backends/reference/separable.ts

import { assertEquals } from "@std/assert";
import { createBackend as createCpu } from "../../../../backends/cpu/mod.ts";
import { createBackend as createReference } from "../../../../backends/reference/mod.ts";
import { tapTable } from "../../../../backends/cpu/separable/mod.ts";
import { adjointTaps } from "../../../../backends/cpu/separable/module.ts";
import type { Backend, View } from "../../../../src/tensor/backend.ts";
import { convolutionGeometry } from "../../../../src/tensor/conv_geometry.ts";
import { createTypedArray, type FloatDType, type TypedArray } from "../../../../src/tensor/dtype.ts";
import { contiguousStrides, elementCount } from "../../../../src/tensor/layout.ts";
import { runtime } from "../../../../src/runtime/mod.ts";
import { assertClose } from "../../../support/close.ts";
import { numbers } from "../../../support/random_plan.ts";
import { test } from "../../../support/test.ts";

interface Case {
  readonly size: readonly number[];
  readonly taps: readonly number[];
  readonly stride?: number | readonly number[];
  readonly padding?: number | readonly number[];
  readonly planes?: readonly [number, number];
}

const CASES: readonly Case[] = [
  { size: [9], taps: [3], padding: 1 },
  { size: [1], taps: [1] },
  { size: [25, 25], taps: [5, 5], stride: 2, padding: 2, planes: [3, 8] },
  { size: [13, 13], taps: [5, 5], stride: 2, padding: 2 },
  { size: [7, 7], taps: [5, 5], stride: 2, padding: 2 },
  { size: [6, 24], taps: [4, 3], stride: [1, 2], padding: [0, 1] },
  { size: [8, 16], taps: [3, 7], stride: [3, 1], padding: [2, 3] },
  { size: [5, 17], taps: [2, 9], stride: [2, 3], padding: [1, 4] },
  { size: [4, 11], taps: [1, 2], stride: [5, 4] },
  { size: [3, 3], taps: [7, 7], stride: 2, padding: 5 },
  { size: [3, 2], taps: [3, 3], stride: 1, padding: 6 },
  { size: [2, 19], taps: [3, 6], stride: 2, padding: [1, 1] },
  { size: [9, 8, 7], taps: [3, 3, 3], stride: 2, padding: 1, planes: [2, 3] },
  { size: [5, 6, 33], taps: [5, 1, 3], stride: [1, 2, 1], padding: [2, 0, 1] },
  { size: [1, 7, 9], taps: [3, 3, 3], stride: [2, 1, 3], padding: [1, 1, 2] },
];

/** Numbers on both sides of a view that no kernel may touch. */
const MARGIN = 5;

/** A view of `data` between numbers that are not numbers. */
function view(backend: Backend, shape: readonly number[], data: TypedArray, dtype: FloatDType): View {
  const all = createTypedArray(dtype, data.length + 2 * MARGIN).fill(NaN) as TypedArray;
  all.set(data as Float64Array, MARGIN);
  const buffer = backend.allocate(all.byteLength);
  backend.write({ buffer, dtype, shape: [all.length], strides: [1], offset: 0 }, all);
  return { buffer, dtype, shape, strides: contiguousStrides(shape), offset: MARGIN };
}

/** Both directions on fixed numbers, with what lies around the results. */
function results(backend: Backend, { size, taps, stride = 1, padding = 0, planes = [2, 2] }: Case, dtype: FloatDType) {
  const [batch, channels] = planes, next = numbers(7);
  const geometry = convolutionGeometry([batch, channels, ...size], [channels, 1, ...taps], {
    stride: stride as number,
    padding: padding as number,
    groups: channels,
  });
  const profiles = taps.map((count) => Float64Array.from({ length: count }, next));
  const shapes = { input: [...planes, ...size], output: [...planes, ...geometry.outputSize] };
  return (["output", "input"] as const).map((made) => {
    const of = (role: "input" | "output") => {
      const data = createTypedArray(dtype, elementCount(shapes[role])) as Float64Array;
      return view(backend, shapes[role], data.map(() => role === made ? NaN : next()), dtype);
    };
    const call = { geometry, profiles, input: of("input"), output: of("output") };
    if (made === "output") backend.separableFilter!(call);
    else backend.separableFilterAdjoint!(call);
    const { buffer } = call[made], count = elementCount(shapes[made]) + 2 * MARGIN;
    const all = backend.readSync({ buffer, dtype, shape: [count], strides: [1], offset: 0 });
    for (const operand of [call.input, call.output]) backend.free(operand.buffer);
    return all;
  });
}

const reference = await createReference({});

for (const threads of [1, 2]) {
  const missing = threads > runtime.cores() ? `${runtime.cores()} core` : undefined;
  const title = `separableFilter and its adjoint to 1e-6 of the largest, ${threads} thread${threads === 1 ? "" : "s"}`;
  test.runIf(missing === undefined, title, missing ?? "", async () => {
    const backend = await createCpu({ openblas: "off", threads, grainScale: 1e-4, startAfter: 0 });
    try {
      for (const entry of CASES) {
        for (const dtype of ["float32", "float64"] as const) {
          const expected = results(reference, entry, dtype);
          results(backend, entry, dtype).forEach((got, i) => {
            const inner = (all: TypedArray) => all.subarray(MARGIN, all.length - MARGIN);
            const message = `${JSON.stringify(entry)} ${dtype} ${i === 0 ? "output" : "input"}`;
            const largest = Math.max(1, ...Array.from(inner(expected[i]), Math.abs));
            assertClose(inner(got), inner(expected[i]), {
              absolute: (dtype === "float32" ? 1e-6 : 2e-15) * largest,
              message,
            });
            const around = [...got.subarray(0, MARGIN), ...got.subarray(got.length - MARGIN)];
            assertEquals(around, new Array<number>(2 * MARGIN).fill(NaN), message);
          });
        }
      }
    } finally {
      backend.dispose();
    }
  });
}

test("the reference's separable filter is the depthwise convolution with the product of the profiles", () => {
  const next = numbers(3), dtype = "float64", shape = [2, 3, 7, 8];
  const geometry = convolutionGeometry(shape, [3, 1, 3, 2], { stride: [2, 1], padding: [1, 0], groups: 3 });
  const profiles = [Float64Array.from({ length: 3 }, next), Float64Array.from({ length: 2 }, next)];
  const outShape = [2, 3, ...geometry.outputSize], count = elementCount(outShape);
  const input = view(reference, shape, Float64Array.from({ length: elementCount(shape) }, next), dtype);
  const product = [...profiles[0]].flatMap((a) => [...profiles[1]].map((b) => a * b));
  const weight = view(reference, [3, 1, 3, 2], Float64Array.from([product, product, product].flat()), dtype);
  const [direct, filtered] = [0, 1].map(() => view(reference, outShape, new Float64Array(count), dtype));
  reference.convolution({ geometry, input, weight, output: direct });
  reference.separableFilter!({ geometry, profiles, input, output: filtered });
  assertClose(reference.readSync(filtered), reference.readSync(direct), { absolute: 1e-14 });
});

test("tables of taps: what each position takes, forward and back", () => {
  const axis = { step: 2, padding: 1, inputs: 4, outputs: 2 };
  const profile = Float64Array.of(1, 2, 3), none = { position: -1, weight: 0 };
  assertEquals(tapTable(profile, { ...axis, adjoint: false }), [
    [none, { position: 0, weight: 2 }, { position: 1, weight: 3 }],
    [{ position: 1, weight: 1 }, { position: 2, weight: 2 }, { position: 3, weight: 3 }],
  ]);
  assertEquals(tapTable(profile, { ...axis, adjoint: true }), [
    [{ position: 0, weight: 2 }, none],
    [{ position: 1, weight: 1 }, { position: 0, weight: 3 }],
    [{ position: 1, weight: 2 }, none],
    [none, { position: 1, weight: 3 }],
  ]);
  const filter = { profile: [1, 2, 3], step: 2, padding: 1, rowTaps: 2, sliceTaps: 0, adjoint: true };
  assertEquals(adjointTaps(filter), [[{ shift: 0, weight: 2 }], [{ shift: 1, weight: 1 }, { shift: 0, weight: 3 }]]);
});
