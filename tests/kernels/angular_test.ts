// covers: src/kernels/radial.ts
import { assertAlmostEquals, assertEquals } from "@std/assert";
import { circularHarmonics, circularHarmonicSize, gaussianProfile } from "../../src/kernels/mod.ts";
import { test } from "../support/test.ts";

test("circularHarmonics are cosines and sines of multiples of the angle from the axis, to 1e-14", () => {
  const angles = [0.1, 1.3, 2.9, -2.2];
  const [x, y] = [angles.map((a) => 2 * Math.cos(a)), angles.map((a) => 2 * Math.sin(a))];
  for (const axis of [0, 0.4, Math.PI / 2]) {
    const values = circularHarmonics(5, x, y, axis);
    angles.forEach((a, p) => {
      assertEquals(values[p], 1);
      for (let f = 1; f <= 5; f++) {
        assertAlmostEquals(values[(2 * f - 1) * 4 + p], Math.cos(f * (a - axis)), 1e-14);
        assertAlmostEquals(values[2 * f * 4 + p], Math.sin(f * (a - axis)), 1e-14);
      }
    });
  }
  assertEquals([circularHarmonicSize(0), circularHarmonicSize(3)], [1, 2]);
});

test("circularHarmonics vanish at the origin but for the constant", () => {
  assertEquals([...circularHarmonics(2, [1e-10], [0])], [1, 0, 0, 0, 0]);
});

test("gaussianProfile is 1 on its ring and falls off with the square of the distance", () => {
  assertEquals(gaussianProfile(2, { radius: 2, sigma: 0.4 }), 1);
  assertAlmostEquals(gaussianProfile(2.5, { radius: 2, sigma: 0.5 }), Math.exp(-0.5), 1e-16);
});
