/**
 * A gallery of steerable kernels: bases of several groups of the plane as images and of space as slices, kernels on the orbit
 * of the icosahedron, and stencils of differential operators. Writes SVG files to a folder, `out/kernels` or the one named by
 * `--out`.
 */

import { writeFile } from "node:fs/promises";
import { parseArgs } from "node:util";
import { gspaces, runtime } from "@escnn/escnn";
import {
  orbitKernels,
  type PatchRow,
  patchTable,
  planarKernels,
  spatialKernels,
  stencils,
} from "./kernels/pictures.ts";

const { values } = parseArgs({
  args: [...runtime.args],
  options: { out: { type: "string", default: "out/kernels" } },
});
await runtime.makeDirectory(values.out);

/** The pictures: file name, title, rows. */
const pictures: readonly (readonly [name: string, title: string, rows: () => readonly PatchRow[]])[] = [
  [
    "rotations_of_the_plane",
    "SO(2): scalars and vectors",
    () => planarKernels(gspaces.rot2dOnR2(), [{ from: [0], to: [0] }, { from: [0], to: [1] }, { from: [1], to: [1] }]),
  ],
  [
    "quarter_turns",
    "C4: aliased harmonics",
    () => planarKernels(gspaces.rot2dOnR2(4), [{ from: [0], to: [1] }, { from: [0], to: [2] }]),
  ],
  [
    "symmetries_of_a_hexagon",
    "D6: scalars, signs and vectors",
    () =>
      planarKernels(gspaces.flipRot2dOnR2(6, { axis: 0 }), [
        { from: [0, 0], to: [1, 0] },
        { from: [0, 0], to: [1, 1] },
        { from: [0, 0], to: [1, 2] },
        { from: [0, 0], to: [1, 3] },
      ]),
  ],
  [
    "mirror",
    "A mirror: even and odd functions",
    () => planarKernels(gspaces.flip2dOnR2({ axis: 0.5 }), [{ from: [0], to: [0] }, { from: [0], to: [1] }]),
  ],
  [
    "rotations_of_space",
    "SO(3): from scalars",
    () => spatialKernels(gspaces.rot3dOnR3(), [{ from: [0], to: [0] }, { from: [0], to: [1] }, { from: [0], to: [2] }]),
  ],
  [
    "rotations_of_the_cube",
    "The octahedral group: scalars, signs and a pair",
    () => spatialKernels(gspaces.octaOnR3(), [{ from: [0], to: [0] }, { from: [0], to: [3] }, { from: [0], to: [2] }]),
  ],
  [
    "cone",
    "Rotations about z and mirrors: vectors of the plane",
    () => spatialKernels(gspaces.conicalOnR3(3), [{ from: [0, 0], to: [1, 0] }, { from: [0, 0], to: [1, 1] }]),
  ],
  [
    "icosahedral_orbit",
    "Gaussians on the vertices of an icosahedron",
    () =>
      orbitKernels(gspaces.icoOnR3(), [false, 5], [{ from: [0], to: [0] }, { from: [0], to: [1] }, {
        from: [0],
        to: [3],
      }]),
  ],
  [
    "differential_operators",
    "Differential operators of O(2), as derivatives of a Gaussian",
    () =>
      stencils(gspaces.flipRot2dOnR2(-1, { axis: 0 }), [
        { from: [0, 0], to: [0, 0] },
        { from: [0, 0], to: [1, 1] },
        { from: [1, 1], to: [1, 1] },
      ], 15),
  ],
];

for (const [name, title, rows] of pictures) {
  const drawn = rows();
  await writeFile(`${values.out}/${name}.svg`, patchTable(title, drawn));
  console.log(`${title}: ${drawn.length} rows`);
}
console.log(JSON.stringify({ pictures: pictures.length, folder: values.out }));
