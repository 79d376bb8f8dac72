/**
 * Separable filters in the cpu backend: each plane goes through the cache once, its rows combined by the vertical taps, then by the
 * horizontal ones. Planes are divided among the threads.
 */

import { BYTES_PER_ELEMENT, type FloatDType } from "../../../src/tensor/dtype.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import type { SeparableFilterCall } from "../../../src/tensor/separable_filter.ts";
import type { CpuContext, Kernel } from "../context.ts";
import { stepsFor } from "../gemm/steps.ts";
import { viewPointer } from "../kernel_frame.ts";
import {
  adjointTaps,
  buildSeparableModule,
  leastShift,
  PARAMETER_WORDS,
  phasesOf,
  type RowFilter,
  WORD,
} from "./module.ts";

/** Scratch slots. */
const SLOT = { tables: 8, threads: 10 } as const;

/** Tasks for each thread. */
const TASKS_PER_THREAD = 8;

/** The methods of a backend. */
export interface SeparableOperations {
  /** `output` from `input`. */
  separableFilter(call: SeparableFilterCall): void;
  /** `input` from `output`. */
  separableFilterAdjoint(call: SeparableFilterCall): void;
}

/** The operations of a context; a kernel is compiled for each profile when it is first met. */
export function createSeparable(context: CpuContext): SeparableOperations {
  const kernels = new Map<string, Kernel>();
  const kernelOf = (dtype: FloatDType, filter: RowFilter): Kernel => {
    const key = `${dtype} ${Object.values(filter)}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      const { executor, features, heap, store } = context;
      const build = () => buildSeparableModule(dtype, features.relaxedSimd, heap.shared, filter);
      [kernel] = executor.register(store.module(`separable ${key}`, [], build), ["filter"]);
      kernels.set(key, kernel);
    }
    return kernel;
  };
  return {
    separableFilter: (call) => run(context, kernelOf, call, false),
    separableFilterAdjoint: (call) => run(context, kernelOf, call, true),
  };
}

/** A slice or row of the source that a slice or row of the target takes, and its weight. */
interface Entry {
  readonly position: number;
  readonly weight: number;
}

/** For each position of the target the positions of the source that it takes, equally many: none is −1. */
export function tapTable(
  profile: Float64Array,
  { step, padding, inputs, outputs, adjoint }: {
    readonly step: number;
    readonly padding: number;
    readonly inputs: number;
    readonly outputs: number;
    readonly adjoint: boolean;
  },
): Entry[][] {
  const none: Entry = { position: -1, weight: 0 };
  if (!adjoint) {
    return Array.from({ length: outputs }, (_, output) =>
      Array.from(profile, (weight, tap) => {
        const position = output * step + tap - padding;
        return position >= 0 && position < inputs ? { position, weight } : none;
      }));
  }
  const most = Math.ceil(profile.length / step);
  return Array.from({ length: inputs }, (_, input) =>
    Array.from({ length: most }, (_, i) => {
      const tap = (input + padding) % step + i * step, position = (input + padding - tap) / step;
      return tap < profile.length && position >= 0 && position < outputs ? { position, weight: profile[tap] } : none;
    }));
}

/** A table as words: entries with byte distances. */
function tableWords(table: readonly (readonly Entry[])[], bytes: number, dtype: FloatDType): number[] {
  return table.flatMap((entries) =>
    entries.flatMap(({ position, weight }) => {
      const words = dtype === "float32"
        ? [...new Int32Array(Float32Array.of(weight, 0).buffer)]
        : [...new Int32Array(Float64Array.of(weight).buffer)];
      return [position < 0 ? -1 : position * bytes, 0, ...words];
    })
  );
}

/** Three entries, `fill` in front. */
function threeAxes<T>(list: readonly T[], fill: T): [T, T, T] {
  const padded = [...new Array<T>(3 - list.length).fill(fill), ...list];
  return [padded[0], padded[1], padded[2]];
}

function run(
  context: CpuContext,
  kernelOf: (dtype: FloatDType, filter: RowFilter) => Kernel,
  { geometry, profiles, input, output }: SeparableFilterCall,
  adjoint: boolean,
): void {
  const dtype: FloatDType = input.dtype === "float64" ? "float64" : "float32", bytes = BYTES_PER_ELEMENT[dtype];
  const inputs = threeAxes(geometry.inputSize, 1), outputs = threeAxes(geometry.outputSize, 1);
  const stride = threeAxes(geometry.stride, 1), padding = threeAxes(geometry.padBefore, 0);
  const taps = threeAxes(profiles, Float64Array.of(1));
  const planes = geometry.batch * geometry.inChannels;
  const [from, to] = adjoint ? [output, input] : [input, output];
  const [sources, targets] = adjoint ? [outputs, inputs] : [inputs, outputs];
  if (planes * elementCount(targets) === 0) return;
  const table = (axis: number) =>
    tapTable(taps[axis], {
      step: stride[axis],
      padding: padding[axis],
      inputs: inputs[axis],
      outputs: outputs[axis],
      adjoint,
    });
  const rowTable = table(1), sliceTable = table(0);
  const flat = sources[0] === 1 && targets[0] === 1 && sliceTable[0].length === 1 && sliceTable[0][0].weight === 1;
  const filter: RowFilter = {
    profile: [...taps[2]],
    step: stride[2],
    padding: padding[2],
    rowTaps: rowTable[0].length,
    sliceTaps: flat ? 0 : sliceTable[0].length,
    adjoint,
  };
  const kernel = kernelOf(dtype, filter), layout = scratchLayout(filter, sources, targets[2], bytes);
  const rowWords = tableWords(rowTable, sources[2] * bytes, dtype);
  const sliceWords = flat ? [] : tableWords(sliceTable, sources[1] * sources[2] * bytes, dtype);
  const words = new Int32Array(PARAMETER_WORDS + rowWords.length + sliceWords.length);
  const at = context.scratch(words.byteLength, SLOT.tables);
  const values: { readonly [name in keyof typeof WORD]: number } = {
    source: viewPointer(from),
    target: viewPointer(to),
    sourcePlane: elementCount(sources) * bytes,
    targetPlane: elementCount(targets) * bytes,
    slices: targets[0],
    rows: targets[1],
    sourceWidth: sources[2],
    targetWidth: targets[2],
    targetRow: targets[2] * bytes,
    rowTable: at + 4 * PARAMETER_WORDS,
    sliceTable: at + 4 * (PARAMETER_WORDS + rowWords.length),
    ...layout.places,
  };
  for (const name of Object.keys(WORD) as (keyof typeof WORD)[]) words[WORD[name]] = values[name];
  words.set(rowWords, PARAMETER_WORDS);
  words.set(sliceWords, PARAMETER_WORDS + rowWords.length);
  context.heap.i32().set(words, at / 4);
  const perPlane = elementCount(sources) * filter.sliceTaps +
    targets[0] * targets[1] * (sources[2] * filter.rowTaps + targets[2] * filter.profile.length);
  const steps = stepsFor(context, planes * perPlane);
  const threads = context.executor.threads, scratch = context.scratch(threads * layout.bytes, SLOT.threads);
  const length = Math.ceil(planes / (threads * TASKS_PER_THREAD));
  for (let begin = 0; begin < planes; begin += length) {
    steps.beginTask();
    steps.pushPerThread(kernel, 1 << 3, layout.bytes, at, begin, Math.min(planes, begin + length), scratch);
  }
  steps.flush();
}

type ScratchPlace = "bufferStep" | "even" | "odd" | "evenEnd" | "oddEnd" | "read" | "slice" | "sourceSlice" | "clear";

/** Where a thread keeps a row of zeros, the buffers of a combined row with zeros around it, and a combined slice. */
function scratchLayout(
  filter: RowFilter,
  [, sourceHeight, sourceWidth]: readonly [number, number, number],
  targetWidth: number,
  bytes: number,
): { readonly places: { readonly [name in ScratchPlace]: number }; readonly bytes: number } {
  const { profile, step, padding, adjoint, sliceTaps } = filter, phases = phasesOf(filter), lanes = 16 / bytes;
  const whole = (size: number): number => Math.ceil(size / 64) * 64;
  // Vectors reach beyond the end of a row.
  const row = whole((sourceWidth + 2 * lanes * phases) * bytes);
  const least = adjoint ? leastShift(adjointTaps(filter)) : 0;
  const before = adjoint ? -least : padding;
  const blocks = Math.ceil(targetWidth / (lanes * step)) * lanes;
  const reach = adjoint
    ? before + Math.max(sourceWidth, blocks + profile.length + padding) + 3 * lanes
    : padding + Math.max(sourceWidth, (targetWidth + lanes) * step + profile.length) + 4 * lanes;
  const buffer = whole(Math.ceil(reach / phases) * bytes + 64);
  // Column c lies at c + before, of two buffers in the one of its parity.
  const place = (column: number): number => {
    const position = column + before;
    return row + (position % phases) * buffer + Math.floor(position / phases) * bytes;
  };
  const clear = row + phases * buffer, sourceSlice = Math.ceil(sourceHeight * sourceWidth * bytes / 16) * 16;
  return {
    places: {
      bufferStep: buffer,
      even: place(0),
      odd: place(1),
      evenEnd: place(sourceWidth),
      oddEnd: place(sourceWidth + 1),
      read: adjoint ? row + (before + least) * bytes : row,
      slice: clear,
      sourceSlice,
      clear,
    },
    bytes: clear + (sliceTaps === 0 ? 0 : whole(sourceSlice + 64)),
  };
}
