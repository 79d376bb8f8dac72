/**
 * Convolutions (cross-correlations, as in PyTorch) in one to three spatial axes and their transposes. Forward pass, input
 * gradient and weight gradient are three bilinear operations that are closed under differentiation, which gives derivatives of
 * every order.
 */

import { allocateTensor, commonBackend, needsGrad, record } from "./core.ts";
import {
  type ConvolutionGeometry,
  convolutionGeometry,
  type ConvolutionOptions,
  type PerAxis,
  perAxis,
  perSide,
} from "./conv_geometry.ts";
import { productOptions } from "./autocast.ts";
import { isFloat } from "./dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import { sumAlong } from "./fused.ts";
import { formatShape, type Shape } from "./layout.ts";
import type { Tensor } from "./tensor.ts";

/** Options of {@linkcode convolution}. */
export interface ConvolutionCallOptions extends ConvolutionOptions {
  /** A number `[outChannels]` for each output channel, added to it. Default: none. */
  readonly bias?: Tensor;
}

/** Options of {@linkcode convolutionTransposed}. */
export interface ConvolutionTransposedOptions extends ConvolutionCallOptions {
  /** Rows, columns, … added at the end of the output, less than stride or dilation. Default 0. */
  readonly outputPadding?: PerAxis;
}

const inputShape = (g: ConvolutionGeometry): Shape => [g.batch, g.inChannels, ...g.inputSize];
const outputShape = (g: ConvolutionGeometry): Shape => [g.batch, g.outChannels, ...g.outputSize];
const weightShape = (g: ConvolutionGeometry): Shape => [g.outChannels, g.inChannels / g.groups, ...g.kernelSize];

/** Zeros where a pass has nothing to add up: the backends are not asked about empty batches, channels or outputs. */
function fillZeros(tensor: Tensor): void {
  const expressions = [E.constant(0, tensor.dtype)];
  tensor.backend.map({ expressions, shape: tensor.shape, inputs: [], scalars: [], outputs: [tensor] });
}

/** `output` from `input` and `weight`, with a bias added in place. */
function forward(geometry: ConvolutionGeometry, input: Tensor, weight: Tensor, bias: Tensor | undefined): Tensor {
  const { backend, dtype } = input;
  const output = allocateTensor(backend, outputShape(geometry), dtype);
  if (input.size === 0 || weight.size === 0) fillZeros(output);
  else backend.convolution({ geometry, input, weight, output, ...productOptions() });
  if (bias !== undefined) addBias(output, bias);
  const operands = bias === undefined ? [input, weight] : [input, weight, bias];
  if (needsGrad(operands)) {
    record("convolution", operands, [output], [input, weight], ([gradient], [x, w], needs) => [
      needs[0] ? inputGradient(geometry, gradient!, w) : undefined,
      needs[1] ? weightGradient(geometry, x, gradient!) : undefined,
      needs[2] ? sumChannels(gradient!) : undefined,
    ]);
  }
  return output;
}

/** The input's gradient from the output's gradient and the weight; also the transposed convolution. */
function inputGradient(
  geometry: ConvolutionGeometry,
  output: Tensor,
  weight: Tensor,
  bias?: Tensor,
): Tensor {
  const { backend, dtype } = output;
  const input = allocateTensor(backend, inputShape(geometry), dtype);
  if (output.size === 0 || weight.size === 0) fillZeros(input);
  else backend.convolutionInputGradient({ geometry, input, weight, output, ...productOptions() });
  if (bias !== undefined) addBias(input, bias);
  const operands = bias === undefined ? [output, weight] : [output, weight, bias];
  if (needsGrad(operands)) {
    record("convolutionTransposed", operands, [input], [output, weight], ([gradient], [y, w], needs) => [
      needs[0] ? forward(geometry, gradient!, w, undefined) : undefined,
      needs[1] ? weightGradient(geometry, gradient!, y) : undefined,
      needs[2] ? sumChannels(gradient!) : undefined,
    ]);
  }
  return input;
}

/** The weight's gradient from the input and the output's gradient. */
function weightGradient(geometry: ConvolutionGeometry, input: Tensor, output: Tensor): Tensor {
  const { backend, dtype } = input;
  const weight = allocateTensor(backend, weightShape(geometry), dtype);
  if (input.size === 0 || output.size === 0) fillZeros(weight);
  else backend.convolutionWeightGradient({ geometry, input, weight, output, ...productOptions() });
  if (needsGrad([input, output])) {
    record("convolutionWeightGradient", [input, output], [weight], [input, output], ([gradient], [x, y], needs) => [
      needs[0] ? inputGradient(geometry, y, gradient!) : undefined,
      needs[1] ? forward(geometry, x, gradient!, undefined) : undefined,
    ]);
  }
  return weight;
}

/** `output[:, c] += bias[c]` on a tensor that nobody else has seen yet. */
function addBias(output: Tensor, bias: Tensor): void {
  const { dtype, shape } = output;
  const strides = shape.map((_, axis) => axis === 1 ? bias.strides[0] : 0);
  output.backend.map({
    expressions: [E.add(E.input(0, dtype), E.input(1, dtype))],
    shape,
    inputs: [output, { buffer: bias.buffer, dtype, shape, strides, offset: bias.offset }],
    scalars: [],
    outputs: [output],
  });
}

