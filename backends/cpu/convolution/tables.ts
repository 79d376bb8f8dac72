/**
 * The tables that tell the columns kernel where to read: which input row each row of the columns comes from, which plane,
 * and how far each tap is shifted. They depend on the shape and the tiling only, so all pieces of a call share them.
 */

import type { CpuContext } from "../context.ts";
import { OUTSIDE } from "./columns.ts";
import type { Correlation, CorrelationAxis } from "./correlation.ts";
import type { Tiling } from "./plan.ts";

/** Collects int32 words; positions are known before the memory is. */
export class TableWriter {
  readonly #words: number[] = [];

  /** Appends words; returns their position in bytes. */
  add(words: readonly number[]): number {
    const position = 4 * this.#words.length;
    for (const word of words) this.#words.push(word);
    return position;
  }

  /** Writes all words to scratch memory; returns its address, to which positions are added. */
  place(context: CpuContext, slot: number): number {
    const pointer = context.scratch(4 * this.#words.length, slot);
    context.heap.i32().set(this.#words, pointer / 4);
    return pointer;
  }
}

/** A range of output rows. */
export interface RowTile {
  /** First output row. */
  readonly first: number;
  /** Number of output rows. */
  readonly rows: number;
  /** Rows of the columns: what the product's right operand has. */
  readonly columnRows: number;
  /** Position of the head and the taps. */
  readonly taps: number;
  /** Position of the table of input rows. */
  readonly rowTable: number;
  /** For each vertical tap the first row of the columns that it reads. */
  readonly tapRows: readonly number[];
}

/** All tables of a correlation. */
export interface ColumnTables {
  /** Copies of each channel. */
  readonly copies: number;
  /** The row tiles, ascending. */
  readonly tiles: readonly RowTile[];
  /** For each block of depth positions, the position of the plane offsets `[depth tap][sample][depth position]`. */
  readonly planes: readonly number[];
}

/** Input rows that a range of outputs meets: the rows of each residue of the stride, and where each tap begins. */
export function inputRows(axis: CorrelationAxis, first: number, count: number): { rows: number[]; tapRows: number[] } {
  const { stride, step, start, taps } = axis;
  const residues = new Map<number, number[]>();
  for (let tap = 0; tap < taps; tap++) {
    const residue = (((tap * step) % stride) + stride) % stride;
    residues.set(residue, [...(residues.get(residue) ?? []), tap]);
  }
  const rows: number[] = [];
  const tapRows = new Array<number>(taps).fill(0);
  for (const [residue, members] of residues) {
    const steps = members.map((tap) => (tap * step - residue) / stride);
    const least = Math.min(...steps);
    const most = Math.max(...steps);
    members.forEach((tap, i) => tapRows[tap] = rows.length + steps[i] - least);
    for (let row = least; row < most + count; row++) rows.push(start + residue + (first + row) * stride);
  }
  return { rows, tapRows };
}

/** Elements of a row that a horizontal tap can copy: `[zeros on the left, copied, first input position]`. */
export function inputColumns(axis: CorrelationAxis, tap: number): [number, number, number] {
  const origin = axis.start + tap * axis.step;
  const left = Math.min(axis.outputs, Math.max(0, Math.ceil(-origin / axis.stride)));
  const end = Math.min(axis.outputs, Math.floor((axis.inputs - 1 - origin) / axis.stride) + 1);
  return [left, Math.max(0, end - left), origin + left * axis.stride];
}

/** Writes the tables of a correlation. */
export function writeColumnTables(writer: TableWriter, problem: Correlation, tiling: Tiling): ColumnTables {
  const { axes, input, dtype } = problem;
  const bytes = dtype === "float32" ? 4 : 8;
  const [depthAxis, rowAxis, columnAxis] = axes;
  const unfold = tiling.method === "unfold";
  const tiles: RowTile[] = [];
  // Where the taps' rows begin depends on the height of a tile, and the last one may be lower.
  const taps = new Map<number, number>();
  for (let first = 0; first < rowAxis.outputs; first += tiling.rows) {
    const count = Math.min(tiling.rows, rowAxis.outputs - first);
    const { rows, tapRows } = inputRows(rowAxis, first, count);
    const rowTable = writer.add(
      rows.map((row) => row < 0 || row >= rowAxis.inputs ? OUTSIDE : row * input.space[1] * bytes),
    );
    const known = taps.get(count) ?? writer.add(tapWords(problem, tiling, tapRows));
    taps.set(count, known);
    tiles.push({ first, rows: count, columnRows: unfold ? count : rows.length, taps: known, rowTable, tapRows });
  }
  const planes: number[] = [];
  for (let z = 0; z < depthAxis.outputs; z += tiling.depths) {
    const depths = Math.min(tiling.depths, depthAxis.outputs - z);
    const blocks: number[] = [];
    for (let tap = 0; tap < depthAxis.taps; tap++) {
      for (let sample = 0; sample < tiling.samples; sample++) {
        for (let i = 0; i < depths; i++) {
          const at = depthAxis.start + (z + i) * depthAxis.stride + tap * depthAxis.step;
          const outside = at < 0 || at >= depthAxis.inputs;
          blocks.push(outside ? OUTSIDE : (sample * input.outer + at * input.space[0]) * bytes);
        }
      }
      // A lower last block leaves gaps, so that each tap begins at the same distance.
      while (blocks.length < (tap + 1) * tiling.samples * tiling.depths) blocks.push(OUTSIDE);
    }
    planes.push(writer.add(blocks));
  }
  const horizontal = tiling.method === "wide" ? wideColumns(columnAxis).origins.length : columnAxis.taps;
  return { copies: depthAxis.taps * (unfold ? rowAxis.taps : 1) * horizontal, tiles, planes };
}

/** The copies of each plane that "wide" makes: one for each residue of the horizontal stride that a tap has. */
export interface WideColumns {
  /** For each copy the input position of its first element. */
  readonly origins: readonly number[];
  /** For each horizontal tap the copy that it reads. */
  readonly copyOf: readonly number[];
  /** For each horizontal tap the column at which it begins. */
  readonly shifts: readonly number[];
  /** Columns of a copy. */
  readonly width: number;
}

/** The copies of "wide". */
export function wideColumns(axis: CorrelationAxis): WideColumns {
  const { stride, step, start, taps, outputs } = axis;
  const residueOf = (tap: number) => (((tap * step) % stride) + stride) % stride;
  const list = Array.from({ length: taps }, (_, tap) => tap);
  const residues = [...new Set(list.map(residueOf))];
  const steps = list.map((tap) => (tap * step - residueOf(tap)) / stride);
  const least = residues.map((residue) => Math.min(...steps.filter((_, tap) => residueOf(tap) === residue)));
  const copyOf = list.map((tap) => residues.indexOf(residueOf(tap)));
  const shifts = list.map((tap) => steps[tap] - least[copyOf[tap]]);
  return {
    origins: residues.map((residue, copy) => start + residue + least[copy] * stride),
    copyOf,
    shifts,
    width: outputs + Math.max(0, ...shifts),
  };
}

/** The head and the taps of a tile whose vertical taps, when they are copied too, begin at `tapRows`. */
function tapWords(problem: Correlation, tiling: Tiling, tapRows: readonly number[]): number[] {
  const { axes, input, dtype } = problem;
  const bytes = dtype === "float32" ? 4 : 8;
  const [depthAxis, rowAxis, columnAxis] = axes;
  const verticalTaps = tiling.method === "unfold" ? rowAxis.taps : 1;
  const wide = tiling.method === "wide" ? wideColumns(columnAxis) : undefined;
  const width = wide?.width ?? columnAxis.outputs;
  const horizontal = wide === undefined
    ? Array.from({ length: columnAxis.taps }, (_, tap) => inputColumns(columnAxis, tap))
    : wide.origins.map((start) => inputColumns({ ...columnAxis, outputs: width, start, step: 0 }, 0));
  const copies = depthAxis.taps * verticalTaps * horizontal.length;
  const words = [copies, width, input.channel * bytes, columnAxis.stride * input.space[2] * bytes];
  for (let z = 0; z < depthAxis.taps; z++) {
    for (let y = 0; y < verticalTaps; y++) {
      for (const [left, middle, position] of horizontal) {
        words.push(
          verticalTaps > 1 ? 4 * tapRows[y] : 0,
          4 * z * tiling.samples * tiling.depths,
          left,
          middle,
          position * input.space[2] * bytes,
        );
      }
    }
  }
  return words;
}
