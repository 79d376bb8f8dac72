// covers: src/group/decompose.ts, src/group/intertwiners.ts
// Decomposition of representations given by matrices: right, canonical, and refused when they are no representations.

import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  changeBasis,
  cyclicGroup,
  decomposeRepresentation,
  dihedralGroup,
  directProduct,
  directSum,
  type Group,
  type GroupElement,
  GroupError,
  icosahedralGroup,
  o2Group,
  octahedralGroup,
  type Representation,
  representationFromFunction,
  representationFromGenerators,
  so2Group,
  so3Group,
} from "../../src/group/mod.ts";
import { embedIrrep, independentCopies } from "../../src/group/intertwiners.ts";
import { identityMatrix, isOrthogonal, maximumDifference } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import { binaryTetrahedralGroup, quaternionGroup } from "./more_groups.ts";

// How far ρ(g) is from Q (⊕ ψ(g)) Q⁻¹ over some elements.
function error(rho: Representation, matrix: (g: GroupElement) => Float64Array): number {
  return Math.max(...rho.group.testingElements.map((g) => maximumDifference(rho.matrix(g), matrix(g))));
}

// A basis of no regularity, orthonormal for `orthogonal`.
function someBasis(n: number, seed: number, orthogonal: boolean): Float64Array {
  const q = Float64Array.from(
    { length: n * n },
    (_, i) => Math.sin((i + 1) * 1.7 * (seed + 1)) + (i % (n + 1) ? 0 : 2),
  );
  if (!orthogonal) return q;
  for (let i = 0; i < n; i++) {
    for (let k = 0; k <= i; k++) {
      let c = 0;
      for (let j = 0; j < n; j++) c += q[k * n + j] * q[i * n + j];
      for (let j = 0; j < n; j++) q[i * n + j] = k < i ? q[i * n + j] - c * q[k * n + j] : q[i * n + j] / Math.sqrt(c);
    }
  }
  return q;
}

const groups: readonly Group[] = [
  cyclicGroup(1),
  cyclicGroup(5),
  dihedralGroup(6),
  octahedralGroup(),
  icosahedralGroup(),
  quaternionGroup,
  binaryTetrahedralGroup,
  directProduct(cyclicGroup(3), cyclicGroup(4)),
];

for (const group of groups) {
  test(`decomposeRepresentation: sums of irreps of ${group.name} in any basis come back to 1e-10`, () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(), { minLength: 1, maxLength: 4 }),
        fc.nat(9),
        fc.boolean(),
        (picks, seed, orthogonal) => {
          const irreps = group.irreps();
          const sum = directSum(picks.map((p) => irreps[p % irreps.length]));
          const mixed = changeBasis(sum, someBasis(sum.size, seed, orthogonal), "mixed");
          const found = representationFromFunction(group, sum.size, (g) => mixed.matrix(g));
          assertEquals(
            irreps.map((psi) => found.multiplicity(psi.id)),
            irreps.map((psi) => sum.multiplicity(psi.id)),
          );
          assert(error(found, (g) => mixed.matrix(g)) < 1e-10, `${error(found, (g) => mixed.matrix(g))}`);
          if (orthogonal) assert(isOrthogonal(found.changeOfBasis, sum.size, 1e-10));
        },
      ),
      { numRuns: 15 },
    );
  });

  test(`decomposeRepresentation: an irrep of ${group.name} is itself, in the same basis`, () => {
    for (const psi of group.irreps()) {
      const { irreps, changeOfBasis } = decomposeRepresentation(group, (g) => psi.matrix(g), psi.size);
      assertEquals(irreps, [psi.id]);
      assert(maximumDifference(changeOfBasis, identityMatrix(psi.size)) < 1e-14);
    }
  });
}

test("decomposeRepresentation of continuous groups finds irreps of any order of frequencies, to 1e-10", () => {
  const [so2, o2, so3] = [so2Group(), o2Group(), so3Group()];
  const sums = [
    directSum([so2.irrep(7), so2.irrep(0), so2.irrep(7), so2.irrep(2)]),
    directSum([o2.irrep(1, 0), o2.irrep(1, 3), o2.irrep(0, 0), o2.irrep(1, 3)]),
    directSum([so3.irrep(2), so3.irrep(0), so3.irrep(1), so3.irrep(1)]),
  ];
  for (const sum of sums) {
    const mixed = changeBasis(sum, someBasis(sum.size, 3, true), "mixed");
    const found = representationFromFunction(sum.group, sum.size, (g) => mixed.matrix(g));
    for (const id of sum.irreps) assertEquals(found.multiplicity(id), sum.multiplicity(id));
    assert(error(found, (g) => mixed.matrix(g)) < 1e-10);
  }
});

