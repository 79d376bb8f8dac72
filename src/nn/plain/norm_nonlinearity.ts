/**
 * Plain layers that act on the norms of blocks of channels (Worrall et al. 2017): each block keeps its direction and gets the
 * length f(‖v‖ − b). A reduction, a map of the norms and a product for all blocks of a size.
 */

import { map, reduce, type Tensor, zeros } from "../../tensor/mod.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { formatShape } from "../../tensor/layout.ts";
import { reluExpression } from "./activations.ts";
import { type ChannelItem, ChannelPlan, orderConstant, reorder } from "./channel_plan.ts";
import { Layer } from "./layer.ts";
import type { Constant } from "./persistent.ts";

/** A field as consecutive sub-vectors of one size, whose norms a group permutes. */
export interface FieldParts {
  /** Number of sub-vectors. */
  readonly parts: number;
  /** Channels of each. */
  readonly size: number;
}

/** Names of the functions of norms, as in escnn. */
export type NormFunction = "n_relu" | "n_sigmoid" | "n_softplus" | "squash";

/** The new norm as an expression of the norm less its bias. */
export const NORM_FUNCTIONS: { readonly [F in NormFunction]: (t: Expr) => Expr } = {
  n_relu: reluExpression,
  n_sigmoid: E.sigmoid,
  // log(1 + eᵗ) without overflow.
  n_softplus: (t) => E.add(reluExpression(t), E.unary("log1p", E.exp(E.neg(E.abs(t))))),
  squash: (t) => E.div(t, E.add(t, 1)),
};

/** Below this norm a block is taken as zero, as in escnn. */
const SMALLEST_NORM_SQUARED = 1e-20;

/** √s, with derivative 0 where s is (all but) 0. */
export function safeRoot(s: Expr): Expr {
  const vanishes = E.le(s, SMALLEST_NORM_SQUARED);
  return E.select(vanishes, 0, E.sqrt(E.select(vanishes, 1, s)));
}

/** f(n) / n for the squared norm n², 0 where n is (all but) 0. */
export function rescaling(squared: Expr, length: (norm: Expr) => Expr): Expr {
  const vanishes = E.le(squared, SMALLEST_NORM_SQUARED);
  const norm = E.sqrt(E.select(vanishes, 1, squared));
  return E.select(vanishes, 0, E.div(length(norm), norm));
}

/** Throws ArgumentError unless there are blocks, all of positive integer sizes. */
export function checkParts(op: string, fields: readonly FieldParts[]): void {
  const positive = (n: number): boolean => Number.isInteger(n) && n > 0;
  if (fields.length > 0 && fields.every(({ parts, size }) => positive(parts) && positive(size))) return;
  throw new ArgumentError({
    op,
    expected: "fields with positive integer numbers and sizes of sub-vectors",
    actual: JSON.stringify(fields),
  });
}

/** Throws ShapeError unless `[batch, channels, …spatial]` has these channels and at most three spatial axes. */
export function checkChannels(op: string, x: Tensor, channels: number): void {
  if (x.rank >= 2 && x.rank <= 5 && x.shape[1] === channels) return;
  throw new ShapeError({
    op,
    expected: `an input [batch, channels, …spatial] with ${channels} channels`,
    actual: formatShape(x.shape),
  });
}

/** The sub-vectors as items, and for each the field that it belongs to. */
export function subVectors(
  fields: readonly FieldParts[],
): { readonly items: ChannelItem[]; readonly fieldOf: number[] } {
  const items: ChannelItem[] = [];
  const fieldOf: number[] = [];
  let start = 0;
  fields.forEach(({ parts, size }, field) => {
    for (let part = 0; part < parts; part++) {
      const span = { start, size };
      items.push({ inputs: [span], outputs: [span] });
      fieldOf.push(field);
      start += size;
    }
  });
  return { items, fieldOf };
}

/** The squared norms `[batch, items, 1, positions]` of a view `[batch, items, size, positions]`. */
export function squaredNorms(view: Tensor): Tensor {
  return reduce([view], "sum", 2, E.square, { keepDims: true });
}

/** Positions of fields ordered by the keys, stable. */
export function stableOrder(keys: readonly (readonly number[])[]): number[] {
  return keys.map((_, i) => i).sort((a, b) => {
    for (let k = 0; k < keys[a].length; k++) if (keys[a][k] !== keys[b][k]) return keys[a][k] - keys[b][k];
    return a - b;
  });
}

/** Options of layers that act on norms. */
export interface NormLayerOptions {
  /** The function of the norm. Default `"n_relu"`. */
  readonly function?: NormFunction;
  /** Whether a bias e^b is taken off the norms first, b trained for each field. Never with `squash`. Default true. */
  readonly bias?: boolean;
  /** Element type of the bias. Default float32. */
  readonly dtype?: FloatDType;
}

/** What the norm layers share: blocks, and one bias for each field in the order of sizes. */
export abstract class NormLayer extends Layer {
  /** The fields. */
  readonly fields: readonly FieldParts[];
  /** The function's name. */
  readonly function: NormFunction;
  /** Whether a bias is taken off. */
  readonly hasBias: boolean;
  readonly #plan: ChannelPlan;
  readonly #channels: number;
  readonly #biasOrder: readonly (Constant | undefined)[];

