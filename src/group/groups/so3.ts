/**
 * The group SO(3) of all rotations of space. Values are unit quaternions `[x, y, z, w]`, q and −q the same element. Irreps
 * `[l]` of dimension 2l + 1, all of real type: the Wigner matrices D^l in the basis of real spherical harmonics.
 */

import { atan2, cos, sin } from "../../math/functions.ts";
import { identityMatrix } from "../../math/linear_algebra.ts";
import { clebschGordanRotations } from "../clebsch_gordan_so3.ts";
import { GroupError } from "../errors.ts";
import { GroupBase, type SubgroupDefinition } from "../group.ts";
import { subgroupKey } from "../ids.ts";
import type { IrrepDefinition } from "../irrep.ts";
import { TURN } from "../planar.ts";
import { MatrixRepresentation } from "../representation.ts";
import {
  axisAngleToQuaternion,
  canonicalQuaternion,
  conjugateQuaternion,
  describeRotationValue,
  formatRotation,
  IDENTITY_ROTATION,
  multiplyQuaternions,
  parseRotation,
  type Quaternion,
  quaternionOf,
  quaternionToMatrix,
  ROTATION_PARAMETRIZATIONS,
  rotationVectorToQuaternion,
  sameRotation,
} from "../rotations.ts";
import {
  combineAdjoints,
  conjugateDecomposition,
  type ConjugatedName,
  conjugateSubgroup,
  isPolyhedralName,
  namePlanarGroup,
  planarName,
  polyhedralName,
  rotationSubgroup,
  type RotationSubgroupName,
  splitAdjoint,
} from "../rotation_subgroups.ts";
import type { ClebschGordan, Decomposition, ElementValue, IrrepId, Representation, SubgroupId } from "../types.ts";
import { wignerD } from "../wigner.ts";

// x, y, z from the basis (y, z, x) of frequency 1.
const STANDARD_BASIS = Float64Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0);

/** A representation of dimension 3 that acts on (x, y, z) by its group's matrices, an irrep of frequency 1 inside. */
export function standardRepresentationOf(
  group: GroupBase,
  irrep: IrrepId,
  matrix: (value: ElementValue) => Float64Array,
): Representation {
  return new MatrixRepresentation({
    group,
    name: "standard",
    size: 3,
    irreps: [irrep],
    changeOfBasis: STANDARD_BASIS.slice(),
    matrix: (g) => matrix(g.value),
    kind: "general",
    supportedNonlinearities: group.irrep(...irrep).supportedNonlinearities,
  });
}

let testRotationValues: readonly Quaternion[] | undefined;

/** The identity, the quarter and half turns, a third of a turn, and some rotations that no symmetry of the axes singles out. */
export function testRotations(): readonly Quaternion[] {
  return testRotationValues ??= [
    IDENTITY_ROTATION,
    ...[[1, 0, 0], [0, 1, 0], [0, 0, 1]].flatMap(([x, y, z]) =>
      [1, 2].map((quarters) => axisAngleToQuaternion([x, y, z], quarters * TURN / 4))
    ),
    [0.5, 0.5, 0.5, 0.5],
    rotationVectorToQuaternion([0.3, -0.7, 0.4]),
    rotationVectorToQuaternion([-1.1, 0.2, 1.9]),
    rotationVectorToQuaternion([2.3, 1.3, -0.6]),
    rotationVectorToQuaternion([-0.4, -2.6, -1.2]),
  ];
}

/** A uniformly distributed rotation from three numbers of `random` (Shoemake 1992). */
export function sampleRotation(random: () => number): Quaternion {
  const [u, a, b] = [random(), TURN * random(), TURN * random()];
  const [inner, outer] = [Math.sqrt(1 - u), Math.sqrt(u)];
  return [inner * sin(a), inner * cos(a), outer * sin(b), outer * cos(b)];
}

/** A key of a rotation for maps, equal for q and −q: rounded to 1e-5. */
export function hashRotation(q: Quaternion): string {
  // Rounded before the sign is chosen, so that a component near zero does not decide.
  const rounded = q.map((v) => Math.floor(Math.abs(v) * 1e5 + 0.5) * (v < 0 ? -1 : 1));
  const first = rounded.findLast((v) => v !== 0) ?? 1;
  return `[${rounded.map((v) => v === 0 ? 0 : first < 0 ? -v : v).join(",")}]`;
}

