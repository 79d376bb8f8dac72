/**
 * The Euclidean spaces: a point, the line, the plane and space with a subgroup of O(d), and any of these with a group of the
 * user's own that acts through orthogonal matrices. Harmonics restricted to the group give the kernels.
 */

import { decomposeRepresentation } from "../group/decompose.ts";
import { cyclicGroup } from "../group/groups/cyclic.ts";
import { o2Group } from "../group/groups/o2.ts";
import { o3Group } from "../group/groups/o3.ts";
import { subgroupIdOf, subgroupKey } from "../group/ids.ts";
import { matrixToQuaternion } from "../group/rotations.ts";
import type { Group, GroupElement, IrrepId, Subgroup, SubgroupId, SubgroupIdPart } from "../group/types.ts";
import { wignerD } from "../group/wigner.ts";
import {
  convolutionParameters,
  gridCoordinates,
  kernelShape,
  pointConvolutionParameters,
} from "../kernels/basis_parameters.ts";
import { DiffopBasis, diffopGrid, type DiffopOptions } from "../kernels/diffop_basis.ts";
import { KernelError } from "../kernels/errors.ts";
import { type FilterBasis, PointFilter } from "../kernels/filter_basis.ts";
import type { ConvolutionOptions } from "../kernels/kernel_tables.ts";
import { KernelTables } from "../kernels/kernel_tables.ts";
import { OrbitShells } from "../kernels/orbit_basis.ts";
import type { RadialProfile, Ring } from "../kernels/radial.ts";
import { type HarmonicAction, planarAction, Shells, spatialAction, subgroupAction } from "../kernels/shells.ts";
import { isOrthogonal, maximumDifference, multiplyMatrices } from "../math/linear_algebra.ts";
import { GSpace, type KernelGeometry, type PointConvolutionOptions, type RestrictedGSpace } from "./gspace.ts";

/** A single point: no base space, only fibers. Make it with `noBaseSpace`. */
export class GSpace0D extends GSpace {
  /** For `noBaseSpace`. */
  constructor(group: Group) {
    super(`${group.name} on a point`, group, 0);
  }

  /** Nothing moves: the 0 × 0 matrix. Throws `GroupError` for an element of another group. */
  baseSpaceAction(element: GroupElement): Float64Array {
    this.fibergroup.trivialRepresentation.matrix(element);
    return new Float64Array(0);
  }

  /** The point with a subgroup. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): RestrictedGSpace {
    const subgroup = this.fibergroup.subgroup(subgroupId);
    return { gspace: new GSpace0D(subgroup.subgroup), subgroup };
  }

  /** The constant. */
  filterBasis(): FilterBasis {
    return new PointFilter(this.fibergroup);
  }

  /** One tap. */
  protected kernelGeometry(): KernelGeometry {
    const hint = "Give the output an irrep that the input has: on a point only equal irreps are connected.";
    return { basis: this.filterBasis(), points: new Float64Array(0), hint };
  }

  /** There are no derivatives on a point. */
  protected diffopGeometry(): KernelGeometry {
    throw this.#without("differential operators");
  }

  /** There are no other points. */
  protected pointGeometry(): KernelGeometry {
    throw this.#without("convolutions on points");
  }

  #without(what: string): KernelError {
    return new KernelError({ op: what, expected: "a space of dimension 1, 2 or 3", actual: this.name });
  }
}

/** A Euclidean space of dimension 1, 2 or 3 with a group that acts on it by orthogonal matrices. */
export abstract class EuclideanSpace extends GSpace {
  /** How the group acts on the harmonics. */
  protected abstract readonly harmonicAction: HarmonicAction;
  /** The dimension of the base space, as a type. */
  protected readonly axes: 1 | 2 | 3;

  /** For subclasses. */
  constructor(name: string, group: Group, axes: 1 | 2 | 3) {
    super(name, group, axes);
    this.axes = axes;
  }

  /** Harmonics times radial functions. */
  filterBasis(
    rings: readonly Ring[] | RadialProfile,
    maximumFrequency: number,
    cutoffs?: readonly number[],
  ): Shells {
    return new Shells(this.harmonicAction, { rings, maximumFrequency, cutoffs });
  }

