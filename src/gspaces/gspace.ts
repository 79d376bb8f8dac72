/**
 * A Euclidean base space with the group of its symmetries that a network respects: how the group moves points, which
 * representations its fields may have, and which convolution kernels are steerable.
 */

import { subgroupIdOf, subgroupKey } from "../group/ids.ts";
import { o2Group } from "../group/groups/o2.ts";
import type {
  Group,
  GroupElement,
  IrreducibleRepresentation,
  IrrepId,
  IrrepIdPart,
  Representation,
  Subgroup,
  SubgroupId,
  SubgroupIdPart,
} from "../group/types.ts";
import { convolutionParameters, gridCoordinates } from "../kernels/basis_parameters.ts";
import { KernelError } from "../kernels/errors.ts";
import { CircularShells, type FilterBasis, PointFilter } from "../kernels/filter_basis.ts";
import { type ConvolutionOptions, KernelTables } from "../kernels/kernel_tables.ts";
import type { Ring } from "../kernels/radial.ts";
import { maximumDifference } from "../math/linear_algebra.ts";
import { type GridTransform, gridTransform, type GridTransformOptions } from "./grid_transform.ts";

/** A space that was restricted to a subgroup of its symmetries. */
export interface RestrictedGSpace {
  /** The space with fewer symmetries. */
  readonly gspace: GSpace;
  /** The subgroup with its inclusion and restriction. */
  readonly subgroup: Subgroup;
}

/** A base space and a group that acts on it and on the fibers of its fields. */
export abstract class GSpace {
  /** For people. */
  readonly name: string;
  /** The group. */
  readonly fibergroup: Group;
  /** The dimension of the base space: 0, 2 or 3. */
  readonly dimensionality: number;
  readonly #tables = new Map<string, KernelTables>();

  /** For subclasses. */
  constructor(name: string, fibergroup: Group, dimensionality: number) {
    this.name = name;
    this.fibergroup = fibergroup;
    this.dimensionality = dimensionality;
  }

  /** How an element moves points: row-major [d, d], acting on (x, y(, z)). */
  abstract baseSpaceAction(element: GroupElement): Float64Array;
  /** The same space with the symmetries of a subgroup only. Throws `GroupError` when there is none with this id. */
  abstract restrict(subgroupId: SubgroupId | SubgroupIdPart): RestrictedGSpace;
  /** The scalar filters that kernels are built from: harmonics up to a frequency on rings. */
  abstract filterBasis(rings: readonly Ring[], maximumFrequency: number, cutoffs?: readonly number[]): FilterBasis;
  /** The rings, band-limits and points of a kernel. */
  protected abstract kernelGeometry(
    options: ConvolutionOptions,
  ): { readonly basis: FilterBasis; readonly points: Float64Array; readonly hint: string };

  /** The trivial representation: scalars. */
  get trivialRepr(): IrreducibleRepresentation<"pointwise"> {
    return this.fibergroup.trivialRepresentation;
  }

  /** The regular representation of a finite group. Throws `GroupError` for an infinite one. */
  get regularRepr(): Representation<"pointwise"> {
    return this.fibergroup.regularRepresentation;
  }

  /** The permutation of the cosets of a subgroup. */
  quotientRepr(subgroupId: SubgroupId | SubgroupIdPart): Representation<"pointwise"> {
    return this.fibergroup.quotientRepresentation(subgroupId);
  }

  /** The representation induced from an irrep of a subgroup. */
  inducedRepr(subgroupId: SubgroupId | SubgroupIdPart, irrep: IrrepId): Representation {
    return this.fibergroup.inducedRepresentation(subgroupId, irrep);
  }

  /** The irrep with an id. */
  irrep(...id: IrrepIdPart[]): IrreducibleRepresentation {
    return this.fibergroup.irrep(...id);
  }

  /** The irreps of the group: all of a finite one, those up to a frequency of an infinite one. */
  irreps(maximumFrequency?: number): readonly IrreducibleRepresentation[] {
    return this.fibergroup.irreps(maximumFrequency);
  }

  /** All elements of a finite group, a sample of an infinite one. */
  get testingElements(): readonly GroupElement[] {
    return this.fibergroup.testingElements;
  }

  /**
   * The steerable kernels of a convolution as tables for every pair of irreps. The same options give the same object, as
   * long as they hold no functions.
   *
   * @throws {@linkcode KernelError} for options that make no sense.
   */
  kernelTables(options: ConvolutionOptions): KernelTables {
    const cacheable = options.basisFilter === undefined && typeof options.frequenciesCutoff !== "function";
    const { kernelSize, dilation = 1, rings, sigma, frequenciesCutoff, maximumFrequency } = options;
    const key = cacheable
      ? JSON.stringify([kernelSize, dilation, rings, sigma, frequenciesCutoff, maximumFrequency])
      : "";
    let tables = cacheable ? this.#tables.get(key) : undefined;
    if (tables === undefined) {
      const { basis, points, hint } = this.kernelGeometry(options);
      tables = new KernelTables(basis, points, { basisFilter: options.basisFilter, hint });
      if (cacheable) this.#tables.set(key, tables);
    }
    return tables;
  }

