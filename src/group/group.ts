/**
 * The base of every group: elements as immutable values, caches of irreps, representations and subgroups, and all that
 * follows from a family's own facts (products, irreps, restrictions, Clebsch-Gordan coefficients). A family is one file
 * in groups/ that extends {@linkcode GroupBase}.
 */

import { showAsText } from "../console_text.ts";
import { inducedRepresentation } from "./constructions.ts";
import { GroupError } from "./errors.ts";
import { compareIds, irrepKey, sameId, subgroupIdOf, subgroupKey } from "./ids.ts";
import { Irrep, type IrrepDefinition } from "./irrep.ts";
import type {
  ClebschGordan,
  Decomposition,
  ElementValue,
  Group,
  GroupElement,
  IrreducibleRepresentation,
  IrrepId,
  IrrepIdPart,
  Representation,
  Subgroup,
  SubgroupId,
  SubgroupIdPart,
} from "./types.ts";

/** A subgroup as a family describes it: on values, without the checks. */
export interface SubgroupDefinition {
  /** The id, normalized: equal embeddings have equal ids. */
  readonly id: SubgroupId;
  /** The subgroup as a group of its own. */
  readonly subgroup: Group;
  /** The value in the parent of a value of the subgroup. */
  readonly include: (value: ElementValue) => ElementValue;
  /** The value in the subgroup of a value of the parent, `undefined` outside. */
  readonly restrict: (value: ElementValue) => ElementValue | undefined;
}

class Element implements GroupElement {
  readonly group: GroupBase;
  readonly value: ElementValue;

  constructor(group: GroupBase, value: ElementValue) {
    this.group = group;
    this.value = value;
  }

  multiply(other: GroupElement): GroupElement {
    if (other.group !== this.group) throw foreign(this.group, "product", other);
    return this.group.make(this.group.multiplyValues(this.value, other.value));
  }

  inverse(): GroupElement {
    return this.group.make(this.group.invertValue(this.value));
  }

  equals(other: GroupElement): boolean {
    return other.group === this.group && this.group.equalValues(this.value, other.value);
  }

  to(parametrization: string): ElementValue {
    return this.group.format(this.value, parametrization);
  }

  isIdentity(): boolean {
    return this.equals(this.group.identity);
  }

  get hash(): string {
    return this.group.hashValue(this.value);
  }

  toString(): string {
    return `${this.group.name}(${JSON.stringify(this.value)})`;
  }

  static {
    showAsText(this.prototype);
  }
}

function foreign(group: Group, op: string, other: GroupElement): GroupError {
  return new GroupError({
    op: `${op} in ${group.name}`,
    expected: `an element of ${group.name}`,
    actual: String(other),
    hint: "Map it with the inclusion or restriction of group.subgroup(id).",
  });
}

/** What all groups share. Families implement the abstract members and may override the rest. */
export abstract class GroupBase implements Group {
  /** For people: `C8`, `D4`, `SO(2)`. */
  readonly name: string;
  /** The number of elements, `Infinity` for a continuous group. */
  readonly order: number;
  /** Whether all elements commute. */
  readonly isAbelian: boolean;
  /** The parametrizations of its elements, the default one first. */
  readonly parametrizations: readonly string[];

  #identity: GroupElement | undefined;
  #elements: readonly GroupElement[] | undefined;
  #positions: ReadonlyMap<string, number> | undefined;
  #irrepList: readonly IrreducibleRepresentation[] | undefined;
  readonly #irreps = new Map<string, IrreducibleRepresentation>();
  readonly #induced = new Map<string, Representation>();
  readonly #subgroups = new Map<string, Subgroup>();
  readonly #restrictions = new Map<string, Decomposition>();
  readonly #clebschGordan = new Map<string, ClebschGordan>();
  #trivial: IrreducibleRepresentation<"pointwise"> | undefined;
  #regular: Representation<"pointwise"> | undefined;
  readonly #quotients = new Map<string, Representation<"pointwise">>();

  /** For families: the facts that do not change. */
  constructor(facts: {
    readonly name: string;
    readonly order: number;
    readonly isAbelian: boolean;
    readonly parametrizations: readonly string[];
  }) {
    this.name = facts.name;
    this.order = facts.order;
    this.isAbelian = facts.isAbelian;
    this.parametrizations = facts.parametrizations;
  }

