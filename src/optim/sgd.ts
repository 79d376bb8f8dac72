/**
 * Stochastic gradient descent with momentum, Nesterov's form of it, and L2 weight decay, as PyTorch defines them.
 */

import * as E from "../tensor/expr.ts";
import { ArgumentError } from "../tensor/errors.ts";
import { Optimizer, type OptimizerDefinition, type UpdateRule } from "./optimizer.ts";
import { checkOption, type GroupOptions, type OptimizerOptions, type OptimizerParameters } from "./parameter_groups.ts";

/** Options of {@linkcode SGD}. */
export interface SGDOptions extends OptimizerOptions {
  /** Size of a step. Default 1e-2. */
  readonly learningRate?: number;
  /** Share of the last update that is kept, from 0 to below 1. Default 0. */
  readonly momentum?: number;
  /** Look ahead along the momentum (needs momentum). Default false. */
  readonly nesterov?: boolean;
  /** `weightDecay · parameter` is added to the gradient. Default 0. */
  readonly weightDecay?: number;
}

function sgdRule({ momentum, nesterov, weightDecay }: GroupOptions<SGDOptions>, op: string): UpdateRule {
  checkOption(op, "momentum", momentum, 0, 1);
  checkOption(op, "weightDecay", weightDecay);
  if (nesterov && momentum === 0) {
    throw new ArgumentError({ op, expected: "momentum above 0 with nesterov", actual: "0" });
  }
  return {
    slots: momentum === 0 ? [] : ["momentum"],
    scalars: (rate) => [rate],
    update: (parameter, [buffer], gradient, [rate]) => {
      const g = weightDecay === 0 ? gradient : E.add(gradient, E.mul(parameter, weightDecay));
      if (buffer === undefined) return [E.sub(parameter, E.mul(rate, g))];
      const next = E.add(E.mul(buffer, momentum), g);
      const direction = nesterov ? E.add(g, E.mul(next, momentum)) : next;
      return [E.sub(parameter, E.mul(rate, direction)), next];
    },
  };
}

const SGD_DEFINITION: OptimizerDefinition<SGDOptions> = {
  defaults: { learningRate: 1e-2, momentum: 0, nesterov: false, weightDecay: 0 },
  rule: sgdRule,
};

/**
 * SGD: `g ← grad + λp; b ← μb + g; p ← p − η b` (Nesterov: `p ← p − η (g + μb)`). Takes groups of parameters with options of their own as `Adam` does.
 *
 * @example A step downhill
 * ```ts
 * import { SGD, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const w = tensor([2]).requireGrad();
 * const optimizer = new SGD([w], { learningRate: 0.25 });
 * w.mul(w).sum().backward();
 * optimizer.step();
 * assertEquals([...await w.data()], [1]);
 * ```
 */
export class SGD extends Optimizer<SGDOptions> {
  /** Checks the options. */
  constructor(parameters: OptimizerParameters<SGDOptions>, options: SGDOptions = {}) {
    super(parameters, options, SGD_DEFINITION);
  }
}
