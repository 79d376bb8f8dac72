/**
 * Convolution by a plan in the cpu backend: for each sample and tile the planes of a chunk of units are built in a thread's
 * own memory (projection and contraction in WebAssembly) and multiplied by the weights at once, so that planes never leave
 * the cache. The gradients build them again instead of keeping them.
 */

import type { SteerableConvolutionCall, View } from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../../src/tensor/dtype.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import { type SteerablePlan, steerableWork } from "../../../src/tensor/steerable_plan.ts";
import type { CpuContext, HeapBuffer, Kernel } from "../context.ts";
import { Gemm, PER_THREAD, type Product } from "../gemm/gemm.ts";
import { RearrangeKernels } from "../gemm/rearrange_kernels.ts";
import { type Steps, stepsFor } from "../gemm/steps.ts";
import {
  type ChannelRun,
  type Chunk,
  type RowRun,
  type SteerableLayout,
  steerableLayout,
  threeAxes,
  type Tile,
} from "./layout.ts";
import type { SteerableMapCall } from "../../../src/tensor/steerable_map.ts";
import type { MapOperation } from "../map.ts";
import { Epilogue, resultTiles } from "./epilogue.ts";
import { buildSteerableModule } from "./module.ts";

/** Scratch slots. */
const SLOT = { tables: 8, threads: 10, partials: 11, sum: 12 } as const;

/** Tasks that the weight gradient should have. */
const TASKS = 8;

/** Elements that a thread sums at least. */
const SUM_GRAIN = 16_384;

/** Layouts of a plan that are kept. */
const KEPT_LAYOUTS = 16;

/** The methods of a backend. */
export interface SteerableOperations {
  /** `output` from `input` and `weight`. */
  steerableConvolution(call: SteerableConvolutionCall): void;
  /** The same with an elementwise computation of what would be its `output`. */
  steerableConvolutionMap(call: SteerableMapCall): void;
  /** `input` (its gradient) from `output` (its gradient) and `weight`. */
  steerableConvolutionInputGradient(call: SteerableConvolutionCall): void;
  /** `weight` (its gradient) from `input` and `output` (its gradient). */
  steerableConvolutionWeightGradient(call: SteerableConvolutionCall): void;
}

/** Kernels of one direction; `planes` are `planesBack` in the other. */
interface KernelSet {
  readonly planes: Kernel;
  readonly clear: Kernel;
}

function pointerOf(view: View): number {
  return (view.buffer as HeapBuffer).pointer + view.offset * BYTES_PER_ELEMENT[view.dtype];
}

/** The operations of a context; kernels are compiled when a set of functions is first met. */
export function createSteerable(context: CpuContext, gemm: Gemm, map: MapOperation): SteerableOperations {
  const kernels = new SteerableKernels(context, gemm);
  return {
    steerableConvolution: (call) => new Run(kernels, call, "output").forward(),
    steerableConvolutionMap: (call) =>
      new Run(kernels, { ...call, output: call.result }, "output").forwardMap(call, map),
    steerableConvolutionInputGradient: (call) => new Run(kernels, call, "input").inputGradient(),
    steerableConvolutionWeightGradient: (call) => new Run(kernels, call, "weight").weightGradient(),
  };
}

/** What calls share. */
class SteerableKernels {
  readonly context: CpuContext;
  readonly gemm: Gemm;
  readonly rearrange: RearrangeKernels;
  readonly #sets = new Map<string, KernelSet>();
  readonly #layouts = new WeakMap<SteerablePlan, Map<string, SteerableLayout>>();

  constructor(context: CpuContext, gemm: Gemm) {
    this.context = context;
    this.gemm = gemm;
    this.rearrange = new RearrangeKernels(context);
  }

  /** The kernels for the functions of a call, of planes (or `back`, of their gradients). */
  set({ plan, geometry }: SteerableConvolutionCall, dtype: FloatDType, back: boolean): KernelSet {
    const size = threeAxes(geometry.kernelSize, 1), dilation = threeAxes(geometry.dilation, 1);
    const step = geometry.stride[geometry.stride.length - 1];
    const key = `${back} ${dtype} ${size} ${dilation} ${step} ${plan.functions.join()}`;
    let set = this.#sets.get(key);
    if (set === undefined) {
      const { executor, features, heap, store } = this.context;
      const grid = { functions: plan.functions, count: plan.functionCount, size, dilation, step };
      const build = () => buildSteerableModule(dtype, features.relaxedSimd, heap.shared, grid, back);
      const binary = store.module(`steerable ${key}`, [], build);
      const [planes, clear] = executor.register(binary, [back ? "planesBack" : "planes", "clear"]);
      this.#sets.set(key, set = { planes, clear });
    }
    return set;
  }

