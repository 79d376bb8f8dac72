// Products of views in terms of cuBLAS calls, on a double of its gemm that computes in host arrays: values against the definition
// for all strides, and how many calls and copies a product takes.

import { assert, assertEquals, assertThrows } from "@std/assert";
import type { CudaContext } from "../../../backends/cuda/context.ts";
import type { Gemm } from "../../../backends/cuda/cublas.ts";
import { createMatmul, matrixLayout } from "../../../backends/cuda/matmul.ts";
import type { MapCall, View } from "../../../src/tensor/backend.ts";
import { ShapeError } from "../../../src/tensor/errors.ts";
import { contiguousStrides, elementCount } from "../../../src/tensor/layout.ts";
import { test } from "../../support/test.ts";

/** Positions of a view's elements in a memory of float64, row-major. */
function positions({ buffer, shape, strides, offset }: View): number[] {
  let list = [(buffer as unknown as { pointer: number }).pointer / 8 + offset];
  shape.forEach((size, axis) => {
    list = list.flatMap((at) => Array.from({ length: size }, (_, i) => at + i * strides[axis]));
  });
  return list;
}

class Double {
  readonly memory = new Float64Array(1 << 14).fill(NaN);
  readonly gemms: Gemm[] = [];
  copies = 0;
  #end = 0;

  view(shape: readonly number[], strides: readonly number[] = contiguousStrides(shape), bytes = 4096): View {
    const pointer = this.#end;
    this.#end += bytes;
    return { buffer: { bytes, pointer } as View["buffer"], dtype: "float64", shape, strides, offset: 0 };
  }

  fill(view: View, values: (i: number) => number): void {
    positions(view).forEach((at, i) => this.memory[at] = values(i));
  }

  read(view: View): number[] {
    return positions(view).map((at) => this.memory[at]);
  }

  readonly copy = (source: View, target: View): void => {
    this.copies++;
    const values = this.read(source);
    this.fill(target, (i) => values[i]);
  };

  /** `output = scalar · input`, or 0 without an input: what a product over nothing takes. */
  readonly map = ({ inputs, outputs, scalars }: MapCall): void => {
    const values = inputs.length === 0 ? undefined : this.read(inputs[0]);
    this.fill(outputs[0], (i) => values === undefined ? 0 : values[i] * scalars[0]);
  };

  gemm(call: Gemm): void {
    this.gemms.push(call);
    const { m, n, k, a, b, c, transposeA, transposeB, batch, alpha, beta } = call;
    assert(a.leading >= (transposeA ? k : m) && b.leading >= (transposeB ? n : k) && c.leading >= m, "leading size");
    for (let s = 0; s < batch; s++) {
      for (let row = 0; row < m; row++) {
        for (let column = 0; column < n; column++) {
          let sum = 0;
          for (let i = 0; i < k; i++) {
            const left = transposeA ? i + row * a.leading : row + i * a.leading;
            const right = transposeB ? column + i * b.leading : i + column * b.leading;
            sum += this.memory[a.pointer / 8 + s * a.batchStride + left] *
              this.memory[b.pointer / 8 + s * b.batchStride + right];
          }
          const at = c.pointer / 8 + s * c.batchStride + row + column * c.leading;
          this.memory[at] = alpha * sum + (beta === 0 ? 0 : beta * this.memory[at]);
        }
      }
    }
  }

  readonly matmul = createMatmul({
    context: { scratch: (_: number, slot = 0) => (1 << 16) + 4096 * slot } as Partial<CudaContext> as CudaContext,
    cublas: this,
    copy: this.copy,
    map: this.map,
  });
}

/** Runs a product and compares it with the definition. */
function check(double: Double, a: View, b: View, output: View, alpha = 1, beta = 0): void {
  double.fill(a, (i) => (7 * i) % 11 - 5);
  double.fill(b, (i) => (5 * i) % 13 - 6);
  if (beta !== 0) double.fill(output, (i) => i % 5);
  const [left, right] = [double.read(a), double.read(b)];
  const before = beta === 0 ? [] : double.read(output);
  const [m, n] = output.shape.slice(-2);
  const k = a.shape[a.shape.length - 1];
  const expected = Array.from({ length: elementCount(output.shape) }, (_, at) => {
    const s = Math.floor(at / (m * n)), row = Math.floor(at / n) % m, column = at % n;
    let sum = 0;
    for (let i = 0; i < k; i++) sum += left[(s * m + row) * k + i] * right[(s * k + i) * n + column];
    return alpha * sum + (beta === 0 ? 0 : beta * before[at]);
  });
  double.matmul({ a, b, output, alpha, beta });
  assertEquals(double.read(output), expected);
}

