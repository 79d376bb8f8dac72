/**
 * The tensor: an array of numbers on a backend, with a shape, an element type and, where a gradient is wanted, a place on the
 * tape. This file is its readable face: each method is one line that names the function doing the work.
 */

import { showAsText } from "../console_text.ts";
import type { Backend } from "./backend.ts";
import { backward, type BackwardOptions, detach, forgoGrad, requireGrad } from "./autograd.ts";
import { BYTES_PER_ELEMENT, createTypedArray, type DType, type TypedArray } from "./dtype.ts";
import { BackendError, ShapeError } from "./errors.ts";
import { createTensor, registerTensorClass, TensorCore } from "./core.ts";
import {
  binaryOperation,
  cast,
  clamp,
  comparison,
  reciprocal,
  relu,
  square,
  type TensorOperand,
  unaryOperation,
} from "./elementwise.ts";
import { contiguousLayout, formatShape, type Shape } from "./layout.ts";
import { matmul } from "./matmul.ts";
import {
  allNonZero,
  anyNonZero,
  argmax,
  argmin,
  type Axes,
  max,
  mean,
  min,
  norm,
  prod,
  sum,
  variance,
  type VarianceOptions,
} from "./reductions.ts";
import { startBackend } from "./registry.ts";
import { keep } from "./scope.ts";
import { stepNotes } from "./step_notes.ts";
import { Storage } from "./storage.ts";
import {
  clone,
  contiguous,
  expand,
  flatten,
  flip,
  permute,
  reshape,
  select,
  slice,
  squeeze,
  transpose,
  unsqueeze,
} from "./views.ts";

/** Up to this number of elements `toString` shows the values. */
const SHOWN_ELEMENTS = 100;

/** The shortest decimal that means the element: 0.1 for a float32 that holds 0.10000000149011612. */
function formatElement(value: number, dtype: DType): string {
  if (dtype !== "float32" || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits < 9; digits++) {
    const short = Number(value.toPrecision(digits));
    if (Math.fround(short) === value) return String(short);
  }
  return String(Number(value.toPrecision(9)));
}

/**
 * An array of numbers. Made by {@linkcode tensor}, `zeros`, `randn` and their like, and by operations on tensors. Operations never
 * change a tensor; views share its memory.
 *
 * @example
 * ```ts
 * import { tensor, useBackend } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * await useBackend("reference");
 * const x = tensor([[1, 2], [3, 4]]).requireGrad();
 * const y = x.mul(x).sum(); // 1 + 4 + 9 + 16
 * y.backward();
 * assertEquals(await y.item(), 30);
 * assertEquals(await x.grad!.data(), new Float32Array([2, 4, 6, 8]));
 * ```
 */
export class Tensor extends TensorCore implements Disposable {
  /**
   * Marks this tensor, a leaf, as one whose gradient is wanted, or with `false` as one whose gradient is not: a frozen parameter, which
   * loses the gradient that it has. Throws `DTypeError` unless it holds floats, `GradientError` for `false` where it is the result of an
   * operation (see {@linkcode Tensor.detach}). Returns it.
   */
  requireGrad(required = true): this {
    return required ? requireGrad(this) : forgoGrad(this);
  }

  /** A row-major copy of the elements, when all operations that they depend on are done. bool comes as 0 and 1. */
  data(): Promise<TypedArray> {
    if (this.size === 0) return Promise.resolve(createTypedArray(this.dtype, 0));
    return this.storage.backend.read(this);
  }

  /** The same at once. Throws `BackendError` on a backend that cannot wait (see `Backend.canReadSync`). */
  dataSync(): TypedArray {
    const backend = this.storage.backend;
    if (this.size === 0) return createTypedArray(this.dtype, 0);
    if (!backend.canReadSync) {
      throw new BackendError({
        op: "dataSync",
        expected: "a backend that can read at once",
        actual: backend.name,
        hint: "Use await tensor.data()",
      });
    }
    return backend.readSync(this);
  }

