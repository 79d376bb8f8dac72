// Initialization: standard deviations by the layout, determinism by seed, and the variance that it keeps.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { rot2dOnR2 } from "../../src/gspaces/mod.ts";
import { heStandardDeviations } from "../../src/kernels/weight_layout.ts";
import { deltaOrthonormalInit, FieldType, generalizedHeInit, R2Conv } from "../../src/nn/mod.ts";
import { assign, noGrad, scope, seed } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
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

test("generalizedHeInit gives each tap of a filter the variance of the closed form, over 1,000 seeds", () => {
  const plane = rot2dOnR2(4), [scalar, vector] = [plane.trivialRepr, plane.irrep(1)];
  const conv = new R2Conv(new FieldType(plane, [scalar, vector]), new FieldType(plane, [vector, scalar]), 5, {
    dtype: "float64",
    bias: false,
  });
  // Two input types reach each output; 3, 4, 4 and 14 elements lead from scalars and vectors to scalars, and to vectors.
  const deviations = [[3, 1 / Math.sqrt(2 * 3)], [4, 1 / Math.sqrt(2 * 4)], [4, 1 / Math.sqrt(2 * 4)], [
    14,
    1 / Math.sqrt(2 * 14),
  ]].flatMap(([count, deviation]) => new Array<number>(count).fill(deviation));
  assertClose([...heStandardDeviations(conv.layout)], deviations, { absolute: 1e-15 });
  const filter = (): number[] => scope(() => values(noGrad(() => conv.expandFilter())));
  const expected = new Float64Array(3 * 3 * 25), found = new Float64Array(3 * 3 * 25);
  deviations.forEach((deviation, i) => {
    noGrad(() => assign(conv.weights, Float64Array.from(deviations, (_, j) => i === j ? deviation : 0)));
    filter().forEach((tap, position) => expected[position] += tap * tap);
  });
  const seeds = 1000;
  for (let draw = 0; draw < seeds; draw++) {
    seed(draw);
    generalizedHeInit(conv);
    filter().forEach((tap, position) => found[position] += tap * tap / seeds);
  }
  // An estimate from 1,000 draws is off by 4.5 %: six times that is far from what a wrong factor would make.
  assertClose(found, expected, { absolute: 1e-12, relative: 6 * Math.sqrt(2 / seeds) });
  // An element's squares add up to the size of its output irrep, so all taps to one output channel have variance 1 together.
  const channels = (taps: Float64Array): number[] =>
    [0, 1, 2].map((channel) => taps.subarray(channel * 75, (channel + 1) * 75).reduce((a, b) => a + b, 0));
  assertClose(channels(expected), [1, 1, 1], { absolute: 1e-12 });
  assertClose(channels(found), [1, 1, 1], { absolute: 0.05 });
});

test("generalizedHeInit keeps the variance of features within a factor of 2", () => {
  seed(4);
  const type = regular(space, 8);
  const conv = new R2Conv(type, type, 5, { padding: 2 });
  const y = conv.forward(feature(type, 4, 15, 15)).tensor.slice(2, 4, 11).slice(3, 4, 11);
  const square = y.square().mean().itemSync();
  assert(square > 0.5 && square < 2, `${square}`);
});

test("deltaOrthonormalInit makes a filter that is zero but at the centre, and an orthogonal matrix there up to a factor", () => {
  const type = new FieldType(space, [space.regularRepr, space.irrep(1), space.irrep(4)], 2);
  const conv = new R2Conv(type, type, 3, { dtype: "float64" });
  seed(9);
  deltaOrthonormalInit(conv);
  const filter = values(conv.expandFilter()), n = type.size;
  const centre = Float64Array.from({ length: n * n }, (_, i) => filter[i * 9 + 4]);
  // The ring at radius 0 is so narrow that its kernels vanish beside the centre.
  assert(filter.every((v, i) => i % 9 === 4 || Math.abs(v) < 1e-12));
  for (let i = 0; i < n; i++) {
    for (let j = 0; j < n; j++) {
      let dot = 0;
      for (let k = 0; k < n; k++) dot += centre[i * n + k] * centre[j * n + k];
      assertAlmostEquals(dot, i === j ? 1 : 0, 1e-12);
    }
  }
  const first = values(conv.weights);
  seed(9);
  deltaOrthonormalInit(conv);
  assertEquals(values(conv.weights), first);
});

test("deltaOrthonormalInit gives each group its own matrix and leaves pairs of other irreps at zero", () => {
  const from = new FieldType(space, space.irrep(1), 4),
    to = new FieldType(space, [space.irrep(1), space.trivialRepr], 2);
  const conv = new R2Conv(from, to, 3, { groups: 2, dtype: "float64" });
  deltaOrthonormalInit(conv);
  const all = values(conv.weights), half = all.length / 2;
  assert(all.slice(0, half).some((w, i) => w !== all[half + i]));
  const filter = values(conv.expandFilter());
  const row = (channel: number) => filter.slice(channel * 4 * 9, (channel + 1) * 4 * 9);
  assert(row(2).every((v) => v === 0) && row(0).some((v) => v !== 0));
});
