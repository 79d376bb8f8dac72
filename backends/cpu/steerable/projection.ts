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
          for (const { x, low, high, parts } of cells) {
            const load = (z: number, tap: number) =>
              f.get(rows.slices[z]).mem("v128.load", tap * dilation[1] * vectorBytes + 16 * x);
            const byPart = parts.map(() => rows.slices.map(() => temporaries.make()));
            rows.slices.forEach((_, z) => {
              if (low === high) {
                load(z, low);
                f.set(byPart[0][z]);
                return;
              }
              const [a, b] = [temporaries.make(), temporaries.make()];
              load(z, high);
              f.set(a);
              load(z, low);
              f.set(b);
              parts.forEach(({ kind }, i) =>
                f.get(a).get(b).op(kind === "sum" ? e.add : subtract(e)).set(byPart[i][z])
              );
            });
            parts.forEach(({ folds }, i) => {
              for (const { fold, factors } of folds) {
                const [value] = foldLocals(f, e, [fold], byPart[i], temporaries);
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
            });
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

/** A fold across depth with what it means to functions. */
interface DepthFold {
  readonly fold: Fold;
  readonly factors: readonly { readonly index: number; readonly factor: number }[];
}

/** A fold along the row at a row (`low` and `high` are equal) or two mirrored ones, with what their sum and difference mean to functions. */
interface FoldCell {
  readonly x: number;
  readonly low: number;
  readonly high: number;
  readonly parts: readonly { readonly kind: Fold["kind"]; readonly folds: readonly DepthFold[] }[];
}

/**
 * Cells by the parity of their folds along the row: a function with definite parity needs those of one class, so that fewer sums
 * are under way at a time. `finished` are the functions that need none of the classes behind.
 */
function foldClasses(
  terms: readonly (readonly FoldedTerm[])[],
  [depth, height, width]: readonly [number, number, number],
): { readonly cells: readonly FoldCell[]; readonly finished: readonly number[] }[] {
  const foldsZ = foldsOf(depth), foldsX = foldsOf(width), groups = rowGroups(height);
  const classes: { cells: FoldCell[]; finished: number[] }[] = [];
  const last = new Int32Array(terms.length);
  for (const odd of [false, true]) {
    const cells: FoldCell[] = [];
    foldsX.forEach((foldX, x) => {
      if ((foldX.kind === "difference") !== odd) return;
      for (const { folds: foldsY, numbers } of groups) {
        const parts = foldsY.map((y, i) => ({
          kind: y.kind,
          folds: foldsZ.map((fold, z) => ({
            fold,
            factors: terms.flatMap((list, index) => {
              const term = list.find((entry) => entry.x === x && entry.y === numbers[i] && entry.z === z);
              if (term !== undefined) last[index] = classes.length;
              return term === undefined ? [] : [{ index, factor: term.value }];
            }),
          })).filter(({ factors }) => factors.length > 0),
        })).filter(({ folds }) => folds.length > 0);
        const [y] = foldsY;
        const [low, high] = y.kind === "tap" ? [y.tap, y.tap] : [y.low, y.high];
        if (parts.length > 0) cells.push({ x, low, high, parts });
      }
    });
    classes.push({ cells, finished: [] });
  }
  last.forEach((place, index) => classes[place].finished.push(index));
  return classes;
}

/** Folds across rows that meet the same rows: the middle one, or sum and difference of two; with their numbers among all folds. */
export function rowGroups(
  height: number,
): { readonly folds: readonly Fold[]; readonly numbers: readonly number[] }[] {
  const folds = foldsOf(height);
  return folds.flatMap((fold, y) => {
    if (fold.kind === "difference") return [];
    if (fold.kind === "tap") return [{ folds: [fold], numbers: [y] }];
    const other = folds.findIndex((f) => f.kind === "difference" && f.low === fold.low);
    return [{ folds: [fold, folds[other]], numbers: [y, other] }];
  });
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
