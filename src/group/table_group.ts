/**
 * The base of finite groups whose elements are known by their position in a list: products and inverses are looked up in
 * a table, irreps are lists of matrices, and everything else (tensor products, Clebsch-Gordan coefficients, restrictions)
 * follows from characters and the canonical decomposition.
 */

import { kronecker } from "../math/linear_algebra.ts";
import { decomposeRepresentation } from "./decompose.ts";
import { GroupError } from "./errors.ts";
import { GroupBase, type SubgroupDefinition } from "./group.ts";
import { irrepKey, sameId } from "./ids.ts";
import { embedIrrep, type IrrepMatrices } from "./intertwiners.ts";
import type { IrrepDefinition } from "./irrep.ts";
import type {
  ClebschGordan,
  Decomposition,
  ElementValue,
  Group,
  GroupElement,
  IrreducibleRepresentation,
  IrrepId,
  IrrepType,
  SubgroupId,
} from "./types.ts";

/** A multiplication table: entry `[a * order + b]` is the position of a · b. */
export interface MultiplicationTable {
  /** The number of elements. */
  readonly order: number;
  /** The products, row-major [order, order]. */
  readonly products: Int32Array;
  /** The position of the identity. */
  readonly identity: number;
  /** The position of the inverse of each element. */
  readonly inverses: Int32Array;
  /** Whether the table is symmetric. */
  readonly isAbelian: boolean;
}

/** Completes a table of products. The caller guarantees that they are those of a group. */
export function completeTable(products: Int32Array, order: number): MultiplicationTable {
  let identity = 0;
  while (products[identity * order] !== 0) identity += 1;
  const inverses = new Int32Array(order);
  let isAbelian = true;
  for (let a = 0; a < order; a++) {
    for (let b = 0; b < order; b++) {
      const product = products[a * order + b];
      if (product === identity) inverses[a] = b;
      if (product !== products[b * order + a]) isAbelian = false;
    }
  }
  return { order, products, identity, inverses, isAbelian };
}

/** An irrep of a group with a table. */
export interface TableIrrep {
  /** Its name in the group. */
  readonly id: IrrepId;
  /** The dimension. */
  readonly size: number;
  /** Its real type, with the commutant in the form of `IrreducibleRepresentation.endomorphisms`. */
  readonly type: IrrepType;
  /** The frequency of its harmonics. */
  readonly frequency: number;
  /** ψ(g), row-major [size, size], of all elements in order; asked once. */
  readonly matrices: () => readonly Float64Array[];
}

/** What a group with a table is made of. */
export interface TableGroupFacts {
  /** For people. */
  readonly name: string;
  /** The values of the elements in order. */
  readonly values: readonly ElementValue[];
  /** Their products. */
  readonly table: MultiplicationTable;
  /** The positions of generators. */
  readonly generators: readonly number[];
  /** The parametrizations of the elements, the default one first. */
  readonly parametrizations: readonly string[];
}

/** What finite groups with a table share. Families implement the abstract members. */
export abstract class TableGroup extends GroupBase {
  /** The value of the identity. */
  readonly identityValue: ElementValue;
  /** The values of generators. */
  readonly generatorValues: readonly ElementValue[];
  /** The products of the elements by their positions. */
  readonly table: MultiplicationTable;
  /** The positions of the generators. */
  readonly generatorIndices: readonly number[];

  readonly #values: readonly ElementValue[];
  readonly #positions: ReadonlyMap<ElementValue, number>;
  readonly #made: (GroupElement | undefined)[] = [];
  readonly #irreps = new Map<string, IrrepMatrices & { readonly characters: Float64Array }>();
  #lastProduct: { readonly key: string; readonly matrices: readonly Float64Array[] } | undefined;
  #classes: readonly (readonly number[])[] | undefined;

  /** For families. */
  constructor({ name, values, table, generators, parametrizations }: TableGroupFacts) {
    super({ name, order: table.order, isAbelian: table.isAbelian, parametrizations });
    this.table = table;
    this.generatorIndices = generators;
    this.#values = values;
    this.#positions = new Map(values.map((v, i) => [v, i]));
    this.identityValue = values[table.identity];
    this.generatorValues = generators.map((i) => values[i]);
  }

  /** The irreps in order, the trivial one first. */
  protected abstract listIrreps(): readonly TableIrrep[];

  /** The position of a normalized value that is not one of the list's own objects. */
  protected abstract searchValue(value: ElementValue): number;

  /** The position of an element by its normalized value. */
  positionOf(value: ElementValue): number {
    return this.#positions.get(value) ?? this.searchValue(value);
  }

  /** The element at a position. */
  at(position: number): GroupElement {
    return this.#made[position] ??= super.make(this.#values[position]);
  }

