/**
 * Finite groups of the user's own: from a multiplication table or from orthogonal matrices that generate them. Values are
 * positions in the list of elements. Irreps `[0]`, `[1]`, … are found (find_irreps.ts); a subgroup's id lists the positions
 * of elements that generate it.
 */

import { isOrthogonal, maximumDifference, multiplyMatrices } from "../math/linear_algebra.ts";
import { representationFromFunction } from "./decompose.ts";
import { GroupError } from "./errors.ts";
import { findIrreps } from "./find_irreps.ts";
import type { SubgroupDefinition } from "./group.ts";
import { cyclicGroup } from "./groups/cyclic.ts";
import type { MatrixList } from "./split.ts";
import { closure, completeTable, type MultiplicationTable, TableGroup, type TableIrrep } from "./table_group.ts";
import type { ElementValue, Group, GroupElement, Representation, SubgroupId, SubgroupIdPart } from "./types.ts";

/** The greatest order of a group that matrices may generate. */
const MAXIMUM_ORDER = 4096;

/** A finite group of the user's own. Make it with {@linkcode finiteGroup} or {@linkcode matrixGroup}. */
export class FiniteGroup extends TableGroup {
  /** The position of the identity alone. */
  readonly subgroupTrivialId: SubgroupId;
  /** Positions that generate the group, the smallest ones. */
  readonly subgroupSelfId: SubgroupId;

  readonly #natural: MatrixList | undefined;
  #irreps: readonly TableIrrep[] | undefined;
  #naturalRepresentation: Representation | undefined;
  // A subgroup is an object of the group that it was first taken from, so that equal ones are the same object.
  readonly #root: FiniteGroup;
  readonly #origins: readonly number[];
  readonly #subgroups = new Map<string, FiniteGroup>();

  /** For the factories. */
  constructor(
    name: string,
    table: MultiplicationTable,
    natural?: MatrixList,
    parent?: { readonly root: FiniteGroup; readonly origins: readonly number[] },
  ) {
    const generators = generatingPositions(table, Array.from({ length: table.order }, (_, i) => i));
    super({
      name,
      values: Array.from({ length: table.order }, (_, i) => i),
      table,
      generators,
      parametrizations: natural === undefined ? ["index"] : ["index", "MAT"],
    });
    this.#natural = natural;
    this.#root = parent?.root ?? this;
    this.#origins = parent?.origins ?? Array.from({ length: table.order }, (_, i) => i);
    this.subgroupTrivialId = [table.identity];
    this.subgroupSelfId = generators.length === 0 ? [table.identity] : generators;
  }

