/**
 * Products for convolutions with few output channels per group (depthwise ones above all), where packing for a matrix
 * product would cost more than the product: the columns are read where they lie, all vertical taps and all groups in
 * one call. The weight gradient of the same shapes is a set of dot products.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "../wasm/assembler.ts";
import { assign, type Element, element, forAddresses, forEach, multiplyAdd } from "../gemm/element.ts";

/** Output channels that one pass computes: more are done in several passes. */
const MAXIMUM_ROWS = 4;

/** int32 words of a thin product's table. */
export const THIN_WORDS = 9;

/** Positions in a thin product's table; all sizes in elements, all strides in bytes. */
export const THIN = {
  /** Vertical taps. */
  taps: 0,
  /** Groups. */
  groups: 1,
  /** Output channels of a group. */
  rows: 2,
  /** Pixels. */
  pixels: 3,
  /** Rows of columns that a group has: channels times other taps. */
  depth: 4,
  /** From one row of columns to the next. */
  columnStride: 5,
  /** From one output channel to the next. */
  rowStride: 6,
  /** From one group's output to the next. */
  groupStride: 7,
  /** Whether the result is added to what is there (1) or replaces it (0). */
  accumulate: 8,
} as const;

/**
 * The module, with the exports
 *
 * - `thin(table, offsets, weight, columns, output)`: `output[g][o][pixel] (+)= Σ weight[g][o][d][tap] · columns[g][d][offset(tap) + pixel]`;
 * - `thinGradient(table, offsets, weight, columns, output)`: `weight[g][tap][o][d] (+)= Σ output[g][o][pixel] · columns[g][d][offset(tap) + pixel]`.
 *
 * The table is {@linkcode THIN}; at `offsets` are the byte offsets in the columns at which the vertical taps begin.
 * Vectors of columns may be read up to 15 bytes past the last pixel.
 */
export function buildThinModule(dtype: FloatDType, fused: boolean, shared: boolean): Uint8Array {
  const e = element(dtype, fused);
  const module = new ModuleBuilder({ shared });
  emitThin(module, e);
  emitThinGradient(module, e);
  return module.toBytes();
}

type Words = { readonly [Name in keyof typeof THIN]: Local };

function loadTable(f: FunctionBuilder, table: Local): Words {
  const word = (name: keyof typeof THIN): Local => {
    const local = f.local("i32");
    f.get(table).mem("i32.load", 4 * THIN[name]).set(local);
    return local;
  };
  return {
    taps: word("taps"),
    groups: word("groups"),
    rows: word("rows"),
    pixels: word("pixels"),
    depth: word("depth"),
    columnStride: word("columnStride"),
    rowStride: word("rowStride"),
    groupStride: word("groupStride"),
    accumulate: word("accumulate"),
  };
}

/** Vectors of pixels that `rows` output channels keep in registers. */
const VECTORS = [0, 8, 5, 3, 2];