  /** The value of the identity. */
  abstract readonly identityValue: ElementValue;
  /** The id of the trivial subgroup. */
  abstract readonly subgroupTrivialId: SubgroupId;
  /** The id of the group as its own subgroup. */
  abstract readonly subgroupSelfId: SubgroupId;
  /** The values of generators, topological ones of a continuous group. */
  abstract readonly generatorValues: readonly ElementValue[];
  /** The value that `value` means in a parametrization, normalized; `undefined` when it means none. */
  abstract parse(value: ElementValue, parametrization: string): ElementValue | undefined;
  /** The value in a parametrization of a normalized value. */
  abstract format(value: ElementValue, parametrization: string): ElementValue;
  /** The product of two normalized values. */
  abstract multiplyValues(a: ElementValue, b: ElementValue): ElementValue;
  /** The inverse of a normalized value. */
  abstract invertValue(value: ElementValue): ElementValue;
  /** Whether two normalized values are the same element. */
  abstract equalValues(a: ElementValue, b: ElementValue): boolean;
  /** The values of all elements in order; a sample to test with for a continuous group. */
  abstract listValues(): readonly ElementValue[];
  /** The ids of the irreps in order, of a continuous group those up to a frequency. */
  abstract irrepIds(maximumFrequency: number): readonly IrrepId[];
  /** The irrep with an id, `undefined` when there is none. */
  abstract defineIrrep(id: IrrepId): IrrepDefinition | undefined;
  /** The subgroup with an id, `undefined` when there is none. */
  abstract defineSubgroup(id: SubgroupId): SubgroupDefinition | undefined;
  /** An irrep restricted to a subgroup, given by its normalized id. */
  abstract decomposeRestriction(id: SubgroupId, irrep: IrrepId): Decomposition;
  /** The id in this group of the subgroup `inner` of its subgroup `outer` (normalized ids). */
  abstract composeSubgroupIds(outer: SubgroupId, inner: SubgroupId): SubgroupId;
  /** The irreps of m ⊗ n with their copies, in order. */
  abstract tensorProductIrreps(m: IrrepId, n: IrrepId): readonly { readonly irrep: IrrepId; readonly copies: number }[];
  /** The coefficients of m ⊗ n → j. */
  abstract computeClebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan;

  /** A key for maps: equal for equal normalized values; numbers are rounded to 1e-5. */
  hashValue(value: ElementValue): string {
    return typeof value === "number"
      ? String(Math.floor(value * 1e5 + 0.5))
      : `[${value.map((v) => this.hashValue(v)).join(",")}]`;
  }

  /** The value of a random element, uniformly distributed; `random` gives numbers in [0, 1). */
  sampleValue(random: () => number): ElementValue {
    if (this.isContinuous) throw new TypeError(`${this.name} does not say how to sample it.`);
    return this.elements[Math.floor(random() * this.order)].value;
  }

  /** A random element, uniformly distributed; `random` gives numbers in [0, 1). */
  sample(random: () => number): GroupElement {
    return this.make(this.sampleValue(random));
  }

  /** escnn's tags for the regular representation. */
  get regularNonlinearities(): readonly string[] {
    return ["pointwise", "norm", "gated", "concatenated"];
  }

  /** Whether the group is infinite. */
  get isContinuous(): boolean {
    return this.order === Infinity;
  }

  /** An element from a normalized value, unchecked. */
  make(value: ElementValue): GroupElement {
    return new Element(this, value);
  }

  /** The identity. */
  get identity(): GroupElement {
    return this.#identity ??= this.make(this.identityValue);
  }

  /** All elements in order. Throws {@linkcode GroupError} when there are infinitely many. */
  get elements(): readonly GroupElement[] {
    if (this.isContinuous) {
      throw new GroupError({
        op: `elements of ${this.name}`,
        expected: "a finite group",
        actual: this.name,
        hint: "Use testingElements for a sample, or a finite subgroup.",
      });
    }
    return this.#elements ??= this.listValues().map((v) => this.make(v));
  }

  /** Elements that generate the group, a dense subgroup of it when it is continuous. */
  get generators(): readonly GroupElement[] {
    return this.generatorValues.map((v) => this.make(v));
  }

  /** All elements of a finite group, a fixed sample of a continuous one. */
  get testingElements(): readonly GroupElement[] {
    return this.isContinuous ? this.listValues().map((v) => this.make(v)) : this.elements;
  }

