// Central differences on any number of taps.

import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { derivativeStencil, KernelError, stencilSize } from "../../src/kernels/mod.ts";
import { test } from "../support/test.ts";

test("derivativeStencil: the well-known central differences, odd and even numbers of taps", () => {
  const close = (got: Float64Array, expected: readonly number[]): void => {
    assertEquals(got.length, expected.length);
    got.forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-13));
  };
  const taps = (...x: number[]): Float64Array => Float64Array.from(x);
  close(derivativeStencil(taps(-1, 0, 1), 0, 2), [0, 1, 0]);
  close(derivativeStencil(taps(-1, 0, 1), 1, 2), [-0.5, 0, 0.5]);
  close(derivativeStencil(taps(-1, 0, 1), 2, 2), [1, -2, 1]);
  close(derivativeStencil(taps(-2, -1, 0, 1, 2), 1, 4), [1 / 12, -2 / 3, 0, 2 / 3, -1 / 12]);
  close(derivativeStencil(taps(-2, -1, 0, 1, 2), 2, 4), [-1 / 12, 4 / 3, -5 / 2, 4 / 3, -1 / 12]);
  close(derivativeStencil(taps(-0.5, 0.5), 0, 2), [0.5, 0.5]);
  close(derivativeStencil(taps(-1.5, -0.5, 0.5, 1.5), 1, 4), [1 / 24, -9 / 8, 9 / 8, -1 / 24]);
  // Twice the distance: a quarter of the second derivative. Taps that are not needed are 0.
  close(derivativeStencil(taps(-4, -2, 0, 2, 4), 2, 2), [0, 0.25, -0.5, 0.25, 0]);
});

test("derivativeStencil is even or odd to the last bit", () => {
  for (let order = 0; order <= 6; order++) {
    const size = stencilSize(order, 4, true);
    const w = derivativeStencil(Float64Array.from({ length: size }, (_, i) => i - (size - 1) / 2), order, 4);
    w.forEach((v, i) => assertEquals(v + 0, (order % 2 === 0 ? 1 : -1) * w[size - 1 - i] + 0));
  }
});

test("derivativeStencil refuses too few taps", () => {
  assertThrows(() => derivativeStencil(Float64Array.of(-1, 0, 1), 3, 2), KernelError, "5 taps or more");
});
