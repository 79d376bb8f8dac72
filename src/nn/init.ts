/**
 * Initializations of steerable weights, in closed form from the layout of the weights: generalized He (Weiler et al. 2018),
 * which keeps the variance of features from layer to layer, and delta-orthonormal (Xiao et al. 2018), which keeps their norms.
 */

import { sameId } from "../group/ids.ts";
import { heStandardDeviations, type WeightLayout } from "../kernels/weight_layout.ts";
import type { FloatDType } from "../tensor/dtype.ts";
import { nextDraw, noGrad, randn, scope, type Tensor, tensor } from "../tensor/mod.ts";
import { normalFromWords, philox4x32 } from "../tensor/philox.ts";
import { assign } from "./plain/persistent.ts";

/** A steerable layer: anything with flat weights and their layout. */
export interface SteerableLayer {
  /** The flat vector of coefficients, all groups one after the other. */
  readonly weights: Tensor;
  /** The meaning of the weights of one group. */
  readonly layout: WeightLayout;
}

/** Normal numbers with the generalized He standard deviations, for `groups` blocks of weights. */
export function generalizedHeValues(layout: WeightLayout, groups: number, dtype: FloatDType): Tensor {
  const deviations = heStandardDeviations(layout);
  const data = dtype === "float32" ? new Float32Array(deviations) : deviations;
  return randn([groups, layout.size], { dtype }).mul(tensor(data, { dtype })).reshape([groups * layout.size]);
}

/**
 * Draws the weights of a steerable layer anew: normal with standard deviation 1 / √(n · m), n the number of input irrep
 * types that reach the output irrep and m the number of basis elements from all inputs of the weight's own type to it.
 * Deterministic by `seed`.
 */
export function generalizedHeInit(layer: SteerableLayer): void {
  const { weights, layout } = layer;
  noGrad(() => {
    using _ = scope();
    const values = generalizedHeValues(layout, weights.size / layout.size, weights.dtype as FloatDType);
    assign([[weights, values]]);
  });
}

/** A stream of standard normal numbers that depends on the seed and the draws so far alone. */
function normalStream(): () => number {
  const [keyLow, keyHigh, drawLow, drawHigh] = nextDraw();
  let position = 0;
  return () => normalFromWords("float64", philox4x32([keyLow, keyHigh], [position++, drawLow, drawHigh, 0]));
}

/** A random point on the sphere of unit vectors. */
function unitVector(length: number, normal: () => number): Float64Array {
  for (;;) {
    const vector = Float64Array.from({ length }, normal);
    const norm = Math.sqrt(vector.reduce((sum, v) => sum + v * v, 0));
    if (norm > 1e-3) return vector.map((v) => v / norm);
  }
}

/** The rows of a random orthogonal matrix (Haar measure), by Gram-Schmidt on normal vectors. */
function randomOrthogonal(size: number, normal: () => number): Float64Array[] {
  const rows: Float64Array[] = [];
  while (rows.length < size) {
    const row = unitVector(size, normal);
    for (let pass = 0; pass < 2; pass++) {
      for (const other of rows) {
        const dot = other.reduce((sum, v, i) => sum + v * row[i], 0);
        other.forEach((v, i) => row[i] -= dot * v);
      }
    }
    const norm = Math.sqrt(row.reduce((sum, v) => sum + v * v, 0));
    if (norm > 1e-6) rows.push(row.map((v) => v / norm));
  }
  return rows;
}

/** Weights of one group: zero but for the kernels at the origin between equal irreps, which make an orthogonal matrix. */
function deltaOrthonormalValues(layout: WeightLayout, normal: () => number): Float64Array {
  const values = new Float64Array(layout.entryCount);
  for (const { outIrrep, copies, offset, columns, blocks } of layout.matrices) {
    for (const { inIrrep, copies: inputs, columnOffset, table } of blocks) {
      if (!sameId(inIrrep, outIrrep)) continue;
      const central = table.paths.flatMap(({ radius }, path) => radius === 0 ? [path] : []);
      if (central.length === 0) continue;
      const orthogonal = randomOrthogonal(Math.max(copies.length, inputs.length), normal);
      copies.forEach((_, row) => {
        const direction = unitVector(central.length, normal);
        inputs.forEach((_, column) => {
          const start = offset + row * columns + columnOffset + column * table.pathCount;
          central.forEach((path, i) => values[start + path] = direction[i] * orthogonal[row][column]);
        });
      });
    }
  }
  return layout.kept === undefined ? values : Float64Array.from(layout.kept, (entry) => values[entry]);
}

/**
 * Sets the weights of a steerable layer to zero but for the kernels at the origin (radius 0) between equal irreps, which get a
 * random orthogonal matrix between the copies of each irrep type. Deterministic by `seed`.
 */
export function deltaOrthonormalInit(layer: SteerableLayer): void {
  const { weights, layout } = layer;
  const normal = normalStream();
  const groups = weights.size / layout.size;
  const values = Array.from({ length: groups }, () => deltaOrthonormalValues(layout, normal));
  noGrad(() => {
    using _ = scope();
    const data = Float64Array.from(values.flatMap((part) => [...part]));
    assign([[weights, tensor(data, { dtype: "float64", backend: weights.backend })]]);
  });
}
