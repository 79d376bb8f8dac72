// Functions of samples on the cpu backend against products and a map on the reference backend: tiles with rests, transposed matrices,
// several inputs, both types, one and two threads, with and without OpenBLAS.

import { createBackend as createCpu } from "../../../backends/cpu/mod.ts";
import { findOpenblas } from "../../../backends/cpu/openblas.ts";
import { createBackend as createReference } from "../../../backends/reference/mod.ts";
import type { Backend, View } from "../../../src/tensor/backend.ts";
import type { FloatDType, TypedArray } from "../../../src/tensor/dtype.ts";
import * as E from "../../../src/tensor/expr.ts";
import { contiguousStrides, elementCount } from "../../../src/tensor/layout.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { assertClose } from "../../support/close.ts";
import { numbers } from "../../support/random_plan.ts";
import { test } from "../../support/test.ts";

const reference = await createReference({});

function view(backend: Backend, dtype: FloatDType, shape: readonly number[], seed: number, transposed = false): View {
  const next = numbers(seed), count = elementCount(shape);
  const data: TypedArray = dtype === "float32" ? new Float32Array(count) : new Float64Array(count);
  for (let i = 0; i < count; i++) data[i] = next();
  const stored = transposed ? [...shape].reverse() : shape;
  const made = {
    buffer: backend.allocate(data.byteLength),
    dtype,
    shape: stored,
    strides: contiguousStrides(stored),
    offset: 0,
  };
  backend.write(made, data);
  return transposed ? { ...made, shape, strides: [...made.strides].reverse() } : made;
}

/** tanh(s₀) · s₁ + s₂ of as many samples as there are inputs. */
function expressionOf(dtype: FloatDType, inputs: number): E.Expr {
  const sample = (i: number) => E.input(i, dtype);
  const first = E.tanh(sample(0));
  if (inputs === 1) return first;
  const product = E.mul(first, sample(1));
  return inputs === 2 ? product : E.add(product, sample(2));
}

interface Case {
  readonly blocks: number;
  readonly sizes: readonly number[];
  readonly samples: number;
  readonly rows: number;
  readonly positions: number;
  readonly transposed?: boolean;
}

const CASES: readonly Case[] = [
  { blocks: 1, sizes: [1], samples: 1, rows: 1, positions: 1 },
  { blocks: 3, sizes: [5], samples: 12, rows: 4, positions: 77 },
  { blocks: 2, sizes: [35], samples: 96, rows: 35, positions: 1331, transposed: true },
  { blocks: 2, sizes: [7, 9], samples: 20, rows: 3, positions: 2500 },
  { blocks: 1, sizes: [4, 2, 6], samples: 33, rows: 8, positions: 1003, transposed: true },
];

/** The result by the backend's operation, or by products and a map. */
function result(backend: Backend, dtype: FloatDType, { blocks, sizes, samples, rows, positions, transposed }: Case) {
  const inputs = sizes.map((size, i) => view(backend, dtype, [blocks, size, positions], 3 + i));
  const matrices = sizes.map((size, i) => view(backend, dtype, [samples, size], 13 + i, transposed));
  const back = view(backend, dtype, [rows, samples], 23, transposed);
  const output = view(backend, dtype, [blocks, rows, positions], 33);
  const expression = expressionOf(dtype, sizes.length);
  if (backend.sampledMap !== undefined) {
    backend.sampledMap({ expression, matrices, inputs, result: back, output });
  } else {
    const stacked = (matrix: View): View => ({
      ...matrix,
      shape: [blocks, ...matrix.shape],
      strides: [0, ...matrix.strides],
    });
    const parts = inputs.map((b, i) => {
      const made = view(backend, dtype, [blocks, samples, positions], 43);
      backend.matmul({ a: stacked(matrices[i]), b, output: made, alpha: 1, beta: 0 });
      return made;
    });
    const { shape } = parts[0];
    backend.map({ expressions: [expression], shape, inputs: parts, scalars: [], outputs: [parts[0]] });
    backend.matmul({ a: stacked(back), b: parts[0], output, alpha: 1, beta: 0 });
  }
  return backend.readSync(output);
}

for (const openblas of ["off", "auto"] as const) {
  for (const threads of [1, 2]) {
    const missing = threads > runtime.cores()
      ? `${threads} threads on ${runtime.cores()} core`
      : openblas === "auto" && findOpenblas("auto", 1).opened === undefined
      ? "no OpenBLAS"
      : undefined;
    const name = `sampledMap is within 1e-5 of products and a map: ${threads} thread(s), OpenBLAS ${openblas}`;
    test.runIf(missing === undefined, name, missing ?? "", async () => {
      const backend = await createCpu({ threads, openblas, grainScale: 1e-9, startAfter: 0 });
      for (const dtype of ["float32", "float64"] as const) {
        for (const problem of CASES) {
          const actual = result(backend, dtype, problem), expected = result(reference, dtype, problem);
          const greatest = Math.max(...Array.from(expected, Math.abs));
          assertClose(actual, expected, { absolute: (dtype === "float32" ? 1e-5 : 1e-13) * greatest });
        }
      }
      backend.dispose();
    });
  }
}
