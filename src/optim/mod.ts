/**
 * Optimizers, schedules, gradient clipping and losses.
 */

export {
  Optimizer,
  type OptimizerDefinition,
  type OptimizerState,
  OptimizerStateError,
  type StepOptions,
  type UpdateRule,
} from "./optimizer.ts";
export {
  type GroupOptions,
  OptimizerGroup,
  type OptimizerOptions,
  type OptimizerParameters,
  type ParameterGroup,
} from "./parameter_groups.ts";
export { SGD, type SGDOptions } from "./sgd.ts";
export { Adam, type AdamOptions, AdamW } from "./adam.ts";
export {
  applySchedule,
  cosineSchedule,
  exponentialSchedule,
  type OneCycleOptions,
  oneCycleSchedule,
  type Schedule,
  stepSchedule,
} from "./schedule.ts";
export { clipGradientNorm, clipGradientValue } from "./clip.ts";
export {
  crossEntropy,
  type CrossEntropyOptions,
  type LossReduction,
  meanSquaredError,
  type RegressionLossOptions,
} from "./losses.ts";
export { guardedStep, NonFiniteLossError } from "./guard.ts";
export { GradScaler, type GradScalerOptions, type GradScalerState } from "./grad_scaler.ts";
export { recordStep, type RecordStepOptions, type StepResult } from "./record_step.ts";
export type { RecordedStep } from "./recorded_step.ts";
