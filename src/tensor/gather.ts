/**
 * Choosing elements by index along an axis (`gather`, `indexSelect`) and its adjoint, adding elements at indices (`scatterAdd`).
 * Each is the derivative of the other.
 */

import { allocateTensor, commonBackend, expandedView, needsGrad, record } from "./core.ts";
import type { Backend, View } from "./backend.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import { runReduce, sameShape } from "./fused.ts";
import { fusedPlan } from "./fused_plan.ts";
import { formatShape, normalizeAxis, type Shape } from "./layout.ts";
import type { Tensor } from "./tensor.ts";

const extremes = () => {
  const x = E.input(0, "int32");
  return fusedPlan([x, x], ["int32"], ["min", "max"]);
};

/** Throws {@linkcode ArgumentError} where an index is out of range, unless the backend finds out by itself or cannot tell at once. */
function validateIndices(op: string, indices: Tensor, size: number): void {
  const { backend } = indices;
  if (indices.size === 0 || backend.checksIndices === true || !backend.canReadSync) return;
  const axes = indices.shape.map((_, axis) => axis);
  const [low, high] = runReduce(op, extremes(), axes, [indices], [], indices.shape, []);
  const lowest = low.itemSync();
  const highest = high.itemSync();
  low.dispose();
  high.dispose();
  refuseOutside(op, lowest, highest, size);
}

function refuseOutside(op: string, lowest: number, highest: number, size: number): void {
  if (lowest >= 0 && highest < size) return;
  throw new ArgumentError({
    op,
    expected: `indices from 0 to ${size - 1}`,
    actual: `indices from ${lowest} to ${highest}`,
  });
}

function validateOperands(op: string, tensor: Tensor, axis: number, indices: Tensor): number {
  commonBackend([tensor, indices], op);
  const along = normalizeAxis(axis, tensor.rank, op);
  if (indices.dtype !== "int32") {
    throw new DTypeError({ op, expected: "int32 indices", actual: indices.describe(), hint: 'Use cast("int32")' });
  }
  if (indices.rank !== tensor.rank || indices.shape.some((size, i) => i !== along && size !== tensor.shape[i])) {
    throw new ShapeError({
      op,
      expected: `indices of shape ${formatShape(tensor.shape)}, but for axis ${along}`,
      actual: formatShape(indices.shape),
      hint: "indexSelect() takes a list of indices",
    });
  }
  return along;
}

/**
 * `output[…, i, …] = x[…, indices[…, i, …], …]` along `axis`. `indices` (int32) has the output's shape: that of `x` but for the axis. A
 * derivative adds up where an index repeats. Throws {@linkcode ArgumentError} for indices out of range: on the cuda backend, which does not
 * wait, the next call that reads, synchronizes or disposes throws it, and such an index selects 0; elsewhere this call does.
 *
 * @example
 * ```ts
 * import { gather, tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * const chosen = gather(x, 1, tensor(new Int32Array([2, 0]), [2, 1]));
 * assertEquals(await chosen.data(), new Float32Array([3, 4]));
 * ```
 */
export function gather(x: Tensor, axis: number, indices: Tensor): Tensor {
  const along = validateOperands("gather", x, axis, indices);
  validateIndices("gather", indices, x.shape[along]);
  return gatherUnchecked(x, along, indices);
}

/** {@linkcode gather} without checks. */
export function gatherUnchecked(x: Tensor, axis: number, indices: Tensor): Tensor {
  const output = allocateTensor(x.backend, indices.shape, x.dtype);
  if (output.size > 0) x.backend.gather({ input: x, indices, axis, output });
  if (needsGrad([x])) {
    const shape = x.shape;
    record("gather", [x], [output], [indices], ([gradient], [saved]) => [
      scatterIntoZeros(shape, axis, saved, gradient!),
    ]);
  }
  return output;
}

