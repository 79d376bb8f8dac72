/**
 * Dropout (Srivastava et al. 2014): in train mode numbers are zeroed at random and the rest scaled up, so that the mean stays.
 */

import { ArgumentError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Shape } from "../../tensor/layout.ts";
import { bernoulli, map, type Tensor } from "../../tensor/mod.ts";
import { randomMask } from "../../tensor/random.ts";
import { checkInput, Layer } from "./layer.ts";
import { Constant, selectAt } from "./persistent.ts";

/** Zeroes each number with probability `p` and divides the others by 1 − p. The identity in eval mode. */
export class Dropout extends Layer {
  /** The probability of zero. */
  readonly p: number;

  /** A dropout with probability `p` (default 0.5). Throws ArgumentError unless 0 ≤ p ≤ 1. */
  constructor(p = 0.5) {
    super();
    this.p = checkProbability("Dropout", p);
  }

  /** The layer's result, of the input's shape. */
  override forward(input: Tensor): Tensor {
    return this.training ? dropout(input, this.p, input.shape) : input;
  }

  /** The options as text. */
  protected override describe(): string {
    return `p ${this.p}`;
  }
}

/** `p` itself; throws ArgumentError unless 0 ≤ p ≤ 1. */
export function checkProbability(op: string, p: number): number {
  if (p >= 0 && p <= 1) return p;
  throw new ArgumentError({ op, expected: "a probability from 0 to 1", actual: String(p) });
}

/** Multiplies `x` by a random mask of a shape that broadcasts to it: 0 with probability `p`, else 1 / (1 − p). */
export function dropout(x: Tensor, p: number, maskShape: Shape): Tensor {
  if (p === 0) return x;
  if (p === 1) return x.mul(0);
  const mask = randomMask(1 - p, maskShape, { backend: x.backend });
  return map([x, mask], (value, kept, scale) => E.select(kept, E.mul(value, scale), E.constant(0, value.dtype)), {
    scalars: [1 / (1 - p)],
  });
}

/** Zeroes whole blocks of channels with probability `p`, at all positions alike, and divides the others by 1 − p. */
export class FieldDropout extends Layer {
  /** Sizes of the blocks. */
  readonly sizes: readonly number[];
  /** The probability of zero. */
  readonly p: number;
  readonly #fieldOfChannel: Constant;

  /** A dropout of blocks of these sizes, in channel order. Throws ArgumentError unless 0 ≤ p ≤ 1. */
  constructor(sizes: readonly number[], p = 0.5) {
    super();
    this.sizes = sizes;
    this.p = checkProbability("FieldDropout", p);
    const fields = sizes.flatMap((size, field) => new Array<number>(size).fill(field));
    this.#fieldOfChannel = new Constant(Int32Array.from(fields), [fields.length]);
  }

  /** The layer's result, of the input's shape. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    const channels = this.#fieldOfChannel.shape[0], { p } = this;
    checkInput("FieldDropout", input.shape, [2, 3, 4, 5], channels, "[batch, channels, …spatial]");
    if (!this.training || p === 0) return input;
    if (p === 1) return input.mul(0);
    const kept = bernoulli(1 - p, [input.shape[0], this.sizes.length], { backend: input.backend }).cast(input.dtype);
    const mask = selectAt(kept, 1, this.#fieldOfChannel).mul(1 / (1 - p));
    return input.mul(mask.reshape([input.shape[0], channels, ...new Array<number>(input.rank - 2).fill(1)]));
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.sizes.length} blocks, p ${this.p}`;
  }
}
