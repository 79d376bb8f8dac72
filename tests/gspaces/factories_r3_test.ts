// The factories of spaces of three dimensions.
// covers: src/gspaces/factories.ts

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { GroupError, o3Group, so2Group, so3Group } from "../../src/group/mod.ts";
import * as gspaces from "../../src/gspaces/mod.ts";
import { isOrthogonal, maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

test("factories of R3: the group of each, and the same object for the same call", () => {
  const cases: readonly (readonly [() => gspaces.GSpace3D, number])[] = [
    [gspaces.rot3dOnR3, Infinity],
    [gspaces.flipRot3dOnR3, Infinity],
    [gspaces.icoOnR3, 60],
    [gspaces.fullIcoOnR3, 120],
    [gspaces.octaOnR3, 24],
    [gspaces.fullOctaOnR3, 48],
    [gspaces.tetraOnR3, 12],
    [gspaces.fullTetraOnR3, 24],
    [gspaces.pyritoOnR3, 24],
    [() => gspaces.dihedralOnR3(3), 6],
    [gspaces.dihedralOnR3, Infinity],
    [() => gspaces.rot2dOnR3(5), 5],
    [gspaces.rot2dOnR3, Infinity],
    [() => gspaces.conicalOnR3(4), 8],
    [gspaces.conicalOnR3, Infinity],
    [() => gspaces.fullCylindricalOnR3(3), 12],
    [gspaces.fullCylindricalOnR3, Infinity],
    [() => gspaces.cylindricalOnR3(3), 6],
    [gspaces.cylindricalOnR3, Infinity],
    [gspaces.mirOnR3, 2],
    [gspaces.invOnR3, 2],
    [gspaces.trivialOnR3, 1],
    [() => gspaces.subgroupOnR3([false, "octa"]), 24],
  ];
  for (const [make, order] of cases) {
    const space = make();
    assertEquals([space.fibergroup.order, space.dimensionality], [order, 3], space.name);
    assertEquals(make() === space, true);
    const group = space.fibergroup;
    for (const g of group.generators) {
      const m = space.baseSpaceAction(g);
      assertEquals(isOrthogonal(m, 3), true);
      for (const h of group.generators) {
        const product = multiplyMatrices(m, space.baseSpaceAction(h), 3, 3, 3);
        assertAlmostEquals(maximumDifference(product, space.baseSpaceAction(g.multiply(h))), 0, 1e-12);
      }
    }
  }
});

test("axis: flips keep (cos, sin, 0) of the angle, mirrors leave it and z in place", () => {
  const axis = 0.6;
  const v = Float64Array.of(Math.cos(axis), Math.sin(axis), 0);
  const fixes = (space: gspaces.GSpace3D, value: Parameters<typeof space.fibergroup.element>[0]): number =>
    maximumDifference(multiplyMatrices(space.baseSpaceAction(space.fibergroup.element(value)), v, 3, 3, 1), v);
  assertAlmostEquals(fixes(gspaces.dihedralOnR3(3, { axis }), [1, 0]), 0, 1e-12);
  assertAlmostEquals(fixes(gspaces.fullCylindricalOnR3(3, { axis }), [0, [1, 0]]), 0, 1e-12);
  const flat = gspaces.flipRot2dOnR2(3, { axis });
  const planar = flat.baseSpaceAction(flat.fibergroup.element([1, 0]));
  const [x, y] = [planar[0] * v[0] + planar[1] * v[1], planar[2] * v[0] + planar[3] * v[1]];
  assertAlmostEquals(Math.abs(x - v[0]) + Math.abs(y - v[1]), 0, 1e-12);
});

test("adjoint A: the group acts by A⁻¹ g A, A of O(3) or SO(3)", () => {
  const a = so3Group().element([0.5, 0.5, 0.5, 0.5]);
  const inside = o3Group().subgroup(["so3"]).inclusion(a);
  const space = gspaces.rot2dOnR3(4, { adjoint: a });
  assertEquals(space === gspaces.rot2dOnR3(4, { adjoint: inside }), true);
  const g = space.fibergroup.element(1);
  const m = so3Group().standardRepresentation.matrix(a);
  const back = so3Group().standardRepresentation.matrix(a.inverse());
  const plain = gspaces.rot2dOnR3(4).baseSpaceAction(g);
  const expected = multiplyMatrices(back, multiplyMatrices(plain, m, 3, 3, 3), 3, 3, 3);
  assertAlmostEquals(maximumDifference(space.baseSpaceAction(g), expected), 0, 1e-12);
  assertThrows(() => gspaces.rot2dOnR3(4, { adjoint: so2Group().element(1) }), GroupError, "O(3) or SO(3)");
});

test("restrict: every space of R3 to a subgroup moves points like its elements did", () => {
  const cases: readonly (readonly [gspaces.GSpace, Parameters<gspaces.GSpace["restrict"]>[0]])[] = [
    [gspaces.flipRot3dOnR3(), [true, "ico"]],
    [gspaces.rot3dOnR3(), ["octa"]],
    [gspaces.icoOnR3(), [false, 3]],
    [gspaces.octaOnR3(), ["tetra"]],
    [gspaces.dihedralOnR3(6, { axis: 0.3 }), [null, 3]],
    [gspaces.dihedralOnR3(-1, { axis: 0.3 }), [0.4, 5]],
    [gspaces.conicalOnR3(), [null, 4]],
    [gspaces.conicalOnR3(4), [1, 2]],
    [gspaces.cylindricalOnR3(4), [[2], [2]]],
    [gspaces.fullCylindricalOnR3(3), [[1], [0, 3]]],
    [gspaces.rot2dOnR3(), 4],
    [gspaces.fullOctaOnR3(), [[1], [false, 4]]],
  ];
  for (const [space, id] of cases) {
    const { gspace, subgroup } = space.restrict(id);
    for (const h of gspace.fibergroup.testingElements) {
      const error = maximumDifference(gspace.baseSpaceAction(h), space.baseSpaceAction(subgroup.inclusion(h)));
      assertAlmostEquals(error, 0, 1e-9);
    }
  }
});

test("gridTransform of octahedral elements permutes voxels exactly, others interpolate", () => {
  const octa = gspaces.octaOnR3();
  for (const g of octa.testingElements) assertEquals(octa.gridTransform(g, [3, 4, 5]).kind, "permutation");
  const ico = gspaces.icoOnR3();
  const kinds = ico.testingElements.map((g) => ico.gridTransform(g, [5, 5, 5]).kind);
  // The tetrahedral rotations are shared with the cube.
  assertEquals(kinds.filter((kind) => kind === "permutation").length, 12);
});

test("gridTransform interpolates linear functions of space exactly away from the faces, linear and cubic", () => {
  const ico = gspaces.icoOnR3();
  const g = ico.fibergroup.element([0, 0, 0, 1]).multiply(ico.testingElements[20]);
  const n = 9;
  const slope = [0.7, -0.4, 1.1];
  const at = (x: number, y: number, z: number): number => slope[0] * x + slope[1] * y + slope[2] * z;
  // Array order is z (downwards), y (downwards), x.
  const points = Array.from(
    { length: n ** 3 },
    (_, i) => [i % n - 4, 4 - Math.floor(i / n) % n, 4 - Math.floor(i / n / n)],
  );
  const back = ico.baseSpaceAction(g.inverse());
  for (const order of [1, 3] as const) {
    const plan = ico.gridTransform(g, [n, n, n], { order });
    if (plan.kind !== "interpolation") throw new TypeError("a permutation");
    points.forEach((p, i) => {
      if (p.reduce((s, v) => s + v * v, 0) > 4.5) return;
      const expected = at(
        ...[0, 1, 2].map((r) => [0, 1, 2].reduce((s, c) => s + back[3 * r + c] * p[c], 0)) as [number, number, number],
      );
      let got = 0;
      for (let t = 0; t < plan.taps; t++) {
        const [x, y, z] = points[plan.source[i * plan.taps + t]];
        got += plan.weights[i * plan.taps + t] * at(x, y, z);
      }
      assertAlmostEquals(got, expected, 1e-9);
    });
  }
});
