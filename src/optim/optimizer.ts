/**
 * What all optimizers share: a list of parameters, a learning rate that schedules may change, state tensors for each parameter, and a
 * step that is one fused in-place kernel. The rules themselves are scalar expressions, see `sgd.ts` and `adam.ts`.
 */

import * as E from "../tensor/expr.ts";
import type { Expr } from "../tensor/expr.ts";
import { ArgumentError, describeError, type ErrorDetails, GradientError } from "../tensor/errors.ts";
import { observer } from "../tensor/observer.ts";
import { stepNotes } from "../tensor/step_notes.ts";
import { mapInPlace, mapInPlaceGroup, noGrad, release, Tensor, zeros } from "../tensor/mod.ts";

/** A checkpoint that does not belong to the optimizer that loads it. */
export class OptimizerStateError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Makes the error from its facts. */
  constructor(details: ErrorDetails) {
    super(describeError(details));
    this.name = "OptimizerStateError";
    this.details = details;
  }
}

/** The state of an optimizer, as checkpoints hold it. */
export interface OptimizerState {
  /** State tensors by name (`NAME.PARAMETER_INDEX`). */
  readonly tensors: { readonly [name: string]: Tensor };
  /** Numbers: the step count and the learning rate. */
  readonly values: { readonly [name: string]: number };
}

/** Options of a step. */
export interface StepOptions {
  /**
   * A scalar int32 or bool tensor, as `nonFiniteFlag` makes it: where it is not 0, the step leaves parameters and state as they
   * are. The decision is taken on the device, so nothing waits for it.
   */
  readonly unless?: Tensor;
}

/** Refuses an option that is not a finite number in `[minimum, below)`. */
export function checkOption(op: string, name: string, value: number, minimum = 0, below = Infinity): void {
  if (!Number.isFinite(value) || value < minimum || value >= below) {
    throw new ArgumentError({
      op,
      expected: `${name} as a number of at least ${minimum}${below < Infinity ? ` and below ${below}` : ""}`,
      actual: String(value),
    });
  }
}

/** The update rule for one element, as expressions. */
export interface UpdateRule {
  /** Names of the state tensors that each parameter has, all zero at first. */
  readonly slots: readonly string[];
  /** Numbers that change from step to step, in the order of `scalars` below. */
  readonly scalars: (learningRate: number, step: number) => number[];
  /** New parameter, then new state, from parameter, state, gradient and scalars. */
  readonly update: (parameter: Expr, state: readonly Expr[], gradient: Expr, scalars: readonly Expr[]) => Expr[];
}

/** The parameters as a list; throws {@linkcode ArgumentError} for what is no tensor and for one that comes twice: it would take two steps. */
function listed(op: string, parameters: Iterable<Tensor>): readonly Tensor[] {
  const refuse = (actual: string, hint: string): never => {
    throw new ArgumentError({ op, expected: "tensors, each of them once", actual, hint });
  };
  if (typeof parameters?.[Symbol.iterator] !== "function") {
    refuse(String(parameters).split("\n")[0], "Pass the parameters of a module: model.parameters()");
  }
  const list = [...parameters], seen = new Set<Tensor>();
  list.forEach((parameter, position) => {
    if (!(parameter instanceof Tensor)) {
      const form = Array.isArray(parameter) ? "an array" : `${typeof parameter}`;
      refuse(
        `${form} at ${position}`,
        "Pass model.parameters(); parameters with options of their own have an optimizer of their own",
      );
    }
    if (seen.has(parameter)) refuse(`${parameter.describe()} again at ${position}`, "Leave the second out");
    seen.add(parameter);
  });
  return list;
}

/** Base of all optimizers. */
export abstract class Optimizer {
  /** The tensors that steps change. */
  readonly parameters: readonly Tensor[];
  /** Size of a step; schedules set it. */
  learningRate: number;
  /** The rule. */
  protected abstract readonly rule: UpdateRule;
  #step = 0;
  #state: Tensor[][] | undefined;

  /** Checks the parameters; state is allocated at the first step. */
  constructor(parameters: Iterable<Tensor>, learningRate: number) {
    observer?.made(this, "step");
    this.parameters = listed(new.target.name, parameters);
    this.learningRate = learningRate;
    checkOption(new.target.name, "learningRate", learningRate);
    if (this.parameters.length === 0) {
      throw new ArgumentError({
        op: new.target.name,
        expected: "at least one parameter",
        actual: "none",
        hint: "Pass model.parameters(); a module of your own registers its parts, see Module",
      });
    }
    for (const parameter of this.parameters) {
      if (!parameter.requiresGrad) {
        throw new GradientError({
          op: new.target.name,
          expected: "parameters that require gradients",
          actual: `${parameter.name ?? "a tensor"} of shape [${parameter.shape.join(", ")}] that does not`,
          hint: "Call requireGrad() on it",
        });
      }
    }
  }

