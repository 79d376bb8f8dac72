/**
 * The subgroups of O(3) by escnn's ids, each with its embedding, its restriction map and the restriction of the irreps:
 * groups of rotations, these times the inversion, and the cones, whose flips are reflections in planes through z.
 */

import { identityMatrix } from "../math/linear_algebra.ts";
import { decomposeRepresentation } from "./decompose.ts";
import { cyclicGroup } from "./groups/cyclic.ts";
import { fullTetrahedralGroup } from "./groups/full_tetrahedral.ts";
import { directProduct, DirectProductGroup } from "./groups/product.ts";
import {
  IDENTITY_ROTATION,
  multiplyQuaternions,
  type Quaternion,
  quaternionOf,
  rotationBetween,
  sameRotation,
} from "./rotations.ts";
import {
  adjointIn,
  axialBasis,
  axisAdjoint,
  axisOf,
  combineAdjoints,
  type ConjugatedName,
  frameAdjoint,
  isPolyhedralName,
  namePlanarGroup,
  type PlanarGenerators,
  planarGenerators,
  planarName,
  planarRotation,
  planarSubgroup,
  planarValue,
  polyhedralName,
  restrictAxial,
  type RotationSubgroup,
  rotationSubgroup,
  type RotationSubgroupName,
  splitAdjoint,
} from "./rotation_subgroups.ts";
import type { Decomposition, ElementValue, Group, GroupElement, SubgroupId, SubgroupIdPart } from "./types.ts";
import { wignerD } from "./wigner.ts";

/** An element of O(3): (−1)^i times a rotation. */
export type OrthogonalValue = readonly [number, Quaternion];

/** A group of isometries as it lies in O(3). */
export interface OrthogonalSubgroup {
  /** The group. */
  readonly group: Group;
  /** The element of O(3) of a value of the group. */
  readonly include: (value: ElementValue) => OrthogonalValue;
  /** The value of an element of O(3), `undefined` for one outside the group. */
  readonly restrict: (value: OrthogonalValue) => ElementValue | undefined;
  /** The irrep `[parity, l]` restricted to the group. */
  readonly decompose: (parity: number, l: number) => Decomposition;
}

/**
 * A subgroup of O(3) by name: all of it, the rotations, the symmetries of a tetrahedron, a group of rotations, that times the inversion, or the cone with N
 * rotations about z (−1: all) and as many reflections, one of them y → −y.
 */
export type OrthogonalSubgroupName =
  | readonly ["o3"]
  | readonly ["so3"]
  | readonly ["fulltetra"]
  | readonly ["fulltetra", SubgroupId]
  | readonly ["rotations", RotationSubgroupName]
  | readonly ["inversions", RotationSubgroupName]
  | readonly ["cone", number];

// The half turn about y, whose product with the inversion is the reflection y → −y.
const HALF_TURN_Y: Quaternion = [0, 1, 0, 0];

/** The subgroup with a name other than `o3` and `so3`, `undefined` when there is none. */
export function orthogonalSubgroup(
  name: Exclude<OrthogonalSubgroupName, readonly ["o3"] | readonly ["so3"]>,
): OrthogonalSubgroup | undefined {
  if (name[0] === "cone") return coneSubgroup(name[1]);
  if (name[0] === "fulltetra") return fullTetrahedralSubgroup(name.length === 1 ? undefined : name[1]);
  const base = rotationSubgroup(name[1]);
  if (base === undefined) return undefined;
  if (name[0] === "inversions") return withInversion(base);
  return {
    group: base.group,
    include: (value) => [0, base.include(value)],
    restrict: ([i, q]) => i === 0 ? base.restrict(q) : undefined,
    decompose: (_parity, l) => base.decompose(l),
  };
}

