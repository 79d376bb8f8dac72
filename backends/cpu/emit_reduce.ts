/**
 * Vector code of reductions: accumulators of four lanes, how values enter them and how lanes become one result. float32 sums
 * and products accumulate in float64, so that a result is rounded once, however many elements there are.
 */

import type { DType } from "../../src/tensor/dtype.ts";
import { REDUCE_OPS, type ReduceOp } from "../../src/tensor/expr_ops.ts";
import { CAST_EMITTERS, type Lanes, widenMask } from "./emit_ops.ts";
import type { Code, VectorCode } from "./lanes.ts";
import type { Local, PlainOp } from "./wasm/assembler.ts";

/** How a reduction combines two vectors. */
interface ReduceEmitter {
  /** Of floats: the instruction behind `f32x4.` or `f64x2.`. max and min propagate NaN. */
  readonly float: "add" | "mul" | "max" | "min";
  /** Whether float32 accumulates in float64. */
  readonly widens: boolean;
  /** Of int32, wrapping. */
  readonly int32: PlainOp;
  /** Of masks. */
  readonly bool: PlainOp;
}

/** All reductions. */
export const REDUCE_EMITTERS: { readonly [Op in ReduceOp]: ReduceEmitter } = {
  sum: { float: "add", widens: true, int32: "i32x4.add", bool: "v128.or" },
  prod: { float: "mul", widens: true, int32: "i32x4.mul", bool: "v128.and" },
  max: { float: "max", widens: false, int32: "i32x4.max_s", bool: "v128.or" },
  min: { float: "min", widens: false, int32: "i32x4.min_s", bool: "v128.and" },
};

/** The type in which a reduction of `dtype` accumulates. */
export function accumulatorType(op: ReduceOp, dtype: DType): DType {
  return dtype === "float32" && REDUCE_EMITTERS[op].widens ? "float64" : dtype;
}

/** An accumulator of four lanes. */
export class Accumulator {
  readonly #code: VectorCode;
  readonly #op: ReduceOp;
  readonly #from: DType;
  readonly #type: DType;
  readonly #locals: readonly Local[];

  /** For values of type `dtype`. */
  constructor(code: VectorCode, op: ReduceOp, dtype: DType) {
    this.#code = code;
    this.#op = op;
    this.#from = dtype;
    this.#type = accumulatorType(op, dtype);
    this.#locals = code.f.locals("v128", this.#type === "float64" ? 2 : 1);
  }

  /** Sets it to the identity. */
  reset(): void {
    const identity = this.#identity();
    for (const local of this.#locals) {
      identity();
      this.#code.f.set(local);
    }
  }

  /** Combines a value into it; `mask` (i32x4, kept) says which lanes count. */
  accept(value: Lanes, mask?: Code): void {
    const code = this.#code;
    code.scoped(() => {
      let lanes = CAST_EMITTERS[this.#from][this.#type](code, value);
      if (mask !== undefined) {
        const masks = this.#type === "float64" ? widenMask(code, mask) : [mask];
        lanes = lanes.map((half, i) => code.bitselect(masks[i], half, this.#identity()));
      }
      this.#combineInto(lanes);
    });
  }

  /** Combines another one of the same kind into it. */
  merge(other: Accumulator): void {
    this.#combineInto(other.#lanes());
  }

  /** The four lanes as values of type `to`. */
  lanes(to: DType): Lanes {
    return CAST_EMITTERS[this.#type][to](this.#code, this.#lanes());
  }

  /** Combines the lanes; the result, of type `to`, is in lane 0 (of the first vector). */
  total(to: DType): Lanes {
    const code = this.#code;
    let sum: Code;
    if (this.#type === "float64") {
      const [low, high] = this.#lanes();
      const both = code.keep(this.#combine(low, high));
      sum = this.#combine(both, code.shuffle32(both, both, [2, 3, 0, 1]));
    } else {
      const [four] = this.#lanes();
      const two = code.keep(this.#combine(four, code.shuffle32(four, four, [2, 3, 0, 1])));
      sum = this.#combine(two, code.shuffle32(two, two, [1, 0, 3, 2]));
    }
    const kept = code.keep(sum);
    return CAST_EMITTERS[this.#type][to](code, this.#type === "float64" ? [kept, kept] : [kept]);
  }

  /** Gives its locals back. */
  release(): void {
    this.#code.f.release(...this.#locals);
  }

  #lanes(): Lanes {
    return this.#locals.map((local) => () => this.#code.f.get(local));
  }

  #combineInto(value: Lanes): void {
    const own = this.#lanes();
    this.#locals.forEach((local, i) => {
      this.#combine(own[i], value[i])();
      this.#code.f.set(local);
    });
  }

  #combine(a: Code, b: Code): Code {
    const row = REDUCE_EMITTERS[this.#op];
    if (this.#type === "float32") return this.#code.op(`f32x4.${row.float}`, a, b);
    if (this.#type === "float64") return this.#code.op(`f64x2.${row.float}`, a, b);
    return this.#code.op(this.#type === "int32" ? row.int32 : row.bool, a, b);
  }

  #identity(): Code {
    const value = REDUCE_OPS[this.#op].identity(this.#type);
    switch (this.#type) {
      case "float32":
        return this.#code.f32(value);
      case "float64":
        return this.#code.f64(value);
      case "int32":
        return this.#code.i32(value);
      case "bool":
        return this.#code.i32(value === 0 ? 0 : -1);
    }
  }
}
