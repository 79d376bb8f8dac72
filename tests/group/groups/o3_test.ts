// covers: src/group/orthogonal_subgroups.ts
import { assert, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../../src/group/errors.ts";
import { o3Group } from "../../../src/group/groups/o3.ts";
import { so3Group } from "../../../src/group/groups/so3.ts";
import { randomSource } from "../../../src/group/grids/random.ts";
import type { SubgroupId } from "../../../src/group/types.ts";
import { maximumDifference } from "../../../src/math/linear_algebra.ts";
import { test } from "../../support/test.ts";

const o3 = o3Group();

test("o3: the inversion commutes, is its own inverse, and acts by the sign of the parity", () => {
  const { inversion } = o3;
  assert(inversion.multiply(inversion).isIdentity());
  for (const g of o3.testingElements) assert(g.multiply(inversion).equals(inversion.multiply(g)));
  assertEquals([...o3.irrep(1, 2).matrix(inversion)].filter((v) => v !== 0), [-1, -1, -1, -1, -1]);
  assertEquals([...o3.irrep(0, 1).matrix(inversion)].filter((v) => v !== 0), [1, 1, 1]);
});

test("o3: the standard representation is the isometry on (x, y, z)", () => {
  const mirror = o3.element([1, [0, 1, 0, 0]]);
  assertEquals([...o3.standardRepresentation.matrix(mirror)].map((v) => v + 0), [1, 0, 0, 0, -1, 0, 0, 0, 1]);
  assertEquals(o3.standardRepresentation.irreps, [[1, 1]]);
});

test("o3: element refuses values that are no pair of an integer and a rotation", () => {
  assertThrows(() => o3.element([2, [0, 0, 0, 1]]), GroupError, "[2,[0,0,0,1]]");
  assertThrows(() => o3.element([0, [0, 0, 0, 2]]), GroupError, "[0,[0,0,0,2]]");
  assertThrows(() => o3.element([0, 0, 0, 1]), GroupError, "[0,0,0,1]");
});

test("o3: irreps come by frequency with both parities, unknown ones throw", () => {
  assertEquals(o3.irreps(1).map((psi) => psi.id), [[0, 0], [1, 0], [0, 1], [1, 1]]);
  assertThrows(() => o3.irrep(2, 0), GroupError, "[2,0]");
  assertThrows(() => o3.irrep(1), GroupError, "[1]");
});

test("o3: hash and sample see the inversion", () => {
  const random = randomSource(1);
  const samples = Array.from({ length: 64 }, () => o3.sample(random));
  const inverting = samples.filter((g) => (g.value as readonly [number, unknown])[0] === 1).length;
  assert(inverting > 16 && inverting < 48);
  assertEquals(new Set(o3.testingElements.map((g) => g.hash)).size, o3.testingElements.length);
});

test("o3: Clebsch-Gordan coefficients need parities that agree", () => {
  assertEquals(o3.clebschGordan([1, 1], [1, 1], [1, 2]).copies, 0);
  assertEquals(o3.clebschGordan([1, 1], [1, 1], [0, 3]).copies, 0);
  const got = o3.clebschGordan([1, 2], [0, 1], [1, 3]).coefficients;
  assertEquals(maximumDifference(got, so3Group().clebschGordan([2], [1], [3]).coefficients), 0);
  assertEquals(o3.tensorProductIrreps([1, 1], [0, 1]).map(({ irrep }) => irrep), [[1, 0], [1, 1], [1, 2]]);
});

test("o3: vectors under the cone of reflections are a scalar along z and a vector of the plane", () => {
  const { irreps } = o3.restrictIrrep(["cone", -1], [1, 1]);
  assertEquals(irreps, [[0, 0], [1, 1]]);
  assertEquals(o3.restrictIrrep(["cone", -1], [0, 1]).irreps, [[1, 0], [1, 1]]);
  const mirror = o3.subgroup(["cone", 1]);
  assert(mirror.inclusion(mirror.subgroup.element(1)).equals(o3.element([1, [0, 1, 0, 0]])));
});

test("o3: subgroup refuses ids that name none", () => {
  const bad: SubgroupId[] = [["cone"], ["cone", 0], ["cone", "x", 3], [false], [true, null, 3], ["ball"], [
    1,
    false,
    3,
  ]];
  for (const id of bad) assertThrows(() => o3.subgroup(id), GroupError, "subgroup of O(3)");
});

test("o3: the symmetries of a tetrahedron hold six mirrors and turn vectors by their irrep [-1]", () => {
  const { subgroup, inclusion } = o3.subgroup(["fulltetra"]);
  const traces = subgroup.elements.map((g) => Math.round(o3.standardRepresentation.character(inclusion(g))));
  assertEquals(traces.filter((t) => t === 1).length, 6);
  assertEquals(o3.restrictIrrep(["fulltetra"], [1, 1]).irreps, [[-1]]);
  // The quarter turn with inversion has no id of escnn's; mirrors and rotations have.
  assertEquals(o3.combineSubgroups(["fulltetra"], [false, 4]), ["fulltetra", [false, 4]]);
  assertEquals(o3.subgroup(["fulltetra", [false, 2]]).id, [false, false, 2]);
  assertEquals(o3.subgroup(["fulltetra", ["fulltetra"]]).id, ["fulltetra"]);
  assertThrows(() => o3.subgroup(["fulltetra", [false, 5]]), GroupError, "subgroup of Td");
  assertThrows(() => o3.subgroup(["fulltetra", 4]), GroupError, "[fulltetra,4]");
});

test("o3: combineSubgroups gives the id whose inclusion is the composition", () => {
  const tilt = o3.element([1, [0.4, -0.2, 0.5, Math.sqrt(0.55)]]);
  const inner = so3Group().element([0.1, 0.7, -0.5, 0.5]);
  const cases: [SubgroupId, SubgroupId][] = [
    [["so3"], [true, 3]],
    [["so3"], [false, -1, inner]],
    [["so3", tilt], ["so3", inner]],
    [["o3"], ["cone", 3]],
    [["o3", tilt], ["cone", 0.3, 3]],
    [["o3", tilt], [true, false, 1]],
    [["cone", -1], [0, 3]],
    [["cone", -1], [1.4, 4]],
    [["cone", -1, tilt], [0.5, 1]],
    [["cone", 6], [1, 3]],
    [["cone", 6], [null, 3]],
    [[false, true, 6], [1, 3]],
    [[false, true, 6], [1, 1]],
    [[true, false, 1], [1]],
    [[true, false, 1], [2]],
    [[true, false, -1], [[2], [3]]],
    [[true, false, -1], [[1], [-1]]],
    [[true, true, -1], [[2], [0, 2]]],
    [[true, true, -1, tilt], [[1], [2.1, 4]]],
    [[true, true, -1], [[2], [0.3, 1]]],
    [[false, "ico", tilt], [false, 5]],
    [[false, "ico"], ["tetra"]],
    [[true, "octa", tilt], [[2], [false, 4]]],
    [[true, "octa", tilt], [[2], ["tetra"]]],
    [["o3", tilt], [true, "octa"]],
    [["o3", tilt], ["fulltetra"]],
    [["fulltetra", tilt], ["tetra"]],
    [["fulltetra"], [false, 3]],
    [["fulltetra"], [false, 2]],
    [["so3", tilt], ["octa", inner]],
  ];
  for (const [outer, second] of cases) {
    const first = o3.subgroup(outer);
    const last = first.subgroup.subgroup(second);
    const combined = o3.subgroup(o3.combineSubgroups(outer, second));
    assert(combined.subgroup === last.subgroup, `${outer} ${second}`);
    for (const k of last.subgroup.testingElements) {
      assert(combined.inclusion(k).equals(first.inclusion(last.inclusion(k))), `${outer} ${second} at ${k}`);
    }
  }
});

test("o3: element takes any orthogonal matrix by itself, and errors say what it takes", () => {
  const rotation = o3.element([0, [0.3, -0.2, 0.9]], "EV"), mirrored = o3.inversion.multiply(rotation);
  for (const g of [rotation, mirrored]) assert(o3.element(o3.standardRepresentation.matrix(g), "MAT").equals(g));
  assertThrows(
    () => o3.element([1, 0, 0, 0, 2, 0, 0, 0, 1], "MAT"),
    GroupError,
    "or any orthogonal matrix by itself, got [1,0,0,0,2,0,0,0,1]",
  );
  assertThrows(() => o3.element([0, 0, 0, 1]), GroupError, "expected [0 or 1, rotation] with 1 for the inversion");
  assertThrows(() => o3.subgroup("octa"), GroupError, '[false, X] for X of "ico", "octa", "tetra"');
});
