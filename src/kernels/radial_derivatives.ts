/**
 * Harmonic polynomials of the derivatives, and powers of the Laplacian, applied to radial functions: by Hobson's theorem
 * Y(∂) φ(|x|) = Y(x) ((1/r) d/dr)^l φ for a harmonic polynomial Y of degree l, so that only a function of r² remains.
 */

import { exp } from "../math/functions.ts";

/**
 * For a degree l, a power k and a dimension d the function F of s = r² with Y(∂) Δ^k φ(|x|) = Y(x) F(|x|²) for each harmonic
 * polynomial Y of degree l.
 */
export type RadialDerivative = (degree: number, power: number, dimension: number) => (s: number) => number;

// p′ of a polynomial by ascending powers.
function derivative(p: readonly number[]): number[] {
  return p.slice(1).map((v, i) => (i + 1) * v);
}

function add(...terms: readonly (readonly [number, readonly number[]])[]): number[] {
  const out: number[] = [];
  for (const [factor, p] of terms) p.forEach((v, i) => out[i] = (out[i] ?? 0) + factor * v);
  return out;
}

/** For φ = exp(−a r²). */
export function gaussianDerivative(a: number): RadialDerivative {
  // φ as p(s) exp(−a s): d/ds makes p′ − a p of p; Δ = 4 s d²/ds² + 2 d d/ds.
  const step = (p: readonly number[]): number[] => add([1, derivative(p)], [-a, p]);
  return (degree, power, dimension) => {
    let p: number[] = [1];
    for (let k = 0; k < power; k++) {
      const first = step(p);
      p = add([4, [0, ...step(first)]], [2 * dimension, first]);
    }
    for (let l = 0; l < degree; l++) p = add([2, step(p)]);
    return (s) => {
      let value = 0;
      for (let i = p.length - 1; i >= 0; i--) value = value * s + p[i];
      return value * exp(-a * s);
    };
  };
}

/** For φ = r^n with an odd n above the order l + 2k; at the origin the derivatives are 0. */
export function polyharmonicDerivative(n: number): RadialDerivative {
  return (degree, power, dimension) => {
    let factor = 1;
    let exponent = n;
    for (let k = 0; k < power; k++, exponent -= 2) factor *= exponent * (exponent + dimension - 2);
    for (let l = 0; l < degree; l++, exponent -= 2) factor *= exponent;
    return (s) => {
      if (s === 0) return 0;
      const r = Math.sqrt(s);
      let value = factor;
      for (let i = 0; i < exponent; i++) value *= r;
      for (let i = 0; i > exponent; i--) value /= r;
      return value;
    };
  };
}
