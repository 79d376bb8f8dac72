/**
 * Philox4x32-10 random numbers as vector code, four counters at a time; the definition is src/tensor/philox.ts. Plain
 * multiplications and additions only, so that the numbers are the same on all machines.
 */

import type { FloatDType } from "../../src/tensor/dtype.ts";
import type { Distribution } from "../../src/tensor/expr.ts";
import { PHILOX_KEY_STEPS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS } from "../../src/tensor/philox.ts";
import { emitLogOfNormal } from "./emit_exponential.ts";
import { emitCosOfTurns } from "./emit_trigonometry.ts";
import { type Code, VectorCode } from "./lanes.ts";
import type { FunctionBuilder, Local, ModuleBuilder } from "./wasm/assembler.ts";

/** Low and high halves of the products of unsigned 32-bit lanes. */
function multiplyWide(code: VectorCode, a: Code, b: Code): { low: Code; high: Code } {
  const even = code.keep(code.op("i64x2.extmul_low_i32x4_u", a, b));
  const odd = code.keep(code.op("i64x2.extmul_high_i32x4_u", a, b));
  return {
    low: code.keep(code.shuffle32(even, odd, [0, 2, 4, 6])),
    high: code.keep(code.shuffle32(even, odd, [1, 3, 5, 7])),
  };
}

/**
 * Makes `philox(key0, key1, counter0, counter1, counter2) → four words`, all i32x4 (the last counter is 0). A function with a
 * loop over the rounds: ten rounds written out in each kernel would make it slow to build.
 */
function makePhilox(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(new Array<"v128">(5).fill("v128"), new Array<"v128">(4).fill("v128"));
  const code = new VectorCode(module, f, false, new Map());
  const [key0, key1, c0, c1, c2] = f.params;
  const c3 = f.local("v128"), round = f.local("i32");
  const get = (local: Local): Code => () => f.get(local);
  f.i32(PHILOX_ROUNDS).set(round);
  const multipliers = PHILOX_MULTIPLIERS.map((value) => code.i32(value));
  const steps = PHILOX_KEY_STEPS.map((value) => code.i32(value));
  f.loop((next) => {
    code.scoped(() => {
      const first = multiplyWide(code, get(c0), multipliers[0]);
      const second = multiplyWide(code, get(c2), multipliers[1]);
      code.op("v128.xor", code.op("v128.xor", second.high, get(c1)), get(key0))();
      f.set(c0);
      code.op("v128.xor", code.op("v128.xor", first.high, get(c3)), get(key1))();
      f.set(c2);
      second.low();
      f.set(c1);
      first.low();
      f.set(c3);
    });
    [key0, key1].forEach((key, i) => {
      code.op("i32x4.add", get(key), steps[i])();
      f.set(key);
    });
    f.get(round).i32(1).op("i32.sub").tee(round).brIf(next);
  });
  f.get(c0).get(c1).get(c2).get(c3);
  return f;
}

/** Computes the four output words for words `key0, key1, counter0, counter1, counter2` into locals. */
export function emitBlock(outer: VectorCode, words: readonly Code[], into: readonly Local[]): void {
  const code = outer.fused ? outer.unfused() : outer;
  emitPhilox(code, words).forEach((word, i) => {
    word();
    code.f.set(into[i]);
  });
}

/** The four output words (i32x4, kept) for words `key0, key1, counter0, counter1, counter2`. */
function emitPhilox(code: VectorCode, words: readonly Code[]): Code[] {
  for (const word of words) word();
  code.f.call(code.helper("philox", makePhilox));
  const kept = [3, 2, 1, 0].map(() => code.keepLocal(() => {}));
  return kept.reverse().map((local) => () => code.f.get(local));
}

/** Unsigned integers below 2^31 in lanes 0-1 (`half` 0) or 2-3 of an i32x4 as f64x2. */
function toFloat64(code: VectorCode, x: Code, half: number): Code {
  return code.op("f64x2.convert_low_i32x4_u", half === 0 ? x : code.shuffle32(x, x, [2, 3, 2, 3]));
}

/** 53 bits of two words as an f64x2 integer. */
function mantissa53(code: VectorCode, first: Code, second: Code, half: number): Code {
  const v = code.floats("f64x2");
  const leading = toFloat64(code, code.shift("i32x4.shr_u", first, 5), half);
  return v.add(v.mul(leading, 2 ** 26), toFloat64(code, code.shift("i32x4.shr_u", second, 6), half));
}

/** Box and Muller's √(−2 log u₁) · cos(2π u₂) for u₁ and u₂ (kept, f64x2). */
function normalOf(code: VectorCode, u1: Code, u2: Code): Code {
  const v = code.floats("f64x2");
  const radius = v.keep(v.sqrt(v.mul(emitLogOfNormal(v, u1), -2)));
  return v.mul(radius, emitCosOfTurns(code, u2));
}

/**
 * Random numbers of the given words, each i32x4; bits are those of one word of the block. The result is one vector of four lanes, or two for float64; all kept.
 */
export function emitRandom(
  outer: VectorCode,
  distribution: Distribution,
  dtype: "int32" | FloatDType,
  words: readonly Code[],
  word = 0,
): Code[] {
  const code = outer.fused ? outer.unfused() : outer;
  const block = emitPhilox(code, words), [w0, w1, w2, w3] = block;
  if (distribution === "bits") return [block[word]];
  const bits24 = (word: Code): Code => code.shift("i32x4.shr_u", word, 8);
  if (distribution === "uniform") {
    if (dtype === "float32") {
      const v = code.floats("f32x4");
      return [code.keep(v.mul(code.op("f32x4.convert_i32x4_s", bits24(w0)), 2 ** -24))];
    }
    return [0, 1].map((half) => {
      const v = code.floats("f64x2");
      return code.keep(v.mul(mantissa53(code, w0, w1, half), 2 ** -53));
    });
  }
  const halves = [0, 1].map((half) => {
    const v = code.floats("f64x2");
    if (dtype === "float32") {
      const u1 = v.keep(v.mul(v.add(toFloat64(code, bits24(w0), half), 0.5), 2 ** -24));
      const u2 = v.keep(v.mul(toFloat64(code, bits24(w1), half), 2 ** -24));
      return code.keep(code.op("f32x4.demote_f64x2_zero", normalOf(code, u1, u2)));
    }
    const u1 = v.keep(v.mul(v.add(mantissa53(code, w0, w1, half), 0.5), 2 ** -53));
    const u2 = v.keep(v.mul(mantissa53(code, w2, w3, half), 2 ** -53));
    return code.keep(normalOf(code, u1, u2));
  });
  return dtype === "float32" ? [code.keep(code.shuffle32(halves[0], halves[1], [0, 1, 4, 5]))] : halves;
}
