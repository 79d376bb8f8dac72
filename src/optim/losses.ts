/**
 * Losses, each with a fused backward pass that comes from its expressions.
 */

import * as E from "../tensor/expr.ts";
import { ArgumentError, DTypeError, ShapeError } from "../tensor/errors.ts";
import { logSoftmax, map, reduce, type Tensor } from "../tensor/mod.ts";

/** How losses of elements become one number. */
export type LossReduction = "mean" | "sum" | "none";

function checkReduction(op: string, reduction: LossReduction): void {
  if (!["mean", "sum", "none"].includes(reduction)) {
    throw new ArgumentError({ op, expected: 'reduction "mean", "sum" or "none"', actual: String(reduction) });
  }
}

/** Options of {@linkcode crossEntropy}. */
export interface CrossEntropyOptions {
  /** Default `"mean"` over all labels, but for those that are ignored. */
  readonly reduction?: LossReduction;
  /** Share of the probability spread evenly over all classes, from 0 to below 1. Default 0. */
  readonly labelSmoothing?: number;
  /** The label, an integer, whose places count nothing, e.g. −1 for pixels without one. Default: every label counts. */
  readonly ignoreIndex?: number;
}

/**
 * Cross-entropy of logits `[batch, classes]` against int32 labels `[batch]`, or of logits `[batch, classes, …spatial]` against labels
 * `[batch, …spatial]`, one for each pixel.
 *
 * Throws {@linkcode ShapeError} or {@linkcode DTypeError} where logits and labels do not fit, {@linkcode ArgumentError} for a label outside
 * `0 … classes − 1`; on a GPU, which is not waited for, that makes the loss NaN, so that `guardedStep` refuses it.
 *
 * @example Equal logits give ln(classes)
 * ```ts
 * import { crossEntropy, tensor, useBackend, zeros } from "@escnn/escnn";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const loss = crossEntropy(zeros([2, 10]), tensor(new Int32Array([3, 7])));
 * assertAlmostEquals(await loss.item(), Math.log(10), 1e-6);
 * ```
 */
export function crossEntropy(logits: Tensor, labels: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { reduction = "mean", labelSmoothing = 0, ignoreIndex } = options;
  checkReduction("crossEntropy", reduction);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ArgumentError({
      op: "crossEntropy",
      expected: "labelSmoothing from 0 to below 1",
      actual: String(labelSmoothing),
    });
  }
  if (ignoreIndex !== undefined && !Number.isInteger(ignoreIndex)) {
    throw new ArgumentError({ op: "crossEntropy", expected: "an integer as ignoreIndex", actual: String(ignoreIndex) });
  }
  const [batch, classes, ...spatial] = logits.shape;
  if (logits.rank < 2 || labels.shape.join() !== [batch, ...spatial].join()) {
    throw new ShapeError({
      op: "crossEntropy",
      expected: "logits [batch, classes, …spatial] and labels [batch, …spatial]",
      actual: `[${logits.shape.join(", ")}] and [${labels.shape.join(", ")}]`,
      hint: "Labels are the numbers of the classes, not one-hot",
    });
  }
  if (labels.dtype !== "int32") {
    throw new DTypeError({
      op: "crossEntropy",
      expected: "int32 labels",
      actual: labels.dtype,
      hint: 'Use cast("int32"), or make them with tensor(Int32Array.from(labels))',
    });
  }
  const immediate = labels.backend.canReadSync && labels.backend.checksIndices !== true;
  if (immediate) checkLabels(labels, classes, ignoreIndex);
  const logProbabilities = logSoftmax(logits, 1);
  const axes = reduction === "none" ? [1] : logits.shape.map((_, axis) => axis);
  const scale = reduction === "mean" && ignoreIndex === undefined ? -1 / Math.max(labels.size, 1) : -1;
  const uniformShare = labelSmoothing / classes;
  const loss = reduce([logProbabilities, labels.unsqueeze(1)], "sum", axes, (logP, label) => {
    // Selected, not multiplied by 0: the logarithm of a class that is impossible is −∞.
    let term = E.select(E.eq(E.index(1), label), E.mul(logP, (1 - labelSmoothing) * scale), 0);
    if (uniformShare !== 0) term = E.add(term, E.mul(logP, uniformShare * scale));
    if (!immediate) term = E.select(E.lt(label, 0), NaN, E.select(E.ge(label, classes), NaN, term));
    return ignoreIndex === undefined ? term : E.select(E.eq(label, ignoreIndex), 0, term);
  });
  if (reduction !== "mean" || ignoreIndex === undefined) return loss;
  const counted = reduce([labels], "sum", undefined, (label) => E.cast(E.ne(label, ignoreIndex), logits.dtype));
  return map([loss, counted], (sum, count) => E.div(sum, E.maximum(count, 1)));
}

/** Throws {@linkcode ArgumentError} for a label that is no class and not ignored. The labels' backend can read at once. */
function checkLabels(labels: Tensor, classes: number, ignored: number | undefined): void {
  const wrong = labels.dataSync().find((label) => (label < 0 || label >= classes) && label !== ignored);
  if (wrong === undefined) return;
  throw new ArgumentError({
    op: "crossEntropy",
    expected: `labels from 0 to ${classes - 1} for logits of ${classes} classes`,
    actual: String(wrong),
    hint: "Give the logits as many channels as there are classes, or leave labels out with ignoreIndex",
  });
}

/** Options of {@linkcode meanSquaredError}. */
export interface RegressionLossOptions {
  /** Default `"mean"` over all elements. */
  readonly reduction?: LossReduction;
}

/** Squared difference of two tensors of one shape. Throws {@linkcode ShapeError} where the shapes differ: nothing is broadcast. */
export function meanSquaredError(prediction: Tensor, target: Tensor, options: RegressionLossOptions = {}): Tensor {
  const { reduction = "mean" } = options;
  checkReduction("meanSquaredError", reduction);
  if (prediction.shape.join() !== target.shape.join()) {
    throw new ShapeError({
      op: "meanSquaredError",
      expected: "prediction and target of one shape",
      actual: `[${prediction.shape.join(", ")}] and [${target.shape.join(", ")}]`,
      hint: "Reshape one of them",
    });
  }
  if (reduction === "none") return map([prediction, target], (a, b) => E.square(E.sub(a, b)));
  const scale = reduction === "mean" ? 1 / Math.max(prediction.size, 1) : 1;
  return reduce([prediction, target], "sum", undefined, (a, b) => E.mul(E.square(E.sub(a, b)), scale));
}
