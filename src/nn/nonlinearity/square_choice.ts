/**
 * Which plan a tensor product of fields with themselves runs by: the cost of all products with an expanded matrix, and of fused kernels in
 * the irrep basis, as measured by bench/linear_bench.ts on the cpu backend.
 */

import type { Representation } from "../../group/types.ts";
import type { WeightLayout } from "../../kernels/weight_layout.ts";
import type { Backend } from "../../tensor/backend.ts";
import type { Shape } from "../../tensor/layout.ts";
import type { LinearPlan } from "../conv/linear_choice.ts";
import { noteChoice } from "../conv/plan_notes.ts";
import { type SquareWork, StructuredSquare } from "./square_plan.ts";

/** Costs in multiply-adds of a large matrix product. */
const COST = {
  /** A product of two channels, written, read and multiplied by the columns of a small matrix. */
  square: 68,
  /** An entry of the expanded matrix. */
  expandedEntry: 31,
  /** The calls of the dense plan. */
  denseCalls: 9.7e6,
  /** A multiplication and addition of a kernel, a number that it reads or writes, a multiply-add of a change of basis. */
  term: 6.5,
  touched: 17,
  basisChange: 3.5,
  /** A call of the structured plan. */
  call: 0.9e6,
  /** What a term of a kernel must save in a pass, so that its compilation is worth it after about a thousand. */
  compiledTerm: 20e3,
} as const;

/** Fields of more channels have so many terms that the expanded matrix wins. */
const LARGEST = 16;

/**
 * What a pass costs with expanded matrices for fields of `size` channels, in multiply-adds of a large product; `positions` counts those of
 * the whole batch.
 */
export function denseSquareCost(positions: number, fields: number, size: number, outSize: number): number {
  const squares = size * size;
  return positions * fields * squares * COST.square + fields * squares * outSize * COST.expandedEntry + COST.denseCalls;
}

/** What a pass costs in the irrep basis, in the same unit. */
export function structuredSquareCost(
  positions: number,
  fields: number,
  { terms, touched, basisChange, calls }: SquareWork,
): number {
  return positions * fields * (COST.term * terms + COST.touched * touched + COST.basisChange * basisChange) +
    COST.call * calls + COST.compiledTerm * terms;
}

/** The plans of a module, the structured one made when it is first needed. */
export class SquarePlans {
  readonly #make: () => StructuredSquare;
  readonly #fields: number;
  readonly #sizes: readonly [number, number];
  readonly #setting: LinearPlan | "auto";
  readonly #noted = new WeakMap<Backend, Set<string>>();
  #structured: StructuredSquare | undefined;

  /**
   * The plans of a module from fields of ρ to as many of another representation; `setting` fixes one.
   *
   * @param layout The meaning of the weights of a map from one field of ρ ⊗ ρ to all output fields.
   * @param rho ρ.
   * @param product ρ ⊗ ρ.
   * @param outputs The representations of the output fields.
   * @param setting The plan, or `"auto"`.
   */
  constructor(
    layout: WeightLayout,
    rho: Representation,
    product: Representation,
    outputs: readonly Representation[],
    setting: LinearPlan | "auto",
  ) {
    this.#make = () => new StructuredSquare(layout, outputs.length, rho, product, outputs[0]);
    this.#fields = outputs.length;
    this.#sizes = [rho.size, outputs[0].size];
    this.#setting = setting;
  }

  /** The plan in the irrep basis. */
  get structured(): StructuredSquare {
    return this.#structured ??= this.#make();
  }

  /** The cheaper plan for an input `[batch, channels, …spatial]` on a backend, of those that the setting allows. */
  choose([batch, , ...spatial]: Shape, backend: Backend): LinearPlan {
    // Forms that vanish have no kernels: the other plan says so in numbers.
    if (this.#setting === "structured") return this.structured.isEmpty ? "dense" : "structured";
    if (this.#setting === "dense") return "dense";
    const [size, outSize] = this.#sizes;
    // The costs are those of the cpu backend.
    if (size > LARGEST || backend.steerableConvolution === undefined || backend.steerableCosts !== undefined) {
      return "dense";
    }
    const positions = spatial.reduce((product, length) => product * length, batch);
    const dense = denseSquareCost(positions, this.#fields, size, outSize);
    const { isEmpty, work } = this.structured;
    return !isEmpty && structuredSquareCost(positions, this.#fields, work) < dense ? "structured" : "dense";
  }

  /** The same for a module that now runs by it; `backendInfo()` shows it. */
  chooseToRun(shape: Shape, backend: Backend): LinearPlan {
    const plan = this.choose(shape, backend), [batch, , ...spatial] = shape;
    if (batch === 0) return plan;
    let noted = this.#noted.get(backend);
    if (noted === undefined) this.#noted.set(backend, noted = new Set<string>());
    const where = `${spatial.length === 0 ? "" : `${spatial.join("×")}, `}batch ${batch}`;
    if (!noted.has(where)) {
      noted.add(where);
      const [size, outSize] = this.#sizes;
      const layer = `tensor product ${this.#fields} fields ${size}→${outSize}, ${where}`;
      noteChoice(backend, layer, plan, this.#setting !== "auto");
    }
    return plan;
  }
}
