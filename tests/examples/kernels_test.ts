// The kernel gallery: what its pictures show, read back from their pixels, and a whole run of the program.

import { assertEquals, assertStringIncludes } from "@std/assert";
import { decode } from "fast-png";
import {
  diverging,
  patchPng,
  patchTable,
  planarKernels,
  SLICES,
  spatialKernels,
  squarePoints,
} from "../../examples/kernels/pictures.ts";
import { octaOnR3, rot2dOnR2 } from "../../src/gspaces/mod.ts";
import { temporaryDirectory } from "../support/files.ts";
import { execute } from "../support/process.ts";
import { test } from "../support/test.ts";

test("squarePoints run from the top left, y upwards, slice by slice", () => {
  assertEquals([...squarePoints(2, 3, undefined)], [-3, 3, 3, 3, -3, -3, 3, -3]);
  assertEquals([...squarePoints(2, 1, [5, 6])].filter((_, i) => i % 3 === 2), [5, 5, 5, 5, 6, 6, 6, 6]);
});

test("patchPng: the scale is red, its negative blue, zero white", () => {
  const { data } = decode(patchPng({ size: 2, values: Float64Array.of(2, -2, 0, 1) }, 2));
  assertEquals([...data].slice(0, 9), [...diverging(1), ...diverging(-1), 255, 255, 255]);
});

test("planarKernels: a quarter turn of C4 exchanges the components of its vectors", () => {
  const rows = planarKernels(rot2dOnR2(4), [{ from: [0], to: [1] }], 9);
  assertEquals(rows.map((row) => row.name), [
    "[0] → [1], frequency 1",
    "[0] → [1], frequency 1",
    "[0] → [1], frequency 3",
    "[0] → [1], frequency 3",
  ]);
  for (const { patches: [first, second] } of rows) {
    for (let r = 0; r < 9; r++) {
      for (let c = 0; c < 9; c++) {
        // K(gx) = ρ(g) K(x): what the first component is at x the second is at the point a quarter turn on, up to a sign.
        const turned = second.values[(8 - c) * 9 + r];
        assertEquals(Math.abs(Math.abs(turned) - Math.abs(first.values[r * 9 + c])) < 1e-12, true);
      }
    }
  }
});

test("spatialKernels: a row for each component, a column for each slice", () => {
  const rows = spatialKernels(octaOnR3(), [{ from: [0], to: [2] }], 5);
  assertEquals(rows.map((row) => row.patches.length), new Array(rows.length).fill(SLICES.length));
  assertEquals(rows[1].name, "component 2");
  const svg = patchTable("Cube", rows);
  assertEquals((svg.match(/<image /g) ?? []).length, rows.length * SLICES.length);
});

test("examples/kernels.ts writes its pictures and counts them", async () => {
  await using folder = await temporaryDirectory();
  const { code, stdout, stderr } = await execute("examples/kernels.ts", ["--out", folder.path], { flags: ["-A"] });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "C4: aliased harmonics");
  assertEquals(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""), { pictures: 9, folder: folder.path });
  const files = [...Deno.readDirSync(folder.path)];
  assertEquals(files.length, 9);
  for (const { name } of files) {
    const text = Deno.readTextFileSync(`${folder.path}/${name}`);
    assertStringIncludes(text, "data:image/png;base64,");
  }
});
