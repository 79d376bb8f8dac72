/**
 * Field types: what the channels of a feature map are, as a list of representations of the space's symmetry group, one for
 * each field (Cohen & Welling 2016, Weiler & Cesa 2019). Values: equal by meaning, immutable, printable.
 */

import { showAsText } from "../console_text.ts";
import type {
  GroupElement,
  IrrepId,
  Representation,
  RepresentationKind,
  SubgroupId,
  SubgroupIdPart,
} from "../group/types.ts";
import type { Group } from "../group/types.ts";
import { sameId } from "../group/ids.ts";
import type { GSpace } from "../gspaces/gspace.ts";
import { maximumDifference } from "../math/linear_algebra.ts";
import { ArgumentError } from "../tensor/errors.ts";
import { FieldTypeError } from "./errors.ts";

/** The fields of one representation in a field type. */
export interface FieldClass<K extends RepresentationKind = RepresentationKind> {
  /** The representation. */
  readonly representation: Representation<K>;
  /** The positions of the fields that have it, ascending. */
  readonly fields: readonly number[];
}

/**
 * A list of representations of the symmetry group of a space: the type of a feature map.
 *
 * @typeParam K `"pointwise"` when the compiler knows all fields to be permutation representations, the only ones that
 *   pointwise non-linearities take.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, gspaces } from "@escnn/escnn";
 *
 * const space = gspaces.rot2dOnR2(8);
 * const type = new FieldType(space, [space.regularRepr, space.regularRepr, space.irrep(1)]);
 * assertEquals(type.size, 18);
 * assertEquals(new FieldType(space, space.regularRepr, 10).size, 80);
 * assertEquals(type.sizes, [8, 8, 2]);
 * assertEquals(type.fieldsStart, [0, 8, 16]);
 * ```
 */
export class FieldType<out K extends RepresentationKind = RepresentationKind> {
  /** The space and its symmetries. */
  readonly gspace: GSpace;
  /** The representation of each field, in channel order. */
  readonly representations: readonly Representation<K>[];
  /** Number of channels. */
  readonly size: number;
  /** Number of channels of each field. */
  readonly sizes: readonly number[];
  /** First channel of each field. */
  readonly fieldsStart: readonly number[];
  /** Channel after the last of each field. */
  readonly fieldsEnd: readonly number[];
  /** Whether all fields have the same representation. */
  readonly uniform: boolean;
  /** The distinct representations (equal and with equal decompositions) with their fields, in order of first appearance. */
  readonly classes: readonly FieldClass<K>[];

  /**
   * The type of feature maps on `gspace` with one field for each representation.
   *
   * @param gspace The space.
   * @param fields The representation of each field, or one for all.
   * @param count How often the list is repeated. Default once.
   * @throws FieldTypeError when there is no field or a representation belongs to another group.
   */
  constructor(gspace: GSpace, fields: Representation<K> | readonly Representation<K>[], count = 1) {
    const list = isList(fields) ? fields : [fields];
    if (list.length === 0 || !Number.isInteger(count) || count < 1) {
      throw new FieldTypeError({
        op: "FieldType",
        expected: "at least one representation, and a positive integer as count",
        actual: `${list.length} of them, count ${count}`,
      });
    }
    const representations = count === 1 ? [...list] : Array.from({ length: count }, () => list).flat();
    for (const [field, representation] of representations.entries()) {
      if (representation?.group === undefined) {
        throw new FieldTypeError({
          op: "FieldType",
          expected: "representations",
          actual: `${Array.isArray(representation) ? "an array" : String(representation)} as field ${field}`,
          hint: "new FieldType(space, space.regularRepr, 3) has three fields; names are in camelCase",
        });
      }
      if (representation.group !== gspace.fibergroup) {
        throw new FieldTypeError({
          op: "FieldType",
          expected: `representations of ${gspace.fibergroup.name}`,
          actual: `${representation.name} of ${representation.group.name}`,
          hint: "Take them from the space: gspace.regularRepr, gspace.irrep(...)",
        });
      }
    }
    this.gspace = gspace;
    this.representations = representations;
    this.sizes = representations.map((representation) => representation.size);
    const starts: number[] = [];
    let size = 0;
    for (const fieldSize of this.sizes) {
      starts.push(size);
      size += fieldSize;
    }
    this.size = size;
    this.fieldsStart = starts;
    this.fieldsEnd = starts.map((start, field) => start + this.sizes[field]);
    this.classes = classify(this.representations);
    const [first, ...others] = this.classes;
    this.uniform = others.every(({ representation }) => representation.equals(first.representation));
  }

