/**
 * Splitting a real orthogonal representation of a finite group into irreps without knowing any: a symmetric matrix averaged
 * over the group commutes with it, and for a generic one each eigenspace is irreducible (Dixon, Computing irreducible
 * representations of groups, 1970, over the reals). Frobenius and Schur's indicator tells the real type, averages of skew
 * matrices give the imaginary units, and the basis is chosen so that these have their normal form.
 */

import { canonicalBasis, symmetricEigen } from "../math/linear_algebra.ts";
import type { MultiplicationTable } from "./table_group.ts";
import type { IrrepType } from "./types.ts";

/** A representation as the matrices, row-major [size, size], of all elements. */
export interface MatrixList {
  /** The dimension. */
  readonly size: number;
  /** The matrices in the order of the table. */
  readonly matrices: readonly Float64Array[];
}

/** An irrep that was found. */
export interface FoundIrrep extends MatrixList {
  /** The real type. */
  readonly type: IrrepType;
  /** The traces. */
  readonly characters: Float64Array;
}

// How far apart eigenvalues must be to count as different, of numbers between −1 and 1.
const GAP = 1e-4;

/** The irreps of a representation, each as often as it is found, in the order of the eigenvalues. */
export function splitRepresentation(table: MultiplicationTable, rho: MatrixList): readonly FoundIrrep[] {
  const type = irreducibleType(table, charactersOf(rho));
  if (type !== undefined) return [normalForm(rho, type)];
  for (let attempt = 0; attempt < 16; attempt++) {
    const average = averageOf(rho, pattern(rho.size, attempt, 1));
    const { values, vectors } = symmetricEigen(average, rho.size);
    const spread = values[rho.size - 1] - values[0];
    const parts: MatrixList[] = [];
    let start = 0;
    for (let i = 1; i <= rho.size; i++) {
      if (i < rho.size && values[i] - values[i - 1] <= GAP * spread) continue;
      parts.push(restrictTo(rho, projector(vectors, rho.size, start, i), i - start));
      start = i;
    }
    if (parts.length > 1) return parts.flatMap((part) => splitRepresentation(table, part));
  }
  throw new TypeError(`A reducible representation of dimension ${rho.size} did not split.`);
}

/** The traces of the matrices. */
export function charactersOf({ size, matrices }: MatrixList): Float64Array {
  return Float64Array.from(matrices, (m) => {
    let trace = 0;
    for (let i = 0; i < size; i++) trace += m[i * size + i];
    return trace;
  });
}

// The type of an irreducible character, `undefined` for a reducible one.
function irreducibleType({ order, products }: MultiplicationTable, characters: Float64Array): IrrepType | undefined {
  let [norm, indicator] = [0, 0];
  for (let g = 0; g < order; g++) {
    norm += characters[g] * characters[g] / order;
    indicator += characters[products[g * order + g]] / order;
  }
  const is = (n: number, i: number): boolean => Math.abs(norm - n) < 1e-6 && Math.abs(indicator - i) < 1e-6;
  return is(1, 1) ? "R" : is(2, 0) ? "C" : is(4, -2) ? "H" : undefined;
}

// Numbers without regularity in (−1, 1), symmetric (sign 1) or skew (sign −1).
function pattern(n: number, attempt: number, sign: 1 | -1): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let j = 0; j <= i; j++) {
      if (sign === -1 && i === j) continue;
      const x = (i * 137 + j * 89 + attempt * 211 + 17) * 0.6180339887498949;
      const y = (i * i * 31 + j * j * 57 + attempt * 101 + 5) * 0.4142135623730951;
      const v = 2 * (x + y - Math.floor(x + y)) - 1;
      out[i * n + j] = v;
      out[j * n + i] = sign * v;
    }
  }
  return out;
}

// Σ ρ(g) X ρ(g)ᵀ / |G|, symmetric or skew as X is.
function averageOf({ size: n, matrices }: MatrixList, x: Float64Array): Float64Array {
  const out = new Float64Array(n * n);
  const half = new Float64Array(n * n);
  for (const m of matrices) {
    half.fill(0);
    for (let i = 0; i < n; i++) {
      for (let k = 0; k < n; k++) {
        const v = m[i * n + k];
        if (v !== 0) { for (let j = 0; j < n; j++) half[i * n + j] += v * x[k * n + j]; }
      }
    }
    for (let j = 0; j < n; j++) {
      for (let k = 0; k < n; k++) {
        const v = m[j * n + k] / matrices.length;
        if (v !== 0) { for (let i = 0; i < n; i++) out[i * n + j] += half[i * n + k] * v; }
      }
    }
  }
  return out;
}

function projector(vectors: Float64Array, n: number, from: number, to: number): Float64Array {
  const p = new Float64Array(n * n);
  for (let k = from; k < to; k++) {
    for (let i = 0; i < n; i++) {
      for (let j = 0; j < n; j++) p[i * n + j] += vectors[k * n + i] * vectors[k * n + j];
    }
  }
  return p;
}

// The representation on the space that a projector projects onto, in that space's canonical basis.
function restrictTo(rho: MatrixList, p: Float64Array, size: number): MatrixList {
  return changeTo(rho, canonicalBasis(p, rho.size), size);
}

