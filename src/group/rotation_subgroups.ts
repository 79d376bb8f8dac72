/**
 * The subgroups of SO(3) by escnn's ids, each with its embedding, its restriction map and the restriction of D^l, as
 * quaternions, so that O(3) can use them as well. Rotations about z and half turns about axes in the plane of x and y
 * restrict in closed form: the harmonics ±m of D^l are the planar irrep of frequency m.
 */

import { atan2 } from "../math/functions.ts";
import { blockDiagonal, multiplyMatrices, transposeMatrix } from "../math/linear_algebra.ts";
import { decomposeRepresentation } from "./decompose.ts";
import type { SubgroupDefinition } from "./group.ts";
import { CyclicGroup } from "./groups/cyclic.ts";
import { DihedralGroup } from "./groups/dihedral.ts";
import { icosahedralGroup } from "./groups/icosahedral.ts";
import { o2Group, OrthogonalGroup2 } from "./groups/o2.ts";
import { octahedralGroup } from "./groups/octahedral.ts";
import { SpecialOrthogonalGroup2 } from "./groups/so2.ts";
import { tetrahedralGroup } from "./groups/tetrahedral.ts";
import { cosSinOfAngle, wrapAngle } from "./planar.ts";
import {
  canonicalQuaternion,
  conjugateQuaternion,
  IDENTITY_ROTATION,
  matrixToQuaternion,
  multiplyQuaternions,
  type Quaternion,
  quaternionOf,
  rotationBetween,
  sameRotation,
  type Vector3,
} from "./rotations.ts";
import type { Decomposition, ElementValue, Group, GroupElement, IrrepId, SubgroupId, SubgroupIdPart } from "./types.ts";
import { wignerD } from "./wigner.ts";

/** A group of rotations as it lies in SO(3). */
export interface RotationSubgroup {
  /** The group. */
  readonly group: Group;
  /** The rotation of a value of the group. */
  readonly include: (value: ElementValue) => Quaternion;
  /** The value of a rotation, `undefined` for one outside the group. */
  readonly restrict: (q: Quaternion) => ElementValue | undefined;
  /** D^l restricted to the group. */
  readonly decompose: (l: number) => Decomposition;
}

/**
 * A group of rotations by name: `[false, N]` the rotations about z (−1: all, else by 2π/N), `[true, N]` these and half
 * turns about axes in the plane of x and y, one of them x, or a polyhedral group.
 */
export type RotationSubgroupName = readonly [boolean, number] | readonly [PolyhedralName];

/** A name with the rotation A that conjugates the group: the embedding is h ↦ A⁻¹ h A. */
export interface ConjugatedName<N> {
  /** The name. */
  readonly name: N;
  /** A, `undefined` for none. */
  readonly adjoint: Quaternion | undefined;
}

const TOLERANCE = 1e-8;

/** The decomposition of parts of a decomposition: `outer` with its i-th irrep replaced by `parts[i]`. */
export function refineDecomposition(
  outer: Decomposition,
  size: number,
  parts: readonly Decomposition[],
): Decomposition {
  const sizes = parts.map((p) => Math.sqrt(p.changeOfBasis.length));
  const inner = blockDiagonal(parts.map((p) => p.changeOfBasis), sizes);
  return {
    irreps: parts.flatMap((p) => p.irreps),
    changeOfBasis: multiplyMatrices(outer.changeOfBasis, inner, size, size, size),
  };
}

/**
 * The matrix [2l+1, 2l+1] whose columns are the harmonic m = 0 and then the pairs (m, −m); a pair for which `turned` says
 * so is turned by a quarter: (−m, then minus m).
 */
export function axialBasis(l: number, turned: (m: number) => boolean): Float64Array {
  const n = 2 * l + 1;
  const q = new Float64Array(n * n);
  q[l * n] = 1;
  for (let m = 1; m <= l; m++) {
    const [cosine, sine] = [(l + m) * n + 2 * m - 1, (l - m) * n + 2 * m - 1];
    if (turned(m)) {
      q[sine] = 1;
      q[cosine + 1] = -1;
    } else {
      q[cosine] = 1;
      q[sine + 1] = 1;
    }
  }
  return q;
}

