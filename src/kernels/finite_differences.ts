/**
 * Central finite differences on equally spaced taps of any number: the weights that are exact for polynomials up to the degree
 * that the taps determine (Fornberg 1988), even or odd to the last bit.
 */

import { solveLinear } from "../math/linear_algebra.ts";
import { KernelError } from "./errors.ts";

/**
 * How many taps a central difference needs.
 *
 * @param order The order of the derivative.
 * @param accuracy Even: the power of the distance with which the error falls.
 * @param odd Whether the number of taps is odd, so that there is one in the middle.
 */
export function stencilSize(order: number, accuracy: number, odd: boolean): number {
  return order + accuracy - ((order % 2 === 0) === odd ? 1 : 0);
}

/**
 * The weights of a central difference.
 *
 * @param coordinates Equally spaced taps, symmetric about 0, ascending.
 * @param order The order of the derivative at 0.
 * @param accuracy Even: the power of the distance with which the error falls.
 * @returns One weight for each tap: f⁽ⁿ⁾(0) ≈ Σ weights · f(taps); those that are not needed are 0.
 * @throws {@linkcode KernelError} when there are too few taps.
 */
export function derivativeStencil(coordinates: Float64Array, order: number, accuracy: number): Float64Array {
  const total = coordinates.length;
  const size = stencilSize(order, accuracy, total % 2 === 1);
  if (size > total) {
    throw new KernelError({
      op: "derivativeStencil",
      expected: `${size} taps or more for order ${order} with accuracy ${accuracy}`,
      actual: String(total),
    });
  }
  const first = (total - size) / 2;
  const spacing = total > 1 ? coordinates[1] - coordinates[0] : 1;
  const system = new Float64Array(size * size);
  const right = new Float64Array(size);
  let factorial = 1;
  for (let i = 2; i <= order; i++) factorial *= i;
  right[order] = factorial;
  for (let j = 0; j < size; j++) {
    let v = 1;
    for (let i = 0; i < size; i++) {
      system[i * size + j] = v;
      v *= coordinates[first + j] / spacing;
    }
  }
  const weights = solveLinear(system, right, size, 1);
  if (weights === undefined) throw new TypeError(`The ${size} taps of a stencil are not distinct.`);
  let scale = 1;
  for (let i = 0; i < order; i++) scale /= spacing;
  const out = new Float64Array(total);
  const sign = order % 2 === 0 ? 1 : -1;
  for (let j = 0; j < size; j++) out[first + j] = scale * (weights[j] + sign * weights[size - 1 - j]) / 2;
  return out;
}
