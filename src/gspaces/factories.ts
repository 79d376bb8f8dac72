/**
 * The spaces of the plane by escnn's names: rotations, reflections or both; the line, a point, and spaces with a group of the
 * user's own. The same call gives the same object, but for the last.
 */

import { GroupError } from "../group/errors.ts";
import { subgroupKey } from "../group/ids.ts";
import type { Group, GroupElement, SubgroupId } from "../group/types.ts";
import { CustomSpace, GSpace0D, GSpace1D, GSpace2D } from "./spaces.ts";

/** Where a reflection leaves points in place. */
export interface AxisOptions {
  /** The angle of the reflection's axis from the x axis, in radians. Default π/2: left and right are exchanged. */
  readonly axis?: number;
}

const lines = new Map<boolean, GSpace1D>();
const planes = new Map<string, GSpace2D>();
const points = new Map<Group, GSpace0D>();

function plane(id: SubgroupId): GSpace2D {
  const key = subgroupKey(id);
  let space = planes.get(key);
  if (space === undefined) {
    space = new GSpace2D(id);
    planes.set(key, space);
  }
  return space;
}

/** A number of rotations, or −1 for all of them. Throws GroupError for anything else. */
function requireCount(op: string, n: number): number {
  if (Number.isSafeInteger(n) && (n >= 1 || n === -1)) return n;
  throw new GroupError({
    op,
    expected: "a number of rotations from 1, or -1 (the default) for all of them",
    actual: typeof n === "number" ? String(n) : `${JSON.stringify(n)}`,
    hint: `Write ${op}(8).`,
  });
}

/**
 * The plane with the rotations by multiples of 2π/N (the group C_N), or with all rotations (SO(2)).
 *
 * @param n N, or −1 for all rotations. Default −1. Throws GroupError for other numbers.
 *
 * @example
 * ```ts
 * import { gspaces } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const space = gspaces.rot2dOnR2(8);
 * assertEquals(space.fibergroup.name, "C8");
 * assertEquals(space.regularRepr.size, 8);
 * // Every 5 × 5 filter is a combination of 11 scalar functions on the grid.
 * const tables = space.kernelTables({ kernelSize: 5 });
 * assertEquals(tables.functionCount, 11);
 * ```
 */
export function rot2dOnR2(n = -1): GSpace2D {
  return plane([null, requireCount("rot2dOnR2", n)]);
}

/**
 * The plane with N rotations and N reflections (D_N; C_2 for N = 1), or with all of them (O(2)).
 *
 * @param n N, or −1 for all. Default −1. Throws GroupError for other numbers.
 * @param options The axis of a reflection.
 *
 * @example
 * ```ts
 * import { gspaces } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const space = gspaces.flipRot2dOnR2(4);
 * assertEquals(space.fibergroup.name, "D4");
 * // The reflection s exchanges left and right.
 * assertEquals([...space.baseSpaceAction(space.fibergroup.element([1, 0]))].map((v) => v + 0), [-1, 0, 0, 1]);
 * ```
 */
export function flipRot2dOnR2(n = -1, options: AxisOptions = {}): GSpace2D {
  return plane([2 * (options.axis ?? Math.PI / 2), requireCount("flipRot2dOnR2", n)]);
}

/** The plane with one reflection (C_2). */
export function flip2dOnR2(options: AxisOptions = {}): GSpace2D {
  return plane([2 * (options.axis ?? Math.PI / 2), 1]);
}

/** The plane with no symmetry but translations (C_1): the fields of a conventional network. */
export function trivialOnR2(): GSpace2D {
  return plane([null, 1]);
}

/** A single point with any group: fields without a base space, for equivariant multilayer perceptrons. */
export function noBaseSpace(group: Group): GSpace0D {
  let space = points.get(group);
  if (space === undefined) {
    space = new GSpace0D(group);
    points.set(group, space);
  }
  return space;
}

function line(reflection: boolean): GSpace1D {
  let space = lines.get(reflection);
  if (space === undefined) {
    space = new GSpace1D([reflection ? 2 : 1]);
    lines.set(reflection, space);
  }
  return space;
}

/** The line with its reflection x → −x (C_2), for signals without a direction. */
export function flipOnR1(): GSpace1D {
  return line(true);
}

/** The line with no symmetry but translations (C_1). */
export function trivialOnR1(): GSpace1D {
  return line(false);
}

/** The plane with the subgroup of O(2) that has an id; see `o2Group()` for the ids. Throws GroupError for any other. */
export function subgroupOnR2(subgroupId: SubgroupId): GSpace2D {
  return plane(subgroupId);
}

/**
 * A space on which a group acts in a way of one's own: any group with orthogonal matrices, which need not be different for
 * different elements.
 *
 * @param group The group of the fields.
 * @param dimension The dimension of the space.
 * @param action How an element moves points: row-major [d, d] on (x, y(, z)), a homomorphism.
 * @param options A name for people.
 * @throws {@linkcode KernelError} when the matrices are not orthogonal or do not multiply like the elements.
 *
 * @example
 * ```ts
 * import { cyclicGroup, gspaces } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * // C_4 turns space about the axis (1, 0, 0).
 * const turn = [[1, 0, 0, 0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 0, -1, 0, 1, 0], [1, 0, 0, 0, -1, 0, 0, 0, -1], [1, 0, 0, 0, 0, 1, 0, -1, 0]];
 * const space = gspaces.spaceWithAction(cyclicGroup(4), 3, (g) => Float64Array.from(turn[Number(g.value)]));
 * // Scalars to scalars on 3 × 3 × 3 taps: the constants, and what changes along the axis.
 * const { paths } = space.kernelTables({ kernelSize: 3 }).pair([0], [0]);
 * assertEquals(paths.map((path) => path.frequency), [0, 0, 1, 2]);
 * ```
 */
export function spaceWithAction(
  group: Group,
  dimension: 1 | 2 | 3,
  action: (element: GroupElement) => Float64Array,
  options: { readonly name?: string } = {},
): CustomSpace {
  return new CustomSpace(group, dimension, action, options.name);
}
