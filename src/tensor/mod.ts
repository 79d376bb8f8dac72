/**
 * The tensor library: arrays with automatic differentiation on pluggable backends. Elementwise and reducing computations are
 * fused from scalar expressions (`expr`), memory is bounded by scopes, random numbers depend on a seed alone.
 *
 * @module
 */

export * from "./backend.ts";
export { autocast } from "./autocast.ts";
export { backward, type BackwardOptions, grad, type GradOptions } from "./autograd.ts";
export { enableGrad, isGradEnabled, noGrad, type Owned, type Owner } from "./context.ts";
export {
  type ConvolutionGeometry,
  convolutionGeometry,
  type ConvolutionOptions,
  type Padding,
  type PerAxis,
} from "./conv_geometry.ts";
export {
  arange,
  eye,
  full,
  linspace,
  type NestedArray,
  ones,
  onesLike,
  parameter,
  tensor,
  type TensorData,
  type TensorOptions,
  zeros,
  zerosLike,
} from "./creation.ts";
export type { TensorCore } from "./core.ts";
export { BYTES_PER_ELEMENT, type DType, DTYPES, type FloatDType, isFloat, promote, type TypedArray } from "./dtype.ts";
export {
  convolution,
  type ConvolutionCallOptions,
  convolutionTransposed,
  type ConvolutionTransposedOptions,
} from "./conv.ts";
export { einsum } from "./einsum.ts";
export { type TensorOperand, where } from "./elementwise.ts";
export * from "./errors.ts";
/** Scalar expressions, the language of {@linkcode map} and {@linkcode reduce}. */
export * as expr from "./expr.ts";
export type {
  BinaryExpr,
  CastExpr,
  CompareExpr,
  ConstantExpr,
  Distribution,
  Expr,
  ExprBase,
  IndexExpr,
  InputExpr,
  Operand,
  RandomExpr,
  ScalarExpr,
  SelectExpr,
  UnaryExpr,
} from "./expr.ts";
export { compileEvaluator, evaluateExpression, type EvaluationPoint, type Evaluator } from "./expr_evaluate.ts";
export {
  BINARY_OPS,
  type BinaryDefinition,
  type BinaryOp,
  COMPARE_OPS,
  type CompareOp,
  type OperandRule,
  REDUCE_OPS,
  type ReduceOp,
  UNARY_OPS,
  type UnaryDefinition,
  type UnaryOp,
} from "./expr_ops.ts";
export { normalFromWords, philox4x32, type PhiloxWords, uniformFromWords } from "./philox.ts";
export { assertFinite, nonFiniteFlag } from "./finite.ts";
export { gather, indexSelect, scatterAdd } from "./gather.ts";
export { gradcheck, GradcheckError, type GradcheckOptions, type TensorFunction } from "./gradcheck.ts";
export { concatenate, split, stack } from "./join.ts";
export type { Layout, Shape } from "./layout.ts";
export {
  assign,
  type InPlaceBuilder,
  type InPlaceSet,
  map,
  type MapBuilder,
  mapInPlace,
  mapInPlaceGroup,
  mapMany,
  type MapOptions,
} from "./map.ts";
export { matmul } from "./matmul.ts";
export { memory, type MemoryReport } from "./memory.ts";
export { pad, type PaddingMode, type PadOptions } from "./pad.ts";
export { adaptiveAveragePool, adaptiveMaxPool, averagePool, type AveragePoolOptions, maxPool } from "./pool.ts";
export type { PoolGeometry, PoolOptions } from "./pool_geometry.ts";
export {
  bernoulli,
  getRandomState,
  nextDraw,
  rand,
  randint,
  randn,
  randomNode,
  type RandomState,
  seed,
  setRandomState,
} from "./random.ts";
export { type Axes, reduce, reduceMany, type ReduceOptions, type VarianceOptions } from "./reductions.ts";
export {
  backendInfo,
  currentBackend,
  disposeBackend,
  registerBackend,
  type RegisterOptions,
  runningBackends,
  startBackend,
  useBackend,
} from "./registry.ts";
export { keep, release, Scope, scope } from "./scope.ts";
export { logSoftmax, logSumExp, softmax } from "./softmax.ts";
export { steerableConvolution, steerableConvolutionTransposed } from "./steerable_convolution.ts";
export type { SeparableFilterCall } from "./separable_filter.ts";
export type { SteerableMapCall } from "./steerable_map.ts";
export {
  type PlanePart,
  type PlanInput,
  type PlanOutput,
  type SteerableCosts,
  type SteerablePlan,
  steerablePlan,
  type SteerablePlanParts,
  type SteerableWork,
  steerableWork,
} from "./steerable_plan.ts";
export { Tensor } from "./tensor.ts";
export { upsample, type UpsampleOptions } from "./upsample.ts";
