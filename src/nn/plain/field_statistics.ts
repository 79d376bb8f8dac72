/**
 * What normalizations of fields share: options, running averages, and sums that lose no digits when a mean is large.
 */

import { map, mapInPlace, noGrad, reduceMany, type Tensor } from "../../tensor/mod.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { formatShape } from "../../tensor/layout.ts";
import { Constant } from "./persistent.ts";
import type { PlainMatrix } from "./fiber_nonlinearity.ts";

/** Options of normalizations of fields without running statistics. */
export interface FieldNormOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
  /** Whether a weight (and, for invariant parts, a bias) follows the normalization. Default true. */
  readonly affine?: boolean;
  /** Whether gradients pass through mean and variance; escnn takes them as constants. Default false. */
  readonly differentiateStatistics?: boolean;
  /** Element type of parameters and statistics. Default float32. */
  readonly dtype?: FloatDType;
}

/** Options of batch normalizations of fields. */
export interface FieldBatchNormOptions extends FieldNormOptions {
  /** Weight of a new batch in the running statistics; `null` for the plain average over all batches. Default 0.1. */
  readonly momentum?: number | null;
  /** Whether running statistics are kept and used in eval mode; else batch statistics are used always. Default true. */
  readonly trackRunningStats?: boolean;
}

/** Options with their defaults. */
export interface FieldBatchNormSettings {
  /** Added to the variance. */
  readonly eps: number;
  /** Weight of a new batch, or `null` for the plain average. */
  readonly momentum: number | null;
  /** Whether weights and biases exist. */
  readonly affine: boolean;
  /** Whether running statistics exist. */
  readonly trackRunningStats: boolean;
  /** Whether gradients pass through the statistics. */
  readonly differentiateStatistics: boolean;
  /** Element type of parameters and statistics. */
  readonly dtype: FloatDType;
}

/** The settings of these options; throws ArgumentError for values out of range. */
export function fieldNormSettings(op: string, options: FieldBatchNormOptions): FieldBatchNormSettings {
  const { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true } = options;
  const { differentiateStatistics = false, dtype = "float32" } = options;
  if (!(eps >= 0)) throw new ArgumentError({ op, expected: "eps of at least 0", actual: String(eps) });
  if (momentum !== null && !(momentum >= 0 && momentum <= 1)) {
    throw new ArgumentError({ op, expected: "a momentum from 0 to 1, or null", actual: String(momentum) });
  }
  return { eps, momentum, affine, trackRunningStats, differentiateStatistics, dtype };
}

/** Runs the computation of statistics: without gradient unless they are wanted. */
export function statistics<T>(differentiate: boolean, compute: () => T): T {
  return differentiate ? compute() : noGrad(compute);
}

/** Throws ShapeError unless there are two numbers for a variance. */
export function requireSamples(op: string, count: number, input: Tensor): void {
  if (count >= 2) return;
  throw new ShapeError({
    op,
    expected: "at least two samples or positions for batch statistics",
    actual: formatShape(input.shape),
    hint: "Use a larger batch, or call eval() to use the running statistics",
  });
}

/**
 * running + fraction · (fresh − running), which also becomes the new content of `running`, in the type of `fresh`.
 * The fraction is the momentum, or 1 / batches for `null`; `batches` has been counted up before.
 */
export function blend(running: Tensor, fresh: Tensor, batches: Tensor, momentum: number | null): Tensor {
  const used = map([fresh, running.detach(), batches], (next, old, n, fraction) => {
    const before = E.cast(old, next.dtype);
    const f = momentum === null ? E.div(1, E.cast(n, next.dtype)) : fraction;
    return E.add(before, E.mul(f, E.sub(next, before)));
  }, { scalars: [momentum ?? 0] });
  noGrad(() => mapInPlace([running], [used.detach()], [], ([r], [value]) => [E.cast(value, r.dtype)]));
  return used;
}

/** Counts a batch. */
export function countBatch(batches: Tensor): void {
  noGrad(() => mapInPlace([batches], [], [], ([n]) => [E.add(n, 1)]));
}

/** Sums over samples and positions of `[batch, fields, size, positions]`: of x − c, and of its square; `[1, fields, size, 1]`. */
export function shiftedSums(x: Tensor, shift: Tensor): [first: Tensor, second: Tensor] {
  const [first, second] = reduceMany([x, shift], ["sum", "sum"], [0, 3], (v, c) => {
    const d = E.sub(v, c);
    return [d, E.square(d)];
  }, { keepDims: true });
  return [first, second];
}

/** One sample of each channel, to take differences from. */
export function firstSample(x: Tensor): Tensor {
  return x.detach().slice(0, 0, 1).slice(3, 0, 1);
}

/** w / √(v + eps) as an expression, w = 1 where there is no weight. */
export function scaleOf(variance: Expr, eps: Expr, weight: readonly Expr[]): Expr {
  const root = E.sqrt(E.add(variance, eps));
  return weight.length === 0 ? E.div(1, root) : E.div(E.cast(weight[0], variance.dtype), root);
}

/** The scale `[…]` of variances and, if there are any, weights of the same shape, in the type of `like`. */
export function scaleTensor(variance: Tensor, weight: Tensor | undefined, eps: number, like: Tensor): Tensor {
  const exact = variance.dtype === like.dtype ? variance : variance.cast(like.dtype);
  const inputs = weight === undefined ? [exact] : [exact, weight];
  return map(inputs, (v, ...rest) => scaleOf(v, rest[rest.length - 1], rest.slice(0, -1)), { scalars: [eps] });
}

/** (x − mean) · scale + bias, mean and bias where there are any; all broadcast to x. */
export function normalized(
  x: Tensor,
  scale: Tensor,
  mean: Tensor | undefined,
  bias: Tensor | undefined,
): Tensor {
  const inputs = [x, scale, ...(mean === undefined ? [] : [mean]), ...(bias === undefined ? [] : [bias])];
  return map(inputs, (v, s, ...rest) => {
    const to = (e: Expr): Expr => E.cast(e, v.dtype);
    const centred = mean === undefined ? v : E.sub(v, to(rest[0]));
    const scaled = E.mul(centred, to(s));
    return bias === undefined ? scaled : E.add(scaled, to(rest[rest.length - 1]));
  });
}

/** A constant matrix, or its transpose. */
export function matrixConstant({ rows, columns, data }: PlainMatrix, transposed = false): Constant {
  if (!transposed) return new Constant(data, [rows, columns]);
  const out = new Float64Array(data.length);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) out[j * rows + i] = data[i * columns + j];
  return new Constant(out, [columns, rows]);
}
