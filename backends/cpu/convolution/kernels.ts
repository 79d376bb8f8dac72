/** The compiled kernels that convolutions share, made on first use for each element type. */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { CpuContext, Kernel } from "../context.ts";
import type { Gemm } from "../gemm/gemm.ts";
import { buildRearrangeModule } from "../gemm/rearrange.ts";
import { buildColumnsModule } from "./columns.ts";
import { buildThinModule } from "./thin.ts";

/** Kernels of one element type; see the modules for their arguments. */
export interface ElementKernels {
  /** `columns.ts`. */
  readonly columns: Kernel;
  /** `rearrange.ts`. */
  readonly rearrange: Kernel;
  /** `rearrange.ts`. */
  readonly sum: Kernel;
  /** `rearrange.ts`. */
  readonly fill: Kernel;
}

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
  readonly #elements: Partial<Record<FloatDType, ElementKernels>> = {};
  readonly #thin: Partial<Record<FloatDType, ThinKernels>> = {};

  /** Compiles nothing yet. */
  constructor(context: CpuContext, gemm: Gemm) {
    this.context = context;
    this.gemm = gemm;
  }

  /** The kernels of every convolution. */
  of(dtype: FloatDType): ElementKernels {
    return this.#elements[dtype] ??= this.#compile(dtype);
  }

  /** The kernels for few output channels. */
  thin(dtype: FloatDType): ThinKernels {
    return this.#thin[dtype] ??= this.#compileThin(dtype);
  }

  #compile(dtype: FloatDType): ElementKernels {
    const { executor, heap } = this.context;
    const [columns] = executor.register(buildColumnsModule(dtype, heap.shared), ["columns"]);
    const [rearrange, sum, fill] = executor.register(buildRearrangeModule(dtype, heap.shared), [
      "rearrange",
      "sum",
      "fill",
    ]);
    return { columns, rearrange, sum, fill };
  }

  #compileThin(dtype: FloatDType): ThinKernels {
    const { executor, features, heap } = this.context;
    const [thin, thinGradient] = executor.register(buildThinModule(dtype, features.relaxedSimd, heap.shared), [
      "thin",
      "thinGradient",
    ]);
    return { thin, thinGradient };
  }
}