  /** The element of a tensor with one. */
  async item(): Promise<number> {
    this.#requireOne("item");
    return (await this.data())[0];
  }

  /** The same at once. */
  itemSync(): number {
    this.#requireOne("itemSync");
    return this.dataSync()[0];
  }

  #requireOne(op: string): void {
    if (this.size === 1) return;
    throw new ShapeError({
      op,
      expected: "a tensor with one element",
      actual: this.describe(),
      hint: "Reduce it first, or use data()",
    });
  }

  /** Shape, type, backend and, where there are few and they can be read at once, the elements. */
  override toString(): string {
    const facts = `Tensor(${this.name === undefined ? "" : `"${this.name}", `}${
      formatShape(this.shape)
    }, ${this.dtype}, ${this.backend.name}`;
    if (this.isDisposed) return `${facts}, disposed)`;
    if (!this.backend.canReadSync || this.size > SHOWN_ELEMENTS) return `${facts})`;
    const data = this.dataSync();
    let position = 0;
    const nested = (axis: number): string => {
      if (axis === this.rank) return formatElement(data[position++], this.dtype);
      return `[${Array.from({ length: this.shape[axis] }, () => nested(axis + 1)).join(", ")}]`;
    };
    return `${facts}, ${nested(0)})`;
  }

  static {
    showAsText(this.prototype);
  }

  /** The same elements under another shape; one size may be −1. A view where strides allow it, else a copy. */
  reshape(shape: Shape): Tensor {
    return reshape(this, shape);
  }

  /** Axes `startAxis` to `endAxis` (inclusive) as one. */
  flatten(startAxis = 0, endAxis = -1): Tensor {
    return flatten(this, startAxis, endAxis);
  }

  /** Axes in another order: result axis `i` is axis `order[i]`. A view. */
  permute(order: readonly number[]): Tensor {
    return permute(this, order);
  }

  /** Two axes exchanged. A view. */
  transpose(axisA: number, axisB: number): Tensor {
    return transpose(this, axisA, axisB);
  }

  /** Repeated along new leading axes and axes of size 1 (−1 keeps a size). A view. */
  expand(shape: Shape): Tensor {
    return expand(this, shape);
  }

  /** Elements `start, start + step, …` before `end` along an axis, as in Python: negative positions count from the end. A view. */
  slice(axis: number, start: number, end?: number, step = 1): Tensor {
    return slice(this, axis, start, end, step);
  }

  /** The elements at one position of an axis, which goes. A view. */
  select(axis: number, index: number): Tensor {
    return select(this, axis, index);
  }

  /** Without axes of size 1: the given ones, or all. A view. */
  squeeze(axis?: number | readonly number[]): Tensor {
    return squeeze(this, axis);
  }

  /** With a new axis of size 1 at position `axis` of the result. A view. */
  unsqueeze(axis: number): Tensor {
    return unsqueeze(this, axis);
  }

  /** Elements in reverse order along axes. A view. */
  flip(axes: number | readonly number[]): Tensor {
    return flip(this, axes);
  }

  /** Row-major: a copy, or a view where it is so already. */
  contiguous(): Tensor {
    return contiguous(this);
  }

  /** A row-major copy with the same history. */
  clone(): Tensor {
    return clone(this);
  }

  /** `this + other` */
  add(other: TensorOperand): Tensor {
    return binaryOperation("add", this, other);
  }

  /** `this − other` */
  sub(other: TensorOperand): Tensor {
    return binaryOperation("sub", this, other);
  }

  /** `this · other` */
  mul(other: TensorOperand): Tensor {
    return binaryOperation("mul", this, other);
  }

  /** `this ÷ other`; integers give float32. */
  div(other: TensorOperand): Tensor {
    return binaryOperation("div", this, other);
  }

  /** `this ^ other`; integers give float32. */
  pow(other: TensorOperand): Tensor {
    return binaryOperation("pow", this, other);
  }

  /** The remainder, with the sign of `other`. */
  mod(other: TensorOperand): Tensor {
    return binaryOperation("mod", this, other);
  }

  /** The smaller of both; NaN if one is NaN. */
  minimum(other: TensorOperand): Tensor {
    return binaryOperation("minimum", this, other);
  }

  /** The greater of both; NaN if one is NaN. */
  maximum(other: TensorOperand): Tensor {
    return binaryOperation("maximum", this, other);
  }

  /** The angle (radians) of the point with y = `this` and x = `other`. */
  atan2(other: TensorOperand): Tensor {
    return binaryOperation("atan2", this, other);
  }

  /** Bitwise or logical and of int32 or bool tensors. */
  and(other: TensorOperand): Tensor {
    return binaryOperation("and", this, other);
  }

  /** Bitwise or logical or of int32 or bool tensors. */
  or(other: TensorOperand): Tensor {
    return binaryOperation("or", this, other);
  }

  /** Bitwise or logical exclusive or of int32 or bool tensors. */
  xor(other: TensorOperand): Tensor {
    return binaryOperation("xor", this, other);
  }

  /** `this = other`, a bool tensor. */
  eq(other: TensorOperand): Tensor {
    return comparison("eq", this, other);
  }

  /** `this ≠ other`, a bool tensor; true with NaN. */
  ne(other: TensorOperand): Tensor {
    return comparison("ne", this, other);
  }

  /** `this < other`, a bool tensor. */
  lt(other: TensorOperand): Tensor {
    return comparison("lt", this, other);
  }

  /** `this ≤ other`, a bool tensor. */
  le(other: TensorOperand): Tensor {
    return comparison("le", this, other);
  }

  /** `this > other`, a bool tensor. */
  gt(other: TensorOperand): Tensor {
    return comparison("gt", this, other);
  }

  /** `this ≥ other`, a bool tensor. */
  ge(other: TensorOperand): Tensor {
    return comparison("ge", this, other);
  }

  /** `−x` */
  neg(): Tensor {
    return unaryOperation("neg", this);
  }

  /** `|x|` */
  abs(): Tensor {
    return unaryOperation("abs", this);
  }

  /** −1, 0 or 1. */
  sign(): Tensor {
    return unaryOperation("sign", this);
  }

  /** The greatest integer not above. */
  floor(): Tensor {
    return unaryOperation("floor", this);
  }

  /** The smallest integer not below. */
  ceil(): Tensor {
    return unaryOperation("ceil", this);
  }

  /** The nearest integer, ties to even. */
  round(): Tensor {
    return unaryOperation("round", this);
  }

  /** The integer part. */
  trunc(): Tensor {
    return unaryOperation("trunc", this);
  }

  /** `√x` */
  sqrt(): Tensor {
    return unaryOperation("sqrt", this);
  }

  /** `eˣ` */
  exp(): Tensor {
    return unaryOperation("exp", this);
  }

  /** `eˣ − 1`, accurate near 0. */
  expm1(): Tensor {
    return unaryOperation("expm1", this);
  }

  /** Natural logarithm. */
  log(): Tensor {
    return unaryOperation("log", this);
  }

  /** `log(1 + x)`, accurate near 0. */
  log1p(): Tensor {
    return unaryOperation("log1p", this);
  }

  /** Sine of an angle in radians. */
  sin(): Tensor {
    return unaryOperation("sin", this);
  }

  /** Cosine of an angle in radians. */
  cos(): Tensor {
    return unaryOperation("cos", this);
  }

  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return unaryOperation("tanh", this);
  }

  /** `1 / (1 + e⁻ˣ)` */
  sigmoid(): Tensor {
    return unaryOperation("sigmoid", this);
  }

  /** Logical negation of a bool tensor. */
  not(): Tensor {
    return unaryOperation("not", this);
  }

  /** `max(x, 0)` */
  relu(): Tensor {
    return relu(this);
  }

  /** `x²` */
  square(): Tensor {
    return square(this);
  }

  /** `1 / x` */
  reciprocal(): Tensor {
    return reciprocal(this);
  }

  /** Elements limited to `[min, max]`. */
  clamp(min: number, max: number): Tensor {
    return clamp(this, min, max);
  }

  /** Elements converted to another type. Differentiable between float types. */
  cast(dtype: DType): Tensor {
    return cast(this, dtype);
  }

  /** Sum over axes (all by default); bools are counted as int32. */
  sum(axes?: Axes, keepDims = false): Tensor {
    return sum(this, axes, keepDims);
  }

  /** Mean over axes (all by default); integers give float32. */
  mean(axes?: Axes, keepDims = false): Tensor {
    return mean(this, axes, keepDims);
  }

  /** Product over axes (all by default). */
  prod(axes?: Axes, keepDims = false): Tensor {
    return prod(this, axes, keepDims);
  }

  /** Maximum over axes (all by default). */
  max(axes?: Axes, keepDims = false): Tensor {
    return max(this, axes, keepDims);
  }

  /** Minimum over axes (all by default). */
  min(axes?: Axes, keepDims = false): Tensor {
    return min(this, axes, keepDims);
  }

  /** Whether an element over axes (all by default) is not 0. */
  any(axes?: Axes, keepDims = false): Tensor {
    return anyNonZero(this, axes, keepDims);
  }

  /** Whether no element over axes (all by default) is 0. */
  all(axes?: Axes, keepDims = false): Tensor {
    return allNonZero(this, axes, keepDims);
  }

  /** Euclidean norm over axes (all by default). */
  norm(axes?: Axes, keepDims = false): Tensor {
    return norm(this, axes, keepDims);
  }

  /** Variance over axes (all by default), unbiased by default. */
  variance(axes?: Axes, options?: VarianceOptions): Tensor {
    return variance(this, axes, options);
  }

  /** Position (int32) of the maximum along an axis. No gradient. */
  argmax(axis: number, keepDims = false): Tensor {
    return argmax(this, axis, keepDims);
  }

  /** Position (int32) of the minimum along an axis. No gradient. */
  argmin(axis: number, keepDims = false): Tensor {
    return argmin(this, axis, keepDims);
  }

  /** Matrix product over the last two axes, batched and broadcasting over the others; see {@linkcode matmul}. */
  matmul(other: Tensor): Tensor {
    return matmul(this, other);
  }

  /** Adds the derivatives of this tensor with respect to all leaves to their `grad`; see {@linkcode backward}. */
  backward(gradient?: Tensor, options?: BackwardOptions): void {
    backward(this, gradient, options);
  }

  /** The same elements (a view) without history. */
  detach(): Tensor {
    return detach(this);
  }

  /** Moves it from its scope to the scope around; see {@linkcode keep}. Returns it. */
  keep(): this {
    keep(this);
    return this;
  }

  /** Disposes the gradient. */
  clearGrad(): void {
    stepNotes?.cleared(this);
    this.grad?.dispose();
    this.grad = undefined;
  }

  /** A copy without history on another backend, which is started if need be. On the same backend: a view without history. */
  async to(backend: string | Backend): Promise<Tensor> {
    const target = typeof backend === "string" ? await startBackend(backend) : backend;
    if (target === this.storage.backend) return detach(this);
    const data = await this.data();
    const copy = createTensor(
      new Storage(target, this.size * BYTES_PER_ELEMENT[this.dtype]),
      contiguousLayout(this.shape),
      this.dtype,
    );
    if (this.size > 0) target.write(copy, data);
    copy.name = this.name;
    return copy;
  }

  /** Gives up its memory; `using` calls this. */
  [Symbol.dispose](): void {
    this.dispose();
  }
}

registerTensorClass(Tensor);
