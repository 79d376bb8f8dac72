// Loops of generated kernels: order, merging, 64 bits, and the division that the host prepares.

import { assert, assertEquals } from "@std/assert";
import { divisionBy, isWide, LoopCode, planLoops, positionsOf } from "../../../../backends/cuda/kernels/loops.ts";
import { test } from "../../../support/test.ts";

/** `escnn_divide` of device_functions.ts in exact integers. */
function divide(n: number, [multiplier, shift]: readonly [number, number]): number {
  const high = (BigInt(n) * BigInt(multiplier >>> 0)) >> 32n;
  return Number((high + BigInt(n)) >> BigInt(shift));
}

test("divisionBy gives exact quotients of all numbers below 2^31", () => {
  const divisors = [1, 2, 3, 5, 7, 10, 63, 64, 65, 641, 4096, 65535, 65537, 6700417, 2 ** 30, 2 ** 30 + 1, 2 ** 31 - 1];
  for (const divisor of divisors) {
    const by = divisionBy(divisor);
    const multiples = [1, 2, 3, Math.floor((2 ** 31 - 1) / divisor)].flatMap((k) => [k * divisor - 1, k * divisor]);
    for (const n of [0, 1, ...multiples, 2 ** 31 - 1]) {
      if (n >= 0 && n < 2 ** 31) assertEquals(divide(n, by), Math.floor(n / divisor), `${n} / ${divisor}`);
    }
  }
});

test("planLoops orders axes by the first operand and merges what all operands allow", () => {
  assertEquals(planLoops([2, 3, 4], [0, 1, 2], [[12, 4, 1], [12, 4, 1]]), { sizes: [24], strides: [[1], [1]] });
  assertEquals(planLoops([2, 3], [0, 1], [[1, 2], [3, 1]]), { sizes: [3, 2], strides: [[2, 1], [1, 3]] });
  assertEquals(planLoops([5, 1, 4], [0, 1, 2], [[4, 9, 1], [0, 9, 1]]), { sizes: [5, 4], strides: [[4, 1], [0, 1]] });
  assertEquals(planLoops([1, 1], [0, 1], [[1, 1]]), { sizes: [], strides: [[]] });
  assertEquals(positionsOf(planLoops([5, 0, 4], [0, 1, 2], [[0, 4, 1]])), 0);
});

test("isWide says when positions or offsets leave 31 bits", () => {
  const loops = (size: number, stride: number) => ({ sizes: [size], strides: [[stride]] });
  assert(!isWide([loops(2 ** 30, 1)]));
  assert(isWide([loops(2 ** 31, 1)]));
  assert(isWide([loops(3, 2 ** 30)]));
  assert(isWide([loops(3, -(2 ** 30))]));
  assert(isWide([loops(2 ** 16, 1), loops(2 ** 15, 0)]));
});

test("LoopCode writes as many numbers as it counts, and reads the strides behind the divisors", () => {
  const loops = planLoops([2, 3, 4], [0, 1, 2], [[24, 8, 1], [1, 2, 6]]);
  for (const wide of [false, true]) {
    const numbers = LoopCode.numbers(loops, wide);
    assertEquals(numbers.length, LoopCode.count(3, 2, wide));
    assertEquals(numbers.slice(-6), [24, 8, 1, 1, 2, 6]);
    const first = 5 + numbers.length - 3;
    assertEquals(
      new LoopCode(3, 5, wide).offset(1, "p"),
      `p0 * n.v[${first}] + p1 * n.v[${first + 1}] + p2 * n.v[${first + 2}]`,
    );
  }
  assertEquals(new LoopCode(0, 5, false).offset(0, "p"), "0");
  assertEquals(new LoopCode(1, 5, true).coordinates("i", "p"), ["const long long p0 = i;"]);
});
