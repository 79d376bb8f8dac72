/**
 * Matrix products, batched and broadcasting, with derivatives that are matrix products again. A stack of matrices times one
 * matrix becomes a single product, so that its weight gradient is one product too.
 */

import { productOptions } from "./autocast.ts";
import type { View } from "./backend.ts";
import { allocateTensor, commonBackend, expandedView, needsGrad, record } from "./core.ts";
import { cast } from "./elementwise.ts";
import { isFloat, promote } from "./dtype.ts";
import { DTypeError, ShapeError } from "./errors.ts";
import { broadcastAxes, sameShape, sumAlong } from "./fused.ts";
import { broadcastShapes, expandLayout, formatShape, type Shape } from "./layout.ts";
import type { Tensor } from "./tensor.ts";
import { reshape, transpose, unsqueeze } from "./views.ts";

/**
 * `a · b` over the last two axes: `[…, m, k]` and `[…, k, n]` give `[…, m, n]`; other axes broadcast. A vector `[k]` stands for a row
 * on the left, a column on the right, and its axis goes. Throws {@linkcode ShapeError} unless the inner sizes agree and
 * {@linkcode DTypeError} unless both hold floats.
 *
 * @example
 * ```ts
 * import { matmul, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const product = matmul(tensor([[1, 2], [3, 4]]), tensor([[1], [1]]));
 * assertEquals(await product.data(), new Float32Array([3, 7]));
 * ```
 */
export function matmul(a: Tensor, b: Tensor): Tensor {
  const op = "matmul";
  commonBackend([a, b], op);
  if (!isFloat(a.dtype) || !isFloat(b.dtype)) {
    throw new DTypeError({
      op,
      expected: "float operands",
      actual: `${a.describe()} and ${b.describe()}`,
      hint: "Convert with cast()",
    });
  }
  const inner = a.rank === 0 ? undefined : a.shape[a.rank - 1];
  if (inner === undefined || b.rank === 0 || b.shape[Math.max(0, b.rank - 2)] !== inner) {
    throw new ShapeError({
      op,
      expected: "[…, m, k] and […, k, n] with the same k",
      actual: `${formatShape(a.shape)} and ${formatShape(b.shape)}`,
    });
  }
  if (a.dtype !== b.dtype) {
    const dtype = promote(a.dtype, b.dtype);
    using left = cast(a, dtype);
    using right = cast(b, dtype);
    return matmul(left, right);
  }
  if (a.rank === 1) {
    using row = unsqueeze(a, 0);
    using product = matmul(row, b);
    return reshape(product, product.shape.filter((_, axis) => axis !== product.rank - (b.rank === 1 ? 1 : 2)));
  }
  if (b.rank === 1) {
    using column = unsqueeze(b, 1);
    using product = matmul(a, column);
    return reshape(product, product.shape.slice(0, -1));
  }
  if (b.rank === 2 && a.rank > 2 && a.size > 0) {
    using rows = reshape(a, [-1, inner]);
    using product = multiply(rows, b);
    return reshape(product, [...a.shape.slice(0, -1), b.shape[1]]);
  }
  return multiply(a, b);
}

/** A view with its batch axes expanded. */
function batched(tensor: Tensor, batch: Shape, op: string): View {
  const shape = [...batch, tensor.shape[tensor.rank - 2], tensor.shape[tensor.rank - 1]];
  if (sameShape(shape, tensor.shape)) return tensor;
  return expandedView(tensor, shape, expandLayout(tensor, shape, op).strides);
}

/** The product of two stacks of matrices of one type. */
function multiply(a: Tensor, b: Tensor): Tensor {
  const op = "matmul";
  const backend = a.backend;
  const batch = broadcastShapes([a.shape.slice(0, -2), b.shape.slice(0, -2)], op);
  const output = allocateTensor(backend, [...batch, a.shape[a.rank - 2], b.shape[b.rank - 1]], a.dtype);
  if (output.size > 0) {
    backend.matmul({
      a: batched(a, batch, op),
      b: batched(b, batch, op),
      output,
      alpha: 1,
      beta: 0,
      ...productOptions(),
    });
  }
  if (needsGrad([a, b])) {
    const shapes = [a.shape, b.shape];
    // An operand is kept for the other one's gradient: not beside a constant.
    const saved = [...(b.node === undefined ? [] : [a]), ...(a.node === undefined ? [] : [b])];
    record(op, [a, b], [output], saved, ([gradient], kept, needs) => [
      needs[0] ? reduceTo(multiply(gradient!, transpose(kept[kept.length - 1], -2, -1)), shapes[0]) : undefined,
      needs[1] ? reduceTo(multiply(transpose(kept[0], -2, -1), gradient!), shapes[1]) : undefined,
    ]);
  }
  return output;
}

/** The sum over the axes along which `shape` was broadcast. */
function reduceTo(tensor: Tensor, shape: Shape): Tensor {
  return sameShape(tensor.shape, shape) ? tensor : sumAlong(tensor, broadcastAxes(shape, tensor.shape), shape);
}