function emitThin(module: ModuleBuilder, e: Element): void {
  const f = module.function(["i32", "i32", "i32", "i32", "i32"], [], "thin");
  const [table, offsets, weight, columns, output] = f.params;
  const t = loadTable(f, table);
  const [group, row, tap, depth, pixel, end, left] = f.locals("i32", 7);
  const [b, rowWeight, rowBytes, rowTarget, target, tapOffset, columnRow] = f.locals("i32", 7);
  const a = f.locals("i32", MAXIMUM_ROWS);
  const sums = f.locals("v128", 10);
  const factors = f.locals("v128", MAXIMUM_ROWS);
  const value = f.local("v128");

  f.get(t.depth).get(t.taps).op("i32.mul").i32(e.bytes).op("i32.mul").set(rowBytes);

  /** `rows × vectors` sums over depth and taps for the pixels from `pixel` on. */
  const accumulate = (rows: number, vectors: number) => {
    for (let i = 0; i < rows * vectors; i++) f.v128(new Uint8Array(16)).set(sums[i]);
    f.get(rowWeight).set(a[0]);
    for (let i = 1; i < rows; i++) f.get(a[i - 1]).get(rowBytes).op("i32.add").set(a[i]);
    f.get(columns).get(pixel).i32(e.bytes).op("i32.mul").op("i32.add").set(columnRow);
    f.get(t.depth).set(depth);
    f.loop((nextDepth) => {
      // Taps innermost: they read neighbouring places, the rows of columns lie pages apart.
      f.get(offsets).set(tapOffset);
      f.get(t.taps).set(tap);
      f.loop((nextTap) => {
        f.get(columnRow).get(tapOffset).mem("i32.load").op("i32.add").set(b);
        for (let i = 0; i < rows; i++) f.get(a[i]).mem(e.loadSplat).set(factors[i]).add(a[i], e.bytes);
        for (let j = 0; j < vectors; j++) {
          f.get(b).mem("v128.load", 16 * j).set(value);
          for (let i = 0; i < rows; i++) multiplyAdd(f, e, sums[i * vectors + j], factors[i], value);
        }
        f.add(tapOffset, 4).add(tap, -1).get(tap).brIf(nextTap);
      });
      f.add(columnRow, t.columnStride).add(depth, -1).get(depth).brIf(nextDepth);
    });
  };
  const rowAddress = (i: number) => {
    f.get(rowTarget).get(t.rowStride).i32(i).op("i32.mul").op("i32.add");
    f.get(pixel).i32(e.bytes).op("i32.mul").op("i32.add").set(target);
  };
  const pass = (rows: number) => {
    for (const vectors of [VECTORS[rows], 1]) {
      f.get(t.pixels).i32(vectors * e.lanes - 1).op("i32.sub").set(end);
      forEach(f, pixel, end, vectors * e.lanes, () => {
        accumulate(rows, vectors);
        for (let i = 0; i < rows; i++) {
          rowAddress(i);
          for (let j = 0; j < vectors; j++) {
            f.get(target).get(sums[i * vectors + j]);
            f.get(t.accumulate).if(() => f.get(target).mem("v128.load", 16 * j).set(value), () => {
              f.v128(new Uint8Array(16)).set(value);
            });
            f.get(value).op(e.add).mem("v128.store", 16 * j);
          }
        }
      });
    }
    f.get(pixel).get(t.pixels).op("i32.lt_s");
    f.if(() => {
      accumulate(rows, 1);
      f.get(t.pixels).get(pixel).op("i32.sub").set(left);
      for (let i = 0; i < rows; i++) {
        rowAddress(i);
        for (let lane = 0; lane < e.lanes - 1; lane++) {
          f.i32(lane).get(left).op("i32.lt_s");
          f.if(() => {
            f.get(target).get(sums[i]).lane(e.extract, lane);
            f.get(t.accumulate);
            f.if(
              () => f.get(target).mem(e.load, lane * e.bytes),
              () => e.type === "f32" ? f.f32(0) : f.f64(0),
              e.type,
            );
            f.op(e.addScalar).mem(e.store, lane * e.bytes);
          });
        }
      }
    });
  };

  assign(f, group, 0);
  forEach(f, group, t.groups, 1, () => {
    f.get(weight).set(rowWeight).get(output).set(rowTarget);
    assign(f, row, 0);
    f.loop((nextRows) => {
      assign(f, pixel, 0);
      const dispatch = (rows: number) => {
        if (rows === 1) return pass(1);
        f.get(t.rows).get(row).op("i32.sub").i32(rows).op("i32.ge_s");
        f.if(() => {
          pass(rows);
          f.i32(rows).set(left);
        }, () => {
          dispatch(rows - 1);
          if (rows === 2) f.i32(1).set(left);
        });
      };
      dispatch(MAXIMUM_ROWS);
      f.add(row, left);
      f.get(left).get(rowBytes).op("i32.mul").get(rowWeight).op("i32.add").set(rowWeight);
      f.get(left).get(t.rowStride).op("i32.mul").get(rowTarget).op("i32.add").set(rowTarget);
      f.get(row).get(t.rows).op("i32.lt_s").brIf(nextRows);
    });
    f.get(weight).get(rowBytes).get(t.rows).op("i32.mul").op("i32.add").set(weight);
    f.add(output, t.groupStride);
    f.get(columns).get(t.columnStride).get(t.depth).op("i32.mul").op("i32.add").set(columns);
  });
}