  /** The group that acts on the fibers. */
  get fibergroup(): Group {
    return this.gspace.fibergroup;
  }

  /** Number of fields. */
  get length(): number {
    return this.representations.length;
  }

  /** The irreps of all fields, in field order and then in the representation's order. */
  get irreps(): readonly IrrepId[] {
    return this.representations.flatMap((representation) => representation.irreps);
  }

  /** The change of basis of each field, row-major [size, size]: the blocks of the whole type's. */
  get changeOfBasis(): readonly Float64Array[] {
    return this.representations.map((representation) => representation.changeOfBasis);
  }

  /** Whether every field is a permutation representation, so that pointwise maps commute with the group. */
  isPointwise(): this is FieldType<"pointwise"> {
    return this.representations.every((representation) => representation.supportedNonlinearities.has("pointwise"));
  }

  /**
   * This type as one whose fields are known to be permutation representations.
   *
   * @param op Who asks, for the message.
   * @throws FieldTypeError that names the fields that are not.
   */
  requirePointwise(op = "FieldType.requirePointwise"): FieldType<"pointwise"> {
    if (this.isPointwise()) return this;
    const wrong = this.classes.filter(({ representation }) => !representation.supportedNonlinearities.has("pointwise"));
    throw new FieldTypeError({
      op,
      expected: "fields with a permutation representation (trivial, regular, quotient)",
      actual: `${this} with ${wrong.map(({ representation }) => representation.name).join(", ")}`,
      hint: "Acting on each channel alone does not commute with the others: use a norm, gated or Fourier non-linearity",
    });
  }

  /** ρ(g) of the whole type, block-diagonal, row-major [size, size]. */
  fiberRepresentation(g: GroupElement): Float64Array {
    const matrix = new Float64Array(this.size * this.size);
    this.representations.forEach((representation, field) => {
      const block = representation.matrix(g), n = representation.size, start = this.fieldsStart[field];
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) matrix[(start + i) * this.size + start + j] = block[i * n + j];
      }
    });
    return matrix;
  }

  /** The same channels under a subgroup of the symmetries. Throws GroupError for an unknown subgroup. */
  restrict(id: SubgroupId | SubgroupIdPart): FieldType<K> {
    const { gspace } = this.gspace.restrict(id);
    const restricted = new Map<Representation<K>, Representation<K>>();
    for (const { representation } of this.classes) restricted.set(representation, representation.restrict(id));
    return new FieldType<K>(gspace, this.#mapClasses((representation) => restricted.get(representation)!));
  }

  #mapClasses<T>(map: (representation: Representation<K>) => T): T[] {
    const result = new Array<T>(this.length);
    for (const { representation, fields } of this.classes) {
      const value = map(representation);
      for (const field of fields) result[field] = value;
    }
    return result;
  }

  /** The fields ordered by size, those of one size in their order. */
  sorted(): FieldType<K> {
    const order = this.sizes.map((_, field) => field).sort((a, b) => this.sizes[a] - this.sizes[b] || a - b);
    return this.indexSelect(order);
  }

  /** The fields at these positions, in this order. Throws ArgumentError for a position that does not exist. */
  indexSelect(fields: readonly number[]): FieldType<K> {
    for (const field of fields) {
      if (Number.isInteger(field) && field >= 0 && field < this.length) continue;
      throw new ArgumentError({
        op: "FieldType.indexSelect",
        expected: `field positions from 0 to ${this.length - 1}`,
        actual: String(field),
      });
    }
    return new FieldType<K>(this.gspace, fields.map((field) => this.representations[field]));
  }

  /** The types of the fields with each label, in order of first appearance. Throws ArgumentError unless each field has one. */
  groupByLabels<L>(labels: readonly L[]): Map<L, FieldType<K>> {
    const groups = new Map<L, FieldType<K>>();
    for (const [label, fields] of fieldsByLabel(this, labels)) groups.set(label, this.indexSelect(fields));
    return groups;
  }

  /** The fields of this type and then those of another on the same space. Throws FieldTypeError for another space. */
  concat<L extends RepresentationKind>(other: FieldType<L>): FieldType<K | L> {
    requireSameSpace("FieldType.concat", this, other);
    return new FieldType<K | L>(this.gspace, [...this.representations, ...other.representations]);
  }

  /** Whether both have the same space and equal representations in the same order. */
  equals(other: FieldType): boolean {
    if (this === other) return true;
    if (this.length !== other.length || this.size !== other.size || !this.gspace.equals(other.gspace)) return false;
    const checked = new Map<Representation, Set<Representation>>();
    return this.representations.every((mine, field) => {
      const theirs = other.representations[field];
      if (mine === theirs || checked.get(mine)?.has(theirs)) return true;
      if (!mine.equals(theirs)) return false;
      if (!checked.has(mine)) checked.set(mine, new Set());
      checked.get(mine)!.add(theirs);
      return true;
    });
  }

  /** For people: the space, and the fields with runs counted, e.g. `[C8 on R2 [null,8]: 10 × regular + irrep_1]`. */
  toString(): string {
    const parts: string[] = [];
    for (let field = 0; field < this.length;) {
      const { name } = this.representations[field];
      let end = field;
      while (end < this.length && this.representations[end].name === name) end++;
      parts.push(end - field === 1 ? name : `${end - field} × ${name}`);
      field = end;
    }
    const shown = parts.length > 8 ? [...parts.slice(0, 7), `… (${this.length} fields in all)`] : parts;
    return `[${this.gspace.name}: ${shown.join(" + ")}]`;
  }

  static {
    showAsText(this.prototype);
  }

  /** The representations, in order. */
  [Symbol.iterator](): Iterator<Representation<K>> {
    return this.representations[Symbol.iterator]();
  }
}

