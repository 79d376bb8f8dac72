/**
 * Mixed precision: inside `autocast` the factors of products may be rounded to 16 bits where the device is faster for it. Tensors,
 * parameters, sums and all other operations stay float32, so there are no second copies of weights and no types to convert.
 */

import type { ProductCall, ReducedPrecision } from "./backend.ts";
import { currentContext, runInContext } from "./context.ts";
import { ArgumentError } from "./errors.ts";

const NONE: ProductCall = {};
const OPTIONS: { readonly [P in ReducedPrecision]: ProductCall } = {
  float16: { precision: "float16" },
  bfloat16: { precision: "bfloat16" },
};

/**
 * Runs `fn` (also an asynchronous one) with matrix products and convolutions of float32 tensors whose factors may be rounded to `precision`; the
 * derivatives of what is recorded inside follow, wherever they run. `"float32"` switches it off inside another `autocast`. On the cuda
 * backend products use tensor cores (convolutions those of TF32 for `"bfloat16"`); other backends compute in float32 as ever.
 *
 * Equivariance then holds to about 1e-2 (bfloat16) or 1e-3 (float16) only. Gradients below 6e-8 vanish in float16: scale
 * the loss with `GradScaler`.
 *
 * @throws ArgumentError for another precision.
 *
 * @example
 * ```ts
 * import { autocast, ones, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const product = autocast("bfloat16", () => ones([2, 3]).matmul(ones([3, 2])));
 * assertEquals(await product.data(), new Float32Array([3, 3, 3, 3]));
 * ```
 */
export function autocast<R>(precision: ReducedPrecision | "float32", fn: () => R): R {
  if (precision !== "float32" && !(precision in OPTIONS)) {
    throw new ArgumentError({
      op: "autocast",
      expected: '"float16", "bfloat16" or "float32"',
      actual: `"${precision}"`,
    });
  }
  return runInContext({ ...currentContext(), precision: precision === "float32" ? undefined : precision }, fn);
}

/**
 * What a product that is issued here tells its backend.
 * @internal
 */
export function productOptions(): ProductCall {
  const { precision } = currentContext();
  return precision === undefined ? NONE : OPTIONS[precision];
}
