/**
 * A notation for vector code: values are thunks that push one v128, so formulas are written as formulas
 * (`v.add(v.mul(a, b), c)`) and become stack code. `FloatLanes` covers f32x4 and f64x2 with one set of methods, so that
 * most numerical kernels are written once for both precisions.
 */

import type { FunctionBuilder, Local, ModuleBuilder, PlainOp } from "./wasm/assembler.ts";

/** Pushes one value when run. A thunk that is used twice computes twice: `keep` it first. */
export type Code = () => void;

/** Where vector code goes: a function, and the locals that the current computation holds. */
export class VectorCode {
  /** The module, for helper functions. */
  readonly module: ModuleBuilder;
  /** The function. */
  readonly f: FunctionBuilder;
  /** Whether fused multiply-add may be used where it does not decide about correctness. */
  readonly fused: boolean;
  readonly #helpers: Map<string, FunctionBuilder>;
  #kept: Local[] = [];

  /**
   * @param fused Use relaxed SIMD's multiply-add.
   * @param helpers Helper functions made so far in the module, by name; shared by all functions of the module.
   */
  constructor(module: ModuleBuilder, f: FunctionBuilder, fused: boolean, helpers: Map<string, FunctionBuilder>) {
    this.module = module;
    this.f = f;
    this.fused = fused;
    this.#helpers = helpers;
  }

  /** The same place with plain multiplications and additions, sharing the locals that are held. */
  unfused(): VectorCode {
    const code = new VectorCode(this.module, this.f, false, this.#helpers);
    code.#kept = this.#kept;
    return code;
  }

  /** Runs `body` and releases the locals that were kept in it. */
  scoped(body: () => void): void {
    const outer = this.#kept;
    this.#kept = [];
    body();
    this.f.release(...this.#kept);
    this.#kept = outer;
  }

  /** Computes a value now and holds it until the end of the scope. */
  keep(code: Code): Code {
    const local = this.keepLocal(code);
    return () => this.f.get(local);
  }

  /** The same, giving the local itself. */
  keepLocal(code: Code): Local {
    code();
    const local = this.f.local("v128");
    this.#kept.push(local);
    this.f.set(local);
    return local;
  }

  /** An instruction applied to operands. */
  op(name: PlainOp, ...operands: readonly Code[]): Code {
    return () => {
      for (const operand of operands) operand();
      this.f.op(name);
    };
  }

  /** A shift of all lanes by a fixed count. */
  shift(
    name: "i32x4.shl" | "i32x4.shr_s" | "i32x4.shr_u" | "i64x2.shl" | "i64x2.shr_s" | "i64x2.shr_u",
    value: Code,
    count: number,
  ): Code {
    return () => {
      value();
      this.f.i32(count).op(name);
    };
  }

  /** A shuffle of 32-bit lanes: 0-3 of `a`, 4-7 of `b`. */
  shuffle32(a: Code, b: Code, lanes: readonly [number, number, number, number]): Code {
    return () => {
      a();
      b();
      this.f.shuffle32(...lanes);
    };
  }

  /** `whenTrue` in the bits where `mask` is set, else `whenFalse`. */
  bitselect(mask: Code, whenTrue: Code, whenFalse: Code): Code {
    return this.op("v128.bitselect", whenTrue, whenFalse, mask);
  }

  /** Four equal f32, from a local set at the function's entry. */
  f32(value: number): Code {
    return this.#constant(Float32Array.of(value, value, value, value));
  }

  /** Two equal f64. */
  f64(value: number): Code {
    return this.#constant(Float64Array.of(value, value));
  }

  /** Four i32. */
  i32(a: number, b: number = a, c: number = a, d: number = a): Code {
    return this.#constant(Int32Array.of(a, b, c, d));
  }

  /** Two equal i64. */
  i64(value: bigint): Code {
    return this.#constant(BigInt64Array.of(value, value));
  }

  /** A helper function of the module, made at its first use. */
  helper(name: string, make: (module: ModuleBuilder) => FunctionBuilder): FunctionBuilder {
    let helper = this.#helpers.get(name);
    if (helper === undefined) {
      helper = make(this.module);
      this.#helpers.set(name, helper);
    }
    return helper;
  }

  /** The lanes of a float type in this function. */
  floats(type: FloatLanes["type"]): FloatLanes {
    return new FloatLanes(this, type);
  }

  #constant(values: Float32Array | Float64Array | Int32Array | BigInt64Array): Code {
    const local = this.f.constant(new Uint8Array(values.buffer));
    return () => this.f.get(local);
  }
}

/** An operand of a float operation; a number is a constant in all lanes. */
export type FloatOperand = Code | number;

/** Operations on f32x4 or f64x2, and on the integers of the same width that hold their bits. */
export class FloatLanes {
  /** Where the code goes. */
  readonly code: VectorCode;
  /** The vector type. */
  readonly type: "f32x4" | "f64x2";
  /** Its bits as integers. */
  readonly ints: "i32x4" | "i64x2";
  /** Whether this is f64x2. */
  readonly wide: boolean;
  /** Bits of the significand that are stored: 23 or 52. */
  readonly significandBits: number;
  /** The exponent's bias: 127 or 1023. */
  readonly bias: number;
  /** 1.5 · 2^significandBits: adding it to a small number rounds that to an integer, which then stands in the low bits. */
  readonly magic: number;

