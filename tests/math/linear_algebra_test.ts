// Small dense linear algebra: solutions, null spaces in canonical form and eigenvectors.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  blockDiagonal,
  canonicalBasis,
  identityMatrix,
  invertMatrix,
  isOrthogonal,
  kronecker,
  maximumDifference,
  multiplyMatrices,
  nullSpace,
  rowSpace,
  solveLinear,
  symmetricEigen,
  transposeMatrix,
} from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import { uniform } from "./oracle.ts";

function random(seed: number, length: number): Float64Array {
  const next = uniform(seed);
  return Float64Array.from({ length }, () => 2 * next() - 1);
}

test("multiplyMatrices, transposeMatrix, kronecker and blockDiagonal by hand", () => {
  const a = Float64Array.of(1, 2, 3, 4, 5, 6);
  assertEquals([...transposeMatrix(a, 2, 3)], [1, 4, 2, 5, 3, 6]);
  assertEquals([...multiplyMatrices(a, transposeMatrix(a, 2, 3), 2, 3, 2)], [14, 32, 32, 77]);
  assertEquals([...kronecker(Float64Array.of(0, 1, 2, 0), Float64Array.of(3), 2, 1)], [0, 3, 6, 0]);
  assertEquals(
    [...kronecker(Float64Array.of(0, 1, 1, 0), identityMatrix(2), 2, 2)],
    [0, 0, 1, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 0],
  );
  assertEquals([...blockDiagonal([Float64Array.of(2), identityMatrix(2)], [1, 2])], [2, 0, 0, 0, 1, 0, 0, 0, 1]);
});

test("solveLinear and invertMatrix solve to 1e-12, singular matrices give undefined", () => {
  const a = random(1, 49);
  const b = random(2, 21);
  const x = solveLinear(a, b, 7, 3)!;
  assert(maximumDifference(multiplyMatrices(a, x, 7, 7, 3), b) < 1e-12);
  assert(maximumDifference(multiplyMatrices(a, invertMatrix(a, 7)!, 7, 7, 7), identityMatrix(7)) < 1e-12);
  assertEquals(invertMatrix(Float64Array.of(1, 2, 2, 4), 2), undefined);
});

test("nullSpace is orthonormal, annihilated, of the right dimension and independent of the rows' order and scale", () => {
  const rows = random(3, 3 * 8);
  const a = new Float64Array(5 * 8);
  a.set(rows);
  for (let j = 0; j < 8; j++) {
    a[24 + j] = rows[j] - 2 * rows[8 + j];
    a[32 + j] = rows[16 + j] + rows[j];
  }
  const n = nullSpace(a, 5, 8);
  assertEquals(n.length, 5 * 8);
  assert(maximumDifference(multiplyMatrices(a, transposeMatrix(n, 5, 8), 5, 8, 5), new Float64Array(25)) < 1e-12);
  assert(maximumDifference(multiplyMatrices(n, transposeMatrix(n, 5, 8), 5, 8, 5), identityMatrix(5)) < 1e-12);
  const shuffled = new Float64Array(3 * 8);
  for (let i = 0; i < 3; i++) for (let j = 0; j < 8; j++) shuffled[(2 - i) * 8 + j] = rows[i * 8 + j] * (i + 3);
  assert(maximumDifference(nullSpace(shuffled, 3, 8), n) < 1e-12);
  assertEquals(rowSpace(a, 5, 8).length, 3 * 8);
});

test("canonicalBasis starts each vector with a positive component", () => {
  const v = Float64Array.of(0, -0.6, 0.8);
  const p = multiplyMatrices(v, v, 3, 1, 3);
  assert(maximumDifference(canonicalBasis(p, 3), [0, 0.6, -0.8]) < 1e-15);
});

test("symmetricEigen diagonalizes to 1e-12, values ascending", () => {
  const b = random(5, 36);
  const a = multiplyMatrices(b, transposeMatrix(b, 6, 6), 6, 6, 6);
  const { values, vectors } = symmetricEigen(a, 6);
  assert(isOrthogonal(vectors, 6, 1e-12));
  const product = multiplyMatrices(vectors, a, 6, 6, 6);
  for (let i = 0; i < 6; i++) {
    if (i > 0) assert(values[i] >= values[i - 1]);
    for (let j = 0; j < 6; j++) assertAlmostEquals(product[i * 6 + j], values[i] * vectors[i * 6 + j], 1e-12);
  }
});

test("maximumDifference reports NaN and unequal lengths", () => {
  assertEquals(maximumDifference([1, NaN], [1, 2]), NaN);
  assertEquals(maximumDifference([1], [1, 2]), Infinity);
});
