/**
 * Plain (non-equivariant) layers in the module system of the equivariant ones, on tensors alone. What equivariant networks
 * export to, and what stands behind an invariant map.
 *
 * @module
 */

export { Module } from "./module.ts";
export { STATE_CONVENTION, type StateDict } from "./state_dict.ts";
export { StateDictError, type StateDictProblems } from "./errors.ts";
export { Layer, MultiInputLayer } from "./layer.ts";
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
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type PaddingMode,
  type Sides,
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
export { foldBatchNorm, type FoldOptions } from "./fold_batch_norm.ts";
export { ELU, elu, LeakyReLU, leakyRelu, ReLU, relu, Sigmoid, Tanh } from "./activations.ts";
export {
  AdaptiveAvgPool,
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  AdaptivePool,
  AvgPool,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  GlobalAveragePool,
  MaxPool,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  MaxPoolChannels,
  WindowPool,
} from "./pooling.ts";
export {
  Upsample,
  Upsample1d,
  Upsample2d,
  type Upsample2dOptions,
  Upsample3d,
  type Upsample3dOptions,
  type UpsampleLayerOptions,
} from "./upsampling.ts";
export { Flatten, Identity, MaskLayer, Sequential } from "./structure.ts";
export { Dropout, FieldDropout } from "./dropout.ts";
export {
  type FieldParts,
  InducedNormNonLinearity,
  type NormFunction,
  NormLayer,
  type NormLayerOptions,
  NormNonLinearity,
  SoftThresholding,
  type SoftThresholdingOptions,
} from "./norm_nonlinearity.ts";
export {
  type GatedBlock,
  type GatedLayerOptions,
  type GatedLayout,
  GatedNonLinearity,
  GatedNonLinearity2,
  type GateFunction,
} from "./gated_nonlinearity.ts";
export {
  ConcatenatedNonLinearity,
  type PlainMatrix,
  SampledNonLinearity,
  type ScalarFunction,
  TensorProduct,
  VectorFieldNonLinearity,
} from "./fiber_nonlinearity.ts";
export { NormMaxPool, NormPool } from "./norm_pooling.ts";
export {
  InducedNormBatchNorm,
  NormBatchNorm,
  NormBatchNormLayer,
  type NormBatchNormOptions,
} from "./norm_batch_norm.ts";
export {
  type ClassConstants,
  FieldNorm,
  FieldNormLayer,
  IIDBatchNorm,
  type NormalizedClass,
  type NormalizedFields,
  type NormScope,
} from "./field_norm.ts";
export type { FieldBatchNormOptions, FieldBatchNormSettings, FieldNormOptions } from "./field_statistics.ts";
export { type BlockClass, GNormBatchNorm } from "./gnorm_batch_norm.ts";
export { Branching, type ChannelLists, Merging, type MergingPart, Multiple, SelectChannels } from "./parallel.ts";
export { HarmonicPolynomials } from "./harmonics.ts";
export { type ChannelItem, ChannelPlan, type ItemClass, type Span } from "./channel_plan.ts";
export {
  PointConvolution,
  type PointConvolutionInputs,
  type PointConvolutionLayerOptions,
} from "./point_convolution.ts";
export {
  type PointFunction,
  PointFunctions,
  type PointFunctionsOptions,
  type PointRadial,
  type PointRing,
} from "./point_functions.ts";
export { type PointBlock, PointGraph } from "./point_graph.ts";
export { Constant } from "./persistent.ts";
