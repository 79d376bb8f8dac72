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
export { GroupError, type GroupErrorDetails } from "./errors.ts";
export { GroupBase, type SubgroupDefinition } from "./group.ts";
export { CyclicGroup, cyclicGroup, trivialGroup } from "./groups/cyclic.ts";
export { DihedralGroup, dihedralGroup } from "./groups/dihedral.ts";
export { o2Group, OrthogonalGroup2 } from "./groups/o2.ts";
export { so2Group, SpecialOrthogonalGroup2 } from "./groups/so2.ts";
export { HomogeneousSpace } from "./homogeneous_space.ts";
export { compareIds, irrepKey, sameId, subgroupKey } from "./ids.ts";
export { Irrep, type IrrepDefinition } from "./irrep.ts";
export type { FlipValue } from "./planar.ts";
export { MatrixRepresentation, type RepresentationDefinition } from "./representation.ts";
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
