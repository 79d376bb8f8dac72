/**
 * What the planar groups with reflections (D_N and O(2)) share. Elements are r_θ s^f, s the reflection of the second
 * axis; irreps `[f, k]`: `[0,0]`, the sign `[1,0]` of a reflection, rotations by k times the angle `[1,k]`, and for even
 * N also `[0,N/2]`, `[1,N/2]` of dimension 1. O(2) is the case N = ∞.
 */

import { identityMatrix, multiplyMatrices } from "../math/linear_algebra.ts";
import {
  columnsToCoefficients,
  foldFrequency,
  harmonicTerms,
  identityCoefficients,
  isomorphism,
  mirrorMatrix,
} from "./planar.ts";
import type { ClebschGordan, Decomposition, IrrepId } from "./types.ts";

/** The dimension of `[f, k]` for rotations of order `order`. */
export function dimensionWithFlips(k: number, order: number): 1 | 2 {
  return k === 0 || 2 * k === order ? 1 : 2;
}

/** Whether `[f, k]` is an irrep for rotations of order `order`. */
export function isIrrepWithFlips(id: IrrepId, order: number): id is readonly [number, number] {
  const [f, k] = id;
  if (id.length !== 2 || (f !== 0 && f !== 1) || typeof k !== "number") return false;
  return Number.isInteger(k) && k >= 0 && 2 * k <= order && (f === 1 || dimensionWithFlips(k, order) === 1);
}

/** The frequency m + n as seen by rotations of order `order`. */
function fold(frequency: number, order: number): { readonly frequency: number; readonly mirrored: boolean } {
  return order === Infinity ? { frequency, mirrored: false } : foldFrequency(frequency, order);
}

/** The irreps of m ⊗ n: the difference of the frequencies, then their sum. */
export function tensorWithFlips(
  m: IrrepId,
  n: IrrepId,
  order: number,
): readonly { readonly irrep: IrrepId; readonly copies: number }[] {
  const [a, k] = [Number(m[0]), Number(m[1])];
  const [b, l] = [Number(n[0]), Number(n[1])];
  const sum = fold(k + l, order).frequency;
  if (dimensionWithFlips(k, order) === 1 || dimensionWithFlips(l, order) === 1) {
    return [{ irrep: [dimensionWithFlips(sum, order) === 1 ? (a + b) % 2 : 1, sum], copies: 1 }];
  }
  return [Math.abs(k - l), sum].flatMap((frequency) =>
    dimensionWithFlips(frequency, order) === 1
      ? [{ irrep: [0, frequency], copies: 1 }, { irrep: [1, frequency], copies: 1 }]
      : [{ irrep: [1, frequency], copies: 1 }]
  );
}

/** The coefficients of m ⊗ n → j by the addition theorems. */
export function clebschGordanWithFlips(m: IrrepId, n: IrrepId, j: IrrepId, order: number): ClebschGordan {
  const none: ClebschGordan = { copies: 0, coefficients: new Float64Array(0) };
  const [a, k] = [Number(m[0]), Number(m[1])];
  const [b, l] = [Number(n[0]), Number(n[1])];
  const [f, target] = [Number(j[0]), Number(j[1])];
  const size = dimensionWithFlips(target, order);
  const single = dimensionWithFlips(k, order) === 1 || dimensionWithFlips(l, order) === 1;
  if (single) {
    const sum = fold(k + l, order);
    if (sum.frequency !== target) return none;
    if (size === 1) return (a + b) % 2 === f ? identityCoefficients(1) : none;
    // The sign of a reflection turns a harmonic by a quarter turn, the sign of a rotation by 2π/N mirrors it.
    const sign = dimensionWithFlips(k, order) === 1 ? a : b;
    const turn = sign === 1 ? Float64Array.of(0, 1, -1, 0) : identityMatrix(2);
    return isomorphism(sum.mirrored ? multiplyMatrices(turn, mirrorMatrix(), 2, 2, 2) : turn);
  }
  const columns: (readonly number[])[] = [];
  for (const { frequency, even, odd } of harmonicTerms(k, l)) {
    const folded = fold(frequency, order);
    if (folded.frequency !== target) continue;
    if (size === 1) columns.push(f === 0 ? even : odd);
    else columns.push(even, folded.mirrored ? odd.map((v) => -v) : odd);
  }
  return columns.length === 0 ? none : columnsToCoefficients(columns, size);
}

/**
 * The irrep `[1, k]` of a group with reflections, of dimension 2, restricted to the subgroup of rotations of order `order`
 * and the reflection whose axis lies at half the angle of `axis` = (cos, sin) of k times that half angle: the rotation
 * into the axis, then folded frequencies. For `order` 1 the subgroup is C_2.
 */
export function restrictToFlips(k: number, axis: readonly [number, number], order: number): Decomposition {
  const [c, s] = axis;
  const turn = Float64Array.of(c, -s, s, c);
  if (order === 1) return { irreps: [[0], [1]], changeOfBasis: turn };
  const { frequency, mirrored } = fold(k, order);
  const irreps: IrrepId[] = dimensionWithFlips(frequency, order) === 1
    ? [[0, frequency], [1, frequency]]
    : [[1, frequency]];
  return { irreps, changeOfBasis: mirrored ? multiplyMatrices(turn, mirrorMatrix(), 2, 2, 2) : turn };
}
