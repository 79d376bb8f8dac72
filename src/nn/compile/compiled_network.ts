/**
 * A network as a list of calls of its backend, all memory of which is planned: what `compile` gives. A run allocates nothing and
 * records nothing.
 */

import type { Backend, Recording, View } from "../../tensor/backend.ts";
import { createTensor } from "../../tensor/core.ts";
import { detachedScope } from "../../tensor/scope.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../tensor/dtype.ts";
import { BackendMismatchError, DisposedError, DTypeError, ShapeError } from "../../tensor/errors.ts";
import { contiguousLayout, elementCount, formatShape, isContiguous, type Shape } from "../../tensor/layout.ts";
import { release, type Tensor } from "../../tensor/mod.ts";
import { isBackendDisposed, Storage } from "../../tensor/storage.ts";
import { FieldTypeError } from "../errors.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { copyBytes } from "./record.ts";
import { type MemoryPlan, packed, planMemory } from "./memory_plan.ts";
import { describeStep, PlanDescription } from "./plan_description.ts";
import { bufferOf, type PlanBuffer, readsOf, type Step, withViews } from "./program.ts";

/** What a compiled network is made of. */
export interface Program {
  /** Where it runs. */
  readonly backend: Backend;
  /** The calls. */
  readonly steps: readonly Step[];
  /** The input's memory. */
  readonly input: PlanBuffer;
  /** The input's shape. */
  readonly inputShape: Shape;
  /** The element type of the input. */
  readonly dtype: FloatDType;
  /** Where the result lies. */
  readonly output: View;
  /** The type of geometric tensors that the network takes. */
  readonly inType: FieldType | undefined;
  /** The type of geometric tensors that it gives. */
  readonly outType: FieldType | undefined;
  /** Calls before optimization. */
  readonly recordedSteps: number;
  /** What was folded into weights. */
  readonly folded: readonly string[];
}

/** A view of the input, which lies somewhere else in each run. */
class InputView implements View {
  buffer: View["buffer"];
  offset: number;
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly dtype: View["dtype"];
  readonly #start: number;

  constructor(view: View) {
    this.buffer = view.buffer;
    this.offset = this.#start = view.offset;
    this.shape = view.shape;
    this.strides = view.strides;
    this.dtype = view.dtype;
  }

  /** Looks at memory whose first element is `offset`. */
  bind(buffer: View["buffer"], offset: number): void {
    this.buffer = buffer;
    this.offset = this.#start + offset;
  }
}

/**
 * A trained network made ready for inference by {@linkcode compile}, with weights of its own: the network may be trained on, moved or
 * disposed. `dispose()` (or `using`) gives its memory back.
 */
export class CompiledNetwork {
  /** The shape of inputs. */
  readonly inputShape: Shape;
  /** The shape of results. */
  readonly outputShape: Shape;
  /** The element type of inputs. */
  readonly dtype: FloatDType;
  /** The type of inputs, where the network takes geometric tensors. */
  readonly inType: FieldType | undefined;
  /** The type of results, where the network gives geometric tensors. */
  readonly outType: FieldType | undefined;
  readonly #backend: Backend;
  readonly #results: Storage;
  readonly #constants: Storage;
  readonly #calls: readonly (() => void)[];
  readonly #inputViews: readonly InputView[];
  readonly #outputPlace: View;
  readonly #description: PlanDescription;
  #output: Tensor | undefined;
  #staging: Tensor | undefined;
  /** All calls as one, where the backend can record them. */
  #recording: Recording | undefined;
  #disposed = false;

  /**
   * Plans the memory of a program and takes it.
   * @internal
   */
  constructor(program: Program) {
    const { backend, steps, output } = program;
    this.inputShape = [...program.inputShape];
    this.outputShape = output.shape;
    this.dtype = program.dtype;
    this.inType = program.inType;
    this.outType = program.outType;
    this.#backend = backend;
    const constants = constantsOf(steps, output);
    const fixed = packed(constants), planned = planMemory(steps, output);
    this.#constants = new Storage(backend, fixed.bytes);
    try {
      this.#results = new Storage(backend, planned.bytes);
    } catch (error) {
      this.#constants.release();
      throw error;
    }
    for (const constant of constants) {
      copyBytes((source, target) => backend.copy(source, target), constant.contents!, {
        buffer: this.#constants.buffer,
        start: fixed.offsets.get(constant)!,
      });
    }
    const bound: InputView[] = [];
    const place = (view: View): View => {
      const buffer = bufferOf(view);
      if (buffer.role === "name") return view;
      if (buffer.role === "input") {
        const made = new InputView(view);
        bound.push(made);
        return made;
      }
      const [storage, plan]: [Storage, MemoryPlan] = buffer.role === "constant"
        ? [this.#constants, fixed]
        : [this.#results, planned];
      const { shape, strides, dtype } = view;
      const start = plan.offsets.get(buffer)! / BYTES_PER_ELEMENT[dtype];
      return { buffer: storage.buffer, shape, strides, offset: view.offset + start, dtype };
    };
    this.#calls = steps.map((step) => bind(backend, withViews(step, place)));
    this.#inputViews = bound;
    this.#outputPlace = place(output);
    const unshared = packed([...planned.offsets.keys()]);
    this.#description = new PlanDescription({
      steps: [...new Set(steps.map((step) => step.whole ?? step))].map(describeStep),
      calls: steps.length,
      recordedSteps: program.recordedSteps,
      plannedBytes: planned.bytes,
      unsharedBytes: unshared.bytes,
      constantBytes: fixed.bytes,
      folded: program.folded,
    });
  }

