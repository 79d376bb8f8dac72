/**
 * Which of cuDNN's algorithms computes a convolution. With float32 precision only those that sum the products as they are: FFT and
 * Winograd transforms round differently for each position, which breaks equivariance. Those that give the same bits each time come first.
 */

import { type AlgorithmResult, type ConvolutionDirection, CUDNN_MATH } from "./cudnn.ts";

/** Numbers of the algorithms that sum products: implicit and explicit GEMM, direct. */
const SUMMING: { readonly [D in ConvolutionDirection]: ReadonlySet<number> } = {
  forward: new Set([0, 1, 2, 3]),
  inputGradient: new Set([0, 1]),
  weightGradient: new Set([0, 1, 3]),
};

/** Those that need at most `limit` bytes of workspace, in their order; where none does, the one that needs least. */
export function withinWorkspace(algorithms: readonly AlgorithmResult[], limit: number): AlgorithmResult[] {
  const fitting = algorithms.filter(({ workspace }) => workspace <= limit);
  if (fitting.length > 0 || algorithms.length === 0) return fitting;
  return [algorithms.reduce((least, other) => other.workspace < least.workspace ? other : least)];
}

/** Algorithms that may be used, the best first. `rounding` says that products may be rounded, and then also transformed. */
export function usableAlgorithms(
  direction: ConvolutionDirection,
  results: readonly AlgorithmResult[],
  rounding: boolean,
): AlgorithmResult[] {
  const usable = results.filter(({ status, math, algorithm }) =>
    status === 0 &&
    (rounding ||
      SUMMING[direction].has(algorithm) && (math === CUDNN_MATH.fma || math === CUDNN_MATH.default))
  );
  return [...usable.filter(({ deterministic }) => deterministic), ...usable.filter((result) => !result.deterministic)];
}