/** The type of feature maps on `gspace` with one field for each representation: {@linkcode FieldType} as a function. */
export function fieldType<K extends RepresentationKind>(
  gspace: GSpace,
  fields: Representation<K> | readonly Representation<K>[],
  count = 1,
): FieldType<K> {
  return new FieldType(gspace, fields, count);
}

function isList<T>(value: T | readonly T[]): value is readonly T[] {
  return Array.isArray(value);
}

/** The fields of each label, in order of the labels' first appearance. Throws ArgumentError unless each field has one. */
export function fieldsByLabel<L>(type: FieldType, labels: readonly L[]): Map<L, number[]> {
  if (labels.length !== type.length) {
    throw new ArgumentError({
      op: "labels of fields",
      expected: `${type.length} labels, one for each field of ${type}`,
      actual: String(labels.length),
    });
  }
  const groups = new Map<L, number[]>();
  labels.forEach((label, field) => {
    const list = groups.get(label);
    if (list === undefined) groups.set(label, [field]);
    else list.push(field);
  });
  return groups;
}

/** Where two types differ, for a message in which both read alike: long types are cut short, and names do not tell bases. */
export function differenceOf(expected: FieldType, actual: FieldType): string | undefined {
  if (String(expected) !== String(actual)) return undefined;
  if (!expected.gspace.equals(actual.gspace)) return `They live on different spaces named ${expected.gspace.name}`;
  const field = expected.representations.findIndex((rho, i) =>
    i >= actual.length || !rho.equals(actual.representations[i])
  );
  if (field < 0) return `They have ${expected.length} and ${actual.length} fields`;
  const [a, b] = [expected.representations[field], actual.representations[field]];
  if (b === undefined) return `They have ${expected.length} and ${actual.length} fields`;
  return a.name === b.name
    ? `They differ in field ${field}: two representations named ${a.name} with other matrices`
    : `They differ in field ${field}: ${a.name} and ${b.name}`;
}

/** Throws FieldTypeError unless both types live on the same space. */
export function requireSameSpace(op: string, a: FieldType, b: FieldType): void {
  if (a.gspace.equals(b.gspace)) return;
  throw new FieldTypeError({
    op,
    expected: `types on one space, ${a}`,
    actual: String(b),
    hint: "Restrict one of them with restrict(id)",
  });
}

/** Whether two representations are equal and decomposed in the same way, so that their weights mean the same. */
function sameDecomposition(a: Representation, b: Representation): boolean {
  return a === b ||
    (a.size === b.size && a.irreps.length === b.irreps.length &&
      a.irreps.every((irrep, position) => sameId(irrep, b.irreps[position])) &&
      maximumDifference(a.changeOfBasis, b.changeOfBasis) <= 1e-12 && a.equals(b));
}

function classify<K extends RepresentationKind>(representations: readonly Representation<K>[]): FieldClass<K>[] {
  const classes: { representation: Representation<K>; fields: number[] }[] = [];
  const known = new Map<Representation<K>, number>();
  representations.forEach((representation, field) => {
    let index = known.get(representation);
    if (index === undefined) {
      index = classes.findIndex((entry) => sameDecomposition(entry.representation, representation));
      if (index < 0) index = classes.push({ representation, fields: [] }) - 1;
      known.set(representation, index);
    }
    classes[index].fields.push(field);
  });
  return classes;
}
