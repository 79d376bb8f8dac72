/**
 * Euler angles in the 24 conventions: twelve triples of axes, about fixed axes (lower case) or about axes that move along
 * (upper case). Angles are found from the quaternion by the method of Bernardes and Viollet (2022), which needs no
 * matrix and covers all triples in one formula.
 */

import { atan2 } from "../math/functions.ts";
import { GroupError } from "./errors.ts";
import { cosSinOfAngle, TURN } from "./planar.ts";
import type { Quaternion, Vector3 } from "./types.ts";

/** The name of a convention: lower case about fixed axes, upper case about moving axes. */
export type EulerConvention =
  | "xyz"
  | "xzy"
  | "yxz"
  | "yzx"
  | "zxy"
  | "zyx"
  | "xyx"
  | "xzx"
  | "yxy"
  | "yzy"
  | "zxz"
  | "zyz"
  | "XYZ"
  | "XZY"
  | "YXZ"
  | "YZX"
  | "ZXY"
  | "ZYX"
  | "XYX"
  | "XZX"
  | "YXY"
  | "YZY"
  | "ZXZ"
  | "ZYZ";

/** The 24 conventions. */
export const EULER_CONVENTIONS: readonly EulerConvention[] = [
  "xyz",
  "xzy",
  "yxz",
  "yzx",
  "zxy",
  "zyx",
  "xyx",
  "xzx",
  "yxy",
  "yzy",
  "zxz",
  "zyz",
  "XYZ",
  "XZY",
  "YXZ",
  "YZX",
  "ZXY",
  "ZYX",
  "XYX",
  "XZX",
  "YXY",
  "YZY",
  "ZXZ",
  "ZYZ",
];

// The axes in the order of application about fixed axes, and whether the angles came in the opposite order.
function fixedAxes(convention: EulerConvention): { readonly axes: readonly number[]; readonly reversed: boolean } {
  if (!EULER_CONVENTIONS.includes(convention)) {
    throw new GroupError({
      op: "Euler angles",
      expected: `one of the conventions ${EULER_CONVENTIONS.join(", ")}`,
      actual: JSON.stringify(convention) ?? "none",
    });
  }
  const lower = convention.toLowerCase();
  const axes = [0, 1, 2].map((i) => lower.charCodeAt(i) - 120);
  return lower === convention ? { axes, reversed: false } : { axes: axes.reverse(), reversed: true };
}

/**
 * The unit quaternion `[x, y, z, w]` of three angles in radians. `xyz` rotates about the fixed x, then y, then z:
 * R_z(γ) R_y(β) R_x(α); `XYZ` about moving axes: R_x(α) R_y(β) R_z(γ).
 * Throws {@linkcode GroupError} for the name of no convention.
 */
export function eulerToQuaternion(angles: Vector3, convention: EulerConvention): Quaternion {
  const { axes, reversed } = fixedAxes(convention);
  let out: Quaternion = [0, 0, 0, 1];
  axes.forEach((axis, i) => {
    const [c, s] = cosSinOfAngle(angles[reversed ? 2 - i : i] / 2);
    // The product of a rotation about a coordinate axis and what came before.
    const [j, k] = [(axis + 1) % 3, (axis + 2) % 3];
    const next = [0, 0, 0, 0];
    next[axis] = c * out[axis] + s * out[3];
    next[j] = c * out[j] - s * out[k];
    next[k] = c * out[k] + s * out[j];
    next[3] = c * out[3] - s * out[axis];
    out = [next[0], next[1], next[2], next[3]];
  });
  const norm = Math.sqrt(out[0] * out[0] + out[1] * out[1] + out[2] * out[2] + out[3] * out[3]);
  return [out[0] / norm, out[1] / norm, out[2] / norm, out[3] / norm];
}

function wrapHalf(angle: number): number {
  if (angle > TURN / 2) return angle - TURN;
  return angle <= -TURN / 2 ? angle + TURN : angle;
}

/**
 * The three angles of a unit quaternion: the middle one in [0, π] when the outer axes agree, else in [−π/2, π/2], the
 * others in (−π, π]. At a singularity, where only a sum or difference of the outer angles counts, the last one in the
 * order of application about fixed axes is 0.
 */
export function quaternionToEuler(q: Quaternion, convention: EulerConvention): Vector3 {
  const { axes, reversed } = fixedAxes(convention);
  const [i, j] = axes;
  const k = 3 - i - j;
  const proper = axes[2] === i;
  const sign = (j - i + 3) % 3 === 1 ? 1 : -1;
  let [a, b, c, d] = [q[3], q[i], q[j], sign * q[k]];
  if (!proper) [a, b, c, d] = [a - c, b + d, c + a, d - b];
  const [outer, inner] = [Math.sqrt(a * a + b * b), Math.sqrt(c * c + d * d)];
  let middle = 2 * atan2(inner, outer);
  const scale = Math.sqrt(outer * outer + inner * inner);
  let first: number;
  let last = 0;
  if (inner <= 1e-9 * scale) first = 2 * atan2(b, a);
  else if (outer <= 1e-9 * scale) first = -2 * atan2(d, c);
  else {
    const [sum, difference] = [atan2(b, a), atan2(d, c)];
    first = sum - difference;
    last = sum + difference;
  }
  if (!proper) {
    last *= sign;
    middle -= TURN / 4;
  }
  // Twice an angle of atan2 lies within one turn of the range.
  first = wrapHalf(wrapHalf(first));
  last = wrapHalf(wrapHalf(last));
  return reversed ? [last, middle, first] : [first, middle, last];
}