  /** An element from a normalized value. */
  override make(value: ElementValue): GroupElement {
    return this.at(this.positionOf(value));
  }

  /** The position of an element. Throws {@linkcode GroupError} for one of another group. */
  override indexOf(element: GroupElement): number {
    return element.group === this ? this.positionOf(element.value) : super.indexOf(element);
  }

  /** By the table. */
  multiplyValues(a: ElementValue, b: ElementValue): ElementValue {
    return this.#values[this.table.products[this.positionOf(a) * this.order + this.positionOf(b)]];
  }

  /** By the table. */
  invertValue(value: ElementValue): ElementValue {
    return this.#values[this.table.inverses[this.positionOf(value)]];
  }

  /** Whether the positions are equal. */
  equalValues(a: ElementValue, b: ElementValue): boolean {
    return this.positionOf(a) === this.positionOf(b);
  }

  /** The position. */
  override hashValue(value: ElementValue): string {
    return String(this.positionOf(value));
  }

  /** The values of all elements in order. */
  listValues(): readonly ElementValue[] {
    return this.#values;
  }

  /** The conjugacy classes as positions, each ascending, by their first element. */
  get conjugacyClasses(): readonly (readonly number[])[] {
    if (this.#classes === undefined) {
      const { order, products, inverses } = this.table;
      const seen = new Uint8Array(order);
      const classes: number[][] = [];
      for (let a = 0; a < order; a++) {
        if (seen[a]) continue;
        const members = new Set<number>();
        for (let g = 0; g < order; g++) members.add(products[products[g * order + a] * order + inverses[g]]);
        for (const b of members) seen[b] = 1;
        classes.push([...members].sort((x, y) => x - y));
      }
      this.#classes = classes;
    }
    return this.#classes;
  }

  /** The ids of the irreps in order. */
  irrepIds(maximumFrequency: number): readonly IrrepId[] {
    return this.listIrreps().filter((psi) => psi.frequency <= maximumFrequency).map((psi) => psi.id);
  }

  /** The irrep with an id: a list of matrices. */
  defineIrrep(id: IrrepId): IrrepDefinition | undefined {
    const irreps = this.listIrreps();
    const position = irreps.findIndex((psi) => sameId(psi.id, id));
    if (position < 0) return undefined;
    const { size, type, frequency } = irreps[position];
    return {
      id: irreps[position].id,
      size,
      type,
      frequency,
      matrix: (g) => this.#facts(id).matrices[this.positionOf(g.value)].slice(),
      character: (g) => this.#facts(id).characters[this.positionOf(g.value)],
      supportedNonlinearities: position === 0
        ? ["pointwise", "norm", "gated", "gate", "concatenated"]
        : size === 1
        ? ["norm", "gated", "concatenated"]
        : ["norm", "gated"],
    };
  }

