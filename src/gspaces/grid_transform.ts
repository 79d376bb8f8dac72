/**
 * Moving data on a regular grid by an orthogonal matrix about the centre of the array: an exact permutation where the
 * matrix maps the grid onto itself, else interpolation weights (linear, or Keys' cubic convolution with a = −1/2).
 */

import { KernelError } from "../kernels/errors.ts";

/** A permutation: output point i is input point source[i], exactly. */
export interface GridPermutation {
  /** Which kind of transform this is. */
  readonly kind: "permutation";
  /** The spatial axes of the output, in array order: a quarter turn exchanges unequal sides. */
  readonly outputShape: readonly number[];
  /** The flat input index of each output point. */
  readonly source: Int32Array;
}

/** An interpolation: output point i is Σ_t weights[i, t] · input[source[i, t]]; outside the data are zeros. */
export interface GridInterpolation {
  /** Which kind of transform this is. */
  readonly kind: "interpolation";
  /** The spatial axes of the output, those of the input. */
  readonly outputShape: readonly number[];
  /** The number of input points for each output point. */
  readonly taps: number;
  /** Flat input indices, [points, taps]; taps outside the data have index 0 and weight 0. */
  readonly source: Int32Array;
  /** [points, taps]. */
  readonly weights: Float64Array;
}

/** How data on a grid move. */
export type GridTransform = GridPermutation | GridInterpolation;

/** Options of {@linkcode gridTransform}. */
export interface GridTransformOptions {
  /** 1 for linear, 3 for cubic interpolation where it is needed. Default 1. */
  readonly order?: 1 | 3;
}

/**
 * How data on a grid move by a matrix: output(p) = input(matrix⁻¹ p), p measured from the centre of the array.
 *
 * @param matrix Orthogonal, row-major [d, d], acting on (x, y(, z)); x runs along the last array axis, y and z along the
 * axes before it, downwards.
 * @param shape The spatial axes in array order, `[height, width]` or `[depth, height, width]`.
 * @param options The order of interpolation.
 * @throws {@linkcode KernelError} when shape and matrix do not fit.
 */
export function gridTransform(
  matrix: Float64Array,
  shape: readonly number[],
  options: GridTransformOptions = {},
): GridTransform {
  const d = shape.length;
  if (matrix.length !== d * d || shape.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new KernelError({
      op: "gridTransform",
      expected: `${Math.sqrt(matrix.length)} spatial axes of size 1 or more`,
      actual: JSON.stringify(shape),
    });
  }
  // The inverse in array order: axis i is coordinate d − 1 − i, negated but for x.
  const inverse = new Float64Array(d * d);
  for (let i = 0; i < d; i++) {
    for (let j = 0; j < d; j++) {
      const sign = (i === d - 1) === (j === d - 1) ? 1 : -1;
      inverse[i * d + j] = sign * matrix[(d - 1 - j) * d + (d - 1 - i)];
    }
  }
  const axes = signedAxes(inverse, d);
  return axes === undefined
    ? interpolation(inverse, shape, options.order ?? 1)
    : permutation(axes.from, axes.sign, shape);
}

// For input axis i: the output axis that it comes from, and the sign; `undefined` unless all entries are 0 or ±1.
function signedAxes(inverse: Float64Array, d: number): { from: number[]; sign: number[] } | undefined {
  const from: number[] = [];
  const sign: number[] = [];
  for (let i = 0; i < d; i++) {
    let found = -1;
    for (let j = 0; j < d; j++) {
      const v = Math.abs(inverse[i * d + j]);
      if (v > 1e-9 && Math.abs(v - 1) > 1e-9) return undefined;
      if (v > 0.5) found = j;
    }
    if (found < 0) return undefined;
    from.push(found);
    sign.push(inverse[i * d + found] > 0 ? 1 : -1);
  }
  return { from, sign };
}

function stridesOf(shape: readonly number[]): number[] {
  const strides = shape.map(() => 1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1] * shape[i + 1];
  return strides;
}

function permutation(from: readonly number[], sign: readonly number[], shape: readonly number[]): GridPermutation {
  const d = shape.length;
  const strides = stridesOf(shape);
  const outputShape = shape.map(() => 1);
  const step = shape.map(() => 0);
  let start = 0;
  for (let i = 0; i < d; i++) {
    outputShape[from[i]] = shape[i];
    step[from[i]] = sign[i] * strides[i];
    if (sign[i] < 0) start += (shape[i] - 1) * strides[i];
  }
  const source = new Int32Array(outputShape.reduce((a, b) => a * b, 1));
  const outStrides = stridesOf(outputShape);
  for (let p = 0; p < source.length; p++) {
    let at = start;
    for (let j = 0; j < d; j++) at += Math.floor(p / outStrides[j]) % outputShape[j] * step[j];
    source[p] = at;
  }
  return { kind: "permutation", outputShape, source };
}

// Weights of the samples at floor(t) − order / 2 + 1/2 … for a position t = floor(t) + u.
function axisWeights(u: number, order: 1 | 3): readonly number[] {
  if (order === 1) return [1 - u, u];
  const v = 1 - u;
  return [
    -0.5 * u * v * v,
    1 + u * u * (1.5 * u - 2.5),
    1 + v * v * (1.5 * v - 2.5),
    -0.5 * v * u * u,
  ];
}

function interpolation(inverse: Float64Array, shape: readonly number[], order: 1 | 3): GridInterpolation {
  const d = shape.length;
  const width = order + 1;
  const taps = Array.from({ length: d }, () => width).reduce((a, b) => a * b, 1);
  const points = shape.reduce((a, b) => a * b, 1);
  const strides = stridesOf(shape);
  const source = new Int32Array(points * taps);
  const weights = new Float64Array(points * taps);
  for (let p = 0; p < points; p++) {
    const base: number[] = [];
    const factors: (readonly number[])[] = [];
    for (let i = 0; i < d; i++) {
      let t = (shape[i] - 1) / 2;
      for (let j = 0; j < d; j++) {
        t += inverse[i * d + j] * (Math.floor(p / strides[j]) % shape[j] - (shape[j] - 1) / 2);
      }
      // Positions that are whole numbers but for rounding stay whole: no weight leaks across the edge.
      const nearest = Math.floor(t + 0.5);
      if (Math.abs(t - nearest) < 1e-9) t = nearest;
      const floor = Math.floor(t);
      base.push(floor - (order - 1) / 2);
      factors.push(axisWeights(t - floor, order));
    }
    for (let tap = 0; tap < taps; tap++) {
      let at = 0;
      let weight = 1;
      let rest = tap;
      for (let i = d - 1; i >= 0; i--) {
        const k = rest % width;
        rest = Math.floor(rest / width);
        const index = base[i] + k;
        if (index < 0 || index >= shape[i]) weight = 0;
        else at += index * strides[i];
        weight *= factors[i][k];
      }
      source[p * taps + tap] = weight === 0 ? 0 : at;
      weights[p * taps + tap] = weight;
    }
  }
  return { kind: "interpolation", outputShape: [...shape], taps, source, weights };
}
