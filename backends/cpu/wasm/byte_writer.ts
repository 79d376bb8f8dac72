/**
 * A growing byte sequence with the number formats of WebAssembly binaries: LEB128 integers, little-endian floats,
 * length-prefixed names and sections (WebAssembly Core Specification 2.0, section 5.2).
 */

const encoder = new TextEncoder();
const scratch = new DataView(new ArrayBuffer(8));

/** Appends bytes; every method returns the writer. */
export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;

  /** Number of bytes written. */
  get length(): number {
    return this.#length;
  }

  /** One byte. */
  byte(value: number): this {
    if (this.#length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** Several bytes. */
  bytes(values: Uint8Array | readonly number[]): this {
    if (this.#length + values.length > this.#bytes.length) this.#grow(values.length);
    this.#bytes.set(values, this.#length);
    this.#length += values.length;
    return this;
  }

  /** An unsigned 32-bit integer, LEB128. */
  u32(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  /** A signed 32-bit integer, LEB128; numbers from 2^31 up to 2^32 stand for their bit pattern. */
  i32(value: number): this {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if ((rest === 0 && (low & 0x40) === 0) || (rest === -1 && (low & 0x40) !== 0)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  /** A signed 64-bit integer, LEB128. */
  i64(value: bigint): this {
    let rest = BigInt.asIntN(64, value);
    for (;;) {
      const low = Number(rest & 0x7fn);
      rest >>= 7n;
      if ((rest === 0n && (low & 0x40) === 0) || (rest === -1n && (low & 0x40) !== 0)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  /** A float32, little-endian. */
  f32(value: number): this {
    scratch.setFloat32(0, value, true);
    for (let i = 0; i < 4; i++) this.byte(scratch.getUint8(i));
    return this;
  }

  /** A float64, little-endian. */
  f64(value: number): this {
    scratch.setFloat64(0, value, true);
    for (let i = 0; i < 8; i++) this.byte(scratch.getUint8(i));
    return this;
  }

  /** A name: its length and its UTF-8 bytes. */
  name(text: string): this {
    const bytes = encoder.encode(text);
    return this.u32(bytes.length).bytes(bytes);
  }

  /** What another writer holds, behind its length. */
  sized(content: ByteWriter): this {
    return this.u32(content.length).bytes(content.#bytes.subarray(0, content.#length));
  }

  /** A section of a module: its id and its sized content. */
  section(id: number, content: ByteWriter): this {
    return this.byte(id).sized(content);
  }

  /** A copy of the bytes written so far. */
  toBytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }

  #grow(extra: number): void {
    const bytes = new Uint8Array(Math.max(this.#length + extra, this.#bytes.length * 2));
    bytes.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = bytes;
  }
}
