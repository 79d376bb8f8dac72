/**
 * Plain convolutions (cross-correlations, as in PyTorch) on one to three spatial axes, and their transposes.
 */

import { convolution, convolutionTransposed, pad, type Tensor } from "../../tensor/mod.ts";
import { type Padding, type PerAxis, perAxis, perSide } from "../../tensor/conv_geometry.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { checkInput, Layer } from "./layer.ts";
import { checkCounts, uniform } from "./linear.ts";

/** How an input is continued beyond its edges, as in PyTorch. */
export type PaddingMode = "zeros" | "reflect" | "replicate" | "circular";

const PADDING_MODES: readonly string[] = ["zeros", "reflect", "replicate", "circular"];

/** Padding of a layer as `[before, after]` for each axis. */
export type Sides = readonly (readonly [number, number])[];

/**
 * Padding as `[before, after]` for each axis. `"same"` makes outputs of size ⌈size / stride⌉: what the taps reach over in all,
 * half of it on each side and the odd one at the end. Throws ArgumentError for any other word, fractions and negative numbers.
 */
export function resolvePadding(
  op: string,
  padding: Padding | "same",
  kernelSize: readonly number[],
  dilation: readonly number[],
): Sides {
  if (typeof padding === "string") {
    if (padding !== "same") {
      throw new ArgumentError({ op, expected: 'padding as numbers or "same"', actual: JSON.stringify(padding) });
    }
    return kernelSize.map((size, axis): [number, number] => {
      const reach = dilation[axis] * (size - 1), before = Math.floor(reach / 2);
      return [before, reach - before];
    });
  }
  return perSide(padding, kernelSize.length, op);
}

/** The mode, checked. Throws ArgumentError for an unknown one. */
export function requirePaddingMode(op: string, mode: PaddingMode): PaddingMode {
  if (PADDING_MODES.includes(mode)) return mode;
  throw new ArgumentError({ op, expected: `a paddingMode of ${PADDING_MODES.join(", ")}`, actual: String(mode) });
}

/**
 * Rows added at the end of a transposed convolution's output, checked to be less than stride or dilation: more has no inverse.
 * Throws ArgumentError.
 */
export function resolveOutputPadding(
  op: string,
  outputPadding: PerAxis,
  stride: readonly number[],
  dilation: readonly number[],
): readonly number[] {
  const extra = perAxis(outputPadding, stride.length, "outputPadding", 0, op);
  extra.forEach((rows, axis) => {
    const limit = Math.max(stride[axis], dilation[axis]);
    if (rows < limit) return;
    throw new ArgumentError({
      op,
      expected: `outputPadding less than stride or dilation, ${limit}, along axis ${axis}`,
      actual: String(rows),
    });
  });
  return extra;
}

/** Options as text: nothing where all are neutral. */
export function describeAxes(name: string, values: readonly number[], neutral?: number): string[] {
  return values.every((value) => value === neutral) ? [] : [`${name} ${values.join("x")}`];
}

/** Padding as text: nothing where there is none. */
export function describeSides(sides: Sides): string[] {
  if (sides.every(([before, after]) => before === 0 && after === 0)) return [];
  return [`padding ${sides.map(([before, after]) => before === after ? before : `${before}+${after}`).join("x")}`];
}

/** Options of convolutions. Arrays over axes are in array order: `[vertical, horizontal]`, `[depth, vertical, horizontal]`. */
export interface ConvolutionLayerOptions {
  /** Step between neighbouring outputs. Default 1. */
  readonly stride?: PerAxis;
  /** Padding: of all sides, of each axis, `[before, after]` of each axis, or `"same"`. Default 0. */
  readonly padding?: Padding | "same";
  /** Distance between neighbouring taps. Default 1. */
  readonly dilation?: PerAxis;
  /** Number of blocks into which the channels are divided. Default 1. */
  readonly groups?: number;
  /** What stands in the padding. Default zeros. */
  readonly paddingMode?: PaddingMode;
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /** Whether weight and bias start uniform in ±1/√(inputs of an output); else they are zero, to be loaded. Default true. */
  readonly initialize?: boolean;
  /** Element type of weight and bias. Default float32. */
  readonly dtype?: FloatDType;
}

/** Pads the spatial axes of `[batch, channels, …spatial]` in a mode other than zeros. */
export function padSpatial(input: Tensor, sides: Sides, mode: PaddingMode): Tensor {
  return pad(input, sides, { mode });
}

