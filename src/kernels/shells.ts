/**
 * Harmonics of the line, the plane and of space times radial functions, moved by a subgroup of O(1), O(2) or O(3) or by any
 * group that acts through one. The functions are always aligned with the grid, so that they have a definite parity under its
 * reflections; how the group lies in space only turns the parts' components.
 */

import { cyclicGroup } from "../group/groups/cyclic.ts";
import { o2Group } from "../group/groups/o2.ts";
import { o3Group } from "../group/groups/o3.ts";
import { irrepKey } from "../group/ids.ts";
import { cosSinOfAngle, rotationMatrix } from "../group/planar.ts";
import type { Decomposition, Group, GroupElement, IrrepId, SubgroupId } from "../group/types.ts";
import { multiplyMatrices, transposeMatrix } from "../math/linear_algebra.ts";
import { circularHarmonicGradients, circularHarmonics } from "./angular.ts";
import { KernelError } from "./errors.ts";
import { type DifferentiableFilterBasis, type FilterHarmonic, functionCount, requirePoints } from "./filter_basis.ts";
import { gaussianRadial, type RadialProfile, type Ring } from "./radial.ts";
import { ORIGIN_RADIUS, sphericalHarmonicGradients, sphericalHarmonics, type ValuesAndGradients } from "./spherical.ts";

/** How harmonics of one frequency split under a group: the irreps of O(d) restricted to it. */
export interface HarmonicAction {
  /** The group that acts. */
  readonly group: Group;
  /** The dimension of the space. */
  readonly dimension: 1 | 2 | 3;
  /** In the plane the number of different rotations by which the group acts; `Infinity` for a continuous group. */
  readonly rotations?: number;
  /** The irrep of O(d) with an id, restricted to the group. */
  readonly restrict: (irrep: IrrepId) => Decomposition;
  /** The matrix [size, size] that turns the harmonics of an irrep before they are split; absent for none. */
  readonly turn?: (irrep: IrrepId, frequency: number) => Float64Array | undefined;
}

/** The irrep of O(d) by which the harmonics of a frequency transform. */
export function harmonicIrrep(dimension: 1 | 2 | 3, frequency: number): IrrepId {
  if (dimension === 1) return [frequency];
  return dimension === 2 ? [frequency === 0 ? 0 : 1, frequency] : [frequency % 2, frequency];
}

/** The number of harmonics of a frequency. */
export function harmonicSize(dimension: 1 | 2 | 3, frequency: number): number {
  if (dimension === 1 || frequency === 0) return 1;
  return dimension === 2 ? 2 : 2 * frequency + 1;
}

/** How a subgroup of O(d) acts on the harmonics of its space. Throws `GroupError` when there is no subgroup with this id. */
export function subgroupAction(
  dimension: 1 | 2 | 3,
  subgroupId: SubgroupId,
  turn?: HarmonicAction["turn"],
): HarmonicAction {
  const large = dimension === 1 ? cyclicGroup(2) : dimension === 2 ? o2Group() : o3Group();
  const { subgroup, id } = large.subgroup(subgroupId);
  const order = Number(id[1]);
  const rotations = dimension === 2 && order > 0 ? order : undefined;
  return { group: subgroup, dimension, rotations, restrict: (irrep) => large.restrictIrrep(id, irrep), turn };
}

/**
 * How far the parts of harmonics are aliased. In the plane under N rotations the harmonic of frequency f looks like one of
 * frequency |f − tN| ≤ N/2, and t is its offset. Elsewhere the offset of a part is the number of lower frequencies in which
 * its irrep occurs.
 *
 * @param dimension The dimension of the space.
 * @param rotations The number of different rotations in the group, `Infinity` for a continuous one.
 * @param parts The irreps in each frequency, from 0.
 */
export function partOffsets(
  dimension: 1 | 2 | 3,
  rotations: number,
  parts: readonly (readonly IrrepId[])[],
): readonly (readonly number[])[] {
  if (dimension === 2) {
    return parts.map((ids, f) =>
      ids.map(() => rotations === Infinity ? 0 : Math.max(0, Math.ceil(f / rotations - 0.5)))
    );
  }
  const seen = new Map<string, number>();
  return parts.map((ids) => {
    const offsets = ids.map((id) => seen.get(irrepKey(id)) ?? 0);
    for (const key of new Set(ids.map(irrepKey))) seen.set(key, (seen.get(key) ?? 0) + 1);
    return offsets;
  });
}

