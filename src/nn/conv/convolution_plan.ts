/**
 * How a steerable convolution is computed: densely with its expanded filter, with coefficients of the functions on the grid
 * (harmonic), or in the irrep basis (structured). All give the same numbers up to rounding; a cost model picks by shape.
 */

import type { Backend } from "../../tensor/backend.ts";
import type { ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { planCosts } from "./plan_cost.ts";
import { HarmonicConvolution } from "./harmonic_plan.ts";
import type { FastConvolution, LayerParts, PlanForm } from "./plan_parts.ts";
import { StructuredConvolution } from "./structured_plan.ts";

/** A way to compute a steerable convolution. */
export type ConvolutionPlan = "dense" | "harmonic" | "structured";

const PLANS: readonly (ConvolutionPlan | "auto")[] = ["auto", "dense", "harmonic", "structured"];

/** Throws ArgumentError unless this names a plan or `"auto"`. */
export function requirePlan(op: string, plan: string): ConvolutionPlan | "auto" {
  const found = PLANS.find((name) => name === plan);
  if (found !== undefined) return found;
  throw new ArgumentError({ op, expected: `plan as one of ${PLANS.join(", ")}`, actual: String(plan) });
}

/** A plan for some input shape. */
export interface PlanChoice {
  /** The plan. */
  readonly plan: ConvolutionPlan;
  /** In which form, if it is not dense. */
  readonly form: PlanForm;
}

/** The plans of a layer, made when they are first needed. */
export class ConvolutionPlans {
  /** What they are made from. */
  readonly parts: LayerParts;
  readonly #setting: ConvolutionPlan | "auto";
  readonly #made = new Map<string, FastConvolution>();
  readonly #choices = new Map<string, PlanChoice>();

  /** The plans of a layer; `setting` fixes one. */
  constructor(parts: LayerParts, setting: ConvolutionPlan | "auto") {
    this.parts = parts;
    this.#setting = setting;
  }

  /** A plan in a form. */
  get(plan: "harmonic" | "structured", form: PlanForm): FastConvolution {
    const key = `${plan} ${form}`;
    let made = this.#made.get(key);
    if (made === undefined) {
      made = plan === "harmonic"
        ? new HarmonicConvolution(this.parts, form)
        : new StructuredConvolution(this.parts, form);
      this.#made.set(key, made);
    }
    return made;
  }

  /**
   * The cheapest plan for a geometry on a backend, of those that the setting allows. The geometry of a transposed convolution
   * is that of the convolution whose adjoint it is.
   */
  choose(geometry: ConvolutionGeometry, backend: Backend, transposed = false): PlanChoice {
    const setting = this.#setting;
    const usual: PlanForm = transposed ? "transposed" : "forward";
    // Compositions of other operations keep all planes in memory: without the primitive only who asks for them gets them.
    if (setting === "dense" || (setting === "auto" && backend.steerableConvolution === undefined)) {
      return { plan: "dense", form: usual };
    }
    const key = `${geometry.batch} ${geometry.inputSize} ${geometry.outputSize}`;
    let choice = this.#choices.get(key);
    if (choice === undefined) {
      choice = planCosts(this, geometry, transposed).find(({ plan }) => setting === "auto" || plan === setting)!;
      if (this.#choices.size >= 64) this.#choices.clear();
      this.#choices.set(key, choice);
    }
    return choice;
  }
}
