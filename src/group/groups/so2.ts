/**
 * The group SO(2) of all rotations of the plane. Values are angles in radians. Irreps `[k]`, k ≥ 0: rotations by k times
 * the angle, of complex type but for `[0]`.
 */

import { atan2 } from "../../math/functions.ts";
import { identityMatrix } from "../../math/linear_algebra.ts";
import { GroupBase, type SubgroupDefinition } from "../group.ts";
import type { IrrepDefinition } from "../irrep.ts";
import {
  columnsToCoefficients,
  cosSinOfAngle,
  foldFrequency,
  harmonicTerms,
  hashAngle,
  identityCoefficients,
  rotationAngle,
  rotationMatrix,
  sameAngle,
  stepOfAngle,
  TURN,
  wrapAngle,
} from "../planar.ts";
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

/** SO(2). Make it with {@linkcode so2Group}. */
export class SpecialOrthogonalGroup2 extends GroupBase {
  /** The value of the identity. */
  readonly identityValue = 0;
  /** A rotation by one radian, whose powers are dense. */
  readonly generatorValues: readonly number[] = [1];
  /** `[1]`. */
  readonly subgroupTrivialId: SubgroupId = [1];
  /** `[-1]`. */
  readonly subgroupSelfId: SubgroupId = [-1];

  /** For {@linkcode so2Group}. */
  constructor() {
    super({ name: "SO(2)", order: Infinity, isAbelian: true, parametrizations: ["radians", "MAT"] });
  }

  /** The rotation of the plane. */
  get standardRepresentation(): Representation {
    return this.irrep(1);
  }

  /** An angle in radians or a 2 × 2 rotation matrix. */
  parse(value: ElementValue, parametrization: string): number | undefined {
    const angle = parametrization === "MAT" ? rotationAngle(value, atan2) : value;
    return typeof angle === "number" && angle - angle === 0 ? wrapAngle(angle) : undefined;
  }

  /** The inverse of {@linkcode SpecialOrthogonalGroup2.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    if (parametrization === "radians") return value;
    const [c, s] = cosSinOfAngle(Number(value));
    return [[c, -s], [s, c]];
  }

  /** The sum modulo 2π. */
  multiplyValues(a: ElementValue, b: ElementValue): number {
    return wrapAngle(Number(a) + Number(b));
  }

  /** The negative modulo 2π. */
  invertValue(value: ElementValue): number {
    return wrapAngle(-Number(value));
  }

  /** Whether the angles are equal modulo 2π, to 1e-8. */
  equalValues(a: ElementValue, b: ElementValue): boolean {
    return sameAngle(Number(a), Number(b));
  }

  /** Nine angles, among them the quarter turns. */
  listValues(): readonly number[] {
    return [0, TURN / 4, TURN / 2, 3 * TURN / 4, TURN / 8, TURN / 12, 0.7, 2.3, 4.9];
  }

  /** A random angle. */
  override sampleValue(random: () => number): number {
    return wrapAngle(TURN * random());
  }

  /** Whole turns are no turn. */
  override hashValue(value: ElementValue): string {
    return hashAngle(Number(value));
  }

  /** N equally spaced rotations, from the identity. */
  grid(n: number): readonly GroupElement[] {
    return Array.from({ length: n }, (_, i) => this.element(TURN * i / n));
  }

  /** `[0]` … `[maximumFrequency]`. */
  irrepIds(maximumFrequency: number): readonly IrrepId[] {
    return Array.from({ length: Math.floor(maximumFrequency) + 1 }, (_, k) => [k]);
  }

  /** R(kθ). */
  defineIrrep(id: IrrepId): IrrepDefinition | undefined {
    const [k] = id;
    if (id.length !== 1 || typeof k !== "number" || !Number.isInteger(k) || k < 0) return undefined;
    if (k === 0) {
      return {
        id,
        size: 1,
        type: "R",
        frequency: 0,
        matrix: () => Float64Array.of(1),
        supportedNonlinearities: ["pointwise", "norm", "gated", "gate"],
      };
    }
    return {
      id,
      size: 2,
      type: "C",
      frequency: k,
      matrix: (g) => rotationMatrix(cosSinOfAngle(k * Number(g.value))),
      character: (g) => 2 * cosSinOfAngle(k * Number(g.value))[0],
      supportedNonlinearities: ["norm", "gated"],
    };
  }

  /** `[M]`: C_M; `[-1]`: the whole group. */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    const [m] = id;
    if (id.length !== 1 || typeof m !== "number" || !Number.isInteger(m) || (m < 1 && m !== -1)) return undefined;
    if (m === -1) return { id: [-1], subgroup: this, include: (v) => v, restrict: (v) => v };
    return {
      id: [m],
      subgroup: cyclicGroup(m),
      include: (value) => Number(value) / m * TURN,
      restrict: (value) => stepOfAngle(Number(value), m),
    };
  }

  /** The same irrep, or folded frequencies. */
  decomposeRestriction([m]: SubgroupId, irrep: IrrepId): Decomposition {
    const k = Number(irrep[0]);
    const size = k === 0 ? 1 : 2;
    if (m === -1 || k === 0) return { irreps: [irrep], changeOfBasis: identityMatrix(size) };
    const { frequency, mirrored } = foldFrequency(k, Number(m));
    return restrictRotation(frequency, mirrored, Number(m));
  }

  /** The inner order. */
  composeSubgroupIds(_outer: SubgroupId, inner: SubgroupId): SubgroupId {
    return inner;
  }

  /** |m − n| (twice `[0]` where they are equal), then m + n. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
    const [a, b] = [Number(m[0]), Number(n[0])];
    if (a === 0 || b === 0) return [{ irrep: [a + b], copies: 1 }];
    return [{ irrep: [Math.abs(a - b)], copies: a === b ? 2 : 1 }, { irrep: [a + b], copies: 1 }];
  }

  /** The addition theorems. */
  computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    const [a, b, target] = [Number(m[0]), Number(n[0]), Number(j[0])];
    const size = target === 0 ? 1 : 2;
    if (a === 0 || b === 0) {
      return a + b === target ? identityCoefficients(size) : { copies: 0, coefficients: new Float64Array(0) };
    }
    const columns = harmonicTerms(a, b).flatMap((t) => t.frequency === target ? [t.even, t.odd] : []);
    return columnsToCoefficients(columns, size);
  }
}

let group: SpecialOrthogonalGroup2 | undefined;

/**
 * The group SO(2) of all rotations of the plane; irreps of any frequency exist when asked for.
 *
 * @example
 * ```ts
 * import { so2Group } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(so2Group().irrep(40).type, "C");
 * ```
 */
export function so2Group(): SpecialOrthogonalGroup2 {
  return group ??= new SpecialOrthogonalGroup2();
}
