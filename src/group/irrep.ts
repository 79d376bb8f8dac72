/**
 * Irreducible real representations with their type (the division algebra of their commutant, by Schur and Frobenius) and
 * a basis of the commutant in escnn's order and signs.
 */

import { MatrixRepresentation } from "./representation.ts";
import type {
  Group,
  GroupElement,
  IrreducibleRepresentation,
  IrrepId,
  IrrepType,
  RepresentationKind,
} from "./types.ts";

/** What an irrep is made of. */
export interface IrrepDefinition {
  /** Its name in the group. */
  readonly id: IrrepId;
  /** The dimension. */
  readonly size: number;
  /** Its real type. */
  readonly type: IrrepType;
  /** The frequency of its harmonics. */
  readonly frequency: number;
  /** ψ(g), row-major [size, size], orthogonal. */
  readonly matrix: (g: GroupElement) => Float64Array;
  /** The trace of ψ(g), where a closed form is at hand. */
  readonly character?: (g: GroupElement) => number;
  /** escnn's tags of the non-linearities that commute with it. */
  readonly supportedNonlinearities: readonly string[];
}

/** An irrep of a group. */
export class Irrep<K extends RepresentationKind = RepresentationKind> extends MatrixRepresentation<K>
  implements IrreducibleRepresentation<K> {
  /** Its name in the group. */
  readonly id: IrrepId;
  /** Its real type. */
  readonly type: IrrepType;
  /** The dimension of its commutant: 1, 2 or 4. */
  readonly endomorphismCount: number;
  /** The frequency of its harmonics. */
  readonly frequency: number;
  readonly #character: ((g: GroupElement) => number) | undefined;
  #endomorphisms: readonly Float64Array[] | undefined;

  /** Makes the irrep of `group`. */
  constructor(group: Group, definition: IrrepDefinition, kind: K) {
    const { id, size, type, matrix, supportedNonlinearities } = definition;
    super({ group, name: `irrep_${id.join(",")}`, size, irreps: [id], matrix, kind, supportedNonlinearities });
    this.id = id;
    this.type = type;
    this.endomorphismCount = type === "R" ? 1 : type === "C" ? 2 : 4;
    this.frequency = definition.frequency;
    this.#character = definition.character;
  }

  /** The irrep itself. */
  override get constituents(): readonly IrreducibleRepresentation[] {
    return [this];
  }

  /** The trace of ψ(g). */
  override character(g: GroupElement): number {
    return this.#character !== undefined && g.group === this.group ? this.#character(g) : super.character(g);
  }

  /** A basis of the commutant, each row-major [size, size], the identity first. */
  get endomorphisms(): readonly Float64Array[] {
    return this.#endomorphisms ??= UNITS[this.type].map((unit) => expandUnit(unit, this.size));
  }
}

// The units of the real numbers, the complex numbers and the quaternions as signed permutations: row i holds ±(column + 1).
const UNITS: Record<IrrepType, readonly (readonly number[])[]> = {
  R: [[1]],
  C: [[1, 2], [-2, 1]],
  H: [[1, 2, 3, 4], [-4, 3, -2, 1], [-3, -4, 1, 2], [-2, 1, 4, -3]],
};

function expandUnit(unit: readonly number[], size: number): Float64Array {
  const width = size / unit.length;
  const out = new Float64Array(size * size);
  unit.forEach((entry, row) => {
    const column = Math.abs(entry) - 1;
    for (let i = 0; i < width; i++) out[(row * width + i) * size + column * width + i] = Math.sign(entry);
  });
  return out;
}
