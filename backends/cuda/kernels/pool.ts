/**
 * Pooling on the cuda backend by kernels of its own, whose rules (which element wins, where windows hang over) are those of the interface;
 * views may have any strides.
 */

import type { AveragePoolCall, MaxPoolCall, View } from "../../../src/tensor/backend.ts";
import { type FloatDType, isFloat } from "../../../src/tensor/dtype.ts";
import { DTypeError } from "../../../src/tensor/errors.ts";
import { PlanCache } from "../../../src/tensor/kernel_calls.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import type { PoolGeometry } from "../../../src/tensor/pool_geometry.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import { pointerOf, pushNumbers, THREADS } from "./bind.ts";
import { isWide, LoopCode, type Loops, type WidthRule } from "./loops.ts";
import { type PoolKernel, poolSource } from "./pool_source.ts";

/** The three methods of a backend. */
export interface PoolOperations {
  /** Maxima of windows and where they stand. */
  maxPool(call: MaxPoolCall): void;
  /** Averages of windows. */
  averagePool(call: AveragePoolCall): void;
  /** `input` (its gradient) from `output` (its gradient). */
  averagePoolGradient(call: AveragePoolCall): void;
}

interface PoolPlan {
  readonly kernel: CudaKernel;
  readonly numbers: readonly number[];
  readonly wide: boolean;
  readonly count: number;
}

/** Batch, channels and three spatial axes: `fill` stands for those that are not there. */
function fiveAxes(list: readonly number[], fill: number): number[] {
  return [...list.slice(0, 2), ...new Array<number>(5 - list.length).fill(fill), ...list.slice(2)];
}

function threeAxes(list: readonly number[], fill: number): number[] {
  return [...new Array<number>(3 - list.length).fill(fill), ...list];
}

function floatType({ dtype }: View, op: string): FloatDType {
  if (isFloat(dtype)) return dtype;
  throw new DTypeError({ op, expected: "a float view", actual: dtype });
}

/**
 * Makes the operations of a context.
 *
 * @param wideRule Where positions have 64 bits. Default {@linkcode isWide}: where they must.
 */
export function createPool(context: CudaContext, wideRule: WidthRule = isWide): PoolOperations {
  const plans = new PlanCache<PoolPlan>();
  const kernels = new Map<string, CudaKernel>();

  /** `written` have the shape of the threads; `read` is walked over by windows. */
  const makePlan = (
    name: PoolKernel,
    geometry: PoolGeometry,
    written: readonly View[],
    read: View,
    dtype: FloatDType,
  ): PoolPlan => {
    const walked = fiveAxes(read.strides, 0);
    const loops: Loops = {
      sizes: fiveAxes(written[0].shape, 1),
      strides: [...written.map(({ strides }) => fiveAxes(strides, 0)), [walked[0], walked[1], 0, 0, 0]],
    };
    // What the windows walk over counts as well.
    const reach: Loops = {
      sizes: fiveAxes(read.shape, 1),
      strides: [...written.map(() => [0, 0, 0, 0, 0]), walked],
    };
    const wide = wideRule([loops]) || wideRule([reach]);
    const key = `${name}|${dtype}|${wide}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      [kernel] = context.kernels.kernel(poolSource(name, dtype, wide), ["pool_kernel"]);
      kernels.set(key, kernel);
    }
    const count = elementCount(written[0].shape);
    const columns = [
      threeAxes(geometry.windowSize, 1),
      threeAxes(geometry.stride, 1),
      threeAxes(geometry.dilation, 1),
      threeAxes(geometry.padding, 0),
      threeAxes(geometry.inputSize, 1),
      threeAxes(geometry.outputSize, 1),
      walked.slice(2),
    ];
    const axes = [0, 1, 2].flatMap((axis) => columns.map((column) => column[axis]));
    return { kernel, wide, count, numbers: [count, ...axes, ...LoopCode.numbers(loops, wide)] };
  };

  const run = (name: PoolKernel, geometry: PoolGeometry, written: readonly View[], read: View): void => {
    const dtype = floatType(read, name);
    const { windowSize, stride, dilation, padding } = geometry;
    const layouts = [...written, read].map(({ shape, strides }) => `${shape}/${strides}`);
    const key = `${name}|${dtype}|${windowSize}|${stride}|${dilation}|${padding}|${layouts}`;
    const plan = plans.get(key, () => makePlan(name, geometry, written, read, dtype));
    if (plan.count === 0) return;
    const args = context.arguments();
    pushNumbers(args, plan.numbers, plan.wide);
    for (const view of [...written, read]) args.pointer(pointerOf(view));
    context.launch(plan.kernel, [Math.ceil(plan.count / THREADS), 1, 1], [THREADS, 1, 1], 0, args);
  };

  return {
    maxPool: ({ geometry, input, output, indices }) => run("max_pool", geometry, [output, indices], input),
    averagePool: ({ geometry, input, output }) => run("average_pool", geometry, [output], input),
    averagePoolGradient: ({ geometry, input, output }) => run("average_pool_gradient", geometry, [input], output),
  };
}
