/**
 * The group I of the 60 rotations of an icosahedron with three of its edges' midpoints on the axes, in escnn's order and
 * with its irreps: `[0]`, `[1]`, `[2]` the harmonics of frequency 0, 1, 2, and `[3]`, `[4]` of dimension 3 and 4 from
 * generators.
 */

import { blockDiagonal } from "../../math/linear_algebra.ts";
import { cosSinOfTurn, rotationMatrix } from "../planar.ts";
import { matricesFromGenerators, type TableIrrep } from "../table_group.ts";
import type { Group, Representation } from "../types.ts";
import { exactRotations, PolyhedralGroup, TETRAHEDRAL_ROWS } from "./polyhedral.ts";
import { tetrahedralGroup } from "./tetrahedral.ts";

// a = 1/2, b = φ/2, c = 1/(2φ), four elements to a line.
const ROWS = [
  TETRAHEDRAL_ROWS,
  "a c b 0,-a -c b 0,a b 0 c,-a -b 0 c",
  "a -c b 0,-a c b 0,a -b 0 c,-a b 0 c",
  "a 0 c b,-a 0 -c b,a 0 -c b,-a 0 c b",
  "c a 0 b,-c -a 0 b,c b a 0,-c -b a 0",
  "c -a 0 b,-c a 0 b,c -b a 0,-c b a 0",
  "c 0 b a,-c 0 -b a,c 0 -b a,-c 0 b a",
  "b a c 0,-b -a c 0,b c 0 a,-b -c 0 a",
  "b -a c 0,-b a c 0,b -c 0 a,-b c 0 a",
  "b 0 a c,-b 0 -a c,b 0 -a c,-b 0 a c",
  "0 a b c,0 -a -b c,0 a -b c,0 -a b c",
  "0 c a b,0 -c -a b,0 c -a b,0 -c a b",
  "0 b c a,0 -b -c a,0 b -c a,0 -b c a",
].join(",");

// Positions of a rotation by 2π/5 and of the half turn about x.
const [P, Q] = [21, 0];

/** I. Make it with {@linkcode icosahedralGroup}. */
export class IcosahedralGroup extends PolyhedralGroup {
  /** The tetrahedral group. */
  protected readonly innerGroups: readonly (readonly [string, () => Group])[] = [["tetra", tetrahedralGroup]];
  #irreps: readonly TableIrrep[] | undefined;

  /** For {@linkcode icosahedralGroup}. */
  constructor() {
    super({
      name: "I",
      selfName: "ico",
      rotations: exactRotations({
        radicand: 5,
        denominator: 4,
        letters: { "0": [0, 0], "1": [4, 0], a: [2, 0], b: [1, 1], c: [-1, 1] },
        rows: ROWS,
      }),
      generators: [P, Q],
      axes: [{ order: 2, rotation: 2 }, { order: 3, rotation: 7 }, { order: 5, rotation: 20 }],
    });
  }

  /** `[0]` … `[4]`. */
  protected listIrreps(): readonly TableIrrep[] {
    if (this.#irreps !== undefined) return this.#irreps;
    const turn = (n: number): Float64Array => rotationMatrix(cosSinOfTurn(n, 5));
    const [r, s] = [1 / Math.sqrt(5), 2 / Math.sqrt(5)];
    const generated = (id: number, size: number, p: Float64Array, q: Float64Array): TableIrrep => ({
      id: [id],
      size,
      type: "R",
      frequency: id,
      matrices: () => matricesFromGenerators(this.table, [P, Q], [p, q], size),
    });
    return this.#irreps = [
      ...[0, 1, 2].map((l): TableIrrep => ({
        id: [l],
        size: 2 * l + 1,
        type: "R",
        frequency: l,
        matrices: () => this.rotationMatrices(l),
      })),
      generated(
        3,
        3,
        blockDiagonal([turn(2), Float64Array.of(1)], [2, 1]),
        Float64Array.of(r, 0, -s, 0, -1, 0, -s, 0, -r),
      ),
      generated(
        4,
        4,
        blockDiagonal([turn(1), turn(2)], [2, 2]),
        Float64Array.of(0, 0, -1, 0, 0, s, 0, r, -1, 0, 0, 0, 0, r, 0, -s),
      ),
    ];
  }

  /** The permutation of the 12 vertices of the icosahedron. */
  get verticesRepresentation(): Representation<"pointwise"> {
    return this.quotientRepresentation([false, 5]);
  }

  /** The permutation of the 20 faces of the icosahedron. */
  get facesRepresentation(): Representation<"pointwise"> {
    return this.quotientRepresentation([false, 3]);
  }

  /** The permutation of the 30 edges of the icosahedron. */
  get edgesRepresentation(): Representation<"pointwise"> {
    return this.quotientRepresentation([false, 2]);
  }
}

let group: IcosahedralGroup | undefined;

/**
 * The rotations of the icosahedron.
 *
 * @example
 * ```ts
 * import { icosahedralGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const ico = icosahedralGroup();
 * assertEquals(ico.irreps().map((psi) => psi.size), [1, 3, 5, 3, 4]);
 * assertEquals(ico.tensorProductIrreps([4], [4]).map(({ irrep }) => irrep), [[0], [1], [2], [3], [4]]);
 * assertEquals(ico.verticesRepresentation.size, 12);
 * ```
 */
export function icosahedralGroup(): IcosahedralGroup {
  return group ??= new IcosahedralGroup();
}
