// Wigner's 3j and 6j symbols: known values, symmetries and orthogonality.

import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { clebschGordanCoefficient, clebschGordanTable, wigner3j, wigner6j } from "../../src/group/wigner_symbols.ts";
import { test } from "../support/test.ts";

const momentum = fc.integer({ min: 0, max: 12 }).map((twice) => twice / 2);

function projections(j: number): number[] {
  return Array.from({ length: 2 * j + 1 }, (_, i) => i - j);
}

test("clebschGordanCoefficient has the textbook values and signs", () => {
  const s = Math.sqrt;
  const cases: [number[], number][] = [
    [[0.5, 0.5, 0.5, -0.5, 0, 0], s(0.5)],
    [[0.5, -0.5, 0.5, 0.5, 0, 0], -s(0.5)],
    [[1, 1, 1, -1, 0, 0], s(1 / 3)],
    [[1, 0, 1, 0, 0, 0], -s(1 / 3)],
    [[1, 1, 1, -1, 1, 0], s(0.5)],
    [[1, 0, 1, 0, 1, 0], 0],
    [[1, 0, 1, 0, 2, 0], s(2 / 3)],
    [[2, 2, 1, -1, 1, 1], s(3 / 5)],
    [[1.5, 0.5, 1, 0, 0.5, 0.5], -s(1 / 3)],
  ];
  for (const [[a, b, c, d, e, f], expected] of cases) {
    assertAlmostEquals(clebschGordanCoefficient(a, b, c, d, e, f), expected, 1e-15);
  }
});

test("clebschGordanCoefficient is unitary to 1e-14", () => {
  fc.assert(fc.property(momentum, momentum, momentum, (j1, j2, j) => {
    if (j < Math.abs(j1 - j2) || j > j1 + j2 || !Number.isInteger(j1 + j2 + j)) return;
    for (const m of projections(j)) {
      let sum = 0;
      for (const m1 of projections(j1)) sum += clebschGordanCoefficient(j1, m1, j2, m - m1, j, m) ** 2;
      assertAlmostEquals(sum, 1, 1e-14);
    }
  }));
});

test("clebschGordanCoefficient is unitary to 1e-14 where the sums need big integers (100, 90, 150)", () => {
  for (const m of [0, 5, 149]) {
    let sum = 0;
    for (const m1 of projections(100)) sum += clebschGordanCoefficient(100, m1, 90, m - m1, 150, m) ** 2;
    assertAlmostEquals(sum, 1, 1e-14);
  }
});

test("clebschGordanTable holds the same bits as the single coefficients", () => {
  for (const [a, b, j] of [[2, 3, 4], [1, 1, 1], [3, 2, 2], [18, 18, 17]]) {
    const table = clebschGordanTable(a, b, j);
    for (const m1 of projections(a)) {
      for (const m2 of projections(b)) {
        const expected = clebschGordanCoefficient(a, m1, b, m2, j, m1 + m2);
        assertEquals(table[(m1 + a) * (2 * b + 1) + m2 + b] + 0, expected + 0);
      }
    }
  }
});

test("clebschGordanCoefficient is 0 where a rule fails", () => {
  assertEquals(clebschGordanCoefficient(1, 0, 1, 0, 3, 0), 0);
  assertEquals(clebschGordanCoefficient(1, 1, 1, 1, 2, 1), 0);
  assertEquals(clebschGordanCoefficient(1, 2, 1, -2, 1, 0), 0);
  assertEquals(clebschGordanCoefficient(1, 0.5, 1, -0.5, 1, 0), 0);
});

test("wigner3j is symmetric under permutations of columns up to (−1)^(j₁+j₂+j₃), to 1e-15", () => {
  const project = fc.integer({ min: -6, max: 6 });
  const whole = fc.integer({ min: 0, max: 6 });
  fc.assert(fc.property(whole, whole, whole, project, project, (a, b, c, m, n) => {
    const value = wigner3j(a, b, c, m, n, -m - n);
    const sign = (a + b + c) % 2 === 0 ? 1 : -1;
    assertAlmostEquals(wigner3j(b, c, a, n, -m - n, m), value, 1e-15);
    assertAlmostEquals(wigner3j(b, a, c, n, m, -m - n), sign * value, 1e-15);
    assertAlmostEquals(wigner3j(a, b, c, -m, -n, m + n), sign * value, 1e-15);
  }));
});

test("wigner3j and wigner6j have known values to 1e-15", () => {
  assertAlmostEquals(wigner3j(1, 1, 2, 0, 0, 0), Math.sqrt(2 / 15), 1e-15);
  assertAlmostEquals(wigner3j(2, 1, 1, 0, 1, -1), Math.sqrt(1 / 30), 1e-15);
  assertAlmostEquals(wigner3j(0.5, 0.5, 1, 0.5, -0.5, 0), Math.sqrt(1 / 6), 1e-15);
  assertAlmostEquals(wigner6j(1, 1, 1, 1, 1, 1), 1 / 6, 1e-15);
  assertAlmostEquals(wigner6j(0.5, 0.5, 1, 0.5, 0.5, 1), 1 / 6, 1e-15);
  assertAlmostEquals(wigner6j(8, 8, 8, 8, 8, 8), -0.01265208072315355, 1e-17);
  assertEquals(wigner6j(1, 1, 3, 1, 1, 1), 0);
});

test("wigner6j is orthogonal: Σ_x (2x+1)(2f+1) {a b x; d e f}{a b x; d e g} = δ_fg to 1e-14", () => {
  const small = fc.integer({ min: 0, max: 5 });
  fc.assert(fc.property(small, small, small, small, small, small, (a, b, d, e, f, g) => {
    let sum = 0;
    for (let x = Math.abs(a - b); x <= a + b; x++) {
      sum += (2 * x + 1) * (2 * f + 1) * wigner6j(a, b, x, d, e, f) * wigner6j(a, b, x, d, e, g);
    }
    const triangle = (p: number, q: number, r: number): boolean => r >= Math.abs(p - q) && r <= p + q;
    const exists = triangle(a, e, f) && triangle(d, b, f);
    assertAlmostEquals(sum, f === g && exists ? 1 : 0, 1e-14);
  }));
});

test("the symbols refuse arguments that are no momenta", () => {
  assertThrows(() => clebschGordanCoefficient(0.3, 0, 1, 0, 1, 0), RangeError, "0.3");
  assertThrows(() => wigner3j(-1, 1, 1, 0, 0, 0), RangeError, "-1");
  assertThrows(() => wigner6j(1, 1, 1, 1, 1, NaN), RangeError, "NaN");
  assert(Number.isFinite(wigner6j(30, 30, 30, 30, 30, 30)));
});