  /**
   * Runs the network.
   *
   * @param input Of shape `inputShape`, type `dtype`, on the network's backend; geometric tensors must be of type `inType`.
   * @returns The result, the same tensor in every run: the next run overwrites it (`clone()` what you want to keep), and it ends with
   *   the compiled network. It carries no gradient.
   * @throws ShapeError, DTypeError, BackendMismatchError, FieldTypeError for other inputs; DisposedError after `dispose()`.
   */
  run(input: Tensor | GeometricTensor): Tensor {
    const x = this.#checked(input);
    if (this.#recording !== undefined) {
      this.#staged(x);
      this.#recording.run();
    } else {
      // What is recorded stays at its place, so inputs come to it.
      const { buffer, offset } = isContiguous(x) && this.#backend.record === undefined ? x : this.#staged(x);
      for (const view of this.#inputViews) view.bind(buffer, offset);
      const issue = (): void => this.#calls.forEach((call) => call());
      if (this.#backend.record === undefined) issue();
      else this.#recording = this.#backend.record(issue);
    }
    if (this.#output === undefined || this.#output.isDisposed) this.#output = this.#makeOutput();
    this.#output.storage.version++;
    return this.#output;
  }

  /** What a run does and how much memory it takes. */
  describe(): PlanDescription {
    return this.#description;
  }

  /** Gives weights, results and the last output back. Idempotent. */
  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#output?.dispose();
    this.#staging?.dispose();
    this.#recording?.dispose();
    this.#results.release();
    this.#constants.release();
  }

  /** Frees it at the end of a `using` block, as {@linkcode CompiledNetwork.dispose}. */
  [Symbol.dispose](): void {
    this.dispose();
  }

  #checked(input: Tensor | GeometricTensor): Tensor {
    const op = "CompiledNetwork.run";
    if (this.#disposed || isBackendDisposed(this.#backend)) {
      throw new DisposedError({
        op,
        expected: "a compiled network with its memory",
        actual: this.#disposed ? "one that was disposed" : "one whose backend was disposed",
        hint: "Compile the network again",
      });
    }
    if (input instanceof GeometricTensor && this.inType !== undefined && !input.type.equals(this.inType)) {
      throw new FieldTypeError({ op, expected: `an input of type ${this.inType}`, actual: String(input.type) });
    }
    const x = input instanceof GeometricTensor ? input.tensor : input;
    const { shape } = this.inputShape.length === x.rank ? x : { shape: [] };
    if (x.rank !== this.inputShape.length || shape.some((size, axis) => size !== this.inputShape[axis])) {
      throw new ShapeError({
        op,
        expected: `an input of shape ${formatShape(this.inputShape)}, for which it was compiled`,
        actual: formatShape(x.shape),
        hint: "Compile the network once for each shape",
      });
    }
    if (x.dtype !== this.dtype) {
      throw new DTypeError({
        op,
        expected: `an input of type ${this.dtype}`,
        actual: x.dtype,
        hint: "Convert with cast(), or compile with the option dtype",
      });
    }
    if (x.backend !== this.#backend) {
      throw new BackendMismatchError({
        op,
        expected: `an input on ${this.#backend.name}, where the network was compiled`,
        actual: `${x.describe()} on ${
          x.backend.name === this.#backend.name ? `another instance of ${x.backend.name}` : x.backend.name
        }`,
        hint: "Move it with await tensor.to(backend)",
      });
    }
    return x;
  }

  /** The input in rows: one piece of memory serves all runs that need it. */
  #staged(x: Tensor): Tensor {
    this.#staging ??= release(detachedScope(() => {
      const bytes = elementCount(x.shape) * BYTES_PER_ELEMENT[x.dtype];
      return createTensor(new Storage(this.#backend, bytes), contiguousLayout(x.shape), x.dtype);
    }));
    this.#backend.copy(x, this.#staging);
    return this.#staging;
  }

  #makeOutput(): Tensor {
    const { shape, strides, offset, dtype, buffer } = this.#outputPlace;
    const storage = buffer === this.#constants.buffer ? this.#constants : this.#results;
    storage.retain();
    return release(createTensor(storage, { shape, strides, offset }, dtype));
  }
}

/** The constants that steps read. */
function constantsOf(steps: readonly Step[], output: View): Set<PlanBuffer> {
  const views = [...steps.flatMap(({ op, call }) => readsOf(op, call)), output];
  return new Set(views.map(bufferOf).filter(({ role }) => role === "constant"));
}

/** A step as a function. */
function bind(backend: Backend, step: Step): () => void {
  switch (step.op) {
    case "copy": {
      const { source, target } = step.call;
      return () => backend.copy(source, target);
    }
    case "map": {
      const { call } = step;
      return () => backend.map(call);
    }
    case "mapReduce": {
      const { call } = step;
      return () => backend.mapReduce(call);
    }
    case "matmul": {
      const { call } = step;
      return () => backend.matmul(call);
    }
    case "convolution":
    case "convolutionInputGradient":
    case "convolutionWeightGradient": {
      const { op, call } = step;
      return () => backend[op](call);
    }
    case "steerableConvolution":
    case "steerableConvolutionInputGradient":
    case "steerableConvolutionWeightGradient": {
      const { op, call } = step;
      return () => backend[op]!(call);
    }
    case "steerableConvolutionMap": {
      const { call } = step;
      return () => backend.steerableConvolutionMap!(call);
    }
    case "separableFilter":
    case "separableFilterAdjoint": {
      const { op, call } = step;
      return () => backend[op]!(call);
    }
    case "maxPool": {
      const { call } = step;
      return () => backend.maxPool(call);
    }
    case "averagePool":
    case "averagePoolGradient": {
      const { op, call } = step;
      return () => backend[op](call);
    }
    case "gather": {
      const { call } = step;
      return () => backend.gather(call);
    }
    case "scatterAdd": {
      const { call } = step;
      return () => backend.scatterAdd(call);
    }
  }
}
