// Fourier transforms: orthogonal on finite groups, equivariant, exact on grids for band-limited functions.

import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  cyclicGroup,
  dihedralGroup,
  directProduct,
  fourierBasis,
  fourierTransform,
  fullTetrahedralGroup,
  GroupError,
  groupGrid,
  HomogeneousSpace,
  icosahedralGroup,
  o2Group,
  octahedralGroup,
  so2Group,
  so3Group,
  spectralQuotientRepresentation,
  spectralRegularRepresentation,
} from "../../src/group/mod.ts";
import { isOrthogonal, maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import { binaryTetrahedralGroup } from "./more_groups.ts";

for (
  const group of [
    cyclicGroup(6),
    dihedralGroup(4),
    octahedralGroup(),
    fullTetrahedralGroup(),
    icosahedralGroup(),
    binaryTetrahedralGroup,
    directProduct(cyclicGroup(3), cyclicGroup(3)),
  ]
) {
  test(`fourierTransform on ${group.name} is orthogonal but for √order, and inverts to 1e-12`, () => {
    const { synthesis, analysis, size } = fourierTransform(group);
    assertEquals(size, group.order);
    assert(isOrthogonal(synthesis.map((v) => v / Math.sqrt(group.order)), size, 1e-12));
    assert(isOrthogonal(analysis.map((v) => v * Math.sqrt(group.order)), size, 1e-12));
    assert(
      maximumDifference(synthesis, group.regularRepresentation.changeOfBasis.map((v) => v * Math.sqrt(size))) < 1e-12,
    );
  });
}

test("fourierTransform: translating a function multiplies its coefficients by the spectral representation, to 1e-12", () => {
  const octa = octahedralGroup();
  const transform = fourierTransform(octa);
  const rho = spectralRegularRepresentation(octa, octa.irreps().map((psi) => psi.id));
  assertEquals(rho.irreps, transform.irreps);
  const samples = fc.array(fc.double({ min: -1, max: 1, noNaN: true }), { minLength: 24, maxLength: 24 });
  fc.assert(
    fc.property(samples, fc.nat(23), (f, k) => {
      const g = octa.elements[k];
      const moved = octa.elements.map((x) => f[octa.indexOf(g.inverse().multiply(x))]);
      const expected = multiplyMatrices(rho.matrix(g), transform.forward(f), 24, 24, 1);
      assert(maximumDifference(transform.forward(moved), expected) < 1e-12);
    }),
    { numRuns: 20 },
  );
});

test("fourierTransform on a quotient has one function for each coset when all irreps are taken", () => {
  const ico = icosahedralGroup();
  const transform = fourierTransform(ico, { subgroup: [false, 5] });
  assertEquals([transform.size, transform.grid.length], [12, 12]);
  assert(isOrthogonal(transform.synthesis.map((v) => v / Math.sqrt(12)), 12, 1e-12));
  assertEquals(transform.irreps, spectralQuotientRepresentation(ico, [false, 5], [[0], [1], [2], [3], [4]]).irreps);
});

test("fourierTransform on grids of SO(2), O(2), SO(3) recovers band-limited functions to 1e-10", () => {
  const so3 = so3Group();
  const cases = [
    { group: so2Group(), irreps: [[0], [1], [3]], grid: so2Group().grid(8) },
    { group: o2Group(), irreps: [[0, 0], [1, 0], [1, 1], [1, 2]], grid: o2Group().grid(6) },
    { group: so3, irreps: [[0], [1], [2]], grid: groupGrid(so3, { type: "ico" }) },
  ];
  for (const { group, irreps, grid } of cases) {
    const transform = fourierTransform(group, { irreps, grid });
    const coefficients = Float64Array.from({ length: transform.size }, (_, i) => Math.sin(3 * i + 1));
    assert(maximumDifference(transform.forward(transform.inverse(coefficients)), coefficients) < 1e-10, group.name);
    assertEquals(transform.size, spectralRegularRepresentation(group, irreps).size);
  }
});

test("fourierBasis depends on the coset alone, and its functions have mean square 1", () => {
  const octa = octahedralGroup();
  const space = new HomogeneousSpace(octa, [false, 4]);
  const { values, size, irreps } = fourierBasis(space, [[1], [2], [3]], octa.elements);
  assertEquals([size, irreps], [5, [[1], [2]]]);
  octa.elements.forEach((g, i) => {
    const j = octa.indexOf(space.representatives[space.locate(g).index]);
    assert(
      maximumDifference(values.subarray(i * size, (i + 1) * size), values.subarray(j * size, (j + 1) * size)) < 1e-14,
    );
  });
  for (let k = 0; k < size; k++) {
    let sum = 0;
    for (let i = 0; i < 24; i++) sum += values[i * size + k] * values[i * size + k] / 24;
    assert(Math.abs(sum - 1) < 1e-12);
  }
});

test("fourierTransform refuses infinite groups without a grid, grids too small, and wrong lengths", () => {
  assertThrows(() => fourierTransform(so2Group()), GroupError, "a grid, because the group is infinite");
  const irreps = [[0], [1], [2]];
  assertThrows(() => fourierTransform(so2Group(), { irreps, grid: so2Group().grid(4) }), GroupError, "4 points");
  const repeated = [...so2Group().grid(4), ...so2Group().grid(4)];
  assertThrows(() => fourierTransform(so2Group(), { irreps, grid: repeated }), GroupError, "tells 5 functions apart");
  assertEquals(fourierTransform(so2Group(), { irreps, grid: repeated, regularization: 1e-3 }).size, 5);
  const transform = fourierTransform(cyclicGroup(4));
  assertThrows(() => transform.forward([1, 2, 3]), GroupError, "expected 4 numbers, got 3");
  assertThrows(() => transform.inverse([1]), GroupError, "expected 4 numbers, got 1");
});
