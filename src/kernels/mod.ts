/**
 * Steerable kernels: filter bases, tables of kernels for pairs of irreps, and the meaning of a layer's weights.
 */

export { circularHarmonicGradients, circularHarmonics, circularHarmonicSize } from "./angular.ts";
export {
  type BasisOptions,
  type BasisParameters,
  convolutionParameters,
  type FrequenciesCutoff,
  gridCoordinates,
  kernelShape,
  type PointBasisOptions,
  pointConvolutionParameters,
} from "./basis_parameters.ts";
export { DiffopBasis, diffopGrid, type DiffopOptions } from "./diffop_basis.ts";
export { EmptyBasisError, KernelError, type KernelErrorDetails } from "./errors.ts";
export {
  type DifferentiableFilterBasis,
  type FilterBasis,
  type FilterHarmonic,
  functionCount,
  PointFilter,
} from "./filter_basis.ts";
export { derivativeStencil, stencilSize } from "./finite_differences.ts";
export {
  type BasisFilter,
  type ConvolutionOptions,
  type FunctionSpan,
  type IrrepPairTable,
  type KernelAttributes,
  type KernelFunction,
  type KernelPath,
  type KernelTableOptions,
  KernelTables,
} from "./kernel_tables.ts";
export { basisChangeFactors } from "./normalization.ts";
export { OrbitShells, type OrbitShellsOptions } from "./orbit_basis.ts";
export { harmonicMonomials, harmonicPolynomialsByDegree, type MonomialTable, type Polynomial } from "./polynomials.ts";
export {
  besselRadial,
  bumpRadial,
  customRadial,
  type CustomRadialOptions,
  type CutoffOptions,
  gaussianProfile,
  gaussianRadial,
  polynomialCutoff,
  type RadialDescription,
  type RadialProfile,
  type Ring,
  withCutoff,
} from "./radial.ts";
export {
  CircularShells,
  type CircularShellsOptions,
  type HarmonicAction,
  LinearShells,
  type LinearShellsOptions,
  partOffsets,
  planarAction,
  Shells,
  type ShellsOptions,
  spatialAction,
  SphericalShells,
  type SphericalShellsOptions,
  subgroupAction,
} from "./shells.ts";
export {
  harmonicPolynomialGradients,
  harmonicPolynomials,
  sphericalHarmonicGradients,
  sphericalHarmonics,
  type ValuesAndGradients,
} from "./spherical.ts";
export {
  heStandardDeviation,
  heStandardDeviations,
  type IrrepCopy,
  type WeightBlock,
  type WeightLayout,
  weightLayout,
  type WeightMatrix,
  weightsOfEntries,
} from "./weight_layout.ts";
