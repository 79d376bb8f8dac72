/**
 * Convolution by a plan (`steerable_plan.ts`): harmonics of the input, contracted to planes, times weights. Forward pass and both
 * gradients are three bilinear operations that are closed under differentiation, as those of an ordinary convolution; on
 * backends without them they are composed of depthwise convolutions and matrix products.
 */

import { productOptions } from "./autocast.ts";
import type { Backend } from "./backend.ts";
import { type ConvolutionTransposedOptions, transposedGeometry } from "./conv.ts";
import { allocateTensor, commonBackend, needsGrad, record } from "./core.ts";
import { type ConvolutionGeometry, convolutionGeometry, type ConvolutionOptions } from "./conv_geometry.ts";
import { isFloat } from "./dtype.ts";
import { DTypeError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import { formatShape } from "./layout.ts";
import { composeSteerableConvolution, composeSteerableTransposed } from "./steerable_composition.ts";
import type { SteerablePlan } from "./steerable_plan.ts";
import type { Tensor } from "./tensor.ts";
import { contiguous } from "./views.ts";

const METHODS = {
  output: "steerableConvolution",
  input: "steerableConvolutionInputGradient",
  weight: "steerableConvolutionWeightGradient",
} as const;

interface Problem {
  readonly geometry: ConvolutionGeometry;
  readonly plan: SteerablePlan;
}

function shapeOf({ geometry: g, plan }: Problem, role: keyof typeof METHODS): number[] {
  if (role === "weight") return [g.groups * plan.weightCount];
  return role === "input" ? [g.batch, g.inChannels, ...g.inputSize] : [g.batch, g.outChannels, ...g.outputSize];
}

/** Runs one of the three methods on row-major operands. */
function run(
  problem: Problem,
  result: keyof typeof METHODS,
  operands: { [role in keyof typeof METHODS]?: Tensor },
): Tensor {
  const given = Object.values(operands);
  const { backend, dtype } = given[0];
  const target = allocateTensor(backend, shapeOf(problem, result), dtype);
  if (given.some((operand) => operand.size === 0)) {
    backend.map({
      expressions: [E.constant(0, dtype)],
      shape: target.shape,
      inputs: [],
      scalars: [],
      outputs: [target],
    });
    return target;
  }
  const rows = Object.entries(operands).map(([role, operand]): [string, Tensor] => [role, contiguous(operand)]);
  const all = { ...Object.fromEntries(rows), [result]: target } as { [role in keyof typeof METHODS]: Tensor };
  if (target.size > 0) backend[METHODS[result]]!({ ...problem, ...all, ...productOptions() });
  for (const [, operand] of rows) operand.dispose();
  return target;
}

function forward(problem: Problem, input: Tensor, weight: Tensor): Tensor {
  const output = run(problem, "output", { input, weight });
  if (needsGrad([input, weight])) {
    record("steerableConvolution", [input, weight], [output], [input, weight], ([gradient], [x, w], needs) => [
      needs[0] ? inputGradient(problem, gradient!, w) : undefined,
      needs[1] ? weightGradient(problem, x, gradient!) : undefined,
    ]);
  }
  return output;
}

function inputGradient(problem: Problem, output: Tensor, weight: Tensor): Tensor {
  const input = run(problem, "input", { output, weight });
  if (needsGrad([output, weight])) {
    record(
      "steerableConvolutionTransposed",
      [output, weight],
      [input],
      [output, weight],
      ([gradient], [y, w], needs) => [
        needs[0] ? forward(problem, gradient!, w) : undefined,
        needs[1] ? weightGradient(problem, gradient!, y) : undefined,
      ],
    );
  }
  return input;
}

function weightGradient(problem: Problem, input: Tensor, output: Tensor): Tensor {
  const weight = run(problem, "weight", { input, output });
  if (needsGrad([input, output])) {
    record(
      "steerableConvolutionWeightGradient",
      [input, output],
      [weight],
      [input, output],
      ([gradient], [x, y], needs) => [
        needs[0] ? inputGradient(problem, y, gradient!) : undefined,
        needs[1] ? forward(problem, x, gradient!) : undefined,
      ],
    );
  }
  return weight;
}

function checkOperands(op: string, x: Tensor, weights: Tensor, count: number): void {
  commonBackend([x, weights], op);
  if (x.dtype !== weights.dtype || !isFloat(x.dtype)) {
    throw new DTypeError({
      op,
      expected: "operands of one float type",
      actual: `${x.describe()}, ${weights.describe()}`,
      hint: "Convert with cast()",
    });
  }
  if (weights.rank !== 1 || weights.size !== count) {
    throw new ShapeError({ op, expected: `weights [${count}]`, actual: formatShape(weights.shape) });
  }
}

/** Whether a backend has all three methods. */
function isNative(backend: Backend): boolean {
  return Object.values(METHODS).every((method) => backend[method] !== undefined);
}

/**
 * The convolution of `x` `[batch, groups · plan.inChannels, …spatial]` that `plan` and the flat weights `[groups · plan.weightCount]`
 * make: `[batch, groups · plan.outChannels, …]`. The options are those of an ordinary convolution with filters of
 * `plan.kernelSize`. Throws {@linkcode ShapeError}, {@linkcode DTypeError} or ArgumentError where the operands do not fit together.
 */
export function steerableConvolution(
  x: Tensor,
  weights: Tensor,
  plan: SteerablePlan,
  options: ConvolutionOptions = {},
): Tensor {
  const op = "steerableConvolution";
  const groups = options.groups ?? 1;
  const filter = [groups * plan.outChannels, plan.inChannels, ...plan.kernelSize];
  const geometry = convolutionGeometry(x.shape, filter, options, op);
  checkOperands(op, x, weights, groups * plan.weightCount);
  if (isNative(x.backend)) return forward({ geometry, plan }, x, weights);
  return composeSteerableConvolution(x, weights, plan, geometry);
}

/**
 * The adjoint of {@linkcode steerableConvolution} with the same plan, weights and options: from `[batch, groups · plan.outChannels,
 * …spatial]` to `[batch, groups · plan.inChannels, …]`, with the sizes of an ordinary transposed convolution. Throws as that does.
 */
export function steerableConvolutionTransposed(
  x: Tensor,
  weights: Tensor,
  plan: SteerablePlan,
  options: Omit<ConvolutionTransposedOptions, "bias"> = {},
): Tensor {
  const op = "steerableConvolutionTransposed";
  const groups = options.groups ?? 1;
  const filter = [groups * plan.outChannels, plan.inChannels, ...plan.kernelSize];
  const geometry = transposedGeometry(x.shape, filter, options, op);
  checkOperands(op, x, weights, groups * plan.weightCount);
  if (isNative(x.backend)) return inputGradient({ geometry, plan }, x, weights);
  return composeSteerableTransposed(x, weights, plan, geometry);
}