  /** Use `VectorCode.floats`. */
  constructor(code: VectorCode, type: "f32x4" | "f64x2") {
    this.code = code;
    this.type = type;
    this.wide = type === "f64x2";
    this.ints = this.wide ? "i64x2" : "i32x4";
    this.significandBits = this.wide ? 52 : 23;
    this.bias = this.wide ? 1023 : 127;
    this.magic = this.wide ? 6755399441055744 : 12582912;
  }

  /** A constant in all lanes. */
  constant(value: number): Code {
    return this.wide ? this.code.f64(value) : this.code.f32(value);
  }

  /** An integer in all lanes of the bits. */
  bits(value: number | bigint): Code {
    return this.wide ? this.code.i64(BigInt(value)) : this.code.i32(Number(value));
  }

  /** The bit pattern of the sign in all lanes. */
  signBit(): Code {
    return this.bits(this.wide ? -(2n ** 63n) : -0x80000000);
  }

  /** An operand as code. */
  operand(x: FloatOperand): Code {
    return typeof x === "number" ? this.constant(x) : x;
  }

  /** Computes now and holds until the end of the scope. */
  keep(x: Code): Code {
    return this.code.keep(x);
  }

  /** `a + b` */
  add(a: FloatOperand, b: FloatOperand): Code {
    return this.#op("add", a, b);
  }
  /** `a − b` */
  sub(a: FloatOperand, b: FloatOperand): Code {
    return this.#op("sub", a, b);
  }
  /** `a · b` */
  mul(a: FloatOperand, b: FloatOperand): Code {
    return this.#op("mul", a, b);
  }
  /** `a ÷ b` */
  div(a: FloatOperand, b: FloatOperand): Code {
    return this.#op("div", a, b);
  }
  /** The smaller one; NaN if one is NaN; −0 below 0. */
  min(a: FloatOperand, b: FloatOperand): Code {
    return this.#op("min", a, b);
  }
  /** The greater one; NaN if one is NaN; −0 below 0. */
  max(a: FloatOperand, b: FloatOperand): Code {
    return this.#op("max", a, b);
  }
  /** `bound` where `x < bound`, else `x`: NaN stays. One instruction, unlike `max`. */
  atLeast(x: FloatOperand, bound: number): Code {
    return this.#op("pmax", x, bound);
  }
  /** `bound` where `x > bound`, else `x`: NaN stays. One instruction, unlike `min`. */
  atMost(x: FloatOperand, bound: number): Code {
    return this.#op("pmin", x, bound);
  }
  /** `x` limited to `[low, high]`; NaN stays. */
  clamp(x: FloatOperand, low: number, high: number): Code {
    return this.atMost(this.atLeast(x, low), high);
  }
  /** `−x` */
  neg(x: FloatOperand): Code {
    return this.#op("neg", x);
  }
  /** `|x|` */
  abs(x: FloatOperand): Code {
    return this.#op("abs", x);
  }
  /** `√x` */
  sqrt(x: FloatOperand): Code {
    return this.#op("sqrt", x);
  }
  /** The greatest integer not above `x`. */
  floor(x: FloatOperand): Code {
    return this.#op("floor", x);
  }
  /** The smallest integer not below `x`. */
  ceil(x: FloatOperand): Code {
    return this.#op("ceil", x);
  }
  /** The integer part. */
  trunc(x: FloatOperand): Code {
    return this.#op("trunc", x);
  }
  /** The nearest integer, ties to even. */
  nearest(x: FloatOperand): Code {
    return this.#op("nearest", x);
  }

  /** `a · b + c`, fused where allowed and present: the result's last bit may differ between machines. */
  madd(a: FloatOperand, b: FloatOperand, c: FloatOperand): Code {
    if (!this.code.fused) return this.add(this.mul(a, b), c);
    return this.#op("relaxed_madd", a, b, c);
  }

