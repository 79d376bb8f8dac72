// covers: src/group/groups/polyhedral.ts, src/group/groups/tetrahedral.ts, src/group/groups/octahedral.ts,
// src/group/groups/icosahedral.ts, src/group/groups/full_tetrahedral.ts
// Polyhedral groups as rotations of space: their elements, irreps by known characters, permutations of vertices, faces, edges.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  cyclicGroup,
  dihedralGroup,
  fullTetrahedralGroup,
  GroupError,
  icosahedralGroup,
  octahedralGroup,
  type PolyhedralGroup,
  quaternionToMatrix,
  tetrahedralGroup,
} from "../../../src/group/mod.ts";
import { exactRotations } from "../../../src/group/groups/polyhedral.ts";
import { multiplyQuaternions, sameRotation } from "../../../src/group/rotations.ts";
import { maximumDifference, multiplyMatrices } from "../../../src/math/linear_algebra.ts";
import { test } from "../../support/test.ts";

const [tetra, octa, ico, full] = [tetrahedralGroup(), octahedralGroup(), icosahedralGroup(), fullTetrahedralGroup()];
const rotationGroups: readonly PolyhedralGroup[] = [tetra, octa, ico];
const phi = (1 + Math.sqrt(5)) / 2;

for (const group of rotationGroups) {
  test(`${group.name}: the exact table agrees with products of quaternions at all pairs`, () => {
    for (const a of group.elements) {
      for (const b of group.elements) {
        const product = multiplyQuaternions(group.quaternions[group.indexOf(a)], group.quaternions[group.indexOf(b)]);
        assert(sameRotation(group.quaternions[group.indexOf(a.multiply(b))], product, 1e-14));
      }
    }
  });

  test(`${group.name}: the standard representation is the rotation of (x, y, z), irrep 1 inside, to 1e-14`, () => {
    const rho = group.standardRepresentation;
    for (const g of group.elements) {
      const m = rho.matrix(g);
      assert(maximumDifference(m, quaternionToMatrix(group.quaternions[group.indexOf(g)])) < 1e-14);
      const inner = multiplyMatrices(rho.changeOfBasis, group.irrep(1).matrix(g), 3, 3, 3);
      assert(maximumDifference(multiplyMatrices(m, rho.changeOfBasis, 3, 3, 3), inner) < 1e-14);
    }
  });

  test(`${group.name}: begins with the twelve rotations of the tetrahedron`, () => {
    tetra.elements.forEach((g, i) => assert(sameRotation(group.quaternions[i], tetra.quaternions[tetra.indexOf(g)])));
    const { inclusion } = group.subgroup("tetra");
    assertEquals(tetra.elements.map((g) => group.indexOf(inclusion(g))), tetra.elements.map((_, i) => i));
  });
}

test("element: q and −q, matrices, rotation vectors and Euler angles give the element, others GroupError", () => {
  const quarter = octa.element([0, 0, Math.SQRT1_2, Math.SQRT1_2]);
  assert(octa.element([0, 0, -Math.SQRT1_2, -Math.SQRT1_2]).equals(quarter));
  assert(octa.element([[0, -1, 0], [1, 0, 0], [0, 0, 1]], "MAT").equals(quarter));
  assert(octa.element([0, 0, Math.PI / 2], "EV").equals(quarter));
  assert(octa.element([0, 0, Math.PI / 2], "xyz").equals(quarter));
  assertThrows(() => octa.element([0, 0, 0.6, 0.8]), GroupError, "0.6");
  assertThrows(() => octa.element([[0, 1, 0], [1, 0, 0], [0, 0, 1]], "MAT"), GroupError, "MAT");
  assertThrows(() => tetra.element([0, 0, Math.SQRT1_2, Math.SQRT1_2]), GroupError, "element of T");
});

test("irreps of O have the characters of the cube's character table", () => {
  // Classes: identity, 8 thirds, 3 half turns about axes, 6 quarters, 6 half turns about edges.
  const classes = [
    [0, 0, 0, 1],
    [0.5, 0.5, 0.5, 0.5],
    [0, 0, 1, 0],
    [0, 0, Math.SQRT1_2, Math.SQRT1_2],
    [Math.SQRT1_2, Math.SQRT1_2, 0, 0],
  ].map((q) => octa.element(q));
  const table: [number, number[]][] = [
    [0, [1, 1, 1, 1, 1]],
    [1, [3, 0, -1, 1, -1]],
    [-1, [3, 0, -1, -1, 1]],
    [2, [2, -1, 2, 0, 0]],
    [3, [1, 1, 1, -1, -1]],
  ];
  for (const [id, row] of table) {
    classes.forEach((g, i) => assertAlmostEquals(octa.irrep(id).character(g), row[i], 1e-14));
  }
  assertEquals(octa.conjugacyClasses.map((c) => c.length).sort((a, b) => a - b), [1, 3, 6, 6, 8]);
});

test("irreps of I have the characters of the icosahedron's character table", () => {
  // Classes: identity, fifths, two fifths, thirds, half turns.
  const fifth = ico.elements[20];
  const classes = [ico.identity, fifth, fifth.multiply(fifth), ico.elements[7], ico.elements[0]];
  const table: [number, number[]][] = [
    [0, [1, 1, 1, 1, 1]],
    [1, [3, phi, 1 - phi, 0, -1]],
    [2, [5, 0, 0, -1, 1]],
    [3, [3, 1 - phi, phi, 0, -1]],
    [4, [4, -1, -1, 1, 0]],
  ];
  for (const [id, row] of table) {
    classes.forEach((g, i) => assertAlmostEquals(ico.irrep(id).character(g), row[i], 1e-14));
  }
});

