/**
 * The kernels of pooling: windows over up to three axes of many planes, with the part of each window that lies inside the
 * input taken from tables. Maxima and averages take four (float64: two) neighbouring windows at once where all their
 * columns lie inside.
 */

import type { FloatDType } from "../../src/tensor/dtype.ts";
import { assign, type Element, element, forEach } from "./gemm/element.ts";
import { type FunctionBuilder, type Local, ModuleBuilder } from "./wasm/assembler.ts";

/**
 * int32 words of a pooling's parameters. Strides are in bytes, of batch, channel, depth, row, column; `from` is the operand
 * that windows are read from, `to` the one that is written, `index` the positions of maxima.
 */
export const POOL = {
  from: 0,
  to: 1,
  index: 2,
  channels: 3,
  fromStrides: 4,
  toStrides: 9,
  indexStrides: 14,
  /** Sizes of `to`: depth, rows, columns. */
  sizes: 19,
  /** Addresses of the axes' tables. */
  tables: 22,
  /** Distance of a window's elements along each axis, in elements. */
  dilation: 25,
  /** Rows and columns of `from`. */
  fromRows: 28,
  fromColumns: 29,
  /** Columns of `to` whose windows lie inside: from, to. */
  insideBegin: 30,
  insideEnd: 31,
  /** Columns of `from` from one window to the next. */
  columnStep: 32,
  /** Addresses of the divisors along each axis, indexed by the position in `from`: for the gradient. */
  divisors: 33,
} as const;

/** Number of words. */
export const POOL_WORDS = 36;

/** int32 words of a table's row: first position in `from`, number of positions, divisor. */
export const POOL_ROW_WORDS = 3;

/**
 * The module, with the exports `maxPool`, `averagePool` and `averagePoolGradient`, each `(params, begin, end)` for the planes
 * [begin, end).
 */
export function buildPoolModule(dtype: FloatDType, shared: boolean): Uint8Array {
  const e = element(dtype, false);
  const module = new ModuleBuilder({ shared });
  emitMaxPool(module, e);
  emitAveragePool(module, e);
  emitAveragePoolGradient(module, e);
  return module.toBytes();
}

/** An axis of `to` in the loop nest of one plane. */
interface Axis {
  readonly size: Local;
  readonly index: Local;
  readonly row: Local;
  readonly first: Local;
  readonly count: Local;
  readonly divisor: Local;
  readonly dilation: Local;
  readonly fromStep: Local;
  readonly fromStride: Local;
  readonly toStride: Local;
  readonly indexStride: Local;
  /** Addresses in `from`, `to` and `index` of the present position along this axis and those outside it. */
  readonly to: Local;
  readonly at: Local;
}

interface Nest {
  readonly axes: readonly Axis[];
  readonly planeFrom: Local;
  readonly word: (at: number) => Local;
}

/** The loops over planes, depth, rows and columns; `body` handles the present column and returns nothing. */
function nest(f: FunctionBuilder, indices: boolean, body: (n: Nest) => void, step: (n: Nest) => void): void {
  const [params, plane, end] = f.params;
  const word = (at: number): Local => {
    const local = f.local("i32");
    f.get(params).mem("i32.load", 4 * at).set(local);
    return local;
  };
  const [from, to, index, channels] = [POOL.from, POOL.to, POOL.index, POOL.channels].map(word);
  const [planeFrom, planeTo, planeIndex, batch, channel] = f.locals("i32", 5);
  const axes = [0, 1, 2].map((axis): Axis => {
    const dilation = word(POOL.dilation + axis);
    const fromStride = word(POOL.fromStrides + 2 + axis);
    const fromStep = f.local("i32");
    f.get(dilation).get(fromStride).op("i32.mul").set(fromStep);
    const [position, row, first, count, divisor, toAddress, indexAddress] = f.locals("i32", 7);
    return {
      size: word(POOL.sizes + axis),
      index: position,
      row,
      first,
      count,
      divisor,
      dilation,
      fromStep,
      fromStride,
      toStride: word(POOL.toStrides + 2 + axis),
      indexStride: word(POOL.indexStrides + 2 + axis),
      to: toAddress,
      at: indexAddress,
    };
  });
  const outer = [
    { base: from, strides: POOL.fromStrides, result: planeFrom },
    { base: to, strides: POOL.toStrides, result: planeTo },
    ...(indices ? [{ base: index, strides: POOL.indexStrides, result: planeIndex }] : []),
  ].map((operand) => ({ ...operand, batch: word(operand.strides), channel: word(operand.strides + 1) }));
  const tables = [0, 1, 2].map((axis) => word(POOL.tables + axis));
  const n: Nest = { axes, planeFrom, word };
  const level = (axis: number) => {
    const own = axes[axis];
    f.get(axis === 0 ? planeTo : axes[axis - 1].to).set(own.to);
    if (indices) f.get(axis === 0 ? planeIndex : axes[axis - 1].at).set(own.at);
    f.get(tables[axis]).set(own.row);
    assign(f, own.index, 0);
    f.block((exit) => {
      f.loop((next) => {
        f.get(own.index).get(own.size).op("i32.ge_s").brIf(exit);
        [own.first, own.count, own.divisor].forEach((local, i) => f.get(own.row).mem("i32.load", 4 * i).set(local));
        if (axis === 2) {
          body(n);
          step(n);
        } else {
          level(axis + 1);
          f.add(own.index, 1).add(own.row, 4 * POOL_ROW_WORDS).add(own.to, own.toStride);
          if (indices) f.add(own.at, own.indexStride);
        }
        f.br(next);
      });
    });
  };
  forEach(f, plane, end, 1, () => {
    f.get(plane).get(channels).op("i32.div_u").set(batch);
    f.get(plane).get(channels).op("i32.rem_u").set(channel);
    for (const operand of outer) {
      f.get(operand.base).get(batch).get(operand.batch).op("i32.mul").op("i32.add");
      f.get(channel).get(operand.channel).op("i32.mul").op("i32.add").set(operand.result);
    }
    level(0);
  });
}

