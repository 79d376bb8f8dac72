/**
 * Spherical harmonics of points as a plain layer: homogeneous harmonic polynomials of degree 0 … L, differentiable to any order because
 * each degree is one fused polynomial expression.
 */

import { ArgumentError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { concatenate, mapMany, stack, type Tensor } from "../../tensor/mod.ts";
import { checkInput, Layer } from "./layer.ts";

/** The components m = −l … l of degree l at (x, y, z) by the recursion of the associated Legendre functions. */
export function solidHarmonics(l: number, x: Expr, y: Expr, z: Expr): Expr[] {
  const one = E.constant(1, x.dtype);
  const squared = E.add(E.add(E.square(x), E.square(y)), E.square(z));
  const components = new Array<Expr>(2 * l + 1);
  // Real and imaginary part of (x + iy)^m, and the factor of Y_mm.
  let re = one, im = E.constant(0, x.dtype), diagonal = 1;
  for (let m = 0; m <= l; m++) {
    if (m > 0) {
      [re, im] = [E.sub(E.mul(re, x), E.mul(im, y)), E.add(E.mul(im, x), E.mul(re, y))];
      if (m > 1) diagonal *= Math.sqrt((2 * m - 1) / (2 * m));
    }
    // q_lm from q_(l−1)m and q_(l−2)m: the part that depends on z and |x|².
    let before: Expr | undefined, q: Expr = E.constant(diagonal, x.dtype);
    for (let k = m + 1; k <= l; k++) {
      const scale = 1 / Math.sqrt(k * k - m * m);
      let next = E.mul(E.mul(z, q), (2 * k - 1) * scale);
      if (before !== undefined) {
        next = E.sub(next, E.mul(E.mul(squared, before), Math.sqrt((k - 1) * (k - 1) - m * m) * scale));
      }
      [before, q] = [q, next];
    }
    components[l + m] = E.mul(q, re);
    if (m > 0) components[l - m] = E.mul(q, im);
  }
  return components;
}

/**
 * `[points, 3]` as x, y, z → `[points, (L + 1)²]`: degree l = 0 … L, then m = −l … l, with Σ_m Y_lm² = |x|^(2l) and Y_1 = (y, z, x).
 */
export class HarmonicPolynomials extends Layer {
  /** L. */
  readonly maximumDegree: number;

  /** A layer for degrees up to L. Throws ArgumentError unless it is an integer from 0 to 15. */
  constructor(maximumDegree: number) {
    super();
    if (!Number.isInteger(maximumDegree) || maximumDegree < 0 || maximumDegree > 15) {
      throw new ArgumentError({
        op: "HarmonicPolynomials",
        expected: "a degree from 0 to 15",
        actual: String(maximumDegree),
      });
    }
    this.maximumDegree = maximumDegree;
  }

  /** The polynomials. Throws ShapeError unless the input is `[points, 3]`. */
  override forward(input: Tensor): Tensor {
    checkInput("HarmonicPolynomials", input.shape, [2], 3, "[points, (x, y, z)]");
    const axes = [0, 1, 2].map((axis) => input.select(1, axis));
    const degrees = Array.from(
      { length: this.maximumDegree + 1 },
      (_, l) => stack(mapMany(axes, (x, y, z) => solidHarmonics(l, x, y, z)), 1),
    );
    return degrees.length === 1 ? degrees[0] : concatenate(degrees, 1);
  }

  /** The options as text. */
  protected override describe(): string {
    return `L ${this.maximumDegree}`;
  }
}
