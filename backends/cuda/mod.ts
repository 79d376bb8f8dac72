/**
 * The cuda backend: NVIDIA GPUs through the driver, NVRTC, cuBLAS and cuDNN, called by FFI in Deno, Bun and Node. All work goes
 * in order onto one stream; only reading, `synchronize` and `dispose` wait. This file checks the views of each call and hands
 * them to the operations.
 */

import type {
  AveragePoolCall,
  Backend,
  BackendInfo,
  BackendMemory,
  BackendOptions,
  ConvolutionCall,
  DeviceBuffer,
  GatherCall,
  MapCall,
  MapGroupCall,
  MapReduceCall,
  MatmulCall,
  MaxPoolCall,
  Recording,
  RecordOptions,
  Rehearsal,
  ScatterAddCall,
  SteerableConvolutionCall,
  View,
} from "../../src/tensor/backend.ts";
import { dtypeOf, type TypedArray } from "../../src/tensor/dtype.ts";
import { ArgumentError, DisposedError, DTypeError } from "../../src/tensor/errors.ts";
import { elementCount, formatShape } from "../../src/tensor/layout.ts";
import type { SteerableCosts } from "../../src/tensor/steerable_plan.ts";
import { createSystem, type CudaOptions, type CudaSystem } from "./create_context.ts";
import type { ConvolutionDirection } from "./cudnn.ts";
import { CudaError } from "./errors.ts";
import { describeSystem } from "./info.ts";
import { CUDA_COSTS } from "./kernels/steerable.ts";
import { createOperations, type Operations } from "./operations.ts";

export { CudaError, type CudaFailure } from "./errors.ts";
export type { CudaOptions };

class CudaBackend implements Backend {
  readonly name = "cuda";
  readonly canReadSync = true;
  readonly checksIndices = true;
  readonly steerableCosts: SteerableCosts = CUDA_COSTS;
  readonly #system: CudaSystem;
  readonly #operations: Operations;
  #disposed = false;

  constructor(system: CudaSystem) {
    this.#system = system;
    this.#operations = createOperations(system);
  }

  allocate(bytes: number): DeviceBuffer {
    return this.#running("allocate").allocator.allocate(bytes);
  }

  free(buffer: DeviceBuffer): void {
    this.#running("free").allocator.free(buffer);
  }

  write(target: View, data: TypedArray): void {
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
    this.#running("write").recorder.refuseWhileRecording("write");
    this.#issue("write", [target], (operations) => operations.write(target, data));
  }

  // A promise that is already rejected where the call is wrong: nothing is thrown past the caller's `await`.
  // deno-lint-ignore require-await
  async read(source: View): Promise<TypedArray> {
    return this.readSync(source);
  }

  readSync(source: View): TypedArray {
    this.#running("read").recorder.refuseWhileRecording("read");
    const values = this.#issue("read", [source], (operations) => operations.read(source));
    this.#system.indexFaults.check();
    return values;
  }

  copy(source: View, target: View): void {
    this.#issue("copy", [source, target], (operations) => operations.copy(source, target));
  }

  map(call: MapCall): void {
    this.#issue("map", [...call.inputs, ...call.outputs], (operations) => operations.map(call));
  }

  mapGroup(call: MapGroupCall): void {
    const views = call.sets.flatMap(({ inputs, outputs }) => [...inputs, ...outputs]);
    this.#issue("mapGroup", views, (operations) => operations.mapGroup(call));
  }

  mapReduce(call: MapReduceCall): void {
    this.#issue("mapReduce", [...call.inputs, ...call.outputs], (operations) => operations.mapReduce(call));
  }

  matmul(call: MatmulCall): void {
    this.#issue("matmul", [call.a, call.b, call.output], (operations) => operations.matmul(call));
  }

  convolution(call: ConvolutionCall): void {
    this.#convolve("convolution", "forward", call);
  }

  convolutionInputGradient(call: ConvolutionCall): void {
    this.#convolve("convolutionInputGradient", "inputGradient", call);
  }

  convolutionWeightGradient(call: ConvolutionCall): void {
    this.#convolve("convolutionWeightGradient", "weightGradient", call);
  }

  steerableConvolution(call: SteerableConvolutionCall): void {
    const views = [call.input, call.weight, call.output];
    this.#issue("steerableConvolution", views, (operations) => operations.steerableConvolution(call));
  }

