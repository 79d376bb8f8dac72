/**
 * Strided copies of blocks as steps of tasks: axes are joined where both operands allow it, and what is left over beyond the
 * kernel's five becomes separate steps.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { CpuContext, Kernel } from "../context.ts";
import { buildRearrangeModule, REARRANGE_AXES } from "./rearrange.ts";
import type { Steps } from "./steps.ts";

/** An axis of a rearrangement, strides in elements. */
export interface RearrangeAxis {
  /** Number of elements. */
  readonly size: number;
  /** Stride in the target. */
  readonly target: number;
  /** Stride in the source. */
  readonly source: number;
}

/** The kernels of `rearrange.ts` for one element type. */
export interface RearrangeSet {
  /** Copies a block. */
  readonly rearrange: Kernel;
  /** Adds partial results. */
  readonly sum: Kernel;
}

/** Scratch slot of the tables of {@linkcode copyAxes}. */
const TABLE_SLOT = 14;

/** Elements of a task. */
const TASK_ELEMENTS = 65_536;

/** The kernels of a context, compiled on first use. */
export class RearrangeKernels {
  /** Where they run. */
  readonly context: CpuContext;
  readonly #sets: Partial<Record<FloatDType, RearrangeSet>> = {};

  /** Compiles nothing yet. */
  constructor(context: CpuContext) {
    this.context = context;
  }

  /** The kernels of `dtype`. */
  of(dtype: FloatDType): RearrangeSet {
    return this.#sets[dtype] ??= this.#compile(dtype);
  }

  #compile(dtype: FloatDType): RearrangeSet {
    const { executor, heap, store } = this.context;
    const module = store.module(`rearrange|${dtype}`, [], () => buildRearrangeModule(dtype, heap.shared));
    const [rearrange, sum] = executor.register(module, ["rearrange", "sum"]);
    return { rearrange, sum };
  }
}

/** Axes of more than one element, neighbours joined where both operands allow it. */
export function joinAxes(axes: readonly RearrangeAxis[]): RearrangeAxis[] {
  const joined: RearrangeAxis[] = [];
  for (const axis of axes) {
    if (axis.size === 1) continue;
    const last = joined.at(-1);
    if (last !== undefined && last.target === axis.target * axis.size && last.source === axis.source * axis.size) {
      joined[joined.length - 1] = { size: last.size * axis.size, target: axis.target, source: axis.source };
    } else {
      joined.push(axis);
    }
  }
  return joined;
}

/** The words of a rearrangement's table for at most five axes, outermost first. */
export function rearrangeWords(axes: readonly RearrangeAxis[], bytes: number): number[] {
  const padding = new Array<RearrangeAxis>(REARRANGE_AXES - axes.length).fill({ size: 1, target: 0, source: 0 });
  const all = [...padding, ...axes];
  return [
    ...all.map((axis) => axis.size),
    ...all.map((axis) => axis.target * bytes),
    ...all.map((axis) => axis.source * bytes),
  ];
}

/** Copies a block of any number of axes; done when the call returns. */
export function copyAxes(
  kernels: RearrangeKernels,
  steps: Steps,
  dtype: FloatDType,
  axes: readonly RearrangeAxis[],
  target: number,
  source: number,
): void {
  const { context } = kernels;
  const { rearrange } = kernels.of(dtype);
  const bytes = dtype === "float32" ? 4 : 8;
  const joined = joinAxes(axes);
  let total = joined.reduce((product, axis) => product * axis.size, 1);
  let blocks = [{ target, source }];
  while (joined.length > REARRANGE_AXES || (joined.length > 1 && total > TASK_ELEMENTS)) {
    const outer = joined.shift()!;
    total /= outer.size;
    blocks = blocks.flatMap((block) =>
      Array.from({ length: outer.size }, (_, i) => ({
        target: block.target + i * outer.target * bytes,
        source: block.source + i * outer.source * bytes,
      }))
    );
  }
  const words = rearrangeWords(joined, bytes);
  const table = context.scratch(4 * words.length, TABLE_SLOT);
  context.heap.i32().set(words, table / 4);
  for (const block of blocks) {
    steps.beginTask();
    steps.push(rearrange, table, block.target, block.source);
  }
  steps.flush();
}
