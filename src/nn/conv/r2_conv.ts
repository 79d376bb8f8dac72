/**
 * Steerable convolutions on the plane (Weiler & Cesa 2019) and their transposes.
 */

import type { RepresentationKind } from "../../group/types.ts";
import { convolutionGeometry, type PerAxis, perAxis } from "../../tensor/conv_geometry.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import type { Shape } from "../../tensor/layout.ts";
import { convolutionTransposed, type Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { Conv2d, ConvTranspose2d, paddedConvolution } from "../plain/convolution.ts";
import { RdConv, type SteerableConvolutionOptions } from "./rd_conv.ts";

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
export class R2Conv<K extends RepresentationKind = RepresentationKind> extends RdConv<K> {
  /** A convolution from `inType` to `outType` with filters of `kernelSize` × `kernelSize`. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: number,
    options: SteerableConvolutionOptions = {},
  ) {
    super(2, inType, outType, kernelSize, options);
  }

  /** The convolved feature map. Throws FieldTypeError for another type, ShapeError for an input smaller than the filter. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    const { padding, stride, dilation, groups, paddingMode } = this.settings;
    const { filter, bias } = this.expanded(input.tensor.dtype as FloatDType);
    const result = paddedConvolution(input.tensor, filter, {
      bias,
      stride,
      padding,
      dilation: [dilation, dilation],
      groups,
      paddingMode,
    });
    return new GeometricTensor(result, this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const { padding, stride, dilation, groups } = this.settings;
    const weight = [this.outType.size, this.inType.size / groups, this.kernelSize, this.kernelSize];
    const geometry = convolutionGeometry(inputShape, weight, { padding, stride, dilation, groups }, "R2Conv");
    return [inputShape[0], this.outType.size, ...geometry.outputSize];
  }

  /** A plain convolution with the expanded filter and the same options. */
  override export(): Conv2d {
    const { padding, stride, dilation, groups, paddingMode } = this.settings;
    const target = new Conv2d(this.inType.size, this.outType.size, this.kernelSize, {
      padding,
      stride,
      dilation,
      groups,
      paddingMode,
      bias: this.bias !== undefined,
      initialize: false,
      dtype: this.weights.dtype as FloatDType,
    });
    return this.fill(target);
  }
}

/** Options of transposed steerable convolutions. */
export interface SteerableConvolutionTransposedOptions extends Omit<SteerableConvolutionOptions, "paddingMode"> {
  /** Rows added to one side of the output, so that a stride has a well-defined inverse. Default 0. */
  readonly outputPadding?: PerAxis;
}

/**
 * Transposed steerable convolution on the plane, for upsampling: the adjoint of a convolution with the same geometry, with a
 * steerable filter from `inType` to `outType`.
 */
export class R2ConvTransposed<K extends RepresentationKind = RepresentationKind> extends RdConv<K> {
  /** Rows added to one side of the output, for each axis. */
  readonly outputPadding: readonly number[];

  /** A transposed convolution from `inType` to `outType` with filters of `kernelSize` × `kernelSize`. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: number,
    options: SteerableConvolutionTransposedOptions = {},
  ) {
    super(2, inType, outType, kernelSize, options);
    this.outputPadding = perAxis(options.outputPadding ?? 0, 2, "outputPadding", 0, "R2ConvTransposed");
  }

  /** The filter with the axes of a transposed convolution, `[in channels, out channels / groups, …taps]`. */
  protected override arrangeFilter(filter: Tensor): Tensor {
    const { groups } = this.settings;
    const [out, perGroup, ...taps] = filter.shape;
    const [height, width] = taps;
    return filter.reshape([groups, out / groups, perGroup, height, width])
      .permute([0, 2, 1, 3, 4])
      .reshape([groups * perGroup, out / groups, height, width]);
  }

  /** The result. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    const { padding, stride, dilation, groups } = this.settings;
    const { filter, bias } = this.expanded(input.tensor.dtype as FloatDType);
    const result = convolutionTransposed(input.tensor, filter, {
      bias,
      stride,
      padding,
      outputPadding: this.outputPadding,
      dilation: [dilation, dilation],
      groups,
    });
    return new GeometricTensor(result, this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const { padding, stride, dilation } = this.settings;
    const spatial = inputShape.slice(2).map((size, axis) =>
      (size - 1) * stride[axis] - 2 * padding[axis] + dilation * (this.kernelSize - 1) + this.outputPadding[axis] + 1
    );
    return [inputShape[0], this.outType.size, ...spatial];
  }

  /** A plain transposed convolution with the expanded filter and the same options. */
  override export(): ConvTranspose2d {
    const { padding, stride, dilation, groups } = this.settings;
    const target = new ConvTranspose2d(this.inType.size, this.outType.size, this.kernelSize, {
      padding,
      stride,
      dilation,
      groups,
      outputPadding: this.outputPadding,
      bias: this.bias !== undefined,
      initialize: false,
      dtype: this.weights.dtype as FloatDType,
    });
    return this.fill(target);
  }
}
