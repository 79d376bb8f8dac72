/**
 * The group T of the twelve rotations of a tetrahedron whose edges' midpoints lie on the axes. Irreps `[0]`, `[1]` (the
 * vectors of space in the basis (y, z, x)) and `[2]`, of dimension 2 and complex type, in which the rotation of −2π/3 about
 * (1,1,1) turns by 2π/3.
 */

import { cosSinOfTurn, rotationMatrix } from "../planar.ts";
import { matricesFromGenerators, type TableIrrep } from "../table_group.ts";
import type { Group } from "../types.ts";
import { exactRotations, PolyhedralGroup, TETRAHEDRAL_ROWS } from "./polyhedral.ts";

/** T. Make it with {@linkcode tetrahedralGroup}. */
export class TetrahedralGroup extends PolyhedralGroup {
  /** None. */
  protected readonly innerGroups: readonly (readonly [string, () => Group])[] = [];
  #irreps: readonly TableIrrep[] | undefined;

  /** For {@linkcode tetrahedralGroup}. */
  constructor() {
    super({
      name: "T",
      selfName: "tetra",
      rotations: exactRotations({
        radicand: 0,
        denominator: 2,
        letters: { "0": [0, 0], "1": [2, 0], a: [1, 0] },
        rows: TETRAHEDRAL_ROWS,
      }),
      generators: [0, 11],
      axes: [{ order: 2, rotation: 2 }, { order: 3, rotation: 7 }],
    });
  }

  /** `[0]`, `[1]`, `[2]`. */
  protected listIrreps(): readonly TableIrrep[] {
    return this.#irreps ??= [
      { id: [0], size: 1, type: "R", frequency: 0, matrices: () => this.rotationMatrices(0) },
      { id: [1], size: 3, type: "R", frequency: 1, matrices: () => roundedMatrices(this.rotationMatrices(1)) },
      {
        id: [2],
        size: 2,
        type: "C",
        frequency: 2,
        matrices: () =>
          // Products of such rotations are rotations by multiples of 2π/3 again, without rounding.
          matricesFromGenerators(
            this.table,
            this.generatorIndices,
            [rotationMatrix([1, 0]), rotationMatrix(cosSinOfTurn(1, 3))],
            2,
          ).map((m) => rotationMatrix(cosSinOfTurn(m[0] > 0.5 ? 0 : m[2] > 0 ? 1 : 2, 3))),
      },
    ];
  }
}

/** Matrices whose entries are integers but for rounding. */
export function roundedMatrices(matrices: readonly Float64Array[]): readonly Float64Array[] {
  return matrices.map((m) => m.map((v) => Math.floor(v + 0.5)));
}

let group: TetrahedralGroup | undefined;

/**
 * The rotations of the tetrahedron, the first twelve of {@linkcode octahedralGroup} and {@linkcode icosahedralGroup}.
 *
 * @example
 * ```ts
 * import { tetrahedralGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const tetra = tetrahedralGroup();
 * assertEquals(tetra.irreps().map((psi) => psi.type), ["R", "R", "C"]);
 * assertEquals(tetra.restrictIrrep([false, 3], [1]).irreps, [[0], [1]]);
 * ```
 */
export function tetrahedralGroup(): TetrahedralGroup {
  return group ??= new TetrahedralGroup();
}
