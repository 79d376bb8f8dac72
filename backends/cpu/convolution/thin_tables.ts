/** The tables and steps of the kernels for few output channels: what thin.ts reads for each piece. */

import type { Kernel } from "../context.ts";
import type { Steps } from "../gemm/steps.ts";
import { filterOffset } from "./filter.ts";
import type { ConvolutionKernels } from "./kernels.ts";
import type { Part, Piece, Work } from "./pieces.ts";
import { THIN, THIN_WORDS } from "./thin.ts";

/** The tables of the kernels for few output channels. */
export class ThinTables {
  readonly #work: Work;
  readonly #tables = new Map<string, number>();

  /** Writes a table for each kind of piece. */
  constructor(work: Work) {
    this.#work = work;
    for (const piece of work.pieces) {
      work.offsetTable(piece);
      for (const part of work.parts) for (const accumulate of [0, 1]) this.table(piece, part, accumulate);
    }
  }

  /** Position of the table for a piece and a part. */
  table(piece: Piece, part: Part, accumulate: number): number {
    const work = this.#work;
    const { problem, bytes } = work;
    const direct = work.isDirect(piece);
    const copies = work.wideCopies;
    const words = new Array<number>(THIN_WORDS).fill(0);
    words[THIN.taps] = work.offsetTaps;
    words[THIN.groups] = piece.groups;
    words[THIN.rows] = problem.outChannels;
    words[THIN.pixels] = piece.pixels;
    words[THIN.depth] = part.depth / copies;
    words[THIN.columnStride] = copies * piece.columnStride * bytes;
    words[THIN.rowStride] = bytes * (direct ? problem.output.channel : piece.pixels);
    words[THIN.groupStride] = bytes * (direct ? problem.output.group : problem.outChannels * piece.pixels);
    words[THIN.accumulate] = accumulate;
    const key = words.join(" ");
    const known = this.#tables.get(key) ?? work.writer.add(words);
    this.#tables.set(key, known);
    return known;
  }

  /** Adds the product of a piece and a part. */
  push(kernels: ConvolutionKernels, steps: Steps, piece: Piece, part: Part, filter: number): void {
    this.#push(steps, kernels.thin(this.#work.problem.dtype).thin, piece, part, filter, part.first > 0);
  }

  /** Adds the weight gradient of a piece and a part to the sums, or sets them where it is the `first`. */
  pushGradient(
    kernels: ConvolutionKernels,
    steps: Steps,
    piece: Piece,
    part: Part,
    sums: number,
    first: boolean,
  ): void {
    this.#push(steps, kernels.thin(this.#work.problem.dtype).thinGradient, piece, part, sums, !first);
  }

  #push(steps: Steps, kernel: Kernel, piece: Piece, part: Part, filter: number, accumulate: boolean): void {
    const work = this.#work;
    const direct = work.isDirect(piece);
    steps.pushPerThread(
      kernel,
      direct ? 1 << 3 : (1 << 3) | (1 << 4),
      work.threadStride,
      work.tables + this.table(piece, part, accumulate ? 1 : 0),
      work.tables + work.offsetTable(piece),
      filter + filterOffset(work, piece.group, part, 0),
      work.columns,
      direct ? work.outputAddress(piece) : work.block,
    );
  }
}
