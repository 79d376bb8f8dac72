/**
 * Which plan an equivariant linear map runs by: the cost of its expanded matrix and of its products in the irrep basis, as measured by
 * bench/linear_bench.ts on the cpu backend with OpenBLAS.
 */

import type { WeightLayout } from "../../kernels/weight_layout.ts";
import type { Backend } from "../../tensor/backend.ts";
import type { FieldType } from "../field_type.ts";
import type { ConvolutionPlan } from "./convolution_plan.ts";
import { type LinearWork, StructuredLinear } from "./linear_plan.ts";
import { noteChoice } from "./plan_notes.ts";

/** A way to compute an equivariant map without taps. */
export type LinearPlan = Exclude<ConvolutionPlan, "harmonic">;

/** Costs in multiply-adds of a large matrix product. */
const COST = {
  /** A sample of the dense product, at least: with fewer of them the time goes to reading the matrix. */
  fewestSamples: 8,
  /** An entry of the matrix when it is expanded. */
  expandedEntry: 65,
  /** The calls of the dense plan, and those that expand the matrix. */
  denseCalls: 0.35e6,
  expansionCalls: 2.5e6,
  /** A multiply-add of the products with weights, and one of the changes of basis, which are wide. */
  product: 0.9,
  basisChange: 0.65,
  /** A number that is written on the way, and one of the weights' matrices. */
  written: 18,
  weight: 22,
  /** A call of the structured plan. */
  call: 0.28e6,
} as const;

/** What a pass costs with a matrix of `size` entries, in multiply-adds of a large product; `expands`: whether it expands the matrix. */
export function denseCost(batch: number, size: number, expands: boolean): number {
  const { fewestSamples, denseCalls, expandedEntry, expansionCalls } = COST;
  return Math.max(batch, fewestSamples) * size + denseCalls + (expands ? expandedEntry * size + expansionCalls : 0);
}

/** What a pass costs in the irrep basis, in the same unit; `prepares`: whether it brings the weights into the form of the products. */
export function structuredCost(batch: number, work: LinearWork, prepares: boolean): number {
  const { product, basisChange, written, weights, weightCalls, calls } = work;
  return batch * (COST.product * product + COST.basisChange * basisChange + COST.written * written) +
    COST.call * calls + (prepares ? COST.weight * weights + COST.call * weightCalls : 0);
}

/** The fewest calls of a structured plan. */
const FEWEST_CALLS = 3;

/** The plans of a map, the structured one made when it is first needed. */
export class LinearPlans {
  readonly #layout: WeightLayout;
  readonly #inType: FieldType;
  readonly #outType: FieldType;
  readonly #setting: LinearPlan | "auto";
  readonly #noted = new WeakMap<Backend, Set<string>>();
  #structured: StructuredLinear | undefined;

  /** The plans of a layer; `setting` fixes one. */
  constructor(layout: WeightLayout, inType: FieldType, outType: FieldType, setting: LinearPlan | "auto") {
    this.#layout = layout;
    this.#inType = inType;
    this.#outType = outType;
    this.#setting = setting;
  }

  /** The plan in the irrep basis. */
  get structured(): StructuredLinear {
    return this.#structured ??= new StructuredLinear(this.#layout, this.#inType, this.#outType);
  }

  /**
   * The cheaper plan for a batch on a backend, of those that the setting allows. `expands`: whether the pass would expand the matrix, or
   * prepare the weights, which are kept otherwise.
   */
  choose(batch: number, backend: Backend, expands: boolean): LinearPlan {
    if (this.#setting !== "auto") return this.#setting;
    // The costs are those of the cpu backend: one that states its own keeps to the single product, as does one without fast plans.
    if (backend.steerableConvolution === undefined || backend.steerableCosts !== undefined) return "dense";
    const dense = denseCost(batch, this.#inType.size * this.#outType.size, expands);
    // Small maps never ask for the other plan.
    if (dense < FEWEST_CALLS * COST.call) return "dense";
    return structuredCost(batch, this.structured.work, expands) < dense ? "structured" : "dense";
  }

  /** The same for a layer that now runs by it; `backendInfo()` shows it. */
  chooseToRun(batch: number, backend: Backend, expands: boolean): LinearPlan {
    const plan = this.choose(batch, backend, expands);
    // Nothing runs on an empty batch.
    if (batch === 0) return plan;
    let noted = this.#noted.get(backend);
    if (noted === undefined) this.#noted.set(backend, noted = new Set<string>());
    const key = `${batch} ${plan}`;
    if (!noted.has(key)) {
      noted.add(key);
      const layer = `linear ${this.#inType.size}→${this.#outType.size} channels, batch ${batch}`;
      noteChoice(backend, layer, plan, this.#setting !== "auto");
    }
    return plan;
  }
}
