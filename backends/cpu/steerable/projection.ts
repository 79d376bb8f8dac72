/**
 * The kernel that correlates a channel with all functions, for a tile of output positions. Each row of input that the tile
 * meets is folded along the row once (`folded_rows.ts`); then for each vector of outputs the folded rows are folded across rows
 * and depths in registers and multiplied by the functions' coefficients.
 */

import { assign, type Element, forAddresses, forEach, multiplyAdd } from "../gemm/element.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/assembler.ts";
import { emitFoldedRows } from "./folded_rows.ts";
import { foldLocals, loadWords, PARAMETER, subtract, Temporaries, TILE, vectorConstant } from "./frame.ts";
import { type Fold, type FoldedTerm, foldedTerms, foldsOf } from "./parity.ts";

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
  /** Distance of the inputs that neighbouring outputs in a row meet. */
  readonly step: number;
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

/** All functions from the folded rows. */
function emitFunctions(
  f: FunctionBuilder,
  e: Element,
  grid: GridFunctions,
  parameters: Local,
  tile: Local,
  target: Local,
  scratch: Local,
): void {
  const { functions, count, size, dilation } = grid;
  const p = loadWords(f, parameters, PARAMETER, ["outWidth", "vectors", "plane"]);
  const t = loadWords(f, tile, TILE, ["depth", "height"]);
  const [slice, row, column, rowTarget, to] = f.locals("i32", 5);
  const width = size[2], vectorBytes = 16 * width;
  const classes = foldClasses(foldedTerms(functions, size), size);
  const planes = Array.from({ length: count }, (_, i) => {
    const local = f.local("i32");
    f.get(p.plane).i32(i).op("i32.mul").set(local);
    return local;
  });
  const rows = new FoldedRows(f, grid, parameters, tile, scratch);
  const temporaries = new Temporaries(f);
  f.get(target).set(rowTarget);
  assign(f, slice, 0);
  forEach(f, slice, t.depth, 1, () => {
    assign(f, row, 0);
    forEach(f, row, t.height, 1, () => {
      rows.start(slice, row);
      f.get(rowTarget).set(to);
      assign(f, column, 0);
      forEach(f, column, p.vectors, 1, () => {
        const sums = new Map<number, Local>();
        const finish = (i: number) => {
          const sum = sums.get(i);
          f.get(to).get(planes[i]).op("i32.add").get(sum ?? f.constant(new Uint8Array(16))).mem("v128.store");
          if (sum !== undefined) f.release(sum);
        };
        for (const { cells, finished } of classes) {
          for (const { x, y, folds } of cells) {
            const load = (z: number, tap: number) =>
              f.get(rows.slices[z]).mem("v128.load", tap * dilation[1] * vectorBytes + 16 * x);
            const slices = rows.slices.map((_, z) => {
              const local = temporaries.make();
              if (y.kind === "tap") load(z, y.tap);
              else {
                load(z, y.high);
                load(z, y.low);
                f.op(y.kind === "sum" ? e.add : subtract(e));
              }
              f.set(local);
              return local;
            });
            for (const { fold, factors } of folds) {
              const [value] = foldLocals(f, e, [fold], slices, temporaries);
              for (const { index, factor } of factors) {
                const sum = sums.get(index), constant = vectorConstant(f, e, factor);
                if (sum !== undefined) multiplyAdd(f, e, sum, value, constant);
                else {
                  const made = f.local("v128");
                  f.get(value).get(constant).op(e.mul).set(made);
                  sums.set(index, made);
                }
              }
            }
            temporaries.release();
          }
          finished.forEach(finish);
        }
        f.add(to, 16);
        rows.next();
      });
      f.get(rowTarget).get(p.outWidth).i32(e.bytes).op("i32.mul").op("i32.add").set(rowTarget);
    });
  });
  rows.release();
  f.release(...Object.values(p), ...Object.values(t), ...planes, slice, row, column, rowTarget, to);
}

/** Folds of a column of folded rows, with what each of its depth folds means to functions. */
interface FoldCell {
  /** The fold along the row. */
  readonly x: number;
  /** Across rows. */
  readonly y: Fold;
  /** Across depth. */
  readonly folds: readonly {
    readonly fold: Fold;
    readonly factors: readonly { readonly index: number; readonly factor: number }[];
  }[];
}

