/**
 * Reduction of huge angles by π/2 in exact integer arithmetic (Payne and Hanek, "Radian reduction for trigonometric
 * functions", SIGNUM Newsletter 18, 1983): of the binary digits of 2/π only those 192 are multiplied that can influence
 * the quadrant and the fraction. Scalar code, called for the rare lanes beyond the reach of Cody and Waite's method.
 */

import type { FunctionBuilder, ModuleBuilder } from "./wasm/assembler.ts";

/** 2/π · 2^1216, the integer part, as 64-bit words from the most significant; before them 64 zero bits. */
const TWO_OVER_PI_WORDS: readonly bigint[] = [
  0n,
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
  0xb7246e3a424dd2e0n,
  0x06492eea09d1921cn,
  0xfe1deb1cb129a73en,
  0xe88235f52ebb4484n,
  0xe99c7026b45f7e41n,
  0x3991d639835339f4n,
  0x9c845f8bbdf9283bn,
  0x1ff897ffde05980fn,
  0xef2f118b5a0a6d1fn,
  0x6d367ecf27cb09b7n,
  0x4f463f669e5fea2dn,
  0x7527bac7ebe5f17bn,
  0x3d0739f78a5292ean,
  0x6bfb5fb11f8d5d08n,
  0x56033046fc7b6babn,
];

const HALF_PI_HIGH = 1.5707963267948966;
const HALF_PI_LOW = 6.123233995736766e-17;
const HALF_PI_TOP = 1.5707963109016418; // its first 26 bits
const HALF_PI_TOP_REST = HALF_PI_HIGH - HALF_PI_TOP;

/** `word(i)`: the i-th word of the table. */
function makeWord(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(["i32"], ["i64"]);
  const [i] = f.params;
  const word = f.local("i64");
  TWO_OVER_PI_WORDS.forEach((value, position) => {
    f.i64(value).get(word).get(i).i32(position).op("i32.eq").op("select").set(word);
  });
  f.get(word);
  return f;
}

/** `multiplyHigh(a, b)`: bits 64 to 127 of the product of unsigned integers. */
function makeMultiplyHigh(module: ModuleBuilder): FunctionBuilder {
  const f = module.function(["i64", "i64"], ["i64"]);
  const [a, b] = f.params;
  const [aLow, bLow, middle, cross] = f.locals("i64", 4);
  f.get(a).i64(0xffffffffn).op("i64.and").set(aLow);
  f.get(b).i64(0xffffffffn).op("i64.and").set(bLow);
  f.get(a).i64(32n).op("i64.shr_u").set(a);
  f.get(b).i64(32n).op("i64.shr_u").set(b);
  f.get(a).get(bLow).op("i64.mul").get(aLow).get(bLow).op("i64.mul").i64(32n).op("i64.shr_u").op("i64.add").set(middle);
  f.get(aLow).get(b).op("i64.mul").get(middle).i64(0xffffffffn).op("i64.and").op("i64.add").set(cross);
  f.get(a).get(b).op("i64.mul").get(middle).i64(32n).op("i64.shr_u").op("i64.add");
  f.get(cross).i64(32n).op("i64.shr_u").op("i64.add");
  return f;
}

/**
 * Makes `reduce(x) → (high, low, n)`: x = n · π/2 + high + low with |high| ≤ π/4, n modulo 4, for |x| ≥ 2^20. NaN for
 * infinities.
 */
