/**
 * The group O(3) of all rotations and reflections of space. The value `[i, q]` is (−1)^i times the rotation of the unit
 * quaternion q. Irreps `[j, l]`: D^l of the rotation times (−1)^(ij), all of real type; vectors are `[1, 1]`, the spherical
 * harmonics of degree l are `[l mod 2, l]`.
 */

import { identityMatrix } from "../../math/linear_algebra.ts";
import { clebschGordanRotations } from "../clebsch_gordan_so3.ts";
import { GroupBase, type SubgroupDefinition } from "../group.ts";
import type { IrrepDefinition } from "../irrep.ts";
import {
  idOfOrthogonalName,
  nameInFullTetrahedral,
  nameIsometries,
  orthogonalSubgroup,
  type OrthogonalSubgroupName,
  type OrthogonalValue,
  parseOrthogonalId,
} from "../orthogonal_subgroups.ts";
import {
  conjugateQuaternion,
  describeRotationValue,
  formatRotation,
  IDENTITY_ROTATION,
  matrixOf,
  multiplyQuaternions,
  parseRotation,
  type Quaternion,
  quaternionOf,
  quaternionToMatrix,
  ROTATION_PARAMETRIZATIONS,
  sameRotation,
} from "../rotations.ts";
import { adjointIn, combineAdjoints, conjugateDecomposition, type ConjugatedName } from "../rotation_subgroups.ts";
import type {
  ClebschGordan,
  Decomposition,
  ElementValue,
  GroupElement,
  IrrepId,
  Representation,
  SubgroupId,
} from "../types.ts";
import { wignerD } from "../wigner.ts";
import { fullTetrahedralGroup } from "./full_tetrahedral.ts";
import {
  hashRotation,
  rotationCharacter,
  sampleRotation,
  so3Group,
  standardRepresentationOf,
  testRotations,
  unnamed,
} from "./so3.ts";

// The name of a subgroup of T_d, or of a subgroup of it, that has no other.
function nameInside(outer: SubgroupId, inner: SubgroupId): ConjugatedName<OrthogonalSubgroupName> | undefined {
  const parsed = parseOrthogonalId(outer);
  if (parsed === undefined) return undefined;
  if (parsed.name[0] === "o3") {
    const given = parseOrthogonalId(inner);
    return given && { name: given.name, adjoint: combineAdjoints(given.adjoint, parsed.adjoint) };
  }
  if (parsed.name[0] !== "fulltetra") return undefined;
  const whole = fullTetrahedralGroup();
  const between = parsed.name.length === 1 ? whole.subgroupSelfId : parsed.name[1];
  return nameInFullTetrahedral(whole.combineSubgroups(between, inner), parsed.adjoint);
}

function isometry(value: ElementValue): OrthogonalValue {
  return typeof value === "number" ? [0, IDENTITY_ROTATION] : [Number(value[0]), quaternionOf(value[1])];
}

/** O(3). Make it with {@linkcode o3Group}. */
export class OrthogonalGroup3 extends GroupBase {
  /** The value of the identity. */
  readonly identityValue: OrthogonalValue = [0, IDENTITY_ROTATION];
  /** Rotations by one radian about z and about x, whose products are dense among the rotations, and the inversion. */
  readonly generatorValues: readonly OrthogonalValue[];
  /** `[false, false, 1]`. */
  readonly subgroupTrivialId: SubgroupId = [false, false, 1];
  /** `["o3"]`. */
  readonly subgroupSelfId: SubgroupId = ["o3"];
  #standard: Representation | undefined;

  /** For {@linkcode o3Group}. */
  constructor() {
    super({ name: "O(3)", order: Infinity, isAbelian: false, parametrizations: ROTATION_PARAMETRIZATIONS });
    const rotations = so3Group().generatorValues.map((q): OrthogonalValue => [0, q]);
    this.generatorValues = [...rotations, [1, IDENTITY_ROTATION]];
  }

  /** The inversion x → −x. */
  get inversion(): GroupElement {
    return this.make([1, IDENTITY_ROTATION]);
  }

