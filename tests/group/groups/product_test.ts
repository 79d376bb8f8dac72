// covers: src/group/groups/product.ts, src/group/groups/double.ts, src/group/groups/inversion.ts, src/group/outer_product.ts
// Direct products: pairs, irreps of all combinations of types, subgroups of the factors and of the diagonal.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  cyclicGroup,
  dihedralGroup,
  directProduct,
  DirectProductGroup,
  doubleGroup,
  GroupError,
  icosahedralGroup,
  inversionGroup,
  o2Group,
  octahedralGroup,
  randomSource,
  so2Group,
  so3Group,
} from "../../../src/group/mod.ts";
import { outerIrrep, outerMultiplicity } from "../../../src/group/outer_product.ts";
import { identityMatrix, maximumDifference, multiplyMatrices } from "../../../src/math/linear_algebra.ts";
import { test } from "../../support/test.ts";
import { quaternionGroup } from "../more_groups.ts";

test("directProduct: the same factors give the same object, a trivial factor gives the other one", () => {
  const [c2, d3] = [cyclicGroup(2), dihedralGroup(3)];
  assert(directProduct(c2, d3) === directProduct(c2, d3));
  assert(directProduct(d3, c2) !== directProduct(c2, d3));
  assert(directProduct(cyclicGroup(1), d3) === d3);
  assert(directProduct(d3, cyclicGroup(1)) === d3);
  assertEquals(directProduct(directProduct(c2, c2), d3).name, "(C2×C2)×D3");
  assert(inversionGroup() === c2);
  assert(doubleGroup(d3) === directProduct(d3, d3));
});

test("elements: the left factor is major, and positions follow", () => {
  const group = directProduct(cyclicGroup(2), cyclicGroup(3));
  assertEquals(group.elements.map((g) => g.value), [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]);
  group.elements.forEach((g, i) => assertEquals(group.indexOf(g), i));
});

test("parametrizations name pairs and convert both parts", () => {
  const group = directProduct(cyclicGroup(4), so3Group());
  const g = group.element([1, [0, 0, Math.SQRT1_2, Math.SQRT1_2]]);
  assert(group.parametrizations.includes("[radians | EV]"));
  const value = g.to("[radians | EV]");
  assert(Array.isArray(value));
  assertAlmostEquals(Number(value[0]), Math.PI / 2, 1e-15);
  assert(group.element(value, "[radians | EV]").equals(g));
  assertThrows(() => group.element([1], "[int | Q]"), GroupError, "element of C4×SO(3)");
  assertThrows(() => group.element([0.5, [0, 0, 0, 1]]), GroupError, "0.5");
  assertThrows(() => group.element([1, [0, 0, 0, 1]], "[int | int]"), GroupError, "[int | int]");
});

test("irreps of products of all types have the type that their division algebras say", () => {
  const [r, c, h] = [octahedralGroup().irrep(1), cyclicGroup(3).irrep(1), quaternionGroup.irrep(4)];
  assertEquals([r.type, c.type, h.type], ["R", "C", "H"]);
  const cases: [typeof r, typeof r, string, number, number][] = [
    [r, r, "R", 9, 1],
    [r, c, "C", 6, 1],
    [c, r, "C", 6, 1],
    [c, c, "C", 2, 2],
    [r, h, "H", 12, 1],
    [h, r, "H", 12, 1],
    [c, h, "C", 4, 1],
    [h, c, "C", 4, 1],
    [h, h, "R", 4, 1],
  ];
  for (const [a, b, type, size, count] of cases) {
    assertEquals(outerMultiplicity(a.type, b.type), count);
    assertEquals(outerIrrep(a, b, count), undefined);
    for (let i = 0; i < count; i++) {
      const outer = outerIrrep(a, b, i);
      assert(outer !== undefined);
      assertEquals([outer.type, outer.size, outer.rows], [type, size, a.size * b.size]);
      const back = outer.project(outer.embedding, size);
      assert(maximumDifference(back, identityMatrix(size)) < 1e-15, "the embedding is an isometry");
    }
  }
});

