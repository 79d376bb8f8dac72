/**
 * A Euclidean base space with the group of its symmetries that a network respects: how the group moves points, which
 * representations its fields may have, and which convolution kernels are steerable.
 */

import { showAsText } from "../console_text.ts";
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
import type { DiffopOptions } from "../kernels/diffop_basis.ts";
import type { PointBasisOptions } from "../kernels/basis_parameters.ts";
import { type FilterBasis, PointFilter } from "../kernels/filter_basis.ts";
import { type BasisFilter, type ConvolutionOptions, KernelTables } from "../kernels/kernel_tables.ts";
import type { RadialProfile, Ring } from "../kernels/radial.ts";
import { maximumDifference } from "../math/linear_algebra.ts";
import { type GridTransform, gridTransform, type GridTransformOptions } from "./grid_transform.ts";

/** What decides the kernels of a convolution on points. */
export interface PointConvolutionOptions extends PointBasisOptions {
  /** The radial functions, in the place of Gaussian rings. */
  readonly radial?: RadialProfile;
  /** The highest frequency of all rings. Default: the integer part of the greatest band-limit. */
  readonly maximumFrequency?: number;
  /** How far harmonics may be aliased at most. Default: as far as the frequencies go. */
  readonly maximumOffset?: number;
  /** Which basis elements to keep. Default all. */
  readonly basisFilter?: BasisFilter;
}

/** A space that was restricted to a subgroup of its symmetries. */
export interface RestrictedGSpace {
  /** The space with fewer symmetries. */
  readonly gspace: GSpace;
  /** The subgroup with its inclusion and restriction. */
  readonly subgroup: Subgroup;
}

/** Filters, the points where they are sampled, and what would give kernels where there are none. */
export interface KernelGeometry {
  /** The filters. */
  readonly basis: FilterBasis;
  /** The points, [count, dimension]. */
  readonly points: Float64Array;
  /** For the error of an empty basis. */
  readonly hint: string;
}

/** A base space and a group that acts on it and on the fibers of its fields. */
export abstract class GSpace {
  /** For people. */
  readonly name: string;
  /** The group. */
  readonly fibergroup: Group;
  /** The dimension of the base space: 0, 1, 2 or 3. */
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
  /**
   * The scalar filters that kernels are built from: harmonics up to a frequency times Gaussian rings or any radial functions.
   *
   * @param rings The rings or the profile.
   * @param maximumFrequency The highest frequency.
   * @param cutoffs The highest frequency of each ring. Default: the same everywhere.
   */
  abstract filterBasis(
    rings: readonly Ring[] | RadialProfile,
    maximumFrequency: number,
    cutoffs?: readonly number[],
  ): FilterBasis;
  /** The rings, band-limits and points of a kernel. */
  protected abstract kernelGeometry(options: ConvolutionOptions): KernelGeometry;
  /** The stencils of differential operators. Throws {@linkcode KernelError} where there are none. */
  protected abstract diffopGeometry(options: DiffopOptions): KernelGeometry;
  /** The filters of a convolution on points. Throws {@linkcode KernelError} where there are none. */
  protected abstract pointGeometry(options: PointConvolutionOptions): KernelGeometry;

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
    const { kernelSize, dilation = 1, rings, sigma, frequenciesCutoff, maximumFrequency, maximumOffset } = options;
    const cacheable = options.basisFilter === undefined && typeof frequenciesCutoff !== "function";
    const key = cacheable
      ? keyOf([kernelSize, dilation, rings, sigma, frequenciesCutoff, maximumFrequency, maximumOffset])
      : undefined;
    return this.#cached(key, () => {
      const { basis, points, hint } = this.kernelGeometry(options);
      return new KernelTables(basis, points, { basisFilter: options.basisFilter, maximumOffset, hint });
    });
  }

  /**
   * Steerable differential operators (Jenner & Weiler 2022) as tables for every pair of irreps: the functions are the stencils
   * of harmonic polynomials of the derivatives times powers of the Laplacian.
   *
   * @throws {@linkcode KernelError} for options that make no sense.
   *
   * @example
   * ```ts
   * import { gspaces } from "@escnn/escnn";
   * import { assertEquals } from "@std/assert";
   *
   * const space = gspaces.rot3dOnR3();
   * const tables = space.diffopTables({ maximumOrder: 2 });
   * // Scalars to scalars: the identity and the Laplacian. Vectors to scalars: the divergence. Vectors to vectors: also the curl.
   * const orders = (from: number, to: number) => tables.pair([from], [to]).paths.map(({ order }) => order);
   * assertEquals(orders(0, 0), [0, 2]);
   * assertEquals(orders(1, 0), [1]);
   * assertEquals(orders(1, 1), [0, 2, 1, 2]);
   * ```
   */
  diffopTables(options: DiffopOptions): KernelTables {
    const { basisFilter, maximumOffset, ...rest } = options;
    const key = basisFilter === undefined ? `diffop ${keyOf([rest, maximumOffset])}` : undefined;
    return this.#cached(key, () => {
      const { basis, points, hint } = this.diffopGeometry(options);
      return new KernelTables(basis, points, { basisFilter, maximumOffset, hint });
    });
  }

  /**
   * The steerable kernels of a convolution on points as tables: the coefficients of every element over the functions of
   * `tables.basis`, which is sampled at the edges. As in escnn elements are not normalized but multiplied by the size of the
   * output irrep.
   *
   * @throws {@linkcode KernelError} for options that make no sense.
   *
   * @example
   * ```ts
   * import { gspaces } from "@escnn/escnn";
   * import { assertEquals } from "@std/assert";
   *
   * const space = gspaces.rot3dOnR3();
   * const tables = space.pointKernelTables({ width: 2, ringCount: 3, maximumFrequency: 2 });
   * // From scalars to vectors: one element on each ring but the one at the origin.
   * assertEquals(tables.pair([0], [1]).pathCount, 2);
   * const values = tables.basis.sample(Float64Array.of(0.5, -1, 0.2));
   * assertEquals(values.length, tables.functionCount);
   * ```
   */
  pointKernelTables(options: PointConvolutionOptions): KernelTables {
    const { basisFilter, maximumOffset } = options;
    const { basis, points, hint } = this.pointGeometry(options);
    const scaling = { normalize: false, scaleBySize: true, dropBelow: 0 };
    return new KernelTables(basis, points, { ...scaling, basisFilter, maximumOffset, hint });
  }

  /** The intertwiners of the fibers, kernels on a single point, for 1 × 1 convolutions and linear maps. */
  fiberTables(): KernelTables {
    return this.#cached("fiber", () => new KernelTables(new PointFilter(this.fibergroup), new Float64Array(0)));
  }

  #cached(key: string | undefined, make: () => KernelTables): KernelTables {
    let tables = key === undefined ? undefined : this.#tables.get(key);
    if (tables === undefined) {
      tables = make();
      if (key !== undefined) this.#tables.set(key, tables);
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

  static {
    showAsText(this.prototype);
  }
}

// JSON that tells NaN and infinities from what is not given.
function keyOf(values: readonly unknown[]): string {
  return JSON.stringify(values, (_, v) => typeof v === "number" && v - v !== 0 ? String(v) : v);
}
