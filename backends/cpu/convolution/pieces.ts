/**
 * The pieces of a correlation and the memory that they work in: what the forward pass and the weight gradient have in
 * common. Everything is laid out before the first step is handed to a thread.
 */

import {
  type ColumnTables,
  type RowTile,
  TableWriter,
  type WideColumns,
  wideColumns,
  writeColumnTables,
} from "./tables.ts";
import type { Correlation } from "./correlation.ts";
import { type ConvolutionKernels, SLOT } from "./kernels.ts";
import { isDenseRow, type Tiling } from "./plan.ts";
import { Gemm } from "../gemm/gemm.ts";
import type { Steps } from "../gemm/steps.ts";

/** One piece: a block of groups, samples, depth positions and rows. */
export interface Piece {
  /** First group. */
  readonly group: number;
  /** Number of groups. */
  readonly groups: number;
  /** First sample. */
  readonly sample: number;
  /** Number of samples. */
  readonly samples: number;
  /** First depth position. */
  readonly depth: number;
  /** Number of depth positions. */
  readonly depths: number;
  /** Position of the plane offsets. */
  readonly planes: number;
  /** The rows. */
  readonly tile: RowTile;
  /** Output pixels of each channel, with what "wide" rows have behind them. */
  readonly pixels: number;
  /** Elements from one row of columns to the next. */
  readonly columnStride: number;
}

/** A range of input channels. */
export interface Part {
  /** First channel. */
  readonly first: number;
  /** Number of channels. */
  readonly channels: number;
  /** Rows of columns: channels times copies. */
  readonly depth: number;
}

/** Rounds up to whole cache lines, plus one line that vectors may read or that keeps neighbours apart. */
function lines(bytes: number): number {
  return (Math.ceil(bytes / 64) + 1) * 64;
}

/** A correlation cut into pieces, with its tables and scratch memory. */
export class Work {
  /** The problem. */
  readonly problem: Correlation;
  /** How it is cut. */
  readonly tiling: Tiling;
  /** Bytes of an element. */
  readonly bytes: number;
  /** The pieces, samples outermost. */
  readonly pieces: readonly Piece[];
  /** The parts of the input channels. */
  readonly parts: readonly Part[];
  /** Copies of each channel in the columns. */
  readonly copies: number;
  /** Taps that are offsets in the columns: the vertical ones, with "unfold" none (1), with "wide" the horizontal ones too. */
  readonly offsetTaps: number;
  /** Columns from one row to the next: those of the output, and with "wide" as many more as the filter reaches. */
  readonly pitch: number;
  /** Tables of the operation; add to it before {@linkcode Work.place}. */
  readonly writer: TableWriter = new TableWriter();
  /** Address of the tables. */
  tables = 0;
  /** Bytes from one thread's scratch to the next. */
  threadStride = 0;
  /** Address of the first thread's workspace for products. */
  workspace = 0;
  /** Address of the first thread's columns. */
  columns = 0;
  /** Address of the first thread's pixels `[channel][pixel]` of the output. */
  block = 0;

  readonly #kernels: ConvolutionKernels;
  readonly #wide: WideColumns | undefined;
  readonly #blockTables = new Map<string, number>();
  readonly #offsetTables = new Map<string, number>();

  /** Cuts the problem and fills the tables; {@linkcode Work.place} makes them readable. */
  constructor(kernels: ConvolutionKernels, problem: Correlation, tiling: Tiling) {
    this.#kernels = kernels;
    this.problem = problem;
    this.tiling = tiling;
    this.bytes = problem.dtype === "float32" ? 4 : 8;
    const tables: ColumnTables = writeColumnTables(this.writer, problem, tiling);
    this.copies = tables.copies;
    const wide = tiling.method === "wide" ? wideColumns(problem.axes[2]) : undefined;
    this.#wide = wide;
    this.pitch = wide?.width ?? problem.axes[2].outputs;
    this.offsetTaps = tiling.method === "unfold" ? 1 : problem.axes[1].taps * (wide?.shifts.length ?? 1);
    const pieces: Piece[] = [];
    const depthAxis = problem.axes[0];
    for (let sample = 0; sample < problem.batch; sample += tiling.samples) {
      const samples = Math.min(tiling.samples, problem.batch - sample);
      for (let group = 0; group < problem.groups; group += tiling.groups) {
        const groups = Math.min(tiling.groups, problem.groups - group);
        tables.planes.forEach((planes, block) => {
          const depth = block * tiling.depths;
          const depths = Math.min(tiling.depths, depthAxis.outputs - depth);
          const line = samples * depths * this.pitch;
          for (const tile of tables.tiles) {
            const pixels = tile.rows * line;
            const columnStride = tile.columnRows * line;
            pieces.push({ group, groups, sample, samples, depth, depths, planes, tile, pixels, columnStride });
          }
        });
      }
    }
    this.pieces = pieces;
    const parts: Part[] = [];
    for (let first = 0; first < problem.inChannels; first += tiling.channels) {
      const channels = Math.min(tiling.channels, problem.inChannels - first);
      parts.push({ first, channels, depth: channels * this.copies });
    }
    this.parts = parts;
  }

  /** Copies between the rows of columns of one tap: with "wide" those of the other residues of the stride. */
  get wideCopies(): number {
    return this.#wide?.origins.length ?? 1;
  }

