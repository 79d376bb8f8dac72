/**
 * A 128-bit hash of bytes, MurmurHash3 x86_128 (Austin Appleby, public domain): names the entries of the kernel cache and finds damaged
 * ones. It does not protect against entries made to deceive.
 */

const C = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93] as const;
const ROTATE = [15, 16, 17, 18] as const;
const MIX = [[19, 0x561ccd1b], [17, 0x0bcaa747], [15, 0x96cd1c35], [13, 0x32ac3b17]] as const;

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

function finish(x: number): number {
  let h = x ^ (x >>> 16);
  h = Math.imul(h, 0x85ebca6b);
  h ^= h >>> 13;
  h = Math.imul(h, 0xc2b2ae35);
  return h ^ (h >>> 16);
}

/** The hash as 16 bytes. */
export function hash128(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const h = new Int32Array(4);
  const blocks = Math.floor(bytes.length / 16);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let block = 0; block < blocks; block++) {
    for (let lane = 0; lane < 4; lane++) {
      const k = Math.imul(view.getInt32(16 * block + 4 * lane, true), C[lane]);
      h[lane] ^= Math.imul(rotate(k, ROTATE[lane]), C[(lane + 1) % 4]);
      const [by, add] = MIX[lane];
      h[lane] = Math.imul((rotate(h[lane], by) + h[(lane + 1) % 4]) | 0, 5) + add;
    }
  }
  const tail = new Int32Array(4);
  for (let i = 16 * blocks; i < bytes.length; i++) tail[(i % 16) >> 2] |= bytes[i] << (8 * (i % 4));
  for (let lane = 3; lane >= 0; lane--) {
    if (bytes.length % 16 <= 4 * lane) continue;
    h[lane] ^= Math.imul(rotate(Math.imul(tail[lane], C[lane]), ROTATE[lane]), C[(lane + 1) % 4]);
  }
  for (let lane = 0; lane < 4; lane++) h[lane] ^= bytes.length;
  const spread = (): void => {
    h[0] = h[0] + h[1] + h[2] + h[3];
    for (let lane = 1; lane < 4; lane++) h[lane] += h[0];
  };
  spread();
  for (let lane = 0; lane < 4; lane++) h[lane] = finish(h[lane]);
  spread();
  const result = new Uint8Array(16);
  const out = new DataView(result.buffer);
  h.forEach((word, lane) => out.setInt32(4 * lane, word, true));
  return result;
}

/** Bytes as hexadecimal digits. */
export function hexadecimal(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
