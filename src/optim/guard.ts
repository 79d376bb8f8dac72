/**
 * Guarding a training run against numbers that are not finite: a flag on the device is computed with the loss, the optimizer's step is
 * skipped on the device where it is raised, and the error comes when the loss is read, with the parameters of the last good step intact.
 */

import { describeError, type ErrorDetails } from "../tensor/errors.ts";
import { nonFiniteFlag, type Tensor } from "../tensor/mod.ts";
import type { Optimizer } from "./optimizer.ts";

/** A loss or gradient that is NaN or infinite during training. */
export class NonFiniteLossError extends Error {
  /** The facts of the error. */
  readonly details: ErrorDetails;
  /** Number of the step that was refused, from 1. */
  readonly step: number;
  /** The loss of that step. */
  readonly loss: number;
  /** Makes the error from its facts. */
  constructor(step: number, loss: number) {
    const details: ErrorDetails = {
      op: `training step ${step}`,
      expected: "a finite loss with finite gradients",
      actual: Number.isFinite(loss) ? `loss ${loss} with a gradient that is not finite` : `loss ${loss}`,
      hint:
        "The step was not applied: the parameters are those of the step before. Lower the learning rate, clip gradients or check the data",
    };
    super(describeError(details));
    this.name = "NonFiniteLossError";
    this.details = details;
    this.step = step;
    this.loss = loss;
  }
}

/**
 * Takes an optimizer step from a loss whose backward pass has run, unless the loss or a gradient is not finite; then parameters and
 * optimizer state stay as they are. Returns the loss as a number.
 *
 * Throws {@linkcode NonFiniteLossError} with the number of the refused step. One read of the device, of loss and flag together.
 */
export async function guardedStep(optimizer: Optimizer, loss: Tensor): Promise<number> {
  const gradients = optimizer.parameters.flatMap((parameter) => parameter.grad === undefined ? [] : [parameter.grad]);
  const flag = nonFiniteFlag([loss, ...gradients]);
  optimizer.step({ unless: flag });
  const [value, raised] = await Promise.all([loss.item(), flag.item()]);
  if (raised !== 0) throw new NonFiniteLossError(optimizer.stepCount, value);
  return value;
}
