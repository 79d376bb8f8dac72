/**
 * Matrix products as steps of tasks: each goes to the native BLAS where it is open, can express the strides and is worth
 * the call, else to the WebAssembly product.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { CpuContext, Kernel } from "../context.ts";
import type { Steps } from "./steps.ts";
import { buildGemmModule, GEMM_WORKSPACE_BYTES } from "./module.ts";

/** `c = alpha · a · b + beta · c`. Addresses in bytes, strides in elements. */
export interface Product {
  /** Rows of a and c. */
  readonly m: number;
  /** Columns of b and c. */
  readonly n: number;
  /** Columns of a and rows of b. */
  readonly k: number;
  /** Factor of the product. */
  readonly alpha: number;
  /** Address of a. */
  readonly a: number;
  /** From one row of a to the next. */
  readonly aRow: number;
  /** From one column of a to the next. */
  readonly aColumn: number;
  /** Address of b. */
  readonly b: number;
  /** From one row of b to the next. */
  readonly bRow: number;
  /** From one column of b to the next. */
  readonly bColumn: number;
  /** Factor of what is in c; 0 does not read it. */
  readonly beta: number;
  /** Address of c. */
  readonly c: number;
  /** From one row of c to the next. */
  readonly cRow: number;
  /** From one column of c to the next. */
  readonly cColumn: number;
}

/** Bits that say which operands lie in per-thread memory. */
export const PER_THREAD = { none: 0, a: 1, b: 2, c: 4 } as const;

/** Multiply-adds from which a native call is faster than WebAssembly. */
const NATIVE_THRESHOLD = 6_000;

const ROW_MAJOR = 101;
const PLAIN = 111;
const TRANSPOSED = 112;

interface NativeOperand {
  readonly transposed: boolean;
  readonly lead: number;
}

/** How BLAS can read a `rows × columns` matrix, if it can. */
export function nativeOperand(
  rows: number,
  columns: number,
  rowStride: number,
  columnStride: number,
): NativeOperand | undefined {
  if ((columnStride === 1 || columns === 1) && (rows === 1 || rowStride >= columns)) {
    return { transposed: false, lead: rows === 1 ? columns : rowStride };
  }
  if ((rowStride === 1 || rows === 1) && (columns === 1 || columnStride >= rows)) {
    return { transposed: true, lead: columns === 1 ? rows : columnStride };
  }
  return undefined;
}

/** The same product of the transposed matrices: `cᵀ = alpha · bᵀ · aᵀ + beta · cᵀ`. */
export function transposedProduct(p: Product): Product {
  return {
    m: p.n,
    n: p.m,
    k: p.k,
    alpha: p.alpha,
    a: p.b,
    aRow: p.bColumn,
    aColumn: p.bRow,
    b: p.a,
    bRow: p.aColumn,
    bColumn: p.aRow,
    beta: p.beta,
    c: p.c,
    cRow: p.cColumn,
    cColumn: p.cRow,
  };
}

/** Whether c is written by columns. */
function isFlipped(p: Product): boolean {
  return p.cColumn !== 1 && p.n !== 1;
}

/** Whether BLAS can do a product without copies. */
export function isNative(p: Product): boolean {
  const q = isFlipped(p) ? transposedProduct(p) : p;
  const c = nativeOperand(q.m, q.n, q.cRow, q.cColumn);
  return c !== undefined && !c.transposed && nativeOperand(q.m, q.k, q.aRow, q.aColumn) !== undefined &&
    nativeOperand(q.k, q.n, q.bRow, q.bColumn) !== undefined;
}

/** Both kernels of one element type in WebAssembly. */
interface Pair {
  readonly gemm: Kernel;
  readonly gemmBatch: Kernel;
}

/** Appends products to tasks of a context's executor. */
export class Gemm {
  /** Bytes of per-thread workspace that products need. */
  static readonly workspaceBytes: number = GEMM_WORKSPACE_BYTES;

  readonly #context: CpuContext;
  readonly #modules: Partial<Record<FloatDType, Pair>> = {};

