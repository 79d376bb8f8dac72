/**
 * Files that hold tensors: safetensors and checkpoints.
 */

export { TensorFileError } from "./errors.ts";
export { decodeSafetensors, encodeSafetensors, type StoredTensor, type TensorFile } from "./safetensors.ts";
export {
  type CheckpointParts,
  type CheckpointValues,
  encodeCheckpoint,
  type JsonValue,
  loadCheckpoint,
  type LoadCheckpointParts,
  saveCheckpoint,
  type StatefulOptimizer,
} from "./checkpoint.ts";
