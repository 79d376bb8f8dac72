// A cpu context for tests of single operations: arrays become views of its heap and come back, without the backend around.

import { type CpuOptions, type CpuSystem, createContext } from "../../../backends/cpu/create_context.ts";
import type { View } from "../../../src/tensor/backend.ts";
import {
  BYTES_PER_ELEMENT,
  createTypedArray,
  type DType,
  type TypedArray,
  viewTypedArray,
} from "../../../src/tensor/dtype.ts";
import { contiguousStrides, elementCount, type Shape } from "../../../src/tensor/layout.ts";

/** A context and what tests do with its memory. */
export class Device implements Disposable {
  /** The context; operations are made from it. */
  readonly context: CpuSystem;

  /** One thread without OpenBLAS, unless asked otherwise. */
  constructor(options: CpuOptions = {}) {
    this.context = createContext({ threads: 1, openblas: "off", startAfter: 0, ...options });
  }

  /** A new contiguous view that holds `values`. */
  tensor(dtype: DType, shape: Shape, values: ArrayLike<number>): View {
    const bytes = values.length * BYTES_PER_ELEMENT[dtype];
    const view: View = {
      dtype,
      shape,
      strides: contiguousStrides(shape),
      offset: 0,
      buffer: this.context.heap.allocate(bytes),
    };
    this.all(view, values.length).set(values);
    return view;
  }

  /** A new contiguous view full of a value that no test expects. */
  empty(dtype: DType, shape: Shape): View {
    return this.tensor(dtype, shape, createTypedArray(dtype, elementCount(shape)).fill(dtype === "bool" ? 1 : -77));
  }

  /** The first `count` elements of a view's buffer, as they lie. */
  all(view: View, count: number): TypedArray {
    const { pointer } = view.buffer as { readonly bytes: number; readonly pointer: number };
    return viewTypedArray(view.dtype, this.context.heap.u8().buffer, pointer, count);
  }

  /** The elements of a view in row-major order. */
  read(view: View): number[] {
    const { pointer } = view.buffer as { readonly bytes: number; readonly pointer: number };
    const bytes = BYTES_PER_ELEMENT[view.dtype];
    const memory = viewTypedArray(
      view.dtype,
      this.context.heap.u8().buffer,
      0,
      pointer / bytes + view.buffer.bytes / bytes,
    );
    const result: number[] = [];
    const visit = (axis: number, position: number): void => {
      if (axis === view.shape.length) result.push(memory[position]);
      else for (let i = 0; i < view.shape[axis]; i++) visit(axis + 1, position + i * view.strides[axis]);
    };
    visit(0, pointer / bytes + view.offset);
    return result;
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    this.context.executor.dispose();
  }
}
