/**
 * The state of a tensor without its operations: storage, layout, element type, place on the tape, and owner. Operations
 * are functions in other files that make tensors with `createTensor`; the class `Tensor` adds them as methods.
 */

import type { Backend, DeviceBuffer, ReducedPrecision, View } from "./backend.ts";
import { currentContext, currentOwner, type Owned, type Owner, runSynchronously } from "./context.ts";
import { BYTES_PER_ELEMENT, type DType, isFloat } from "./dtype.ts";
import { BackendMismatchError, DisposedError } from "./errors.ts";
import { contiguousStrides, elementCount, formatShape, type Layout, type Shape } from "./layout.ts";
import { type BackwardFunction, type Edge, GradNode } from "./node.ts";
import { isBackendDisposed, Storage } from "./storage.ts";
import type { Tensor } from "./tensor.ts";

/** Storage, layout and history of a tensor. Users meet it as the base class of `Tensor`. */
export class TensorCore implements View, Owned {
  /** Sizes along the axes. */
  readonly shape: Shape;
  /** Distance between neighbours along each axis, in elements. */
  readonly strides: readonly number[];
  /** Position of the first element in the storage. */
  readonly offset: number;
  /** Type of the elements. */
  readonly dtype: DType;
  /** A name that errors show. */
  name: string | undefined = undefined;
  /** The gradient that `backward` accumulated; `undefined` before and after `clearGrad`. Not owned by scopes. */
  grad: Tensor | undefined = undefined;
  /**
   * Place on the tape.
   * @internal
   */
  node: GradNode | undefined = undefined;
  /**
   * Which output of `node` this is.
   * @internal
   */
  outputIndex = 0;
  /**
   * The scope that disposes it.
   * @internal
   */
  owner: Owner | undefined = undefined;
  #storage: Storage;
  #disposed = false;

  /**
   * Takes over one reference to `storage`. Use the creation functions instead.
   * @internal
   */
  constructor(storage: Storage, layout: Layout, dtype: DType) {
    this.#storage = storage;
    this.shape = layout.shape;
    this.strides = layout.strides;
    this.offset = layout.offset;
    this.dtype = dtype;
  }

  /** Number of axes. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return elementCount(this.shape);
  }

  /** Where it lives. */
  get backend(): Backend {
    return this.#storage.backend;
  }

  /** Whether operations on it are recorded: a leaf that was asked for, or a result computed from one. */
  get requiresGrad(): boolean {
    return this.node !== undefined;
  }

  /** Whether it has been disposed. */
  get isDisposed(): boolean {
    return this.#disposed;
  }

  /**
   * Its memory; throws {@linkcode DisposedError} after disposal.
   * @internal
   */
  get storage(): Storage {
    if (this.#disposed || isBackendDisposed(this.#storage.backend)) this.#refuse();
    return this.#storage;
  }

  /**
   * The backend's buffer, which makes a tensor a `View`.
   * @internal
   */
  get buffer(): DeviceBuffer {
    return this.storage.buffer;
  }

  #refuse(): never {
    throw new DisposedError({
      op: "use of a tensor",
      expected: "a tensor that has not been disposed",
      actual: `${this.describe()}, ${this.#disposed ? "which was disposed" : "whose backend was disposed"}`,
      hint: this.#disposed
        ? "If a scope ended, keep() the tensor inside it or return it from scope(fn)"
        : "Move tensors with to() before disposing their backend",
    });
  }

  /**
   * Ends the life of a tensor that the tape saved.
   * @internal
   */
  releaseSaved(): void {
    this.#disposed = true;
    this.#storage.release();
  }

  /** In one phrase, for messages: `tensor "weight" [3, 4] float32`. */
  describe(): string {
    return `tensor ${this.name === undefined ? "" : `"${this.name}" `}${formatShape(this.shape)} ${this.dtype}`;
  }

