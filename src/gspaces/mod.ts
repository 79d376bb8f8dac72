/**
 * Base spaces with their symmetries, and how data on their grids move.
 */

export {
  type AxisOptions,
  flip2dOnR2,
  flipOnR1,
  flipRot2dOnR2,
  noBaseSpace,
  rot2dOnR2,
  spaceWithAction,
  subgroupOnR2,
  trivialOnR1,
  trivialOnR2,
} from "./factories.ts";
export {
  type AdjointOptions,
  conicalOnR3,
  cylindricalOnR3,
  dihedralOnR3,
  flipRot3dOnR3,
  fullCylindricalOnR3,
  fullIcoOnR3,
  fullOctaOnR3,
  fullTetraOnR3,
  icoOnR3,
  invOnR3,
  mirOnR3,
  octaOnR3,
  pyritoOnR3,
  rot2dOnR3,
  rot3dOnR3,
  type SpatialAxisOptions,
  subgroupOnR3,
  tetraOnR3,
  trivialOnR3,
} from "./factories_r3.ts";
export {
  type GridInterpolation,
  type GridPermutation,
  type GridTransform,
  gridTransform,
  type GridTransformOptions,
} from "./grid_transform.ts";
export { GSpace, type KernelGeometry, type PointConvolutionOptions, type RestrictedGSpace } from "./gspace.ts";
export {
  CustomSpace,
  EuclideanSpace,
  GSpace0D,
  GSpace1D,
  GSpace2D,
  GSpace3D,
  type OrbitConvolutionOptions,
} from "./spaces.ts";
