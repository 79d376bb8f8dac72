// covers: src/io/safetensors.ts, src/io/errors.ts

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { TensorFileError } from "../../src/io/errors.ts";
import { decodeSafetensors, encodeSafetensors, type TensorFile } from "../../src/io/safetensors.ts";
import { test } from "../support/test.ts";

const file: TensorFile = {
  tensors: {
    weights: { dtype: "float32", shape: [2, 2], data: new Float32Array([1, -2, 0.5, NaN]) },
    "block.1.scale": { dtype: "float64", shape: [1], data: new Float64Array([Math.PI]) },
    count: { dtype: "int32", shape: [], data: new Int32Array([-7]) },
    mask: { dtype: "bool", shape: [3], data: new Uint8Array([1, 0, 1]) },
    empty: { dtype: "float32", shape: [0, 4], data: new Float32Array(0) },
  },
  metadata: { step: "12", note: "größer" },
};

/** A file made by hand: header text and bytes. */
function assemble(header: string, bytes: number[]): Uint8Array {
  const json = new TextEncoder().encode(header);
  const result = new Uint8Array(8 + json.length + bytes.length);
  new DataView(result.buffer).setUint32(0, json.length, true);
  result.set(json, 8);
  result.set(bytes, 8 + json.length);
  return result;
}

test("encodeSafetensors and decodeSafetensors are inverse for every type, scalars and empty tensors", () => {
  const decoded = decodeSafetensors(encodeSafetensors(file), "round trip");
  assertEquals(decodeSafetensors(encodeSafetensors(file)), decoded);
  assertThrows(
    () => decodeSafetensors(new Uint8Array(3)),
    TensorFileError,
    "safetensors file in memory: expected at least 8 bytes",
  );
  assertEquals(decoded, file);
});

test("encodeSafetensors starts the data at a multiple of 8 with an ordinary JSON header", () => {
  const bytes = encodeSafetensors(file);
  const length = new DataView(bytes.buffer).getUint32(0, true);
  assertEquals(length % 8, 0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)));
  assertEquals(header.weights, { dtype: "F32", shape: [2, 2], data_offsets: [0, 16] });
});

test("decodeSafetensors reads half precision, bfloat16 and small and wide integers", () => {
  const header = JSON.stringify({
    half: { dtype: "F16", shape: [4], data_offsets: [0, 8] },
    brain: { dtype: "BF16", shape: [1], data_offsets: [8, 10] },
    bytes: { dtype: "U8", shape: [2], data_offsets: [10, 12] },
    wide: { dtype: "I64", shape: [1], data_offsets: [12, 20] },
  });
  const data = [
    0x00,
    0x3c,
    0x00,
    0xc0,
    0x01,
    0x00,
    0x00,
    0x7c,
    0xc0,
    0x3f,
    255,
    1,
    254,
    255,
    255,
    255,
    255,
    255,
    255,
    255,
  ];
  const { tensors } = decodeSafetensors(assemble(header, data), "foreign");
  assertEquals([...tensors.half.data], [1, -2, 2 ** -24, Infinity]);
  assertEquals([...tensors.brain.data], [1.5]);
  assertEquals([...tensors.bytes.data], [255, 1]);
  assertEquals([...tensors.wide.data], [-2]);
});

test("decodeSafetensors names the fault of a damaged file", () => {
  const bytes = encodeSafetensors(file);
  assertThrows(
    () => decodeSafetensors(bytes.subarray(0, 4), "cut"),
    TensorFileError,
    "expected at least 8 bytes, got 4 bytes",
  );
  const cut = assertThrows(() => decodeSafetensors(bytes.subarray(0, bytes.length - 1), "cut"), TensorFileError);
  assertStringIncludes(cut.message, "safetensors file cut: expected");
  assertStringIncludes(cut.message, "(truncated)");
  assertThrows(() => decodeSafetensors(assemble("{", []), "bad"), TensorFileError, "a JSON header");
  assertThrows(() => decodeSafetensors(assemble("[]", []), "bad"), TensorFileError, "a JSON object as header");
  const entry = (fields: object): Uint8Array => assemble(JSON.stringify({ w: fields }), [0, 0, 0, 0, 0, 0, 0, 64]);
  assertThrows(
    () => decodeSafetensors(entry({ dtype: "F32" }), "bad"),
    TensorFileError,
    "dtype, shape and data_offsets of w",
  );
  assertThrows(
    () => decodeSafetensors(entry({ dtype: "C64", shape: [1], data_offsets: [0, 8] }), "bad"),
    TensorFileError,
    "got C64",
  );
  assertThrows(
    () => decodeSafetensors(entry({ dtype: "F32", shape: [3], data_offsets: [0, 8] }), "bad"),
    TensorFileError,
    "12 bytes",
  );
  assertThrows(
    () => decodeSafetensors(entry({ dtype: "I64", shape: [1], data_offsets: [0, 8] }), "bad"),
    TensorFileError,
    "range of int32",
  );
});
