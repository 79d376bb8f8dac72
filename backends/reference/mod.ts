/**
 * The reference backend: every operation of the Backend interface written after its definition in plain TypeScript, with
 * float64 arithmetic inside and one rounding at the end. Slow and obviously right: the oracle of all other backends.
 */

import type {
  AveragePoolCall,
  Backend,
  BackendFactory,
  BackendInfo,
  BackendMemory,
  ConvolutionCall,
  DeviceBuffer,
  GatherCall,
  MapCall,
  MapReduceCall,
  MatmulCall,
  MaxPoolCall,
  ScatterAddCall,
  SteerableConvolutionCall,
  View,
} from "../../src/tensor/backend.ts";
import { createTypedArray, dtypeOf, type TypedArray } from "../../src/tensor/dtype.ts";
import { ArgumentError, DTypeError } from "../../src/tensor/errors.ts";
import { formatShape } from "../../src/tensor/layout.ts";
import type { SeparableFilterCall } from "../../src/tensor/separable_filter.ts";
import { checkSteerableMap, composeSteerableMap, type SteerableMapCall } from "../../src/tensor/steerable_map.ts";
import { BufferStore, type Operand } from "./buffer.ts";
import { convolution, convolutionInputGradient, convolutionWeightGradient } from "./convolution.ts";
import { gather, scatterAdd } from "./gather.ts";
import { map, mapReduce } from "./map.ts";
import { matmul } from "./matmul.ts";
import { averagePool, averagePoolGradient, maxPool } from "./pool.ts";
import { separableFilter, separableFilterAdjoint } from "./separable.ts";
import {
  steerableConvolution,
  steerableConvolutionInputGradient,
  steerableConvolutionWeightGradient,
} from "./steerable_convolution.ts";

class ReferenceBackend implements Backend {
  readonly name = "reference";
  readonly canReadSync = true;
  readonly #store = new BufferStore();

  allocate(bytes: number): DeviceBuffer {
    return this.#store.allocate(bytes);
  }

  free(buffer: DeviceBuffer): void {
    this.#store.free(buffer);
  }

  write(target: View, data: TypedArray): void {
    const { elements, positions } = this.#store.open(target, "write");
    if (dtypeOf(data) !== target.dtype) {
      throw new DTypeError({ op: "write", expected: target.dtype, actual: dtypeOf(data) });
    }
    if (data.length !== positions.length) {
      throw new ArgumentError({
        op: "write",
        expected: `${positions.length} elements for shape ${formatShape(target.shape)}`,
        actual: String(data.length),
      });
    }
    for (let i = 0; i < positions.length; i++) elements[positions[i]] = data[i];
  }

  // A promise that is already rejected where the call is wrong: nothing is thrown past the caller's `await`.
  // deno-lint-ignore require-await
  async read(source: View): Promise<TypedArray> {
    return this.readSync(source);
  }

  readSync(source: View): TypedArray {
    const { elements, positions } = this.#store.open(source, "read");
    const result = createTypedArray(source.dtype, positions.length);
    for (let i = 0; i < positions.length; i++) result[i] = elements[positions[i]];
    return result;
  }

  copy(source: View, target: View): void {
    const from = this.#store.open(source, "copy");
    const to = this.#store.open(target, "copy");
    for (let i = 0; i < to.positions.length; i++) to.elements[to.positions[i]] = from.elements[from.positions[i]];
  }

  map(call: MapCall): void {
    map(call, this.#openAll(call.inputs, "map"), this.#openAll(call.outputs, "map"));
  }

  mapReduce(call: MapReduceCall): void {
    mapReduce(call, this.#openAll(call.inputs, "mapReduce"), this.#openAll(call.outputs, "mapReduce"));
  }

  matmul(call: MatmulCall): void {
    const [a, b, output] = this.#openAll([call.a, call.b, call.output], "matmul");
    matmul(call, a, b, output);
  }

  convolution(call: ConvolutionCall): void {
    const [input, weight, output] = this.#openAll([call.input, call.weight, call.output], "convolution");
    convolution(call.geometry, input, weight, output);
  }

  convolutionInputGradient(call: ConvolutionCall): void {
    const op = "convolutionInputGradient";
    const [input, weight, output] = this.#openAll([call.input, call.weight, call.output], op);
    convolutionInputGradient(call.geometry, input, weight, output);
  }

  convolutionWeightGradient(call: ConvolutionCall): void {
    const op = "convolutionWeightGradient";
    const [input, weight, output] = this.#openAll([call.input, call.weight, call.output], op);
    convolutionWeightGradient(call.geometry, input, weight, output);
  }

  steerableConvolution(call: SteerableConvolutionCall): void {
    const [input, weight, output] = this.#openAll([call.input, call.weight, call.output], "steerableConvolution");
    steerableConvolution(call, input, weight, output);
  }

  steerableConvolutionInputGradient(call: SteerableConvolutionCall): void {
    const op = "steerableConvolutionInputGradient";
    const [input, weight, output] = this.#openAll([call.input, call.weight, call.output], op);
    steerableConvolutionInputGradient(call, input, weight, output);
  }

  steerableConvolutionMap(call: SteerableMapCall): void {
    checkSteerableMap(call);
    composeSteerableMap(this, call);
  }

  steerableConvolutionWeightGradient(call: SteerableConvolutionCall): void {
    const op = "steerableConvolutionWeightGradient";
    const [input, weight, output] = this.#openAll([call.input, call.weight, call.output], op);
    steerableConvolutionWeightGradient(call, input, weight, output);
  }

  separableFilter(call: SeparableFilterCall): void {
    const [input, output] = this.#openAll([call.input, call.output], "separableFilter");
    separableFilter(call, input, output);
  }

  separableFilterAdjoint(call: SeparableFilterCall): void {
    const [input, output] = this.#openAll([call.input, call.output], "separableFilterAdjoint");
    separableFilterAdjoint(call, input, output);
  }

  maxPool(call: MaxPoolCall): void {
    const [input, output, indices] = this.#openAll([call.input, call.output, call.indices], "maxPool");
    maxPool(call.geometry, input, output, indices);
  }

  averagePool(call: AveragePoolCall): void {
    const [input, output] = this.#openAll([call.input, call.output], "averagePool");
    averagePool(call.geometry, input, output);
  }

  averagePoolGradient(call: AveragePoolCall): void {
    const [input, output] = this.#openAll([call.input, call.output], "averagePoolGradient");
    averagePoolGradient(call.geometry, input, output);
  }

  gather(call: GatherCall): void {
    const [input, indices, output] = this.#openAll([call.input, call.indices, call.output], "gather");
    gather(call, input, indices, output);
  }

  scatterAdd(call: ScatterAddCall): void {
    const [source, indices, output] = this.#openAll([call.source, call.indices, call.output], "scatterAdd");
    scatterAdd(call, source, indices, output);
  }

  synchronize(): Promise<void> {
    return Promise.resolve();
  }

  memory(): BackendMemory {
    return this.#store.memory();
  }

  info(): BackendInfo {
    return {
      name: this.name,
      description: "reference: plain TypeScript, one thread, float64 inside",
      details: { threads: 1, accumulation: "float64" },
    };
  }

  dispose(): void {
    this.#store.dispose();
  }

  #openAll(views: readonly View[], op: string): Operand[] {
    return views.map((view) => this.#store.open(view, op));
  }
}

/** Starts the reference backend. It knows no options and always starts. */
export const createBackend: BackendFactory = (): Promise<Backend> => Promise.resolve(new ReferenceBackend());