/** A convolution with padding of any mode: padding with zeros is the convolution's own, other modes come before it. */
export function paddedConvolution(
  input: Tensor,
  weight: Tensor,
  options: {
    readonly bias?: Tensor;
    readonly stride: readonly number[];
    readonly padding: readonly (number | readonly [number, number])[];
    readonly dilation: readonly number[];
    readonly groups: number;
    readonly paddingMode: PaddingMode;
  },
): Tensor {
  const { bias, stride, dilation, groups, paddingMode } = options;
  const sides = perSide(options.padding, input.rank - 2, "convolution");
  const inside = paddingMode === "zeros" || sides.every(([before, after]) => before === 0 && after === 0);
  const source = inside ? input : padSpatial(input, sides, paddingMode);
  return convolution(source, weight, { bias, stride, padding: inside ? sides : 0, dilation, groups });
}

/** What convolutions and their transposes share: sizes, options, parameters. */
export abstract class ConvolutionBase extends Layer {
  /** Channels of the input. */
  readonly inChannels: number;
  /** Channels of the output. */
  readonly outChannels: number;
  /** Sizes of the filter, in array order. */
  readonly kernelSize: readonly number[];
  /** Step between outputs, one for each axis. */
  readonly stride: readonly number[];
  /** Padding as `[before, after]`, one pair for each axis. */
  readonly padding: Sides;
  /** Distance between taps, one for each axis. */
  readonly dilation: readonly number[];
  /** Blocks of channels. */
  readonly groups: number;
  /** What stands in the padding. */
  readonly paddingMode: PaddingMode;
  /** Whether there is a bias. */
  readonly hasBias: boolean;
  readonly #axes: number;

  /** A layer on `axes` spatial axes. Throws ArgumentError for options out of range. */
  constructor(
    axes: number,
    transposed: boolean,
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvolutionLayerOptions,
  ) {
    super();
    const op = this.constructor.name;
    const { groups = 1, paddingMode = "zeros", bias = true, initialize = true, dtype = "float32" } = options;
    checkCounts(op, inChannels, outChannels);
    if (!Number.isInteger(groups) || groups < 1 || inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new ArgumentError({
        op,
        expected: `groups that divide ${inChannels} input and ${outChannels} output channels`,
        actual: String(groups),
      });
    }
    this.#axes = axes;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perAxis(kernelSize, axes, "kernelSize", 1, op);
    this.stride = perAxis(options.stride ?? 1, axes, "stride", 1, op);
    this.dilation = perAxis(options.dilation ?? 1, axes, "dilation", 1, op);
    this.padding = resolvePadding(op, options.padding ?? 0, this.kernelSize, this.dilation);
    this.groups = groups;
    this.paddingMode = requirePaddingMode(op, paddingMode);
    this.hasBias = bias;
    const taps = this.kernelSize.reduce((a, b) => a * b, 1);
    const lead = transposed ? [inChannels, outChannels / groups] : [outChannels, inChannels / groups];
    const bound = initialize ? 1 / Math.sqrt(lead[1] * taps) : 0;
    this.addParameter("weight", uniform([...lead, ...this.kernelSize], bound, dtype));
    if (bias) this.addParameter("bias", uniform([outChannels], bound, dtype));
  }

  /** The filter. */
  get weight(): Tensor {
    return this.parameter("weight");
  }

  /** [outChannels], if there is one. */
  get bias(): Tensor | undefined {
    return this.hasBias ? this.parameter("bias") : undefined;
  }

