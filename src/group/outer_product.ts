/**
 * The irreps in the outer tensor product ψ₁(g) ⊗ ψ₂(h) of real irreps of two groups. With D₁, D₂ their division algebras
 * the commutant of the product is D₁ ⊗ D₂ over the reals: R ⊗ D = D, C ⊗ C = C + C, H ⊗ C the 2 × 2 matrices over C, H ⊗ H
 * the 4 × 4 matrices over R (Adams, Lectures on Lie Groups, 3.57).
 */

import { identityMatrix, kronecker, multiplyMatrices, transposeMatrix } from "../math/linear_algebra.ts";
import type { IrreducibleRepresentation, IrrepType } from "./types.ts";

/** An irrep inside the outer tensor product of two. */
export interface OuterIrrep {
  /** The first factor ψ₁. */
  readonly left: IrreducibleRepresentation;
  /** The second factor ψ₂. */
  readonly right: IrreducibleRepresentation;
  /** The dimension of the product, ψ₁'s times ψ₂'s. */
  readonly rows: number;
  /** The dimension of the irrep. */
  readonly size: number;
  /** The real type. */
  readonly type: IrrepType;
  /** The irrep's axes in the product, row-major [rows, size], orthonormal. */
  readonly embedding: Float64Array;
  /** Whether the irrep is the product itself, in the same basis. */
  readonly isWhole: boolean;
  /** The irrep's matrix from those of the factors. */
  readonly matrix: (left: Float64Array, right: Float64Array) => Float64Array;
  /** The part in the irrep of columns [rows, width] in the product: embeddingᵀ times them. */
  readonly project: (columns: Float64Array, width: number) => Float64Array;
}

/** How many different irreps lie in the outer product of irreps of two types. */
export function outerMultiplicity(left: IrrepType, right: IrrepType): 1 | 2 {
  return left === "C" && right === "C" ? 2 : 1;
}

/**
 * The `index`-th irrep in the outer product of two, `undefined` when there is none. Of two of complex type a, b the first
 * is a ⊗ b, the second a ⊗ b̄.
 */
export function outerIrrep(
  left: IrreducibleRepresentation,
  right: IrreducibleRepresentation,
  index: number,
): OuterIrrep | undefined {
  if (!Number.isInteger(index) || index < 0 || index >= outerMultiplicity(left.type, right.type)) return undefined;
  const rows = left.size * right.size;
  const { type, axes, squaredLength, isWhole } = embed(left, right, index);
  const size = axes.length / rows;
  const length = Math.sqrt(squaredLength);
  const embedding = axes.map((v) => v / length);
  const [transposedAxes, transposed] = [axes, embedding].map((m) => transposeMatrix(m, rows, size));
  return {
    left,
    right,
    rows,
    size,
    type,
    embedding,
    isWhole,
    matrix: (a, b) => {
      const product = kronecker(a, b, left.size, right.size);
      if (isWhole) return product;
      // The axes themselves, not of norm 1, keep exact matrices exact.
      const moved = multiplyMatrices(product, axes, rows, rows, size);
      return multiplyMatrices(transposedAxes, moved, size, rows, size).map((v) => v / squaredLength);
    },
    project: (columns, width) => isWhole ? columns : multiplyMatrices(transposed, columns, size, rows, width),
  };
}

interface Embedding {
  readonly type: IrrepType;
  // Orthogonal columns [rows, size] of one length.
  readonly axes: Float64Array;
  readonly squaredLength: number;
  readonly isWhole: boolean;
}

const UNITS: Record<IrrepType, number> = { R: 1, C: 2, H: 4 };

function embed(left: IrreducibleRepresentation, right: IrreducibleRepresentation, index: number): Embedding {
  const rows = left.size * right.size;
  if (right.type === "R") return { type: left.type, axes: identityMatrix(rows), squaredLength: 1, isWhole: true };
  if (left.type === "R") {
    // The units of the right factor come first, so that they stay blocks.
    const units = UNITS[right.type];
    const width = right.size / units;
    const axes = new Float64Array(rows * rows);
    for (let u = 0; u < units; u++) {
      for (let a = 0; a < left.size; a++) {
        for (let b = 0; b < width; b++) {
          axes[(a * right.size + u * width + b) * rows + (u * left.size + a) * width + b] = 1;
        }
      }
    }
    return { type: right.type, axes, squaredLength: 1, isWhole: left.size === 1 };
  }
  const both = left.type === "H" && right.type === "H";
  const columns = both ? sharedQuaternions(left, right) : sharedUnit(left, right, index === 0 ? 1 : -1);
  const axes = new Float64Array(rows * columns.length);
  columns.forEach((column, c) => column.forEach((v, r) => axes[r * columns.length + c] = v));
  return { type: both ? "R" : "C", axes, squaredLength: both ? 1 : 2, isWhole: false };
}

// The imaginary unit that moves the axis a to a + size / 2.
function imaginaryUnit(irrep: IrreducibleRepresentation): Float64Array {
  return irrep.endomorphisms[irrep.type === "H" ? 2 : 1];
}

function tensorColumn(x: ArrayLike<number>, y: ArrayLike<number>): Float64Array {
  const out = new Float64Array(x.length * y.length);
  for (let i = 0; i < x.length; i++) {
    if (x[i] !== 0) { for (let j = 0; j < y.length; j++) out[i * y.length + j] = x[i] * y[j]; }
  }
  return out;
}

function columnOf(m: Float64Array, size: number, column: number): Float64Array {
  return Float64Array.from({ length: size }, (_, i) => m[i * size + column]);
}

function combine(a: Float64Array, b: Float64Array, sign: number): Float64Array {
  return a.map((v, i) => v + sign * b[i] + 0);
}

// Where both factors' imaginary units act alike (sign 1) or oppositely: real parts first, then these times the left unit.
function sharedUnit(
  left: IrreducibleRepresentation,
  right: IrreducibleRepresentation,
  sign: 1 | -1,
): readonly Float64Array[] {
  const [i, j] = [imaginaryUnit(left), imaginaryUnit(right)];
  const [one, two] = [identityMatrix(left.size), identityMatrix(right.size)];
  const real: Float64Array[] = [];
  const imaginary: Float64Array[] = [];
  for (let a = 0; a < left.size / 2; a++) {
    for (let b = 0; b < right.size / 2; b++) {
      const [x, ix] = [columnOf(one, left.size, a), columnOf(i, left.size, a)];
      const [y, iy] = [columnOf(two, right.size, b), columnOf(j, right.size, b)];
      real.push(combine(tensorColumn(x, y), tensorColumn(ix, iy), -sign));
      imaginary.push(combine(tensorColumn(ix, y), tensorColumn(x, iy), sign));
    }
  }
  return [...real, ...imaginary];
}

// Where every unit of both factors together acts as the identity: Σ_u (u x) ⊗ (u y) / 2.
function sharedQuaternions(
  left: IrreducibleRepresentation,
  right: IrreducibleRepresentation,
): readonly Float64Array[] {
  const columns: Float64Array[] = [];
  for (let b = 0; b < right.size; b++) {
    for (let a = 0; a < left.size / 4; a++) {
      const sum = new Float64Array(left.size * right.size);
      left.endomorphisms.forEach((e, u) => {
        const term = tensorColumn(columnOf(e, left.size, a), columnOf(right.endomorphisms[u], right.size, b));
        for (let k = 0; k < sum.length; k++) sum[k] += term[k] / 2;
      });
      columns.push(sum);
    }
  }
  return columns;
}
