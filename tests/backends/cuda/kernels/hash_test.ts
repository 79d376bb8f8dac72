// The hash against the published vectors of MurmurHash3 x86_128.

import { assertEquals, assertNotEquals } from "@std/assert";
import { hash128, hexadecimal } from "../../../../backends/cuda/kernels/hash.ts";
import { test } from "../../../support/test.ts";

/** The four words as the reference implementation prints them. */
function words(text: string): string {
  const view = new DataView(hash128(new TextEncoder().encode(text)).buffer);
  return [0, 4, 8, 12].map((at) => view.getUint32(at, true).toString(16).padStart(8, "0")).join("");
}

test("hash128 is MurmurHash3 x86_128", () => {
  assertEquals(words(""), "0".repeat(32));
  assertEquals(words("The quick brown fox jumps over the lazy dog"), "2f1583c3ecee2c675d7bf66ce5e91d2c");
});

test("hash128 tells apart texts of all lengths of the last block, and a flipped bit anywhere", () => {
  const seen = new Set<string>();
  for (let length = 0; length < 40; length++) seen.add(words("a".repeat(length)));
  assertEquals(seen.size, 40);
  const bytes = Uint8Array.from({ length: 37 }, (_, i) => 7 * i);
  const before = hexadecimal(hash128(bytes));
  for (let i = 0; i < bytes.length; i++) {
    const changed = Uint8Array.from(bytes);
    changed[i] ^= 1;
    assertNotEquals(hexadecimal(hash128(changed)), before);
  }
});

test("hexadecimal writes two digits for each byte", () => {
  assertEquals(hexadecimal(Uint8Array.of(0, 10, 255)), "000aff");
});
