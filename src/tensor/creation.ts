/**
 * Making tensors from numbers: nested arrays, typed arrays, constants, ranges. Everything here is a leaf without history on
 * the current backend unless an option says otherwise.
 */

import type { Backend } from "./backend.ts";
import { allocateTensor } from "./core.ts";
import { type DType, dtypeOf, type TypedArray } from "./dtype.ts";
import { ArgumentError, DTypeError, ShapeError } from "./errors.ts";
import * as E from "./expr.ts";
import type { Expr } from "./expr.ts";
import { elementCount, formatShape, type Shape, validateShape } from "./layout.ts";
import { toElements } from "./map.ts";
import { currentBackend } from "./registry.ts";
import { release } from "./scope.ts";
import type { Tensor } from "./tensor.ts";
import "./tensor.ts";

/** Options of the functions that make tensors. */
export interface TensorOptions {
  /** Element type. Default: that of a typed array (bool for a Uint8Array of 0 and 1), else float32. */
  readonly dtype?: DType;
  /** Where it lives. Default: the current backend. */
  readonly backend?: Backend;
  /** Whether its gradient is wanted. Default false. */
  readonly requiresGrad?: boolean;
  /** A name that errors show. */
  readonly name?: string;
}

/** Numbers in nested arrays of equal lengths. */
export type NestedArray = readonly (number | boolean | NestedArray)[];

/**
 * What a tensor can be made of: a number (a scalar), nested arrays, or a typed array. The pixels of a canvas, a Uint8ClampedArray, want a
 * `dtype`.
 */
export type TensorData = number | boolean | NestedArray | TypedArray | Uint8ClampedArray;

function finish(tensor: Tensor, options: TensorOptions): Tensor {
  if (options.name !== undefined) tensor.name = options.name;
  return options.requiresGrad ? tensor.requireGrad() : tensor;
}

/** A tensor of row-major `elements`. */
function fromElements(elements: ArrayLike<number>, shape: Shape, dtype: DType, options: TensorOptions): Tensor {
  const backend = options.backend ?? currentBackend();
  const made = allocateTensor(backend, shape, dtype);
  if (made.size > 0) backend.write(made, toElements(elements, dtype));
  return finish(made, options);
}

/** Sizes of nested arrays; throws {@linkcode ShapeError} when they are ragged. */
function nestedShape(data: NestedArray): number[] {
  const shape: number[] = [];
  let level: NestedArray[number] = data;
  while (Array.isArray(level)) {
    shape.push(level.length);
    level = level[0];
  }
  return shape;
}

function flattenNested(data: NestedArray[number], shape: Shape, axis: number, target: number[]): void {
  if (axis === shape.length) {
    if (typeof data === "object") refuseRagged(shape, data);
    target.push(Number(data));
    return;
  }
  if (!Array.isArray(data) || data.length !== shape[axis]) refuseRagged(shape, data);
  for (const entry of data as NestedArray) flattenNested(entry, shape, axis + 1, target);
}

function refuseRagged(shape: Shape, found: NestedArray[number]): never {
  throw new ShapeError({
    op: "tensor",
    expected: `nested arrays of equal lengths, here ${formatShape(shape)}`,
    actual: Array.isArray(found) ? `an array of ${found.length} among them` : `the number ${found} among them`,
  });
}

/**
 * A tensor of a number (a scalar), nested arrays, or the elements of a typed array (row-major, with a shape; without one a vector).
 * A flat array with a shape is taken row-major too. Bytes are bools where no type is named, so that pixels want one:
 * `tensor(pixels, [height, width], { dtype: "float32" })`. Throws {@linkcode ShapeError} for ragged arrays or a wrong count,
 * {@linkcode DTypeError} for bytes above 1 without a type.
 *
 * @example
 * ```ts
 * import { tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * assertEquals(tensor([[1, 2, 3], [4, 5, 6]]).shape, [2, 3]);
 * assertEquals(tensor(new Int32Array([1, 2, 3, 4]), [2, 2]).dtype, "int32");
 * assertEquals(tensor(5, { dtype: "float64" }).rank, 0);
 * ```
 */
export function tensor(data: TensorData, options?: TensorOptions): Tensor;
/** A tensor of row-major elements with a shape. */
export function tensor(data: TensorData, shape: Shape, options?: TensorOptions): Tensor;
export function tensor(data: TensorData, shapeOrOptions?: Shape | TensorOptions, last?: TensorOptions): Tensor {
  const shape = isShape(shapeOrOptions) ? shapeOrOptions : undefined;
  const options = (isShape(shapeOrOptions) ? last : shapeOrOptions) ?? {};
  if (shape !== undefined) validateShape(shape, "tensor");
  if (ArrayBuffer.isView(data)) {
    const resolved = shape ?? [data.length];
    requireCount(data.length, resolved);
    return fromElements(data, resolved, options.dtype ?? requireNaturalType(data), options);
  }
  const nested: NestedArray = typeof data === "object" ? data : [data];
  const given = typeof data === "object" ? nestedShape(nested) : [1];
  const elements: number[] = [];
  flattenNested(nested, given, 0, elements);
  const resolved = shape ?? (typeof data === "object" ? given : []);
  requireCount(elements.length, resolved);
  return fromElements(elements, resolved, options.dtype ?? "float32", options);
}

function isShape(value: Shape | TensorOptions | undefined): value is Shape {
  return Array.isArray(value);
}

