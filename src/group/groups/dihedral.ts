/**
 * The dihedral group D_N of N rotations and N reflections of the plane. The value `[f, k]` is r^k s^f: the reflection s of
 * the second axis if f is 1, then k times the rotation by 2π/N. Irreps `[f, k]` as in reflections.ts, all of real type.
 */

import { atan2 } from "../../math/functions.ts";
import { identityMatrix } from "../../math/linear_algebra.ts";
import { GroupError } from "../errors.ts";
import { GroupBase, type SubgroupDefinition } from "../group.ts";
import type { IrrepDefinition } from "../irrep.ts";
import {
  cosSinOfTurn,
  flipPair,
  type FlipValue,
  flipValue,
  foldFrequency,
  rotationAngle,
  rotationMatrix,
  stepOfAngle,
  TURN,
} from "../planar.ts";
import {
  clebschGordanWithFlips,
  dimensionWithFlips,
  isIrrepWithFlips,
  restrictToFlips,
  tensorWithFlips,
} from "../reflections.ts";
import type { ClebschGordan, Decomposition, ElementValue, GroupElement, IrrepId, SubgroupId } from "../types.ts";
import { cyclicGroup, requireDivisor, restrictRotation } from "./cyclic.ts";

/** D_N. Make it with {@linkcode dihedralGroup}. */
export class DihedralGroup extends GroupBase {
  /** N. */
  readonly rotationOrder: number;
  /** The value of the identity. */
  readonly identityValue: FlipValue = [0, 0];
  /** The smallest rotation and the reflection s. */
  readonly generatorValues: readonly FlipValue[];
  /** `[null, 1]`. */
  readonly subgroupTrivialId: SubgroupId = [null, 1];
  /** `[0, N]`. */
  readonly subgroupSelfId: SubgroupId;

  /** For {@linkcode dihedralGroup}. */
  constructor(n: number) {
    super({ name: `D${n}`, order: 2 * n, isAbelian: n <= 2, parametrizations: ["int", "radians", "MAT"] });
    this.rotationOrder = n;
    this.generatorValues = n === 1 ? [[1, 0]] : [[0, 1], [1, 0]];
    this.subgroupSelfId = [0, n];
  }

  /** `[f, k]` with an integer, an angle in radians or a 2 × 2 rotation matrix in the second place. */
  parse(value: ElementValue, parametrization: string): FlipValue | undefined {
    const n = this.rotationOrder;
    const given = flipPair(value);
    if (given === undefined) return undefined;
    const [f, second] = given;
    if (parametrization === "int") {
      return typeof second === "number" && Number.isInteger(second) ? [f, ((second % n) + n) % n] : undefined;
    }
    const angle = parametrization === "MAT" ? rotationAngle(second, atan2) : second;
    const step = typeof angle === "number" ? stepOfAngle(angle, n) : undefined;
    return step === undefined ? undefined : [f, step];
  }

  /** The inverse of {@linkcode DihedralGroup.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    const [f, k] = flipValue(value);
    if (parametrization === "radians") return [f, k / this.rotationOrder * TURN];
    if (parametrization === "MAT") {
      const [c, s] = cosSinOfTurn(k, this.rotationOrder);
      return [f, [[c, -s], [s, c]]];
    }
    return value;
  }

  /** r^k s^f · r^l s^e = r^(k ± l) s^(f + e), minus after a reflection. */
  multiplyValues(a: ElementValue, b: ElementValue): FlipValue {
    const n = this.rotationOrder;
    const [f, k] = flipValue(a);
    const [e, l] = flipValue(b);
    return [(f + e) % 2, (f === 0 ? k + l : k - l + n) % n];
  }

  /** A reflection is its own inverse. */
  invertValue(value: ElementValue): FlipValue {
    const n = this.rotationOrder;
    const [f, k] = flipValue(value);
    return [f, f === 0 ? (n - k) % n : k];
  }

  /** Whether both numbers are equal. */
  equalValues(a: ElementValue, b: ElementValue): boolean {
    const [x, y] = [flipValue(a), flipValue(b)];
    return x[0] === y[0] && x[1] === y[1];
  }

  /** The rotations, then the reflections. */
  listValues(): readonly FlipValue[] {
    const n = this.rotationOrder;
    return Array.from({ length: 2 * n }, (_, i): FlipValue => i < n ? [0, i] : [1, i - n]);
  }

  /** `count` equally spaced rotations, then these times s. Throws {@linkcode GroupError} unless `count` divides N. */
  grid(count: number): readonly GroupElement[] {
    const n = this.rotationOrder;
    requireDivisor(this.name, n, count);
    return Array.from({ length: 2 * count }, (_, i) => this.make([i < count ? 0 : 1, (i % count) * n / count]));
  }

  /** `[0,0]`, `[1,0]` … `[1,⌊N/2⌋]`, and `[0,N/2]` for even N. */
  irrepIds(maximumFrequency: number): readonly IrrepId[] {
    const n = this.rotationOrder;
    const last = Math.min(Math.floor(n / 2), maximumFrequency);
    const ids: IrrepId[] = [[0, 0]];
    for (let k = 0; k <= last; k++) ids.push([1, k]);
    if (n % 2 === 0 && 2 * last === n) ids.push([0, last]);
    return ids;
  }

