/**
 * Shapes, strides and views: pure index arithmetic, no data. A layout says where the elements of a tensor lie in its
 * storage; reshape, permute, expand and slice make new layouts on the same storage wherever strides can express them.
 */

import { ShapeError } from "./errors.ts";

/** Sizes along the axes, outermost first. A scalar has the shape `[]`. */
export type Shape = readonly number[];

/** Where elements lie: element `(i₀, i₁, …)` at `offset + Σ iₐ · strides[a]`, all counted in elements. */
export interface Layout {
  /** Sizes along the axes. */
  readonly shape: Shape;
  /** Distance between neighbours along each axis; 0 for a broadcast axis, negative for a reversed one. */
  readonly strides: readonly number[];
  /** Position of the first element. */
  readonly offset: number;
}

/** Number of elements of a shape. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** `[2, 3]` as text. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(", ")}]`;
}

/** Throws {@linkcode ShapeError} unless every size is a non-negative safe integer. */
export function validateShape(shape: Shape, op: string): void {
  if (!Array.isArray(shape)) {
    throw new ShapeError({ op, expected: "a shape as an array, e.g. [3, 4]", actual: String(shape) });
  }
  for (const size of shape) {
    if (!Number.isSafeInteger(size) || size < 0) {
      throw new ShapeError({ op, expected: "a shape of non-negative integers", actual: formatShape(shape) });
    }
  }
}

/** Row-major strides of a shape. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis];
  }
  return strides;
}

/** Row-major layout of a shape. */
export function contiguousLayout(shape: Shape, offset = 0): Layout {
  return { shape, strides: contiguousStrides(shape), offset };
}

/** Whether the elements lie row-major without gaps (axes of size 1 may have any stride). */
export function isContiguous(layout: Layout): boolean {
  if (layout.shape.includes(0)) return true;
  let stride = 1;
  for (let axis = layout.shape.length - 1; axis >= 0; axis--) {
    const size = layout.shape[axis];
    if (size !== 1 && layout.strides[axis] !== stride) return false;
    stride *= size;
  }
  return true;
}

/** `axis` counted from the front; throws {@linkcode ShapeError} when it is out of range. */
export function normalizeAxis(axis: number, rank: number, op: string): number {
  const normalized = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || normalized < 0 || normalized >= rank) {
    throw new ShapeError({ op, expected: `an axis from ${-rank} to ${rank - 1}`, actual: String(axis) });
  }
  return normalized;
}

/** Several axes, normalized, ascending, without repetition; `undefined` means all. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number, op: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = (typeof axes === "number" ? [axes] : [...axes]).map((axis) => normalizeAxis(axis, rank, op));
  const unique = [...new Set(list)].sort((a, b) => a - b);
  if (unique.length !== list.length) {
    throw new ShapeError({ op, expected: "distinct axes", actual: formatShape(list) });
  }
  return unique;
}

/** The common shape of operands under NumPy's broadcasting rules; throws {@linkcode ShapeError} if there is none. */
export function broadcastShapes(shapes: readonly Shape[], op: string): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    const lead = rank - shape.length;
    for (let axis = 0; axis < shape.length; axis++) {
      const size = shape[axis];
      if (size === 1) continue;
      if (result[lead + axis] !== 1 && result[lead + axis] !== size) {
        throw new ShapeError({
          op,
          expected: "shapes that broadcast together (equal sizes or 1 along each axis, aligned at the last)",
          actual: shapes.map(formatShape).join(" and "),
        });
      }
      result[lead + axis] = size;
    }
  }
  return result;
}

/** The layout seen with a larger shape: new leading axes and axes of size 1 get stride 0. */
export function expandLayout(layout: Layout, shape: Shape, op: string): Layout {
  const lead = shape.length - layout.shape.length;
  const strides = new Array<number>(shape.length).fill(0);
  const mismatch = (): never => {
    throw new ShapeError({
      op,
      expected: `a shape that ${formatShape(layout.shape)} broadcasts to`,
      actual: formatShape(shape),
    });
  };
  if (lead < 0) mismatch();
  for (let axis = 0; axis < layout.shape.length; axis++) {
    const from = layout.shape[axis];
    if (from === shape[lead + axis]) strides[lead + axis] = layout.strides[axis];
    else if (from !== 1) mismatch();
  }
  return { shape, strides, offset: layout.offset };
}

