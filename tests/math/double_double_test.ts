// Sums and products as pairs of numbers: exact where they promise it.

import { assert, assertEquals } from "@std/assert";
import { addPairs, multiplyPairs, productError, twoProduct, twoSum } from "../../src/math/double_double.ts";
import { test } from "../support/test.ts";
import { toFixed, uniform } from "./oracle.ts";

test("twoSum and twoProduct lose nothing", () => {
  const next = uniform(1);
  for (let i = 0; i < 500; i++) {
    const a = (next() - 0.5) * 10 ** (20 * next() - 10);
    const b = (next() - 0.5) * 10 ** (20 * next() - 10);
    const s = twoSum(a, b);
    assertEquals(toFixed(s.hi) + toFixed(s.lo), toFixed(a) + toFixed(b));
    const p = twoProduct(a, b);
    assertEquals(toFixed(p.hi) + toFixed(p.lo), (toFixed(a) * toFixed(b)) >> 400n);
    assertEquals(productError(a, b, p.hi), p.lo);
  }
});

test("addPairs and multiplyPairs are right to 2^-100 of the result", () => {
  const next = uniform(2);
  for (let i = 0; i < 500; i++) {
    const [a, b] = [twoSum(next(), 1e-17 * next()), twoSum(next(), 1e-17 * next())];
    const [fa, fb] = [toFixed(a.hi) + toFixed(a.lo), toFixed(b.hi) + toFixed(b.lo)];
    const s = addPairs(a, b);
    const p = multiplyPairs(a, b);
    const sum = fa + fb;
    const product = (fa * fb) >> 400n;
    const relative = (got: bigint, exact: bigint) => Number(((got - exact) << 100n) / exact);
    assert(Math.abs(relative(toFixed(s.hi) + toFixed(s.lo), sum)) <= 1);
    assert(Math.abs(relative(toFixed(p.hi) + toFixed(p.lo), product)) <= 1);
  }
});
