/**
 * Discrete Fourier transforms of a few points as linear programs (Cooley & Tukey 1965, decimation in time), forward for real
 * and complex lines with zeros behind, inverse for a part of the outputs. A real line's transform is kept in `n` real numbers:
 * frequency 0, frequency n / 2, then real and imaginary part of frequencies 1 … n / 2 − 1.
 */

import { cos, sin } from "../../../src/math/functions.ts";
import { LinearProgram, type Value } from "./program.ts";

/** A complex value of a program. */
interface Complex {
  readonly re: Value;
  readonly im: Value;
}

/** A transform of one line. */
export interface LineTransform {
  /** Number of inputs of the program. */
  readonly inputs: number;
  /** The outputs of the program. */
  readonly outputs: readonly Value[];
}

const HALF_ROOT = Math.sqrt(0.5);

/** `value · exp(2πi · turns / n)`, exact at multiples of an eighth of a turn. */
function rotate(p: LinearProgram, { re, im }: Complex, turns: number, n: number): Complex {
  const t = ((turns % n) + n) % n;
  if ((8 * t) % n === 0) {
    const eighth = (8 * t) / n;
    if (eighth % 2 === 1) {
      const quarter = rotate(p, { re, im }, ((eighth - 1) / 8) * n, n);
      return {
        re: p.scale(p.sub(quarter.re, quarter.im), HALF_ROOT),
        im: p.scale(p.add(quarter.re, quarter.im), HALF_ROOT),
      };
    }
    const minus = (value: Value) => p.scale(value, -1);
    return [
      { re, im },
      { re: minus(im), im: re },
      { re: minus(re), im: minus(im) },
      { re: im, im: minus(re) },
    ][eighth / 2];
  }
  const angle = (2 * Math.PI * t) / n, c = cos(angle), s = sin(angle);
  return {
    re: p.sub(p.scale(re, c), p.scale(im, s)),
    im: p.add(p.scale(re, s), p.scale(im, c)),
  };
}

/** The largest power of two that divides a number. */
function evenPart(n: number): number {
  return n % 2 === 0 ? 2 * evenPart(n / 2) : 1;
}

/**
 * A transform of n = even · odd points, the factors without a common divisor, as one over two axes without factors between
 * them (Good 1958): point `odd · j + even · i` is at (j, i), frequency k at its remainders.
 */
function transformTwoAxes(p: LinearProgram, x: readonly Complex[], sign: 1 | -1, even: number): Complex[] {
  const n = x.length, odd = n / even;
  const rows = Array.from(
    { length: even },
    (_, j) => transform(p, Array.from({ length: odd }, (_, i) => x[(odd * j + even * i) % n]), sign),
  );
  const real = x.every(({ im }) => im === undefined);
  const columns: Complex[][] = [];
  for (let k = 0; k < odd; k++) {
    const mirrored = columns[odd - k];
    columns.push(
      real && mirrored !== undefined
        ? mirrored.map((_, j) => conjugate(p, mirrored[(even - j) % even]))
        : transform(p, rows.map((row) => row[k]), sign),
    );
  }
  return Array.from({ length: n }, (_, k) => columns[k % odd][k % even]);
}

/** `Σ_j x_j exp(2πi · sign · jk / n)` for all k. */
function transform(p: LinearProgram, x: readonly Complex[], sign: 1 | -1): Complex[] {
  const n = x.length;
  if (n === 1) return [...x];
  const even = evenPart(n);
  if (even > 1 && even < n) return transformTwoAxes(p, x, sign, even);
  const radix = n % 2 === 0 ? 2 : n % 3 === 0 ? 3 : n % 5 === 0 ? 5 : n;
  const length = n / radix;
  const parts = Array.from(
    { length: radix },
    (_, r) => transform(p, Array.from({ length }, (_, j) => x[radix * j + r]), sign),
  );
  const add = (a: Complex, b: Complex): Complex => ({ re: p.add(a.re, b.re), im: p.add(a.im, b.im) });
  const sub = (a: Complex, b: Complex): Complex => ({ re: p.sub(a.re, b.re), im: p.sub(a.im, b.im) });
  const result: Complex[] = new Array(n);
  // Of real numbers half of the frequencies are enough: the others are their conjugates.
  const real = x.every(({ im }) => im === undefined);
  const most = real && radix === 2 ? Math.floor(length / 2) + 1 : length;
  for (let k = 0; k < most; k++) {
    const z = parts.map((part, r) => rotate(p, part[k], sign * r * k, n));
    if (radix === 2) {
      result[k] = add(z[0], z[1]);
      result[k + length] = sub(z[0], z[1]);
      continue;
    }
    // An odd number of points: cosines act on the sums of opposite ones, sines on their differences.
    const half = (radix - 1) / 2;
    const sums = Array.from({ length: half }, (_, j) => add(z[j + 1], z[radix - 1 - j]));
    const differences = Array.from({ length: half }, (_, j) => sub(z[j + 1], z[radix - 1 - j]));
    result[k] = sums.reduce(add, z[0]);
    for (let q = 1; q <= half; q++) {
      let even = z[0];
      let odd: Complex = { re: undefined, im: undefined };
      for (let j = 0; j < half; j++) {
        const angle = (2 * Math.PI * ((q * (j + 1)) % radix)) / radix, c = cos(angle), s = sign * sin(angle);
        even = add(even, { re: p.scale(sums[j].re, c), im: p.scale(sums[j].im, c) });
        odd = add(odd, { re: p.scale(differences[j].im, -s), im: p.scale(differences[j].re, s) });
      }
      result[k + q * length] = add(even, odd);
      result[k + (radix - q) * length] = sub(even, odd);
    }
  }
  if (real) {
    for (let k = 1; k < most && radix === 2; k++) result[length - k] = conjugate(p, result[length + k]);
    for (let k = 1; 2 * k < n; k++) result[n - k] = conjugate(p, result[k]);
  }
  return result;
}

