/**
 * Learning-rate schedules: pure functions from the number of steps taken to a learning rate. A resumed run needs nothing but its
 * step count to go on as if uninterrupted.
 */

import { ArgumentError } from "../tensor/errors.ts";
import { stepNotes } from "../tensor/step_notes.ts";
import type { Optimizer } from "./optimizer.ts";
import { checkOption } from "./parameter_groups.ts";

/** The learning rate for the step after `step` steps (0 for the first). */
export type Schedule = (step: number) => number;

function positive(op: string, name: string, value: number): void {
  if (!(value > 0) || value === Infinity) {
    throw new ArgumentError({ op, expected: `${name} as a positive number`, actual: String(value) });
  }
}

/** The rate multiplied by `factor` (default 0.1) after every `interval` steps. */
export function stepSchedule(initial: number, interval: number, options: { readonly factor?: number } = {}): Schedule {
  const { factor = 0.1 } = options;
  positive("stepSchedule", "interval", interval);
  positive("stepSchedule", "factor", factor);
  return (step) => initial * Math.pow(factor, Math.floor(step / interval));
}

/** The rate multiplied by `factor` at every step. */
export function exponentialSchedule(initial: number, factor: number): Schedule {
  positive("exponentialSchedule", "factor", factor);
  return (step) => initial * Math.pow(factor, step);
}

/** Half a cosine from `initial` down to `minimum` (default 0) over `steps` steps, then `minimum`. */
export function cosineSchedule(initial: number, steps: number, options: { readonly minimum?: number } = {}): Schedule {
  const { minimum = 0 } = options;
  positive("cosineSchedule", "steps", steps);
  return (step) => minimum + (initial - minimum) * (1 + Math.cos(Math.PI * Math.min(step / steps, 1))) / 2;
}

/** Options of {@linkcode oneCycleSchedule}. */
export interface OneCycleOptions {
  /** Share of the steps in which the rate rises. Default 0.3. */
  readonly warmup?: number;
  /** The first rate is `maximum / startFactor`. Default 25. */
  readonly startFactor?: number;
  /** The last rate is the first divided by this. Default 1e4. */
  readonly finalFactor?: number;
}

/**
 * One cycle (Smith & Topin 2018) with cosine arcs, as PyTorch's OneCycleLR: up from `maximum / startFactor` to `maximum`, then down to
 * almost nothing, over `steps` steps.
 */
export function oneCycleSchedule(maximum: number, steps: number, options: OneCycleOptions = {}): Schedule {
  const { warmup = 0.3, startFactor = 25, finalFactor = 1e4 } = options;
  positive("oneCycleSchedule", "steps", steps);
  positive("oneCycleSchedule", "startFactor", startFactor);
  positive("oneCycleSchedule", "finalFactor", finalFactor);
  if (!(warmup > 0 && warmup < 1)) {
    throw new ArgumentError({ op: "oneCycleSchedule", expected: "warmup between 0 and 1", actual: String(warmup) });
  }
  const first = maximum / startFactor;
  const last = first / finalFactor;
  const peak = warmup * steps - 1;
  const arc = (from: number, to: number, share: number): number =>
    to + (from - to) * (1 + Math.cos(Math.PI * share)) / 2;
  return (step) => {
    if (step >= steps - 1) return last;
    if (step <= peak) return arc(first, maximum, step / peak);
    return arc(maximum, last, (step - peak) / (steps - 1 - peak));
  };
}

/**
 * Sets the optimizer's learning rate for its next step and returns it. Call it before each step. One schedule gives the rate of the optimizer, and
 * groups with rates of their own keep their proportion to it (see `Optimizer.learningRate`); a list has a schedule for each group, which gives
 * the rate of that group.
 *
 * @throws ArgumentError for a list of another length than that of the groups, and for rates that are no numbers from 0 on.
 *
 * @example
 * ```ts
 * import { applySchedule, cosineSchedule, parameter, SGD, stepSchedule, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const [a, b] = [parameter([1]), parameter([2])];
 * const optimizer = new SGD([{ parameters: [a] }, { parameters: [b], learningRate: 0.05 }], { learningRate: 0.5 });
 * applySchedule(optimizer, (step) => 0.25 / (step + 1));
 * assertEquals(optimizer.groups.map(({ learningRate }) => learningRate), [0.25, 0.025]);
 * applySchedule(optimizer, [cosineSchedule(0.5, 100), stepSchedule(0.125, 30)]);
 * assertEquals(optimizer.groups.map(({ learningRate }) => learningRate), [0.5, 0.125]);
 * ```
 */
export function applySchedule(optimizer: Optimizer, schedule: Schedule | readonly Schedule[]): number {
  const apply = (): void => {
    if (typeof schedule === "function") {
      optimizer.learningRate = schedule(optimizer.stepCount);
      return;
    }
    const { groups, stepCount } = optimizer;
    if (schedule.length !== groups.length) {
      throw new ArgumentError({
        op: "applySchedule",
        expected: `one schedule, or ${groups.length}, one for each group`,
        actual: `a list of ${schedule.length}`,
      });
    }
    const rates = schedule.map((each) => each(stepCount));
    for (const rate of rates) checkOption("applySchedule", "learningRate", rate);
    groups.forEach((group, i) => group.learningRate = rates[i]);
  };
  apply();
  stepNotes?.again(apply);
  return optimizer.learningRate;
}
