/**
 * The meaning of scalar expressions: evaluates them at one point in float64, with int32 exact and wrapping. The reference
 * backend loops over this; every other backend's compiled kernels are held against it.
 */

import { type DType, type FloatDType, isFloat, roundTo } from "./dtype.ts";
import { ArgumentError } from "./errors.ts";
import { evaluateCast, type Expr, operandsOf, topologicalOrder } from "./expr.ts";
import { BINARY_OPS, COMPARE_OPS, UNARY_OPS } from "./expr_ops.ts";
import { bitsFromWords, normalFromWords, philox4x32, uniformFromWords } from "./philox.ts";

/** Where an expression is evaluated. Its arrays are read at each evaluation, so a caller may change them in between. */
export interface EvaluationPoint {
  /** Values of the input nodes; each is rounded to its node's dtype. */
  readonly inputs: ArrayLike<number>;
  /** Values of the scalar nodes; each is rounded to its node's dtype. */
  readonly scalars: ArrayLike<number>;
  /** Position along each axis. */
  readonly position: ArrayLike<number>;
  /** Row-major position. */
  readonly linear: number;
}

/** Evaluates its expressions at a point: `results[j]` becomes the value of the j-th, not yet rounded to its dtype if that is a float. */
export type Evaluator = (point: EvaluationPoint, results: Float64Array | number[]) => void;

type Step = (point: EvaluationPoint) => number;

/**
 * Compiles expressions into a function that evaluates them at one point. Floating-point nodes are computed in float64 and
 * not rounded in between (float32 inputs, scalars, constants and casts are); the caller rounds the result once.
 */
export function compileEvaluator(expressions: readonly Expr[]): Evaluator {
  const nodes = topologicalOrder(expressions);
  const slots = new Map(nodes.map((node, slot) => [node, slot]));
  const values = new Float64Array(nodes.length);
  const steps = nodes.map((node) => compileNode(node, values, operandsOf(node).map((operand) => slots.get(operand)!)));
  const outputs = expressions.map((expression) => slots.get(expression)!);
  return (point, results) => {
    for (let slot = 0; slot < steps.length; slot++) values[slot] = steps[slot](point);
    for (let j = 0; j < outputs.length; j++) results[j] = values[outputs[j]];
  };
}

/** The value of one expression at one point, rounded to the expression's dtype. */
export function evaluateExpression(expression: Expr, point: Partial<EvaluationPoint> = {}): number {
  const results = [0];
  compileEvaluator([expression])({ inputs: [], scalars: [], position: [], linear: 0, ...point }, results);
  return roundTo(expression.dtype, results[0]);
}

/** `array[index]` as an element of `dtype`; throws {@linkcode ArgumentError} where the point has no such number. */
function fetch(array: ArrayLike<number>, index: number, dtype: DType, name: string): number {
  if (!(index < array.length)) {
    throw new ArgumentError({
      op: "expression",
      expected: `at least ${index + 1} ${name}`,
      actual: String(array.length),
      hint: `Give a value for each of the expression's ${name}`,
    });
  }
  return roundTo(dtype, array[index]);
}

function compileNode(node: Expr, values: Float64Array, operands: readonly number[]): Step {
  const [a, b, c] = operands;
  switch (node.kind) {
    case "input": {
      const { index, dtype } = node;
      return (point) => fetch(point.inputs, index, dtype, "inputs");
    }
    case "scalar": {
      const { index, dtype } = node;
      return (point) => fetch(point.scalars, index, dtype, "scalars");
    }
    case "constant": {
      const value = node.value;
      return () => value;
    }
    case "index": {
      const axis = node.axis;
      if (axis === "linear") return (point) => point.linear | 0;
      return (point) => fetch(point.position, axis, "int32", "axes");
    }
    case "unary": {
      const { evaluate } = UNARY_OPS[node.op];
      const dtype = node.dtype;
      return isFloat(dtype) ? () => evaluate(values[a]) : () => roundTo(dtype, evaluate(values[a]));
    }
    case "binary": {
      const definition = BINARY_OPS[node.op];
      const dtype = node.dtype;
      if (isFloat(dtype)) {
        const evaluate = definition.evaluate;
        return () => evaluate(values[a], values[b]);
      }
      const evaluate = definition.evaluateInteger ?? definition.evaluate;
      return () => roundTo(dtype, evaluate(values[a], values[b]));
    }
    case "compare": {
      const evaluate = COMPARE_OPS[node.op];
      return () => evaluate(values[a], values[b]) ? 1 : 0;
    }
    case "select":
      return () => values[a] !== 0 ? values[b] : values[c];
    case "cast": {
      const from = node.operand.dtype;
      const to = node.dtype;
      return () => evaluateCast(from, to, values[a]);
    }
    case "random": {
      const [w0, w1, w2, w3, w4] = operands;
      const block = () => philox4x32([values[w0], values[w1]], [values[w2], values[w3], values[w4], 0]);
      const dtype = node.dtype as FloatDType;
      switch (node.distribution) {
        case "bits":
          return () => bitsFromWords(block(), node.word);
        case "uniform":
          return () => uniformFromWords(dtype, block());
        case "normal":
          return () => normalFromWords(dtype, block());
      }
    }
  }
}
