/**
 * Steerable convolutions in space (Weiler et al. 2018; Cesa, Lang & Weiler 2022) and their transposes.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { PerAxis } from "../../tensor/conv_geometry.ts";
import type { FieldType } from "../field_type.ts";
import { Conv3d, ConvTranspose3d } from "../plain/convolution.ts";
import { GridConv, GridConvTransposed, type SteerableConvolutionTransposedOptions } from "./grid_conv.ts";
import type { SteerableConvolutionOptions } from "./rd_conv.ts";

/**
 * Steerable convolution in space: `[batch, in channels, depth, height, width]` of `inType` → `[batch, out channels, …]` of
 * `outType`. A cross-correlation with a filter K that satisfies K(g x) = ρ_out(g) K(x) ρ_in(g)⁻¹ for every symmetry g.
 *
 * Throws FieldTypeError for types on other spaces, EmptyBasisError when there is no filter at all (a kernel that is too small),
 * ArgumentError for options out of range, before anything is allocated.
 *
 * @example
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { FieldType, gspaces, R3Conv, seed, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const space = gspaces.octaOnR3();
 * const density = new FieldType(space, space.trivialRepr);
 * const features = new FieldType(space, [space.regularRepr]);
 * const conv = new R3Conv(density, features, 3, { padding: 1 });
 * assertEquals(conv.evaluateOutputShape([2, 1, 5, 5, 5]), [2, 24, 5, 5, 5]);
 * const { maxExact } = await conv.checkEquivariance({ size: 3, batch: 1 });
 * assert(maxExact < 1e-12);
 * ```
 */
export class R3Conv<K extends RepresentationKind = RepresentationKind> extends GridConv<K> {
  /** A convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis, or `[depth, vertical, horizontal]` taps. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionOptions = {},
  ) {
    super(3, inType, outType, kernelSize, options);
  }

  /** A plain convolution with the expanded filter and the same options. */
  override export(): Conv3d {
    return this.fill(new Conv3d(...this.plainArguments()));
  }
}

/**
 * Transposed steerable convolution in space, for upsampling: the adjoint of a convolution with the same geometry, with a
 * steerable filter from `inType` to `outType`. Throws as {@linkcode R3Conv} does.
 */
export class R3ConvTransposed<K extends RepresentationKind = RepresentationKind> extends GridConvTransposed<K> {
  /** A transposed convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionTransposedOptions = {},
  ) {
    super(3, inType, outType, kernelSize, options);
  }

  /** A plain transposed convolution with the expanded filter and the same options. */
  override export(): ConvTranspose3d {
    return this.fill(new ConvTranspose3d(...this.plainArguments()));
  }
}