  steerableConvolutionInputGradient(call: SteerableConvolutionCall): void {
    const op = "steerableConvolutionInputGradient";
    const views = [call.output, call.weight, call.input];
    this.#issue(op, views, (operations) => operations.steerableConvolutionInputGradient(call));
  }

  steerableConvolutionWeightGradient(call: SteerableConvolutionCall): void {
    const op = "steerableConvolutionWeightGradient";
    const views = [call.input, call.output, call.weight];
    this.#issue(op, views, (operations) => operations.steerableConvolutionWeightGradient(call));
  }

  maxPool(call: MaxPoolCall): void {
    this.#issue("maxPool", [call.input, call.output, call.indices], (operations) => operations.maxPool(call));
  }

  averagePool(call: AveragePoolCall): void {
    this.#issue("averagePool", [call.input, call.output], (operations) => operations.averagePool(call));
  }

  averagePoolGradient(call: AveragePoolCall): void {
    this.#issue("averagePoolGradient", [call.input, call.output], (operations) => operations.averagePoolGradient(call));
  }

  gather(call: GatherCall): void {
    this.#issue("gather", [call.input, call.indices, call.output], (operations) => operations.gather(call));
  }

  scatterAdd(call: ScatterAddCall): void {
    this.#issue("scatterAdd", [call.source, call.indices, call.output], (operations) => operations.scatterAdd(call));
  }

  rehearse(issue: () => void, changing: (scalars: readonly number[]) => boolean): Rehearsal {
    return this.#running("rehearse").recorder.rehearse(issue, changing);
  }

  record(issue: () => void, options: RecordOptions = {}): Recording {
    const { recorder } = this.#running("record");
    const recording = recorder.record(issue, options);
    try {
      // Work that has run already should be right.
      if (options.rehearsal === undefined) this.#system.synchronize();
    } catch (error) {
      recording.dispose();
      throw error;
    }
    return recording;
  }

  // Waiting blocks: the driver has no promise to wait for.
  // deno-lint-ignore require-await
  async synchronize(): Promise<void> {
    const system = this.#running("synchronize");
    system.recorder.refuseWhileRecording("synchronize");
    system.synchronize();
  }

  memory(): BackendMemory {
    if (this.#disposed) return { liveBytes: 0, liveBuffers: 0, peakBytes: 0, reservedBytes: 0 };
    return this.#system.allocator.memory();
  }

  info(): BackendInfo {
    return describeSystem(this.#system, !this.#disposed);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#system.recorder.refuseWhileRecording("dispose");
    this.#disposed = true;
    this.#system.dispose();
  }

  #convolve(op: string, direction: ConvolutionDirection, call: ConvolutionCall): void {
    const views = [call.input, call.weight, call.output];
    this.#issue(op, views, (operations) => operations.convolution(direction, call));
  }

  #running(op: string): CudaSystem {
    if (!this.#disposed) return this.#system;
    throw new DisposedError({
      op,
      expected: "a running cuda backend",
      actual: "one that has been disposed",
      hint: 'Start another one: await useBackend("cuda")',
    });
  }

  /** Runs an operation after a look at its views; an error of the device says during which one it came. */
  #issue<T>(op: string, views: readonly View[], run: (operations: Operations) => T): T {
    const { allocator, recorder } = this.#running(op);
    for (const view of views) allocator.checkView(view, op);
    recorder.note(op, views);
    try {
      const result = run(this.#operations);
      if (this.#system.synchronous && !this.#system.recorder.isRecording) this.#system.synchronize();
      return result;
    } catch (error) {
      if (!(error instanceof CudaError)) throw error;
      const shapes = views.map(({ shape }) => formatShape(shape)).join(", ");
      throw error.during(`${op} of ${shapes} (${views[views.length - 1].dtype})`);
    }
  }
}

/**
 * Starts a cuda backend. Libraries are looked for in the system, in toolkits and environments, and where `ESCNN_CUDA_HOME`,
 * `ESCNN_CUDA_DRIVER`, `ESCNN_NVRTC`, `ESCNN_CUBLAS` and `ESCNN_CUDNN` say; `ESCNN_CUDA_CACHE` is the folder of compiled kernels, or `off`.
 *
 * @throws BackendError (and CudaError, a kind of it) when it cannot start: what was looked for, where, and what to do; ArgumentError
 * for options out of range; OutOfMemoryError when the device is full.
 */
export async function createBackend(options: BackendOptions = {}): Promise<Backend> {
  return new CudaBackend(await createSystem(options));
}
