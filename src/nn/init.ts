/**
 * Initializations of steerable weights, in closed form from the layout of the weights: generalized He (Weiler et al. 2018),
 * which keeps the variance of features from layer to layer.
 */

import { heStandardDeviations, type WeightLayout } from "../kernels/weight_layout.ts";
import type { FloatDType } from "../tensor/dtype.ts";
import { noGrad, randn, scope, type Tensor, tensor } from "../tensor/mod.ts";
import { assign } from "./plain/persistent.ts";

/** A steerable layer: anything with flat weights and their layout. */
export interface SteerableLayer {
  /** The flat vector of coefficients, all groups one after the other. */
  readonly weights: Tensor;
  /** The meaning of the weights of one group. */
  readonly layout: WeightLayout;
}

/** Normal numbers with the generalized He standard deviations, for `groups` blocks of weights. */
export function generalizedHeValues(layout: WeightLayout, groups: number, dtype: FloatDType): Tensor {
  const deviations = heStandardDeviations(layout);
  const data = dtype === "float32" ? Float32Array.from(deviations) : deviations;
  return randn([groups, layout.size], { dtype }).mul(tensor(data, { dtype })).reshape([groups * layout.size]);
}

/**
 * Draws the weights of a steerable layer anew: normal with standard deviation 1 / √(n · m), n the number of input irrep
 * types that reach the output irrep and m the number of basis elements from all inputs of the weight's own type to it.
 * Deterministic by `seed`.
 */
export function generalizedHeInit(layer: SteerableLayer): void {
  const { weights, layout } = layer;
  noGrad(() => {
    using _ = scope();
    const values = generalizedHeValues(layout, weights.size / layout.size, weights.dtype as FloatDType);
    assign([[weights, values]]);
  });
}
