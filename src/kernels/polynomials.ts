/**
 * Homogeneous harmonic polynomials of the plane and of space written in monomials: as data for whoever evaluates or
 * differentiates them (point convolutions, to any order) and as symbols of differential operators, where x, y, z stand for
 * the partial derivatives.
 */

import { KernelError } from "./errors.ts";

/** A polynomial: coefficients by exponents, with keys like `"2,0,1"` for x² z. */
export type Polynomial = ReadonlyMap<string, number>;

/** The exponents of a key. */
export function exponentsOf(key: string): readonly number[] {
  return key.split(",").map(Number);
}

/** a · b. */
export function multiplyPolynomials(a: Polynomial, b: Polynomial): Polynomial {
  const out = new Map<string, number>();
  for (const [p, u] of a) {
    const left = exponentsOf(p);
    for (const [q, v] of b) {
      const key = exponentsOf(q).map((e, i) => e + left[i]).join(",");
      out.set(key, (out.get(key) ?? 0) + u * v);
    }
  }
  return out;
}

/** s · a + t · b, without what cancels. */
export function combinePolynomials(s: number, a: Polynomial, t: number, b: Polynomial): Polynomial {
  const out = new Map<string, number>();
  for (const [key, v] of a) out.set(key, s * v);
  for (const [key, v] of b) out.set(key, (out.get(key) ?? 0) + t * v);
  for (const [key, v] of out) if (Math.abs(v) < 1e-14) out.delete(key);
  return out;
}

function variable(dimension: number, axis: number): Polynomial {
  return new Map([[Array.from({ length: dimension }, (_, i) => i === axis ? 1 : 0).join(","), 1]]);
}

/** The constant polynomial 1. */
export function onePolynomial(dimension: number): Polynomial {
  return new Map([[Array.from({ length: dimension }, () => 0).join(","), 1]]);
}

/** |x|²: the symbol of the Laplacian. */
export function squaredNormPolynomial(dimension: number): Polynomial {
  let out: Polynomial = new Map();
  for (let axis = 0; axis < dimension; axis++) {
    const x = variable(dimension, axis);
    out = combinePolynomials(1, out, 1, multiplyPolynomials(x, x));
  }
  return out;
}

/**
 * The homogeneous harmonic polynomials up to a degree.
 *
 * @param dimension 1: 1, x. 2: 1, then Re and Im of (x + iy)^l. 3: those of {@linkcode harmonicPolynomials}.
 * @param maximumDegree The highest degree L; in one dimension nothing is harmonic beyond degree 1.
 * @returns For each degree its polynomials in order.
 * @throws {@linkcode KernelError} for another dimension or a degree that is no integer of 0 or more.
 */
export function harmonicPolynomialsByDegree(
  dimension: 1 | 2 | 3,
  maximumDegree: number,
): readonly (readonly Polynomial[])[] {
  if (!Number.isInteger(maximumDegree) || maximumDegree < 0 || ![1, 2, 3].includes(dimension)) {
    throw new KernelError({
      op: "harmonicPolynomialsByDegree",
      expected: "a dimension of 1, 2 or 3 and an integer degree of 0 or more",
      actual: `dimension ${dimension}, degree ${maximumDegree}`,
    });
  }
  const one = onePolynomial(dimension);
  const x = variable(dimension, 0);
  if (dimension === 1) return [[one], [x]].slice(0, maximumDegree + 1);
  const y = variable(dimension, 1);
  const re: Polynomial[] = [one];
  const im: Polynomial[] = [new Map()];
  for (let m = 1; m <= maximumDegree; m++) {
    re.push(combinePolynomials(1, multiplyPolynomials(re[m - 1], x), -1, multiplyPolynomials(im[m - 1], y)));
    im.push(combinePolynomials(1, multiplyPolynomials(im[m - 1], x), 1, multiplyPolynomials(re[m - 1], y)));
  }
  if (dimension === 2) return re.map((p, l) => l === 0 ? [p] : [p, im[l]]);
  const z = variable(3, 2);
  const rr = squaredNormPolynomial(3);
  const q: Polynomial[][] = [];
  let diagonal = 1;
  for (let m = 0; m <= maximumDegree; m++) {
    if (m > 1) diagonal *= Math.sqrt((2 * m - 1) / (2 * m));
    for (let l = m; l <= maximumDegree; l++) {
      q[l] ??= [];
      if (l === m) {
        q[l][m] = new Map([["0,0,0", diagonal]]);
        continue;
      }
      const scale = 1 / Math.sqrt(l * l - m * m);
      const below = l - 2 < m ? new Map<string, number>() : q[l - 2][m];
      q[l][m] = combinePolynomials(
        (2 * l - 1) * scale,
        multiplyPolynomials(z, q[l - 1][m]),
        0 - Math.sqrt((l - 1) * (l - 1) - m * m) * scale,
        multiplyPolynomials(rr, below),
      );
    }
  }
  return q.map((row, l) =>
    Array.from({ length: 2 * l + 1 }, (_, i) => {
      const m = i - l;
      return multiplyPolynomials(row[Math.abs(m)], m < 0 ? im[-m] : re[m]);
    })
  );
}

/** Polynomials as a table over monomials: value = coefficients · (x^e₀ y^e₁ …). */
export interface MonomialTable {
  /** The number of variables. */
  readonly dimension: number;
  /** The exponents of each monomial, [monomials, dimension]. */
  readonly exponents: Int32Array;
  /** [polynomials, monomials]. */
  readonly coefficients: Float64Array;
}

/**
 * The homogeneous harmonic polynomials of degree 0 … L as a table over monomials, for evaluation with any arithmetic that can
 * be differentiated: all functions of a point are products of powers of its coordinates.
 *
 * @param dimension 1, 2 or 3.
 * @param maximumDegree L.
 * @returns Polynomials in the order of {@linkcode harmonicPolynomials}: degree major, then component.
 *
 * @example
 * ```ts
 * import { kernels } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const { exponents, coefficients } = kernels.harmonicMonomials(2, 2);
 * // 1, x, y, x² − y², 2 x y over the monomials 1, x, y, x², y², x y.
 * assertEquals([...exponents], [0, 0, 1, 0, 0, 1, 2, 0, 0, 2, 1, 1]);
 * assertEquals([...coefficients.slice(18)], [0, 0, 0, 1, -1, 0, 0, 0, 0, 0, 0, 2]);
 * ```
 */
export function harmonicMonomials(dimension: 1 | 2 | 3, maximumDegree: number): MonomialTable {
  const polynomials = harmonicPolynomialsByDegree(dimension, maximumDegree).flat();
  const keys = new Map<string, number>();
  for (const polynomial of polynomials) {
    for (const key of polynomial.keys()) if (!keys.has(key)) keys.set(key, keys.size);
  }
  const coefficients = new Float64Array(polynomials.length * keys.size);
  polynomials.forEach((polynomial, row) => {
    for (const [key, v] of polynomial) coefficients[row * keys.size + keys.get(key)!] = v;
  });
  return { dimension, exponents: Int32Array.from([...keys.keys()].flatMap(exponentsOf)), coefficients };
}
