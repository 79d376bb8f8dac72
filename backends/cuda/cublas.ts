/**
 * cuBLAS with checked calls: a handle on the backend's stream with a workspace of ours, and the one product that the backend
 * needs, in float32 and float64. Matrices are column-major here, as the library has them.
 */

import { type Library, loadFfi } from "../../ffi/mod.ts";
import type { ReducedPrecision } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../src/tensor/dtype.ts";
import { CudaError } from "./errors.ts";
import { HostBlock } from "./host_memory.ts";
import { MemoryRelief } from "./memory_relief.ts";
import type { CUBLAS_SYMBOLS } from "./symbols/cublas.ts";

/** How float32 products are rounded: as float32, or with factors of 10 bits on tensor cores. */
export type CudaPrecision = "float32" | "tf32";

/** `cublasMath_t`. */
const MATH = { float32: 0, tf32: 3 } as const satisfies { readonly [P in CudaPrecision]: number };
/** `cublasOperation_t`. */
export const CUBLAS_OPERATION = { none: 0, transpose: 1 } as const;

/** `CUDA_R_32F`. */
const FLOAT32 = 0;
/** `cublasComputeType_t`: float32 sums of products whose factors are rounded. */
const COMPUTE = { float16: 74, bfloat16: 75 } as const satisfies { readonly [P in ReducedPrecision]: number };
/** The most products of a call: some of the library's kernels have the batch along an axis of the grid that goes no further. */
const MOST_BATCH = 65535;
/** `CUBLAS_GEMM_DEFAULT`. */
const DEFAULT_ALGORITHM = -1;

/** An operand: elements in memory, column after column. */
export interface ColumnMajor {
  /** Its first element on the device. */
  readonly pointer: number;
  /** Elements from one column to the next. */
  readonly leading: number;
  /** Elements from one matrix of the batch to the next. */
  readonly batchStride: number;
}

/** `c = alpha · op(a) · op(b) + beta · c`, for each of the batch. */
export interface Gemm {
  readonly dtype: FloatDType;
  /** Rows of `c`. */
  readonly m: number;
  /** Columns of `c`. */
  readonly n: number;
  /** Terms of a sum. */
  readonly k: number;
  /** `m × k`, or `k × m` when transposed. */
  readonly a: ColumnMajor;
  readonly transposeA: boolean;
  /** `k × n`, or `n × k` when transposed. */
  readonly b: ColumnMajor;
  readonly transposeB: boolean;
  readonly c: ColumnMajor;
  readonly batch: number;
  readonly alpha: number;
  readonly beta: number;
  /** To what float32 factors may be rounded. Default: as the handle is configured. */
  readonly precision?: ReducedPrecision | undefined;
}

/** Checked calls on one handle. */
export class Cublas {
  readonly #library: Library<typeof CUBLAS_SYMBOLS>;
  readonly #block = new HostBlock(64);
  readonly #relief: MemoryRelief;
  #handle = 0;

  /**
   * @param library The opened library.
   * @param relief What a call does that finds no memory for its own needs.
   */
  constructor(library: Library<typeof CUBLAS_SYMBOLS>, relief: MemoryRelief = new MemoryRelief()) {
    this.#library = library;
    this.#relief = relief;
  }

  /** Makes the handle. */
  create(): void {
    this.#check("cublasCreate", this.#library.symbols.cublasCreate_v2(this.#block.address));
    this.#handle = this.#block.readAddress(0);
  }

  /** The library's version: 130200 is 13.2.0. */
  version(): number {
    const { cublasGetVersion_v2 } = this.#library.symbols;
    this.#check("cublasGetVersion", cublasGetVersion_v2(this.#handle, this.#block.address));
    return this.#block.view.getInt32(0, true);
  }

  /** Sets how and where it works. */
  configure(stream: number, precision: CudaPrecision): void {
    const { cublasSetStream_v2, cublasSetMathMode } = this.#library.symbols;
    this.#check("cublasSetStream", cublasSetStream_v2(this.#handle, stream));
    this.#check("cublasSetMathMode", cublasSetMathMode(this.#handle, MATH[precision]));
  }