function coneSubgroup(order: number): OrthogonalSubgroup | undefined {
  const planar = planarSubgroup(true, order);
  if (planar === undefined) return undefined;
  return {
    group: planar.subgroup,
    include: (value) => {
      const inner = planar.include(value);
      if (typeof inner === "number" || inner[0] === 0) return [0, planarRotation(inner)];
      return [1, multiplyQuaternions(planarRotation(inner[1]), HALF_TURN_Y)];
    },
    restrict: ([i, q]) => {
      const value = planarValue(i === 0 ? q : multiplyQuaternions(q, HALF_TURN_Y));
      return value === undefined || value[0] === 1 ? undefined : planar.restrict([i, value[1]]);
    },
    decompose: (parity, l) => {
      const odd = (l + parity) % 2;
      return restrictAxial(axialBasis(l, () => odd === 1), l, odd, planar.id);
    },
  };
}

// T_d, or a subgroup of it by its id there.
function fullTetrahedralSubgroup(id: SubgroupId | undefined): OrthogonalSubgroup {
  const whole = fullTetrahedralGroup();
  const { subgroup, inclusion } = whole.subgroup(id ?? whole.subgroupSelfId);
  const isometries = subgroup.elements.map((g): OrthogonalValue => {
    const { value } = inclusion(g);
    return typeof value === "number" ? [0, IDENTITY_ROTATION] : [Number(value[0]), quaternionOf(value[1])];
  });
  return {
    group: subgroup,
    include: (value) => isometries[subgroup.indexOf(subgroup.element(value))],
    restrict: ([i, q]) => {
      const position = isometries.findIndex(([j, r]) => i === j && sameRotation(q, r));
      return position < 0 ? undefined : subgroup.elements[position].value;
    },
    decompose: (parity, l) =>
      decomposeRepresentation(subgroup, (g) => {
        const [i, q] = isometries[subgroup.indexOf(g)];
        const d = wignerD(l, q);
        return i * parity === 0 ? d : d.map((v) => 0 - v);
      }, 2 * l + 1),
  };
}

// The group of a base group and the inversion: the product C_2 × H, C_2 alone for trivial H.
function withInversion(base: RotationSubgroup): OrthogonalSubgroup {
  const two = cyclicGroup(2);
  if (base.group.order === 1) {
    return {
      group: two,
      include: (value) => [Number(value), IDENTITY_ROTATION],
      restrict: ([i, q]) => base.restrict(q) === undefined ? undefined : i,
      decompose: (parity, l) => {
        const size = 2 * l + 1;
        return { irreps: Array.from({ length: size }, () => [parity]), changeOfBasis: identityMatrix(size) };
      },
    };
  }
  return {
    group: directProduct(two, base.group),
    include: (value) => typeof value === "number" ? [0, IDENTITY_ROTATION] : [Number(value[0]), base.include(value[1])],
    restrict: ([i, q]) => {
      const value = base.restrict(q);
      return value === undefined ? undefined : [i, value];
    },
    decompose: (parity, l) => {
      const { irreps, changeOfBasis } = base.decompose(l);
      return { irreps: irreps.map((id) => [[parity], id, 0]), changeOfBasis };
    },
  };
}

/** The name and the conjugating rotation in an id of a subgroup of O(3); `undefined` when it is none. */
export function parseOrthogonalId(id: SubgroupId): ConjugatedName<OrthogonalSubgroupName> | undefined {
  const { rest, adjoint } = splitAdjoint(id);
  const [first, second, third] = rest;
  if (rest.length === 1 && (first === "so3" || first === "o3" || first === "fulltetra")) {
    return { name: [first], adjoint };
  }
  if (first === "fulltetra") {
    return rest.length === 2 && isSubgroupId(second) ? nameInFullTetrahedral(second, adjoint) : undefined;
  }
  if (first === "cone") {
    const order = rest.length === 2 ? second : third;
    if (rest.length > 3 || typeof order !== "number") return undefined;
    if (rest.length === 2) return { name: [first, order], adjoint };
    if (typeof second !== "number" || second - second !== 0) return undefined;
    return { name: [first, order], adjoint: combineAdjoints(axisAdjoint(-second), adjoint) };
  }
  if (typeof first !== "boolean") return undefined;
  const kind = first ? "inversions" : "rotations";
  if (rest.length === 2) {
    if (second === "so3") return { name: [first ? "o3" : "so3"], adjoint };
    return isPolyhedralName(second) ? { name: [kind, [second]], adjoint } : undefined;
  }
  if (rest.length !== 3) return undefined;
  const planar = planarName(second, third, adjoint);
  return planar === undefined ? undefined : { name: [kind, planar.name], adjoint: planar.adjoint };
}

