// Views on a backend from plain arrays, for tests that compare with numbers worked out by hand.

import type { Backend, View } from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type DType, type TypedArray } from "../../../src/tensor/dtype.ts";
import { contiguousLayout, elementCount, type Shape } from "../../../src/tensor/layout.ts";

/** A row-major view that holds `data`. */
export function viewOf(backend: Backend, dtype: DType, shape: Shape, data?: readonly number[]): View {
  const buffer = backend.allocate(elementCount(shape) * BYTES_PER_ELEMENT[dtype]);
  const view: View = { ...contiguousLayout(shape), buffer, dtype };
  if (data) backend.write(view, typedArray(dtype, data));
  return view;
}

/** Numbers as elements of a type. */
export function typedArray(dtype: DType, data: readonly number[]): TypedArray {
  switch (dtype) {
    case "float32":
      return Float32Array.from(data);
    case "float64":
      return Float64Array.from(data);
    case "int32":
      return Int32Array.from(data);
    case "bool":
      return Uint8Array.from(data);
  }
}

/** The elements of a view as plain numbers. */
export function numbersOf(backend: Backend, view: View): number[] {
  return [...backend.readSync(view)];
}
