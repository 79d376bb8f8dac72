/**
 * The IDX file format of MNIST and its relatives: a magic number with element type and rank, big-endian sizes, then the
 * elements row-major. Files may be gzipped; that is seen from their first bytes, not from their names.
 */

import { gunzip, isGzip, runtime } from "../runtime/mod.ts";
import { DataError } from "./errors.ts";

/** The content of an IDX file. */
export interface IdxArray {
  /** Sizes, outermost first, e.g. `[60000, 28, 28]` for images and `[60000]` for labels. */
  readonly shape: readonly number[];
  /** The elements, row-major, in the file's own element type. */
  readonly data: Uint8Array | Int8Array | Int16Array | Int32Array | Float32Array | Float64Array;
}

interface ElementType {
  readonly bytes: number;
  readonly read: (view: DataView, offset: number, count: number) => IdxArray["data"];
}

/** Reads `count` big-endian elements one by one. */
function elements<A extends IdxArray["data"]>(
  create: (count: number) => A,
  get: (view: DataView, offset: number) => number,
): ElementType["read"] {
  return (view, offset, count) => {
    const array = create(count);
    for (let i = 0; i < count; i++) array[i] = get(view, offset + i * array.BYTES_PER_ELEMENT);
    return array;
  };
}

const ELEMENT_TYPES: { readonly [code: number]: ElementType | undefined } = {
  0x08: { bytes: 1, read: (view, offset, n) => new Uint8Array(view.buffer, view.byteOffset + offset, n).slice() },
  0x09: { bytes: 1, read: (view, offset, n) => new Int8Array(view.buffer, view.byteOffset + offset, n).slice() },
  0x0b: { bytes: 2, read: elements((n) => new Int16Array(n), (view, at) => view.getInt16(at)) },
  0x0c: { bytes: 4, read: elements((n) => new Int32Array(n), (view, at) => view.getInt32(at)) },
  0x0d: { bytes: 4, read: elements((n) => new Float32Array(n), (view, at) => view.getFloat32(at)) },
  0x0e: { bytes: 8, read: elements((n) => new Float64Array(n), (view, at) => view.getFloat64(at)) },
};

/**
 * Parses the bytes of an IDX file (not gzipped).
 *
 * Throws {@linkcode DataError} where the magic number is wrong or the file is shorter or longer than its header says.
 *
 * @example Parse two labels
 * ```ts
 * import { parseIdx } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const labels = parseIdx(new Uint8Array([0, 0, 8, 1, 0, 0, 0, 2, 7, 3]), "labels");
 * assertEquals(labels.shape, [2]);
 * assertEquals([...labels.data], [7, 3]);
 * ```
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const op = `IDX file ${name}`;
  const hint = "Check that the download is complete and that the path names an IDX file (train-images-idx3-ubyte, …)";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rank = bytes.length >= 4 ? bytes[3] : 0;
  const type = bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0 ? ELEMENT_TYPES[bytes[2]] : undefined;
  if (type === undefined || rank === 0) {
    const start = [...bytes.subarray(0, 4)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new DataError({ op, expected: "a magic number 00 00 TYPE RANK", actual: `bytes "${start}"`, hint });
  }
  const header = 4 + 4 * rank;
  if (bytes.length < header) {
    throw new DataError({ op, expected: `a header of ${header} bytes`, actual: `${bytes.length} bytes`, hint });
  }
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  const count = shape.reduce((a, b) => a * b, 1);
  const size = header + count * type.bytes;
  if (bytes.length !== size) {
    throw new DataError({
      op,
      expected: `${size} bytes for shape [${shape.join(", ")}]`,
      actual: `${bytes.length} bytes${bytes.length < size ? " (truncated)" : ""}`,
      hint,
    });
  }
  return { shape, data: type.read(view, header, count) };
}

/**
 * Reads an IDX file, gzipped or plain. Throws {@linkcode DataError} where it is missing, unreadable, truncated or no IDX file.
 */
export async function readIdx(path: string): Promise<IdxArray> {
  let bytes: Uint8Array;
  try {
    bytes = await runtime.readFile(path);
  } catch (cause) {
    throw new DataError({
      op: "readIdx",
      expected: `a readable file ${path}`,
      actual: cause instanceof Error ? cause.message : String(cause),
      hint: "Check the path and, in Deno, the permission --allow-read",
    }, { cause });
  }
  if (isGzip(bytes)) {
    try {
      bytes = await gunzip(bytes);
    } catch (cause) {
      throw new DataError({
        op: `IDX file ${path}`,
        expected: "a complete gzip stream",
        actual: cause instanceof Error ? cause.message : String(cause),
        hint: "The file is truncated or damaged: download it again",
      }, { cause });
    }
  }
  return parseIdx(bytes, path);
}
