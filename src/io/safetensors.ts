/**
 * The safetensors file format: an 8-byte little-endian header length, a JSON header with type, shape and byte range of each tensor and a
 * map of strings, then the bytes. It can be read without running anything and is what PyTorch users exchange.
 */

import type { DType, TypedArray } from "../tensor/dtype.ts";
import { BYTES_PER_ELEMENT, createTypedArray } from "../tensor/dtype.ts";
import { elementCount } from "../tensor/layout.ts";
import { TensorFileError } from "./errors.ts";

/** A tensor as a file holds it. */
export interface StoredTensor {
  /** Element type. */
  readonly dtype: DType;
  /** Sizes, outermost first. */
  readonly shape: readonly number[];
  /** Elements, row-major. */
  readonly data: TypedArray;
}

/** What a safetensors file holds. */
export interface TensorFile {
  /** Tensors by name. */
  readonly tensors: { readonly [name: string]: StoredTensor };
  /** Free text by name. */
  readonly metadata: { readonly [name: string]: string };
}

const NAME_OF: { readonly [D in DType]: string } = { float32: "F32", float64: "F64", int32: "I32", bool: "BOOL" };

/** How each type of a file is read. Half precision and wide integers become the nearest type that holds them. */
const READERS: {
  readonly [name: string]: { dtype: DType; bytes: number; read: (view: DataView, at: number) => number } | undefined;
} = {
  F32: { dtype: "float32", bytes: 4, read: (view, at) => view.getFloat32(at, true) },
  F64: { dtype: "float64", bytes: 8, read: (view, at) => view.getFloat64(at, true) },
  F16: { dtype: "float32", bytes: 2, read: (view, at) => halfToNumber(view.getUint16(at, true)) },
  BF16: { dtype: "float32", bytes: 2, read: (view, at) => bfloat16ToNumber(view.getUint16(at, true)) },
  I32: { dtype: "int32", bytes: 4, read: (view, at) => view.getInt32(at, true) },
  I16: { dtype: "int32", bytes: 2, read: (view, at) => view.getInt16(at, true) },
  I8: { dtype: "int32", bytes: 1, read: (view, at) => view.getInt8(at) },
  U8: { dtype: "int32", bytes: 1, read: (view, at) => view.getUint8(at) },
  BOOL: { dtype: "bool", bytes: 1, read: (view, at) => view.getUint8(at) !== 0 ? 1 : 0 },
  // PyTorch's counters (num_batches_tracked); a value beyond int32 is refused below.
  I64: { dtype: "int32", bytes: 8, read: (view, at) => Number(view.getBigInt64(at, true)) },
};

/** The value of an IEEE half-precision number. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0) return sign * fraction * Math.pow(2, -24);
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * (1 + fraction / 1024) * Math.pow(2, exponent - 15);
}

/** The value of a bfloat16 number: the upper half of a float32. */
function bfloat16ToNumber(bits: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, bits << 16);
  return view.getFloat32(0);
}

/**
 * The bytes of a safetensors file. Tensors are stored in the order given; the header is padded so that their bytes begin at a multiple of 8.
 *
 * @example A round trip
 * ```ts
 * import { decodeSafetensors, encodeSafetensors } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = encodeSafetensors({
 *   tensors: { w: { dtype: "float32", shape: [2], data: new Float32Array([1, 2]) } },
 *   metadata: { step: "7" },
 * });
 * const file = decodeSafetensors(bytes, "example");
 * assertEquals([...file.tensors.w.data], [1, 2]);
 * assertEquals(file.metadata.step, "7");
 * ```
 */
export function encodeSafetensors(file: TensorFile): Uint8Array<ArrayBuffer> {
  const header: { [name: string]: unknown } = { __metadata__: file.metadata };
  let offset = 0;
  for (const [name, tensor] of Object.entries(file.tensors)) {
    const bytes = elementCount(tensor.shape) * BYTES_PER_ELEMENT[tensor.dtype];
    header[name] = { dtype: NAME_OF[tensor.dtype], shape: tensor.shape, data_offsets: [offset, offset + bytes] };
    offset += bytes;
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const headerLength = Math.ceil(json.length / 8) * 8;
  const result = new Uint8Array(8 + headerLength + offset);
  const view = new DataView(result.buffer);
  view.setUint32(0, headerLength, true);
  result.fill(0x20, 8, 8 + headerLength);
  result.set(json, 8);
  let at = 8 + headerLength;
  for (const tensor of Object.values(file.tensors)) {
    const data = tensor.data;
    result.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return result;
}

interface HeaderEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

function isHeaderEntry(value: unknown): value is HeaderEntry {
  if (typeof value !== "object" || value === null) return false;
  const entry = value as Partial<HeaderEntry>;
  return typeof entry.dtype === "string" && Array.isArray(entry.shape) && Array.isArray(entry.data_offsets) &&
    entry.data_offsets.length === 2 &&
    [...entry.shape, ...entry.data_offsets].every((n) => Number.isSafeInteger(n) && n >= 0);
}

/**
 * Parses the bytes of a safetensors file; `name` appears in errors.
 * Throws {@linkcode TensorFileError} where the file is truncated, its header is damaged, or a type is unknown.
 */
export function decodeSafetensors(bytes: Uint8Array, name = "in memory"): TensorFile {
  const op = `safetensors file ${name}`;
  const fail = (expected: string, actual: string, cause?: unknown): never => {
    throw new TensorFileError({ op, expected, actual, hint: "The file is damaged or no safetensors file" }, { cause });
  };
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) fail("at least 8 bytes", `${bytes.length} bytes`);
  const headerLength = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  const start = 8 + headerLength;
  if (start > bytes.length) fail(`a header of ${headerLength} bytes`, `${bytes.length} bytes in all`);
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes.subarray(8, start)));
  } catch (cause) {
    fail("a JSON header", cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (typeof header !== "object" || header === null || Array.isArray(header)) {
    fail("a JSON object as header", typeof header);
  }
  const tensors: { [name: string]: StoredTensor } = {};
  let metadata: { [name: string]: string } = {};
  for (const [key, entry] of Object.entries(header as { [key: string]: unknown })) {
    if (key === "__metadata__") {
      metadata = entry as { [name: string]: string };
      continue;
    }
    if (!isHeaderEntry(entry)) return fail(`dtype, shape and data_offsets of ${key}`, JSON.stringify(entry));
    tensors[key] = decodeTensor(key, entry, view, start, fail);
  }
  return { tensors, metadata };
}

function decodeTensor(
  key: string,
  entry: HeaderEntry,
  view: DataView,
  start: number,
  fail: (expected: string, actual: string) => never,
): StoredTensor {
  const reader = READERS[entry.dtype];
  if (reader === undefined) return fail(`${key} of a type among ${Object.keys(READERS).join(", ")}`, entry.dtype);
  const count = elementCount(entry.shape);
  const [begin, end] = entry.data_offsets;
  if (end - begin !== count * reader.bytes) {
    fail(
      `${count * reader.bytes} bytes for ${key} [${entry.shape.join(", ")}] of ${entry.dtype}`,
      `${end - begin} bytes`,
    );
  }
  if (start + end > view.byteLength) fail(`${start + end} bytes for ${key}`, `${view.byteLength} bytes (truncated)`);
  const data = createTypedArray(reader.dtype, count);
  for (let i = 0; i < count; i++) {
    const value = reader.read(view, start + begin + i * reader.bytes);
    if (reader.dtype === "int32" && value !== (value | 0)) {
      fail(`elements of ${key} in the range of int32`, String(value));
    }
    data[i] = value;
  }
  return { dtype: reader.dtype, shape: entry.shape, data };
}
