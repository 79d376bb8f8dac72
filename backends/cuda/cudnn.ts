/**
 * cuDNN with checked calls: a handle on the backend's stream, descriptors, and the three convolutions under one signature, because
 * the library's differ only in the order of their operands.
 */

import { type Library, loadFfi } from "../../ffi/mod.ts";
import type { FloatDType } from "../../src/tensor/dtype.ts";
import { CudaError } from "./errors.ts";
import { HostBlock } from "./host_memory.ts";
import { MemoryRelief } from "./memory_relief.ts";
import type { CUDNN_SYMBOLS } from "./symbols/cudnn.ts";

/** `cudnnDataType_t`. */
const DATA_TYPE = { float32: 0, float64: 1 } as const satisfies { readonly [D in FloatDType]: number };
/** `CUDNN_TENSOR_NCHW`. */
const ROW_MAJOR = 0;
/** `CUDNN_CROSS_CORRELATION`. */
const CROSS_CORRELATION = 1;

/** `cudnnMathType_t`: the default may round factors to 10 bits (TF32), the last one never does. */
export const CUDNN_MATH = { default: 0, tensor: 1, tensorConverted: 2, fma: 3 } as const;

/** Which operand of a convolution is the result. */
export type ConvolutionDirection = "forward" | "inputGradient" | "weightGradient";

/** What a native algorithm costs, of `cudnnConvolution…AlgoPerf_t`. */
export interface AlgorithmResult {
  /** Its number, which means something else in each direction. */
  readonly algorithm: number;
  /** 0 where it can run. */
  readonly status: number;
  /** Milliseconds, measured or estimated; −1 when neither. */
  readonly milliseconds: number;
  /** Bytes of workspace. */
  readonly workspace: number;
  /** Whether it gives the same bits each time. */
  readonly deterministic: boolean;
  /** One of `CUDNN_MATH`. */
  readonly math: number;
}

/** Bytes of `cudnnConvolution…AlgoPerf_t`: two ints, a float, padding, a size_t, two ints, three reserved ints, padding. */
const RESULT_BYTES = 48;
/** Results to ask for: more than there are algorithms. */
const RESULTS = 16;

/** Sizes of a convolution with two or three spatial axes, padded alike on both sides. */
export interface ConvolutionSizes {
  readonly dtype: FloatDType;
  /** `[batch, channels, …]`. */
  readonly input: readonly number[];
  /** `[outChannels, inChannels / groups, …]`. */
  readonly weight: readonly number[];
  /** `[batch, channels, …]`. */
  readonly output: readonly number[];
  readonly padding: readonly number[];
  readonly stride: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
}

/** Descriptors of a convolution. */
export interface ConvolutionDescriptors {
  readonly input: number;
  readonly weight: number;
  readonly output: number;
  readonly convolution: number;
}

/** Device addresses of the three operands. */
export interface ConvolutionPointers {
  readonly input: number;
  readonly weight: number;
  readonly output: number;
}

/** Memory to work in. */
export interface Workspace {
  readonly pointer: number;
  readonly bytes: number;
}

type Kind = "Tensor" | "Filter" | "Convolution";

/** Checked calls on one handle. */
export class Cudnn {
  readonly #library: Library<typeof CUDNN_SYMBOLS>;
  readonly #block = new HostBlock(512 + RESULTS * RESULT_BYTES);
  readonly #relief: MemoryRelief;
  #handle = 0;

  /**
   * @param library The opened library.
   * @param relief What a call does that finds no memory for its own needs.
   */
  constructor(library: Library<typeof CUDNN_SYMBOLS>, relief: MemoryRelief = new MemoryRelief()) {
    this.#library = library;
    this.#relief = relief;
  }

  /** The library's version: 91002 is 9.10.2. Needs no handle. */
  version(): number {
    return this.#library.symbols.cudnnGetVersion();
  }

