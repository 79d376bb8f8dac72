// O(2): its elements, irreps of any frequency, subgroups and restrictions.

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { o2Group } from "../../../src/group/mod.ts";
import { maximumDifference, multiplyMatrices } from "../../../src/math/linear_algebra.ts";
import { test } from "../../support/test.ts";

const element = fc.tuple(fc.integer({ min: 0, max: 1 }), fc.double({ min: -20, max: 20, noNaN: true }));

test("o2: irreps are homomorphisms to 1e-12 at any elements", () => {
  const group = o2Group();
  fc.assert(fc.property(element, element, fc.integer({ min: 0, max: 9 }), (a, b, k) => {
    const [g, h] = [group.element(a), group.element(b)];
    const psi = group.irrep(1, k);
    const product = multiplyMatrices(psi.matrix(g), psi.matrix(h), psi.size, psi.size, psi.size);
    assert(maximumDifference(product, psi.matrix(g.multiply(h))) < 1e-12);
  }));
});

test("o2: restriction to a dihedral subgroup about any axis never fails", () => {
  const group = o2Group();
  fc.assert(fc.property(fc.double({ min: -9, max: 9, noNaN: true }), fc.integer({ min: 1, max: 9 }), (axis, m) => {
    const { subgroup, inclusion, restriction } = group.subgroup([axis, m]);
    for (const h of subgroup.elements) assert(restriction(inclusion(h))?.equals(h) === true);
    assertEquals(restriction(group.element([1, axis + 0.01])), undefined);
  }));
});

test("o2: grid, standard representation and subgroups", () => {
  const group = o2Group();
  assertEquals(group.grid(2).map((g) => g.value), [[0, 0], [0, Math.PI], [1, 0], [1, Math.PI]]);
  assertEquals([...group.standardRepresentation.matrix(group.element([1, 0]))].map((v) => v + 0), [1, 0, 0, -1]);
  assertEquals(group.subgroup([null, -1]).subgroup.name, "SO(2)");
  assert(group.subgroup([1.5, -1]).subgroup === group);
});