/** The name of the subgroup of T_d with an id there: one of its own where it has one, conjugated by `adjoint`. */
export function nameInFullTetrahedral(
  id: SubgroupId,
  adjoint: Quaternion | undefined,
): ConjugatedName<OrthogonalSubgroupName> {
  const normal = fullTetrahedralGroup().subgroup(id).id;
  const { group, include } = fullTetrahedralSubgroup(normal);
  const found = nameIsometries(group, (h) => include(h.value), adjointIn(normal));
  return found === undefined
    ? { name: ["fulltetra", normal], adjoint }
    : { name: found.name, adjoint: combineAdjoints(found.adjoint, adjoint) };
}

function isSubgroupId(part: SubgroupIdPart): part is SubgroupId {
  return Array.isArray(part);
}

/** The parts of the id of a name, without the conjugating element. */
export function idOfOrthogonalName(name: OrthogonalSubgroupName): readonly SubgroupIdPart[] {
  if (name[0] === "rotations") return [false, ...name[1]];
  return name[0] === "inversions" ? [true, ...name[1]] : name;
}

/**
 * The name of a group from where its elements lie: the axes of its generators give the conjugation of a planar group, a
 * polyhedral group of rotations is turned by `adjoint`, and either may be multiplied by the inversion. `undefined` when it
 * is neither, or has no id.
 */
export function nameIsometries(
  group: Group,
  embed: (h: GroupElement) => OrthogonalValue,
  adjoint: Quaternion | undefined,
): ConjugatedName<OrthogonalSubgroupName> | undefined {
  if (group === fullTetrahedralGroup()) return { name: ["fulltetra"], adjoint };
  const polyhedral = polyhedralName(group);
  if (polyhedral !== undefined) return { name: ["rotations", [polyhedral]], adjoint };
  const generators = planarGenerators(group);
  if (generators !== undefined) return namePlanarIsometries(group, embed, generators);
  if (!(group instanceof DirectProductGroup) || group.left !== cyclicGroup(2)) return undefined;
  const pair = (i: number, h: ElementValue): OrthogonalValue => embed(group.element([i, h]));
  const [i, q] = pair(1, group.right.identityValue);
  if (i === 0 || !sameRotation(q, IDENTITY_ROTATION)) return undefined;
  const inner = nameIsometries(group.right, (h) => pair(0, h.value), adjoint);
  if (inner === undefined || inner.name[0] !== "rotations") return undefined;
  return { name: ["inversions", inner.name[1]], adjoint: inner.adjoint };
}

function namePlanarIsometries(
  group: Group,
  embed: (h: GroupElement) => OrthogonalValue,
  { turn, flip, order }: PlanarGenerators,
): ConjugatedName<OrthogonalSubgroupName> | undefined {
  const improper = (g: GroupElement | undefined): boolean => g !== undefined && embed(g)[0] === 1;
  if (!improper(turn) && !improper(flip)) {
    const planar = namePlanarGroup(group, (h) => embed(h)[1]);
    return planar === undefined ? undefined : { name: ["rotations", planar.name], adjoint: planar.adjoint };
  }
  const single = turn === undefined ? flip : flip === undefined && order === 2 ? turn : undefined;
  if (single !== undefined) {
    const q = embed(single)[1];
    if (sameRotation(q, IDENTITY_ROTATION)) return { name: ["inversions", [false, 1]], adjoint: undefined };
    const normal = axisOf(q);
    return { name: ["cone", 1], adjoint: combineAdjoints(rotationBetween(normal, [0, 1, 0]), undefined) };
  }
  if (turn === undefined || flip === undefined || improper(turn)) return undefined;
  return { name: ["cone", order], adjoint: frameAdjoint(axisOf(embed(turn)[1]), axisOf(embed(flip)[1]), 1) };
}
