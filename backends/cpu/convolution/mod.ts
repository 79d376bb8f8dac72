/**
 * Convolution in the cpu backend without im2col of whole images (DESIGN section 5): forward pass and both gradients as
 * correlations, cut into pieces that stay in cache, whose products run in native BLAS or WebAssembly; or, where that is
 * faster, in tiles that Fourier transforms take to products of fewer multiplications.
 */

import type { ConvolutionCall, View } from "../../../src/tensor/backend.ts";
import type { ConvolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../../src/tensor/dtype.ts";
import type { CpuContext, HeapBuffer } from "../context.ts";
import type { Gemm } from "../gemm/gemm.ts";
import { chooseTiling, tilingShare } from "../fourier/choice.ts";
import { correlateTiles } from "../fourier/forward.ts";
import { FourierKernels } from "../fourier/kernels.ts";
import { outputParts, planeProblem, planeSizes } from "../fourier/problem.ts";
import { correlateTileWeights } from "../fourier/weight_gradient.ts";
import { type Correlation, forwardCorrelation, inputGradientCorrelations } from "./correlation.ts";
import { correlate } from "./forward.ts";
import { ConvolutionKernels } from "./kernels.ts";
import { correlateWeights } from "./weight_gradient.ts";

/** The three convolution methods of a backend. */
export interface ConvolutionOperations {
  /** `output` from `input` and `weight`. */
  convolution(call: ConvolutionCall): void;
  /** `input` (its gradient) from `output` (its gradient) and `weight`. */
  convolutionInputGradient(call: ConvolutionCall): void;
  /** `weight` (its gradient) from `input` and `output` (its gradient). */
  convolutionWeightGradient(call: ConvolutionCall): void;
  /** Part of the direct form's time that a convolution takes. */
  convolutionShare(geometry: ConvolutionGeometry, dtype: FloatDType): number;
}

/** Address of a view's first element; its buffer is one of the heap's. */
function pointerOf(view: View): number {
  return (view.buffer as HeapBuffer).pointer + view.offset * BYTES_PER_ELEMENT[view.dtype];
}

/** The convolutions of a context; kernels are compiled on first use. */
export function createConvolution(context: CpuContext, gemm: Gemm): ConvolutionOperations {
  const kernels = new ConvolutionKernels(context, gemm);
  const tiles = new FourierKernels(kernels);
  const { convolution: method, blas, heap } = context;
  const choice = { method, native: blas !== undefined, limit: heap.limit };
  /** Computes one correlation, or its weight gradient, directly or in tiles. */
  const compute = (problem: Correlation, forWeights: boolean): void => {
    const plane = planeProblem(problem);
    const chosen = plane && chooseTiling(plane, { ...choice, forWeights });
    if (plane === undefined || chosen === undefined) {
      (forWeights ? correlateWeights : correlate)(kernels, problem);
      return;
    }
    for (const part of outputParts(plane, chosen.outChannels)) {
      (forWeights ? correlateTileWeights : correlateTiles)(tiles, part, chosen.tiling);
    }
  };
  return {
    convolution(call) {
      compute(forwardCorrelation(call, pointerOf), false);
    },
    convolutionInputGradient(call) {
      for (const problem of inputGradientCorrelations(call, pointerOf)) compute(problem, false);
    },
    convolutionWeightGradient(call) {
      compute(forwardCorrelation(call, pointerOf), true);
    },
    convolutionShare(geometry, dtype) {
      const sizes = planeSizes(geometry, dtype);
      return sizes === undefined ? 1 : tilingShare(sizes, choice);
    },
  };
}
