/**
 * The spaces of three dimensions by escnn's names, and those that escnn leaves out. The same call gives the same object.
 */

import { GroupError } from "../group/errors.ts";
import { o3Group } from "../group/groups/o3.ts";
import { so3Group } from "../group/groups/so3.ts";
import { subgroupKey } from "../group/ids.ts";
import type { GroupElement, SubgroupId, SubgroupIdPart } from "../group/types.ts";
import { GSpace3D } from "./spaces.ts";

/** How a group lies in space. */
export interface AdjointOptions {
  /** An element A of O(3) or SO(3): the group acts by A⁻¹ g A. Default: none. */
  readonly adjoint?: GroupElement;
}

/** How a group with flips lies in space. */
export interface SpatialAxisOptions extends AdjointOptions {
  /** The angle of a flip's axis in the plane of x and y, in radians. Default π/2: the y axis. */
  readonly axis?: number;
}

const spaces = new Map<string, GSpace3D>();

function space(id: SubgroupId): GSpace3D {
  const key = subgroupKey(id);
  let found = spaces.get(key);
  if (found === undefined) {
    found = new GSpace3D(id);
    spaces.set(key, found);
  }
  return found;
}

function adjointParts({ adjoint }: AdjointOptions): readonly SubgroupIdPart[] {
  if (adjoint === undefined) return [];
  if (adjoint.group === o3Group()) return [adjoint];
  if (adjoint.group === so3Group()) return [o3Group().subgroup(["so3"]).inclusion(adjoint)];
  throw new GroupError({ op: "adjoint", expected: "an element of O(3) or SO(3)", actual: String(adjoint) });
}

function doubled(axis = Math.PI / 2): number {
  return 2 * axis;
}

/**
 * Space with the subgroup of O(3) that has an id; see `o3Group()` for the ids.
 *
 * @throws GroupError when there is no subgroup with this id.
 */
export function subgroupOnR3(subgroupId: SubgroupId): GSpace3D {
  return space(subgroupId);
}

/** Space with all rotations and reflections, O(3). */
export function flipRot3dOnR3(): GSpace3D {
  return space(["o3"]);
}

/**
 * Space with all rotations, SO(3).
 *
 * @example
 * ```ts
 * import { gspaces } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const space = gspaces.rot3dOnR3();
 * // Every 5 × 5 × 5 filter is a combination of 19 scalar functions on the grid.
 * assertEquals(space.kernelTables({ kernelSize: 5 }).functionCount, 19);
 * ```
 */
export function rot3dOnR3(): GSpace3D {
  return space(["so3"]);
}

/** Space with the 120 symmetries of the icosahedron. */
export function fullIcoOnR3(): GSpace3D {
  return space([true, "ico"]);
}

/** Space with the 60 rotations of the icosahedron. */
export function icoOnR3(): GSpace3D {
  return space([false, "ico"]);
}

/** Space with the 48 symmetries of the cube: all that map a voxel grid onto itself. */
export function fullOctaOnR3(): GSpace3D {
  return space([true, "octa"]);
}

/** Space with the 24 rotations of the cube. */
export function octaOnR3(): GSpace3D {
  return space([false, "octa"]);
}

/** Space with the 24 symmetries of the tetrahedron, reflections among them. */
export function fullTetraOnR3(): GSpace3D {
  return space(["fulltetra"]);
}

/** Space with the 12 rotations of the tetrahedron. */
export function tetraOnR3(): GSpace3D {
  return space([false, "tetra"]);
}

/** Space with the pyritohedral group: the rotations of the tetrahedron and the inversion. */
export function pyritoOnR3(): GSpace3D {
  return space([true, "tetra"]);
}

/**
 * Space with N rotations about z and N half turns about axes across it (D_N), or with all of them (O(2)).
 *
 * @param n N, or −1 for all. Default −1.
 * @param options The axis of a half turn, and how the group lies in space.
 */
export function dihedralOnR3(n = -1, options: SpatialAxisOptions = {}): GSpace3D {
  return space([false, doubled(options.axis), n, ...adjointParts(options)]);
}

/** Space with N rotations about z (C_N), or all of them (SO(2)) for −1, the default. */
export function rot2dOnR3(n = -1, options: AdjointOptions = {}): GSpace3D {
  return space([false, false, n, ...adjointParts(options)]);
}

/**
 * Space with N rotations about z and N reflections in planes through it (D_N), or with all of them (O(2)).
 *
 * @param n N, or −1 for all. Default −1.
 * @param options The axis of a plane, and how the group lies in space.
 */
export function conicalOnR3(n = -1, options: SpatialAxisOptions = {}): GSpace3D {
  return space(["cone", doubled(options.axis), n, ...adjointParts(options)]);
}

/**
 * Space with the inversion and N rotations about z with N half turns (C_2 × D_N), or all of them (C_2 × O(2)).
 *
 * @param n N, or −1 for all. Default −1.
 * @param options The axis of a half turn, and how the group lies in space.
 */
export function fullCylindricalOnR3(n = -1, options: SpatialAxisOptions = {}): GSpace3D {
  return space([true, doubled(options.axis), n, ...adjointParts(options)]);
}

/** Space with the inversion and N rotations about z (C_2 × C_N), or all of them (C_2 × SO(2)) for −1, the default. */
export function cylindricalOnR3(n = -1, options: AdjointOptions = {}): GSpace3D {
  return space([true, false, n, ...adjointParts(options)]);
}

/** Space with one reflection (C_2). */
export function mirOnR3(options: SpatialAxisOptions = {}): GSpace3D {
  return space(["cone", doubled(options.axis), 1, ...adjointParts(options)]);
}

/** Space with the inversion x → −x (C_2). */
export function invOnR3(): GSpace3D {
  return space([true, false, 1]);
}

/** Space with no symmetry but translations (C_1). */
export function trivialOnR3(): GSpace3D {
  return space([false, false, 1]);
}
