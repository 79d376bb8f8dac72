/**
 * How a steerable convolution is computed: densely with its expanded filter, with coefficients of the functions on the grid
 * (harmonic), or in the irrep basis (structured). All give the same numbers up to rounding; a cost model picks by shape.
 */

import type { Backend } from "../../tensor/backend.ts";
import type { ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { planCosts } from "./plan_cost.ts";
import { HarmonicConvolution } from "./harmonic_plan.ts";
import type { FastConvolution, LayerParts, PlanForm } from "./plan_parts.ts";
import { notePlan } from "./plan_notes.ts";
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

/** The plan of a layer without taps. Throws ArgumentError unless this names one that it can run, or `"auto"`. */
export function requireLinearPlan(op: string, plan: string): Exclude<ConvolutionPlan, "harmonic"> | "auto" {
  const found = requirePlan(op, plan);
  if (found !== "harmonic") return found;
  throw new ArgumentError({
    op,
    expected: "the plan auto, dense or structured",
    actual: plan,
    hint: "A layer without taps has no functions on a grid; leave the option out for what is fastest",
  });
}

/** A plan for some input shape. */
export interface PlanChoice {
  /** The plan. */
  readonly plan: ConvolutionPlan;
  /** In which form, if it is not dense. */
  readonly form: PlanForm;
}

/** What tells the geometries of one layer apart. */
function shapeKey({ batch, inputSize, outputSize }: ConvolutionGeometry, dtype: FloatDType): string {
  return `${batch} ${inputSize} ${outputSize} ${dtype}`;
}

/** The plans of a layer, made when they are first needed. */
export class ConvolutionPlans {
  /** What they are made from. */
  readonly parts: LayerParts;
  readonly #setting: ConvolutionPlan | "auto";
  readonly #made = new Map<string, FastConvolution>();
  /** By backend: each has its costs. */
  readonly #choices = new WeakMap<Backend, Map<string, PlanChoice>>();
  readonly #noted = new WeakMap<Backend, Set<string>>();

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
  choose(geometry: ConvolutionGeometry, dtype: FloatDType, backend: Backend, transposed = false): PlanChoice {
    return this.#choose(shapeKey(geometry, dtype), geometry, dtype, backend, transposed);
  }

  /** The same for a layer that now runs by it; `backendInfo()` shows it. */
  chooseToRun(geometry: ConvolutionGeometry, dtype: FloatDType, backend: Backend, transposed = false): PlanChoice {
    const key = shapeKey(geometry, dtype), choice = this.#choose(key, geometry, dtype, backend, transposed);
    // Nothing runs on an empty batch.
    if (geometry.batch === 0) return choice;
    let noted = this.#noted.get(backend);
    if (noted === undefined) this.#noted.set(backend, noted = new Set<string>());
    if (!noted.has(key)) {
      noted.add(key);
      notePlan(backend, geometry, transposed, choice, this.#setting !== "auto");
    }
    return choice;
  }

  #choose(
    key: string,
    geometry: ConvolutionGeometry,
    dtype: FloatDType,
    backend: Backend,
    transposed: boolean,
  ): PlanChoice {
    const setting = this.#setting;
    const usual: PlanForm = transposed ? "transposed" : "forward";
    // Compositions of other operations keep all planes in memory: without the primitive only who asks for them gets them.
    if (setting === "dense" || (setting === "auto" && backend.steerableConvolution === undefined)) {
      return { plan: "dense", form: usual };
    }
    const known = this.#choices.get(backend) ?? new Map<string, PlanChoice>();
    this.#choices.set(backend, known);
    let choice = known.get(key);
    if (choice === undefined) {
      const share = backend.convolutionShare?.(geometry, dtype);
      const costs = planCosts(this, geometry, transposed, backend.steerableCosts, share);
      choice = costs.find(({ plan }) => setting === "auto" || plan === setting)!;
      if (known.size >= 64) known.clear();
      known.set(key, choice);
    }
    return choice;
  }
}
