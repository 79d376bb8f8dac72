/**
 * What the groups of the plane (C_N, D_N, SO(2), O(2)) share: exact rotation matrices, the folding of a frequency that a
 * finite group cannot tell from a lower one, and Clebsch-Gordan coefficients of planar rotations (the addition theorems
 * of sine and cosine).
 */

import { cos, sin } from "../math/functions.ts";
import { identityMatrix } from "../math/linear_algebra.ts";
import type { ClebschGordan, ElementValue } from "./types.ts";

/** 2π. */
export const TURN = 6.283185307179586;

/** Cosine and sine of `n` / `count` of a turn for integers: exact at multiples of an eighth, symmetric everywhere. */
export function cosSinOfTurn(n: number, count: number): readonly [number, number] {
  const step = ((n % count) + count) % count;
  const quadrant = Math.floor(4 * step / count);
  const rest = 4 * step - quadrant * count; // of a quarter turn, in units of 1 / count
  let c = 1;
  let s = 0;
  if (rest > 0) {
    const mirrored = 2 * rest > count;
    const angle = (mirrored ? count - rest : rest) / count * (TURN / 4);
    c = 2 * rest === count ? Math.sqrt(0.5) : cos(angle);
    s = 2 * rest === count ? c : sin(angle);
    if (mirrored) [c, s] = [s, c];
  }
  if (quadrant === 0) return [c, s];
  if (quadrant === 1) return [-s, c];
  if (quadrant === 2) return [-c, -s];
  return [s, -c];
}

/** The 2 × 2 rotation with a cosine and a sine, after a reflection of the second coordinate when `flip` is 1. */
export function rotationMatrix([c, s]: readonly [number, number], flip = 0): Float64Array {
  return flip === 0 ? Float64Array.of(c, -s, s, c) : Float64Array.of(c, s, s, -c);
}

/** Cosine and sine of an angle in radians, exact (to 1e-15 around them) at multiples of a quarter turn. */
export function cosSinOfAngle(angle: number): readonly [number, number] {
  const quarters = angle / (TURN / 4);
  const nearest = Math.floor(quarters + 0.5);
  if (Math.abs(quarters - nearest) < 1e-15 * Math.max(1, Math.abs(quarters))) return cosSinOfTurn(nearest, 4);
  return [cos(angle), sin(angle)];
}

/** An angle in [0, 2π). */
export function wrapAngle(angle: number): number {
  const wrapped = angle - Math.floor(angle / TURN) * TURN;
  return wrapped >= TURN || wrapped < 0 ? 0 : wrapped;
}

/** Whether two angles are equal modulo 2π, to 1e-8. */
export function sameAngle(a: number, b: number): boolean {
  const d = wrapAngle(a - b);
  return Math.min(d, TURN - d) <= 1e-8;
}

/** A key of an angle modulo 2π, rounded to 1e-5. */
export function hashAngle(angle: number): string {
  const count = Math.floor(TURN * 1e5 + 0.5);
  return String(Math.floor(wrapAngle(angle) / TURN * count + 0.5) % count);
}

/** The index modulo `count` of the multiple of 2π / `count` that an angle is (to 1e-8), else `undefined`. */
export function stepOfAngle(angle: number, count: number): number | undefined {
  const step = Math.floor(angle / TURN * count + 0.5);
  if (!sameAngle(angle, step / count * TURN)) return undefined;
  return ((step % count) + count) % count;
}

/** A value `[f, second]`: a reflection if f is 1, then a rotation by `second` steps or radians. */
export type FlipValue = readonly [flip: number, rotation: number];

/** A normalized value of a group with reflections as a pair. */
export function flipValue(value: ElementValue): FlipValue {
  if (typeof value === "number") return [0, value];
  return [Number(value[0]), Number(value[1])];
}

/** The pair `[f, second]` that a value is, else `undefined`; f is 0 or 1. */
export function flipPair(value: ElementValue): readonly [number, ElementValue] | undefined {
  if (typeof value === "number" || value.length !== 2) return undefined;
  const [f, second] = value;
  return f === 0 || f === 1 ? [f, second] : undefined;
}

/** The angle of a 2 × 2 rotation matrix `[[c, -s], [s, c]]`, else `undefined`. */
export function rotationAngle(
  value: ElementValue,
  atan2: (y: number, x: number) => number,
): number | undefined {
  if (typeof value === "number" || value.length !== 2) return undefined;
  const flat: number[] = [];
  for (const row of value) {
    if (typeof row === "number" || row.length !== 2) return undefined;
    for (const v of row) if (typeof v === "number") flat.push(v);
  }
  if (flat.length !== 4) return undefined;
  const [c, minusS, s, c2] = flat;
  if (!(Math.abs(c - c2) <= 1e-6 && Math.abs(s + minusS) <= 1e-6 && Math.abs(c * c + s * s - 1) <= 1e-6)) {
    return undefined;
  }
  return wrapAngle(atan2(s, c));
}

/** How C_M sees frequency k: the frequency in 0…M/2, and whether the second coordinate changes sign. */
export function foldFrequency(k: number, m: number): { readonly frequency: number; readonly mirrored: boolean } {
  const r = ((k % m) + m) % m;
  return 2 * r > m ? { frequency: m - r, mirrored: true } : { frequency: r, mirrored: false };
}

/** diag(1, −1). */
export function mirrorMatrix(): Float64Array {
  return Float64Array.of(1, 0, 0, -1);
}

/** A term of the product of two planar harmonics: columns over the rows (cos cos, cos sin, sin cos, sin sin). */
export interface HarmonicTerm {
  /** The frequency of the term, m + n or |m − n|. */
  readonly frequency: number;
  /** The column that a reflection of both factors leaves. */
  readonly even: readonly number[];
  /** The column that it negates. */
  readonly odd: readonly number[];
}

const H = Math.sqrt(0.5);

/** The two terms of the product of planar harmonics of frequencies m, n ≥ 1: the difference, then the sum. */
export function harmonicTerms(m: number, n: number): readonly [HarmonicTerm, HarmonicTerm] {
  const sign = m < n ? -H : H;
  return [
    { frequency: Math.abs(m - n), even: [H, 0, 0, H], odd: [0, -sign, sign, 0] },
    { frequency: m + n, even: [H, 0, 0, -H], odd: [0, H, H, 0] },
  ];
}

/** Coefficients with the given columns: copies of an irrep of dimension `size`, copy major. */
export function columnsToCoefficients(columns: readonly (readonly number[])[], size: number): ClebschGordan {
  const width = columns.length;
  const rows = width === 0 ? 0 : columns[0].length;
  const coefficients = new Float64Array(rows * width);
  columns.forEach((column, c) => column.forEach((v, r) => coefficients[r * width + c] = v));
  return { copies: width / size, coefficients };
}

/** The coefficients of an isomorphism: one copy, its matrix [size, size]. */
export function isomorphism(matrix: Float64Array): ClebschGordan {
  return { copies: 1, coefficients: matrix };
}

/** The identity as coefficients. */
export function identityCoefficients(size: number): ClebschGordan {
  return isomorphism(identityMatrix(size));
}
