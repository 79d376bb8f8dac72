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
  /** Default `"mean"` over the batch. */
  readonly reduction?: LossReduction;
  /** Share of the probability spread evenly over all classes, from 0 to below 1. Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * Cross-entropy of logits `[batch, classes]` against int32 labels `[batch]`.
 *
 * Throws {@linkcode ShapeError} or {@linkcode DTypeError} where logits and labels do not fit. A label outside `0 … classes − 1` contributes
 * no class term: its loss is 0 without smoothing.
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
  const { reduction = "mean", labelSmoothing = 0 } = options;
  checkReduction("crossEntropy", reduction);
  if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
    throw new ArgumentError({
      op: "crossEntropy",
      expected: "labelSmoothing from 0 to below 1",
      actual: String(labelSmoothing),
    });
  }
  if (logits.rank !== 2 || labels.rank !== 1 || labels.shape[0] !== logits.shape[0]) {
    throw new ShapeError({
      op: "crossEntropy",
      expected: "logits [batch, classes] and labels [batch]",
      actual: `[${logits.shape.join(", ")}] and [${labels.shape.join(", ")}]`,
    });
  }
  if (labels.dtype !== "int32") {
    throw new DTypeError({
      op: "crossEntropy",
      expected: "int32 labels",
      actual: labels.dtype,
      hint: 'Use cast("int32")',
    });
  }
  const [batch, classes] = logits.shape;
  const logProbabilities = logSoftmax(logits, 1);
  const axes = reduction === "none" ? [1] : [0, 1];
  const scale = reduction === "mean" ? -1 / Math.max(batch, 1) : -1;
  const uniformShare = labelSmoothing / classes;
  return reduce([logProbabilities, labels.reshape([batch, 1])], "sum", axes, (logP, label) => {
    const picked = E.select(E.eq(E.index(1), label), 1 - labelSmoothing, E.constant(0, logP.dtype));
    const target = uniformShare === 0 ? picked : E.add(picked, uniformShare);
    return E.mul(E.mul(logP, target), scale);
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