  /** The element with a value, in the default or a named parametrization. Throws {@linkcode GroupError}. */
  element(
    value: ElementValue | Float64Array | Float32Array,
    parametrization: string = this.parametrizations[0],
  ): GroupElement {
    if (!this.parametrizations.includes(parametrization)) {
      throw new GroupError({
        op: `element of ${this.name}`,
        expected: `one of the parametrizations ${this.parametrizations.join(", ")}`,
        actual: JSON.stringify(parametrization),
      });
    }
    const plain = value instanceof Float64Array || value instanceof Float32Array ? [...value] : value;
    const parsed = this.parse(plain, parametrization);
    if (parsed === undefined) {
      throw new GroupError({
        op: `element of ${this.name}`,
        expected: this.describeValue(parametrization) ?? `a value in the parametrization ${parametrization}`,
        actual: `${JSON.stringify(plain)} in ${parametrization}`,
      });
    }
    return this.make(parsed);
  }

  /** What the values of a parametrization are, for errors. */
  protected describeValue(_parametrization: string): string | undefined {
    return undefined;
  }

  /** The ids of subgroups, for errors. */
  protected describeSubgroups(): string | undefined {
    return undefined;
  }

  /** The position of an element in the list of elements. */
  indexOf(element: GroupElement): number {
    if (element.group !== this) throw foreign(this, "position", element);
    this.#positions ??= new Map(this.elements.map((e, i) => [e.hash, i]));
    const position = this.#positions.get(element.hash);
    if (position !== undefined && this.equalValues(this.elements[position].value, element.value)) return position;
    // Keys of equal values may differ at the edge of rounding.
    return this.elements.findIndex((e) => this.equalValues(e.value, element.value));
  }

  /** The irreps: all in order of a finite group, those up to a frequency of an infinite one. */
  irreps(maximumFrequency?: number): readonly IrreducibleRepresentation[] {
    if (!this.isContinuous) {
      this.#irrepList ??= this.irrepIds(Infinity).map((id) => this.irrep(...id));
      if (maximumFrequency === undefined) return this.#irrepList;
      return this.#irrepList.filter((psi) => psi.frequency <= maximumFrequency);
    }
    if (maximumFrequency === undefined || !(maximumFrequency >= 0 && maximumFrequency < Infinity)) {
      throw new GroupError({
        op: `irreps of ${this.name}`,
        expected: "a finite maximum frequency, because there are infinitely many irreps",
        actual: String(maximumFrequency),
        hint: "Name the frequency: irreps(3).",
      });
    }
    return this.irrepIds(maximumFrequency).map((id) => this.irrep(...id));
  }

  /** The irrep with an id. Throws {@linkcode GroupError} when there is none. */
  irrep(...id: IrrepIdPart[]): IrreducibleRepresentation {
    const key = irrepKey(id);
    let irrep = this.#irreps.get(key);
    if (irrep === undefined) {
      const definition = this.defineIrrep(id);
      if (definition === undefined) {
        throw new GroupError({
          op: `irrep of ${this.name}`,
          expected: `one of ${this.irrepIds(3).map(irrepKey).join(", ")}${this.isContinuous ? ", …" : ""}`,
          actual: key,
        });
      }
      const pointwise = definition.supportedNonlinearities.includes("pointwise");
      irrep = new Irrep(this, definition, pointwise ? "pointwise" : "general");
      this.#irreps.set(key, irrep);
    }
    return irrep;
  }

  /** Negative when irrep `a` comes before `b` in the order of weights. */
  compareIrreps(a: IrrepId, b: IrrepId): number {
    if (this.isContinuous) return compareIds(a, b);
    const list = this.irreps();
    return list.findIndex((psi) => sameId(psi.id, a)) - list.findIndex((psi) => sameId(psi.id, b));
  }

  /** The trivial representation. */
  get trivialRepresentation(): IrreducibleRepresentation<"pointwise"> {
    if (this.#trivial === undefined) {
      const irrep = this.irrep(...this.irrepIds(0)[0]);
      if (!isPointwise(irrep)) throw new TypeError(`The first irrep of ${this.name} is not trivial.`);
      this.#trivial = irrep;
    }
    return this.#trivial;
  }

