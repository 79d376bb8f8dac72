// Spherical harmonics: norms, rotation by Wigner matrices, gradients, monomials.
// covers: src/kernels/polynomials.ts

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { so3Group } from "../../src/group/mod.ts";
import { randomSource } from "../../src/group/grids/random.ts";
import {
  circularHarmonicGradients,
  circularHarmonics,
  harmonicMonomials,
  harmonicPolynomialGradients,
  harmonicPolynomials,
  harmonicPolynomialsByDegree,
  KernelError,
  sphericalHarmonicGradients,
  sphericalHarmonics,
} from "../../src/kernels/mod.ts";
import { multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

const random = randomSource(11);
const coordinates = (count: number): Float64Array => Float64Array.from({ length: count }, () => 4 * random() - 2);

test("harmonicPolynomials: Y_1 = (y, z, x) and Y_2 in closed form", () => {
  const [x, y, z] = [0.3, -1.2, 0.7];
  const values = harmonicPolynomials(2, [x, y, z]);
  const s = Math.sqrt(3);
  const expected = [
    1,
    y,
    z,
    x,
    s * x * y,
    s * y * z,
    (2 * z * z - x * x - y * y) / 2,
    s * x * z,
    s * (x * x - y * y) / 2,
  ];
  values.forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-14));
});

test("harmonicPolynomials: Σ_m Y² = |x|^(2l) to 1e-12 up to degree 20", () => {
  const points = coordinates(15);
  const values = harmonicPolynomials(20, points);
  for (let p = 0; p < 5; p++) {
    const rr = points[3 * p] ** 2 + points[3 * p + 1] ** 2 + points[3 * p + 2] ** 2;
    for (let l = 0; l <= 20; l++) {
      let sum = 0;
      for (let row = l * l; row < (l + 1) * (l + 1); row++) sum += values[row * 5 + p] ** 2;
      assertAlmostEquals(sum / rr ** l, 1, 1e-12);
    }
  }
});

test("sphericalHarmonics: Y(gx) = D(g) Y(x) to 1e-12 up to degree 8", () => {
  const so3 = so3Group();
  for (let run = 0; run < 5; run++) {
    const g = so3.sample(random);
    const x = coordinates(3);
    const moved = multiplyMatrices(so3.standardRepresentation.matrix(g), x, 3, 3, 1);
    const [at, there] = [sphericalHarmonics(8, x), sphericalHarmonics(8, moved)];
    for (let l = 0; l <= 8; l++) {
      const n = 2 * l + 1;
      const expected = multiplyMatrices(so3.irrep(l).matrix(g), at.slice(l * l, l * l + n), n, n, 1);
      expected.forEach((v, i) => assertAlmostEquals(there[l * l + i], v, 1e-12));
    }
  }
});

test("sphericalHarmonics have only degree 0 at the origin, and no gradient there", () => {
  assertEquals([...sphericalHarmonics(2, [0, 0, 0])], [1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const { values, gradients } = sphericalHarmonicGradients(3, new Float64Array(3));
  assertEquals(values[0], 1);
  assertEquals([...gradients].every((v) => v === 0), true);
});

// Central differences of fourth order.
function differences(f: (x: Float64Array) => Float64Array, x: Float64Array, axis: number): Float64Array {
  const h = 1e-3;
  const at = (t: number): Float64Array => f(x.map((v, i) => i === axis ? v + t * h : v));
  const [a, b, c, d] = [at(-2), at(-1), at(1), at(2)];
  return a.map((v, i) => (v - 8 * b[i] + 8 * c[i] - d[i]) / (12 * h));
}

test("gradients of spherical, solid and circular harmonics agree with central differences to 1e-8", () => {
  const cases: readonly (readonly [number, (x: Float64Array) => Float64Array, (x: Float64Array) => Float64Array])[] = [
    [3, (x) => harmonicPolynomials(5, x), (x) => harmonicPolynomialGradients(5, x).gradients],
    [3, (x) => sphericalHarmonics(5, x), (x) => sphericalHarmonicGradients(5, x).gradients],
    [2, (x) => circularHarmonics(6, [x[0]], [x[1]]), (x) => circularHarmonicGradients(6, [x[0]], [x[1]]).gradients],
  ];
  for (const [d, f, gradients] of cases) {
    for (let run = 0; run < 4; run++) {
      const x = coordinates(d).map((v) => v + Math.sign(v) * 0.5);
      const got = gradients(x);
      for (let axis = 0; axis < d; axis++) {
        differences(f, x, axis).forEach((v, i) => assertAlmostEquals(got[i * d + axis], v, 1e-8));
      }
    }
  }
});

test("harmonicMonomials evaluate to the harmonic polynomials to 1e-12, in 1, 2 and 3 dimensions", () => {
  for (const d of [1, 2, 3] as const) {
    const highest = d === 1 ? 1 : 6;
    const { exponents, coefficients } = harmonicMonomials(d, highest);
    const count = exponents.length / d;
    const x = coordinates(d);
    const monomials = Float64Array.from({ length: count }, (_, m) => {
      let product = 1;
      for (let i = 0; i < d; i++) product *= x[i] ** exponents[m * d + i];
      return product;
    });
    const got = multiplyMatrices(coefficients, monomials, coefficients.length / count, count, 1);
    const r = Math.sqrt(x.reduce((s, v) => s + v * v, 0));
    const expected = d === 1
      ? [1, x[0]]
      : d === 2
      ? [...circularHarmonics(highest, [x[0]], [x[1]])].map((v, i) => v * r ** Math.ceil(i / 2))
      : [...harmonicPolynomials(highest, x)];
    assertEquals(got.length, expected.length);
    got.forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-11));
  }
});

test("harmonicPolynomialsByDegree refuse a degree that is no integer of 0 or more", () => {
  assertThrows(() => harmonicPolynomialsByDegree(3, 1.5), KernelError, "degree 1.5");
});
