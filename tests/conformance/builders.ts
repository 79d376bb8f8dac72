// The builders of the fixtures' `kernel-at-points` cases: the library's functions of the same names.

import { o2Group } from "../../src/group/groups/o2.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import { so2Group } from "../../src/group/groups/so2.ts";
import { so3Group } from "../../src/group/groups/so3.ts";
import type { GroupElement, Representation } from "../../src/group/types.ts";
import * as kernels from "../../src/kernels/mod.ts";
import { type Case, type Json, number, numbers, tensor, Unsupported } from "./check.ts";
import { subgroupIdOf } from "./descriptions.ts";

const SIMPLE = [
  "kernelsSO2ActR2",
  "kernelsO2ActR2",
  "kernelsCNActR2",
  "kernelsDNActR2",
  "kernelsFlipActR2",
  "kernelsTrivialActR2",
  "kernelsSO3ActR3",
  "kernelsO3ActR3",
  "kernelsIcoActR3",
  "kernelsOctaActR3",
  "kernelsSO2ActR3",
  "kernelsCNActR3",
  "kernelsO2ConicalActR3",
  "kernelsDNConicalActR3",
  "kernelsO2DihedralActR3",
  "kernelsDNDihedralActR3",
  "kernelsFullCylinderActR3",
  "kernelsFullCylinderDiscreteActR3",
  "kernelsCylinderActR3",
  "kernelsCylinderDiscreteActR3",
  "kernelsInvActR3",
  "kernelsTrivialActR3",
] as const;

// The element of O(2) or O(3) with an orthogonal matrix.
function matrixElement(value: Json | undefined): GroupElement | undefined {
  if (value === undefined) return undefined;
  const m = tensor(value).data;
  if (m.length === 4) {
    const [a, b, c, d] = m;
    return o2Group().element([a * d - b * c < 0 ? 1 : 0, Math.atan2(c, a)]);
  }
  const [a, b, c, d, e, f, g, h, i] = m;
  const inverted = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0;
  const rows = [0, 3, 6].map((row) => [0, 1, 2].map((column) => (inverted ? -1 : 1) * m[row + column]));
  return o3Group().element([inverted ? 1 : 0, rows], "MAT");
}

/** The kernel basis of a case with a builder. Throws {@linkcode Unsupported} for an unknown one. */
export function builderBasis(c: Case, source: Representation, target: Representation): kernels.KernelBasis {
  if (c.builder === "kernelsOnPoint") return kernels.kernelsOnPoint(source, target);
  const radii = numbers(c.radii);
  const sigma = typeof c.sigma === "number" ? c.sigma : numbers(c.sigma);
  const options = {
    maximumFrequency: c.maximumFrequency === undefined ? undefined : number(c.maximumFrequency),
    adjoint: matrixElement(c.adjoint),
    axis: c.axis === undefined ? undefined : number(c.axis),
  };
  switch (c.builder) {
    case "kernelsSO2SubgroupActR2": {
      const order = number(subgroupIdOf(so2Group(), c.subgroup)[0] as Json);
      return kernels.kernelsSO2SubgroupActR2(source, target, order, radii, sigma, options);
    }
    case "kernelsO2SubgroupActR2":
      return kernels.kernelsO2SubgroupActR2(source, target, subgroupIdOf(o2Group(), c.subgroup), radii, sigma, options);
    case "kernelsSO3SubgroupActR3":
      return kernels.kernelsSO3SubgroupActR3(
        source,
        target,
        subgroupIdOf(so3Group(), c.subgroup),
        radii,
        sigma,
        options,
      );
    case "kernelsO3SubgroupActR3":
      return kernels.kernelsO3SubgroupActR3(source, target, subgroupIdOf(o3Group(), c.subgroup), radii, sigma, options);
    case "kernelsAliasedIcoActR3": {
      const stabilizer = subgroupIdOf(source.group, c.stabilizer);
      return kernels.kernelsAliasedIcoActR3(source, target, stabilizer, radii, sigma, options);
    }
  }
  const name = SIMPLE.find((known) => known === c.builder);
  if (name === undefined) throw new Unsupported(`builder ${c.builder}`);
  return kernels[name](source, target, radii, sigma, options);
}