/** Zeros of `shape` with `source` added at `indices` along `axis`, without checks. Differentiable in `source`. */
export function scatterIntoZeros(shape: Shape, axis: number, indices: Tensor, source: Tensor): Tensor {
  const { backend, dtype } = source;
  const output = allocateTensor(backend, shape, dtype);
  backend.map({ expressions: [E.constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [output] });
  if (source.size > 0) backend.scatterAdd({ source, indices, axis, output });
  if (needsGrad([source])) {
    record("scatterAdd", [source], [output], [indices], ([gradient], [saved]) => [
      gatherUnchecked(gradient!, axis, saved),
    ]);
  }
  return output;
}

/**
 * A copy of `base` with `output[…, indices[…, i, …], …] += source[…, i, …]` along `axis`; repeated indices add up. `indices` (int32) and
 * `source` have one shape: that of `base` but for the axis. Throws for indices out of range as {@linkcode gather} does.
 */
export function scatterAdd(base: Tensor, axis: number, indices: Tensor, source: Tensor): Tensor {
  const op = "scatterAdd";
  const along = validateOperands(op, base, axis, indices);
  commonBackend([base, source], op);
  if (!sameShape(source.shape, indices.shape)) {
    throw new ShapeError({
      op,
      expected: `a source of the indices' shape ${formatShape(indices.shape)}`,
      actual: formatShape(source.shape),
    });
  }
  if (source.dtype !== base.dtype || base.dtype === "bool") {
    throw new DTypeError({
      op,
      expected: "base and source of one type, not bool",
      actual: `${base.dtype} and ${source.dtype}`,
      hint: "Convert with cast()",
    });
  }
  validateIndices(op, indices, base.shape[along]);
  const output = allocateTensor(base.backend, base.shape, base.dtype);
  if (output.size > 0) base.backend.copy(base, output);
  if (source.size > 0) base.backend.scatterAdd({ source, indices, axis: along, output });
  if (needsGrad([base, source])) {
    record(op, [base, source], [output], [indices], ([gradient], [saved], needs) => [
      needs[0] ? gradient : undefined,
      needs[1] ? gatherUnchecked(gradient!, along, saved) : undefined,
    ]);
  }
  return output;
}

/** int32 indices as a tensor on `backend`. */
function uploadIndices(backend: Backend, indices: Int32Array | readonly number[]): Tensor {
  const made = allocateTensor(backend, [indices.length], "int32");
  if (indices.length > 0) backend.write(made, Int32Array.from(indices));
  return made;
}

/**
 * The slices of `x` at `indices` (a list, or an int32 vector) along `axis`; they may repeat. Throws as {@linkcode gather}.
 */
export function indexSelect(x: Tensor, axis: number, indices: Int32Array | readonly number[] | Tensor): Tensor {
  const op = "indexSelect";
  const along = normalizeAxis(axis, x.rank, op);
  const isList = ArrayBuffer.isView(indices) || Array.isArray(indices);
  if (isList) {
    const list = indices as Int32Array | readonly number[];
    let lowest = 0;
    let highest = -1;
    for (const index of list) {
      if (!Number.isInteger(index)) lowest = NaN;
      lowest = Math.min(lowest, index);
      highest = Math.max(highest, index);
    }
    refuseOutside(op, lowest, highest, x.shape[along]);
    using uploaded = uploadIndices(x.storage.backend, list);
    return selectByVector(x, along, uploaded);
  }
  const vector = indices as Tensor;
  commonBackend([x, vector], op);
  if (vector.dtype !== "int32" || vector.rank !== 1) {
    throw new ShapeError({ op, expected: "an int32 vector of indices", actual: vector.describe() });
  }
  validateIndices(op, vector, x.shape[along]);
  return selectByVector(x, along, vector);
}

/** The strides of a vector of indices seen along `axis` of `shape`. */
function vectorView(vector: Tensor, shape: Shape, axis: number): View {
  return expandedView(vector, shape, shape.map((_, i) => i === axis ? vector.strides[0] : 0));
}

function selectByVector(x: Tensor, axis: number, vector: Tensor): Tensor {
  const shape = x.shape.map((size, i) => i === axis ? vector.size : size);
  const output = allocateTensor(x.backend, shape, x.dtype);
  if (output.size > 0) x.backend.gather({ input: x, indices: vectorView(vector, shape, axis), axis, output });
  if (needsGrad([x])) {
    const before = x.shape;
    record("indexSelect", [x], [output], [vector], ([gradient], [saved]) => [
      scatterByVector(gradient!, axis, saved, before),
    ]);
  }
  return output;
}

function scatterByVector(source: Tensor, axis: number, vector: Tensor, shape: Shape): Tensor {
  const { backend, dtype } = source;
  const output = allocateTensor(backend, shape, dtype);
  backend.map({ expressions: [E.constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [output] });
  if (source.size > 0) {
    backend.scatterAdd({ source, indices: vectorView(vector, source.shape, axis), axis, output });
  }
  if (needsGrad([source])) {
    record("indexSelect", [source], [output], [vector], ([gradient], [saved]) => [
      selectByVector(gradient!, axis, saved),
    ]);
  }
  return output;
}
