/**
 * How a steerable convolution is computed: densely with its expanded filter, with coefficients of the functions on the grid
 * (harmonic), or in the irrep basis (structured). All give the same numbers up to rounding; a cost model picks by shape.
 */

import type { Backend } from "../../tensor/backend.ts";
import type { ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { planCosts } from "./plan_cost.ts";
import {
  type FastConvolution,
  HarmonicConvolution,
  type LayerParts,
  StructuredConvolution,
} from "./structured_plan.ts";

/** A way to compute a steerable convolution. */
export type ConvolutionPlan = "dense" | "harmonic" | "structured";

const PLANS: readonly (ConvolutionPlan | "auto")[] = ["auto", "dense", "harmonic", "structured"];

/** Throws ArgumentError unless this names a plan or `"auto"`. */
export function requirePlan(op: string, plan: string): ConvolutionPlan | "auto" {
  const found = PLANS.find((name) => name === plan);
  if (found !== undefined) return found;
  throw new ArgumentError({ op, expected: `plan as one of ${PLANS.join(", ")}`, actual: String(plan) });
}

/** The plans of a layer, made when they are first needed. */
export class ConvolutionPlans {
  /** What they are made from. */
  readonly parts: LayerParts;
  readonly #setting: ConvolutionPlan | "auto";
  #harmonic: HarmonicConvolution | undefined;
  #structured: StructuredConvolution | undefined;
  readonly #choices = new Map<string, ConvolutionPlan>();

  /** The plans of a layer; `setting` fixes one. */
  constructor(parts: LayerParts, setting: ConvolutionPlan | "auto") {
    this.parts = parts;
    this.#setting = setting;
  }

  /** The plan of that name that is not dense. */
  get(plan: "harmonic" | "structured"): FastConvolution {
    if (plan === "harmonic") return this.#harmonic ??= new HarmonicConvolution(this.parts);
    return this.#structured ??= new StructuredConvolution(this.parts);
  }

  /** The plan for a geometry on a backend: the one that is fixed, else the cheapest. */
  choose(geometry: ConvolutionGeometry, backend: Backend): ConvolutionPlan {
    if (this.#setting !== "auto") return this.#setting;
    // Compositions of other operations keep all planes in memory.
    if (backend.steerableConvolution === undefined) return "dense";
    const key = `${geometry.batch} ${geometry.inputSize} ${backend.name}`;
    let choice = this.#choices.get(key);
    if (choice === undefined) {
      choice = planCosts(this, geometry)[0].plan;
      if (this.#choices.size >= 64) this.#choices.clear();
      this.#choices.set(key, choice);
    }
    return choice;
  }
}
