/**
 * Matrix products of views by cuBLAS. A row-major matrix is the transpose of a column-major one, so most strides need no copy;
 * batch axes become one stride, rows of one tall matrix, or a few calls; what is left is copied to dense memory first.
 */

import type { MapCall, MatmulCall, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../src/tensor/dtype.ts";
import { binary, constant, input, scalar } from "../../src/tensor/expr.ts";
import { coalesce, type CoalescedLoop, elementCount, isContiguous } from "../../src/tensor/layout.ts";
import { ShapeError } from "../../src/tensor/errors.ts";
import type { CudaContext } from "./context.ts";
import type { Cublas, Gemm } from "./cublas.ts";
import { pointerOf, scratchView } from "./kernels/bind.ts";

/** Scratch slots for dense copies of the two factors and of the result. */
const SLOTS = { a: 8, b: 9, output: 10 } as const;

/** Calls for one product that are still cheaper than copying its factors together. */
const MOST_CALLS = 16;

/** The greatest size that cuBLAS takes. */
const MOST = 2 ** 31 - 1;

/** How the last two axes of a view lie in memory: which of them is dense, and the step of the other. */
export interface MatrixLayout {
  /** Whether elements of a row are neighbours. */
  readonly rowMajor: boolean;
  /** Elements from one row (or column) to the next. */
  readonly leading: number;
}

/** The layout of a matrix for cuBLAS; `undefined` when neither axis is dense, or lines overlap or are too far apart. */
export function matrixLayout(
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
): MatrixLayout | undefined {
  const dense = (inner: number, innerStride: number, outer: number, outerStride: number) =>
    (inner === 1 || innerStride === 1) &&
    (outer === 1 || outerStride >= Math.max(1, inner) && outerStride <= MOST);
  if (dense(columns, columnStride, rows, rowStride)) {
    return { rowMajor: true, leading: rows === 1 ? Math.max(1, columns) : rowStride };
  }
  if (dense(rows, rowStride, columns, columnStride)) {
    return { rowMajor: false, leading: columns === 1 ? Math.max(1, rows) : columnStride };
  }
  return undefined;
}

/** What a product needs of the device. */
export interface MatmulParts {
  readonly context: CudaContext;
  readonly cublas: Pick<Cublas, "gemm">;
  readonly copy: (source: View, target: View) => void;
  readonly map: (call: MapCall) => void;
}

/** Makes the backend's `matmul`. */
export function createMatmul({ context, cublas, copy, map }: MatmulParts): (call: MatmulCall) => void {
  const dense = (view: View, slot: number): View => {
    const bytes = elementCount(view.shape) * BYTES_PER_ELEMENT[view.dtype];
    return scratchView(context.scratch(bytes, slot), view.dtype, view.shape);
  };
  const densified = (view: View, slot: number): View => {
    const target = dense(view, slot);
    copy(view, target);
    return target;
  };

  const viaDense = (call: MatmulCall): void => {
    const { output, beta } = call;
    const target = dense(output, SLOTS.output);
    if (beta !== 0) copy(output, target);
    matmul({ ...call, output: target });
    copy(target, output);
  };

  const matmul = (call: MatmulCall): void => {
    const { output, beta } = call;
    let { a, b } = call;
    const rank = output.shape.length;
    const [m, n] = output.shape.slice(-2);
    const k = a.shape[rank - 1];
    if (elementCount(output.shape) === 0) return;
    for (const size of [m, n, k, ...output.shape]) {
      if (size > MOST) {
        throw new ShapeError({ op: "matmul", expected: `sizes up to ${MOST} on cuda`, actual: String(size) });
      }
    }
    if (k === 0) return scale(output, beta, map);
    if (layoutOf(output) === undefined) return viaDense(call);
    if (layoutOf(a) === undefined) a = densified(a, SLOTS.a);
    if (layoutOf(b) === undefined) b = densified(b, SLOTS.b);
    let loops = batchLoops(a, b, output);
    if (callsOf(loops) > MOST_CALLS) {
      // Copies merge the axes of the batch.
      if (!isContiguous(output)) return viaDense(call);
      a = densified(a, SLOTS.a);
      b = densified(b, SLOTS.b);
      loops = batchLoops(a, b, output);
    }
    run(cublas, { ...call, a, b }, loops);
  };
  return matmul;
}

/** The layout of a view's matrices; `undefined` also where the batch runs backwards. */
function layoutOf({ shape, strides }: View): MatrixLayout | undefined {
  const rank = shape.length;
  if (strides.slice(0, -2).some((stride, axis) => stride < 0 && shape[axis] > 1)) return undefined;
  return matrixLayout(shape[rank - 2], shape[rank - 1], strides[rank - 2], strides[rank - 1]);
}

/** The batch of a product. */
interface BatchLoops {
  /** As few axes as there can be, with the strides of output, a and b. */
  readonly loops: CoalescedLoop;
  /** The one that a call does; `undefined` when each call does a single product. */
  readonly axis: number | undefined;
}

function batchLoops(a: View, b: View, output: View): BatchLoops {
  const loops = coalesce(output.shape.slice(0, -2), [output, a, b].map(({ strides }) => strides.slice(0, -2)));
  // The results of one call must lie one behind the other.
  const rank = output.shape.length;
  const span = 1 + [rank - 2, rank - 1].reduce((sum, at) => sum + (output.shape[at] - 1) * output.strides[at], 0);
  let axis: number | undefined;
  loops.shape.forEach((size, i) => {
    if (loops.strides[0][i] >= span && size > (axis === undefined ? 1 : loops.shape[axis])) axis = i;
  });
  return { loops, axis };
}

/** Calls that a product takes. */
function callsOf({ loops: { shape }, axis }: BatchLoops): number {
  return elementCount(shape) / (axis === undefined ? 1 : shape[axis]);
}

/** One call for each point of all loops but the one that a call does. */
function run(
  cublas: Pick<Cublas, "gemm">,
  { a, b, output, alpha, beta, precision }: MatmulCall,
  { loops: { shape, strides: [outputStrides, aStrides, bStrides] }, axis: batchAxis }: BatchLoops,
): void {
  const batch = batchAxis === undefined ? 1 : shape[batchAxis];
  const stepOf = (strides: readonly number[]): number => batchAxis === undefined ? 0 : strides[batchAxis];
  const product = columnMajorProduct(a, b, output, {
    batch,
    aStep: stepOf(aStrides),
    bStep: stepOf(bStrides),
    outputStep: stepOf(outputStrides),
  });
  const bytes = BYTES_PER_ELEMENT[output.dtype];
  const others = shape.map((_, axis) => axis).filter((axis) => axis !== batchAxis);
  const visit = (depth: number, aOffset: number, bOffset: number, outputOffset: number): void => {
    if (depth === others.length) {
      cublas.gemm(place(product, { alpha, beta, precision }, aOffset * bytes, bOffset * bytes, outputOffset * bytes));
      return;
    }
    const axis = others[depth];
    for (let i = 0; i < shape[axis]; i++) {
      visit(
        depth + 1,
        aOffset + i * aStrides[axis],
        bOffset + i * bStrides[axis],
        outputOffset + i * outputStrides[axis],
      );
    }
  };
  visit(0, 0, 0, 0);
}

/** The product of the first matrices, and which of its factors is `a`. */
interface Placed {
  readonly gemm: Gemm;
  readonly swapped: boolean;
}

function place(
  { gemm, swapped }: Placed,
  factors: Pick<Gemm, "alpha" | "beta" | "precision">,
  aOffset: number,
  bOffset: number,
  outputOffset: number,
): Gemm {
  const [first, second] = swapped ? [bOffset, aOffset] : [aOffset, bOffset];
  const move = (operand: Gemm["a"], offset: number) => ({ ...operand, pointer: operand.pointer + offset });
  return { ...gemm, ...factors, a: move(gemm.a, first), b: move(gemm.b, second), c: move(gemm.c, outputOffset) };
}

function columnMajorProduct(
  a: View,
  b: View,
  output: View,
  steps: { readonly batch: number; readonly aStep: number; readonly bStep: number; readonly outputStep: number },
): Placed {
  const { batch, aStep, bStep, outputStep } = steps;
  const [aLayout, bLayout, outputLayout] = [a, b, output].map(layoutOf) as [MatrixLayout, MatrixLayout, MatrixLayout];
  let m = output.shape[output.shape.length - 2];
  const n = output.shape[output.shape.length - 1];
  const k = a.shape[a.shape.length - 1];
  let count = batch;
  // One factor for the whole batch: the other's matrices, one below the other, are one tall matrix.
  const tall = batch > 1 && bStep === 0 && aLayout.rowMajor && outputLayout.rowMajor;
  if (tall && aStep === m * aLayout.leading && outputStep === m * outputLayout.leading && m * batch <= MOST) {
    m *= batch;
    count = 1;
  }
  const first = { pointer: pointerOf(a), leading: aLayout.leading, batchStride: aStep };
  const second = { pointer: pointerOf(b), leading: bLayout.leading, batchStride: bStep };
  const c = { pointer: pointerOf(output), leading: outputLayout.leading, batchStride: outputStep };
  const common = { dtype: output.dtype as FloatDType, k, c, batch: count, alpha: 1, beta: 0 };
  if (outputLayout.rowMajor) {
    // The transposes, column-major: outputᵀ = bᵀ · aᵀ, and a row-major b is bᵀ already.
    const gemm: Gemm = {
      ...common,
      ...{ m: n, n: m },
      ...{ a: second, transposeA: !bLayout.rowMajor },
      ...{ b: first, transposeB: !aLayout.rowMajor },
    };
    return { gemm, swapped: true };
  }
  const gemm: Gemm = {
    ...common,
    ...{ m, n },
    ...{ a: first, transposeA: aLayout.rowMajor },
    ...{ b: second, transposeB: bLayout.rowMajor },
  };
  return { gemm, swapped: false };
}

/** `output = beta · output`, without reading it where `beta` is 0. */
function scale(output: View, beta: number, map: (call: MapCall) => void): void {
  if (beta === 1) return;
  const { dtype, shape } = output;
  if (beta === 0) {
    map({ expressions: [constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [output] });
  } else {
    const expression = binary("mul", input(0, dtype), scalar(0, dtype));
    map({ expressions: [expression], shape, inputs: [output], scalars: [beta], outputs: [output] });
  }
}
