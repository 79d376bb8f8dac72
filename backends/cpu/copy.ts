/**
 * Copies between views on the cpu backend, and between views and typed arrays of user code. Contiguous memory moves as bytes,
 * transpositions go through registers in blocks that use whole cache lines, everything else is the identity expression.
 */

import type { View } from "../../src/tensor/backend.ts";
import { BYTES_PER_ELEMENT, createTypedArray, type TypedArray, viewTypedArray } from "../../src/tensor/dtype.ts";
import { input } from "../../src/tensor/expr.ts";
import { contiguousLayout, elementCount, isContiguous } from "../../src/tensor/layout.ts";
import type { CpuContext, Kernel } from "./context.ts";
import { emitWalk, pushParameter } from "./emit_loops.ts";
import { byteOperand, viewPointer } from "./kernel_frame.ts";
import { type Loops, ParameterLayout, planLoops } from "./loop_plan.ts";
import { createMap, PARAMETER_SLOT } from "./map.ts";
import { ModuleBuilder } from "./wasm/assembler.ts";

/** Bytes above which a contiguous copy is split over threads. */
const BYTES_GRAIN = 1 << 19;

/** Elements above which a transposition in blocks pays. */
const TRANSPOSE_THRESHOLD = 1024;

/** Vectors that a block of the transposition takes from each column of the target: four cache lines. */
const BLOCK_VECTORS = 16;

/** Copies 64-byte units `[begin, end)`; parameters: source and target address. */
function compileBytes(context: CpuContext): Kernel {
  const module = new ModuleBuilder({ shared: context.heap.shared });
  const f = module.function(["i32", "i32", "i32"], [], "kernel");
  const [block, begin, end] = f.params;
  f.get(block).mem("i32.load", 4).get(begin).i32(6).op("i32.shl").op("i32.add");
  f.get(block).mem("i32.load", 0).get(begin).i32(6).op("i32.shl").op("i32.add");
  f.get(end).get(begin).op("i32.sub").i32(6).op("i32.shl").memoryCopy();
  return context.executor.register(module.toBytes(), ["kernel"])[0];
}

const TARGET = 0;
const SOURCE = 1;

/**
 * Transposes blocks. The walk takes one block of rows of the target at a time; the innermost loop runs along them (contiguous
 * in the target) with a vector's width in each round, scalar 0 says how many vectors each column of the block has. Inner
 * strides are the target's distance of rows and the source's distance of columns.
 */
function buildTranspose(context: CpuContext, layout: ParameterLayout, bytes: 4 | 8): Uint8Array {
  const module = new ModuleBuilder({ shared: context.heap.shared });
  const f = module.function(["i32", "i32", "i32"], [], "kernel");
  const [block, begin, end] = f.params;
  const walk = f.locals("i32", 2);
  const [count, rounds, vectors, rowStride, columnStride, target, source, column] = f.locals("i32", 8);
  const width = 16 / bytes;
  const loaded = f.locals("v128", width);
  pushParameter(f, block, layout.innerStride(TARGET)).set(rowStride);
  pushParameter(f, block, layout.innerStride(SOURCE)).set(columnStride);
  const block4 = (): void => {
    f.get(source).set(column);
    loaded.forEach((vector) => {
      f.get(column).mem("v128.load").set(vector);
      f.add(column, columnStride);
    });
    for (let row = 0; row < width; row++) {
      f.get(target);
      if (bytes === 8) {
        f.get(loaded[0]).get(loaded[1]).shuffle64(row, 2 + row);
      } else {
        f.get(loaded[0]).get(loaded[1]).shuffle32(row, 4 + row, row, 4 + row);
        f.get(loaded[2]).get(loaded[3]).shuffle32(row, 4 + row, row, 4 + row);
        f.shuffle64(0, 2);
      }
      f.mem("v128.store");
      f.add(target, rowStride);
    }
    f.add(source, 16);
  };
  emitWalk(
    f,
    layout,
    { block, begin, end },
    walk,
    count,
    () => f.i32(0),
    () => {
      pushParameter(f, block, layout.innerSize).set(rounds);
      f.loop((nextRound) => {
        f.get(walk[SOURCE]).set(source);
        f.get(walk[TARGET]).set(target);
        pushParameter(f, block, layout.scalar(0)).set(vectors);
        f.loop((nextVector) => {
          block4();
          f.get(vectors).i32(1).op("i32.sub").tee(vectors).brIf(nextVector);
        });
        f.get(walk[SOURCE]).get(columnStride).i32(width).op("i32.mul").op("i32.add").set(walk[SOURCE]);
        f.add(walk[TARGET], 16);
        f.get(rounds).i32(1).op("i32.sub").tee(rounds).brIf(nextRound);
      });
    },
    true,
  );
  return module.toBytes();
}

