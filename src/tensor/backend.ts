/**
 * The Backend interface: all that a device must do for the tensor library, small enough that a third party can write one
 * as a separate package and register it with `registerBackend`. Everything else is composed from these operations.
 *
 * Rules for all operations. Views given to a call belong to this backend and have been validated by the caller: shapes agree,
 * dtypes are right. Outputs are overwritten unless said otherwise; they never overlap an input, except that an output of
 * `map` may be exactly the view of one of its inputs (in place). Any shape may contain zeros. Operations may run later than the
 * call returns (a GPU's stream), in order; `read` and `synchronize` wait for them.
 */

import type { ConvolutionGeometry } from "./conv_geometry.ts";
import type { DType, FloatDType, TypedArray } from "./dtype.ts";
import type { Expr } from "./expr.ts";
import type { ReduceOp } from "./expr_ops.ts";
import type { Layout } from "./layout.ts";
import type { PoolGeometry } from "./pool_geometry.ts";
import type { SeparableFilterCall } from "./separable_filter.ts";
import type { SteerableMapCall } from "./steerable_map.ts";
import type { SteerableCosts, SteerablePlan } from "./steerable_plan.ts";

/** Memory on a backend; opaque to all but the backend that made it. */
export interface DeviceBuffer {
  /** Its size as asked for. */
  readonly bytes: number;
}

/** Elements of a buffer: an operand of an operation. */
export interface View extends Layout {
  /** The memory that holds them. */
  readonly buffer: DeviceBuffer;
  /** Their type; offset and strides count in elements of it. */
  readonly dtype: DType;
}

/** An elementwise computation: `outputs[j] = expressions[j](inputs…, scalars…)` at each point of `shape`. */
export interface MapCall {
  /** One for each output, of the output's dtype. */
  readonly expressions: readonly Expr[];
  /** The iteration space; index nodes refer to its axes. */
  readonly shape: readonly number[];
  /** Operands, already expanded to `shape` (stride 0 where they are broadcast). */
  readonly inputs: readonly View[];
  /** Values of the scalar nodes. */
  readonly scalars: readonly number[];
  /** Results, of shape `shape`, no two elements at one place. */
  readonly outputs: readonly View[];
}

/** One elementwise computation for several sets of operands, as an optimizer has it for its parameters. */
export interface MapGroupCall extends Pick<MapCall, "expressions" | "scalars"> {
  /** Shapes and operands, of the same dtypes in each. */
  readonly sets: readonly Pick<MapCall, "shape" | "inputs" | "outputs">[];
}

/** A reduction of elementwise computations: `outputs[j] = reduce_j over axes of expressions[j](…)`. */
export interface MapReduceCall {
  /** One for each output, of the output's dtype. */
  readonly expressions: readonly Expr[];
  /** How each is reduced. An empty reduction gives the identity of `REDUCE_OPS`. */
  readonly reductions: readonly ReduceOp[];
  /** The iteration space before the reduction; index nodes refer to its axes. */
  readonly shape: readonly number[];
  /** Axes of `shape` that are reduced, ascending; may be empty. */
  readonly axes: readonly number[];
  /** Operands, expanded to `shape`. */
  readonly inputs: readonly View[];
  /** Values of the scalar nodes. */
  readonly scalars: readonly number[];
  /** Results, of `shape` with size 1 along the reduced axes. */
  readonly outputs: readonly View[];
}

/** Types with less precision than float32. */
export type ReducedPrecision = "float16" | "bfloat16";

/** A product, of matrices or in a convolution. */
export interface ProductCall {
  /**
   * Factors of float32 may be rounded to this type before they are multiplied, where that is faster; sums and results stay float32. Default:
   * they may not. A backend may ignore it.
   */
  readonly precision?: ReducedPrecision;
}

/** A batched product: `output = alpha · a · b + beta · output`. All of one float dtype. */
export interface MatmulCall extends ProductCall {
  /** `[…batch, m, k]` with any strides (0 in broadcast batch axes). */
  readonly a: View;
  /** `[…batch, k, n]`, the same batch axes. */
  readonly b: View;
  /** `[…batch, m, n]`. */
  readonly output: View;
  /** Factor of the product. */
  readonly alpha: number;
  /** Factor of what is in `output`; with 0 that is not read (it may hold NaN). */
  readonly beta: number;
}

