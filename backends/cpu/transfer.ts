/**
 * Reading and writing of views: what crosses between the heap and user code is always a copy. Views with gaps go through a
 * contiguous piece of the heap, so that the strided part is a kernel's work.
 */

import type { View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type DType, dtypeOf, type TypedArray } from "../../src/tensor/dtype.ts";
import { ArgumentError, DTypeError } from "../../src/tensor/errors.ts";
import { contiguousStrides, elementCount, formatShape, isContiguous } from "../../src/tensor/layout.ts";
import type { Heap, HeapBuffer } from "./context.ts";

/** The two operations. */
export interface Transfer {
  /** Copies `data` (row-major, the view's dtype and count) into a view. */
  write(target: View, data: TypedArray): void;
  /** A row-major copy of a view's elements. */
  read(source: View): TypedArray;
}

/** The heap as elements of a type. */
function elements(heap: Heap, dtype: DType): TypedArray {
  switch (dtype) {
    case "float32":
      return heap.f32();
    case "float64":
      return heap.f64();
    case "int32":
      return heap.i32();
    case "bool":
      return heap.u8();
  }
}

/** Position of a view's first element in {@linkcode elements}. */
function start(view: View): number {
  return (view.buffer as HeapBuffer).pointer / BYTES_PER_ELEMENT[view.dtype] + view.offset;
}

/** Row-major view of the same shape and dtype in a buffer of its own. */
function contiguousView(heap: Heap, { shape, dtype }: View): View {
  const buffer = heap.allocate(elementCount(shape) * BYTES_PER_ELEMENT[dtype]);
  return { buffer, shape, dtype, strides: contiguousStrides(shape), offset: 0 };
}

/**
 * Makes both operations.
 *
 * @param heap The heap.
 * @param copy The backend's `copy`.
 */
export function createTransfer(heap: Heap, copy: (source: View, target: View) => void): Transfer {
  return {
    write(target: View, data: TypedArray): void {
      const { dtype, shape } = target;
      if (dtypeOf(data) !== dtype) {
        throw new DTypeError({ op: "write", expected: `data of ${dtype}`, actual: dtypeOf(data) });
      }
      const count = elementCount(shape);
      if (data.length !== count) {
        throw new ArgumentError({
          op: "write",
          expected: `${count} elements for shape ${formatShape(shape)}`,
          actual: String(data.length),
        });
      }
      if (count === 0) return;
      if (isContiguous(target)) {
        elements(heap, dtype).set(data, start(target));
        return;
      }
      const whole = contiguousView(heap, target);
      elements(heap, dtype).set(data, start(whole));
      copy(whole, target);
      heap.free(whole.buffer as HeapBuffer);
    },

    read(source: View): TypedArray {
      const count = elementCount(source.shape);
      if (count === 0 || isContiguous(source)) {
        const from = start(source);
        return elements(heap, source.dtype).slice(from, from + count);
      }
      const whole = contiguousView(heap, source);
      copy(source, whole);
      const from = start(whole);
      const result = elements(heap, source.dtype).slice(from, from + count);
      heap.free(whole.buffer as HeapBuffer);
      return result;
    },
  };
}
