/**
 * Small kernels that move and add blocks between the steps of products and convolutions: a five-dimensional strided copy,
 * and the sum of partial results in a fixed order.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import { type Local, ModuleBuilder } from "../wasm/assembler.ts";
import { assign, type Element, element, forEach } from "./element.ts";

/** Axes of a rearrangement. */
export const REARRANGE_AXES = 5;

/** int32 words of a rearrangement's table: sizes, target strides in bytes, source strides in bytes. */
export const REARRANGE_WORDS = 3 * REARRANGE_AXES;

/**
 * The module, with the exports
 *
 * - `rearrange(table, target, source)`: copies the block that the table describes;
 * - `sum(params, begin, end)`: elements [begin, end) of a target become the sums of `count` sources, one after the other,
 *   with params `[target, source, count, bytes from one source to the next]`.
 */
export function buildRearrangeModule(dtype: FloatDType, shared: boolean): Uint8Array {
  const e = element(dtype, false);
  const module = new ModuleBuilder({ shared });
  emitRearrange(module, e);
  emitSum(module, e);
  return module.toBytes();
}

function emitRearrange(module: ModuleBuilder, e: Element): void {
  const f = module.function(["i32", "i32", "i32"], [], "rearrange");
  const [table, target, source] = f.params;
  const axes = Array.from({ length: REARRANGE_AXES }, (_, axis) => {
    const [size, targetStride, sourceStride, index, to, from] = f.locals("i32", 6);
    const word = (local: Local, at: number) => f.get(table).mem("i32.load", 4 * at).set(local);
    word(size, axis);
    word(targetStride, REARRANGE_AXES + axis);
    word(sourceStride, 2 * REARRANGE_AXES + axis);
    return { size, targetStride, sourceStride, index, to, from };
  });
  // Vectors where one side is contiguous; a vector is written or read lane by lane on the other side.
  const [toDense, fromDense, vectorEnd] = f.locals("i32", 3);
  const vector = f.local("v128");
  const inner = axes[REARRANGE_AXES - 1];
  f.get(inner.targetStride).i32(e.bytes).op("i32.eq").set(toDense);
  f.get(inner.sourceStride).i32(e.bytes).op("i32.eq").set(fromDense);
  f.get(toDense).get(fromDense).op("i32.or").get(inner.size).i32(-e.lanes).op("i32.and").op("i32.mul").set(vectorEnd);
  const [loadLane, storeLane] = e.lanes === 4
    ? ["v128.load32_lane", "v128.store32_lane"] as const
    : ["v128.load64_lane", "v128.store64_lane"] as const;
  const lanes = Array.from({ length: e.lanes }, (_, lane) => lane);
  const load = (own: typeof inner) => {
    f.get(fromDense);
    f.if(() => f.get(own.from).mem("v128.load").set(vector).add(own.from, 16), () => {
      for (const lane of lanes) {
        f.get(own.from).get(vector).memLane(loadLane, lane).set(vector).add(own.from, own.sourceStride);
      }
    });
  };
  const store = (own: typeof inner) => {
    f.get(toDense);
    f.if(() => f.get(own.to).get(vector).mem("v128.store").add(own.to, 16), () => {
      for (const lane of lanes) f.get(own.to).get(vector).memLane(storeLane, lane).add(own.to, own.targetStride);
    });
  };
  const nest = (axis: number, to: Local, from: Local) => {
    const own = axes[axis];
    f.get(to).set(own.to).get(from).set(own.from);
    assign(f, own.index, 0);
    if (axis === REARRANGE_AXES - 1) {
      forEach(f, own.index, vectorEnd, e.lanes, () => {
        load(own);
        store(own);
      });
    }
    forEach(f, own.index, own.size, 1, () => {
      if (axis === REARRANGE_AXES - 1) f.get(own.to).get(own.from).mem(e.load).mem(e.store);
      else nest(axis + 1, own.to, own.from);
      f.add(own.to, own.targetStride).add(own.from, own.sourceStride);
    });
  };
  nest(0, target, source);
}

function emitSum(module: ModuleBuilder, e: Element): void {
  const f = module.function(["i32", "i32", "i32"], [], "sum");
  const [params, begin, end] = f.params;
  const [target, source, count, step, from, left, vectorEnd] = f.locals("i32", 7);
  const total = f.local("v128");
  const scalar = f.local(e.type);
  [target, source, count, step].forEach((local, i) => f.get(params).mem("i32.load", 4 * i).set(local));
  for (const pointer of [target, source]) {
    f.get(pointer).get(begin).i32(e.bytes).op("i32.mul").op("i32.add").set(pointer);
  }
  f.get(begin).get(end).get(begin).op("i32.sub").i32(-e.lanes).op("i32.and").op("i32.add").set(vectorEnd);
  const gather = (first: () => void, next: () => void) => {
    f.get(source).set(from).get(count).i32(1).op("i32.sub").set(left);
    first();
    f.block((exit) => {
      f.loop((again) => {
        f.get(left).op("i32.eqz").brIf(exit);
        f.add(from, step);
        next();
        f.add(left, -1).br(again);
      });
    });
  };
  forEach(f, begin, vectorEnd, e.lanes, () => {
    gather(
      () => f.get(from).mem("v128.load").set(total),
      () => f.get(total).get(from).mem("v128.load").op(e.add).set(total),
    );
    f.get(target).get(total).mem("v128.store").add(target, 16).add(source, 16);
  });
  forEach(f, begin, end, 1, () => {
    gather(
      () => f.get(from).mem(e.load).set(scalar),
      () => f.get(scalar).get(from).mem(e.load).op(e.addScalar).set(scalar),
    );
    f.get(target).get(scalar).mem(e.store).add(target, e.bytes).add(source, e.bytes);
  });
}