/** SO(3). Make it with {@linkcode so3Group}. */
export class SpecialOrthogonalGroup3 extends GroupBase {
  /** The value of the identity. */
  readonly identityValue: Quaternion = IDENTITY_ROTATION;
  /** Rotations by one radian about z and about x, whose products are dense. */
  readonly generatorValues: readonly Quaternion[] = [
    axisAngleToQuaternion([0, 0, 1], 1),
    axisAngleToQuaternion([1, 0, 0], 1),
  ];
  /** `[false, 1]`. */
  readonly subgroupTrivialId: SubgroupId = [false, 1];
  /** `["so3"]`. */
  readonly subgroupSelfId: SubgroupId = ["so3"];
  #standard: Representation | undefined;

  /** For {@linkcode so3Group}. */
  constructor() {
    super({ name: "SO(3)", order: Infinity, isAbelian: false, parametrizations: ROTATION_PARAMETRIZATIONS });
  }

  /** The rotations as 3 × 3 matrices on (x, y, z). */
  get standardRepresentation(): Representation {
    return this.#standard ??= standardRepresentationOf(this, [1], (value) => quaternionToMatrix(quaternionOf(value)));
  }

  /** A quaternion, a matrix, a rotation vector or Euler angles. */
  parse(value: ElementValue, parametrization: string): Quaternion | undefined {
    return parseRotation(value, parametrization);
  }

  /** What a value in a parametrization is. */
  protected override describeValue(parametrization: string): string {
    return describeRotationValue(parametrization);
  }

  /** The forms of ids, for errors. */
  protected override describeSubgroups(): string {
    return 'They are "so3", "ico", "octa", "tetra", [false, N] for C_N (-1: SO(2)), [true, N] for D_N (-1: O(2)).';
  }

  /** The inverse of {@linkcode SpecialOrthogonalGroup3.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    return formatRotation(quaternionOf(value), parametrization);
  }

  /** First b, then a. */
  multiplyValues(a: ElementValue, b: ElementValue): Quaternion {
    return multiplyQuaternions(quaternionOf(a), quaternionOf(b));
  }

  /** The conjugate quaternion. */
  invertValue(value: ElementValue): Quaternion {
    return conjugateQuaternion(quaternionOf(value));
  }

  /** Whether the quaternions are equal up to their sign, to 1e-8. */
  equalValues(a: ElementValue, b: ElementValue): boolean {
    return sameRotation(quaternionOf(a), quaternionOf(b));
  }

  /** The same for q and −q. */
  override hashValue(value: ElementValue): string {
    return hashRotation(quaternionOf(value));
  }

  /** A random rotation. */
  override sampleValue(random: () => number): Quaternion {
    return sampleRotation(random);
  }

  /** The quarter and half turns about the axes, a third of a turn, and four others. */
  listValues(): readonly Quaternion[] {
    return testRotations();
  }

  /** `[0]` … `[maximumFrequency]`. */
  irrepIds(maximumFrequency: number): readonly IrrepId[] {
    return Array.from({ length: Math.floor(maximumFrequency) + 1 }, (_, l) => [l]);
  }

  /** D^l. */
  defineIrrep(id: IrrepId): IrrepDefinition | undefined {
    const [l] = id;
    if (id.length !== 1 || typeof l !== "number" || !Number.isInteger(l) || l < 0) return undefined;
    return {
      id,
      size: 2 * l + 1,
      type: "R",
      frequency: l,
      matrix: (g) => wignerD(l, quaternionOf(g.value)),
      character: (g) => rotationCharacter(l, quaternionOf(g.value)),
      supportedNonlinearities: l === 0 ? ["pointwise", "norm", "gated", "gate"] : ["norm", "gated"],
    };
  }

