/**
 * Convolution and its two gradients by cuDNN. One spatial axis is computed as two; padding that differs between two sides goes
 * through a padded copy; descriptors and the chosen algorithm are kept for each shape. Batches with more elements than the library
 * counts are computed in parts.
 */

import type { ConvolutionCall, MapCall, ReducedPrecision, View } from "../../src/tensor/backend.ts";
import type { ConvolutionGeometry } from "../../src/tensor/conv_geometry.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../src/tensor/dtype.ts";
import { BackendError, OutOfMemoryError, ShapeError } from "../../src/tensor/errors.ts";
import { add, constant, input } from "../../src/tensor/expr.ts";
import { contiguousStrides, elementCount, isContiguous } from "../../src/tensor/layout.ts";
import type { CudaContext } from "./context.ts";
import type { CudaPrecision } from "./cublas.ts";
import {
  type AlgorithmResult,
  type ConvolutionDescriptors,
  type ConvolutionDirection,
  type ConvolutionSizes,
  type Cudnn,
  CUDNN_MATH,
} from "./cudnn.ts";
import { usableAlgorithms, withinWorkspace } from "./convolution_algorithms.ts";
import { CudaError } from "./errors.ts";
import { pointerOf, scratchView } from "./kernels/bind.ts";

/** Scratch slots of dense copies, of the padded input, of cuDNN's workspace, and of a part of a batch's weight gradient. */
const SLOTS = { input: 4, weight: 5, output: 6, padded: 7, workspace: 11, part: 13 } as const;

/**
 * Elements of an operand at most. The library counts them in 32 bits: it refuses descriptors of more, but for some whose strides it takes for
 * others.
 */
const MOST_ELEMENTS = 2 ** 31 - 1;
/** Samples at most: some algorithms have them along an axis of the grid that goes no further. */
const MOST_SAMPLES = 65535;

/** What addresses of operands are multiples of. */
const ALIGNMENT = 16;

/** Shapes whose descriptors are kept. */
const MOST_PLANS = 512;

/** A described convolution with the algorithms left to try, the best first. */
interface Plan {
  readonly descriptors: ConvolutionDescriptors;
  algorithms: AlgorithmResult[];
  /** The rounding that the descriptor says. */
  math: number;
}

/** How factors of float32 are rounded. */
type Rounding = CudaPrecision | ReducedPrecision;

/** The library's name for that; bfloat16 goes by TF32, which has its range and is more accurate: the library rounds float32 to no other. */
const MATH: { readonly [R in Rounding]: number } = {
  float32: CUDNN_MATH.fma,
  tf32: CUDNN_MATH.default,
  bfloat16: CUDNN_MATH.default,
  float16: CUDNN_MATH.tensorConverted,
};

/** The three views of a convolution, dense. */
type Operands = Pick<ConvolutionCall, "input" | "weight" | "output">;

/** What a convolution needs of the device. */
export interface ConvolutionParts {
  readonly context: CudaContext;
  readonly cudnn: Cudnn;
  readonly precision: CudaPrecision;
  /** Whether algorithms are timed, once for each shape, instead of guessed. */
  readonly benchmark: boolean;
  /** Bytes of an algorithm's workspace at most, where one is content with that. */
  readonly workspaceLimit: number;
  readonly copy: (source: View, target: View) => void;
  readonly map: (call: MapCall) => void;
  /** Whether work is recorded, when algorithms cannot be timed. Default: never. */
  readonly isRecording?: () => boolean;
  /** Elements of an operand at most. Default: what the library counts. */
  readonly mostElements?: number;
}

/** The convolutions of a device. */
export class Convolutions {
  readonly #parts: ConvolutionParts;
  readonly #plans = new Map<string, Plan>();

  /** @param parts The device. */
  constructor(parts: ConvolutionParts) {
    this.#parts = parts;
  }

  /** How many shapes are known. */
  get planCount(): number {
    return this.#plans.size;
  }

