/**
 * Rows of a channel folded along the row: sums and differences of mirrored taps for each vector of outputs, with zeros where taps
 * meet the padding; and the adjoint, which unfolds them and adds to the rows. Taps are read where they are, not from a copy.
 */

import { assign, type Element, forEach } from "../gemm/element.ts";
import type { FunctionBuilder, Local } from "../wasm/assembler.ts";
import { foldLocals, loadWords, PARAMETER, Temporaries, TILE, unfoldLocals } from "./frame.ts";
import { foldsOf } from "./parity.ts";
import type { GridFunctions } from "./projection.ts";

const WALK = ["depth", "height", "width", "padZ", "padY", "padX", "strideZ", "strideY", "vectors"] as const;

/** What `body` gets for a row: where it begins in the channel, and its first vector of folds. */
interface RowPlace {
  readonly row: Local;
  readonly folds: Local;
}

/** Visits the rows of a tile, those in the padding apart; both bodies get to the row's first vector of folds. */
function forRows(
  f: FunctionBuilder,
  { size }: GridFunctions,
  parameters: Local,
  tile: Local,
  channel: Local,
  scratch: Local,
  inside: (place: RowPlace, p: { readonly [name in typeof WALK[number]]: Local }, column: Local) => void,
  outside: ((place: RowPlace, p: { readonly [name in typeof WALK[number]]: Local }, column: Local) => void) | undefined,
): void {
  const p = loadWords(f, parameters, PARAMETER, [...WALK, "rowBytes", "sliceBytes"]);
  const t = loadWords(f, tile, TILE, ["z", "y", "rowsZ", "rowsY"]);
  const [slice, row, sliceAt, rowAt, from, folds, column] = f.locals("i32", 7);
  f.get(t.rowsZ).get(t.rowsY).op("i32.mul").i32(16 * size[2]).op("i32.mul").set(column);
  f.get(scratch).set(folds);
  f.get(t.z).get(p.strideZ).op("i32.mul").get(p.padZ).op("i32.sub").set(sliceAt);
  assign(f, slice, 0);
  forEach(f, slice, t.rowsZ, 1, () => {
    f.get(t.y).get(p.strideY).op("i32.mul").get(p.padY).op("i32.sub").set(rowAt);
    assign(f, row, 0);
    forEach(f, row, t.rowsY, 1, () => {
      f.get(sliceAt).get(p.depth).op("i32.lt_u").get(rowAt).get(p.height).op("i32.lt_u").op("i32.and");
      f.if(() => {
        f.get(channel).get(sliceAt).get(p.sliceBytes).op("i32.mul").op("i32.add");
        f.get(rowAt).get(p.rowBytes).op("i32.mul").op("i32.add").set(from);
        inside({ row: from, folds }, p, column);
      }, outside === undefined ? undefined : () => outside({ row: from, folds }, p, column));
      f.add(folds, 16 * size[2]).add(rowAt, 1);
    });
    f.add(sliceAt, 1);
  });
  f.release(...Object.values(p), ...Object.values(t), slice, row, sliceAt, rowAt, from, folds, column);
}

/** `max(a − subtrahend, 0)` into a new local. */
function positiveDifference(f: FunctionBuilder, a: Local, subtrahend: number): Local {
  const local = f.local("i32");
  f.get(a).i32(subtrahend).op("i32.sub").tee(local).i32(0).get(local).i32(0).op("i32.gt_s").op("select").set(local);
  return local;
}

/** `value` limited to [low, high]. */
function clamp(f: FunctionBuilder, value: Local, low: () => void, high: () => void): void {
  f.get(value);
  low();
  f.get(value);
  low();
  f.op("i32.gt_s").op("select").set(value);
  f.get(value);
  high();
  f.get(value);
  high();
  f.op("i32.lt_s").op("select").set(value);
}

/** int32 of each lane of an element: `first`, `first + step`, … */
function laneNumbers(f: FunctionBuilder, e: Element, first: number, step: number): Local {
  const list = e.lanes === 4
    ? [first, first + step, first + 2 * step, first + 3 * step]
    : [first, first, first + step, first + step];
  return f.constant(new Uint8Array(Int32Array.from(list).buffer));
}

