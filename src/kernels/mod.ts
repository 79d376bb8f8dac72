/**
 * Steerable kernels: filter bases, tables of kernels for pairs of irreps, and the meaning of a layer's weights.
 */

export { circularHarmonics, circularHarmonicSize } from "./angular.ts";
export {
  type BasisOptions,
  type BasisParameters,
  convolutionParameters,
  type FrequenciesCutoff,
  gridCoordinates,
  type PointBasisOptions,
  pointConvolutionParameters,
} from "./basis_parameters.ts";
export { EmptyBasisError, KernelError, type KernelErrorDetails } from "./errors.ts";
export {
  CircularShells,
  type CircularShellsOptions,
  type FilterBasis,
  type FilterHarmonic,
  functionCount,
  PointFilter,
} from "./filter_basis.ts";
export {
  type ConvolutionOptions,
  type IrrepPairTable,
  type KernelAttributes,
  type KernelFunction,
  type KernelPath,
  type KernelTableOptions,
  KernelTables,
} from "./kernel_tables.ts";
export { gaussianProfile, type Ring } from "./radial.ts";
export {
  heStandardDeviation,
  heStandardDeviations,
  type IrrepCopy,
  type WeightBlock,
  type WeightLayout,
  weightLayout,
  type WeightMatrix,
} from "./weight_layout.ts";
