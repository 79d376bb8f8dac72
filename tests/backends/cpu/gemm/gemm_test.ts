// covers: backends/cpu/gemm/gemm.ts, backends/cpu/gemm/steps.ts, backends/cpu/gemm/rearrange.ts, backends/cpu/gemm/rearrange_kernels.ts
// Which products BLAS can express, that both ways give the same product, and the copies and sums between products.

import { assertEquals } from "@std/assert";
import { createContext } from "../../../../backends/cpu/create_context.ts";
import {
  Gemm,
  isNative,
  nativeOperand,
  PER_THREAD,
  type Product,
  transposedProduct,
} from "../../../../backends/cpu/gemm/gemm.ts";
import { copyAxes, joinAxes, RearrangeKernels } from "../../../../backends/cpu/gemm/rearrange_kernels.ts";
import { stepsFor } from "../../../../backends/cpu/gemm/steps.ts";
import { findOpenblas } from "../../../../backends/cpu/openblas.ts";
import { test } from "../../../support/test.ts";
import { assertClose } from "../../../support/close.ts";

test("nativeOperand reads rows, columns and vectors, and refuses gaps in both directions", () => {
  assertEquals(nativeOperand(3, 4, 4, 1), { transposed: false, lead: 4 });
  assertEquals(nativeOperand(3, 4, 9, 1), { transposed: false, lead: 9 });
  assertEquals(nativeOperand(3, 4, 1, 3), { transposed: true, lead: 3 });
  assertEquals(nativeOperand(1, 4, 0, 1), { transposed: false, lead: 4 });
  assertEquals(nativeOperand(1, 4, 0, 7), { transposed: true, lead: 7 });
  assertEquals(nativeOperand(3, 1, 5, 99), { transposed: false, lead: 5 });
  for (const [row, column] of [[4, 2], [0, 1], [-4, 1], [1, 2], [3, 0]]) {
    assertEquals(nativeOperand(3, 4, row, column), undefined, `strides ${row}, ${column}`);
  }
});

function product(pointers: readonly number[], m: number, n: number, k: number): Product {
  const [a, b, c] = pointers;
  const shape = { m, n, k, alpha: 1, beta: 0 };
  return { ...shape, a, aRow: k, aColumn: 1, b, bRow: n, bColumn: 1, c, cRow: n, cColumn: 1 };
}

test("transposedProduct twice is the product, and a result by columns is native", () => {
  const p = product([64, 128, 192], 3, 5, 2);
  assertEquals(transposedProduct(transposedProduct(p)), p);
  assertEquals(isNative(p), true);
  assertEquals(isNative({ ...p, cRow: 1, cColumn: 3 }), true);
  assertEquals(isNative({ ...p, cRow: 10, cColumn: 2 }), false);
  assertEquals(isNative({ ...p, aRow: 0 }), false);
});

const hasBlas = findOpenblas("auto", 1).opened !== undefined;
for (const openblas of ["off", "auto"]) {
  const reason = "OpenBLAS is not installed";
  const name = `Gemm.push gives a · b by rows and by columns within 1e-5 (openblas: ${openblas})`;
  test.runIf(openblas === "off" || hasBlas, name, reason, () => {
    const context = createContext({ threads: 1, openblas });
    const [m, n, k] = [33, 41, 29];
    const buffers = [m * k, k * n, m * n].map((count) => context.heap.allocate(4 * count));
    const pointers = buffers.map((buffer) => buffer.pointer);
    const gemm = new Gemm(context);
    const workspace = context.scratch(Gemm.workspaceBytes);
    const view = (i: number) => context.heap.f32().subarray(pointers[i] / 4, pointers[i] / 4 + buffers[i].bytes / 4);
    view(0).forEach((_, i, array) => array[i] = Math.sin(i));
    view(1).forEach((_, i, array) => array[i] = Math.cos(3 * i));
    const expected = new Float64Array(m * n);
    for (let i = 0; i < m * n; i++) {
      for (let p = 0; p < k; p++) expected[i] += view(0)[Math.floor(i / n) * k + p] * view(1)[p * n + i % n];
    }
    const p = product(pointers, m, n, k);
    assertEquals(gemm.usesNative(p), openblas === "auto");
    const steps = stepsFor(context, 0);
    for (const one of [p, transposedProduct({ ...p, cRow: 1, cColumn: m }), { ...p, cRow: 1, cColumn: m }]) {
      view(2).fill(NaN);
      steps.beginTask();
      // The second is the transposed product: its factors and the result are read the other way round.
      gemm.push(steps, "float32", one, workspace, PER_THREAD.none, Gemm.workspaceBytes);
      steps.flush();
      const found = Float64Array.from(
        expected,
        (_, i) => view(2)[one.cColumn === 1 && one.cRow === n ? i : (i % n) * m + Math.floor(i / n)],
      );
      assertClose(found, expected, { absolute: 1e-5 });
    }
    context.dispose();
  });
}

