// Initialization: standard deviations by the layout, determinism by seed, and the variance that it keeps.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { rot2dOnR2 } from "../../src/gspaces/mod.ts";
import { heStandardDeviations } from "../../src/kernels/weight_layout.ts";
import { FieldType, generalizedHeInit, R2Conv } from "../../src/nn/mod.ts";
import { seed } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { feature, regular, values } from "./support.ts";

const space = rot2dOnR2(8);

test("generalizedHeInit draws the same weights for the same seed", () => {
  const conv = new R2Conv(regular(space, 2), regular(space, 2), 3, { initialize: false });
  assertEquals(values(conv.weights).some((w) => w !== 0), false);
  seed(11);
  generalizedHeInit(conv);
  const first = values(conv.weights);
  generalizedHeInit(conv);
  assert(values(conv.weights)[0] !== first[0]);
  seed(11);
  generalizedHeInit(conv);
  assertEquals(values(conv.weights), first);
  seed(11);
  assertEquals(values(new R2Conv(regular(space, 2), regular(space, 2), 3).weights), first);
});

test("generalizedHeInit has the layout's standard deviations within 5 %", () => {
  seed(3);
  const type = new FieldType(space, [space.trivialRepr, space.regularRepr], 8);
  const conv = new R2Conv(type, type, 5, { dtype: "float64" });
  const deviations = heStandardDeviations(conv.layout);
  const normalized = values(conv.weights).map((w, i) => w / deviations[i]);
  const mean = normalized.reduce((a, b) => a + b, 0) / normalized.length;
  const square = normalized.reduce((a, b) => a + b * b, 0) / normalized.length;
  assertAlmostEquals(mean, 0, 0.05);
  assertAlmostEquals(square, 1, 0.05);
});

test("generalizedHeInit keeps the variance of features within a factor of 2", () => {
  seed(4);
  const type = regular(space, 8);
  const conv = new R2Conv(type, type, 5, { padding: 2 });
  const y = conv.forward(feature(type, 4, 15, 15)).tensor.slice(2, 4, 11).slice(3, 4, 11);
  const square = y.square().mean().itemSync();
  assert(square > 0.5 && square < 2, `${square}`);
});
