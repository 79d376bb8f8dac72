/**
 * Representations as ρ(g) = Q (⊕ ψ(g)) Q⁻¹: every real representation of a compact group is a sum of irreps in some
 * basis, and everything else here (restriction, tensor products, comparison) follows from the irreps and Q.
 */

import { showAsText } from "../console_text.ts";
import {
  blockDiagonal,
  identityMatrix,
  invertMatrix,
  isOrthogonal,
  kronecker,
  maximumDifference,
  multiplyMatrices,
  transposeMatrix,
} from "../math/linear_algebra.ts";
import { GroupError } from "./errors.ts";
import { sameId, subgroupKey } from "./ids.ts";
import type {
  Decomposition,
  Group,
  GroupElement,
  IrreducibleRepresentation,
  IrrepId,
  Representation,
  RepresentationKind,
  SubgroupId,
  SubgroupIdPart,
} from "./types.ts";

/** What a representation is made of. */
export interface RepresentationDefinition<K extends RepresentationKind> {
  /** The group. */
  readonly group: Group;
  /** For people. */
  readonly name: string;
  /** The dimension. */
  readonly size: number;
  /** The ids of the irreps, in the order of Q's columns. */
  readonly irreps: readonly IrrepId[];
  /** Q, row-major [size, size]; a function is called once, when first needed. Default: the identity. */
  readonly changeOfBasis?: Float64Array | (() => Float64Array);
  /** ρ(g) where a closed form is better than Q (⊕ ψ) Q⁻¹ (permutations, exact ones). */
  readonly matrix?: (g: GroupElement) => Float64Array;
  /** Whether pointwise non-linearities commute with it. */
  readonly kind: K;
  /** escnn's tags of the non-linearities that commute with it. */
  readonly supportedNonlinearities: Iterable<string>;
}

/** A representation in a basis of its own. */
export class MatrixRepresentation<K extends RepresentationKind = RepresentationKind> implements Representation<K> {
  /** The group. */
  readonly group: Group;
  /** For people. */
  readonly name: string;
  /** The dimension. */
  readonly size: number;
  /** `"pointwise"` for permutation representations. */
  readonly kind: K;
  /** The ids of the irreps, in order. */
  readonly irreps: readonly IrrepId[];
  /** Whether Q is the identity. */
  readonly isIrrepBasis: boolean;
  /** escnn's tags of the non-linearities that commute with it. */
  readonly supportedNonlinearities: ReadonlySet<string>;

  readonly #matrix: ((g: GroupElement) => Float64Array) | undefined;
  readonly #makeChangeOfBasis: () => Float64Array;
  #changeOfBasis: Float64Array | undefined;
  #inverse: Float64Array | undefined;
  #isOrthogonal: boolean | undefined;
  readonly #restrictions = new Map<string, Representation<K>>();

  /** Makes the representation. Throws {@linkcode GroupError} when the irreps' dimensions do not add up to its size. */
  constructor(definition: RepresentationDefinition<K>) {
    const { group, name, size, irreps, kind, changeOfBasis } = definition;
    this.group = group;
    this.name = name;
    this.size = size;
    this.kind = kind;
    this.irreps = irreps;
    this.isIrrepBasis = changeOfBasis === undefined;
    this.supportedNonlinearities = new Set(definition.supportedNonlinearities);
    this.#matrix = definition.matrix;
    this.#makeChangeOfBasis = typeof changeOfBasis === "function"
      ? changeOfBasis
      : () => changeOfBasis ?? identityMatrix(size);
  }

  /** The irreps, in order. */
  get constituents(): readonly IrreducibleRepresentation[] {
    return this.irreps.map((id) => this.group.irrep(...id));
  }

  /** Q, row-major [size, size]. */
  get changeOfBasis(): Float64Array {
    return this.#changeOfBasis ??= this.#makeChangeOfBasis();
  }

  /** Q⁻¹, row-major [size, size]. Throws {@linkcode GroupError} when Q is singular. */
  get changeOfBasisInverse(): Float64Array {
    if (this.#inverse === undefined) {
      const inverse = this.isOrthogonal
        ? transposeMatrix(this.changeOfBasis, this.size, this.size)
        : invertMatrix(this.changeOfBasis, this.size);
      if (inverse === undefined) {
        throw new GroupError({
          op: `representation "${this.name}"`,
          expected: "an invertible change of basis",
          actual: "a singular one",
          hint: "The columns of the change of basis must be linearly independent.",
        });
      }
      this.#inverse = inverse;
    }
    return this.#inverse;
  }

  /** Whether Q is orthogonal. */
  get isOrthogonal(): boolean {
    return this.#isOrthogonal ??= this.isIrrepBasis || isOrthogonal(this.changeOfBasis, this.size);
  }

