/**
 * Rotations of space as unit quaternions `[x, y, z, w]` (scalar last, active, q and −q the same rotation), as 3 × 3
 * matrices on (x, y, z), as rotation vectors (axis times angle) and as Euler angles in all 24 conventions. Conversions
 * go through the quaternion; the names follow one grid, `matrixToQuaternion`, `eulerToMatrix` and so on. The matrix is
 * turned into a quaternion by the method of Shepperd (1978), which divides by the largest component.
 */

import { atan2, cos, sin } from "../math/functions.ts";
import { cosSinOfAngle } from "./planar.ts";
import { EULER_CONVENTIONS, type EulerConvention, eulerToQuaternion, quaternionToEuler } from "./euler_angles.ts";
import type { ElementValue, Quaternion, Vector3 } from "./types.ts";

export type { Quaternion, Vector3 };

/** The rotation that does nothing. */
export const IDENTITY_ROTATION: Quaternion = [0, 0, 0, 1];

/** The quaternion scaled to norm 1. */
export function normalizeQuaternion([x, y, z, w]: Quaternion): Quaternion {
  const norm = Math.sqrt(x * x + y * y + z * z + w * w);
  return [x / norm, y / norm, z / norm, w / norm];
}

/** The rotation `a` after the rotation `b`, normalized. */
export function multiplyQuaternions(a: Quaternion, b: Quaternion): Quaternion {
  const [x, y, z, w] = a;
  const [p, q, r, s] = b;
  return normalizeQuaternion([
    w * p + x * s + (y * r - z * q),
    w * q + y * s + (z * p - x * r),
    w * r + z * s + (x * q - y * p),
    w * s - (x * p + y * q + z * r),
  ]);
}

/** The inverse rotation. */
export function conjugateQuaternion([x, y, z, w]: Quaternion): Quaternion {
  return [0 - x, 0 - y, 0 - z, w];
}

/** Whether both are the same rotation: components equal to within `tolerance`, up to a common sign. */
export function sameRotation(a: Quaternion, b: Quaternion, tolerance = 1e-8): boolean {
  let [plus, minus] = [0, 0];
  for (let i = 0; i < 4; i++) {
    plus = Math.max(plus, Math.abs(a[i] - b[i]));
    minus = Math.max(minus, Math.abs(a[i] + b[i]));
  }
  return Math.min(plus, minus) <= tolerance;
}

/** Of q and −q the one whose first component, from w down to x, that is not zero (to 1e-9) is positive. */
export function canonicalQuaternion(q: Quaternion): Quaternion {
  for (const i of [3, 2, 1, 0]) {
    if (Math.abs(q[i]) <= 1e-9) continue;
    return q[i] > 0 ? q : [0 - q[0], 0 - q[1], 0 - q[2], 0 - q[3]];
  }
  return q;
}

/** The vector moved by the rotation. */
export function rotateVector(q: Quaternion, [a, b, c]: Vector3): Vector3 {
  const m = quaternionToMatrix(q);
  return [m[0] * a + m[1] * b + m[2] * c, m[3] * a + m[4] * b + m[5] * c, m[6] * a + m[7] * b + m[8] * c];
}

/** The rotation by `angle` radians about an axis of any positive length. */
export function axisAngleToQuaternion([x, y, z]: Vector3, angle: number): Quaternion {
  const [c, s] = cosSinOfAngle(angle / 2);
  const scale = s / Math.sqrt(x * x + y * y + z * z);
  return [x * scale, y * scale, z * scale, c];
}

/**
 * The rotation by the smallest angle that moves the unit vector `from` to the unit vector `to`; opposite vectors are
 * turned about an axis in the plane of x and y where that is possible, else about x.
 */
export function rotationBetween(from: Vector3, to: Vector3): Quaternion {
  const cross: Vector3 = [
    from[1] * to[2] - from[2] * to[1],
    from[2] * to[0] - from[0] * to[2],
    from[0] * to[1] - from[1] * to[0],
  ];
  const inner = from[0] * to[0] + from[1] * to[1] + from[2] * to[2];
  if (inner >= 0) return normalizeQuaternion([...cross, 1 + inner]);
  // Towards opposite vectors the cross product loses its digits: what it must be orthogonal to, and cos, keep theirs.
  const [a, b, c] = [from[0] - to[0], from[1] - to[1], from[2] - to[2]];
  const norm = Math.sqrt(a * a + b * b + c * c);
  const u: Vector3 = [a / norm, b / norm, c / norm];
  const [p, q, r] = [from[0] + to[0], from[1] + to[1], from[2] + to[2]];
  const along = cross[0] * u[0] + cross[1] * u[1] + cross[2] * u[2];
  const v = cross.map((x, k) => x - along * u[k]);
  const length = Math.sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
  const flat = Math.sqrt(u[0] * u[0] + u[1] * u[1]);
  const w = Math.sqrt(p * p + q * q + r * r) / 2;
  if (length <= 1e-14) {
    if (flat > 1e-6) return [0 - u[1] / flat, u[0] / flat, 0, 0];
    return normalizeQuaternion([1 - u[0] * u[0], 0 - u[0] * u[1], 0 - u[0] * u[2], 0]);
  }
  const scale = Math.sqrt(1 - w * w) / length;
  return normalizeQuaternion([v[0] * scale, v[1] * scale, v[2] * scale, w]);
}

