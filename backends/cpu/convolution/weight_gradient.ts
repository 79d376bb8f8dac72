/**
 * The gradient of a convolution by its filter: for each piece and part of the channels builds the columns and adds, for each
 * vertical tap, output gradient times columns transposed. The pieces are divided into a number of runs that depends on the
 * shape alone, each with sums of its own, which are added in order at the end.
 */

import { PER_THREAD } from "../gemm/gemm.ts";
import { type Steps, stepsFor } from "../gemm/steps.ts";
import type { Correlation } from "./correlation.ts";
import { clear, filterCopies, filterOffset, filterSize } from "./filter.ts";
import { correlationWork } from "./forward.ts";
import { type ConvolutionKernels, SLOT } from "./kernels.ts";
import { type Part, type Piece, Work } from "./pieces.ts";
import { isThin, planCorrelation } from "./plan.ts";
import { ThinTables } from "./thin_tables.ts";

/** Tasks that there should be. */
const TASKS = 8;

/** Bytes that the runs' sums may take. */
const PARTIAL_BYTES = 32 * 1024 * 1024;

/** Elements that a thread sums at least. */
const SUM_GRAIN = 16_384;

/** How the pieces and parts are divided into tasks. */
interface Division {
  /** Runs of pieces. */
  readonly runs: number;
  /** Whether each part of the channels is a task of its own. */
  readonly splitParts: boolean;
}

function divide(work: Work, blocks: number, piecesOfBlock: number): Division {
  const { problem, bytes, parts } = work;
  const affordable = Math.max(1, Math.floor(PARTIAL_BYTES / (bytes * problem.groups * filterSize(problem))));
  const wanted = Math.min(piecesOfBlock, Math.ceil(TASKS / blocks));
  if (wanted <= affordable) return { runs: wanted, splitParts: false };
  const runs = Math.min(affordable, Math.ceil(TASKS / (blocks * parts.length)), piecesOfBlock);
  return { runs, splitParts: true };
}

/** Computes the gradient at `problem.weight` from `problem.input` and the output gradient at `problem.output`. */
export function correlateWeights(kernels: ConvolutionKernels, problem: Correlation): void {
  const { groups, inChannels, outChannels, axes, weight, dtype } = problem;
  if (groups * filterSize(problem) === 0) return;
  const total = correlationWork(problem);
  if (total === 0) {
    clear(kernels, dtype, weight.pointer, [
      { size: groups * outChannels, target: weight.outer },
      { size: inChannels, target: weight.channel },
      ...axes.map((axis, i) => ({ size: axis.taps, target: weight.space[i] })),
    ]);
    return;
  }
  const { context } = kernels;
  const work = new Work(kernels, problem, planCorrelation(problem, true));
  const blocks = new Map<number, Piece[]>();
  for (const piece of work.pieces) {
    const block = blocks.get(piece.group) ?? [];
    block.push(piece);
    blocks.set(piece.group, block);
    if (!work.isDirect(piece)) work.blockTable(piece, false);
  }
  const { runs, splitParts } = divide(work, blocks.size, work.pieces.length / blocks.size);
  const unpacking = filterCopies(work, true);
  const thin = isThin(work.tiling.method) ? new ThinTables(work) : undefined;
  const size = groups * filterSize(problem);
  const sumTable = work.writer.add([0, 0, 0, 0]);
  const partials = context.scratch(runs * size * work.bytes, SLOT.partials);
  work.place();
  context.heap.i32().set([partials, partials, runs, size * work.bytes], (work.tables + sumTable) / 4);

  const steps = stepsFor(context, total);
  const partLists = splitParts ? work.parts.map((part) => [part]) : [work.parts];
  for (const pieces of blocks.values()) {
    for (const parts of partLists) {
      for (let run = 0; run < runs; run++) {
        const sums = partials + run * size * work.bytes;
        const begin = Math.floor((run * pieces.length) / runs);
        const end = Math.floor(((run + 1) * pieces.length) / runs);
        steps.beginTask();
        for (let i = begin; i < end; i++) pushPiece(kernels, steps, work, thin, pieces[i], parts, sums, i === begin);
      }
    }
  }
  steps.flush();
  const element = kernels.rearrange.of(dtype);
  if (runs > 1) context.executor.parallelRange(element.sum, work.tables + sumTable, size, SUM_GRAIN, 16);
  const unpackSteps = stepsFor(context, size * 8);
  for (const copy of unpacking) {
    unpackSteps.beginTask();
    unpackSteps.push(element.rearrange, work.tables + copy.table, weight.pointer + copy.filter, partials + copy.packed);
  }
  unpackSteps.flush();
}

function pushPiece(
  kernels: ConvolutionKernels,
  steps: Steps,
  work: Work,
  thin: ThinTables | undefined,
  piece: Piece,
  parts: readonly Part[],
  sums: number,
  first: boolean,
): void {
  const { problem, tiling } = work;
  const direct = work.isDirect(piece);
  const pointwise = tiling.method === "pointwise";
  const perThread = (direct ? PER_THREAD.none : PER_THREAD.a) | (pointwise ? PER_THREAD.none : PER_THREAD.b);
  if (!direct) work.pushBlock(steps, piece, false);
  for (const part of parts) {
    if (!pointwise) work.pushColumns(steps, piece, part);
    if (thin !== undefined) {
      thin.pushGradient(kernels, steps, piece, part, sums, first);
      continue;
    }
    work.tapOffsets(piece).forEach((offset, tap) => {
      const product = {
        m: problem.outChannels,
        n: part.depth,
        k: piece.pixels,
        alpha: 1,
        a: direct ? work.outputAddress(piece) : work.block,
        aRow: direct ? problem.output.channel : piece.pixels,
        aColumn: 1,
        b: pointwise ? work.inputAddress(piece, part.first) : work.columns + offset,
        bRow: 1,
        bColumn: pointwise ? problem.input.channel : piece.columnStride,
        beta: first ? 0 : 1,
        c: sums + filterOffset(work, piece.group, part, tap),
        cRow: part.depth,
        cColumn: 1,
      };
      kernels.gemm.push(steps, problem.dtype, product, work.workspace, perThread, work.threadStride);
    });
  }
}
