/**
 * Binary operations on floats with a constant operand that have shorter code than the general row of `emit_ops.ts`, with the
 * same result in all special cases: simple powers, and limits (a ReLU is one).
 */

import { isFloat } from "../../src/tensor/dtype.ts";
import type { BinaryExpr, Expr } from "../../src/tensor/expr.ts";
import { CONSTANT_POWERS } from "./emit_power.ts";
import type { Code, FloatLanes } from "./lanes.ts";

/** The operand that is not constant, and the code of the operation on it. */
export interface ConstantOperation {
  /** The operand. */
  readonly operand: Expr;
  /** The operation on its lanes. */
  readonly emit: (v: FloatLanes, x: Code) => Code;
  /** Rough number of instructions. */
  readonly cost: number;
}

/** The shorter code of an operation with a constant operand; `undefined` where there is none. */
export function constantOperation(node: BinaryExpr): ConstantOperation | undefined {
  const { op, left, right } = node;
  if (!isFloat(node.dtype)) return undefined;
  if (op === "pow" && right.kind === "constant") {
    const emit = CONSTANT_POWERS.get(right.value);
    return emit && { operand: left, emit, cost: 3 };
  }
  if (op !== "maximum" && op !== "minimum") return undefined;
  if (right.kind === "constant") return limit(op, left, right.value);
  return left.kind === "constant" ? limit(op, right, left.value) : undefined;
}

/**
 * The limits of the engine for any two operands take about eight instructions, because either may be NaN or a zero of the other
 * sign. `pmax(x, c)` is one: x where x ≥ c or x is NaN. It leaves −0 where the limit 0 has to win, which adding 0 mends.
 */
function limit(op: "maximum" | "minimum", operand: Expr, bound: number): ConstantOperation | undefined {
  if (Number.isNaN(bound)) return undefined;
  if (op === "minimum") {
    return Object.is(bound, -0) ? undefined : { operand, emit: (v, x) => v.atMost(x, bound), cost: 1 };
  }
  const emit = Object.is(bound, 0)
    ? (v: FloatLanes, x: Code): Code => v.add(v.atLeast(x, 0), 0)
    : (v: FloatLanes, x: Code): Code => v.atLeast(x, bound);
  return { operand, emit, cost: 2 };
}