/** The 3 × 3 matrix, row-major, of a unit quaternion. */
export function quaternionToMatrix([x, y, z, w]: Quaternion): Float64Array {
  return Float64Array.of(
    x * x - y * y - z * z + w * w,
    2 * (x * y - z * w),
    2 * (x * z + y * w),
    2 * (x * y + z * w),
    y * y - x * x - z * z + w * w,
    2 * (y * z - x * w),
    2 * (x * z - y * w),
    2 * (y * z + x * w),
    z * z - x * x - y * y + w * w,
  );
}

/** The unit quaternion of a 3 × 3 rotation matrix, row-major; w is not negative where it is the largest component. */
export function matrixToQuaternion(m: ArrayLike<number>): Quaternion {
  const trace = m[0] + m[4] + m[8];
  const candidates = [m[0], m[4], m[8], trace];
  let largest = 3;
  for (let i = 0; i < 3; i++) if (candidates[i] > candidates[largest]) largest = i;
  if (largest === 3) return normalizeQuaternion([m[7] - m[5], m[2] - m[6], m[3] - m[1], 1 + trace]);
  const [i, j, k] = [largest, (largest + 1) % 3, (largest + 2) % 3];
  const q = [0, 0, 0, m[3 * k + j] - m[3 * j + k]];
  q[i] = 1 - trace + 2 * m[4 * i];
  q[j] = m[3 * j + i] + m[3 * i + j];
  q[k] = m[3 * k + i] + m[3 * i + k];
  return normalizeQuaternion([q[0], q[1], q[2], q[3]]);
}

/** The rotation vector: the axis times the angle in [0, π]. */
export function quaternionToRotationVector(q: Quaternion): Vector3 {
  // By the sign of w where there is one, however small: the angle must not pass π.
  const [x, y, z, w] = q[3] === 0 ? canonicalQuaternion(q) : q[3] > 0 ? q : [0 - q[0], 0 - q[1], 0 - q[2], 0 - q[3]];
  const s = Math.sqrt(x * x + y * y + z * z);
  const scale = s < 1e-160 ? 2 : 2 * atan2(s, w) / s;
  return [x * scale, y * scale, z * scale];
}

/** The unit quaternion of a rotation vector (axis times angle in radians). */
export function rotationVectorToQuaternion([x, y, z]: Vector3): Quaternion {
  const angle = Math.sqrt(x * x + y * y + z * z);
  const scale = angle < 1e-160 ? 0.5 : sin(angle / 2) / angle;
  return normalizeQuaternion([x * scale, y * scale, z * scale, cos(angle / 2)]);
}

/** The 3 × 3 matrix, row-major, of a rotation vector. */
export function rotationVectorToMatrix(v: Vector3): Float64Array {
  return quaternionToMatrix(rotationVectorToQuaternion(v));
}

/** The rotation vector of a 3 × 3 rotation matrix, row-major. */
export function matrixToRotationVector(m: ArrayLike<number>): Vector3 {
  return quaternionToRotationVector(matrixToQuaternion(m));
}

/** The 3 × 3 matrix, row-major, of Euler angles, see {@linkcode eulerToQuaternion}. */
export function eulerToMatrix(angles: Vector3, convention: EulerConvention): Float64Array {
  return quaternionToMatrix(eulerToQuaternion(angles, convention));
}

/** The Euler angles of a 3 × 3 rotation matrix, row-major, see {@linkcode quaternionToEuler}. */
export function matrixToEuler(m: ArrayLike<number>, convention: EulerConvention): Vector3 {
  return quaternionToEuler(matrixToQuaternion(m), convention);
}

/** The rotation vector of Euler angles, see {@linkcode eulerToQuaternion}. */
export function eulerToRotationVector(angles: Vector3, convention: EulerConvention): Vector3 {
  return quaternionToRotationVector(eulerToQuaternion(angles, convention));
}

