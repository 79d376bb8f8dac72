/**
 * The group O(2) of all rotations and reflections of the plane. The value `[f, θ]` is r_θ s^f: the reflection s of the
 * second axis if f is 1, then the rotation by θ radians. Irreps `[0,0]`, `[1,0]` (the determinant) and `[1,k]`, all of
 * real type; they are the circular harmonics whose restrictions every steerable filter of the plane is built from.
 */

import { atan2 } from "../../math/functions.ts";
import { identityMatrix } from "../../math/linear_algebra.ts";
import { GroupBase, type SubgroupDefinition } from "../group.ts";
import type { IrrepDefinition } from "../irrep.ts";
import {
  cosSinOfAngle,
  flipPair,
  type FlipValue,
  flipValue,
  foldFrequency,
  hashAngle,
  rotationAngle,
  rotationMatrix,
  sameAngle,
  stepOfAngle,
  TURN,
  wrapAngle,
} from "../planar.ts";
import { clebschGordanWithFlips, isIrrepWithFlips, restrictToFlips, tensorWithFlips } from "../reflections.ts";
import type {
  ClebschGordan,
  Decomposition,
  ElementValue,
  GroupElement,
  IrrepId,
  Representation,
  SubgroupId,
} from "../types.ts";
import { cyclicGroup, restrictRotation } from "./cyclic.ts";
import { dihedralGroup } from "./dihedral.ts";
import { so2Group } from "./so2.ts";

/** O(2). Make it with {@linkcode o2Group}. */
export class OrthogonalGroup2 extends GroupBase {
  /** The value of the identity. */
  readonly identityValue: FlipValue = [0, 0];
  /** A rotation by one radian, whose powers are dense, and the reflection s. */
  readonly generatorValues: readonly FlipValue[] = [[0, 1], [1, 0]];
  /** `[null, 1]`. */
  readonly subgroupTrivialId: SubgroupId = [null, 1];
  /** `[0, -1]`. */
  readonly subgroupSelfId: SubgroupId = [0, -1];

  /** For {@linkcode o2Group}. */
  constructor() {
    super({ name: "O(2)", order: Infinity, isAbelian: false, parametrizations: ["radians", "MAT"] });
  }

  /** The rotations and reflections of the plane as matrices. */
  get standardRepresentation(): Representation {
    return this.irrep(1, 1);
  }

  /** `[f, angle]` in radians, or `[f, 2 × 2 rotation matrix]`. */
  parse(value: ElementValue, parametrization: string): FlipValue | undefined {
    const given = flipPair(value);
    if (given === undefined) return undefined;
    const angle = parametrization === "MAT" ? rotationAngle(given[1], atan2) : given[1];
    return typeof angle === "number" && angle - angle === 0 ? [given[0], wrapAngle(angle)] : undefined;
  }

  /** The inverse of {@linkcode OrthogonalGroup2.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    if (parametrization === "radians") return value;
    const [f, angle] = flipValue(value);
    const [c, s] = cosSinOfAngle(angle);
    return [f, [[c, -s], [s, c]]];
  }

  /** r_θ s^f · r_φ s^e = r_(θ ± φ) s^(f + e), minus after a reflection. */
  multiplyValues(a: ElementValue, b: ElementValue): FlipValue {
    const [f, x] = flipValue(a);
    const [e, y] = flipValue(b);
    return [(f + e) % 2, wrapAngle(f === 0 ? x + y : x - y)];
  }

  /** A reflection is its own inverse. */
  invertValue(value: ElementValue): FlipValue {
    const [f, angle] = flipValue(value);
    return [f, f === 0 ? wrapAngle(-angle) : angle];
  }

  /** Whether the flips are equal and the angles modulo 2π, to 1e-8. */
  equalValues(a: ElementValue, b: ElementValue): boolean {
    const [x, y] = [flipValue(a), flipValue(b)];
    return x[0] === y[0] && sameAngle(x[1], y[1]);
  }

  /** Nine rotations and as many reflections. */
  listValues(): readonly FlipValue[] {
    const angles = so2Group().listValues();
    return [...angles.map((a): FlipValue => [0, a]), ...angles.map((a): FlipValue => [1, a])];
  }

  /** A random rotation or reflection. */
  override sampleValue(random: () => number): FlipValue {
    return [random() < 0.5 ? 0 : 1, wrapAngle(TURN * random())];
  }

  /** Whole turns are no turn. */
  override hashValue(value: ElementValue): string {
    const [f, angle] = flipValue(value);
    return `[${f},${hashAngle(angle)}]`;
  }

  /** N equally spaced rotations, then these times the reflection. */
  grid(n: number): readonly GroupElement[] {
    return Array.from({ length: 2 * n }, (_, i) => this.element([i < n ? 0 : 1, TURN * (i % n) / n]));
  }

  /** `[0,0]`, `[1,0]` … `[1, maximumFrequency]`. */
  irrepIds(maximumFrequency: number): readonly IrrepId[] {
    const ids: IrrepId[] = [[0, 0]];
    for (let k = 0; k <= maximumFrequency; k++) ids.push([1, k]);
    return ids;
  }