  /** The regular representation: the axes are the elements, ρ(g) e_h = e_{gh}. */
  get regularRepresentation(): Representation<"pointwise"> {
    if (this.isContinuous) {
      throw new GroupError({
        op: `regular representation of ${this.name}`,
        expected: "a finite group",
        actual: "one with infinitely many elements",
        hint: "Use bandlimitedRegularRepresentation(group, maximumFrequency) with Fourier non-linearities, or irreps.",
      });
    }
    return this.#regular ??= inducedRepresentation(
      this,
      this.subgroupTrivialId,
      this.subgroup(this.subgroupTrivialId).subgroup.trivialRepresentation,
      "regular",
      this.regularNonlinearities,
    );
  }

  /** The permutation of the left cosets of a subgroup. */
  quotientRepresentation(subgroupId: SubgroupId | SubgroupIdPart): Representation<"pointwise"> {
    const { id, subgroup } = this.subgroup(subgroupId);
    const key = subgroupKey(id);
    let quotient = this.#quotients.get(key);
    if (quotient === undefined) {
      const tags = ["pointwise", "norm", "gated", "concatenated", "induced_norm_1", "induced_gated_1", "induced_gate"];
      quotient = inducedRepresentation(this, id, subgroup.trivialRepresentation, `quotient${key}`, tags);
      this.#quotients.set(key, quotient);
    }
    return quotient;
  }

  /** The representation induced from an irrep of a subgroup. */
  inducedRepresentation(subgroupId: SubgroupId | SubgroupIdPart, irrep: IrrepId): Representation {
    const { id, subgroup } = this.subgroup(subgroupId);
    const psi = subgroup.irrep(...irrep);
    if (psi.isTrivial()) return this.quotientRepresentation(id);
    const key = `${subgroupKey(id)}${irrepKey(psi.id)}`;
    let induced = this.#induced.get(key);
    if (induced === undefined) {
      const tags = ["norm", "gated", `induced_norm_${psi.size}`, `induced_gated_${psi.size}`];
      if (psi.supportedNonlinearities.has("concatenated")) tags.push("concatenated");
      induced = inducedRepresentation(this, id, psi, `induced${key}`, tags);
      this.#induced.set(key, induced);
    }
    return induced;
  }

  /** The subgroup with an id. Throws {@linkcode GroupError} when there is none. */
  subgroup(id: SubgroupId | SubgroupIdPart): Subgroup {
    const given = subgroupIdOf(id);
    const key = subgroupKey(given);
    let found = this.#subgroups.get(key);
    if (found === undefined) {
      const definition = this.defineSubgroup(given);
      if (definition === undefined) {
        throw new GroupError({
          op: `subgroup of ${this.name}`,
          expected: `the id of a subgroup, from ${subgroupKey(this.subgroupTrivialId)} to ${
            subgroupKey(this.subgroupSelfId)
          }`,
          actual: key,
          hint: this.describeSubgroups(),
        });
      }
      const { subgroup, include, restrict } = definition;
      found = {
        id: definition.id,
        parent: this,
        subgroup,
        inclusion: (h) => {
          if (h.group !== subgroup) throw foreign(subgroup, `inclusion into ${this.name}`, h);
          return this.make(include(h.value));
        },
        restriction: (g) => {
          if (g.group !== this) throw foreign(this, `restriction to ${subgroup.name}`, g);
          const value = restrict(g.value);
          return value === undefined ? undefined : subgroup.element(value);
        },
      };
      this.#subgroups.set(key, found);
    }
    return found;
  }

  /** The id, in this group, of the subgroup `inner` of the subgroup `outer`. */
  combineSubgroups(outer: SubgroupId | SubgroupIdPart, inner: SubgroupId | SubgroupIdPart): SubgroupId {
    const first = this.subgroup(outer);
    return this.composeSubgroupIds(first.id, first.subgroup.subgroup(inner).id);
  }

  /** An irrep restricted to a subgroup, decomposed. */
  restrictIrrep(subgroupId: SubgroupId | SubgroupIdPart, irrep: IrrepId): Decomposition {
    const { id } = this.subgroup(subgroupId);
    const psi = this.irrep(...irrep).id;
    const key = subgroupKey(id) + irrepKey(psi);
    let found = this.#restrictions.get(key);
    if (found === undefined) {
      found = this.decomposeRestriction(id, psi);
      this.#restrictions.set(key, found);
    }
    return found;
  }

  /** The Clebsch-Gordan coefficients of m ⊗ n → j. */
  clebschGordan(m: IrrepId, n: IrrepId, j: IrrepId): ClebschGordan {
    const key = irrepKey(m) + irrepKey(n) + irrepKey(j);
    let found = this.#clebschGordan.get(key);
    if (found === undefined) {
      for (const id of [m, n, j]) this.irrep(...id);
      found = this.computeClebschGordan(m, n, j);
      this.#clebschGordan.set(key, found);
    }
    return found;
  }

  /** The name. */
  toString(): string {
    return this.name;
  }

  static {
    showAsText(this.prototype);
  }
}

function isPointwise(irrep: IrreducibleRepresentation): irrep is IrreducibleRepresentation<"pointwise"> {
  return irrep.kind === "pointwise";
}
