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
export {
  type AxisBuilderOptions,
  type BuilderOptions,
  type KernelBuilder,
  kernelsCNActR2,
  kernelsDNActR2,
  kernelsFlipActR2,
  kernelsO2ActR2,
  kernelsO2SubgroupActR2,
  kernelsOnPoint,
  kernelsSO2ActR2,
  kernelsSO2SubgroupActR2,
  kernelsTrivialActR2,
} from "./builders_r2.ts";
export {
  kernelsAliasedIcoActR3,
  kernelsAliasedIcoActR3Dodecahedron,
  kernelsAliasedIcoActR3Icosahedron,
  kernelsAliasedIcoActR3Icosidodecahedron,
  kernelsCNActR3,
  kernelsCylinderActR3,
  kernelsCylinderDiscreteActR3,
  kernelsDNConicalActR3,
  kernelsDNDihedralActR3,
  kernelsFullCylinderActR3,
  kernelsFullCylinderDiscreteActR3,
  kernelsFullIcoActR3,
  kernelsFullOctaActR3,
  kernelsFullTetraActR3,
  kernelsIcoActR3,
  kernelsInvActR3,
  kernelsO2ConicalActR3,
  kernelsO2DihedralActR3,
  kernelsO3ActR3,
  kernelsO3SubgroupActR3,
  kernelsOctaActR3,
  kernelsPyritoActR3,
  kernelsSO2ActR3,
  kernelsSO3ActR3,
  kernelsSO3SubgroupActR3,
  kernelsTetraActR3,
  kernelsTrivialActR3,
} from "./builders_r3.ts";
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
export { KernelBasis, type KernelBasisOptions } from "./kernel_basis.ts";
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
  learnedRadial,
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
