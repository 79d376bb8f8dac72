/**
 * Pooling in the cpu backend: the geometry becomes tables of the part of each window that lies inside the input, then one
 * kernel runs over all planes, split over threads.
 */

import type { AveragePoolCall, MaxPoolCall, View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, type FloatDType } from "../../src/tensor/dtype.ts";
import { elementCount } from "../../src/tensor/layout.ts";
import type { PoolGeometry } from "../../src/tensor/pool_geometry.ts";
import type { CpuContext, HeapBuffer, Kernel } from "./context.ts";
import { buildPoolModule, POOL, POOL_ROW_WORDS, POOL_WORDS } from "./pool_kernels.ts";

/** The pooling methods of a backend. */
export interface PoolOperations {
  /** Maxima of windows and where they stand. */
  maxPool(call: MaxPoolCall): void;
  /** `output` from `input`. */
  averagePool(call: AveragePoolCall): void;
  /** `input` (its gradient) from `output` (its gradient). */
  averagePoolGradient(call: AveragePoolCall): void;
}

/** Scratch slot of tables. */
const SLOT = 8;

/** Window elements that a thread visits at least. */
const GRAIN = 65_536;

interface PoolSet {
  readonly maxPool: Kernel;
  readonly averagePool: Kernel;
  readonly averagePoolGradient: Kernel;
}

/** A row of an axis table. */
interface Span {
  readonly first: number;
  readonly count: number;
  readonly divisor: number;
}

/** The part of each output's window along one axis: inside the input, and (the divisor) inside the padded input. */
export function windowSpans(geometry: PoolGeometry, axis: number): Span[] {
  const size = geometry.inputSize[axis];
  const pad = geometry.padding[axis];
  const window = geometry.windowSize[axis];
  const dilation = geometry.dilation[axis];
  return Array.from({ length: geometry.outputSize[axis] }, (_, output) => {
    const origin = output * geometry.stride[axis] - pad;
    const skipped = origin < 0 ? Math.ceil(-origin / dilation) : 0;
    const end = Math.min(window, Math.floor((size - 1 - origin) / dilation) + 1);
    const padded = Math.min(window, Math.floor((size + pad - 1 - origin) / dilation) + 1);
    return { first: origin + skipped * dilation, count: Math.max(0, end - skipped), divisor: padded };
  });
}

/** The outputs whose windows contain each input position, for windows without dilation. */
export function containingSpans(geometry: PoolGeometry, axis: number): Span[] {
  const pad = geometry.padding[axis];
  const stride = geometry.stride[axis];
  return Array.from({ length: geometry.inputSize[axis] }, (_, input) => {
    const first = Math.max(0, Math.ceil((input + pad - geometry.windowSize[axis] + 1) / stride));
    const last = Math.min(geometry.outputSize[axis] - 1, Math.floor((input + pad) / stride));
    return { first, count: Math.max(0, last - first + 1), divisor: 1 };
  });
}

function largestCount(spans: readonly Span[]): number {
  return spans.reduce((most, span) => Math.max(most, span.count), 1);
}

/** Three entries, `fill` in front. */
function threeAxes<T>(list: readonly T[], fill: T): T[] {
  return [...new Array<T>(3 - list.length).fill(fill), ...list];
}

function pointerOf(view: View): number {
  return (view.buffer as HeapBuffer).pointer + view.offset * BYTES_PER_ELEMENT[view.dtype];
}

/** Strides in bytes of batch, channel, depth, row, column. */
function byteStrides(view: View): number[] {
  const [batch, channel, ...space] = view.strides;
  return [batch, channel, ...threeAxes(space, 0)].map((stride) => stride * BYTES_PER_ELEMENT[view.dtype]);
}

