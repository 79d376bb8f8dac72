/**
 * Functions in CUDA C that generated kernels call, taken into a source only where they are named. They use + − × ÷, square roots and
 * integer arithmetic, so that with fused multiply-add switched off their results are the same bits on every device; random numbers are
 * those of `src/tensor/philox.ts`, with logarithm and cosine as in `src/math`.
 */

import { PHILOX_KEY_STEPS, PHILOX_MULTIPLIERS, PHILOX_ROUNDS } from "../../../src/tensor/philox.ts";
import { FLOAT_CODES, type FloatCode } from "./operations.ts";

/** What floats need, in one precision. */
function floatFunctions(f: FloatCode): { readonly [name: string]: string } {
  const { type, fn, own } = f;
  // IEEE 754's bits, because the macros of math.h are not there.
  const bits = f.dtype === "float32" ? "int" : "long long";
  const nan = f.dtype === "float32" ? "0x7fc00000" : "0x7ff8000000000000LL";
  const infinity = f.dtype === "float32" ? "0x7f800000" : "0x7ff0000000000000LL";
  const wide = (x: string): string => f.dtype === "float32" ? `(double)${x}` : x;
  return {
    [own("bits")]: `static __device__ inline ${type} ${own("bits")}(${bits} b) {
  union { ${bits} i; ${type} x; } u;
  u.i = b;
  return u.x;
}`,
    [own("nan")]: `static __device__ inline ${type} ${own("nan")}() { return ${own("bits")}(${nan}); }`,
    [own("infinity")]: `static __device__ inline ${type} ${own("infinity")}() { return ${own("bits")}(${infinity}); }`,
    [own("sigmoid")]: `static __device__ inline ${type} ${own("sigmoid")}(${type} x) {
  const ${type} e = ${fn("exp")}(-${fn("fabs")}(x));
  return (x >= 0 ? (${type})1 : e) / ((${type})1 + e);
}`,
    // −0 is less than 0; a NaN wins.
    [own("minimum")]: `static __device__ inline ${type} ${own("minimum")}(${type} x, ${type} y) {
  if (x < y) return x;
  if (y < x) return y;
  if (x == y) return x == 0 ? -(-x - y) : x;
  return x + y;
}`,
    [own("maximum")]: `static __device__ inline ${type} ${own("maximum")}(${type} x, ${type} y) {
  if (x > y) return x;
  if (y > x) return y;
  if (x == y) return x == 0 ? x + y : x;
  return x + y;
}`,
    // float goes through double, where the definition is exact but for the last rounding.
    [own("mod")]: `static __device__ inline ${type} ${own("mod")}(${type} x, ${type} y) {
  return (${type})(${wide("x")} - ${wide("y")} * floor(${wide("x")} / ${wide("y")}));
}`,
    // The power of 0.5: that of −0 is 0 and that of −∞ is ∞.
    [own("root")]: `static __device__ inline ${type} ${own("root")}(${type} x) {
  return x == -${own("infinity")}() ? -x : ${fn("sqrt")}(x + (${type})0);
}`,
    // C's pow has a value where a base of ±1 meets an infinite exponent, and 1 where 1 meets a NaN: JavaScript has NaN.
    [own("pow")]: `static __device__ inline ${type} ${own("pow")}(${type} x, ${type} y) {
  if (y == 0) return (${type})1;
  if (x != x || y != y) return ${own("nan")}();
  if (${fn("fabs")}(x) == 1 && ${fn("fabs")}(y) == ${own("infinity")}()) return ${own("nan")}();
  return ${fn("pow")}(x, y);
}`,
    // A conversion outside the range of int has no meaning in C.
    [own("integer")]: `static __device__ inline int ${own("integer")}(${type} x) {
  if (x != x) return 0;
  if (x >= (${type})2147483648.0) return 2147483647;
  if (x <= (${type})-2147483648.0) return -2147483647 - 1;
  return (int)x;
}`,
  };
}

const hex = (word: number): string => `0x${word.toString(16)}u`;