  /** Number of steps taken. */
  get stepCount(): number {
    return this.#step;
  }

  /** Forgets the gradients of all parameters. Call it before each backward pass. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.clearGrad();
  }

  /** Changes each parameter that has a gradient: one fused kernel for all of them where the backend has that, else one for each. */
  step(options: StepOptions = {}): void {
    const state = this.#allocate();
    const next = (): number[] => this.rule.scalars(this.learningRate, ++this.#step);
    const scalars = next();
    stepNotes?.changing(scalars, next, () => this.#step--);
    const sets = this.parameters.flatMap((parameter, i) => {
      const gradient = parameter.grad;
      if (gradient === undefined) return [];
      return [{
        targets: [parameter, ...state[i]],
        inputs: options.unless === undefined ? [gradient] : [gradient, options.unless],
      }];
    });
    noGrad(() =>
      mapInPlaceGroup(sets, scalars, (old, [g, flag], values) => {
        const next = this.rule.update(old[0], old.slice(1), g, values);
        if (flag === undefined) return next;
        const skip = flag.dtype === "bool" ? flag : E.ne(flag, 0);
        return next.map((value, slot) => E.select(skip, old[slot], value));
      })
    );
  }

  #allocate(): Tensor[][] {
    this.#state ??= this.parameters.map((parameter) =>
      this.rule.slots.map(() => release(zeros(parameter.shape, { dtype: parameter.dtype, backend: parameter.backend })))
    );
    return this.#state;
  }

  /** The state, for a checkpoint. The tensors are the optimizer's own: save or clone them before the next step. */
  stateDict(): OptimizerState {
    const tensors: { [name: string]: Tensor } = {};
    const state = this.#allocate();
    state.forEach((slots, i) => slots.forEach((tensor, slot) => tensors[`${this.rule.slots[slot]}.${i}`] = tensor));
    return { tensors, values: { step: this.#step, learningRate: this.learningRate } };
  }

  /**
   * Throws {@linkcode OptimizerStateError}, listing all that does not fit, unless {@linkcode loadStateDict} could take over `saved`.
   */
  checkStateDict(saved: OptimizerState): void {
    const own = this.stateDict().tensors;
    const describe = (tensor: Tensor): string => `${tensor.dtype} [${tensor.shape.join(", ")}]`;
    const faults: string[] = [];
    for (const [name, tensor] of Object.entries(own)) {
      const given = saved.tensors[name];
      if (given === undefined) faults.push(`${name} is missing`);
      else if (describe(given) !== describe(tensor)) {
        faults.push(`${name} is ${describe(given)} instead of ${describe(tensor)}`);
      }
    }
    for (const name of Object.keys(saved.tensors)) if (!(name in own)) faults.push(`${name} is unexpected`);
    for (const name of ["step", "learningRate"]) {
      if (!Number.isFinite(saved.values[name])) faults.push(`${name} is missing`);
    }
    if (faults.length === 0) return;
    throw new OptimizerStateError({
      op: `${this.constructor.name}.loadStateDict`,
      expected: "the state of an optimizer of the same kind over the same parameters",
      actual: faults.join("; "),
      hint: "Nothing was changed",
    });
  }

  /**
   * Takes over a state that {@linkcode stateDict} gave for an optimizer of the same kind over parameters of the same shapes.
   * Throws {@linkcode OptimizerStateError} otherwise and changes nothing.
   */
  loadStateDict(saved: OptimizerState): void {
    this.checkStateDict(saved);
    noGrad(() => {
      for (const [name, target] of Object.entries(this.stateDict().tensors)) {
        mapInPlace([target], [saved.tensors[name]], [], (_, [value]) => [value]);
      }
    });
    this.#step = saved.values.step;
    this.learningRate = saved.values.learningRate;
  }

  /** Frees the state. */
  dispose(): void {
    for (const slots of this.#state ?? []) for (const tensor of slots) tensor.dispose();
    this.#state = undefined;
  }

  /** Same as {@linkcode dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}
