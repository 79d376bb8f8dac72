/**
 * What all optimizers share: parameters in groups, learning rates that schedules may change, state tensors for each parameter, and a step
 * that is one fused in-place kernel for each group. The rules themselves are scalar expressions, see `sgd.ts` and `adam.ts`.
 */

import * as E from "../tensor/expr.ts";
import type { Expr } from "../tensor/expr.ts";
import { describeError, type ErrorDetails } from "../tensor/errors.ts";
import { mapInPlaceGroups } from "../tensor/map.ts";
import { observer } from "../tensor/observer.ts";
import { stepNotes } from "../tensor/step_notes.ts";
import { mapInPlace, noGrad, release, type Tensor, zeros } from "../tensor/mod.ts";
import {
  checkOption,
  type GroupOptions,
  OptimizerGroup,
  type OptimizerOptions,
  type OptimizerParameters,
  readGroups,
} from "./parameter_groups.ts";

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
  /** State tensors by name (`NAME.PARAMETER_INDEX`; parameters are counted through all groups). */
  readonly tensors: { readonly [name: string]: Tensor };
  /**
   * Numbers: `step`, the step count, and `learningRate`. With more than one group also `groups`, their number, `leader`, the index of the group whose
   * learning rate is the optimizer's, and for each group, under `group.INDEX.`, `size`, `learningRate`, `initialLearningRate` and its options.
   */
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

/** The update rule for one element, as expressions. */
export interface UpdateRule {
  /** Names of the state tensors that each parameter has, all zero at first. */
  readonly slots: readonly string[];
  /** Numbers that change from step to step, in the order of `scalars` below. */
  readonly scalars: (learningRate: number, step: number) => number[];
  /** New parameter, then new state, from parameter, state, gradient and scalars. */
  readonly update: (parameter: Expr, state: readonly Expr[], gradient: Expr, scalars: readonly Expr[]) => Expr[];
}

/** What an optimizer is: its options, and the rule that they make. */
export interface OptimizerDefinition<O extends OptimizerOptions> {
  /** All options, with the values of those that are not given. */
  readonly defaults: Required<O> & Required<OptimizerOptions>;
  /** The rule for a group; checks its options, and names `op` in errors. */
  readonly rule: (options: GroupOptions<O>, op: string) => UpdateRule;
}

/** Base of all optimizers. */
export abstract class Optimizer<O extends OptimizerOptions = OptimizerOptions> {
  /** The tensors that steps change, those of all groups in their order. */
  readonly parameters: readonly Tensor[];
  /** The groups, in the order in which they were given; one where a list of tensors was given. */
  readonly groups: readonly OptimizerGroup<O>[];
  /** The group whose learning rate is the optimizer's. */
  #leader: OptimizerGroup<O>;
  readonly #rules: readonly UpdateRule[];
  #step = 0;
  #state: Tensor[][] | undefined;

  /**
   * Checks parameters and options; state is allocated at the first step.
   *
   * @throws ArgumentError for options that are unknown or out of range, a list or a group without parameters, and a parameter that comes twice;
   *   GradientError for parameters that do not require gradients.
   */
  constructor(parameters: OptimizerParameters<O>, options: O, definition: OptimizerDefinition<O>) {
    observer?.made(this, "step");
    const given = readGroups(new.target.name, parameters, options, definition.defaults);
    this.#rules = given.map(({ op, options }) => definition.rule(options, op));
    this.groups = given.map(({ op, parameters, options, learningRate }) =>
      new OptimizerGroup<O>(op, parameters, options, learningRate)
    );
    const candidates = [false, true].flatMap((own) => this.groups.filter((_, i) => given[i].hasOwnRate === own));
    this.#leader = candidates.find(({ learningRate }) => learningRate > 0) ?? candidates[0];
    this.parameters = this.groups.flatMap(({ parameters }) => parameters);
  }

  /**
   * Size of the next steps; schedules set it. Of several groups, this is the rate of the first one without a rate of its own (that of the
   * optimizer's options), or of the first one where each has its own; groups that began with 0 come last. Setting it sets all groups, in the
   * proportion of the rates that they began with: where a group began with a tenth of this rate, it goes on with a tenth of it.
   *
   * Setting it throws {@linkcode ArgumentError} for what is no number from 0 on, and changes nothing.
   */
  get learningRate(): number {
    return this.#leader.learningRate;
  }

  set learningRate(rate: number) {
    const first = this.#leader.initialLearningRate;
    const rates = this.groups.map(({ initialLearningRate }) =>
      // The same number to the bit where the proportion is 1.
      initialLearningRate === first ? rate : initialLearningRate * (rate / first)
    );
    for (const each of rates) checkOption(this.constructor.name, "learningRate", each);
    this.groups.forEach((group, i) => group.learningRate = rates[i]);
  }

  /** Number of steps taken. */
  get stepCount(): number {
    return this.#step;
  }

  /** Forgets the gradients of all parameters. Call it before each backward pass. */
  zeroGrad(): void {
    for (const parameter of this.parameters) parameter.clearGrad();
  }