  /** R(kθ) s^f, or the determinant. */
  defineIrrep(id: IrrepId): IrrepDefinition | undefined {
    if (!isIrrepWithFlips(id, Infinity)) return undefined;
    const [f, k] = id;
    if (k === 0) {
      return {
        id,
        size: 1,
        type: "R",
        frequency: 0,
        matrix: (g) => Float64Array.of(f === 1 && flipValue(g.value)[0] === 1 ? -1 : 1),
        supportedNonlinearities: f === 0 ? ["pointwise", "norm", "gated", "gate"] : ["norm", "gated"],
      };
    }
    return {
      id,
      size: 2,
      type: "R",
      frequency: k,
      matrix: (g) => {
        const [e, angle] = flipValue(g.value);
        return rotationMatrix(cosSinOfAngle(k * angle), e);
      },
      character: (g) => {
        const [e, angle] = flipValue(g.value);
        return e === 1 ? 0 : 2 * cosSinOfAngle(k * angle)[0];
      },
      supportedNonlinearities: ["norm", "gated"],
    };
  }

  /**
   * `[null, M]`: C_M; `[null, -1]`: SO(2); `[θ, 1]`: C_2 of the reflection r_θ s; `[θ, M]`: D_M with it; `[θ, -1]`: the
   * whole group, turned by θ/2. θ is twice the angle of the reflection's axis.
   */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    const [flip, m] = id;
    if (id.length !== 2 || typeof m !== "number" || !Number.isInteger(m) || (m < 1 && m !== -1)) return undefined;
    if (flip === null) {
      return {
        id: [null, m],
        subgroup: m === -1 ? so2Group() : cyclicGroup(m),
        include: (value): FlipValue => [0, m === -1 ? Number(value) : Number(value) / m * TURN],
        restrict: (value) => {
          const [f, angle] = flipValue(value);
          if (f === 1) return undefined;
          return m === -1 ? angle : stepOfAngle(angle, m);
        },
      };
    }
    if (typeof flip !== "number" || flip - flip !== 0) return undefined;
    if (m === -1) {
      return {
        id: [flip, -1],
        subgroup: this,
        include: (value): FlipValue => {
          const [f, angle] = flipValue(value);
          return [f, wrapAngle(angle + f * flip)];
        },
        restrict: (value): FlipValue => {
          const [f, angle] = flipValue(value);
          return [f, wrapAngle(angle - f * flip)];
        },
      };
    }
    const inner = (value: ElementValue): FlipValue | undefined => {
      const [f, angle] = flipValue(value);
      const step = stepOfAngle(angle - f * flip, m);
      return step === undefined ? undefined : [f, step];
    };
    if (m === 1) {
      return {
        id: [flip, 1],
        subgroup: cyclicGroup(2),
        include: (value): FlipValue => value === 0 ? [0, 0] : [1, wrapAngle(flip)],
        restrict: (value) => inner(value)?.[0],
      };
    }
    return {
      id: [flip, m],
      subgroup: dihedralGroup(m),
      include: (value): FlipValue => {
        const [f, k] = flipValue(value);
        return [f, wrapAngle(k / m * TURN + f * flip)];
      },
      restrict: inner,
    };
  }

  /** Turned into the subgroup's axis, then folded. */
  decomposeRestriction([flip, order]: SubgroupId, irrep: IrrepId): Decomposition {
    const [f, k] = [Number(irrep[0]), Number(irrep[1])];
    const m = Number(order);
    if (k === 0) {
      const id = flip === null ? [0] : m === 1 ? [f] : [f, 0];
      return { irreps: [id], changeOfBasis: identityMatrix(1) };
    }
    if (flip === null) {
      if (m === -1) return { irreps: [[k]], changeOfBasis: identityMatrix(2) };
      const { frequency, mirrored } = foldFrequency(k, m);
      return restrictRotation(frequency, mirrored, m);
    }
    return restrictToFlips(k, cosSinOfAngle(k * Number(flip) / 2), m === -1 ? Infinity : m);
  }

  /** The inner rotations; the inner reflection's angle in this group. */
  composeSubgroupIds([flip, order]: SubgroupId, inner: SubgroupId): SubgroupId {
    const m = Number(order);
    if (flip === null) return [null, inner[0]];
    if (m === 1) return inner[0] === 1 ? [null, 1] : [flip, 1];
    if (inner[0] === null) return inner;
    const angle = m === -1 ? Number(inner[0]) : Number(inner[0]) / m * TURN;
    return [Number(flip) + angle, inner[1]];
  }

  /** The difference of the frequencies, then their sum. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
    return tensorWithFlips(m, n, Infinity);
  }

  /** The addition theorems. */
  computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    return clebschGordanWithFlips(m, n, j, Infinity);
  }
}

let group: OrthogonalGroup2 | undefined;

/**
 * The group O(2) of all rotations and reflections of the plane; irreps of any frequency exist when asked for.
 *
 * @example
 * ```ts
 * import { o2Group } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const { subgroup } = o2Group().subgroup([0, 4]);
 * assertEquals(subgroup.name, "D4");
 * assertEquals(o2Group().restrictIrrep([0, 4], [1, 3]).irreps, [[1, 1]]);
 * ```
 */
export function o2Group(): OrthogonalGroup2 {
  return group ??= new OrthogonalGroup2();
}
