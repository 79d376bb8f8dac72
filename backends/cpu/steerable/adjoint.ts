/**
 * The adjoint of the projection kernel: adds to the rows of a channel what the planes of all functions send back to them. For
 * each vector of outputs coefficients come first, then sums and differences are undone across depths and rows into folded
 * rows, at last along each row (`folded_rows.ts`).
 */

import { assign, type Element, forEach, multiplyAdd } from "../gemm/element.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/assembler.ts";
import { emitUnfoldedRows } from "./folded_rows.ts";
import { loadWords, PARAMETER, Temporaries, TILE, unfoldLocals, vectorConstant } from "./frame.ts";
import { type FoldedTerm, foldedTerms, foldsOf } from "./parity.ts";
import { clearVectors, FoldedRows, type GridFunctions, rowGroups } from "./projection.ts";

/** Adds `projectBack(parameters, tile, planes, target, scratch)`: adds to the channel at `target`. */
export function emitAdjoint(module: ModuleBuilder, e: Element, grid: GridFunctions): FunctionBuilder {
  const f = module.function(["i32", "i32", "i32", "i32", "i32"], [], "projectBack");
  const [parameters, tile, planes, target, scratch] = f.params;
  emitScatter(f, e, grid, parameters, tile, planes, scratch);
  emitUnfoldedRows(f, e, grid, parameters, tile, target, scratch);
  return f;
}

/** Folded rows from the planes. */
function emitScatter(
  f: FunctionBuilder,
  e: Element,
  grid: GridFunctions,
  parameters: Local,
  tile: Local,
  planes: Local,
  scratch: Local,
): void {
  const { functions, count, size, dilation } = grid;
  const p = loadWords(f, parameters, PARAMETER, ["outWidth", "vectors", "plane", "lastLanes"]);
  const t = loadWords(f, tile, TILE, ["depth", "height"]);
  const [slice, row, column, rowSource, from, bytes] = f.locals("i32", 6);
  const [, height, width] = size, vectorBytes = 16 * width;
  const foldsZ = foldsOf(size[0]), groups = rowGroups(height);
  const terms = foldedTerms(functions, size);
  const offsets = Array.from({ length: count }, (_, i) => {
    const local = f.local("i32");
    f.get(p.plane).i32(i).op("i32.mul").set(local);
    return local;
  });
  const values = f.locals("v128", count), [mask, lastMask] = f.locals("v128", 2);
  const temporaries = new Temporaries(f);
  const rows = new FoldedRows(f, grid, parameters, tile, scratch);
  // Lanes of a row's last vector that hold outputs: their numbers are less than lastLanes.
  const lanes = e.dtype === "float32" ? Int32Array.of(0, 1, 2, 3) : Int32Array.of(0, 0, 1, 1);
  f.get(f.constant(new Uint8Array(lanes.buffer))).get(p.lastLanes).op("i32x4.splat").op("i32x4.lt_s").set(lastMask);
  const whole = f.constant(new Uint8Array(16).fill(255));
  f.get(rows.column).get(p.vectors).op("i32.mul").set(bytes);
  clearVectors(f, () => f.get(scratch), () => f.get(bytes));
  f.get(planes).set(rowSource);
  assign(f, slice, 0);
  forEach(f, slice, t.depth, 1, () => {
    assign(f, row, 0);
    forEach(f, row, t.height, 1, () => {
      rows.start(slice, row);
      f.get(rowSource).set(from);
      assign(f, column, 0);
      forEach(f, column, p.vectors, 1, () => {
        f.get(lastMask).get(whole).get(p.vectors).get(column).op("i32.sub").i32(1).op("i32.eq").op("select").set(mask);
        values.forEach((value, i) =>
          f.get(from).get(offsets[i]).op("i32.add").mem("v128.load").get(mask).op("v128.and").set(value)
        );
        for (let x = 0; x < width; x++) {
          for (const { folds, numbers } of groups) {
            const bySlice = numbers.map((y) => {
              const folded = foldsZ.map((_, z) => sumTerms(f, e, terms, values, { x, y, z }, temporaries));
              return unfoldLocals(f, e, foldsZ, folded, temporaries);
            });
            rows.slices.forEach((at, z) =>
              unfoldLocals(f, e, folds, bySlice.map((list) => list[z]), temporaries).forEach((local, tap) => {
                if (local === undefined) return;
                const offset = tap * dilation[1] * vectorBytes + 16 * x;
                f.get(at).get(at).mem("v128.load", offset).get(local).op(e.add).mem("v128.store", offset);
              })
            );
            temporaries.release();
          }
        }
        f.add(from, 16);
        rows.next();
      });
      f.get(rowSource).get(p.outWidth).i32(e.bytes).op("i32.mul").op("i32.add").set(rowSource);
    });
  });
  rows.release();
  f.release(...Object.values(p), ...Object.values(t), ...offsets, ...values, mask, lastMask);
  f.release(slice, row, column, rowSource, from, bytes);
}

/** What all functions send to one fold; `undefined` where none has a coefficient. */
function sumTerms(
  f: FunctionBuilder,
  e: Element,
  terms: readonly (readonly FoldedTerm[])[],
  values: readonly Local[],
  place: { readonly x: number; readonly y: number; readonly z: number },
  temporaries: Temporaries,
): Local | undefined {
  let sum: Local | undefined;
  terms.forEach((list, i) => {
    const term = list.find(({ x, y, z }) => x === place.x && y === place.y && z === place.z);
    if (term === undefined) return;
    const factor = vectorConstant(f, e, term.value);
    if (sum === undefined) {
      sum = temporaries.make();
      f.get(values[i]).get(factor).op(e.mul).set(sum);
    } else multiplyAdd(f, e, sum, values[i], factor);
  });
  return sum;
}
