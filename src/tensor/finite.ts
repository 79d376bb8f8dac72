/**
 * Noticing NaN and infinities without waiting for the device: a flag tensor is computed beside the loss and read with it.
 */

import { allocateTensor, commonBackend } from "./core.ts";
import { type FloatDType, isFloat } from "./dtype.ts";
import { ArgumentError, NonFiniteError } from "./errors.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import { sum } from "./reductions.ts";
import type { Tensor } from "./tensor.ts";

/**
 * An int32 scalar: the number of tensors that hold a NaN or an infinity (0: all is well). It stays on the device; read it together
 * with the loss. Integer tensors are always finite.
 *
 * @example
 * ```ts
 * import { nonFiniteFlag, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * assertEquals(await nonFiniteFlag([tensor([1, 2]), tensor([1, NaN])]).item(), 1);
 * ```
 */
export function nonFiniteFlag(tensors: readonly Tensor[]): Tensor {
  if (tensors.length === 0) {
    throw new ArgumentError({ op: "nonFiniteFlag", expected: "at least one tensor", actual: "none" });
  }
  const backend = commonBackend(tensors, "nonFiniteFlag");
  const floats = tensors.filter((tensor) => isFloat(tensor.dtype) && tensor.size > 0);
  // One kernel for each tensor writes its own place of a vector, one more adds them up.
  using flags = allocateTensor(backend, [floats.length], "int32");
  floats.forEach((tensor, i) => {
    const axes = tensor.shape.map((_, axis) => axis);
    const place = { shape: axes.map(() => 1), strides: axes.map(() => 1), offset: i };
    backend.mapReduce({
      expressions: [nonFinite(tensor.dtype as FloatDType)],
      reductions: ["max"],
      shape: tensor.shape,
      axes,
      inputs: [tensor],
      scalars: [],
      outputs: [{ ...place, buffer: flags.buffer, dtype: "int32" }],
    });
  });
  return sum(flags);
}

/** 1 where an element is NaN or infinite: x − x is 0 for every finite x and NaN for all others. */
function nonFinite(dtype: FloatDType): Expr {
  const x = E.input(0, dtype);
  return E.cast(E.ne(E.sub(x, x), 0), "int32");
}

/**
 * Reads {@linkcode nonFiniteFlag} and throws {@linkcode NonFiniteError} that names the first tensor with a NaN or an infinity.
 * `op` says what was computed, e.g. `"training step 17"`.
 */
export async function assertFinite(tensors: readonly Tensor[], op = "assertFinite"): Promise<void> {
  if (tensors.length === 0) return;
  using flag = nonFiniteFlag(tensors);
  if (await flag.item() === 0) return;
  for (const tensor of tensors) {
    using single = nonFiniteFlag([tensor]);
    if (await single.item() === 0) continue;
    throw new NonFiniteError({ op, expected: "finite numbers", actual: `NaN or an infinity in ${tensor.describe()}` });
  }
}
