/**
 * Steerable convolutions on grids of any dimension and their transposes (Weiler & Cesa 2019; Cesa, Lang & Weiler 2022): what the
 * classes for the line, the plane and space share beyond the expansion of their filters.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { Backend } from "../../tensor/backend.ts";
import {
  type ConvolutionGeometry,
  convolutionGeometry,
  type Padding,
  type PerAxis,
  perAxis,
} from "../../tensor/conv_geometry.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import type { Shape } from "../../tensor/layout.ts";
import { transposedGeometry } from "../../tensor/conv.ts";
import { convolutionTransposed, currentBackend, type Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import {
  type ConvolutionLayerOptions,
  type ConvolutionTransposedLayerOptions,
  describeAxes,
  paddedConvolution,
  padSpatial,
  resolveOutputPadding,
} from "../plain/convolution.ts";
import type { ConvolutionPlan } from "./convolution_plan.ts";
import { RdConv, type SteerableConvolutionOptions, type TableMaker } from "./rd_conv.ts";

/** What the plain layers are made with: channels, sizes and options. */
export type PlainArguments<O> = readonly [
  inChannels: number,
  outChannels: number,
  kernelSize: readonly number[],
  options: O,
];

/** A steerable convolution of `[batch, in channels, …spatial]`. */
export abstract class GridConv<K extends RepresentationKind = RepresentationKind> extends RdConv<K> {
  /** The convolved feature map. Throws FieldTypeError for another type, ShapeError for an input smaller than the filter. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    const { padding, stride, dilation, groups, paddingMode } = this.settings;
    const { tensor: x } = input;
    const { plan, form } = this.plans.chooseToRun(this.#geometry(x.shape), x.dtype as FloatDType, x.backend);
    if (plan !== "dense") {
      const inside = paddingMode === "zeros" || padding.every(([before, after]) => before === 0 && after === 0);
      const source = inside ? x : padSpatial(x, padding, paddingMode);
      const options = { stride, padding: inside ? padding : 0, dilation: stride.map(() => dilation) };
      return new GeometricTensor(this.convolveBy(this.plans.get(plan, form), source, options), this.outType);
    }
    const { filter, bias } = this.expanded(x.dtype as FloatDType);
    const result = paddedConvolution(x, filter, {
      bias,
      stride,
      padding,
      dilation: stride.map(() => dilation),
      groups,
      paddingMode,
    });
    return new GeometricTensor(result, this.outType);
  }

  /** How an input `[batch, channels, …spatial]` of this shape is convolved on a backend. Default: the current one. */
  planFor(inputShape: Shape, backend: Backend = currentBackend()): ConvolutionPlan {
    return this.plans.choose(this.#geometry(inputShape), this.weights.dtype as FloatDType, backend).plan;
  }

  #geometry(inputShape: Shape): ConvolutionGeometry {
    const { padding, stride, dilation, groups } = this.settings;
    const weight = [this.outType.size, this.inType.size / groups, ...this.kernelSize];
    const options = { padding, stride, dilation: stride.map(() => dilation), groups };
    return convolutionGeometry(inputShape, weight, options, this.constructor.name);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...this.#geometry(inputShape).outputSize];
  }

  /** What a plain convolution of the same form is made with. */
  protected plainArguments(): PlainArguments<ConvolutionLayerOptions> {
    const { padding, stride, dilation, groups, paddingMode } = this.settings;
    return [this.inType.size, this.outType.size, this.kernelSize, {
      padding,
      stride,
      dilation,
      groups,
      paddingMode,
      bias: this.bias !== undefined,
      initialize: false,
      dtype: this.weights.dtype as FloatDType,
    }];
  }
}

/** Options of transposed steerable convolutions. */
export interface SteerableConvolutionTransposedOptions
  extends Omit<SteerableConvolutionOptions, "paddingMode" | "padding"> {
  /** Rows taken off the output: of all sides, of each axis, or `[before, after]` of each axis. Default 0. */
  readonly padding?: Padding;
  /** Rows added to one side of the output, so that a stride has a well-defined inverse. Default 0. */
  readonly outputPadding?: PerAxis;
}