/** The Euler angles of a rotation vector, see {@linkcode quaternionToEuler}. */
export function rotationVectorToEuler(v: Vector3, convention: EulerConvention): Vector3 {
  return quaternionToEuler(rotationVectorToQuaternion(v), convention);
}

/**
 * The names of the parametrizations of a rotation: `Q` quaternion `[x, y, z, w]`, `MAT` matrix as three rows
 * or as nine numbers row by row, `EV` rotation vector, and the Euler conventions, see {@linkcode eulerToQuaternion}.
 */
export const ROTATION_PARAMETRIZATIONS: readonly string[] = ["Q", "MAT", "EV", ...EULER_CONVENTIONS];

function numbersOf(value: ElementValue, count: number): number[] | undefined {
  if (typeof value === "number" || value.length !== count) return undefined;
  const out: number[] = [];
  for (const v of value) {
    if (typeof v !== "number" || v - v !== 0) return undefined;
    out.push(v);
  }
  return out;
}

function isEuler(parametrization: string): parametrization is EulerConvention {
  return EULER_CONVENTIONS.some((name) => name === parametrization);
}

/** The nine numbers of a matrix that is given as three rows or row by row; `undefined` for anything else. */
export function matrixOf(value: ElementValue): number[] | undefined {
  if (typeof value === "number") return undefined;
  if (value.length === 9) return numbersOf(value, 9);
  const m = value.length === 3 ? value.flatMap((row) => numbersOf(row, 3) ?? []) : [];
  return m.length === 9 ? m : undefined;
}

/** What a value in one of the {@linkcode ROTATION_PARAMETRIZATIONS} is. */
export function describeRotationValue(parametrization: string): string {
  if (parametrization === "Q") return "a unit quaternion [x, y, z, w], the scalar last";
  if (parametrization === "MAT") return "an orthogonal matrix of determinant 1, three rows or nine numbers row by row";
  if (parametrization === "EV") return "a rotation vector [x, y, z], the axis times the angle in radians";
  return `three angles in radians about the axes ${parametrization}, of fixed axes in lower case, of moving ones in upper case`;
}

/**
 * The unit quaternion that a value names in one of the {@linkcode ROTATION_PARAMETRIZATIONS}, or `undefined`: for a
 * quaternion whose norm, or a matrix whose orthogonality or determinant, is wrong by more than 1e-6.
 */
export function parseRotation(value: ElementValue, parametrization: string): Quaternion | undefined {
  if (parametrization === "Q") {
    const q = numbersOf(value, 4);
    if (q === undefined) return undefined;
    const norm = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3];
    return Math.abs(norm - 1) <= 2e-6 ? normalizeQuaternion([q[0], q[1], q[2], q[3]]) : undefined;
  }
  if (parametrization === "MAT") {
    const m = matrixOf(value);
    if (m === undefined) return undefined;
    // A matrix that is no rotation differs from every rotation, the nearest one included.
    const q = matrixToQuaternion(m);
    return quaternionToMatrix(q).every((v, i) => Math.abs(v - m[i]) <= 1e-6) ? q : undefined;
  }
  const v = numbersOf(value, 3);
  if (v === undefined) return undefined;
  if (parametrization === "EV") return rotationVectorToQuaternion([v[0], v[1], v[2]]);
  return isEuler(parametrization) ? eulerToQuaternion([v[0], v[1], v[2]], parametrization) : undefined;
}

/** The value of a unit quaternion in one of the {@linkcode ROTATION_PARAMETRIZATIONS}. Throws `RangeError` for others. */
export function formatRotation(q: Quaternion, parametrization: string): ElementValue {
  if (parametrization === "Q") return q;
  if (parametrization === "EV") return quaternionToRotationVector(q);
  if (parametrization === "MAT") {
    const m = quaternionToMatrix(q);
    return [[m[0], m[1], m[2]], [m[3], m[4], m[5]], [m[6], m[7], m[8]]];
  }
  if (isEuler(parametrization)) return quaternionToEuler(q, parametrization);
  throw new RangeError(
    `formatRotation: expected one of ${ROTATION_PARAMETRIZATIONS.join(", ")}, got ${parametrization}.`,
  );
}

/** The quaternion that a value in the parametrization `Q` is; the value of an element is one. */
export function quaternionOf(value: ElementValue): Quaternion {
  if (typeof value === "number") return IDENTITY_ROTATION;
  return [Number(value[0]), Number(value[1]), Number(value[2]), Number(value[3])];
}
