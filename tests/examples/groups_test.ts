// The group gallery: what its pictures show, read back from their pixels and texts, and a whole run of the program.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { decode } from "fast-png";
import {
  cayleyTable,
  characterTable,
  conjugacyClasses,
  diverging,
  elementOrder,
  elementsByCoset,
  hue,
  irrepMatrices,
  rotationGrid,
} from "../../examples/groups/pictures.ts";
import {
  cyclicGroup,
  dihedralGroup,
  groupGrid,
  icosahedralGroup,
  octahedralGroup,
  so3Group,
} from "../../src/group/mod.ts";
import { temporaryDirectory } from "../support/files.ts";
import { execute } from "../support/process.ts";
import { test } from "../support/test.ts";

test("cayleyTable: a Latin square of as many colors as elements, symmetric for an abelian group", () => {
  const { width, height, data, channels } = decode(cayleyTable(cyclicGroup(6), [3]));
  assertEquals([width, height, channels], [600, 600, 3]);
  const color = (row: number, column: number): string => {
    const at = 3 * ((row * 100 + 50) * 600 + column * 100 + 50);
    return data.slice(at, at + 3).join(",");
  };
  for (let a = 0; a < 6; a++) {
    assertEquals(new Set(Array.from({ length: 6 }, (_, b) => color(a, b))).size, 6);
    for (let b = 0; b < 6; b++) assertEquals(color(a, b), color(b, a));
  }
});

test("elementsByCoset lists the subgroup first, then its cosets", () => {
  const octa = octahedralGroup();
  const elements = elementsByCoset(octa, ["tetra"]);
  assertEquals(new Set(elements.map((g) => octa.indexOf(g))).size, 24);
  assert(elements.slice(0, 12).every((g) => octa.indexOf(g) < 12));
});

test("irrepMatrices: one column for each element, the identity's diagonal red", () => {
  const { width, height, data } = decode(irrepMatrices(dihedralGroup(3)));
  // Irreps of dimension 1, 1, 2 in cells of 6 pixels with gaps of 6.
  assertEquals([width, height], [6 + 6 * 18, 6 + 12 + 12 + 18]);
  const pixel = (x: number, y: number): number[] => [...data.slice(3 * (y * width + x), 3 * (y * width + x) + 3)];
  assertEquals(pixel(8, 8), [...diverging(1)]);
  assertEquals(pixel(8, 32), [...diverging(1)]);
  assertEquals(pixel(14, 32), [255, 255, 255]);
  assertEquals(pixel(6 + 3 * 18 + 2, 20), [...diverging(-1)]);
});

test("characterTable names classes by size and order, and writes the golden ratio", () => {
  const svg = characterTable(icosahedralGroup());
  for (
    const text of ["1 × order 1", "15 × order 2", "20 × order 3", "12 × order 5", ">1.618<", ">-0.618<", "[4]  4R"]
  ) {
    assertStringIncludes(svg, text);
  }
  assertEquals(conjugacyClasses(octahedralGroup()).map((c) => [c.length, elementOrder(c[0])]), [
    [1, 1],
    [3, 2],
    [6, 2],
    [8, 3],
    [6, 4],
  ]);
});

test("rotationGrid counts its rotations", () => {
  const svg = rotationGrid("Cube", groupGrid(so3Group(), { type: "cube" }));
  assertStringIncludes(svg, "Cube: 24 rotations");
  assert((svg.match(/rgb\(/g) ?? []).length >= 24);
});

test("hue and diverging give colors: red, green, blue in a circle; white between blue and red", () => {
  const [red, green, blue] = [0, 1 / 3, 2 / 3].map((h) => hue(h));
  assert(red[0] > red[1] && red[1] === red[2]);
  assert(green[1] > green[0] && blue[2] > blue[1]);
  assertEquals([diverging(0), diverging(1), diverging(-1)], [[255, 255, 255], [255, 90, 0], [0, 120, 255]]);
});

test("examples/groups.ts writes its pictures and counts them", async () => {
  await using folder = await temporaryDirectory();
  const { code, stdout, stderr } = await execute("examples/groups.ts", ["--out", folder.path], { flags: ["-A"] });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stdout, "I: 60 elements, irreps 1R 3R 5R 3R 4R");
  assertEquals(JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? ""), { pictures: 23, folder: folder.path });
  let files = 0;
  for (const entry of Deno.readDirSync(folder.path)) {
    const bytes = Deno.readFileSync(`${folder.path}/${entry.name}`);
    const head = new TextDecoder().decode(bytes.subarray(1, 4));
    assertEquals(head, entry.name.endsWith(".png") ? "PNG" : "svg");
    files += 1;
  }
  assertEquals(files, 23);
});