test("joinAxes drops single elements and joins neighbours", () => {
  assertEquals(
    joinAxes([
      { size: 2, target: 12, source: 100 },
      { size: 1, target: 7, source: 7 },
      { size: 3, target: 4, source: 8 },
      { size: 4, target: 1, source: 2 },
    ]),
    [{ size: 2, target: 12, source: 100 }, { size: 12, target: 1, source: 2 }],
  );
  assertEquals(joinAxes([{ size: 1, target: 3, source: 4 }]), []);
});

for (const dtype of ["float32", "float64"] as const) {
  test(`copyAxes copies seven axes of ${dtype} in any order`, () => {
    const context = createContext({ threads: 1, openblas: "off" });
    const kernels = new RearrangeKernels(context);
    const sizes = [2, 1, 3, 2, 2, 3, 5];
    const total = sizes.reduce((a, b) => a * b);
    const bytes = dtype === "float32" ? 4 : 8;
    const [target, source] = [0, 1].map(() => context.heap.allocate(total * bytes).pointer);
    const strides = (order: readonly number[]) => {
      const list = new Array<number>(sizes.length).fill(0);
      let stride = 1;
      for (const axis of [...order].reverse()) {
        list[axis] = stride;
        stride *= sizes[axis];
      }
      return list;
    };
    const from = strides([0, 1, 2, 3, 4, 5, 6]);
    for (const order of [[0, 1, 2, 3, 4, 5, 6], [3, 0, 2, 4, 1, 5, 6], [6, 5, 4, 3, 2, 1, 0], [0, 2, 1, 3, 5, 6, 4]]) {
      const to = strides(order);
      const data = () => dtype === "float32" ? context.heap.f32() : context.heap.f64();
      for (let i = 0; i < total; i++) data()[source / bytes + i] = i + 0.5;
      const axes = sizes.map((size, axis) => ({ size, target: to[axis], source: from[axis] }));
      copyAxes(kernels, stepsFor(context, 0), dtype, axes, target, source);
      for (let i = 0; i < total; i++) {
        let rest = i;
        let position = 0;
        for (let axis = sizes.length - 1; axis >= 0; axis--) {
          position += (rest % sizes[axis]) * to[axis];
          rest = Math.floor(rest / sizes[axis]);
        }
        assertEquals(data()[target / bytes + position], i + 0.5, `order ${order}, element ${i}`);
      }
    }
    context.dispose();
  });

  test(`sum adds partial results of ${dtype} in their order`, () => {
    const context = createContext({ threads: 1, openblas: "off" });
    const { sum } = new RearrangeKernels(context).of(dtype);
    const bytes = dtype === "float32" ? 4 : 8;
    const array = () => dtype === "float32" ? context.heap.f32() : context.heap.f64();
    const [source, target, params] = [11 * 3, 11, 8].map((count) => context.heap.allocate(count * 8).pointer);
    for (let i = 0; i < 33; i++) array()[source / bytes + i] = i < 11 ? 1e8 : i < 22 ? -1e8 : i;
    array().fill(-1, target / bytes, target / bytes + 11);
    context.heap.i32().set([target, source, 3, 11 * bytes], params / 4);
    context.executor.call(sum, params, 1, 10);
    const found = Array.from({ length: 11 }, (_, i) => array()[target / bytes + i]);
    assertEquals(found, [-1, 23, 24, 25, 26, 27, 28, 29, 30, 31, -1]);
    context.dispose();
  });
}