  /** Gives up its memory (which is freed when no view and no recorded operation needs it) and its gradient. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    const node = this.node;
    this.node = undefined;
    this.owner?.remove(this);
    this.owner = undefined;
    this.#storage.countTensor(-1);
    this.#storage.release();
    node?.release();
    this.grad?.dispose();
    this.grad = undefined;
  }
}

type TensorClass = new (storage: Storage, layout: Layout, dtype: DType) => Tensor;

let tensorClass: TensorClass | undefined;

/**
 * Names the class of all tensors; called once by tensor.ts.
 * @internal
 */
export function registerTensorClass(constructor: TensorClass): void {
  tensorClass = constructor;
}

/**
 * A tensor on a storage of which it takes over one reference, owned by the current scope.
 * @internal
 */
export function createTensor(storage: Storage, layout: Layout, dtype: DType): Tensor {
  const tensor = new tensorClass!(storage, layout, dtype);
  storage.countTensor(1);
  currentOwner()?.add(tensor);
  return tensor;
}

/**
 * A row-major tensor with arbitrary contents.
 * @internal
 */
export function allocateTensor(backend: Backend, shape: Shape, dtype: DType): Tensor {
  const storage = new Storage(backend, elementCount(shape) * BYTES_PER_ELEMENT[dtype]);
  return createTensor(storage, { shape, strides: contiguousStrides(shape), offset: 0 }, dtype);
}

/**
 * Several row-major tensors with arbitrary contents: all, or none when memory runs out.
 * @internal
 */
export function allocateTensors(backend: Backend, shapes: readonly Shape[], dtypes: readonly DType[]): Tensor[] {
  const made: Tensor[] = [];
  try {
    for (let i = 0; i < shapes.length; i++) made.push(allocateTensor(backend, shapes[i], dtypes[i]));
  } catch (error) {
    for (const tensor of made) tensor.dispose();
    throw error;
  }
  return made;
}

/**
 * Another layout of the same elements, without history.
 * @internal
 */
export function viewOf(tensor: Tensor, layout: Layout): Tensor {
  const storage = tensor.storage;
  storage.retain();
  return createTensor(storage, layout, tensor.dtype);
}

/**
 * The same tensor with the same history as another object.
 * @internal
 */
export function aliasOf(tensor: Tensor): Tensor {
  const alias = viewOf(tensor, tensor);
  attach(alias, tensor.node, tensor.outputIndex);
  return alias;
}

/**
 * A tensor's elements as a larger shape sees them (stride 0 along new axes), for a backend call.
 * @internal
 */
export function expandedView(tensor: Tensor, shape: Shape, strides: readonly number[]): View {
  return { buffer: tensor.buffer, dtype: tensor.dtype, shape, strides, offset: tensor.offset };
}

/**
 * Puts a tensor on the tape.
 * @internal
 */
export function attach(tensor: Tensor, node: GradNode | undefined, index: number): void {
  if (node === undefined) return;
  node.retain();
  tensor.node = node;
  tensor.outputIndex = index;
}

/**
 * Whether an operation on these inputs is recorded.
 * @internal
 */
export function needsGrad(inputs: readonly Tensor[]): boolean {
  for (const input of inputs) if (input.node !== undefined) return currentContext().gradEnabled;
  return false;
}

/**
 * A copy of the reference to a tensor for the tape: in no scope, not counted, and without a claim on its node (an edge
 * holds an input's node already, and a node must not hold itself).
 * @internal
 */
function saveTensor(tensor: Tensor): Tensor {
  const storage = tensor.storage;
  storage.retain();
  const saved = new tensorClass!(storage, tensor, tensor.dtype);
  saved.name = tensor.name;
  saved.node = tensor.node;
  saved.outputIndex = tensor.outputIndex;
  return saved;
}

/**
 * Records an operation: `outputs` (float ones) get a node whose derivative is `backward`. `saved` are inputs, outputs, or
 * tensors without history. Call it only where {@linkcode needsGrad} holds.
 * @internal
 */
export function record(
  op: string,
  inputs: readonly Tensor[],
  outputs: readonly Tensor[],
  saved: readonly Tensor[],
  backward: BackwardFunction,
): void {
  const edges: (Edge | undefined)[] = [];
  for (const input of inputs) {
    edges.push(input.node === undefined ? undefined : { node: input.node, index: input.outputIndex });
  }
  const node = new GradNode(
    op,
    edges,
    outputs.map((output) => ({ shape: output.shape, dtype: output.dtype })),
    atPrecision(currentContext().precision, backward),
  );
  for (let i = 0; i < outputs.length; i++) {
    if (isFloat(outputs[i].dtype)) attach(outputs[i], node, i);
  }
  if (saved.length > 0) node.save(saved.map(saveTensor));
}

/** A derivative whose products are as those of its operation, wherever it runs. */
function atPrecision(precision: ReducedPrecision | undefined, backward: BackwardFunction): BackwardFunction {
  if (precision === undefined) return backward;
  return (...args) => runSynchronously({ ...currentContext(), precision }, () => backward(...args));
}

/**
 * The one backend of several tensors; throws {@linkcode BackendMismatchError} when they live on different ones.
 * @internal
 */
export function commonBackend(tensors: readonly Tensor[], op: string): Backend {
  const backend = tensors[0].storage.backend;
  for (const tensor of tensors) {
    if (tensor.storage.backend !== backend) {
      throw new BackendMismatchError({
        op,
        expected: `all operands on one backend`,
        actual: `${tensors[0].describe()} on ${backend.name} and ${tensor.describe()} on ${
          tensor.backend.name === backend.name ? `another instance of ${backend.name}` : tensor.backend.name
        }`,
        hint:
          "Move one of them with await tensor.to(backend); modules belong to the backend that was current when they were built",
      });
    }
  }
  return backend;
}
