/**
 * Batch normalization (Ioffe & Szegedy 2015), PyTorch's definition: biased variance in the output, unbiased in the running
 * statistics, gradient through the statistics. The core normalizes `[batch, groups, members, positions]` by one mean and
 * variance for each group, in one pass for the statistics and one for the output; plain layers have one member, fields several.
 */

import { map, mapInPlace, mapMany, noGrad, ones, reduceMany, type Tensor, tensor, zeros } from "../../tensor/mod.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import { formatShape } from "../../tensor/layout.ts";
import { checkInput, Layer } from "./layer.ts";

/** Options of batch normalizations. */
export interface BatchNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Weight of a new batch in the running statistics; `null` for the plain average over all batches. Default 0.1. */
  readonly momentum?: number | null;
  /** Whether a weight and a bias follow the normalization. Default true. */
  readonly affine?: boolean;
  /** Whether running statistics are kept and used in eval mode; else batch statistics are used always. Default true. */
  readonly trackRunningStats?: boolean;
  /** Element type of parameters and statistics. Default float32. */
  readonly dtype?: FloatDType;
}

/** The options of a batch normalization with their defaults. */
export interface BatchNormSettings {
  /** Added to the variance. */
  readonly eps: number;
  /** Weight of a new batch, or `null` for the plain average. */
  readonly momentum: number | null;
  /** Whether weight and bias exist. */
  readonly affine: boolean;
  /** Whether running statistics exist. */
  readonly trackRunningStats: boolean;
  /** Element type of parameters and statistics. */
  readonly dtype: FloatDType;
}

/** The settings of these options; throws ArgumentError for values out of range. */
export function batchNormSettings(op: string, options: BatchNormOptions): BatchNormSettings {
  const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true, dtype = "float32" } = options;
  if (!(eps >= 0)) throw new ArgumentError({ op, expected: "eps of at least 0", actual: String(eps) });
  if (momentum !== null && !(momentum >= 0 && momentum <= 1)) {
    throw new ArgumentError({ op, expected: "a momentum from 0 to 1, or null", actual: String(momentum) });
  }
  return { eps, momentum, affine, trackRunningStats, dtype };
}

/** The tensors of one batch normalization over `groups` groups, under PyTorch's names. */
export interface BatchNormTensors {
  /** Factor, [groups]. */
  readonly weight?: Tensor;
  /** Summand, [groups]. */
  readonly bias?: Tensor;
  /** Running mean, [groups]. */
  readonly runningMean?: Tensor;
  /** Running unbiased variance, [groups]. */
  readonly runningVar?: Tensor;
  /** Number of batches seen, int32 scalar. */
  readonly batches?: Tensor;
}

/** Fresh tensors of a batch normalization by their names in a state dict: parameters first, then buffers. */
export function batchNormState(groups: number, settings: BatchNormSettings): {
  readonly parameters: readonly (readonly [string, Tensor])[];
  readonly buffers: readonly (readonly [string, Tensor])[];
} {
  const { dtype } = settings;
  return {
    parameters: settings.affine ? [["weight", ones([groups], { dtype })], ["bias", zeros([groups], { dtype })]] : [],
    buffers: settings.trackRunningStats
      ? [
        ["running_mean", zeros([groups], { dtype })],
        ["running_var", ones([groups], { dtype })],
        ["num_batches_tracked", tensor(new Int32Array(1), [])],
      ]
      : [],
  };
}

/**
 * Normalizes `x` `[batch, groups, members, positions]` over all axes but the groups'.
 *
 * @param op The layer, for messages.
 * @param x The input, float32 or float64.
 * @param tensors Parameters and running statistics; in train mode the latter are updated in place.
 * @param settings The layer's options.
 * @param training Whether batch statistics are used and the running ones updated, where those of the batch are finite.
 * @param then What happens to each result in the same kernel. Default nothing.
 * @throws ShapeError when batch statistics are asked for and a group has fewer than two numbers.
 */
export function batchNormalize(
  op: string,
  x: Tensor,
  tensors: BatchNormTensors,
  settings: BatchNormSettings,
  training: boolean,
  then: (value: E.Expr) => E.Expr = (value) => value,
): Tensor {
  const { weight, bias, runningMean, runningVar } = tensors;
  const column = (t: Tensor): Tensor => t.reshape([1, -1, 1, 1]);
  const cast = (e: E.Expr): E.Expr => E.cast(e, x.dtype);
  const affine = weight === undefined ? [] : [column(weight)];
  let mean: Tensor, scale: Tensor;
  if (!training && runningMean !== undefined && runningVar !== undefined) {
    mean = column(runningMean);
    scale = map(
      [column(runningVar), ...affine],
      (v, ...rest) => scaleExpression(cast(v), cast(rest[rest.length - 1]), rest.slice(0, -1).map(cast)),
      { scalars: [settings.eps] },
    );
  } else {
    const count = x.shape[0] * x.shape[2] * x.shape[3];
    if (count < 2) {
      throw new ShapeError({
        op,
        expected: "at least two numbers for each statistic in train mode",
        actual: `an input ${formatShape(x.shape)} (batch, fields, channels of a field, positions)`,
        hint: "Use a larger batch, or call eval() to use the running statistics",
      });
    }
    // Sums of differences from one of the numbers lose no digits when the mean is large beside the deviation.
    const shift = x.detach().slice(0, 0, 1).slice(2, 0, 1).slice(3, 0, 1);
    const [first, second] = reduceMany([x, shift], ["sum", "sum"], [0, 2, 3], (v, c) => {
      const d = E.sub(v, c);
      return [d, E.square(d)];
    }, { keepDims: true });
    let variance: Tensor;
    [mean, variance, scale] = mapMany(
      [first, second, shift, ...affine],
      (s1, s2, c, ...rest) => {
        const [inverse, eps] = rest.slice(-2);
        const delta = E.mul(s1, inverse);
        const v = E.maximum(E.sub(E.mul(s2, inverse), E.square(delta)), 0);
        return [E.add(c, delta), v, scaleExpression(v, eps, rest.slice(0, -2).map(cast))];
      },
      { scalars: [1 / count, settings.eps] },
    );
    if (training) updateRunning(tensors, settings, mean, variance, count);
  }
  const inputs = bias === undefined ? [x, mean, scale] : [x, mean, scale, column(bias)];
  return map(inputs, (v, m, s, ...b) => {
    const product = E.mul(E.sub(v, cast(m)), s);
    return then(b.length === 0 ? product : E.add(product, cast(b[0])));
  });
}

