/**
 * Plain pointwise non-linearities, each one fused expression. The equivariant modules of the same names run the same
 * expressions, so that exports give the same bits.
 */

import { map, type Tensor } from "../../tensor/mod.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { Layer } from "./layer.ts";

/** max(x, 0) as an expression; NaN stays NaN, so that a loss shows it; the derivative at 0 is 0. */
export const reluExpression = (x: Expr): Expr => E.select(E.le(x, 0), 0, x);

/** x where x > 0, else α (eˣ − 1) (Clevert et al. 2015). */
export const eluExpression = (x: Expr, alpha: Expr): Expr => {
  // The exponential sees the negative part alone: elsewhere it could overflow and spoil the gradient.
  const negative = E.select(E.gt(x, 0), 0, x);
  return E.select(E.gt(x, 0), x, E.mul(alpha, E.unary("expm1", negative)));
};

/** x where x > 0, else slope · x. */
export const leakyReluExpression = (x: Expr, slope: Expr): Expr => E.select(E.gt(x, 0), x, E.mul(slope, x));

/** max(x, 0) for each element. */
export function relu(x: Tensor): Tensor {
  return map([x], reluExpression);
}

/** x where x > 0, else `alpha` (eˣ − 1), for each element. */
export function elu(x: Tensor, alpha = 1): Tensor {
  return map([x], eluExpression, { scalars: [alpha] });
}

/** x where x > 0, else `slope` · x, for each element. */
export function leakyRelu(x: Tensor, slope = 0.01): Tensor {
  return map([x], leakyReluExpression, { scalars: [slope] });
}

/** max(x, 0) for each element. */
export class ReLU extends Layer {
  /** The layer's result, of the input's shape. */
  override forward(input: Tensor): Tensor {
    return relu(input);
  }
}

/** x where x > 0, else `alpha` (eˣ − 1), for each element. */
export class ELU extends Layer {
  /** The limit for x → −∞ is −alpha. */
  readonly alpha: number;

  /** Options: `alpha` (default 1). */
  constructor({ alpha = 1 }: { readonly alpha?: number } = {}) {
    super();
    this.alpha = alpha;
  }

  /** The layer's result, of the input's shape. */
  override forward(input: Tensor): Tensor {
    return elu(input, this.alpha);
  }

  /** The options as text. */
  protected override describe(): string {
    return `alpha ${this.alpha}`;
  }
}

/** x where x > 0, else `negativeSlope` · x, for each element. */
export class LeakyReLU extends Layer {
  /** The slope for x < 0. */
  readonly negativeSlope: number;

  /** Options: `negativeSlope` (default 0.01). */
  constructor({ negativeSlope = 0.01 }: { readonly negativeSlope?: number } = {}) {
    super();
    this.negativeSlope = negativeSlope;
  }

  /** The layer's result, of the input's shape. */
  override forward(input: Tensor): Tensor {
    return leakyRelu(input, this.negativeSlope);
  }

  /** The options as text. */
  protected override describe(): string {
    return `negativeSlope ${this.negativeSlope}`;
  }
}

/** 1 / (1 + e⁻ˣ) for each element. */
export class Sigmoid extends Layer {
  /** The layer's result, of the input's shape. */
  override forward(input: Tensor): Tensor {
    return input.sigmoid();
  }
}

/** tanh(x) for each element. */
export class Tanh extends Layer {
  /** The layer's result, of the input's shape. */
  override forward(input: Tensor): Tensor {
    return input.tanh();
  }
}
