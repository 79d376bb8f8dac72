/**
 * Base spaces with their symmetries, and how data on their grids move.
 */

export { type AxisOptions, flip2dOnR2, flipRot2dOnR2, noBaseSpace, rot2dOnR2, trivialOnR2 } from "./factories.ts";
export {
  type GridInterpolation,
  type GridPermutation,
  type GridTransform,
  gridTransform,
  type GridTransformOptions,
} from "./grid_transform.ts";
export { GSpace, GSpace0D, GSpace2D, type RestrictedGSpace } from "./gspace.ts";
