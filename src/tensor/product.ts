/**
 * The derivative of products over axes: for each element the product of all others, without division, so that zeros are right
 * to any order. It comes from a binary tree of multiplications, linear in the number of elements.
 */

import { allocateTensor } from "./core.ts";
import { binaryOperation } from "./elementwise.ts";
import * as E from "./expr.ts";
import { concatenate, stack } from "./join.ts";
import { elementCount } from "./layout.ts";
import type { Tensor } from "./tensor.ts";
import { permute, reshape, slice } from "./views.ts";

/** For each element of a matrix `[rows, n]` the product of the others in its row. */
function productOfOthers(x: Tensor): Tensor {
  const n = x.shape[1];
  if (n <= 1) {
    const ones = allocateTensor(x.backend, x.shape, x.dtype);
    const expressions = [E.constant(1, x.dtype)];
    x.backend.map({ expressions, shape: x.shape, inputs: [], scalars: [], outputs: [ones] });
    return ones;
  }
  const pairs = n >> 1;
  using even = slice(x, 1, 0, 2 * pairs, 2);
  using odd = slice(x, 1, 1, 2 * pairs, 2);
  using products = binaryOperation("mul", even, odd);
  using rest = slice(x, 1, 2 * pairs);
  using level = concatenate([products, rest], 1);
  using others = productOfOthers(level);
  using shared = slice(others, 1, 0, pairs);
  using left = binaryOperation("mul", shared, odd);
  using right = binaryOperation("mul", shared, even);
  using both = stack([left, right], 2);
  using interleaved = reshape(both, [x.shape[0], 2 * pairs]);
  using last = slice(others, 1, pairs);
  return concatenate([interleaved, last], 1);
}

/** For each element of `x` the product of the others along `axes` (ascending). Differentiable. */
export function exclusiveProduct(x: Tensor, axes: readonly number[]): Tensor {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const columns = elementCount(axes.map((axis) => x.shape[axis]));
  const rows = elementCount(kept.map((axis) => x.shape[axis]));
  using moved = permute(x, order);
  using matrix = reshape(moved, [rows, columns]);
  using others = productOfOthers(matrix);
  using back = reshape(others, moved.shape);
  const inverse = new Array<number>(order.length);
  order.forEach((axis, i) => inverse[axis] = i);
  return permute(back, inverse);
}