/**
 * Cells by the parities of their folds along and across rows: a function with definite parities needs those of one class, so
 * that few sums are under way at a time and stay in registers. `finished` are the functions that need none of the classes behind.
 */
function foldClasses(
  terms: readonly (readonly FoldedTerm[])[],
  [depth, height, width]: readonly [number, number, number],
): { readonly cells: readonly FoldCell[]; readonly finished: readonly number[] }[] {
  const foldsZ = foldsOf(depth), foldsY = foldsOf(height), foldsX = foldsOf(width);
  const odd = (fold: Fold) => fold.kind === "difference";
  const classes: { cells: FoldCell[]; finished: number[] }[] = [];
  const last = new Int32Array(terms.length);
  for (const oddX of [false, true]) {
    for (const oddY of [false, true]) {
      const cells: FoldCell[] = [];
      foldsX.forEach((foldX, x) =>
        foldsY.forEach((y, at) => {
          if (odd(foldX) !== oddX || odd(y) !== oddY) return;
          const folds = foldsZ.map((fold, z) => ({
            fold,
            factors: terms.flatMap((list, index) => {
              const term = list.find((entry) => entry.x === x && entry.y === at && entry.z === z);
              if (term !== undefined) last[index] = classes.length;
              return term === undefined ? [] : [{ index, factor: term.value }];
            }),
          })).filter(({ factors }) => factors.length > 0);
          if (folds.length > 0) cells.push({ x, y, folds });
        })
      );
      classes.push({ cells, finished: [] });
    }
  }
  last.forEach((place, index) => classes[place].finished.push(index));
  return classes;
}

/**
 * Pointers into folded rows, [vector][rowsZ][rowsY][fold]: one for each depth tap, so that taps across rows and folds are immediate
 * offsets.
 */
export class FoldedRows {
  /** For each depth tap where the first of its rows is. */
  readonly slices: readonly Local[];
  /** Bytes from one vector of a row to the next. */
  readonly column: Local;
  readonly #f: FunctionBuilder;
  readonly #grid: GridFunctions;
  readonly #scratch: Local;
  readonly #slice: Local;
  readonly #strides: readonly [Local, Local];

  /** For the tile of a function. */
  constructor(f: FunctionBuilder, grid: GridFunctions, parameters: Local, tile: Local, scratch: Local) {
    this.#f = f;
    this.#grid = grid;
    this.#scratch = scratch;
    const { rowsZ, rowsY } = loadWords(f, tile, TILE, ["rowsZ", "rowsY"]);
    const { strideZ, strideY } = loadWords(f, parameters, PARAMETER, ["strideZ", "strideY"]);
    this.#slice = f.local("i32");
    this.column = f.local("i32");
    f.get(rowsY).i32(16 * grid.size[2]).op("i32.mul").tee(this.#slice).get(rowsZ).op("i32.mul").set(this.column);
    f.release(rowsZ, rowsY);
    this.#strides = [strideZ, strideY];
    this.slices = f.locals("i32", grid.size[0]);
  }

  /** Points at what the first output of a row meets. */
  start(slice: Local, row: Local): void {
    const f = this.#f, [first, ...others] = this.slices, { size, dilation } = this.#grid;
    const [strideZ, strideY] = this.#strides;
    f.get(slice).get(strideZ).op("i32.mul").get(this.#slice).op("i32.mul");
    f.get(row).get(strideY).op("i32.mul").i32(16 * size[2]).op("i32.mul").op("i32.add");
    f.get(this.#scratch).op("i32.add").set(first);
    others.forEach((local, i) =>
      f.get(first).get(this.#slice).i32((i + 1) * dilation[0]).op("i32.mul").op("i32.add").set(local)
    );
  }

  /** Goes on to the next vector. */
  next(): void {
    for (const local of this.slices) this.#f.add(local, this.column);
  }

  /** Gives the locals back. */
  release(): void {
    this.#f.release(...this.slices, this.column, this.#slice, ...this.#strides);
  }
}
