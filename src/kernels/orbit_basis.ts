/**
 * Sparse filters on the orbits of a finite group: Gaussians around the points to which the group moves one point, on several
 * radii, and around the origin. The group permutes them, so that they split like a quotient representation. With the twelve
 * vertices, twenty faces or thirty edges of the icosahedron they approximate kernels of high frequency on few taps.
 */

import { HomogeneousSpace } from "../group/homogeneous_space.ts";
import type { Decomposition, Group, GroupElement, SubgroupId, SubgroupIdPart } from "../group/types.ts";
import { transposeMatrix } from "../math/linear_algebra.ts";
import { KernelError } from "./errors.ts";
import { type FilterBasis, type FilterHarmonic, functionCount, requirePoints } from "./filter_basis.ts";
import { gaussianProfile, gaussianRadial, type Ring } from "./radial.ts";

/** What an {@linkcode OrbitShells} is made of. */
export interface OrbitShellsOptions {
  /** The finite group. */
  readonly group: Group;
  /** How an element moves points: [d, d], orthogonal. */
  readonly action: (element: GroupElement) => Float64Array;
  /** The id of a subgroup that leaves the point in place; the orbit is the group over it. */
  readonly stabilizer: SubgroupId | SubgroupIdPart;
  /** A point that the stabilizer leaves in place, other than the origin. Default: the one that it alone determines. */
  readonly root?: readonly number[];
  /** The distances of the orbits from the origin and the widths of the Gaussians; one around the origin for radius 0. */
  readonly rings: readonly Ring[];
  /** An orthogonal M, [d, d]: the filters are taken at M x, so that the group moves points by M⁻¹ g M. */
  readonly adjoint?: Float64Array;
}

/** Gaussians around the points of an orbit. */
export class OrbitShells implements FilterBasis {
  /** The group. */
  readonly group: Group;
  /** The dimension of the points. */
  readonly dimensionality: number;
  /** The rings. */
  readonly rings: readonly Ring[];
  /** The Gaussian around the origin, then those around the orbit. */
  readonly harmonics: readonly FilterHarmonic[];
  /** The unit vectors of the orbit, [points, d], in the order of the quotient representation's axes. */
  readonly directions: Float64Array;
  readonly #adjoint: Float64Array | undefined;

  /**
   * Makes the basis.
   *
   * @throws {@linkcode KernelError} when the group is infinite or the stabilizer does not keep the root in place.
   */
  constructor({ group, action, stabilizer, root, rings, adjoint }: OrbitShellsOptions) {
    const op = "OrbitShells";
    if (group.isContinuous) {
      throw new KernelError({ op, expected: "a finite group", actual: group.name });
    }
    gaussianRadial(rings);
    this.group = group;
    this.rings = rings;
    this.#adjoint = adjoint;
    const { subgroup, inclusion } = group.subgroup(stabilizer);
    const fixing = subgroup.elements.map((h) => action(inclusion(h)));
    const d = Math.floor(Math.sqrt(fixing[0].length) + 0.5);
    this.dimensionality = d;
    const unit = normalized(root ?? fixedVector(fixing, d));
    const moved = unit === undefined || unit.length !== d ? Infinity : largestMove(fixing, unit);
    if (unit === undefined || !(moved <= 1e-8)) {
      throw new KernelError({
        op,
        expected: `a point of ${d} coordinates other than the origin that ${subgroup.name} leaves in place`,
        actual: root === undefined ? "a subgroup with no single axis" : JSON.stringify(root),
        hint: root === undefined ? "Give the root." : undefined,
      });
    }
    const quotient = group.quotientRepresentation(stabilizer);
    const { representatives } = new HomogeneousSpace(group, stabilizer);
    this.directions = new Float64Array(representatives.length * d);
    representatives.forEach((g, axis) => this.directions.set(applyToAll(action(g), unit, d), axis * d));
    const harmonics: FilterHarmonic[] = [];
    const add = (split: Decomposition, size: number, on: readonly number[]): void => {
      if (on.length === 0) return;
      harmonics.push({
        irrep: split.irreps[0],
        frequency: 0,
        size,
        parts: split.irreps,
        components: transposeMatrix(split.changeOfBasis, size, size),
        rings: on,
        partFrequencies: split.irreps.map((id) => group.irrep(...id).frequency),
      });
    };
    const indices = rings.map((_, i) => i);
    const { id } = group.trivialRepresentation;
    add({ irreps: [id], changeOfBasis: Float64Array.of(1) }, 1, indices.filter((i) => rings[i].radius === 0));
    add(quotient, quotient.size, indices.filter((i) => rings[i].radius > 0));
    this.harmonics = harmonics;
  }

  /** The functions at points [count, dimensionality]: [functions, count]. */
  sample(points: Float64Array): Float64Array {
    const d = this.dimensionality;
    const count = requirePoints("sample", points, d);
    const x = this.#adjoint === undefined ? points : applyToAll(this.#adjoint, points, d);
    const out = new Float64Array(functionCount(this) * count);
    let row = 0;
    for (const { size, rings } of this.harmonics) {
      for (const ring of rings) {
        const { radius, sigma } = this.rings[ring];
        for (let c = 0; c < size; c++, row++) {
          for (let p = 0; p < count; p++) {
            let sum = 0;
            for (let i = 0; i < d; i++) {
              const v = x[p * d + i] - (radius === 0 ? 0 : radius * this.directions[c * d + i]);
              sum += v * v;
            }
            out[row * count + p] = gaussianProfile(Math.sqrt(sum), { radius: 0, sigma });
          }
        }
      }
    }
    return out;
  }
}

function applyToAll(m: Float64Array, points: Float64Array, d: number): Float64Array {
  const out = new Float64Array(points.length);
  for (let p = 0; p < points.length; p += d) {
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) out[p + i] += m[i * d + j] * points[p + j];
    }
  }
  return out;
}

function normalized(v: ArrayLike<number>): Float64Array | undefined {
  let norm = 0;
  for (let i = 0; i < v.length; i++) norm += v[i] * v[i];
  norm = Math.sqrt(norm);
  return norm > 1e-8 && norm < Infinity ? Float64Array.from(v, (x) => x / norm) : undefined;
}

// The column of the projection onto the fixed vectors that is longest, the first of equal ones.
function fixedVector(matrices: readonly Float64Array[], d: number): Float64Array {
  const p = new Float64Array(d * d);
  for (const m of matrices) for (let i = 0; i < d * d; i++) p[i] += m[i] / matrices.length;
  let trace = 0;
  for (let i = 0; i < d; i++) trace += p[i * d + i];
  // More than one fixed direction, or none: nothing is determined.
  if (Math.abs(trace - 1) > 1e-6) return new Float64Array(d);
  let best = 0;
  for (let j = 1; j < d; j++) if (p[j * d + j] > p[best * d + best] + 1e-9) best = j;
  return Float64Array.from({ length: d }, (_, i) => p[i * d + best]);
}

function largestMove(matrices: readonly Float64Array[], v: Float64Array): number {
  let largest = 0;
  for (const m of matrices) {
    applyToAll(m, v, v.length).forEach((x, i) => largest = Math.max(largest, Math.abs(x - v[i])));
  }
  return largest;
}
