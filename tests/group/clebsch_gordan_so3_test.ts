// Clebsch-Gordan coefficients of SO(3): known values and signs, intertwining, orthonormality and completeness.

import { assert, assertEquals } from "@std/assert";
import { clebschGordanRotations } from "../../src/group/clebsch_gordan_so3.ts";
import { normalizeQuaternion } from "../../src/group/rotations.ts";
import { wignerD } from "../../src/group/wigner.ts";
import {
  identityMatrix,
  kronecker,
  maximumDifference,
  multiplyMatrices,
  transposeMatrix,
} from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

const q = normalizeQuaternion([0.3, -0.2, 0.5, 0.7]);

function check(a: number, b: number, j: number): void {
  const [m, n, w] = [2 * a + 1, 2 * b + 1, 2 * j + 1];
  const { copies, coefficients: c } = clebschGordanRotations(a, b, j);
  assertEquals(copies, 1);
  const left = multiplyMatrices(kronecker(wignerD(a, q), wignerD(b, q), m, n), c, m * n, m * n, w);
  assert(maximumDifference(left, multiplyMatrices(c, wignerD(j, q), m * n, w, w)) < 1e-12, `${a} ${b} ${j}`);
  const gram = multiplyMatrices(transposeMatrix(c, m * n, w), c, w, m * n, w);
  assert(maximumDifference(gram, identityMatrix(w)) < 1e-13, `${a} ${b} ${j}`);
}

test("clebschGordanRotations intertwines to 1e-12 with orthonormal columns to 1e-13, all triples to l = 4", () => {
  for (let a = 0; a <= 4; a++) {
    for (let b = 0; b <= 4; b++) for (let j = Math.abs(a - b); j <= a + b; j++) check(a, b, j);
  }
});

test("clebschGordanRotations intertwines to 1e-12 at l = 12 and 20", () => {
  check(12, 12, 12);
  check(12, 11, 20);
  check(20, 3, 19);
  check(20, 20, 15);
});

test("clebschGordanRotations is complete: the columns of all j are an orthonormal basis to 1e-13", () => {
  const [a, b] = [3, 2];
  const size = (2 * a + 1) * (2 * b + 1);
  const sum = new Float64Array(size * size);
  for (let j = 1; j <= 5; j++) {
    const w = 2 * j + 1;
    const c = clebschGordanRotations(a, b, j).coefficients;
    const p = multiplyMatrices(c, transposeMatrix(c, size, w), size, w, size);
    p.forEach((v, i) => sum[i] += v);
  }
  assert(maximumDifference(sum, identityMatrix(size)) < 1e-13);
});

test("clebschGordanRotations of 1 and 1 has escnn's signs in the basis (y, z, x)", () => {
  const s = Math.SQRT1_2;
  const zero = clebschGordanRotations(1, 1, 0).coefficients;
  assert(maximumDifference(zero, identityMatrix(3).map((v) => v / -Math.sqrt(3))) < 1e-15);
  const cross = clebschGordanRotations(1, 1, 1).coefficients;
  const at = (a: number, b: number, c: number): number => cross[(a * 3 + b) * 3 + c];
  const [y, z, x] = [0, 1, 2];
  assert(maximumDifference([at(z, x, y), at(y, x, z), at(y, z, x)], [s, -s, s]) < 1e-15);
});

test("clebschGordanRotations of an impossible triple has 0 copies", () => {
  assertEquals(clebschGordanRotations(1, 1, 3), { copies: 0, coefficients: new Float64Array(0) });
  assertEquals(clebschGordanRotations(4, 1, 2).copies, 0);
});
