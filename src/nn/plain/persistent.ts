/**
 * Tensors that outlive scopes: parameters, buffers, and constants (bases, masks, index lists) that are made once for each
 * backend and element type and kept beside the module that uses them.
 */

import type { Backend } from "../../tensor/backend.ts";
import { gatherUnchecked } from "../../tensor/gather.ts";
import { detachedScope } from "../../tensor/scope.ts";
import { mapInPlace, release, scope, type Tensor, tensor } from "../../tensor/mod.ts";
import type { DType, FloatDType } from "../../tensor/dtype.ts";
import * as E from "../../tensor/expr.ts";
import type { Shape } from "../../tensor/layout.ts";

/** Takes a tensor out of the scope that would dispose it. */
export function untracked(value: Tensor): Tensor {
  return release(value);
}

/** The result of `build` without history and outside of all scopes; what else it makes is freed. */
export function persistent(build: () => Tensor): Tensor {
  return untracked(detachedScope(build));
}

/**
 * Overwrites the first tensor of each pair with the values of the second, converting the element type. Values of another
 * backend are all read before the first is written.
 */
export function assign(pairs: readonly (readonly [Tensor, Tensor])[]): void {
  const staged: (readonly [Tensor, Tensor])[] = [];
  using _ = scope();
  for (const [target, source] of pairs) {
    const near = source.backend === target.backend
      // A state dict loaded into the module that it came from holds the targets themselves.
      ? (source.storage === target.storage ? source.detach().clone() : source.detach())
      : tensor(source.dataSync(), source.shape, { backend: target.backend, dtype: source.dtype });
    staged.push([target, near]);
  }
  for (const [target, source] of staged) {
    mapInPlace([target], [source], [], ([t], [s]) => [E.cast(s, t.dtype)]);
  }
}

/** The slices of `x` along `axis` at fixed positions, an integer constant that is known to be in range. */
export function selectAt(x: Tensor, axis: number, positions: Constant): Tensor {
  return selectByVector(x, axis, positions.like(x));
}

/** The slices of `x` along `axis` at an int32 vector of positions on its backend, which are known to be in range. */
export function selectByVector(x: Tensor, axis: number, list: Tensor): Tensor {
  const shape = x.shape.map((size, i) => i === axis ? list.size : size);
  const column = shape.map((_, i) => i === axis ? list.size : 1);
  return gatherUnchecked(x, axis, list.reshape(column).expand(shape));
}

/** A fixed array of numbers that becomes a tensor of the wanted type where it is needed, once for each backend and type. */
export class Constant {
  /** Its shape. */
  readonly shape: Shape;
  readonly #data: Float64Array | Int32Array;
  readonly #tensors = new WeakMap<Backend, Map<DType, Tensor>>();

  /** A constant with these row-major values. An Int32Array becomes an int32 tensor always. */
  constructor(data: Float64Array | Int32Array, shape: Shape) {
    this.#data = data;
    this.shape = shape;
  }

  /** The tensor on a backend. It belongs to the constant: do not dispose it. */
  on(backend: Backend, dtype: FloatDType): Tensor {
    const type: DType = this.#data instanceof Int32Array ? "int32" : dtype;
    let types = this.#tensors.get(backend);
    if (types === undefined) this.#tensors.set(backend, types = new Map());
    let found = types.get(type);
    if (found === undefined) {
      const data = type === "float32" ? new Float32Array(this.#data) : this.#data;
      found = persistent(() => tensor(data, this.shape, { backend, dtype: type }));
      types.set(type, found);
    }
    return found;
  }

  /** The tensor on the backend of `other` and in its element type. */
  like(other: Tensor): Tensor {
    return this.on(other.backend, other.dtype === "float64" ? "float64" : "float32");
  }
}