  /** The matrices that the group was made of. Throws {@linkcode GroupError} for one made of a table. */
  get naturalRepresentation(): Representation {
    const natural = this.#natural;
    if (natural === undefined) {
      throw new GroupError({
        op: `naturalRepresentation of ${this.name}`,
        expected: "a group made of matrices",
        actual: "one made of a multiplication table",
        hint: "Make it with matrixGroup, or use its irreps.",
      });
    }
    return this.#naturalRepresentation ??= representationFromFunction(
      this,
      natural.size,
      (g) => natural.matrices[this.positionOf(g.value)],
      { name: "natural", supportedNonlinearities: ["norm", "gated"] },
    );
  }

  /** A position; or the matrix, as rows, of an element of a group of matrices. */
  parse(value: ElementValue, parametrization: string): number | undefined {
    if (parametrization === "index") {
      return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < this.order
        ? value
        : undefined;
    }
    const natural = this.#natural;
    if (natural === undefined || typeof value === "number" || value.length !== natural.size) return undefined;
    const flat = value.flatMap((row) =>
      typeof row === "number" || row.length !== natural.size ? [NaN] : row.map(Number)
    );
    const at = natural.matrices.findIndex((m) =>
      m.length === flat.length && m.every((v, i) => Math.abs(v - flat[i]) <= 1e-6)
    );
    return at < 0 ? undefined : at;
  }

  /** The inverse of {@linkcode FiniteGroup.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    const natural = this.#natural;
    if (parametrization === "index" || natural === undefined) return value;
    const m = natural.matrices[Number(value)];
    const n = natural.size;
    return Array.from({ length: n }, (_, i) => [...m.subarray(i * n, (i + 1) * n)]);
  }

  /** The value is the position. */
  protected searchValue(value: ElementValue): number {
    return Number(value);
  }

  /** Those that are found, once. */
  protected listIrreps(): readonly TableIrrep[] {
    return this.#irreps ??= findIrreps(this.table, this.#natural).map(({ size, type, frequency, matrices }, k) => ({
      id: [k],
      size,
      type,
      frequency,
      matrices: () => matrices,
    }));
  }

  /** Positions of elements that generate the subgroup; an element A behind them conjugates it to A⁻¹ h A. */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    const last = id[id.length - 1];
    let given: readonly SubgroupIdPart[] = id;
    let adjoint = this.table.identity;
    if (typeof last === "object" && last !== null && "multiply" in last) {
      const element: GroupElement = last;
      if (element.group !== this) return undefined;
      adjoint = this.positionOf(element.value);
      given = id.slice(0, -1);
    }
    const positions: number[] = [];
    for (const part of given) {
      if (typeof part !== "number" || !Number.isInteger(part) || part < 0 || part >= this.order) return undefined;
      const { products, inverses } = this.table;
      positions.push(products[inverses[adjoint] * this.order + products[part * this.order + adjoint]]);
    }
    if (positions.length === 0) return undefined;
    const members = closure(this.table, positions).sort((a, b) => a - b);
    const generators = generatingPositions(this.table, members);
    const normal = generators.length === 0 ? [this.table.identity] : generators;
    return this.embed(normal, this.#root.#subgroupAt(members.map((p) => this.#origins[p])), members);
  }

  #subgroupAt(members: readonly number[]): Group {
    if (members.length === 1) return cyclicGroup(1);
    if (members.length === this.order) return this;
    const key = members.join(",");
    let subgroup = this.#subgroups.get(key);
    if (subgroup === undefined) {
      const place = new Map(members.map((p, i) => [p, i]));
      const products = new Int32Array(members.length * members.length);
      members.forEach((a, i) => {
        members.forEach((b, j) => {
          products[i * members.length + j] = place.get(this.table.products[a * this.order + b]) ?? -1;
        });
      });
      const table = completeTable(products, members.length);
      const name = `${this.name}[${generatingPositions(this.table, members).join(",") || this.table.identity}]`;
      subgroup = new FiniteGroup(name, table, undefined, { root: this, origins: members });
      this.#subgroups.set(key, subgroup);
    }
    return subgroup;
  }

  /** The positions of the inner subgroup's generators in this group. */
  composeSubgroupIds(outer: SubgroupId, inner: SubgroupId): SubgroupId {
    const { inclusion, subgroup } = this.subgroup(outer);
    const second = subgroup.subgroup(inner);
    if (second.subgroup.order === 1) return this.subgroupTrivialId;
    const generators = second.id.map((p) => this.positionOf(inclusion(subgroup.element(Number(p))).value));
    return this.subgroup(generators).id;
  }
}

/** The positions, the smallest first, of elements of a subgroup that generate it. */
function generatingPositions(table: MultiplicationTable, members: readonly number[]): readonly number[] {
  const generators: number[] = [];
  let reached = new Set([table.identity]);
  for (const p of members) {
    if (reached.has(p)) continue;
    generators.push(p);
    reached = new Set(closure(table, generators));
    if (reached.size === members.length) break;
  }
  return generators;
}

const tables = new Map<string, FiniteGroup>();

/** Options of {@linkcode finiteGroup} and {@linkcode matrixGroup}. */
export interface FiniteGroupOptions {
  /** For people. Default: `"G"` and the order. */
  readonly name?: string;
}

