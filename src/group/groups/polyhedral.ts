/**
 * What the rotation groups of the regular polyhedra share. Their quaternions lie in Z[√D]/d (Du Val, Homographies,
 * Quaternions and Rotations), so that the multiplication table is exact integer arithmetic. Values are unit quaternions
 * `[x, y, z, w]`, q and −q the same element.
 */

import { GroupError } from "../errors.ts";
import type { SubgroupDefinition } from "../group.ts";
import { subgroupKey } from "../ids.ts";
import { stepOfAngle, TURN } from "../planar.ts";
import { MatrixRepresentation } from "../representation.ts";
import {
  describeRotationValue,
  formatRotation,
  parseRotation,
  type Quaternion,
  quaternionOf,
  quaternionToMatrix,
  ROTATION_PARAMETRIZATIONS,
  sameRotation,
} from "../rotations.ts";
import { completeTable, type MultiplicationTable, TableGroup, type TableIrrep } from "../table_group.ts";
import type {
  ElementValue,
  Group,
  GroupElement,
  IrrepId,
  Representation,
  SubgroupId,
  SubgroupIdPart,
} from "../types.ts";
import { wignerD } from "../wigner.ts";
import { cyclicGroup } from "./cyclic.ts";
import { dihedralGroup } from "./dihedral.ts";

/** Exact quaternions: the ring and, for each letter of the rows, the number (a + b√radicand) / denominator. */
export interface QuaternionRows {
  /** D. */
  readonly radicand: number;
  /** d. */
  readonly denominator: number;
  /** `[a, b]` of each letter. */
  readonly letters: Readonly<Record<string, readonly [number, number]>>;
  /** The elements in order: four signed letters x y z w each, separated by commas. */
  readonly rows: string;
}

/** The twelve rotations of the tetrahedron in scipy's order; `a` is 1/2. The other groups begin with them. */
export const TETRAHEDRAL_ROWS = "1 0 0 0,0 1 0 0,0 0 1 0,0 0 0 1,a -a -a a,a -a a a,a a -a a,a a a a," +
  "-a a a a,-a a -a a,-a -a a a,-a -a -a a";

/** The elements of a group as quaternions, and their multiplication table. */
export interface ExactRotations {
  /** The quaternions in order. */
  readonly quaternions: readonly Quaternion[];
  /** The products by position. */
  readonly table: MultiplicationTable;
}

/** The quaternions of rows and their products, in integers. */
export function exactRotations({ radicand, denominator, letters, rows }: QuaternionRows): ExactRotations {
  const exact = rows.split(",").map((row) =>
    row.split(" ").flatMap((letter) => {
      const [a, b] = letters[letter.replace("-", "")];
      return letter.startsWith("-") ? [-a, -b] : [a, b];
    })
  );
  const n = exact.length;
  const positions = new Map<number, number>();
  exact.forEach((q, i) => {
    positions.set(keyOf(q, 1), i);
    positions.set(keyOf(q, -1), i);
  });
  const products = new Int32Array(n * n);
  const product = new Array<number>(8).fill(0);
  // Which components, and with which sign, make up x, y, z, w of a product.
  const terms = [
    [[3, 0, 1], [0, 3, 1], [1, 2, 1], [2, 1, -1]],
    [[3, 1, 1], [1, 3, 1], [2, 0, 1], [0, 2, -1]],
    [[3, 2, 1], [2, 3, 1], [0, 1, 1], [1, 0, -1]],
    [[3, 3, 1], [0, 0, -1], [1, 1, -1], [2, 2, -1]],
  ];
  exact.forEach((p, i) => {
    exact.forEach((q, j) => {
      terms.forEach((list, c) => {
        let [a, b] = [0, 0];
        for (const [k, l, sign] of list) {
          a += sign * (p[2 * k] * q[2 * l] + radicand * p[2 * k + 1] * q[2 * l + 1]);
          b += sign * (p[2 * k] * q[2 * l + 1] + p[2 * k + 1] * q[2 * l]);
        }
        product[2 * c] = a / denominator;
        product[2 * c + 1] = b / denominator;
      });
      const at = positions.get(keyOf(product, 1));
      if (at === undefined) throw new TypeError(`The rows ${i} and ${j} have a product outside the list.`);
      products[i * n + j] = at;
    });
  });
  const root = Math.sqrt(radicand);
  const quaternions = exact.map((q): Quaternion => {
    const [x, y, z, w] = [0, 1, 2, 3].map((c) => (q[2 * c] + q[2 * c + 1] * root) / denominator);
    return [x, y, z, w];
  });
  return { quaternions, table: completeTable(products, n) };
}

// The components are integers of absolute value 4 at most.
function keyOf(q: readonly number[], sign: number): number {
  let key = 0;
  for (const v of q) key = key * 16 + (sign * v + 8);
  return key;
}

/** An axis of a polyhedral group. */
export interface PolyhedralAxis {
  /** The number of rotations about it. */
  readonly order: number;
  /** The position of the rotation by 2π / order. */
  readonly rotation: number;
}

