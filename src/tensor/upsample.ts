/**
 * Resampling of the spatial axes of `[batch, channels, …spatial]`: nearest neighbour and linear interpolation (bilinear in two
 * axes, trilinear in three), axis by axis. Positions follow PyTorch's conventions.
 */

import { allocateTensor, commonBackend } from "./core.ts";
import { type PerAxis, perAxis } from "./conv_geometry.ts";
import { isFloat } from "./dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import { indexSelect } from "./gather.ts";
import { map, toElements } from "./map.ts";
import type { Tensor } from "./tensor.ts";
import { selectView } from "./views.ts";

/** Options of {@linkcode upsample}: one of `size` and `scaleFactor` is needed. */
export interface UpsampleOptions {
  /** Size of the output along each spatial axis. */
  readonly size?: PerAxis;
  /** Output size by input size (rounded down); used for the positions too. */
  readonly scaleFactor?: number | readonly number[];
  /** `"linear"` interpolates between neighbours along every axis. Default `"linear"`. */
  readonly mode?: "nearest" | "linear";
  /** Whether the first and last elements of input and output lie at the same places (linear only). Default false. */
  readonly alignCorners?: boolean;
}

/** How an axis is resampled: for each output position the two neighbours and the weight of the upper one. */
interface AxisPlan {
  readonly lower: Int32Array;
  readonly upper: Int32Array;
  readonly weight: Float64Array;
}

function planAxis(size: number, count: number, scale: number, mode: string, alignCorners: boolean): AxisPlan {
  const lower = new Int32Array(count);
  const upper = new Int32Array(count);
  const weight = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    let position: number;
    if (mode === "nearest") position = Math.floor(i / scale);
    else if (alignCorners) position = count > 1 ? i * (size - 1) / (count - 1) : 0;
    else position = Math.max(0, (i + 0.5) / scale - 0.5);
    lower[i] = Math.min(Math.floor(position), size - 1);
    upper[i] = Math.min(lower[i] + 1, size - 1);
    weight[i] = mode === "nearest" ? 0 : position - Math.floor(position);
  }
  return { lower, upper, weight };
}

/**
 * `x` `[batch, channels, …spatial]` at another resolution. With the scale s (`scaleFactor`, else output by input size) the source of
 * output position i is ⌊i/s⌋ (nearest), (i + ½)/s − ½ and at least 0 (linear), or i·(in − 1)/(out − 1) (aligned corners).
 * Throws {@linkcode ArgumentError} unless exactly one of `size` and `scaleFactor` is given.
 *
 * @example
 * ```ts
 * import { tensor, upsample, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const y = upsample(tensor([[[1, 3]]]), { scaleFactor: 2 });
 * assertEquals(await y.data(), new Float32Array([1, 1.5, 2.5, 3]));
 * ```
 */
export function upsample(x: Tensor, options: UpsampleOptions): Tensor {
  const op = "upsample";
  commonBackend([x], op);
  const { size, scaleFactor, mode = "linear", alignCorners = false } = options;
  const axes = x.rank - 2;
  if (axes < 1 || axes > 3 || x.shape.slice(2).includes(0)) {
    throw new ShapeError({
      op,
      expected: "input [batch, channels, …spatial] with 1 to 3 spatial axes that are not empty",
      actual: x.describe(),
    });
  }
  if (mode !== "nearest" && !isFloat(x.dtype)) {
    throw new DTypeError({ op, expected: "a float tensor for linear mode", actual: x.describe() });
  }
  if ((size === undefined) === (scaleFactor === undefined)) {
    throw new ArgumentError({
      op,
      expected: "either size or scaleFactor",
      actual: size === undefined ? "neither" : "both",
    });
  }
  const inputSize = x.shape.slice(2);
  const scales = scaleFactor === undefined ? undefined : scaleList(scaleFactor, axes);
  const counts = scales === undefined
    ? perAxis(size!, axes, "size", 1, op)
    : inputSize.map((n, axis) => Math.floor(n * scales[axis]));
  if (counts.some((count) => count < 1)) {
    throw new ArgumentError({ op, expected: "an output that is not empty", actual: `sizes ${counts.join(", ")}` });
  }
  let result = selectView(op, x, (layout) => layout);
  for (let axis = 0; axis < axes; axis++) {
    const scale = scales?.[axis] ?? counts[axis] / inputSize[axis];
    const plan = planAxis(inputSize[axis], counts[axis], scale, mode, alignCorners);
    using previous = result;
    result = resampleAxis(previous, axis + 2, plan, mode);
  }
  return result;
}

function scaleList(scaleFactor: number | readonly number[], axes: number): readonly number[] {
  const list = typeof scaleFactor === "number" ? new Array<number>(axes).fill(scaleFactor) : scaleFactor;
  if (list.length !== axes || list.some((scale) => !(scale > 0 && scale < Infinity))) {
    throw new ArgumentError({
      op: "upsample",
      expected: `a positive scaleFactor, or ${axes} of them`,
      actual: String(scaleFactor),
    });
  }
  return list;
}

function resampleAxis(x: Tensor, axis: number, plan: AxisPlan, mode: "nearest" | "linear"): Tensor {
  if (mode === "nearest") return indexSelect(x, axis, plan.lower);
  const shape = x.shape.map((_, i) => i === axis ? plan.weight.length : 1);
  using lower = indexSelect(x, axis, plan.lower);
  using upper = indexSelect(x, axis, plan.upper);
  using weight = allocateTensor(x.backend, shape, x.dtype);
  x.backend.write(weight, toElements(plan.weight, x.dtype));
  return map([lower, upper, weight], (a, b, w) => E.add(E.mul(a, E.sub(1, w)), E.mul(b, w)));
}