/**
 * The group with a multiplication table: entry `[a][b]` is the position of a · b. Irreps are found, and everything that a
 * group does works. The same table and name give the same object.
 *
 * @param table The products, as positions from 0.
 * @throws {@linkcode GroupError} for a table that is not square, has no identity, repeats an entry in a row or column, or
 * whose products are not associative.
 *
 * @example
 * ```ts
 * import { finiteGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * // The quaternion group 1, -1, i, -i, j, -j, k, -k.
 * const unit = [[0, 1, 2, 3], [1, 0, 3, 2], [2, 3, 0, 1], [3, 2, 1, 0]];
 * const sign = [[0, 0, 0, 0], [0, 1, 0, 1], [0, 1, 1, 0], [0, 0, 1, 1]];
 * const table = Array.from({ length: 8 }, (_, a) =>
 *   Array.from({ length: 8 }, (_, b) => {
 *     const [p, q] = [a >> 1, b >> 1];
 *     return 2 * unit[p][q] + ((a + b + sign[p][q]) % 2);
 *   }));
 * const group = finiteGroup(table, { name: "Q8" });
 * assertEquals(group.irreps().map((psi) => psi.size + psi.type), ["1R", "1R", "1R", "1R", "4H"]);
 * ```
 */
export function finiteGroup(table: readonly (readonly number[])[], options: FiniteGroupOptions = {}): FiniteGroup {
  const order = table.length;
  const name = options.name ?? `G${order}`;
  const checked = requireTable(table);
  const key = `${name}:${checked.join(",")}`;
  let group = tables.get(key);
  if (group === undefined) {
    group = new FiniteGroup(name, completeTable(checked, order));
    tables.set(key, group);
  }
  return group;
}

function requireTable(table: readonly (readonly number[])[]): Int32Array {
  const refuse = (expected: string, actual: string): GroupError =>
    new GroupError({ op: "finiteGroup", expected, actual, hint: "Entry [a][b] is the position of a · b." });
  const n = table.length;
  if (n === 0) throw refuse("a table of at least one row", "an empty one");
  const products = new Int32Array(n * n);
  table.forEach((row, a) => {
    if (row.length !== n) throw refuse(`rows of ${n} entries`, `a row ${a} of ${row.length}`);
    row.forEach((v, b) => {
      if (!Number.isInteger(v) || v < 0 || v >= n) throw refuse(`positions from 0 to ${n - 1}`, `${v} at [${a}][${b}]`);
      products[a * n + b] = v;
    });
  });
  for (let a = 0; a < n; a++) {
    const [row, column] = [new Uint8Array(n), new Uint8Array(n)];
    for (let b = 0; b < n; b++) {
      const [v, w] = [products[a * n + b], products[b * n + a]];
      if (row[v]) throw refuse("every element once in each row", `${v} twice in row ${a}`);
      if (column[w]) throw refuse("every element once in each column", `${w} twice in column ${a}`);
      row[v] = 1;
      column[w] = 1;
    }
  }
  let identity = -1;
  for (let e = 0; e < n && identity < 0; e++) {
    let neutral = true;
    for (let a = 0; a < n && neutral; a++) neutral = products[e * n + a] === a && products[a * n + e] === a;
    if (neutral) identity = e;
  }
  if (identity < 0) throw refuse("an identity element", "a table without one");
  // Light's test: associativity with a generator in the middle is enough.
  const provisional = { order: n, products, identity, inverses: new Int32Array(n), isAbelian: false };
  for (const g of generatingPositions(provisional, Array.from({ length: n }, (_, i) => i))) {
    for (let a = 0; a < n; a++) {
      for (let b = 0; b < n; b++) {
        const left = products[products[a * n + g] * n + b];
        const right = products[a * n + products[g * n + b]];
        if (left !== right) {
          throw refuse("an associative table", `(${a} · ${g}) · ${b} = ${left}, ${a} · (${g} · ${b}) = ${right}`);
        }
      }
    }
  }
  return products;
}

