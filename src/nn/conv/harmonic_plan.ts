/**
 * The harmonic plan of a steerable convolution: every filter is a combination of few scalar functions on the grid (angular times
 * radial ones, Weiler & Cesa 2019), so that channels are correlated with the functions once, and then mixed by one product.
 */

import { type PlanInput, steerablePlan } from "../../tensor/steerable_plan.ts";
import type { SteerablePlan } from "../../tensor/steerable_plan.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { FilterExpansion } from "./filter_expansion.ts";
import {
  type FastConvolution,
  type FastOptions,
  functionsOf,
  type LayerParts,
  type PlanForm,
  runPlan,
} from "./plan_parts.ts";

function range(count: number): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => i);
}

/** Filters as coefficients of the functions on the grid. */
export class HarmonicConvolution implements FastConvolution {
  readonly plan: SteerablePlan;
  readonly form: PlanForm;
  readonly basisWork: FastConvolution["basisWork"] = {
    before: { products: 0, written: 0 },
    after: { products: 0, written: 0 },
  };
  readonly #groups: number;
  readonly #channels: readonly [number, number];
  readonly #parts: LayerParts;
  /** Made when it is first applied: a plan that is only weighed against others needs none. */
  #expansion: FilterExpansion | undefined;

  /** The plan of a layer in a form. */
  constructor(parts: LayerParts, form: PlanForm = "forward") {
    const { tables, inType, outType, groups, kernelSize } = parts, { functions, count } = functionsOf(tables, form);
    this.form = form;
    this.#parts = parts;
    this.#groups = groups;
    this.#channels = [outType.size, inType.size];
    const coefficients = new Float64Array(count * count);
    for (let f = 0; f < count; f++) coefficients[f * count + f] = 1;
    const [from, to] = form === "forward" ? [inType.size, outType.size] : [outType.size, inType.size];
    const input: PlanInput = { size: 1, channels: range(from), parts: [{ output: 0, paths: count, coefficients }] };
    this.plan = steerablePlan({
      functions,
      kernelSize,
      inChannels: from,
      outChannels: to,
      inputs: [input],
      outputs: [{ size: 1, channels: range(to) }],
    });
  }

  apply(x: Tensor, weights: Tensor, options: FastOptions): Tensor {
    const filter = this.#filterExpansion().apply(weights);
    const [out, into] = this.#channels, groups = this.#groups;
    const matrix = this.form === "forward" ? filter : filter.reshape([groups, out, into, -1]).permute([0, 2, 1, 3]);
    return runPlan(this, x, matrix.reshape([-1]), groups, options);
  }

  #filterExpansion(): FilterExpansion {
    if (this.#expansion !== undefined) return this.#expansion;
    const { tables, layout, inType, outType, groups } = this.#parts, { count, of } = functionsOf(tables, this.form);
    return this.#expansion = new FilterExpansion(tables, layout, inType, outType, groups, { count, of });
  }
}
