// covers: src/gspaces/factories.ts
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { cyclicGroup, GroupError, o2Group, so2Group } from "../../src/group/mod.ts";
import { flip2dOnR2, flipRot2dOnR2, GSpace2D, noBaseSpace, rot2dOnR2, trivialOnR2 } from "../../src/gspaces/mod.ts";
import { KernelError } from "../../src/kernels/mod.ts";
import { test } from "../support/test.ts";

test("factories: groups, dimensions and one object for the same space", () => {
  assert(rot2dOnR2(8) === rot2dOnR2(8));
  assert(flipRot2dOnR2(4) === flipRot2dOnR2(4, { axis: Math.PI / 2 }));
  assert(trivialOnR2() === rot2dOnR2(1));
  assert(flip2dOnR2() === flipRot2dOnR2(1));
  assert(noBaseSpace(so2Group()) === noBaseSpace(so2Group()));
  assertEquals([rot2dOnR2().fibergroup.name, flipRot2dOnR2().fibergroup.name], ["SO(2)", "O(2)"]);
  assertEquals([rot2dOnR2(4).dimensionality, noBaseSpace(so2Group()).dimensionality], [2, 0]);
  assertEquals(flip2dOnR2().fibergroup, cyclicGroup(2));
});

test("baseSpaceAction: rotations counter-clockwise, reflections about the axis", () => {
  const quarter = rot2dOnR2(4).baseSpaceAction(cyclicGroup(4).element(1));
  assertEquals([...quarter].map((v) => v + 0), [0, -1, 1, 0]);
  for (const axis of [0, 0.4, Math.PI / 2, 2.5]) {
    const [a, b, c, d] = flip2dOnR2({ axis }).baseSpaceAction(cyclicGroup(2).element(1));
    const [x, y] = [Math.cos(axis), Math.sin(axis)];
    assertAlmostEquals(a * x + b * y, x, 1e-15);
    assertAlmostEquals(c * x + d * y, y, 1e-15);
    assertAlmostEquals(a * d - b * c, -1, 1e-15);
  }
  assertEquals(noBaseSpace(so2Group()).baseSpaceAction(so2Group().element(1)).length, 0);
  assertThrows(() => noBaseSpace(so2Group()).baseSpaceAction(cyclicGroup(2).element(1)), GroupError);
});

test("restrict: the restricted space moves points as the included element does", () => {
  const cases: [GSpace2D, (number | null)[]][] = [
    [flipRot2dOnR2(8, { axis: 0.4 }), [1, 4]],
    [flipRot2dOnR2(8, { axis: 0.4 }), [null, 2]],
    [flipRot2dOnR2(6, { axis: 3 }), [5, 1]],
    [flipRot2dOnR2(-1, { axis: 2.9 }), [2.8, 3]],
    [rot2dOnR2(8), [4]],
    [rot2dOnR2(), [-1]],
  ];
  for (const [space, id] of cases) {
    const { gspace, subgroup } = space.restrict(id);
    assert(gspace.fibergroup === subgroup.subgroup);
    for (const h of gspace.testingElements) {
      const [got, expected] = [gspace.baseSpaceAction(h), space.baseSpaceAction(subgroup.inclusion(h))];
      got.forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-12));
    }
  }
  assert(noBaseSpace(cyclicGroup(8)).restrict(2).gspace.fibergroup === cyclicGroup(2));
});

test("equals compares groups and actions", () => {
  assert(rot2dOnR2(8).restrict(4).gspace.equals(rot2dOnR2(4)));
  assert(!rot2dOnR2(8).equals(rot2dOnR2(4)));
  assert(!flip2dOnR2({ axis: 0 }).equals(flip2dOnR2({ axis: 0.1 })));
  assert(flip2dOnR2({ axis: 0 }).equals(flip2dOnR2({ axis: Math.PI })));
  assert(!noBaseSpace(cyclicGroup(8)).equals(rot2dOnR2(8)));
  assert(flipRot2dOnR2().equals(new GSpace2D([Math.PI, -1])));
});

test("representations come from the group", () => {
  const space = flipRot2dOnR2(4);
  assertEquals(space.regularRepr.size, 8);
  assertEquals(space.trivialRepr.size, 1);
  assertEquals(space.quotientRepr([0, 2]).size, 2);
  assertEquals(space.inducedRepr([null, 4], [1]).size, 4);
  assertEquals(space.irrep(1, 1).size, 2);
  assertEquals(space.irreps().length, 5);
  assertEquals(flipRot2dOnR2().irreps(1).length, 3);
  assertThrows(() => flipRot2dOnR2().regularRepr, GroupError, "bandlimitedRegularRepresentation");
});

test("kernelTables: one object for the same options, but for functions", () => {
  const space = rot2dOnR2(8);
  assert(space.kernelTables({ kernelSize: 5 }) === space.kernelTables({ kernelSize: 5, dilation: 1 }));
  assert(space.kernelTables({ kernelSize: 5 }) !== space.kernelTables({ kernelSize: 3 }));
  const cutoff = (r: number): number => r;
  const tables = space.kernelTables({ kernelSize: 5, frequenciesCutoff: cutoff });
  assert(tables !== space.kernelTables({ kernelSize: 5, frequenciesCutoff: cutoff }));
  assertEquals(tables.functionCount, 1 + 3 + 5);
});

test("kernelTables: rectangular kernels and a lower maximumFrequency", () => {
  const tables = rot2dOnR2(4).kernelTables({ kernelSize: [3, 5] });
  assertEquals(tables.points, 15);
  assertEquals(rot2dOnR2(4).kernelTables({ kernelSize: 5, maximumFrequency: 1 }).functionCount, 3 + 2 * 2);
  assertThrows(() => rot2dOnR2(4).kernelTables({ kernelSize: [3, 3, 3] }), KernelError, "[vertical, horizontal]");
});

test("the standard representation of O(2) is the action of the plane with all symmetries", () => {
  const space = flipRot2dOnR2(-1, { axis: 0 });
  for (const g of o2Group().testingElements) {
    assertEquals([...space.baseSpaceAction(g)], [...o2Group().standardRepresentation.matrix(g)]);
  }
});

test("rot2dOnR2 and flipRot2dOnR2 refuse numbers of rotations that there are not", () => {
  const named: unknown = { N: 8 };
  for (const wrong of [0, -2, 2.5, NaN, named as number]) {
    assertThrows(() => rot2dOnR2(wrong), GroupError, "rot2dOnR2: expected a number of rotations from 1");
    assertThrows(() => flipRot2dOnR2(wrong), GroupError, "Write flipRot2dOnR2(8)");
  }
});
