/**
 * Selection along an axis on the cuda backend: one thread for each selected element, whatever the layouts. Elements are moved as integers
 * of their size, so that three kernels for each rank serve all types. An index out of range gives 0 and is reported (`index_faults.ts`).
 */

import type { GatherCall } from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT } from "../../../src/tensor/dtype.ts";
import { PlanCache } from "../../../src/tensor/kernel_calls.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import { INDEX_OPERATIONS } from "../index_faults.ts";
import { numbersSource, pointerOf, pushNumbers, THREADS } from "./bind.ts";
import { withDeviceFunctions } from "./device_functions.ts";
import { isWide, LoopCode, type Loops, planLoops, positionsOf, type WidthRule } from "./loops.ts";
import { WORD_TYPES } from "./operations.ts";

interface GatherPlan {
  readonly kernel: CudaKernel;
  readonly numbers: readonly number[];
  readonly wide: boolean;
  readonly count: number;
}

/** The source of `gather_kernel(numbers, output, input, indices, report)`: numbers are the count, stride and size of the axis, the loops. */
export function gatherSource(bytes: number, rank: number, wide: boolean): string {
  const loop = new LoopCode(rank, 3, wide);
  const type = wide ? "long long" : "int";
  return withDeviceFunctions([
    numbersSource(3 + LoopCode.count(rank, 3, wide), wide),
    `extern "C" __global__ void gather_kernel(const Numbers n, ${WORD_TYPES[bytes]}* y, const ${
      WORD_TYPES[bytes]
    }* x, const int* indices, int* report) {`,
    `const ${type} i = (${type})blockIdx.x * ${THREADS} + (${type})threadIdx.x;`,
    "if (i < n.v[0]) {",
    ...loop.coordinates("i", "p"),
    `const ${type} at = ${loop.offset(1, "p")};`,
    "const int index = indices[at];",
    "const bool isInside = index >= 0 && index < n.v[2];",
    `if (!isInside) escnn_bad_index(report, ${INDEX_OPERATIONS.gather}, index, n.v[2], at);`,
    `y[${loop.offset(0, "p")}] = isInside ? x[${loop.offset(2, "p")} + index * n.v[1]] : 0;`,
    "}",
    "}",
    "",
  ].join("\n"));
}

/** The loops with one that is walked by index: the reach of its strides counts as that of the offsets. */
export function reachOfAxis(size: number, strides: readonly number[]): Loops {
  return { sizes: [size], strides: strides.map((stride) => [stride]) };
}

/**
 * Makes the backend's `gather`.
 *
 * @param wideRule Where positions have 64 bits. Default {@linkcode isWide}: where they must.
 */
export function createGather(context: CudaContext, wideRule: WidthRule = isWide): (call: GatherCall) => void {
  const plans = new PlanCache<GatherPlan>();
  const kernels = new Map<string, CudaKernel>();

  const plan = ({ input, indices, axis, output }: GatherCall): GatherPlan => {
    const { shape, strides } = output;
    const beside = input.strides.map((stride, other) => other === axis ? 0 : stride);
    const loops = planLoops(shape, shape.map((_, other) => other), [strides, indices.strides, beside]);
    const wide = wideRule([loops]) || wideRule([reachOfAxis(input.shape[axis], [0, 0, input.strides[axis]]), loops]);
    const bytes = BYTES_PER_ELEMENT[output.dtype], rank = loops.sizes.length;
    const key = `${bytes}|${rank}|${wide}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      [kernel] = context.kernels.kernel(gatherSource(bytes, rank, wide), ["gather_kernel"]);
      kernels.set(key, kernel);
    }
    const count = positionsOf(loops);
    return {
      kernel,
      wide,
      count,
      numbers: [count, input.strides[axis], input.shape[axis], ...LoopCode.numbers(loops, wide)],
    };
  };

  return (call) => {
    const { input, indices, axis, output } = call;
    const key = `${output.dtype}${axis}|${output.shape}|${
      input.shape[axis]
    }|${output.strides}|${indices.strides}|${input.strides}`;
    const { kernel, numbers, wide, count } = plans.get(key, () => plan(call));
    if (count === 0) return;
    const args = context.arguments();
    pushNumbers(args, numbers, wide);
    args.pointer(pointerOf(output)).pointer(pointerOf(input)).pointer(pointerOf(indices)).pointer(
      context.indexReport(),
    );
    context.launch(kernel, [Math.ceil(count / THREADS), 1, 1], [THREADS, 1, 1], 0, args);
  };
}
