/**
 * Direct products of two groups. Values are pairs `[left, right]`. Irreps `[left id, right id, i]`: over the complex numbers
 * all irreps of a product are products of irreps (Serre, Linear Representations of Finite Groups, 3.2); over the reals two
 * irreps of complex type make two, i = 0 (a ⊗ b) and i = 1 (a ⊗ b̄), and quaternionic ones share their units.
 * Everything else follows from the factors, in closed form where theirs is.
 */

import { identityMatrix, multiplyMatrices, transposeMatrix } from "../../math/linear_algebra.ts";
import { GroupError } from "../errors.ts";
import { GroupBase, type SubgroupDefinition } from "../group.ts";
import { irrepKey, subgroupIdOf, subgroupKey } from "../ids.ts";
import { independentCopies } from "../intertwiners.ts";
import type { IrrepDefinition } from "../irrep.ts";
import { type OuterIrrep, outerIrrep, outerMultiplicity } from "../outer_product.ts";
import { elementFrom } from "../table_group.ts";
import type {
  ClebschGordan,
  Decomposition,
  ElementValue,
  Group,
  IrreducibleRepresentation,
  IrrepId,
  Subgroup,
  SubgroupId,
} from "../types.ts";
import { cyclicGroup } from "./cyclic.ts";

/** An element of a product: the values in the left and the right factor. */
export type PairValue = readonly [ElementValue, ElementValue];

function pairOf(value: ElementValue): PairValue {
  if (typeof value === "number") throw new TypeError(`${value} is not a pair.`);
  return [value[0], value[1]];
}

/** The direct product of two groups. Make it with {@linkcode directProduct}. */
export class DirectProductGroup extends GroupBase {
  /** The first factor. */
  readonly left: GroupBase;
  /** The second factor. */
  readonly right: GroupBase;
  /** The value of the identity. */
  readonly identityValue: PairValue;
  /** The generators of the factors. */
  readonly generatorValues: readonly PairValue[];
  /** The pair of the factors' ids. */
  readonly subgroupTrivialId: SubgroupId;
  /** The pair of the factors' ids. */
  readonly subgroupSelfId: SubgroupId;
  readonly #outer = new Map<string, OuterIrrep>();

  /** For {@linkcode directProduct}. */
  constructor(left: GroupBase, right: GroupBase) {
    super({
      name: `${factorName(left)}×${factorName(right)}`,
      order: left.order * right.order,
      isAbelian: left.isAbelian && right.isAbelian,
      parametrizations: left.parametrizations.flatMap((p) => right.parametrizations.map((q) => `[${p} | ${q}]`)),
    });
    this.left = left;
    this.right = right;
    this.identityValue = [left.identityValue, right.identityValue];
    this.generatorValues = [
      ...left.generatorValues.map((g): PairValue => [g, right.identityValue]),
      ...right.generatorValues.map((g): PairValue => [left.identityValue, g]),
    ];
    this.subgroupTrivialId = [left.subgroupTrivialId, right.subgroupTrivialId];
    this.subgroupSelfId = [left.subgroupSelfId, right.subgroupSelfId];
  }

  /** Those of both factors. */
  override get regularNonlinearities(): readonly string[] {
    const shared = new Set(this.right.regularNonlinearities);
    return this.left.regularNonlinearities.filter((tag) => shared.has(tag) && tag !== "vectorfield");
  }

  /** A pair of values, in the two parametrizations that `[p | q]` names. */
  parse(value: ElementValue, parametrization: string): PairValue | undefined {
    if (typeof value === "number" || value.length !== 2) return undefined;
    const [p, q] = splitNames(parametrization, this.left.parametrizations);
    const left = this.left.parse(value[0], p);
    const right = this.right.parse(value[1], q);
    return left === undefined || right === undefined ? undefined : [left, right];
  }

  /** The inverse of {@linkcode DirectProductGroup.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    const [p, q] = splitNames(parametrization, this.left.parametrizations);
    const [l, r] = pairOf(value);
    return [this.left.format(l, p), this.right.format(r, q)];
  }

  /** The pair of products. */
  multiplyValues(a: ElementValue, b: ElementValue): PairValue {
    const [l, r] = pairOf(a);
    const [m, s] = pairOf(b);
    return [this.left.multiplyValues(l, m), this.right.multiplyValues(r, s)];
  }

