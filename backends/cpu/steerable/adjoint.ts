/**
 * The adjoint of the projection kernel: adds to the rows of a channel what the planes of all functions send back to them. For
 * each vector of outputs coefficients come first, then sums and differences are undone across depths and rows into folded
 * rows, at last along each row.
 */

import { assign, type Element, forAddresses, forEach, multiplyAdd } from "../gemm/element.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/assembler.ts";
import { loadWords, multiply, PARAMETER, Temporaries, TILE, unfoldLocals, vectorConstant } from "./frame.ts";
import { foldedTerms, foldsOf } from "./parity.ts";
import { clearVectors, type GridFunctions, rowOffsets } from "./projection.ts";

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
  { functions, count, size, dilation }: GridFunctions,
  parameters: Local,
  tile: Local,
  planes: Local,
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
    "lastLanes",
  ]);
  const t = loadWords(f, tile, TILE, ["depth", "height", "rowsZ", "rowsY"]);
  const [slice, row, column, base, rowSource, from, load, bytes, left, address] = f.locals("i32", 10);
  const [depth, height, width] = size;
  const foldsZ = foldsOf(depth), foldsY = foldsOf(height);
  const terms = foldedTerms(functions, [depth, height, width]);
  const offsets = rowOffsets(f, size, dilation, t.rowsY, p.foldRow);
  const values = f.locals("v128", count), [mask, lastMask] = f.locals("v128", 2);
  const temporaries = new Temporaries(f);
  // Lanes of a row's last vector that hold outputs: their numbers are less than lastLanes.
  const lanes = e.dtype === "float32" ? Int32Array.of(0, 1, 2, 3) : Int32Array.of(0, 0, 1, 1);
  f.get(f.constant(new Uint8Array(lanes.buffer))).get(p.lastLanes).op("i32x4.splat").op("i32x4.lt_s").set(lastMask);
  const whole = f.constant(new Uint8Array(16).fill(255));
  multiply(f, bytes, t.rowsZ, t.rowsY);
  multiply(f, bytes, bytes, p.foldRow);
  clearVectors(f, () => f.get(scratch).get(p.folds).op("i32.add"), () => f.get(bytes));
  f.get(planes).set(rowSource);
  assign(f, slice, 0);
  forEach(f, slice, t.depth, 1, () => {
    assign(f, row, 0);
    forEach(f, row, t.height, 1, () => {
      f.get(slice).get(p.strideZ).op("i32.mul").get(t.rowsY).op("i32.mul");
      f.get(row).get(p.strideY).op("i32.mul").op("i32.add").get(p.foldRow).op("i32.mul");
      f.get(scratch).op("i32.add").get(p.folds).op("i32.add").set(base);
      f.get(rowSource).set(from);
      assign(f, column, 0);
      forEach(f, column, p.vectors, 1, () => {
        f.get(lastMask).get(whole).get(p.vectors).get(column).op("i32.sub").i32(1).op("i32.eq").op("select").set(mask);
        f.get(from).set(load);
        values.forEach((value, i) => {
          f.get(load).mem("v128.load").get(mask).op("v128.and").set(value);
          if (i + 1 < count) f.add(load, p.plane);
        });
        for (let x = 0; x < width; x++) {
          const byY = foldsY.map((_, y) => {
            const folded = foldsZ.map((_, z) => sumTerms(f, e, terms, values, { x, y, z }, temporaries));
            return unfoldLocals(f, e, foldsZ, folded, temporaries);
          });
          for (let z = 0; z < depth; z++) {
            const rows = unfoldLocals(f, e, foldsY, byY.map((list) => list[z]), temporaries);
            rows.forEach((local, y) => {
              if (local === undefined) return;
              f.get(base).get(offsets[z * height + y]).op("i32.add").tee(address);
              f.get(address).mem("v128.load", 16 * x).get(local).op(e.add).mem("v128.store", 16 * x);
            });
          }
          temporaries.release();
        }
        f.add(from, 16).add(base, 16 * width);
      });
      f.get(rowSource).get(p.outWidth).i32(e.bytes).op("i32.mul").op("i32.add").set(rowSource);
    });
  });
  f.release(...Object.values(p), ...Object.values(t), ...offsets, ...values, mask, lastMask);
  f.release(slice, row, column, base, rowSource, from, load, bytes, left, address);
}