/** A representation of O(2) with the irreps `[sign, 0]`, `[1, 1]` … `[1, l]` in a basis, restricted to a subgroup of O(2). */
export function restrictAxial(basis: Float64Array, l: number, sign: number, planarId: SubgroupId): Decomposition {
  const irreps: IrrepId[] = [[sign, 0]];
  for (let m = 1; m <= l; m++) irreps.push([1, m]);
  const outer = { irreps, changeOfBasis: basis };
  return refineDecomposition(outer, 2 * l + 1, irreps.map((id) => o2Group().restrictIrrep(planarId, id)));
}

/** The element `[f, θ]` of O(2) that a rotation is: about z (f = 0), or a half turn about an axis across it (f = 1). */
export function planarValue([x, y, z, w]: Quaternion): readonly [number, number] | undefined {
  if (Math.abs(x) <= TOLERANCE && Math.abs(y) <= TOLERANCE) return [0, wrapAngle(2 * atan2(z, w))];
  if (Math.abs(z) <= TOLERANCE && Math.abs(w) <= TOLERANCE) return [1, wrapAngle(2 * atan2(y, x))];
  return undefined;
}

/** The rotation of `[f, θ]`: by θ about z, after a half turn about x if f is 1. */
export function planarRotation(value: ElementValue): Quaternion {
  const [f, angle] = typeof value === "number" ? [0, value] : [Number(value[0]), Number(value[1])];
  const [c, s] = cosSinOfAngle(angle / 2);
  return f === 0 ? [0, 0, s, c] : [c, s, 0, 0];
}

/** The subgroup of O(2) with an id, which the planar groups of SO(3) and O(3) share; `undefined` when there is none. */
export function planarSubgroup(flips: boolean, order: number): SubgroupDefinition | undefined {
  return o2Group().defineSubgroup([flips ? 0 : null, order]);
}

/** The group of rotations with a name, `undefined` when there is none. */
export function rotationSubgroup(name: RotationSubgroupName): RotationSubgroup | undefined {
  if (name.length === 1) return polyhedralSubgroup(name[0]);
  const [flips, order] = name;
  const planar = planarSubgroup(flips, order);
  if (planar === undefined) return undefined;
  return {
    group: planar.subgroup,
    include: (value) => planarRotation(planar.include(value)),
    restrict: (q) => {
      const value = planarValue(q);
      return value === undefined ? undefined : planar.restrict(value);
    },
    decompose: (l) => restrictAxial(axialBasis(l, (m) => flips && (l + m) % 2 === 1), l, l % 2, planar.id),
  };
}

/** The same group conjugated: h ↦ A⁻¹ h A. */
export function conjugateSubgroup(base: RotationSubgroup, adjoint: Quaternion | undefined): RotationSubgroup {
  if (adjoint === undefined) return base;
  const inverse = conjugateQuaternion(adjoint);
  return {
    group: base.group,
    include: (value) => multiplyQuaternions(inverse, multiplyQuaternions(base.include(value), adjoint)),
    restrict: (q) => base.restrict(multiplyQuaternions(adjoint, multiplyQuaternions(q, inverse))),
    decompose: (l) => conjugateDecomposition(base.decompose(l), l, adjoint),
  };
}

/** The decomposition of D^l conjugated by A: D^l(A)ᵀ Q. */
export function conjugateDecomposition(
  { irreps, changeOfBasis }: Decomposition,
  l: number,
  adjoint: Quaternion | undefined,
): Decomposition {
  if (adjoint === undefined) return { irreps, changeOfBasis };
  const n = 2 * l + 1;
  const turn = transposeMatrix(wignerD(l, adjoint), n, n);
  return { irreps, changeOfBasis: multiplyMatrices(turn, changeOfBasis, n, n, n) };
}

/** Whether a part of an id is an element. */
export function isElement(part: SubgroupIdPart | undefined): part is GroupElement {
  return typeof part === "object" && part !== null && "multiply" in part;
}