  /** A polynomial in `z` by Horner's rule, coefficients from the lowest. `z` is pushed once per coefficient: keep it. */
  polynomial(z: Code, coefficients: readonly number[]): Code {
    let sum: FloatOperand = coefficients[coefficients.length - 1];
    for (let i = coefficients.length - 2; i >= 0; i--) sum = this.madd(sum, z, coefficients[i]);
    return this.operand(sum);
  }

  /** A mask: all bits of a lane set where the comparison holds. */
  compare(op: "eq" | "ne" | "lt" | "gt" | "le" | "ge", a: FloatOperand, b: FloatOperand): Code {
    return this.#op(op, a, b);
  }

  /** `whenTrue` where the mask is set, else `whenFalse`. */
  select(mask: Code, whenTrue: FloatOperand, whenFalse: FloatOperand): Code {
    return this.code.bitselect(mask, this.operand(whenTrue), this.operand(whenFalse));
  }

  /** The magnitude of `magnitude` with the sign of `sign`. */
  copySign(magnitude: FloatOperand, sign: Code): Code {
    return this.code.bitselect(this.signBit(), sign, this.operand(magnitude));
  }

  /** Sum of bits as integers. */
  intAdd(a: Code, b: Code): Code {
    return this.code.op(`${this.ints}.add`, a, b);
  }
  /** Difference of bits as integers. */
  intSub(a: Code, b: Code): Code {
    return this.code.op(`${this.ints}.sub`, a, b);
  }
  /** Bits shifted to the left. */
  shiftLeft(x: Code, count: number): Code {
    return this.code.shift(`${this.ints}.shl`, x, count);
  }
  /** Bits shifted to the right, zeros entering. */
  shiftRight(x: Code, count: number): Code {
    return this.code.shift(`${this.ints}.shr_u`, x, count);
  }
  /** Bitwise and. */
  and(a: Code, b: Code): Code {
    return this.code.op("v128.and", a, b);
  }
  /** Bitwise or. */
  or(a: Code, b: Code): Code {
    return this.code.op("v128.or", a, b);
  }
  /** Bitwise exclusive or. */
  xor(a: Code, b: Code): Code {
    return this.code.op("v128.xor", a, b);
  }

  /** `2^k` for integers k (as bits) for which that is a normal number. */
  powerOfTwo(k: Code): Code {
    return this.shiftLeft(this.intAdd(k, this.bits(this.bias)), this.significandBits);
  }

  /** The integer nearest to `x`, a small number: as a float, and as integer bits. Both are kept. */
  round(x: Code): { float: Code; bits: Code } {
    const shifted = this.keep(this.add(x, this.magic));
    const magicBits = this.wide ? 0x4338000000000000n : 0x4b400000;
    return {
      float: this.keep(this.sub(shifted, this.magic)),
      bits: this.keep(this.intSub(shifted, this.bits(magicBits))),
    };
  }

  #op(name: FloatOpName, ...operands: readonly FloatOperand[]): Code {
    return this.code.op(`${this.type}.${name}`, ...operands.map((operand) => this.operand(operand)));
  }
}

type FloatOpName =
  | ("add" | "sub" | "mul" | "div" | "min" | "max" | "pmin" | "pmax" | "neg" | "abs" | "sqrt" | "floor" | "ceil")
  | ("trunc" | "nearest" | "eq" | "ne" | "lt" | "gt" | "le" | "ge" | "relaxed_madd");

/**
 * Computes on f32x4 operands in f64x2 precision: `body` gets the two lower, then the two upper lanes, and its results
 * are rounded once.
 */
export function throughFloat64(
  v: FloatLanes,
  operands: readonly Code[],
  body: (wide: FloatLanes, operands: readonly Code[]) => Code,
): Code {
  const { code } = v;
  const wide = code.floats("f64x2");
  const kept = operands.map((operand) => code.keep(operand));
  const halves = [0, 1].map((half) =>
    code.keep(
      code.op("f32x4.demote_f64x2_zero", body(wide, kept.map((operand) => code.keep(promote(code, operand, half))))),
    )
  );
  return code.shuffle32(halves[0], halves[1], [0, 1, 4, 5]);
}

/** Lanes 0-1 (`half` 0) or 2-3 (`half` 1) of an f32x4 as f64x2. */
export function promote(code: VectorCode, x: Code, half: number): Code {
  return code.op("f64x2.promote_low_f32x4", half === 0 ? x : code.shuffle32(x, x, [2, 3, 2, 3]));
}
