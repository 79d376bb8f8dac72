// covers: src/kernels/filter_basis.ts
import fc from "fast-check";
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { so2Group } from "../../src/group/mod.ts";
import type { Group, IrrepId } from "../../src/group/types.ts";
import {
  flip2dOnR2,
  flipRot2dOnR2,
  type GSpace2D,
  noBaseSpace,
  rot2dOnR2,
  trivialOnR2,
} from "../../src/gspaces/mod.ts";
import { functionCount, KernelTables, PointFilter } from "../../src/kernels/mod.ts";
import { multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";

const RINGS = [{ radius: 0, sigma: 0.3 }, { radius: 1, sigma: 0.6 }, { radius: 2, sigma: 0.5 }];

const spaces: readonly GSpace2D[] = [
  trivialOnR2(),
  rot2dOnR2(2),
  rot2dOnR2(3),
  rot2dOnR2(4),
  rot2dOnR2(8),
  rot2dOnR2(),
  flip2dOnR2(),
  flip2dOnR2({ axis: 0.4 }),
  flipRot2dOnR2(2),
  flipRot2dOnR2(3, { axis: 1.1 }),
  flipRot2dOnR2(4),
  flipRot2dOnR2(6, { axis: 0.3 }),
  flipRot2dOnR2(),
  flipRot2dOnR2(-1, { axis: 0.7 }),
];

function irrepsOf(group: Group): readonly IrrepId[] {
  return group.irreps(3).map((psi) => psi.id);
}

// The number of independent kernels of a pair of irreps for the harmonics of one frequency on one ring, by characters:
// the mean over the group of χ_out χ_in χ_harmonic.
function dimensionByCharacters(space: GSpace2D, inIrrep: IrrepId, outIrrep: IrrepId, frequency: number): number {
  const group = space.fibergroup;
  const elements = group.isContinuous
    ? Array.from(
      { length: 64 },
      (_, i) =>
        group === so2Group()
          ? group.element(2 * Math.PI * i / 64)
          : group.element([i % 2, 2 * Math.PI * Math.floor(i / 2) / 32]),
    )
    : group.elements;
  let sum = 0;
  for (const g of elements) {
    const [a, b, c, d] = space.baseSpaceAction(g);
    // The trace of the harmonics of frequency f: 2 cos fθ for a rotation by θ, 0 for a reflection.
    const trace = frequency === 0 ? 1 : a * d - b * c < 0 ? 0 : 2 * Math.cos(frequency * Math.atan2(c, a));
    sum += group.irrep(...outIrrep).character(g) * group.irrep(...inIrrep).character(g) * trace;
  }
  return sum / elements.length;
}

for (const space of spaces) {
  const group = space.fibergroup;

  test(`kernels on ${space}: k(gx) = ρ_out(g) k(x) ρ_in(g)⁻¹ to 1e-9 at random points`, () => {
    const coordinate = fc.double({ min: -3, max: 3, noNaN: true });
    const basis = space.filterBasis(RINGS, 4);
    fc.assert(
      fc.property(coordinate, coordinate, fc.nat(), (x, y, pick) => {
        const g = space.testingElements[pick % space.testingElements.length];
        const [a, b, c, d] = space.baseSpaceAction(g);
        const points = Float64Array.of(x, y, a * x + b * y, c * x + d * y);
        const tables = new KernelTables(basis, points, { normalize: false, dropBelow: 0 });
        for (const inIrrep of irrepsOf(group)) {
          for (const outIrrep of irrepsOf(group)) {
            const table = tables.pair(inIrrep, outIrrep);
            const [n, m] = [table.outSize, table.inSize];
            const sampled = table.sampled();
            const [out, inverse] = [group.irrep(...outIrrep).matrix(g), group.irrep(...inIrrep).matrix(g.inverse())];
            for (let p = 0; p < table.pathCount; p++) {
              const at = (point: number): Float64Array =>
                Float64Array.from({ length: n * m }, (_, i) => sampled[(p * n * m + i) * 2 + point]);
              const expected = multiplyMatrices(multiplyMatrices(out, at(0), n, n, m), inverse, n, m, m);
              at(1).forEach((v, i) => assertAlmostEquals(v, expected[i], 1e-9));
            }
          }
        }
      }),
      { numRuns: 12, seed: 5 },
    );
  });

  test(`kernels on ${space}: as many on each ring and frequency as characters count`, () => {
    const basis = space.filterBasis(RINGS.slice(1), 4);
    const points = Float64Array.of(0.3, 1.1);
    const tables = new KernelTables(basis, points, { normalize: false, dropBelow: 0 });
    for (const inIrrep of irrepsOf(group)) {
      for (const outIrrep of irrepsOf(group)) {
        const { paths } = tables.pair(inIrrep, outIrrep);
        for (let f = 0; f <= 4; f++) {
          const count = paths.filter((path) => path.frequency === f && path.ringIndex === 0).length;
          assertAlmostEquals(count, dimensionByCharacters(space, inIrrep, outIrrep, f), 1e-9);
        }
      }
    }
  });

  test(`kernels on ${space}: every element has Σ K² = size of the output irrep, 5 × 5`, () => {
    const tables = space.kernelTables({ kernelSize: 5 });
    assertEquals(tables.points, 25);
    for (const inIrrep of irrepsOf(group)) {
      for (const outIrrep of irrepsOf(group)) {
        const table = tables.pair(inIrrep, outIrrep);
        const sampled = table.sampled();
        const length = table.outSize * table.inSize * 25;
        for (let p = 0; p < table.pathCount; p++) {
          let squares = 0;
          for (let i = 0; i < length; i++) squares += sampled[p * length + i] ** 2;
          assertAlmostEquals(squares, table.outSize, 1e-12);
        }
      }
    }
  });
}

test("kernelTables: dimensions of the reference, 6, 11 and 18 functions for k = 3, 5, 7", () => {
  const counts = [3, 5, 7].map((kernelSize) => rot2dOnR2(8).kernelTables({ kernelSize }).functionCount);
  assertEquals(counts, [6, 11, 18]);
  const so2 = rot2dOnR2().kernelTables({ kernelSize: 5 });
  const sizes = [[0, 0], [0, 1], [1, 1], [2, 2]].map(([i, o]) => so2.pair([i], [o]).pathCount);
  assertEquals(sizes, [3, 4, 10, 6]);
});

test("kernelTables: paths run over harmonic, part, copy, endomorphism and ring, the ring fastest", () => {
  const { paths } = rot2dOnR2(4).kernelTables({ kernelSize: 5 }).pair([1], [1]);
  const keys = paths.map((p) => [p.frequency, p.part, p.clebschGordanCopy, p.endomorphism, p.ringIndex]);
  const sorted = [...keys].sort((a, b) => {
    const i = a.findIndex((v, k) => v !== b[k]);
    return i < 0 ? 0 : a[i] - b[i];
  });
  assertEquals(keys, sorted);
  assertEquals(keys.slice(0, 7), [
    [0, 0, 0, 0, 0],
    [0, 0, 0, 0, 1],
    [0, 0, 0, 0, 2],
    [0, 0, 1, 0, 0],
    [0, 0, 1, 0, 1],
    [0, 0, 1, 0, 2],
    [2, 0, 0, 0, 1],
  ]);
});

test("kernelTables: coefficients touch only a path's own functions", () => {
  const tables = flipRot2dOnR2(4).kernelTables({ kernelSize: 7 });
  const table = tables.pair([1, 1], [1, 1]);
  const entries = table.inSize * table.outSize;
  table.paths.forEach((path, p) => {
    for (let i = 0; i < entries; i++) {
      for (let f = 0; f < tables.functionCount; f++) {
        const inside = f >= path.functionOffset && f < path.functionOffset + path.functionCount;
        if (!inside) assertEquals(table.coefficients[(p * entries + i) * tables.functionCount + f], 0);
        else {
          assertEquals(tables.functionInfo[f].frequency, path.frequency);
          assertEquals(tables.functionInfo[f].ringIndex, path.ringIndex);
        }
      }
    }
  });
});

test("kernelTables: functions have a definite parity under the grid's reflections, whatever the axis", () => {
  const tables = flipRot2dOnR2(4, { axis: 0.77 }).kernelTables({ kernelSize: 5 });
  for (let f = 0; f < tables.functionCount; f++) {
    const row = tables.functions.subarray(f * 25, (f + 1) * 25);
    for (const mirror of [(r: number, c: number) => r * 5 + 4 - c, (r: number, c: number) => (4 - r) * 5 + c]) {
      const mirrored = Float64Array.from(row, (_, i) => row[mirror(Math.floor(i / 5), i % 5)]);
      const even = mirrored.every((v, i) => v === row[i]);
      const odd = mirrored.every((v, i) => v === -row[i]);
      assert(even || odd, `function ${f}`);
    }
  }
});

test("functions that vanish on all taps are dropped, and elements with them", () => {
  // On the axes alone every sin 2φ is 0.
  const tables = new KernelTables(trivialOnR2().filterBasis(RINGS.slice(1, 2), 2), Float64Array.of(1, 0, 0, 1, -1, 0));
  assertEquals(tables.functionInfo.map((f) => [f.frequency, f.component]), [[0, 0], [1, 0], [1, 1], [2, 0]]);
  assertEquals(functionCount(tables.basis), 5);
  assertEquals(tables.pair([0], [0]).pathCount, 4);
});

test("kernels on a point are the intertwiners", () => {
  const tables = noBaseSpace(so2Group()).kernelTables({ kernelSize: 1 });
  assertEquals(tables.pair([1], [1]).pathCount, 2);
  assertEquals(tables.pair([1], [2]).pathCount, 0);
  assertEquals([...tables.pair([1], [1]).sampled()].map((v) => Math.abs(Math.round(v * 1e12) / 1e12)), [
    1,
    0,
    0,
    1,
    0,
    1,
    1,
    0,
  ]);
  assertEquals([...new PointFilter(so2Group()).sample(new Float64Array(0))], [1]);
});

test("kernel tables are the same bits on every engine", () => {
  const view = new DataView(new ArrayBuffer(8));
  let hash = 2166136261;
  for (const space of [rot2dOnR2(8), rot2dOnR2(7), flipRot2dOnR2(6, { axis: 0.3 }), flipRot2dOnR2()]) {
    const tables = space.kernelTables({ kernelSize: 7 });
    for (const i of irrepsOf(space.fibergroup)) {
      for (const o of irrepsOf(space.fibergroup)) {
        for (const v of tables.pair(i, o).sampled()) {
          view.setFloat64(0, v + 0);
          hash = Math.imul(hash ^ view.getInt32(0), 16777619);
          hash = Math.imul(hash ^ view.getInt32(4), 16777619);
        }
      }
    }
  }
  assertEquals(hash >>> 0, 1941104881);
});
