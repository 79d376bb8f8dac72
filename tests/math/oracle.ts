/**
 * Elementary functions in exact integer fixed point (400 fractional bits) by their defining series: an oracle that
 * shares nothing with src/math. Slow and only for tests.
 */

const BITS = 400n;
const ONE = 1n << BITS;

/** The fixed-point value of a float64 (exact, but for bits below 2^-400). */
export function toFixed(x: number): bigint {
  let e = 0;
  let m = x;
  while (!Number.isInteger(m)) {
    m *= 2;
    e += 1;
  }
  return (BigInt(m) << BITS) >> BigInt(e);
}

const mul = (a: bigint, b: bigint): bigint => (a * b) >> BITS;
const div = (a: bigint, b: bigint): bigint => (a << BITS) / b;

/** exp, by halving the argument 64 times and squaring back. */
export function expFixed(x: bigint): bigint {
  const r = x >> 32n;
  let term = ONE;
  let sum = ONE;
  for (let n = 1n; term !== 0n && n < 60n; n++) {
    term = mul(term, r) / n;
    sum += term;
  }
  for (let i = 0; i < 32; i++) sum = mul(sum, sum);
  return sum;
}

/** The natural logarithm, by 2 artanh((x − 1) / (x + 1)) after taking square roots. */
export function logFixed(x: bigint): bigint {
  let m = x;
  let doublings = 0n;
  while (m > ONE + (ONE >> 6n) || m < ONE - (ONE >> 6n)) {
    m = squareRoot(m << BITS);
    doublings += 1n;
  }
  const s = div(m - ONE, m + ONE);
  const z = mul(s, s);
  let power = s;
  let sum = 0n;
  for (let n = 1n; power !== 0n && n < 400n; n += 2n) {
    sum += power / n;
    power = mul(power, z);
  }
  return (2n * sum) << doublings;
}

/** The integer square root. */
export function squareRoot(n: bigint): bigint {
  if (n < 2n) return n;
  let x = 1n << BigInt((n.toString(2).length + 1) >> 1);
  for (;;) {
    const y = (x + n / x) >> 1n;
    if (y >= x) return x;
    x = y;
  }
}

/** sine and cosine by their series at x / 2^16 and doubling. */
export function sinCosFixed(x: bigint): [bigint, bigint] {
  const turns = 24;
  const r = x >> BigInt(turns);
  const z = mul(r, r);
  let term = r;
  let s = r;
  for (let n = 2n; term !== 0n && n < 400n; n += 2n) {
    term = -mul(term, z) / (n * (n + 1n));
    s += term;
  }
  term = ONE;
  let c = ONE;
  for (let n = 1n; term !== 0n && n < 400n; n += 2n) {
    term = -mul(term, z) / (n * (n + 1n));
    c += term;
  }
  for (let i = 0; i < turns; i++) [s, c] = [2n * mul(s, c), mul(c, c) - mul(s, s)];
  return [s, c];
}

/** The arctangent by halving the argument: arctan x = 2 arctan(x / (1 + √(1 + x²))). */
export function atanFixed(x: bigint): bigint {
  let t = x;
  let doublings = 0n;
  while (t > ONE >> 6n || t < -(ONE >> 6n)) {
    t = div(t, ONE + squareRoot((ONE + mul(t, t)) << BITS));
    doublings += 1n;
  }
  const z = mul(t, t);
  let power = t;
  let sum = 0n;
  for (let n = 1n; power !== 0n && n < 400n; n += 2n) {
    sum += power / n;
    power = -mul(power, z);
  }
  return sum << doublings;
}

/** The error of `got` against the exact fixed-point value, in units of the last place of `got`. */
export function ulpError(got: number, exact: bigint): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(got));
  view.setBigUint64(0, view.getBigUint64(0) + 1n);
  const ulp = view.getFloat64(0) - Math.abs(got);
  const difference = toFixed(got) - exact;
  return Math.abs(Number(difference) / Number(toFixed(ulp)));
}

/** A small deterministic generator of numbers in [0, 1) for the tests of this folder. */
export function uniform(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const high = state;
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (high * 2097152 + (state >>> 11)) / 9007199254740992;
  };
}