/** The harmonics of an action with their parts. */
export function splitHarmonics(
  action: HarmonicAction,
  maximumFrequency: number,
  ringsOf: (frequency: number) => { readonly rings: readonly number[]; readonly orders?: readonly number[] },
): readonly FilterHarmonic[] {
  const { dimension } = action;
  if (!(maximumFrequency >= -1 && maximumFrequency < Infinity)) {
    throw new KernelError({
      op: "splitHarmonics",
      expected: "a finite maximumFrequency",
      actual: String(maximumFrequency),
    });
  }
  const highest = dimension === 1 ? Math.min(1, maximumFrequency) : maximumFrequency;
  const count = Math.floor(highest) + 1;
  const ids = Array.from({ length: count }, (_, f) => harmonicIrrep(dimension, f));
  const splits = ids.map((irrep) => action.restrict(irrep));
  const offsets = partOffsets(dimension, action.rotations ?? Infinity, splits.map((split) => split.irreps));
  const harmonics: FilterHarmonic[] = [];
  for (let frequency = 0; frequency < count; frequency++) {
    const { rings, orders } = ringsOf(frequency);
    if (rings.length === 0) continue;
    const irrep = ids[frequency];
    const size = harmonicSize(dimension, frequency);
    const { irreps, changeOfBasis } = splits[frequency];
    const turn = action.turn?.(irrep, frequency);
    const components = transposeMatrix(changeOfBasis, size, size);
    harmonics.push({
      irrep,
      frequency,
      size,
      parts: irreps,
      components: turn === undefined ? components : multiplyMatrices(components, turn, size, size, size),
      rings,
      offsets: offsets[frequency],
      orders,
    });
  }
  return harmonics;
}

/** What all shells are made of. */
export interface ShellsOptions {
  /** The radial functions: Gaussian rings, or any profile. */
  readonly rings: readonly Ring[] | RadialProfile;
  /** The highest frequency. */
  readonly maximumFrequency: number;
  /** The highest frequency on each ring. Default: the same everywhere. */
  readonly cutoffs?: readonly number[];
}

function isProfile(rings: readonly Ring[] | RadialProfile): rings is RadialProfile {
  return !Array.isArray(rings);
}

/** Harmonics times radial functions in 1, 2 or 3 dimensions, moved by any group that acts through O(d). */
export class Shells implements DifferentiableFilterBasis {
  /** The group. */
  readonly group: Group;
  /** 1, 2 or 3. */
  readonly dimensionality: 1 | 2 | 3;
  /** The rings. */
  readonly rings: readonly Ring[];
  /** The radial functions. */
  readonly radial: RadialProfile;
  /** The harmonics by frequency. */
  readonly harmonics: readonly FilterHarmonic[];

  /**
   * Makes the basis.
   *
   * @throws {@linkcode KernelError} for rings that make no sense or a wrong number of cut-offs.
   */
  constructor(action: HarmonicAction, { rings, maximumFrequency, cutoffs }: ShellsOptions) {
    this.group = action.group;
    this.dimensionality = action.dimension;
    this.radial = isProfile(rings) ? rings : gaussianRadial(rings);
    this.rings = this.radial.rings;
    if (cutoffs !== undefined && cutoffs.length !== this.rings.length) {
      throw new KernelError({
        op: "Shells",
        expected: `${this.rings.length} cutoffs, one for each ring`,
        actual: String(cutoffs.length),
      });
    }
    const all = this.rings.map((_, i) => i);
    this.harmonics = splitHarmonics(action, maximumFrequency, (frequency) => ({
      rings: all.filter((i) => cutoffs === undefined || frequency <= cutoffs[i]),
    }));
  }

