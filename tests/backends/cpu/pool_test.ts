// covers: backends/cpu/pool.ts, backends/cpu/pool_kernels.ts
// Pooling of the cpu backend: the tables by hand, ties, NaN and padding by hand, and sizes that fill whole vectors against
// the reference.

import { assertEquals } from "@std/assert";
import { createBackend } from "../../../backends/cpu/mod.ts";
import { containingSpans, windowSpans } from "../../../backends/cpu/pool.ts";
import { createBackend as createReference } from "../../../backends/reference/mod.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import type { Backend, View } from "../../../src/tensor/backend.ts";
import { createTypedArray, type DType, type FloatDType, type TypedArray } from "../../../src/tensor/dtype.ts";
import { contiguousStrides, elementCount } from "../../../src/tensor/layout.ts";
import { type PoolGeometry, poolGeometry, type PoolOptions } from "../../../src/tensor/pool_geometry.ts";
import { test } from "../../support/test.ts";
import { assertClose } from "../../support/close.ts";

function view(backend: Backend, dtype: DType, shape: number[], data?: ArrayLike<number>): View {
  const bytes = dtype === "float64" ? 8 : 4;
  const buffer = backend.allocate(Math.max(bytes, elementCount(shape) * bytes));
  const made: View = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
  const array = createTypedArray(dtype, elementCount(shape));
  if (data !== undefined) array.set(data);
  backend.write(made, array);
  return made;
}

interface Pooled {
  output: TypedArray;
  indices: TypedArray;
}

function maxPool(backend: Backend, geometry: PoolGeometry, dtype: FloatDType, data: ArrayLike<number>): Pooled {
  const input = view(backend, dtype, [geometry.batch, geometry.channels, ...geometry.inputSize], data);
  const shape = [geometry.batch, geometry.channels, ...geometry.outputSize];
  const output = view(backend, dtype, shape);
  const indices = view(backend, "int32", shape);
  backend.maxPool({ geometry, input, output, indices });
  return { output: backend.readSync(output), indices: backend.readSync(indices) };
}

test("windowSpans gives the part of each window inside, and divisors that count padding", () => {
  const geometry = poolGeometry([1, 1, 7], 3, { stride: 2, padding: 1, ceilMode: true });
  assertEquals(windowSpans(geometry, 0), [
    { first: 0, count: 2, divisor: 3 },
    { first: 1, count: 3, divisor: 3 },
    { first: 3, count: 3, divisor: 3 },
    { first: 5, count: 2, divisor: 3 },
  ]);
  assertEquals(windowSpans(poolGeometry([1, 1, 6], 2, { stride: 4, ceilMode: true, dilation: 3 }), 0), [
    { first: 0, count: 2, divisor: 2 },
    { first: 4, count: 1, divisor: 1 },
  ]);
  assertEquals(windowSpans(poolGeometry([1, 1, 5], 3, { padding: 1, dilation: 2, stride: 1 }), 0), [
    { first: 1, count: 2, divisor: 3 },
    { first: 0, count: 3, divisor: 3 },
    { first: 1, count: 2, divisor: 3 },
  ]);
});

test("containingSpans gives the windows that hold each position", () => {
  const geometry = poolGeometry([1, 1, 6], 3, { stride: 2, padding: 1 });
  assertEquals(containingSpans(geometry, 0).map(({ first, count }) => [first, count]), [
    [0, 1],
    [0, 2],
    [1, 1],
    [1, 2],
    [2, 1],
    [2, 1],
  ]);
});

test("maxPool takes the first of equal elements and the first NaN, and never the padding", async () => {
  const backend = await createBackend({ openblas: "off", threads: 1 });
  const rows = [-3, -1, -1, -2, NaN, 5, NaN, 4];
  for (const dtype of ["float32", "float64"] as const) {
    const geometry = poolGeometry([1, 1, 8], 3, { stride: 1, padding: 1 });
    const { output, indices } = maxPool(backend, geometry, dtype, rows);
    assertEquals([...output], [-1, -1, -1, NaN, NaN, NaN, NaN, NaN]);
    assertEquals([...indices], [1, 1, 1, 4, 4, 4, 6, 6]);
    const low = maxPool(backend, geometry, dtype, new Array(8).fill(-Infinity));
    assertEquals([...low.indices], [0, 0, 1, 2, 3, 4, 5, 6]);
    assertEquals([...low.output], new Array(8).fill(-Infinity));
  }
  backend.dispose();
});