  /**
   * Computes the operand that the direction names from the other two.
   *
   * @throws ShapeError where a single sample, or the weights, have more elements than the library counts.
   */
  run(direction: ConvolutionDirection, call: ConvolutionCall): void {
    const result = call[RESULT[direction]];
    if (elementCount(result.shape) === 0) return;
    const operands = [call.input, call.weight, call.output];
    if (operands.some(({ shape }) => elementCount(shape) === 0)) return this.#clear(result);
    const { batch } = call.geometry;
    const most = mostSamples(call, this.#parts.mostElements ?? MOST_ELEMENTS);
    for (let first = 0; first < batch; first += most) {
      const part = samplesOf(call, first, Math.min(most, batch - first));
      if (direction === "weightGradient" && first > 0) this.#addWeightGradient(part);
      else this.#compute(direction, part);
    }
  }

  /** Adds a part of a batch to the weight gradient of those before. */
  #addWeightGradient(call: ConvolutionCall): void {
    const { context, map } = this.#parts, { dtype, shape } = call.weight;
    const bytes = elementCount(shape) * BYTES_PER_ELEMENT[dtype];
    const weight = scratchView(context.scratch(bytes, SLOTS.part), dtype, shape);
    this.#compute("weightGradient", { ...call, weight });
    const expressions = [add(input(0, dtype), input(1, dtype))];
    map({ expressions, shape, inputs: [call.weight, weight], scalars: [], outputs: [call.weight] });
  }

