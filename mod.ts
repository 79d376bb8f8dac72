/**
 * escnn for TypeScript: equivariant deep learning for every isometry of the plane and of space.
 *
 * @module
 */
export * from "./src/tensor/mod.ts";
export * from "./src/group/mod.ts";
export type {
  GridInterpolation,
  GridPermutation,
  GridTransform,
  GridTransformOptions,
  GSpace,
  KernelGeometry,
  PointConvolutionOptions,
  RestrictedGSpace,
} from "./src/gspaces/mod.ts";
/** Factories of base spaces with their symmetries, under escnn's names. */
export * as gspaces from "./src/gspaces/mod.ts";
export type {
  BasisFilter,
  BasisOptions,
  ConvolutionOptions as KernelOptions,
  DiffopOptions,
  FilterBasis,
  FilterHarmonic,
  FrequenciesCutoff,
  FunctionSpan,
  IrrepCopy,
  IrrepPairTable,
  KernelAttributes,
  KernelErrorDetails,
  KernelFunction,
  KernelPath,
  KernelTableOptions,
  KernelTables,
  PointBasisOptions,
  RadialDescription,
  RadialProfile,
  Ring,
  WeightBlock,
  WeightLayout,
  WeightMatrix,
} from "./src/kernels/mod.ts";
export { EmptyBasisError, KernelError } from "./src/kernels/mod.ts";
/** Bases of steerable kernels and differential operators, radial functions and harmonics. */
export * as kernels from "./src/kernels/mod.ts";
export * from "./src/nn/mod.ts";
/** Plain (non-equivariant) layers; the entry `@escnn/escnn/plain` has them with the tensor library alone. */
export * as plain from "./src/nn/plain/mod.ts";
export * from "./src/optim/mod.ts";
export * from "./src/data/mod.ts";
export * from "./src/io/mod.ts";
export {
  type ContextStorage,
  FileError,
  type Runtime,
  runtime,
  RuntimeAdapterError,
  type RuntimeErrorFields,
  type RuntimeName,
  RuntimePermissionError,
  RuntimeUnsupportedError,
  type RuntimeWorker,
  type WorkerOptions,
} from "./src/runtime/mod.ts";
