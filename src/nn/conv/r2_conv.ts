/**
 * Steerable convolutions on the plane (Weiler & Cesa 2019) and their transposes.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { PerAxis } from "../../tensor/conv_geometry.ts";
import type { FieldType } from "../field_type.ts";
import { Conv2d, ConvTranspose2d } from "../plain/convolution.ts";
import { GridConv, GridConvTransposed, type SteerableConvolutionTransposedOptions } from "./grid_conv.ts";
import type { SteerableConvolutionOptions } from "./rd_conv.ts";

/**
 * Steerable convolution on the plane: `[batch, in channels, height, width]` of `inType` → `[batch, out channels, …]` of
 * `outType`. A cross-correlation with a filter K that satisfies K(g x) = ρ_out(g) K(x) ρ_in(g)⁻¹ for every symmetry g.
 *
 * Throws FieldTypeError for types on other spaces, EmptyBasisError when there is no filter at all (a kernel that is too small),
 * ArgumentError for options out of range, before anything is allocated.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, R2Conv, randn, gspaces, seed, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const space = gspaces.rot2dOnR2(8);
 * const rgb = new FieldType(space, [space.trivialRepr, space.trivialRepr, space.trivialRepr]);
 * const features = new FieldType(space, [space.regularRepr, space.regularRepr]);
 * const conv = new R2Conv(rgb, features, 5, { padding: 2 });
 * const y = conv.forward(new GeometricTensor(randn([1, 3, 9, 9]), rgb));
 * assertEquals(y.shape, [1, 16, 9, 9]);
 * ```
 */
export class R2Conv<K extends RepresentationKind = RepresentationKind> extends GridConv<K> {
  /** A convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis, or `[vertical, horizontal]` taps. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionOptions = {},
  ) {
    super(2, inType, outType, kernelSize, options);
  }

  /** A plain convolution with the expanded filter and the same options. */
  override export(): Conv2d {
    return this.fill(new Conv2d(...this.plainArguments()));
  }
}

/**
 * Transposed steerable convolution on the plane, for upsampling: the adjoint of a convolution with the same geometry, with a
 * steerable filter from `inType` to `outType`. Throws as {@linkcode R2Conv} does.
 */
export class R2ConvTransposed<K extends RepresentationKind = RepresentationKind> extends GridConvTransposed<K> {
  /** A transposed convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionTransposedOptions = {},
  ) {
    super(2, inType, outType, kernelSize, options);
  }

  /** A plain transposed convolution with the expanded filter and the same options. */
  override export(): ConvTranspose2d {
    return this.fill(new ConvTranspose2d(...this.plainArguments()));
  }
}