test("the two irreps of C4 × C6 from complex ones turn by the sum and the difference of the angles", () => {
  const group = directProduct(cyclicGroup(4), cyclicGroup(6));
  const g = group.element([1, 1]);
  const [sum, difference] = [Math.PI / 2 + Math.PI / 3, Math.PI / 2 - Math.PI / 3];
  [sum, difference].forEach((angle, i) => {
    const m = group.irrep([1], [1], i).matrix(g);
    const expected = [Math.cos(angle), -Math.sin(angle), Math.sin(angle), Math.cos(angle)];
    assert(maximumDifference(m, expected) < 1e-15);
  });
  assertThrows(() => group.irrep([1], [1], 2), GroupError, "[[1],[1],2]");
  assertThrows(() => group.irrep([0], [1], 1), GroupError, "[[0],[1],1]");
  assertThrows(() => group.irrep([9], [1], 0), GroupError, "[[9],[1],0]");
});

test("irreps of C2 × O(2) up to a frequency keep all of the finite factor", () => {
  const group = directProduct(cyclicGroup(2), o2Group());
  assertEquals(group.irreps(0).map((psi) => psi.id), [
    [[0], [0, 0], 0],
    [[0], [1, 0], 0],
    [[1], [0, 0], 0],
    [[1], [1, 0], 0],
  ]);
  assertEquals(group.irrep([1], [1, 3], 0).frequency, 3);
});

test("subgroup: pairs of subgroups, trivial parts vanish, other ids throw GroupError", () => {
  const group = directProduct(cyclicGroup(2), octahedralGroup());
  assert(
    group.subgroup([[2], ["tetra"]]).subgroup ===
      directProduct(cyclicGroup(2), group.subgroup([[1], ["tetra"]]).subgroup),
  );
  assert(group.subgroup([[2], [false, 1]]).subgroup === cyclicGroup(2));
  assert(group.subgroup(group.subgroupSelfId).subgroup === group);
  assert(group.subgroup(group.subgroupTrivialId).subgroup === cyclicGroup(1));
  for (const id of [["diagonal"], [[3], [false, 1]], [[2]], [[2], [false, 5]]]) {
    assertThrows(() => group.subgroup(id), GroupError, "subgroup of");
  }
});

test("combineSubgroups: the diagonal of a product of equal subgroups is a diagonal, of different ones has no id", () => {
  const group = doubleGroup(dihedralGroup(4));
  assertEquals(group.combineSubgroups([[null, 4], [null, 4]], ["diagonal"]), ["diagonal", [null, 4]]);
  assertEquals(group.combineSubgroups(["diagonal"], [1, 2]), ["diagonal", [1, 2]]);
  assertEquals(group.combineSubgroups(["diagonal", [0, 2]], [null, 2]), ["diagonal", [null, 2]]);
  assertThrows(() => group.combineSubgroups([[0, 2], [1, 2]], ["diagonal"]), GroupError, "combineSubgroups");
});

test("restriction to the diagonal is the tensor product, in SO(3) × SO(3) by Clebsch and Gordan", () => {
  const double = doubleGroup(so3Group());
  assertEquals(double.restrictIrrep("diagonal", [[2], [1], 0]).irreps, [[1], [2], [3]]);
  assertEquals(double.restrictIrrep(["diagonal", [false, -1]], [[1], [1], 0]).irreps.length, 6);
});

test("products: homomorphism at random elements of continuous products, to 1e-12", () => {
  const groups = [
    directProduct(cyclicGroup(3), so3Group()),
    doubleGroup(so2Group()),
    directProduct(o2Group(), icosahedralGroup()),
  ];
  fc.assert(
    fc.property(fc.constantFrom(...groups), fc.nat(), (group, seed) => {
      const random = randomSource(seed);
      const [a, b] = [group.sample(random), group.sample(random)];
      assert(group instanceof DirectProductGroup);
      for (const psi of group.irreps(2)) {
        const product = multiplyMatrices(psi.matrix(a), psi.matrix(b), psi.size, psi.size, psi.size);
        assert(maximumDifference(product, psi.matrix(a.multiply(b))) < 1e-12, `${psi}`);
      }
    }),
    { numRuns: 20 },
  );
});

test("subgroup says that ids are pairs", () => {
  const group = directProduct(cyclicGroup(2), cyclicGroup(4));
  assertThrows(
    () => group.subgroup("octa"),
    GroupError,
    "They are pairs of ids, of a subgroup of C2 and of one of C4: [[2], [4]] is the",
  );
});