  /** R(2πk·/N) s^f, or a product of signs. */
  defineIrrep(id: IrrepId): IrrepDefinition | undefined {
    const n = this.rotationOrder;
    if (!isIrrepWithFlips(id, n)) return undefined;
    const [f, k] = id;
    if (dimensionWithFlips(k, n) === 1) {
      return {
        id,
        size: 1,
        type: "R",
        frequency: k,
        matrix: (g) => {
          const [e, l] = flipValue(g.value);
          const negative = (k === 0 ? 0 : l) + f * e;
          return Float64Array.of(negative % 2 === 0 ? 1 : -1);
        },
        supportedNonlinearities: f === 0 && k === 0
          ? ["pointwise", "norm", "gated", "gate", "concatenated"]
          : ["norm", "gated", "concatenated"],
      };
    }
    return {
      id,
      size: 2,
      type: "R",
      frequency: k,
      matrix: (g) => {
        const [e, l] = flipValue(g.value);
        return rotationMatrix(cosSinOfTurn(k * l, n), e);
      },
      character: (g) => {
        const [e, l] = flipValue(g.value);
        return e === 1 ? 0 : 2 * cosSinOfTurn(k * l, n)[0];
      },
      supportedNonlinearities: ["norm", "gated"],
    };
  }

  /** `[null, M]`: C_M; `[k, 1]`: C_2 of the reflection r^k s; `[k, M]`: D_M of r^(N/M) and r^k s. */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    const n = this.rotationOrder;
    const [flip, m] = id;
    if (id.length !== 2 || typeof m !== "number" || !Number.isInteger(m) || m < 1 || n % m !== 0) return undefined;
    const step = n / m;
    if (flip === null) {
      return {
        id: [null, m],
        subgroup: cyclicGroup(m),
        include: (value): FlipValue => [0, Number(value) * step],
        restrict: (value) => {
          const [f, k] = flipValue(value);
          return f === 0 && k % step === 0 ? k / step : undefined;
        },
      };
    }
    if (typeof flip !== "number" || !Number.isInteger(flip)) return undefined;
    const offset = ((flip % n) + n) % n;
    const inner = (value: ElementValue): FlipValue | undefined => {
      const [f, k] = flipValue(value);
      const rest = (k - f * offset + n) % n;
      return rest % step === 0 ? [f, rest / step] : undefined;
    };
    if (m === 1) {
      return {
        id: [offset, 1],
        subgroup: cyclicGroup(2),
        include: (value): FlipValue => value === 0 ? [0, 0] : [1, offset],
        restrict: (value) => inner(value)?.[0],
      };
    }
    return {
      id: [offset, m],
      subgroup: dihedralGroup(m),
      include: (value): FlipValue => {
        const [f, k] = flipValue(value);
        return [f, (k * step + f * offset) % n];
      },
      restrict: inner,
    };
  }

  /** Turned into the subgroup's axis, then folded; signs are read off at generators. */
  decomposeRestriction([flip, order]: SubgroupId, irrep: IrrepId): Decomposition {
    const n = this.rotationOrder;
    const m = Number(order);
    const [f, k] = [Number(irrep[0]), Number(irrep[1])];
    if (dimensionWithFlips(k, n) === 2) {
      if (flip === null) {
        const { frequency, mirrored } = foldFrequency(k, m);
        return restrictRotation(frequency, mirrored, m);
      }
      return restrictToFlips(k, cosSinOfTurn(k * Number(flip), 2 * n), m);
    }
    const rotationSign = k !== 0 && (n / m) % 2 === 1;
    const frequency = rotationSign && m > 1 ? m / 2 : 0;
    if (flip === null) return { irreps: [[frequency]], changeOfBasis: identityMatrix(1) };
    const flipSign = (f + (k === 0 ? 0 : Number(flip))) % 2;
    return { irreps: [m === 1 ? [flipSign] : [flipSign, frequency]], changeOfBasis: identityMatrix(1) };
  }

  /** The inner rotations; the inner reflection's place in this group. */
  composeSubgroupIds([flip, order]: SubgroupId, inner: SubgroupId): SubgroupId {
    const [outerOrder, n] = [Number(order), this.rotationOrder];
    if (flip === null) return [null, inner[0]];
    if (outerOrder === 1) return inner[0] === 1 ? [null, 1] : [flip, 1];
    if (inner[0] === null) return inner;
    return [(Number(flip) + Number(inner[0]) * (n / outerOrder)) % n, inner[1]];
  }

  /** The difference of the frequencies, then their sum, folded. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
    return tensorWithFlips(m, n, this.rotationOrder);
  }

  /** The addition theorems, folded. */
  computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    return clebschGordanWithFlips(m, n, j, this.rotationOrder);
  }
}

const groups = new Map<number, DihedralGroup>();

/**
 * The group D_N of N rotations and N reflections. The same N gives the same object. Throws {@linkcode GroupError} unless
 * N is an integer ≥ 1.
 *
 * @example
 * ```ts
 * import { dihedralGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const d4 = dihedralGroup(4);
 * assertEquals(d4.element([1, 0]).multiply(d4.element([0, 1])).value, [1, 3]);
 * assertEquals(d4.irreps().map((psi) => psi.id), [[0, 0], [1, 0], [1, 1], [1, 2], [0, 2]]);
 * ```
 */
export function dihedralGroup(n: number): DihedralGroup {
  let group = groups.get(n);
  if (group === undefined) {
    if (!Number.isInteger(n) || n < 1) {
      throw new GroupError({ op: "dihedralGroup", expected: "an integer order of 1 or more", actual: String(n) });
    }
    group = new DihedralGroup(n);
    groups.set(n, group);
  }
  return group;
}
