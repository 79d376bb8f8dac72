/**
 * The kernel that correlates a channel with all functions, for a tile of output positions. Each row of input that the tile
 * meets is padded and folded along the row once; then for each vector of outputs the folded rows are folded across rows and
 * depths in registers and multiplied by the functions' coefficients.
 */

import { assign, type Element, forAddresses, forEach, multiplyAdd } from "../gemm/element.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/assembler.ts";
import { foldLocals, loadWords, multiply, PARAMETER, Temporaries, TILE, vectorConstant } from "./frame.ts";
import { foldedTerms, foldsOf } from "./parity.ts";

/** What is compiled into the kernels. */
export interface GridFunctions {
  /** [count, depth, height, width]. */
  readonly functions: Float64Array;
  /** Their number. */
  readonly count: number;
  /** Sizes of the filter: depth, vertical, horizontal. */
  readonly size: readonly [number, number, number];
  /** Distances between taps. */
  readonly dilation: readonly [number, number, number];
  /** Whether neighbouring outputs in a row meet neighbouring inputs. */
  readonly unitStride: boolean;
}

/** Zeros at the bytes from one address to another, a multiple of 16. */
export function clearVectors(f: FunctionBuilder, from: () => void, bytes: () => void): void {
  const at = f.local("i32"), end = f.local("i32"), zero = f.constant(new Uint8Array(16));
  from();
  f.tee(at);
  bytes();
  f.op("i32.add").set(end);
  forAddresses(f, at, end, 16, () => f.get(at).get(zero).mem("v128.store"));
  f.release(at, end);
}

/**
 * Adds `project(parameters, tile, source, target, scratch)`: from a channel at `source` all functions of the tile at `target`,
 * one plane after the other.
 */
export function emitProjection(module: ModuleBuilder, e: Element, grid: GridFunctions): FunctionBuilder {
  const f = module.function(["i32", "i32", "i32", "i32", "i32"], [], "project");
  const [parameters, tile, source, target, scratch] = f.params;
  emitFoldedRows(f, e, grid, parameters, tile, source, scratch);
  emitFunctions(f, e, grid, parameters, tile, target, scratch);
  return f;
}

/** Rows of input, padded and folded: [rowsZ][rowsY][vector][fold]. */
function emitFoldedRows(
  f: FunctionBuilder,
  e: Element,
  { size, dilation, unitStride }: GridFunctions,
  parameters: Local,
  tile: Local,
  source: Local,
  scratch: Local,
): void {
  const p = loadWords(f, parameters, PARAMETER, [
    "depth",
    "height",
    "width",
    "padZ",
    "padY",
    "padX",
    "strideZ",
    "strideY",
    "strideX",
    "outWidth",
    "vectors",
    "rowBytes",
    "sliceBytes",
    "foldRow",
    "padded",
    "tapRow",
    "folds",
  ]);
  const t = loadWords(f, tile, TILE, ["z", "y", "rowsZ", "rowsY"]);
  const [row, slice, rowAt, sliceAt, from, to, end, at, column, x] = f.locals("i32", 10);
  const taps = size[2], folds = foldsOf(taps), temporaries = new Temporaries(f);
  clearVectors(f, () => f.get(scratch), () => f.get(p.padded));
  f.get(scratch).get(p.folds).op("i32.add").set(to);
  f.get(t.z).get(p.strideZ).op("i32.mul").get(p.padZ).op("i32.sub").set(sliceAt);
  assign(f, slice, 0);
  forEach(f, slice, t.rowsZ, 1, () => {
    f.get(t.y).get(p.strideY).op("i32.mul").get(p.padY).op("i32.sub").set(rowAt);
    assign(f, row, 0);
    forEach(f, row, t.rowsY, 1, () => {
      f.get(sliceAt).get(p.depth).op("i32.lt_u").get(rowAt).get(p.height).op("i32.lt_u").op("i32.and");
      f.if(() => {
        // The row behind its padding; what is beyond it stays zero.
        f.get(source).get(sliceAt).get(p.sliceBytes).op("i32.mul").op("i32.add");
        f.get(rowAt).get(p.rowBytes).op("i32.mul").op("i32.add").set(from);
        f.get(scratch).get(p.padX).i32(e.bytes).op("i32.mul").op("i32.add").set(at);
        f.get(at).get(p.width).i32(-e.lanes).op("i32.and").i32(e.bytes).op("i32.mul").op("i32.add").set(end);
        forAddresses(f, at, end, 16, () => {
          f.get(at).get(from).mem("v128.load").mem("v128.store").add(from, 16);
        });
        f.get(scratch).get(p.padX).get(p.width).op("i32.add").i32(e.bytes).op("i32.mul").op("i32.add").set(end);
        forAddresses(f, at, end, e.bytes, () => {
          f.get(at).get(from).mem(e.load).mem(e.store).add(from, e.bytes);
        });
        if (!unitStride) {
          for (let tap = 0; tap < taps; tap++) {
            f.get(scratch).i32(tap * dilation[2] * e.bytes).op("i32.add").set(from);
            f.get(scratch).get(p.padded).op("i32.add").get(p.tapRow).i32(tap).op("i32.mul").op("i32.add").set(at);
            assign(f, x, 0);
            forEach(f, x, p.outWidth, 1, () => {
              f.get(at).get(from).mem(e.load).mem(e.store).add(at, e.bytes);
              f.get(from).get(p.strideX).i32(e.bytes).op("i32.mul").op("i32.add").set(from);
            });
          }
        }
        f.get(scratch).set(from);
        if (!unitStride) f.add(from, p.padded);
        assign(f, column, 0);
        forEach(f, column, p.vectors, 1, () => {
          const loaded = Array.from({ length: taps }, (_, tap) => {
            const local = temporaries.make();
            f.get(from);
            if (unitStride) f.mem("v128.load", tap * dilation[2] * e.bytes);
            else f.get(p.tapRow).i32(tap).op("i32.mul").op("i32.add").mem("v128.load");
            f.set(local);
            return local;
          });
          foldLocals(f, e, folds, loaded, temporaries).forEach((local, k) =>
            f.get(to).get(local).mem("v128.store", 16 * k)
          );
          temporaries.release();
          f.add(from, 16).add(to, 16 * taps);
        });
      }, () => {
        clearVectors(f, () => f.get(to), () => f.get(p.foldRow));
        f.add(to, p.foldRow);
      });
      f.add(rowAt, 1);
    });
    f.add(sliceAt, 1);
  });
  f.release(...Object.values(p), ...Object.values(t), row, slice, rowAt, sliceAt, from, to, end, at, column, x);
}

