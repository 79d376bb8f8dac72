// Real Wigner matrices to degree 20: orthogonality, homomorphism and escnn's basis.

import fc from "fast-check";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../src/group/errors.ts";
import {
  axisAngleToQuaternion,
  multiplyQuaternions,
  normalizeQuaternion,
  type Quaternion,
  rotateVector,
  type Vector3,
} from "../../src/group/rotations.ts";
import { wignerD, wignerHalfTurn, wignerRecursion } from "../../src/group/wigner.ts";
import { identityMatrix, isOrthogonal, maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

const component = fc.double({ min: -1, max: 1, noNaN: true });
const rotation = fc.tuple(component, component, component, component)
  .filter((q) => q.reduce((sum, v) => sum + v * v, 0) > 1e-3)
  .map((q): Quaternion => normalizeQuaternion(q));
const frequency = fc.integer({ min: 0, max: 20 });

test("wignerD is orthogonal to 1e-12 up to l = 20", () => {
  fc.assert(fc.property(rotation, frequency, (q, l) => assert(isOrthogonal(wignerD(l, q), 2 * l + 1, 1e-12))));
});

test("wignerD is a homomorphism to 1e-12 up to l = 20", () => {
  fc.assert(fc.property(rotation, rotation, frequency, (p, q, l) => {
    const n = 2 * l + 1;
    const product = multiplyMatrices(wignerD(l, p), wignerD(l, q), n, n, n);
    assert(maximumDifference(product, wignerD(l, multiplyQuaternions(p, q))) < 1e-12);
  }));
});

test("wignerD of l = 40 is a homomorphism to 1e-12", () => {
  const [p, q] = [normalizeQuaternion([0.3, -0.2, 0.8, 0.1]), normalizeQuaternion([-0.5, 0.1, 0.2, 0.9])];
  const product = multiplyMatrices(wignerD(40, p), wignerD(40, q), 81, 81, 81);
  assert(maximumDifference(product, wignerD(40, multiplyQuaternions(p, q))) < 1e-12);
});

test("wignerD agrees with the recursion over frequencies to 1e-12", () => {
  fc.assert(fc.property(rotation, (q) => {
    wignerRecursion(12, q).forEach((d, l) => assert(maximumDifference(d, wignerD(l, q)) < 1e-12));
  }));
});

test("wignerD of q and −q are equal to 1e-14", () => {
  fc.assert(fc.property(rotation, frequency, (q, l) => {
    assert(maximumDifference(wignerD(l, q), wignerD(l, [-q[0], -q[1], -q[2], -q[3]])) < 1e-14);
  }));
});

test("wignerD is exact at the identity, and near it close to it", () => {
  for (const l of [0, 1, 2, 5, 20]) {
    assertEquals([...wignerD(l, [0, 0, 0, 1])], [...identityMatrix(2 * l + 1)]);
    assert(maximumDifference(wignerD(l, [1e-17, 0, 0, 1]), identityMatrix(2 * l + 1)) < 1e-14);
  }
});

test("wignerD moves the real harmonics of degree 2, D Y(x) = Y(g x), to 1e-14", () => {
  const harmonics = ([x, y, z]: Vector3): number[] => {
    const s = Math.sqrt(3);
    return [s * x * y, s * y * z, (2 * z * z - x * x - y * y) / 2, s * x * z, s * (x * x - y * y) / 2];
  };
  const q = normalizeQuaternion([0.2, -0.5, 0.4, 0.7]);
  const x: Vector3 = [0.48, -0.6, 0.64];
  const moved = multiplyMatrices(wignerD(2, q), Float64Array.from(harmonics(x)), 5, 5, 1);
  assert(maximumDifference(moved, harmonics(rotateVector(q, x))) < 1e-14);
});

test("wignerD turns the pair (m, −m) by m times an angle about z", () => {
  const d = wignerD(3, axisAngleToQuaternion([0, 0, 1], 0.4));
  for (let m = 1; m <= 3; m++) {
    const [plus, minus] = [3 + m, 3 - m];
    const block = [d[plus * 7 + plus], d[plus * 7 + minus], d[minus * 7 + plus], d[minus * 7 + minus]];
    const [c, s] = [Math.cos(0.4 * m), Math.sin(0.4 * m)];
    assert(maximumDifference(block, [c, -s, s, c]) < 1e-15);
  }
});

test("wignerHalfTurn is symmetric and its own inverse to 1e-13, with the known numbers at l = 2", () => {
  const s = Math.sqrt(0.75);
  const known = [0, 0, 0, -1, 0, 0, 1, 0, 0, 0, 0, 0, -0.5, 0, -s, -1, 0, 0, 0, 0, 0, 0, -s, 0, 0.5];
  assert(maximumDifference(wignerHalfTurn(2), known) < 1e-15);
  for (const l of [0, 1, 2, 7, 20, 30]) {
    const n = 2 * l + 1;
    const j = wignerHalfTurn(l);
    assert(maximumDifference(multiplyMatrices(j, j, n, n, n), identityMatrix(n)) < 1e-13);
    for (let a = 0; a < n; a++) for (let b = 0; b < a; b++) assertEquals(j[a * n + b], j[b * n + a]);
  }
});

test("wignerD refuses half-integer frequencies, quaternions of another norm and matrices", () => {
  const quaternion: Quaternion = [0, 0, 0, 1];
  assertThrows(() => wignerD(1.5, quaternion), GroupError, "expected an integer l of 0 or more");
  assertThrows(() => wignerD(-1, quaternion), GroupError);
  assertThrows(() => wignerD(2, [1, 0, 0, 1]), GroupError, "a unit quaternion [x, y, z, w], got l = 2, [1,0,0,1]");
  assertThrows(
    () => wignerD(2, [1, 0, 0, 0, 1, 0, 0, 0, 1] as unknown as Quaternion),
    GroupError,
    "matrixToQuaternion",
  );
});
