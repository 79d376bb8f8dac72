/**
 * The packed filter: for each group and part of the channels, the left operands of the products of its vertical taps, one
 * after the other, each `[output channel][channel, depth tap, horizontal tap]`; with "unfold" and
 * "wide" a single one that has the vertical taps in its rows too. The weight gradient is summed in the same form.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { joinAxes, type RearrangeAxis, rearrangeWords } from "../gemm/rearrange_kernels.ts";
import type { Correlation } from "./correlation.ts";
import { type ConvolutionKernels, SLOT } from "./kernels.ts";
import type { Part, Work } from "./pieces.ts";
import type { Method } from "./plan.ts";

/** Sets elements to zero: those of a target with at most five axes. */
export function clear(
  kernels: ConvolutionKernels,
  dtype: FloatDType,
  pointer: number,
  axes: readonly { readonly size: number; readonly target: number }[],
): void {
  const { context } = kernels;
  const words = rearrangeWords(axes.map((axis) => ({ ...axis, source: 0 })), dtype === "float32" ? 4 : 8);
  const table = context.scratch(4 * words.length + 8, SLOT.tables);
  context.heap.i32().set([0, 0, ...words], table / 4);
  context.executor.call(kernels.rearrange.of(dtype).rearrange, table + 8, pointer, table);
}

/** Taps of a filter. */
function tapCount(problem: Correlation): number {
  return problem.axes.reduce((count, axis) => count * axis.taps, 1);
}

/** Elements of a group's packed filter. */
export function filterSize(problem: Correlation): number {
  return problem.outChannels * problem.inChannels * tapCount(problem);
}

/** Byte offset of the left operand of a part's product for one vertical tap ("unfold" and "wide" have only tap 0). */
export function filterOffset(work: Work, group: number, part: Part, tap: number): number {
  const { problem, bytes, offsetTaps } = work;
  const taps = tapCount(problem);
  const perTap = (problem.outChannels * part.channels * taps) / offsetTaps;
  return bytes * (group * filterSize(problem) + problem.outChannels * part.first * taps + tap * perTap);
}

/** The order of the axes (output channel, channel, depth, vertical, horizontal tap) in the packed filter. */
const INNERMOST_FIRST: { readonly [M in Method]: readonly number[] } = {
  pointwise: [4, 2, 1, 0, 3],
  rows: [4, 2, 1, 0, 3],
  thin: [4, 2, 1, 0, 3],
  unfold: [4, 3, 2, 1, 0],
  wide: [4, 3, 2, 1, 0],
};

/** The axes of a part's packed filter, outermost first: `target` strides as packed, `source` strides of the filter. */
function filterAxes(problem: Correlation, channels: number, method: Method): RearrangeAxis[] {
  const { weight, outChannels, axes } = problem;
  const spread = [
    { size: outChannels, source: weight.outer },
    { size: channels, source: weight.channel },
    ...axes.map((axis, i) => ({ size: axis.taps, source: weight.space[i] })),
  ];
  const packed: RearrangeAxis[] = [];
  let target = 1;
  for (const axis of INNERMOST_FIRST[method]) {
    packed.unshift({ ...spread[axis], target });
    target *= spread[axis].size;
  }
  return packed;
}

/** A copy between the filter and its packed form. */
export interface FilterCopy {
  /** Position of its table. */
  readonly table: number;
  /** Byte offset in the packed filter. */
  readonly packed: number;
  /** Byte offset in the filter. */
  readonly filter: number;
}

/** Copies that together pack the whole filter, or unpack it with `unpack`. */
export function filterCopies(work: Work, unpack: boolean): FilterCopy[] {
  const { problem, bytes, tiling, parts, writer } = work;
  const copies: FilterCopy[] = [];
  for (const part of parts) {
    const groups = { size: problem.groups, target: filterSize(problem), source: problem.weight.group };
    const joined = joinAxes([groups, ...filterAxes(problem, part.channels, tiling.method)]);
    // The outermost axis becomes separate copies: they run in parallel, and at most five axes are left.
    const [outer, ...rest] = joined.length > 1 ? joined : [{ size: 1, target: 0, source: 0 }, ...joined];
    const inner = unpack ? rest.map(({ size, target, source }) => ({ size, target: source, source: target })) : rest;
    const table = writer.add(rearrangeWords(inner, bytes));
    for (let i = 0; i < outer.size; i++) {
      copies.push({
        table,
        packed: filterOffset(work, 0, part, 0) + bytes * i * outer.target,
        filter: bytes * (part.first * problem.weight.channel + i * outer.source),
      });
    }
  }
  return copies;
}