function conjugate(p: LinearProgram, { re, im }: Complex): Complex {
  return { re, im: p.scale(im, -1) };
}

/** `Σ_k X_k exp(2πi jk / n)` for all j where `X_{n−k}` is the conjugate of `X_k`: real numbers. Decimation in frequency. */
function hermitianTransform(p: LinearProgram, X: readonly Complex[]): Value[] {
  const n = X.length;
  if (n % 2 === 1) return transform(p, X, 1).map(({ re }) => re);
  const even = evenPart(n), odd = n / even;
  if (odd > 1) {
    // Frequency k at its remainders; a column of the odd axis and its mirror image are conjugates.
    const at: Complex[][] = Array.from({ length: odd }, () => new Array(even));
    X.forEach((value, k) => at[k % odd][k % even] = value);
    const columns: Complex[][] = [];
    for (let k = 0; k < odd; k++) {
      const mirrored = columns[odd - k];
      if (k === 0) columns.push(hermitianTransform(p, at[0]).map((re) => ({ re, im: undefined })));
      else columns.push(mirrored?.map((value) => conjugate(p, value)) ?? transform(p, at[k], 1));
    }
    const result: Value[] = new Array(n);
    for (let j = 0; j < even; j++) {
      const row = hermitianTransform(p, columns.map((column) => column[j]));
      row.forEach((value, i) => result[(odd * j + even * i) % n] = value);
    }
    return result;
  }
  const half = n / 2;
  const sums: Complex[] = new Array(half), differences: Complex[] = new Array(half);
  for (let k = 0; 2 * k <= half; k++) {
    const a = X[k], b = X[k + half];
    sums[k] = { re: p.add(a.re, b.re), im: p.add(a.im, b.im) };
    differences[k] = rotate(p, { re: p.sub(a.re, b.re), im: p.sub(a.im, b.im) }, k, n);
    for (const list of [sums, differences]) {
      if (k === 0 || 2 * k === half) list[k] = { re: list[k].re, im: undefined };
      else list[half - k] = conjugate(p, list[k]);
    }
  }
  const halves = [hermitianTransform(p, sums), hermitianTransform(p, differences)];
  return Array.from({ length: n }, (_, j) => halves[j % 2][Math.floor(j / 2)]);
}

const ZERO: Complex = { re: undefined, im: undefined };

/** A real line of `length` numbers and zeros behind, to `n` real numbers. */
export function realForward(n: number, length: number): LineTransform {
  const p = new LinearProgram();
  const x = Array.from({ length: n }, (_, j): Complex => j < length ? { re: p.input(), im: undefined } : ZERO);
  const X = transform(p, x, -1);
  const outputs: Value[] = [X[0].re, X[n / 2].re];
  for (let k = 1; k < n / 2; k++) outputs.push(X[k].re, X[k].im);
  return { inputs: length, outputs };
}

/** A complex line of `length` numbers (real and imaginary part in turn) and zeros behind, to n complex numbers. */
export function complexForward(n: number, length: number): LineTransform {
  const p = new LinearProgram();
  const x = Array.from({ length: n }, (_, j): Complex => j < length ? { re: p.input(), im: p.input() } : ZERO);
  return { inputs: 2 * length, outputs: transform(p, x, -1).flatMap(({ re, im }) => [re, im]) };
}

/** The first `length` numbers of the real line of which {@linkcode realForward} gives the n numbers, times n. */
export function realInverse(n: number, length: number): LineTransform {
  const p = new LinearProgram();
  const given = Array.from({ length: n }, () => p.input());
  const X: Complex[] = new Array(n);
  X[0] = { re: given[0], im: undefined };
  X[n / 2] = { re: given[1], im: undefined };
  for (let k = 1; k < n / 2; k++) {
    X[k] = { re: given[2 * k], im: given[2 * k + 1] };
    X[n - k] = { re: given[2 * k], im: p.scale(given[2 * k + 1], -1) };
  }
  return { inputs: n, outputs: hermitianTransform(p, X).slice(0, length) };
}

/** The first `length` complex numbers of the line of which {@linkcode complexForward} gives the n numbers, times n. */
export function complexInverse(n: number, length: number): LineTransform {
  const p = new LinearProgram();
  const X = Array.from({ length: n }, (): Complex => ({ re: p.input(), im: p.input() }));
  return { inputs: 2 * n, outputs: transform(p, X, 1).slice(0, length).flatMap(({ re, im }) => [re, im]) };
}