test("averagePool divides by the window's part of the padded input, and its gradient gives the shares back", async () => {
  const backend = await createBackend({ openblas: "off", threads: 1 });
  const geometry = poolGeometry([1, 1, 6], 3, { padding: 1, ceilMode: true });
  const input = view(backend, "float32", [1, 1, 6], [1, 2, 3, 4, 5, 6]);
  const output = view(backend, "float32", [1, 1, 3]);
  backend.averagePool({ geometry, input, output });
  // Padding counts as an element, what hangs over beyond it does not.
  assertEquals([...backend.readSync(output)], [1, 4, 3]);
  const shares = poolGeometry([1, 1, 6], 3, { stride: 1, padding: 1 });
  const gradient = view(backend, "float32", [1, 1, 6], [3, 6, 9, 12, 15, 18]);
  backend.averagePoolGradient({ geometry: shares, input, output: gradient });
  assertEquals([...backend.readSync(input)], [3, 6, 9, 12, 15, 11]);
  backend.dispose();
});

const SHAPES: readonly [why: string, shape: number[], window: number[], options: PoolOptions][] = [
  ["two by two", [3, 5, 29, 29], [2, 2], {}],
  ["three by three with stride 2", [2, 4, 31, 40], [3, 3], { stride: 2, padding: 1 }],
  ["stride 1", [2, 4, 17, 23], [3, 5], { stride: 1, padding: [1, 2] }],
  ["stride 3, ceiling", [2, 4, 17, 50], [3, 3], { stride: 3, ceilMode: true }],
  ["three axes", [2, 3, 9, 10, 21], [2, 3, 2], { stride: [2, 1, 2], padding: [0, 1, 1] }],
  ["one axis", [2, 3, 100], [4], {}],
];

for (const dtype of ["float32", "float64"] as const) {
  for (const [why, shape, window, options] of SHAPES) {
    test(`pooling of ${dtype} agrees with the reference, maxima exactly: ${why}`, async () => {
      const threads = Math.min(2, runtime.cores());
      const backend = await createBackend({ openblas: "off", threads, grainScale: 0, startAfter: 0 });
      const reference = await createReference({});
      const geometry = poolGeometry(shape, window, options);
      const data = Float64Array.from({ length: elementCount(shape) }, (_, i) => Math.round(20 * Math.sin(i * i)) / 4);
      const outputShape = [...shape.slice(0, 2), ...geometry.outputSize];
      const [found, expected] = [backend, reference].map((one) => {
        const pooled = maxPool(one, geometry, dtype, data);
        const input = view(one, dtype, shape, data);
        const output = view(one, dtype, outputShape);
        one.averagePool({ geometry, input, output });
        const average = one.readSync(output);
        one.averagePoolGradient({ geometry, input, output });
        return { ...pooled, average, gradient: one.readSync(input) };
      });
      assertEquals([...found.output], [...expected.output]);
      assertEquals([...found.indices], [...expected.indices]);
      const bound = dtype === "float32" ? 2e-6 : 4e-15;
      assertClose(found.average, expected.average, { absolute: bound });
      assertClose(found.gradient, expected.gradient, { absolute: bound });
      backend.dispose();
      reference.dispose();
    });
  }
}

test("maxPool of four-dimensional views with any strides reads and writes where they say", async () => {
  const backend = await createBackend({ openblas: "off", threads: 1 });
  const geometry = poolGeometry([1, 2, 4, 12], 2);
  const storage = view(backend, "float32", [4, 12, 2], Float32Array.from({ length: 96 }, (_, i) => (i * 37) % 96));
  const input: View = { ...storage, shape: [1, 2, 4, 12], strides: [0, 1, 24, 2] };
  const output = view(backend, "float32", [1, 2, 2, 6]);
  const indices = view(backend, "int32", [1, 2, 2, 6]);
  backend.maxPool({ geometry, input, output, indices });
  const planes = backend.readSync(input);
  const values = backend.readSync(output);
  backend.readSync(indices).forEach((position: number, i: number) => {
    const channel = Math.floor(i / 12);
    assertEquals(planes[channel * 48 + position], values[i]);
    const [row, column] = [Math.floor(i / 6) % 2, i % 6];
    for (const at of [0, 1, 12, 13]) {
      assertEquals(values[i] >= planes[channel * 48 + row * 24 + column * 2 + at], true);
    }
  });
  backend.dispose();
});
