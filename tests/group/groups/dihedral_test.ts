// D_N: its elements, parametrizations, irreps, subgroups and Clebsch-Gordan coefficients in escnn's conventions.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { dihedralGroup, GroupError } from "../../../src/group/mod.ts";
import { test } from "../../support/test.ts";

test("dihedralGroup refuses orders that are no positive integers", () => {
  assertThrows(() => dihedralGroup(0), GroupError, "dihedralGroup");
});

test("dihedral: products, the defining relation s r s = r⁻¹, and the list of elements", () => {
  const d5 = dihedralGroup(5);
  const [r, s] = [d5.element([0, 1]), d5.element([1, 0])];
  assert(s.multiply(r).multiply(s).equals(r.inverse()));
  assertEquals(r.multiply(s).value, [1, 1]);
  assertEquals(dihedralGroup(2).elements.map((g) => g.value), [[0, 0], [0, 1], [1, 0], [1, 1]]);
});

test("dihedral: ids of irreps in order, and the matrix of a reflection", () => {
  assertEquals(dihedralGroup(1).irreps().map((psi) => psi.id), [[0, 0], [1, 0]]);
  assertEquals(dihedralGroup(6).irreps().map((psi) => psi.id), [[0, 0], [1, 0], [1, 1], [1, 2], [1, 3], [0, 3]]);
  const d4 = dihedralGroup(4);
  assertEquals([...d4.irrep(1, 1).matrix(d4.element([1, 1]))].map((v) => v + 0), [0, 1, 1, 0]);
  assertEquals([...d4.irrep(1, 2).matrix(d4.element([1, 1]))], [1]);
  assertEquals([...d4.irrep(0, 2).matrix(d4.element([1, 1]))], [-1]);
});

test("dihedral: grid lists rotations, then reflections", () => {
  assertEquals(dihedralGroup(6).grid(2).map((g) => g.value), [[0, 0], [0, 3], [1, 0], [1, 3]]);
});

test("dihedral: subgroups by id", () => {
  const d6 = dihedralGroup(6);
  assertEquals(d6.subgroup([null, 3]).subgroup.name, "C3");
  assertEquals(d6.subgroup([5, 1]).subgroup.name, "C2");
  assertEquals(d6.subgroup([1, 3]).subgroup.name, "D3");
  assertEquals(d6.subgroup([1, 3]).inclusion(dihedralGroup(3).element([1, 2])).value, [1, 5]);
});