  /** Gives it device memory to work in, so that it allocates none itself (which a recorded graph does not allow). */
  setWorkspace(pointer: number, bytes: number): void {
    const { cublasSetWorkspace_v2 } = this.#library.symbols;
    this.#check("cublasSetWorkspace", cublasSetWorkspace_v2(this.#handle, pointer, bytes));
  }

  /** Puts a product on the stream. */
  gemm(product: Gemm): void {
    const { batch, dtype } = product;
    for (let first = 0; first < batch; first += MOST_BATCH) {
      const from = (operand: ColumnMajor): ColumnMajor => ({
        ...operand,
        pointer: operand.pointer + first * operand.batchStride * BYTES_PER_ELEMENT[dtype],
      });
      const { a, b, c } = product;
      const part = batch <= MOST_BATCH ? product : {
        ...product,
        ...{ a: from(a), b: from(b), c: from(c) },
        batch: Math.min(MOST_BATCH, batch - first),
      };
      try {
        this.#gemm(part);
      } catch (error) {
        this.#relief.retry(error, () => this.#gemm(part));
      }
    }
  }

  #gemm({ dtype, m, n, k, a, transposeA, b, transposeB, c, batch, alpha, beta, precision }: Gemm): void {
    const { view, address } = this.#block;
    if (dtype === "float32") {
      view.setFloat32(16, alpha, true);
      view.setFloat32(24, beta, true);
    } else {
      view.setFloat64(16, alpha, true);
      view.setFloat64(24, beta, true);
    }
    const { symbols } = this.#library;
    const [one, two] = [address + 16, address + 24];
    const [opA, opB] = [transposeA, transposeB].map((transpose) =>
      transpose ? CUBLAS_OPERATION.transpose : CUBLAS_OPERATION.none
    );
    const [lda, ldb, ldc] = [a.leading, b.leading, c.leading];
    let call: string;
    let status: number;
    if (precision !== undefined && dtype === "float32") {
      call = "cublasGemmStridedBatchedEx";
      status = symbols.cublasGemmStridedBatchedEx(
        ...[this.#handle, opA, opB, m, n, k, one, a.pointer, FLOAT32, lda, a.batchStride] as const,
        ...[b.pointer, FLOAT32, ldb, b.batchStride, two, c.pointer, FLOAT32, ldc, c.batchStride] as const,
        ...[batch, COMPUTE[precision], DEFAULT_ALGORITHM] as const,
      );
    } else if (batch === 1) {
      const gemm = dtype === "float32" ? symbols.cublasSgemm_v2 : symbols.cublasDgemm_v2;
      call = dtype === "float32" ? "cublasSgemm" : "cublasDgemm";
      status = gemm(
        ...[this.#handle, opA, opB, m, n, k, one, a.pointer, lda, b.pointer, ldb, two, c.pointer, ldc] as const,
      );
    } else {
      const gemm = dtype === "float32" ? symbols.cublasSgemmStridedBatched : symbols.cublasDgemmStridedBatched;
      call = dtype === "float32" ? "cublasSgemmStridedBatched" : "cublasDgemmStridedBatched";
      status = gemm(
        ...[this.#handle, opA, opB, m, n, k, one, a.pointer, lda, a.batchStride] as const,
        ...[b.pointer, ldb, b.batchStride, two, c.pointer, ldc, c.batchStride, batch] as const,
      );
    }
    if (status !== 0) this.#check(`${call} (m ${m}, n ${n}, k ${k}, batch ${batch})`, status);
  }

  /** Ends the handle. */
  destroy(): void {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    this.#handle = 0;
    this.#check("cublasDestroy", this.#library.symbols.cublasDestroy_v2(handle));
  }

  #check(call: string, status: number): void {
    if (status === 0) return;
    const text = loadFfi().readCString(this.#library.symbols.cublasGetStatusString(status));
    throw new CudaError({ library: "cuBLAS", call, status, text });
  }
}