/** The pooling operations of a context. */
export function createPool(context: CpuContext): PoolOperations {
  const sets: Partial<Record<FloatDType, PoolSet>> = {};

  const kernels = (view: View): PoolSet => {
    const dtype: FloatDType = view.dtype === "float64" ? "float64" : "float32";
    const known = sets[dtype];
    if (known !== undefined) return known;
    const names = ["maxPool", "averagePool", "averagePoolGradient"];
    const module = context.store.module(`pool|${dtype}`, [], () => buildPoolModule(dtype, context.heap.shared));
    const [maxPool, averagePool, averagePoolGradient] = context.executor.register(module, names);
    return sets[dtype] = { maxPool, averagePool, averagePoolGradient };
  };

  const run = (kernel: Kernel, geometry: PoolGeometry, from: View, to: View, spans: Span[][], indices?: View) => {
    const planes = geometry.batch * geometry.channels;
    const sizes = threeAxes(to.shape.slice(2), 1);
    const outputs = elementCount(sizes);
    if (planes * outputs === 0) return;
    const words = new Array<number>(POOL_WORDS).fill(0);
    const put = (at: number, values: readonly number[]) => values.forEach((value, i) => words[at + i] = value);
    const fromSizes = threeAxes(from.shape.slice(2), 1);
    const tables = threeAxes(spans, [{ first: 0, count: 1, divisor: 1 }]);
    const columns = tables[2];
    const inside = columns.map((span) => span.count === geometry.windowSize.at(-1));
    const begin = inside.indexOf(true);
    const rows = tables.flatMap((table) => table.flatMap((span) => [span.first, span.count, span.divisor]));
    const divisors = threeAxes(geometry.inputSize.map((_, axis) => windowSpans(geometry, axis)), [
      { first: 0, count: 1, divisor: 1 },
    ]).map((table) => table.map((span) => span.divisor));

    const bytes = 4 * (POOL_WORDS + rows.length + divisors.reduce((sum, list) => sum + list.length, 0));
    const params = context.scratch(bytes, SLOT);
    put(POOL.from, [pointerOf(from), pointerOf(to), indices === undefined ? 0 : pointerOf(indices)]);
    put(POOL.channels, [geometry.channels]);
    put(POOL.fromStrides, byteStrides(from));
    put(POOL.toStrides, byteStrides(to));
    if (indices !== undefined) put(POOL.indexStrides, byteStrides(indices));
    put(POOL.sizes, sizes);
    let address = params + 4 * POOL_WORDS;
    tables.forEach((table, axis) => {
      words[POOL.tables + axis] = address;
      address += 4 * POOL_ROW_WORDS * table.length;
    });
    put(POOL.dilation, threeAxes(geometry.dilation, 1));
    put(POOL.fromRows, [fromSizes[1], fromSizes[2]]);
    put(POOL.insideBegin, begin < 0 ? [0, 0] : [begin, inside.lastIndexOf(true) + 1]);
    put(POOL.columnStep, [geometry.stride.at(-1) ?? 1]);
    divisors.forEach((list, axis) => {
      words[POOL.divisors + axis] = address;
      address += 4 * list.length;
    });
    context.heap.i32().set([...words, ...rows, ...divisors.flat()], params / 4);
    // Windows have about as many elements as the largest; what matters is the order of magnitude.
    const elements = tables.reduce((product, table) => product * largestCount(table), 1);
    const grain = Math.max(1, Math.ceil((GRAIN * context.grainScale) / (outputs * elements)));
    context.executor.parallelRange(kernel, params, planes, grain);
  };

  return {
    maxPool({ geometry, input, output, indices }) {
      const spans = geometry.inputSize.map((_, axis) => windowSpans(geometry, axis));
      run(kernels(input).maxPool, geometry, input, output, spans, indices);
    },
    averagePool({ geometry, input, output }) {
      const spans = geometry.inputSize.map((_, axis) => windowSpans(geometry, axis));
      run(kernels(input).averagePool, geometry, input, output, spans);
    },
    averagePoolGradient({ geometry, input, output }) {
      const spans = geometry.inputSize.map((_, axis) => containingSpans(geometry, axis));
      run(kernels(input).averagePoolGradient, geometry, output, input, spans);
    },
  };
}
