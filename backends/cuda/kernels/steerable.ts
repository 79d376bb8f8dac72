/**
 * Convolution by a plan on the cuda backend: planes of some samples at a time by kernels, then one batched product with the weights for each
 * output. The gradient by the weights makes the planes again; that by the input goes the same way back, with no addition whose order
 * could change.
 */

import type {
  MapCall,
  MapReduceCall,
  MatmulCall,
  SteerableConvolutionCall,
  View,
} from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../../src/tensor/dtype.ts";
import { add, input } from "../../../src/tensor/expr.ts";
import type { SteerableCosts } from "../../../src/tensor/steerable_plan.ts";
import type { CudaContext } from "../context.ts";
import { pointerOf, pushNumbers, SCRATCH, scratchView } from "./bind.ts";
import {
  CHANNEL_ROWS,
  channelRowsSource,
  channelsSource,
  functionsSource,
  planesSource,
  steerableNumbers,
  tapBytes,
} from "./steerable_source.ts";
import {
  type PlacedTables,
  planesBlock,
  problemNumbers,
  SHARED_BYTES,
  SteerableKernels,
  TableStore,
  THREADS,
  threeAxes,
} from "./steerable_device.ts";
import type { RowRun, SteerableTables } from "./steerable_tables.ts";

/** Bytes of planes (and of functions' values) that are there at a time, unless one sample has more. */
const CHUNK_BYTES = 2 ** 28;
/** Positions of a thread that gathers from planes. */
const FUNCTION_POSITIONS = 4;

/**
 * What the parts of a convolution cost here, by the peaks of a data-center GPU: some seven multiply-adds in float32 for each byte of
 * memory traffic at three quarters of the arithmetic peak, and kernels of planes that read shared memory for every second multiply-add.
 * Estimated, not measured.
 */
export const CUDA_COSTS: SteerableCosts = {
  dense: 1.2,
  denseCopy: 0,
  denseOutput: 0,
  projection: 2,
  fold: 0,
  contraction: 6,
  plane: 60,
  output: 0,
  basisChange: 2,
  pass: 60,
  thinProduct: 2,
  fullRows: 32,
};

/** The three methods of a backend. */
export interface SteerableOperations {
  /** `output` from `input` and `weight`. */
  steerableConvolution(call: SteerableConvolutionCall): void;
  /** `input` (its gradient) from `output` (its gradient) and `weight`. */
  steerableConvolutionInputGradient(call: SteerableConvolutionCall): void;
  /** `weight` (its gradient) from `input` and `output` (its gradient). */
  steerableConvolutionWeightGradient(call: SteerableConvolutionCall): void;
}

/** What the operations need. */
export interface SteerableParts {
  /** The device. */
  readonly context: CudaContext;
  /** Products. */
  readonly matmul: (call: MatmulCall) => void;
  /** Elementwise computations. */
  readonly map: (call: MapCall) => void;
  /** Reductions. */
  readonly mapReduce: (call: MapReduceCall) => void;
  /** Copies bytes to a device address. */
  readonly upload: (target: number, bytes: Uint8Array) => void;
  /** Bytes of planes at a time. Default 256 MiB. */
  readonly chunkBytes?: number;
}

/** Makes the operations. */
export function createSteerable(parts: SteerableParts): SteerableOperations {
  const store = new TableStore(parts.context, parts.upload);
  const kernels = new SteerableKernels(parts.context);
  const start = (call: SteerableConvolutionCall): Run => {
    const dtype = call.input.dtype as FloatDType;
    return new Run(parts, kernels, call, dtype, store.of(call.plan, dtype));
  };
  return {
    steerableConvolution: (call) => start(call).forward(),
    steerableConvolutionInputGradient: (call) => start(call).inputGradient(),
    steerableConvolutionWeightGradient: (call) => start(call).weightGradient(),
  };
}

/** Some samples. */
interface Chunk {
  readonly first: number;
  readonly samples: number;
}

/** One call. */
class Run {
  readonly #parts: SteerableParts;
  readonly #kernels: SteerableKernels;
  readonly #call: SteerableConvolutionCall;
  readonly #dtype: FloatDType;
  readonly #bytes: number;
  readonly #tables: SteerableTables;
  readonly #base: number;
  readonly #pixels: number;
  readonly #inputPixels: number;
  readonly #numbers: readonly number[];

