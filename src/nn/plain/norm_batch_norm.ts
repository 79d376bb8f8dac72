/**
 * Batch normalization of norms (Weiler & Cesa 2019): each block of channels is divided by the root of the running mean of its squared
 * norm, in train mode too. Directions stay as they are.
 */

import { ones, reduce, type Tensor, tensor } from "../../tensor/mod.ts";
import * as E from "../../tensor/expr.ts";
import { ChannelPlan, fieldItems } from "./channel_plan.ts";
import {
  blend,
  countBatch,
  type FieldBatchNormOptions,
  type FieldBatchNormSettings,
  fieldNormSettings,
  normalized,
  requireSamples,
  scaleTensor,
  statistics,
} from "./field_statistics.ts";
import { Layer } from "./layer.ts";
import { checkChannels, checkParts, type FieldParts } from "./norm_nonlinearity.ts";

/** Options of batch normalizations of norms. */
export type NormBatchNormOptions = Omit<FieldBatchNormOptions, "trackRunningStats">;

/** What both layers share; they differ in names and shapes of their state. */
export abstract class NormBatchNormLayer extends Layer {
  /** The fields. */
  readonly fields: readonly FieldParts[];
  /** The options with their defaults. */
  readonly settings: FieldBatchNormSettings;
  readonly #plan: ChannelPlan;
  readonly #channels: number;
  readonly #keys: readonly string[];

  /** For subclasses: `keyOf` names the fields that share a state tensor, `shapeOf` gives its shape. */
  constructor(
    fields: readonly FieldParts[],
    options: NormBatchNormOptions,
    keyOf: (field: FieldParts) => string,
    shapeOf: (count: number) => number[],
  ) {
    super();
    const op = this.constructor.name;
    checkParts(op, fields);
    this.fields = fields;
    this.settings = fieldNormSettings(op, options);
    const totals = fields.map(({ parts, size }) => parts * size), keys = fields.map(keyOf);
    this.#plan = new ChannelPlan(fieldItems(totals, keys), { whole: true });
    this.#channels = totals.reduce((a, b) => a + b, 0);
    this.#keys = this.#plan.classes.map(({ items }) => keys[items[0]]);
    const { affine, dtype } = this.settings;
    this.#plan.classes.forEach(({ items }, place) => {
      if (affine) this.addParameter(`${this.#keys[place]}_weight`, ones(shapeOf(items.length), { dtype }));
      this.addBuffer(`${this.#keys[place]}_running_var`, ones(shapeOf(items.length), { dtype }));
    });
    this.addBuffer("num_batches_tracked", tensor(new Int32Array(1), []));
  }

  /** The layer's result, of the input's shape. Throws ShapeError for other channels, or too small a batch in train mode. */
  override forward(input: Tensor): Tensor {
    const op = this.constructor.name;
    checkChannels(op, input, this.#channels);
    const positions = input.shape.slice(2).reduce((a, b) => a * b, input.shape[0]);
    const { eps, momentum, affine, differentiateStatistics } = this.settings;
    if (this.training) {
      for (const { items } of this.#plan.classes) requireSamples(op, positions * this.fields[items[0]].parts, input);
      countBatch(this.buffer("num_batches_tracked"));
    }
    const parts = this.#plan.split(input).map(([x], place) => {
      const key = this.#keys[place], { parts } = this.fields[this.#plan.classes[place].items[0]];
      const running = this.buffer(`${key}_running_var`);
      const variance = !this.training ? running : statistics(differentiateStatistics, () => {
        const samples = positions * parts;
        const scale = samples / (samples - 1) / (positions * x.shape[2]);
        const fresh = reduce([x], "sum", [0, 2, 3], (v, s) => E.mul(E.square(v), s), { scalars: [scale] });
        return blend(running, fresh.reshape(running.shape), this.buffer("num_batches_tracked"), momentum);
      });
      const weight = affine ? this.parameter(`${key}_weight`) : undefined;
      return normalized(x, scaleTensor(variance, weight, eps, x).reshape([1, -1, 1, 1]), undefined, undefined);
    });
    return this.#plan.join(parts, input);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.fields.length} fields, eps ${this.settings.eps}, momentum ${this.settings.momentum}`;
  }
}

/**
 * v · weight / √(running mean of ‖v‖² / size + eps) for each field. State: `s_weight`, `s_running_var` [1, fields of size s, 1],
 * `num_batches_tracked`.
 */
export class NormBatchNorm extends NormBatchNormLayer {
  /** A layer for fields of these sizes, in channel order. */
  constructor(sizes: readonly number[], options: NormBatchNormOptions = {}) {
    const fields = sizes.map((size) => ({ parts: 1, size }));
    super(fields, options, ({ size }) => String(size), (count) => [1, count, 1]);
  }
}

/**
 * The same where a field consists of sub-vectors, which count as samples. State: `(s, d)_weight`, `(s, d)_running_var`
 * [1, fields of size s with sub-vectors of size d, 1, 1], `num_batches_tracked`.
 */
export class InducedNormBatchNorm extends NormBatchNormLayer {
  /** A layer for these fields, in channel order. */
  constructor(fields: readonly FieldParts[], options: NormBatchNormOptions = {}) {
    super(fields, options, ({ parts, size }) => `(${parts * size}, ${size})`, (count) => [1, count, 1, 1]);
  }
}