/** Advances the innermost axis by one column or, for the vector path, by several. */
function advance(f: FunctionBuilder, n: Nest, columns: number, indices: boolean): void {
  const own = n.axes[2];
  f.add(own.index, columns).add(own.row, 4 * POOL_ROW_WORDS * columns);
  f.get(own.to).get(own.toStride).i32(columns).op("i32.mul").op("i32.add").set(own.to);
  if (indices) f.get(own.at).get(own.indexStride).i32(columns).op("i32.mul").op("i32.add").set(own.at);
}

/** Locals of the loops over a window. */
interface WindowLoop {
  readonly counters: readonly Local[];
  readonly addresses: readonly Local[];
}

function windowLocals(f: FunctionBuilder): WindowLoop {
  return { counters: f.locals("i32", 3), addresses: f.locals("i32", 3) };
}

/** Visits the window's elements; `visit` gets the address and the counters. */
function forWindow(
  f: FunctionBuilder,
  n: Nest,
  loop: WindowLoop,
  visit: (address: Local) => void,
): void {
  const level = (axis: number) => {
    const own = n.axes[axis];
    f.get(axis === 0 ? n.planeFrom : loop.addresses[axis - 1]);
    f.get(own.first).get(own.fromStride).op("i32.mul").op("i32.add").set(loop.addresses[axis]);
    assign(f, loop.counters[axis], 0);
    forEach(f, loop.counters[axis], own.count, 1, () => {
      if (axis === 2) visit(loop.addresses[2]);
      else level(axis + 1);
      f.add(loop.addresses[axis], own.fromStep);
    });
  };
  level(0);
}

/** Pushes the row-major position in the plane of the window's present element. */
function pushPosition(f: FunctionBuilder, n: Nest, rows: Local, columns: Local, counters?: readonly Local[]): void {
  n.axes.forEach((axis, i) => {
    if (i > 0) f.get(i === 1 ? rows : columns).op("i32.mul");
    f.get(axis.first);
    if (counters !== undefined) f.get(counters[i]).get(axis.dilation).op("i32.mul").op("i32.add");
    if (i > 0) f.op("i32.add");
  });
}

/** Pushes a vector of elements `bytes` apart: one load where they are neighbours, two for every second one, else four. */
function loadColumns(f: FunctionBuilder, e: Element, address: Local, step: Local): void {
  f.get(step).i32(e.bytes).op("i32.eq");
  f.if(() => f.get(address).mem("v128.load"), () => {
    f.get(step).i32(2 * e.bytes).op("i32.eq");
    f.if(
      () => {
        // The second load begins early, so that nothing behind the last element is read.
        f.get(address).mem("v128.load").get(address).mem("v128.load", (e.lanes - 1) * e.bytes);
        if (e.lanes === 4) f.shuffle32(0, 2, 5, 7);
        else f.shuffle64(0, 3);
      },
      () => {
        const cursor = f.local("i32");
        f.get(address).mem(e.loadSplat);
        const vector = f.local("v128");
        f.set(vector).get(address).set(cursor);
        for (let lane = 1; lane < e.lanes; lane++) {
          f.add(cursor, step).get(cursor).get(vector);
          f.memLane(e.lanes === 4 ? "v128.load32_lane" : "v128.load64_lane", lane).set(vector);
        }
        f.get(vector);
        f.release(cursor, vector);
      },
      "v128",
    );
  }, "v128");
}

