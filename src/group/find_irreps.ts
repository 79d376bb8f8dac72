/**
 * All irreps of a finite group from its multiplication table alone. A faithful irrep of a cyclic subgroup induces a faithful
 * representation, and by Burnside and Brauer every irrep lies in some tensor power of a faithful one: so irreps found are
 * multiplied with those of the first representation and split, until the squares of the dimensions add up to the order.
 */

import { kronecker } from "../math/linear_algebra.ts";
import { cosSinOfTurn, rotationMatrix } from "./planar.ts";
import { charactersOf, type FoundIrrep, type MatrixList, splitRepresentation } from "./split.ts";
import type { MultiplicationTable } from "./table_group.ts";

/** An irrep with the lowest tensor power of the first representation that holds it. */
export interface RankedIrrep extends FoundIrrep {
  /** 0 for the trivial irrep, 1 for those in the first representation. */
  readonly frequency: number;
}

const DIVISION: Record<FoundIrrep["type"], number> = { R: 1, C: 2, H: 4 };

/**
 * The irreps of a group: the trivial one, then by dimension, by frequency and by their characters, greater ones first.
 *
 * @param table The group.
 * @param natural A faithful orthogonal representation. Default: one induced from the largest cyclic subgroup.
 */
export function findIrreps(table: MultiplicationTable, natural?: MatrixList): readonly RankedIrrep[] {
  const { order } = table;
  const trivialMatrices = Array.from({ length: order }, () => Float64Array.of(1));
  const trivial: FoundIrrep = {
    size: 1,
    matrices: trivialMatrices,
    type: "R",
    characters: new Float64Array(order).fill(1),
  };
  const found: RankedIrrep[] = [{ ...trivial, frequency: 0 }];
  let squares = 1;
  const add = (irrep: FoundIrrep, frequency: number): void => {
    if (found.some((known) => innerProduct(known.characters, irrep.characters) > 0.5)) return;
    const identity = new Float64Array(irrep.size * irrep.size);
    for (let i = 0; i < irrep.size; i++) identity[i * irrep.size + i] = 1;
    const matrices = irrep.matrices.map((m, g) => g === table.identity ? identity : m);
    found.push({ ...irrep, matrices, frequency });
    squares += irrep.size * irrep.size / DIVISION[irrep.type];
  };
  if (order > 1) {
    for (const irrep of splitRepresentation(table, natural ?? inducedFromCyclic(table))) add(irrep, 1);
  }
  const base = found.filter(({ frequency }) => frequency === 1);
  for (let i = 0; i < found.length && squares < order; i++) {
    for (const factor of base) {
      if (squares >= order) break;
      const characters = found[i].characters.map((v, g) => v * factor.characters[g]);
      let unknown = found[i].size * factor.size;
      for (const known of found) {
        const copies = innerProduct(known.characters, characters) / DIVISION[known.type];
        unknown -= Math.floor(copies + 0.5) * known.size;
      }
      if (unknown === 0) continue;
      const matrices = found[i].matrices.map((m, g) => kronecker(m, factor.matrices[g], found[i].size, factor.size));
      const product = { size: found[i].size * factor.size, matrices };
      for (const irrep of splitRepresentation(table, product)) add(irrep, found[i].frequency + 1);
    }
  }
  if (squares !== order) throw new TypeError(`Irreps of square dimension ${squares} in a group of order ${order}.`);
  return [found[0], ...found.slice(1).sort(compareIrreps)];
}

function innerProduct(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let g = 0; g < a.length; g++) sum += a[g] * b[g];
  return sum / a.length;
}

function compareIrreps(a: RankedIrrep, b: RankedIrrep): number {
  if (a.size !== b.size) return a.size - b.size;
  if (a.frequency !== b.frequency) return a.frequency - b.frequency;
  for (let g = 0; g < a.characters.length; g++) {
    if (Math.abs(a.characters[g] - b.characters[g]) > 1e-6) return b.characters[g] - a.characters[g];
  }
  return 0;
}

/** The representation that the rotation by 2π/m of the largest cyclic subgroup, of order m, induces. */
function inducedFromCyclic({ order, products, identity, inverses }: MultiplicationTable): MatrixList {
  let powers: number[] = [identity];
  for (let g = 0; g < order; g++) {
    const list = [identity];
    for (let at = g; at !== identity; at = products[at * order + g]) list.push(at);
    if (list.length > powers.length) powers = list;
  }
  const m = powers.length;
  const exponents = new Int32Array(order).fill(-1);
  powers.forEach((p, k) => exponents[p] = k);
  const representatives: number[] = [];
  const coset = new Int32Array(order).fill(-1);
  for (let g = 0; g < order; g++) {
    if (coset[g] >= 0) continue;
    for (const p of powers) coset[products[g * order + p]] = representatives.length;
    representatives.push(g);
  }
  const d = m > 2 ? 2 : 1;
  const size = d * representatives.length;
  const matrices = Array.from({ length: order }, (_, g) => {
    const out = new Float64Array(size * size);
    representatives.forEach((r, j) => {
      const moved = products[g * order + r];
      const i = coset[moved];
      const exponent = exponents[products[inverses[representatives[i]] * order + moved]];
      const turn = cosSinOfTurn(exponent, m);
      const block = d === 2 ? rotationMatrix(turn) : Float64Array.of(turn[0]);
      for (let a = 0; a < d; a++) {
        for (let b = 0; b < d; b++) out[(i * d + a) * size + j * d + b] = block[a * d + b];
      }
    });
    return out;
  });
  return { size, matrices };
}

/** Whether a representation is faithful: only the identity has the trace of the identity. */
export function isFaithful(table: MultiplicationTable, rho: MatrixList): boolean {
  return charactersOf(rho).every((trace, g) => g === table.identity || trace < rho.size - 1e-6);
}
