// The fixtures' descriptions of groups, elements, subgroups, representations and spaces as objects of this library.

import {
  bandlimitedRegularRepresentation,
  directSum,
  spectralQuotientRepresentation,
  spectralRegularRepresentation,
} from "../../src/group/constructions.ts";
import { cyclicGroup } from "../../src/group/groups/cyclic.ts";
import { dihedralGroup } from "../../src/group/groups/dihedral.ts";
import { doubleGroup } from "../../src/group/groups/double.ts";
import { icosahedralGroup } from "../../src/group/groups/icosahedral.ts";
import { o2Group } from "../../src/group/groups/o2.ts";
import { o3Group } from "../../src/group/groups/o3.ts";
import { octahedralGroup } from "../../src/group/groups/octahedral.ts";
import { directProduct } from "../../src/group/groups/product.ts";
import { so2Group } from "../../src/group/groups/so2.ts";
import { so3Group } from "../../src/group/groups/so3.ts";
import { sphereRepresentation } from "../../src/group/spectral.ts";
import type {
  ElementValue,
  Group,
  GroupElement,
  IrrepId,
  Representation,
  SubgroupId,
  SubgroupIdPart,
} from "../../src/group/types.ts";
import * as gspaces from "../../src/gspaces/mod.ts";
import type { GSpace } from "../../src/gspaces/gspace.ts";
import { CheckFailure, type Json, list, number, object, Unsupported } from "./check.ts";

/** The group of a description. Throws {@linkcode Unsupported} for a family that does not exist here. */
export function groupOf(value: Json | undefined): Group {
  const { family, N } = object(value);
  switch (family) {
    case "trivial":
      return cyclicGroup(1);
    case "cyclic":
      return cyclicGroup(number(N));
    case "dihedral":
      return dihedralGroup(number(N));
    case "so2":
      return so2Group();
    case "o2":
      return o2Group();
    case "octahedral":
      return octahedralGroup();
    case "icosahedral":
      return icosahedralGroup();
    case "product":
      return directProduct(groupOf(object(value).left), groupOf(object(value).right));
    case "so3":
      return so3Group();
    case "o3":
      return o3Group();
    case "double":
      return doubleGroup(groupOf(object(value).of));
    default:
      throw new Unsupported(`group family ${family}`);
  }
}

/** The element of a description. */
export function elementOf(group: Group, value: Json | undefined): GroupElement {
  return group.element(value as ElementValue);
}

/** The irrep id of a description. */
export function irrepIdOf(value: Json | undefined): IrrepId {
  return list(value) as unknown as IrrepId;
}

/** The subgroup id of a description: conjugating elements become elements of `group`. */
export function subgroupIdOf(group: Group, value: Json | undefined): SubgroupId {
  return list(value).map((part): SubgroupIdPart => {
    if (Array.isArray(part)) return subgroupIdOf(group, part);
    if (part !== null && typeof part === "object") return elementOf(group, object(part).element);
    return part as SubgroupIdPart;
  });
}

function hasStandardRepresentation(group: Group): group is Group & { readonly standardRepresentation: Representation } {
  return "standardRepresentation" in group;
}

/** The representation of a description. */
export function representationOf(group: Group, value: Json | undefined): Representation {
  const rho = object(value);
  if (rho.irrep !== undefined) return group.irrep(...irrepIdOf(rho.irrep));
  if (rho.regular !== undefined) return group.regularRepresentation;
  if (rho.trivial !== undefined) return group.trivialRepresentation;
  if (rho.quotient !== undefined) return group.quotientRepresentation(subgroupIdOf(group, rho.quotient));
  if (rho.standard !== undefined && hasStandardRepresentation(group)) return group.standardRepresentation;
  if (rho.sphere !== undefined) return sphereRepresentation(group, number(rho.sphere));
  if (rho.spectralRegular !== undefined) {
    return spectralRegularRepresentation(group, list(rho.spectralRegular).map(irrepIdOf));
  }
  if (rho.spectralQuotient !== undefined) {
    const id = subgroupIdOf(group, rho.spectralQuotient);
    return spectralQuotientRepresentation(group, id, list(rho.irreps).map(irrepIdOf));
  }
  if (rho.bandlimited !== undefined) return bandlimitedRegularRepresentation(group, number(rho.bandlimited));
  if (rho.bandlimitedQuotient !== undefined) {
    const irreps = group.irreps(number(rho.upTo)).filter((psi) => psi.frequency <= number(rho.upTo));
    return spectralQuotientRepresentation(
      group,
      subgroupIdOf(group, rho.bandlimitedQuotient),
      irreps.map((psi) => psi.id),
    );
  }
  if (rho.sum !== undefined) return directSum(list(rho.sum).map((part) => representationOf(group, part)));
  if (rho.tensor !== undefined) {
    const [left, right] = list(rho.tensor).map((part) => representationOf(group, part));
    return left.tensor(right);
  }
  if (rho.induced !== undefined) {
    return group.inducedRepresentation(subgroupIdOf(group, rho.induced), irrepIdOf(rho.of));
  }
  if (rho.restrict !== undefined) {
    const parent = groupOf(rho.from);
    const restricted = representationOf(parent, rho.of).restrict(subgroupIdOf(parent, rho.restrict));
    if (restricted.group !== group) {
      throw new CheckFailure(`restriction: a representation of ${restricted.group.name}, expected ${group.name}`);
    }
    return restricted;
  }
  throw new Unsupported(`representation ${Object.keys(rho)[0]} of ${group.name}`);
}

/** The space of a description. */
export function spaceOf(value: Json | undefined): GSpace {
  const space = object(value);
  const n = typeof space.N === "number" ? space.N : -1;
  const options = typeof space.axis === "number" ? { axis: space.axis } : {};
  const adjoint = space.adjoint === undefined ? undefined : elementOf(o3Group(), space.adjoint);
  switch (space.factory) {
    case "rot2dOnR2":
    case "rot2dOnR3":
      return space.factory === "rot2dOnR2" ? gspaces.rot2dOnR2(n) : gspaces.rot2dOnR3(n, { adjoint });
    case "flipRot2dOnR2":
      return gspaces.flipRot2dOnR2(n, options);
    case "flip2dOnR2":
      return gspaces.flip2dOnR2(options);
    case "cylindricalOnR3":
      return gspaces.cylindricalOnR3(n, { adjoint });
    case "dihedralOnR3":
    case "conicalOnR3":
    case "fullCylindricalOnR3":
      return gspaces[space.factory](n, { ...options, adjoint });
    case "mirOnR3":
      return gspaces.mirOnR3({ ...options, adjoint });
    case "rot3dOnR3":
    case "flipRot3dOnR3":
    case "octaOnR3":
    case "icoOnR3":
    case "fullOctaOnR3":
    case "fullIcoOnR3":
    case "invOnR3":
    case "trivialOnR3":
    case "trivialOnR2":
      return gspaces[space.factory]();
    case "noBaseSpace":
      return gspaces.noBaseSpace(groupOf(space.G));
    default:
      throw new Unsupported(`space ${space.factory}`);
  }
}
