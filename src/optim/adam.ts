/**
 * Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019), as PyTorch defines them.
 */

import * as E from "../tensor/expr.ts";
import type { Tensor } from "../tensor/mod.ts";
import { checkOption, Optimizer, type UpdateRule } from "./optimizer.ts";

/** Options of {@linkcode Adam} and {@linkcode AdamW}. */
export interface AdamOptions {
  /** Size of a step. Default 1e-3. */
  readonly learningRate?: number;
  /** Decay of the averages of gradient and squared gradient. Default `[0.9, 0.999]`. */
  readonly betas?: readonly [number, number];
  /** Added to the root of the second average. Default 1e-8. */
  readonly epsilon?: number;
  /** Adam adds `weightDecay · parameter` to the gradient (default 0), AdamW shrinks parameters by `1 − η λ` (default 1e-2). */
  readonly weightDecay?: number;
}

/** The common rule; `decoupled` tells AdamW from Adam. */
function adamRule(op: string, options: AdamOptions, weightDecay: number, decoupled: boolean): UpdateRule {
  const { betas = [0.9, 0.999], epsilon = 1e-8 } = options;
  const [beta1, beta2] = betas;
  checkOption(op, "betas[0]", beta1, 0, 1);
  checkOption(op, "betas[1]", beta2, 0, 1);
  checkOption(op, "epsilon", epsilon);
  checkOption(op, "weightDecay", weightDecay);
  return {
    slots: ["average", "squareAverage"],
    scalars: (rate, step) => [rate / (1 - beta1 ** step), 1 / Math.sqrt(1 - beta2 ** step), 1 - rate * weightDecay],
    update: (parameter, [average, square], gradient, [rate, correction, shrink]) => {
      const g = weightDecay === 0 || decoupled ? gradient : E.add(gradient, E.mul(parameter, weightDecay));
      const m = E.add(E.mul(average, beta1), E.mul(g, 1 - beta1));
      const v = E.add(E.mul(square, beta2), E.mul(E.square(g), 1 - beta2));
      const start = decoupled && weightDecay !== 0 ? E.mul(parameter, shrink) : parameter;
      const denominator = E.add(E.mul(E.sqrt(v), correction), epsilon);
      return [E.sub(start, E.div(E.mul(rate, m), denominator)), m, v];
    },
  };
}

/**
 * Adam: averages m, v of the gradient and its square, `p ← p − η m̂ / (√v̂ + ε)` with bias-corrected m̂, v̂. Parameters, averages and
 * gradient are read and written in one pass.
 */
export class Adam extends Optimizer {
  /** The rule. */
  protected override readonly rule: UpdateRule;

  /** Checks the options. */
  constructor(parameters: Iterable<Tensor>, options: AdamOptions = {}) {
    const rule = adamRule("Adam", options, options.weightDecay ?? 0, false);
    super(parameters, options.learningRate ?? 1e-3);
    this.rule = rule;
  }
}

/** Adam with weight decay apart from the gradient: parameters are first multiplied by `1 − η λ`. */
export class AdamW extends Optimizer {
  /** The rule. */
  protected override readonly rule: UpdateRule;

  /** Checks the options. */
  constructor(parameters: Iterable<Tensor>, options: AdamOptions = {}) {
    const rule = adamRule("AdamW", options, options.weightDecay ?? 1e-2, true);
    super(parameters, options.learningRate ?? 1e-3);
    this.rule = rule;
  }
}