const matrixGroups = new Map<string, FiniteGroup>();

/**
 * The group that orthogonal matrices generate; its elements are found in the order of their words. The same matrices and
 * name give the same object.
 *
 * @param generators The matrices, each row-major [size, size].
 * @param size Their dimension.
 * @throws {@linkcode GroupError} for matrices that are not orthogonal (to 1e-9), and when they generate more than 4096.
 *
 * @example
 * ```ts
 * import { matrixGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * // All signed permutations of two axes: D4 as matrices.
 * const group = matrixGroup([Float64Array.of(0, -1, 1, 0), Float64Array.of(1, 0, 0, -1)], 2, { name: "B2" });
 * assertEquals(group.order, 8);
 * assertEquals(group.naturalRepresentation.irreps.length, 1);
 * ```
 */
export function matrixGroup(
  generators: readonly Float64Array[],
  size: number,
  options: FiniteGroupOptions = {},
): FiniteGroup {
  generators.forEach((m, i) => {
    const count = Number.isInteger(size) && size >= 1 ? size * size : -1;
    if (m.length !== count || !isOrthogonal(m, size, 1e-9)) {
      throw new GroupError({
        op: "matrixGroup",
        expected: `orthogonal matrices of ${size} × ${size} numbers`,
        actual: `generator ${i}: ${m.join(", ")}`,
        hint: "Matrices that preserve another scalar product become orthogonal in an orthonormal basis of it.",
      });
    }
  });
  const key = `${options.name ?? ""}:${size}:${generators.map((m) => m.join(",")).join(";")}`;
  let group = matrixGroups.get(key);
  if (group === undefined) {
    const { matrices, products } = generate(generators, size);
    const table = completeTable(products, matrices.length);
    group = new FiniteGroup(options.name ?? `G${matrices.length}`, table, { size, matrices });
    matrixGroups.set(key, group);
  }
  return group;
}

// Keys of matrices: rounded to 1e-4, at edges where no entry is likely to lie.
function matrixKey(m: Float64Array): string {
  let key = "";
  for (const v of m) key += `${Math.floor(v * 9973.137 + 0.317)},`;
  return key;
}

function generate(
  generators: readonly Float64Array[],
  n: number,
): { readonly matrices: readonly Float64Array[]; readonly products: Int32Array } {
  const identity = new Float64Array(n * n);
  for (let i = 0; i < n; i++) identity[i * n + i] = 1;
  const matrices: Float64Array[] = [identity];
  const positions = new Map([[matrixKey(identity), [0]]]);
  // For each element the products with the generators from the right, and the word that leads to it.
  const steps: number[][] = [];
  const words: (readonly [number, number] | undefined)[] = [undefined];
  for (let at = 0; at < matrices.length; at++) {
    steps.push(generators.map((g, k) => {
      const m = multiplyMatrices(matrices[at], g, n, n, n);
      const key = matrixKey(m);
      const near = positions.get(key) ?? [];
      let position = near.find((p) => maximumDifference(matrices[p], m) < 1e-7);
      if (position === undefined) {
        position = matrices.length;
        if (position >= MAXIMUM_ORDER) {
          throw new GroupError({
            op: "matrixGroup",
            expected: `matrices that generate at most ${MAXIMUM_ORDER} elements`,
            actual: "more",
            hint: "Check that products of the matrices come back to the identity.",
          });
        }
        positions.set(key, [...near, position]);
        matrices.push(m);
        words.push([at, k]);
      }
      return position;
    }));
  }
  const order = matrices.length;
  const products = new Int32Array(order * order);
  for (let a = 0; a < order; a++) {
    for (let b = 0; b < order; b++) {
      const word = words[b];
      products[a * order + b] = word === undefined ? a : steps[products[a * order + word[0]]][word[1]];
    }
  }
  return { matrices, products };
}
