/**
 * Training steps that a backend records: forward pass, backward pass and update as one call, without the host's work for each operation. The
 * code behind it is loaded when it is first asked for.
 */

import type { Tensor } from "../tensor/mod.ts";
import type { RecordedStep } from "./recorded_step.ts";

/** What a recorded step gives: nothing, a tensor, or several of them. */
export type StepResult = void | Tensor | readonly Tensor[] | { readonly [name: string]: Tensor };

/** Options of {@linkcode recordStep}. */
export interface RecordStepOptions {
  /**
   * For how many combinations of shapes and types of the inputs the step is recorded, those that come first a third time. The memory of each stays
   * reserved. Steps with other inputs run as they are. Default 1.
   */
  readonly recordings?: number;
}

/**
 * A training step that is recorded where the backend can (cuda: a CUDA graph), and then repeated by one call. The first step runs as it is
 * (kernels are compiled, algorithms chosen, the optimizer's state is made), the second one as well, with a look at whether it can be
 * recorded; the third is recorded, and from then on `step` is not called any more: the inputs are copied to where the recorded ones lie.
 * Elsewhere each run calls `step`, in a scope of its own. Results are the same, to the bit where kernels are.
 *
 * What changes from step to step on the host is done again in each: an optimizer's step count and learning rate (with Adam's bias corrections), also by
 * `applySchedule` in the step, random draws (dropout), and the scale of a `GradScaler`. All else that `step` does on the host is decided by the recorded
 * one: modes (`train`, `eval`), numbers, branches, printing. Batches, masks and whatever is new each time are inputs.
 *
 * @param step Synchronous; gets tensors, clears gradients (`optimizer.zeroGrad()`) before it computes new ones, and must not read results or
 *   bring numbers of the host to the device. Tensors that it changes must be changed in place, as optimizers and normalizations do.
 * @throws ArgumentError for options out of range.
 *
 * @example
 * ```ts
 * import { Adam, parameter, recordStep, tensor, useBackend } from "@escnn/escnn";
 * import { assert } from "@std/assert";
 *
 * await useBackend("reference");
 * const weight = parameter([1, 2]);
 * const optimizer = new Adam([weight], { learningRate: 0.1 });
 * using step = await recordStep((target) => {
 *   optimizer.zeroGrad();
 *   const loss = weight.sub(target).square().mean();
 *   loss.backward();
 *   optimizer.step();
 *   return loss;
 * });
 * const target = tensor([3, 1]);
 * const losses: number[] = [];
 * for (let i = 0; i < 5; i++) losses.push(await step.run(target).item());
 * assert(losses[4] < losses[0]);
 * ```
 */
export async function recordStep<A extends readonly Tensor[], R extends StepResult>(
  step: (...inputs: A) => R,
  options: RecordStepOptions = {},
): Promise<RecordedStep<A, R>> {
  const { RecordedStep } = await import("./recorded_step.ts");
  return new RecordedStep(step, options);
}