/** What a polyhedral group is made of. */
export interface PolyhedralFacts {
  /** For people. */
  readonly name: string;
  /** The name of the whole group in subgroup ids. */
  readonly selfName: string;
  /** Its elements. */
  readonly rotations: ExactRotations;
  /** The values of the elements. Default: the quaternions. */
  readonly values?: readonly ElementValue[];
  /** Positions of generators. */
  readonly generators: readonly number[];
  /** One axis of each kind; the first is z. */
  readonly axes: readonly PolyhedralAxis[];
}

interface NamedSubgroup {
  readonly id: SubgroupId;
  readonly subgroup: Group;
  readonly generators: readonly number[];
}

/**
 * A group of rotations of a polyhedron. Subgroup ids: `[false, N]` the rotations about the z axis (N = 1, 2, 4), the axis
 * (1,1,1) (N = 3) or an axis of the icosahedron (N = 5); `[true, N]` these with a half turn about the first axis of the list
 * across it, D_N (`[true, 1]`: that of x alone, C_2); `[θ, N]` with the half turn's axis turned by θ/2 about the first; the
 * names `"tetra"`, `"octa"`, `"ico"`. An element A behind any of these conjugates it: the embedding is h ↦ A⁻¹ h A.
 */
export abstract class PolyhedralGroup extends TableGroup {
  /** The quaternion of each element's rotation. */
  readonly quaternions: readonly Quaternion[];
  /** `[false, 1]`. */
  readonly subgroupTrivialId: SubgroupId = [false, 1];
  /** The group's name in its own ids. */
  readonly subgroupSelfId: SubgroupId;
  readonly #axes: readonly PolyhedralAxis[];
  #named: ReadonlyMap<string, SubgroupId> | undefined;
  #bases: readonly NamedSubgroup[] | undefined;
  #standard: Representation | undefined;

  /** For families. */
  constructor({ name, selfName, rotations, values, generators, axes }: PolyhedralFacts) {
    super({
      name,
      values: values ?? rotations.quaternions,
      table: rotations.table,
      generators,
      parametrizations: ROTATION_PARAMETRIZATIONS,
    });
    this.quaternions = rotations.quaternions;
    this.subgroupSelfId = [selfName];
    this.#axes = axes;
  }

  /** Polyhedral groups by their names in subgroup ids, smaller than this one; each begins with this list's elements. */
  protected abstract readonly innerGroups: readonly (readonly [string, () => Group])[];

  /** The id of the irrep that moves the vectors of space. */
  protected readonly vectorIrrep: IrrepId = [1];

