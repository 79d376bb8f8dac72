/**
 * The scalar functions of steerable kernels at any points, differentiable to any order: harmonics of the direction times radial
 * functions of the distance (Thomas et al., Tensor Field Networks, 2018), as fused expressions.
 */

import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import * as E from "../../tensor/expr.ts";
import type { Expr } from "../../tensor/expr.ts";
import { formatShape } from "../../tensor/layout.ts";
import { map, mapMany, ones, stack, type Tensor } from "../../tensor/mod.ts";
import { solidHarmonics } from "./harmonics.ts";
import { Constant, selectAt } from "./persistent.ts";

/** A ring of a radial function: its radius R and width σ. */
export interface PointRing {
  /** R. */
  readonly radius: number;
  /** σ. */
  readonly sigma: number;
}

/**
 * Radial functions: Gaussians exp(−(r − R)²/2σ²), bumps (1 − ((r − R)/σ)²)³, spherical Bessel functions √(2/c) sin(nπr/c)/r times the
 * polynomial cut-off, any of these times the cut-off, or functions of one's own, `[points, 1]` → `[points, count]`.
 */
export type PointRadial =
  | { readonly kind: "gaussian"; readonly rings: readonly PointRing[] }
  | { readonly kind: "bump"; readonly rings: readonly PointRing[] }
  | { readonly kind: "bessel"; readonly count: number; readonly cutoff: number; readonly exponent: number }
  | { readonly kind: "cutoff"; readonly inner: PointRadial; readonly cutoff: number; readonly exponent: number }
  | { readonly kind: "function"; readonly count: number; readonly evaluate: (distances: Tensor) => Tensor };

/** A scalar function: the component of a harmonic times a radial function. */
export interface PointFunction {
  /** The frequency of the harmonic. */
  readonly frequency: number;
  /** The component: m + l in space, 0 for the cosine and 1 for the sine in the plane. */
  readonly component: number;
  /** The index of the radial function. */
  readonly ring: number;
}

/** What the functions are. */
export interface PointFunctionsOptions {
  /** The dimension of the points. */
  readonly dimension: 1 | 2 | 3;
  /** The radial functions. */
  readonly radial: PointRadial;
  /** The functions in order. */
  readonly functions: readonly PointFunction[];
}

/** The squared distance below which a point has no direction: all harmonics but the constant vanish there. */
const ORIGIN_SQUARED = 1e-18;

/** Number of radial functions. */
export function radialCount(radial: PointRadial): number {
  switch (radial.kind) {
    case "gaussian":
    case "bump":
      return radial.rings.length;
    case "cutoff":
      return radialCount(radial.inner);
    default:
      return radial.count;
  }
}

/** The harmonics of a frequency at a unit vector. */
function angular(frequency: number, unit: readonly Expr[]): Expr[] {
  if (unit.length === 3) return solidHarmonics(frequency, unit[0], unit[1], unit[2]);
  const [x] = unit, one = E.constant(1, x.dtype);
  if (frequency === 0) return [one];
  if (unit.length === 1) return [x];
  let re: Expr = one, im: Expr = E.constant(0, x.dtype);
  for (let k = 0; k < frequency; k++) {
    [re, im] = [E.sub(E.mul(re, x), E.mul(im, unit[1])), E.add(E.mul(im, x), E.mul(re, unit[1]))];
  }
  return [re, im];
}

function power(x: Expr, n: number): Expr {
  let out: Expr = E.constant(1, x.dtype);
  for (let i = 0; i < n; i++) out = E.mul(out, x);
  return out;
}

/** 1 − (p+1)(p+2)/2 d^p + p(p+2) d^(p+1) − p(p+1)/2 d^(p+2) with d = r/cutoff, zero beyond it. */
function polynomialCutoff(r: Expr, cutoff: number, p: number): Expr {
  const d = E.minimum(E.div(r, cutoff), 1), low = power(d, p);
  const inner = E.add(E.sub(E.mul(d, p * (p + 2)), (p + 1) * (p + 2) / 2), E.mul(E.square(d), -p * (p + 1) / 2));
  return E.add(E.mul(low, inner), 1);
}

/** The radial functions as an expression in the distance and, where there are any, the function's numbers. */
function radialExpression(radial: Exclude<PointRadial, { kind: "function" }>, r: Expr, a: Expr, b: Expr): Expr {
  switch (radial.kind) {
    case "gaussian": {
      const t = E.div(E.sub(r, a), b);
      return E.exp(E.mul(E.square(t), -0.5));
    }
    case "bump": {
      const t = E.div(E.sub(r, a), b), s = E.maximum(E.sub(1, E.square(t)), 0);
      return E.mul(E.mul(s, s), s);
    }
    case "bessel": {
      // sin(t)/r with its series where the quotient cancels; a is nπ/c.
      const t = E.mul(a, r), near = E.lt(t, 1e-3), safe = E.select(near, 1, r);
      const series = E.mul(a, E.sub(1, E.div(E.square(t), 6)));
      const quotient = E.select(near, series, E.div(E.unary("sin", t), safe));
      const scaled = E.mul(quotient, Math.sqrt(2 / radial.cutoff));
      return E.mul(scaled, polynomialCutoff(r, radial.cutoff, radial.exponent));
    }
    case "cutoff": {
      if (radial.inner.kind === "function") {
        throw new ArgumentError({
          op: "PointFunctions",
          expected: "functions of one's own with their own cut-off",
          actual: "a cut-off around them",
        });
      }
      return E.mul(radialExpression(radial.inner, r, a, b), polynomialCutoff(r, radial.cutoff, radial.exponent));
    }
  }
}

