/**
 * Checks derivatives against central differences in float64: for a random direction in the outputs, each element of each input
 * is moved both ways. The second order checks the derivative of the derivative in the same way.
 */

import { grad } from "./autograd.ts";
import { enableGrad, noGrad } from "./context.ts";
import { tensor } from "./creation.ts";
import { describeError, DTypeError, type ErrorDetails } from "./errors.ts";
import { isFloat } from "./dtype.ts";
import { philox4x32 } from "./philox.ts";
import { scope } from "./scope.ts";
import type { Tensor } from "./tensor.ts";

/** A derivative that differs from the difference quotient. */
export class GradcheckError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Which input, from 0. */
  readonly input: number;
  /** Which of its elements, as row-major position. */
  readonly element: number;
  /** What automatic differentiation gave. */
  readonly analytic: number;
  /** What the difference quotient gave. */
  readonly numeric: number;

  /** Makes the error from its facts. */
  constructor(op: string, input: number, element: number, analytic: number, numeric: number) {
    const details: ErrorDetails = {
      op,
      expected: `${numeric} (central difference) as the derivative by element ${element} of input ${input}`,
      actual: `${analytic} (automatic differentiation)`,
    };
    super(describeError(details));
    this.name = "GradcheckError";
    this.details = details;
    this.input = input;
    this.element = element;
    this.analytic = analytic;
    this.numeric = numeric;
  }
}

/** Options of {@linkcode gradcheck}. */
export interface GradcheckOptions {
  /** Step of the central difference. Default 1e-5. */
  readonly eps?: number;
  /** Greatest difference, absolute for derivatives below 1, relative above. Default 1e-7 (second order: 1e-6). */
  readonly tolerance?: number;
  /** Check second derivatives as well. Default false. */
  readonly secondOrder?: boolean;
}

/** A function of tensors. */
export type TensorFunction = (...inputs: Tensor[]) => Tensor | readonly Tensor[];

/** Fixed numbers in (−1, 1) without structure, so that no direction is special. */
function direction(count: number, stream: number): Float64Array {
  return Float64Array.from({ length: count }, (_, i) => philox4x32([0x5eed, stream], [i, 0, 0, 0])[0] / 2 ** 31 - 1);
}

const listOf = (result: Tensor | readonly Tensor[]): readonly Tensor[] =>
  Array.isArray(result) ? result as readonly Tensor[] : [result as Tensor];

function requireFloat64(tensors: readonly Tensor[], what: string): void {
  for (const tensor of tensors) {
    if (tensor.dtype !== "float64") {
      throw new DTypeError({
        op: "gradcheck",
        expected: `float64 ${what}`,
        actual: tensor.describe(),
        hint: 'Convert with cast("float64"): float32 is too coarse for difference quotients',
      });
    }
  }
}

async function checkFirstOrder(
  op: string,
  fn: TensorFunction,
  inputs: readonly Tensor[],
  eps: number,
  tolerance: number,
): Promise<void> {
  const backend = inputs[0].backend;
  const values = await Promise.all(inputs.map((input) => input.data()));
  const leavesOf = (data: readonly ArrayLike<number>[]): Tensor[] =>
    data.map((elements, i) => tensor(Float64Array.from(elements), inputs[i].shape, { backend }));
  const project = async (data: readonly ArrayLike<number>[]): Promise<number> => {
    const outputs = listOf(fn(...leavesOf(data))).filter((output) => isFloat(output.dtype));
    let total = 0;
    for (let j = 0; j < outputs.length; j++) {
      const elements = await outputs[j].data();
      const weights = direction(elements.length, j);
      for (let k = 0; k < elements.length; k++) total += elements[k] * weights[k];
    }
    return total;
  };
  const analytic = await scope(async () => {
    const leaves = leavesOf(values).map((leaf) => leaf.requireGrad());
    const outputs = listOf(fn(...leaves)).filter((output) => isFloat(output.dtype));
    requireFloat64(outputs, "outputs");
    const weights = outputs.map((output, j) => tensor(direction(output.size, j), output.shape, { backend }));
    const gradients = grad(outputs, leaves, { gradOutputs: weights, allowUnused: true });
    return await Promise.all(gradients.map((gradient) => gradient.data()));
  });
  for (let i = 0; i < inputs.length; i++) {
    for (let k = 0; k < values[i].length; k++) {
      const quotient = (step: number): Promise<number> =>
        scope(async () => {
          const moved = values.map((elements) => Float64Array.from(elements));
          moved[i][k] += step;
          return await noGrad(() => project(moved));
        });
      const numeric = (await quotient(eps) - await quotient(-eps)) / (2 * eps);
      const found = analytic[i][k];
      if (!(Math.abs(numeric - found) <= tolerance * Math.max(1, Math.abs(numeric)))) {
        throw new GradcheckError(op, i, k, found, numeric);
      }
    }
  }
}

/**
 * Throws {@linkcode GradcheckError} (input, element, both numbers) unless the derivatives of `fn` at `inputs` (float64) agree with
 * central differences. `fn` must be smooth there and give the same result for the same inputs. With `secondOrder` the
 * derivatives of the gradient (with respect to inputs and output gradients) are checked as well.
 *
 * @example
 * ```ts
 * import { gradcheck, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const x = tensor([0.3, -1.2, 2], { dtype: "float64" });
 * await gradcheck((a) => a.mul(a.sin()), [x], { secondOrder: true });
 * ```
 */
export async function gradcheck(
  fn: TensorFunction,
  inputs: readonly Tensor[],
  options: GradcheckOptions = {},
): Promise<void> {
  requireFloat64(inputs, "inputs");
  const { eps = 1e-5, secondOrder = false } = options;
  await checkFirstOrder("gradcheck", fn, inputs, eps, options.tolerance ?? 1e-7);
  if (!secondOrder) return;
  const backend = inputs[0].backend;
  const shapes = scope(() =>
    noGrad(() => listOf(fn(...inputs)).filter((output) => isFloat(output.dtype)).map((output) => output.shape))
  );
  const seeds = shapes.map((shape, j) => {
    const count = shape.reduce((a, b) => a * b, 1);
    return tensor(direction(count, 1000 + j), shape, { backend });
  });
  const gradient: TensorFunction = (...operands) => {
    const arguments_ = operands.slice(0, inputs.length);
    const weights = operands.slice(inputs.length);
    // Outside a recording (the difference quotients) the gradient still needs a graph of its own.
    const leaves = arguments_.map((operand) => operand.requiresGrad ? operand : operand.detach().requireGrad());
    return enableGrad(() => {
      const outputs = listOf(fn(...leaves)).filter((output) => isFloat(output.dtype));
      return grad(outputs, leaves, { gradOutputs: weights, createGraph: true, allowUnused: true });
    });
  };
  await checkFirstOrder("gradcheck (second order)", gradient, [...inputs, ...seeds], eps, options.tolerance ?? 1e-6);
  for (const seedTensor of seeds) seedTensor.dispose();
}