  /** Rings and taps of a filter. */
  protected kernelGeometry(options: ConvolutionOptions): KernelGeometry {
    const d = this.axes;
    const { kernelSize, dilation = 1 } = options;
    const shape = kernelShape(`kernelTables of ${this.name}`, d, kernelSize);
    const { rings, cutoffs, maximumFrequency } = convolutionParameters(d, options);
    const highest = options.maximumFrequency === undefined
      ? maximumFrequency
      : Math.min(options.maximumFrequency, Math.max(...cutoffs));
    return {
      basis: this.filterBasis(rings, highest, cutoffs),
      points: gridCoordinates(shape, dilation),
      hint: basisHint(shape, dilation),
    };
  }

  /** Stencils on the grid. */
  protected diffopGeometry(options: DiffopOptions): KernelGeometry {
    return {
      basis: new DiffopBasis(this.harmonicAction, options),
      points: diffopGrid(this.axes, options),
      hint: "Use a higher maximumOrder, or fields that share irreps.",
    };
  }

  /** Filters that are sampled at the edges of a graph. */
  protected pointGeometry(options: PointConvolutionOptions): KernelGeometry {
    const { radial } = options;
    const given = radial === undefined ? options : { ...options, rings: radial.rings.map((ring) => ring.radius) };
    const sigma = radial === undefined ? options.sigma : radial.rings.map((ring) => ring.sigma);
    const { rings, cutoffs, maximumFrequency } = pointConvolutionParameters({ ...given, sigma });
    return {
      basis: this.filterBasis(
        radial ?? rings,
        Math.min(options.maximumFrequency ?? Infinity, maximumFrequency),
        cutoffs,
      ),
      points: new Float64Array(0),
      hint: "Use more rings, a higher frequenciesCutoff, or fields that share irreps.",
    };
  }
}

function basisHint(shape: readonly number[], dilation: number): string {
  if (shape.every((size) => size % 2 === 1)) {
    return "Use a larger kernelSize, more rings, a higher frequenciesCutoff, or fields that share irreps.";
  }
  const nearest = dilation * Math.sqrt(shape.filter((size) => size % 2 === 0).length) / 2;
  return `An even kernelSize has no tap in the middle: use an odd one, or give rings and sigma that reach the taps, such as rings: [${
    nearest.toFixed(4)
  }], sigma: 0.6.`;
}

/** The line with or without its reflection. Make it with `flipOnR1` and `trivialOnR1`. */
export class GSpace1D extends EuclideanSpace {
  /** The id of the group in C_2: `[2]` with the reflection, `[1]` without. */
  readonly subgroupId: SubgroupId;
  /** How the group acts on even and odd functions. */
  protected readonly harmonicAction: HarmonicAction;
  readonly #subgroup: Subgroup;

  /** For the factories. */
  constructor(subgroupId: SubgroupId) {
    const subgroup = cyclicGroup(2).subgroup(subgroupId);
    super(`${subgroup.subgroup.name} on R1`, subgroup.subgroup, 1);
    this.subgroupId = subgroup.id;
    this.#subgroup = subgroup;
    this.harmonicAction = subgroupAction(1, subgroup.id);
  }

