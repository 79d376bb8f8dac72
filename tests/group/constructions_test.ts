// Direct sums, changes of basis, induced and band-limited representations, and homomorphism spaces.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  bandlimitedRegularRepresentation,
  changeBasis,
  cyclicGroup,
  dihedralGroup,
  directSum,
  disentangle,
  GroupError,
  homomorphismSpace,
  o2Group,
  so2Group,
  spectralQuotientRepresentation,
  spectralRegularRepresentation,
} from "../../src/group/mod.ts";
import type { Representation } from "../../src/group/types.ts";
import { maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import { testGroups } from "./groups.ts";

test("directSum stacks blocks, shares tags, and is pointwise only if all parts are", () => {
  const c4 = cyclicGroup(4);
  const sum = directSum([c4.irrep(1), c4.regularRepresentation]);
  assertEquals([sum.size, sum.kind], [6, "general"]);
  assertEquals([...sum.supportedNonlinearities].sort(), ["gated", "norm"]);
  assertEquals(sum.irreps, [[1], [0], [1], [2]]);
  const m = sum.matrix(c4.element(1));
  assertEquals([...m.subarray(0, 6)], [0, -1, 0, 0, 0, 0]);
  assertEquals([...m.subarray(12, 18)], [0, 0, 0, 0, 0, 1]);
  const pointwise: Representation<"pointwise"> = directSum([c4.trivialRepresentation, c4.regularRepresentation]);
  assertEquals(pointwise.kind, "pointwise");
});

test("kind: the compiler refuses irreps where pointwise representations are needed, sums and restrictions too", () => {
  const c8 = cyclicGroup(8);
  const kindOf = (rho: Representation<"pointwise">): string => rho.kind;
  assertEquals(kindOf(c8.regularRepresentation.restrict(4)), "pointwise");
  assertEquals(kindOf(c8.quotientRepresentation(2)), "pointwise");
  // @ts-expect-error an irrep need not be pointwise
  assertEquals(kindOf(c8.irrep(1)), "general");
  // @ts-expect-error nor a sum with one
  assertEquals(kindOf(directSum([c8.regularRepresentation, c8.irrep(1)])), "general");
});

test("directSum refuses nothing and mixed groups", () => {
  assertThrows(() => directSum([]), GroupError, "got none");
  assertThrows(() => directSum([cyclicGroup(4).irrep(1), cyclicGroup(8).irrep(1)]), GroupError, "C4, C8");
});

test("changeBasis refuses a matrix of the wrong size", () => {
  assertThrows(() => changeBasis(cyclicGroup(4).irrep(1), new Float64Array(3), "bad"), GroupError, "2 × 2 = 4");
});

for (const { group, subgroups } of testGroups) {
  if (group.isContinuous) continue;
  test(`inducedRepresentation: all of ${group.name} are homomorphisms and decompose to 1e-12`, () => {
    for (const id of subgroups) {
      for (const psi of group.subgroup(id).subgroup.irreps()) {
        const rho = group.inducedRepresentation(id, psi.id);
        const n = rho.size;
        assertEquals(n, group.order / group.subgroup(id).subgroup.order * psi.size);
        assert(rho.isOrthogonal);
        assertEquals(rho.constituents.reduce((sum, part) => sum + part.size, 0), n);
        for (const a of group.generators) {
          const plain = directSum(rho.constituents).matrix(a);
          const left = multiplyMatrices(rho.matrix(a), rho.changeOfBasis, n, n, n);
          assert(maximumDifference(left, multiplyMatrices(rho.changeOfBasis, plain, n, n, n)) < 1e-12, `${rho}`);
          for (const b of group.generators) {
            const product = multiplyMatrices(rho.matrix(a), rho.matrix(b), n, n, n);
            assert(maximumDifference(product, rho.matrix(a.multiply(b))) < 1e-12, `${rho}`);
          }
        }
      }
    }
  });
}

test("inducedRepresentation of O(2) from SO(2) has two cosets", () => {
  const rho = o2Group().inducedRepresentation([null, -1], [2]);
  assertEquals(rho.size, 4);
  assertEquals(rho.irreps, [[1, 2], [1, 2]]);
  assertEquals(o2Group().quotientRepresentation([null, -1]).irreps, [[0, 0], [1, 0]]);
});

test("quotientRepresentation permutes cosets by their first elements", () => {
  const d4 = dihedralGroup(4);
  const rho = d4.quotientRepresentation([0, 1]);
  assertEquals([...rho.matrix(d4.element([0, 1]))], [0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0]);
  assertEquals(rho.irreps, [[0, 0], [1, 1], [0, 2]]);
});

test("spectral representations repeat each irrep as often as it occurs in functions", () => {
  assertEquals(spectralRegularRepresentation(dihedralGroup(4), [[1, 1], [0, 0]]).irreps, [[1, 1], [1, 1], [0, 0]]);
  assertEquals(spectralRegularRepresentation(so2Group(), [[0], [3]]).irreps, [[0], [3]]);
  assertEquals(bandlimitedRegularRepresentation(o2Group(), 1).irreps, [[0, 0], [1, 0], [1, 1], [1, 1]]);
  assertEquals(bandlimitedRegularRepresentation(cyclicGroup(8), 2).irreps, [[0], [1], [2]]);
  assertEquals(spectralQuotientRepresentation(o2Group(), [0, 1], [[0, 0], [1, 0], [1, 2]]).irreps, [[0, 0], [1, 2]]);
  assertThrows(() => spectralQuotientRepresentation(o2Group(), [0, 1], [[1, 0]]), GroupError, "[1,0]");
});

test("disentangle splits what no matrix mixes, even where the change of basis is dense", () => {
  const d4 = dihedralGroup(4);
  const rotations = d4.regularRepresentation.restrict([null, 4]);
  assertEquals(disentangle(rotations), [[0, 1, 2, 3], [4, 5, 6, 7]]);
  assertEquals(disentangle(directSum([d4.irrep(1, 1), d4.irrep(0, 0)])), [[0, 1], [2]]);
  assertEquals(disentangle(d4.regularRepresentation).length, 1);
});

test("homomorphismSpace holds intertwiners, as many as Schur's lemma says", () => {
  const d3 = dihedralGroup(3);
  const [source, target] = [d3.regularRepresentation, d3.quotientRepresentation([0, 1])];
  const basis = homomorphismSpace(source, target);
  assertEquals(basis.length, 3);
  for (const a of basis) {
    for (const g of d3.elements) {
      const left = multiplyMatrices(target.matrix(g), a, 3, 3, 6);
      assert(maximumDifference(left, multiplyMatrices(a, source.matrix(g), 3, 6, 6)) < 1e-12);
    }
  }
  assertEquals(homomorphismSpace(cyclicGroup(5).irrep(1), cyclicGroup(5).irrep(1)).length, 2);
});
