// Folding of taps: the counts of harmonics, and that folds give back the functions.

import { assertAlmostEquals, assertEquals } from "@std/assert";
import { foldedTerms, foldsOf } from "../../../../backends/cpu/steerable/parity.ts";
import { rot2dOnR2, rot3dOnR3 } from "../../../../src/gspaces/mod.ts";
import { numbers } from "../../../support/random_plan.ts";
import { test } from "../../../support/test.ts";

test("foldsOf has as many folds as taps, and mirrored pairs around the middle", () => {
  assertEquals(foldsOf(1), [{ kind: "tap", tap: 0 }]);
  assertEquals(foldsOf(4), [
    { kind: "sum", low: 1, high: 2 },
    { kind: "sum", low: 0, high: 3 },
    { kind: "difference", low: 1, high: 2 },
    { kind: "difference", low: 0, high: 3 },
  ]);
  for (let size = 1; size < 8; size++) assertEquals(foldsOf(size).length, size);
});

test("foldedTerms leaves 63 terms of the circular harmonics on 5 x 5 taps, 319 of the spherical ones on 5 x 5 x 5", () => {
  const count = (functions: Float64Array, size: [number, number, number]) => foldedTerms(functions, size).flat().length;
  assertEquals(count(rot2dOnR2(8).kernelTables({ kernelSize: 5 }).functions, [1, 5, 5]), 63);
  assertEquals(count(rot3dOnR3().kernelTables({ kernelSize: 5 }).functions, [5, 5, 5]), 319);
});

test("foldedTerms times folded taps is the correlation to 1e-14", () => {
  const next = numbers(1), size: [number, number, number] = [2, 3, 4], taps = 24;
  const functions = Float64Array.from({ length: 2 * taps }, next), x = Float64Array.from({ length: taps }, next);
  const fold = (axis: number, i: number) => {
    const entry = foldsOf(size[axis])[i];
    if (entry.kind === "tap") return [[entry.tap, 1]];
    return [[entry.high, 1], [entry.low, entry.kind === "sum" ? 1 : -1]];
  };
  foldedTerms(functions, size).forEach((terms, f) => {
    let got = 0, expected = 0;
    for (const { z, y, x: column, value } of terms) {
      for (const [a, p] of fold(0, z)) {
        for (const [b, q] of fold(1, y)) {
          for (const [c, r] of fold(2, column)) got += value * p * q * r * x[(a * 3 + b) * 4 + c];
        }
      }
    }
    for (let t = 0; t < taps; t++) expected += functions[f * taps + t] * x[t];
    assertAlmostEquals(got, expected, 1e-14);
  });
});
