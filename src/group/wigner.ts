/**
 * Wigner D matrices in the basis of real spherical harmonics, m = −l … l with sines first (l = 1 is y, z, x): the irreps of
 * SO(3). D^l = X(α) J X(β) J X(γ) for the Euler angles ZYZ, with J the matrix of the half turn about (0, 1, 1)
 * (Pinchon & Hoggan 2007). J comes from the recursion of Ivanic and Ruedenberg (1996, with the correction of 1998).
 */

import { identityMatrix } from "../math/linear_algebra.ts";
import { GroupError } from "./errors.ts";
import { type Quaternion, quaternionToMatrix } from "./rotations.ts";

/**
 * The matrices D^0 … D^maximum of a rotation, each row-major [2l+1, 2l+1], by recursion from its 3 × 3 matrix. Use
 * {@linkcode wignerD} for a single frequency.
 */
export function wignerRecursion(maximum: number, q: Quaternion): readonly Float64Array[] {
  const [xx, xy, xz, yx, yy, yz, zx, zy, zz] = quaternionToMatrix(q);
  const first = Float64Array.of(yy, yz, yx, zy, zz, zx, xy, xz, xx);
  const all: Float64Array[] = [Float64Array.of(1), first];
  for (let l = 2; l <= maximum; l++) all.push(nextMatrix(l, first, all[l - 1]));
  return all.slice(0, maximum + 1);
}

// D^l from D^1 and D^(l−1).
function nextMatrix(l: number, first: Float64Array, last: Float64Array): Float64Array {
  const [n, w] = [2 * l + 1, 2 * l - 1];
  const at = (m: number, k: number): number => last[(m + l - 1) * w + k + l - 1];
  // A row i of D^1 with the column k of D^l, joined with the row m of D^(l−1).
  const joined = (i: number, m: number, k: number): number => {
    const row = (i + 1) * 3;
    if (k === l) return first[row + 2] * at(m, l - 1) - first[row] * at(m, 1 - l);
    if (k === -l) return first[row + 2] * at(m, 1 - l) + first[row] * at(m, l - 1);
    return first[row + 1] * at(m, k);
  };
  const v = (m: number, k: number): number => {
    if (m === 0) return joined(1, 1, k) + joined(-1, -1, k);
    if (m > 0) {
      return m === 1 ? Math.sqrt(2) * joined(1, 0, k) : joined(1, m - 1, k) - joined(-1, 1 - m, k);
    }
    return m === -1 ? Math.sqrt(2) * joined(-1, 0, k) : joined(1, m + 1, k) + joined(-1, -m - 1, k);
  };
  const u = (m: number, k: number): number => joined(0, m, k);
  const r = (m: number, k: number): number =>
    m > 0 ? joined(1, m + 1, k) + joined(-1, -m - 1, k) : joined(1, m - 1, k) - joined(-1, 1 - m, k);
  const out = new Float64Array(n * n);
  for (let m = -l; m <= l; m++) {
    const a = Math.abs(m);
    for (let k = -l; k <= l; k++) {
      const below = Math.abs(k) === l ? 2 * l * (2 * l - 1) : (l + k) * (l - k);
      let value = 0;
      if (a < l) value += Math.sqrt((l + m) * (l - m) / below) * u(m, k);
      const sum = m === 0 ? 2 * l * (l - 1) : (l + a - 1) * (l + a);
      value += (m === 0 ? -0.5 : 0.5) * Math.sqrt(sum / below) * v(m, k);
      if (m !== 0 && a < l - 1) value -= 0.5 * Math.sqrt((l - a - 1) * (l - a) / below) * r(m, k);
      out[(m + l) * n + k + l] = value;
    }
  }
  return out;
}

const halfTurns: Float64Array[] = [];

/** J of frequency l, row-major [2l+1, 2l+1]: D^l of the half turn about (0, 1, 1). It is its own inverse and transpose. */
export function wignerHalfTurn(l: number): Float64Array {
  if (halfTurns.length === 0) halfTurns.push(Float64Array.of(1), Float64Array.of(0, 1, 0, 1, 0, 0, 0, 0, -1));
  while (halfTurns.length <= l) {
    const next = nextMatrix(halfTurns.length, halfTurns[1], halfTurns[halfTurns.length - 1]);
    halfTurns.push(symmetrized(next, halfTurns.length));
  }
  return halfTurns[l];
}

