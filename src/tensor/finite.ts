/**
 * Noticing NaN and infinities without waiting for the device: a flag tensor is computed beside the loss and read with it.
 */

import { allocateTensor, commonBackend, viewOf } from "./core.ts";
import { isFloat } from "./dtype.ts";
import { ArgumentError, NonFiniteError } from "./errors.ts";
import * as E from "./expr.ts";
import { runReduce } from "./fused.ts";
import { fusedPlan } from "./fused_plan.ts";
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
  const flag = allocateTensor(backend, [], "int32");
  backend.map({ expressions: [E.constant(0, "int32")], shape: [], inputs: [], scalars: [], outputs: [flag] });
  const sum = E.add(E.input(0, "int32"), E.input(1, "int32"));
  for (const tensor of tensors) {
    if (!isFloat(tensor.dtype) || tensor.size === 0) continue;
    const x = E.input(0, tensor.dtype);
    // x − x is 0 for every finite x and NaN for all others.
    const plan = fusedPlan([E.cast(E.ne(E.sub(x, x), 0), "int32")], [tensor.dtype], ["max"]);
    using plain = viewOf(tensor, tensor);
    const axes = tensor.shape.map((_, axis) => axis);
    using found = runReduce("nonFiniteFlag", plan, axes, [plain], [], tensor.shape, [])[0];
    backend.map({ expressions: [sum], shape: [], inputs: [flag, found], scalars: [], outputs: [flag] });
  }
  return flag;
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
