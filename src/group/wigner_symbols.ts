/**
 * Clebsch-Gordan coefficients of angular momenta and Wigner's 3j and 6j symbols for integer and half-integer arguments.
 * Racah's sums are taken over exact integers (products of binomials, Johansson & Forssén 2016), in float64 while they fit
 * and in big integers beyond, so every value is right to a few units in the last place at any size. Signs are those of
 * Condon and Shortley.
 */

const MAXIMUM_EXACT = 52; // Sums of products of binomials with upper indices that add up to this are below 2^53.

const pascal: Float64Array[] = [Float64Array.of(1)];

// The binomials of n ≤ 56, exact.
function binomialRow(n: number): Float64Array {
  for (let row = pascal.length; row <= n; row++) {
    const above = pascal[row - 1];
    const next = new Float64Array(row + 1);
    for (let i = 0; i <= row; i++) next[i] = (i > 0 ? above[i - 1] : 0) + (i < row ? above[i] : 0);
    pascal.push(next);
  }
  return pascal[n];
}

const factorials: bigint[] = [1n];

function factorial(n: number): bigint {
  while (factorials.length <= n) factorials.push(factorials[factorials.length - 1] * BigInt(factorials.length));
  return factorials[n];
}

function bigBinomial(n: number, k: number): bigint {
  return k < 0 || k > n ? 0n : factorial(n) / (factorial(k) * factorial(n - k));
}

// √(numerator / denominator) for positive integers of any size, to one unit in the last place.
function rootOfRatio(numerator: bigint, denominator: bigint): number {
  // An even shift that leaves the quotient between 2^108 and 2^112.
  let shift = denominator.toString(16).length * 4 - numerator.toString(16).length * 4 + 110;
  if (shift % 2 !== 0) shift += 1;
  const quotient = shift >= 0
    ? (numerator << BigInt(shift)) / denominator
    : numerator / (denominator << BigInt(-shift));
  let root = Math.sqrt(Number(quotient));
  const step = shift >= 0 ? 0.5 : 2;
  for (let i = 0; i < Math.abs(shift) / 2; i++) root *= step;
  return root;
}

// Whether three doubled angular momenta form a triangle.
function isTriangle(a: number, b: number, c: number): boolean {
  return (a + b + c) % 2 === 0 && c >= Math.abs(a - b) && c <= a + b;
}

function isMomentum(j: number): boolean {
  return Number.isInteger(2 * j) && j >= 0;
}

function requireMomenta(op: string, values: readonly number[]): void {
  if (!values.every(isMomentum)) {
    throw new RangeError(`${op}: expected integers or half-integers of 0 or more, got ${values.join(", ")}.`);
  }
}

// Whether m is one of −j, −j + 1, …, j.
function isProjection(j: number, m: number): boolean {
  return Number.isInteger(j - m) && Math.abs(m) <= j;
}

/**
 * The Clebsch-Gordan coefficient ⟨j₁ m₁ j₂ m₂ | j m⟩ with the signs of Condon and Shortley; 0 where the triangle or
 * m₁ + m₂ = m fails. Throws `RangeError` unless the momenta are integers or half-integers ≥ 0.
 */
export function clebschGordanCoefficient(
  j1: number,
  m1: number,
  j2: number,
  m2: number,
  j: number,
  m: number,
): number {
  requireMomenta("clebschGordanCoefficient", [j1, j2, j]);
  if (!isTriangle(2 * j1, 2 * j2, 2 * j) || m1 + m2 !== m) return 0;
  if (!isProjection(j1, m1) || !isProjection(j2, m2) || !isProjection(j, m)) return 0;
  if (m < 0 || (m === 0 && m1 < 0)) {
    const mirrored = racahSum(j1, -m1, j2, -m2, j);
    return (j1 + j2 - j) % 2 === 0 ? mirrored : 0 - mirrored;
  }
  return racahSum(j1, m1, j2, m2, j);
}

/**
 * All coefficients ⟨j₁ m₁ j₂ m₂ | j m₁ + m₂⟩ of integers that form a triangle: [2j₁+1, 2j₂+1], row-major, from m₁ = −j₁
 * and m₂ = −j₂. Equal to the bit to {@linkcode clebschGordanCoefficient}.
 */
export function clebschGordanTable(j1: number, j2: number, j: number): Float64Array {
  const width = 2 * j2 + 1;
  const out = new Float64Array((2 * j1 + 1) * width);
  const even = (j1 + j2 - j) % 2 === 0;
  for (let m1 = -j1; m1 <= j1; m1++) {
    for (let m2 = Math.max(-j2, -m1); m2 <= Math.min(j2, j - m1); m2++) {
      if (m1 + m2 === 0 && m1 < 0) continue;
      const value = racahSum(j1, m1, j2, m2, j);
      out[(m1 + j1) * width + m2 + j2] = value;
      out[(j1 - m1) * width + j2 - m2] = even ? value : 0 - value;
    }
  }
  if (!even) out[j1 * width + j2] = 0;
  return out;
}