/** What all functions send to one fold; `undefined` where none has a coefficient. */
function sumTerms(
  f: FunctionBuilder,
  e: Element,
  terms: ReturnType<typeof foldedTerms>,
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

/** Adds the folded rows, unfolded along the row, to the rows of the channel. */
function emitUnfoldedRows(
  f: FunctionBuilder,
  e: Element,
  { size, dilation, unitStride }: GridFunctions,
  parameters: Local,
  tile: Local,
  target: Local,
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
    "tapRow",
    "folds",
  ]);
  const t = loadWords(f, tile, TILE, ["z", "y", "rowsZ", "rowsY"]);
  const [row, slice, rowAt, sliceAt, from, to, end, at, column, x, bytes] = f.locals("i32", 11);
  const taps = size[2], folds = foldsOf(taps), temporaries = new Temporaries(f), step = dilation[2];
  // Each tap's row lies behind as many zeros as the filter reaches.
  const margin = marginOf(taps, step, e.lanes) * e.bytes;
  f.get(p.tapRow).i32(taps).op("i32.mul").set(bytes);
  clearVectors(f, () => f.get(scratch), () => f.get(bytes));
  f.get(scratch).get(p.folds).op("i32.add").set(from);
  f.get(t.z).get(p.strideZ).op("i32.mul").get(p.padZ).op("i32.sub").set(sliceAt);
  const sum = f.local("v128"), scalar = f.local(e.type);
  assign(f, slice, 0);
  forEach(f, slice, t.rowsZ, 1, () => {
    f.get(t.y).get(p.strideY).op("i32.mul").get(p.padY).op("i32.sub").set(rowAt);
    assign(f, row, 0);
    forEach(f, row, t.rowsY, 1, () => {
      f.get(sliceAt).get(p.depth).op("i32.lt_u").get(rowAt).get(p.height).op("i32.lt_u").op("i32.and");
      f.if(() => {
        f.get(scratch).i32(margin).op("i32.add").set(to);
        assign(f, column, 0);
        forEach(f, column, p.vectors, 1, () => {
          const values = folds.map((_, k) => {
            const local = temporaries.make();
            f.get(from).mem("v128.load", 16 * k).set(local);
            return local;
          });
          unfoldLocals(f, e, folds, values, temporaries).forEach((local, tap) =>
            f.get(to).get(p.tapRow).i32(tap).op("i32.mul").op("i32.add").get(local!).mem("v128.store")
          );
          temporaries.release();
          f.add(from, 16 * taps).add(to, 16);
        });
        f.get(target).get(sliceAt).get(p.sliceBytes).op("i32.mul").op("i32.add");
        f.get(rowAt).get(p.rowBytes).op("i32.mul").op("i32.add").set(to);
        if (unitStride) {
          // Column u takes tap t of output u + pad − t · dilation.
          f.get(scratch).get(p.padX).i32(e.bytes).op("i32.mul").op("i32.add").i32(margin).op("i32.add").set(at);
          const columns = (lanes: number, add: () => void) => {
            f.get(p.width).i32(-lanes).op("i32.and").i32(e.bytes).op("i32.mul");
            f.get(target).get(sliceAt).get(p.sliceBytes).op("i32.mul").op("i32.add");
            f.get(rowAt).get(p.rowBytes).op("i32.mul").op("i32.add").op("i32.add").set(end);
            forAddresses(f, to, end, lanes * e.bytes, () => {
              add();
              f.add(at, lanes * e.bytes);
            });
          };
          const tapAt = (tap: number) => {
            f.get(at).get(p.tapRow).i32(tap).op("i32.mul").op("i32.add").i32(tap * step * e.bytes).op("i32.sub");
          };
          columns(e.lanes, () => {
            f.get(to).mem("v128.load").set(sum);
            for (let tap = 0; tap < taps; tap++) {
              f.get(sum);
              tapAt(tap);
              f.mem("v128.load").op(e.add).set(sum);
            }
            f.get(to).get(sum).mem("v128.store");
          });
          columns(1, () => {
            f.get(to).mem(e.load).set(scalar);
            for (let tap = 0; tap < taps; tap++) {
              f.get(scalar);
              tapAt(tap);
              f.mem(e.load).op(e.addScalar).set(scalar);
            }
            f.get(to).get(scalar).mem(e.store);
          });
        } else {
          for (let tap = 0; tap < taps; tap++) {
            f.get(scratch).i32(margin).op("i32.add").get(p.tapRow).i32(tap).op("i32.mul").op("i32.add").set(at);
            f.i32(tap * step).get(p.padX).op("i32.sub").set(column);
            assign(f, x, 0);
            forEach(f, x, p.outWidth, 1, () => {
              f.get(column).get(p.width).op("i32.lt_u");
              f.if(() => {
                f.get(to).get(column).i32(e.bytes).op("i32.mul").op("i32.add").tee(end);
                f.get(end).mem(e.load).get(at).mem(e.load).op(e.addScalar).mem(e.store);
              });
              f.add(column, p.strideX).add(at, e.bytes);
            });
          }
        }
      }, () => f.add(from, p.foldRow));
      f.add(rowAt, 1);
    });
    f.add(sliceAt, 1);
  });
}

/** Zeros before each tap's row, in elements: the filter's reach, rounded up to whole vectors. */
export function marginOf(taps: number, dilation: number, lanes: number): number {
  return Math.ceil(((taps - 1) * dilation) / lanes) * lanes;
}