  /**
   * How an element moves data on a grid around its centre, see {@linkcode gridTransform}.
   *
   * @param element An element of the group.
   * @param shape The spatial axes of the data, in array order.
   * @param options The order of interpolation.
   */
  gridTransform(element: GroupElement, shape: readonly number[], options: GridTransformOptions = {}): GridTransform {
    return gridTransform(this.baseSpaceAction(element), shape, options);
  }

  /** Whether both have the same group acting in the same way on a space of the same dimension. */
  equals(other: GSpace): boolean {
    if (other === this) return true;
    if (other.dimensionality !== this.dimensionality || other.fibergroup !== this.fibergroup) return false;
    return this.fibergroup.generators.every((g) =>
      maximumDifference(this.baseSpaceAction(g), other.baseSpaceAction(g)) <= 1e-9
    );
  }

  /** The name. */
  toString(): string {
    return this.name;
  }
}

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
  protected kernelGeometry(): { readonly basis: FilterBasis; readonly points: Float64Array; readonly hint: string } {
    const hint = "Give the output an irrep that the input has: on a point only equal irreps are connected.";
    return { basis: this.filterBasis(), points: new Float64Array(0), hint };
  }
}

/** The plane with a subgroup of O(2). Make it with the factories in factories.ts. */
export class GSpace2D extends GSpace {
  /** The id of the group in O(2). */
  readonly subgroupId: SubgroupId;
  readonly #subgroup: Subgroup;

  /** For the factories: the plane with the subgroup of O(2) that has an id. */
  constructor(subgroupId: SubgroupId) {
    const subgroup = o2Group().subgroup(subgroupId);
    super(`${subgroup.subgroup.name} on R2 ${subgroupKey(subgroup.id)}`, subgroup.subgroup, 2);
    this.subgroupId = subgroup.id;
    this.#subgroup = subgroup;
  }

  /** The rotation or reflection of the plane by an element: [2, 2], acting on (x, y). */
  baseSpaceAction(element: GroupElement): Float64Array {
    return o2Group().irrep(1, 1).matrix(this.#subgroup.inclusion(element));
  }

  /** The plane with a subgroup of the group. */
  restrict(subgroupId: SubgroupId | SubgroupIdPart): RestrictedGSpace {
    const subgroup = this.fibergroup.subgroup(subgroupIdOf(subgroupId));
    const combined = o2Group().combineSubgroups(this.subgroupId, subgroup.id);
    return { gspace: new GSpace2D(combined), subgroup };
  }

  /** Circular harmonics on Gaussian rings. */
  filterBasis(rings: readonly Ring[], maximumFrequency: number, cutoffs?: readonly number[]): FilterBasis {
    // Without reflections the reference turns its harmonics by a quarter; with them the subgroup holds the axis.
    const axis = this.subgroupId[0] === null ? Math.PI / 2 : 0;
    return new CircularShells({ subgroupId: this.subgroupId, rings, maximumFrequency, cutoffs, axis });
  }

  /** Rings and taps of a planar filter. */
  protected kernelGeometry(
    options: ConvolutionOptions,
  ): { readonly basis: FilterBasis; readonly points: Float64Array; readonly hint: string } {
    const { kernelSize, dilation = 1 } = options;
    const shape = typeof kernelSize === "number" ? [kernelSize, kernelSize] : kernelSize;
    if (shape.length !== 2) {
      throw new KernelError({
        op: `kernelTables of ${this.name}`,
        expected: "a kernelSize of one number, or of two: [vertical, horizontal]",
        actual: JSON.stringify(kernelSize),
      });
    }
    const { rings, cutoffs, maximumFrequency } = convolutionParameters(2, options);
    const highest = options.maximumFrequency === undefined
      ? maximumFrequency
      : Math.min(options.maximumFrequency, Math.max(...cutoffs));
    const points = gridCoordinates(shape, dilation);
    const basis = this.filterBasis(rings, highest, cutoffs);
    const centre = shape.every((size) => size % 2 === 1);
    const hint = centre
      ? "Use a larger kernelSize, more rings, a higher frequenciesCutoff, or fields that share irreps."
      : `An even kernelSize has no tap in the middle: use an odd one, or give rings and sigma that reach the taps, such as rings: [${
        (dilation * Math.sqrt(0.5)).toFixed(4)
      }], sigma: 0.6.`;
    return { basis, points, hint };
  }
}