/** The rows of a tile, folded: [vector][rowsZ][rowsY][fold] at `scratch`. */
export function emitFoldedRows(
  f: FunctionBuilder,
  e: Element,
  grid: GridFunctions,
  parameters: Local,
  tile: Local,
  source: Local,
  scratch: Local,
): void {
  const { size, dilation, step } = grid, taps = size[2];
  const folds = foldsOf(taps), temporaries = new Temporaries(f), zero = f.constant(new Uint8Array(16));
  const [column, at, to, index, clamped] = f.locals("i32", 5);
  const loaded = f.locals("v128", taps), [positions, widths] = f.locals("v128", 2);
  const loadLane = e.dtype === "float32" ? "v128.load32_lane" : "v128.load64_lane";
  /** Taps that all lie in the row. */
  const inner = () =>
    loaded.forEach((local, tap) => {
      const offset = tap * dilation[2] * e.bytes;
      if (step === 1) f.get(at).mem("v128.load", offset).set(local);
      else if (step === 2) {
        f.get(at).mem("v128.load", offset).get(at).mem("v128.load", offset + 16);
        if (e.lanes === 4) f.shuffle32(0, 2, 4, 6);
        else f.shuffle64(0, 2);
        f.set(local);
      } else {
        f.get(at).mem(e.loadSplat, offset).set(local);
        for (let lane = 1; lane < e.lanes; lane++) {
          f.get(at).get(local).memLane(loadLane, lane, offset + lane * step * e.bytes).set(local);
        }
      }
    });
  /** Taps of which some may lie in the padding: addresses stay in the row (or a vector beside it), lanes are masked. */
  const outer = (row: Local, width: Local) => {
    f.get(index).op("i32x4.splat").set(positions);
    f.get(width).op("i32x4.splat").set(widths);
    loaded.forEach((local, tap) => {
      const offset = tap * dilation[2];
      if (step === 1) {
        f.get(index).i32(offset).op("i32.add").set(clamped);
        clamp(f, clamped, () => f.i32(-e.lanes), () => f.get(width));
        f.get(row).get(clamped).i32(e.bytes).op("i32.mul").op("i32.add").mem("v128.load").set(local);
      } else {
        f.get(zero).set(local);
        for (let lane = 0; lane < e.lanes; lane++) {
          f.get(index).i32(offset + lane * step).op("i32.add").set(clamped);
          clamp(f, clamped, () => f.i32(0), () => f.get(width).i32(1).op("i32.sub"));
          f.get(row).get(clamped).i32(e.bytes).op("i32.mul").op("i32.add");
          f.get(local).memLane(loadLane, lane).set(local);
        }
      }
      f.get(positions).get(laneNumbers(f, e, offset, step)).op("i32x4.add").get(widths).op("i32x4.lt_u");
      f.get(local).op("v128.and").set(local);
    });
  };
  const reach = (taps - 1) * dilation[2] + e.lanes * step;
  let limit: Local | undefined;
  forRows(f, grid, parameters, tile, source, scratch, ({ row, folds: first }, p, columnBytes) => {
    limit = positiveDifference(f, p.width, reach - 1);
    const end = limit;
    f.get(first).set(to);
    f.i32(0).get(p.padX).op("i32.sub").set(index);
    assign(f, column, 0);
    forEach(f, column, p.vectors, 1, () => {
      f.get(index).get(end).op("i32.lt_u");
      f.if(() => {
        f.get(row).get(index).i32(e.bytes).op("i32.mul").op("i32.add").set(at);
        inner();
      }, () => outer(row, p.width));
      foldLocals(f, e, folds, loaded, temporaries).forEach((local, k) =>
        f.get(to).get(local).mem("v128.store", 16 * k)
      );
      temporaries.release();
      f.add(to, columnBytes).add(index, e.lanes * step);
    });
    f.release(end);
  }, ({ folds: first }, p, columnBytes) => {
    f.get(first).set(to);
    assign(f, column, 0);
    forEach(f, column, p.vectors, 1, () => {
      for (let k = 0; k < taps; k++) f.get(to).get(zero).mem("v128.store", 16 * k);
      f.add(to, columnBytes);
    });
  });
  f.release(column, at, to, index, clamped, ...loaded, positions, widths);
}

/** Adds the folded rows at `scratch`, unfolded along the row, to the rows of the channel at `target`. */
export function emitUnfoldedRows(
  f: FunctionBuilder,
  e: Element,
  grid: GridFunctions,
  parameters: Local,
  tile: Local,
  target: Local,
  scratch: Local,
): void {
  forRows(f, grid, parameters, tile, target, scratch, ({ row, folds: first }, p, columnBytes) => {
    if (grid.step <= 2) emitShiftedSums(f, e, grid, row, first, columnBytes, p);
    else emitScatteredSums(f, e, grid, row, first, columnBytes, p);
  }, undefined);
}

/** Loads the folds of a vector and unfolds them: one local for each tap. */
function loadTaps(f: FunctionBuilder, e: Element, taps: number, from: Local, temporaries: Temporaries): Local[] {
  const values = Array.from({ length: taps }, (_, k) => {
    const local = temporaries.make();
    f.get(from).mem("v128.load", 16 * k).set(local);
    return local;
  });
  return unfoldLocals(f, e, foldsOf(taps), values, temporaries).map((local) => local!);
}

type RowWords = { readonly width: Local; readonly padX: Local; readonly vectors: Local };