  /** The pair of inverses. */
  invertValue(value: ElementValue): PairValue {
    const [l, r] = pairOf(value);
    return [this.left.invertValue(l), this.right.invertValue(r)];
  }

  /** Whether both parts are equal. */
  equalValues(a: ElementValue, b: ElementValue): boolean {
    const [l, r] = pairOf(a);
    const [m, s] = pairOf(b);
    return this.left.equalValues(l, m) && this.right.equalValues(r, s);
  }

  /** All pairs, the left factor major. */
  listValues(): readonly PairValue[] {
    const right = this.right.listValues();
    return this.left.listValues().flatMap((l) => right.map((r): PairValue => [l, r]));
  }

  /** The pair of the factors' keys. */
  override hashValue(value: ElementValue): string {
    const [l, r] = pairOf(value);
    return `[${this.left.hashValue(l)},${this.right.hashValue(r)}]`;
  }

  /** A random element of each factor. */
  override sampleValue(random: () => number): PairValue {
    const left = this.left.sampleValue(random);
    return [left, this.right.sampleValue(random)];
  }

  /** Pairs of irreps, the left one major; the frequency limits the continuous factors, of a finite product both. */
  irrepIds(maximumFrequency: number): readonly IrrepId[] {
    const limit = (factor: GroupBase): number =>
      this.isContinuous && !factor.isContinuous ? Infinity : maximumFrequency;
    const right = this.right.irrepIds(limit(this.right));
    return this.left.irrepIds(limit(this.left)).flatMap((a) =>
      right.flatMap((b) => {
        const count = outerMultiplicity(this.left.irrep(...a).type, this.right.irrep(...b).type);
        return Array.from({ length: count }, (_, i): IrrepId => [a, b, i]);
      })
    );
  }