  // The row of each harmonic's first function among all harmonics of lower frequencies.
  #firstRow(frequency: number): number {
    if (this.dimensionality === 3) return frequency * frequency;
    return frequency === 0 ? 0 : this.dimensionality === 2 ? 2 * frequency - 1 : 1;
  }

  get #highest(): number {
    return this.harmonics.reduce((f, h) => Math.max(f, h.frequency), 0);
  }

  #distances(points: Float64Array, count: number): Float64Array {
    const d = this.dimensionality;
    const out = new Float64Array(count);
    for (let p = 0; p < count; p++) {
      let sum = 0;
      for (let i = 0; i < d; i++) sum += points[d * p + i] * points[d * p + i];
      out[p] = Math.sqrt(sum);
    }
    return out;
  }

  /** The functions at points [count, dimensionality]: [functions, count]. */
  sample(points: Float64Array): Float64Array {
    const count = requirePoints("sample", points, this.dimensionality);
    const angular = angularValues(this.dimensionality, this.#highest, points);
    const radial = this.radial.sample(this.#distances(points, count));
    const out = new Float64Array(functionCount(this) * count);
    let row = 0;
    for (const { frequency, size, rings } of this.harmonics) {
      const first = this.#firstRow(frequency);
      for (const ring of rings) {
        for (let c = 0; c < size; c++, row++) {
          for (let p = 0; p < count; p++) {
            out[row * count + p] = angular[(first + c) * count + p] * radial[ring * count + p];
          }
        }
      }
    }
    return out;
  }

  /** The functions at points and their gradients [functions, count, dimensionality]; zero at the origin but for frequency 0. */
  sampleGradients(points: Float64Array): ValuesAndGradients {
    const d = this.dimensionality;
    const count = requirePoints("sampleGradients", points, d);
    const angular = angularGradients(d, this.#highest, points);
    const distances = this.#distances(points, count);
    const radial = this.radial.sample(distances);
    const slopes = this.radial.derivative(distances);
    const total = functionCount(this);
    const values = new Float64Array(total * count);
    const gradients = new Float64Array(total * count * d);
    let row = 0;
    for (const { frequency, size, rings } of this.harmonics) {
      const first = this.#firstRow(frequency);
      for (const ring of rings) {
        for (let c = 0; c < size; c++, row++) {
          for (let p = 0; p < count; p++) {
            const [from, at] = [(first + c) * count + p, row * count + p];
            const [y, f] = [angular.values[from], radial[ring * count + p]];
            values[at] = y * f;
            const slope = distances[p] < ORIGIN_RADIUS ? 0 : y * slopes[ring * count + p] / distances[p];
            for (let i = 0; i < d; i++) {
              gradients[at * d + i] = angular.gradients[from * d + i] * f + slope * points[d * p + i];
            }
          }
        }
      }
    }
    return { values, gradients };
  }
}

function columnsOf(points: Float64Array): readonly [Float64Array, Float64Array] {
  const count = points.length / 2;
  const x = new Float64Array(count);
  const y = new Float64Array(count);
  for (let p = 0; p < count; p++) {
    x[p] = points[2 * p];
    y[p] = points[2 * p + 1];
  }
  return [x, y];
}

function signOf(x: number): number {
  return Math.abs(x) < ORIGIN_RADIUS ? 0 : x < 0 ? -1 : 1;
}

function angularValues(dimension: 1 | 2 | 3, highest: number, points: Float64Array): Float64Array {
  if (dimension === 3) return sphericalHarmonics(highest, points);
  if (dimension === 2) return circularHarmonics(highest, ...columnsOf(points));
  const count = points.length;
  return Float64Array.from({ length: 2 * count }, (_, i) => i < count ? 1 : signOf(points[i - count]));
}

function angularGradients(dimension: 1 | 2 | 3, highest: number, points: Float64Array): ValuesAndGradients {
  if (dimension === 3) return sphericalHarmonicGradients(highest, points);
  if (dimension === 2) return circularHarmonicGradients(highest, ...columnsOf(points));
  const values = angularValues(1, highest, points);
  return { values, gradients: new Float64Array(values.length) };
}

/** What a {@linkcode CircularShells} is made of. */
export interface CircularShellsOptions extends ShellsOptions {
  /** The id, in O(2), of the subgroup that acts. */
  readonly subgroupId: SubgroupId;
  /** φ₀ in radians: an element g of the subgroup moves points by R(φ₀) g R(−φ₀). Default 0. */
  readonly axis?: number;
  /** An element M of O(2): the filters are taken at M x, so that the group moves points by M⁻¹ g M. */
  readonly adjoint?: GroupElement;
}

/** How a subgroup of O(2) acts on circular harmonics, turned by an axis and an adjoint. */
export function planarAction(
  { subgroupId, axis = 0, adjoint }: Pick<CircularShellsOptions, "subgroupId" | "axis" | "adjoint">,
): HarmonicAction {
  return subgroupAction(2, subgroupId, (irrep, frequency) => {
    const turned = frequency > 0 && axis !== 0 ? rotationMatrix(cosSinOfAngle(-frequency * axis)) : undefined;
    if (adjoint === undefined) return turned;
    const moved = o2Group().irrep(...irrep).matrix(adjoint);
    return turned === undefined ? moved : multiplyMatrices(turned, moved, 2, 2, 2);
  });
}

/** Circular harmonics on rings of the plane, moved by a subgroup of O(2). */
export class CircularShells extends Shells {
  /** Makes the basis. */
  constructor(options: CircularShellsOptions) {
    super(planarAction(options), options);
  }
}

/** What a {@linkcode SphericalShells} is made of. */
export interface SphericalShellsOptions extends ShellsOptions {
  /** The id, in O(3), of the subgroup that acts. */
  readonly subgroupId: SubgroupId;
  /** An element M of O(3): the filters are taken at M x, so that the group moves points by M⁻¹ g M. */
  readonly adjoint?: GroupElement;
}

/** How a subgroup of O(3) acts on spherical harmonics, turned by an adjoint. */
export function spatialAction(
  { subgroupId, adjoint }: Pick<SphericalShellsOptions, "subgroupId" | "adjoint">,
): HarmonicAction {
  const turn = adjoint === undefined ? undefined : (irrep: IrrepId) => o3Group().irrep(...irrep).matrix(adjoint);
  return subgroupAction(3, subgroupId, turn);
}

/** Spherical harmonics on spherical shells, moved by a subgroup of O(3). Degree l is the irrep `[l mod 2, l]` of O(3). */
export class SphericalShells extends Shells {
  /** Makes the basis. */
  constructor(options: SphericalShellsOptions) {
    super(spatialAction(options), options);
  }
}

/** What a {@linkcode LinearShells} is made of. */
export interface LinearShellsOptions extends ShellsOptions {
  /** Whether the reflection x → −x acts; else nothing does. */
  readonly reflection: boolean;
}

/** Even and odd functions of the line at distances from the origin, moved by the reflection (C_2) or by nothing (C_1). */
export class LinearShells extends Shells {
  /** Makes the basis. */
  constructor(options: LinearShellsOptions) {
    super(subgroupAction(1, [options.reflection ? 2 : 1]), options);
  }
}
