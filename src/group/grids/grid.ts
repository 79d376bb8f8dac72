/**
 * Grids of elements of a group, by escnn's names: equally spaced elements of the planar groups, sets of rotations of SO(3)
 * and O(3), random elements of any group. Fourier transforms on compact groups sample on them.
 */

import { GroupError } from "../errors.ts";
import { CyclicGroup } from "../groups/cyclic.ts";
import { DihedralGroup } from "../groups/dihedral.ts";
import { OrthogonalGroup2 } from "../groups/o2.ts";
import { OrthogonalGroup3 } from "../groups/o3.ts";
import { DirectProductGroup } from "../groups/product.ts";
import { SpecialOrthogonalGroup2 } from "../groups/so2.ts";
import { SpecialOrthogonalGroup3 } from "../groups/so3.ts";
import { type Quaternion, rotationBetween } from "../rotations.ts";
import { polyhedralRotations } from "../rotation_subgroups.ts";
import type { Group, GroupElement } from "../types.ts";
import { randomSource } from "./random.ts";
import { fibonacciRotations, hopfRotations, thomsonRotations } from "./rotations.ts";
import { requireCount, type SphereGridDescription, spherePoints } from "./sphere.ts";

/**
 * A grid of a group. `regular`: N equally spaced rotations (and as many reflections) of C_N, D_N, SO(2), O(2), all elements
 * of any finite group if N is absent; `rand`: N random elements; of SO(3), and of O(3) with and without the inversion:
 * `thomson` (N repelling rotations), `thomson_cube` (24 N), `hopf` and `fibonacci` (about N), `ico` (60), `cube` (24),
 * `tetra` (12); of a product a grid for each factor. `adjoint`, an element A, conjugates the grid: A⁻¹ g A.
 */
export type GridDescription =
  | { readonly type: "regular"; readonly N?: number; readonly adjoint?: GroupElement }
  | { readonly type: "rand"; readonly N: number; readonly seed?: number; readonly adjoint?: GroupElement }
  | {
    readonly type: "thomson" | "thomson_cube" | "hopf" | "fibonacci";
    readonly N: number;
    readonly adjoint?: GroupElement;
  }
  | { readonly type: "ico" | "cube" | "tetra"; readonly adjoint?: GroupElement }
  | { readonly left: GridDescription; readonly right: GridDescription; readonly adjoint?: GroupElement };

function rotationGrid(grid: GridDescription): readonly Quaternion[] | undefined {
  if (!("type" in grid)) return undefined;
  switch (grid.type) {
    case "thomson":
      return thomsonRotations(grid.N);
    case "thomson_cube":
      return thomsonRotations(grid.N, true);
    case "hopf":
      return hopfRotations(grid.N);
    case "fibonacci":
      return fibonacciRotations(grid.N);
    case "ico":
    case "tetra":
      return polyhedralRotations(grid.type);
    case "cube":
      return polyhedralRotations("octa");
    default:
      return undefined;
  }
}

function plainGrid(group: Group, grid: GridDescription): readonly GroupElement[] | undefined {
  if (!("type" in grid)) {
    if (!(group instanceof DirectProductGroup)) return undefined;
    const right = groupGrid(group.right, grid.right);
    return groupGrid(group.left, grid.left).flatMap((g) => right.map((h) => group.element([g.value, h.value])));
  }
  if (grid.type === "rand") {
    requireCount("grid", "the number of elements", grid.N, 1);
    const random = randomSource(grid.seed ?? 0);
    return Array.from({ length: grid.N }, () => group.sample(random));
  }
  if (grid.type === "regular") {
    if (grid.N === undefined) return group.isContinuous ? undefined : group.elements;
    if (group instanceof CyclicGroup || group instanceof DihedralGroup) return group.grid(grid.N);
    if (group instanceof SpecialOrthogonalGroup2 || group instanceof OrthogonalGroup2) {
      requireCount("grid", "the number of rotations", grid.N, 1);
      return group.grid(grid.N);
    }
    return grid.N === group.order ? group.elements : undefined;
  }
  const rotations = rotationGrid(grid);
  if (rotations === undefined) return undefined;
  if (group instanceof SpecialOrthogonalGroup3) return rotations.map((q) => group.element(q));
  if (group instanceof OrthogonalGroup3) return [0, 1].flatMap((i) => rotations.map((q) => group.element([i, q])));
  return undefined;
}

/**
 * The elements of a grid. Throws {@linkcode GroupError} when the group has no such grid.
 *
 * @example
 * ```ts
 * import { groupGrid, so3Group } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(groupGrid(so3Group(), { type: "fibonacci", N: 50 }).length, 33);
 * ```
 */
export function groupGrid(group: Group, grid: GridDescription): readonly GroupElement[] {
  const elements = plainGrid(group, grid);
  if (elements === undefined) {
    throw new GroupError({
      op: `grid of ${group.name}`,
      expected: "a grid that the group has",
      actual: "type" in grid ? grid.type : "a product of grids",
      hint:
        "SO(2), O(2), C_N and D_N have regular grids, SO(3) and O(3) thomson, thomson_cube, hopf, fibonacci, ico, cube and tetra, " +
        "all groups rand. Non-linearities on quotients by the rotations about z take points of the sphere: { sphere: { type: … } }.",
    });
  }
  const { adjoint } = grid;
  if (adjoint === undefined) return elements;
  const inverse = adjoint.inverse();
  return elements.map((g) => inverse.multiply(g).multiply(adjoint));
}

/**
 * For each point of a sphere grid a rotation that moves the north pole (0, 0, 1) there: representatives of the cosets of
 * the rotations about z (`[false, -1]` in SO(3), `["cone", -1]` in O(3)). Throws {@linkcode GroupError} for other groups.
 */
export function sphereGrid(group: Group, grid: SphereGridDescription): readonly GroupElement[] {
  const rotations = spherePoints(grid).map((p) => rotationBetween([0, 0, 1], p));
  if (group instanceof SpecialOrthogonalGroup3) return rotations.map((q) => group.element(q));
  if (group instanceof OrthogonalGroup3) return rotations.map((q) => group.element([0, q]));
  throw new GroupError({ op: `sphere grid of ${group.name}`, expected: "SO(3) or O(3)", actual: group.name });
}
