// Representations as Q (⊕ ψ) Q⁻¹: restriction, tensor products, comparison by meaning, and singular changes of basis.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  changeBasis,
  cyclicGroup,
  dihedralGroup,
  directSum,
  GroupError,
  MatrixRepresentation,
  o2Group,
  so2Group,
} from "../../src/group/mod.ts";
import type { Representation } from "../../src/group/types.ts";
import { identityMatrix, maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

// ρ(g) from irreps and change of basis alone.
function fromIrreps(rho: Representation, g: Parameters<Representation["matrix"]>[0]): Float64Array {
  const plain = new MatrixRepresentation({
    group: rho.group,
    name: "by irreps",
    size: rho.size,
    irreps: rho.irreps,
    changeOfBasis: rho.changeOfBasis,
    kind: "general",
    supportedNonlinearities: [],
  });
  return plain.matrix(g);
}

test("restrict: matrices are those of the included elements and agree with the decomposition to 1e-12", () => {
  const d6 = dihedralGroup(6);
  for (const rho of [d6.regularRepresentation, d6.irrep(1, 1), d6.quotientRepresentation([1, 2])]) {
    for (const id of [[null, 6], [null, 3], [2, 3], [4, 1], [0, 6], [null, 1]]) {
      const restricted = rho.restrict(id);
      const { inclusion, subgroup } = d6.subgroup(id);
      assert(restricted.group === subgroup);
      assertEquals(restricted.kind, rho.kind);
      for (const h of subgroup.elements) {
        assertEquals([...restricted.matrix(h)], [...rho.matrix(inclusion(h))]);
        assert(maximumDifference(fromIrreps(restricted, h), restricted.matrix(h)) < 1e-12);
      }
      assert(rho.restrict(id) === restricted);
    }
  }
});

test("tensor: the Kronecker product, decomposed to 1e-12", () => {
  const c6 = cyclicGroup(6);
  const d4 = dihedralGroup(4);
  const pairs: [Representation, Representation][] = [
    [c6.irrep(1), c6.irrep(2)],
    [c6.regularRepresentation, c6.irrep(1)],
    [d4.irrep(1, 1), d4.irrep(1, 1)],
    [d4.quotientRepresentation([0, 1]), d4.irrep(0, 2)],
    [o2Group().irrep(1, 1), directSum([o2Group().irrep(1, 2), o2Group().irrep(1, 0)])],
  ];
  for (const [a, b] of pairs) {
    const product = a.tensor(b);
    assertEquals(product.size, a.size * b.size);
    assert(product.isOrthogonal);
    for (const g of a.group.testingElements) {
      assert(maximumDifference(fromIrreps(product, g), product.matrix(g)) < 1e-12, `${product} at ${g}`);
    }
  }
  assertEquals(c6.regularRepresentation.tensor(c6.regularRepresentation).kind, "pointwise");
});

test("equals compares groups and matrices, not names", () => {
  const c4 = cyclicGroup(4);
  const regular = c4.regularRepresentation;
  assert(regular.equals(c4.quotientRepresentation(1)));
  assert(!regular.equals(directSum([c4.irrep(0), c4.irrep(1), c4.irrep(2)])));
  assert(!regular.equals(cyclicGroup(8).regularRepresentation));
  const permuted = changeBasis(directSum([c4.irrep(1), c4.irrep(0)]), Float64Array.of(0, 0, 1, 1, 0, 0, 0, 1, 0), "p");
  assert(permuted.equals(directSum([c4.irrep(0), c4.irrep(1)])));
  assert(so2Group().irrep(2).equals(directSum([so2Group().irrep(2)])));
  assert(!so2Group().irrep(2).equals(so2Group().irrep(3)));
});

test("multiplicity, containsTrivial and isTrivial", () => {
  const c8 = cyclicGroup(8);
  assertEquals(c8.regularRepresentation.multiplicity([2]), 1);
  assertEquals(dihedralGroup(3).regularRepresentation.multiplicity([1, 1]), 2);
  assert(c8.regularRepresentation.containsTrivial());
  assert(!c8.irrep(1).containsTrivial());
  assert(c8.trivialRepresentation.isTrivial());
  assert(!c8.regularRepresentation.isTrivial());
});

test("changeOfBasisInverse inverts a change of basis that is not orthogonal", () => {
  const rho = changeBasis(cyclicGroup(3).irrep(1), Float64Array.of(2, 1, 0, 1), "sheared");
  assert(!rho.isOrthogonal);
  const product = multiplyMatrices(rho.changeOfBasis, rho.changeOfBasisInverse, 2, 2, 2);
  assert(maximumDifference(product, identityMatrix(2)) < 1e-15);
  const g = cyclicGroup(3).element(1);
  assert(Math.abs(rho.character(g) - cyclicGroup(3).irrep(1).character(g)) < 1e-14);
});

test("a singular change of basis throws GroupError", () => {
  const flat = Float64Array.of(1, 1, 1, 1);
  assertThrows(() => changeBasis(cyclicGroup(3).irrep(1), flat, "flat"), GroupError, "singular one [[1,1],[1,1]]");
  const rho = new MatrixRepresentation({
    group: cyclicGroup(3),
    name: "flat",
    size: 2,
    irreps: [[1]],
    changeOfBasis: flat,
    kind: "general",
    supportedNonlinearities: [],
  });
  assertThrows(() => rho.changeOfBasisInverse, GroupError, "singular");
});

test("matrix refuses an element of another group and says what to do", () => {
  const error = assertThrows(() => cyclicGroup(4).irrep(1).matrix(cyclicGroup(8).element(2)), GroupError);
  assertStringIncludes(error.message, "an element of C4, got C8(2)");
  assertStringIncludes(error.message, "inclusion or restriction");
});

test("tensor refuses representations of different groups", () => {
  assertThrows(() => cyclicGroup(4).irrep(1).tensor(cyclicGroup(8).irrep(1)), GroupError, "C8");
});

test("supportedNonlinearities are escnn's tags", () => {
  const tags = (rho: Representation): string[] => [...rho.supportedNonlinearities].sort();
  assertEquals(tags(cyclicGroup(4).trivialRepresentation), ["concatenated", "gate", "gated", "norm", "pointwise"]);
  assertEquals(tags(cyclicGroup(4).irrep(2)), ["concatenated", "gated", "norm"]);
  assertEquals(tags(cyclicGroup(4).irrep(1)), ["gated", "norm"]);
  assertEquals(tags(cyclicGroup(4).regularRepresentation), [
    "concatenated",
    "gated",
    "norm",
    "pointwise",
    "vectorfield",
  ]);
  assertEquals(tags(dihedralGroup(4).regularRepresentation), ["concatenated", "gated", "norm", "pointwise"]);
  assertEquals(tags(dihedralGroup(4).inducedRepresentation([null, 4], [1])), [
    "gated",
    "induced_gated_2",
    "induced_norm_2",
    "norm",
  ]);
});