function scaleExpression(variance: E.Expr, eps: E.Expr, weight: readonly E.Expr[]): E.Expr {
  const root = E.sqrt(E.add(variance, eps));
  return weight.length === 0 ? E.div(1, root) : E.div(weight[0], root);
}

function updateRunning(
  tensors: BatchNormTensors,
  { momentum }: BatchNormSettings,
  mean: Tensor,
  variance: Tensor,
  count: number,
): void {
  const { runningMean, runningVar, batches } = tensors;
  if (runningMean === undefined || runningVar === undefined || batches === undefined) return;
  noGrad(() => {
    mapInPlace([batches], [], [], ([n]) => [E.add(n, 1)]);
    const unbiased = count / (count - 1);
    mapInPlace(
      [runningMean, runningVar],
      [mean.detach().reshape([-1]), variance.detach().reshape([-1]), batches],
      [momentum ?? 0, unbiased],
      ([m, v], [newMean, newVariance, n], [fraction, correction]) => {
        const to = (e: E.Expr): E.Expr => E.cast(e, m.dtype);
        const f = momentum === null ? E.div(1, to(n)) : to(fraction);
        // One batch with a NaN would spoil them for good, although the optimizer's step for it is refused.
        const finite = E.eq(E.sub(newVariance, newVariance), 0);
        const towards = (old: E.Expr, next: E.Expr): E.Expr =>
          E.select(finite, E.add(old, E.mul(f, E.sub(next, old))), old);
        return [towards(m, to(newMean)), towards(v, E.mul(to(newVariance), to(correction)))];
      },
    );
  });
}

/** What the plain batch normalizations share: one mean and variance for each channel. */
export abstract class BatchNorm extends Layer {
  /** Number of channels. */
  readonly channels: number;
  /** The options with their defaults. */
  readonly settings: BatchNormSettings;
  readonly #ranks: readonly number[];
  readonly #axes: string;

  /** A normalization of inputs of these ranks; `axes` names them in messages. */
  constructor(channels: number, ranks: readonly number[], axes: string, options: BatchNormOptions) {
    super();
    const op = this.constructor.name;
    if (!Number.isInteger(channels) || channels < 1) {
      throw new ArgumentError({ op, expected: "a positive number of channels", actual: String(channels) });
    }
    this.channels = channels;
    this.settings = batchNormSettings(op, options);
    this.#ranks = ranks;
    this.#axes = axes;
    const { parameters, buffers } = batchNormState(channels, this.settings);
    for (const [name, value] of parameters) this.addParameter(name, value);
    for (const [name, value] of buffers) this.addBuffer(name, value);
  }

  /** Parameters and running statistics. */
  get tensors(): BatchNormTensors {
    const { affine, trackRunningStats } = this.settings;
    return {
      weight: affine ? this.parameter("weight") : undefined,
      bias: affine ? this.parameter("bias") : undefined,
      runningMean: trackRunningStats ? this.buffer("running_mean") : undefined,
      runningVar: trackRunningStats ? this.buffer("running_var") : undefined,
      batches: trackRunningStats ? this.buffer("num_batches_tracked") : undefined,
    };
  }

  /** The normalized input, of the same shape. Throws ShapeError for another number of channels. */
  override forward(input: Tensor): Tensor {
    const op = this.constructor.name;
    checkInput(op, input.shape, this.#ranks, this.channels, this.#axes);
    const view = input.reshape([input.shape[0], this.channels, 1, positionsOf(input)]);
    return batchNormalize(op, view, this.tensors, this.settings, this.training).reshape(input.shape);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.channels}, eps ${this.settings.eps}, momentum ${this.settings.momentum}`;
  }
}

/** The number of positions of `[batch, channels, …spatial]`; reshape's −1 would be ambiguous for an empty batch. */
export function positionsOf(input: Tensor): number {
  return input.shape.slice(2).reduce((a, b) => a * b, 1);
}

/**
 * Batch normalization of `[batch, channels]` or `[batch, channels, length]`. Parameters `weight`, `bias`, buffers
 * `running_mean`, `running_var`, `num_batches_tracked`.
 */
export class BatchNorm1d extends BatchNorm {
  /** A normalization of `channels` channels. */
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, [2, 3], "[batch, channels] or [batch, channels, length]", options);
  }
}

/** Batch normalization of `[batch, channels, height, width]`; names as {@linkcode BatchNorm1d}. */
export class BatchNorm2d extends BatchNorm {
  /** A normalization of `channels` channels. */
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, [4], "[batch, channels, height, width]", options);
  }
}

/** Batch normalization of `[batch, channels, depth, height, width]`; names as {@linkcode BatchNorm1d}. */
export class BatchNorm3d extends BatchNorm {
  /** A normalization of `channels` channels. */
  constructor(channels: number, options: BatchNormOptions = {}) {
    super(channels, [5], "[batch, channels, depth, height, width]", options);
  }
}