  #factorIrreps(id: IrrepId): readonly [IrreducibleRepresentation, IrreducibleRepresentation] | undefined {
    if (id.length !== 3 || typeof id[0] === "number" || typeof id[1] === "number") return undefined;
    const [a, b] = [id[0], id[1]];
    if (this.left.defineIrrep(a) === undefined || this.right.defineIrrep(b) === undefined) return undefined;
    return [this.left.irrep(...a), this.right.irrep(...b)];
  }

  #outerOf(id: IrrepId): OuterIrrep {
    const key = irrepKey(id);
    let outer = this.#outer.get(key);
    if (outer === undefined) {
      const factors = this.#factorIrreps(id);
      outer = factors && outerIrrep(factors[0], factors[1], Number(id[2]));
      if (outer === undefined) throw new TypeError(`${this.name} has no irrep ${key}.`);
      this.#outer.set(key, outer);
    }
    return outer;
  }

  /** The irrep in the outer tensor product of two irreps. */
  defineIrrep(id: IrrepId): IrrepDefinition | undefined {
    const factors = this.#factorIrreps(id);
    const outer = factors && outerIrrep(factors[0], factors[1], Number(id[2]));
    if (factors === undefined || outer === undefined) return undefined;
    const [a, b] = factors;
    const tags = [...a.supportedNonlinearities].filter((tag) => b.supportedNonlinearities.has(tag));
    const frequencies = [this.left, this.right].map((factor, i) =>
      this.isContinuous && !factor.isContinuous ? 0 : factors[i].frequency
    );
    return {
      id,
      size: outer.size,
      type: outer.type,
      frequency: Math.max(...frequencies),
      matrix: (g) => {
        const [l, r] = pairOf(g.value);
        return outer.matrix(a.matrix(this.left.make(l)), b.matrix(this.right.make(r)));
      },
      supportedNonlinearities: tags.includes("norm") ? tags : [...tags, "norm", "gated"],
    };
  }

  /** The forms of ids, for errors. */
  protected override describeSubgroups(): string {
    const whole = [this.left, this.right].map((factor) => JSON.stringify(factor.subgroupSelfId));
    return `They are pairs of ids, of a subgroup of ${this.left.name} and of one of ${this.right.name}: [${
      whole.join(", ")
    }] is the whole group, [${JSON.stringify(this.left.subgroupTrivialId)}, ${whole[1]}] the second factor.`;
  }

  /**
   * `[left id, right id]`: the product of two subgroups. `["diagonal"]`, when both factors are the same group: the elements
   * (h, h), isomorphic to it; `["diagonal", id]` those of a subgroup of it.
   */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    if (id[0] === "diagonal") return this.#defineDiagonal(id);
    if (id.length !== 2) return undefined;
    const [first, second] = [this.left.subgroup(id[0]), this.right.subgroup(id[1])];
    const subgroup = directProduct(first.subgroup, second.subgroup);
    const join = (l: ElementValue, r: ElementValue): PairValue => [
      first.inclusion(elementFrom(first.subgroup, l)).value,
      second.inclusion(elementFrom(second.subgroup, r)).value,
    ];
    const [trivialLeft, trivialRight] = [first.subgroup.order === 1, second.subgroup.order === 1];
    return {
      id: [first.id, second.id],
      subgroup,
      include: (value) => {
        if (trivialLeft) return join(first.subgroup.identity.value, value);
        if (trivialRight) return join(value, second.subgroup.identity.value);
        const [l, r] = pairOf(value);
        return join(l, r);
      },
      restrict: (value) => {
        const [l, r] = pairOf(value);
        const left = first.restriction(this.left.make(l))?.value;
        const right = second.restriction(this.right.make(r))?.value;
        if (left === undefined || right === undefined) return undefined;
        return trivialLeft ? right : trivialRight ? left : [left, right];
      },
    };
  }

  #defineDiagonal(id: SubgroupId): SubgroupDefinition | undefined {
    if (this.left !== this.right || id.length > 2) return undefined;
    const inner = this.left.subgroup(id.length === 1 ? this.left.subgroupSelfId : id[1]);
    const whole = subgroupKey(inner.id) === subgroupKey(subgroupIdOf(this.left.subgroupSelfId));
    return {
      id: whole ? ["diagonal"] : ["diagonal", inner.id],
      subgroup: inner.subgroup,
      include: (value): PairValue => {
        const image = inner.inclusion(elementFrom(inner.subgroup, value)).value;
        return [image, image];
      },
      restrict: (value) => {
        const [l, r] = pairOf(value);
        return this.left.equalValues(l, r) ? inner.restriction(this.left.make(l))?.value : undefined;
      },
    };
  }

  /** The factors' restrictions, regrouped; to the diagonal a tensor product of irreps. */
  decomposeRestriction(id: SubgroupId, irrep: IrrepId): Decomposition {
    const outer = this.#outerOf(irrep);
    const target = this.subgroup(id).subgroup;
    const parts = id[0] === "diagonal" ? this.#diagonalParts(id, outer) : this.#productParts(id, outer);
    const irreps: IrrepId[] = [];
    const changeOfBasis = new Float64Array(outer.size * outer.size);
    let column = 0;
    for (const { id: part, candidates } of parts) {
      const d = target.irrep(...part).size;
      for (const b of independentCopies(candidates, outer.size, d)) {
        irreps.push(part);
        for (let i = 0; i < outer.size; i++) {
          for (let c = 0; c < d; c++) changeOfBasis[i * outer.size + column + c] = b[i * d + c];
        }
        column += d;
      }
    }
    return { irreps, changeOfBasis };
  }

  // For each irrep of H₁ × H₂ the intertwiners into the restricted irrep that the factors' restrictions give.
  #productParts(id: SubgroupId, outer: OuterIrrep): readonly Candidates[] {
    const [first, second] = [this.left.subgroup(id[0]), this.right.subgroup(id[1])];
    const target = directProduct(first.subgroup, second.subgroup);
    const left = restrictedBlocks(this.left, first, outer.left);
    const right = restrictedBlocks(this.right, second, outer.right);
    const parts: Candidates[] = [];
    for (const a of left) {
      for (const b of right) {
        for (const { id: part, embedding, size } of outerParts(target, a.irrep, b.irrep)) {
          const candidates: Float64Array[] = [];
          for (const x of a.blocks) {
            for (const y of b.blocks) {
              const block = kroneckerRectangular(x, outer.left.size, a.irrep.size, y, outer.right.size, b.irrep.size);
              const columns = a.irrep.size * b.irrep.size;
              candidates.push(outer.project(multiplyMatrices(block, embedding, outer.rows, columns, size), size));
            }
          }
          parts.push({ id: part, candidates });
        }
      }
    }
    return parts;
  }

  #diagonalParts(id: SubgroupId, outer: OuterIrrep): readonly Candidates[] {
    const inner = this.left.subgroup(id.length === 1 ? this.left.subgroupSelfId : id[1]);
    const parts: Candidates[] = [];
    for (const { irrep: j } of this.left.tensorProductIrreps(outer.left.id, outer.right.id)) {
      const { coefficients, copies } = this.left.clebschGordan(outer.left.id, outer.right.id, j);
      const whole = this.left.irrep(...j);
      for (const { irrep, blocks } of restrictedBlocks(this.left, inner, whole)) {
        const candidates: Float64Array[] = [];
        for (let s = 0; s < copies; s++) {
          const columns = copyOf(coefficients, outer.rows, copies, s, whole.size);
          for (const e of whole.endomorphisms) {
            const turned = multiplyMatrices(columns, e, outer.rows, whole.size, whole.size);
            for (const block of blocks) {
              const d = irrep.size;
              candidates.push(outer.project(multiplyMatrices(turned, block, outer.rows, whole.size, d), d));
            }
          }
        }
        const known = parts.find((part) => irrepKey(part.id) === irrepKey(irrep.id));
        if (known === undefined) parts.push({ id: irrep.id, candidates });
        else known.candidates.push(...candidates);
      }
    }
    return parts;
  }

  /** The factors' ids composed. */
  composeSubgroupIds(outer: SubgroupId, inner: SubgroupId): SubgroupId {
    if (outer[0] === "diagonal") {
      const between = outer.length === 1 ? this.left.subgroupSelfId : outer[1];
      return this.subgroup(["diagonal", this.left.combineSubgroups(between, inner)]).id;
    }
    const [first, second] = [outer[0], outer[1]];
    const leftOrder = this.left.subgroup(first).subgroup.order;
    const rightOrder = this.right.subgroup(second).subgroup.order;
    if (leftOrder === 1) return [first, this.right.combineSubgroups(second, inner)];
    if (rightOrder === 1) return [this.left.combineSubgroups(first, inner), second];
    if (inner[0] !== "diagonal") {
      return [this.left.combineSubgroups(first, inner[0]), this.right.combineSubgroups(second, inner[1])];
    }
    const same = this.left === this.right && subgroupKey(subgroupIdOf(first)) === subgroupKey(subgroupIdOf(second));
    if (!same) {
      throw new GroupError({
        op: `combineSubgroups of ${this.name}`,
        expected: "a subgroup that has an id",
        actual: `${subgroupKey(inner)} of ${subgroupKey(outer)}`,
      });
    }
    return this.subgroup(["diagonal", inner.length === 1 ? first : this.left.combineSubgroups(first, inner[1])]).id;
  }

  /** Pairs of irreps of the factors' tensor products, the left one major. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
    const [x, y] = [this.#outerOf(m), this.#outerOf(n)];
    const right = this.right.tensorProductIrreps(x.right.id, y.right.id);
    const ids = this.left.tensorProductIrreps(x.left.id, y.left.id).flatMap(({ irrep: a }) =>
      right.flatMap(({ irrep: b }) => {
        const count = outerMultiplicity(this.left.irrep(...a).type, this.right.irrep(...b).type);
        return Array.from({ length: count }, (_, i): IrrepId => [a, b, i]);
      })
    );
    return ids
      .map((irrep) => ({ irrep, copies: this.clebschGordan(m, n, irrep).copies }))
      .filter(({ copies }) => copies > 0);
  }

  /** The factors' coefficients, regrouped. */
  computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    const [x, y, z] = [this.#outerOf(m), this.#outerOf(n), this.#outerOf(j)];
    const left = this.left.clebschGordan(x.left.id, y.left.id, z.left.id);
    const right = this.right.clebschGordan(x.right.id, y.right.id, z.right.id);
    const rows = x.size * y.size;
    const candidates: Float64Array[] = [];
    for (let s = 0; s < left.copies; s++) {
      for (const e of z.left.endomorphisms) {
        const a = turnedCopy(left, x.left.size * y.left.size, s, z.left.size, e);
        for (let t = 0; t < right.copies; t++) {
          for (const f of z.right.endomorphisms) {
            const b = turnedCopy(right, x.right.size * y.right.size, t, z.right.size, f);
            candidates.push(regroup(a, b, x, y, z));
          }
        }
      }
    }
    const copies = independentCopies(candidates, rows, z.size);
    const coefficients = new Float64Array(rows * copies.length * z.size);
    copies.forEach((b, s) => {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < z.size; c++) coefficients[(r * copies.length + s) * z.size + c] = b[r * z.size + c];
      }
    });
    return { copies: copies.length, coefficients };
  }
}

