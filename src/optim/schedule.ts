/**
 * Learning-rate schedules: pure functions from the number of steps taken to a learning rate. A resumed run needs nothing but its
 * step count to go on as if uninterrupted.
 */

import { ArgumentError } from "../tensor/errors.ts";
import { stepNotes } from "../tensor/step_notes.ts";
import type { Optimizer } from "./optimizer.ts";

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

/** Sets the optimizer's learning rate for its next step and returns it. Call it before each step. */
export function applySchedule(optimizer: Optimizer, schedule: Schedule): number {
  const apply = (): void => {
    optimizer.learningRate = schedule(optimizer.stepCount);
  };
  apply();
  stepNotes?.again(apply);
  return optimizer.learningRate;
}