  #compute(direction: ConvolutionDirection, call: ConvolutionCall): void {
    const result = call[RESULT[direction]];
    const dense = {
      input: this.#dense(call.input, direction !== "inputGradient", SLOTS.input),
      weight: this.#dense(call.weight, direction !== "weightGradient", SLOTS.weight),
      output: this.#dense(call.output, direction !== "forward", SLOTS.output),
    };
    this.#padded(direction, call, dense);
    const computed = dense[RESULT[direction]];
    if (computed !== result) this.#parts.copy(computed, result);
  }

  /** Frees all descriptors. */
  dispose(): void {
    for (const { descriptors } of this.#plans.values()) this.#parts.cudnn.release(descriptors);
    this.#plans.clear();
  }

  /** The view itself or a dense and aligned one in scratch memory, filled where it is read. */
  #dense(view: View, read: boolean, slot: number): View {
    // The library chooses algorithms without a look at addresses, and some of these load several elements at a time.
    if (isContiguous(view) && pointerOf(view) % ALIGNMENT === 0) return view;
    const bytes = elementCount(view.shape) * BYTES_PER_ELEMENT[view.dtype];
    const target = scratchView(this.#parts.context.scratch(bytes, slot), view.dtype, view.shape);
    if (read) this.#parts.copy(view, target);
    return target;
  }

  /** Makes the padding the same on both sides of each axis. */
  #padded(
    direction: ConvolutionDirection,
    { geometry, precision }: ConvolutionCall,
    views: Operands,
  ): void {
    const { padBefore, padAfter, inputSize, kernelSize, dilation, stride, outputSize } = geometry;
    // The windows of the same number of outputs stand at the same places, whatever lies behind the last one.
    const alike = inputSize.every((size, axis) => {
      const span = dilation[axis] * (kernelSize[axis] - 1) + 1;
      return Math.floor((size + 2 * padBefore[axis] - span) / stride[axis]) + 1 === outputSize[axis];
    });
    if (alike) return this.#execute(direction, geometry, precision, padBefore, views);
    const { input } = views;
    const { context, copy } = this.#parts;
    const size = inputSize.map((length, axis) => length + padBefore[axis] + padAfter[axis]);
    const shape = [...input.shape.slice(0, 2), ...size];
    const bytes = elementCount(shape) * BYTES_PER_ELEMENT[input.dtype];
    const padded = scratchView(context.scratch(bytes, SLOTS.padded), input.dtype, shape);
    const strides = contiguousStrides(shape);
    const offset = padBefore.reduce((sum, pad, axis) => sum + pad * strides[2 + axis], 0);
    const inner: View = { ...padded, shape: input.shape, strides, offset };
    if (direction !== "inputGradient") {
      context.driver.fill(pointerOf(padded), 0, bytes, context.stream);
      copy(input, inner);
    }
    const none = padBefore.map(() => 0);
    this.#execute(direction, { ...geometry, inputSize: size }, precision, none, { ...views, input: padded });
    if (direction === "inputGradient") copy(inner, input);
  }

  #execute(
    direction: ConvolutionDirection,
    geometry: ConvolutionGeometry,
    reduced: ReducedPrecision | undefined,
    padding: readonly number[],
    views: Operands,
  ): void {
    const { context, cudnn, precision } = this.#parts;
    context.driver.makeCurrent();
    const sizes = convolutionSizes(geometry, padding, views.input.dtype as FloatDType);
    const rounding: Rounding = sizes.dtype === "float32" ? reduced ?? precision : "float32";
    const at = {
      input: pointerOf(views.input),
      weight: pointerOf(views.weight),
      output: pointerOf(views.output),
    };
    const key = `${direction} ${rounding} ${JSON.stringify(sizes)}`;
    const plan = this.#plans.get(key) ?? this.#plan(key, direction, sizes, rounding, at);
    for (;;) {
      const [{ algorithm, workspace, math }] = plan.algorithms;
      try {
        if (rounding !== "float32" && math !== plan.math) {
          cudnn.setMath(plan.descriptors, math);
          plan.math = math;
        }
        const pointer = workspace === 0 ? 0 : context.scratch(workspace, SLOTS.workspace);
        cudnn.run(direction, sizes.dtype, plan.descriptors, algorithm, at, { pointer, bytes: workspace });
        return;
      } catch (error) {
        // An algorithm that needs less memory, or one that the library does support, for good: what failed once will fail again.
        let others: AlgorithmResult[] = [];
        if (error instanceof OutOfMemoryError) others = plan.algorithms.filter((other) => other.workspace < workspace);
        else if (isUnsupported(error)) others = plan.algorithms.slice(1);
        if (others.length === 0) throw error;
        plan.algorithms = others;
      }
    }
  }

  #plan(
    key: string,
    direction: ConvolutionDirection,
    sizes: ConvolutionSizes,
    rounding: Rounding,
    at: { readonly input: number; readonly weight: number; readonly output: number },
  ): Plan {
    const { cudnn } = this.#parts;
    const math = MATH[rounding];
    const descriptors = cudnn.describe(sizes, math);
    try {
      const results = this.#results(direction, descriptors, at);
      // Factors are rounded to float16 only where that was asked for.
      const accurate = results.filter(({ math }) => rounding === "float16" || math !== CUDNN_MATH.tensorConverted);
      const usable = usableAlgorithms(direction, accurate, rounding !== "float32");
      const algorithms = withinWorkspace(usable, this.#parts.workspaceLimit);
      if (algorithms.length === 0) {
        throw new BackendError({
          op: "cuda convolution",
          expected: `an algorithm of cuDNN for ${direction} of ${describeSizes(sizes)}`,
          actual: `${results.length} algorithms, none of which can run it with ${rounding} precision`,
          hint: 'Try useBackend("cuda", { precision: "tf32" }), or the cpu backend',
        });
      }
      if (this.#plans.size >= MOST_PLANS) this.dispose();
      const plan = { descriptors, algorithms, math };
      this.#plans.set(key, plan);
      return plan;
    } catch (error) {
      cudnn.release(descriptors);
      throw error instanceof CudaError ? error.during(`convolution of ${describeSizes(sizes)}`) : error;
    }
  }

  #results(
    direction: ConvolutionDirection,
    descriptors: ConvolutionDescriptors,
    at: { readonly input: number; readonly weight: number; readonly output: number },
  ): AlgorithmResult[] {
    const { cudnn, context, benchmark, workspaceLimit } = this.#parts;
    const guessed = cudnn.guessAlgorithms(direction, descriptors);
    // Measuring waits, which would break a recording.
    if (!benchmark || this.#parts.isRecording?.() === true) return guessed;
    const tried = withinWorkspace(guessed.filter(({ status }) => status === 0), workspaceLimit);
    const bytes = Math.max(0, ...tried.map(({ workspace }) => workspace));
    try {
      const pointer = bytes === 0 ? 0 : context.scratch(bytes, SLOTS.workspace);
      return cudnn.measureAlgorithms(direction, descriptors, at, { pointer, bytes });
    } catch (error) {
      // Not enough memory to try them all: the guess has to do.
      if (error instanceof OutOfMemoryError) return guessed;
      throw error;
    }
  }

  #clear(result: View): void {
    const { dtype, shape } = result;
    this.#parts.map({ expressions: [constant(0, dtype)], shape, inputs: [], scalars: [], outputs: [result] });
  }
}