function pushZero(f: FunctionBuilder, e: Element, value = 0): void {
  if (e.type === "f32") f.f32(value);
  else f.f64(value);
}

function emitMaxPool(module: ModuleBuilder, e: Element): void {
  const f = module.function(["i32", "i32", "i32"], [], "maxPool");
  const loop = windowLocals(f);
  const best = f.local(e.type);
  const value = f.local(e.type);
  const where = f.local("i32");
  const [bestVector, whereVector, valueVector, chosen, laneSteps] = f.locals("v128", 5);
  const [rows, columns, insideBegin, insideEnd, columnStep, vectors, step, done] = f.locals("i32", 8);
  const params = f.params[0];
  const load = (local: Local, at: number) => f.get(params).mem("i32.load", 4 * at).set(local);
  load(rows, POOL.fromRows);
  load(columns, POOL.fromColumns);
  load(insideBegin, POOL.insideBegin);
  load(insideEnd, POOL.insideEnd);
  load(columnStep, POOL.columnStep);
  if (e.lanes === 4) {
    f.i32x4(0, 1, 2, 3).get(columnStep).op("i32x4.splat").op("i32x4.mul").set(laneSteps);
    f.get(params).mem("i32.load", 4 * (POOL.fromStrides + 4)).get(columnStep).op("i32.mul").set(step);
    // Vectors are stored whole, so results and positions must lie side by side.
    f.get(params).mem("i32.load", 4 * (POOL.toStrides + 4)).i32(4).op("i32.eq");
    f.get(params).mem("i32.load", 4 * (POOL.indexStrides + 4)).i32(4).op("i32.eq").op("i32.and").set(vectors);
  }
  const scalar = (n: Nest) => {
    pushZero(f, e, -Infinity);
    f.set(best);
    f.get(n.axes[0].count).get(n.axes[1].count).op("i32.mul").get(n.axes[2].count).op("i32.mul");
    f.if(() => pushPosition(f, n, rows, columns), () => f.i32(0), "i32").set(where);
    forWindow(f, n, loop, (address) => {
      f.get(address).mem(e.load).tee(value).get(best).op(e.type === "f32" ? "f32.gt" : "f64.gt");
      f.get(value).get(value).op(e.type === "f32" ? "f32.ne" : "f64.ne");
      f.get(best).get(best).op(e.type === "f32" ? "f32.eq" : "f64.eq").op("i32.and").op("i32.or");
      f.if(() => {
        f.get(value).set(best);
        pushPosition(f, n, rows, columns, loop.counters);
        f.set(where);
      });
    });
    f.get(n.axes[2].to).get(best).mem(e.store);
    f.get(n.axes[2].at).get(where).mem("i32.store");
  };
  const vector = (n: Nest) => {
    f.f32x4(-Infinity).set(bestVector);
    pushPosition(f, n, rows, columns);
    f.op("i32x4.splat").get(laneSteps).op("i32x4.add").set(whereVector);
    forWindow(f, n, loop, (address) => {
      loadColumns(f, e, address, step);
      f.tee(valueVector).get(bestVector).op("f32x4.gt");
      f.get(valueVector).get(valueVector).op("f32x4.ne").get(bestVector).get(bestVector).op("f32x4.eq");
      f.op("v128.and").op("v128.or").set(chosen);
      f.get(valueVector).get(bestVector).get(chosen).op("v128.bitselect").set(bestVector);
      pushPosition(f, n, rows, columns, loop.counters);
      f.op("i32x4.splat").get(laneSteps).op("i32x4.add");
      f.get(whereVector).get(chosen).op("v128.bitselect").set(whereVector);
    });
    f.get(n.axes[2].to).get(bestVector).mem("v128.store");
    f.get(n.axes[2].at).get(whereVector).mem("v128.store");
  };
  nest(f, true, (n) => {
    if (e.lanes !== 4) {
      scalar(n);
      return;
    }
    pushInside(f, n, insideBegin, insideEnd, e.lanes);
    f.get(vectors).op("i32.and").get(n.axes[0].count).op("i32.eqz").op("i32.eqz").op("i32.and");
    f.get(n.axes[1].count).op("i32.eqz").op("i32.eqz").op("i32.and").tee(done);
    f.if(() => vector(n), () => scalar(n));
  }, (n) => {
    if (e.lanes !== 4) {
      advance(f, n, 1, true);
      return;
    }
    f.get(done).if(() => advance(f, n, 4, true), () => advance(f, n, 1, true));
  });
}

