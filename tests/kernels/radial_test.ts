// Radial profiles: values, derivatives, support, bad input.

import { assert, assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  besselRadial,
  bumpRadial,
  customRadial,
  gaussianProfile,
  gaussianRadial,
  KernelError,
  learnedRadial,
  polynomialCutoff,
  type RadialProfile,
  withCutoff,
} from "../../src/kernels/mod.ts";
import { rot3dOnR3 } from "../../src/gspaces/mod.ts";
import { test } from "../support/test.ts";

const RINGS = [{ radius: 0, sigma: 0.5 }, { radius: 1.5, sigma: 0.7 }];
const own = customRadial({
  values: (r) => [r * r, Math.cos(r)],
  derivatives: (r) => [2 * r, -Math.sin(r)],
  rings: RINGS,
  cutoff: 2.5,
});
const PROFILES: readonly (readonly [string, RadialProfile])[] = [
  ["gaussian", gaussianRadial(RINGS)],
  ["bump", bumpRadial(RINGS)],
  ["bessel", besselRadial(4, { cutoff: 3 })],
  ["gaussian with cut-off", withCutoff(gaussianRadial(RINGS), { cutoff: 3, exponent: 4 })],
  ["custom", own],
];

for (const [name, profile] of PROFILES) {
  test(`${name} radial functions: derivatives agree with central differences to 1e-7`, () => {
    const at = Float64Array.from({ length: 11 }, (_, i) => 0.05 + 0.21 * i);
    const h = 1e-5;
    const [low, high] = [profile.sample(at.map((r) => r - h)), profile.sample(at.map((r) => r + h))];
    profile.derivative(at).forEach((v, i) => assertAlmostEquals(v, (high[i] - low[i]) / (2 * h), 1e-7));
  });

  test(`${name} radial functions vanish from their cut-off on and have one ring each`, () => {
    const count = profile.sample(Float64Array.of(0)).length;
    assertEquals(profile.rings.length, count);
    if (profile.cutoff === Infinity) return;
    for (const r of [profile.cutoff, profile.cutoff + 1]) {
      assertEquals([...profile.sample(Float64Array.of(r))], new Array(count).fill(0));
      assertEquals([...profile.derivative(Float64Array.of(r))], new Array(count).fill(0));
    }
  });
}

test("gaussianRadial is exp(−(r − R)² / 2σ²)", () => {
  const [a, b] = gaussianRadial(RINGS).sample(Float64Array.of(1));
  assertAlmostEquals(a, Math.exp(-2), 1e-15);
  assertEquals(b, gaussianProfile(1, RINGS[1]));
});

test("besselRadial: √(2/c) sin(nπr/c)/r under the cut-off, finite at the origin", () => {
  const profile = besselRadial(3, { cutoff: 2, exponent: 6 });
  const at = profile.sample(Float64Array.of(0, 1e-9, 0.7));
  for (let n = 1; n <= 3; n++) {
    assertAlmostEquals(at[(n - 1) * 3], n * Math.PI / 2, 1e-13);
    assertAlmostEquals(at[(n - 1) * 3 + 1], n * Math.PI / 2, 1e-13);
    const d = 0.35;
    const u = 1 - 28 * d ** 6 + 48 * d ** 7 - 21 * d ** 8;
    assertAlmostEquals(at[(n - 1) * 3 + 2], Math.sin(n * Math.PI * d) / 0.7 * u, 1e-13);
  }
});

test("polynomialCutoff: 1 at 0, and value and slope 0 at the cut-off", () => {
  assertEquals(polynomialCutoff(0, 3, 6), [1, -0]);
  assertEquals(polynomialCutoff(3, 3, 6), [0, 0]);
  const [value, slope] = polynomialCutoff(3 - 1e-4, 3, 6);
  assert(Math.abs(value) < 1e-11 && Math.abs(slope) < 1e-6, `${value} ${slope}`);
});

test("radial functions refuse widths, radii, counts and exponents that make no sense", () => {
  for (
    const [make, text] of [
      [() => gaussianRadial([{ radius: 1, sigma: 0 }]), "radius 1 with sigma 0"],
      [() => gaussianRadial([]), "no ring"],
      [() => bumpRadial([{ radius: -1, sigma: 1 }]), "radius -1"],
      [() => besselRadial(0, { cutoff: 1 }), "count of 1 or more, got 0"],
      [() => besselRadial(2, { cutoff: -1 }), "positive cutoff, got -1"],
      [() => withCutoff(own, { cutoff: 1, exponent: 1 }), "exponent of 2 or more, got 1"],
      [
        () => customRadial({ values: () => [1], derivatives: () => [0], rings: RINGS }),
        "2 functions, one for each ring, got 1",
      ],
    ] as const
  ) {
    assertStringIncludes(assertThrows(make, KernelError).message, text);
  }
});

test("learnedRadial counts functions for the tables and refuses to be sampled", () => {
  const radial = learnedRadial(RINGS, 4);
  const tables = rot3dOnR3().pointKernelTables({ radial, frequenciesCutoff: () => 1 });
  assertEquals(tables.pair([0], [1]).pathCount, 2);
  assertThrows(() => tables.basis.sample(Float64Array.of(1, 0, 0)), KernelError, "the layer to compute");
});