// J is symmetric and couples only half of the entries; the rest is rounding.
function symmetrized(j: Float64Array, l: number): Float64Array {
  const n = 2 * l + 1;
  const out = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let b = a; b < n; b++) {
      const v = (j[a * n + b] + j[b * n + a]) / 2;
      out[a * n + b] = out[b * n + a] = Math.abs(v) < 1e-15 ? 0 : v;
    }
  }
  return out;
}

// Cosine and sine of an angle from a vector along it, (1, 0) for none.
function direction(re: number, im: number): readonly [number, number] {
  const scale = Math.max(Math.abs(re), Math.abs(im));
  if (scale === 0) return [1, 0];
  const [a, b] = [re / scale, im / scale];
  const norm = Math.sqrt(a * a + b * b);
  return [a / norm, b / norm];
}

// Multiplies the rows of a [n, n] from the left by X(θ), (c, s) the cosine and sine of θ.
function turnRows(a: Float64Array, l: number, c: number, s: number): void {
  const n = 2 * l + 1;
  let [cm, sm] = [1, 0];
  for (let m = 1; m <= l; m++) {
    [cm, sm] = [cm * c - sm * s, sm * c + cm * s];
    const [plus, minus] = [(l + m) * n, (l - m) * n];
    for (let k = 0; k < n; k++) {
      const [x, y] = [a[plus + k], a[minus + k]];
      a[plus + k] = cm * x - sm * y;
      a[minus + k] = sm * x + cm * y;
    }
  }
}

// Multiplies the columns of a [n, n] from the right by X(θ).
function turnColumns(a: Float64Array, l: number, c: number, s: number): void {
  const n = 2 * l + 1;
  let [cm, sm] = [1, 0];
  for (let m = 1; m <= l; m++) {
    [cm, sm] = [cm * c - sm * s, sm * c + cm * s];
    for (let row = 0; row < n * n; row += n) {
      const [x, y] = [a[row + l + m], a[row + l - m]];
      a[row + l + m] = cm * x + sm * y;
      a[row + l - m] = cm * y - sm * x;
    }
  }
}

/**
 * The matrix D^l of a rotation, row-major [2l+1, 2l+1], with D^l(g) Y(x) = Y(g x) for the real spherical harmonics Y.
 *
 * @param l The frequency, an integer ≥ 0.
 * @param q The rotation as a unit quaternion `[x, y, z, w]`.
 * @throws {@linkcode GroupError} for another frequency, or what is no unit quaternion.
 */
export function wignerD(l: number, q: Quaternion): Float64Array {
  const norm = q[0] * q[0] + q[1] * q[1] + q[2] * q[2] + q[3] * q[3];
  if (!(Number.isInteger(l) && l >= 0 && q.length === 4 && Math.abs(norm - 1) <= 1e-5)) {
    throw new GroupError({
      op: "wignerD",
      expected: "an integer l of 0 or more and a unit quaternion [x, y, z, w]",
      actual: `l = ${l}, [${q}]`,
      hint: 'matrixToQuaternion, eulerToQuaternion and element.to("Q") give quaternions.',
    });
  }
  if (l <= 1) return wignerRecursion(l, q)[l];
  const n = 2 * l + 1;
  const [x, y, z, w] = q;
  // With (w, z) = cos(β/2)·(cos, sin)((α+γ)/2) and (y, −x) = sin(β/2)·(cos, sin)((α−γ)/2).
  const [cSum, sSum] = direction(w, z);
  const [cDifference, sDifference] = direction(y, 0 - x);
  if (x === 0 && y === 0) {
    const about = identityMatrix(n);
    turnRows(about, l, cSum * cSum - sSum * sSum, 2 * sSum * cSum);
    return about;
  }
  const [outer, inner] = [Math.sqrt(w * w + z * z), Math.sqrt(x * x + y * y)];
  const j = wignerHalfTurn(l);
  const left = j.slice();
  turnRows(left, l, outer * outer - inner * inner, 2 * outer * inner);
  const out = new Float64Array(n * n);
  for (let a = 0; a < n; a++) {
    for (let k = 0; k < n; k++) {
      const v = j[a * n + k];
      if (v === 0) continue;
      for (let b = 0; b < n; b++) out[a * n + b] += v * left[k * n + b];
    }
  }
  turnRows(out, l, cSum * cDifference - sSum * sDifference, sSum * cDifference + cSum * sDifference);
  turnColumns(out, l, cSum * cDifference + sSum * sDifference, sSum * cDifference - cSum * sDifference);
  return out;
}
