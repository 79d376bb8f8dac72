/**
 * Error-free sums and products of float64 numbers (Dekker 1971, Knuth): the pair of a rounded result and its exact
 * rounding error. The elementary functions beside this file carry their critical steps as such pairs.
 */

/** An unevaluated sum `hi + lo` with `|lo|` at most half a unit in the last place of `hi`. */
export interface DoubleDouble {
  /** The leading part, the float64 nearest to the value. */
  readonly hi: number;
  /** The trailing part. */
  readonly lo: number;
}

const SPLITTER = 134217729; // 2^27 + 1

/** `a + b` as a rounded sum and its exact error, for any two finite numbers (Knuth). */
export function twoSum(a: number, b: number): DoubleDouble {
  const hi = a + b;
  const t = hi - a;
  return { hi, lo: (a - (hi - t)) + (b - t) };
}

/**
 * The exact error of the rounded product `product = a * b`, so that `a * b = product + productError(a, b, product)`
 * (Dekker's splitting). Exact while neither factor exceeds 2^995 and the product's error does not underflow.
 */
export function productError(a: number, b: number, product: number): number {
  const ca = SPLITTER * a;
  const ah = ca - (ca - a);
  const al = a - ah;
  const cb = SPLITTER * b;
  const bh = cb - (cb - b);
  const bl = b - bh;
  return ((ah * bh - product) + ah * bl + al * bh) + al * bl;
}

/** `a * b` as a rounded product and its exact error. */
export function twoProduct(a: number, b: number): DoubleDouble {
  const hi = a * b;
  return { hi, lo: productError(a, b, hi) };
}

/** The sum of two pairs, to about 2^-104 of the larger one. */
export function addPairs(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const s = twoSum(a.hi, b.hi);
  const lo = s.lo + a.lo + b.lo;
  const hi = s.hi + lo;
  return { hi, lo: (s.hi - hi) + lo };
}

/** The product of two pairs, to about 2^-102 relative. */
export function multiplyPairs(a: DoubleDouble, b: DoubleDouble): DoubleDouble {
  const p = a.hi * b.hi;
  const e = productError(a.hi, b.hi, p) + a.hi * b.lo + a.lo * b.hi;
  const hi = p + e;
  return { hi, lo: (p - hi) + e };
}
