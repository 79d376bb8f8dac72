/** The compiled kernels that convolutions share, made on first use for each element type. */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { CpuContext, Kernel } from "../context.ts";
import type { Gemm } from "../gemm/gemm.ts";
import { RearrangeKernels } from "../gemm/rearrange_kernels.ts";
import { buildColumnsModule } from "./columns.ts";
import { buildThinModule } from "./thin.ts";

/** Kernels for few output channels. */
export interface ThinKernels {
  /** The product. */
  readonly thin: Kernel;
  /** Its weight gradient. */
  readonly thinGradient: Kernel;
}

/** Scratch slots of convolutions. */
export const SLOT = { tables: 8, weights: 9, threads: 10, partials: 11 } as const;

/** All kernels of a context. */
export class ConvolutionKernels {
  /** Where they run. */
  readonly context: CpuContext;
  /** Matrix products. */
  readonly gemm: Gemm;
  /** Strided copies and sums. */
  readonly rearrange: RearrangeKernels;
  readonly #columns: Partial<Record<FloatDType, Kernel>> = {};
  readonly #thin: Partial<Record<FloatDType, ThinKernels>> = {};

  /** Compiles nothing yet. */
  constructor(context: CpuContext, gemm: Gemm) {
    this.context = context;
    this.gemm = gemm;
    this.rearrange = new RearrangeKernels(context);
  }

  /** The kernel of `columns.ts`. */
  columns(dtype: FloatDType): Kernel {
    return this.#columns[dtype] ??= this.#compileColumns(dtype);
  }

  /** The kernels for few output channels. */
  thin(dtype: FloatDType): ThinKernels {
    return this.#thin[dtype] ??= this.#compileThin(dtype);
  }

  #compileColumns(dtype: FloatDType): Kernel {
    const { executor, heap, store } = this.context;
    const module = store.module(`columns|${dtype}`, [], () => buildColumnsModule(dtype, heap.shared));
    return executor.register(module, ["columns"])[0];
  }

  #compileThin(dtype: FloatDType): ThinKernels {
    const { executor, features, heap, store } = this.context;
    const module = store.module(`thin|${dtype}`, [], () => buildThinModule(dtype, features.relaxedSimd, heap.shared));
    const [thin, thinGradient] = executor.register(module, ["thin", "thinGradient"]);
    return { thin, thinGradient };
  }
}