/** Pushes whether the windows of the next `lanes` columns lie inside. */
function pushInside(f: FunctionBuilder, n: Nest, begin: Local, end: Local, lanes: number): void {
  f.get(n.axes[2].index).get(begin).op("i32.ge_s");
  f.get(n.axes[2].index).i32(lanes).op("i32.add").get(end).op("i32.le_s").op("i32.and");
}

/** Pushes the present window's divisor as a float. */
function pushDivisor(f: FunctionBuilder, e: Element, n: Nest): void {
  f.get(n.axes[0].divisor).get(n.axes[1].divisor).op("i32.mul").get(n.axes[2].divisor).op("i32.mul");
  f.op(e.type === "f32" ? "f32.convert_i32_s" : "f64.convert_i32_s");
}

function emitAveragePool(module: ModuleBuilder, e: Element): void {
  const f = module.function(["i32", "i32", "i32"], [], "averagePool");
  const loop = windowLocals(f);
  const sum = f.local(e.type);
  const sumVector = f.local("v128");
  const [insideBegin, insideEnd, vectors, step, done] = f.locals("i32", 5);
  const params = f.params[0];
  f.get(params).mem("i32.load", 4 * POOL.insideBegin).set(insideBegin);
  f.get(params).mem("i32.load", 4 * POOL.insideEnd).set(insideEnd);
  f.get(params).mem("i32.load", 4 * (POOL.fromStrides + 4)).get(params).mem("i32.load", 4 * POOL.columnStep);
  f.op("i32.mul").set(step);
  f.get(params).mem("i32.load", 4 * (POOL.toStrides + 4)).i32(e.bytes).op("i32.eq").set(vectors);
  nest(f, false, (n) => {
    pushInside(f, n, insideBegin, insideEnd, e.lanes);
    f.get(vectors).op("i32.and").tee(done);
    f.if(() => {
      pushZero(f, e);
      f.op(e.splat).set(sumVector);
      forWindow(f, n, loop, (address) => {
        f.get(sumVector);
        loadColumns(f, e, address, step);
        f.op(e.add).set(sumVector);
      });
      f.get(n.axes[2].to).get(sumVector);
      pushDivisor(f, e, n);
      f.op(e.splat).op(e.lanes === 4 ? "f32x4.div" : "f64x2.div").mem("v128.store");
    }, () => {
      pushZero(f, e);
      f.set(sum);
      forWindow(f, n, loop, (address) => {
        f.get(sum).get(address).mem(e.load).op(e.addScalar).set(sum);
      });
      f.get(n.axes[2].to).get(sum);
      pushDivisor(f, e, n);
      f.op(e.type === "f32" ? "f32.div" : "f64.div").mem(e.store);
    });
  }, (n) => {
    f.get(done).if(() => advance(f, n, e.lanes, false), () => advance(f, n, 1, false));
  });
}

/** Here `to` is the input's gradient, and a position's "window" are the outputs whose windows contain it. */
function emitAveragePoolGradient(module: ModuleBuilder, e: Element): void {
  const f = module.function(["i32", "i32", "i32"], [], "averagePoolGradient");
  const loop = windowLocals(f);
  const sum = f.local(e.type);
  const params = f.params[0];
  const divisors = [0, 1, 2].map((axis) => {
    const local = f.local("i32");
    f.get(params).mem("i32.load", 4 * (POOL.divisors + axis)).set(local);
    return local;
  });
  nest(f, false, (n) => {
    pushZero(f, e);
    f.set(sum);
    forWindow(f, n, loop, (address) => {
      f.get(sum).get(address).mem(e.load);
      n.axes.forEach((axis, i) => {
        f.get(axis.first).get(loop.counters[i]).op("i32.add").i32(4).op("i32.mul").get(divisors[i]).op("i32.add");
        f.mem("i32.load");
        if (i > 0) f.op("i32.mul");
      });
      f.op(e.type === "f32" ? "f32.convert_i32_s" : "f64.convert_i32_s").op(e.type === "f32" ? "f32.div" : "f64.div");
      f.op(e.addScalar).set(sum);
    });
    f.get(n.axes[2].to).get(sum).mem(e.store);
  }, (n) => advance(f, n, 1, false));
}