/** `row[u + lane] += value[lane]` where that lies in the row; `inner` is what u is below if all lanes do. */
function addToRow(
  f: FunctionBuilder,
  e: Element,
  row: Local,
  u: Local,
  width: Local,
  inner: Local,
  value: Local,
): void {
  const address = f.local("i32");
  f.get(row).get(u).i32(e.bytes).op("i32.mul").op("i32.add").set(address);
  f.get(u).get(inner).op("i32.lt_u");
  f.if(() => f.get(address).get(address).mem("v128.load").get(value).op(e.add).mem("v128.store"), () => {
    for (let lane = 0; lane < e.lanes; lane++) {
      f.get(u).i32(lane).op("i32.add").get(width).op("i32.lt_u");
      f.if(() => {
        f.get(address).get(address).mem(e.load, lane * e.bytes).get(value).lane(e.extract, lane).op(e.addScalar);
        f.mem(e.store, lane * e.bytes);
      });
    }
  });
  f.release(address);
}

/**
 * Steps of one or two: taps of neighbouring vectors are shifted in registers to where they belong and added; each part of the row
 * is read and written once.
 */
function emitShiftedSums(
  f: FunctionBuilder,
  e: Element,
  { size, dilation, step }: GridFunctions,
  row: Local,
  first: Local,
  columnBytes: Local,
  { width, padX, vectors }: RowWords,
): void {
  const taps = size[2], { lanes } = e, temporaries = new Temporaries(f);
  const zero = f.constant(new Uint8Array(16));
  const [column, columns, from, u] = f.locals("i32", 4), sum = f.local("v128");
  const inner = positiveDifference(f, width, lanes - 1);
  const current = f.locals("v128", taps);
  const lags = current.map((_, tap) => ({
    whole: Math.floor((tap * dilation[2]) / lanes),
    rest: (tap * dilation[2]) % lanes,
  }));
  // Vectors before the present one, the latest first.
  const history = lags.map(({ whole, rest }) => f.locals("v128", whole + (rest > 0 ? 1 : 0)));
  for (const local of history.flat()) f.get(zero).set(local);
  const behind = Math.ceil(Math.ceil(((taps - 1) * dilation[2]) / lanes) / step);
  f.get(vectors).i32(behind).op("i32.add").set(columns);
  f.get(first).set(from);
  f.i32(0).get(padX).op("i32.sub").set(u);
  assign(f, column, 0);
  forEach(f, column, columns, 1, () => {
    f.get(column).get(vectors).op("i32.lt_s");
    f.if(() => {
      loadTaps(f, e, taps, from, temporaries).forEach((local, tap) => f.get(local).set(current[tap]));
      temporaries.release();
    }, () => {
      for (const local of current) f.get(zero).set(local);
    });
    for (let part = 0; part < step; part++) {
      const spread = current.map((local) => {
        if (step === 1) return local;
        // Zeros between the outputs.
        const made = temporaries.make();
        f.get(local).get(zero);
        if (lanes === 4) f.shuffle32(2 * part, 4, 2 * part + 1, 4);
        else f.shuffle64(part, 2);
        f.set(made);
        return made;
      });
      lags.forEach(({ whole, rest }, tap) => {
        const at = (k: number) => k === 0 ? spread[tap] : history[tap][k - 1];
        if (rest === 0) f.get(at(whole));
        else {
          f.get(at(whole + 1)).get(at(whole));
          const order = Array.from({ length: lanes }, (_, m) => lanes - rest + m);
          if (lanes === 4) f.shuffle32(order[0], order[1], order[2], order[3]);
          else f.shuffle64(order[0], order[1]);
        }
        if (tap > 0) f.op(e.add);
      });
      f.set(sum);
      addToRow(f, e, row, u, width, inner, sum);
      history.forEach((list, tap) => {
        for (let k = list.length - 1; k >= 0; k--) f.get(k === 0 ? spread[tap] : list[k - 1]).set(list[k]);
      });
      f.add(u, lanes);
      temporaries.release();
    }
    f.add(from, columnBytes);
  });
  f.release(column, columns, from, u, sum, inner, ...current, ...history.flat());
}

/** Larger steps: element by element. */
function emitScatteredSums(
  f: FunctionBuilder,
  e: Element,
  { size, dilation, step }: GridFunctions,
  row: Local,
  first: Local,
  columnBytes: Local,
  { width, padX, vectors }: RowWords,
): void {
  const taps = size[2], temporaries = new Temporaries(f);
  const [column, from, u, at] = f.locals("i32", 4);
  f.get(first).set(from);
  f.i32(0).get(padX).op("i32.sub").set(u);
  assign(f, column, 0);
  forEach(f, column, vectors, 1, () => {
    loadTaps(f, e, taps, from, temporaries).forEach((local, tap) => {
      for (let lane = 0; lane < e.lanes; lane++) {
        f.get(u).i32(lane * step + tap * dilation[2]).op("i32.add").tee(at).get(width).op("i32.lt_u");
        f.if(() => {
          f.get(row).get(at).i32(e.bytes).op("i32.mul").op("i32.add").tee(at);
          f.get(at).mem(e.load).get(local).lane(e.extract, lane).op(e.addScalar).mem(e.store);
        });
      }
    });
    temporaries.release();
    f.add(u, e.lanes * step).add(from, columnBytes);
  });
  f.release(column, from, u, at);
}