interface Candidates {
  readonly id: IrrepId;
  readonly candidates: Float64Array[];
}

function factorName(group: GroupBase): string {
  return group.name.includes("×") ? `(${group.name})` : group.name;
}

// The names p and q in `[p | q]`: p is the one of the left factor's names with which it begins.
function splitNames(parametrization: string, left: readonly string[]): readonly [string, string] {
  const inner = parametrization.slice(1, -1);
  const p = left.find((name) => inner.startsWith(`${name} | `)) ?? "";
  return [p, inner.slice(p.length + 3)];
}

// The irreps of a restricted irrep with their intertwiners into it, [irrep.size, part.size].
function restrictedBlocks(
  group: GroupBase,
  { id, subgroup }: Subgroup,
  irrep: IrreducibleRepresentation,
): readonly { readonly irrep: IrreducibleRepresentation; readonly blocks: readonly Float64Array[] }[] {
  const { irreps, changeOfBasis } = group.restrictIrrep(id, irrep.id);
  const found: { readonly irrep: IrreducibleRepresentation; readonly blocks: Float64Array[] }[] = [];
  const n = irrep.size;
  let column = 0;
  for (const name of irreps) {
    const part = subgroup.irrep(...name);
    const d = part.size;
    let entry = found.find((f) => f.irrep === part);
    if (entry === undefined) found.push(entry = { irrep: part, blocks: [] });
    const block = new Float64Array(n * d);
    for (let i = 0; i < n; i++) {
      for (let c = 0; c < d; c++) block[i * d + c] = changeOfBasis[i * n + column + c];
    }
    for (const e of part.endomorphisms) entry.blocks.push(multiplyMatrices(block, e, n, d, d));
    column += d;
  }
  return found;
}