/** The result's name in a call. */
const RESULT = {
  forward: "output",
  inputGradient: "input",
  weightGradient: "weight",
} as const satisfies { readonly [D in ConvolutionDirection]: keyof ConvolutionCall };

/**
 * Samples that the library can take at a time.
 *
 * @throws ShapeError where it is none.
 */
function mostSamples({ geometry, weight }: ConvolutionCall, mostElements: number): number {
  const { inChannels, outChannels, inputSize, outputSize, padBefore, padAfter } = geometry;
  const padded = inputSize.map((size, axis) => size + padBefore[axis] + padAfter[axis]);
  const sample = Math.max(inChannels * elementCount(padded), outChannels * elementCount(outputSize));
  const largest = Math.max(sample, elementCount(weight.shape));
  if (largest <= mostElements) return Math.min(MOST_SAMPLES, Math.floor(mostElements / sample));
  throw new ShapeError({
    op: "cuda convolution",
    expected: `at most ${mostElements} elements of a padded sample and of the weights`,
    actual: String(largest),
    hint: "Convolve overlapping parts of the sample",
  });
}

/** The call for some samples of its batch. */
function samplesOf(call: ConvolutionCall, first: number, batch: number): ConvolutionCall {
  if (batch === call.geometry.batch) return call;
  const some = (view: View): View => ({
    ...view,
    shape: [batch, ...view.shape.slice(1)],
    offset: view.offset + first * view.strides[0],
  });
  return { ...call, geometry: { ...call.geometry, batch }, input: some(call.input), output: some(call.output) };
}

/** Sizes for cuDNN, which knows two or three spatial axes. */
export function convolutionSizes(
  { batch, inChannels, outChannels, groups, inputSize, kernelSize, outputSize, stride, dilation }: ConvolutionGeometry,
  padding: readonly number[],
  dtype: FloatDType,
): ConvolutionSizes {
  const two = (sizes: readonly number[], other: number): readonly number[] =>
    sizes.length === 1 ? [other, ...sizes] : sizes;
  return {
    dtype,
    input: [batch, inChannels, ...two(inputSize, 1)],
    weight: [outChannels, inChannels / groups, ...two(kernelSize, 1)],
    output: [batch, outChannels, ...two(outputSize, 1)],
    padding: two(padding, 0),
    stride: two(stride, 1),
    dilation: two(dilation, 1),
    groups,
  };
}

/** Whether cuDNN says that it cannot do something, which the guess of its algorithms does not always know: statuses 3000 to 3999. */
function isUnsupported(error: unknown): boolean {
  return error instanceof CudaError && error.failure.library === "cuDNN" &&
    error.failure.status >= 3000 && error.failure.status < 4000;
}

function describeSizes({ input, weight, dtype, groups }: ConvolutionSizes): string {
  const grouped = groups === 1 ? "" : ` in ${groups} groups`;
  return `[${input.join(", ")}] with [${weight.join(", ")}]${grouped} of ${dtype}`;
}
