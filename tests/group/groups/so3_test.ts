// covers: src/group/rotation_subgroups.ts
import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../../src/group/errors.ts";
import { so3Group } from "../../../src/group/groups/so3.ts";
import { HomogeneousSpace } from "../../../src/group/homogeneous_space.ts";
import { randomSource } from "../../../src/group/grids/random.ts";
import { normalizeQuaternion, type Quaternion, quaternionToMatrix } from "../../../src/group/rotations.ts";
import { refineDecomposition } from "../../../src/group/rotation_subgroups.ts";
import type { SubgroupId } from "../../../src/group/types.ts";
import { identityMatrix, maximumDifference } from "../../../src/math/linear_algebra.ts";
import { test } from "../../support/test.ts";

const so3 = so3Group();
const component = fc.double({ min: -1, max: 1, noNaN: true });
const rotation = fc.tuple(component, component, component, component)
  .filter((q) => q.reduce((sum, v) => sum + v * v, 0) > 1e-3)
  .map((q): Quaternion => normalizeQuaternion(q));

test("so3: the axioms hold at any elements, and hash and equals do not see the quaternion's sign", () => {
  fc.assert(fc.property(rotation, rotation, rotation, (p, q, r) => {
    const [a, b, c] = [p, q, r].map((v) => so3.element(v));
    assert(a.multiply(b).multiply(c).equals(a.multiply(b.multiply(c))));
    assert(a.multiply(a.inverse()).isIdentity());
    const negative = so3.element([-p[0], -p[1], -p[2], -p[3]]);
    assert(negative.equals(a));
    assertEquals(negative.hash, a.hash);
  }));
});

test("so3: hash tells the sample rotations apart", () => {
  const hashes = new Set(so3.testingElements.map((g) => g.hash));
  assertEquals(hashes.size, so3.testingElements.length);
});

test("so3: element refuses quaternions of another norm, reflections and unknown parametrizations", () => {
  assertThrows(() => so3.element([0, 0, 0, 1.1]), GroupError, "[0,0,0,1.1]");
  assertThrows(() => so3.element([[1, 0, 0], [0, 1, 0], [0, 0, -1]], "MAT"), GroupError, "MAT");
  assertThrows(() => so3.element([0, 0, 0, 1], "quaternion"), GroupError, "quaternion");
});

test("so3: the standard representation is the rotation matrix on (x, y, z), an irrep in another basis", () => {
  const rho = so3.standardRepresentation;
  assertEquals(rho.irreps, [[1]]);
  for (const g of so3.testingElements) {
    const [x, y, z, w] = g.value as readonly number[];
    assertEquals([...rho.matrix(g)], [...quaternionToMatrix([x, y, z, w])]);
    assertAlmostEquals(rho.character(g), so3.irrep(1).character(g), 1e-14);
  }
});

test("so3: irreps of any frequency, ids that are none throw", () => {
  assertEquals(so3.irrep(33).size, 67);
  assertThrows(() => so3.irrep(-1), GroupError, "[-1]");
  assertThrows(() => so3.irrep(1.5), GroupError, "[1.5]");
  assertThrows(() => so3.irrep(1, 1), GroupError, "[1,1]");
});

test("so3: sample is uniform: the mean of D^1 and D^2 over 4000 rotations is below 0.04", () => {
  const random = randomSource(3);
  const sums = [new Float64Array(9), new Float64Array(25)];
  for (let i = 0; i < 4000; i++) {
    const g = so3.sample(random);
    sums.forEach((sum, k) => so3.irrep(k + 1).matrix(g).forEach((v, e) => sum[e] += v / 4000));
  }
  for (const sum of sums) assert(maximumDifference(sum, new Float64Array(sum.length)) < 0.04);
});

test("so3: a lone half turn is a cyclic subgroup, an angle is a conjugation", () => {
  const half = so3.subgroup([true, 1]);
  assertEquals(half.subgroup.name, "C2");
  assert(half.inclusion(half.subgroup.element(1)).equals(so3.element([1, 0, 0, 0])));
  const turned = so3.subgroup([Math.PI / 2, 3]);
  const flip = turned.inclusion(turned.subgroup.element([1, 0]));
  assert(flip.equals(so3.element([Math.cos(Math.PI / 4), Math.sin(Math.PI / 4), 0, 0])));
});