  /** For subclasses. */
  constructor(fields: readonly FieldParts[], biasShape: readonly number[], options: NormLayerOptions) {
    super();
    const op = this.constructor.name;
    checkParts(op, fields);
    this.fields = fields;
    this.function = options.function ?? "n_relu";
    if (!Object.hasOwn(NORM_FUNCTIONS, this.function)) {
      throw new ArgumentError({
        op,
        expected: `one of the functions ${Object.keys(NORM_FUNCTIONS).join(", ")}`,
        actual: JSON.stringify(this.function),
      });
    }
    this.hasBias = (options.bias ?? true) && this.function !== "squash";
    const { items, fieldOf } = subVectors(fields);
    this.#plan = new ChannelPlan(items);
    this.#channels = fields.reduce((sum, { parts, size }) => sum + parts * size, 0);
    const rank = new Array<number>(fields.length);
    stableOrder(fields.map(({ parts, size }) => [parts * size, size])).forEach((field, i) => rank[field] = i);
    this.#biasOrder = this.#plan.classes.map(({ items }) =>
      orderConstant(items.map((item) => rank[fieldOf[item]]), fields.length)
    );
    if (this.hasBias) this.addParameter("log_bias", zeros(biasShape, { dtype: options.dtype ?? "float32" }));
  }

  /** The trained logarithms of the biases, if there are any. */
  get logBias(): Tensor | undefined {
    return this.hasBias ? this.parameter("log_bias") : undefined;
  }

  /** The layer's result, of the input's shape. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    checkChannels(this.constructor.name, input, this.#channels);
    const f = NORM_FUNCTIONS[this.function];
    const bias = this.logBias?.reshape([-1]);
    const parts = this.#plan.split(input).map(([x], place) => {
      const squared = squaredNorms(x);
      // Norms are few beside the channels: what is made of them has a kernel of its own.
      if (bias === undefined) return x.mul(map([squared], (s) => rescaling(s, f)));
      const own = reorder(bias, this.#biasOrder[place]).reshape([1, -1, 1, 1]);
      return x.mul(map([squared, own], (s, b) => rescaling(s, (n) => f(E.sub(n, E.exp(E.cast(b, s.dtype)))))));
    });
    return this.#plan.join(parts, input);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.fields.length} fields, ${this.function}${this.hasBias ? "" : ", no bias"}`;
  }
}

/**
 * Each field v becomes v · f(‖v‖ − e^b) / ‖v‖. Parameter `log_bias` [1, fields, 1, 1], in the order of the fields' sizes
 * (those of one size in their order).
 */
export class NormNonLinearity extends NormLayer {
  /** A layer for fields of these sizes, in channel order. */
  constructor(sizes: readonly number[], options: NormLayerOptions = {}) {
    super(sizes.map((size) => ({ parts: 1, size })), [1, sizes.length, 1, 1], options);
  }
}

/**
 * Each sub-vector v of each field becomes v · f(‖v‖ − e^b) / ‖v‖, b the field's. Parameter `log_bias` [fields], in the order of
 * the fields' sizes, then of the sub-vectors'.
 */
export class InducedNormNonLinearity extends NormLayer {
  /** A layer for these fields, in channel order. */
  constructor(fields: readonly FieldParts[], options: NormLayerOptions = {}) {
    super(fields, [fields.length], options);
  }
}

/** Options of {@linkcode SoftThresholding}. */
export interface SoftThresholdingOptions {
  /** The threshold that every field starts with. Default 0.1. */
  readonly threshold?: number;
  /** Whether the thresholds are trained. Default true. */
  readonly trainable?: boolean;
  /** Element type of the thresholds. Default float32. */
  readonly dtype?: FloatDType;
}

/**
 * Soft thresholding of norms: each field v becomes v · max(1 − |t| / ‖v‖, 0), the proximal map of |t| ‖·‖. State: `threshold`
 * [fields], a parameter, or a buffer when it is not trained.
 */
export class SoftThresholding extends Layer {
  /** Sizes of the fields. */
  readonly sizes: readonly number[];
  /** Whether the thresholds are trained. */
  readonly trainable: boolean;
  readonly #plan: ChannelPlan;
  readonly #channels: number;
  readonly #orders: readonly (Constant | undefined)[];

  /** A layer for fields of these sizes, in channel order. */
  constructor(sizes: readonly number[], options: SoftThresholdingOptions = {}) {
    super();
    const { threshold = 0.1, trainable = true, dtype = "float32" } = options;
    const fields = sizes.map((size) => ({ parts: 1, size }));
    checkParts("SoftThresholding", fields);
    if (!(threshold >= 0 && threshold < Infinity)) {
      throw new ArgumentError({
        op: "SoftThresholding",
        expected: "a threshold of at least 0",
        actual: `${threshold}`,
      });
    }
    this.sizes = sizes;
    this.trainable = trainable;
    this.#plan = new ChannelPlan(subVectors(fields).items);
    this.#channels = sizes.reduce((a, b) => a + b, 0);
    this.#orders = this.#plan.classes.map(({ items }) => orderConstant(items, sizes.length));
    const values = zeros([sizes.length], { dtype }).add(threshold);
    if (trainable) this.addParameter("threshold", values);
    else this.addBuffer("threshold", values);
  }

  /** The layer's result, of the input's shape. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    checkChannels("SoftThresholding", input, this.#channels);
    const threshold = this.trainable ? this.parameter("threshold") : this.buffer("threshold");
    const parts = this.#plan.split(input).map(([x], place) => {
      const own = reorder(threshold, this.#orders[place]).reshape([1, -1, 1, 1]);
      return x.mul(map(
        [squaredNorms(x), own],
        (s, t) => rescaling(s, (n) => reluExpression(E.sub(n, E.abs(E.cast(t, s.dtype))))),
      ));
    });
    return this.#plan.join(parts, input);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.sizes.length} fields`;
  }
}