// The irreps in the outer product of two irreps of the factors of a product, one of which may be trivial.
function outerParts(
  target: Group,
  a: IrreducibleRepresentation,
  b: IrreducibleRepresentation,
): readonly { readonly id: IrrepId; readonly size: number; readonly embedding: Float64Array }[] {
  if (!(target instanceof DirectProductGroup) || target.left !== a.group || target.right !== b.group) {
    const part = a.group === target && b.group.order === 1 ? a : b;
    return [{ id: part.id, size: part.size, embedding: identityMatrix(part.size) }];
  }
  return Array.from({ length: outerMultiplicity(a.type, b.type) }, (_, i) => {
    const outer = outerIrrep(a, b, i);
    if (outer === undefined) throw new TypeError(`${a.name} and ${b.name} have no product ${i}.`);
    return { id: [a.id, b.id, i], size: outer.size, embedding: outer.embedding };
  });
}

function kroneckerRectangular(
  a: Float64Array,
  aRows: number,
  aColumns: number,
  b: Float64Array,
  bRows: number,
  bColumns: number,
): Float64Array {
  const width = aColumns * bColumns;
  const out = new Float64Array(aRows * bRows * width);
  for (let i = 0; i < aRows; i++) {
    for (let j = 0; j < aColumns; j++) {
      const v = a[i * aColumns + j];
      if (v === 0) continue;
      for (let k = 0; k < bRows; k++) {
        for (let l = 0; l < bColumns; l++) {
          out[(i * bRows + k) * width + j * bColumns + l] = v * b[k * bColumns + l];
        }
      }
    }
  }
  return out;
}