  /**
   * `["so3"]`; `["ico"]`, `["octa"]`, `["tetra"]`; `[false, N]`: C_N about z (−1: SO(2)); `[true, N]`: with the half turn
   * about x D_N (−1: O(2), 1: C_2), and `[θ, N]` with the axis of the half turn at θ/2 in its place. An element A behind any
   * of these conjugates it: the embedding is h ↦ A⁻¹ h A.
   */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    const parsed = parseRotationId(id);
    if (parsed === undefined) return undefined;
    const { name, adjoint } = parsed;
    const normal = this.#idOf(name, adjoint);
    if (name === "so3") {
      if (adjoint === undefined) return { id: normal, subgroup: this, include: (v) => v, restrict: (v) => v };
      const inverse = conjugateQuaternion(adjoint);
      const turn = (a: Quaternion, value: ElementValue, b: Quaternion): Quaternion =>
        multiplyQuaternions(a, multiplyQuaternions(quaternionOf(value), b));
      return {
        id: normal,
        subgroup: this,
        include: (value) => turn(inverse, value, adjoint),
        restrict: (value) => turn(adjoint, value, inverse),
      };
    }
    const base = rotationSubgroup(name);
    if (base === undefined) return undefined;
    const { group, include, restrict } = conjugateSubgroup(base, adjoint);
    return { id: normal, subgroup: group, include, restrict: (value) => restrict(quaternionOf(value)) };
  }

  #idOf(name: "so3" | RotationSubgroupName, adjoint: Quaternion | undefined): SubgroupId {
    const parts = name === "so3" ? [name] : name;
    return adjoint === undefined ? parts : [...parts, this.make(adjoint)];
  }

  /** D^l turned by the conjugating rotation, then its harmonics m as planar irreps. */
  decomposeRestriction(id: SubgroupId, irrep: IrrepId): Decomposition {
    return decomposeRotation(id, Number(irrep[0]));
  }

  /** A planar group is named by the axes of its generators, a polyhedral one by both conjugating rotations. */
  composeSubgroupIds(outer: SubgroupId, inner: SubgroupId): SubgroupId {
    const first = this.subgroup(outer);
    const second = first.subgroup.subgroup(inner);
    const planar = namePlanarGroup(
      second.subgroup,
      (k) => quaternionOf(first.inclusion(second.inclusion(k)).value),
    );
    if (planar !== undefined) return this.#idOf(planar.name, planar.adjoint);
    const name = second.subgroup === this ? "so3" : polyhedralName(second.subgroup);
    if (name === undefined) throw unnamed(this.name, outer, inner);
    const adjoint = combineAdjoints(splitAdjoint(inner).adjoint, splitAdjoint(outer).adjoint);
    return this.#idOf(name === "so3" ? name : [name], adjoint);
  }

  /** |m − n| … m + n. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
    const [a, b] = [Number(m[0]), Number(n[0])];
    return Array.from({ length: 2 * Math.min(a, b) + 1 }, (_, i) => ({ irrep: [Math.abs(a - b) + i], copies: 1 }));
  }

  /** Those of angular momenta in the real basis. */
  computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    return clebschGordanRotations(Number(m[0]), Number(n[0]), Number(j[0]));
  }
}

/** The name and the conjugating rotation in an id of a subgroup of SO(3); `undefined` when it is none. */
export function parseRotationId(id: SubgroupId): ConjugatedName<"so3" | RotationSubgroupName> | undefined {
  const { rest, adjoint } = splitAdjoint(id);
  if (rest.length === 1) {
    const [name] = rest;
    if (name === "so3") return { name, adjoint };
    return isPolyhedralName(name) ? { name: [name], adjoint } : undefined;
  }
  return rest.length === 2 ? planarName(rest[0], rest[1], adjoint) : undefined;
}

/** D^l restricted to the subgroup of SO(3) with a normalized id. */
export function decomposeRotation(id: SubgroupId, l: number): Decomposition {
  const parsed = parseRotationId(id);
  const whole = { irreps: [[l]], changeOfBasis: identityMatrix(2 * l + 1) };
  if (parsed === undefined || parsed.name === "so3") return conjugateDecomposition(whole, l, parsed?.adjoint);
  const base = rotationSubgroup(parsed.name);
  if (base === undefined) throw new TypeError(`${subgroupKey(id)} is no normalized id.`);
  return conjugateSubgroup(base, parsed.adjoint).decompose(l);
}

/** The error of a subgroup of a subgroup that no id names. */
export function unnamed(name: string, outer: SubgroupId, inner: SubgroupId): GroupError {
  return new GroupError({
    op: `combineSubgroups of ${name}`,
    expected: "a subgroup that has an id",
    actual: `${subgroupKey(inner)} of ${subgroupKey(outer)}`,
  });
}

/** The trace of D^l: Σ cos(mθ) over m = −l … l for a rotation by θ. */
export function rotationCharacter(l: number, q: Quaternion): number {
  const [x, y, z, w] = canonicalQuaternion(q);
  const angle = 2 * atan2(Math.sqrt(x * x + y * y + z * z), w);
  let sum = 1;
  for (let m = 1; m <= l; m++) sum += 2 * cos(m * angle);
  return sum;
}

let group: SpecialOrthogonalGroup3 | undefined;

/**
 * The group SO(3) of all rotations of space; irreps of any frequency exist when asked for.
 *
 * @example
 * ```ts
 * import { so3Group } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const so3 = so3Group();
 * assertEquals(so3.irrep(2).size, 5);
 * assertEquals(so3.restrictIrrep([true, 3], [1]).irreps, [[1, 0], [1, 1]]);
 * assertEquals(so3.clebschGordan([1], [1], [3]).copies, 0);
 * ```
 */
export function so3Group(): SpecialOrthogonalGroup3 {
  return group ??= new SpecialOrthogonalGroup3();
}
