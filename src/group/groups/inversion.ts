/**
 * The group of the inversion of space, x ↦ −x: abstractly C_2, with the inversion as its element 1.
 */

import type { Group } from "../types.ts";
import { cyclicGroup } from "./cyclic.ts";

/** The group of the identity and the inversion; the same object as `cyclicGroup(2)`. */
export function inversionGroup(): Group {
  return cyclicGroup(2);
}
