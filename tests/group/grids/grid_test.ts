// Grids of group elements by name: their counts and orders, and what they refuse.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../../src/group/errors.ts";
import { type GridDescription, groupGrid, sphereGrid } from "../../../src/group/grids/grid.ts";
import { cyclicGroup } from "../../../src/group/groups/cyclic.ts";
import { dihedralGroup } from "../../../src/group/groups/dihedral.ts";
import { icosahedralGroup } from "../../../src/group/groups/icosahedral.ts";
import { o2Group } from "../../../src/group/groups/o2.ts";
import { o3Group } from "../../../src/group/groups/o3.ts";
import { octahedralGroup } from "../../../src/group/groups/octahedral.ts";
import { directProduct } from "../../../src/group/groups/product.ts";
import { so2Group } from "../../../src/group/groups/so2.ts";
import { so3Group } from "../../../src/group/groups/so3.ts";
import { tetrahedralGroup } from "../../../src/group/groups/tetrahedral.ts";
import { test } from "../../support/test.ts";

test("groupGrid: regular grids of the planar groups", () => {
  assertEquals(groupGrid(cyclicGroup(12), { type: "regular", N: 4 }).map((g) => g.value), [0, 3, 6, 9]);
  assertEquals(groupGrid(dihedralGroup(6), { type: "regular", N: 2 }).map((g) => g.value), [
    [0, 0],
    [0, 3],
    [1, 0],
    [1, 3],
  ]);
  assertEquals(groupGrid(so2Group(), { type: "regular", N: 5 }).length, 5);
  assertEquals(groupGrid(o2Group(), { type: "regular", N: 5 }).length, 10);
  assertEquals(groupGrid(dihedralGroup(3), { type: "regular" }).length, 6);
});

test("groupGrid: random elements are the same for the same seed", () => {
  for (const group of [cyclicGroup(8), dihedralGroup(4), so2Group(), o2Group(), so3Group(), o3Group()]) {
    const values = (seed: number) => groupGrid(group, { type: "rand", N: 6, seed }).map((g) => g.value);
    assertEquals(values(1), values(1));
    assert(JSON.stringify(values(1)) !== JSON.stringify(values(2)), group.name);
  }
});

test("groupGrid: grids of O(3) are those of SO(3), then with the inversion", () => {
  const grid: GridDescription = { type: "hopf", N: 60 };
  const rotations = groupGrid(so3Group(), grid);
  const isometries = groupGrid(o3Group(), grid);
  assertEquals(isometries.length, 2 * rotations.length);
  rotations.forEach((g, k) => {
    assertEquals(isometries[k].value, [0, g.value]);
    assertEquals(isometries[rotations.length + k].value, [1, g.value]);
  });
});

test("groupGrid: polyhedral grids are the elements of the groups, whose order counts", () => {
  for (const [type, group] of [["ico", icosahedralGroup()], ["cube", octahedralGroup()]] as const) {
    assertEquals(groupGrid(so3Group(), { type }).map((g) => g.value), group.elements.map((g) => g.value));
  }
  const tetra = groupGrid(o3Group(), { type: "tetra" });
  assertEquals(tetra.length, 24);
  assertEquals(tetra[12].value, [1, tetrahedralGroup().elements[0].value]);
});

test("groupGrid: rotating a thomson_cube grid by 90° permutes it", () => {
  const grid = groupGrid(so3Group(), { type: "thomson_cube", N: 3 });
  assertEquals(grid.length, 72);
  const quarter = so3Group().element([Math.SQRT1_2, 0, 0, Math.SQRT1_2]);
  for (const g of grid) assert(grid.some((h) => h.equals(quarter.multiply(g))));
  assertEquals(new Set(grid.map((g) => g.hash)).size, 72);
});

test("groupGrid: a product takes a grid for each factor, left major", () => {
  const group = directProduct(cyclicGroup(2), so2Group());
  const grid = groupGrid(group, { left: { type: "regular", N: 2 }, right: { type: "regular", N: 3 } });
  assertEquals(grid.map((g) => g.value), [0, 1].flatMap((i) => so2Group().grid(3).map((g) => [i, g.value])));
  assertThrows(() => groupGrid(so2Group(), { left: { type: "regular" }, right: { type: "regular" } }), GroupError);
});

test("groupGrid: an adjoint conjugates", () => {
  const adjoint = so3Group().element([0.5, 0.5, 0.5, 0.5]);
  const plain = groupGrid(so3Group(), { type: "thomson", N: 3 });
  groupGrid(so3Group(), { type: "thomson", N: 3, adjoint }).forEach((g, k) => {
    assert(adjoint.multiply(g).multiply(adjoint.inverse()).equals(plain[k]));
  });
});

test("groupGrid refuses grids that the group does not have", () => {
  assertThrows(() => groupGrid(so2Group(), { type: "hopf", N: 8 }), GroupError, "SO(2)");
  assertThrows(() => groupGrid(so3Group(), { type: "regular", N: 8 }), GroupError, "regular");
  assertThrows(() => groupGrid(so2Group(), { type: "regular" }), GroupError, "regular");
  assertThrows(() => groupGrid(cyclicGroup(6), { type: "regular", N: 4 }), GroupError, "4");
  assertThrows(() => groupGrid(so2Group(), { type: "regular", N: 0 }), GroupError, "0");
  assertThrows(() => groupGrid(so3Group(), { type: "rand", N: -1 }), GroupError, "-1");
  assertThrows(
    () => groupGrid(so3Group(), { type: "longlat", N: 8 } as never),
    GroupError,
    "points of the sphere: { sphere: {",
  );
});

test("sphereGrid moves the north pole to the points", () => {
  const points = sphereGrid(so3Group(), { type: "longlat", N: 4, M: 3 }).map((g) => {
    const m = so3Group().standardRepresentation.matrix(g);
    return [m[2], m[5], m[8]];
  });
  const expected = [[0, 0, 1], [1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0], [0, 0, -1]];
  points.forEach((p, i) => p.forEach((v, k) => assertAlmostEquals(v, expected[i][k], 1e-15)));
  assertThrows(() => sphereGrid(o2Group(), { type: "fibonacci", N: 4 }), GroupError, "O(2)");
});