/** Two numbers for each radial function: radius and width, or nπ/c and nothing. */
function radialNumbers(radial: PointRadial): readonly [number, number][] {
  switch (radial.kind) {
    case "gaussian":
    case "bump":
      return radial.rings.map(({ radius, sigma }): [number, number] => [radius, sigma]);
    case "bessel":
      return Array.from({ length: radial.count }, (_, i): [number, number] => [(i + 1) * Math.PI / radial.cutoff, 1]);
    case "cutoff":
      return radialNumbers(radial.inner);
    default:
      return [];
  }
}

/** The scalar functions of a kernel, evaluated at tensors of points. */
export class PointFunctions {
  /** What they are. */
  readonly options: PointFunctionsOptions;
  readonly #frequencies: readonly number[];
  readonly #angularRows: Constant;
  readonly #rings: Constant;
  readonly #numbers: readonly [Constant, Constant];

  /** Functions in order. Throws ArgumentError when a function names a ring that there is not. */
  constructor(options: PointFunctionsOptions) {
    const { dimension, radial, functions } = options, count = radialCount(radial);
    const wrong = functions.find(({ ring }) => !(ring >= 0 && ring < count));
    if (wrong !== undefined) {
      throw new ArgumentError({
        op: "PointFunctions",
        expected: `rings from 0 to ${count - 1}`,
        actual: String(wrong.ring),
      });
    }
    this.options = options;
    this.#frequencies = [...new Set(functions.map(({ frequency }) => frequency))].sort((a, b) => a - b);
    const rows = new Map<number, number>();
    let row = 0;
    for (const frequency of this.#frequencies) {
      rows.set(frequency, row);
      row += frequency === 0 || dimension === 1 ? 1 : dimension === 2 ? 2 : 2 * frequency + 1;
    }
    const columns = (of: (one: PointFunction) => number): Constant =>
      new Constant(Int32Array.from(functions, of), [functions.length]);
    this.#angularRows = columns(({ frequency, component }) => rows.get(frequency)! + component);
    this.#rings = columns(({ ring }) => ring);
    const numbers = radialNumbers(radial), shape = [1, numbers.length];
    this.#numbers = [0, 1].map((i) => new Constant(Float64Array.from(numbers, (pair) => pair[i]), shape)) as [
      Constant,
      Constant,
    ];
  }

  /** Number of functions. */
  get count(): number {
    return this.options.functions.length;
  }

  /**
   * The functions at points `[points, dimension]`, each times the point's weight `[points, 1]` where weights are given: `[points, count]`.
   * At the origin, which has no direction, all harmonics but the constant are 0 and so are their derivatives.
   *
   * @throws ShapeError for points of another dimension.
   */
  evaluate(
    points: Tensor,
    weights: Tensor = ones([1, 1], { dtype: "float32", backend: points.backend }).cast(points.dtype),
  ): Tensor {
    const { dimension, radial } = this.options;
    if (points.rank !== 2 || points.shape[1] !== dimension) {
      throw new ShapeError({
        op: "PointFunctions.evaluate",
        expected: `points [count, ${dimension}]`,
        actual: formatShape(points.shape),
      });
    }
    const columns = Array.from({ length: dimension }, (_, axis) => points.select(1, axis));
    const [distance, ...unit] = mapMany(columns, (...x) => {
      const squared = x.reduce((sum, v, axis) => axis === 0 ? E.square(v) : E.add(sum, E.square(v)), x[0]);
      const origin = E.lt(squared, ORIGIN_SQUARED);
      // Where the root has no derivative it is not taken at all.
      const r = E.sqrt(E.select(origin, 1, squared));
      return [E.select(origin, 0, r), ...x.map((v) => E.select(origin, 0, E.div(v, r)))];
    });
    const harmonics = this.#frequencies.flatMap((frequency) => mapMany(unit, (...u) => angular(frequency, u)));
    const directions = stack(harmonics, 1);
    const column = distance.unsqueeze(1);
    let radials: Tensor;
    if (radial.kind === "function") {
      radials = radial.evaluate(column).mul(weights);
      if (radials.rank !== 2 || radials.shape[1] !== radial.count) {
        throw new ShapeError({
          op: "PointFunctions.evaluate",
          expected: `radial functions [points, ${radial.count}]`,
          actual: formatShape(radials.shape),
        });
      }
    } else {
      const [a, b] = this.#numbers.map((numbers) => numbers.like(points));
      radials = map([column, a, b, weights], (r, x, y, w) => E.mul(radialExpression(radial, r, x, y), w));
    }
    return selectAt(directions, 1, this.#angularRows).mul(selectAt(radials, 1, this.#rings));
  }
}