function outputPaddingOf(
  op: string,
  dimension: number,
  { stride = 1, dilation = 1, outputPadding = 0 }: SteerableConvolutionTransposedOptions,
): readonly number[] {
  const strides = perAxis(stride, dimension, "stride", 1, op);
  const [step] = perAxis(dilation, 1, "dilation", 1, op);
  return resolveOutputPadding(op, outputPadding, strides, strides.map(() => step));
}

/** A transposed steerable convolution of `[batch, in channels, …spatial]`: the adjoint of one with the same geometry. */
export abstract class GridConvTransposed<K extends RepresentationKind = RepresentationKind> extends RdConv<K> {
  /** Rows added to one side of the output, for each axis. */
  readonly outputPadding: readonly number[];

  /** A transposed convolution from `inType` to `outType` on a space of a dimension. */
  constructor(
    dimension: number,
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionTransposedOptions,
    makeTables?: TableMaker,
  ) {
    // Checked before the base class allocates weights.
    const outputPadding = outputPaddingOf(new.target.name, dimension, options);
    super(dimension, inType, outType, kernelSize, options, makeTables);
    this.outputPadding = outputPadding;
  }

  /** The filter with the axes of a transposed convolution, `[in channels, out channels / groups, …taps]`. */
  protected override arrangeFilter(filter: Tensor): Tensor {
    const { groups } = this.settings;
    const [out, perGroup, ...taps] = filter.shape;
    return filter.reshape([groups, out / groups, perGroup, ...taps])
      .permute([0, 2, 1, ...taps.map((_, axis) => axis + 3)])
      .reshape([groups * perGroup, out / groups, ...taps]);
  }

  /** The result. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    const { tensor: x } = input, { stride, padding, dilation, groups } = this.settings;
    const options = { stride, padding, dilation: stride.map(() => dilation), outputPadding: this.outputPadding };
    const { plan, form } = this.plans.chooseToRun(this.#geometry(x.shape), x.dtype as FloatDType, x.backend, true);
    if (plan !== "dense") {
      return new GeometricTensor(this.convolveBy(this.plans.get(plan, form), x, options), this.outType);
    }
    const { filter, bias } = this.expanded(x.dtype as FloatDType);
    return new GeometricTensor(convolutionTransposed(x, filter, { ...options, bias, groups }), this.outType);
  }

  /** How an input `[batch, channels, …spatial]` of this shape is convolved on a backend. Default: the current one. */
  planFor(inputShape: Shape, backend: Backend = currentBackend()): ConvolutionPlan {
    return this.plans.choose(this.#geometry(inputShape), this.weights.dtype as FloatDType, backend, true).plan;
  }

  /** That of the convolution whose adjoint this is. */
  #geometry(inputShape: Shape): ConvolutionGeometry {
    const { stride, padding, dilation, groups } = this.settings;
    const weight = [this.inType.size, this.outType.size / groups, ...this.kernelSize];
    const options = {
      stride,
      padding,
      dilation: stride.map(() => dilation),
      outputPadding: this.outputPadding,
      groups,
    };
    return transposedGeometry(inputShape, weight, options, this.constructor.name);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const { padding, stride, dilation } = this.settings;
    const spatial = inputShape.slice(2).map((size, axis) =>
      (size - 1) * stride[axis] - padding[axis][0] - padding[axis][1] + dilation * (this.kernelSize[axis] - 1) +
      this.outputPadding[axis] + 1
    );
    return [inputShape[0], this.outType.size, ...spatial];
  }

  /** What a plain transposed convolution of the same form is made with. */
  protected plainArguments(): PlainArguments<ConvolutionTransposedLayerOptions> {
    const { padding, stride, dilation, groups } = this.settings;
    return [this.inType.size, this.outType.size, this.kernelSize, {
      padding,
      stride,
      dilation,
      groups,
      outputPadding: this.outputPadding,
      bias: this.bias !== undefined,
      initialize: false,
      dtype: this.weights.dtype as FloatDType,
    }];
  }

  /** The options as text. */
  protected override describe(): string {
    return [super.describe(), ...describeAxes("outputPadding", this.outputPadding, 0)].join(", ");
  }
}
