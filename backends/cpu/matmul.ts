/**
 * The batched matrix product of the cpu backend. Batch axes that both operands allow are folded into rows or columns, the
 * rest becomes tasks; each product runs in native BLAS where strides can be expressed and the size is worth the call, else
 * in WebAssembly. How work is divided depends on shapes alone, so results do not depend on the number of threads.
 */

import type { MatmulCall, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../src/tensor/dtype.ts";
import { coalesce } from "../../src/tensor/layout.ts";
import type { CpuContext, HeapBuffer } from "./context.ts";
import { Gemm, isNative, nativeOperand, PER_THREAD, type Product, transposedProduct } from "./gemm/gemm.ts";
import { type Steps, stepsFor } from "./gemm/steps.ts";
import { copyAxes, type RearrangeAxis, RearrangeKernels } from "./gemm/rearrange_kernels.ts";

/** Scratch slots. */
const SLOT = { lists: 8, workspace: 10, a: 12, b: 13 } as const;

/** Multiply-adds of a task. */
const TASK_WORK = 500_000;

/** Tasks that there should be, at least, for large products. */
const TASKS = 8;

/** Rows or columns of a part of a product, at least. */
const PART_SIZE = 32;

/** Multiply-adds of a product from which operands are copied for BLAS's sake. */
const COPY_THRESHOLD = 64_000;

/** A product repeated over batches, with a stride for each operand along each batch axis. */
interface Batched {
  readonly product: Product;
  readonly sizes: readonly number[];
  readonly strides: readonly (readonly number[])[];
}

/** The matrix product of a context. */
export function createMatmul(context: CpuContext, gemm: Gemm): (call: MatmulCall) => void {
  const rearrange = new RearrangeKernels(context);
  return (call) => {
    const rank = call.output.shape.length;
    const m = call.output.shape[rank - 2];
    const n = call.output.shape[rank - 1];
    let batches = 1;
    for (let axis = 0; axis < rank - 2; axis++) batches *= call.output.shape[axis];
    if (batches * m * n === 0) return;
    const dtype: FloatDType = call.output.dtype === "float64" ? "float64" : "float32";
    let task = foldBatches(describe(call));
    const work = batches * m * n * task.product.k;
    const steps = stepsFor(context, work);
    if (context.blas !== undefined && work >= COPY_THRESHOLD) task = makeNative(context, rearrange, dtype, task, steps);
    run(context, gemm, dtype, task, steps);
  };
}

function pointerOf(view: View): number {
  return (view.buffer as HeapBuffer).pointer + view.offset * BYTES_PER_ELEMENT[view.dtype];
}

function describe(call: MatmulCall): Batched {
  const { a, b, output, alpha, beta } = call;
  const rank = output.shape.length;
  const product: Product = {
    m: output.shape[rank - 2],
    n: output.shape[rank - 1],
    k: a.shape[rank - 1],
    alpha,
    a: pointerOf(a),
    aRow: a.strides[rank - 2],
    aColumn: a.strides[rank - 1],
    b: pointerOf(b),
    bRow: b.strides[rank - 2],
    bColumn: b.strides[rank - 1],
    beta,
    c: pointerOf(output),
    cRow: output.strides[rank - 2],
    cColumn: output.strides[rank - 1],
  };
  if (rank === 2) return { product, sizes: [], strides: [[], [], []] };
  const { shape, strides } = coalesce(
    output.shape.slice(0, -2),
    [a, b, output].map((view) => view.strides.slice(0, -2)),
  );
  return { product, sizes: shape, strides };
}

/** Makes batch axes rows where only a has them, columns where only b has them. */
function foldBatches(task: Batched): Batched {
  let { product } = task;
  const sizes = [...task.sizes];
  const strides = task.strides.map((list) => [...list]);
  while (sizes.length > 0) {
    const size = sizes[sizes.length - 1];
    const [a, b, c] = strides.map((list) => list[list.length - 1]);
    const { m, n } = product;
    if (b === 0 && (m === 1 || (a === m * product.aRow && c === m * product.cRow))) {
      product = { ...product, m: m * size, aRow: m === 1 ? a : product.aRow, cRow: m === 1 ? c : product.cRow };
    } else if (a === 0 && (n === 1 || (b === n * product.bColumn && c === n * product.cColumn))) {
      const single = n === 1;
      product = {
        ...product,
        n: n * size,
        bColumn: single ? b : product.bColumn,
        cColumn: single ? c : product.cColumn,
      };
    } else {
      break;
    }
    sizes.pop();
    for (const list of strides) list.pop();
  }
  return { product, sizes, strides };
}

/** Copies operands whose strides BLAS cannot express. */
function makeNative(
  context: CpuContext,
  rearrange: RearrangeKernels,
  dtype: FloatDType,
  task: Batched,
  steps: Steps,
): Batched {
  const { product, sizes, strides } = task;
  if (isNative(product)) return task;
  const { m, n, k } = product;
  // A result that BLAS cannot write, or thin products where the copy costs as much as the product, stay in WebAssembly.
  if (nativeOperand(m, n, product.cRow, product.cColumn) === undefined || Math.min(m, n) < 8) return task;
  const bytes = BYTES_PER_ELEMENT[dtype];
  const result = { ...product };
  const newStrides = strides.map((list) => [...list]);
  const operands = [
    { index: 0, slot: SLOT.a, rows: m, columns: k, pointer: product.a, row: product.aRow, column: product.aColumn },
    { index: 1, slot: SLOT.b, rows: k, columns: n, pointer: product.b, row: product.bRow, column: product.bColumn },
  ];
  for (const { index, slot, rows, columns, pointer, row, column } of operands) {
    if (nativeOperand(rows, columns, row, column) !== undefined) continue;
    const axes: RearrangeAxis[] = [
      { size: rows, target: columns, source: row },
      { size: columns, target: 1, source: column },
    ];
    let total = rows * columns;
    for (let axis = sizes.length - 1; axis >= 0; axis--) {
      const source = strides[index][axis];
      if (source === 0) continue;
      axes.unshift({ size: sizes[axis], target: total, source });
      newStrides[index][axis] = total;
      total *= sizes[axis];
    }
    const target = context.scratch(total * bytes, slot);
    copyAxes(rearrange, steps, dtype, axes, target, pointer);
    if (index === 0) Object.assign(result, { a: target, aRow: columns, aColumn: 1 });
    else Object.assign(result, { b: target, bRow: columns, bColumn: 1 });
  }
  return { product: result, sizes, strides: newStrides };
}

/** Byte offsets of an operand in all batches, outermost axis slowest. */
function batchOffsets(sizes: readonly number[], strides: readonly number[], bytes: number): number[] {
  let offsets = [0];
  sizes.forEach((size, axis) => {
    const step = strides[axis] * bytes;
    const next: number[] = [];
    for (const offset of offsets) for (let i = 0; i < size; i++) next.push(offset + i * step);
    offsets = next;
  });
  return offsets;
}

function run(context: CpuContext, gemm: Gemm, dtype: FloatDType, task: Batched, steps: Steps): void {
  const { product, sizes, strides } = task;
  const bytes = BYTES_PER_ELEMENT[dtype];
  const stride = Gemm.workspaceBytes;
  const workspace = context.scratch(stride * context.executor.threads, SLOT.workspace);
  if (sizes.length === 0) {
    for (const part of divide(product, bytes, TASKS)) {
      steps.beginTask();
      gemm.push(steps, dtype, part, workspace, PER_THREAD.none, stride);
    }
    steps.flush();
    return;
  }
  const [a, b, c] = strides.map((list) => batchOffsets(sizes, list, bytes));
  const count = a.length;
  const work = product.m * product.n * product.k;
  if (work < TASK_WORK && !gemm.usesNative(product)) {
    pushBatch(context, gemm, dtype, product, [a, b, c], workspace, steps);
    return;
  }
  const perTask = Math.max(1, Math.floor(TASK_WORK / Math.max(1, work)));
  for (let first = 0; first < count; first++) {
    if (first % perTask === 0) steps.beginTask();
    const single = { ...product, a: product.a + a[first], b: product.b + b[first], c: product.c + c[first] };
    const parts = divide(single, bytes, Math.ceil(TASKS / count));
    parts.forEach((part, i) => {
      if (i > 0) steps.beginTask();
      gemm.push(steps, dtype, part, workspace, PER_THREAD.none, stride);
    });
  }
  steps.flush();
}

/** Cuts a product into at most `most` parts along its longer side. */
function divide(p: Product, bytes: number, most: number): Product[] {
  const byRows = p.m >= p.n;
  const length = byRows ? p.m : p.n;
  const work = p.m * p.n * p.k;
  const wanted = Math.min(most, Math.floor(length / PART_SIZE), Math.floor(work / TASK_WORK));
  if (wanted <= 1) return [p];
  const size = Math.ceil(length / wanted / 16) * 16;
  const parts: Product[] = [];
  for (let first = 0; first < length; first += size) {
    const count = Math.min(size, length - first);
    parts.push(
      byRows
        ? { ...p, m: count, a: p.a + first * p.aRow * bytes, c: p.c + first * p.cRow * bytes }
        : { ...p, n: count, b: p.b + first * p.bColumn * bytes, c: p.c + first * p.cColumn * bytes },
    );
  }
  return parts;
}

/** Runs small products in WebAssembly, many in a call. */
function pushBatch(
  context: CpuContext,
  gemm: Gemm,
  dtype: FloatDType,
  product: Product,
  offsets: readonly (readonly number[])[],
  workspace: number,
  steps: Steps,
): void {
  const bytes = BYTES_PER_ELEMENT[dtype];
  const flip = product.cColumn !== 1 && product.cRow === 1;
  const p = flip ? transposedProduct(product) : product;
  const [a, b, c] = flip ? [offsets[1], offsets[0], offsets[2]] : offsets;
  const count = a.length;
  const lists = context.scratch(12 * count, SLOT.lists);
  const words = context.heap.i32();
  const first = lists / 4;
  for (let i = 0; i < count; i++) {
    words[first + i] = p.a + a[i];
    words[first + count + i] = p.b + b[i];
    words[first + 2 * count + i] = p.c + c[i];
  }
  const { gemmBatch } = gemm.kernels(dtype);
  const perTask = Math.max(1, Math.ceil(TASK_WORK / Math.max(1, p.m * p.n * p.k)));
  for (let begin = 0; begin < count; begin += perTask) {
    steps.beginTask();
    steps.pushPerThread(
      gemmBatch,
      1 << 14,
      Gemm.workspaceBytes,
      p.m,
      p.n,
      p.k,
      p.alpha,
      lists + 4 * begin,
      p.aRow * bytes,
      p.aColumn * bytes,
      lists + 4 * (count + begin),
      p.bRow * bytes,
      p.bColumn * bytes,
      p.beta,
      lists + 4 * (2 * count + begin),
      p.cRow * bytes,
      p.cColumn * bytes,
      workspace,
      Math.min(perTask, count - begin),
    );
  }
  steps.flush();
}
