/**
 * From a recording to a program: repeated work goes, equal constants become one, chains of elementwise work become one pass.
 */

import type { DeviceBuffer, View } from "../../tensor/backend.ts";
import type { Constants } from "./constants.ts";
import { attached } from "./attach.ts";
import { folded } from "./fold.ts";
import { fused } from "./fuse.ts";
import { bufferOf, type PlanBuffer, readsOf, type Step, viewIn, withoutDead, withViews } from "./program.ts";
import { tiled } from "./tile.ts";
import { withoutRepeats } from "./repeats.ts";
import { productNest, smallMatrix } from "./small_product.ts";

/** Constants that are compared with each other are not larger. */
const COMPARED_BYTES = 16_384;

/**
 * Optimizes the steps that lead to `output`; new constants belong to `constants`.
 *
 * @param joins Whether the backend can compute elementwise steps with the convolution before them.
 */
export async function optimized(
  recorded: readonly Step[],
  output: View,
  constants: Constants,
  tileBytes: number,
  joins: boolean,
): Promise<{ readonly steps: Step[]; readonly folded: readonly string[] }> {
  const shared = await withSharedConstants(withoutDead(recorded, output), constants);
  const merged = fused(withoutRepeats(shared, output), output, (step) => {
    if (step.op !== "matmul" || smallMatrix(step) === undefined) return undefined;
    const matrix = constants.get(bufferOf(step.call.a));
    return matrix === undefined ? undefined : productNest(step, matrix);
  });
  const { steps, folded: names } = await folded(withoutDead(merged, output), output, constants);
  const joined = joins ? attached(steps, output) : steps;
  return { steps: tiled(joined, output, tileBytes), folded: names };
}

/** Small constants of equal contents become one: modules of one kind make each its own. */
async function withSharedConstants(steps: readonly Step[], constants: Constants): Promise<Step[]> {
  const known = new Map<string, PlanBuffer>(), same = new Map<PlanBuffer, PlanBuffer>();
  for (const { op, call } of steps) {
    for (const view of readsOf(op, call)) {
      const buffer = bufferOf(view);
      if (buffer.role !== "constant" || same.has(buffer) || buffer.bytes > COMPARED_BYTES) continue;
      const key = `${view.dtype} ${(await constants.load(view)).join()}`;
      const first = known.get(key) ?? buffer;
      known.set(key, first);
      same.set(buffer, first);
    }
  }
  const replaced = (buffer: DeviceBuffer): DeviceBuffer => same.get(buffer as PlanBuffer) ?? buffer;
  return steps.map((step) => withViews(step, (view) => viewIn(replaced(view.buffer), view)));
}