/** The three views of a convolution; which one is the result depends on the method. All of one float dtype. */
export interface ConvolutionCall extends ProductCall {
  /** Sizes, strides, padding. */
  readonly geometry: ConvolutionGeometry;
  /** `[batch, inChannels, …inputSize]`. */
  readonly input: View;
  /** `[outChannels, inChannels / groups, …kernelSize]`. */
  readonly weight: View;
  /** `[batch, outChannels, …outputSize]`. */
  readonly output: View;
}

/** The three views of a convolution by a plan; which one is the result depends on the method. All of one float dtype, row-major. */
export interface SteerableConvolutionCall extends ProductCall {
  /** Sizes, strides, padding; its channels are the plan's times the groups. */
  readonly geometry: ConvolutionGeometry;
  /** What is computed for each group. */
  readonly plan: SteerablePlan;
  /** `[batch, inChannels, …inputSize]`. */
  readonly input: View;
  /** `[groups · plan.weightCount]`. */
  readonly weight: View;
  /** `[batch, outChannels, …outputSize]`. */
  readonly output: View;
}

/** A function of samples: `output = result · expression(matrices[0] · inputs[0], …)` for each block. All of one float dtype. */
export interface SampledMapCall {
  /** The function of the samples; input node i is a sample of `inputs[i]`. Without scalars and positions. */
  readonly expression: Expr;
  /** For each input `[samples, size]`, any strides. */
  readonly matrices: readonly View[];
  /** Each `[blocks, size, positions]`, row-major; the sizes may differ. */
  readonly inputs: readonly View[];
  /** `[rows, samples]`, any strides. */
  readonly result: View;
  /** `[blocks, rows, positions]`, row-major. */
  readonly output: View;
}

/** A max-pooling. */
export interface MaxPoolCall {
  /** Sizes, strides, padding. */
  readonly geometry: PoolGeometry;
  /** `[batch, channels, …inputSize]`. */
  readonly input: View;
  /** `[batch, channels, …outputSize]`: the greatest element of each window; the first NaN if there is one; −∞ where a window holds none. */
  readonly output: View;
  /** int32, of the output's shape: where it stands, as row-major position in the sample's channel; the first one in a tie, 0 where there is none. */
  readonly indices: View;
}

/** An average-pooling or its gradient. */
export interface AveragePoolCall {
  /** Sizes, strides, padding (`dilation` is 1). */
  readonly geometry: PoolGeometry;
  /** `[batch, channels, …inputSize]`. */
  readonly input: View;
  /**
   * `[batch, channels, …outputSize]`: sum over the window's elements, zeros in the padding, divided by the size of the part of
   * the window that lies in the padded input (the whole window unless `ceilMode` lets it hang over).
   */
  readonly output: View;
}

/** Selection along an axis: `output[…, i, …] = input[…, indices[…, i, …], …]`. */
export interface GatherCall {
  /** Elements to choose from. */
  readonly input: View;
  /** int32, of the output's shape (stride 0 where it does not vary), each in `[0, input.shape[axis])`: see `Backend.checksIndices`. */
  readonly indices: View;
  /** Axis of the choice. */
  readonly axis: number;
  /** As `input`, but for its size along `axis`. */
  readonly output: View;
}

/** Its adjoint: `output[…, indices[…, i, …], …] += source[…, i, …]`; repeated indices add up. */
export interface ScatterAddCall {
  /** Elements to add (float or int32). */
  readonly source: View;
  /** int32, of the source's shape, each in `[0, output.shape[axis])`: see `Backend.checksIndices`. */
  readonly indices: View;
  /** Axis of the choice. */
  readonly axis: number;
  /** What they are added to. */
  readonly output: View;
}

/** Operations that were recorded, to be issued again as a whole. */
export interface Recording {
  /**
   * Issues them all: the same operations on the same memory, with the same scalars but for those that were recorded as changing.
   *
   * @param values New numbers for arrays of scalars that change, by the object that was in the recorded calls. Default: those of the run before.
   */
  run(values?: ReadonlyMap<readonly number[], readonly number[]>): void;
  /** Frees what belongs to the recording. It must not be run afterwards; disposing twice has no effect. */
  dispose(): void;
}

/** What a rehearsal found out about work to be recorded; opaque to all but the backend that made it. */
export interface Rehearsal {
  /** How many operations there were. */
  readonly operations: number;
}

