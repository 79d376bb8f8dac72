/**
 * Field types, geometric tensors and equivariant modules.
 *
 * @module
 */

export { CompileError, EquivarianceError, ExportError, FieldTypeError } from "./errors.ts";
export { type FieldClass, FieldType, fieldType } from "./field_type.ts";
export { GeometricTensor, tensorDirectSum } from "./geometric_tensor.ts";
export { EquivariantModule, type ExportOptions } from "./equivariant_module.ts";
export {
  checkEquivariance,
  type ElementError,
  type EquivarianceOptions,
  type EquivarianceReport,
  type EquivariantMap,
} from "./check_equivariance.ts";
export { type CompilableModule, compile, type CompileOptions } from "./compile.ts";
export type { CompiledNetwork } from "./compile/compiled_network.ts";
export type { CompiledStep, PlanDescription } from "./compile/plan_description.ts";
export { type AnalyzableModule, analyze, type AnalyzeOptions, type LayerAnalysis, ModelAnalysis } from "./analyze.ts";
export { profile, type ProfileOptions } from "./profile.ts";
export type {
  ChromeTrace,
  ModuleProfile,
  OperationProfile,
  Pass as ProfilePass,
  Profile,
  ProfileTextOptions,
  TraceEvent,
} from "./profiling/report.ts";
export {
  RdConv,
  type SteerableConvolutionOptions,
  type SteerableConvolutionSettings,
  type TableMaker,
} from "./conv/rd_conv.ts";
export { type ConvolutionPlan, ConvolutionPlans, type PlanChoice } from "./conv/convolution_plan.ts";
export type { FastConvolution, FastOptions, LayerParts, PlanForm } from "./conv/plan_parts.ts";
export type { Expanded } from "./conv/expansion_cache.ts";
export {
  GridConv,
  GridConvTransposed,
  type PlainArguments,
  type SteerableConvolutionTransposedOptions,
} from "./conv/grid_conv.ts";
export { R1Conv, R1ConvTransposed } from "./conv/r1_conv.ts";
export { R2Conv, R2ConvTransposed } from "./conv/r2_conv.ts";
export { R3Conv, R3ConvTransposed } from "./conv/r3_conv.ts";
export {
  type IcosahedralPoints,
  type OrbitOptions,
  R3IcoConv,
  type R3IcoConvOptions,
  R3IcoConvTransposed,
  type R3IcoConvTransposedOptions,
} from "./conv/r3_ico_conv.ts";
export { DiffopConv, R1Diffop, R2Diffop, R3Diffop, type SteerableDiffopOptions } from "./conv/diffop.ts";
export { Linear, type SteerableLinearOptions } from "./conv/linear.ts";
export type { LinearPlan } from "./conv/linear_choice.ts";
export { PointConv, type PointConvOptions, R2PointConv, R3PointConv } from "./point/point_conv.ts";
export type { PointEquivarianceOptions } from "./point/point_equivariance.ts";
export { knnGraph, type KnnGraphOptions, radiusGraph, type RadiusGraphOptions } from "./point/point_graphs.ts";
export { type GraphBatch, poolGraphs, type PoolGraphsOptions } from "./point/pool_graphs.ts";
export { deltaOrthonormalInit, generalizedHeInit, type SteerableLayer } from "./init.ts";
export {
  ELU,
  LeakyReLU,
  type PointwiseFunction,
  PointwiseModule,
  PointwiseNonLinearity,
  ReLU,
} from "./nonlinearity/pointwise.ts";
export { InducedNormNonLinearity, NormNonLinearity, SoftThresholdingNonLinearity } from "./nonlinearity/norm.ts";
export {
  GatedNonLinearity1,
  GatedNonLinearity2,
  GatedNonLinearityUniform,
  type GatedOptions,
  type GateLabel,
  type GatePairs,
  InducedGatedNonLinearity1,
} from "./nonlinearity/gated.ts";
export {
  type ConcatenatedFunction,
  ConcatenatedNonLinearity,
  VectorFieldNonLinearity,
} from "./nonlinearity/concatenated.ts";
export {
  FourierELU,
  type FourierGrid,
  type FourierMatrices,
  FourierModule,
  type FourierNonLinearityOptions,
  FourierPointwise,
  QuotientFourierELU,
  type QuotientFourierGrid,
  type QuotientFourierOptions,
  QuotientFourierPointwise,
  type WithSampleFunction,
} from "./nonlinearity/fourier.ts";
export { TensorProductModule, type TensorProductOptions } from "./nonlinearity/tensor_product.ts";
export { LayerModule } from "./layer_module.ts";
export { MultiInputModule } from "./multi_input.ts";
export { InnerBatchNorm } from "./normalization/inner_batch_norm.ts";
export {
  EquivariantInstanceNorm,
  EquivariantLayerNorm,
  FieldNorm,
  GNormBatchNorm,
  IIDBatchNorm,
  IIDBatchNorm1d,
  IIDBatchNorm2d,
  IIDBatchNorm3d,
  InducedNormBatchNorm,
  NormBatchNorm,
  SampleNorm,
} from "./normalization/field_norms.ts";
export {
  PointwiseAvgPool1D,
  PointwiseAvgPool2D,
  PointwiseAvgPool2D as PointwiseAvgPool,
  PointwiseAvgPool3D,
  PointwiseAvgPoolModule,
  PointwiseMaxPool1D,
  PointwiseMaxPool2D,
  PointwiseMaxPool2D as PointwiseMaxPool,
  PointwiseMaxPool3D,
  PointwiseMaxPoolModule,
} from "./pooling/pointwise_pool.ts";
export {
  AntialiasedAvgPoolModule,
  type AntialiasedAvgPoolOptions,
  AntialiasedMaxPoolModule,
  type AntialiasedMaxPoolOptions,
  PointwiseAvgPoolAntialiased1D,
  PointwiseAvgPoolAntialiased2D,
  PointwiseAvgPoolAntialiased2D as PointwiseAvgPoolAntialiased,
  PointwiseAvgPoolAntialiased3D,
  PointwiseMaxPoolAntialiased1D,
  PointwiseMaxPoolAntialiased2D,
  PointwiseMaxPoolAntialiased2D as PointwiseMaxPoolAntialiased,
  PointwiseMaxPoolAntialiased3D,
} from "./pooling/antialiased_pool.ts";
export {
  AdaptiveAvgPoolModule,
  AdaptiveMaxPoolModule,
  PointwiseAdaptiveAvgPool1D,
  PointwiseAdaptiveAvgPool2D,
  PointwiseAdaptiveAvgPool2D as PointwiseAdaptiveAvgPool,
  PointwiseAdaptiveAvgPool3D,
  PointwiseAdaptiveMaxPool1D,
  PointwiseAdaptiveMaxPool2D,
  PointwiseAdaptiveMaxPool2D as PointwiseAdaptiveMaxPool,
  PointwiseAdaptiveMaxPool3D,
} from "./pooling/adaptive_pool.ts";
export { GroupPooling } from "./pooling/group_pooling.ts";
export { InducedNormPool, NormMaxPool, NormPool } from "./pooling/norm_pool.ts";
export { QuotientPooling, SubgroupPooling } from "./pooling/subgroup_pool.ts";
export {
  BranchingModule,
  type BranchingOptions,
  MergeModule,
  type MergePart,
  MultipleModule,
} from "./structure/branching.ts";
export { DisentangleModule } from "./structure/disentangle.ts";
export { HarmonicPolynomialR3 } from "./structure/harmonics.ts";
export { MaskModule, type MaskOptions } from "./structure/mask.ts";
export { equivariantMLP, type EquivariantMLPOptions } from "./structure/mlp.ts";
export { ModuleList } from "./structure/module_list.ts";
export { IdentityModule, ReshuffleModule, RestrictionModule, SequentialModule } from "./structure/sequential.ts";
export {
  R1Upsampling,
  R2Upsampling,
  R3Upsampling,
  UpsamplingModule,
  type UpsamplingOptions,
} from "./structure/upsampling.ts";
export { FieldDropout, PointwiseDropout } from "./dropout/dropout.ts";
export { Module, STATE_CONVENTION, type StateDict, StateDictError, type StateDictProblems } from "./plain/mod.ts";
