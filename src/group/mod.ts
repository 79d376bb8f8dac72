/**
 * Groups, their elements, subgroups, irreps and representations.
 */

export {
  bandlimitedRegularRepresentation,
  changeBasis,
  directSum,
  disentangle,
  homomorphismSpace,
  spectralQuotientRepresentation,
  spectralRegularRepresentation,
} from "./constructions.ts";
export {
  decomposeRepresentation,
  representationFromFunction,
  representationFromGenerators,
  type RepresentationOptions,
} from "./decompose.ts";
export { GroupError, type GroupErrorDetails } from "./errors.ts";
export { EULER_CONVENTIONS, type EulerConvention, eulerToQuaternion, quaternionToEuler } from "./euler_angles.ts";
export { FiniteGroup, finiteGroup, type FiniteGroupOptions, matrixGroup } from "./finite_group.ts";
export { fourierBasis, type FourierOptions, type FourierTransform, fourierTransform } from "./fourier.ts";
export { type GridDescription, groupGrid, sphereGrid } from "./grids/grid.ts";
export { randomSource } from "./grids/random.ts";
export { type SphereGridDescription, spherePoints } from "./grids/sphere.ts";
export { GroupBase, type SubgroupDefinition } from "./group.ts";
export { CyclicGroup, cyclicGroup, trivialGroup } from "./groups/cyclic.ts";
export { DihedralGroup, dihedralGroup } from "./groups/dihedral.ts";
export { doubleGroup } from "./groups/double.ts";
export { IcosahedralGroup, icosahedralGroup } from "./groups/icosahedral.ts";
export { inversionGroup } from "./groups/inversion.ts";
export { o2Group, OrthogonalGroup2 } from "./groups/o2.ts";
export { o3Group, OrthogonalGroup3 } from "./groups/o3.ts";
export { OctahedralGroup, octahedralGroup, OctahedralIrreps } from "./groups/octahedral.ts";
export {
  conicalGroup,
  cylindricalGroup,
  fullCylindricalGroup,
  fullIcosahedralGroup,
  fullOctahedralGroup,
  FullTetrahedralGroup,
  fullTetrahedralGroup,
  type PointGroup,
  pointGroup,
  pyritohedralGroup,
} from "./groups/point_groups.ts";
export { PolyhedralGroup } from "./groups/polyhedral.ts";
export { directProduct, DirectProductGroup, type PairValue } from "./groups/product.ts";
export { so2Group, SpecialOrthogonalGroup2 } from "./groups/so2.ts";
export { so3Group, SpecialOrthogonalGroup3 } from "./groups/so3.ts";
export { TetrahedralGroup, tetrahedralGroup } from "./groups/tetrahedral.ts";
export { HomogeneousSpace } from "./homogeneous_space.ts";
export { compareIds, irrepKey, sameId, subgroupKey } from "./ids.ts";
export { induceRepresentation } from "./induction.ts";
export { Irrep, type IrrepDefinition } from "./irrep.ts";
export type { FlipValue } from "./planar.ts";
export { MatrixRepresentation, type RepresentationDefinition } from "./representation.ts";
export type { OrthogonalValue } from "./orthogonal_subgroups.ts";
export {
  axisAngleToQuaternion,
  canonicalQuaternion,
  conjugateQuaternion,
  eulerToMatrix,
  eulerToRotationVector,
  formatRotation,
  matrixToEuler,
  matrixToQuaternion,
  matrixToRotationVector,
  multiplyQuaternions,
  normalizeQuaternion,
  parseRotation,
  type Quaternion,
  quaternionToMatrix,
  quaternionToRotationVector,
  rotateVector,
  ROTATION_PARAMETRIZATIONS,
  rotationBetween,
  rotationVectorToEuler,
  rotationVectorToMatrix,
  rotationVectorToQuaternion,
  sameRotation,
  type Vector3,
} from "./rotations.ts";
export {
  bandlimitedInducedRepresentation,
  bandlimitedQuotientRepresentation,
  spectralInducedRepresentation,
  sphereRepresentation,
} from "./spectral.ts";
export { type MultiplicationTable, TableGroup, type TableIrrep } from "./table_group.ts";
export type {
  ClebschGordan,
  Decomposition,
  ElementValue,
  Group,
  GroupElement,
  IrreducibleRepresentation,
  IrrepId,
  IrrepIdPart,
  IrrepType,
  Representation,
  RepresentationKind,
  Subgroup,
  SubgroupId,
  SubgroupIdPart,
} from "./types.ts";
export { wignerD } from "./wigner.ts";
export { clebschGordanCoefficient, wigner3j, wigner6j } from "./wigner_symbols.ts";
