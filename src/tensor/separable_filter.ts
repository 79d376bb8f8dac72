/**
 * Filters that are a product of one profile for each axis, as a Gaussian is, applied to every channel by itself: what backends are asked
 * for. Part of the contract of backends, like `conv_geometry.ts`.
 */

import type { View } from "./backend.ts";
import type { ConvolutionGeometry } from "./conv_geometry.ts";

/**
 * `output[b, c, p] = Σ_t Π_a profiles[a][t_a] · input[b, c, p · stride + t − padding]`, zeros in the padding; or its adjoint, from `output` to
 * `input`. Both views row-major, of one float dtype.
 */
export interface SeparableFilterCall {
  /** Sizes, strides and padding; as many groups as channels, dilation 1. */
  readonly geometry: ConvolutionGeometry;
  /** For each spatial axis the weights of its taps, `kernelSize` numbers. */
  readonly profiles: readonly Float64Array[];
  /** `[batch, channels, …inputSize]`. */
  readonly input: View;
  /** `[batch, channels, …outputSize]`. */
  readonly output: View;
}