  /** The matrices of the group on (x, y, z). */
  get standardRepresentation(): Representation {
    return this.#standard ??= new MatrixRepresentation({
      group: this,
      name: "standard",
      size: 3,
      irreps: [this.vectorIrrep],
      changeOfBasis: Float64Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0),
      matrix: (g) => this.spaceMatrix(g.value),
      kind: "general",
      supportedNonlinearities: ["norm", "gated"],
    });
  }

  /** How an element moves (x, y, z). */
  protected spaceMatrix(value: ElementValue): Float64Array {
    return quaternionToMatrix(this.quaternions[this.positionOf(value)]);
  }

  /** A quaternion, a matrix, a rotation vector or Euler angles, to 1e-6. */
  parse(value: ElementValue, parametrization: string): ElementValue | undefined {
    const q = parseRotation(value, parametrization);
    const position = q === undefined ? -1 : this.searchRotation(q);
    return position < 0 ? undefined : this.quaternions[position];
  }

  /** What a value in a parametrization is. */
  protected override describeValue(parametrization: string): string {
    return `a rotation of the group, ${describeRotationValue(parametrization)}`;
  }

  /** The inverse of {@linkcode PolyhedralGroup.parse}. */
  format(value: ElementValue, parametrization: string): ElementValue {
    return formatRotation(quaternionOf(value), parametrization);
  }

  /** The position of a rotation, −1 for one outside the group. */
  protected searchRotation(q: Quaternion): number {
    return this.quaternions.findIndex((r) => sameRotation(r, q, 1e-6));
  }

  /** The position of a quaternion. */
  protected searchValue(value: ElementValue): number {
    return this.searchRotation(quaternionOf(value));
  }

  /** The rotations D^l, row-major [2l + 1, 2l + 1]. */
  protected rotationMatrices(l: number): readonly Float64Array[] {
    return this.quaternions.map((q) => wignerD(l, q));
  }

  #product(a: number, b: number): number {
    return this.table.products[a * this.order + b];
  }

  #power(a: number, exponent: number): number {
    let result = this.table.identity;
    for (let i = 0; i < exponent; i++) result = this.#product(result, a);
    return result;
  }

  // The first half turn across the axis of a rotation.
  #flip(rotation: number): number | undefined {
    const { inverses, identity } = this.table;
    for (let f = 0; f < this.order; f++) {
      if (f === identity || this.#product(f, f) !== identity) continue;
      const powers = Array.from({ length: this.order }, (_, k) => this.#power(rotation, k));
      if (powers.includes(f)) continue;
      if (this.#product(this.#product(f, rotation), f) === inverses[rotation]) return f;
    }
    return undefined;
  }

  // One embedding of each kind of subgroup, before conjugation.
  #list(): readonly NamedSubgroup[] {
    if (this.#bases !== undefined) return this.#bases;
    const plain: NamedSubgroup[] = [{ id: [false, 1], subgroup: cyclicGroup(1), generators: [] }];
    const flipped: NamedSubgroup[] = [];
    this.#axes.forEach(({ order, rotation }, axis) => {
      const flip = this.#flip(rotation);
      for (let n = 1; n <= order; n++) {
        if (order % n !== 0) continue;
        const turn = this.#power(rotation, order / n);
        if (n > 1) plain.push({ id: [false, n], subgroup: cyclicGroup(n), generators: [turn] });
        if (flip === undefined || (n === 1 && axis > 0)) continue;
        for (let k = 0; k < order; k++) {
          const moved = this.#product(this.#power(rotation, k), flip);
          flipped.push({
            id: [k === 0 ? true : k / order * TURN, n],
            subgroup: n === 1 ? cyclicGroup(2) : dihedralGroup(n),
            generators: n === 1 ? [moved] : [turn, moved],
          });
        }
      }
    });
    const named = this.innerGroups.map(([name, factory]): NamedSubgroup => {
      const subgroup = factory();
      // The inner group's elements are the first of this group's, in the same order.
      return { id: [name], subgroup, generators: subgroup.generators.map((g) => subgroup.indexOf(g)) };
    });
    const self = { id: this.subgroupSelfId, subgroup: this, generators: this.generatorIndices };
    return this.#bases = [...plain, ...flipped.filter(({ id }) => id[0] === true), ...flipped, ...named, self];
  }

  #conjugate(positions: readonly number[], adjoint: number): readonly number[] {
    const inverse = this.table.inverses[adjoint];
    return positions.map((p) => this.#product(inverse, this.#product(p, adjoint)));
  }

  // For each embedding of a subgroup its first id.
  #names(): ReadonlyMap<string, SubgroupId> {
    if (this.#named === undefined) {
      const names = new Map<string, SubgroupId>();
      const { identity } = this.table;
      const adjoints = [identity, ...this.quaternions.keys()];
      for (const { id, subgroup, generators } of this.#list()) {
        for (const adjoint of adjoints) {
          const key = embeddingKey(subgroup, this.#conjugate(generators, adjoint));
          if (!names.has(key)) names.set(key, adjoint === identity ? id : [...id, this.at(adjoint)]);
        }
      }
      this.#named = names;
    }
    return this.#named;
  }

  #baseOf(key: string): NamedSubgroup | undefined {
    return this.#list().find((base) => subgroupKey(base.id) === key);
  }

  // The base of an id without conjugation.
  #find(id: SubgroupId): NamedSubgroup | undefined {
    if (id.length === 2 && typeof id[0] === "number") {
      const order = this.#axes.find(({ order }) => order % Number(id[1]) === 0)?.order;
      const step = order === undefined ? undefined : stepOfAngle(id[0], order);
      if (order === undefined || step === undefined) return undefined;
      return this.#baseOf(subgroupKey([step === 0 ? true : step / order * TURN, id[1]]));
    }
    return this.#baseOf(subgroupKey(id));
  }

  /** See {@linkcode PolyhedralGroup}. */
  defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined {
    const last = id[id.length - 1];
    const conjugated = isElement(last);
    if (conjugated && last.group !== this) return undefined;
    const base = this.#find(conjugated ? id.slice(0, -1) : id);
    if (base === undefined) return undefined;
    const adjoint = conjugated ? this.positionOf(last.value) : this.table.identity;
    const generators = this.#conjugate(base.generators, adjoint);
    const images = this.extendHomomorphism(base.subgroup, generators);
    const normal = this.#names().get(embeddingKey(base.subgroup, generators));
    if (images === undefined || normal === undefined) throw new TypeError(`${subgroupKey(id)} is no subgroup.`);
    return this.embed(normal, base.subgroup, images);
  }

  /** The id of the embedding that the two make together. */
  composeSubgroupIds(outer: SubgroupId, inner: SubgroupId): SubgroupId {
    const first = this.subgroup(outer);
    const second = first.subgroup.subgroup(inner);
    const generators = second.subgroup.generators.map((g) =>
      this.positionOf(first.inclusion(second.inclusion(g)).value)
    );
    const id = this.#names().get(embeddingKey(second.subgroup, generators));
    if (id === undefined) {
      throw new GroupError({
        op: `combineSubgroups of ${this.name}`,
        expected: "a subgroup that has an id",
        actual: `${subgroupKey(inner)} of ${subgroupKey(outer)}`,
      });
    }
    return id;
  }

  /** The irreps in order. */
  protected abstract override listIrreps(): readonly TableIrrep[];
}

function embeddingKey(subgroup: Group, generators: readonly number[]): string {
  return `${subgroup.name}:${generators.join(",")}`;
}

/** Whether a part of a subgroup id is an element. */
export function isElement(part: SubgroupIdPart | undefined): part is GroupElement {
  return typeof part === "object" && part !== null && "multiply" in part;
}