/** A transposition: its loops, and which of them is contiguous in the source. */
interface TransposeRun {
  readonly source: View;
  readonly target: View;
  readonly loops: Loops;
  readonly column: number;
  readonly bytes: 4 | 8;
  /** Vectors in a row of the target. */
  readonly rounds: number;
}

/** Makes the backend's `copy`. */
export function createCopy(context: CpuContext): (source: View, target: View) => void {
  const map = createMap(context);
  const transposes = new Map<string, Kernel>();
  let bytesKernel: Kernel | undefined;

  const copyBytes = (source: number, target: number, bytes: number): void => {
    if (bytes <= BYTES_GRAIN * context.grainScale) {
      context.heap.u8().copyWithin(target, source, source + bytes);
      return;
    }
    bytesKernel ??= compileBytes(context);
    const block = context.scratch(8, PARAMETER_SLOT);
    const words = context.heap.i32();
    words[block >>> 2] = source;
    words[(block >>> 2) + 1] = target;
    const units = Math.floor(bytes / 64);
    const grain = Math.max(1, Math.ceil(BYTES_GRAIN / 64 * context.grainScale));
    context.executor.parallelRange(bytesKernel, block, units, grain);
    context.heap.u8().copyWithin(target + 64 * units, source + 64 * units, source + bytes);
  };

  const copyByMap = (source: View, target: View): void =>
    map({
      expressions: [input(0, source.dtype)],
      shape: source.shape,
      inputs: [source],
      scalars: [],
      outputs: [target],
    });

  /** Whether the copy was a transposition and has been done, but for the strips that `copyByMap` takes. */
  const transpose = (source: View, target: View): boolean => {
    const bytes = BYTES_PER_ELEMENT[source.dtype];
    if (bytes === 1) return false;
    const loops = planLoops(source.shape, source.shape.map((_, axis) => axis), [
      byteOperand(target),
      byteOperand(source),
    ]);
    const width = 16 / bytes;
    const last = loops.sizes.length - 1;
    const column = loops.strides[SOURCE].indexOf(bytes);
    if (column < 0 || column === last || loops.strides[TARGET][last] !== bytes) return false;
    const vectors = Math.floor(loops.sizes[column] / width);
    const rounds = Math.floor(loops.sizes[last] / width);
    if (vectors === 0 || rounds === 0 || elementCount(loops.sizes) < TRANSPOSE_THRESHOLD) return false;
    const blocks = Math.floor(vectors / BLOCK_VECTORS);
    const left = vectors % BLOCK_VECTORS;
    const run: TransposeRun = { source, target, loops, column, bytes: bytes as 4 | 8, rounds };
    if (blocks > 0) transposeBlocks(run, 0, blocks, BLOCK_VECTORS);
    if (left > 0) transposeBlocks(run, blocks * BLOCK_VECTORS, 1, left);
    copyStrip(source, target, loops, column, vectors * width, loops.sizes[last]);
    copyStrip(source, target, loops, last, rounds * width, vectors * width, column);
    return true;
  };

  /** Transposes `blocks` blocks of `vectors` vectors, the first of which starts at the vector `from` of the columns. */
  const transposeBlocks = (run: TransposeRun, from: number, blocks: number, vectors: number): void => {
    const { source, target, loops, column, bytes, rounds } = run;
    const last = loops.sizes.length - 1;
    const step = vectors * 16 / bytes;
    const others = loops.sizes.map((_, loop) => loop).filter((loop) => loop !== column && loop !== last);
    const outer = {
      sizes: [...others.map((loop) => loops.sizes[loop]), blocks],
      strides: loops.strides.map((strides) => [...others.map((loop) => strides[loop]), strides[column] * step]),
    };
    const layout = new ParameterLayout(outer.sizes.length, 0, 2);
    const inner = { size: rounds, strides: [loops.strides[TARGET][column], loops.strides[SOURCE][last]] };
    const key = `${bytes}|${layout.outer}`;
    let kernel = transposes.get(key);
    if (kernel === undefined) {
      const module = context.store.module(`transpose|${key}`, [], () => buildTranspose(context, layout, bytes));
      kernel = context.executor.register(module, ["kernel"])[0];
      transposes.set(key, kernel);
    }
    const template = layout.template(outer, { sizes: [], strides: [[], []] }, inner, 1);
    const block = context.scratch(template.byteLength, PARAMETER_SLOT);
    const words = context.heap.i32();
    words.set(template, block >>> 2);
    const skipped = from * 16 / bytes;
    words[(block + layout.base(TARGET)) >>> 2] = viewPointer(target) + skipped * loops.strides[TARGET][column];
    words[(block + layout.base(SOURCE)) >>> 2] = viewPointer(source) + skipped * loops.strides[SOURCE][column];
    words[(block + layout.scalar(0)) >>> 2] = vectors;
    const grain = Math.ceil(BYTES_GRAIN / 2 * context.grainScale / (vectors * 16 * loops.sizes[last]));
    context.executor.parallelRange(kernel, block, elementCount(outer.sizes), Math.max(1, grain));
  };

  /**
   * Copies what lies behind `from` along one loop. Along `limited` (default the innermost loop) only the first `limit`
   * positions.
   */
  const copyStrip = (
    source: View,
    target: View,
    loops: Loops,
    loop: number,
    from: number,
    limit: number,
    limited = loops.sizes.length - 1,
  ): void => {
    const left = loops.sizes[loop] - from;
    if (left === 0) return;
    const bytes = BYTES_PER_ELEMENT[source.dtype];
    const shape = loops.sizes.map((size, k) => k === loop ? left : k === limited ? limit : size);
    const part = (view: View, operand: number): View => ({
      // A view may be an object with accessors, which a spread would leave behind.
      buffer: view.buffer,
      dtype: view.dtype,
      shape,
      strides: loops.strides[operand].map((stride) => stride / bytes),
      offset: view.offset + from * loops.strides[operand][loop] / bytes,
    });
    copyByMap(part(source, SOURCE), part(target, TARGET));
  };

  return (source, target) => {
    const count = elementCount(source.shape);
    if (count === 0) return;
    if (isContiguous(source) && isContiguous(target)) {
      copyBytes(viewPointer(source), viewPointer(target), count * BYTES_PER_ELEMENT[source.dtype]);
    } else if (!transpose(source, target)) {
      copyByMap(source, target);
    }
  };
}