// ρ in the orthonormal basis whose vectors are the rows of `basis` [size, n].
function changeTo({ size: n, matrices }: MatrixList, basis: Float64Array, size: number): MatrixList {
  return {
    size,
    matrices: matrices.map((m) => {
      const half = new Float64Array(size * n);
      for (let i = 0; i < n; i++) {
        for (let j = 0; j < n; j++) {
          const v = m[i * n + j];
          if (v !== 0) { for (let a = 0; a < size; a++) half[a * n + j] += basis[a * n + i] * v; }
        }
      }
      const out = new Float64Array(size * size);
      for (let a = 0; a < size; a++) {
        for (let b = 0; b < size; b++) {
          let sum = 0;
          for (let j = 0; j < n; j++) sum += half[a * n + j] * basis[b * n + j];
          out[a * size + b] = sum;
        }
      }
      return out;
    }),
  };
}

// An irrep in the basis in which its imaginary units have the form of `IrreducibleRepresentation.endomorphisms`.
function normalForm(psi: MatrixList, type: IrrepType): FoundIrrep {
  const { size } = psi;
  const units = type === "R" ? [] : imaginaryUnits(psi, type === "C" ? 1 : 2);
  if (size === 1) {
    const matrices = psi.matrices.map((m) => Float64Array.of(m[0] < 0 ? -1 : 1));
    return { size, matrices, type, characters: charactersOf({ size, matrices }) };
  }
  let found = psi;
  if (type !== "R") {
    // With units i, j and k = i j the blocks of a basis are v, k v, j v, i v; for complex type v, i v.
    const images = type === "C"
      ? [undefined, units[0]]
      : [undefined, multiplySquare(units[0], units[1], size), units[1], units[0]];
    found = changeTo(psi, basisOverUnits(images, size), size);
  }
  return { ...found, type, characters: charactersOf(found) };
}

function multiplySquare(a: Float64Array, b: Float64Array, n: number): Float64Array {
  const out = new Float64Array(n * n);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < n; k++) {
      const v = a[i * n + k];
      if (v !== 0) { for (let j = 0; j < n; j++) out[i * n + j] += v * b[k * n + j]; }
    }
  }
  return out;
}

// Orthonormal skew matrices of the commutant, which square to −1 and anticommute.
function imaginaryUnits(psi: MatrixList, count: number): readonly Float64Array[] {
  const n = psi.size;
  const units: Float64Array[] = [];
  for (let attempt = 0; units.length < count && attempt < 32; attempt++) {
    const y = averageOf(psi, pattern(n, attempt, -1));
    let original = 0;
    for (const v of y) original += v * v;
    for (const u of units) {
      let c = 0;
      for (let i = 0; i < y.length; i++) c += u[i] * y[i] / n;
      for (let i = 0; i < y.length; i++) y[i] -= c * u[i];
    }
    let norm = 0;
    for (const v of y) norm += v * v;
    // An average that all but lies in the span of the earlier units would bring their rounding forward.
    if (!(norm > 1e-3 * original) || norm < 1e-3) continue;
    const scale = Math.sqrt(n / norm);
    units.push(y.map((v) => v * scale));
  }
  if (units.length < count) throw new TypeError(`An irrep of dimension ${n} hides its imaginary units.`);
  if (count === 1) orient(psi, units[0]);
  return units;
}

// Of i and −i the one by which the first element that turns at all turns forwards.
function orient({ size, matrices }: MatrixList, unit: Float64Array): void {
  for (const m of matrices) {
    let turn = 0;
    for (let i = 0; i < size * size; i++) turn += unit[i] * m[i];
    if (Math.abs(turn) < 1e-6) continue;
    if (turn < 0) { for (let i = 0; i < unit.length; i++) unit[i] = 0 - unit[i]; }
    return;
  }
}

// An orthonormal basis, as rows [n, n], of blocks u v for each image u (the identity where undefined) and vectors v.
function basisOverUnits(images: readonly (Float64Array | undefined)[], n: number): Float64Array {
  const width = n / images.length;
  const basis = new Float64Array(n * n);
  const span: Float64Array[] = [];
  for (let k = 0; k < width; k++) {
    const v = nextVector(span, n);
    images.forEach((image, u) => {
      const moved = image === undefined ? v : new Float64Array(n);
      if (image !== undefined) {
        for (let i = 0; i < n; i++) for (let j = 0; j < n; j++) moved[i] += image[i * n + j] * v[j];
      }
      span.push(moved);
      basis.set(moved, (u * width + k) * n);
    });
  }
  return basis;
}

// The axis that is farthest from a space, the first of those as far to 1e-6, made orthogonal to it.
function nextVector(span: readonly Float64Array[], n: number): Float64Array {
  const rest = new Float64Array(n).fill(1);
  for (const v of span) for (let i = 0; i < n; i++) rest[i] -= v[i] * v[i];
  const largest = rest.reduce((a, b) => Math.max(a, b), 0);
  const axis = rest.findIndex((v) => v >= largest - 1e-6);
  const out = new Float64Array(n);
  out[axis] = 1;
  for (let pass = 0; pass < 2; pass++) {
    for (const v of span) {
      let c = 0;
      for (let i = 0; i < n; i++) c += v[i] * out[i];
      for (let i = 0; i < n; i++) out[i] -= c * v[i];
    }
    let norm = 0;
    for (const x of out) norm += x * x;
    for (let i = 0; i < n; i++) out[i] /= Math.sqrt(norm);
  }
  return out;
}
