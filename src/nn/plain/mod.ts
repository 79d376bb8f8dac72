/**
 * Plain (non-equivariant) layers in the module system of the equivariant ones, on tensors alone. What equivariant networks
 * export to, and what stands behind an invariant map.
 *
 * @module
 */

export { Module } from "./module.ts";
export { STATE_CONVENTION, type StateDict } from "./state_dict.ts";
export { StateDictError, type StateDictProblems } from "./errors.ts";
export { Layer } from "./layer.ts";
export { Linear, type LinearOptions } from "./linear.ts";
export {
  Conv1d,
  Conv2d,
  Conv3d,
  Convolution,
  ConvolutionBase,
  type ConvolutionLayerOptions,
  ConvolutionTransposed,
  type ConvolutionTransposedLayerOptions,
  ConvTranspose2d,
  ConvTranspose3d,
  type PaddingMode,
} from "./convolution.ts";
export {
  BatchNorm,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  type BatchNormSettings,
  type BatchNormTensors,
} from "./batch_norm.ts";
export { ELU, elu, LeakyReLU, leakyRelu, ReLU, relu, Sigmoid, Tanh } from "./activations.ts";
export {
  AdaptiveAvgPool2d,
  AdaptiveMaxPool2d,
  AvgPool2d,
  GlobalAveragePool,
  MaxPool2d,
  MaxPoolChannels,
} from "./pooling.ts";
export { Upsample2d, type Upsample2dOptions } from "./upsampling.ts";
export { Flatten, Identity, MaskLayer, Sequential } from "./structure.ts";
export { Dropout } from "./dropout.ts";
