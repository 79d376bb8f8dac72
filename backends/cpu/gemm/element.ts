/**
 * The two element types of the linear-algebra kernels, as instruction names: one emitter writes both the float32 and the
 * float64 kernel from this table. With `fused`, multiply-add is one relaxed instruction, rounded once where the machine
 * has it; products of matrices may use it, random numbers and bases never do.
 */

import type { FloatDType } from "../../../src/tensor/dtype.ts";
import type { FunctionBuilder, LaneOp, Local, MemoryOp, PlainOp, ValueType } from "../wasm/assembler.ts";

/** Instructions of one element type. */
export interface Element {
  /** The element type. */
  readonly dtype: FloatDType;
  /** Its size. */
  readonly bytes: number;
  /** Elements in a vector. */
  readonly lanes: number;
  /** The scalar's type in locals. */
  readonly type: ValueType;
  /** Whether multiply-add is one instruction. */
  readonly fused: boolean;
  /** Loads a scalar. */
  readonly load: MemoryOp;
  /** Stores a scalar. */
  readonly store: MemoryOp;
  /** Loads a scalar into all lanes. */
  readonly loadSplat: MemoryOp;
  /** Puts a scalar into all lanes. */
  readonly splat: PlainOp;
  /** Adds vectors. */
  readonly add: PlainOp;
  /** Multiplies vectors. */
  readonly mul: PlainOp;
  /** Adds scalars. */
  readonly addScalar: PlainOp;
  /** Multiplies scalars. */
  readonly mulScalar: PlainOp;
  /** Extracts a lane. */
  readonly extract: LaneOp;
}

/** The instructions of `dtype`. */
export function element(dtype: FloatDType, fused: boolean): Element {
  return dtype === "float32"
    ? {
      dtype,
      bytes: 4,
      lanes: 4,
      type: "f32",
      fused,
      load: "f32.load",
      store: "f32.store",
      loadSplat: "v128.load32_splat",
      splat: "f32x4.splat",
      add: "f32x4.add",
      mul: "f32x4.mul",
      addScalar: "f32.add",
      mulScalar: "f32.mul",
      extract: "f32x4.extract_lane",
    }
    : {
      dtype,
      bytes: 8,
      lanes: 2,
      type: "f64",
      fused,
      load: "f64.load",
      store: "f64.store",
      loadSplat: "v128.load64_splat",
      splat: "f64x2.splat",
      add: "f64x2.add",
      mul: "f64x2.mul",
      addScalar: "f64.add",
      mulScalar: "f64.mul",
      extract: "f64x2.extract_lane",
    };
}

/** `sum += a · b` for vector locals. */
export function multiplyAdd(f: FunctionBuilder, e: Element, sum: Local, a: Local, b: Local): void {
  if (e.fused) {
    f.get(a).get(b).get(sum).op(e.dtype === "float32" ? "f32x4.relaxed_madd" : "f64x2.relaxed_madd").set(sum);
  } else {
    f.get(sum).get(a).get(b).op(e.mul).op(e.add).set(sum);
  }
}

/** `while (index < end) { body; index += step }` for signed i32 locals; `index` keeps its value before. */
export function forEach(f: FunctionBuilder, index: Local, end: Local, step: number | Local, body: () => void): void {
  f.block((exit) => {
    f.loop((next) => {
      f.get(index).get(end).op("i32.ge_s").brIf(exit);
      body();
      f.add(index, step).br(next);
    });
  });
}

/** The same for addresses, which are unsigned: half of a large memory lies beyond 2³¹. */
export function forAddresses(f: FunctionBuilder, address: Local, end: Local, step: number, body: () => void): void {
  f.block((exit) => {
    f.loop((next) => {
      f.get(address).get(end).op("i32.ge_u").brIf(exit);
      body();
      f.add(address, step).br(next);
    });
  });
}

/** `local = value`. */
export function assign(f: FunctionBuilder, local: Local, value: number): void {
  f.i32(value).set(local);
}

/** `result = min(a - b, limit)` for i32 locals. */
export function remaining(f: FunctionBuilder, result: Local, a: Local, b: Local, limit: number): void {
  f.get(a).get(b).op("i32.sub").tee(result).i32(limit);
  f.get(result).i32(limit).op("i32.lt_s").op("select").set(result);
}
