/**
 * Spherical harmonics of any degree as homogeneous harmonic polynomials of (x, y, z), with their gradients. Degree l has the
 * components m = −l … l with Σ_m Y_lm² = |x|^(2l) and Y_1 = (y, z, x); D^l(g) Y_l(x) = Y_l(g x) for rotations g. Computed by
 * the recursion of the associated Legendre functions in z and |x|² (no angles, no singular points).
 */

/** Points closer to the origin than this have no direction: all harmonics but the constant vanish there. */
export const ORIGIN_RADIUS = 1e-9;

/** Functions at points with their gradients. */
export interface ValuesAndGradients {
  /** [functions, points]. */
  readonly values: Float64Array;
  /** [functions, points, dimension]. */
  readonly gradients: Float64Array;
}

// Polynomials of one point with three derivatives each: value, d/dx, d/dy, d/dz.
const WIDTH = 4;

/** Evaluates all harmonic polynomials at one point; reusable, because its tables depend on the degree alone. */
class Recursion {
  readonly #maximum: number;
  // q[l, m]: the part of Y_l,±m that depends on z and |x|², for m = 0 … l.
  readonly #q: Float64Array;
  // Real and imaginary parts of (x + iy)^m.
  readonly #re: Float64Array;
  readonly #im: Float64Array;
  readonly #diagonal: Float64Array;

  constructor(maximum: number) {
    this.#maximum = maximum;
    this.#q = new Float64Array((maximum + 1) * (maximum + 1) * WIDTH);
    this.#re = new Float64Array((maximum + 1) * WIDTH);
    this.#im = new Float64Array((maximum + 1) * WIDTH);
    this.#diagonal = new Float64Array(maximum + 1);
    this.#diagonal[0] = 1;
    for (let m = 1; m <= maximum; m++) {
      this.#diagonal[m] = m === 1 ? 1 : this.#diagonal[m - 1] * Math.sqrt((2 * m - 1) / (2 * m));
    }
  }