/** The bias's gradient: the sum over all axes but the channels'. */
function sumChannels(gradient: Tensor): Tensor {
  const axes = gradient.shape.map((_, axis) => axis).filter((axis) => axis !== 1);
  return sumAlong(gradient, axes, [gradient.shape[1]]);
}

function validate(op: string, x: Tensor, weight: Tensor, bias: Tensor | undefined, channels: number): void {
  const operands = bias === undefined ? [x, weight] : [x, weight, bias];
  commonBackend(operands, op);
  if (operands.some((operand) => operand.dtype !== x.dtype) || !isFloat(x.dtype)) {
    throw new DTypeError({
      op,
      expected: "operands of one float type",
      actual: operands.map((operand) => operand.describe()).join(", "),
      hint: "Convert with cast()",
    });
  }
  if (bias !== undefined && (bias.rank !== 1 || bias.size !== channels)) {
    throw new ShapeError({ op, expected: `a bias [${channels}]`, actual: formatShape(bias.shape) });
  }
}

/**
 * The convolution of `x` `[batch, channels, …spatial]` with `weight` `[out, channels / groups, …taps]`, 1 to 3 spatial axes:
 * `y[n, o, p] = Σ x[n, c, p·stride + t·dilation − padding] · w[o, c, t] + bias[o]`.
 * Throws {@linkcode ShapeError}, {@linkcode DTypeError} or {@linkcode ArgumentError} where the operands do not fit together.
 *
 * @example
 * ```ts
 * import { convolution, ones, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const y = convolution(ones([1, 1, 3, 3]), ones([1, 1, 3, 3]), { padding: 1 });
 * assertEquals(await y.data(), new Float32Array([4, 6, 4, 6, 9, 6, 4, 6, 4]));
 * ```
 */
export function convolution(x: Tensor, weight: Tensor, options: ConvolutionCallOptions = {}): Tensor {
  const geometry = convolutionGeometry(x.shape, weight.shape, options, "convolution");
  validate("convolution", x, weight, options.bias, geometry.outChannels);
  return forward(geometry, x, weight, options.bias);
}

/**
 * The geometry of a transposed convolution of `x` `[batch, channels, …spatial]` with a filter `[channels, out / groups, …taps]`: that
 * of the convolution whose adjoint it is, from `[batch, out, …]` to `[batch, channels, …]`.
 */
export function transposedGeometry(
  x: Shape,
  weight: Shape,
  options: Omit<ConvolutionTransposedOptions, "bias">,
  op: string,
): ConvolutionGeometry {
  const axes = x.length - 2;
  if (axes < 1 || axes > 3 || weight.length !== x.length || weight[0] !== x[1]) {
    throw new ShapeError({
      op,
      expected: "input [batch, channels, …spatial] and filter [channels, out / groups, …taps] with 1 to 3 spatial axes",
      actual: `${formatShape(x)} and ${formatShape(weight)}`,
    });
  }
  const stride = perAxis(options.stride ?? 1, axes, "stride", 1, op);
  const dilation = perAxis(options.dilation ?? 1, axes, "dilation", 1, op);
  const sides = perSide(options.padding ?? 0, axes, op);
  const extra = perAxis(options.outputPadding ?? 0, axes, "outputPadding", 0, op);
  const groups = options.groups ?? 1;
  const size = stride.map((step, axis) => {
    if (extra[axis] >= Math.max(step, dilation[axis])) {
      throw new ArgumentError({
        op,
        expected: `outputPadding less than stride or dilation along axis ${axis}`,
        actual: String(extra[axis]),
      });
    }
    const reach = dilation[axis] * (weight[axis + 2] - 1) + 1;
    const whole = (x[axis + 2] - 1) * step + reach + extra[axis] - sides[axis][0] - sides[axis][1];
    if (x[axis + 2] < 1 || whole < 1) {
      throw new ShapeError({
        op,
        expected: "an output of at least one element along each axis",
        actual: String(whole),
      });
    }
    return whole;
  });
  const outChannels = weight[1] * groups;
  return convolutionGeometry([x[0], outChannels, ...size], weight, { stride, dilation, padding: sides, groups }, op);
}

/**
 * The transposed convolution: the adjoint of a convolution with the same options, of `x` `[batch, channels, …spatial]` with `weight`
 * `[channels, out / groups, …taps]`. The output's spatial size is
 * `(size − 1) · stride − padding + dilation · (taps − 1) + outputPadding + 1`, with the padding of both sides.
 */
export function convolutionTransposed(
  x: Tensor,
  weight: Tensor,
  options: ConvolutionTransposedOptions = {},
): Tensor {
  const op = "convolutionTransposed";
  const geometry = transposedGeometry(x.shape, weight.shape, options, op);
  validate(op, x, weight, options.bias, geometry.inChannels);
  return inputGradient(geometry, x, weight, options.bias);
}
