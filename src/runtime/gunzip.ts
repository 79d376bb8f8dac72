// Decompression of gzip data with the DecompressionStream of the platform, which every runtime has.

import { RuntimeAdapterError } from "./errors.ts";

/** Whether bytes begin as gzip data do (RFC 1952: 1f 8b). */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 2 && bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Decompresses gzip data.
 *
 * @param bytes The compressed data (RFC 1952).
 * @returns The data.
 * @throws RuntimeAdapterError when the data are not gzip data, or damaged, or cut short.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { gunzip } from "./gunzip.ts";
 *
 * const packed = new Blob([new Uint8Array([1, 2, 3])]).stream().pipeThrough(new CompressionStream("gzip"));
 * const bytes = new Uint8Array(await new Response(packed).arrayBuffer());
 * assertEquals(await gunzip(bytes), new Uint8Array([1, 2, 3]));
 * ```
 */
export async function gunzip(bytes: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) {
    const start = Array.from(bytes.subarray(0, 2), (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    throw new RuntimeAdapterError(
      `Expected gzip data (first bytes 1f 8b), got ${bytes.length} bytes beginning "${start}"`,
      {
        op: "gunzip",
        hint: "use the data as they are, or give the compressed file",
      },
    );
  }
  try {
    const source = new Blob([bytes as Uint8Array<ArrayBuffer>]).stream();
    const stream = source.pipeThrough(new DecompressionStream("gzip"));
    return new Uint8Array(await new Response(stream).arrayBuffer());
  } catch (cause) {
    throw new RuntimeAdapterError(`The gzip data of ${bytes.length} bytes are damaged or cut short`, {
      op: "gunzip",
      hint: "fetch the file again",
      cause,
    });
  }
}
