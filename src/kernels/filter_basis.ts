/**
 * Scalar filters that a group moves among themselves: harmonics on rings. Under a large group (all of O(2)) each harmonic
 * transforms by one irrep; under the layer's group it splits into irreps of that. Steerable kernels are these filters
 * times constant matrices (Wigner-Eckart, Lang & Weiler 2021; restricted: Cesa, Lang & Weiler 2022).
 */

import { o2Group } from "../group/groups/o2.ts";
import { cosSinOfAngle, rotationMatrix } from "../group/planar.ts";
import type { Group, GroupElement, IrrepId, SubgroupId } from "../group/types.ts";
import { multiplyMatrices, transposeMatrix } from "../math/linear_algebra.ts";
import { circularHarmonics, circularHarmonicSize } from "./angular.ts";
import { gaussianProfile, type Ring } from "./radial.ts";

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
  /** The functions at points [count, dimensionality]: [functions, count]. */
  sample(points: Float64Array): Float64Array;
}

/** The number of functions of a filter basis. */
export function functionCount(basis: FilterBasis): number {
  let count = 0;
  for (const h of basis.harmonics) count += h.size * h.rings.length;
  return count;
}

/** What a {@linkcode CircularShells} is made of. */
export interface CircularShellsOptions {
  /** The id, in O(2), of the subgroup that acts. */
  readonly subgroupId: SubgroupId;
  /** The rings. */
  readonly rings: readonly Ring[];
  /** The highest frequency. */
  readonly maximumFrequency: number;
  /** The highest frequency on each ring. Default: the same everywhere. */
  readonly cutoffs?: readonly number[];
  /** φ₀ in radians: an element g of the subgroup moves points by R(φ₀) g R(−φ₀). Default 0. */
  readonly axis?: number;
  /** An element M of O(2): the filters are taken at M x, so that the group moves points by M⁻¹ g M. */
  readonly adjoint?: GroupElement;
}

/**
 * Circular harmonics on Gaussian rings, moved by a subgroup of O(2). The functions are always aligned with the grid, so
 * that they have a definite parity under its reflections; axis and adjoint only turn the parts' components.
 */
export class CircularShells implements FilterBasis {
  /** The group. */
  readonly group: Group;
  /** 2. */
  readonly dimensionality = 2;
  /** The rings. */
  readonly rings: readonly Ring[];
  /** The harmonics by frequency. */
  readonly harmonics: readonly FilterHarmonic[];

  /** Makes the basis. */
  constructor(options: CircularShellsOptions) {
    const { subgroupId, rings, maximumFrequency, cutoffs, axis = 0, adjoint } = options;
    const o2 = o2Group();
    this.group = o2.subgroup(subgroupId).subgroup;
    this.rings = rings;
    const harmonics: FilterHarmonic[] = [];
    for (let frequency = 0; frequency <= maximumFrequency; frequency++) {
      const on = rings.map((_, i) => i).filter((i) => cutoffs === undefined || frequency <= cutoffs[i]);
      if (on.length === 0) continue;
      const irrep: IrrepId = [frequency === 0 ? 0 : 1, frequency];
      const size = circularHarmonicSize(frequency);
      const { irreps, changeOfBasis } = o2.restrictIrrep(subgroupId, irrep);
      let components = transposeMatrix(changeOfBasis, size, size);
      if (frequency > 0 && axis !== 0) {
        components = multiplyMatrices(components, rotationMatrix(cosSinOfAngle(-frequency * axis)), 2, 2, 2);
      }
      if (adjoint !== undefined) {
        components = multiplyMatrices(components, o2.irrep(...irrep).matrix(adjoint), size, size, size);
      }
      harmonics.push({ irrep, frequency, size, parts: irreps, components, rings: on });
    }
    this.harmonics = harmonics;
  }

  /** The functions at points [count, 2]: [functions, count]. */
  sample(points: Float64Array): Float64Array {
    const count = points.length / 2;
    const x = new Float64Array(count);
    const y = new Float64Array(count);
    for (let p = 0; p < count; p++) {
      x[p] = points[2 * p];
      y[p] = points[2 * p + 1];
    }
    const highest = this.harmonics.reduce((f, h) => Math.max(f, h.frequency), 0);
    const angular = circularHarmonics(highest, x, y);
    const radial = this.rings.map((ring) =>
      Float64Array.from(x, (v, p) => gaussianProfile(Math.sqrt(v * v + y[p] * y[p]), ring))
    );
    const out = new Float64Array(functionCount(this) * count);
    let row = 0;
    for (const { frequency, size, rings } of this.harmonics) {
      const first = frequency === 0 ? 0 : 2 * frequency - 1;
      for (const ring of rings) {
        for (let c = 0; c < size; c++, row++) {
          for (let p = 0; p < count; p++) out[row * count + p] = angular[(first + c) * count + p] * radial[ring][p];
        }
      }
    }
    return out;
  }
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
