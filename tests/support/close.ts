// Comparison of arrays of numbers with an absolute and a relative bound. A failure names the worst element, its index,
// both values and the error, so that the size of a defect shows at once.

import { AssertionError } from "./std_assert.ts";

/** Bounds of {@linkcode assertClose}. An element passes when |actual − expected| ≤ absolute + relative · |expected|. */
export interface CloseOptions {
  /** Bound on the absolute error. Default 0. */
  absolute?: number;
  /** Bound relative to the magnitude of the expected element. Default 0. */
  relative?: number;
  /** What is compared, put in front of the message. */
  message?: string;
}

/** The worst element of a comparison. */
export interface LargestError {
  /** The position of the element. */
  index: number;
  /** |actual − expected| there; Infinity where exactly one of the two is NaN or the infinities differ. */
  error: number;
  /** The error divided by the bound there; above 1 means failed. */
  ratio: number;
}

/**
 * Finds the element that exceeds its bound most.
 *
 * @param actual The computed values.
 * @param expected The right values, as many as `actual`.
 * @param options The bounds.
 * @returns The worst element; index −1 for empty arrays.
 */
export function largestError(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { absolute = 0, relative = 0 }: CloseOptions = {},
): LargestError {
  let worst: LargestError = { index: -1, error: 0, ratio: -1 };
  for (let index = 0; index < expected.length; index++) {
    const a = actual[index], e = expected[index];
    const error = Object.is(a, e) || a === e ? 0 : Math.abs(a - e);
    const size = Number.isNaN(error) ? Infinity : error;
    const bound = absolute + (Number.isFinite(e) ? relative * Math.abs(e) : 0);
    const ratio = size === 0 ? 0 : bound === 0 ? Infinity : size / bound;
    if (ratio > worst.ratio || (ratio === worst.ratio && size > worst.error)) worst = { index, error: size, ratio };
  }
  return worst;
}

/**
 * Asserts that two arrays have equal length and that every element of the first is near that of the second.
 * NaN equals NaN; an infinity equals itself.
 *
 * @param actual The computed values.
 * @param expected The right values.
 * @param options The bounds: |actual − expected| ≤ absolute + relative · |expected|.
 * @throws AssertionError that names the largest error, its index, and both values.
 */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  options: CloseOptions = {},
): void {
  const { absolute = 0, relative = 0, message } = options;
  const prefix = message === undefined ? "" : `${message}: `;
  if (actual.length !== expected.length) {
    throw new AssertionError(`${prefix}expected ${expected.length} numbers, got ${actual.length}`);
  }
  const { index, error, ratio } = largestError(actual, expected, options);
  if (ratio <= 1) return;
  let failed = 0;
  for (let i = 0; i < expected.length; i++) {
    if (largestError([actual[i]], [expected[i]], options).ratio > 1) failed++;
  }
  throw new AssertionError(
    `${prefix}largest error ${error} at index ${index} of ${expected.length}: got ${actual[index]}, ` +
      `expected ${expected[index]} (bound ${absolute} + ${relative} * |expected|; ${failed} outside)`,
  );
}