  /** Changes each parameter that has a gradient: one fused kernel for all of a group where the backend has that, else one for each. */
  step(options: StepOptions = {}): void {
    const state = this.#allocate();
    let position = 0;
    const updates = this.groups.map((group, index) => {
      const rule = this.#rules[index];
      // The first group counts the step.
      const next = (): number[] => rule.scalars(group.learningRate, index === 0 ? ++this.#step : this.#step);
      const scalars = next();
      stepNotes?.changing(scalars, next, index === 0 ? () => this.#step-- : undefined);
      const sets = group.parameters.flatMap((parameter) => {
        const slots = state[position++], gradient = parameter.grad;
        if (gradient === undefined) return [];
        return [{
          targets: [parameter, ...slots],
          inputs: options.unless === undefined ? [gradient] : [gradient, options.unless],
        }];
      });
      const build = (old: readonly Expr[], [g, flag]: readonly Expr[], values: readonly Expr[]): Expr[] => {
        const next = rule.update(old[0], old.slice(1), g, values);
        if (flag === undefined) return next;
        const skip = flag.dtype === "bool" ? flag : E.ne(flag, 0);
        return next.map((value, slot) => E.select(skip, old[slot], value));
      };
      return { sets, scalars, build };
    });
    noGrad(() => mapInPlaceGroups(updates));
  }

  #allocate(): Tensor[][] {
    this.#state ??= this.groups.flatMap(({ parameters }, index) =>
      parameters.map(({ shape, dtype, backend }) =>
        this.#rules[index].slots.map(() => release(zeros(shape, { dtype, backend })))
      )
    );
    return this.#state;
  }

  /** The state, for a checkpoint. The tensors are the optimizer's own: save or clone them before the next step. */
  stateDict(): OptimizerState {
    const tensors: { [name: string]: Tensor } = {};
    const slots = this.groups.flatMap(({ parameters }, i) => parameters.map(() => this.#rules[i].slots));
    this.#allocate().forEach((state, i) => state.forEach((tensor, slot) => tensors[`${slots[i][slot]}.${i}`] = tensor));
    const values: { [name: string]: number } = { step: this.#step, learningRate: this.learningRate };
    if (this.groups.length > 1) {
      values.groups = this.groups.length;
      values.leader = this.groups.indexOf(this.#leader);
      this.groups.forEach((group, i) => {
        const { learningRate, initialLearningRate } = group;
        for (const [name, value] of Object.entries({ learningRate, initialLearningRate, ...group.numbers() })) {
          values[`group.${i}.${name}`] = value;
        }
      });
    }
    return { tensors, values };
  }

  /**
   * Throws {@linkcode OptimizerStateError}, listing all that does not fit, unless {@linkcode loadStateDict} could take over `saved`.
   */
  checkStateDict(saved: OptimizerState): void {
    const { tensors: own, values } = this.stateDict();
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
    faults.push(...valueFaults(values, saved.values));
    if (faults.length === 0) return;
    throw new OptimizerStateError({
      op: `${this.constructor.name}.loadStateDict`,
      expected: "the state of an optimizer of the same kind over the same parameters, in the same groups",
      actual: faults.join("; "),
      hint: "Nothing was changed",
    });
  }

  /**
   * Takes over a state that {@linkcode stateDict} gave for an optimizer of the same kind over parameters of the same shapes. Learning rates are those of
   * the state; where there are several groups, their other options must be the same as in it. Throws {@linkcode OptimizerStateError} otherwise and changes nothing.
   */
  loadStateDict(saved: OptimizerState): void {
    this.checkStateDict(saved);
    noGrad(() => {
      for (const [name, target] of Object.entries(this.stateDict().tensors)) {
        mapInPlace([target], [saved.tensors[name]], [], (_, [value]) => [value]);
      }
    });
    this.#step = saved.values.step;
    const { groups } = this, { values } = saved;
    if (groups.length === 1) {
      groups[0].learningRate = values.learningRate;
      return;
    }
    groups.forEach((group, i) =>
      group.restore(values[`group.${i}.learningRate`], values[`group.${i}.initialLearningRate`])
    );
    this.#leader = groups[values.leader];
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

/** The names of numbers that an optimizer takes over; all others must be its own already. */
const TAKEN_OVER = /^step$|^(group\.\d+\.)?learningRate$|^group\.\d+\.initialLearningRate$/;

/** What in the numbers of a state does not fit the optimizer whose own numbers are `own`: another number of groups, or each name that differs. */
function valueFaults(own: OptimizerState["values"], saved: OptimizerState["values"]): string[] {
  const groups = (values: OptimizerState["values"]): number => values.groups ?? 1;
  if (groups(saved) !== groups(own)) return [`groups are ${groups(saved)} instead of ${groups(own)}`];
  return [...new Set([...Object.keys(own), ...Object.keys(saved)])].flatMap((name) => {
    const given = saved[name];
    if (!(name in own)) return name.startsWith("group.") ? [`${name} is unexpected`] : [];
    if (given === undefined || given === null) return [`${name} is missing`];
    if (TAKEN_OVER.test(name)) {
      return Number.isFinite(given) && given >= 0 ? [] : [`${name} is ${given} instead of a number from 0 on`];
    }
    if (name === "leader") {
      const fits = Number.isInteger(given) && given >= 0 && given < groups(own);
      return fits ? [] : [`${name} is ${given} instead of the index of a group`];
    }
    return given === own[name] ? [] : [`${name} is ${given} instead of ${own[name]}`];
  });
}
