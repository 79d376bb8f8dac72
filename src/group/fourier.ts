/**
 * The Fourier transform of functions on a group, or on one of its homogeneous spaces, by irreps: f(g) = Σ √dim ρ · ρ(g)_ij
 * f̂_ρji (Peter and Weyl). On a finite group with all irreps it is orthogonal; on a grid of a compact group the transform is
 * the least-squares fit to the samples.
 */

import { multiplyMatrices, solveLinear, transposeMatrix } from "../math/linear_algebra.ts";
import { GroupError } from "./errors.ts";
import { HomogeneousSpace } from "./homogeneous_space.ts";
import { irrepKey, subgroupKey } from "./ids.ts";
import type { Group, GroupElement, IrrepId, SubgroupId, SubgroupIdPart } from "./types.ts";

/** Options of {@linkcode fourierTransform}. */
export interface FourierOptions {
  /** The irreps, in order. Default: all of a finite group. */
  readonly irreps?: readonly IrrepId[];
  /** The points. Default: all elements of a finite group, for a quotient the coset representatives. */
  readonly grid?: readonly GroupElement[];
  /** The functions on G/H of a subgroup H, instead of those on G. */
  readonly subgroup?: SubgroupId | SubgroupIdPart;
  /** What is added to the diagonal of the normal equations of the fit. Default: 0. */
  readonly regularization?: number;
}

/** A Fourier transform between samples on a grid and coefficients. */
export interface FourierTransform {
  /** The group. */
  readonly group: Group;
  /** The points of the samples. */
  readonly grid: readonly GroupElement[];
  /** The irrep of each block of coefficients, in order; each is repeated as often as it occurs. */
  readonly irreps: readonly IrrepId[];
  /** The number of coefficients, the size of the spectral representation of these irreps. */
  readonly size: number;
  /** The values at the grid of each basis function, row-major [grid, size]; samples = synthesis · coefficients. */
  readonly synthesis: Float64Array;
  /** The pseudo-inverse, row-major [size, grid]; coefficients = analysis · samples. */
  readonly analysis: Float64Array;
  /** The coefficients of samples at the grid. Throws {@linkcode GroupError} for another number of samples. */
  forward(samples: ArrayLike<number>): Float64Array;
  /** The samples at the grid of coefficients. Throws {@linkcode GroupError} for another number of coefficients. */
  inverse(coefficients: ArrayLike<number>): Float64Array;
}

/**
 * The basis functions of the given irreps at elements of a group, row-major [elements, size]: for each irrep ρ, for each of
 * its occurrences in functions on G/H, for each axis i the function √dim ρ · (ρ(g) b)_i, b a vector of ρ that H holds fixed.
 * They have mean square 1 and are orthogonal; g f, that is f(g⁻¹ ·), has the coefficients ρ(g) f̂.
 *
 * @param space The homogeneous space.
 * @param irreps Irreps of its group, in order.
 * @param elements Where the functions are evaluated; on G/H they depend on the coset alone.
 */
export function fourierBasis(
  space: HomogeneousSpace,
  irreps: readonly IrrepId[],
  elements: readonly GroupElement[],
): { readonly values: Float64Array; readonly size: number; readonly irreps: readonly IrrepId[] } {
  const { group, subgroup } = space;
  const trivial = subgroup.subgroup.trivialRepresentation;
  const parts = irreps.map((id) => {
    const rho = group.irrep(...id);
    return { rho, vectors: space.intertwiners(rho, trivial) };
  });
  const size = parts.reduce((sum, { rho, vectors }) => sum + rho.size * vectors.length, 0);
  const values = new Float64Array(elements.length * size);
  let column = 0;
  for (const { rho, vectors } of parts) {
    const d = rho.size;
    const scale = Math.sqrt(d);
    elements.forEach((g, e) => {
      const m = rho.matrix(g);
      vectors.forEach((b, copy) => {
        for (let i = 0; i < d; i++) {
          let sum = 0;
          for (let k = 0; k < d; k++) sum += m[i * d + k] * b[k];
          values[e * size + column + copy * d + i] = scale * sum;
        }
      });
    });
    column += d * vectors.length;
  }
  return { values, size, irreps: parts.flatMap(({ rho, vectors }) => vectors.map(() => rho.id)) };
}

/**
 * The Fourier transform of functions on a group or a quotient of it, sampled on a grid.
 *
 * @param group The group.
 * @param options Irreps and grid are required for a continuous group.
 * @throws {@linkcode GroupError} when they are missing, and when the grid cannot tell the basis functions apart.
 *
 * @example
 * ```ts
 * import { fourierTransform, octahedralGroup } from "@escnn/escnn";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * const transform = fourierTransform(octahedralGroup());
 * const samples = Float64Array.from({ length: 24 }, (_, i) => i * i % 7);
 * const back = transform.inverse(transform.forward(samples));
 * assertAlmostEquals(back[5], samples[5], 1e-12);
 * ```
 */
export function fourierTransform(group: Group, options: FourierOptions = {}): FourierTransform {
  const { irreps, grid, subgroup = group.subgroupTrivialId, regularization = 0 } = options;
  const op = `fourierTransform of ${group.name}`;
  if (group.isContinuous && (irreps === undefined || grid === undefined)) {
    throw new GroupError({ op, expected: "irreps and a grid, because the group is infinite", actual: "none" });
  }
  const space = new HomogeneousSpace(group, subgroup);
  const points = grid ?? space.representatives;
  const ids = irreps ?? group.irreps().map((psi) => psi.id);
  const basis = fourierBasis(space, ids, points);
  const analysis = pseudoInverse(basis.values, points.length, basis.size, regularization);
  if (analysis === undefined) {
    throw new GroupError({
      op,
      expected: `a grid that tells ${basis.size} functions apart (${ids.map(irrepKey).join(", ")} on the quotient by ${
        subgroupKey(space.subgroup.id)
      })`,
      actual: `one of ${points.length} points`,
      hint: "Take more points, fewer irreps, or a positive regularization.",
    });
  }
  const { values, size } = basis;
  const apply = (matrix: Float64Array, rows: number, columns: number, v: ArrayLike<number>): Float64Array => {
    if (v.length !== columns) throw new GroupError({ op, expected: `${columns} numbers`, actual: `${v.length}` });
    return multiplyMatrices(matrix, Float64Array.from(v), rows, columns, 1);
  };
  return {
    group,
    grid: points,
    irreps: basis.irreps,
    size,
    synthesis: values,
    analysis,
    forward: (samples) => apply(analysis, size, points.length, samples),
    inverse: (coefficients) => apply(values, points.length, size, coefficients),
  };
}

// (AᵀA + λ)⁻¹ Aᵀ of A [rows, columns], `undefined` when it does not exist.
function pseudoInverse(
  a: Float64Array,
  rows: number,
  columns: number,
  regularization: number,
): Float64Array | undefined {
  if (rows < columns && regularization === 0) return undefined;
  const transposed = transposeMatrix(a, rows, columns);
  const normal = multiplyMatrices(transposed, a, columns, rows, columns);
  for (let i = 0; i < columns; i++) normal[i * columns + i] += regularization;
  return solveLinear(normal, transposed, columns, rows);
}
