/**
 * Symbolic derivatives of scalar expressions by reverse accumulation: an exhaustive table for each kind of operation, and a
 * sweep over the expression's graph that shares common subtrees and skips what no wanted input reaches.
 */

import { isFloat } from "./dtype.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import type { BinaryOp, UnaryOp } from "./expr_ops.ts";

/** From the gradient `g` of `y = op(x)` that of `x`; `undefined` where the derivative is zero. */
export type UnaryDerivative = ((g: Expr, x: Expr, y: Expr) => Expr) | undefined;

/** From the gradient `g` of `y = op(a, b)` that of one operand; `undefined` where the derivative is zero. */
export type BinaryDerivative = ((g: Expr, a: Expr, b: Expr, y: Expr) => Expr) | undefined;

/** Derivatives of all unary operations. At kinks that of the middle: `abs` has 0 at 0. */
export const UNARY_DERIVATIVES: { readonly [Op in UnaryOp]: UnaryDerivative } = {
  neg: (g) => E.neg(g),
  abs: (g, x) => E.mul(g, E.unary("sign", x)),
  sign: undefined,
  floor: undefined,
  ceil: undefined,
  round: undefined,
  trunc: undefined,
  sqrt: (g, _x, y) => E.div(E.mul(g, 0.5), y),
  exp: (g, _x, y) => E.mul(g, y),
  expm1: (g, x) => E.mul(g, E.exp(x)),
  log: (g, x) => E.div(g, x),
  log1p: (g, x) => E.div(g, E.add(x, 1)),
  sin: (g, x) => E.mul(g, E.unary("cos", x)),
  cos: (g, x) => E.neg(E.mul(g, E.unary("sin", x))),
  tanh: (g, _x, y) => E.mul(g, E.sub(1, E.square(y))),
  sigmoid: (g, _x, y) => E.mul(g, E.mul(y, E.sub(1, y))),
  not: undefined,
};

/** The share of an operand that wins a comparison: all, or half in a tie. */
const share = (g: Expr, winner: Expr, a: Expr, b: Expr): Expr =>
  E.select(winner, g, E.select(E.eq(a, b), E.mul(g, 0.5), 0));

/** Derivatives of all binary operations with respect to the left and the right operand. */
export const BINARY_DERIVATIVES: { readonly [Op in BinaryOp]: { left: BinaryDerivative; right: BinaryDerivative } } = {
  add: { left: (g) => g, right: (g) => g },
  sub: { left: (g) => g, right: (g) => E.neg(g) },
  mul: { left: (g, _a, b) => E.mul(g, b), right: (g, a) => E.mul(g, a) },
  div: { left: (g, _a, b) => E.div(g, b), right: (g, _a, b, y) => E.neg(E.div(E.mul(g, y), b)) },
  mod: {
    left: (g) => g,
    right: (g, a, b) => E.neg(E.mul(g, E.unary("floor", E.div(a, b)))),
  },
  pow: {
    // 0 · x^(−1) would be NaN at x = 0 for an exponent of 0.
    left: (g, a, b) => {
      const derivative = E.mul(g, E.mul(b, E.pow(a, E.sub(b, 1))));
      return b.kind === "constant" && b.value !== 0 ? derivative : E.select(E.eq(b, 0), 0, derivative);
    },
    // 0 ^ y is constant for y > 0, although log 0 is −∞.
    right: (g, a, _b, y) => E.select(E.eq(a, 0), 0, E.mul(g, E.mul(y, E.log(a)))),
  },
  minimum: {
    left: (g, a, b) => share(g, E.lt(a, b), a, b),
    right: (g, a, b) => share(g, E.lt(b, a), a, b),
  },
  maximum: {
    left: (g, a, b) => share(g, E.gt(a, b), a, b),
    right: (g, a, b) => share(g, E.gt(b, a), a, b),
  },
  atan2: {
    left: (g, a, b) => E.div(E.mul(g, b), E.add(E.square(a), E.square(b))),
    right: (g, a, b) => E.neg(E.div(E.mul(g, a), E.add(E.square(a), E.square(b)))),
  },
  and: { left: undefined, right: undefined },
  or: { left: undefined, right: undefined },
  xor: { left: undefined, right: undefined },
};

/** Whether a node is the constant zero. */
export function isZero(node: Expr): boolean {
  return node.kind === "constant" && node.value === 0;
}

/**
 * The derivatives of `Σⱼ seeds[j] · roots[j]` with respect to the inputs numbered in `wanted`, as expressions over the inputs and
 * whatever the seeds contain; `undefined` where the derivative is zero everywhere. Roots must be of float types.
 */
export function gradientExpressions(
  roots: readonly Expr[],
  seeds: readonly Expr[],
  wanted: readonly number[],
): (Expr | undefined)[] {
  const order = E.topologicalOrder(roots);
  const active = new Set<Expr>();
  for (const node of order) {
    if (!isFloat(node.dtype)) continue;
    const reached = node.kind === "input"
      ? wanted.includes(node.index)
      : E.operandsOf(node).some((operand) => active.has(operand));
    if (reached) active.add(node);
  }
  const adjoints = new Map<Expr, Expr>();
  const accumulate = (node: Expr, value: Expr): void => {
    if (!active.has(node) || isZero(value)) return;
    const present = adjoints.get(node);
    adjoints.set(node, present === undefined ? value : E.add(present, value));
  };
  roots.forEach((root, i) => accumulate(root, seeds[i]));
  for (let i = order.length - 1; i >= 0; i--) {
    const node = order[i];
    const g = adjoints.get(node);
    if (g !== undefined) propagate(node, g, active, accumulate);
  }
  return wanted.map((index) => {
    const found = order.find((node) => node.kind === "input" && node.index === index);
    return found === undefined ? undefined : adjoints.get(found);
  });
}

function propagate(
  node: Expr,
  g: Expr,
  active: ReadonlySet<Expr>,
  accumulate: (node: Expr, value: Expr) => void,
): void {
  switch (node.kind) {
    case "unary": {
      const derivative = UNARY_DERIVATIVES[node.op];
      if (derivative !== undefined) accumulate(node.operand, derivative(g, node.operand, node));
      return;
    }
    case "binary": {
      const { left, right } = BINARY_DERIVATIVES[node.op];
      if (left !== undefined && active.has(node.left)) accumulate(node.left, left(g, node.left, node.right, node));
      if (right !== undefined && active.has(node.right)) accumulate(node.right, right(g, node.left, node.right, node));
      return;
    }
    case "select":
      accumulate(node.whenTrue, E.select(node.condition, g, 0));
      accumulate(node.whenFalse, E.select(node.condition, 0, g));
      return;
    case "cast":
      accumulate(node.operand, E.cast(g, node.operand.dtype));
      return;
    case "input":
    case "constant":
    case "scalar":
    case "index":
    case "compare":
    case "random":
      return;
  }
}
