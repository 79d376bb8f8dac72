// expm1, log1p and the hyperbolic functions against the engine's, in units of the last place.

import { assertEquals, assertLessOrEqual } from "@std/assert";
import { cosh, expm1, log1p, sinh, tanh } from "../../src/math/functions.ts";
import { test } from "../support/test.ts";

const EPSILON = 2 ** -52;

/** Greatest |actual − expected| / ulp over points spread over ±[low, high] on a logarithmic scale. */
function worstUlps(
  actual: (x: number) => number,
  expected: (x: number) => number,
  low: number,
  high: number,
  signs = [1, -1],
): number {
  let worst = 0;
  for (let i = 0; i <= 4000; i++) {
    for (const sign of signs) {
      const x = sign * low * Math.exp((i / 4000) * Math.log(high / low));
      const truth = expected(x);
      const ulp = Math.max(Math.abs(truth) * EPSILON / 2, Number.MIN_VALUE);
      worst = Math.max(worst, Math.abs(actual(x) - truth) / ulp);
    }
  }
  return worst;
}

// The engine's own functions are within one ulp themselves; an ulp lies between |x| ε / 2 and |x| ε.
test("expm1 is within 3 ulp of Math.expm1 on ±[1e-12, 700]", () => {
  assertLessOrEqual(worstUlps(expm1, Math.expm1, 1e-12, 700), 6);
});

test("log1p is within 3 ulp of Math.log1p on [1e-12, 1e12] and [-0.999, -1e-12]", () => {
  assertLessOrEqual(worstUlps(log1p, Math.log1p, 1e-12, 1e12, [1]), 6);
  assertLessOrEqual(worstUlps(log1p, Math.log1p, 1e-12, 0.999, [-1]), 6);
});

test("tanh, sinh and cosh are within 3 ulp of Math's on ±[1e-12, 700]", () => {
  assertLessOrEqual(worstUlps(tanh, Math.tanh, 1e-12, 700), 6);
  assertLessOrEqual(worstUlps(sinh, Math.sinh, 1e-12, 700), 6);
  assertLessOrEqual(worstUlps(cosh, Math.cosh, 1e-12, 700), 6);
});

test("expm1, log1p and tanh keep special values", () => {
  for (const f of [expm1, log1p, tanh, sinh]) {
    assertEquals(Object.is(f(-0), -0), true);
    assertEquals(f(NaN), NaN);
  }
  assertEquals(expm1(-Infinity), -1);
  assertEquals(expm1(Infinity), Infinity);
  assertEquals(log1p(-1), -Infinity);
  assertEquals(log1p(-1.5), NaN);
  assertEquals(log1p(Infinity), Infinity);
  assertEquals([tanh(Infinity), tanh(-Infinity)], [1, -1]);
  assertEquals([sinh(800), cosh(-800)], [Infinity, Infinity]);
});