  /** ρ(g), row-major [size, size]. Throws {@linkcode GroupError} for an element of another group. */
  matrix(g: GroupElement): Float64Array {
    if (g.group !== this.group) {
      throw new GroupError({
        op: `matrix of "${this.name}"`,
        expected: `an element of ${this.group.name}`,
        actual: String(g),
        hint: "Map it with the inclusion or restriction of group.subgroup(id).",
      });
    }
    if (this.#matrix !== undefined) return this.#matrix(g);
    const n = this.size;
    const parts = this.constituents;
    const middle = blockDiagonal(parts.map((p) => p.matrix(g)), parts.map((p) => p.size));
    if (this.isIrrepBasis) return middle;
    return multiplyMatrices(this.changeOfBasis, multiplyMatrices(middle, this.changeOfBasisInverse, n, n, n), n, n, n);
  }

  /** The trace of ρ(g). */
  character(g: GroupElement): number {
    const m = this.matrix(g);
    let trace = 0;
    for (let i = 0; i < this.size; i++) trace += m[i * this.size + i];
    return trace;
  }

  /** Whether this is the trivial representation of dimension 1. */
  isTrivial(): boolean {
    return this.size === 1 && sameId(this.irreps[0], this.group.trivialRepresentation.id);
  }

  /** Whether it contains the trivial representation. */
  containsTrivial(): boolean {
    return this.multiplicity(this.group.trivialRepresentation.id) > 0;
  }

  /** How often an irrep occurs. */
  multiplicity(irrep: IrrepId): number {
    let count = 0;
    for (const id of this.irreps) if (sameId(id, irrep)) count += 1;
    return count;
  }

  /** ρ restricted to a subgroup: the same matrices for fewer elements, decomposed anew. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): Representation<K> {
    const { subgroup, inclusion, id } = this.group.subgroup(subgroupId);
    const key = subgroupKey(id);
    let restricted = this.#restrictions.get(key);
    if (restricted === undefined) {
      const parts: Decomposition[] = this.irreps.map((irrep) => this.group.restrictIrrep(id, irrep));
      const n = this.size;
      restricted = new MatrixRepresentation<K>({
        group: subgroup,
        name: `${this.group.name}${key}:${this.name}`,
        size: n,
        irreps: parts.flatMap((p) => p.irreps),
        changeOfBasis: () => {
          const sizes = this.constituents.map((c) => c.size);
          const q = blockDiagonal(parts.map((p) => p.changeOfBasis), sizes);
          return this.isIrrepBasis ? q : multiplyMatrices(this.changeOfBasis, q, n, n, n);
        },
        matrix: (h) => this.matrix(inclusion(h)),
        kind: this.kind,
        supportedNonlinearities: this.supportedNonlinearities,
      });
      this.#restrictions.set(key, restricted);
    }
    return restricted;
  }

  /** ρ ⊗ other, this one major; decomposed by Clebsch-Gordan coefficients. */
  tensor(other: Representation): Representation {
    const group = this.group;
    if (other.group !== group) {
      throw new GroupError({
        op: `tensor product of "${this.name}"`,
        expected: `another representation of ${group.name}`,
        actual: `"${other.name}" of ${other.group.name}`,
      });
    }
    const size = this.size * other.size;
    const irreps: IrrepId[] = [];
    const columns: { left: number; right: number; m: IrrepId; n: IrrepId; j: IrrepId }[] = [];
    let left = 0;
    for (const m of this.constituents) {
      let right = 0;
      for (const n of other.constituents) {
        for (const { irrep, copies } of group.tensorProductIrreps(m.id, n.id)) {
          columns.push({ left, right, m: m.id, n: n.id, j: irrep });
          for (let s = 0; s < copies; s++) irreps.push(irrep);
        }
        right += n.size;
      }
      left += m.size;
    }
    const shared = this.supportedNonlinearities.has("pointwise") && other.supportedNonlinearities.has("pointwise");
    return new MatrixRepresentation({
      group,
      name: `[${this.name}]x[${other.name}]`,
      size,
      irreps,
      kind: shared ? "pointwise" : "general",
      supportedNonlinearities: shared ? ["gated", "norm", "pointwise"] : ["gated", "norm"],
      matrix: (g) => kronecker(this.matrix(g), other.matrix(g), this.size, other.size),
      changeOfBasis: () => {
        const w = new Float64Array(size * size);
        let column = 0;
        for (const { left, right, m, n, j } of columns) {
          const { coefficients, copies } = group.clebschGordan(m, n, j);
          const [dm, dn, width] = [group.irrep(...m).size, group.irrep(...n).size, copies * group.irrep(...j).size];
          for (let a = 0; a < dm; a++) {
            for (let b = 0; b < dn; b++) {
              const row = (left + a) * other.size + right + b;
              for (let c = 0; c < width; c++) w[row * size + column + c] = coefficients[(a * dn + b) * width + c];
            }
          }
          column += width;
        }
        const q = kronecker(this.changeOfBasis, other.changeOfBasis, this.size, other.size);
        return multiplyMatrices(q, w, size, size, size);
      },
    });
  }

  /** Whether both have the same group and the same matrices, to 1e-9; names and non-linearities do not count. */
  equals(other: Representation): boolean {
    if (Object.is(other, this)) return true;
    if (other.group !== this.group || other.size !== this.size) return false;
    return this.group.generators.every((g) => maximumDifference(this.matrix(g), other.matrix(g)) <= 1e-9);
  }

  /** For messages: the name and the group. */
  toString(): string {
    return `${this.name} of ${this.group.name}`;
  }

  static {
    showAsText(this.prototype);
  }
}

/**
 * The first component of each irrep of a representation.
 * @internal
 */
export function irrepStarts({ constituents }: Representation): number[] {
  let next = 0;
  return constituents.map((irrep) => {
    const start = next;
    next += irrep.size;
    return start;
  });
}