  /** The division of a call's work. */
  layout({ plan, geometry }: SteerableConvolutionCall, dtype: FloatDType, ofWeights: boolean): SteerableLayout {
    let known = this.#layouts.get(plan);
    if (known === undefined) this.#layouts.set(plan, known = new Map());
    const { inputSize, outputSize, stride, dilation, padBefore } = geometry;
    const key = [dtype, inputSize, outputSize, stride, dilation, padBefore, ofWeights].join(" ");
    let layout = known.get(key);
    if (layout === undefined) {
      if (known.size >= KEPT_LAYOUTS) known.clear();
      known.set(key, layout = steerableLayout(plan, geometry, dtype, Gemm.workspaceBytes, ofWeights));
    }
    return layout;
  }
}

/** One call. */
class Run {
  readonly #kernels: SteerableKernels;
  readonly #call: SteerableConvolutionCall;
  readonly #dtype: FloatDType;
  readonly #bytes: number;
  readonly #set: KernelSet;
  readonly #layout: SteerableLayout;
  readonly #steps: Steps;
  readonly #work: number;
  #tables = 0;
  #base = 0;
  /** Bytes from one thread's memory to the next one's. */
  #threadBytes = 0;

  constructor(kernels: SteerableKernels, call: SteerableConvolutionCall, result: "output" | "input" | "weight") {
    this.#kernels = kernels;
    this.#call = call;
    this.#dtype = call.input.dtype === "float64" ? "float64" : "float32";
    this.#bytes = BYTES_PER_ELEMENT[this.#dtype];
    this.#set = kernels.set(call, this.#dtype, result === "input");
    this.#layout = kernels.layout(call, this.#dtype, result === "weight");
    const { projection, contraction, product } = steerableWork(call.plan, call.geometry);
    this.#work = projection + contraction + product;
    this.#steps = stepsFor(kernels.context, this.#work);
  }

  /** Puts tables and threads' memory into the heap, for each thread so many bytes more than it needs. */
  #place(more = 0): void {
    const { context } = this.#kernels, { words, threadBytes } = this.#layout;
    this.#threadBytes = threadBytes + Math.ceil(more / 64) * 64;
    this.#tables = context.scratch(words.byteLength, SLOT.tables);
    this.#base = context.scratch(this.#threadBytes * context.executor.threads, SLOT.threads);
    context.heap.i32().set(words, this.#tables / 4);
  }

