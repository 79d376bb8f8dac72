// Cosets and Fourier bases on quotients, counted by Frobenius reciprocity.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { dihedralGroup, GroupError, HomogeneousSpace, o2Group, so2Group } from "../../src/group/mod.ts";
import { maximumDifference, multiplyMatrices, transposeMatrix } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import { irrepsOf, testGroups } from "./groups.ts";

test("representatives and locate: every element is its representative times an element of the subgroup", () => {
  const d6 = dihedralGroup(6);
  const space = new HomogeneousSpace(d6, [1, 2]);
  assertEquals(space.representatives.map((r) => r.value), [[0, 0], [0, 1], [0, 2]]);
  for (const g of d6.elements) {
    const { index, rest } = space.locate(g);
    const r = space.representatives[index];
    assert(r.multiply(space.subgroup.inclusion(rest)).equals(g));
    assert(space.sameCoset(r, g));
  }
});

test("representatives of infinitely many cosets throw GroupError", () => {
  assertThrows(() => new HomogeneousSpace(so2Group(), 4).representatives, GroupError, "finite index");
  assertEquals(new HomogeneousSpace(o2Group(), [null, -1]).representatives.map((r) => r.value), [[0, 0], [1, 0]]);
});

for (const entry of testGroups) {
  test(`intertwiners: in ${entry.group.name} they intertwine, are orthogonal, and count by Frobenius reciprocity`, () => {
    for (const id of entry.subgroups) {
      const space = new HomogeneousSpace(entry.group, id);
      const inner = space.subgroup.subgroup;
      for (const psi of inner.irreps(entry.frequency)) {
        let cosets = 0;
        for (const rho of irrepsOf(entry)) {
          const [d, w] = [rho.size, psi.size];
          const basis = space.intertwiners(rho, psi);
          cosets += basis.length * d;
          for (const b of basis) {
            const squares = multiplyMatrices(transposeMatrix(b, d, w), b, w, d, w);
            let trace = 0;
            for (let i = 0; i < w; i++) trace += squares[i * w + i];
            assert(Math.abs(trace - w) < 1e-12);
            for (const h of inner.testingElements) {
              const left = multiplyMatrices(rho.matrix(space.subgroup.inclusion(h)), b, d, d, w);
              assert(maximumDifference(left, multiplyMatrices(b, psi.matrix(h), d, w, w)) < 1e-12);
            }
          }
          assertEquals(
            space.allIntertwiners(rho, psi).length,
            basis.length * rho.endomorphismCount,
          );
        }
        if (!entry.group.isContinuous) assertEquals(cosets, entry.group.order / inner.order * psi.size);
      }
    }
  });
}
