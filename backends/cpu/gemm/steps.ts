/**
 * Where the steps of an operation go: to the executor's tasks, or, when the whole work is too small to be worth a hand-over,
 * straight to the kernels.
 */

import type { CpuContext, Executor, Kernel } from "../context.ts";

/** The part of the executor that takes steps of tasks. */
export type Steps = Pick<Executor, "beginTask" | "push" | "pushPerThread" | "flush">;

/** Multiply-adds from which work is handed to the threads. */
const PARALLEL_WORK = 1_500_000;

const INLINE: Steps = {
  beginTask() {},
  push(kernel: Kernel, ...args: number[]) {
    kernel.invoke(...args);
  },
  pushPerThread(kernel: Kernel, _threadMask: number, _threadStride: number, ...args: number[]) {
    kernel.invoke(...args);
  },
  flush() {},
};

/** Where the steps of an operation of `work` multiply-adds go. */
export function stepsFor(context: CpuContext, work: number): Steps {
  const { executor, grainScale } = context;
  return executor.threads > 1 && work >= PARALLEL_WORK * grainScale ? executor : INLINE;
}