  /** Takes the memory: afterwards addresses are known and the tables are written. */
  place(): void {
    const { context } = this.#kernels;
    let pixels = 0;
    let columns = 0;
    for (const piece of this.pieces) {
      pixels = Math.max(pixels, piece.pixels * piece.groups);
      columns = Math.max(columns, piece.columnStride * piece.groups);
    }
    const depth = this.tiling.method === "pointwise" ? 0 : this.parts.reduce((most, p) => Math.max(most, p.depth), 0);
    // Taps of "wide" rows begin up to a row's padding later, so the last row is read beyond its end.
    const columnBytes = lines((columns * depth + this.pitch) * this.bytes);
    const blockBytes = this.pieces.every((piece) => this.isDirect(piece))
      ? 0
      : lines(pixels * this.problem.outChannels * this.bytes);
    this.threadStride = lines(Gemm.workspaceBytes) + columnBytes + blockBytes;
    this.workspace = context.scratch(this.threadStride * context.executor.threads, SLOT.threads);
    this.columns = this.workspace + lines(Gemm.workspaceBytes);
    this.block = this.columns + columnBytes;
    this.tables = this.writer.place(context, SLOT.tables);
  }

  /** Whether a piece's output is read or written where it lies, as `[channel][pixel]`. */
  isDirect(piece: Piece): boolean {
    const { output, axes, outChannels } = this.problem;
    return piece.samples * piece.depths === 1 && this.pitch === axes[2].outputs &&
      isDenseRow(axes[2].outputs, piece.tile.rows, output.space) &&
      (outChannels * piece.groups === 1 || output.channel >= piece.pixels);
  }

  /** Address of a piece's first output element. */
  outputAddress(piece: Piece): number {
    const { pointer, outer, group, space } = this.problem.output;
    return pointer +
      this.bytes * (piece.sample * outer + piece.group * group + piece.depth * space[0] + piece.tile.first * space[1]);
  }

  /** Address of the input of a piece's pixel 0 in a channel, without padding: only for "pointwise". */
  inputAddress(piece: Piece, channel: number): number {
    const { input } = this.problem;
    return this.sourceAddress(piece, channel) +
      this.bytes * (piece.depth * input.space[0] + piece.tile.first * input.space[1]);
  }

  /** Position of {@linkcode Work.tapOffsets} in the tables. */
  offsetTable(piece: Piece): number {
    const line = piece.columnStride / piece.tile.columnRows;
    const key = `${piece.tile.first} ${line}`;
    const known = this.#offsetTables.get(key) ?? this.writer.add(this.tapOffsets(piece));
    this.#offsetTables.set(key, known);
    return known;
  }

  /** Byte offsets in a piece's columns at which the taps begin that are offsets. */
  tapOffsets(piece: Piece): number[] {
    if (this.tiling.method === "unfold") return [0];
    const line = piece.columnStride / piece.tile.columnRows;
    const wide = this.#wide;
    return piece.tile.tapRows.flatMap((row) =>
      wide === undefined
        ? [row * line * this.bytes]
        : wide.shifts.map((shift, tap) => (wide.copyOf[tap] * piece.columnStride + row * line + shift) * this.bytes)
    );
  }

  /** Position of the table that copies a piece's pixels `[channel][row][sample][depth][column]` to or from the output. */
  blockTable(piece: Piece, toOutput: boolean): number {
    const { samples, depths, tile, groups } = piece;
    const key = `${samples} ${depths} ${tile.rows} ${groups} ${toOutput}`;
    const known = this.#blockTables.get(key);
    if (known !== undefined) return known;
    const { output, axes, outChannels } = this.problem;
    const columns = axes[2].outputs;
    const sizes = [outChannels * groups, tile.rows, samples, depths, columns];
    const { pitch } = this;
    const dense = [piece.pixels, samples * depths * pitch, depths * pitch, pitch, 1];
    const spread = [output.channel, output.space[1], output.outer, output.space[0], output.space[2]];
    const strides = toOutput ? [...spread, ...dense] : [...dense, ...spread];
    const position = this.writer.add([...sizes, ...strides.map((stride) => stride * this.bytes)]);
    this.#blockTables.set(key, position);
    return position;
  }

  /** Adds the step that builds a piece's columns of a part. */
  pushColumns(steps: Steps, piece: Piece, part: Part): void {
    steps.pushPerThread(
      this.#kernels.columns(this.problem.dtype),
      2,
      this.threadStride,
      this.tables + piece.tile.taps,
      this.columns,
      this.sourceAddress(piece, part.first),
      part.channels * piece.groups,
      piece.tile.columnRows,
      this.tables + piece.tile.rowTable,
      piece.samples * piece.depths,
      this.tables + piece.planes,
    );
  }

  /** Adds the step that copies a piece's block to or from the output. */
  pushBlock(steps: Steps, piece: Piece, toOutput: boolean): void {
    const { rearrange } = this.#kernels.rearrange.of(this.problem.dtype);
    const table = this.tables + this.blockTable(piece, toOutput);
    const output = this.outputAddress(piece);
    if (toOutput) steps.pushPerThread(rearrange, 4, this.threadStride, table, output, this.block);
    else steps.pushPerThread(rearrange, 2, this.threadStride, table, this.block, output);
  }

  /** Address of the input's sample, group and channel. */
  sourceAddress(piece: Piece, channel: number): number {
    const { input } = this.problem;
    return input.pointer +
      this.bytes * (piece.sample * input.outer + piece.group * input.group + channel * input.channel);
  }
}
