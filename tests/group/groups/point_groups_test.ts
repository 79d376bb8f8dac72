// covers: src/group/groups/point_groups.ts
// Point groups by Schoenflies' symbols as matrices: homomorphisms, orders, faithful, and the symmetries that the symbol says.

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  conicalGroup,
  cyclicGroup,
  cylindricalGroup,
  fullCylindricalGroup,
  fullIcosahedralGroup,
  fullOctahedralGroup,
  GroupError,
  type PointGroup,
  pointGroup,
  pyritohedralGroup,
} from "../../../src/group/mod.ts";
import { isOrthogonal, maximumDifference, multiplyMatrices } from "../../../src/math/linear_algebra.ts";
import { test } from "../../support/test.ts";

function determinant(m: Float64Array): number {
  return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

// How many elements are mirrors, and whether the inversion and the mirror z → −z are among them.
function census({ group, matrix }: PointGroup): { mirrors: number; inversion: boolean; horizontal: boolean } {
  let [mirrors, inversion, horizontal] = [0, false, false];
  for (const g of group.elements) {
    const m = matrix(g);
    const trace = m[0] + m[4] + m[8];
    if (determinant(m) > 0) continue;
    if (Math.abs(trace - 1) < 1e-9) mirrors += 1;
    if (trace < -3 + 1e-9) inversion = true;
    if (maximumDifference(m, [1, 0, 0, 0, 1, 0, 0, 0, -1]) < 1e-9) horizontal = true;
  }
  return { mirrors, inversion, horizontal };
}

const numbers = [1, 2, 3, 4, 5, 6];
const expected: [string, number, { mirrors: number; inversion: boolean; horizontal: boolean }][] = [
  ...numbers.flatMap((n): typeof expected => {
    const even = n % 2 === 0;
    return [
      [`C${n}`, n, { mirrors: 0, inversion: false, horizontal: false }],
      [`C${n}v`, 2 * n, { mirrors: n, inversion: false, horizontal: false }],
      [`C${n}h`, 2 * n, { mirrors: 1, inversion: even, horizontal: true }],
      [`S${2 * n}`, 2 * n, { mirrors: 0, inversion: !even, horizontal: false }],
      [`D${n}`, 2 * n, { mirrors: 0, inversion: false, horizontal: false }],
      [`D${n}d`, 4 * n, { mirrors: n, inversion: !even, horizontal: false }],
      [`D${n}h`, 4 * n, { mirrors: n + 1, inversion: even, horizontal: true }],
    ];
  }),
  ["Cs", 2, { mirrors: 1, inversion: false, horizontal: true }],
  ["Ci", 2, { mirrors: 0, inversion: true, horizontal: false }],
  ["T", 12, { mirrors: 0, inversion: false, horizontal: false }],
  ["Td", 24, { mirrors: 6, inversion: false, horizontal: false }],
  ["Th", 24, { mirrors: 3, inversion: true, horizontal: true }],
  ["O", 24, { mirrors: 0, inversion: false, horizontal: false }],
  ["Oh", 48, { mirrors: 9, inversion: true, horizontal: true }],
  ["I", 60, { mirrors: 0, inversion: false, horizontal: false }],
  ["Ih", 120, { mirrors: 15, inversion: true, horizontal: true }],
];

for (const [symbol, order, found] of expected) {
  test(`pointGroup ${symbol}: order ${order}, a faithful homomorphism to 1e-12, with its mirrors and inversion`, () => {
    const point = pointGroup(symbol);
    const { group, matrix, isometry } = point;
    assertEquals(group.order, order);
    assertEquals(census(point), found);
    for (const g of group.elements) {
      const m = matrix(g);
      assert(isOrthogonal(m, 3, 1e-12));
      assertEquals(isometry(g)[0], determinant(m) < 0 ? 1 : 0);
      if (!g.isIdentity()) assert(m[0] + m[4] + m[8] < 3 - 1e-3, `${g} is not the identity`);
      for (const h of group.generators) {
        const product = multiplyMatrices(m, matrix(h), 3, 3, 3);
        assert(maximumDifference(product, matrix(g.multiply(h))) < 1e-12, `${g} · ${h}`);
      }
    }
  });
}

for (const symbol of ["C∞", "C∞v", "C∞h", "D∞", "D∞h"]) {
  test(`pointGroup ${symbol} is a homomorphism at a sample of its elements, to 1e-12`, () => {
    const { group, matrix } = pointGroup(symbol);
    assertEquals(group.order, Infinity);
    for (const g of group.testingElements) {
      for (const h of group.testingElements) {
        const product = multiplyMatrices(matrix(g), matrix(h), 3, 3, 3);
        assert(maximumDifference(product, matrix(g.multiply(h))) < 1e-12, `${g} · ${h}`);
      }
    }
  });
}

test("pointGroup: the same symbol gives the same object, others throw GroupError with the symbol", () => {
  assert(pointGroup("D3d") === pointGroup("D3d"));
  for (const symbol of ["", "X3", "C0", "C-1", "S3", "S∞", "D∞d", "Tv", "C3x", "constructor"]) {
    assertThrows(() => pointGroup(symbol), GroupError, `got ${symbol}`);
  }
  const c3 = pointGroup("C3");
  assertThrows(() => c3.matrix(cyclicGroup(4).element(1)), GroupError, "an element of C3");
});

test("achiral groups by name are the products with the inversion", () => {
  assertEquals([fullOctahedralGroup().order, fullIcosahedralGroup().order, pyritohedralGroup().order], [48, 120, 24]);
  assertEquals([cylindricalGroup().name, cylindricalGroup(4).name], ["C2×SO(2)", "C2×C4"]);
  assertEquals([fullCylindricalGroup().name, fullCylindricalGroup(3).name], ["C2×O(2)", "C2×D3"]);
  assertEquals([conicalGroup().name, conicalGroup(5).name], ["O(2)", "D5"]);
  assertThrows(() => cylindricalGroup(0), GroupError, "got 0");
});