/** One rotation after another where either may be absent; `undefined` for the identity. */
export function combineAdjoints(second: Quaternion | undefined, first: Quaternion | undefined): Quaternion | undefined {
  const q = second === undefined || first === undefined ? second ?? first : multiplyQuaternions(second, first);
  if (q === undefined || sameRotation(q, IDENTITY_ROTATION, 1e-14)) return undefined;
  return canonicalQuaternion(q);
}

/** The rotation by −angle/2 about z, that moves an axis at angle/2 to x. */
export function axisAdjoint(angle: number): Quaternion {
  return planarRotation(-angle / 2);
}

/**
 * The name of the group of rotations whose id's planar part is `[flips, order]`: `flips` false, true, or twice the angle of
 * a half turn's axis in radians. A lone half turn becomes the group `[false, 2]`. `undefined` when there is none.
 */
export function planarName(
  flips: SubgroupIdPart,
  order: SubgroupIdPart,
  adjoint: Quaternion | undefined,
): ConjugatedName<readonly [boolean, number]> | undefined {
  if (typeof order !== "number" || !Number.isInteger(order) || (order < 1 && order !== -1)) return undefined;
  if (flips === false) return { name: [false, order], adjoint: order === 1 ? undefined : adjoint };
  if (flips !== true && (typeof flips !== "number" || flips - flips !== 0)) return undefined;
  const turned = flips === true ? adjoint : combineAdjoints(axisAdjoint(flips), adjoint);
  return order === 1
    ? { name: [false, 2], adjoint: combineAdjoints(rotationBetween([1, 0, 0], [0, 0, 1]), turned) }
    : { name: [true, order], adjoint: turned };
}

/** The axis, a unit vector, of a rotation by an angle in (0, π]. */
export function axisOf(q: Quaternion): Vector3 {
  const [x, y, z] = canonicalQuaternion(q);
  const norm = Math.sqrt(x * x + y * y + z * z);
  return [x / norm, y / norm, z / norm];
}

/** The rotation that moves orthonormal vectors to the axes z and x (or y, for `second` = 1). */
export function frameAdjoint(toZ: Vector3, toSecond: Vector3, second: 0 | 1): Quaternion | undefined {
  const cross = (a: Vector3, b: Vector3): Vector3 => [
    a[1] * b[2] - a[2] * b[1],
    a[2] * b[0] - a[0] * b[2],
    a[0] * b[1] - a[1] * b[0],
  ];
  const rows = second === 0
    ? [...toSecond, ...cross(toZ, toSecond), ...toZ]
    : [...cross(toSecond, toZ), ...toSecond, ...toZ];
  return combineAdjoints(matrixToQuaternion(rows), undefined);
}

/** Generators of a planar group. */
export interface PlanarGenerators {
  /** The number of rotations, −1 for all. */
  readonly order: number;
  /** The smallest rotation, one by a radian for all; absent for a single one. */
  readonly turn?: GroupElement;
  /** A flip, where there are any. */
  readonly flip?: GroupElement;
}

/** The generators of a planar group, `undefined` for other groups. */
export function planarGenerators(group: Group): PlanarGenerators | undefined {
  if (group instanceof CyclicGroup) {
    const order = group.order;
    return order === 1 ? { order } : { order, turn: group.element(1) };
  }
  if (group instanceof DihedralGroup) {
    const flip = group.element([1, 0]);
    return group.rotationOrder === 1 ? { order: 1, flip } : {
      order: group.rotationOrder,
      turn: group.element([0, 1]),
      flip,
    };
  }
  if (group instanceof SpecialOrthogonalGroup2) return { order: -1, turn: group.element(1) };
  if (group instanceof OrthogonalGroup2) return { order: -1, turn: group.element([0, 1]), flip: group.element([1, 0]) };
  return undefined;
}

/**
 * The name of a planar group from where its elements lie: the axes of its generators give the conjugation. `undefined`
 * when the group is not planar or its smallest rotation is not one by 2π/N.
 */