// The copy `s` of coefficients [rows, copies, d] as a matrix [rows, d].
function copyOf(coefficients: Float64Array, rows: number, copies: number, s: number, d: number): Float64Array {
  const out = new Float64Array(rows * d);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < d; c++) out[r * d + c] = coefficients[(r * copies + s) * d + c];
  }
  return out;
}

function turnedCopy(
  { coefficients, copies }: ClebschGordan,
  rows: number,
  s: number,
  d: number,
  endomorphism: Float64Array,
): Float64Array {
  return multiplyMatrices(copyOf(coefficients, rows, copies, s, d), endomorphism, rows, d, d);
}

// The intertwiner from z into x ⊗ y that is a ⊗ b on the factors: rows (x left, y left) and (x right, y right) regrouped.
function regroup(a: Float64Array, b: Float64Array, x: OuterIrrep, y: OuterIrrep, z: OuterIrrep): Float64Array {
  const [p, q, r, s] = [x.left.size, y.left.size, x.right.size, y.right.size];
  const [u, v] = [z.left.size, z.right.size];
  const rows = p * r * q * s;
  const columns = u * v;
  const full = new Float64Array(rows * columns);
  for (let i = 0; i < p; i++) {
    for (let k = 0; k < q; k++) {
      for (let c = 0; c < u; c++) {
        const value = a[(i * q + k) * u + c];
        if (value === 0) continue;
        for (let j = 0; j < r; j++) {
          for (let l = 0; l < s; l++) {
            const row = ((i * r + j) * q + k) * s + l;
            for (let e = 0; e < v; e++) full[row * columns + c * v + e] = value * b[(j * s + l) * v + e];
          }
        }
      }
    }
  }
  const moved = z.isWhole ? full : multiplyMatrices(full, z.embedding, rows, columns, z.size);
  if (x.isWhole && y.isWhole) return moved;
  const left = transposeMatrix(x.embedding, x.rows, x.size);
  const right = transposeMatrix(y.embedding, y.rows, y.size);
  const onto = kroneckerRectangular(left, x.size, x.rows, right, y.size, y.rows);
  return multiplyMatrices(onto, moved, x.size * y.size, rows, z.size);
}

const groups = new Map<Group, Map<Group, DirectProductGroup>>();

/**
 * The direct product of two groups; the same factors give the same object. A trivial factor gives the other one itself.
 *
 * @param left The first factor, whose parts come first in values, ids and the order of elements.
 * @param right The second factor; the same group twice also has the subgroup `["diagonal"]`.
 *
 * @example
 * ```ts
 * import { cyclicGroup, dihedralGroup, directProduct } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const group = directProduct(cyclicGroup(2), dihedralGroup(3));
 * assertEquals(group.order, 12);
 * assertEquals(group.irrep([1], [1, 1], 0).size, 2);
 * assertEquals(group.subgroup([[2], [null, 3]]).subgroup.name, "C2×C3");
 * ```
 */
export function directProduct(left: Group, right: Group): Group {
  if (left.order === 1) return right.order === 1 ? cyclicGroup(1) : right;
  if (right.order === 1) return left;
  let row = groups.get(left);
  if (row === undefined) groups.set(left, row = new Map());
  let group = row.get(right);
  if (group === undefined) {
    if (!(left instanceof GroupBase) || !(right instanceof GroupBase)) {
      throw new GroupError({
        op: "directProduct",
        expected: "groups made by this library's factories",
        actual: `${left.name} and ${right.name}`,
      });
    }
    group = new DirectProductGroup(left, right);
    row.set(right, group);
  }
  return group;
}
