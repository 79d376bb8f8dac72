/**
 * The tensor square of a field in the irrep basis: for each trained number the quadratic form of Clebsch-Gordan coefficients that it
 * multiplies. Most coefficients vanish, forms that are antisymmetric vanish on squares, and those of ψ ⊗ φ and φ ⊗ ψ are the same.
 */

import { irrepStarts } from "../../group/representation.ts";
import type { Representation } from "../../group/types.ts";
import type { WeightLayout, WeightMatrix } from "../../kernels/weight_layout.ts";

/** A coefficient of z_i z_j, i ≤ j. */
export interface SquareTerm {
  /** The first component. */
  readonly i: number;
  /** The second component. */
  readonly j: number;
  /** The coefficient. */
  readonly value: number;
}

/** A quadratic map to the components of an irrep of the output, with one trained number. */
export interface SquareForm {
  /** For each row of the output's irrep basis that it reaches the terms. */
  readonly rows: readonly { readonly row: number; readonly terms: readonly SquareTerm[] }[];
}

/** A trained number of one field: a position in the matrix of an irrep type of the output. */
export interface SquareSlot {
  /** The matrix. */
  readonly matrix: WeightMatrix;
  /** The position of the irrep in the output's representation. */
  readonly position: number;
  /** The column. */
  readonly column: number;
}

/** The forms of a module from a field of ρ to one of the output's representation. */
export interface SquareForms {
  /** The trained numbers of each field, in order. */
  readonly slots: readonly SquareSlot[];
  /** The distinct forms that do not vanish, by row. */
  readonly forms: readonly SquareForm[];
  /** How trained numbers make the numbers of the forms: [slots, forms]. */
  readonly combination: Float64Array;
}

/** Coefficients below this are rounding errors, beside the greatest one. */
const EPSILON = 1e-10;

/**
 * Collects the forms.
 *
 * @param layout The meaning of the weights of a map from one field of ρ ⊗ ρ to the output's fields.
 * @param rho ρ.
 * @param product ρ ⊗ ρ.
 * @param out The output's representation.
 */
export function squareForms(
  layout: WeightLayout,
  rho: Representation,
  product: Representation,
  out: Representation,
): SquareForms {
  const slots: SquareSlot[] = [], found: { form: SquareForm; vector: Float64Array }[] = [];
  const entries: { slot: number; form: number; factor: number }[] = [];
  const outStarts = irrepStarts(out), inStarts = irrepStarts(product);
  for (const matrix of layout.matrices) {
    const positions = matrix.copies.filter(({ field }) => field === 0).map(({ position }) => position);
    const vectors: Float64Array[] = [];
    for (const { copies, table } of matrix.blocks) {
      for (const { position } of copies) {
        for (let path = 0; path < table.pathCount; path++) {
          const length = table.outSize * table.inSize;
          const kernel = table.sampled().subarray(path * length, (path + 1) * length);
          vectors.push(quadraticForm(kernel, table.inSize, inStarts[position], rho, product));
        }
      }
    }
    for (const position of positions) {
      const first = found.length;
      vectors.forEach((vector, column) => {
        const slot = slots.length;
        slots.push({ matrix, position, column });
        const greatest = vector.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        if (greatest < 1e-8) return;
        for (let form = first; form < found.length; form++) {
          const factor = ratioOf(vector, found[form].vector);
          if (factor === undefined) continue;
          entries.push({ slot, form, factor });
          return;
        }
        entries.push({ slot, form: found.length, factor: 1 });
        found.push({ vector, form: { rows: rowsOf(vector, rho.size, outStarts[position], greatest * EPSILON) } });
      });
    }
  }
  const combination = new Float64Array(slots.length * found.length);
  for (const { slot, form, factor } of entries) combination[slot * found.length + form] = factor;
  return { slots, forms: found.map(({ form }) => form), combination };
}

/** c with a = c · b up to rounding. */
function ratioOf(a: Float64Array, b: Float64Array): number | undefined {
  let ab = 0, aa = 0, bb = 0;
  for (let i = 0; i < a.length; i++) {
    ab += a[i] * b[i];
    aa += a[i] * a[i];
    bb += b[i] * b[i];
  }
  // The part of a beside b.
  return aa - ab * ab / bb < 1e-18 * aa + 1e-24 || Math.abs(ab * ab - aa * bb) < 1e-12 * aa * bb ? ab / bb : undefined;
}

/** [out size, size (size + 1) / 2]: coefficients of z_i z_j, i ≤ j row by row, of a kernel on an irrep of ρ ⊗ ρ. */
function quadraticForm(
  kernel: Float64Array,
  inSize: number,
  start: number,
  rho: Representation,
  product: Representation,
): Float64Array {
  const { size, isIrrepBasis, changeOfBasis } = rho, outSize = kernel.length / inSize;
  const pairs = size * (size + 1) / 2, inverse = product.changeOfBasisInverse, form = new Float64Array(outSize * pairs);
  for (let o = 0; o < outSize; o++) {
    let bilinear = new Float64Array(size * size);
    for (let i = 0; i < inSize; i++) {
      const factor = kernel[o * inSize + i], row = (start + i) * size * size;
      if (factor === 0) continue;
      for (let ab = 0; ab < size * size; ab++) bilinear[ab] += factor * inverse[row + ab];
    }
    if (!isIrrepBasis) bilinear = conjugate(bilinear, changeOfBasis, size);
    let pair = o * pairs;
    for (let i = 0; i < size; i++) {
      form[pair++] = bilinear[i * size + i];
      for (let j = i + 1; j < size; j++) form[pair++] = bilinear[i * size + j] + bilinear[j * size + i];
    }
  }
  return form;
}

/** Qᵀ B Q. */
function conjugate(b: Float64Array, q: Float64Array, size: number): Float64Array<ArrayBuffer> {
  const right = new Float64Array(size * size), out = new Float64Array(size * size);
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      for (let j = 0; j < size; j++) right[i * size + j] += b[i * size + k] * q[k * size + j];
    }
  }
  for (let i = 0; i < size; i++) {
    for (let k = 0; k < size; k++) {
      for (let j = 0; j < size; j++) out[i * size + j] += q[k * size + i] * right[k * size + j];
    }
  }
  return out;
}

function rowsOf(vector: Float64Array, size: number, start: number, bound: number): SquareForm["rows"] {
  const rows: { row: number; terms: SquareTerm[] }[] = [];
  for (let at = 0, row = start; at < vector.length; row++) {
    const terms: SquareTerm[] = [];
    for (let i = 0; i < size; i++) {
      for (let j = i; j < size; j++, at++) {
        if (Math.abs(vector[at]) > bound) terms.push({ i, j, value: vector[at] });
      }
    }
    if (terms.length > 0) rows.push({ row, terms });
  }
  return rows;
}
