/**
 * Packing of a factor into panels: `width` neighbouring rows of A (or columns of B) side by side for each step of k, so
 * that the micro-kernel reads both factors in order whatever their strides are. The last panel is filled up with zeros.
 */

import type { FunctionBuilder, Local, ModuleBuilder } from "../wasm/assembler.ts";
import { assign, type Element, forEach, remaining } from "./element.ts";

/**
 * Adds a function `(target, source, count, k, acrossBytes, kBytes)`: packs `count` rows (columns), `acrossBytes` apart, of
 * `k` elements, `kBytes` apart, into panels `[k][width]`.
 */
export function emitPack(module: ModuleBuilder, e: Element, width: number): FunctionBuilder {
  const f = module.function(["i32", "i32", "i32", "i32", "i32", "i32"], []);
  const [target, source, count, k, across, kBytes] = f.params;
  const [done, width0, step, from, to, lane, address, blockEnd] = f.locals("i32", 8);
  const element = (name: "load" | "store") => f.mem(e.bytes === 4 ? `i32.${name}` : `i64.${name}`);
  assign(f, done, 0);
  forEach(f, done, count, width, () => {
    remaining(f, width0, count, done, width);
    f.get(source).get(done).get(across).op("i32.mul").op("i32.add").set(from);
    f.get(target).get(done).get(k).op("i32.mul").i32(e.bytes).op("i32.mul").op("i32.add").set(to);
    assign(f, step, 0);
    f.get(width0).i32(width).op("i32.eq");
    f.if(() => {
      f.get(across).i32(e.bytes).op("i32.eq");
      f.if(() => {
        forEach(f, step, k, 1, () => {
          copyBytes(f, to, from, width * e.bytes);
          f.add(from, kBytes).add(to, width * e.bytes);
        });
      }, () => {
        f.get(kBytes).i32(e.bytes).op("i32.eq");
        f.if(() => {
          f.get(k).i32(-e.lanes).op("i32.and").set(blockEnd);
          forEach(f, step, blockEnd, e.lanes, () => {
            f.get(from).set(address);
            transposeBlock(f, e, width, to, address, across);
            f.add(from, e.lanes * e.bytes).add(to, e.lanes * width * e.bytes);
          });
        });
        forEach(f, step, k, 1, () => {
          f.get(from).set(address);
          for (let i = 0; i < width; i++) {
            f.get(to).get(address);
            element("load");
            f.mem(e.bytes === 4 ? "i32.store" : "i64.store", i * e.bytes);
            f.add(address, across);
          }
          f.add(from, kBytes).add(to, width * e.bytes);
        });
      });
    }, () => {
      forEach(f, step, k, 1, () => {
        f.get(to).i32(0).i32(width * e.bytes).memoryFill();
        f.get(from).set(address);
        assign(f, lane, 0);
        forEach(f, lane, width0, 1, () => {
          f.get(to).get(lane).i32(e.bytes).op("i32.mul").op("i32.add").get(address);
          element("load");
          element("store");
          f.add(address, across);
        });
        f.add(from, kBytes).add(to, width * e.bytes);
      });
    });
  });
  return f;
}

/** Copies a fixed number of bytes, a multiple of 8. */
function copyBytes(f: FunctionBuilder, to: Local, from: Local, bytes: number): void {
  let at = 0;
  for (; at + 16 <= bytes; at += 16) f.get(to).get(from).mem("v128.load", at).mem("v128.store", at);
  for (; at + 8 <= bytes; at += 8) f.get(to).get(from).mem("i64.load", at).mem("i64.store", at);
}

/** Transposes `width` rows of one vector each into `lanes` packed steps; `address` ends behind the last row. */
function transposeBlock(f: FunctionBuilder, e: Element, width: number, to: Local, address: Local, across: Local): void {
  const rows = f.locals("v128", 4);
  const load = (row: Local) => f.get(address).mem("v128.load").set(row).add(address, across);
  const pitch = width * e.bytes;
  if (e.lanes === 2) {
    for (let at = 0; at < width; at += 2) {
      rows.slice(0, 2).forEach(load);
      f.get(to).get(rows[0]).get(rows[1]).shuffle64(0, 2).mem("v128.store", at * 8);
      f.get(to).get(rows[0]).get(rows[1]).shuffle64(1, 3).mem("v128.store", at * 8 + pitch);
    }
  } else {
    const [a, b, c, d] = rows;
    const [low, high] = f.locals("v128", 2);
    let at = 0;
    for (; at + 4 <= width; at += 4) {
      rows.forEach(load);
      for (const half of [0, 2]) {
        f.get(a).get(b).shuffle32(half, half + 4, half + 1, half + 5).set(low);
        f.get(c).get(d).shuffle32(half, half + 4, half + 1, half + 5).set(high);
        f.get(to).get(low).get(high).shuffle64(0, 2).mem("v128.store", at * 4 + half * pitch);
        f.get(to).get(low).get(high).shuffle64(1, 3).mem("v128.store", at * 4 + (half + 1) * pitch);
      }
    }
    if (at < width) {
      rows.slice(0, 2).forEach(load);
      for (const half of [0, 2]) {
        f.get(a).get(b).shuffle32(half, half + 4, half + 1, half + 5).set(low);
        f.get(to).get(low).memLane("v128.store64_lane", 0, at * 4 + half * pitch);
        f.get(to).get(low).memLane("v128.store64_lane", 1, at * 4 + (half + 1) * pitch);
      }
    }
    f.release(low, high);
  }
  f.release(...rows);
}
