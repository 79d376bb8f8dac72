/**
 * The cost model of the plans of a steerable convolution: multiply-adds of their parts, each weighed by what it takes beside a
 * multiply-add of a large matrix product: a backend may say it, else it is as measured by bench/plans_bench.ts on the cpu backend.
 */

import { convolutionFlops, type ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import { type SteerableCosts, steerableWork } from "../../tensor/steerable_plan.ts";
import type { ConvolutionPlans, PlanChoice } from "./convolution_plan.ts";
import { allowsAdjoint, type PlanForm } from "./plan_parts.ts";

/** A plan, its form, and its estimated cost in multiply-adds of a large matrix product. */
export interface PlanCost extends PlanChoice {
  /** Its cost for one pass. */
  readonly cost: number;
}

/** The costs on the cpu backend, where planes stay in the cache and mirrored taps are added before the projection multiplies. */
export const CPU_COSTS: SteerableCosts = {
  dense: 1.15,
  projection: 1.2,
  contraction: 4,
  plane: 0,
  basisChange: 2,
  pass: 25,
  thinProduct: 1.5,
  fullRows: 32,
};

/** The geometry of the convolution whose adjoint is a convolution of stride 1 by mirrored functions. */
function adjointGeometry(geometry: ConvolutionGeometry): ConvolutionGeometry {
  const { inChannels, outChannels, inputSize, outputSize, kernelSize, dilation, padBefore, padAfter } = geometry;
  const mirror = (pad: readonly number[]) => pad.map((p, axis) => (kernelSize[axis] - 1) * dilation[axis] - p);
  return {
    ...geometry,
    inChannels: outChannels,
    outChannels: inChannels,
    inputSize: outputSize,
    outputSize: inputSize,
    padBefore: mirror(padBefore),
    padAfter: mirror(padAfter),
  };
}

/** The forms in which a layer can be computed on a geometry, with the geometry of the plan in each. */
function formsOf(geometry: ConvolutionGeometry, transposed: boolean): [PlanForm, ConvolutionGeometry][] {
  if (transposed) return [["transposed", geometry]];
  const forms: [PlanForm, ConvolutionGeometry][] = [["forward", geometry]];
  const { kernelSize, stride, dilation, padBefore, padAfter, inChannels, outChannels, inputSize, outputSize } =
    geometry;
  const padding = padBefore.map((before, axis): [number, number] => [before, padAfter[axis]]);
  const pixels = (sizes: readonly number[]) => sizes.reduce((count, size) => count * size, 1);
  // Functions meet the side with less.
  if (
    outChannels * pixels(outputSize) < inChannels * pixels(inputSize) &&
    allowsAdjoint(kernelSize, { stride, dilation, padding })
  ) forms.push(["adjoint", adjointGeometry(geometry)]);
  return forms;
}

/** The costs of all plans for a geometry, the cheapest first. `weights` are the costs on the backend. */
export function planCosts(
  plans: ConvolutionPlans,
  geometry: ConvolutionGeometry,
  transposed = false,
  weights: SteerableCosts = CPU_COSTS,
): PlanCost[] {
  const forms = formsOf(geometry, transposed);
  const costs: PlanCost[] = [{
    plan: "dense",
    form: forms[0][0],
    cost: weights.dense * convolutionFlops(geometry) / 2,
  }];
  const { inType, outType, tables } = plans.parts;
  for (const [form, planGeometry] of forms) {
    for (const plan of ["harmonic", "structured"] as const) {
      const fast = plans.get(plan, form).plan;
      const work = steerableWork(fast, planGeometry);
      const rows = Math.max(1, ...fast.outputs.map(({ channels }) => channels.length));
      const thin = 1 + (weights.thinProduct - 1) * Math.max(0, 1 - rows / weights.fullRows);
      const { batch, groups, outputSize } = planGeometry;
      const positions = outputSize.reduce((count, size) => count * size, batch * groups);
      let cost = work.projection * weights.projection + work.product * thin + work.planes * positions * weights.plane;
      // Without fewer functions than taps nothing is gained by them alone.
      if (plan === "harmonic" && tables.functionCount >= tables.points) cost += costs[0].cost;
      if (plan === "structured") {
        const pixels = (sizes: readonly number[]): number =>
          sizes.reduce((count, size) => count * size, geometry.batch * geometry.groups);
        const change = (type: typeof inType): number =>
          type.representations.reduce((sum, rho) => sum + rho.size ** 2, 0);
        const [source, target] = form === "forward" ? [inType, outType] : [outType, inType];
        cost += work.contraction * weights.contraction +
          (weights.basisChange * change(source) + weights.pass * fast.inChannels) * pixels(planGeometry.inputSize) +
          (2 * weights.basisChange * change(target) + weights.pass * fast.outChannels) *
            pixels(planGeometry.outputSize);
      }
      costs.push({ plan, form, cost });
    }
  }
  return costs.sort((a, b) => a.cost - b.cost);
}
