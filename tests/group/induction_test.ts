// Induction from any representation of a subgroup: against induced irreps, in stages, and by Frobenius reciprocity.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  changeBasis,
  cyclicGroup,
  dihedralGroup,
  directProduct,
  directSum,
  GroupError,
  icosahedralGroup,
  induceRepresentation,
  o2Group,
  octahedralGroup,
  type Representation,
  so2Group,
  so3Group,
  tetrahedralGroup,
} from "../../src/group/mod.ts";
import { maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

// That the matrices are a homomorphism and agree with Q (⊕ ψ) Q⁻¹.
function assertRepresentation(rho: Representation): void {
  const n = rho.size;
  for (const g of rho.group.generators) {
    const plain = directSum(rho.constituents).matrix(g);
    const left = multiplyMatrices(rho.matrix(g), rho.changeOfBasis, n, n, n);
    assert(maximumDifference(left, multiplyMatrices(rho.changeOfBasis, plain, n, n, n)) < 1e-12, `${rho} at ${g}`);
    for (const h of rho.group.generators) {
      const product = multiplyMatrices(rho.matrix(g), rho.matrix(h), n, n, n);
      assert(maximumDifference(product, rho.matrix(g.multiply(h))) < 1e-12, `${rho} at ${g}, ${h}`);
    }
  }
}

test("induceRepresentation from a sum in another basis is a representation with the sum of the contents", () => {
  const octa = octahedralGroup();
  const c4 = cyclicGroup(4);
  const sum = directSum([c4.irrep(1), c4.irrep(2), c4.irrep(0)]);
  const mixed = changeBasis(
    sum,
    Float64Array.of(1, 2, 0, 1, 0, 1, 1, 0, 0, 0, 2, 1, 1, 0, 0, 3),
    "mixed",
  );
  const induced = induceRepresentation(octa, [false, 4], mixed);
  assertEquals([induced.size, induced.kind], [24, "general"]);
  assertRepresentation(induced);
  for (const psi of octa.irreps()) {
    const parts = sum.irreps.map((id) => octa.inducedRepresentation([false, 4], id).multiplicity(psi.id));
    assertEquals(induced.multiplicity(psi.id), parts.reduce((a, b) => a + b));
  }
});

test("induceRepresentation of an irrep equals inducedRepresentation, change of basis included", () => {
  const ico = icosahedralGroup();
  const psi = cyclicGroup(5).irrep(2);
  const [one, two] = [induceRepresentation(ico, [false, 5], psi), ico.inducedRepresentation([false, 5], [2])];
  assertEquals(one.irreps, two.irreps);
  assert(one.equals(two));
  assert(maximumDifference(one.changeOfBasis, two.changeOfBasis) < 1e-15);
});

test("induceRepresentation in stages has the content of induction at once", () => {
  const octa = octahedralGroup();
  const tetra = tetrahedralGroup();
  const psi = cyclicGroup(3).irrep(1);
  const staged = induceRepresentation(octa, "tetra", induceRepresentation(tetra, [false, 3], psi));
  const direct = induceRepresentation(octa, [false, 3], psi);
  assertRepresentation(staged);
  for (const irrep of octa.irreps()) assertEquals(staged.multiplicity(irrep.id), direct.multiplicity(irrep.id));
});

test("induceRepresentation of a pointwise representation is pointwise", () => {
  const rho: Representation<"pointwise"> = induceRepresentation(
    dihedralGroup(6),
    [0, 3],
    dihedralGroup(3).quotientRepresentation([0, 1]),
  );
  assertEquals([rho.size, rho.kind], [6, "pointwise"]);
  for (const g of dihedralGroup(6).elements) assert(rho.matrix(g).every((v) => v === 0 || v === 1));
});

test("induceRepresentation from subgroups of finite index of continuous groups", () => {
  const induced = induceRepresentation(o2Group(), [null, -1], directSum([so2Group().irrep(1), so2Group().irrep(0)]));
  assertEquals(induced.irreps, [[1, 1], [1, 1], [0, 0], [1, 0]]);
  assertRepresentation(induced);
  const cylinder = directProduct(cyclicGroup(2), so2Group());
  const doubled = induceRepresentation(cylinder, [[1], [-1]], so2Group().irrep(2));
  assertEquals(doubled.irreps, [[[0], [2], 0], [[1], [2], 0]]);
  assertRepresentation(doubled);
});

test("induceRepresentation refuses representations of other groups and subgroups of infinite index", () => {
  const octa = octahedralGroup();
  assertThrows(
    () => induceRepresentation(octa, [false, 4], cyclicGroup(2).irrep(1)),
    GroupError,
    "representation of C4",
  );
  const so3 = so3Group();
  assertThrows(() => induceRepresentation(so3, [false, 4], cyclicGroup(4).irrep(1)).size, GroupError, "finite index");
  assertThrows(() => induceRepresentation(so3, [false, -1], so2Group().irrep(1)).size, GroupError, "finite index");
});