export function makePayneHanek(module: ModuleBuilder): FunctionBuilder {
  const word = makeWord(module);
  const multiplyHigh = makeMultiplyHigh(module);
  const f = module.function(["f64"], ["f64", "f64", "i64"]);
  const [x] = f.params;
  const [bits, significand, n, mask] = f.locals("i64", 4);
  const [offset, index] = f.locals("i32", 2);
  const window = f.locals("i64", 3);
  const [low, middle, top, carry] = f.locals("i64", 4);
  const [high, highLow, product, scale, head, tail] = f.locals("f64", 6);
  const zeros = f.local("i64");

  f.get(x).op("i64.reinterpret_f64").i64(0x7fffffffffffffffn).op("i64.and").set(bits);
  f.get(bits).i64(0x7ff0000000000000n).op("i64.ge_u").if(() => {
    f.f64(NaN).f64(NaN).i64(0n).op("return");
  });
  // |x| = significand · 2^e with e = exponent − 1075. Digits of 2/π up to place e − 2 give multiples of 4 quadrants: the
  // window starts behind them, at bit e + 62 of the table.
  f.get(bits).i64(0xfffffffffffffn).op("i64.and").i64(0x10000000000000n).op("i64.or").set(significand);
  f.get(bits).i64(52n).op("i64.shr_u").op("i32.wrap_i64").i32(1075 - 62).op("i32.sub").set(offset);
  window.forEach((local, i) => {
    f.get(offset).i32(6).op("i32.shr_u").i32(i).op("i32.add").set(index);
    const shift = (): unknown => f.get(offset).i32(63).op("i32.and").op("i64.extend_i32_u");
    f.get(index).call(word);
    shift();
    f.op("i64.shl");
    f.get(index).i32(1).op("i32.add").call(word).i64(1n).op("i64.shr_u").i64(63n);
    shift();
    f.op("i64.sub").op("i64.shr_u").op("i64.or").set(local);
  });
  // significand · window modulo 2^192, whose two top bits are the quadrant and the rest its fraction.
  f.get(significand).get(window[2]).op("i64.mul").set(low);
  f.get(significand).get(window[2]).call(multiplyHigh).set(carry);
  f.get(significand).get(window[1]).op("i64.mul").get(carry).op("i64.add").set(middle);
  f.get(significand).get(window[1]).call(multiplyHigh);
  f.get(middle).get(carry).op("i64.lt_u").op("i64.extend_i32_u").op("i64.add");
  f.get(significand).get(window[0]).op("i64.mul").op("i64.add").set(top);
  f.get(top).i64(62n).op("i64.shr_u").set(n);
  f.get(top).i64(2n).op("i64.shl").get(middle).i64(62n).op("i64.shr_u").op("i64.or").set(top);
  f.get(middle).i64(2n).op("i64.shl").get(low).i64(62n).op("i64.shr_u").op("i64.or").set(middle);
  // From ½ up the next quadrant is nearer: the fraction becomes negative (two's complement), then its magnitude.
  f.get(top).i64(63n).op("i64.shr_s").set(mask);
  f.get(n).get(mask).op("i64.sub").set(n);
  f.get(middle).get(mask).op("i64.xor").set(middle);
  f.get(top).get(mask).op("i64.xor").set(top);
  // Normalized, so that small fractions keep all their bits (never more than 64 zeros: no float64 comes that close).
  f.get(top).op("i64.clz").set(zeros);
  f.get(top).get(zeros).op("i64.shl").get(middle).i64(1n).op("i64.shr_u").i64(63n).get(zeros).op("i64.sub");
  f.op("i64.shr_u").op("i64.or").set(top);
  f.get(middle).get(zeros).op("i64.shl").set(middle);
  f.i64(1023n - 53n).get(zeros).op("i64.sub").i64(52n).op("i64.shl").op("f64.reinterpret_i64").set(scale);
  f.get(top).i64(11n).op("i64.shr_u").op("f64.convert_i64_u").get(scale).op("f64.mul").set(high);
  f.get(top).i64(53n).op("i64.shl").get(middle).i64(11n).op("i64.shr_u").op("i64.or").op("f64.convert_i64_u");
  f.get(scale).f64(2 ** -64).op("f64.mul").op("f64.mul").set(highLow);
  // (high + highLow) · π/2 as a pair; the product's error from factors of 26 bits (Dekker).
  f.get(high).op("i64.reinterpret_f64").i64(-0x8000000n).op("i64.and").op("f64.reinterpret_i64").set(head);
  f.get(high).get(head).op("f64.sub").set(tail);
  f.get(high).f64(HALF_PI_HIGH).op("f64.mul").set(product);
  f.get(head).f64(HALF_PI_TOP).op("f64.mul").get(product).op("f64.sub");
  f.get(head).f64(HALF_PI_TOP_REST).op("f64.mul").op("f64.add");
  f.get(tail).f64(HALF_PI_TOP).op("f64.mul").op("f64.add");
  f.get(tail).f64(HALF_PI_TOP_REST).op("f64.mul").op("f64.add");
  f.get(high).f64(HALF_PI_LOW).op("f64.mul").op("f64.add");
  f.get(highLow).f64(HALF_PI_HIGH).op("f64.mul").op("f64.add").set(tail);
  f.get(product).get(tail).op("f64.add").set(high);
  f.get(product).get(high).op("f64.sub").get(tail).op("f64.add").set(tail);
  // The signs of the fraction and of x.
  f.get(mask).i64(1n).op("i64.and").op("i32.wrap_i64").get(x).f64(0).op("f64.lt").op("i32.xor").if(() => {
    f.get(high).op("f64.neg").set(high);
    f.get(tail).op("f64.neg").set(tail);
  });
  f.get(high).get(tail);
  f.i64(0n).get(n).op("i64.sub").get(n).get(x).f64(0).op("f64.lt").op("select");
  return f;
}
