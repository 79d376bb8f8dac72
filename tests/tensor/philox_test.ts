// Philox against the known answers of Random123, and how its words become numbers.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import {
  bitsFromWords,
  normalFromWords,
  philox4x32,
  type PhiloxWords,
  uniformFromWords,
} from "../../src/tensor/philox.ts";
import { test } from "../support/test.ts";

const hex = (words: PhiloxWords): string => words.map((word) => word.toString(16).padStart(8, "0")).join(" ");

test("philox4x32 gives Random123's known answer for zeros", () => {
  assertEquals(hex(philox4x32([0, 0], [0, 0, 0, 0])), "6627e8d5 e169c58d bc57ac4c 9b00dbd8");
});

test("philox4x32 gives Random123's known answer for ones, signed or unsigned", () => {
  const expected = "408f276d 41c83b0e a20bc7c6 6d5451fd";
  assertEquals(hex(philox4x32([-1, -1], [-1, -1, -1, -1])), expected);
  const ones = 0xffffffff;
  assertEquals(hex(philox4x32([ones, ones], [ones, ones, ones, ones])), expected);
});

test("philox4x32 gives Random123's known answer for the digits of pi", () => {
  const words = philox4x32([0xa4093822, 0x299f31d0], [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344]);
  assertEquals(hex(words), "d16cfe09 94fdcceb 5001e420 24126ea1");
});

test("bitsFromWords is the first word as int32", () => {
  assertEquals(bitsFromWords([0x80000001, 1, 2, 3]), -0x7fffffff);
});

test("uniformFromWords takes 24 bits for float32 and 53 for float64, from 0 to just below 1", () => {
  assertEquals(uniformFromWords("float32", [0xff, 0, 0, 0]), 0);
  assertEquals(uniformFromWords("float32", [0x80000000, 0, 0, 0]), 0.5);
  assertEquals(uniformFromWords("float32", [0xffffffff, 0, 0, 0]), 1 - 2 ** -24);
  assertEquals(uniformFromWords("float64", [0xffffffff, 0xffffffff, 0, 0]), 1 - 2 ** -53);
  assertEquals(uniformFromWords("float64", [0, 0x40, 0, 0]), 2 ** -53);
  assertEquals(uniformFromWords("float64", [0x20, 0, 0, 0]), 2 ** -27);
});

test("normalFromWords is √(−2 log u₁) · cos(2π u₂)", () => {
  // u₁ = 2⁻²⁵ (the smallest) and u₂ = 0: the greatest normal number of float32.
  assertAlmostEquals(normalFromWords("float32", [0, 0, 0, 0]), Math.sqrt(50 * Math.LN2), 1e-14);
  assertAlmostEquals(normalFromWords("float64", [0, 0, 0, 0]), Math.sqrt(108 * Math.LN2), 1e-14);
  // u₂ = 1/2 turns the sign.
  assertAlmostEquals(normalFromWords("float32", [0, 0x80000000, 0, 0]), -Math.sqrt(50 * Math.LN2), 1e-14);
  assertAlmostEquals(normalFromWords("float64", [0, 0, 0x80000000, 0]), -Math.sqrt(108 * Math.LN2), 1e-14);
  // u₁ = 1 − 2⁻²⁵: never a NaN.
  assert(Math.abs(normalFromWords("float32", [0xffffffff, 0, 0, 0])) < 3e-4);
  assertEquals(normalFromWords("float64", [0xffffffff, 0xffffffff, 0, 0]), 0);
});

for (const dtype of ["float32", "float64"] as const) {
  test(`normalFromWords of ${dtype} has the moments of a standard normal within 5 standard errors of 40,000 draws`, () => {
    const count = 40_000;
    const sums = [0, 0, 0, 0];
    for (let i = 0; i < count; i++) {
      const z = normalFromWords(dtype, philox4x32([1, 2], [i, 0, 7, 0]));
      for (let power = 1; power <= 4; power++) sums[power - 1] += z ** power;
    }
    // Variances of z, z², z³, z⁴ are 1, 2, 15, 96.
    const expected = [0, 1, 0, 3];
    [1, 2, 15, 96].forEach((variance, k) => {
      assertAlmostEquals(sums[k] / count, expected[k], 5 * Math.sqrt(variance / count), `moment ${k + 1}`);
    });
  });

  test(`uniformFromWords of ${dtype} has mean 1/2 and variance 1/12 within 5 standard errors of 40,000 draws`, () => {
    const count = 40_000;
    let mean = 0;
    let square = 0;
    for (let i = 0; i < count; i++) {
      const u = uniformFromWords(dtype, philox4x32([3, 4], [0, i, 0, 0]));
      assert(u >= 0 && u < 1);
      mean += u / count;
      square += u * u / count;
    }
    assertAlmostEquals(mean, 0.5, 5 * Math.sqrt(1 / 12 / count));
    assertAlmostEquals(square, 1 / 3, 5 * Math.sqrt(4 / 45 / count));
  });
}

test("philox4x32 changes about half of the bits when one bit of key or counter changes", () => {
  const base = philox4x32([5, 6], [7, 8, 9, 0]);
  for (let bit = 0; bit < 32; bit++) {
    const flip = 1 << bit;
    for (const other of [philox4x32([5 ^ flip, 6], [7, 8, 9, 0]), philox4x32([5, 6], [7, 8, 9 ^ flip, 0])]) {
      let changed = 0;
      for (let word = 0; word < 4; word++) {
        for (let difference = base[word] ^ other[word]; difference !== 0; difference &= difference - 1) changed++;
      }
      // 128 fair bits: 64 with a standard deviation of 5.7.
      assert(changed > 35 && changed < 93, `${changed} bits changed`);
    }
  }
});
