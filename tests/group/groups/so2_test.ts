// SO(2): its elements, irreps of any frequency, subgroups and restrictions.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { so2Group } from "../../../src/group/mod.ts";
import { maximumDifference, multiplyMatrices } from "../../../src/math/linear_algebra.ts";
import { test } from "../../support/test.ts";

const angle = fc.double({ min: -50, max: 50, noNaN: true });

test("so2: irreps are homomorphisms to 1e-12 at any angles", () => {
  const group = so2Group();
  fc.assert(fc.property(angle, angle, fc.integer({ min: 0, max: 9 }), (a, b, k) => {
    const [g, h] = [group.element(a), group.element(b)];
    const psi = group.irrep(k);
    const product = multiplyMatrices(psi.matrix(g), psi.matrix(h), psi.size, psi.size, psi.size);
    assert(maximumDifference(product, psi.matrix(g.multiply(h))) < 1e-12);
  }));
});

test("so2: the same angle written differently is the same element", () => {
  const group = so2Group();
  fc.assert(fc.property(angle, fc.integer({ min: -3, max: 3 }), (a, turns) => {
    assert(group.element(a).equals(group.element(a + 2 * Math.PI * turns)));
    assert(!group.element(a).equals(group.element(a + 1e-6)));
  }));
});

test("so2: subgroups, grid and standard representation", () => {
  const group = so2Group();
  assertEquals(group.subgroup(5).subgroup.name, "C5");
  assert(group.subgroup(-1).subgroup === group);
  assertEquals(group.grid(4).map((g) => g.value), [0, Math.PI / 2, Math.PI, 3 * Math.PI / 2]);
  const m = group.standardRepresentation.matrix(group.element(Math.PI / 2));
  assertEquals([...m].map((v) => v + 0), [0, -1, 1, 0]);
});
