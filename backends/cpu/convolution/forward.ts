/**
 * Computes a correlation: packs the filter once, then for each piece and part of the channels builds the columns and adds
 * one product for each vertical tap to the piece's output.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { PER_THREAD } from "../gemm/gemm.ts";
import { type Steps, stepsFor } from "../gemm/steps.ts";
import type { Correlation } from "./correlation.ts";
import { type ConvolutionKernels, SLOT } from "./kernels.ts";
import { clear, filterCopies, type FilterCopy, filterOffset, filterSize } from "./filter.ts";
import { type Part, type Piece, Work } from "./pieces.ts";
import { isThin, planCorrelation } from "./plan.ts";
import { ThinTables } from "./thin_tables.ts";

/** Multiply-adds of a correlation. */
export function correlationWork(problem: Correlation): number {
  const { batch, groups, inChannels, outChannels, axes } = problem;
  return axes.reduce((work, axis) => work * axis.outputs * axis.taps, batch * groups * inChannels * outChannels);
}

/** Computes `problem.output`: zeros where there are no taps or no channels. */
export function correlate(kernels: ConvolutionKernels, problem: Correlation): void {
  const { batch, groups, outChannels, axes } = problem;
  if (axes.reduce((count, axis) => count * axis.outputs, batch * groups * outChannels) === 0) return;
  const total = correlationWork(problem);
  if (total === 0) {
    const { output, dtype } = problem;
    clear(kernels, dtype, output.pointer, [
      { size: batch, target: output.outer },
      { size: groups * outChannels, target: output.channel },
      ...axes.map((axis, i) => ({ size: axis.outputs, target: output.space[i] })),
    ]);
    return;
  }
  const { context } = kernels;
  const work = new Work(kernels, problem, planCorrelation(problem, false));
  const packing = filterCopies(work, false);
  const thin = isThin(work.tiling.method) ? new ThinTables(work) : undefined;
  for (const piece of work.pieces) {
    if (!work.isDirect(piece)) work.blockTable(piece, true);
  }
  const filter = context.scratch(groups * filterSize(problem) * work.bytes, SLOT.weights);
  work.place();

  const steps = stepsFor(context, total);
  packFilter(kernels, steps, work, packing, filter);
  for (const piece of work.pieces) {
    steps.beginTask();
    for (const part of work.parts) {
      if (work.tiling.method !== "pointwise") work.pushColumns(steps, piece, part);
      if (thin !== undefined) thin.push(kernels, steps, piece, part, filter);
      else pushProducts(kernels, steps, work, piece, part, filter);
    }
    if (!work.isDirect(piece)) work.pushBlock(steps, piece, true);
  }
  steps.flush();
}

function packFilter(
  kernels: ConvolutionKernels,
  steps: Steps,
  work: Work,
  packing: readonly FilterCopy[],
  filter: number,
): void {
  const { rearrange } = kernels.rearrange.of(work.problem.dtype);
  for (const copy of packing) {
    steps.beginTask();
    steps.push(rearrange, work.tables + copy.table, filter + copy.packed, work.problem.weight.pointer + copy.filter);
  }
  steps.flush();
}

function pushProducts(
  kernels: ConvolutionKernels,
  steps: Steps,
  work: Work,
  piece: Piece,
  part: Part,
  filter: number,
): void {
  const { problem, tiling } = work;
  const dtype: FloatDType = problem.dtype;
  const direct = work.isDirect(piece);
  const pointwise = tiling.method === "pointwise";
  const perThread = (direct ? PER_THREAD.none : PER_THREAD.c) | (pointwise ? PER_THREAD.none : PER_THREAD.b);
  work.tapOffsets(piece).forEach((offset, tap) => {
    const product = {
      m: problem.outChannels,
      n: piece.pixels,
      k: part.depth,
      alpha: 1,
      a: filter + filterOffset(work, piece.group, part, tap),
      aRow: part.depth,
      aColumn: 1,
      b: pointwise ? work.inputAddress(piece, part.first) : work.columns + offset,
      bRow: pointwise ? problem.input.channel : piece.columnStride,
      bColumn: 1,
      beta: part.first === 0 && tap === 0 ? 0 : 1,
      c: direct ? work.outputAddress(piece) : work.block,
      cRow: direct ? problem.output.channel : piece.pixels,
      cColumn: 1,
    };
    kernels.gemm.push(steps, dtype, product, work.workspace, perThread, work.threadStride);
  });
}