/** Options of `record`. */
export interface RecordOptions {
  /** Which arrays of scalars, as objects, get new numbers in later runs. Default: none. */
  readonly changing?: (scalars: readonly number[]) => boolean;
  /**
   * A rehearsal of the same work, of which `issue` is the next round: it is then called once, recorded and not run. Default: none, and
   * `issue` is called twice.
   */
  readonly rehearsal?: Rehearsal;
}

/** What a backend holds. */
export interface BackendMemory {
  /** Bytes in buffers that have not been freed. */
  readonly liveBytes: number;
  /** Their number. */
  readonly liveBuffers: number;
  /** The greatest `liveBytes` so far. */
  readonly peakBytes: number;
  /** Bytes taken from the system, caches included. */
  readonly reservedBytes: number;
}

/** What runs, and why. */
export interface BackendInfo {
  /** Name under which it is registered. */
  readonly name: string;
  /** One line for people: `cpu: WebAssembly SIMD, 2 threads; OpenBLAS 0.3.21 (Zen)`. */
  readonly description: string;
  /** Facts: versions, threads, device, libraries found or not and why. */
  readonly details: { readonly [fact: string]: string | number | boolean };
}

/** A device. */
export interface Backend {
  /** Name under which it is registered. */
  readonly name: string;
  /** Whether `readSync` works. */
  readonly canReadSync: boolean;
  /**
   * Whether `gather` and `scatterAdd` check their indices on the device: one out of range then reads 0 or adds nothing, and the next call
   * that waits (`read`, `synchronize`, `record`, `dispose`) throws ArgumentError with the operation, once. Default false: the tensor
   * library reads the least and the greatest index before the call where it can do so at once.
   */
  readonly checksIndices?: boolean;
  /** What the parts of a convolution cost here, by which layers choose their plans. Default: as on the cpu backend. */
  readonly steerableCosts?: SteerableCosts;
  /**
   * Part of the direct form's time, from 0 to 1, that a convolution of a geometry takes here by an algorithm with fewer multiplications, as
   * estimated; layers choose their plans by it. Default: 1.
   */
  readonly convolutionShare?: (geometry: ConvolutionGeometry, dtype: FloatDType) => number;

  /** New memory, contents arbitrary. Throws `OutOfMemoryError` and changes nothing when there is none. */
  allocate(bytes: number): DeviceBuffer;
  /** Gives memory back; operations already issued may still use it. */
  free(buffer: DeviceBuffer): void;
  /** Copies `data` (row-major, the view's dtype and count) into a view. */
  write(target: View, data: TypedArray): void;
  /** A row-major copy of a view's elements, after all operations issued before. */
  read(source: View): Promise<TypedArray>;
  /** The same at once; throws `BackendError` where the device cannot. */
  readSync(source: View): TypedArray;
  /** Copies elements between views of one shape and dtype. */
  copy(source: View, target: View): void;

  /** Elementwise computations. */
  map(call: MapCall): void;
  /** Optional: `map` for each of several sets of operands, in less time than so many calls. Without it the tensor library calls `map`. */
  mapGroup?(call: MapGroupCall): void;
  /** Reductions. */
  mapReduce(call: MapReduceCall): void;
  /** Batched matrix product. */
  matmul(call: MatmulCall): void;
  /** `output` from `input` and `weight`. */
  convolution(call: ConvolutionCall): void;
  /** `input` (its gradient) from `output` (its gradient) and `weight`. */
  convolutionInputGradient(call: ConvolutionCall): void;
  /** `weight` (its gradient) from `input` and `output` (its gradient). */
  convolutionWeightGradient(call: ConvolutionCall): void;
  /**
   * Optional, all three or none: `output` from `input` and `weight` by a plan, without planes for the whole batch in memory.
   * Without them the tensor library composes it of the other operations.
   */
  steerableConvolution?(call: SteerableConvolutionCall): void;
  /** `input` (its gradient) from `output` (its gradient) and `weight`. */
  steerableConvolutionInputGradient?(call: SteerableConvolutionCall): void;
  /** `weight` (its gradient) from `input` and `output` (its gradient). */
  steerableConvolutionWeightGradient?(call: SteerableConvolutionCall): void;
  /**
   * Optional, with `steerableConvolution`: a convolution and an elementwise computation of its result, which is not kept. A backend has it
   * where that is faster than both one after the other: on a processor whose caches hold a tile of the result. Without it `compile` calls
   * `steerableConvolution`, then `map`.
   */
  steerableConvolutionMap?(call: SteerableMapCall): void;
  /** Optional: `output` without samples of all positions in memory. Else the tensor library composes it of products and a map. */
  sampledMap?(call: SampledMapCall): void;
  /** Optional, both or none: `output` from `input`. Without them blurs are products with matrices. */
  separableFilter?(call: SeparableFilterCall): void;
  /** The adjoint: `input` from `output`. */
  separableFilterAdjoint?(call: SeparableFilterCall): void;
  /** Maxima of windows and where they stand. */
  maxPool(call: MaxPoolCall): void;
  /** `output` from `input`. */
  averagePool(call: AveragePoolCall): void;
  /** `input` (its gradient) from `output` (its gradient). */
  averagePoolGradient(call: AveragePoolCall): void;
  /** Selection along an axis. */
  gather(call: GatherCall): void;
  /** Its adjoint, accumulating. */
  scatterAdd(call: ScatterAddCall): void;

