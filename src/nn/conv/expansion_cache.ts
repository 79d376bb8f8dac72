/**
 * The expanded filter and bias of a steerable layer, kept in eval mode until the weights change: whoever trains gets them
 * recorded in every pass.
 */

import type { FloatDType } from "../../tensor/dtype.ts";
import type { Tensor } from "../../tensor/mod.ts";
import { persistent } from "../plain/persistent.ts";

/** A filter and the bias of each output channel. */
export interface Expanded {
  /** The filter. */
  readonly filter: Tensor;
  /** The bias, if there is one. */
  readonly bias: Tensor | undefined;
}

/** Parameters and how they expand. */
export interface Expansion {
  /** The flat weights. */
  readonly weights: Tensor;
  /** The bias parameters, if there are any. */
  readonly bias: Tensor | undefined;
  /** The filter of the weights. */
  expandFilter(dtype: FloatDType): Tensor;
  /** The bias of each output channel, if there is one. */
  expandBias(dtype: FloatDType): Tensor | undefined;
}

interface Entry extends Expanded {
  readonly weights: Tensor;
  readonly weightsVersion: number;
  readonly biasVersion: number;
}

/** One expanded filter with its bias. */
export class ExpansionCache {
  #entry: Entry | undefined;

  /** The expansion in `dtype`: what was kept, or a new one that is kept. Its tensors belong to the cache and have no history. */
  get(module: Expansion, dtype: FloatDType): Expanded {
    const { weights, bias } = module, entry = this.#entry;
    const weightsVersion = weights.storage.version, biasVersion = bias?.storage.version ?? 0;
    if (
      entry !== undefined && entry.weights === weights && entry.weightsVersion === weightsVersion &&
      entry.biasVersion === biasVersion && entry.filter.dtype === dtype
    ) return entry;
    this.drop();
    this.#entry = {
      filter: persistent(() => module.expandFilter(dtype)),
      bias: bias === undefined ? undefined : persistent(() => module.expandBias(dtype)!),
      weights,
      weightsVersion,
      biasVersion,
    };
    return this.#entry;
  }

  /** Frees what is kept. */
  drop(): void {
    this.#entry?.filter.dispose();
    this.#entry?.bias?.dispose();
    this.#entry = undefined;
  }
}
