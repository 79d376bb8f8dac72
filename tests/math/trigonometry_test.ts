// sin, cos and the inverse functions against the engine's and an exact oracle, in units of the last place.

import { assert, assertEquals } from "@std/assert";
import { acos, asin, atan, atan2, cos, sin } from "../../src/math/trigonometry.ts";
import { test } from "../support/test.ts";
import { atanFixed, sinCosFixed, squareRoot, toFixed, ulpError, uniform } from "./oracle.ts";

const ONE = 1n << 400n;

test("sin and cos are within 0.9 ulp of the exact value on [-10, 10]", () => {
  const next = uniform(1);
  for (let i = 0; i < 1000; i++) {
    const x = 20 * next() - 10;
    const [s, c] = sinCosFixed(toFixed(x));
    assert(ulpError(sin(x), s) < 0.9, `sin(${x})`);
    assert(ulpError(cos(x), c) < 0.9, `cos(${x})`);
  }
});

test("sin and cos are within 0.9 ulp of the exact value up to 1e9, across both reductions", () => {
  const next = uniform(2);
  for (let i = 0; i < 300; i++) {
    const x = (next() - 0.5) * 10 ** (9 * next());
    const [s, c] = sinCosFixed(toFixed(x));
    assert(ulpError(sin(x), s) < 0.9, `sin(${x})`);
    assert(ulpError(cos(x), c) < 0.9, `cos(${x})`);
  }
});

test("sin and cos are right at the float64 closest to a multiple of π/2 and at the largest one", () => {
  assertEquals(cos(6381956970095103 * 2 ** 797), -4.687165924254628e-19);
  assertEquals(sin(1.7976931348623157e308), 0.004961954789184062);
  assertEquals(cos(1.7976931348623157e308), -0.9999876894265599);
});

test("sin and cos of special values", () => {
  assertEquals([sin(0), sin(-0), cos(0)], [0, -0, 1]);
  assertEquals([sin(Infinity), cos(NaN)], [NaN, NaN]);
  assertEquals(sin(Math.PI / 2), 1);
});

test("atan is within 0.6 ulp of the exact value", () => {
  const next = uniform(3);
  for (let i = 0; i < 500; i++) {
    const x = (next() - 0.5) * 10 ** (6 * next() - 3);
    const error = ulpError(atan(x), atanFixed(toFixed(x)));
    assert(error < 0.6, `atan(${x}) is off by ${error} ulp`);
  }
});

test("atan2 is within 1 ulp of Math.atan2 in all quadrants", () => {
  const next = uniform(4);
  for (let i = 0; i < 2000; i++) {
    const [y, x] = [next() - 0.5, next() - 0.5];
    assert(Math.abs(atan2(y, x) / Math.atan2(y, x) - 1) < 2.3e-16);
  }
});

test("atan2 has the special cases of Math.atan2", () => {
  const values = [0, -0, 1, -1, 5e-324, -5e-324, 1e308, -1e308, Infinity, -Infinity, NaN];
  for (const y of values) {
    for (const x of values) {
      const got = atan2(y, x);
      const expected = Math.atan2(y, x);
      assert(
        Object.is(got, expected) || got === expected || Math.abs(got / expected - 1) < 2.3e-16,
        `atan2(${y}, ${x}) = ${got}`,
      );
    }
  }
});

test("asin and acos are within 0.7 ulp of the exact value", () => {
  const next = uniform(5);
  const halfPi = 2n * atanFixed(ONE);
  for (let i = 0; i < 500; i++) {
    const x = i % 3 === 0 ? 1 - next() * 10 ** (-12 * next()) : 2 * next() - 1;
    const f = toFixed(x);
    const c = squareRoot(((ONE * ONE - f * f) >> 400n) << 400n);
    if (c === 0n) continue;
    const exact = atanFixed((f << 400n) / c);
    assert(ulpError(asin(x), exact) < 0.7, `asin(${x})`);
    assert(ulpError(acos(x), halfPi - exact) < 0.7, `acos(${x})`);
  }
  assertEquals([asin(1), acos(-1), acos(1)], [Math.PI / 2, Math.PI, 0]);
  assertEquals([asin(1.1), acos(-1.1)], [NaN, NaN]);
});
