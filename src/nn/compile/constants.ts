/**
 * The constants of a program while it is optimized: their numbers on the host, and new ones made from them.
 */

import type { Backend, DeviceBuffer, View } from "../../tensor/backend.ts";
import { BYTES_PER_ELEMENT, type DType, type TypedArray } from "../../tensor/dtype.ts";
import { toElements } from "../../tensor/map.ts";
import { bufferOf, PlanBuffer } from "./program.ts";

/** Constants on a backend. */
export class Constants {
  readonly #backend: Backend;
  readonly #values = new Map<PlanBuffer, TypedArray>();
  readonly #made: DeviceBuffer[] = [];

  /** On a backend. */
  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** Reads all elements of the buffer of a view, as such of the view's type. */
  async load(view: View): Promise<TypedArray> {
    const buffer = bufferOf(view), known = this.#values.get(buffer);
    if (known !== undefined) return known;
    const count = Math.floor(buffer.bytes / BYTES_PER_ELEMENT[view.dtype]);
    const all: View = { buffer: buffer.contents!, dtype: view.dtype, shape: [count], strides: [1], offset: 0 };
    const values = await this.#backend.read(all);
    this.#values.set(buffer, values);
    return values;
  }

  /** What has been loaded. */
  get(buffer: PlanBuffer): TypedArray | undefined {
    return this.#values.get(buffer);
  }

  /** A new constant; it belongs to this object. */
  make(numbers: ArrayLike<number>, dtype: DType): PlanBuffer {
    const values = toElements(numbers, dtype), made = new PlanBuffer(values.byteLength, "constant");
    made.contents = this.#backend.allocate(values.byteLength);
    this.#made.push(made.contents);
    this.#backend.write(
      { buffer: made.contents, dtype, shape: [values.length], strides: [1], offset: 0 },
      values,
    );
    this.#values.set(made, values);
    return made;
  }

  /** Frees what was made. */
  dispose(): void {
    for (const buffer of this.#made.splice(0)) this.#backend.free(buffer);
  }
}