  #inputAt(sample: number, group: number): number {
    const { plan, geometry, input } = this.#call;
    return pointerOf(input) +
      (sample * geometry.groups + group) * plan.inChannels * this.#layout.inputPixels * this.#bytes;
  }

  #outputAt(sample: number, group: number, channel: number, pixel: number): number {
    const { plan, geometry, output } = this.#call;
    const row = (sample * geometry.groups + group) * plan.outChannels + channel;
    return pointerOf(output) + (row * this.#layout.pixels + pixel) * this.#bytes;
  }

  #weightAt(group: number, output: number, row: number, column: number): number {
    const { plan } = this.#call;
    return (group * plan.weightCount + plan.offsets[output] + row * plan.columns[output] + column) * this.#bytes;
  }

  #pushPlanes(kernel: Kernel, chunk: Chunk, tile: Tile, channels: number): void {
    const tables = this.#tables;
    this.#steps.pushPerThread(
      kernel,
      1 << 5,
      this.#threadBytes,
      tables,
      tables + tile.block,
      tables + chunk.unit,
      chunk.count,
      channels,
      this.#base,
    );
  }

  #pushProduct(product: Product, perThread: number): void {
    const { gemm } = this.#kernels;
    gemm.push(this.#steps, this.#dtype, product, this.#base, perThread, this.#threadBytes);
  }

  /** Calls `visit` for each product of a chunk's planes: a run of rows of an output, one of its components. */
  #products(
    chunk: Chunk,
    visit: (place: {
      readonly run: RowRun;
      readonly output: number;
      readonly component: number;
      readonly column: number;
      readonly columns: number;
      /** Where the planes begin, and elements from one column's to the next. */
      readonly planes: number;
      readonly planeStep: number;
      readonly first: boolean;
      readonly firstRun: boolean;
    }) => void,
  ): void {
    const { plan } = this.#call, { runs, planeStride } = this.#layout;
    for (const { output, column, columns, planes, first } of chunk.outputs) {
      const { size } = plan.outputs[output];
      for (let component = 0; component < size; component++) {
        runs[output].forEach((run, i) =>
          visit({
            run,
            output,
            component,
            column,
            columns,
            planes: this.#base + planes + component * planeStride * this.#bytes,
            planeStep: size * planeStride,
            first,
            firstRun: i === 0,
          })
        );
      }
    }
  }

  /** Zeros in output channels that no matrix makes. */
  #clearEmpty(): void {
    const { empty, pixels } = this.#layout, { batch, groups } = this.#call.geometry;
    for (let sample = 0; sample < batch; sample++) {
      for (let group = 0; group < groups; group++) {
        for (const channel of empty) {
          this.#steps.beginTask();
          this.#steps.push(this.#set.clear, this.#outputAt(sample, group, channel, 0), pixels * this.#bytes);
        }
      }
    }
  }

  /** `output` from `input` and `weight`. */
  forward(): void {
    const { geometry } = this.#call, { tiles, pixels } = this.#layout;
    this.#place();
    this.#clearEmpty();
    for (let sample = 0; sample < geometry.batch; sample++) {
      for (let group = 0; group < geometry.groups; group++) {
        for (const tile of tiles) {
          this.#steps.beginTask();
          this.#tile(sample, group, tile, this.#outputAt(sample, group, 0, tile.start), pixels, PER_THREAD.none);
        }
      }
    }
    this.#steps.flush();
  }

  /** The same into a thread's memory, tile by tile, and there the elementwise computation. */
  forwardMap(call: SteerableMapCall, map: MapOperation): void {
    const { geometry, plan } = this.#call, { tiles, empty, threadBytes } = this.#layout;
    if (elementCount(call.shape) === 0) return;
    const results = resultTiles(call, tiles), { pitch } = results, row = pitch * this.#bytes;
    this.#place(results.bytes);
    const at = this.#base + threadBytes;
    const epilogue = new Epilogue(this.#kernels.context, map, call, tiles, results, at, this.#threadBytes);
    for (let sample = 0; sample < geometry.batch; sample++) {
      tiles.forEach((tile, number) => {
        this.#steps.beginTask();
        for (let group = 0; group < geometry.groups; group++) {
          const first = at + group * plan.outChannels * row;
          for (const channel of empty) {
            this.#steps.pushPerThread(this.#set.clear, 1, this.#threadBytes, first + channel * row, row);
          }
          this.#tile(sample, group, tile, first, pitch, PER_THREAD.c);
        }
        epilogue.push(this.#steps, sample, number);
      });
    }
    this.#steps.flush();
  }

  /** All channels of a group in a tile: the first at `target`, each so many elements behind the one before. */
  #tile(sample: number, group: number, tile: Tile, target: number, step: number, perThread: number): void {
    const { plan, weight } = this.#call, input = this.#inputAt(sample, group), weights = pointerOf(weight);
    for (const chunk of this.#layout.chunks) {
      this.#pushPlanes(this.#set.planes, chunk, tile, input);
      this.#products(
        chunk,
        ({ run, output, component, column, columns, planes, planeStep, first }) =>
          this.#pushProduct({
            m: run.count,
            n: tile.pixels,
            k: columns,
            alpha: 1,
            a: weights + this.#weightAt(group, output, run.row, column),
            aRow: run.rowStep * plan.columns[output],
            aColumn: 1,
            b: planes,
            bRow: planeStep,
            bColumn: 1,
            beta: first ? 0 : 1,
            c: target + (run.channel + component) * step * this.#bytes,
            cRow: run.channelStep * step,
            cColumn: 1,
          }, PER_THREAD.b | perThread),
      );
    }
  }

  /** `input` from `output` and `weight`: a task for each sample, and where samples are few for each of its chunks. */
  inputGradient(): void {
    const { geometry } = this.#call, { chunks, unused, disjoint } = this.#layout;
    this.#place();
    const split = disjoint && geometry.batch * geometry.groups < TASKS;
    for (let sample = 0; sample < geometry.batch; sample++) {
      for (let group = 0; group < geometry.groups; group++) {
        this.#steps.beginTask();
        this.#clearInput(sample, group, unused);
        if (!split) { for (const { channels } of chunks) this.#clearInput(sample, group, channels); }
        for (const chunk of chunks) {
          if (split) {
            this.#steps.beginTask();
            this.#clearInput(sample, group, chunk.channels);
          }
          this.#chunkGradient(sample, group, chunk);
        }
      }
    }
    this.#steps.flush();
  }

  /** Zeros in channels of the input. */
  #clearInput(sample: number, group: number, runs: readonly ChannelRun[]): void {
    const bytes = this.#layout.inputPixels * this.#bytes, input = this.#inputAt(sample, group);
    for (const { first, count } of runs) this.#steps.push(this.#set.clear, input + first * bytes, count * bytes);
  }

  /** Adds what comes back through the planes of a chunk. */
  #chunkGradient(sample: number, group: number, chunk: Chunk): void {
    const { weight, plan } = this.#call, { tiles, pixels } = this.#layout;
    const weights = pointerOf(weight), input = this.#inputAt(sample, group);
    for (const tile of tiles) {
      this.#products(
        chunk,
        ({ run, output, component, column, columns, planes, planeStep, firstRun }) =>
          this.#pushProduct({
            m: columns,
            n: tile.pixels,
            k: run.count,
            alpha: 1,
            a: weights + this.#weightAt(group, output, run.row, column),
            aRow: 1,
            aColumn: run.rowStep * plan.columns[output],
            b: this.#outputAt(sample, group, run.channel + component, tile.start),
            bRow: run.channelStep * pixels,
            bColumn: 1,
            beta: firstRun ? 0 : 1,
            c: planes,
            cRow: planeStep,
            cColumn: 1,
          }, PER_THREAD.c),
      );
      this.#pushPlanes(this.#set.planes, chunk, tile, input);
    }
  }

  /** `weight` from `input` and `output`: samples in a number of parts that depends on the shape alone, added at the end. */
  weightGradient(): void {
    const { geometry, weight, plan } = this.#call, { tiles, chunks, pixels } = this.#layout;
    const { context, rearrange } = this.#kernels;
    const { batch, groups } = geometry, size = groups * plan.weightCount * this.#bytes;
    if (size === 0) return;
    const parts = Math.min(batch, Math.max(1, Math.ceil(TASKS / Math.max(1, groups * chunks.length))));
    this.#place();
    const target = pointerOf(weight);
    const sums = parts === 1 ? target : context.scratch(parts * size, SLOT.partials);
    for (let group = 0; group < groups; group++) {
      for (const chunk of chunks) {
        for (let part = 0; part < parts; part++) {
          this.#steps.beginTask();
          const begin = Math.floor((part * batch) / parts), end = Math.floor(((part + 1) * batch) / parts);
          for (let sample = begin; sample < end; sample++) {
            for (const tile of tiles) {
              this.#pushPlanes(this.#set.planes, chunk, tile, this.#inputAt(sample, group));
              this.#products(
                chunk,
                ({ run, output, component, column, columns, planes, planeStep }) =>
                  this.#pushProduct({
                    m: run.count,
                    n: columns,
                    k: tile.pixels,
                    alpha: 1,
                    a: this.#outputAt(sample, group, run.channel + component, tile.start),
                    aRow: run.channelStep * pixels,
                    aColumn: 1,
                    b: planes,
                    bRow: 1,
                    bColumn: planeStep,
                    beta: sample === begin && tile === tiles[0] && component === 0 ? 0 : 1,
                    c: sums + part * size + this.#weightAt(group, output, run.row, column),
                    cRow: run.rowStep * plan.columns[output],
                    cColumn: 1,
                  }, PER_THREAD.b),
              );
            }
          }
        }
      }
    }
    this.#steps.flush();
    if (parts === 1) return;
    const table = context.scratch(16, SLOT.sum);
    context.heap.i32().set([target, sums, parts, size], table / 4);
    context.executor.parallelRange(rearrange.of(this.#dtype).sum, table, size / this.#bytes, SUM_GRAIN, 16);
  }
}
