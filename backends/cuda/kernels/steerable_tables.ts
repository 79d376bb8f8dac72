/**
 * What the kernels of convolution by a plan read besides tensors: for each kind of input the channels of its copies and its coefficients as
 * sparse sums, forward (planes from functions) and back (functions from planes), and the functions by taps. One block of words for a plan,
 * kept on the device.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { SteerablePlan } from "../../../src/tensor/steerable_plan.ts";

/** Sparse sums of a kind of input; offsets in bytes from the start of the tables. */
export interface SumTable {
  /** How many sums. */
  readonly rows: number;
  /** Where the terms of each sum begin, and (forward) the plane of the first copy and what each copy adds to it. */
  readonly starts: number;
  /** What each term multiplies. Forward: channel · functions + function. Back: the plane for the first copy. */
  readonly sources: number;
  /** Back: what each copy adds to the source. */
  readonly steps: number;
  /** The factors. */
  readonly coefficients: number;
}

/** Tables of one kind of input. */
export interface InputTables {
  /** Channels of a copy. */
  readonly size: number;
  /** Copies. */
  readonly copies: number;
  /** First channels of the copies. */
  readonly channels: number;
  /** Whether copies share channels. */
  readonly overlaps: boolean;
  /** Planes from functions. */
  readonly forward: SumTable;
  /** Functions from planes. */
  readonly back: SumTable;
}

/** Rows of an output's matrix whose channels are equally far apart. */
export interface RowRun {
  /** The first row. */
  readonly row: number;
  /** From one row to the next. */
  readonly rowStep: number;
  /** The channel of the first row. */
  readonly channel: number;
  /** Channels from one row to the next. */
  readonly channelStep: number;
  /** Rows. */
  readonly count: number;
}

/** All tables of a plan. */
export interface SteerableTables {
  /** The words. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The functions, [tap, function]. */
  readonly functions: number;
  /** Kinds of input that make planes. */
  readonly inputs: readonly InputTables[];
  /** Planes of a group. */
  readonly planes: number;
  /** The first plane of each output: its planes are [column, component]. */
  readonly planeStarts: readonly number[];
  /** Rows of each output. */
  readonly runs: readonly (readonly RowRun[])[];
  /** Whether there are output channels that no matrix makes. */
  readonly hasEmptyOutputs: boolean;
  /** Whether every input channel belongs to exactly one copy. */
  readonly isPartition: boolean;
}

/** Runs of rows with few pieces: rows of one residue at a time. */
export function rowRuns(channels: Int32Array): RowRun[] {
  let best: RowRun[] | undefined;
  for (let rowStep = 1; rowStep <= Math.min(8, channels.length); rowStep++) {
    const runs: RowRun[] = [];
    for (let residue = 0; residue < rowStep; residue++) {
      for (let row = residue; row < channels.length;) {
        const channelStep = row + rowStep < channels.length ? channels[row + rowStep] - channels[row] : 0;
        let count = 1;
        while (
          channelStep > 0 && row + count * rowStep < channels.length &&
          channels[row + count * rowStep] - channels[row + (count - 1) * rowStep] === channelStep
        ) count++;
        runs.push({ row, rowStep, channel: channels[row], channelStep: count > 1 ? channelStep : 1, count });
        row += count * rowStep;
      }
    }
    if (best === undefined || runs.length < best.length) best = runs;
  }
  return best ?? [];
}

/** Collects tables, each at a multiple of 16 bytes. */
class Words {
  readonly #parts: { at: number; bytes: Uint8Array }[] = [];
  #size = 0;
  readonly #dtype: FloatDType;

  constructor(dtype: FloatDType) {
    this.#dtype = dtype;
  }

  ints(values: readonly number[] | Int32Array): number {
    return this.#add(new Uint8Array(Int32Array.from(values).buffer));
  }

  floats(values: readonly number[] | Float64Array): number {
    const list = this.#dtype === "float32" ? Float32Array.from(values) : Float64Array.from(values);
    return this.#add(new Uint8Array(list.buffer));
  }

  #add(bytes: Uint8Array): number {
    const at = this.#size;
    this.#parts.push({ at, bytes });
    this.#size += Math.ceil(bytes.length / 16) * 16;
    return at;
  }

  get bytes(): Uint8Array<ArrayBuffer> {
    const all = new Uint8Array(this.#size);
    for (const { at, bytes } of this.#parts) all.set(bytes, at);
    return all;
  }
}

interface Term {
  readonly source: number;
  readonly step: number;
  readonly factor: number;
}

function sumTable(words: Words, sums: readonly (readonly Term[])[], extra: readonly number[]): SumTable {
  const starts = [0];
  for (const terms of sums) starts.push(starts[starts.length - 1] + terms.length);
  const terms = sums.flat();
  return {
    rows: sums.length,
    starts: words.ints([...starts, ...extra]),
    sources: words.ints(terms.map(({ source }) => source)),
    steps: words.ints(terms.map(({ step }) => step)),
    coefficients: words.floats(terms.map(({ factor }) => factor)),
  };
}

/** The tables of a plan in one precision. */
export function steerableTables(plan: SteerablePlan, dtype: FloatDType): SteerableTables {
  const { functions, functionCount: F, kernelSize, inputs, outputs, columns, inChannels, outChannels } = plan;
  const words = new Words(dtype);
  const taps = kernelSize.reduce((count, size) => count * size, 1);
  const byTaps = Float64Array.from(functions, (_, i) => functions[(i % F) * taps + Math.floor(i / F)]);
  const planeStarts: number[] = [];
  let planes = 0;
  outputs.forEach(({ size }, o) => {
    planeStarts.push(planes);
    planes += columns[o] * size;
  });
  const column = outputs.map(() => 0);
  const uses = new Int32Array(inChannels);
  const tables = inputs.map(({ size, channels, parts }): InputTables => {
    const forward: Term[][] = [], bases: number[] = [], steps: number[] = [];
    const back = Array.from({ length: size * F }, (): Term[] => []);
    for (const { output, paths, coefficients } of parts) {
      const rows = paths * outputs[output].size;
      const base = planeStarts[output] + column[output] * outputs[output].size;
      column[output] += channels.length * paths;
      for (let row = 0; row < rows; row++) {
        const terms: Term[] = [];
        for (let source = 0; source < size * F; source++) {
          const factor = coefficients[row * size * F + source];
          if (factor === 0) continue;
          terms.push({ source, step: 0, factor });
          back[source].push({ source: base + row, step: rows, factor });
        }
        forward.push(terms);
        bases.push(base + row);
        steps.push(rows);
      }
    }
    for (const first of channels) for (let j = 0; j < size; j++) uses[first + j]++;
    const sorted = channels.toSorted();
    return {
      size,
      copies: channels.length,
      channels: words.ints(channels),
      overlaps: sorted.some((first, i) => i > 0 && first - sorted[i - 1] < size),
      forward: sumTable(words, forward, [...bases, ...steps]),
      back: sumTable(words, back, []),
    };
  });
  const made = new Uint8Array(outChannels);
  for (const { size, channels } of outputs) for (const first of channels) made.fill(1, first, first + size);
  return {
    functions: words.floats(byTaps),
    inputs: tables.filter(({ copies, size }) => copies > 0 && size > 0),
    planes,
    planeStarts,
    runs: outputs.map(({ channels }) => rowRuns(channels)),
    hasEmptyOutputs: made.includes(0),
    isPartition: uses.every((count) => count === 1),
    bytes: words.bytes,
  };
}
