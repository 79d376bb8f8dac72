/** Selection along an axis and its adjoint in the reference backend; indices outside the axis are an error. */

import type { GatherCall, ScatterAddCall } from "../../src/tensor/backend.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import { elementCount, type Shape } from "../../src/tensor/layout.ts";
import type { Operand } from "./buffer.ts";

/**
 * For each element of `shape` (row-major) the row-major position in `chosen` that it reads from or adds to: the same
 * position on all axes but `axis`, where it is the element's index.
 */
function partners(shape: Shape, chosen: Shape, axis: number, indices: Operand, op: string): Int32Array {
  const result = new Int32Array(elementCount(shape));
  const inner = elementCount(shape.slice(axis + 1));
  for (let i = 0; i < result.length; i++) {
    const index = indices.elements[indices.positions[i]];
    if (index < 0 || index >= chosen[axis]) {
      throw new ArgumentError({
        op,
        expected: `indices from 0 to ${chosen[axis] - 1} along axis ${axis}`,
        actual: String(index),
      });
    }
    const outer = Math.floor(i / (inner * shape[axis]));
    result[i] = (outer * chosen[axis] + index) * inner + i % inner;
  }
  return result;
}

/** See `Backend.gather`. */
export function gather(call: GatherCall, input: Operand, indices: Operand, output: Operand): void {
  const from = partners(call.output.shape, call.input.shape, call.axis, indices, "gather");
  for (let i = 0; i < from.length; i++) {
    output.elements[output.positions[i]] = input.elements[input.positions[from[i]]];
  }
}

/** See `Backend.scatterAdd`. Sums run in float64 and are rounded (int32: wrapped) once. */
export function scatterAdd(call: ScatterAddCall, source: Operand, indices: Operand, output: Operand): void {
  const to = partners(call.source.shape, call.output.shape, call.axis, indices, "scatterAdd");
  const sums = Float64Array.from(output.positions, (position) => output.elements[position]);
  for (let i = 0; i < to.length; i++) sums[to[i]] += source.elements[source.positions[i]];
  for (let i = 0; i < sums.length; i++) output.elements[output.positions[i]] = sums[i];
}
