/**
 * The entry `@escnn/escnn/plain`: conventional layers, the tensor library under them, and files of tensors. An exported network loads and runs
 * with it alone: no group, no kernel basis and no field type is behind it.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { BatchNorm1d, Linear, noGrad, scope, Sequential, useBackend, zeros } from "@escnn/escnn/plain";
 *
 * await useBackend("cpu");
 * using _ = scope();
 * const network = new Sequential(new Linear(4, 8), new BatchNorm1d(8), new Linear(8, 2)).eval();
 * assertEquals(noGrad(() => network.forward(zeros([3, 4]))).shape, [3, 2]);
 * ```
 *
 * @module
 */

export * from "./nn/plain/mod.ts";
export * from "./tensor/mod.ts";
/** What stands in the padding of a convolution. */
export type { PaddingMode } from "./nn/plain/mod.ts";
/** What stands in the margin of a padded tensor. */
export type { PaddingMode as PadMode } from "./tensor/mod.ts";
export { TensorFileError } from "./io/errors.ts";
export { decodeSafetensors, encodeSafetensors, type StoredTensor, type TensorFile } from "./io/safetensors.ts";
export {
  type CheckpointParts,
  type CheckpointValues,
  type JsonValue,
  loadCheckpoint,
  type LoadCheckpointParts,
  saveCheckpoint,
  type StatefulOptimizer,
} from "./io/checkpoint.ts";
