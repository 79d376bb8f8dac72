/**
 * The cpu backend: WebAssembly SIMD kernels made at run time, worker threads over one shared heap, and OpenBLAS where it can
 * be called. This file joins the parts: it checks the views of each call and hands them to the operations. Works without
 * permissions and without native libraries; what is used and why is in `info()`.
 */

import type {
  AveragePoolCall,
  Backend,
  BackendInfo,
  BackendMemory,
  ConvolutionCall,
  DeviceBuffer,
  GatherCall,
  MapCall,
  MapReduceCall,
  MatmulCall,
  MaxPoolCall,
  SampledMapCall,
  ScatterAddCall,
  SteerableConvolutionCall,
  View,
} from "../../src/tensor/backend.ts";
import type { ConvolutionGeometry } from "../../src/tensor/conv_geometry.ts";
import { dtypeOf, type FloatDType, type TypedArray } from "../../src/tensor/dtype.ts";
import { ArgumentError, DisposedError, DTypeError } from "../../src/tensor/errors.ts";
import { elementCount, formatShape } from "../../src/tensor/layout.ts";
import type { SeparableFilterCall } from "../../src/tensor/separable_filter.ts";
import { checkSteerableMap, type SteerableMapCall } from "../../src/tensor/steerable_map.ts";
import { type CpuOptions, type CpuSystem, createContext } from "./create_context.ts";
import { createOperations, type Operations } from "./operations.ts";

export type { CpuOptions };

class CpuBackend implements Backend {
  readonly name = "cpu";
  readonly canReadSync = true;
  readonly convolutionShare: (geometry: ConvolutionGeometry, dtype: FloatDType) => number;
  #system: CpuSystem | undefined;
  #operations: Operations | undefined;
  readonly #info: () => BackendInfo;

  constructor(system: CpuSystem) {
    this.#system = system;
    const operations = createOperations(system);
    this.#operations = operations;
    this.convolutionShare = operations.convolutionShare;
    this.#info = () => describe(system);
  }

  allocate(bytes: number): DeviceBuffer {
    return this.#running("allocate").heap.allocate(bytes);
  }

  free(buffer: DeviceBuffer): void {
    this.#running("free").heap.free(buffer);
  }

  write(target: View, data: TypedArray): void {
    const operations = this.#check("write", target);
    if (dtypeOf(data) !== target.dtype) {
      throw new DTypeError({ op: "write", expected: `data of ${target.dtype}`, actual: dtypeOf(data) });
    }
    const count = elementCount(target.shape);
    if (data.length !== count) {
      throw new ArgumentError({
        op: "write",
        expected: `${count} elements for shape ${formatShape(target.shape)}`,
        actual: String(data.length),
      });
    }
    operations.write(target, data);
  }

  // A promise that is already rejected where the call is wrong: nothing is thrown past the caller's `await`.
  // deno-lint-ignore require-await
  async read(source: View): Promise<TypedArray> {
    return this.readSync(source);
  }

  readSync(source: View): TypedArray {
    return this.#check("read", source).read(source);
  }

  copy(source: View, target: View): void {
    this.#check("copy", source, target).copy(source, target);
  }

  map(call: MapCall): void {
    this.#check("map", ...call.inputs, ...call.outputs).map(call);
  }

  mapReduce(call: MapReduceCall): void {
    this.#check("mapReduce", ...call.inputs, ...call.outputs).mapReduce(call);
  }

  matmul(call: MatmulCall): void {
    this.#check("matmul", call.a, call.b, call.output).matmul(call);
  }

  convolution(call: ConvolutionCall): void {
    this.#check("convolution", call.input, call.weight, call.output).convolution(call);
  }

  convolutionInputGradient(call: ConvolutionCall): void {
    const op = "convolutionInputGradient";
    this.#check(op, call.input, call.weight, call.output).convolutionInputGradient(call);
  }

  convolutionWeightGradient(call: ConvolutionCall): void {
    const op = "convolutionWeightGradient";
    this.#check(op, call.input, call.weight, call.output).convolutionWeightGradient(call);
  }

  steerableConvolution(call: SteerableConvolutionCall): void {
    this.#check("steerableConvolution", call.input, call.weight, call.output).steerableConvolution(call);
  }

  steerableConvolutionInputGradient(call: SteerableConvolutionCall): void {
    const op = "steerableConvolutionInputGradient";
    this.#check(op, call.input, call.weight, call.output).steerableConvolutionInputGradient(call);
  }

  steerableConvolutionWeightGradient(call: SteerableConvolutionCall): void {
    const op = "steerableConvolutionWeightGradient";
    this.#check(op, call.input, call.weight, call.output).steerableConvolutionWeightGradient(call);
  }