/** The element type of a typed array whose elements it holds without loss; bytes are bools only where they are 0 and 1. */
function requireNaturalType(data: TypedArray | Uint8ClampedArray): DType {
  const dtype = data instanceof Uint8ClampedArray ? "bool" : dtypeOf(data);
  if (dtype !== "bool") return dtype;
  const bytes = data instanceof Uint8Array;
  if (bytes && data.every((value) => value <= 1)) return dtype;
  throw new DTypeError({
    op: "tensor",
    expected: "a Float32Array, Float64Array or Int32Array, or a Uint8Array of 0 and 1 (bools), where no dtype is given",
    actual: bytes ? `a Uint8Array with ${data.find((value) => value > 1)}` : `a ${data.constructor.name}`,
    hint: 'Name the type: tensor(pixels, shape, { dtype: "float32" }); divide by 255 for values from 0 to 1',
  });
}

function requireCount(count: number, shape: Shape): void {
  if (elementCount(shape) === count) return;
  throw new ShapeError({
    op: "tensor",
    expected: `${elementCount(shape)} elements for the shape ${formatShape(shape)}`,
    actual: String(count),
  });
}

/** A tensor computed from its positions by an expression without inputs. */
export function generate(
  op: string,
  shape: Shape,
  expression: Expr,
  scalars: readonly number[],
  options: TensorOptions,
): Tensor {
  validateShape(shape, op);
  const backend = options.backend ?? currentBackend();
  const made = allocateTensor(backend, shape, expression.dtype);
  backend.map({ expressions: [expression], shape, inputs: [], scalars, outputs: [made] });
  return finish(made, options);
}

/** Every element 0. */
export function zeros(shape: Shape, options: TensorOptions = {}): Tensor {
  return generate("zeros", shape, E.constant(0, options.dtype ?? "float32"), [], options);
}

/** Every element 1. */
export function ones(shape: Shape, options: TensorOptions = {}): Tensor {
  return generate("ones", shape, E.constant(1, options.dtype ?? "float32"), [], options);
}

/** Every element `value`. */
export function full(shape: Shape, value: number, options: TensorOptions = {}): Tensor {
  return generate("full", shape, E.scalar(0, options.dtype ?? "float32"), [value], options);
}

/** The identity matrix `[n, columns]`; default: square. */
export function eye(n: number, columns: number = n, options: TensorOptions = {}): Tensor {
  const diagonal = E.cast(E.eq(E.index(0), E.index(1)), options.dtype ?? "float32");
  return generate("eye", [n, columns], diagonal, [], options);
}

/** Zeros in the shape, type and place of another tensor. */
export function zerosLike(other: Tensor): Tensor {
  return zeros(other.shape, { dtype: other.dtype, backend: other.backend });
}

/** Ones in the shape, type and place of another tensor. */
export function onesLike(other: Tensor): Tensor {
  return ones(other.shape, { dtype: other.dtype, backend: other.backend });
}

/**
 * The numbers `start, start + step, …` before `end`, computed in float64: `arange(5)` is 0 to 4, `arange(2, 8, 2)` is 2, 4, 6.
 * Throws {@linkcode ArgumentError} for a step of 0 or numbers that are not finite.
 */
export function arange(end: number, options?: TensorOptions): Tensor;
/** The numbers `start, start + step, …` before `end`. */
export function arange(start: number, end: number, step?: number, options?: TensorOptions): Tensor;
export function arange(
  first: number,
  second?: number | TensorOptions,
  step = 1,
  last?: TensorOptions,
): Tensor {
  const [start, end] = typeof second === "number" ? [first, second] : [0, first];
  const options = (typeof second === "number" ? last : second) ?? {};
  const count = Math.max(0, Math.ceil((end - start) / step));
  if (!Number.isFinite(count)) {
    throw new ArgumentError({
      op: "arange",
      expected: "finite numbers and a step other than 0",
      actual: `start ${start}, end ${end}, step ${step}`,
    });
  }
  const elements = new Float64Array(count);
  for (let i = 0; i < count; i++) elements[i] = start + i * step;
  return fromElements(elements, [count], options.dtype ?? "float32", options);
}

/** `count` numbers from `start` to `end` (both included) at equal distances, computed in float64. */
export function linspace(start: number, end: number, count: number, options: TensorOptions = {}): Tensor {
  validateShape([count], "linspace");
  const elements = new Float64Array(count);
  for (let i = 0; i < count; i++) {
    const t = count === 1 ? 0 : i / (count - 1);
    elements[i] = t === 1 ? end : start + t * (end - start);
  }
  return fromElements(elements, [count], options.dtype ?? "float32", options);
}

/**
 * A trainable leaf: a tensor with `requireGrad()` that no scope disposes. Takes what {@linkcode tensor} takes, or a tensor (whose
 * memory it shares when that has a history).
 *
 * @example
 * ```ts
 * import { parameter, randn, scope, useBackend } from "@escnn/escnn";
 * import { assert } from "@std/assert";
 *
 * await useBackend("reference");
 * const weight = scope(() => parameter(randn([3, 4]).mul(0.1), { name: "weight" }));
 * assert(weight.requiresGrad && !weight.isDisposed);
 * ```
 */
export function parameter(
  data: TensorData | Tensor,
  shapeOrOptions?: Shape | TensorOptions,
  last?: TensorOptions,
): Tensor {
  const shape = isShape(shapeOrOptions) ? shapeOrOptions : undefined;
  const options = (isShape(shapeOrOptions) ? last : shapeOrOptions) ?? {};
  const isTensor = typeof data === "object" && "storage" in data;
  const leaf = isTensor
    ? (data.requiresGrad ? data.detach() : data)
    : shape === undefined
    ? tensor(data, options)
    : tensor(data, shape, options);
  if (options.name !== undefined) leaf.name = options.name;
  return release(leaf.requireGrad());
}
