/**
 * Field types, geometric tensors and equivariant modules.
 *
 * @module
 */

export { EquivarianceError, ExportError, FieldTypeError } from "./errors.ts";
export { type FieldClass, FieldType, fieldType } from "./field_type.ts";
export { GeometricTensor, tensorDirectSum } from "./geometric_tensor.ts";
export { EquivariantModule } from "./equivariant_module.ts";
export {
  checkEquivariance,
  type ElementError,
  type EquivarianceOptions,
  type EquivarianceReport,
  type EquivariantMap,
} from "./check_equivariance.ts";
export { RdConv, type SteerableConvolutionOptions, type SteerableConvolutionSettings } from "./conv/rd_conv.ts";
export { R2Conv, R2ConvTransposed, type SteerableConvolutionTransposedOptions } from "./conv/r2_conv.ts";
export { Linear, type SteerableLinearOptions } from "./conv/linear.ts";
export { deltaOrthonormalInit, generalizedHeInit, type SteerableLayer } from "./init.ts";
export {
  ELU,
  LeakyReLU,
  type PointwiseFunction,
  PointwiseModule,
  PointwiseNonLinearity,
  ReLU,
} from "./nonlinearity/pointwise.ts";
export { InnerBatchNorm } from "./normalization/inner_batch_norm.ts";
export { PointwiseAvgPool2D, PointwiseMaxPool2D } from "./pooling/pointwise_pool.ts";
export {
  type AntialiasedAvgPoolOptions,
  type AntialiasedMaxPoolOptions,
  PointwiseAvgPoolAntialiased2D,
  PointwiseMaxPoolAntialiased2D,
} from "./pooling/antialiased_pool.ts";
export { PointwiseAdaptiveAvgPool2D, PointwiseAdaptiveMaxPool2D } from "./pooling/adaptive_pool.ts";
export { GroupPooling } from "./pooling/group_pooling.ts";
export { MaskModule, type MaskOptions } from "./structure/mask.ts";
export { IdentityModule, ReshuffleModule, RestrictionModule, SequentialModule } from "./structure/sequential.ts";
export { R2Upsampling, type UpsamplingOptions } from "./structure/upsampling.ts";
export { FieldDropout, PointwiseDropout } from "./dropout/dropout.ts";
export { Module, STATE_CONVENTION, type StateDict, StateDictError, type StateDictProblems } from "./plain/mod.ts";