  constructor(
    parts: SteerableParts,
    kernels: SteerableKernels,
    call: SteerableConvolutionCall,
    dtype: FloatDType,
    { tables, buffer }: PlacedTables,
  ) {
    this.#parts = parts;
    this.#kernels = kernels;
    this.#call = call;
    this.#dtype = dtype;
    this.#bytes = BYTES_PER_ELEMENT[dtype];
    this.#tables = tables;
    this.#base = buffer.pointer;
    this.#pixels = call.geometry.outputSize.reduce((a, b) => a * b, 1);
    this.#inputPixels = call.geometry.inputSize.reduce((a, b) => a * b, 1);
    this.#numbers = problemNumbers(call, tables.planes);
  }

  /** Elements of planes of a sample. */
  get #planeElements(): number {
    return this.#call.geometry.groups * this.#tables.planes * this.#pixels;
  }

  /** Elements of functions' values of a sample. */
  get #functionElements(): number {
    const { geometry, plan } = this.#call;
    return geometry.groups * plan.inChannels * plan.functionCount * this.#pixels;
  }

  /** The samples in chunks for which so many elements each fit. */
  #chunks(elements: number): Chunk[] {
    const { batch } = this.#call.geometry;
    const most = (this.#parts.chunkBytes ?? CHUNK_BYTES) / (elements * this.#bytes);
    // Positions of all threads are counted in 31 bits.
    const counted = 2 ** 30 / (this.#call.geometry.groups * Math.max(this.#pixels, this.#inputPixels));
    const samples = Math.max(1, Math.min(batch, Math.floor(Math.min(most, counted))));
    const chunks: Chunk[] = [];
    for (let first = 0; first < batch; first += samples) {
      chunks.push({ first, samples: Math.min(samples, batch - first) });
    }
    return chunks;
  }

  #inputPointer(sample: number): number {
    const { geometry, plan, input } = this.#call;
    return pointerOf(input) + sample * geometry.groups * plan.inChannels * this.#inputPixels * this.#bytes;
  }

  /** Planes of the samples of a chunk, [sample, group, plane, pixel]. */
  #makePlanes({ first, samples }: Chunk, target: number): void {
    const { context } = this.#parts, { geometry, plan } = this.#call;
    const positions = samples * geometry.groups * this.#pixels;
    for (const { size, copies, channels, forward } of this.#tables.inputs) {
      if (forward.rows === 0) continue;
      const { maxOptInSharedBytesPerBlock } = context.device;
      const block = planesBlock(size, plan.functionCount, this.#bytes, maxOptInSharedBytesPerBlock);
      const { threads, each, sharedBytes } = block;
      const kernel = this.#kernels.of(
        "planes_kernel",
        `${this.#dtype}|${plan.functionCount}|${each}`,
        () => planesSource(this.#dtype, plan.functionCount, each),
      );
      this.#kernels.allow(kernel, sharedBytes, tapBytes(plan.functionCount, this.#bytes));
      const args = context.arguments();
      pushNumbers(args, steerableNumbers({ positions, size, rows: forward.rows }, this.#numbers), false);
      args.pointer(target).pointer(this.#inputPointer(first)).pointer(this.#base + channels);
      args.pointer(this.#base + forward.starts).pointer(this.#base + forward.sources);
      args.pointer(this.#base + forward.coefficients).pointer(this.#base + this.#tables.functions);
      context.launch(kernel, [Math.ceil(positions / (threads * each)), copies, 1], [threads, 1, 1], sharedBytes, args);
    }
  }

  /** What planes send back to the functions' values, [sample, group, channel, function, pixel]. */
  #makeFunctions({ samples }: Chunk, target: number, planes: number): void {
    const { context } = this.#parts, { geometry, plan } = this.#call;
    const positions = samples * geometry.groups * this.#pixels;
    const { isPartition } = this.#tables;
    if (!isPartition) {
      context.driver.fill(target, 0, samples * this.#functionElements * this.#bytes, context.stream);
    }
    const kernel = this.#kernels.of(
      "functions_kernel",
      `${this.#dtype}|${plan.functionCount}`,
      () => functionsSource(this.#dtype, plan.functionCount, FUNCTION_POSITIONS),
    );
    for (const { copies, channels, back, overlaps } of this.#tables.inputs) {
      // Copies that share channels add to one place: one after another.
      const each = overlaps ? 1 : copies;
      for (let copy = 0; copy < copies; copy += each) {
        const numbers = steerableNumbers(
          { positions, rows: back.rows, firstCopy: copy, add: isPartition ? 0 : 1 },
          this.#numbers,
        );
        const args = context.arguments();
        pushNumbers(args, numbers, false);
        args.pointer(target).pointer(planes).pointer(this.#base + channels);
        args.pointer(this.#base + back.starts).pointer(this.#base + back.sources).pointer(this.#base + back.steps);
        args.pointer(this.#base + back.coefficients);
        const blocks = Math.ceil(positions / (THREADS * FUNCTION_POSITIONS));
        context.launch(kernel, [blocks, each, 1], [THREADS, 1, 1], 0, args);
      }
    }
  }

  /** Channels of the input from the functions' values. */
  #makeChannels({ first, samples }: Chunk, values: number): void {
    const { context } = this.#parts, { geometry, plan } = this.#call;
    const { functionCount, inChannels } = plan;
    const unit = geometry.stride.every((step) => step === 1);
    const [inputDepth, inputHeight, inputWidth] = threeAxes(geometry.inputSize, 1);
    const [, kernelHeight, kernelWidth] = threeAxes(geometry.kernelSize, 1);
    const [, dilationHeight] = threeAxes(geometry.dilation, 1);
    const sharedBytes = kernelHeight * kernelWidth * functionCount * this.#bytes;
    const byRows = unit && dilationHeight === 1 && kernelHeight > 1 && sharedBytes <= SHARED_BYTES;
    const maps = samples * geometry.groups;
    const positions = maps *
      (byRows ? inputDepth * Math.ceil(inputHeight / CHANNEL_ROWS) * inputWidth : this.#inputPixels);
    const kernel = byRows
      ? this.#kernels.of(
        "channel_rows_kernel",
        `${this.#dtype}|${functionCount}|${kernelHeight}`,
        () => channelRowsSource(this.#dtype, functionCount, kernelHeight),
      )
      : this.#kernels.of(
        "channels_kernel",
        `${this.#dtype}|${functionCount}|${unit}`,
        () => channelsSource(this.#dtype, functionCount, unit),
      );
    const args = context.arguments();
    pushNumbers(args, steerableNumbers({ positions }, this.#numbers), false);
    args.pointer(this.#inputPointer(first)).pointer(values).pointer(this.#base + this.#tables.functions);
    const grid = [Math.ceil(positions / THREADS), inChannels, 1] as const;
    context.launch(kernel, grid, [THREADS, 1, 1], byRows ? sharedBytes : 0, args);
  }

  /** A batch of matrices, one for each sample of a chunk, in memory from an address on. */
  #matrices(
    pointer: number,
    shape: readonly [number, number, number],
    strides: readonly [number, number, number],
  ): View {
    return { ...scratchView(pointer, this.#dtype, shape), strides };
  }

  /** The rows of a run in the output, [sample, row, component · pixel]. */
  #outputRows({ first, samples }: Chunk, group: number, { channel, channelStep, count }: RowRun, size: number): View {
    const { geometry, plan, output } = this.#call;
    const channels = geometry.groups * plan.outChannels;
    const at = (first * channels + group * plan.outChannels + channel) * this.#pixels;
    return this.#matrices(
      pointerOf(output) + at * this.#bytes,
      [samples, count, size * this.#pixels],
      [channels * this.#pixels, channelStep * this.#pixels, 1],
    );
  }

  /** The planes of an output, [sample, column, component · pixel]. */
  #planeRows(samples: number, planes: number, group: number, output: number): View {
    const { columns, outputs } = this.#call.plan, { size } = outputs[output];
    const at = (group * this.#tables.planes + this.#tables.planeStarts[output]) * this.#pixels;
    return this.#matrices(
      planes + at * this.#bytes,
      [samples, columns[output], size * this.#pixels],
      [this.#planeElements, size * this.#pixels, 1],
    );
  }

  /** The weights of a run, [sample, row, column]; `sampleStep` elements from one sample's to the next. */
  #weightRows(pointer: number, samples: number, sampleStep: number, group: number, output: number, run: RowRun): View {
    const { plan } = this.#call, columns = plan.columns[output];
    const at = group * plan.weightCount + plan.offsets[output] + run.row * columns;
    return this.#matrices(
      pointer + at * this.#bytes,
      [samples, run.count, columns],
      [sampleStep, run.rowStep * columns, 1],
    );
  }

  /** Visits the runs of rows of all outputs of all groups. */
  #eachRun(visit: (group: number, output: number, run: RowRun, size: number, isFirst: boolean) => void): void {
    const { geometry, plan } = this.#call;
    for (let group = 0; group < geometry.groups; group++) {
      plan.outputs.forEach(({ size }, output) => {
        this.#tables.runs[output].forEach((run, i) => visit(group, output, run, size, i === 0));
      });
    }
  }

  /** `output` from `input` and `weight`. */
  forward(): void {
    const { context, matmul } = this.#parts, { geometry, plan, output, weight } = this.#call;
    if (this.#tables.hasEmptyOutputs) {
      const elements = geometry.batch * geometry.groups * plan.outChannels * this.#pixels;
      context.driver.fill(pointerOf(output), 0, elements * this.#bytes, context.stream);
    }
    for (const chunk of this.#chunks(this.#planeElements)) {
      const { samples } = chunk;
      const planes = context.scratch(samples * this.#planeElements * this.#bytes, SCRATCH.planes);
      this.#makePlanes(chunk, planes);
      this.#eachRun((group, o, run, size) => {
        matmul({
          a: this.#weightRows(pointerOf(weight), samples, 0, group, o, run),
          b: this.#planeRows(samples, planes, group, o),
          output: this.#outputRows(chunk, group, run, size),
          alpha: 1,
          beta: 0,
        });
      });
    }
  }

  /** `input` from `output` and `weight`. */
  inputGradient(): void {
    const { context, matmul } = this.#parts, { plan, weight } = this.#call;
    const isComplete = this.#tables.runs.every((runs) => runs.length > 0);
    for (const chunk of this.#chunks(Math.max(this.#planeElements, this.#functionElements))) {
      const { samples } = chunk;
      const bytes = samples * this.#planeElements * this.#bytes;
      const planes = context.scratch(bytes, SCRATCH.planes);
      if (!isComplete) context.driver.fill(planes, 0, bytes, context.stream);
      this.#eachRun((group, o, run, size, isFirst) => {
        const rows = this.#weightRows(pointerOf(weight), samples, 0, group, o, run);
        const { shape: [, count, columns], strides: [, rowStride] } = rows;
        if (plan.columns[o] === 0) return;
        matmul({
          a: { ...rows, shape: [samples, columns, count], strides: [0, 1, rowStride] },
          b: this.#outputRows(chunk, group, run, size),
          output: this.#planeRows(samples, planes, group, o),
          alpha: 1,
          beta: isFirst ? 0 : 1,
        });
      });
      const values = context.scratch(samples * this.#functionElements * this.#bytes, SCRATCH.functions);
      this.#makeFunctions(chunk, values, planes);
      this.#makeChannels(chunk, values);
    }
  }

  /** `weight` from `input` and `output`: a product for each sample, then their sum. */
  weightGradient(): void {
    const { context, matmul, map, mapReduce } = this.#parts, { geometry, plan, weight } = this.#call;
    const count = geometry.groups * plan.weightCount;
    if (count === 0) return;
    for (const chunk of this.#chunks(Math.max(this.#planeElements, count))) {
      const { first, samples } = chunk;
      const planes = context.scratch(samples * this.#planeElements * this.#bytes, SCRATCH.planes);
      this.#makePlanes(chunk, planes);
      // The last row takes the sum where it has to be added to what is there.
      const products = context.scratch((samples + 1) * count * this.#bytes, SCRATCH.products);
      this.#eachRun((group, o, run, size) => {
        const columns = this.#planeRows(samples, planes, group, o);
        if (plan.columns[o] === 0) return;
        const { shape: [, n, k], strides: [step, row] } = columns;
        matmul({
          a: this.#outputRows(chunk, group, run, size),
          b: { ...columns, shape: [samples, k, n], strides: [step, 1, row] },
          output: this.#weightRows(products, samples, count, group, o, run),
          alpha: 1,
          beta: 0,
        });
      });
      const dtype = this.#dtype;
      const sum = scratchView(first === 0 ? pointerOf(weight) : products + samples * count * this.#bytes, dtype, [
        1,
        count,
      ]);
      mapReduce({
        expressions: [input(0, dtype)],
        reductions: ["sum"],
        shape: [samples, count],
        axes: [0],
        inputs: [scratchView(products, dtype, [samples, count])],
        scalars: [],
        outputs: [sum],
      });
      if (first === 0) continue;
      const total = scratchView(pointerOf(weight), dtype, [1, count]);
      map({
        expressions: [add(input(0, dtype), input(1, dtype))],
        shape: [1, count],
        inputs: [total, sum],
        scalars: [],
        outputs: [total],
      });
    }
  }
}
