// covers: src/data/idx.ts, src/data/errors.ts

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { DataError } from "../../src/data/errors.ts";
import { parseIdx, readIdx } from "../../src/data/idx.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { test } from "../support/test.ts";
import { temporaryDirectory } from "../support/files.ts";

const images = new Uint8Array([0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 255]);

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

test("parseIdx reads unsigned bytes of three axes", () => {
  const array = parseIdx(images, "images");
  assertEquals(array.shape, [2, 1, 3]);
  assertEquals([...array.data], [1, 2, 3, 4, 5, 255]);
});

test("parseIdx reads big-endian signed, wide and floating-point elements", () => {
  const header = (type: number): number[] => [0, 0, type, 1, 0, 0, 0, 2];
  assertEquals([...parseIdx(new Uint8Array([...header(0x09), 0xff, 0x7f]), "i8").data], [-1, 127]);
  assertEquals([...parseIdx(new Uint8Array([...header(0x0b), 0xff, 0xfe, 0x01, 0x00]), "i16").data], [-2, 256]);
  assertEquals([...parseIdx(new Uint8Array([...header(0x0c), 0, 1, 0, 0, 0xff, 0xff, 0xff, 0xfd]), "i32").data], [
    65536,
    -3,
  ]);
  assertEquals([...parseIdx(new Uint8Array([...header(0x0d), 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0]), "f32").data], [
    1,
    -2.5,
  ]);
  const doubles = new Uint8Array([...header(0x0e), 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xbf, 0xe0, 0, 0, 0, 0, 0, 0]);
  assertEquals([...parseIdx(doubles, "f64").data], [1, -0.5]);
});

test("parseIdx says what is wrong with a damaged file", () => {
  const truncated = assertThrows(() => parseIdx(images.subarray(0, 20), "t10k"), DataError);
  assertStringIncludes(
    truncated.message,
    "IDX file t10k: expected 22 bytes for shape [2, 1, 3], got 20 bytes (truncated)",
  );
  assertThrows(() => parseIdx(new Uint8Array([...images, 0]), "long"), DataError, "got 23 bytes");
  assertThrows(() => parseIdx(images.subarray(0, 9), "head"), DataError, "a header of 16 bytes");
  assertThrows(() => parseIdx(new TextEncoder().encode("<html>"), "page"), DataError, 'got bytes "3c 68 74 6d"');
  assertThrows(() => parseIdx(new Uint8Array(0), "empty"), DataError, "a magic number");
});

test("readIdx reads plain and gzipped files and says what is missing or cut short", async () => {
  await using folder = await temporaryDirectory();
  await runtime.writeFile(`${folder.path}/plain`, images);
  const packed = await gzip(images);
  await runtime.writeFile(`${folder.path}/packed.gz`, packed);
  await runtime.writeFile(`${folder.path}/cut.gz`, packed.subarray(0, packed.length - 12));
  assertEquals([...(await readIdx(`${folder.path}/plain`)).data], [1, 2, 3, 4, 5, 255]);
  assertEquals((await readIdx(`${folder.path}/packed.gz`)).shape, [2, 1, 3]);
  await assertRejects(() => readIdx(`${folder.path}/cut.gz`), DataError, "expected a complete gzip stream");
  await assertRejects(
    () => readIdx(`${folder.path}/absent`),
    DataError,
    `expected a readable file ${folder.path}/absent`,
  );
});