test("decomposeRepresentation is canonical: the same bits again, and the basis of a permutation by its axes", () => {
  const octa = octahedralGroup();
  const vector = octa.standardRepresentation;
  const once = decomposeRepresentation(octa, (g) => vector.tensor(vector).matrix(g), 9);
  const twice = decomposeRepresentation(octa, (g) => vector.tensor(vector).matrix(g), 9);
  assertEquals([...once.changeOfBasis], [...twice.changeOfBasis]);
  assertEquals(once.irreps, [[0], [1], [-1], [2]]);
});

test("decomposeRepresentation refuses what is no representation, with the element or the number", () => {
  const c4 = cyclicGroup(4);
  const wrong = (g: GroupElement): Float64Array => Float64Array.of(g.value === 2 ? 0.5 : 1);
  assertThrows(() => decomposeRepresentation(c4, wrong, 1), GroupError, "copies of irrep_0");
  // The right characters, but products that do not fit.
  const plain = c4.irrep(1);
  const swapped = (g: GroupElement): Float64Array => {
    const m = plain.matrix(g);
    return g.value === 1 ? Float64Array.of(m[0], m[2] * 2, m[1] / 2, m[3]) : m;
  };
  assertThrows(() => decomposeRepresentation(c4, swapped, 2), GroupError, "expected a homomorphism");
  assertThrows(() => decomposeRepresentation(c4, (g) => plain.matrix(g), 3), GroupError, "3 × 3 numbers, got 4");
  assertThrows(() => decomposeRepresentation(c4, () => new Float64Array(0), 0), GroupError, "dimension 0");
  assertThrows(
    () => decomposeRepresentation(c4, () => new Float64Array(1), 1),
    GroupError,
    "0 in a space of dimension 1",
  );
  assertThrows(() => decomposeRepresentation(so2Group(), () => Float64Array.of(-1), 1), GroupError, "dimension 1");
});

test("representationFromGenerators: permutations of the cube's faces from its generators decompose as its quotient", () => {
  const octa = octahedralGroup();
  const faces = octa.facesRepresentation;
  const rho = representationFromGenerators(octa, octa.generators.map((g) => faces.matrix(g)), 6, {
    name: "faces",
    supportedNonlinearities: ["pointwise"],
  });
  assertEquals([rho.name, rho.kind], ["faces", "pointwise"]);
  assertEquals(rho.irreps, [[0], [1], [2]]);
  assert(rho.equals(faces));
});

test("representationFromGenerators refuses a wrong count, broken relations and continuous groups", () => {
  const d3 = dihedralGroup(3);
  const [r, s] = d3.generators.map((g) => d3.irrep(1, 1).matrix(g));
  assertThrows(() => representationFromGenerators(d3, [r], 2), GroupError, "expected 2 matrices of 2 × 2");
  assertThrows(() => representationFromGenerators(d3, [s, s], 2), GroupError, "relations");
  assertThrows(() => representationFromGenerators(so2Group(), [r], 2), GroupError, "representationFromFunction");
});

test("embedIrrep finds as many copies as there are, and undefined where there are fewer", () => {
  const c3 = cyclicGroup(3);
  const psi = c3.irrep(1);
  const matrices = c3.elements.map((g) => psi.matrix(g));
  const facts = { size: 2, endomorphisms: psi.endomorphisms, matrices };
  assertEquals(embedIrrep(facts, matrices, 2, 1)?.map((b) => [...b]), [[1, 0, 0, 1]]);
  assertEquals(embedIrrep(facts, matrices, 2, 0), []);
  assertEquals(embedIrrep(facts, matrices, 2, 2), undefined);
});

test("independentCopies leaves out what other copies and their endomorphisms span", () => {
  const [one, turn] = [Float64Array.of(1, 0, 0, 1), Float64Array.of(0, -1, 1, 0)];
  assertEquals(independentCopies([one, turn, new Float64Array(4)], 2, 2).map((b) => [...b]), [[1, 0, 0, 1]]);
  const tall = [Float64Array.of(2, 0, 0, 2, 0, 0, 0, 0), Float64Array.of(1, 0, 0, 1, 3, 0, 0, 3)];
  const kept = independentCopies(tall, 4, 2);
  assertEquals(kept.map((b) => [...b]), [[1, 0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 0, 0, 1]]);
});
