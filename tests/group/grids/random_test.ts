// Random elements: fixed by their seed, and spread as Haar measure says.

import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { randomSource } from "../../../src/group/grids/random.ts";
import { test } from "../../support/test.ts";

test("randomSource gives the same numbers for the same seed, others for another", () => {
  const [a, b, c] = [randomSource(5), randomSource(5), randomSource(6)];
  const first = Array.from({ length: 8 }, a);
  assertEquals(first, Array.from({ length: 8 }, b));
  assertNotEquals(first, Array.from({ length: 8 }, c));
});

test("randomSource is uniform in [0, 1): mean and variance of 20000 numbers to 0.01", () => {
  const random = randomSource(-3);
  let [sum, square] = [0, 0];
  for (let i = 0; i < 20000; i++) {
    const u = random();
    assert(u >= 0 && u < 1);
    sum += u;
    square += u * u;
  }
  assertAlmostEquals(sum / 20000, 1 / 2, 0.01);
  assertAlmostEquals(square / 20000, 1 / 3, 0.01);
});
