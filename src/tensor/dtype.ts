/**
 * Element types of tensors: their names, sizes, typed arrays and promotion.
 * `float32` is the default everywhere; `bool` is stored as one byte, 0 or 1.
 */

/** Names of all element types, from the narrowest to the widest in promotion order. */
export const DTYPES = ["bool", "int32", "float32", "float64"] as const;

/** The element type of a tensor. */
export type DType = typeof DTYPES[number];

/** A floating-point element type: the ones that carry gradients. */
export type FloatDType = "float32" | "float64";

/** The typed array in which elements of any {@linkcode DType} are exchanged with user code. */
export type TypedArray = Float32Array | Float64Array | Int32Array | Uint8Array;

/** Size of one element in bytes. */
export const BYTES_PER_ELEMENT: { readonly [D in DType]: number } = { bool: 1, int32: 4, float32: 4, float64: 8 };

/** Whether `dtype` is a floating-point type. */
export function isFloat(dtype: DType): dtype is FloatDType {
  return dtype === "float32" || dtype === "float64";
}

/** The common type of two operands: the later one in {@linkcode DTYPES}. */
export function promote(a: DType, b: DType): DType {
  return DTYPES.indexOf(a) >= DTYPES.indexOf(b) ? a : b;
}

/** A zero-filled typed array of `length` elements of `dtype`. */
export function createTypedArray(dtype: DType, length: number): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(length);
    case "float64":
      return new Float64Array(length);
    case "int32":
      return new Int32Array(length);
    case "bool":
      return new Uint8Array(length);
  }
}

/** The bytes `[byteOffset, byteOffset + length * size)` of `buffer` seen as elements of `dtype`. */
export function viewTypedArray(
  dtype: DType,
  buffer: ArrayBufferLike,
  byteOffset: number,
  length: number,
): TypedArray {
  switch (dtype) {
    case "float32":
      return new Float32Array(buffer, byteOffset, length);
    case "float64":
      return new Float64Array(buffer, byteOffset, length);
    case "int32":
      return new Int32Array(buffer, byteOffset, length);
    case "bool":
      return new Uint8Array(buffer, byteOffset, length);
  }
}

/** The element type that a typed array holds by nature. */
export function dtypeOf(array: TypedArray): DType {
  if (array instanceof Float32Array) return "float32";
  if (array instanceof Float64Array) return "float64";
  if (array instanceof Int32Array) return "int32";
  return "bool";
}

/**
 * `value` as an element of `dtype` would hold it: rounded to float32, wrapped to int32, or 0/1.
 */
export function roundTo(dtype: DType, value: number): number {
  switch (dtype) {
    case "float32":
      return Math.fround(value);
    case "float64":
      return value;
    case "int32":
      return value | 0;
    case "bool":
      return value !== 0 ? 1 : 0;
  }
}
