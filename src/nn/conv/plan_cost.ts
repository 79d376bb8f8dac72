/**
 * The cost model of the plans of a steerable convolution: multiply-adds of their parts, each weighed by what it takes beside a
 * multiply-add of a large matrix product (measured by bench/plans_bench.ts on the cpu backend).
 */

import { convolutionFlops, type ConvolutionGeometry } from "../../tensor/conv_geometry.ts";
import { steerableWork } from "../../tensor/steerable_plan.ts";
import type { ConvolutionPlans, PlanChoice } from "./convolution_plan.ts";
import { allowsAdjoint, type PlanForm } from "./plan_parts.ts";

/** A plan, its form, and its estimated cost in multiply-adds of a large matrix product. */
export interface PlanCost extends PlanChoice {
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

/** The costs of all plans for a geometry, the cheapest first. */
export function planCosts(plans: ConvolutionPlans, geometry: ConvolutionGeometry, transposed = false): PlanCost[] {
  const forms = formsOf(geometry, transposed);
  const costs: PlanCost[] = [{ plan: "dense", form: forms[0][0], cost: DENSE * convolutionFlops(geometry) / 2 }];
  const { inType, outType, tables } = plans.parts;
  for (const [form, planGeometry] of forms) {
    for (const plan of ["harmonic", "structured"] as const) {
      const fast = plans.get(plan, form).plan;
      const work = steerableWork(fast, planGeometry);
      const rows = Math.max(1, ...fast.outputs.map(({ channels }) => channels.length));
      const thin = 1 + (THIN_PRODUCT - 1) * Math.max(0, 1 - rows / FULL_ROWS);
      let cost = work.projection * PROJECTION + work.product * thin;
      // Without fewer functions than taps nothing is gained by them alone.
      if (plan === "harmonic" && tables.functionCount >= tables.points) cost += costs[0].cost;
      if (plan === "structured") {
        const pixels = (sizes: readonly number[]): number =>
          sizes.reduce((count, size) => count * size, geometry.batch * geometry.groups);
        const change = (type: typeof inType): number =>
          type.representations.reduce((sum, rho) => sum + rho.size ** 2, 0);
        const [source, target] = form === "forward" ? [inType, outType] : [outType, inType];
        cost += work.contraction * CONTRACTION +
          (BASIS_CHANGE * change(source) + PASS * fast.inChannels) * pixels(planGeometry.inputSize) +
          (2 * BASIS_CHANGE * change(target) + PASS * fast.outChannels) * pixels(planGeometry.outputSize);
      }
      costs.push({ plan, form, cost });
    }
  }
  return costs.sort((a, b) => a.cost - b.cost);
}
