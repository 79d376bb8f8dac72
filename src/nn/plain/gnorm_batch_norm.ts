/**
 * Batch normalization of the irreps of fields (Weiler & Cesa 2019): one variance for each irrep of each field, a mean only for those that
 * the group holds fixed, in the basis of irreps.
 */

import { mapMany, ones, type Tensor, tensor, zeros } from "../../tensor/mod.ts";
import * as E from "../../tensor/expr.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { ChannelPlan, fieldItems } from "./channel_plan.ts";
import type { PlainMatrix } from "./fiber_nonlinearity.ts";
import {
  blend,
  countBatch,
  type FieldBatchNormOptions,
  type FieldBatchNormSettings,
  fieldNormSettings,
  firstSample,
  matrixConstant,
  normalized,
  requireSamples,
  scaleTensor,
  shiftedSums,
  statistics,
} from "./field_statistics.ts";
import { Layer } from "./layer.ts";
import { checkChannels } from "./norm_nonlinearity.ts";
import { Constant } from "./persistent.ts";

/** Fields of one kind as sums of blocks in some basis. */
export interface BlockClass {
  /** Prefix of the state's names. */
  readonly name: string;
  /** Channels of a field. */
  readonly size: number;
  /** Sizes of the blocks, in order. */
  readonly blocks: readonly number[];
  /** For each block whether it has a mean: blocks of size 1 that the group holds fixed. */
  readonly fixed: readonly boolean[];
  /** The matrices to the basis of blocks and back; absent where it is the fields' own. */
  readonly bases?: { readonly to: PlainMatrix; readonly from: PlainMatrix };
}

/** The constants of a kind. */
interface BlockConstants {
  readonly name: string;
  readonly count: number;
  readonly size: number;
  readonly blocks: number;
  readonly means: number;
  readonly to: Constant | undefined;
  readonly from: Constant | undefined;
  /** [size, blocks]: means over the components of each block. */
  readonly average: Constant;
  /** [blocks, size]: each block's number at all its components. */
  readonly spread: Constant;
  /** [means, size]: numbers of fixed blocks at their components. */
  readonly place: Constant;
  /** [1, 1, size, 1]: 1 at fixed components. */
  readonly mask: Constant;
}

function blockConstants({ name, size, blocks, fixed, bases }: BlockClass, count: number): BlockConstants {
  const means = fixed.filter((is) => is).length;
  const average = new Float64Array(size * blocks.length), spread = new Float64Array(size * blocks.length);
  const place = new Float64Array(means * size), mask = new Float64Array(size);
  let component = 0, mean = 0;
  blocks.forEach((length, block) => {
    if (fixed[block]) {
      place[mean++ * size + component] = 1;
      mask[component] = 1;
    }
    for (let i = 0; i < length; i++, component++) {
      average[component * blocks.length + block] = 1 / length;
      spread[block * size + component] = 1;
    }
  });
  return {
    name,
    count,
    size,
    blocks: blocks.length,
    means,
    to: bases === undefined ? undefined : matrixConstant(bases.to),
    from: bases === undefined ? undefined : matrixConstant(bases.from),
    average: new Constant(average, [size, blocks.length]),
    spread: new Constant(spread, [blocks.length, size]),
    place: new Constant(place, [means, size]),
    mask: new Constant(mask, [1, 1, size, 1]),
  };
}

/**
 * (v − mean) · weight / √(variance + eps) + bias for each block of each field. State: `NAME_weight`, `NAME_running_var` [fields, blocks],
 * `NAME_bias`, `NAME_running_mean` [fields, fixed blocks], `num_batches_tracked`.
 */
export class GNormBatchNorm extends Layer {
  /** The options with their defaults. */
  readonly settings: FieldBatchNormSettings;
  readonly #plan: ChannelPlan;
  readonly #constants: readonly BlockConstants[];
  readonly #channels: number;

