/**
 * A function of samples of band-limited fields: y = B · e(A₀ x₀, A₁ x₁, …) with fixed matrices, which take coefficients to samples and
 * back. Its derivatives are of the same form, with the gradient as one more input, so samples are never kept: they are made again.
 */

import { allocateTensor, needsGrad, record } from "./core.ts";
import type { FusedPlan } from "./fused_plan.ts";
import { runMap } from "./fused.ts";
import { matmul } from "./matmul.ts";
import type { Tensor } from "./tensor.ts";
import { contiguous, transpose } from "./views.ts";

/** Positions from which tiles of samples are worth it. */
const LEAST_POSITIONS = 64;

/**
 * `result · e(matrices[0] · inputs[0], …)` for the one expression e of `plan`, a map without scalars: inputs `[blocks, size, positions]`, matrices
 * `[samples, size]`, result `[rows, samples]` → `[blocks, rows, positions]`. Matrices are constants: they get no gradient.
 * @internal
 */
export function sampledMap(
  plan: FusedPlan,
  inputs: readonly Tensor[],
  matrices: readonly Tensor[],
  result: Tensor,
): Tensor {
  const { backend, shape: [blocks, , positions] } = inputs[0];
  // Without gradients nothing would be kept either way, and what is recorded for later runs stays in plain operations.
  if (backend.sampledMap === undefined || !needsGrad(inputs) || blocks === 0 || positions < LEAST_POSITIONS) {
    return compose(plan, inputs, matrices, result);
  }
  return run(plan, inputs, matrices, result);
}

/** By the backend's operation. */
function run(plan: FusedPlan, inputs: readonly Tensor[], matrices: readonly Tensor[], result: Tensor): Tensor {
  const { backend, dtype, shape: [blocks, , positions] } = inputs[0];
  const rows = inputs.map(contiguous);
  const output = allocateTensor(backend, [blocks, result.shape[0], positions], dtype);
  backend.sampledMap!({ expression: plan.expressions[0], matrices, inputs: rows, result, output });
  for (const row of rows) row.dispose();
  if (!needsGrad(inputs)) return output;
  const n = inputs.length;
  record(
    "sampledMap",
    inputs,
    [output],
    [...inputs, ...matrices, result],
    ([gradient], saved, needs) =>
      inputs.map((_, i) => {
        const derivative = plan.gradient(1 << i, 1);
        if (!needs[i] || derivative.targets.length === 0) return undefined;
        return run(
          derivative.plan,
          derivative.operands.map((operand) => operand < n ? saved[operand] : gradient!),
          derivative.operands.map((operand) => operand < n ? saved[n + operand] : transpose(saved[2 * n], 0, 1)),
          transpose(saved[n + i], 0, 1),
        );
      }),
  );
  return output;
}

function compose(
  plan: FusedPlan,
  inputs: readonly Tensor[],
  matrices: readonly Tensor[],
  result: Tensor,
): Tensor {
  const samples = inputs.map((input, i) => matmul(matrices[i], input));
  const [values] = runMap("map", plan, samples, [], samples[0].shape);
  return matmul(result, values);
}
