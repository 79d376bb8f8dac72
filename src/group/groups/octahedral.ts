/**
 * The group O of the 24 rotations of a cube along the axes, in escnn's order and with its irreps: `[0]`; `[1]` the vectors
 * of space in the basis (y, z, x); `[-1]` these times the sign; `[2]` of dimension 2; `[3]` the sign, −1 outside the
 * tetrahedral group.
 */

import { TURN } from "../planar.ts";
import { matricesFromGenerators, type TableIrrep } from "../table_group.ts";
import type { Group, Representation } from "../types.ts";
import { exactRotations, PolyhedralGroup, TETRAHEDRAL_ROWS } from "./polyhedral.ts";
import { roundedMatrices, tetrahedralGroup } from "./tetrahedral.ts";

/** The elements of the octahedral group; `h` is √½. */
export const OCTAHEDRAL_ROTATIONS = {
  radicand: 2,
  denominator: 2,
  letters: { "0": [0, 0], "1": [2, 0], a: [1, 0], h: [0, 1] },
  rows: `${TETRAHEDRAL_ROWS},h 0 0 h,0 h 0 h,0 0 h h,0 0 -h h,0 -h 0 h,-h 0 0 h,` +
    "0 h h 0,0 -h h 0,h 0 h 0,-h 0 h 0,h h 0 0,-h h 0 0",
} as const;

// Positions of the half turn about x, the rotation by −2π/3 about (1,1,1), and the half turn about (0,−1,1).
const [K, S, T] = [0, 11, 19];

/** The irreps of the octahedral group, which T_d shares. */
export abstract class OctahedralIrreps extends PolyhedralGroup {
  #irreps: readonly TableIrrep[] | undefined;

  /** `[0]`, `[1]`, `[-1]`, `[2]`, `[3]`. */
  protected listIrreps(): readonly TableIrrep[] {
    const sign = (position: number): number => position < 12 ? 1 : -1;
    const c = Math.sqrt(3) / 2;
    return this.#irreps ??= [
      { id: [0], size: 1, type: "R", frequency: 0, matrices: () => this.rotationMatrices(0) },
      { id: [1], size: 3, type: "R", frequency: 1, matrices: () => roundedMatrices(this.rotationMatrices(1)) },
      {
        id: [-1],
        size: 3,
        type: "R",
        frequency: 2,
        matrices: () => roundedMatrices(this.rotationMatrices(1)).map((m, i) => m.map((v) => v * sign(i) + 0)),
      },
      {
        id: [2],
        size: 2,
        type: "R",
        frequency: 2,
        matrices: () =>
          matricesFromGenerators(
            this.table,
            [K, S, T],
            [Float64Array.of(1, 0, 0, 1), Float64Array.of(-0.5, -c, c, -0.5), Float64Array.of(0, 1, 1, 0)],
            2,
          ),
      },
      {
        id: [3],
        size: 1,
        type: "R",
        frequency: 3,
        matrices: () => this.quaternions.map((_, i) => Float64Array.of(sign(i))),
      },
    ];
  }
}

/** O. Make it with {@linkcode octahedralGroup}. */
export class OctahedralGroup extends OctahedralIrreps {
  /** The tetrahedral group. */
  protected readonly innerGroups: readonly (readonly [string, () => Group])[] = [["tetra", tetrahedralGroup]];

  /** For {@linkcode octahedralGroup}. */
  constructor() {
    super({
      name: "O",
      selfName: "octa",
      rotations: exactRotations(OCTAHEDRAL_ROTATIONS),
      generators: [K, S, T],
      axes: [{ order: 4, rotation: 14 }, { order: 3, rotation: 7 }],
    });
  }

  /** The permutation of the 8 vertices of the cube. */
  get verticesRepresentation(): Representation<"pointwise"> {
    return this.quotientRepresentation([false, 3]);
  }

  /** The permutation of the 6 faces of the cube. */
  get facesRepresentation(): Representation<"pointwise"> {
    return this.quotientRepresentation([false, 4]);
  }

  /** The permutation of the 12 edges of the cube. */
  get edgesRepresentation(): Representation<"pointwise"> {
    return this.quotientRepresentation([TURN / 4, 1]);
  }
}

let group: OctahedralGroup | undefined;

/**
 * The rotations of the cube.
 *
 * @example
 * ```ts
 * import { octahedralGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const octa = octahedralGroup();
 * assertEquals(octa.order, 24);
 * const quarter = octa.element([[0, -1, 0], [1, 0, 0], [0, 0, 1]], "MAT");
 * assertEquals(octa.irrep(3).character(quarter), -1);
 * assertEquals(octa.subgroup([true, 4]).subgroup.name, "D4");
 * ```
 */
export function octahedralGroup(): OctahedralGroup {
  return group ??= new OctahedralGroup();
}