const [M0, M1] = PHILOX_MULTIPLIERS;
const [K0, K1] = PHILOX_KEY_STEPS;

/** The coefficients 2/23, 2/21, … of the series of the logarithm; C divides them as JavaScript does. */
const logTerms = [21, 19, 17, 15, 13, 11, 9, 7, 5, 3].map((n) => `  p = p * z + 2.0 / ${n}.0;`).join("\n");
const sinTerms = [
  "+ 1.0 / 355687428096000.0",
  "- 1.0 / 1307674368000.0",
  "+ 1.0 / 6227020800.0",
  "- 1.0 / 39916800.0",
  "+ 1.0 / 362880.0",
  "- 1.0 / 5040.0",
  "+ 1.0 / 120.0",
  "- 1.0 / 6.0",
].map((term) => `  p = p * z ${term};`).join("\n");
const cosTerms = [
  "- 1.0 / 6402373705728000.0",
  "+ 1.0 / 20922789888000.0",
  "- 1.0 / 87178291200.0",
  "+ 1.0 / 479001600.0",
  "- 1.0 / 3628800.0",
  "+ 1.0 / 40320.0",
  "- 1.0 / 720.0",
  "+ 1.0 / 24.0",
].map((term) => `  p = p * z ${term};`).join("\n");

/** All functions by name. */
const FUNCTIONS: { readonly [name: string]: string } = {
  ...floatFunctions(FLOAT_CODES.float32),
  ...floatFunctions(FLOAT_CODES.float64),
  // Dividing by 0 gives 0; the lowest integer divided by −1 wraps.
  escnn_quotient_i32: `static __device__ inline int escnn_quotient_i32(int x, int y) {
  if (y == 0) return 0;
  return y == -1 ? (int)(0u - (unsigned)x) : x / y;
}`,
  // The sign is the divisor's.
  escnn_remainder_i32: `static __device__ inline int escnn_remainder_i32(int x, int y) {
  if (y == 0 || y == -1) return 0;
  const int r = x % y;
  return r != 0 && (r ^ y) < 0 ? r + y : r;
}`,
  // n divided by a number whose multiplier and shift the host has found (Granlund and Montgomery 1994), for n below 2^31.
  escnn_divide: `static __device__ inline int escnn_divide(int n, int multiplier, int shift) {
  const unsigned high = (unsigned)(((unsigned long long)(unsigned)n * (unsigned)multiplier) >> 32);
  return (int)((high + (unsigned)n) >> shift);
}`,
  // Tells the host of the first index out of range that comes here: see `index_faults.ts`.
  escnn_bad_index:
    `static __device__ inline void escnn_bad_index(int* report, int operation, int index, long long size, long long place) {
  if (atomicCAS(report, 0, operation) != 0) return;
  report[1] = index;
  ((long long*)report)[1] = size;
  ((long long*)report)[2] = place;
}`,
  escnn_words: "struct escnn_words { unsigned w0, w1, w2, w3; };",
  escnn_philox: `static __device__ inline escnn_words escnn_philox(int a, int b, int c, int d, int e) {
  unsigned k0 = (unsigned)a, k1 = (unsigned)b, c0 = (unsigned)c, c1 = (unsigned)d, c2 = (unsigned)e, c3 = 0u;
  for (int round = 0; round < ${PHILOX_ROUNDS}; round++) {
    const unsigned long long p0 = (unsigned long long)c0 * ${hex(M0)};
    const unsigned long long p1 = (unsigned long long)c2 * ${hex(M1)};
    c0 = (unsigned)(p1 >> 32) ^ c1 ^ k0;
    c1 = (unsigned)p1;
    c2 = (unsigned)(p0 >> 32) ^ c3 ^ k1;
    c3 = (unsigned)p0;
    k0 += ${hex(K0)};
    k1 += ${hex(K1)};
  }
  escnn_words words = { c0, c1, c2, c3 };
  return words;
}`,
  escnn_mantissa: `static __device__ inline double escnn_mantissa(unsigned first, unsigned second) {
  return (double)(first >> 5) * 67108864.0 + (double)(second >> 6);
}`,
  escnn_random_bits: `static __device__ inline int escnn_random_bits(escnn_words w) { return (int)w.w0; }`,
  escnn_uniform_f32: `static __device__ inline float escnn_uniform_f32(escnn_words w) {
  return (float)(w.w0 >> 8) * 5.9604644775390625e-8f;
}`,
  escnn_uniform_f64: `static __device__ inline double escnn_uniform_f64(escnn_words w) {
  return escnn_mantissa(w.w0, w.w1) * 1.1102230246251565e-16;
}`,
  // For positive numbers that are neither infinite nor subnormal.
  escnn_log: `static __device__ inline double escnn_log(double x) {
  union { double x; long long i; } u;
  u.x = x;
  int k = (int)((u.i >> 52) & 2047) - 1023;
  u.i = (u.i & 0xfffffffffffffLL) | (1023LL << 52);
  double m = u.x;
  if (m * 0.5 > 0.7071067811865476) {
    m *= 0.5;
    k += 1;
  }
  const double f = m - 1.0;
  const double s = f / (2.0 + f);
  const double z = s * s;
  double p = 2.0 / 23.0;
${logTerms}
  const double half = 0.5 * f * f;
  return k * 0.6931471803691238 - ((half - (s * (half + z * p) + k * 1.9082149292705877e-10)) - f);
}`,
  // For angles from 0 to 2π: with so few quarters of a turn their product with the first part of π/2 is exact.
  escnn_cos: `static __device__ inline double escnn_cos(double x) {
  const double n = floor(x * 0.6366197723675814 + 0.5);
  const double a = x - n * 1.5707963267341256;
  const double c = -n * 6.077100506303966e-11;
  const double sum = a + c;
  const double t = sum - a;
  const double rest = ((a - (sum - t)) + (c - t)) - n * 2.0222662487959506e-21;
  const double r = sum + rest;
  const double low = (sum - r) + rest;
  const int quadrant = (int)n & 3;
  const double z = r * r;
  double p, value;
  if (quadrant & 1) {
    p = -1.0 / 121645100408832000.0;
${sinTerms}
    value = r + (r * z * p + low * (1.0 - 0.5 * z));
  } else {
    p = 1.0 / 2432902008176640000.0;
${cosTerms}
    const double half = 0.5 * z;
    const double w = 1.0 - half;
    value = w + (((1.0 - w) - half) + (z * z * p - r * low));
  }
  return quadrant == 0 || quadrant == 3 ? value : -value;
}`,
  escnn_box_muller: `static __device__ inline double escnn_box_muller(double u1, double u2) {
  return sqrt(-2.0 * escnn_log(u1)) * escnn_cos(6.283185307179586 * u2);
}`,
  escnn_normal_f32: `static __device__ inline float escnn_normal_f32(escnn_words w) {
  const double u1 = ((double)(w.w0 >> 8) + 0.5) * 5.9604644775390625e-8;
  return (float)escnn_box_muller(u1, (double)(w.w1 >> 8) * 5.9604644775390625e-8);
}`,
  escnn_normal_f64: `static __device__ inline double escnn_normal_f64(escnn_words w) {
  const double u1 = (escnn_mantissa(w.w0, w.w1) + 0.5) * 1.1102230246251565e-16;
  return escnn_box_muller(u1, escnn_mantissa(w.w2, w.w3) * 1.1102230246251565e-16);
}`,
};

/** `body` with the functions that it names, and those that they name, in front. */
export function withDeviceFunctions(body: string): string {
  const order: string[] = [];
  const seen = new Set<string>();
  const visit = (text: string): void => {
    for (const [name] of text.matchAll(/\bescnn_\w+/g)) {
      if (seen.has(name) || FUNCTIONS[name] === undefined) continue;
      seen.add(name);
      visit(FUNCTIONS[name]);
      order.push(FUNCTIONS[name]);
    }
  };
  visit(body);
  return [...order, body].join("\n");
}