  /** Throws ShapeError unless the input fits. */
  protected check(input: Tensor): void {
    const axes = ["length", "height, width", "depth, height, width"][this.#axes - 1];
    checkInput(this.constructor.name, input.shape, [2 + this.#axes], this.inChannels, `[batch, channels, ${axes}]`);
  }

  /** The options as text. */
  protected override describe(): string {
    const parts = [
      `${this.inChannels} -> ${this.outChannels}`,
      ...describeAxes("kernelSize", this.kernelSize),
      ...describeAxes("stride", this.stride, 1),
      ...describeSides(this.padding),
      ...describeAxes("dilation", this.dilation, 1),
      ...describeAxes("groups", [this.groups], 1),
    ];
    if (this.paddingMode !== "zeros") parts.push(this.paddingMode);
    if (!this.hasBias) parts.push("no bias");
    return parts.join(", ");
  }
}

/** A convolution on any number of spatial axes. */
export abstract class Convolution extends ConvolutionBase {
  /** A layer on `axes` spatial axes. */
  constructor(axes: number, inC: number, outC: number, kernelSize: PerAxis, options: ConvolutionLayerOptions) {
    super(axes, false, inC, outC, kernelSize, options);
  }

  /** `[batch, inChannels, …spatial]` → `[batch, outChannels, …]`. Throws ShapeError for another shape. */
  override forward(input: Tensor): Tensor {
    this.check(input);
    return paddedConvolution(input, this.weight.cast(input.dtype), {
      bias: this.bias?.cast(input.dtype),
      stride: this.stride,
      padding: this.padding,
      dilation: this.dilation,
      groups: this.groups,
      paddingMode: this.paddingMode,
    });
  }
}

/** Convolution of `[batch, channels, length]`. Parameters: `weight` [out, in / groups, k], `bias` [out]. */
export class Conv1d extends Convolution {
  /** A convolution from `inChannels` to `outChannels` with filters of `kernelSize`. */
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, options: ConvolutionLayerOptions = {}) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/**
 * Convolution of `[batch, channels, height, width]`. Parameters: `weight` [out, in / groups, k, k], `bias` [out].
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { plain, useBackend, zeros } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const layer = new plain.Conv2d(3, 8, 5, { padding: 2, stride: 2 });
 * assertEquals(layer.forward(zeros([1, 3, 9, 9])).shape, [1, 8, 5, 5]);
 * ```
 */
export class Conv2d extends Convolution {
  /** A convolution from `inChannels` to `outChannels` with filters of `kernelSize`. */
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, options: ConvolutionLayerOptions = {}) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/** Convolution of `[batch, channels, depth, height, width]`. Parameters: `weight` [out, in / groups, k, k, k], `bias` [out]. */
export class Conv3d extends Convolution {
  /** A convolution from `inChannels` to `outChannels` with filters of `kernelSize`. */
  constructor(inChannels: number, outChannels: number, kernelSize: PerAxis, options: ConvolutionLayerOptions = {}) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}

/** Options of transposed convolutions. */
export interface ConvolutionTransposedLayerOptions extends Omit<ConvolutionLayerOptions, "paddingMode" | "padding"> {
  /** Rows taken off the output: of all sides, of each axis, or `[before, after]` of each axis. Default 0. */
  readonly padding?: Padding;
  /** Rows added to one side of the output, so that a stride has a well-defined inverse. Default 0. */
  readonly outputPadding?: PerAxis;
}

/** A transposed convolution on any number of spatial axes. */
export abstract class ConvolutionTransposed extends ConvolutionBase {
  /** Rows added to one side of the output. */
  readonly outputPadding: readonly number[];

  /** A layer on `axes` spatial axes. */
  constructor(
    axes: number,
    inC: number,
    outC: number,
    kernelSize: PerAxis,
    options: ConvolutionTransposedLayerOptions,
  ) {
    super(axes, true, inC, outC, kernelSize, options);
    const { stride, dilation } = this;
    this.outputPadding = resolveOutputPadding(this.constructor.name, options.outputPadding ?? 0, stride, dilation);
  }

  /** `[batch, inChannels, …spatial]` → `[batch, outChannels, …]`. Throws ShapeError for another shape. */
  override forward(input: Tensor): Tensor {
    this.check(input);
    return convolutionTransposed(input, this.weight.cast(input.dtype), {
      bias: this.bias?.cast(input.dtype),
      stride: this.stride,
      padding: this.padding,
      outputPadding: this.outputPadding,
      dilation: this.dilation,
      groups: this.groups,
    });
  }
}

/** Transposed convolution of `[batch, channels, length]`. Parameters: `weight` [in, out / groups, k], `bias` [out]. */
export class ConvTranspose1d extends ConvolutionTransposed {
  /** A transposed convolution from `inChannels` to `outChannels` with filters of `kernelSize`. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvolutionTransposedLayerOptions = {},
  ) {
    super(1, inChannels, outChannels, kernelSize, options);
  }
}

/** Transposed convolution of `[batch, channels, height, width]`. Parameters: `weight` [in, out / groups, k, k], `bias` [out]. */
export class ConvTranspose2d extends ConvolutionTransposed {
  /** A transposed convolution from `inChannels` to `outChannels` with filters of `kernelSize`. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvolutionTransposedLayerOptions = {},
  ) {
    super(2, inChannels, outChannels, kernelSize, options);
  }
}

/** Transposed convolution of `[batch, channels, depth, height, width]`. Parameters: `weight` [in, out / groups, k, k, k], `bias` [out]. */
export class ConvTranspose3d extends ConvolutionTransposed {
  /** A transposed convolution from `inChannels` to `outChannels` with filters of `kernelSize`. */
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerAxis,
    options: ConvolutionTransposedLayerOptions = {},
  ) {
    super(3, inChannels, outChannels, kernelSize, options);
  }
}
