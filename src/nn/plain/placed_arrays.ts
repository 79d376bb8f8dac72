/**
 * Arrays of the host that layers need on a device in every pass, such as the indices of a graph: tensors that are made where they are first
 * used, once for each backend and element type, and that live as long as what they belong to.
 */

import type { Backend } from "../../tensor/backend.ts";
import { currentOwner, type Owned, type Owner } from "../../tensor/context.ts";
import type { DType, FloatDType } from "../../tensor/dtype.ts";
import { type Tensor, tensor } from "../../tensor/mod.ts";
import { isBackendDisposed } from "../../tensor/storage.ts";
import { persistent } from "./persistent.ts";

/** Numbers on the host. An Int32Array becomes an int32 tensor, a Float64Array one of the floating-point type that is asked for. */
export type HostArray = Int32Array | Float64Array;

/**
 * The tensors of some arrays. They go at the end of the scope that they belong to, at first the one in which this object was made; what is
 * asked for after that is made again and belongs to the scope around.
 */
export class PlacedArrays implements Owned {
  /** The scope that frees the tensors that there are. */
  owner: Owner | undefined = undefined;
  readonly #tensors = new Map<HostArray, Tensor[]>();
  #home: Owner | undefined = currentOwner();

  /** Changes the scope that the tensors belong to; `undefined` for none. */
  belongTo(home: Owner | undefined): void {
    if (home === this.#home) return;
    this.#home = home;
    this.owner?.remove(this);
    if (this.#tensors.size > 0) this.#enter();
  }

  /**
   * The vector of an array's numbers on a backend. It must not be disposed or changed by others, nor the array.
   *
   * @param array One of the arrays, known by its identity.
   * @param dtype The type of floating-point numbers.
   */
  on(array: HostArray, backend: Backend, dtype: FloatDType): Tensor {
    const type: DType = array instanceof Int32Array ? "int32" : dtype;
    const made = this.#tensors.get(array) ?? [];
    const known = made.find((one) => one.dtype === type && one.backend === backend);
    if (known !== undefined) return known;
    const placed = persistent(() => tensor(array, [array.length], { backend, dtype: type }));
    this.#tensors.set(array, [...made.filter((one) => !isBackendDisposed(one.backend)), placed]);
    if (this.owner === undefined) this.#enter();
    return placed;
  }

  /** Frees all tensors. They are made again where they are asked for. */
  dispose(): void {
    this.owner?.remove(this);
    for (const tensors of this.#tensors.values()) for (const one of tensors) one.dispose();
    this.#tensors.clear();
  }

  #enter(): void {
    let home = this.#home;
    while (home !== undefined && home.ended) home = home.parent;
    home?.add(this);
  }
}
