/**
 * Addition at indices along an axis on the cuda backend. Floats are never added by atomic operations: what meets at one place is added in
 * the order of the axis or in that of a tree, so that results are the same bits in every run. Which kernel runs depends on shapes and
 * strides: a sort where all lines share long indices, blocks that own targets where the axis is the fastest in memory, else a thread for
 * each line.
 */

import type { ScatterAddCall } from "../../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type DType } from "../../../src/tensor/dtype.ts";
import { PlanCache } from "../../../src/tensor/kernel_calls.ts";
import { elementCount } from "../../../src/tensor/layout.ts";
import type { CudaContext, CudaKernel } from "../context.ts";
import { pointerOf, pushNumbers, SCRATCH, THREADS } from "./bind.ts";
import { reachOfAxis } from "./gather.ts";
import { isWide, LoopCode, planLoops, positionsOf, type WidthRule } from "./loops.ts";
import {
  DIGIT_BITS,
  linesSource,
  OWNERS,
  ownersSource,
  SCAN_THREADS,
  segmentsSource,
  SORT_TILE,
  sortSource,
} from "./scatter_source.ts";

/** How sources are added. */
export type ScatterMethod = "lines" | "owners" | "sort";

/** Most bytes of sums that a block owns. */
const OWNED_BYTES = 16384;
/** Indices that lines share are sorted when there are more of them than this, and lines are fewer than that. */
const SORT = { indices: 1024, lines: 4096 } as const;
/** Sources beyond which a block for each line pays. */
const OWNER_SOURCES = 8;
/** The most blocks along y. */
const MOST_BLOCKS_Y = 65535;

const SOURCES = { lines: linesSource, owners: ownersSource, sort: segmentsSource } as const;
const ENTRIES = { lines: "lines_kernel", owners: "owners_kernel", sort: "segments_kernel" } as const;

interface ScatterPlan {
  readonly method: ScatterMethod;
  readonly kernel: CudaKernel;
  readonly numbers: readonly number[];
  readonly wide: boolean;
  readonly lines: number;
  readonly sources: number;
  readonly targets: number;
  /** Owners: targets of a block. Sort: lines of a block. */
  readonly extent: number;
}

/** The method for a call. */
export function scatterMethod({ source, indices, axis, output }: ScatterAddCall): ScatterMethod {
  const { shape, strides, dtype } = source;
  const sources = shape[axis];
  const beside = shape.map((_, other) => other).filter((other) => other !== axis && shape[other] > 1);
  const lines = beside.reduce((count, other) => count * shape[other], 1);
  const isShared = beside.every((other) => indices.strides[other] === 0);
  if (isShared && sources > SORT.indices && lines < SORT.lines) return "sort";
  const isFastest = beside.every((other) => strides[other] === 0 || Math.abs(strides[other]) > Math.abs(strides[axis]));
  const ranges = Math.ceil(output.shape[axis] / (OWNED_BYTES / BYTES_PER_ELEMENT[dtype]));
  return isFastest && sources > OWNER_SOURCES && ranges <= MOST_BLOCKS_Y ? "owners" : "lines";
}

/** The smallest power of two that is not below `n`. */
function powerAbove(n: number): number {
  let power = 1;
  while (power < n) power *= 2;
  return power;
}

/**
 * Makes the backend's `scatterAdd`.
 *
 * @param choose The method for a call. Default {@linkcode scatterMethod}.
 * @param wideRule Where positions have 64 bits. Default {@linkcode isWide}: where they must.
 */
