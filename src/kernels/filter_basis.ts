/**
 * Scalar filters that a group moves among themselves. Under a large group (all of O(d)) each harmonic transforms by one
 * irrep; under the layer's group it splits into irreps of that. Steerable kernels are these filters times constant matrices
 * (Wigner-Eckart, Lang & Weiler 2021; restricted: Cesa, Lang & Weiler 2022).
 */

import type { Group, IrrepId } from "../group/types.ts";
import { KernelError } from "./errors.ts";
import type { RadialProfile, Ring } from "./radial.ts";
import type { ValuesAndGradients } from "./spherical.ts";

/** A harmonic of a filter basis and how it splits under the group. */
export interface FilterHarmonic {
  /** Its irrep of the large group. */
  readonly irrep: IrrepId;
  /** Its frequency. */
  readonly frequency: number;
  /** The number of its functions. */
  readonly size: number;
  /** The irreps of the group that it splits into, in order. */
  readonly parts: readonly IrrepId[];
  /** [size, size]: rows are the parts' components one after the other, as combinations of the functions. */
  readonly components: Float64Array;
  /** The indices of the rings that it lives on. */
  readonly rings: readonly number[];
  /** How far each part is aliased, see {@linkcode partOffsets}. Default: not at all. */
  readonly offsets?: readonly number[];
  /** The frequency of each part, where it is not the harmonic's. */
  readonly partFrequencies?: readonly number[];
  /** The order as a differential operator on each of its rings, for bases of these. */
  readonly orders?: readonly number[];
}

/** Scalar filters closed under a group. Functions are ordered by harmonic, then ring, then component. */
export interface FilterBasis {
  /** The group. */
  readonly group: Group;
  /** The dimension of the points. */
  readonly dimensionality: number;
  /** The rings. */
  readonly rings: readonly Ring[];
  /** The harmonics in order. */
  readonly harmonics: readonly FilterHarmonic[];
  /** The functions at points [count, dimensionality]: [functions, count]. Throws {@linkcode KernelError} for malformed points. */
  sample(points: Float64Array): Float64Array;
}

/** A filter basis whose functions can be differentiated with respect to the points. */
export interface DifferentiableFilterBasis extends FilterBasis {
  /** The radial functions. */
  readonly radial: RadialProfile;
  /** The functions at points and their gradients [functions, count, dimensionality]. */
  sampleGradients(points: Float64Array): ValuesAndGradients;
}

/** The number of functions of a filter basis. */
export function functionCount(basis: FilterBasis): number {
  let count = 0;
  for (const h of basis.harmonics) count += h.size * h.rings.length;
  return count;
}

/**
 * The number of points in an array [count, dimension].
 *
 * @throws {@linkcode KernelError} when the length is no multiple of the dimension or a coordinate is not finite.
 */
export function requirePoints(op: string, points: Float64Array, dimension: number): number {
  const count = points.length / dimension;
  const wrong = points.findIndex((v) => !(v - v === 0));
  if (Number.isInteger(count) && wrong < 0) return count;
  throw new KernelError({
    op,
    expected: `finite points of ${dimension} coordinates each, [count, ${dimension}]`,
    actual: wrong < 0
      ? `${points.length} numbers`
      : `${points[wrong]} as coordinate ${wrong % dimension} of point ${Math.floor(wrong / dimension)}`,
  });
}

/** The single function 1 of a point, moved by any group: kernels on it are the intertwiners. */
export class PointFilter implements FilterBasis {
  /** The group. */
  readonly group: Group;
  /** 0. */
  readonly dimensionality = 0;
  /** One ring of radius 0. */
  readonly rings: readonly Ring[] = [{ radius: 0, sigma: 1 }];
  /** The constant. */
  readonly harmonics: readonly FilterHarmonic[];

  /** The filter of a group. */
  constructor(group: Group) {
    this.group = group;
    const irrep = group.trivialRepresentation.id;
    this.harmonics = [{ irrep, frequency: 0, size: 1, parts: [irrep], components: Float64Array.of(1), rings: [0] }];
  }

  /** The constant 1 at the only point. */
  sample(_points: Float64Array): Float64Array {
    return Float64Array.of(1);
  }
}
