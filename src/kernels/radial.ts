/**
 * Gaussian rings: the radial part exp(−(r − R)² / 2σ²) of steerable filters, unnormalized.
 */

import { exp } from "../math/functions.ts";

/** A ring of a filter. */
export interface Ring {
  /** Its radius R, in units of the grid's spacing. */
  readonly radius: number;
  /** The standard deviation σ of its Gaussian. */
  readonly sigma: number;
}

/** exp(−(r − R)² / 2σ²) at the distance `r` from the origin. */
export function gaussianProfile(r: number, ring: Ring): number {
  const d = (r - ring.radius) / ring.sigma;
  return exp(-0.5 * d * d);
}