test("vertices, faces and edges: permutations of the right number of things, each with its stabilizer", () => {
  const sizes = [ico.verticesRepresentation, ico.facesRepresentation, ico.edgesRepresentation].map((r) => r.size);
  assertEquals(sizes, [12, 20, 30]);
  assertEquals(ico.verticesRepresentation.irreps, [[0], [1], [2], [3]]);
  const cube = [octa.verticesRepresentation, octa.facesRepresentation, octa.edgesRepresentation];
  assertEquals(cube.map((r) => r.size), [8, 6, 12]);
  assertEquals(octa.facesRepresentation.irreps, [[0], [1], [2]]);
  assertEquals(octa.edgesRepresentation.irreps, [[0], [1], [-1], [-1], [2]]);
});

test("subgroup ids name dihedral groups, both kinds of half turns, and conjugates by their first id", () => {
  assert(octa.subgroup([true, 4]).subgroup === dihedralGroup(4));
  assert(octa.subgroup([true, 1]).subgroup === cyclicGroup(2));
  const edge = octa.subgroup([Math.PI / 2, 1]).inclusion(cyclicGroup(2).element(1));
  assert(edge.equals(octa.element([Math.SQRT1_2, Math.SQRT1_2, 0, 0])));
  const adjoint = octa.elements[7];
  const { id, inclusion } = octa.subgroup([false, 4, adjoint]);
  const quarter = octa.element([0, 0, Math.SQRT1_2, Math.SQRT1_2]);
  assert(inclusion(cyclicGroup(4).element(1)).equals(adjoint.inverse().multiply(quarter).multiply(adjoint)));
  assertEquals(octa.subgroup(id).id, id);
  // Conjugation by an element of the subgroup itself changes nothing.
  assertEquals(octa.subgroup([false, 4, quarter]).id, [false, 4]);
  for (const bad of [[false, 5], [true, 6], ["ico"], [0.3, 2], [false, 4, ico.elements[3]]]) {
    assertThrows(() => octa.subgroup(bad), GroupError, "subgroup of O");
  }
});

test("Td: 6 mirrors, 6 quarter turns with inversion; vectors are polar, the rotations tetrahedral", () => {
  const rho = full.standardRepresentation;
  let [mirrors, rotoreflections] = [0, 0];
  for (const g of full.elements) {
    const m = rho.matrix(g);
    const determinant = m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) +
      m[2] * (m[3] * m[7] - m[4] * m[6]);
    const trace = rho.character(g);
    if (determinant < 0) Math.abs(trace - 1) < 1e-12 ? mirrors += 1 : rotoreflections += 1;
    assertAlmostEquals(determinant, full.indexOf(g) < 12 ? 1 : -1, 1e-12);
    for (const h of full.elements) {
      const product = multiplyMatrices(m, rho.matrix(h), 3, 3, 3);
      assert(maximumDifference(product, rho.matrix(g.multiply(h))) < 1e-14);
    }
    const vertex = [m[0] + m[1] + m[2], m[3] + m[4] + m[5], m[6] + m[7] + m[8]];
    assert(vertex[0] * vertex[1] * vertex[2] > 0.99, "the vertices of the tetrahedron move to vertices");
  }
  assertEquals([mirrors, rotoreflections], [6, 6]);
  assertEquals(rho.irreps, [[-1]]);
  assert(full.element([1, [0, 0, Math.SQRT1_2, Math.SQRT1_2]]).multiply(full.identity).to("EV") !== undefined);
  assertThrows(() => full.element([0, [0, 0, Math.SQRT1_2, Math.SQRT1_2]]), GroupError, "element of Td");
  assertEquals(full.subgroup([false, 4]).subgroup.name, "C4");
  assertEquals(full.restrictIrrep([false, 4], [-1]).irreps, octa.restrictIrrep([false, 4], [-1]).irreps);
});

test("polyhedral groups: axioms and homomorphism at any elements, to 1e-14", () => {
  fc.assert(fc.property(
    fc.constantFrom(tetra, octa, ico, full),
    fc.nat(),
    fc.nat(),
    fc.nat(),
    (group, i, j, k) => {
      const [a, b, c] = [i, j, k].map((n) => group.elements[n % group.order]);
      assert(a.multiply(b).multiply(c).equals(a.multiply(b.multiply(c))));
      assert(a.multiply(b).inverse().equals(b.inverse().multiply(a.inverse())));
      for (const psi of group.irreps()) {
        const product = multiplyMatrices(psi.matrix(a), psi.matrix(b), psi.size, psi.size, psi.size);
        assert(maximumDifference(product, psi.matrix(a.multiply(b))) < 1e-14);
      }
    },
  ));
});

test("elements of different polyhedral groups do not mix: GroupError names both", () => {
  assertThrows(() => octa.elements[1].multiply(ico.elements[1]), GroupError, "an element of O");
  assertThrows(() => octa.irrep(1).matrix(ico.elements[1]), GroupError, "I(");
  assertThrows(() => octa.irrep(4), GroupError, "[4]");
});

test("exactRotations refuses rows whose products lie outside", () => {
  const letters = { "0": [0, 0], "1": [2, 0], a: [1, 0] } as const;
  assertThrows(
    () => exactRotations({ radicand: 0, denominator: 2, letters, rows: "0 0 0 1,a a a a" }),
    TypeError,
    "outside the list",
  );
});