test("so3: subgroup refuses ids that name none", () => {
  const bad: SubgroupId[] = [["o3"], [false, 0], [false, 2.5], [true], [true, -2], ["x", 3], [null, 4]];
  for (const id of bad) assertThrows(() => so3.subgroup(id), GroupError, "subgroup of SO(3)");
});

test("so3: combineSubgroups gives the id whose inclusion is the composition", () => {
  const tilt = so3.element([0.4, -0.2, 0.5, Math.sqrt(0.55)]);
  const cases: [SubgroupId, SubgroupId][] = [
    [["so3", tilt], [true, 4]],
    [["so3", tilt], [1.2, 4, tilt]],
    [[false, -1], [5]],
    [[false, 6, tilt], [2]],
    [[true, -1], [null, 4]],
    [[true, -1], [2.7, 3]],
    [[true, -1], [1, -1]],
    [[true, -1, tilt], [null, -1]],
    [[true, 6], [1, 3]],
    [[true, 6], [1, 1]],
    [[true, 2], [1, 1]],
    [[true, 4, tilt], [null, 1]],
  ];
  for (const [outer, inner] of cases) {
    const first = so3.subgroup(outer);
    const second = first.subgroup.subgroup(inner);
    const combined = so3.subgroup(so3.combineSubgroups(outer, inner));
    assert(combined.subgroup === second.subgroup);
    for (const k of second.subgroup.testingElements) {
      assert(combined.inclusion(k).equals(first.inclusion(second.inclusion(k))), `${outer} ${inner}`);
    }
  }
});

test("so3: functions on the sphere hold each irrep once, functions on the group 2l + 1 times", () => {
  const sphere = new HomogeneousSpace(so3, [false, -1]);
  const all = new HomogeneousSpace(so3, [false, 1]);
  for (let l = 0; l <= 6; l++) {
    const trivial = [sphere, all].map(({ subgroup }) => subgroup.subgroup.trivialRepresentation);
    assertEquals(sphere.multiplicity(so3.irrep(l), trivial[0]), 1);
    assertEquals(all.multiplicity(so3.irrep(l), trivial[1]), 2 * l + 1);
  }
});

test("so3: tensor products run from |m − n| to m + n", () => {
  assertEquals(so3.tensorProductIrreps([3], [1]).map(({ irrep }) => irrep), [[2], [3], [4]]);
  const rho = so3.standardRepresentation.tensor(so3.irrep(2));
  assertEquals(rho.irreps, [[1], [2], [3]]);
  assert(rho.isOrthogonal);
});

test("refineDecomposition replaces irreps by their parts", () => {
  const swap = Float64Array.of(0, 1, 1, 0);
  const outer = { irreps: [[1]], changeOfBasis: swap };
  const { irreps, changeOfBasis } = refineDecomposition(outer, 2, [{ irreps: [[0], [2]], changeOfBasis: swap }]);
  assertEquals(irreps, [[0], [2]]);
  assertEquals([...changeOfBasis], [...identityMatrix(2)]);
});

test("so3: element takes a matrix as rows, as nine numbers, and as an array of the conversions; errors say what it takes", () => {
  const g = so3.element([0.3, -0.2, 0.9], "EV"), m = quaternionToMatrix(g.value as Quaternion);
  for (const value of [m, [...m], [[m[0], m[1], m[2]], [m[3], m[4], m[5]], [m[6], m[7], m[8]]]]) {
    assert(so3.element(value, "MAT").equals(g));
  }
  assert(so3.element(new Float64Array(g.value as Quaternion)).equals(g));
  assertThrows(
    () => so3.element([...m].map((x) => -x), "MAT"),
    GroupError,
    "expected an orthogonal matrix of determinant 1, three",
  );
  assertThrows(
    () => so3.element([1, 0, 0, 1]),
    GroupError,
    "expected a unit quaternion [x, y, z, w], the scalar last, got [1,0,0,1] in Q",
  );
  assertThrows(() => so3.element([1, 2], "ZYZ"), GroupError, "expected three angles in radians about the axes ZYZ");
  assertThrows(
    () => so3.element([1, 2, 3], "euler"),
    GroupError,
    "expected one of the parametrizations Q, MAT, EV, xyz",
  );
  assertThrows(
    () => so3.subgroup("octahedral"),
    GroupError,
    'got [octahedral]. They are "so3", "ico", "octa", "tetra", [false, N]',
  );
});