  /** The isometries as 3 × 3 matrices on (x, y, z). */
  get standardRepresentation(): Representation {
    return this.#standard ??= standardRepresentationOf(this, [1, 1], (value) => {
      const [i, q] = isometry(value);
      return quaternionToMatrix(q).map((v) => i === 0 ? v : 0 - v);
    });
  }

  /** `[i, rotation]` with the rotation in any of its parametrizations. */
  parse(value: ElementValue, parametrization: string): OrthogonalValue | undefined {
    const matrix = parametrization === "MAT" ? matrixOf(value) : undefined;
    if (matrix !== undefined) {
      const rotation = parseRotation(matrix, "MAT"), inverted = parseRotation(matrix.map((x) => 0 - x), "MAT");
      return rotation !== undefined ? [0, rotation] : inverted !== undefined ? [1, inverted] : undefined;
    }
    if (typeof value === "number" || value.length !== 2) return undefined;
    const [i, rotation] = value;
    const q = parseRotation(rotation, parametrization);
    return q !== undefined && (i === 0 || i === 1) ? [i, q] : undefined;
  }

  /** What a value in a parametrization is. */
  protected override describeValue(parametrization: string): string {
    const pair = `[0 or 1, rotation] with 1 for the inversion and as rotation ${
      describeRotationValue(parametrization)
    }`;
    return parametrization === "MAT" ? `${pair}; or any orthogonal matrix by itself` : pair;
  }

  /** The forms of ids, for errors. */
  protected override describeSubgroups(): string {
    return 'They are "o3", "so3", "fulltetra", [false, X] for X of "ico", "octa", "tetra", [false, false, N] for C_N (-1: SO(2)), ' +
      '[false, true, N] for D_N (-1: O(2)), all these with true in front together with the inversion, and ["cone", N].';
  }

  /** The inverse of {@linkcode OrthogonalGroup3.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    const [i, q] = isometry(value);
    return [i, formatRotation(q, parametrization)];
  }

  /** First b, then a. */
  multiplyValues(a: ElementValue, b: ElementValue): OrthogonalValue {
    const [[i, p], [j, q]] = [isometry(a), isometry(b)];
    return [(i + j) % 2, multiplyQuaternions(p, q)];
  }

  /** The inverse rotation; the inversion is its own inverse. */
  invertValue(value: ElementValue): OrthogonalValue {
    const [i, q] = isometry(value);
    return [i, conjugateQuaternion(q)];
  }

  /** Whether both invert or none, and the quaternions are equal up to their sign, to 1e-8. */
  equalValues(a: ElementValue, b: ElementValue): boolean {
    const [[i, p], [j, q]] = [isometry(a), isometry(b)];
    return i === j && sameRotation(p, q);
  }

  /** The same for q and −q. */
  override hashValue(value: ElementValue): string {
    const [i, q] = isometry(value);
    return `[${i},${hashRotation(q)}]`;
  }

  /** A random isometry. */
  override sampleValue(random: () => number): OrthogonalValue {
    return [random() < 0.5 ? 0 : 1, sampleRotation(random)];
  }

  /** The sample of SO(3), then the same with the inversion. */
  listValues(): readonly OrthogonalValue[] {
    return [0, 1].flatMap((i) => testRotations().map((q): OrthogonalValue => [i, q]));
  }

  /** `[0, l]`, `[1, l]` for l = 0 … `maximumFrequency`. */
  irrepIds(maximumFrequency: number): readonly IrrepId[] {
    return Array.from({ length: 2 * Math.floor(maximumFrequency) + 2 }, (_, n) => [n % 2, Math.floor(n / 2)]);
  }

  /** (−1)^(ij) D^l. */
  defineIrrep(id: IrrepId): IrrepDefinition | undefined {
    const [j, l] = id;
    if (id.length !== 2 || (j !== 0 && j !== 1) || typeof l !== "number" || !Number.isInteger(l) || l < 0) {
      return undefined;
    }
    return {
      id,
      size: 2 * l + 1,
      type: "R",
      frequency: l,
      matrix: (g) => {
        const [i, q] = isometry(g.value);
        const d = wignerD(l, q);
        return i * j === 0 ? d : d.map((v) => 0 - v);
      },
      character: (g) => {
        const [i, q] = isometry(g.value);
        return (i * j === 0 ? 1 : -1) * rotationCharacter(l, q);
      },
      supportedNonlinearities: l === 0 && j === 0 ? ["pointwise", "norm", "gated", "gate"] : ["norm", "gated"],
    };
  }

  /**
   * `["so3"]`, `["o3"]`; `["fulltetra"]`: T_d, the symmetries of a tetrahedron; `["fulltetra", id]`: a subgroup of it by its
   * id there; `[false, X]` and `[true, X]`: a polyhedral group X (`"ico"`, `"octa"`, `"tetra"`), and that times
   * the inversion; `[false, flips, N]` and `[true, flips, N]`: a planar group of SO(3), and that times the inversion;
   * `["cone", N]`: the rotations of C_N (−1: SO(2)) about z and reflections in planes through z, one of them y → −y;
   * `["cone", θ, N]`: with the plane through z at −θ/2 in its place. An element A behind any of these conjugates it: the
   * embedding is h ↦ A⁻¹ h A.
   */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    const parsed = parseOrthogonalId(id);
    if (parsed === undefined) return undefined;
    const { name, adjoint } = parsed;
    const normal = this.#idOf(parsed);
    const conjugate = (value: OrthogonalValue, a: Quaternion): OrthogonalValue =>
      adjoint === undefined
        ? value
        : [value[0], multiplyQuaternions(conjugateQuaternion(a), multiplyQuaternions(value[1], a))];
    const forth = adjoint ?? IDENTITY_ROTATION;
    const back = conjugateQuaternion(forth);
    if (name[0] === "o3") {
      return {
        id: normal,
        subgroup: this,
        include: (value) => conjugate(isometry(value), forth),
        restrict: (value) => conjugate(isometry(value), back),
      };
    }
    if (name[0] === "so3") {
      return {
        id: normal,
        subgroup: so3Group(),
        include: (value) => conjugate([0, quaternionOf(value)], forth),
        restrict: (value) => {
          const [i, q] = conjugate(isometry(value), back);
          return i === 0 ? q : undefined;
        },
      };
    }
    const base = orthogonalSubgroup(name);
    if (base === undefined) return undefined;
    return {
      id: normal,
      subgroup: base.group,
      include: (value) => conjugate(base.include(value), forth),
      restrict: (value) => base.restrict(conjugate(isometry(value), back)),
    };
  }

  #idOf({ name, adjoint }: ConjugatedName<OrthogonalSubgroupName>): SubgroupId {
    const parts = idOfOrthogonalName(name);
    return adjoint === undefined ? parts : [...parts, this.make([0, adjoint])];
  }

  /** The irrep turned by the conjugating rotation, then its harmonics m as planar irreps. */
  decomposeRestriction(id: SubgroupId, irrep: IrrepId): Decomposition {
    const [parity, l] = [Number(irrep[0]), Number(irrep[1])];
    const parsed = parseOrthogonalId(id);
    const changeOfBasis = identityMatrix(2 * l + 1);
    if (parsed === undefined || parsed.name[0] === "o3") {
      return conjugateDecomposition({ irreps: [irrep], changeOfBasis }, l, parsed?.adjoint);
    }
    const { name, adjoint } = parsed;
    if (name[0] === "so3") return conjugateDecomposition({ irreps: [[l]], changeOfBasis }, l, adjoint);
    const base = orthogonalSubgroup(name);
    if (base === undefined) throw unnamed(this.name, id, []);
    return conjugateDecomposition(base.decompose(parity, l), l, adjoint);
  }

  /** A planar group is named by the axes of its generators, any other by both conjugating rotations. */
  composeSubgroupIds(outer: SubgroupId, inner: SubgroupId): SubgroupId {
    const first = this.subgroup(outer);
    const second = first.subgroup.subgroup(inner);
    const embed = (k: GroupElement): OrthogonalValue => isometry(first.inclusion(second.inclusion(k)).value);
    // Subgroups of T_d that have no other name have no polyhedral subgroups, so that an element inside their id plays no part.
    const adjoint = combineAdjoints(adjointIn(inner), adjointIn(outer));
    if (second.subgroup === this) return this.#idOf({ name: ["o3"], adjoint });
    if (second.subgroup === so3Group()) return this.#idOf({ name: ["so3"], adjoint });
    const found = nameIsometries(second.subgroup, embed, adjoint) ?? nameInside(outer, inner);
    if (found === undefined) throw unnamed(this.name, outer, inner);
    return this.#idOf(found);
  }

  /** |m − n| … m + n with the product of the parities. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
    const parity = (Number(m[0]) + Number(n[0])) % 2;
    return so3Group().tensorProductIrreps([m[1]], [n[1]]).map(({ irrep, copies }) => ({
      irrep: [parity, irrep[0]],
      copies,
    }));
  }

  /** Those of SO(3) where the parities agree. */
  computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    if ((Number(m[0]) + Number(n[0]) + Number(j[0])) % 2 !== 0) {
      return { copies: 0, coefficients: new Float64Array(0) };
    }
    return clebschGordanRotations(Number(m[1]), Number(n[1]), Number(j[1]));
  }
}

let group: OrthogonalGroup3 | undefined;

/**
 * The group O(3) of all rotations and reflections of space; irreps of any frequency exist when asked for.
 *
 * @example
 * ```ts
 * import { o3Group } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const o3 = o3Group();
 * assertEquals(o3.inversion.multiply(o3.inversion).isIdentity(), true);
 * assertEquals(o3.restrictIrrep(["cone", -1], [1, 1]).irreps, [[0, 0], [1, 1]]);
 * ```
 */
export function o3Group(): OrthogonalGroup3 {
  return group ??= new OrthogonalGroup3();
}