  run(
    x: number,
    y: number,
    z: number,
    emit: (row: number, v: number, dx: number, dy: number, dz: number) => void,
  ): void {
    const top = this.#maximum;
    const n = top + 1;
    const [q, re, im] = [this.#q, this.#re, this.#im];
    const rr = x * x + y * y + z * z;
    re.fill(0, 0, WIDTH);
    im.fill(0, 0, WIDTH);
    re[0] = 1;
    for (let m = 1; m <= top; m++) {
      const [to, from] = [m * WIDTH, (m - 1) * WIDTH];
      re[to] = re[from] * x - im[from] * y;
      im[to] = im[from] * x + re[from] * y;
      // d/dx (x + iy)^m = m (x + iy)^(m−1), d/dy = i m (x + iy)^(m−1)
      re[to + 1] = m * re[from];
      im[to + 1] = m * im[from];
      re[to + 2] = 0 - m * im[from];
      im[to + 2] = m * re[from];
    }
    for (let m = 0; m <= top; m++) {
      for (let l = m; l <= top; l++) {
        const at = (l * n + m) * WIDTH;
        if (l === m) {
          q.fill(0, at, at + WIDTH);
          q[at] = this.#diagonal[m];
          continue;
        }
        const scale = 1 / Math.sqrt(l * l - m * m);
        const a = (2 * l - 1) * scale;
        const one = ((l - 1) * n + m) * WIDTH;
        q[at] = a * z * q[one];
        q[at + 1] = a * z * q[one + 1];
        q[at + 2] = a * z * q[one + 2];
        q[at + 3] = a * (z * q[one + 3] + q[one]);
        if (l - 2 < m) continue;
        const b = Math.sqrt((l - 1) * (l - 1) - m * m) * scale;
        const two = ((l - 2) * n + m) * WIDTH;
        q[at] -= b * rr * q[two];
        q[at + 1] -= b * (rr * q[two + 1] + 2 * x * q[two]);
        q[at + 2] -= b * (rr * q[two + 2] + 2 * y * q[two]);
        q[at + 3] -= b * (rr * q[two + 3] + 2 * z * q[two]);
      }
    }
    for (let l = 0; l <= top; l++) {
      for (let m = -l; m <= l; m++) {
        const part = m < 0 ? im : re;
        const [p, at] = [Math.abs(m) * WIDTH, (l * n + Math.abs(m)) * WIDTH];
        emit(
          l * l + l + m,
          q[at] * part[p],
          q[at + 1] * part[p] + q[at] * part[p + 1],
          q[at + 2] * part[p] + q[at] * part[p + 2],
          q[at + 3] * part[p],
        );
      }
    }
  }
}

/**
 * The homogeneous harmonic polynomials of degree 0 … L at points of space.
 *
 * @param maximumDegree L.
 * @param points [count, 3] as x, y, z.
 * @returns [(L + 1)², count]: degree major, then m = −l … l.
 */
export function harmonicPolynomials(maximumDegree: number, points: ArrayLike<number>): Float64Array {
  const count = points.length / 3;
  const out = new Float64Array((maximumDegree + 1) * (maximumDegree + 1) * count);
  const recursion = new Recursion(maximumDegree);
  for (let p = 0; p < count; p++) {
    recursion.run(points[3 * p], points[3 * p + 1], points[3 * p + 2], (row, v) => out[row * count + p] = v);
  }
  return out;
}

/** {@linkcode harmonicPolynomials} with their gradients [(L + 1)², count, 3]. */
export function harmonicPolynomialGradients(maximumDegree: number, points: ArrayLike<number>): ValuesAndGradients {
  const count = points.length / 3;
  const rows = (maximumDegree + 1) * (maximumDegree + 1);
  const values = new Float64Array(rows * count);
  const gradients = new Float64Array(rows * count * 3);
  const recursion = new Recursion(maximumDegree);
  for (let p = 0; p < count; p++) {
    recursion.run(points[3 * p], points[3 * p + 1], points[3 * p + 2], (row, v, dx, dy, dz) => {
      const at = row * count + p;
      values[at] = v;
      gradients[3 * at] = dx;
      gradients[3 * at + 1] = dy;
      gradients[3 * at + 2] = dz;
    });
  }
  return { values, gradients };
}

/**
 * The spherical harmonics of the directions of points: the harmonic polynomials at x / |x|.
 *
 * @param maximumDegree L.
 * @param points [count, 3]; where |x| < 1e-9 there is no direction, and only degree 0 is not zero.
 * @returns [(L + 1)², count].
 *
 * @example
 * ```ts
 * import { kernels } from "@escnn/escnn";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * // Degree 1 is (y, z, x) of the unit vector.
 * const [one, y, z, x] = kernels.sphericalHarmonics(1, [3, 0, 4]);
 * assertAlmostEquals(one, 1);
 * assertAlmostEquals(x, 0.6);
 * assertAlmostEquals(y, 0);
 * assertAlmostEquals(z, 0.8);
 * ```
 */
export function sphericalHarmonics(maximumDegree: number, points: ArrayLike<number>): Float64Array {
  const count = points.length / 3;
  const directions = new Float64Array(points.length);
  for (let p = 0; p < count; p++) {
    const [x, y, z] = [points[3 * p], points[3 * p + 1], points[3 * p + 2]];
    const r = Math.sqrt(x * x + y * y + z * z);
    if (r < ORIGIN_RADIUS) continue;
    directions[3 * p] = x / r;
    directions[3 * p + 1] = y / r;
    directions[3 * p + 2] = z / r;
  }
  // At the zero vector all polynomials but the constant vanish.
  return harmonicPolynomials(maximumDegree, directions);
}

/**
 * {@linkcode sphericalHarmonics} with their gradients with respect to the points, [(L + 1)², count, 3]; zero at the origin,
 * where they have none.
 */
export function sphericalHarmonicGradients(maximumDegree: number, points: ArrayLike<number>): ValuesAndGradients {
  const count = points.length / 3;
  const directions = new Float64Array(points.length);
  const inverse = new Float64Array(count);
  for (let p = 0; p < count; p++) {
    const [x, y, z] = [points[3 * p], points[3 * p + 1], points[3 * p + 2]];
    const r = Math.sqrt(x * x + y * y + z * z);
    if (r < ORIGIN_RADIUS) continue;
    inverse[p] = 1 / r;
    directions[3 * p] = x / r;
    directions[3 * p + 1] = y / r;
    directions[3 * p + 2] = z / r;
  }
  const { values, gradients } = harmonicPolynomialGradients(maximumDegree, directions);
  for (let l = 0; l <= maximumDegree; l++) {
    for (let row = l * l; row < (l + 1) * (l + 1); row++) {
      for (let p = 0; p < count; p++) {
        // The polynomial of degree l has the radial derivative l Y at the unit sphere, which the direction does not see.
        const at = row * count + p;
        for (let c = 0; c < 3; c++) {
          const along = l * values[at] * directions[3 * p + c];
          gradients[3 * at + c] = (gradients[3 * at + c] - along) * inverse[p];
        }
      }
    }
  }
  return { values, gradients };
}
