/**
 * The arguments of a kernel launch, written in the order of the kernel's parameters into host memory of our own, with the array
 * of pointers to them that `cuLaunchKernel` takes. The driver copies them at the launch, so one list serves all launches.
 */

import { ArgumentError } from "../../src/tensor/errors.ts";
import { HostBlock } from "./host_memory.ts";

/** Most parameters of a kernel. */
const MAX_COUNT = 256;
/** Most bytes of all parameters together, as the driver has it (each rounded up to 8). */
const MAX_BYTES = 4096;

/** A list of arguments under construction. */
export class KernelArguments {
  readonly #block = new HostBlock(MAX_COUNT * 8 + MAX_BYTES);
  #count = 0;
  #end = MAX_COUNT * 8;

  /** How many there are. */
  get count(): number {
    return this.#count;
  }

  /** The address of the array of pointers. */
  get address(): number {
    return this.#block.address;
  }

  /** Empties the list. */
  clear(): this {
    this.#count = 0;
    this.#end = MAX_COUNT * 8;
    return this;
  }

  /** A device pointer (`T*`) or another 64-bit integer from 0 to 2^53 (`unsigned long long`). */
  pointer(address: number): this {
    const at = this.#place(8);
    this.#block.writeAddress(at, address);
    return this;
  }

  /** `int`. */
  i32(value: number): this {
    const at = this.#place(4);
    this.#block.view.setInt32(at, value, true);
    return this;
  }

  /** `unsigned int`. */
  u32(value: number): this {
    const at = this.#place(4);
    this.#block.view.setUint32(at, value, true);
    return this;
  }

  /** `long long`, exact up to ±2^53. */
  i64(value: number): this {
    const at = this.#place(8);
    this.#block.view.setBigInt64(at, BigInt(value), true);
    return this;
  }

  /** `float`. */
  f32(value: number): this {
    const at = this.#place(4);
    this.#block.view.setFloat32(at, value, true);
    return this;
  }

  /** `double`. */
  f64(value: number): this {
    const at = this.#place(8);
    this.#block.view.setFloat64(at, value, true);
    return this;
  }

  /** One argument that is a structure of `int`s: `struct { int v[N]; }`. */
  i32s(values: readonly number[]): this {
    const at = this.#place(4 * values.length);
    for (let i = 0; i < values.length; i++) this.#block.view.setInt32(at + 4 * i, values[i], true);
    return this;
  }

  /** One argument that is a structure of `long long`s: `struct { long long v[N]; }`. */
  i64s(values: readonly number[]): this {
    const at = this.#place(8 * values.length);
    for (let i = 0; i < values.length; i++) this.#block.view.setBigInt64(at + 8 * i, BigInt(values[i]), true);
    return this;
  }

  /** One argument that is a structure of device pointers: `struct { unsigned long long v[N]; }`. */
  pointers(addresses: readonly number[]): this {
    const at = this.#place(8 * addresses.length);
    for (let i = 0; i < addresses.length; i++) this.#block.writeAddress(at + 8 * i, addresses[i]);
    return this;
  }

  /** One argument that is a structure of `double`s: `struct { double v[N]; }`. */
  f64s(values: readonly number[]): this {
    const at = this.#place(8 * values.length);
    for (let i = 0; i < values.length; i++) this.#block.view.setFloat64(at + 8 * i, values[i], true);
    return this;
  }

  /** Makes room for an argument and notes where it is. */
  #place(bytes: number): number {
    const at = this.#end;
    const end = at + Math.ceil(bytes / 8) * 8;
    if (this.#count === MAX_COUNT || end > MAX_COUNT * 8 + MAX_BYTES) {
      throw new ArgumentError({
        op: "kernel arguments",
        expected: `at most ${MAX_COUNT} of together ${MAX_BYTES} bytes`,
        actual: `${this.#count + 1} of ${end - MAX_COUNT * 8} bytes`,
      });
    }
    this.#block.writeAddress(8 * this.#count, this.#block.address + at);
    this.#count++;
    this.#end = end;
    return at;
  }
}
