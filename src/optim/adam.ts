/**
 * Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019), as PyTorch defines them.
 */

import * as E from "../tensor/expr.ts";
import { Optimizer, type OptimizerDefinition, type UpdateRule } from "./optimizer.ts";
import { checkOption, type GroupOptions, type OptimizerOptions, type OptimizerParameters } from "./parameter_groups.ts";

/** Options of {@linkcode Adam} and {@linkcode AdamW}. */
export interface AdamOptions extends OptimizerOptions {
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
function adamRule(op: string, options: GroupOptions<AdamOptions>, decoupled: boolean): UpdateRule {
  const { betas: [beta1, beta2], epsilon, weightDecay } = options;
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

const ADAM: OptimizerDefinition<AdamOptions> = {
  defaults: { learningRate: 1e-3, betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 },
  rule: (options, op) => adamRule(op, options, false),
};

const ADAM_W: OptimizerDefinition<AdamOptions> = {
  defaults: { ...ADAM.defaults, weightDecay: 1e-2 },
  rule: (options, op) => adamRule(op, options, true),
};

/**
 * Adam: averages m, v of the gradient and its square, `p ← p − η m̂ / (√v̂ + ε)` with bias-corrected m̂, v̂. Parameters, averages and
 * gradient are read and written in one pass.
 *
 * Takes a list of parameters, or groups with options of their own that go before those of the optimizer. Parameters that are to stay as they are
 * belong to no group.
 *
 * @example Weight decay for the weights alone, and a small rate for what was trained before
 * ```ts
 * import { Adam, applySchedule, cosineSchedule, plain, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const [trained, head] = [new plain.Linear(8, 4), new plain.Linear(4, 2)];
 * const optimizer = new Adam([
 *   { parameters: trained.parameters(), learningRate: 1e-3 },
 *   { parameters: [head.weight] },
 *   { parameters: [head.bias!], weightDecay: 0 },
 * ], { learningRate: 1e-2, weightDecay: 1e-4 });
 * // Schedules give the rate of the optimizer; a group's own rate keeps its proportion to that.
 * applySchedule(optimizer, cosineSchedule(1e-2, 100, { minimum: 1e-4 }));
 * assertEquals(optimizer.groups.map(({ learningRate }) => learningRate), [1e-3, 1e-2, 1e-2]);
 * assertEquals(optimizer.groups.map(({ options }) => options.weightDecay), [1e-4, 1e-4, 0]);
 * ```
 */
export class Adam extends Optimizer<AdamOptions> {
  /** Checks the options. */
  constructor(parameters: OptimizerParameters<AdamOptions>, options: AdamOptions = {}) {
    super(parameters, options, ADAM);
  }
}

/** Adam with weight decay apart from the gradient: parameters are first multiplied by `1 − η λ`. Takes groups as {@linkcode Adam} does. */
export class AdamW extends Optimizer<AdamOptions> {
  /** Checks the options. */
  constructor(parameters: OptimizerParameters<AdamOptions>, options: AdamOptions = {}) {
    super(parameters, options, ADAM_W);
  }
}
