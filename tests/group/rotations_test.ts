// covers: src/group/euler_angles.ts
import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../src/group/errors.ts";
import {
  EULER_CONVENTIONS,
  type EulerConvention,
  eulerToQuaternion,
  quaternionToEuler,
} from "../../src/group/euler_angles.ts";
import {
  axisAngleToQuaternion,
  canonicalQuaternion,
  conjugateQuaternion,
  eulerToMatrix,
  eulerToRotationVector,
  formatRotation,
  matrixToEuler,
  matrixToQuaternion,
  matrixToRotationVector,
  multiplyQuaternions,
  normalizeQuaternion,
  parseRotation,
  type Quaternion,
  quaternionToMatrix,
  quaternionToRotationVector,
  rotateVector,
  ROTATION_PARAMETRIZATIONS,
  rotationBetween,
  rotationVectorToEuler,
  rotationVectorToMatrix,
  rotationVectorToQuaternion,
  sameRotation,
  type Vector3,
} from "../../src/group/rotations.ts";
import { isOrthogonal, maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

const component = fc.double({ min: -1, max: 1, noNaN: true });
const rotation = fc.tuple(component, component, component, component)
  .filter((q) => q.reduce((sum, v) => sum + v * v, 0) > 1e-3)
  .map((q): Quaternion => normalizeQuaternion(q));
const angle = fc.double({ min: -3.1, max: 3.1, noNaN: true });
const angles = fc.tuple(angle, angle, angle);

test("quaternionToMatrix is orthogonal and a homomorphism to 1e-14", () => {
  fc.assert(fc.property(rotation, rotation, (p, q) => {
    const [a, b] = [quaternionToMatrix(p), quaternionToMatrix(q)];
    assert(isOrthogonal(a, 3, 1e-14));
    const product = quaternionToMatrix(multiplyQuaternions(p, q));
    assert(maximumDifference(multiplyMatrices(a, b, 3, 3, 3), product) < 1e-14);
  }));
});

test("conjugateQuaternion inverts, and q and −q are the same rotation", () => {
  fc.assert(fc.property(rotation, (q) => {
    assert(sameRotation(multiplyQuaternions(q, conjugateQuaternion(q)), [0, 0, 0, 1], 1e-15));
    const negative: Quaternion = [-q[0], -q[1], -q[2], -q[3]];
    assert(sameRotation(q, negative, 0));
    assertEquals(canonicalQuaternion(negative), canonicalQuaternion(q));
    assertEquals([...quaternionToMatrix(negative)], [...quaternionToMatrix(q)]);
  }));
  assert(!sameRotation([0, 0, 0, 1], [0, 0, 1, 0]));
});

test("every parametrization converts back and forth to 1e-8, at any rotation", () => {
  assertEquals(ROTATION_PARAMETRIZATIONS.length, 27);
  fc.assert(fc.property(rotation, fc.constantFrom(...ROTATION_PARAMETRIZATIONS), (q, name) => {
    const back = parseRotation(formatRotation(q, name), name);
    assert(back !== undefined && sameRotation(back, q, 1e-8), `${name}: ${back}`);
  }));
});

test("Euler angles: xyz is R_z R_y R_x, XYZ is R_x R_y R_z, to 1e-14", () => {
  fc.assert(fc.property(angles, ([a, b, c]) => {
    const turns = [[1, 0, 0], [0, 1, 0], [0, 0, 1]].map(([x, y, z], i) =>
      axisAngleToQuaternion([x, y, z], [a, b, c][i])
    );
    const [x, y, z] = turns;
    const fixed = multiplyQuaternions(z, multiplyQuaternions(y, x));
    assert(sameRotation(eulerToQuaternion([a, b, c], "xyz"), fixed, 1e-14));
    const moving = multiplyQuaternions(x, multiplyQuaternions(y, z));
    assert(sameRotation(eulerToQuaternion([a, b, c], "XYZ"), moving, 1e-14));
  }));
});

test("Euler angles: upper case is lower case read backwards", () => {
  for (const name of EULER_CONVENTIONS.slice(12)) {
    const reversed = [...name.toLowerCase()].reverse().join("");
    const other = EULER_CONVENTIONS.find((c) => c === reversed);
    assert(other !== undefined);
    assertEquals(eulerToQuaternion([0.3, 1.1, -2], name), eulerToQuaternion([-2, 1.1, 0.3], other));
  }
});

test("Euler angles lie in their ranges and keep the rotation at singularities", () => {
  for (const name of EULER_CONVENTIONS) {
    const proper = name[0] === name[2];
    const middles = proper ? [0, 1e-12, Math.PI] : [Math.PI / 2, -Math.PI / 2, Math.PI / 2 - 1e-12];
    for (const middle of middles) {
      const q = eulerToQuaternion([0.7, middle, -1.9], name);
      const found = quaternionToEuler(q, name);
      assert(sameRotation(eulerToQuaternion(found, name), q, 1e-9), `${name} at ${middle}`);
    }
  }
  fc.assert(fc.property(rotation, fc.constantFrom(...EULER_CONVENTIONS), (q, name) => {
    const [first, middle, last] = quaternionToEuler(q, name);
    const [from, to] = name[0] === name[2] ? [0, Math.PI] : [-Math.PI / 2, Math.PI / 2];
    assert(middle >= from - 1e-15 && middle <= to + 1e-15, `${name} ${middle}`);
    for (const outer of [first, last]) assert(outer > -Math.PI - 1e-15 && outer <= Math.PI + 1e-15);
  }));
});

test("rotation vectors: angle in [0, π], small ones to full precision", () => {
  fc.assert(fc.property(rotation, (q) => {
    const v = quaternionToRotationVector(q);
    assert(Math.hypot(...v) <= Math.PI + 1e-15);
    assert(sameRotation(rotationVectorToQuaternion(v), q, 1e-15 * 8));
  }));
  assertEquals(quaternionToRotationVector([0, 0, 0, 1]), [0, 0, 0]);
  assertAlmostEquals(quaternionToRotationVector(rotationVectorToQuaternion([1e-12, 0, 0]))[0], 1e-12, 1e-27);
});

test("the conversions between matrices, vectors and Euler angles agree with those through quaternions", () => {
  fc.assert(fc.property(rotation, (q) => {
    const m = quaternionToMatrix(q);
    assert(sameRotation(matrixToQuaternion(m), q, 1e-14));
    assert(sameRotation(rotationVectorToQuaternion(matrixToRotationVector(m)), q, 1e-13));
    assert(sameRotation(eulerToQuaternion(matrixToEuler(m, "zyx"), "zyx"), q, 1e-8));
    const v = quaternionToRotationVector(q);
    assert(maximumDifference(rotationVectorToMatrix(v), m) < 1e-14);
    const e = rotationVectorToEuler(v, "ZXZ");
    assert(maximumDifference(eulerToMatrix(e, "ZXZ"), m) < 1e-8);
    assert(sameRotation(rotationVectorToQuaternion(eulerToRotationVector(e, "ZXZ")), q, 1e-8));
  }));
});

test("rotationBetween moves one vector to the other, opposite ones too", () => {
  const unit = (q: Quaternion): Vector3 => rotateVector(q, [0, 0, 1]);
  const close = (a: Vector3, b: Vector3): void => assert(maximumDifference(a, b) < 1e-13, `${a} and ${b}`);
  fc.assert(fc.property(rotation, rotation, (p, q) => {
    const [from, to] = [unit(p), unit(q)];
    close(rotateVector(rotationBetween(from, to), from), to);
    close(rotateVector(rotationBetween(from, [-from[0], -from[1], -from[2]]), from), [-from[0], -from[1], -from[2]]);
  }));
});

test("axisAngleToQuaternion is exact at quarter turns of any axis length", () => {
  assertEquals(axisAngleToQuaternion([0, 0, 7], Math.PI), [0, 0, 1, 0]);
  assertEquals([...quaternionToMatrix(axisAngleToQuaternion([0, 0, 1], Math.PI))], [-1, 0, 0, 0, -1, 0, 0, 0, 1]);
});

test("parseRotation refuses what is no rotation", () => {
  assertEquals(parseRotation([0, 0, 0, 2], "Q"), undefined);
  assertEquals(parseRotation([0, 0, 1], "Q"), undefined);
  assertEquals(parseRotation([0, 0, NaN, 1], "Q"), undefined);
  assertEquals(parseRotation([[1, 0, 0], [0, 1, 0], [0, 0, -1]], "MAT"), undefined);
  assertEquals(parseRotation([[1, 0, 0], [0, 1, 0.1], [0, 0, 1]], "MAT"), undefined);
  assertEquals(parseRotation([[2, 0, 0], [0, 2, 0], [0, 0, 2]], "MAT"), undefined);
  assertEquals(parseRotation([1, 2], "EV"), undefined);
  assertEquals(parseRotation([1, 2, 3], "xxx"), undefined);
  assertThrows(() => formatRotation([0, 0, 0, 1], "xxx"), RangeError, "xxx");
});

test("Euler angles refuse the name of no convention", () => {
  assertThrows(() => eulerToMatrix([1, 2, 3], "zzz" as EulerConvention), GroupError, 'got "zzz"');
  assertThrows(
    () => quaternionToEuler([0, 0, 0, 1], "ZYzZ" as EulerConvention),
    GroupError,
    "expected one of the conventions xyz",
  );
});
