/**
 * Loss scaling for training with products in float16, whose smallest number is 6e-8: the loss is multiplied by a large factor before the backward
 * pass, gradients are divided by it after, and the factor adapts to what overflows (Micikevicius et al., Mixed Precision Training, 2018).
 */

import * as E from "../tensor/expr.ts";
import { ArgumentError } from "../tensor/errors.ts";
import { map, mapInPlace, noGrad, nonFiniteFlag, type Tensor } from "../tensor/mod.ts";
import { stepNotes } from "../tensor/step_notes.ts";
import type { Optimizer } from "./optimizer.ts";
import { checkOption } from "./parameter_groups.ts";

/** Options of {@linkcode GradScaler}. */
export interface GradScalerOptions {
  /** The first factor. Default 65536. */
  readonly initialScale?: number;
  /** By what the factor is multiplied after `growthInterval` steps without overflow. Default 2. */
  readonly growthFactor?: number;
  /** By what it is multiplied after an overflow. Default 0.5. */
  readonly backoffFactor?: number;
  /** Steps without overflow before it grows. Default 2000. */
  readonly growthInterval?: number;
}

/** What a checkpoint holds of a scaler. */
export interface GradScalerState {
  /** The factor. */
  readonly scale: number;
  /** Steps since the last overflow or growth. */
  readonly goodSteps: number;
}

/**
 * Scales losses and takes optimizer steps with the gradients of the unscaled loss.
 *
 * @example
 * ```ts
 * import { autocast, GradScaler, SGD, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const weight = tensor([[1], [2]]).requireGrad();
 * const optimizer = new SGD([weight], { learningRate: 0.5 });
 * const scaler = new GradScaler();
 * const loss = autocast("float16", () => tensor([[3, 4]]).matmul(weight).sum());
 * scaler.scale(loss).backward();
 * assertEquals(await scaler.step(optimizer), true);
 * assertEquals(await weight.data(), new Float32Array([-0.5, 0]));
 * ```
 */
export class GradScaler {
  readonly #growthFactor: number;
  readonly #backoffFactor: number;
  readonly #growthInterval: number;
  #scale: number;
  #goodSteps = 0;

  /** Throws ArgumentError for options out of range. */
  constructor(options: GradScalerOptions = {}) {
    const { initialScale = 65536, growthFactor = 2, backoffFactor = 0.5, growthInterval = 2000 } = options;
    const op = "GradScaler";
    checkOption(op, "initialScale", initialScale, Number.MIN_VALUE);
    checkOption(op, "growthFactor", growthFactor, 1);
    checkOption(op, "backoffFactor", backoffFactor, Number.MIN_VALUE, 1);
    if (!Number.isInteger(growthInterval) || growthInterval < 1) {
      throw new ArgumentError({
        op,
        expected: "growthInterval as a number of steps from 1 on",
        actual: String(growthInterval),
      });
    }
    this.#scale = initialScale;
    this.#growthFactor = growthFactor;
    this.#backoffFactor = backoffFactor;
    this.#growthInterval = growthInterval;
  }

  /** The factor of the next loss. */
  get currentScale(): number {
    return this.#scale;
  }

  /** The loss times the factor: call `backward()` on the result. */
  scale(loss: Tensor): Tensor {
    const factor = [this.#scale];
    stepNotes?.changing(factor, () => [this.#scale]);
    return map([loss], (value, scale) => E.mul(value, scale), { scalars: factor });
  }

  /**
   * Divides the gradients of the optimizer's parameters by the factor and takes its step, unless one of them is not finite: then parameters
   * and the optimizer's state stay as they are. Adapts the factor. Waits for the device, once.
   *
   * @returns Whether the step was taken.
   */
  async step(optimizer: Optimizer): Promise<boolean> {
    const gradients = optimizer.parameters.flatMap(({ grad }) => grad === undefined ? [] : [grad]);
    if (gradients.length === 0) {
      throw new ArgumentError({
        op: "GradScaler.step",
        expected: "parameters with gradients",
        actual: "none",
        hint: "Call scale(loss).backward() first",
      });
    }
    noGrad(() => {
      for (const gradient of gradients) {
        mapInPlace([gradient], [], [1 / this.#scale], ([g], _, [factor]) => [E.mul(g, E.cast(factor, g.dtype))]);
      }
    });
    using flag = nonFiniteFlag(gradients);
    optimizer.step({ unless: flag });
    const taken = await flag.item() === 0;
    this.#goodSteps = taken ? this.#goodSteps + 1 : 0;
    if (!taken) {
      this.#scale *= this.#backoffFactor;
    } else if (this.#goodSteps === this.#growthInterval) {
      this.#scale *= this.#growthFactor;
      this.#goodSteps = 0;
    }
    return taken;
  }

  /** What a checkpoint should hold. */
  stateDict(): GradScalerState {
    return { scale: this.#scale, goodSteps: this.#goodSteps };
  }

  /** Takes over what {@linkcode stateDict} gave. Throws ArgumentError for numbers that it cannot have given, and changes nothing. */
  loadStateDict({ scale, goodSteps }: GradScalerState): void {
    checkOption("GradScaler.loadStateDict", "scale", scale, Number.MIN_VALUE);
    checkOption("GradScaler.loadStateDict", "goodSteps", goodSteps);
    this.#scale = scale;
    this.#goodSteps = goodSteps;
  }
}
