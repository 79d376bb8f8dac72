/**
 * Steerable partial differential operators (Jenner & Weiler, Steerable Partial Differential Operators for Equivariant Neural
 * Networks, 2022) as layers: convolutions whose filters are stencils of gradients, divergences, curls and Laplacians.
 */

import type { RepresentationKind } from "../../group/types.ts";
import { diffopGrid, type DiffopOptions } from "../../kernels/diffop_basis.ts";
import type { KernelTables } from "../../kernels/kernel_tables.ts";
import type { FieldType } from "../field_type.ts";
import { Conv1d, Conv2d, Conv3d } from "../plain/convolution.ts";
import { GridConv } from "./grid_conv.ts";
import { checkTypes, type SteerableConvolutionOptions } from "./rd_conv.ts";

/** Options of layers of differential operators: of the geometry as for convolutions, of the stencils as for `diffopTables`. */
export interface SteerableDiffopOptions
  extends
    Omit<SteerableConvolutionOptions, "rings" | "sigma" | "frequenciesCutoff" | "maximumOffset" | "basisFilter">,
    Omit<DiffopOptions, "maximumOrder" | "dilation"> {}

/** The taps along each axis that the options ask for, or that finite differences of the order need. */
function tapsOf(dimension: 1 | 2 | 3, options: DiffopOptions): readonly number[] {
  const { kernelSize } = options;
  if (kernelSize !== undefined && typeof kernelSize !== "number") return kernelSize;
  const points = diffopGrid(dimension, options).length / dimension;
  const size = Math.round(dimension === 1 ? points : dimension === 2 ? Math.sqrt(points) : Math.cbrt(points));
  return new Array<number>(dimension).fill(size);
}

/**
 * Steerable partial differential operators: a learned combination of all operators up to an order that commute with the group,
 * discretized as stencils (finite differences, derivatives of Gaussians, or RBF-FD). Elements are normalized as those of
 * convolutions are, and weights mean the same.
 *
 * Throws FieldTypeError for types on other spaces, EmptyBasisError when there is no operator, KernelError for stencils that are
 * too small.
 *
 * @example
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { FieldType, gspaces, R2Diffop, seed, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const space = gspaces.rot2dOnR2();
 * const scalar = new FieldType(space, space.trivialRepr), vector = new FieldType(space, space.irrep(1));
 * // Gradient and rotated gradient: the operators of order 1 from scalars to vectors.
 * const gradient = new R2Diffop(scalar, vector, 1, { padding: "same" });
 * assertEquals([gradient.weights.size, gradient.kernelSize], [2, [3, 3]]);
 * const { maxExact } = await gradient.checkEquivariance({ size: 7 });
 * assert(maxExact < 1e-12);
 * ```
 */
export abstract class DiffopConv<K extends RepresentationKind = RepresentationKind> extends GridConv<K> {
  /** The highest order of the operators. */
  readonly maximumOrder: number;

  /** Operators from `inType` to `outType` on a space of a dimension. */
  constructor(
    dimension: 1 | 2 | 3,
    inType: FieldType,
    outType: FieldType<K>,
    maximumOrder: number,
    options: SteerableDiffopOptions,
  ) {
    checkTypes(new.target.name, dimension, inType, outType);
    const stencils: DiffopOptions = {
      maximumOrder,
      maximumPower: options.maximumPower,
      discretization: options.discretization,
      kernelSize: options.kernelSize,
      dilation: options.dilation,
      accuracy: options.accuracy,
      smoothing: options.smoothing,
      radialFunction: options.radialFunction,
      exponent: options.exponent,
      width: options.width,
      polynomialDegree: options.polynomialDegree,
      maximumOffset: options.maximumOffset,
      basisFilter: options.basisFilter,
    };
    const tables = (): KernelTables => inType.gspace.diffopTables(stencils);
    super(dimension, inType, outType, tapsOf(dimension, stencils), options, tables);
    this.maximumOrder = maximumOrder;
  }

  /** The options as text. */
  protected override describe(): string {
    return `${super.describe()}, maximumOrder ${this.maximumOrder}`;
  }
}

/**
 * Steerable partial differential operators on the line: `[batch, in channels, length]` of `inType` → `[batch, out channels, …]` of
 * `outType`. See {@linkcode DiffopConv}.
 */
export class R1Diffop<K extends RepresentationKind = RepresentationKind> extends DiffopConv<K> {
  /** Operators from `inType` to `outType` up to `maximumOrder`. */
  constructor(inType: FieldType, outType: FieldType<K>, maximumOrder: number, options: SteerableDiffopOptions = {}) {
    super(1, inType, outType, maximumOrder, options);
  }

  /** A plain convolution with the expanded stencils and the same options. */
  override export(): Conv1d {
    return this.fill(new Conv1d(...this.plainArguments()));
  }
}

/**
 * Steerable partial differential operators on the plane: `[batch, in channels, height, width]` of `inType` → `[batch, out channels, …]` of
 * `outType`. See {@linkcode DiffopConv}.
 */
export class R2Diffop<K extends RepresentationKind = RepresentationKind> extends DiffopConv<K> {
  /** Operators from `inType` to `outType` up to `maximumOrder`. */
  constructor(inType: FieldType, outType: FieldType<K>, maximumOrder: number, options: SteerableDiffopOptions = {}) {
    super(2, inType, outType, maximumOrder, options);
  }

  /** A plain convolution with the expanded stencils and the same options. */
  override export(): Conv2d {
    return this.fill(new Conv2d(...this.plainArguments()));
  }
}

/**
 * Steerable partial differential operators in space: `[batch, in channels, depth, height, width]` of `inType` → `[batch, out channels, …]` of
 * `outType`. See {@linkcode DiffopConv}.
 */
export class R3Diffop<K extends RepresentationKind = RepresentationKind> extends DiffopConv<K> {
  /** Operators from `inType` to `outType` up to `maximumOrder`. */
  constructor(inType: FieldType, outType: FieldType<K>, maximumOrder: number, options: SteerableDiffopOptions = {}) {
    super(3, inType, outType, maximumOrder, options);
  }

  /** A plain convolution with the expanded stencils and the same options. */
  override export(): Conv3d {
    return this.fill(new Conv3d(...this.plainArguments()));
  }
}
