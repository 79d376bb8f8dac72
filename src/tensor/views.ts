/**
 * Views: the same elements under another shape, order or selection, without copying wherever strides can express it. The
 * derivative of a selection puts the gradient back into zeros, and that of putting back is the selection.
 */

import { aliasOf, allocateTensor, needsGrad, record, viewOf } from "./core.ts";
import { ArgumentError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import { sameShape, spread } from "./fused.ts";
import {
  contiguousLayout,
  elementCount,
  expandLayout,
  formatShape,
  isContiguous,
  type Layout,
  normalizeAxes,
  normalizeAxis,
  permuteLayout,
  reshapeLayout,
  type Shape,
  sliceLayout,
  validateShape,
} from "./layout.ts";
import type { Tensor } from "./tensor.ts";

/** A selection of elements, each at most once. */
type Selection = (layout: Layout) => Layout;

/** The selected elements as a view. */
export function selectView(op: string, tensor: Tensor, selection: Selection): Tensor {
  const result = viewOf(tensor, selection(tensor));
  if (needsGrad([tensor])) {
    const shape = tensor.shape;
    record(op, [tensor], [result], [], ([gradient]) => [embed(op, gradient!, shape, selection)]);
  }
  return result;
}

/** Zeros of shape `shape` with `tensor` at the selected places: the adjoint of {@linkcode selectView}. */
export function embed(op: string, tensor: Tensor, shape: Shape, selection: Selection): Tensor {
  const { backend, dtype } = tensor;
  const result = allocateTensor(backend, shape, dtype);
  backend.map({ expressions: [E.constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [result] });
  const place = selection(contiguousLayout(shape));
  if (tensor.size > 0) backend.copy(tensor, { ...place, buffer: result.buffer, dtype });
  if (needsGrad([tensor])) {
    record(op, [tensor], [result], [], ([gradient]) => [selectView(op, gradient!, selection)]);
  }
  return result;
}

/** A row-major copy, or a view where the elements are row-major already. */
export function contiguous(tensor: Tensor): Tensor {
  return isContiguous(tensor) ? aliasOf(tensor) : clone(tensor);
}

/** A row-major copy with the same history. */
export function clone(tensor: Tensor): Tensor {
  const result = allocateTensor(tensor.backend, tensor.shape, tensor.dtype);
  if (tensor.size > 0) tensor.backend.copy(tensor, result);
  if (needsGrad([tensor])) record("clone", [tensor], [result], [], ([gradient]) => [gradient]);
  return result;
}

/** `shape` with a −1 replaced so that the count fits. */
function resolveShape(tensor: Tensor, shape: Shape): Shape {
  const unknown = shape.indexOf(-1);
  const known = shape.filter((size) => size !== -1);
  validateShape(known, "reshape");
  const rest = elementCount(known);
  const refuse = (): never => {
    throw new ShapeError({
      op: "reshape",
      expected: `a shape of ${tensor.size} elements with at most one -1, for ${tensor.describe()}`,
      actual: formatShape(shape),
    });
  };
  if (unknown < 0) return rest === tensor.size ? shape : refuse();
  if (known.length !== shape.length - 1 || rest === 0 || tensor.size % rest !== 0) refuse();
  return shape.map((size) => size === -1 ? tensor.size / rest : size);
}

/** The same elements in the same order under another shape; one size may be −1. A view where strides allow it. */
export function reshape(tensor: Tensor, shape: Shape): Tensor {
  const resolved = resolveShape(tensor, shape);
  const layout = reshapeLayout(tensor, resolved);
  if (layout === undefined) {
    using copy = clone(tensor);
    return reshape(copy, resolved);
  }
  const result = viewOf(tensor, layout);
  if (needsGrad([tensor])) {
    const before = tensor.shape;
    record("reshape", [tensor], [result], [], ([gradient]) => [reshape(gradient!, before)]);
  }
  return result;
}

/** Axes `startAxis` to `endAxis` (inclusive) as one. A scalar becomes `[1]`. */
export function flatten(tensor: Tensor, startAxis = 0, endAxis = -1): Tensor {
  if (tensor.rank === 0) return reshape(tensor, [1]);
  const start = normalizeAxis(startAxis, tensor.rank, "flatten");
  const end = normalizeAxis(endAxis, tensor.rank, "flatten");
  if (end < start) {
    throw new ArgumentError({ op: "flatten", expected: "startAxis ≤ endAxis", actual: `${startAxis} and ${endAxis}` });
  }
  const { shape } = tensor;
  return reshape(tensor, [
    ...shape.slice(0, start),
    elementCount(shape.slice(start, end + 1)),
    ...shape.slice(end + 1),
  ]);
}

/** Axes in another order: result axis `i` is axis `order[i]`. A view. */
export function permute(tensor: Tensor, order: readonly number[]): Tensor {
  const result = viewOf(tensor, permuteLayout(tensor, order, "permute"));
  if (needsGrad([tensor])) {
    const inverse = new Array<number>(order.length);
    order.forEach((axis, i) => inverse[axis < 0 ? axis + order.length : axis] = i);
    record("permute", [tensor], [result], [], ([gradient]) => [permute(gradient!, inverse)]);
  }
  return result;
}

/** Two axes exchanged. A view. */
export function transpose(tensor: Tensor, axisA: number, axisB: number): Tensor {
  const a = normalizeAxis(axisA, tensor.rank, "transpose");
  const b = normalizeAxis(axisB, tensor.rank, "transpose");
  const order = tensor.shape.map((_, axis) => axis === a ? b : axis === b ? a : axis);
  return permute(tensor, order);
}

/** Repeated along new leading axes and axes of size 1, without copying; −1 keeps a size. */
export function expand(tensor: Tensor, shape: Shape): Tensor {
  const lead = shape.length - tensor.rank;
  const full = shape.map((size, axis) => size === -1 && axis >= lead ? tensor.shape[axis - lead] : size);
  validateShape(full, "expand");
  if (sameShape(full, tensor.shape)) return aliasOf(tensor);
  expandLayout(tensor, full, "expand");
  return spread(tensor, [...new Array<number>(lead).fill(1), ...tensor.shape], full);
}

/**
 * Elements `start, start + step, …` before `end` along an axis: a view. Negative positions count from the end, positions beyond
 * the axis are moved to its ends, as in Python; a negative `step` walks backwards. Default `end`: all that follow.
 */
export function slice(tensor: Tensor, axis: number, start: number, end?: number, step = 1): Tensor {
  const along = normalizeAxis(axis, tensor.rank, "slice");
  const size = tensor.shape[along];
  for (const value of [start, end ?? 0, step]) {
    if (!Number.isInteger(value) || step === 0) {
      throw new ArgumentError({
        op: "slice",
        expected: "integers start and end and a step other than 0",
        actual: `start ${start}, end ${end}, step ${step}`,
      });
    }
  }
  const lowest = step > 0 ? 0 : -1;
  const highest = step > 0 ? size : size - 1;
  const limit = (position: number): number =>
    Math.max(lowest, Math.min(highest, position < 0 ? position + size : position));
  const first = limit(start);
  const last = end === undefined ? (step > 0 ? size : -1) : limit(end);
  const length = Math.max(0, Math.ceil((last - first) / step));
  return selectView("slice", tensor, (layout) => sliceLayout(layout, along, first, length, step));
}

/** The elements at one position of an axis, which goes. Negative positions count from the end. A view. */
export function select(tensor: Tensor, axis: number, index: number): Tensor {
  const along = normalizeAxis(axis, tensor.rank, "select");
  const size = tensor.shape[along];
  const position = index < 0 ? index + size : index;
  if (!Number.isInteger(index) || position < 0 || position >= size) {
    throw new ArgumentError({
      op: "select",
      expected: `an index from ${-size} to ${size - 1} along axis ${along} of ${tensor.describe()}`,
      actual: String(index),
    });
  }
  return selectView("select", tensor, (layout) => ({
    shape: layout.shape.filter((_, i) => i !== along),
    strides: layout.strides.filter((_, i) => i !== along),
    offset: layout.offset + position * layout.strides[along],
  }));
}

/** Without axes of size 1: the given ones, or all. A view. */
export function squeeze(tensor: Tensor, axis?: number | readonly number[]): Tensor {
  const axes = axis === undefined
    ? tensor.shape.flatMap((size, i) => size === 1 ? [i] : [])
    : normalizeAxes(axis, tensor.rank, "squeeze");
  for (const along of axes) {
    if (tensor.shape[along] !== 1) {
      throw new ShapeError({ op: "squeeze", expected: `size 1 along axis ${along}`, actual: tensor.describe() });
    }
  }
  return reshape(tensor, tensor.shape.filter((_, i) => !axes.includes(i)));
}

/** With a new axis of size 1 at position `axis` of the result. A view. */
export function unsqueeze(tensor: Tensor, axis: number): Tensor {
  const at = normalizeAxis(axis, tensor.rank + 1, "unsqueeze");
  return reshape(tensor, [...tensor.shape.slice(0, at), 1, ...tensor.shape.slice(at)]);
}

/** Elements in reverse order along axes. A view. */
export function flip(tensor: Tensor, axes: number | readonly number[]): Tensor {
  const list = normalizeAxes(axes, tensor.rank, "flip");
  return selectView("flip", tensor, (layout) =>
    list.reduce((flipped, axis) => {
      const size = flipped.shape[axis];
      return sliceLayout(flipped, axis, Math.max(0, size - 1), size, -1);
    }, layout));
}