  #facts(id: IrrepId): IrrepMatrices & { readonly characters: Float64Array } {
    const key = irrepKey(id);
    let facts = this.#irreps.get(key);
    if (facts === undefined) {
      const found = this.listIrreps().find((psi) => sameId(psi.id, id));
      if (found === undefined) throw new TypeError(`${this.name} has no irrep ${key}.`);
      const { size } = found;
      const matrices = found.matrices();
      const characters = Float64Array.from(matrices, (m) => {
        let trace = 0;
        for (let i = 0; i < size; i++) trace += m[i * size + i];
        return trace;
      });
      facts = { size, matrices, characters, endomorphisms: this.irrep(...id).endomorphisms };
      this.#irreps.set(key, facts);
    }
    return facts;
  }

  /** How often `j` occurs in `m ⊗ n`, from characters. */
  #multiplicity(m: IrrepId, n: IrrepId, j: IrreducibleRepresentation): number {
    const [x, y, z] = [m, n, j.id].map((id) => this.#facts(id).characters);
    let inner = 0;
    for (let g = 0; g < this.order; g++) inner += x[g] * y[g] * z[g];
    return Math.floor(inner / (this.order * j.endomorphismCount) + 0.5);
  }

  /** The irreps of m ⊗ n in the order of `irreps()`. */
  tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
    return this.irreps()
      .map((j) => ({ irrep: j.id, copies: this.#multiplicity(m, n, j) }))
      .filter(({ copies }) => copies > 0);
  }

  /** By the canonical decomposition of m ⊗ n. */
  computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    const target = this.irrep(...j);
    const copies = this.#multiplicity(m, n, target);
    if (copies === 0) return { copies, coefficients: new Float64Array(0) };
    const [left, right] = [this.#facts(m), this.#facts(n)];
    const key = irrepKey(m) + irrepKey(n);
    if (this.#lastProduct?.key !== key) {
      const matrices = left.matrices.map((a, g) => kronecker(a, right.matrices[g], left.size, right.size));
      this.#lastProduct = { key, matrices };
    }
    const rows = left.size * right.size;
    const found = embedIrrep(this.#facts(target.id), this.#lastProduct.matrices, rows, copies);
    if (found === undefined) {
      throw new TypeError(`${m} ⊗ ${n} of ${this.name} holds fewer copies of ${j} than it must.`);
    }
    const d = target.size;
    const coefficients = new Float64Array(rows * copies * d);
    found.forEach((b, s) => {
      for (let r = 0; r < rows; r++) {
        for (let c = 0; c < d; c++) coefficients[(r * copies + s) * d + c] = b[r * d + c];
      }
    });
    return { copies, coefficients };
  }

  /** By the canonical decomposition of the matrices of the subgroup's elements. */
  decomposeRestriction(id: SubgroupId, irrep: IrrepId): Decomposition {
    const { subgroup, inclusion } = this.subgroup(id);
    const { matrices, size } = this.#facts(irrep);
    return decomposeRepresentation(subgroup, (h) => matrices[this.positionOf(inclusion(h).value)], size);
  }

  /** A subgroup from the positions at which its elements lie, in the order of its list. */
  protected embed(id: SubgroupId, subgroup: Group, images: readonly number[]): SubgroupDefinition {
    const origins = new Map(images.map((image, i) => [image, i]));
    return {
      id,
      subgroup,
      include: (value) => this.#values[images[subgroup.indexOf(elementFrom(subgroup, value))]],
      restrict: (value) => {
        const origin = origins.get(this.positionOf(value));
        return origin === undefined ? undefined : subgroup.elements[origin].value;
      },
    };
  }

  /**
   * Where a homomorphism from a finite group into this one sends its elements, from the positions of the images of its
   * generators; `undefined` when these violate a relation.
   */
  protected extendHomomorphism(from: Group, generators: readonly number[]): readonly number[] | undefined {
    const images: number[] = new Array(from.order).fill(-1);
    const start = from.indexOf(from.identity);
    images[start] = this.table.identity;
    const queue = [start];
    for (const at of queue) {
      for (let k = 0; k < generators.length; k++) {
        const next = from.indexOf(from.generators[k].multiply(from.elements[at]));
        const image = this.table.products[generators[k] * this.order + images[at]];
        if (images[next] < 0) {
          images[next] = image;
          queue.push(next);
        } else if (images[next] !== image) return undefined;
      }
    }
    return images;
  }
}

/** The element of a group with a normalized value, unchecked where the group can. */
export function elementFrom(group: Group, value: ElementValue): GroupElement {
  return group instanceof GroupBase ? group.make(value) : group.element(value);
}

/** The positions reached from the identity by multiplying with the given positions, in the order they are found. */
export function closure(table: MultiplicationTable, positions: readonly number[]): number[] {
  const seen = new Set([table.identity]);
  const found = [table.identity];
  for (const at of found) {
    for (const g of positions) {
      const next = table.products[g * table.order + at];
      if (!seen.has(next)) {
        seen.add(next);
        found.push(next);
      }
    }
  }
  return found;
}

/**
 * The matrices of all elements from those of generators: products along the shortest words, the first found.
 *
 * @param table The group.
 * @param generators Positions that generate it.
 * @param matrices Their matrices, row-major [size, size].
 * @param size The dimension.
 * @throws {@linkcode GroupError} when the positions do not generate the group.
 */
export function matricesFromGenerators(
  table: MultiplicationTable,
  generators: readonly number[],
  matrices: readonly Float64Array[],
  size: number,
): readonly Float64Array[] {
  const { order, products, identity } = table;
  const found: Float64Array[] = new Array(order);
  const unit = new Float64Array(size * size);
  for (let i = 0; i < size; i++) unit[i * size + i] = 1;
  found[identity] = unit;
  const queue = [identity];
  for (const at of queue) {
    generators.forEach((g, k) => {
      const next = products[g * order + at];
      if (found[next] !== undefined) return;
      const m = new Float64Array(size * size);
      for (let i = 0; i < size; i++) {
        for (let l = 0; l < size; l++) {
          const v = matrices[k][i * size + l];
          if (v !== 0) { for (let j = 0; j < size; j++) m[i * size + j] += v * found[at][l * size + j]; }
        }
      }
      found[next] = m;
      queue.push(next);
    });
  }
  if (queue.length !== order) {
    throw new GroupError({
      op: "matrices from generators",
      expected: `generators of a group of ${order} elements`,
      actual: `generators of ${queue.length}`,
    });
  }
  return found;
}