  /**
   * Optional: runs the operations that `issue` issues, and records them (`issue` is called twice). Operands stay the buffers that they are, so
   * inputs are written into them before each run and results read from them after it; scalars stay as they are unless `changing` says
   * otherwise. `issue` must do the same each time and must not read, write or wait; buffers that it allocates and frees stay reserved for
   * the recording, and so do operands, whose owners must not free them before its last run.
   */
  record?(issue: () => void, options?: RecordOptions): Recording;
  /**
   * Optional, with `record`: runs what `issue` issues as it is, ready for a recording of the next round: what cannot be recorded is refused,
   * and kernels that read changing scalars from memory are compiled.
   */
  rehearse?(issue: () => void, changing: (scalars: readonly number[]) => boolean): Rehearsal;

  /** Resolves when all operations issued so far are complete. */
  synchronize(): Promise<void>;
  /** What it holds now. */
  memory(): BackendMemory;
  /** What runs, and why. */
  info(): BackendInfo;
  /** Frees everything, ends workers, closes libraries. Buffers must not be used afterwards. */
  dispose(): void;
}

/** Options of `useBackend`, handed to the factory; a backend documents which ones it knows. */
export interface BackendOptions {
  /** Threads to use, from 1 to the number of cores. Default: `ESCNN_THREADS` or all cores. */
  readonly threads?: number;
  /** Bytes that the heap of a backend in memory may grow to. Default: `ESCNN_HEAP_LIMIT` or 4 GiB. */
  readonly heapLimit?: number;
  /** Native BLAS: `"auto"` looks for OpenBLAS, `"off"` does without, else a path. Default: `ESCNN_OPENBLAS` or `"auto"`. */
  readonly openblas?: string;
  /**
   * How the cpu backend computes dense convolutions: by what is faster for their shape, directly, or in Fourier tiles wherever they can be.
   * Results differ by rounding only. Default: `ESCNN_CONVOLUTION` or `"auto"`.
   */
  readonly convolution?: "auto" | "direct" | "fourier";
  /** For a backend with several devices: which one, from 0. Default 0, the first visible one. */
  readonly device?: number;
  /**
   * For a GPU: `"tf32"` lets products of float32 round their factors to 10 bits on tensor cores, and transforms compute convolutions; faster,
   * but equivariance then holds to about 1e-3 only. Default `"float32"`.
   */
  readonly precision?: "float32" | "tf32";
  /** For a GPU: time the algorithms of each convolution at its first call instead of trusting the library's guess. Default false. */
  readonly benchmark?: boolean;
  /** For a GPU: the most bytes of its memory to take. Default: all. */
  readonly memoryLimit?: number;
  /**
   * For a GPU: the most bytes that an algorithm of a convolution may need beside its operands; others are passed over, or where all need more, the
   * one that needs least is taken. Default 2^30 (1 GiB).
   */
  readonly workspaceLimit?: number;
  /**
   * For a GPU: wait for every operation, so that what goes wrong on the device is thrown by the call that it belongs to. Slow; for finding
   * errors. Default false: it is thrown by the next call that waits.
   */
  readonly synchronous?: boolean;
}

/** Starts a backend; throws `BackendError` (what was looked for, where, how to install it) when it cannot. */
export type BackendFactory = (options: BackendOptions) => Promise<Backend>;
