// What the tests of the tensor library share: the reference backend, numbers without structure, values as plain arrays.

import { tensor } from "../../src/tensor/creation.ts";
import { useBackend } from "../../src/tensor/registry.ts";
import { philox4x32 } from "../../src/tensor/philox.ts";
import type { Tensor } from "../../src/tensor/tensor.ts";

await useBackend("reference");

/** The elements of a tensor. */
export function values(x: Tensor): number[] {
  return Array.from(x.dataSync());
}

/** Numbers in (−2, 2) without structure. */
export function sample(shape: readonly number[], stream = 0): number[] {
  const count = shape.reduce((a, b) => a * b, 1);
  return Array.from({ length: count }, (_, i) => philox4x32([77, stream], [i, 0, 0, 0])[0] / 2 ** 30 - 2);
}

/** A float64 tensor of numbers in (−2, 2). */
export function float64(shape: readonly number[], stream = 0): Tensor {
  return tensor(Float64Array.from(sample(shape, stream)), shape);
}

/** A float64 tensor of numbers in (0.5, 2.5). */
export function positive(shape: readonly number[], stream = 0): Tensor {
  return tensor(Float64Array.from(sample(shape, stream), (x) => Math.abs(x) + 0.5), shape);
}

/** An int32 tensor. */
export function int32(data: number[], shape: readonly number[] = [data.length]): Tensor {
  return tensor(Int32Array.from(data), shape);
}
