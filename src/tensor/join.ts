/**
 * Joining and splitting tensors along an axis. The parts of a split are views; the derivative of joining is splitting.
 */

import { allocateTensor, commonBackend, needsGrad, record } from "./core.ts";
import { promote } from "./dtype.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import { cast } from "./elementwise.ts";
import { formatShape, normalizeAxis, type Shape, sliceLayout } from "./layout.ts";
import type { Tensor } from "./tensor.ts";
import { slice, unsqueeze } from "./views.ts";

/**
 * Tensors one after the other along `axis`; all other sizes are equal. Types are promoted.
 *
 * @example
 * ```ts
 * import { concatenate, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const joined = concatenate([tensor([[1, 2]]), tensor([[3, 4], [5, 6]])], 0);
 * assertEquals(joined.shape, [3, 2]);
 * ```
 */
export function concatenate(tensors: readonly Tensor[], axis: number): Tensor {
  if (tensors.length === 0) {
    throw new ArgumentError({ op: "concatenate", expected: "at least one tensor", actual: "none" });
  }
  const backend = commonBackend(tensors, "concatenate");
  const first = tensors[0].shape;
  const along = normalizeAxis(axis, first.length, "concatenate");
  for (const { shape } of tensors) {
    if (shape.length !== first.length || shape.some((size, i) => i !== along && size !== first[i])) {
      throw new ShapeError({
        op: "concatenate",
        expected: `equal shapes but for axis ${along}`,
        actual: tensors.map((tensor) => formatShape(tensor.shape)).join(" and "),
      });
    }
  }
  const dtype = tensors.map((tensor) => tensor.dtype).reduce(promote);
  const parts = tensors.map((tensor) => tensor.dtype === dtype ? tensor : cast(tensor, dtype));
  const sizes = parts.map((part) => part.shape[along]);
  const shape: Shape = first.map((size, i) => i === along ? sizes.reduce((a, b) => a + b) : size);
  const result = allocateTensor(backend, shape, dtype);
  let start = 0;
  parts.forEach((part, i) => {
    const place = sliceLayout(result, along, start, sizes[i]);
    if (part.size > 0) backend.copy(part, { ...place, buffer: result.buffer, dtype });
    start += sizes[i];
  });
  if (needsGrad(parts)) {
    record("concatenate", parts, [result], [], ([gradient], _saved, needs) => {
      let from = 0;
      return sizes.map((size, i) => {
        const begin = from;
        from += size;
        return needs[i] ? slice(gradient!, along, begin, begin + size) : undefined;
      });
    });
  }
  parts.forEach((part, i) => part === tensors[i] || part.dispose());
  return result;
}

/** Tensors of one shape side by side along a new axis at position `axis` of the result. */
export function stack(tensors: readonly Tensor[], axis = 0): Tensor {
  const parts = tensors.map((tensor) => unsqueeze(tensor, axis));
  const result = concatenate(parts, axis);
  for (const part of parts) part.dispose();
  return result;
}

/** Parts along an axis as views: with the given sizes, or a number of equal ones. */
export function split(tensor: Tensor, sizes: number | readonly number[], axis: number): Tensor[] {
  const along = normalizeAxis(axis, tensor.rank, "split");
  const total = tensor.shape[along];
  const list = typeof sizes === "number" ? new Array<number>(Math.max(0, sizes)).fill(total / sizes) : sizes;
  if (list.some((size) => !Number.isInteger(size) || size < 0) || list.reduce((a, b) => a + b, 0) !== total) {
    throw new ShapeError({
      op: "split",
      expected: `sizes that add up to ${total}, or a number of equal parts`,
      actual: typeof sizes === "number" ? `${sizes} parts` : formatShape(sizes),
    });
  }
  let start = 0;
  return list.map((size) => {
    const part = slice(tensor, along, start, start + size);
    start += size;
    return part;
  });
}
