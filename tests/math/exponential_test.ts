// exp, log, pow, cbrt and hypot against the engine's functions and an exact oracle, in units of the last place.

import { assert, assertEquals } from "@std/assert";
import { cbrt, exp, exponentOf, hypot, log, pow, powerOfTwo, scaleByPowerOfTwo } from "../../src/math/exponential.ts";
import { test } from "../support/test.ts";
import { expFixed, logFixed, squareRoot, toFixed, ulpError, uniform } from "./oracle.ts";

test("exp is within 0.9 ulp of the exact value on [-30, 100]", () => {
  const next = uniform(1);
  for (let i = 0; i < 1000; i++) {
    const x = next() * 130 - 30;
    const error = ulpError(exp(x), expFixed(toFixed(x)));
    assert(error < 0.9, `exp(${x}) is off by ${error} ulp`);
  }
});

test("exp has the limits of Math.exp", () => {
  for (const x of [0, -0, 1e-320, -1e-320, 709.782712893384, 709.7827128933841, -745.13, -745.2, Infinity, -Infinity]) {
    assertEquals(exp(x), Math.exp(x));
  }
  assertEquals(exp(NaN), NaN);
});

test("log is within 0.9 ulp of the exact value on [1e-6, 1e6] and near 1", () => {
  const next = uniform(2);
  for (let i = 0; i < 1000; i++) {
    const x = i % 2 === 0 ? 0.7 + 0.6 * next() : 10 ** (12 * next() - 6);
    const error = ulpError(log(x), logFixed(toFixed(x)));
    assert(error < 0.9, `log(${x}) is off by ${error} ulp`);
  }
});

test("log is within 1 ulp of Math.log on subnormal and huge numbers and has its limits", () => {
  for (const x of [5e-324, 1e-310, 2.2250738585072014e-308, 1.7976931348623157e308]) {
    assert(Math.abs(log(x) - Math.log(x)) <= 2 ** -43);
  }
  assertEquals([log(0), log(1), log(Infinity)], [-Infinity, 0, Infinity]);
  assertEquals(log(-1), NaN);
});

test("pow is exact where the power is a float64", () => {
  for (let base = -9; base <= 9; base++) {
    let expected = 1;
    for (let n = 0; n <= 12; n++) {
      assertEquals(pow(base, n), expected);
      expected *= base;
    }
  }
  assertEquals(pow(2, -1074), 5e-324);
  assertEquals(pow(0.25, 0.5), 0.5);
});

test("pow is within 1 ulp of the exact value", () => {
  const next = uniform(3);
  for (let i = 0; i < 300; i++) {
    const x = 0.01 + 20 * next();
    const y = 8 * next() - 4;
    const exact = expFixed((toFixed(y) * logFixed(toFixed(x))) >> 400n);
    const error = ulpError(pow(x, y), exact);
    assert(error < 1, `pow(${x}, ${y}) is off by ${error} ulp`);
  }
});

test("pow has the special cases of Math.pow", () => {
  const values = [0, -0, 1, -1, 2, -2, 0.5, -3, 2.5, Infinity, -Infinity, NaN, 1e300, -1e-300, 5e-324];
  for (const x of values) {
    for (const y of values) {
      const got = pow(x, y);
      const expected = Math.pow(x, y);
      assert(Object.is(got, expected) || Math.abs(got / expected - 1) < 1e-15, `pow(${x}, ${y}) = ${got}`);
    }
  }
});

test("cbrt is exact on cubes and within 1 ulp of Math.cbrt", () => {
  const next = uniform(4);
  for (let n = -50; n <= 50; n++) assertEquals(cbrt(n * n * n), n);
  for (let i = 0; i < 1000; i++) {
    const x = (next() - 0.5) * 10 ** (300 * next() - 150);
    assert(Math.abs(cbrt(x) / Math.cbrt(x) - 1) < 2.3e-16);
  }
  assertEquals(cbrt(5e-324), Math.cbrt(5e-324));
});

test("hypot is within 0.6 ulp of the exact value and neither overflows nor underflows", () => {
  const next = uniform(5);
  for (let i = 0; i < 1000; i++) {
    const [x, y, z] = [next() - 0.5, next(), next() * 1e-3];
    const [a, b, c] = [toFixed(x), toFixed(y), toFixed(z)];
    const error = ulpError(hypot(x, y, z), squareRoot(a * a + b * b + c * c));
    assert(error < 0.6, `hypot is off by ${error} ulp`);
  }
  assertEquals(hypot(3e300, 4e300), 5e300);
  assertEquals(hypot(3e-320, 4e-320), 5e-320);
  assertEquals([hypot(), hypot(0, -0), hypot(NaN, Infinity)], [0, 0, Infinity]);
});

test("scaleByPowerOfTwo rounds once, exponentOf and powerOfTwo are exact", () => {
  assertEquals(powerOfTwo(-1022), 2.2250738585072014e-308);
  assertEquals(scaleByPowerOfTwo(1.5, 1023), 1.5 * 2 ** 1023);
  assertEquals(scaleByPowerOfTwo(3, -1075), 1e-323);
  assertEquals(scaleByPowerOfTwo(1, 5000), Infinity);
  assertEquals(scaleByPowerOfTwo(1, -5000), 0);
  assertEquals([exponentOf(1), exponentOf(0.75), exponentOf(5e-324)], [0, -1, -1074]);
});