export function createScatterAdd(
  context: CudaContext,
  choose: (call: ScatterAddCall) => ScatterMethod = scatterMethod,
  wideRule: WidthRule = isWide,
): (call: ScatterAddCall) => void {
  const plans = new PlanCache<ScatterPlan>();
  const kernels = new Map<string, CudaKernel>();
  let sort: readonly CudaKernel[] | undefined;

  const kernelFor = (method: ScatterMethod, dtype: DType, rank: number, wide: boolean): CudaKernel => {
    const key = `${method}|${dtype}|${rank}|${wide}`;
    let kernel = kernels.get(key);
    if (kernel === undefined) {
      [kernel] = context.kernels.kernel(SOURCES[method](dtype, rank, wide), [ENTRIES[method]]);
      kernels.set(key, kernel);
    }
    return kernel;
  };

  const plan = (call: ScatterAddCall): ScatterPlan => {
    const { source, indices, axis, output } = call;
    const { shape, dtype } = source;
    const method = choose(call);
    const beside = shape.map((_, other) => other).filter((other) => other !== axis);
    const loops = planLoops(shape, beside, [source.strides, indices.strides, output.strides]);
    const lines = positionsOf(loops), sources = shape[axis], targets = output.shape[axis];
    const reach = reachOfAxis(
      Math.max(sources, targets),
      [source, indices, output].map(({ strides }) => strides[axis]),
    );
    const wide = wideRule([loops, reach]);
    const extent = method === "owners"
      ? Math.min(targets, OWNED_BYTES / BYTES_PER_ELEMENT[dtype])
      : Math.min(THREADS, powerAbove(Math.min(lines, 64)));
    return {
      method,
      kernel: kernelFor(method, dtype, loops.sizes.length, wide),
      wide,
      lines,
      sources,
      targets,
      extent,
      numbers: [
        lines,
        sources,
        targets,
        source.strides[axis],
        indices.strides[axis],
        output.strides[axis],
        method === "owners" ? extent : Math.ceil(lines / extent),
        ...LoopCode.numbers(loops, wide),
      ],
    };
  };

  /** Indices in ascending order, equal ones as they come, and where each stood. */
  const sorted = (pointer: number, stride: number, count: number, targets: number): { keys: number; order: number } => {
    sort ??= context.kernels.kernel(sortSource(), ["sort_count", "sort_scan", "sort_place"]);
    const [countKernel, scanKernel, placeKernel] = sort;
    const blocks = Math.ceil(count / SORT_TILE), digits = 2 ** DIGIT_BITS;
    const report = context.indexReport();
    const counts = context.scratch(4 * digits * blocks, SCRATCH.sortCounts);
    const bytes = Math.ceil(4 * count / 256) * 256;
    const base = context.scratch(4 * bytes, SCRATCH.sortedKeys);
    const halves = [{ keys: base, order: base + bytes }, { keys: base + 2 * bytes, order: base + 3 * bytes }];
    let from = { keys: pointer, order: 0 }, step = stride, round = 0;
    // Keys go up to the number of targets, which stands for all indices out of range.
    for (let shift = 0; shift === 0 || 2 ** shift <= targets; shift += DIGIT_BITS) {
      const to = halves[round++ % 2];
      const front = () =>
        context.arguments().i32(count).i32(shift).i32(step).i32(blocks).i32(targets).pointer(from.keys);
      context.launch(countKernel, [blocks, 1, 1], [digits, 1, 1], 0, front().pointer(report).pointer(counts));
      const all = context.arguments().i32(digits * blocks).pointer(counts);
      context.launch(scanKernel, [1, 1, 1], [SCAN_THREADS, 1, 1], 0, all);
      const places = front().pointer(from.order).pointer(counts).pointer(to.keys).pointer(to.order);
      context.launch(placeKernel, [blocks, 1, 1], [digits, 1, 1], 0, places);
      from = to;
      step = 1;
    }
    return from;
  };

  return (call) => {
    const { source, indices, axis, output } = call;
    if (elementCount(source.shape) === 0) return;
    const key =
      `${source.dtype}${axis}|${source.shape}|${output.shape}|${source.strides}|${indices.strides}|${output.strides}`;
    const { method, kernel, numbers, wide, lines, sources, targets, extent } = plans.get(key, () => plan(call));
    const order = method === "sort" ? sorted(pointerOf(indices), indices.strides[axis], sources, targets) : undefined;
    const args = context.arguments();
    pushNumbers(args, numbers, wide);
    args.pointer(pointerOf(output)).pointer(pointerOf(source));
    if (order !== undefined) {
      args.pointer(order.keys).pointer(order.order);
      // As many threads share a target as it has sources on average, a block's worth at most.
      const rows = Math.min(THREADS / extent, powerAbove(Math.ceil(sources / targets / 8)));
      context.launch(kernel, [targets * Math.ceil(lines / extent), 1, 1], [extent, rows, 1], 0, args);
      return;
    }
    args.pointer(pointerOf(indices)).pointer(context.indexReport());
    if (method === "owners") {
      const bytes = extent * BYTES_PER_ELEMENT[source.dtype];
      context.launch(kernel, [lines, Math.ceil(targets / extent), 1], [OWNERS, 1, 1], bytes, args);
    } else {
      context.launch(kernel, [Math.ceil(lines / THREADS), 1, 1], [THREADS, 1, 1], 0, args);
    }
  };
}
