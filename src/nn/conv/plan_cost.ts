/**
 * The cost model of the plans of a steerable convolution: multiply-adds of their parts, each weighed by what it takes beside a
 * multiply-add of a large matrix product (measured by bench/plans_bench.ts on the cpu backend).
 */

import { convolutionFlops, type ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import { steerableWork } from "../../tensor/steerable_plan.ts";
import type { ConvolutionPlan, ConvolutionPlans } from "./convolution_plan.ts";

/** A plan and its estimated cost in multiply-adds of a large matrix product. */
export interface PlanCost {
  /** The plan. */
  readonly plan: ConvolutionPlan;
  /** Its cost for one pass. */
  readonly cost: number;
}

/** Cost of a multiply-add of the projection, whose mirrored taps are added first. */
const PROJECTION = 1.2;
/** Cost of a term of a contraction. */
const CONTRACTION = 4;
/** Cost of a multiply-add of the changes of basis. */
const BASIS_CHANGE = 2;
/** Cost of writing an element of a feature map and reading it again, which the changes of basis do once more each. */
const PASS = 25;
/** Cost of a multiply-add with few rows of weights, for each row missing of {@linkcode FULL_ROWS}. */
const THIN_PRODUCT = 1.5;
/** Rows of weights from which a product runs at full speed. */
const FULL_ROWS = 32;
/** Cost of a multiply-add of the dense convolution. */
const DENSE = 1.15;

/** The costs of all plans for a geometry, the cheapest first. */
export function planCosts(plans: ConvolutionPlans, geometry: ConvolutionGeometry): PlanCost[] {
  const costs: PlanCost[] = [{ plan: "dense", cost: DENSE * convolutionFlops(geometry) / 2 }];
  const { inType, outType, tables } = plans.parts;
  for (const plan of ["harmonic", "structured"] as const) {
    // Without fewer functions than taps nothing is gained by them alone.
    if (plan === "harmonic" && tables.functionCount >= tables.points) continue;
    const fast = plans.get(plan).plan;
    const work = steerableWork(fast, geometry);
    const rows = Math.max(1, ...fast.outputs.map(({ channels }) => channels.length));
    const thin = 1 + (THIN_PRODUCT - 1) * Math.max(0, 1 - rows / FULL_ROWS);
    let cost = work.projection * PROJECTION + work.product * thin;
    if (plan === "structured") {
      const pixels = (sizes: readonly number[]): number =>
        sizes.reduce((count, size) => count * size, geometry.batch * geometry.groups);
      const change = (type: typeof inType): number => type.representations.reduce((sum, rho) => sum + rho.size ** 2, 0);
      cost += work.contraction * CONTRACTION +
        (BASIS_CHANGE * change(inType) + PASS * fast.inChannels) * pixels(geometry.inputSize) +
        (2 * BASIS_CHANGE * change(outType) + PASS * fast.outChannels) * pixels(geometry.outputSize);
    }
    costs.push({ plan, cost });
  }
  return costs.sort((a, b) => a.cost - b.cost);
}