// Racah's sum for arguments that satisfy all rules, m = m₁ + m₂ ≥ 0.
function racahSum(j1: number, m1: number, j2: number, m2: number, j: number): number {
  const m = m1 + m2;
  const [a, b, c, total] = [j1 + j2 - j, j1 - j2 + j, j2 - j1 + j, j1 + j2 + j];
  const [from, to] = [Math.max(0, j1 - m1 - b, j2 + m2 - c), Math.min(a, j1 - m1, j2 + m2)];
  if (total <= MAXIMUM_EXACT) {
    const [rowA, rowB, rowC] = [binomialRow(a), binomialRow(b), binomialRow(c)];
    let sum = 0;
    for (let k = from; k <= to; k++) {
      const term = rowA[k] * rowB[j1 - m1 - k] * rowC[j2 + m2 - k];
      sum += k % 2 === 0 ? term : -term;
    }
    const [row1, row2] = [binomialRow(2 * j1), binomialRow(2 * j2)];
    const outer = binomialRow(total + 1)[a] * binomialRow(2 * j)[j - m];
    return sum * Math.sqrt(row1[a] / row1[j1 - m1] * (row2[a] / row2[j2 - m2]) / outer);
  }
  let sum = 0n;
  for (let k = from; k <= to; k++) {
    const term = bigBinomial(a, k) * bigBinomial(b, j1 - m1 - k) * bigBinomial(c, j2 + m2 - k);
    sum += k % 2 === 0 ? term : -term;
  }
  if (sum === 0n) return 0;
  const numerator = sum * sum * bigBinomial(2 * j1, a) * bigBinomial(2 * j2, a);
  const denominator = bigBinomial(total + 1, a) * bigBinomial(2 * j1, j1 - m1) * bigBinomial(2 * j2, j2 - m2) *
    bigBinomial(2 * j, j - m);
  const magnitude = rootOfRatio(numerator, denominator);
  return sum > 0n ? magnitude : -magnitude;
}

/**
 * Wigner's 3j symbol (j₁ j₂ j₃; m₁ m₂ m₃); 0 where the triangle or m₁ + m₂ + m₃ = 0 fails. Throws `RangeError` unless the
 * momenta are integers or half-integers ≥ 0.
 *
 * @example
 * ```ts
 * import { wigner3j } from "@escnn/escnn";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(wigner3j(1, 1, 2, 0, 0, 0), Math.sqrt(2 / 15), 1e-15);
 * ```
 */
export function wigner3j(j1: number, j2: number, j3: number, m1: number, m2: number, m3: number): number {
  requireMomenta("wigner3j", [j1, j2, j3]);
  const value = clebschGordanCoefficient(j1, m1, j2, m2, j3, -m3);
  if (value === 0) return 0;
  const scaled = value / Math.sqrt(2 * j3 + 1);
  return (j1 - j2 - m3) % 2 === 0 ? scaled : -scaled;
}

// The square of the triangle coefficient Δ(a b c) of doubled momenta as a numerator and a denominator.
function triangleSquared(a: number, b: number, c: number): readonly [bigint, bigint] {
  return [
    factorial((a + b - c) / 2) * factorial((a - b + c) / 2) * factorial((b + c - a) / 2),
    factorial((a + b + c) / 2 + 1),
  ];
}

/**
 * Wigner's 6j symbol {j₁ j₂ j₃; j₄ j₅ j₆}, 0 where one of its four triangles fails. Throws `RangeError` unless the momenta
 * are integers or half-integers ≥ 0.
 *
 * @example
 * ```ts
 * import { wigner6j } from "@escnn/escnn";
 * import { assertAlmostEquals } from "@std/assert";
 *
 * assertAlmostEquals(wigner6j(1, 1, 1, 1, 1, 1), 1 / 6, 1e-15);
 * ```
 */
export function wigner6j(j1: number, j2: number, j3: number, j4: number, j5: number, j6: number): number {
  requireMomenta("wigner6j", [j1, j2, j3, j4, j5, j6]);
  const [a, b, c, d, e, f] = [j1, j2, j3, j4, j5, j6].map((j) => 2 * j);
  const triangles = [[a, b, c], [a, e, f], [d, b, f], [d, e, c]];
  if (!triangles.every(([x, y, z]) => isTriangle(x, y, z))) return 0;
  const lower = triangles.map(([x, y, z]) => (x + y + z) / 2);
  const upper = [a + b + d + e, b + c + e + f, c + a + f + d].map((s) => s / 2);
  const [from, to] = [Math.max(...lower), Math.min(...upper)];
  // The common denominator of all terms.
  let common = 1n;
  for (const s of lower) common *= factorial(to - s);
  for (const s of upper) common *= factorial(s - from);
  let sum = 0n;
  for (let t = from; t <= to; t++) {
    let denominator = 1n;
    for (const s of lower) denominator *= factorial(t - s);
    for (const s of upper) denominator *= factorial(s - t);
    const term = factorial(t + 1) * (common / denominator);
    sum += t % 2 === 0 ? term : -term;
  }
  if (sum === 0n) return 0;
  let [numerator, denominator] = [sum * sum, common * common];
  for (const [x, y, z] of triangles) {
    const [n, m] = triangleSquared(x, y, z);
    numerator *= n;
    denominator *= m;
  }
  const magnitude = rootOfRatio(numerator, denominator);
  return sum > 0n ? magnitude : -magnitude;
}