  /** 1 or −1: [1, 1]. */
  baseSpaceAction(element: GroupElement): Float64Array {
    return cyclicGroup(2).irrep(1).matrix(this.#subgroup.inclusion(element));
  }

  /** The line with a subgroup of the group. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): RestrictedGSpace {
    const subgroup = this.fibergroup.subgroup(subgroupIdOf(subgroupId));
    return { gspace: new GSpace1D(cyclicGroup(2).combineSubgroups(this.subgroupId, subgroup.id)), subgroup };
  }
}

/** The plane with a subgroup of O(2). Make it with the factories in factories.ts. */
export class GSpace2D extends EuclideanSpace {
  /** The id of the group in O(2). */
  readonly subgroupId: SubgroupId;
  /** How the group acts on circular harmonics. */
  protected readonly harmonicAction: HarmonicAction;
  readonly #subgroup: Subgroup;

  /** For the factories: the plane with the subgroup of O(2) that has an id. */
  constructor(subgroupId: SubgroupId) {
    const subgroup = o2Group().subgroup(subgroupId);
    super(`${subgroup.subgroup.name} on R2 ${subgroupKey(subgroup.id)}`, subgroup.subgroup, 2);
    this.subgroupId = subgroup.id;
    this.#subgroup = subgroup;
    // Without reflections the reference turns its harmonics by a quarter; with them the subgroup holds the axis.
    const axis = subgroup.id[0] === null ? Math.PI / 2 : 0;
    this.harmonicAction = planarAction({ subgroupId: subgroup.id, axis });
  }

  /** The rotation or reflection of the plane by an element: [2, 2], acting on (x, y). */
  baseSpaceAction(element: GroupElement): Float64Array {
    return o2Group().irrep(1, 1).matrix(this.#subgroup.inclusion(element));
  }

  /** The plane with a subgroup of the group. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): RestrictedGSpace {
    const subgroup = this.fibergroup.subgroup(subgroupIdOf(subgroupId));
    return { gspace: new GSpace2D(o2Group().combineSubgroups(this.subgroupId, subgroup.id)), subgroup };
  }
}

/** Options of kernels on the orbits of a finite group. */
export interface OrbitConvolutionOptions extends ConvolutionOptions {
  /** The id of the subgroup that keeps the orbit's points in place: for the icosahedron 12, 20 or 30 points. */
  readonly stabilizer: SubgroupId | SubgroupIdPart;
}

/** Space with a subgroup of O(3). Make it with the factories in factories_r3.ts. */
export class GSpace3D extends EuclideanSpace {
  /** The id of the group in O(3). */
  readonly subgroupId: SubgroupId;
  /** How the group acts on spherical harmonics. */
  protected readonly harmonicAction: HarmonicAction;
  readonly #subgroup: Subgroup;
  readonly #orbits = new Map<string, KernelTables>();

  /** For the factories: space with the subgroup of O(3) that has an id. */
  constructor(subgroupId: SubgroupId) {
    const subgroup = o3Group().subgroup(subgroupId);
    super(`${subgroup.subgroup.name} on R3 ${subgroupKey(subgroup.id)}`, subgroup.subgroup, 3);
    this.subgroupId = subgroup.id;
    this.#subgroup = subgroup;
    this.harmonicAction = spatialAction({ subgroupId: subgroup.id });
  }

  /** The rotation or reflection of space by an element: [3, 3], acting on (x, y, z). */
  baseSpaceAction(element: GroupElement): Float64Array {
    return o3Group().standardRepresentation.matrix(this.#subgroup.inclusion(element));
  }

  /** Space with a subgroup of the group. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): RestrictedGSpace {
    const subgroup = this.fibergroup.subgroup(subgroupIdOf(subgroupId));
    return { gspace: new GSpace3D(o3Group().combineSubgroups(this.subgroupId, subgroup.id)), subgroup };
  }

  /**
   * The steerable kernels that Gaussians around the orbits of the group span, see {@linkcode OrbitShells}. Nothing is
   * cut off by frequency.
   *
   * @throws {@linkcode KernelError} for options that make no sense, an infinite group or a subgroup without a single axis.
   *
   * @example
   * ```ts
   * import { gspaces } from "@escnn/escnn";
   * import { assertEquals } from "@std/assert";
   *
   * // One function at the centre and one at each of the twelve vertices of an icosahedron.
   * const tables = gspaces.icoOnR3().orbitKernelTables({ kernelSize: 3, stabilizer: [false, 5] });
   * assertEquals(tables.functionCount, 13);
   * ```
   */
  orbitKernelTables(options: OrbitConvolutionOptions): KernelTables {
    const { stabilizer, basisFilter, kernelSize, dilation = 1, rings, sigma } = options;
    const id = this.fibergroup.subgroup(stabilizer).id;
    const key = JSON.stringify([subgroupKey(id), kernelSize, dilation, rings, sigma]);
    let tables = basisFilter === undefined ? this.#orbits.get(key) : undefined;
    if (tables === undefined) {
      const shape = kernelShape(`orbitKernelTables of ${this.name}`, 3, kernelSize);
      const basis = new OrbitShells({
        group: this.fibergroup,
        action: (g) => this.baseSpaceAction(g),
        stabilizer: id,
        rings: convolutionParameters(3, options).rings,
      });
      const points = gridCoordinates(shape, dilation);
      tables = new KernelTables(basis, points, { basisFilter, hint: basisHint(shape, dilation) });
      if (basisFilter === undefined) this.#orbits.set(key, tables);
    }
    return tables;
  }
}

/** A space on which a group of the user's own acts. Make it with `spaceWithAction`. */
export class CustomSpace extends EuclideanSpace {
  /** How the group acts on the harmonics. */
  protected readonly harmonicAction: HarmonicAction;
  readonly #action: (element: GroupElement) => Float64Array;

  /** For `spaceWithAction`: checks that the matrices are orthogonal and multiply like the elements. */
  constructor(group: Group, dimension: 1 | 2 | 3, action: (element: GroupElement) => Float64Array, name?: string) {
    super(name ?? `${group.name} on R${dimension}`, group, dimension);
    this.#action = action;
    const generators = [group.identity, ...group.generators];
    for (const g of generators) {
      const m = this.baseSpaceAction(g);
      for (const h of generators) {
        const product = multiplyMatrices(m, this.baseSpaceAction(h), dimension, dimension, dimension);
        const error = maximumDifference(product, this.baseSpaceAction(g.multiply(h)));
        if (!(error <= 1e-6)) {
          throw new KernelError({
            op: "spaceWithAction",
            expected: "matrices with action(g h) = action(g) action(h)",
            actual: `a difference of ${error} for ${g} and ${h}`,
          });
        }
      }
    }
    this.harmonicAction = {
      group,
      dimension,
      rotations: dimension === 2 && !group.isContinuous ? countRotations(group.elements.map(action)) : undefined,
      restrict: (irrep) => {
        const frequency = Number(irrep[irrep.length - 1]);
        const matrix = (g: GroupElement): Float64Array => harmonicMatrix(dimension, irrep, frequency, this.#action(g));
        return decomposeRepresentation(group, matrix, Math.floor(Math.sqrt(matrix(group.identity).length) + 0.5));
      },
    };
  }

  /** The user's matrix. Throws {@linkcode KernelError} when it is not orthogonal. */
  baseSpaceAction(element: GroupElement): Float64Array {
    this.fibergroup.trivialRepresentation.matrix(element);
    const d = this.dimensionality;
    const matrix = this.#action(element);
    if (matrix.length !== d * d || !isOrthogonal(matrix, d, 1e-6)) {
      throw new KernelError({
        op: "spaceWithAction",
        expected: `an orthogonal matrix of ${d} × ${d} numbers for ${element}`,
        actual: JSON.stringify([...matrix]),
      });
    }
    return matrix;
  }

  /** The space with a subgroup of the group. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): RestrictedGSpace {
    const subgroup = this.fibergroup.subgroup(subgroupIdOf(subgroupId));
    const action = (h: GroupElement): Float64Array => this.#action(subgroup.inclusion(h));
    return { gspace: new CustomSpace(subgroup.subgroup, this.axes, action), subgroup };
  }
}

// The number of different rotations among orthogonal matrices of the plane.
function countRotations(matrices: readonly Float64Array[]): number {
  const different: Float64Array[] = [];
  for (const m of matrices) {
    if (m[0] * m[3] - m[1] * m[2] < 0) continue;
    if (!different.some((other) => maximumDifference(other, m) < 1e-6)) different.push(m);
  }
  return different.length;
}

// The matrix by which an orthogonal matrix moves the harmonics of an irrep of O(d).
function harmonicMatrix(dimension: 1 | 2 | 3, irrep: IrrepId, frequency: number, m: Float64Array): Float64Array {
  if (dimension === 1) return Float64Array.of(frequency === 0 ? 1 : m[0]);
  if (dimension === 3) {
    const [a, b, c, d, e, f, g, h, i] = m;
    const inverted = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g) < 0;
    const rotation = inverted ? m.map((v) => 0 - v) : m;
    const matrix = wignerD(frequency, matrixToQuaternion(rotation));
    return inverted && irrep[0] === 1 ? matrix.map((v) => 0 - v) : matrix;
  }
  const flipped = m[0] * m[3] - m[1] * m[2] < 0;
  if (frequency === 0) return Float64Array.of(irrep[0] === 1 && flipped ? -1 : 1);
  // Powers of the unit complex number of the rotation, times the reflection of y.
  let [re, im] = [1, 0];
  for (let k = 0; k < frequency; k++) [re, im] = [re * m[0] - im * m[2], im * m[0] + re * m[2]];
  return flipped ? Float64Array.of(re, im, im, 0 - re) : Float64Array.of(re, 0 - im, im, re);
}