/** Transfers between views and typed arrays. */
export interface Transfers {
  /** A row-major copy of a view's elements. */
  readonly read: (source: View) => TypedArray;
  /** Copies row-major elements into a view. */
  readonly write: (target: View, data: TypedArray) => void;
}

/** Makes the backend's `readSync` and `write` from its `copy`: strided views go through a contiguous buffer. */
export function createTransfers(context: CpuContext, copy: (source: View, target: View) => void): Transfers {
  /** Runs `body` with a contiguous buffer of a view's size. */
  const staged = (view: View, body: (staging: View) => void): void => {
    const buffer = context.heap.allocate(elementCount(view.shape) * BYTES_PER_ELEMENT[view.dtype]);
    try {
      body({ ...contiguousLayout(view.shape), dtype: view.dtype, buffer });
    } finally {
      context.heap.free(buffer);
    }
  };
  const elements = (view: View): TypedArray =>
    viewTypedArray(view.dtype, context.heap.u8().buffer, viewPointer(view), elementCount(view.shape));
  return {
    read: (source) => {
      const result = createTypedArray(source.dtype, elementCount(source.shape));
      if (result.length === 0) return result;
      if (isContiguous(source)) {
        result.set(elements(source));
      } else {
        staged(source, (staging) => {
          copy(source, staging);
          result.set(elements(staging));
        });
      }
      return result;
    },
    write: (target, data) => {
      if (elementCount(target.shape) === 0) return;
      if (isContiguous(target)) {
        elements(target).set(data);
      } else {
        staged(target, (staging) => {
          elements(staging).set(data);
          copy(staging, target);
        });
      }
    },
  };
}