export function namePlanarGroup(
  group: Group,
  embed: (h: GroupElement) => Quaternion,
): ConjugatedName<readonly [boolean, number]> | undefined {
  const generators = planarGenerators(group);
  if (generators === undefined) return undefined;
  const { order, turn, flip } = generators;
  let found: ConjugatedName<readonly [boolean, number]>;
  if (turn === undefined) {
    if (flip === undefined) return { name: [false, 1], adjoint: undefined };
    found = { name: [false, 2], adjoint: toZ(axisOf(embed(flip))) };
  } else {
    const axis = axisOf(embed(turn));
    found = flip === undefined
      ? { name: [false, order], adjoint: toZ(axis) }
      : { name: [true, order], adjoint: frameAdjoint(axis, axisOf(embed(flip)), 0) };
  }
  const base = rotationSubgroup(found.name);
  if (base === undefined) return undefined;
  const { include } = conjugateSubgroup(base, found.adjoint);
  const right = [turn, flip].every((g) => g === undefined || sameRotation(include(g.value), embed(g), 1e-6));
  return right ? found : undefined;
}

function toZ(axis: Vector3): Quaternion | undefined {
  return combineAdjoints(rotationBetween(axis, [0, 0, 1]), undefined);
}

/** The rotation of an element that conjugates a subgroup of a group of rotations (or of O(3): its rotation). */
export function rotationOfElement(g: GroupElement): Quaternion {
  const value = g.group.parametrizations.includes("Q") ? g.to("Q") : IDENTITY_ROTATION;
  const flat = typeof value !== "number" && value.length === 2 ? value[1] : value;
  return typeof flat === "number" ? IDENTITY_ROTATION : [
    Number(flat[0]),
    Number(flat[1]),
    Number(flat[2]),
    Number(flat[3]),
  ];
}

/** The conjugating rotation in an id, also in that of the last factor of a product. */
export function adjointIn(id: SubgroupId): Quaternion | undefined {
  const last = id[id.length - 1];
  return Array.isArray(last) ? adjointIn(last) : splitAdjoint(id).adjoint;
}

/** Splits a trailing conjugating element off an id. */
export function splitAdjoint(id: SubgroupId): { readonly rest: SubgroupId; readonly adjoint: Quaternion | undefined } {
  const last = id[id.length - 1];
  if (!isElement(last)) return { rest: id, adjoint: undefined };
  return { rest: id.slice(0, -1), adjoint: combineAdjoints(rotationOfElement(last), undefined) };
}

/** escnn's names of the polyhedral groups of rotations. */
export type PolyhedralName = "tetra" | "octa" | "ico";

// The polyhedral groups by name.
const POLYHEDRAL: Readonly<Record<PolyhedralName, () => Group>> = {
  tetra: tetrahedralGroup,
  octa: octahedralGroup,
  ico: icosahedralGroup,
};

/** Whether a part of an id is the name of a polyhedral group. */
export function isPolyhedralName(part: SubgroupIdPart): part is PolyhedralName {
  return part === "tetra" || part === "octa" || part === "ico";
}

/** The name of a polyhedral group, `undefined` for others. */
export function polyhedralName(group: Group): PolyhedralName | undefined {
  return (["tetra", "octa", "ico"] as const).find((name) => POLYHEDRAL[name]() === group);
}

/** The rotations of a polyhedral group in the order of its elements. */
export function polyhedralRotations(name: PolyhedralName): readonly Quaternion[] {
  return POLYHEDRAL[name]().elements.map((g) => quaternionOf(g.value));
}

function polyhedralSubgroup(name: PolyhedralName): RotationSubgroup {
  const group = POLYHEDRAL[name]();
  return {
    group,
    include: quaternionOf,
    restrict: (q) => group.elements.find((g) => sameRotation(quaternionOf(g.value), q, TOLERANCE))?.value,
    decompose: (l) => decomposeRepresentation(group, (g) => wignerD(l, quaternionOf(g.value)), 2 * l + 1),
  };
}