/** All functions from the folded rows. */
function emitFunctions(
  f: FunctionBuilder,
  e: Element,
  { functions, count, size, dilation }: GridFunctions,
  parameters: Local,
  tile: Local,
  target: Local,
  scratch: Local,
): void {
  const p = loadWords(f, parameters, PARAMETER, [
    "strideZ",
    "strideY",
    "outWidth",
    "vectors",
    "plane",
    "foldRow",
    "folds",
  ]);
  const t = loadWords(f, tile, TILE, ["depth", "height", "rowsY"]);
  const [slice, row, column, base, rowTarget, to, store] = f.locals("i32", 7);
  const [depth, height, width] = size;
  const foldsZ = foldsOf(depth), foldsY = foldsOf(height);
  const terms = foldedTerms(functions, [depth, height, width]);
  const offsets = rowOffsets(f, size, dilation, t.rowsY, p.foldRow);
  const sums = f.locals("v128", count), started = new Array<boolean>(count).fill(false);
  const temporaries = new Temporaries(f);
  f.get(target).set(rowTarget);
  assign(f, slice, 0);
  forEach(f, slice, t.depth, 1, () => {
    assign(f, row, 0);
    forEach(f, row, t.height, 1, () => {
      f.get(slice).get(p.strideZ).op("i32.mul").get(t.rowsY).op("i32.mul");
      f.get(row).get(p.strideY).op("i32.mul").op("i32.add").get(p.foldRow).op("i32.mul");
      f.get(scratch).op("i32.add").get(p.folds).op("i32.add").set(base);
      f.get(rowTarget).set(to);
      assign(f, column, 0);
      forEach(f, column, p.vectors, 1, () => {
        started.fill(false);
        for (let x = 0; x < width; x++) {
          const byZ = Array.from({ length: depth }, (_, z) => {
            const rows = Array.from({ length: height }, (_, y) => {
              const local = temporaries.make();
              f.get(base).get(offsets[z * height + y]).op("i32.add").mem("v128.load", 16 * x).set(local);
              return local;
            });
            return foldLocals(f, e, foldsY, rows, temporaries);
          });
          const folded = foldsY.map((_, y) => foldLocals(f, e, foldsZ, byZ.map((list) => list[y]), temporaries));
          foldsY.forEach((_, y) =>
            foldsZ.forEach((_, z) =>
              terms.forEach((list, i) => {
                const term = list.find((entry) => entry.x === x && entry.y === y && entry.z === z);
                if (term === undefined) return;
                const factor = vectorConstant(f, e, term.value);
                if (started[i]) multiplyAdd(f, e, sums[i], folded[y][z], factor);
                else f.get(folded[y][z]).get(factor).op(e.mul).set(sums[i]);
                started[i] = true;
              })
            )
          );
          temporaries.release();
        }
        f.get(to).set(store);
        sums.forEach((sum, i) => {
          f.get(store).get(started[i] ? sum : f.constant(new Uint8Array(16))).mem("v128.store");
          if (i + 1 < count) f.add(store, p.plane);
        });
        f.add(to, 16).add(base, 16 * width);
      });
      f.get(rowTarget).get(p.outWidth).i32(e.bytes).op("i32.mul").op("i32.add").set(rowTarget);
    });
  });
}

/** Locals with the distance of the row of each depth and vertical tap from that of the first. */
export function rowOffsets(
  f: FunctionBuilder,
  size: readonly number[],
  dilation: readonly number[],
  rowsY: Local,
  foldRow: Local,
): Local[] {
  const sliceRows = f.local("i32");
  multiply(f, sliceRows, rowsY, foldRow);
  return Array.from({ length: size[0] * size[1] }, (_, i) => {
    const local = f.local("i32");
    f.get(sliceRows).i32(Math.floor(i / size[1]) * dilation[0]).op("i32.mul");
    f.get(foldRow).i32((i % size[1]) * dilation[1]).op("i32.mul").op("i32.add").set(local);
    return local;
  });
}