test("matmul needs no copy for any transposition of its three operands", () => {
  for (let which = 0; which < 8; which++) {
    const double = new Double();
    const matrix = (rows: number, columns: number, bit: number) =>
      double.view([rows, columns], which & bit ? [1, rows + 1] : [columns + 2, 1]);
    check(double, matrix(3, 4, 1), matrix(4, 5, 2), matrix(3, 5, 4), 2, which % 2 === 0 ? 0 : -1);
    assertEquals([double.copies, double.gemms.length], [0, 1], `transpositions ${which}`);
  }
});

test("matmul copies operands whose lines are not dense, and the result back", () => {
  const double = new Double();
  check(double, double.view([3, 4], [8, 2]), double.view([4, 5]), double.view([3, 5]));
  assertEquals(double.copies, 1);
  check(double, double.view([3, 4]), double.view([4, 5], [0, 1]), double.view([3, 5], [10, 2]), 1, 2);
  assertEquals(double.copies, 1 + 3);
});

test("matmul of single rows, columns and elements takes whatever strides they have", () => {
  for (const [m, n, k] of [[1, 5, 4], [5, 1, 4], [5, 4, 1], [1, 1, 6], [1, 1, 1], [6, 1, 1]]) {
    const double = new Double();
    check(double, double.view([m, k], [k, 1]), double.view([k, n], [n, 1]), double.view([m, n], [n, 1]));
    check(double, double.view([m, k], [1, m]), double.view([k, n], [1, k]), double.view([m, n], [1, m]));
    assertEquals(double.copies, 0, `${m} ${n} ${k}`);
  }
});

test("a batch is one call, and one tall product where the second factor is shared", () => {
  const double = new Double();
  check(double, double.view([6, 3, 4]), double.view([6, 4, 5]), double.view([6, 3, 5]));
  assertEquals(double.gemms.map(({ batch, m, n }) => [batch, m, n]), [[6, 5, 3]]);
  check(double, double.view([6, 3, 4]), double.view([6, 4, 5], [0, 5, 1]), double.view([6, 3, 5]));
  assertEquals(double.gemms[1].batch, 1);
  assertEquals([double.gemms[1].m, double.gemms[1].n], [5, 18]);
  check(double, double.view([6, 3, 4], [0, 4, 1]), double.view([6, 4, 5]), double.view([6, 3, 5]));
  assertEquals(double.gemms[2].batch, 6);
  assertEquals(double.copies, 0);
});

test("two batch axes that do not merge are a few calls, many are copied together", () => {
  const double = new Double();
  check(
    double,
    double.view([2, 4, 3, 2], [0, 6, 2, 1]),
    double.view([2, 4, 2, 3], [6, 12, 3, 1]),
    double.view([2, 4, 3, 3]),
  );
  assertEquals([double.gemms.length, double.copies], [2, 0]);
  const many = new Double();
  const [a, b] = [many.view([20, 20, 1, 1], [1, 20, 1, 1]), many.view([20, 20, 1, 1], [20, 1, 1, 1])];
  check(many, a, b, many.view([20, 20, 1, 1]));
  assertEquals([many.gemms.length, many.copies], [1, 2]);
});

test("a product over nothing is beta times what is there, without a call", () => {
  const double = new Double();
  check(double, double.view([3, 0]), double.view([0, 5]), double.view([3, 5]));
  check(double, double.view([3, 0]), double.view([0, 5]), double.view([3, 5]), 1, -3);
  double.matmul({ a: double.view([0, 4]), b: double.view([4, 5]), output: double.view([0, 5]), alpha: 1, beta: 0 });
  assertEquals(double.gemms.length, 0);
});

test("matrixLayout refuses lines that overlap or run backwards", () => {
  assertEquals(matrixLayout(3, 4, 4, 1), { rowMajor: true, leading: 4 });
  assertEquals(matrixLayout(3, 4, 1, 7), { rowMajor: false, leading: 7 });
  assertEquals(matrixLayout(3, 4, 3, 1), undefined);
  assertEquals(matrixLayout(3, 4, 0, 1), undefined);
  assertEquals(matrixLayout(3, 4, -4, 1), undefined);
  // Lines farther apart than cuBLAS can say.
  assertEquals(matrixLayout(3, 4, 2 ** 31 - 1, 1), { rowMajor: true, leading: 2 ** 31 - 1 });
  assertEquals(matrixLayout(3, 4, 2 ** 31, 1), undefined);
  assertEquals(matrixLayout(1, 4, -9, 1), { rowMajor: true, leading: 4 });
});

test("matmul refuses sizes that cuBLAS does not take", () => {
  const double = new Double();
  const big = 2 ** 31;
  assertThrows(
    () =>
      double.matmul({
        a: double.view([1, 1]),
        b: double.view([1, big]),
        output: double.view([1, big]),
        alpha: 1,
        beta: 0,
      }),
    ShapeError,
    "sizes up to 2147483647",
  );
});