/** Rows of columns that one pass of the gradient multiplies with an output row. */
const GRADIENT_ROWS = 4;

function emitThinGradient(module: ModuleBuilder, e: Element): void {
  const f = module.function(["i32", "i32", "i32", "i32", "i32"], [], "thinGradient");
  const [table, offsets, weight, columns, output] = f.params;
  const t = loadTable(f, table);
  const [group, row, tap, depth, pixel, vectorEnd, rowOutput, tapOffset, from, first, at, end] = f.locals("i32", 12);
  const sums = f.locals("v128", GRADIENT_ROWS);
  const value = f.local("v128");
  const other = f.local("v128");
  const total = f.local(e.type);
  const columnRows = f.locals("i32", GRADIENT_ROWS);

  const pass = (rows: number) => {
    for (let i = 0; i < rows; i++) {
      f.v128(new Uint8Array(16)).set(sums[i]);
      f.get(i === 0 ? first : columnRows[i - 1]);
      if (i > 0) f.get(t.columnStride).op("i32.add");
      f.set(columnRows[i]);
    }
    f.get(rowOutput).set(from);
    assign(f, pixel, 0);
    forEach(f, pixel, vectorEnd, e.lanes, () => {
      f.get(from).mem("v128.load").set(value).add(from, 16);
      for (let i = 0; i < rows; i++) {
        f.get(columnRows[i]).mem("v128.load").set(other).add(columnRows[i], 16);
        multiplyAdd(f, e, sums[i], value, other);
      }
    });
    for (let i = 0; i < rows; i++) {
      f.get(sums[i]).lane(e.extract, 0);
      for (let lane = 1; lane < e.lanes; lane++) f.get(sums[i]).lane(e.extract, lane).op(e.addScalar);
      f.set(total);
      // The rest of the pixels, scalar: few, and read for each row anew.
      f.get(rowOutput).get(vectorEnd).i32(e.bytes).op("i32.mul").op("i32.add").set(at);
      f.get(rowOutput).get(t.pixels).i32(e.bytes).op("i32.mul").op("i32.add").set(end);
      forAddresses(f, at, end, e.bytes, () => {
        f.get(total).get(at).mem(e.load).get(columnRows[i]).mem(e.load).op(e.mulScalar).op(e.addScalar).set(total);
        f.add(columnRows[i], e.bytes);
      });
      f.get(weight).get(total);
      f.get(t.accumulate);
      f.if(() => f.get(weight).mem(e.load), () => e.type === "f32" ? f.f32(0) : f.f64(0), e.type);
      f.op(e.addScalar).mem(e.store).add(weight, e.bytes);
    }
    f.get(first).get(t.columnStride).i32(rows).op("i32.mul").op("i32.add").set(first);
  };

  f.get(t.pixels).i32(-e.lanes).op("i32.and").set(vectorEnd);
  assign(f, group, 0);
  forEach(f, group, t.groups, 1, () => {
    f.get(offsets).set(tapOffset);
    assign(f, tap, 0);
    forEach(f, tap, t.taps, 1, () => {
      f.get(output).set(rowOutput);
      assign(f, row, 0);
      forEach(f, row, t.rows, 1, () => {
        f.get(columns).get(tapOffset).mem("i32.load").op("i32.add").set(first);
        f.get(t.depth).set(depth);
        for (const rows of [GRADIENT_ROWS, 1]) {
          f.block((exit) => {
            f.loop((next) => {
              f.get(depth).i32(rows).op("i32.lt_s").brIf(exit);
              pass(rows);
              f.add(depth, -rows).br(next);
            });
          });
        }
        f.add(rowOutput, t.rowStride);
      });
      f.add(tapOffset, 4);
    });
    f.add(output, t.groupStride);
    f.get(columns).get(t.columnStride).get(t.depth).op("i32.mul").op("i32.add").set(columns);
  });
}