/** Axes in another order: result axis `i` is axis `order[i]`. */
export function permuteLayout(layout: Layout, order: readonly number[], op: string): Layout {
  const rank = layout.shape.length;
  const axes = order.map((axis) => normalizeAxis(axis, rank, op));
  if (axes.length !== rank || new Set(axes).size !== rank) {
    throw new ShapeError({ op, expected: `a permutation of ${rank} axes`, actual: formatShape(order) });
  }
  return {
    shape: axes.map((axis) => layout.shape[axis]),
    strides: axes.map((axis) => layout.strides[axis]),
    offset: layout.offset,
  };
}

/** Elements `start, start + step, …` (`length` of them) along one axis. The caller has checked the bounds. */
export function sliceLayout(layout: Layout, axis: number, start: number, length: number, step = 1): Layout {
  const shape = [...layout.shape];
  const strides = [...layout.strides];
  shape[axis] = length;
  strides[axis] = layout.strides[axis] * step;
  return { shape, strides, offset: layout.offset + (length > 0 ? start * layout.strides[axis] : 0) };
}

/**
 * The same elements in the same order under another shape of equal count, as a view; `undefined` where strides cannot
 * express it and the elements must be copied first.
 */
export function reshapeLayout(layout: Layout, shape: Shape): Layout | undefined {
  if (elementCount(shape) === 0 || isContiguous(layout)) {
    return { shape, strides: contiguousStrides(shape), offset: layout.offset };
  }
  const old = layout.shape.map((size, axis) => ({ size, stride: layout.strides[axis] })).filter((a) => a.size !== 1);
  const strides = new Array<number>(shape.length).fill(0);
  let from = 0;
  let to = 0;
  while (from < old.length && to < shape.length) {
    let oldEnd = from + 1;
    let newEnd = to + 1;
    let oldSize = old[from].size;
    let newSize = shape[to];
    while (oldSize !== newSize) {
      if (oldSize < newSize) {
        if (oldEnd >= old.length) return undefined;
        oldSize *= old[oldEnd++].size;
      } else {
        if (newEnd >= shape.length) return undefined;
        newSize *= shape[newEnd++];
      }
    }
    for (let axis = from; axis < oldEnd - 1; axis++) {
      if (old[axis].stride !== old[axis + 1].size * old[axis + 1].stride) return undefined;
    }
    let stride = old[oldEnd - 1].stride;
    for (let axis = newEnd - 1; axis >= to; axis--) {
      strides[axis] = stride;
      stride *= shape[axis];
    }
    from = oldEnd;
    to = newEnd;
  }
  return { shape, strides, offset: layout.offset };
}

/** An iteration space and the strides of several operands over it. */
export interface CoalescedLoop {
  /** Sizes, outermost first; `[]` for a single element. */
  readonly shape: readonly number[];
  /** For each operand its strides over `shape`. */
  readonly strides: readonly (readonly number[])[];
}

/**
 * The smallest loop nest that visits the same elements in the same order: axes of size 1 go, neighbouring axes that are
 * contiguous for every operand become one.
 */
export function coalesce(shape: Shape, strides: readonly (readonly number[])[]): CoalescedLoop {
  const sizes: number[] = [];
  const merged: number[][] = strides.map(() => []);
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis];
    if (size === 1) continue;
    const last = sizes.length - 1;
    const joins = last >= 0 && strides.every((operand, i) => merged[i][last] === operand[axis] * size);
    if (joins) {
      sizes[last] *= size;
      strides.forEach((operand, i) => merged[i][last] = operand[axis]);
    } else {
      sizes.push(size);
      strides.forEach((operand, i) => merged[i].push(operand[axis]));
    }
  }
  return { shape: sizes, strides: merged };
}
