// C_N: its elements, parametrizations, irreps, subgroups and Clebsch-Gordan coefficients in escnn's conventions.

import { assertEquals, assertThrows } from "@std/assert";
import { cyclicGroup, GroupError } from "../../../src/group/mod.ts";
import { test } from "../../support/test.ts";

test("cyclicGroup refuses orders that are no positive integers", () => {
  for (const n of [0, -3, 2.5, NaN]) assertThrows(() => cyclicGroup(n), GroupError, String(n));
});

test("cyclic: a quarter turn as matrix is not the identity", () => {
  const c4 = cyclicGroup(4);
  assertEquals(c4.element([[0, -1], [1, 0]], "MAT").value, 1);
  assertEquals(c4.element(3 * Math.PI / 2, "radians").value, 3);
  assertEquals(c4.element(-1).value, 3);
});

test("cyclic: irreps, their types and the exact matrix of a quarter turn", () => {
  const c8 = cyclicGroup(8);
  assertEquals(c8.irreps().map((psi) => [psi.id, psi.size, psi.type]), [
    [[0], 1, "R"],
    [[1], 2, "C"],
    [[2], 2, "C"],
    [[3], 2, "C"],
    [[4], 1, "R"],
  ]);
  assertEquals([...c8.irrep(2).matrix(c8.element(1))].map((v) => v + 0), [0, -1, 1, 0]);
  assertEquals([...c8.irrep(4).matrix(c8.element(3))], [-1]);
});

test("cyclic: grid", () => {
  assertEquals(cyclicGroup(12).grid(4).map((g) => g.value), [0, 3, 6, 9]);
  assertThrows(() => cyclicGroup(12).grid(5), GroupError, "divides 12");
});

test("cyclic: Clebsch-Gordan of irreps 1 and 1 of C3 has escnn's numbers", () => {
  const h = Math.SQRT1_2;
  assertEquals([...cyclicGroup(3).clebschGordan([1], [1], [0]).coefficients], [h, 0, 0, -h, 0, h, h, 0]);
});
