/**
 * Plans of fused computations: the expressions of a `map` or `mapReduce` together with those of its derivative, which is again
 * such a computation. Everything here is symbolic and cached; `fused.ts` runs it on tensors.
 */

import { type DType, isFloat } from "./dtype.ts";
import { ArgumentError } from "./errors.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import { gradientExpressions } from "./expr_derivative.ts";
import type { ReduceOp } from "./expr_ops.ts";

/** Inputs are numbered in 31-bit masks. */
const MAX_INPUTS = 30;

/**
 * The derivative of a plan for some of its inputs. Its operands are numbered as the inputs (0 to n − 1), the gradients of
 * the outputs (n to n + m − 1), then for each output j its value (n + m + 2j) and the number of elements that attain it
 * (n + m + 2j + 1), which maxima and minima need.
 */
export interface GradientKernel {
  /** Inputs that have a derivative, ascending: `plan.expressions[i]` is that of `targets[i]`. */
  readonly targets: readonly number[];
  /** The computation over the operands that it uses. */
  readonly plan: FusedPlan;
  /** Numbers of the operands that it uses. */
  readonly operands: readonly number[];
}

/** A fused computation; equal ones are the same object. */
export class FusedPlan {
  /** One for each output. */
  readonly expressions: readonly Expr[];
  /** Types of the inputs. */
  readonly inputs: readonly DType[];
  /** How each output is reduced; `undefined` for a map. */
  readonly reductions: readonly ReduceOp[] | undefined;
  /** Types of the outputs. */
  readonly outputs: readonly DType[];
  readonly #kernels = new Map<number | string, GradientKernel>();
  #differentiable: number | undefined;

  /** Use {@linkcode fusedPlan}. */
  constructor(expressions: readonly Expr[], inputs: readonly DType[], reductions: readonly ReduceOp[] | undefined) {
    this.expressions = expressions;
    this.inputs = inputs;
    this.reductions = reductions;
    this.outputs = expressions.map((expression) => expression.dtype);
  }

  /** The mask of all outputs. */
  get allOutputs(): number {
    return 2 ** this.outputs.length - 1;
  }

  /** The mask of the inputs on which some output depends in a differentiable way. */
  get differentiable(): number {
    if (this.#differentiable === undefined) {
      if (this.inputs.length > MAX_INPUTS || this.outputs.length > MAX_INPUTS) {
        throw new ArgumentError({
          op: "map",
          expected: `at most ${MAX_INPUTS} inputs and outputs where a gradient is wanted`,
          actual: `${this.inputs.length} and ${this.outputs.length}`,
        });
      }
      const { targets } = this.gradient(2 ** this.inputs.length - 1, this.allOutputs);
      this.#differentiable = targets.reduce((mask, index) => mask | 1 << index, 0);
    }
    return this.#differentiable;
  }

  /** The derivative with respect to the inputs in a mask, given gradients of the outputs in a mask. */
  gradient(inputMask: number, outputMask: number): GradientKernel {
    // A number where it is exact, for speed.
    const key = inputMask < 2 ** 20 ? inputMask * 2 ** 31 + outputMask : `${inputMask} ${outputMask}`;
    let kernel = this.#kernels.get(key);
    if (kernel === undefined) {
      kernel = this.#derive(inputMask, outputMask);
      this.#kernels.set(key, kernel);
    }
    return kernel;
  }

  #derive(inputMask: number, outputMask: number): GradientKernel {
    const n = this.inputs.length;
    const m = this.outputs.length;
    const roots: Expr[] = [];
    const seeds: Expr[] = [];
    for (let j = 0; j < m; j++) {
      const dtype = this.outputs[j];
      if (!isFloat(dtype) || (outputMask & 1 << j) === 0) continue;
      const g = E.input(n + j, dtype);
      const value = E.input(n + m + 2 * j, dtype);
      const count = E.input(n + m + 2 * j + 1, dtype);
      const extremal = this.reductions !== undefined && this.reductions[j] !== "sum";
      roots.push(this.expressions[j]);
      seeds.push(extremal ? E.select(E.eq(this.expressions[j], value), E.div(g, count), 0) : g);
    }
    const wanted: number[] = [];
    for (let i = 0; i < n; i++) if ((inputMask & 1 << i) !== 0 && isFloat(this.inputs[i])) wanted.push(i);
    const gradients = gradientExpressions(roots, seeds, wanted);
    const targets: number[] = [];
    const expressions: Expr[] = [];
    gradients.forEach((gradient, i) => {
      if (gradient === undefined) return;
      targets.push(wanted[i]);
      expressions.push(gradient);
    });
    return { targets, ...compactPlan(expressions, undefined) };
  }

  /** The reduction that counts the elements which attain the extremal output `j`: operands are inputs and, last, its value. */
  tieCount(j: number): { readonly plan: FusedPlan; readonly operands: readonly number[] } {
    const dtype = this.outputs[j];
    const value = E.input(this.inputs.length + this.outputs.length + 2 * j, dtype);
    return compactPlan([E.cast(E.eq(this.expressions[j], value), dtype)], ["sum"]);
  }
}

/** Renumbers the inputs of expressions without gaps: the plan, and which inputs they were. */
function compactPlan(
  expressions: readonly Expr[],
  reductions: readonly ReduceOp[] | undefined,
): { readonly plan: FusedPlan; readonly operands: readonly number[] } {
  const dtypes = new Map<number, DType>();
  for (const node of E.topologicalOrder(expressions)) if (node.kind === "input") dtypes.set(node.index, node.dtype);
  const operands = [...dtypes.keys()].sort((a, b) => a - b);
  const position = new Map(operands.map((operand, i) => [operand, i]));
  const compacted = expressions.map((expression) =>
    E.substitute(expression, (index, dtype) => E.input(position.get(index)!, dtype))
  );
  return { plan: fusedPlan(compacted, operands.map((operand) => dtypes.get(operand)!), reductions), operands };
}

const plans = new Map<string, FusedPlan>();

/** The plan of these expressions over inputs of these types. */
export function fusedPlan(
  expressions: readonly Expr[],
  inputs: readonly DType[],
  reductions?: readonly ReduceOp[],
): FusedPlan {
  let key = "";
  for (const expression of expressions) key += expression.key;
  for (const dtype of inputs) key += dtype;
  if (reductions !== undefined) { for (const reduction of reductions) key += reduction; }
  let plan = plans.get(key);
  if (plan === undefined) {
    plan = new FusedPlan(expressions, inputs, reductions);
    plans.set(key, plan);
  }
  return plan;
}
