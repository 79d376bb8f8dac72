// Shells: gradients, malformed points, cut-offs, adjoints, offsets.

import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { type GroupElement, o2Group, o3Group, so3Group } from "../../src/group/mod.ts";
import {
  besselRadial,
  CircularShells,
  functionCount,
  gridCoordinates,
  KernelError,
  KernelTables,
  LinearShells,
  partOffsets,
  PointFilter,
  type Shells,
  SphericalShells,
} from "../../src/kernels/mod.ts";
import { rot2dOnR2, rot3dOnR3 } from "../../src/gspaces/mod.ts";
import { multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

const RINGS = [{ radius: 0, sigma: 0.4 }, { radius: 1, sigma: 0.6 }];
const BASES: readonly (readonly [string, Shells])[] = [
  ["linear", new LinearShells({ reflection: true, rings: RINGS, maximumFrequency: 1 })],
  ["circular", new CircularShells({ subgroupId: [null, 4], rings: RINGS, maximumFrequency: 3 })],
  ["spherical", new SphericalShells({ subgroupId: ["so3"], rings: RINGS, maximumFrequency: 3 })],
  [
    "Bessel spherical",
    new SphericalShells({ subgroupId: ["so3"], rings: besselRadial(3, { cutoff: 4 }), maximumFrequency: 2 }),
  ],
];

for (const [name, basis] of BASES) {
  test(`${name} shells: sampleGradients agree with central differences of sample to 1e-7`, () => {
    const d = basis.dimensionality;
    const x = Float64Array.of(0.7, -0.4, 1.1).slice(0, d);
    const { values, gradients } = basis.sampleGradients(x);
    const at = basis.sample(x);
    assertEquals([...values], [...at]);
    const h = 1e-5;
    for (let axis = 0; axis < d; axis++) {
      const [low, high] = [-h, h].map((t) => basis.sample(x.map((v, i) => i === axis ? v + t : v)));
      for (let f = 0; f < functionCount(basis); f++) {
        assertAlmostEquals(gradients[f * d + axis], (high[f] - low[f]) / (2 * h), 1e-7);
      }
    }
  });

  test(`${name} shells refuse points of the wrong dimension and NaN`, () => {
    const d = basis.dimensionality;
    const nan = new Float64Array(2 * d);
    nan[d] = NaN;
    assertStringIncludes(assertThrows(() => basis.sample(nan), KernelError).message, "NaN as coordinate 0 of point 1");
    if (d === 1) return;
    const error = assertThrows(() => basis.sample(new Float64Array(d + 1)), KernelError);
    assertStringIncludes(error.message, `[count, ${d}], got ${d + 1} numbers`);
  });
}

test("Shells: cutoffs keep a frequency off a ring, one for each ring", () => {
  const options = { subgroupId: ["so3"], rings: RINGS, maximumFrequency: 2 };
  const basis = new SphericalShells({ ...options, cutoffs: [0, 2] });
  assertEquals(basis.harmonics.map((h) => h.rings), [[0, 1], [1], [1]]);
  assertThrows(() => new SphericalShells({ ...options, cutoffs: [0] }), KernelError, "2 cutoffs, one for each ring");
});

test("adjoint M: kernels are those without it at M x, in the plane and in space", () => {
  const options = { normalize: false, dropBelow: 0 };
  const flip = o2Group().element([1, 0.8]);
  const planarBasis = (adjoint?: GroupElement): CircularShells =>
    new CircularShells({ subgroupId: [0, 3], rings: RINGS, maximumFrequency: 3, adjoint });
  const x = Float64Array.of(0.6, -1.1);
  const there = multiplyMatrices(o2Group().irrep(1, 1).matrix(flip), x, 2, 2, 1);
  const turned = new KernelTables(planarBasis(flip), x, options).pair([1, 1], [1, 0]).sampled();
  const straight = new KernelTables(planarBasis(), there, options).pair([1, 1], [1, 0]).sampled();
  straight.forEach((v, i) => assertAlmostEquals(turned[i], v, 1e-12));
  const adjoint = o3Group().subgroup(["so3"]).inclusion(so3Group().element([0.5, 0.5, 0.5, 0.5]));
  const make = (turn: boolean): SphericalShells =>
    new SphericalShells({
      subgroupId: [false, "octa"],
      rings: RINGS,
      maximumFrequency: 4,
      adjoint: turn ? adjoint : undefined,
    });
  // A third of a turn about (1, 1, 1) takes x to y, y to z, z to x.
  const moved = new KernelTables(make(true), Float64Array.of(0.2, 0.5, -0.9), options).pair([1], [2]).sampled();
  const plain = new KernelTables(make(false), Float64Array.of(-0.9, 0.2, 0.5), options).pair([1], [2]).sampled();
  plain.forEach((v, i) => assertAlmostEquals(moved[i], v, 1e-12));
});

test("partOffsets: |t| of |f − tN| in the plane, lower occurrences elsewhere", () => {
  const parts = Array.from({ length: 8 }, () => [[0]]);
  assertEquals(partOffsets(2, 4, parts).map((o) => o[0]), [0, 0, 0, 1, 1, 1, 1, 2]);
  assertEquals(partOffsets(2, Infinity, parts).flat(), [0, 0, 0, 0, 0, 0, 0, 0]);
  assertEquals(partOffsets(3, Infinity, [[[0]], [[1], [1]], [[0], [1]]]), [[0], [0, 0], [1, 1]]);
});

test("functions have a definite parity under the reflections of a voxel grid, whatever the group's axis", () => {
  const basis = new SphericalShells({ subgroupId: ["cone", 0.7, 3], rings: RINGS, maximumFrequency: 4 });
  const points = gridCoordinates([3, 3, 3]);
  const all = basis.sample(points);
  for (const axis of [0, 1, 2]) {
    const mirrored = basis.sample(points.map((v, i) => i % 3 === axis ? -v : v));
    for (let f = 0; f < functionCount(basis); f++) {
      const [a, b] = [all.subarray(f * 27, f * 27 + 27), mirrored.subarray(f * 27, f * 27 + 27)];
      assertEquals(a.every((v, i) => v === b[i]) || a.every((v, i) => v === -b[i]), true, `function ${f}`);
    }
  }
});

const planar = (kernelSize: number, dilation: number, frequenciesCutoff?: number): KernelTables =>
  rot2dOnR2(8).kernelTables({ kernelSize, dilation, frequenciesCutoff });
const spatial = (kernelSize: number, dilation: number, frequenciesCutoff?: number): KernelTables =>
  rot3dOnR3().kernelTables({ kernelSize, dilation, frequenciesCutoff });

test("span: the reference's counts of functions, and their rank where they are dependent on the grid", () => {
  const count = (d: 2 | 3, kernelSize: number, dilation: number, cutoff?: number): readonly [number, number] => {
    const space = d === 2 ? planar : spatial;
    const tables = space(kernelSize, dilation, cutoff);
    return [tables.functionCount, tables.span.rank];
  };
  assertEquals([3, 5, 7].map((k) => count(2, k, 1)), [[6, 6], [11, 11], [18, 18]]);
  assertEquals([3, 5, 7].map((k) => count(3, k, 1)), [[10, 10], [19, 19], [35, 35]]);
  assertEquals(count(2, 7, 2), [46, 43]);
  // Four of the 50 functions of degrees to 6 vanish on 27 taps.
  assertEquals([functionCount(spatial(3, 2, 3).basis), ...count(3, 3, 2, 3)], [50, 46, 27]);
  const { functions, functionCount: n, points, span } = planar(7, 2);
  const back = multiplyMatrices(span.coordinates, span.basis, n, span.rank, points);
  back.forEach((v, i) => assertAlmostEquals(v, functions[i], 1e-8));
});

test("PointFilter is the constant 1", () => {
  assertEquals([...new PointFilter(so3Group()).sample(new Float64Array(0))], [1]);
});
