/**
 * A gallery of groups: Cayley tables, characters and irreps of the finite groups of space and of one made of matrices, and
 * grids of rotations. Writes PNG and SVG files to a folder, `out/groups` or the one named by `--out`.
 */

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import {
  dihedralGroup,
  fullTetrahedralGroup,
  type GridDescription,
  type Group,
  groupGrid,
  icosahedralGroup,
  matrixGroup,
  octahedralGroup,
  runtime,
  so3Group,
  type SubgroupId,
  tetrahedralGroup,
} from "@escnn/escnn";
import { cayleyTable, characterTable, irrepMatrices, rotationGrid } from "./groups/pictures.ts";

const { values } = parseArgs({
  args: [...runtime.args],
  options: { out: { type: "string", default: "out/groups" } },
});
await runtime.makeDirectory(values.out);

// Left multiplication by i and by (1 + i + j + k) / 2: the 24 unit quaternions of Hurwitz, whose irreps have all three types.
const hurwitz = matrixGroup(
  [
    Float64Array.of(0, 0, 0, 1, 0, 0, -1, 0, 0, 1, 0, 0, -1, 0, 0, 0),
    Float64Array.of(1, -1, 1, 1, 1, 1, -1, 1, -1, 1, 1, 1, -1, -1, -1, 1).map((v) => v / 2),
  ],
  4,
  { name: "2T" },
);

/** The groups, each with the subgroup whose cosets order its table. */
const groups: readonly (readonly [name: string, group: Group, subgroup: SubgroupId])[] = [
  ["dihedral_6", dihedralGroup(6), [null, 6]],
  ["tetrahedral", tetrahedralGroup(), [true, 2]],
  ["octahedral", octahedralGroup(), ["tetra"]],
  ["full_tetrahedral", fullTetrahedralGroup(), [true, 3]],
  ["icosahedral", icosahedralGroup(), [false, 5]],
  ["binary_tetrahedral", hurwitz, hurwitz.subgroup([1]).id],
];

/** Grids of SO(3). */
const grids: readonly (readonly [name: string, title: string, grid: GridDescription])[] = [
  ["octahedral", "The octahedral group", { type: "cube" }],
  ["icosahedral", "The icosahedral group", { type: "ico" }],
  ["hopf", "Hopf's fibration over HEALPix", { type: "hopf", N: 500 }],
  ["fibonacci", "Fibonacci's sphere", { type: "fibonacci", N: 500 }],
  ["thomson", "Repelling rotations", { type: "thomson", N: 96 }],
];

const written: string[] = [];
async function save(name: string, content: string | Uint8Array): Promise<void> {
  const path = `${values.out}/${name}`;
  await writeFile(path, content);
  written.push(path);
}

for (const [name, group, subgroup] of groups) {
  await save(`cayley_${name}.png`, cayleyTable(group, subgroup));
  await save(`irreps_${name}.png`, irrepMatrices(group));
  await save(`characters_${name}.svg`, characterTable(group));
  const irreps = group.irreps().map((psi) => `${psi.size}${psi.type}`).join(" ");
  console.log(`${group.name}: ${group.order} elements, irreps ${irreps}`);
}
for (const [name, title, grid] of grids) {
  await save(`grid_${name}.svg`, rotationGrid(title, groupGrid(so3Group(), grid)));
}
console.log(JSON.stringify({ pictures: written.length, folder: values.out }));
