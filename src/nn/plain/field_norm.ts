/**
 * Normalizations of fields by one variance each (Cesa et al. 2022): the mean is the part of a field that the group holds fixed, the
 * variance the mean square of what is left. Batch normalization keeps running statistics; the others measure each sample by itself.
 */

import { ones, reduce, type Tensor, tensor, zeros } from "../../tensor/mod.ts";
import * as E from "../../tensor/expr.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { ChannelPlan, fieldItems } from "./channel_plan.ts";
import type { PlainMatrix } from "./fiber_nonlinearity.ts";
import {
  blend,
  countBatch,
  type FieldBatchNormOptions,
  type FieldBatchNormSettings,
  type FieldNormOptions,
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
import type { Constant } from "./persistent.ts";

/** Fields of one kind. */
export interface NormalizedClass {
  /** Prefix of the state's names. */
  readonly name: string;
  /** Channels of a field. */
  readonly size: number;
  /** Q [size, invariants]: its columns are what the group holds fixed. */
  readonly invariants: PlainMatrix;
  /** P [size, size]: the projection on them. */
  readonly projection: PlainMatrix;
}

/** Fields of several kinds. */
export interface NormalizedFields {
  /** The kinds. */
  readonly classes: readonly NormalizedClass[];
  /** For each field, in channel order, its kind. */
  readonly kinds: readonly number[];
}

/** The constants of a kind. */
export interface ClassConstants {
  /** Prefix of the state's names. */
  readonly name: string;
  /** Number of fields. */
  readonly count: number;
  /** Channels of a field. */
  readonly size: number;
  /** Number of invariants. */
  readonly invariants: number;
  /** P, if there are any. */
  readonly projection: Constant | undefined;
  /** Qᵀ, for rows of biases on the left. */
  readonly spread: Constant | undefined;
}

/** What all normalizations of fields share: kinds, parameters and how they act. */
export abstract class FieldNormLayer extends Layer {
  /** The options with their defaults. */
  readonly settings: FieldBatchNormSettings;
  /** The fields. */
  protected readonly plan: ChannelPlan;
  /** The kinds in the plan's order. */
  protected readonly constants: readonly ClassConstants[];
  readonly #channels: number;

  /** A layer for these fields. */
  constructor({ classes, kinds }: NormalizedFields, options: FieldBatchNormOptions) {
    super();
    const op = this.constructor.name;
    if (kinds.length === 0 || kinds.some((kind) => classes[kind] === undefined)) {
      throw new ArgumentError({ op, expected: "fields of the kinds that are listed", actual: `kinds ${kinds}` });
    }
    this.settings = fieldNormSettings(op, options);
    const sizes = kinds.map((kind) => classes[kind].size);
    this.#channels = sizes.reduce((a, b) => a + b, 0);
    this.plan = new ChannelPlan(fieldItems(sizes, kinds.map((kind) => classes[kind].name)), { whole: true });
    this.constants = this.plan.classes.map(({ items }) => {
      const { name, size, invariants, projection } = classes[kinds[items[0]]];
      const fixed = invariants.columns > 0;
      return {
        name,
        count: items.length,
        size,
        invariants: invariants.columns,
        projection: fixed ? matrixConstant(projection) : undefined,
        spread: fixed ? matrixConstant(invariants, true) : undefined,
      };
    });
    const { affine, dtype } = this.settings;
    for (const { name, count, invariants } of this.constants) {
      if (!affine) continue;
      this.addParameter(`${name}_weight`, ones([count, 1], { dtype }));
      if (invariants > 0) this.addParameter(`${name}_bias`, zeros([count, invariants], { dtype }));
    }
  }

  /** The layer's result, of the input's shape. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    checkChannels(this.constructor.name, input, this.#channels);
    this.begin(input);
    return this.plan.join(this.plan.split(input).map(([x], place) => this.normalize(x, this.constants[place])), input);
  }

  /** Called before the kinds are normalized. */
  protected begin(_input: Tensor): void {}

  /** The normalized fields of one kind, `[batch, fields, size, positions]`. */
  protected abstract normalize(x: Tensor, kind: ClassConstants): Tensor;

  /** (x − mean) · weight / √(variance + eps) + Q · bias; mean and variance broadcast to x. */
  protected apply(x: Tensor, mean: Tensor | undefined, variance: Tensor, kind: ClassConstants): Tensor {
    const { affine, eps } = this.settings, { name, invariants, spread } = kind;
    const weight = affine ? this.parameter(`${name}_weight`).reshape([1, -1, 1, 1]) : undefined;
    const bias = affine && invariants > 0
      ? this.parameter(`${name}_bias`).cast(x.dtype).matmul(spread!.like(x)).reshape([1, kind.count, kind.size, 1])
      : undefined;
    return normalized(x, scaleTensor(variance, weight, eps, x), mean, bias);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.#channels} channels, eps ${this.settings.eps}`;
  }
}

/**
 * Batch normalization of fields: mean over batch and positions of what the group holds fixed, variance the mean over a field's channels of
 * their unbiased variances. State: `NAME_weight` [fields, 1], `NAME_bias` [fields, invariants], `NAME_running_mean` [fields, size],
 * `NAME_running_var` [fields, 1], `num_batches_tracked`.
 */
export class IIDBatchNorm extends FieldNormLayer {
  /** A layer for these fields. */
  constructor(fields: NormalizedFields, options: FieldBatchNormOptions = {}) {
    super(fields, options);
    const { trackRunningStats, dtype } = this.settings;
    if (!trackRunningStats) return;
    for (const { name, count, size, invariants } of this.constants) {
      if (invariants > 0) this.addBuffer(`${name}_running_mean`, zeros([count, size], { dtype }));
      this.addBuffer(`${name}_running_var`, ones([count, 1], { dtype }));
    }
    this.addBuffer("num_batches_tracked", tensor(new Int32Array(1), []));
  }

  /** Checks the batch and counts it. */
  protected override begin(input: Tensor): void {
    const { trackRunningStats } = this.settings;
    if (!this.training && trackRunningStats) return;
    requireSamples(this.constructor.name, input.shape.slice(2).reduce((a, b) => a * b, input.shape[0]), input);
    if (this.training && trackRunningStats) countBatch(this.buffer("num_batches_tracked"));
  }

  /** The normalized fields of one kind. */
  protected override normalize(x: Tensor, kind: ClassConstants): Tensor {
    const { trackRunningStats, differentiateStatistics, momentum } = this.settings;
    const { name, count, size, projection } = kind;
    if (!this.training && trackRunningStats) {
      const mean = projection === undefined ? undefined : this.buffer(`${name}_running_mean`);
      const variance = this.buffer(`${name}_running_var`).reshape([1, count, 1, 1]);
      return this.apply(x, mean?.reshape([1, count, size, 1]), variance, kind);
    }
    const [mean, variance] = statistics(differentiateStatistics, () => {
      const samples = x.shape[0] * x.shape[3], shift = firstSample(x);
      const [first, second] = shiftedSums(x, shift);
      const variance = reduce([second, first], "sum", 2, (s2, s1, inverse, scale) => {
        return E.mul(E.maximum(E.sub(s2, E.mul(E.square(s1), inverse)), 0), scale);
      }, { keepDims: true, scalars: [1 / samples, 1 / ((samples - 1) * size)] });
      if (projection === undefined) return [undefined, variance];
      return [projection.like(x).matmul(first.mul(1 / samples).add(shift)), variance];
    });
    if (this.training && trackRunningStats) {
      const update = (what: string, fresh: Tensor): void => {
        const running = this.buffer(`${name}_${what}`);
        statistics(
          false,
          () => blend(running, fresh.detach().reshape(running.shape), this.buffer("num_batches_tracked"), momentum),
        );
      };
      if (mean !== undefined) update("running_mean", mean);
      update("running_var", variance);
    }
    return this.apply(x, mean, variance, kind);
  }
}

/** Which numbers share the statistics of {@linkcode FieldNorm}, beside a field's channels. */
export type NormScope = "field" | "instance" | "layer";

const SCOPE_AXES: { readonly [S in NormScope]: readonly number[] } = { field: [], instance: [3], layer: [1] };

/**
 * Normalization of each sample by itself, over a field's channels and besides over nothing (`"field"`), over all positions
 * (`"instance"`), or over all fields of its kind (`"layer"`). State: `NAME_weight` [fields, 1], `NAME_bias` [fields, invariants].
 */
export class FieldNorm extends FieldNormLayer {
  /** What shares statistics. */
  readonly scope: NormScope;

  /** A layer for these fields. */
  constructor(fields: NormalizedFields, scope: NormScope = "field", options: FieldNormOptions = {}) {
    super(fields, options);
    this.scope = scope;
  }

  /** The normalized fields of one kind. */
  protected override normalize(x: Tensor, kind: ClassConstants): Tensor {
    const axes = SCOPE_AXES[this.scope], { projection } = kind;
    const [mean, variance] = statistics(this.settings.differentiateStatistics, () => {
      const average = (value: Tensor): Tensor => axes.length === 0 ? value : value.mean(axes, true);
      const mean = projection === undefined ? undefined : projection.like(x).matmul(average(x));
      const count = axes.reduce((product, axis) => product * x.shape[axis], kind.size);
      const inputs = mean === undefined ? [x] : [x, mean];
      const variance = reduce(inputs, "sum", [2, ...axes], (v, ...rest) => {
        const deviation = mean === undefined ? v : E.sub(v, rest[0]);
        return E.mul(E.square(deviation), rest[rest.length - 1]);
      }, { keepDims: true, scalars: [1 / count] });
      return [mean, variance];
    });
    return this.apply(x, mean, variance, kind);
  }
}
