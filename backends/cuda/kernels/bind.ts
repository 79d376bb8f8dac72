/**
 * What the operations on generated kernels share on the host's side: addresses of views, keys and caches of plans, and the arguments
 * that stand for runtime scalars.
 */

import type { View } from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type DType } from "../../../src/tensor/dtype.ts";
import type { ScalarExpr } from "../../../src/tensor/expr.ts";
import { contiguousStrides, type Shape } from "../../../src/tensor/layout.ts";
import type { CudaBuffer } from "../allocator.ts";
import type { KernelArguments } from "../kernel_arguments.ts";
import { VALUE_TYPES } from "./operations.ts";

/** Threads of a block. */
export const THREADS = 256;

/** Slots of scratch memory of the operations on generated kernels. */
export const SCRATCH = {
  partialResults: 32,
  sortedKeys: 33,
  sortCounts: 34,
  planes: 35,
  functions: 36,
  products: 37,
} as const;

/** The address of a view's first element; 0 where its buffer holds nothing, whatever the offset. */
export function pointerOf(view: View): number {
  const { pointer } = view.buffer as CudaBuffer;
  return pointer === 0 ? 0 : pointer + view.offset * BYTES_PER_ELEMENT[view.dtype];
}

/** A view of scratch memory: elements of `shape`, row-major, from an address on. */
export function scratchView(pointer: number, dtype: DType, shape: Shape): View {
  const buffer = { bytes: 0, pointer } satisfies CudaBuffer;
  return { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
}

/** The structure of integers that a kernel gets as its first parameter. */
export function numbersSource(count: number, wide: boolean): string {
  return `struct Numbers { ${wide ? "long long" : "int"} v[${count}]; };`;
}

/** Appends the integers. */
export function pushNumbers(args: KernelArguments, numbers: readonly number[], wide: boolean): void {
  if (wide) args.i64s(numbers);
  else args.i32s(numbers);
}

/** Where a kernel has its scalars: in its arguments, or (`memory`, for graphs in which they change) as doubles in the device's memory. */
export type ScalarPlace = "arguments" | "memory";

/** The parameters that stand for the scalars of a kernel; a bool comes as an int. */
export function scalarParameters(nodes: readonly ScalarExpr[], place: ScalarPlace): string[] {
  if (place === "memory") return nodes.length === 0 ? [] : ["const double* scalars"];
  return nodes.map(({ dtype }, i) => `const ${dtype === "bool" ? "int" : VALUE_TYPES[dtype]} s${i}`);
}

/** The statements in front of a kernel that load its scalars from memory, rounded to their types. */
export function scalarLoads(nodes: readonly ScalarExpr[], place: ScalarPlace): string[] {
  if (place === "arguments") return [];
  return nodes.map(({ dtype, index }, i) => {
    const type = dtype === "bool" ? "int" : VALUE_TYPES[dtype];
    return `const ${type} s${i} = ${dtype === "bool" ? `scalars[${index}] != 0` : `(${type})scalars[${index}]`};`;
  });
}

/** Its value in an expression. */
export function scalarCode({ dtype }: ScalarExpr, i: number): string {
  return dtype === "bool" ? `s${i} != 0` : `s${i}`;
}

/** Appends the values of scalar nodes, rounded to their types, or (`address` not 0) where they are in memory. */
export function pushScalars(
  args: KernelArguments,
  nodes: readonly ScalarExpr[],
  values: readonly number[],
  address: number,
): void {
  if (address !== 0 && nodes.length > 0) {
    args.pointer(address);
    return;
  }
  for (const { index, dtype } of nodes) {
    const value = values[index];
    if (dtype === "float32") args.f32(value);
    else if (dtype === "float64") args.f64(value);
    else args.i32(dtype === "bool" ? (value !== 0 ? 1 : 0) : value | 0);
  }
}