  /** The version of CUDA that the library was built for: 13000 is 13.0. Needs no handle. */
  cudaVersion(): number {
    return this.#library.symbols.cudnnGetCudartVersion();
  }

  /** Makes the handle, working on a stream. */
  create(stream: number): void {
    this.#check("cudnnCreate", this.#library.symbols.cudnnCreate(this.#block.address));
    this.#handle = this.#block.readAddress(0);
    this.#check("cudnnSetStream", this.#library.symbols.cudnnSetStream(this.#handle, stream));
  }

  /** Ends the handle. */
  destroy(): void {
    if (this.#handle === 0) return;
    const handle = this.#handle;
    this.#handle = 0;
    this.#check("cudnnDestroy", this.#library.symbols.cudnnDestroy(handle));
  }

  /** Describes a convolution; nothing is left behind when that fails. */
  describe(sizes: ConvolutionSizes, math: number): ConvolutionDescriptors {
    const made: [Kind, number][] = [];
    const make = (kind: Kind): number => {
      const descriptor = this.#createDescriptor(kind);
      made.push([kind, descriptor]);
      return descriptor;
    };
    try {
      const input = make("Tensor"), weight = make("Filter"), output = make("Tensor");
      this.#setTensor(input, sizes.dtype, sizes.input);
      this.#setTensor(output, sizes.dtype, sizes.output);
      this.#setFilter(weight, sizes.dtype, sizes.weight);
      const convolution = make("Convolution");
      this.#setConvolution(convolution, sizes, math);
      return { input, weight, output, convolution };
    } catch (error) {
      for (const [kind, descriptor] of made) this.#destroyQuietly(kind, descriptor);
      throw error;
    }
  }

  /** Frees descriptors. */
  release({ input, weight, output, convolution }: ConvolutionDescriptors): void {
    this.#destroyQuietly("Tensor", input);
    this.#destroyQuietly("Filter", weight);
    this.#destroyQuietly("Tensor", output);
    this.#destroyQuietly("Convolution", convolution);
  }

  /** The algorithms of a direction by the library's guess, the fastest first. */
  guessAlgorithms(
    direction: ConvolutionDirection,
    { input, weight, output, convolution }: ConvolutionDescriptors,
  ): AlgorithmResult[] {
    const { symbols } = this.#library;
    const { address } = this.#block;
    const [handle, count, results] = [this.#handle, address, address + 512];
    this.#block.view.setInt32(0, 0, true);
    switch (direction) {
      case "forward":
        this.#check(
          "cudnnGetConvolutionForwardAlgorithm",
          symbols.cudnnGetConvolutionForwardAlgorithm_v7(
            ...[handle, input, weight, convolution, output, RESULTS, count, results] as const,
          ),
        );
        break;
      case "inputGradient":
        this.#check(
          "cudnnGetConvolutionBackwardDataAlgorithm",
          symbols.cudnnGetConvolutionBackwardDataAlgorithm_v7(
            ...[handle, weight, output, convolution, input, RESULTS, count, results] as const,
          ),
        );
        break;
      case "weightGradient":
        this.#check(
          "cudnnGetConvolutionBackwardFilterAlgorithm",
          symbols.cudnnGetConvolutionBackwardFilterAlgorithm_v7(
            ...[handle, input, output, convolution, weight, RESULTS, count, results] as const,
          ),
        );
        break;
      default:
        return direction satisfies never;
    }
    return this.#readResults();
  }

  /** The algorithms of a direction by measurement, the fastest first. Waits, and overwrites the result. */
  measureAlgorithms(
    direction: ConvolutionDirection,
    { input, weight, output, convolution }: ConvolutionDescriptors,
    at: ConvolutionPointers,
    { pointer, bytes }: Workspace,
  ): AlgorithmResult[] {
    const { symbols } = this.#library;
    const { address } = this.#block;
    const [handle, count, results] = [this.#handle, address, address + 512];
    this.#block.view.setInt32(0, 0, true);
    switch (direction) {
      case "forward":
        this.#check(
          "cudnnFindConvolutionForwardAlgorithmEx",
          symbols.cudnnFindConvolutionForwardAlgorithmEx(
            ...[handle, input, at.input, weight, at.weight, convolution, output, at.output] as const,
            ...[RESULTS, count, results, pointer, bytes] as const,
          ),
        );
        break;
      case "inputGradient":
        this.#check(
          "cudnnFindConvolutionBackwardDataAlgorithmEx",
          symbols.cudnnFindConvolutionBackwardDataAlgorithmEx(
            ...[handle, weight, at.weight, output, at.output, convolution, input, at.input] as const,
            ...[RESULTS, count, results, pointer, bytes] as const,
          ),
        );
        break;
      case "weightGradient":
        this.#check(
          "cudnnFindConvolutionBackwardFilterAlgorithmEx",
          symbols.cudnnFindConvolutionBackwardFilterAlgorithmEx(
            ...[handle, input, at.input, output, at.output, convolution, weight, at.weight] as const,
            ...[RESULTS, count, results, pointer, bytes] as const,
          ),
        );
        break;
      default:
        return direction satisfies never;
    }
    return this.#readResults();
  }

  /** Sets how the products of a described convolution are rounded. */
  setMath({ convolution }: ConvolutionDescriptors, math: number): void {
    const { cudnnSetConvolutionMathType } = this.#library.symbols;
    this.#check("cudnnSetConvolutionMathType", cudnnSetConvolutionMathType(convolution, math));
  }

  /** Puts a convolution on the stream, overwriting the operand that the direction names. */
  run(
    direction: ConvolutionDirection,
    dtype: FloatDType,
    descriptors: ConvolutionDescriptors,
    algorithm: number,
    at: ConvolutionPointers,
    workspace: Workspace,
  ): void {
    try {
      this.#run(direction, dtype, descriptors, algorithm, at, workspace);
    } catch (error) {
      this.#relief.retry(error, () => this.#run(direction, dtype, descriptors, algorithm, at, workspace));
    }
  }

  #run(
    direction: ConvolutionDirection,
    dtype: FloatDType,
    { input, weight, output, convolution }: ConvolutionDescriptors,
    algorithm: number,
    at: ConvolutionPointers,
    { pointer, bytes }: Workspace,
  ): void {
    const { symbols } = this.#library;
    const { view, address } = this.#block;
    if (dtype === "float32") {
      view.setFloat32(0, 1, true);
      view.setFloat32(8, 0, true);
    } else {
      view.setFloat64(0, 1, true);
      view.setFloat64(8, 0, true);
    }
    const [handle, one, zero] = [this.#handle, address, address + 8];
    switch (direction) {
      case "forward":
        return this.#check(
          "cudnnConvolutionForward",
          symbols.cudnnConvolutionForward(
            ...[handle, one, input, at.input, weight, at.weight, convolution, algorithm] as const,
            ...[pointer, bytes, zero, output, at.output] as const,
          ),
        );
      case "inputGradient":
        return this.#check(
          "cudnnConvolutionBackwardData",
          symbols.cudnnConvolutionBackwardData(
            ...[handle, one, weight, at.weight, output, at.output, convolution, algorithm] as const,
            ...[pointer, bytes, zero, input, at.input] as const,
          ),
        );
      case "weightGradient":
        return this.#check(
          "cudnnConvolutionBackwardFilter",
          symbols.cudnnConvolutionBackwardFilter(
            ...[handle, one, input, at.input, output, at.output, convolution, algorithm] as const,
            ...[pointer, bytes, zero, weight, at.weight] as const,
          ),
        );
      default:
        return direction satisfies never;
    }
  }

  #createDescriptor(kind: Kind): number {
    const { symbols } = this.#library;
    const create = {
      Tensor: symbols.cudnnCreateTensorDescriptor,
      Filter: symbols.cudnnCreateFilterDescriptor,
      Convolution: symbols.cudnnCreateConvolutionDescriptor,
    }[kind];
    this.#check(`cudnnCreate${kind}Descriptor`, create(this.#block.address));
    return this.#block.readAddress(0);
  }

  /** Freeing a descriptor touches host memory only; a failure there would say nothing that a caller could act on. */
  #destroyQuietly(kind: Kind, descriptor: number): void {
    const { symbols } = this.#library;
    const destroy = {
      Tensor: symbols.cudnnDestroyTensorDescriptor,
      Filter: symbols.cudnnDestroyFilterDescriptor,
      Convolution: symbols.cudnnDestroyConvolutionDescriptor,
    }[kind];
    destroy(descriptor);
  }

  /** Writes integers into the block and gives their address. */
  #integers(values: readonly number[], at: number): number {
    values.forEach((value, i) => this.#block.view.setInt32(at + 4 * i, value, true));
    return this.#block.address + at;
  }

  #setTensor(descriptor: number, dtype: FloatDType, shape: readonly number[]): void {
    const strides: number[] = [];
    for (let axis = shape.length - 1, step = 1; axis >= 0; step *= shape[axis--]) strides.unshift(step);
    const sizes = this.#integers(shape, 0);
    const steps = this.#integers(strides, 64);
    const { cudnnSetTensorNdDescriptor } = this.#library.symbols;
    const status = cudnnSetTensorNdDescriptor(descriptor, DATA_TYPE[dtype], shape.length, sizes, steps);
    this.#check(`cudnnSetTensorNdDescriptor [${shape.join(", ")}]`, status);
  }

  #setFilter(descriptor: number, dtype: FloatDType, shape: readonly number[]): void {
    const sizes = this.#integers(shape, 0);
    const { cudnnSetFilterNdDescriptor } = this.#library.symbols;
    const status = cudnnSetFilterNdDescriptor(descriptor, DATA_TYPE[dtype], ROW_MAJOR, shape.length, sizes);
    this.#check(`cudnnSetFilterNdDescriptor [${shape.join(", ")}]`, status);
  }

  #setConvolution(descriptor: number, sizes: ConvolutionSizes, math: number): void {
    const { padding, stride, dilation, groups, dtype } = sizes;
    const [pads, strides, dilations] = [padding, stride, dilation].map((list, i) => this.#integers(list, 64 * i));
    const { cudnnSetConvolutionNdDescriptor, cudnnSetConvolutionGroupCount } = this.#library.symbols;
    this.#check(
      "cudnnSetConvolutionNdDescriptor",
      cudnnSetConvolutionNdDescriptor(
        ...[descriptor, padding.length, pads, strides, dilations, CROSS_CORRELATION, DATA_TYPE[dtype]] as const,
      ),
    );
    this.#check("cudnnSetConvolutionGroupCount", cudnnSetConvolutionGroupCount(descriptor, groups));
    this.setMath({ input: 0, weight: 0, output: 0, convolution: descriptor }, math);
  }

  #readResults(): AlgorithmResult[] {
    const { view } = this.#block;
    return Array.from({ length: view.getInt32(0, true) }, (_, i) => {
      const at = 512 + i * RESULT_BYTES;
      return {
        algorithm: view.getInt32(at, true),
        status: view.getInt32(at + 4, true),
        milliseconds: view.getFloat32(at + 8, true),
        workspace: this.#block.readAddress(at + 16),
        deterministic: view.getInt32(at + 24, true) === 1,
        math: view.getInt32(at + 28, true),
      };
    });
  }

  #check(call: string, status: number): void {
    if (status === 0) return;
    const text = loadFfi().readCString(this.#library.symbols.cudnnGetErrorString(status));
    throw new CudaError({ library: "cuDNN", call, status, text });
  }
}