  steerableConvolutionMap(call: SteerableMapCall): void {
    const inputs = call.inputs.filter(({ buffer }) => buffer !== call.result.buffer);
    checkSteerableMap(call);
    this.#check("steerableConvolutionMap", call.input, call.weight, ...inputs, ...call.outputs)
      .steerableConvolutionMap(call);
  }

  sampledMap(call: SampledMapCall): void {
    this.#check("sampledMap", ...call.matrices, ...call.inputs, call.result, call.output).sampledMap(call);
  }

  separableFilter(call: SeparableFilterCall): void {
    this.#check("separableFilter", call.input, call.output).separableFilter(call);
  }

  separableFilterAdjoint(call: SeparableFilterCall): void {
    this.#check("separableFilterAdjoint", call.input, call.output).separableFilterAdjoint(call);
  }

  maxPool(call: MaxPoolCall): void {
    this.#check("maxPool", call.input, call.output, call.indices).maxPool(call);
  }

  averagePool(call: AveragePoolCall): void {
    this.#check("averagePool", call.input, call.output).averagePool(call);
  }

  averagePoolGradient(call: AveragePoolCall): void {
    this.#check("averagePoolGradient", call.input, call.output).averagePoolGradient(call);
  }

  gather(call: GatherCall): void {
    this.#check("gather", call.input, call.indices, call.output).gather(call);
  }

  scatterAdd(call: ScatterAddCall): void {
    this.#check("scatterAdd", call.source, call.indices, call.output).scatterAdd(call);
  }

  // Operations are complete when they return.
  // deno-lint-ignore require-await
  async synchronize(): Promise<void> {
    this.#running("synchronize");
  }

  memory(): BackendMemory {
    if (this.#system === undefined) return { liveBytes: 0, liveBuffers: 0, peakBytes: 0, reservedBytes: 0 };
    const { liveBytes, liveBuffers, peakBytes, reservedBytes } = this.#system.heap;
    return { liveBytes, liveBuffers, peakBytes, reservedBytes };
  }

  info(): BackendInfo {
    return this.#info();
  }

  dispose(): void {
    this.#system?.dispose();
    this.#system = undefined;
    this.#operations = undefined;
  }

  #running(op: string): CpuSystem {
    if (this.#system === undefined) throw disposed(op);
    return this.#system;
  }

  /** The operations, after a look at the views that a call gives them. */
  #check(op: string, ...views: View[]): Operations {
    if (this.#system === undefined || this.#operations === undefined) throw disposed(op);
    this.#system.executor.abandon();
    for (const view of views) this.#system.heap.checkView(view, op);
    return this.#operations;
  }
}

function disposed(op: string): DisposedError {
  return new DisposedError({
    op,
    expected: "a running cpu backend",
    actual: "one that has been disposed",
    hint: 'Start another one: await useBackend("cpu")',
  });
}

/** What runs, and why. */
function describe({ executor, features, heap, search, blas, convolution }: CpuSystem): BackendInfo {
  const { threads } = executor;
  const single = features.threads
    ? "1 thread"
    : "1 thread (no shared memory here: a page must be cross-origin isolated)";
  const failure = executor.workerError === undefined ? "" : `, of which a worker failed (${executor.workerError})`;
  const native = search.opened === undefined ? search.reason : search.opened.description;
  const details: { [fact: string]: string | number | boolean } = {
    threads,
    workersReady: executor.readyWorkers,
    relaxedSimd: features.relaxedSimd,
    sharedMemory: heap.shared,
    heapLimit: heap.limit,
    openblas: blas !== undefined,
    convolution,
  };
  if (executor.workerError !== undefined) details.workerError = executor.workerError;
  if (search.opened === undefined) {
    details.openblasReason = search.detail;
  } else {
    details.openblasPath = search.opened.library.path;
    details.openblasVersion = search.opened.version;
    details.openblasCore = search.opened.core;
  }
  return {
    name: "cpu",
    description: `cpu: WebAssembly SIMD, ${threads === 1 ? single : `${threads} threads${failure}`}; ${native}`,
    details,
  };
}

/**
 * Starts a cpu backend. Environment variables stand in for options that are not given, where they may be read:
 * `ESCNN_THREADS`, `ESCNN_OPENBLAS` (a path, or `off`), `ESCNN_HEAP_LIMIT` (bytes), `ESCNN_CONVOLUTION`
 * (`auto`, `direct` or `fourier`).
 *
 * @throws ArgumentError for options out of range; BackendError when the engine lacks SIMD or memory, or when the path of an
 * OpenBLAS was given and it cannot be used.
 */
// A promise that is already rejected where the options are wrong.
// deno-lint-ignore require-await
export async function createBackend(options: CpuOptions = {}): Promise<Backend> {
  return new CpuBackend(createContext(options));
}
