/**
 * Circular harmonics: the functions 1, cos f(φ − φ₀), sin f(φ − φ₀) of the direction of a point of the plane. Under O(2)
 * those of frequency f transform by its irrep f. They are powers of a unit complex number, so that reflected and turned
 * points give reflected and turned values to the last bit.
 */

import { cosSinOfAngle } from "../group/planar.ts";
import { ORIGIN_RADIUS, type ValuesAndGradients } from "./spherical.ts";

/** The number of harmonics of a frequency: 1 or 2. */
export function circularHarmonicSize(frequency: number): 1 | 2 {
  return frequency === 0 ? 1 : 2;
}

/**
 * Circular harmonics of all frequencies up to a maximum.
 *
 * @param maximumFrequency The highest frequency L.
 * @param x The points' first coordinates.
 * @param y Their second coordinates.
 * @param axis φ₀ in radians, default 0.
 * @returns [2L + 1, points]: 1, cos(φ − φ₀), sin(φ − φ₀), cos 2(φ − φ₀), …; zero at the origin but for the first.
 */
export function circularHarmonics(
  maximumFrequency: number,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  axis = 0,
): Float64Array {
  const count = x.length;
  const out = new Float64Array((2 * maximumFrequency + 1) * count);
  const [ca, sa] = cosSinOfAngle(axis);
  for (let p = 0; p < count; p++) {
    out[p] = 1;
    const r = Math.sqrt(x[p] * x[p] + y[p] * y[p]);
    if (r < ORIGIN_RADIUS) continue;
    const c = (x[p] * ca + y[p] * sa) / r;
    const s = (y[p] * ca - x[p] * sa) / r;
    let re = 1;
    let im = 0;
    for (let f = 1; f <= maximumFrequency; f++) {
      const next = re * c - im * s;
      im = re * s + im * c;
      re = next;
      out[(2 * f - 1) * count + p] = re;
      out[2 * f * count + p] = im;
    }
  }
  return out;
}

/**
 * {@linkcode circularHarmonics} with axis 0 and their gradients with respect to the points, [2L + 1, points, 2]; zero at the
 * origin, where they have none.
 */
export function circularHarmonicGradients(
  maximumFrequency: number,
  x: ArrayLike<number>,
  y: ArrayLike<number>,
): ValuesAndGradients {
  const count = x.length;
  const values = circularHarmonics(maximumFrequency, x, y);
  const gradients = new Float64Array(values.length * 2);
  for (let p = 0; p < count; p++) {
    const rr = x[p] * x[p] + y[p] * y[p];
    if (Math.sqrt(rr) < ORIGIN_RADIUS) continue;
    // Along the angle: d cos fφ = −f sin fφ dφ with dφ = (−y, x) / r².
    const [ax, ay] = [0 - y[p] / rr, x[p] / rr];
    for (let f = 1; f <= maximumFrequency; f++) {
      const [c, s] = [(2 * f - 1) * count + p, 2 * f * count + p];
      const [dc, ds] = [0 - f * values[s], f * values[c]];
      gradients[2 * c] = dc * ax;
      gradients[2 * c + 1] = dc * ay;
      gradients[2 * s] = ds * ax;
      gradients[2 * s + 1] = ds * ay;
    }
  }
  return { values, gradients };
}