  /** A layer for fields of these kinds, `kinds[i]` that of field i in channel order. */
  constructor(classes: readonly BlockClass[], kinds: readonly number[], options: FieldBatchNormOptions = {}) {
    super();
    if (kinds.length === 0 || kinds.some((kind) => classes[kind] === undefined)) {
      throw new ArgumentError({
        op: "GNormBatchNorm",
        expected: "fields of the kinds that are listed",
        actual: `kinds ${kinds}`,
      });
    }
    this.settings = fieldNormSettings("GNormBatchNorm", options);
    const sizes = kinds.map((kind) => classes[kind].size);
    this.#channels = sizes.reduce((a, b) => a + b, 0);
    this.#plan = new ChannelPlan(fieldItems(sizes, kinds.map((kind) => classes[kind].name)), { whole: true });
    this.#constants = this.#plan.classes.map(({ items }) => blockConstants(classes[kinds[items[0]]], items.length));
    const { affine, trackRunningStats, dtype } = this.settings;
    for (const { name, count, blocks, means } of this.#constants) {
      if (affine) this.addParameter(`${name}_weight`, ones([count, blocks], { dtype }));
      if (affine && means > 0) this.addParameter(`${name}_bias`, zeros([count, means], { dtype }));
      if (trackRunningStats) this.addBuffer(`${name}_running_var`, ones([count, blocks], { dtype }));
      if (trackRunningStats && means > 0) this.addBuffer(`${name}_running_mean`, zeros([count, means], { dtype }));
    }
    if (trackRunningStats) this.addBuffer("num_batches_tracked", tensor(new Int32Array(1), []));
  }

  /** The layer's result, of the input's shape. Throws ShapeError for other channels, or too small a batch in train mode. */
  override forward(input: Tensor): Tensor {
    checkChannels("GNormBatchNorm", input, this.#channels);
    const { trackRunningStats } = this.settings;
    if (this.training || !trackRunningStats) {
      requireSamples("GNormBatchNorm", input.shape.slice(2).reduce((a, b) => a * b, input.shape[0]), input);
    }
    if (this.training && trackRunningStats) countBatch(this.buffer("num_batches_tracked"));
    const parts = this.#plan.split(input).map(([x], place) => this.#normalize(x, this.#constants[place]));
    return this.#plan.join(parts, input);
  }

  #normalize(x: Tensor, kind: BlockConstants): Tensor {
    const { name, count, size, means, to, from, spread, place } = kind;
    const { eps, affine } = this.settings;
    const y = to === undefined ? x : to.like(x).matmul(x);
    const [mean, variance] = this.#statistics(y, kind);
    const weight = affine ? this.parameter(`${name}_weight`) : undefined;
    const scale = scaleTensor(variance, weight, eps, y).matmul(spread.like(y)).reshape([1, count, size, 1]);
    const bias = affine && means > 0
      ? this.parameter(`${name}_bias`).cast(y.dtype).matmul(place.like(y)).reshape([1, count, size, 1])
      : undefined;
    const out = normalized(y, scale, mean?.cast(y.dtype).matmul(place.like(y)).reshape([1, count, size, 1]), bias);
    return from === undefined ? out : from.like(x).matmul(out);
  }

  /** Mean [fields, fixed blocks], if there are any, and variance [fields, blocks]. */
  #statistics(y: Tensor, kind: BlockConstants): [Tensor | undefined, Tensor] {
    const { name, count, size, means, average, place, mask } = kind;
    const { trackRunningStats, differentiateStatistics, momentum } = this.settings;
    if (!this.training && trackRunningStats) {
      return [means > 0 ? this.buffer(`${name}_running_mean`) : undefined, this.buffer(`${name}_running_var`)];
    }
    const [mean, variance] = statistics(differentiateStatistics, (): [Tensor | undefined, Tensor] => {
      const samples = y.shape[0] * y.shape[3], fixed = mask.like(y), shift = firstSample(y).mul(fixed);
      const sums = shiftedSums(y, shift);
      const [squares, centres] = mapMany([...sums, shift, fixed], (s1, s2, c, f, inverse, unbiased) => {
        const difference = E.mul(E.mul(s1, inverse), f);
        const square = E.sub(E.mul(s2, inverse), E.square(difference));
        return [E.mul(E.maximum(square, 0), unbiased), E.add(c, difference)];
      }, { scalars: [1 / samples, samples / (samples - 1)] });
      const variance = squares.reshape([count, size]).matmul(average.like(y));
      if (means === 0) return [undefined, variance];
      return [centres.reshape([count, size]).matmul(place.like(y).transpose(0, 1)), variance];
    });
    if (this.training && trackRunningStats) {
      const batches = this.buffer("num_batches_tracked");
      statistics(false, () => {
        if (mean !== undefined) blend(this.buffer(`${name}_running_mean`), mean.detach(), batches, momentum);
        blend(this.buffer(`${name}_running_var`), variance.detach(), batches, momentum);
      });
    }
    return [mean, variance];
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.#channels} channels, eps ${this.settings.eps}, momentum ${this.settings.momentum}`;
  }
}
