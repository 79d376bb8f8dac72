// covers: src/group/finite_group.ts, src/group/find_irreps.ts, src/group/split.ts, src/group/table_group.ts
// Groups of the user's own: irreps against known character tables, subgroups, and tables that are no groups.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  cyclicGroup,
  dihedralGroup,
  finiteGroup,
  type Group,
  GroupError,
  icosahedralGroup,
  matrixGroup,
  octahedralGroup,
} from "../../src/group/mod.ts";
import { findIrreps, isFaithful } from "../../src/group/find_irreps.ts";
import { charactersOf, splitRepresentation } from "../../src/group/split.ts";
import { closure, completeTable, matricesFromGenerators } from "../../src/group/table_group.ts";
import { isOrthogonal, maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import {
  binaryTetrahedralGroup,
  quaternionGroup,
  quaternionMatrix,
  symmetricGroup4,
  symmetricTable,
} from "./more_groups.ts";

function tableOf(group: Group): number[][] {
  return group.elements.map((a) => group.elements.map((b) => group.indexOf(a.multiply(b))));
}

function kinds(group: Group): string[] {
  return group.irreps().map((psi) => `${psi.size}${psi.type}`);
}

test("finiteGroup finds the irreps of S3, S4, S5, A5, Q8, D6, C7 by their known dimensions and types", () => {
  assertEquals(kinds(finiteGroup(symmetricTable(3), { name: "S3" })), ["1R", "1R", "2R"]);
  assertEquals(kinds(symmetricGroup4), ["1R", "1R", "2R", "3R", "3R"]);
  assertEquals(kinds(finiteGroup(symmetricTable(5), { name: "S5" })), ["1R", "1R", "4R", "4R", "5R", "5R", "6R"]);
  assertEquals(kinds(finiteGroup(tableOf(icosahedralGroup()), { name: "A5" })), ["1R", "3R", "3R", "4R", "5R"]);
  assertEquals(kinds(finiteGroup(tableOf(quaternionGroup), { name: "Q8 by table" })), ["1R", "1R", "1R", "1R", "4H"]);
  assertEquals(kinds(finiteGroup(tableOf(dihedralGroup(6)))), ["1R", "1R", "1R", "1R", "2R", "2R"]);
  assertEquals(kinds(finiteGroup(tableOf(cyclicGroup(7)))), ["1R", "2C", "2C", "2C"]);
  assertEquals(kinds(finiteGroup([[0]])), ["1R"]);
});

test("finiteGroup finds characters equal to those of the same group in closed form, to 1e-12", () => {
  for (const group of [octahedralGroup(), dihedralGroup(5), cyclicGroup(6), icosahedralGroup()]) {
    const own = finiteGroup(tableOf(group), { name: `${group.name} by table` });
    const lists = [group, own].map((g) => g.irreps().map((psi) => g.elements.map((e) => psi.character(e))));
    for (const row of lists[0]) {
      assert(
        lists[1].some((other) => maximumDifference(row, other) < 1e-12),
        `a character of ${group.name} is missing`,
      );
    }
    assertEquals(lists[0].length, lists[1].length);
  }
});

test("matrixGroup: the binary tetrahedral and icosahedral groups have irreps of their known types", () => {
  assertEquals(kinds(binaryTetrahedralGroup), ["1R", "2C", "3R", "4H", "4C"]);
  const phi = (1 + Math.sqrt(5)) / 2;
  const icosians = matrixGroup(
    [quaternionMatrix(0.5, 0.5, 0.5, 0.5), quaternionMatrix(0.5, 0, 0.5 / phi, phi / 2)],
    4,
    { name: "2I" },
  );
  assertEquals(icosians.order, 120);
  assertEquals(kinds(icosians), ["1R", "3R", "3R", "4H", "4R", "4H", "5R", "8H", "12H"]);
  for (const psi of icosians.irreps()) {
    for (const g of icosians.generators) {
      assert(isOrthogonal(psi.matrix(g), psi.size, 1e-12));
      for (const h of icosians.elements) {
        const product = multiplyMatrices(psi.matrix(g), psi.matrix(h), psi.size, psi.size, psi.size);
        assert(maximumDifference(product, psi.matrix(g.multiply(h))) < 1e-12, `${psi}`);
      }
    }
  }
});

test("matrixGroup: values are positions or matrices, and the matrices are its natural representation", () => {
  const group = matrixGroup([Float64Array.of(0, -1, 1, 0), Float64Array.of(1, 0, 0, -1)], 2, { name: "B2" });
  assertEquals([group.order, group.isAbelian], [8, false]);
  const mirror = group.element([[1, 0], [0, -1]], "MAT");
  assert(mirror.multiply(mirror).isIdentity());
  assertEquals(mirror.to("MAT"), [[1, 0], [0, -1]]);
  assertEquals([...group.naturalRepresentation.matrix(mirror)], [1, 0, 0, -1]);
  assertEquals(group.naturalRepresentation.irreps.length, 1);
  assertThrows(() => group.element([[2, 0], [0, 1]], "MAT"), GroupError, "MAT");
  assertThrows(() => group.element(8), GroupError, "8 in index");
  assertThrows(() => symmetricGroup4.naturalRepresentation, GroupError, "multiplication table");
  assert(group === matrixGroup([Float64Array.of(0, -1, 1, 0), Float64Array.of(1, 0, 0, -1)], 2, { name: "B2" }));
});

test("matrixGroup refuses matrices that are not orthogonal, and groups without end", () => {
  assertThrows(() => matrixGroup([Float64Array.of(1, 1, 0, 1)], 2), GroupError, "generator 0: 1, 1, 0, 1");
  assertThrows(() => matrixGroup([Float64Array.of(1, 0, 0)], 2), GroupError, "2 × 2 numbers");
  const [c, s] = [Math.cos(1), Math.sin(1)];
  assertThrows(() => matrixGroup([Float64Array.of(c, -s, s, c)], 2), GroupError, "at most 4096");
});

test("finiteGroup refuses tables that are no group, and names what is wrong", () => {
  const cases: [number[][], string][] = [
    [[], "empty"],
    [[[0, 1], [1]], "a row 1 of 1"],
    [[[0, 1], [1, 2]], "2 at [1][1]"],
    [[[0, 1], [1, 0.5]], "0.5 at [1][1]"],
    [[[0, 1], [1, 1]], "1 twice in row 1"],
    [[[0, 1], [0, 1]], "0 twice in column 0"],
    [[[1, 2, 0], [0, 1, 2], [2, 0, 1]], "a table without one"],
    // A loop of order 5 with an identity that is not associative.
    [[[0, 1, 2, 3, 4], [1, 0, 3, 4, 2], [2, 4, 0, 1, 3], [3, 2, 4, 0, 1], [4, 3, 1, 2, 0]], "associative"],
  ];
  for (const [table, message] of cases) assertThrows(() => finiteGroup(table), GroupError, message);
});

test("finiteGroup takes any relabelling of a group, the identity anywhere", () => {
  const source = dihedralGroup(4);
  fc.assert(
    fc.property(fc.shuffledSubarray([0, 1, 2, 3, 4, 5, 6, 7], { minLength: 8 }), (order) => {
      const place = order.map((_, i) => order.indexOf(i));
      const table = order.map((a) =>
        order.map((b) => place[source.indexOf(source.elements[a].multiply(source.elements[b]))])
      );
      const group = finiteGroup(table, { name: `D4 as ${order.join("")}` });
      assertEquals(kinds(group), ["1R", "1R", "1R", "1R", "2R"]);
      assert(group.identity.multiply(group.elements[3]).equals(group.elements[3]));
    }),
    { numRuns: 15 },
  );
});

test("subgroups: ids list generators and become the smallest ones; equal subgroups are one object", () => {
  const group = symmetricGroup4;
  const four = group.elements.find((g) => {
    const square = g.multiply(g);
    return !square.isIdentity() && square.multiply(square).isIdentity();
  });
  assert(four !== undefined);
  const at = group.indexOf(four);
  const { id, subgroup, inclusion, restriction } = group.subgroup([at]);
  assertEquals(subgroup.order, 4);
  assert(group.subgroup([group.indexOf(four.inverse())]).subgroup === subgroup);
  assertEquals(group.subgroup([group.indexOf(four.inverse())]).id, id);
  assert(group.subgroup(group.subgroupSelfId).subgroup === group);
  assert(group.subgroup(group.subgroupTrivialId).subgroup === cyclicGroup(1));
  assert(restriction(inclusion(subgroup.elements[2]))?.equals(subgroup.elements[2]));
  assertEquals(kinds(subgroup), ["1R", "1R", "2C"]);
  for (const bad of [[24], [-1], [0.5], ["all"], []]) {
    assertThrows(() => group.subgroup(bad), GroupError, "subgroup of S4");
  }
});

test("everything works on a group of the user's own: regular, quotient, induced, tensor, Clebsch-Gordan", () => {
  const group = binaryTetrahedralGroup;
  assertEquals(group.regularRepresentation.size, 24);
  const half = group.irrep(3);
  assertEquals([half.size, half.type], [4, "H"]);
  const square = half.tensor(half);
  for (const g of group.generators) {
    const n = square.size;
    const plain = multiplyMatrices(square.changeOfBasis, square.changeOfBasisInverse, n, n, n);
    assertAlmostEquals(plain[0], 1, 1e-12);
    assertAlmostEquals(square.character(g), half.character(g) * half.character(g), 1e-12);
  }
  assertEquals(square.multiplicity([0]), 4);
  assertEquals(square.multiplicity([2]), 4);
  assertEquals(
    group.inducedRepresentation([1], [1]).size,
    24 / group.subgroup([1]).subgroup.order * group.subgroup([1]).subgroup.irrep(1).size,
  );
});

test("splitRepresentation: the regular representation of Q8 holds each real irrep once, the quaternions once", () => {
  const rho = {
    size: 8,
    matrices: quaternionGroup.elements.map((g) => quaternionGroup.regularRepresentation.matrix(g)),
  };
  const parts = splitRepresentation(quaternionGroup.table, rho);
  assertEquals(parts.map(({ size, type }) => `${size}${type}`).sort(), ["1R", "1R", "1R", "1R", "4H"]);
  assert(isFaithful(quaternionGroup.table, rho));
  assert(!isFaithful(quaternionGroup.table, { size: 1, matrices: rho.matrices.map(() => Float64Array.of(1)) }));
  assertEquals(charactersOf(rho)[0], 8);
  assertEquals(findIrreps(quaternionGroup.table, rho).map(({ frequency }) => frequency), [0, 1, 1, 1, 1]);
});

test("matricesFromGenerators and closure: words reach all elements, or GroupError says how many", () => {
  const table = completeTable(Int32Array.of(0, 1, 2, 1, 2, 0, 2, 0, 1), 3);
  assertEquals([table.identity, [...table.inverses], table.isAbelian], [0, [0, 2, 1], true]);
  assertEquals(closure(table, [1]), [0, 1, 2]);
  const matrices = matricesFromGenerators(table, [1], [Float64Array.of(2)], 1);
  assertEquals(matrices.map((m) => m[0]), [1, 2, 4]);
  assertThrows(() => matricesFromGenerators(table, [0], [Float64Array.of(1)], 1), GroupError, "generators of 1");
});