  /** Compiles nothing yet. */
  constructor(context: CpuContext) {
    this.#context = context;
  }

  /** The WebAssembly kernels of `dtype`; see `module.ts`. */
  kernels(dtype: FloatDType): Pair {
    return this.#modules[dtype] ??= this.#compile(dtype);
  }

  /** Whether {@linkcode push} calls BLAS. */
  usesNative(p: Product): boolean {
    return this.#context.blas !== undefined && p.k > 0 && p.m * p.n * p.k >= NATIVE_THRESHOLD && isNative(p);
  }

  /**
   * Appends a product to the task begun last.
   *
   * @param steps Where it goes.
   * @param workspace Address of the first thread's {@linkcode Gemm.workspaceBytes}; other threads' lie `threadStride` apart.
   * @param perThread Operands (of {@linkcode PER_THREAD}) of which each thread has its own, `threadStride` apart.
   */
  push(
    steps: Steps,
    dtype: FloatDType,
    p: Product,
    workspace: number,
    perThread: number,
    threadStride: number,
  ): void {
    if (this.usesNative(p)) {
      this.#pushNative(steps, dtype, p, perThread, threadStride);
      return;
    }
    if (p.cColumn !== 1 && p.cRow === 1) {
      const swapped = (perThread & PER_THREAD.c) | (perThread & PER_THREAD.a ? PER_THREAD.b : 0) |
        (perThread & PER_THREAD.b ? PER_THREAD.a : 0);
      this.push(steps, dtype, transposedProduct(p), workspace, swapped, threadStride);
      return;
    }
    const bytes = dtype === "float32" ? 4 : 8;
    const mask = (perThread & PER_THREAD.a ? 1 << 4 : 0) | (perThread & PER_THREAD.b ? 1 << 7 : 0) |
      (perThread & PER_THREAD.c ? 1 << 11 : 0) | 1 << 14;
    steps.pushPerThread(
      this.kernels(dtype).gemm,
      mask,
      threadStride,
      p.m,
      p.n,
      p.k,
      p.alpha,
      p.a,
      p.aRow * bytes,
      p.aColumn * bytes,
      p.b,
      p.bRow * bytes,
      p.bColumn * bytes,
      p.beta,
      p.c,
      p.cRow * bytes,
      p.cColumn * bytes,
      workspace,
    );
  }

  #pushNative(steps: Steps, dtype: FloatDType, p: Product, perThread: number, threadStride: number): void {
    const { blas } = this.#context;
    if (blas === undefined) return;
    const flip = isFlipped(p);
    const q = flip ? transposedProduct(p) : p;
    const a = nativeOperand(q.m, q.k, q.aRow, q.aColumn)!;
    const b = nativeOperand(q.k, q.n, q.bRow, q.bColumn)!;
    const c = nativeOperand(q.m, q.n, q.cRow, q.cColumn)!;
    const [bitA, bitB] = flip ? [PER_THREAD.b, PER_THREAD.a] : [PER_THREAD.a, PER_THREAD.b];
    const mask = (perThread & bitA ? 1 << 7 : 0) | (perThread & bitB ? 1 << 9 : 0) |
      (perThread & PER_THREAD.c ? 1 << 12 : 0);
    steps.pushPerThread(
      dtype === "float32" ? blas.sgemm : blas.dgemm,
      mask,
      threadStride,
      ROW_MAJOR,
      a.transposed ? TRANSPOSED : PLAIN,
      b.transposed ? TRANSPOSED : PLAIN,
      q.m,
      q.n,
      q.k,
      q.alpha,
      q.a,
      a.lead,
      q.b,
      b.lead,
      q.beta,
      q.c,
      c.lead,
    );
  }

  #compile(dtype: FloatDType): Pair {
    const { executor, features, heap, store } = this.#context;
    const build = () => buildGemmModule(dtype, features.relaxedSimd, heap.shared);
    const [gemm, gemmBatch] = executor.register(store.module(`gemm|${dtype}`, [], build), ["gemm", "gemmBatch"]);
    return { gemm, gemmBatch };
  }
}
