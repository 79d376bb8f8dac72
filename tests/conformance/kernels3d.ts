// The runner of kernels3d.json.gz: the kinds of kernels2d.json.gz in space, and kernels on the orbits of the icosahedron.

import { icosahedralGroup } from "../../src/group/groups/icosahedral.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import type { Group, GroupElement, Representation, SubgroupId } from "../../src/group/types.ts";
import type { FilterBasis } from "../../src/kernels/filter_basis.ts";
import { OrbitShells } from "../../src/kernels/orbit_basis.ts";
import { SphericalShells } from "../../src/kernels/shells.ts";
import { type Case, holds, type Json, numbers, type Runners, tensor, Unsupported } from "./check.ts";
import { subgroupIdOf } from "./descriptions.ts";
import { builderFrequency, kernelRunners, ringsOf } from "./kernels2d.ts";

// The subgroup of O(3) that a builder's group is.
function builderSubgroup(c: Case, group: Group): SubgroupId {
  const cyclicOrder = (): number => group.order;
  const dihedralOrder = (): number => group.order / 2;
  switch (c.builder) {
    case "kernelsSO3ActR3":
      return ["so3"];
    case "kernelsO3ActR3":
      return ["o3"];
    case "kernelsSO3SubgroupActR3":
      return o3Group().combineSubgroups(["so3"], subgroupIdOf(so3Of(), c.subgroup));
    case "kernelsO3SubgroupActR3":
      return subgroupIdOf(o3Group(), c.subgroup);
    case "kernelsIcoActR3":
      return [false, "ico"];
    case "kernelsOctaActR3":
      return [false, "octa"];
    case "kernelsSO2ActR3":
      return [false, false, -1];
    case "kernelsCNActR3":
      return [false, false, cyclicOrder()];
    case "kernelsO2DihedralActR3":
      return [false, true, -1];
    case "kernelsDNDihedralActR3":
      return [false, true, dihedralOrder()];
    case "kernelsO2ConicalActR3":
      return ["cone", -1];
    case "kernelsDNConicalActR3":
      return ["cone", dihedralOrder()];
    case "kernelsFullCylinderActR3":
      return [true, true, -1];
    case "kernelsFullCylinderDiscreteActR3":
      return [true, true, group.order / 4];
    case "kernelsCylinderActR3":
      return [true, false, -1];
    case "kernelsCylinderDiscreteActR3":
      return [true, false, group.order / 2];
    case "kernelsInvActR3":
      return [true, false, 1];
    case "kernelsTrivialActR3":
      return [false, false, 1];
    default:
      throw new Unsupported(`builder ${c.builder}`);
  }
}

function so3Of(): Group {
  return o3Group().subgroup(["so3"]).subgroup;
}

function matrixElement(value: Json | undefined): GroupElement | undefined {
  if (value === undefined) return undefined;
  const m = tensor(value).data;
  const [a, b, c, d, e, f, g, h, i] = m;
  const inverted = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0;
  const rows = [0, 3, 6].map((row) => [0, 1, 2].map((column) => (inverted ? -1 : 1) * m[row + column]));
  return o3Group().element([inverted ? 1 : 0, rows], "MAT");
}

function spatialBuilderBasis(c: Case, group: Group, source: Representation, target: Representation): FilterBasis {
  const rings = ringsOf(c, numbers(c.radii));
  if (c.builder === "kernelsAliasedIcoActR3") {
    const ico = icosahedralGroup();
    holds(`group ${group.name}`, group === ico);
    return new OrbitShells({
      group,
      action: (g) => ico.standardRepresentation.matrix(g),
      stabilizer: subgroupIdOf(group, c.stabilizer),
      rings,
      adjoint: c.adjoint === undefined ? undefined : tensor(c.adjoint).data,
    });
  }
  const full = c.builder === "kernelsSO3ActR3" || c.builder === "kernelsO3ActR3";
  return new SphericalShells({
    subgroupId: builderSubgroup(c, group),
    rings,
    maximumFrequency: builderFrequency(c, full, source, target),
    adjoint: matrixElement(c.adjoint),
  });
}

/** The kinds of kernels3d.json.gz. */
export const kernel3dRunners: Runners = kernelRunners(spatialBuilderBasis);
