/**
 * Builds the right operand of a convolution's products: for each channel and each (depth, horizontal) tap one shifted copy
 * of the rows that a tile needs, zeros where the filter hangs over the edge. Vertical taps need no copies of their own: they
 * are the same buffer read from another row on (memory-efficient convolution, Cho & Brand 2017).
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../wasm/assembler.ts";
import { assign, type Element, element, forAddresses, forEach } from "../gemm/element.ts";

/** Stands in a table for a row or plane outside the input. */
export const OUTSIDE = 0x7fffffff;

/** int32 words before the taps: their number, columns in a row, bytes between channels, bytes between columns. */
export const COLUMN_HEAD_WORDS = 4;

/**
 * int32 words for each tap: first entry of its row offsets and of its plane offsets (in bytes from the start of the
 * tables), zeros on the left, elements that are copied, offset of the first of them in bytes.
 */
export const COLUMN_TAP_WORDS = 5;

/**
 * The module, with the export `columns(table, target, source, channels, rows, rowOffsets, planes, planeOffsets)`: writes
 * `target[channel][tap][row][plane][column]`, where a plane is one depth position of one sample. The offsets are in bytes, or
 * {@linkcode OUTSIDE}.
 */
export function buildColumnsModule(dtype: FloatDType, shared: boolean): Uint8Array {
  const e = element(dtype, false);
  const module = new ModuleBuilder({ shared });
  const f = module.function(new Array<"i32">(8).fill("i32"), [], "columns");
  const [table, target, source, channels, rows, rowOffsets, planes, planeOffsets] = f.params;
  const [taps, width, channelStride, columnStride, channel, tap, row, plane] = f.locals("i32", 8);
  const [entry, rowEntry, planeEntry, left, middle, right, offset, rowOffset, from, to] = f.locals("i32", 10);
  const [widthBytes, end, zeroEdges] = f.locals("i32", 3);
  const zero = f.local("v128");
  [taps, width, channelStride, columnStride].forEach((local, i) => f.get(table).mem("i32.load", 4 * i).set(local));
  f.get(width).i32(e.bytes).op("i32.mul").set(widthBytes);
  f.get(target).set(to);
  assign(f, channel, 0);
  forEach(f, channel, channels, 1, () => {
    f.get(table).i32(4 * COLUMN_HEAD_WORDS).op("i32.add").set(entry);
    assign(f, tap, 0);
    forEach(f, tap, taps, 1, () => {
      f.get(rowOffsets).get(entry).mem("i32.load", 0).op("i32.add").set(rowEntry);
      f.get(entry).mem("i32.load", 8).set(left);
      f.get(entry).mem("i32.load", 12).set(middle);
      f.get(source).get(entry).mem("i32.load", 16).op("i32.add").set(offset);
      f.get(width).get(left).op("i32.sub").get(middle).op("i32.sub").set(right);
      // Edges narrower than a vector are zeroed by one store at each end, which the copy then partly overwrites.
      f.get(left).i32(e.lanes).op("i32.le_s").get(right).i32(e.lanes).op("i32.le_s").op("i32.and");
      f.get(width).i32(e.lanes).op("i32.ge_s").op("i32.and").set(zeroEdges);
      assign(f, row, 0);
      forEach(f, row, rows, 1, () => {
        f.get(rowEntry).mem("i32.load").set(rowOffset).add(rowEntry, 4);
        f.get(planeOffsets).get(entry).mem("i32.load", 4).op("i32.add").set(planeEntry);
        assign(f, plane, 0);
        forEach(f, plane, planes, 1, () => {
          f.get(planeEntry).mem("i32.load").set(from).add(planeEntry, 4);
          f.get(from).i32(OUTSIDE).op("i32.eq").get(rowOffset).i32(OUTSIDE).op("i32.eq").op("i32.or");
          f.get(middle).op("i32.eqz").op("i32.or");
          f.if(() => {
            fillZeros(f, e, to, width, end, zero);
          }, () => {
            f.get(zeroEdges);
            f.if(() => {
              f.get(left).if(() => f.get(to).get(zero).mem("v128.store"));
              f.get(right).if(() =>
                f.get(to).get(widthBytes).op("i32.add").i32(16).op("i32.sub").get(zero).mem("v128.store")
              );
            }, () => fillZeros(f, e, to, width, end, zero));
            f.get(from).get(offset).op("i32.add").get(rowOffset).op("i32.add").set(from);
            f.get(to).get(left).i32(e.bytes).op("i32.mul").op("i32.add");
            copyRow(f, e, from, middle, columnStride, end);
          });
          f.add(to, widthBytes);
        });
      });
      f.add(entry, 4 * COLUMN_TAP_WORDS);
    });
    f.add(source, channelStride);
  });
  return module.toBytes();
}

/** Zeros at `count` elements from `to` on. */
function fillZeros(f: FunctionBuilder, e: Element, to: Local, count: Local, end: Local, zero: Local): void {
  const at = f.local("i32");
  f.get(to).set(at);
  f.get(to).get(count).i32(-e.lanes).op("i32.and").i32(e.bytes).op("i32.mul").op("i32.add").set(end);
  forAddresses(f, at, end, 16, () => f.get(at).get(zero).mem("v128.store"));
  f.get(to).get(count).i32(e.bytes).op("i32.mul").op("i32.add").set(end);
  forAddresses(f, at, end, e.bytes, () => {
    f.get(at);
    if (e.type === "f32") f.f32(0);
    else f.f64(0);
    f.mem(e.store);
  });
  f.release(at);
}

/** Pops the target; copies `count` elements, `stride` bytes apart, to neighbouring places. Changes `from`. */
function copyRow(f: FunctionBuilder, e: Element, from: Local, count: Local, stride: Local, end: Local): void {
  const at = f.local("i32");
  f.set(at);
  /** Vectors of every `step`-th element, the last one ending with the row: it may overlap the one before. */
  const vectors = (step: 1 | 2) => {
    const load = () => {
      f.mem("v128.load");
      if (step === 1) return;
      // The second load begins early, so that nothing behind the last element is read.
      f.get(from).mem("v128.load", (e.lanes - 1) * e.bytes);
      if (e.lanes === 4) f.shuffle32(0, 2, 5, 7);
      else f.shuffle64(0, 3);
    };
    f.get(at).get(count).i32(e.lanes).op("i32.sub").i32(e.bytes).op("i32.mul").op("i32.add").set(end);
    forAddresses(f, at, end, 16, () => {
      f.get(at).get(from);
      load();
      f.mem("v128.store").add(from, step * 16);
    });
    f.get(end).get(from).get(at).get(end).op("i32.sub").i32(step).op("i32.mul").op("i32.sub").tee(from);
    load();
    f.mem("v128.store");
  };
  f.get(count).i32(e.lanes).op("i32.ge_s").get(stride).i32(e.bytes).op("i32.eq").op("i32.and");
  f.if(() => vectors(1), () => {
    f.get(count).i32(e.lanes).op("i32.ge_s").get(stride).i32(2 * e.bytes).op("i32.eq").op("i32.and");
    f.if(() => vectors(2), () => {
      f.get(at).get(count).i32(e.bytes).op("i32.mul").op("i32.add").set(end);
      forAddresses(f, at, end, e.bytes, () => {
        f.get(at).get(from).mem(e.load).mem(e.store).add(from, stride);
      });
    });
  });
  f.release(at);
}
