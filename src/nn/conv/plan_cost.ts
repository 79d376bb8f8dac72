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

/**
 * The costs on the cpu backend, where planes stay in the cache and mirrored taps are added before the projection multiplies: fitted to
 * the times of thirty layers on one thread, of which no estimate is off by more than a third where a plan is worth choosing.
 */
export const CPU_COSTS: SteerableCosts = {
  dense: 1.1,
  denseCopy: 9,
  denseOutput: 43,
  projection: 0.82,
  fold: 33,
  contraction: 7.1,
  plane: 1.3,
  output: 20.5,
  basisChange: 1.9,
  pass: 6,
  thinProduct: 1,
  fullRows: 1,
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

/** The cost of the convolution with the filter: its multiply-adds, and what large maps of few channels take besides. */
function denseCost(geometry: ConvolutionGeometry, weights: SteerableCosts): number {
  const { batch, inChannels, outChannels, kernelSize, outputSize } = geometry;
  const positions = outputSize.reduce((count, size) => count * size, batch);
  const copied = inChannels * kernelSize[kernelSize.length - 1];
  return weights.dense * convolutionFlops(geometry) / 2 +
    positions * (copied * weights.denseCopy + outChannels * weights.denseOutput);
}

/**
 * The costs of all plans for a geometry, the cheapest first.
 *
 * @param weights The costs on the backend.
 * @param denseShare Part of the direct form's time that the backend's convolution takes.
 */
export function planCosts(
  plans: ConvolutionPlans,
  geometry: ConvolutionGeometry,
  transposed = false,
  weights: SteerableCosts = CPU_COSTS,
  denseShare = 1,
): PlanCost[] {
  const forms = formsOf(geometry, transposed), direct = denseCost(geometry, weights);
  const costs: PlanCost[] = [{ plan: "dense", form: forms[0][0], cost: direct * denseShare }];
  const { tables } = plans.parts, { batch, groups, inputSize, outputSize } = geometry;
  for (const [form, planGeometry] of forms) {
    for (const plan of ["harmonic", "structured"] as const) {
      const { plan: fast, basisWork } = plans.get(plan, form);
      const work = steerableWork(fast, planGeometry);
      const rows = Math.max(1, ...fast.outputs.map(({ channels }) => channels.length));
      const thin = 1 + (weights.thinProduct - 1) * Math.max(0, 1 - rows / weights.fullRows);
      const positions = planGeometry.outputSize.reduce((count, size) => count * size, batch * groups);
      let cost = work.projection * weights.projection + work.folded * weights.fold + work.product * thin +
        work.planes * positions * weights.plane + work.outputs * weights.output;
      // Without fewer functions than taps nothing is gained by them alone.
      if (plan === "harmonic" && tables.functionCount >= tables.points) cost += direct;
      // The planes of the harmonic plan are the functions themselves.
      if (plan === "structured") cost += work.contraction * weights.contraction;
      const [source, target] = transposed ? [outputSize, inputSize] : [inputSize, outputSize];
      for (const [{ products, written }, size] of [[basisWork.before, source], [basisWork.after, target]] as const) {
        cost += (products * weights.basisChange + written * weights.pass) *
          size.reduce((a, b) => a * b, batch * groups);
      }
      costs.push({ plan, form, cost });
    }
  }
  return costs.sort((a, b) => a.cost - b.cost);
}
