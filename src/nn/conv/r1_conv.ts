/**
 * Steerable convolutions on the line, with or without its reflection, and their transposes.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { PerAxis } from "../../tensor/conv_geometry.ts";
import type { FieldType } from "../field_type.ts";
import { Conv1d, ConvTranspose1d } from "../plain/convolution.ts";
import { GridConv, GridConvTransposed, type SteerableConvolutionTransposedOptions } from "./grid_conv.ts";
import type { SteerableConvolutionOptions } from "./rd_conv.ts";

/**
 * Steerable convolution on the line: `[batch, in channels, length]` of `inType` → `[batch, out channels, …]` of
 * `outType`. A cross-correlation with a filter K that satisfies K(g x) = ρ_out(g) K(x) ρ_in(g)⁻¹ for every symmetry g.
 *
 * Throws FieldTypeError for types on other spaces, EmptyBasisError when there is no filter at all (a kernel that is too small),
 * ArgumentError for options out of range, before anything is allocated.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { FieldType, gspaces, R1Conv, seed, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const space = gspaces.flipOnR1(); // a signal read backwards is the same signal
 * const signal = new FieldType(space, space.trivialRepr);
 * const features = new FieldType(space, space.regularRepr, 4);
 * const { maxExact } = await new R1Conv(signal, features, 5, { padding: "same" }).checkEquivariance();
 * assert(maxExact < 1e-12);
 * ```
 */
export class R1Conv<K extends RepresentationKind = RepresentationKind> extends GridConv<K> {
  /** A convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis, or `[horizontal]` taps. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionOptions = {},
  ) {
    super(1, inType, outType, kernelSize, options);
  }

  /** A plain convolution with the expanded filter and the same options. */
  override export(): Conv1d {
    return this.fill(new Conv1d(...this.plainArguments()));
  }
}

/**
 * Transposed steerable convolution on the line, for upsampling: the adjoint of a convolution with the same geometry, with a
 * steerable filter from `inType` to `outType`. Throws as {@linkcode R1Conv} does.
 */
export class R1ConvTransposed<K extends RepresentationKind = RepresentationKind> extends GridConvTransposed<K> {
  /** A transposed convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionTransposedOptions = {},
  ) {
    super(1, inType, outType, kernelSize, options);
  }

  /** A plain transposed convolution with the expanded filter and the same options. */
  override export(): ConvTranspose1d {
    return this.fill(new ConvTranspose1d(...this.plainArguments()));
  }
}
