// Tests of gunzip against the platform's own compressor.

import { assertEquals, assertRejects } from "@std/assert";
import { gunzip, isGzip, RuntimeAdapterError } from "../../src/runtime/mod.ts";
import { test } from "../support/test.ts";

async function gzip(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

test("gunzip restores 300,000 bytes", async () => {
  const bytes = Uint8Array.from({ length: 300_000 }, (_, i) => (i * i) >> 3);
  assertEquals(await gunzip(await gzip(bytes)), bytes);
});

test("gunzip refuses data without the gzip header and data cut short", async () => {
  await assertRejects(() => gunzip(new Uint8Array([0, 0, 8, 3])), RuntimeAdapterError, 'beginning "00 00"');
  const packed = await gzip(new Uint8Array(5000));
  await assertRejects(() => gunzip(packed.subarray(0, packed.length - 9)), RuntimeAdapterError, "cut short");
  assertEquals(isGzip(packed), true);
  assertEquals(isGzip(new Uint8Array(1)), false);
});
