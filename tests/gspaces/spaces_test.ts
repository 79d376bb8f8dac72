// Steerable kernels of every space: the constraint for random representations, and their number from characters.

import fc from "fast-check";
import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { cyclicGroup } from "../../src/group/groups/cyclic.ts";
import { dihedralGroup } from "../../src/group/groups/dihedral.ts";
import { icosahedralGroup } from "../../src/group/groups/icosahedral.ts";
import { randomSource } from "../../src/group/grids/random.ts";
import * as gspaces from "../../src/gspaces/mod.ts";
import { bumpRadial, EmptyBasisError, KernelError, KernelTables, weightLayout } from "../../src/kernels/mod.ts";
import { maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { test } from "../support/test.ts";
import {
  harmonicCharacter,
  quadrature,
  randomKernel,
  randomRepresentation,
  someIrreps,
  SPACES,
} from "./constraint_support.ts";

const RINGS = [{ radius: 0, sigma: 0.3 }, { radius: 1, sigma: 0.6 }];

for (const space of SPACES) {
  const { fibergroup: group, dimensionality: d } = space;
  const highest = d === 1 ? 1 : 4;

  test(`${space}: k(gx) = ρ_out(g) k(x) ρ_in(g)⁻¹ to 1e-9 for random representations, elements and points`, () => {
    const basis = space.filterBasis(RINGS, highest);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1 << 30 }), (seed) => {
        const random = randomSource(seed);
        const [source, target] = [randomRepresentation(group, random), randomRepresentation(group, random)];
        const g = group.sample(random);
        const points = new Float64Array(2 * d);
        for (let i = 0; i < d; i++) points[i] = 4 * random() - 2;
        points.set(multiplyMatrices(space.baseSpaceAction(g), points.slice(0, d), d, d, 1), d);
        const tables = new KernelTables(basis, points, { normalize: false, dropBelow: 0 });
        const [at, moved] = randomKernel(tables, source, target, random);
        const [n, m] = [target.size, source.size];
        const left = multiplyMatrices(target.matrix(g), at, n, n, m);
        const expected = multiplyMatrices(left, source.matrix(g.inverse()), n, m, m);
        assertAlmostEquals(maximumDifference(moved, expected), 0, 1e-9);
      }),
      { numRuns: 12, seed: 7 },
    );
  });

  test(`${space}: as many kernels on a ring and frequency as characters count`, () => {
    const basis = space.filterBasis(RINGS.slice(1), highest);
    const tables = new KernelTables(basis, new Float64Array(0), { normalize: false, dropBelow: 0 });
    const elements = quadrature(group);
    const traces = Array.from(
      { length: highest + 1 },
      (_, f) => elements.map(([g]) => harmonicCharacter(d, space.baseSpaceAction(g), f)),
    );
    const irreps = someIrreps(group, 5);
    const characters = irreps.map((id) => elements.map(([g]) => group.irrep(...id).character(g)));
    irreps.forEach((inIrrep, i) =>
      irreps.forEach((outIrrep, o) => {
        const { paths } = tables.pair(inIrrep, outIrrep);
        traces.forEach((trace, f) => {
          const expected = elements.reduce((s, [, w], e) => s + w * characters[i][e] * characters[o][e] * trace[e], 0);
          assertAlmostEquals(paths.filter((path) => path.frequency === f).length, expected, 1e-6);
        });
      })
    );
  });
}

test("R1: filters of the reflection are even and odd, and 1 and 5 of 5 taps for scalars", () => {
  const flip = gspaces.flipOnR1();
  const tables = flip.kernelTables({ kernelSize: 5 });
  assertEquals(tables.functionCount, 5);
  const even = tables.pair([0], [0]).sampled();
  for (let p = 0; p < 3; p++) {
    for (let x = 0; x < 5; x++) assertEquals(even[p * 5 + x], even[p * 5 + 4 - x]);
  }
  const odd = tables.pair([0], [1]).sampled();
  assertEquals(tables.pair([0], [1]).pathCount, 2);
  for (let x = 0; x < 5; x++) assertEquals(odd[x] + 0, 0 - odd[4 - x] + 0);
  assertEquals(gspaces.trivialOnR1().kernelTables({ kernelSize: 5 }).pair([0], [0]).pathCount, 5);
  assertEquals([...flip.baseSpaceAction(flip.fibergroup.element(1))], [-1]);
  assertEquals(flip.restrict([1]).gspace.fibergroup.order, 1);
});

test("spaceWithAction: a group that turns the plane twice as fast has the kernels of its image", () => {
  // C_8 acts through C_4: the odd irreps never meet a harmonic.
  const quarter = [[1, 0, 0, 1], [0, -1, 1, 0], [-1, 0, 0, -1], [0, 1, -1, 0]];
  const group = cyclicGroup(8);
  const space = gspaces.spaceWithAction(group, 2, (g) => Float64Array.from(quarter[Number(g.value) % 4]));
  const tables = space.kernelTables({ kernelSize: 3 });
  assertEquals(tables.pair([0], [1]).pathCount, 0);
  // The irrep 2 of C_8 turns by π/2: it is the vector of C_4.
  assertEquals(
    tables.pair([0], [2]).pathCount,
    gspaces.rot2dOnR2(4).kernelTables({ kernelSize: 3 }).pair([0], [1]).pathCount,
  );
  assertEquals(tables.pair([0], [2]).paths.map((p) => [p.frequency, p.offset]), [[1, 0], [1, 0]]);
});

test("spaceWithAction agrees with the space of a subgroup of O(3)", () => {
  const named = gspaces.icoOnR3();
  const ico = icosahedralGroup();
  const own = gspaces.spaceWithAction(ico, 3, (g) => ico.standardRepresentation.matrix(g), { name: "mine" });
  assertEquals(own.name, "mine");
  assertEquals(own.equals(named), true);
  const count = (space: gspaces.EuclideanSpace): number =>
    weightLayout(space.kernelTables({ kernelSize: 3 }), [[[1], [2]]], [[[3], [4]], [[0]]]).size;
  assertEquals(count(own), count(named));
  const { gspace } = own.restrict([false, 5]);
  assertEquals(gspace.equals(named.restrict([false, 5]).gspace), true);
});

test("spaceWithAction refuses matrices that are not orthogonal or no homomorphism", () => {
  const group = dihedralGroup(3);
  const stretched = assertThrows(
    () => gspaces.spaceWithAction(group, 2, () => Float64Array.of(2, 0, 0, 2)),
    KernelError,
  );
  assertStringIncludes(stretched.message, "orthogonal matrix of 2 × 2 numbers");
  const wrong = assertThrows(
    () => gspaces.spaceWithAction(cyclicGroup(3), 1, (g) => Float64Array.of(g.isIdentity() ? 1 : -1)),
    KernelError,
  );
  assertStringIncludes(wrong.message, "action(g h) = action(g) action(h)");
});

test("kernelTables: kernels that are even or not square keep their centre, and empty ones name rings that help", () => {
  const space = gspaces.octaOnR3();
  const tables = space.kernelTables({ kernelSize: [3, 5, 5] });
  assertEquals(tables.points, 75);
  const plain = gspaces.rot2dOnR2(4).kernelTables({ kernelSize: 4 });
  assertEquals(plain.pair([0], [0]).pathCount > 0, true);
  const even = space.kernelTables({ kernelSize: 2 });
  const error = assertThrows(() => weightLayout(even, [[[0]]], [[[0]]]), KernelError);
  assertStringIncludes(error.message, "rings: [0.8660], sigma: 0.6");
  const helped = space.kernelTables({ kernelSize: 2, rings: [0.866], sigma: 0.6 });
  assertEquals(weightLayout(helped, [[[0]]], [[[0]]]).size > 0, true);
  const shape = assertThrows(() => space.kernelTables({ kernelSize: [3, 3] }), KernelError);
  assertStringIncludes(shape.message, "[depth, vertical, horizontal]");
});

test("kernelTables refuse rings outside the kernel and widths that are not positive", () => {
  const space = gspaces.rot3dOnR3();
  const outside = assertThrows(() => space.kernelTables({ kernelSize: 3, rings: [0, 2] }), KernelError);
  assertStringIncludes(outside.message, "up to 1.7321, got a ring of radius 2");
  const flat = assertThrows(() => space.kernelTables({ kernelSize: 3, sigma: 0 }), KernelError);
  assertStringIncludes(flat.message, "sigma 0");
  assertThrows(() => space.kernelTables({ kernelSize: 3, sigma: NaN }), KernelError, "sigma NaN");
  assertThrows(
    () => space.kernelTables({ kernelSize: 3, frequenciesCutoff: Infinity }),
    KernelError,
    "maximumFrequency",
  );
  const nothing = space.kernelTables({ kernelSize: 3, frequenciesCutoff: () => -1 });
  const empty = assertThrows(() => weightLayout(nothing, [[[0]]], [[[0]]]), EmptyBasisError);
  assertStringIncludes(empty.message, "a higher frequenciesCutoff");
  const offset = assertThrows(() => space.kernelTables({ kernelSize: 3, maximumOffset: -1 }), KernelError);
  assertStringIncludes(offset.message, "0 or more, got -1");
});

test("maximumOffset leaves out aliased harmonics: in the plane f = |k + tN| with |t| at most that", () => {
  const space = gspaces.rot2dOnR2(4);
  const frequencies = (maximumOffset?: number): number[] => {
    const tables = space.kernelTables({ kernelSize: 9, frequenciesCutoff: 3, maximumOffset });
    return [...new Set(tables.pair([0], [1]).paths.map((path) => path.frequency))];
  };
  assertEquals(frequencies(), [1, 3, 5, 7, 9, 11]);
  assertEquals(frequencies(0), [1]);
  assertEquals(frequencies(1), [1, 3, 5]);
  assertEquals(frequencies(2), [1, 3, 5, 7, 9]);
  // In space the offset of an irrep counts the lower frequencies that hold it too.
  const octa = gspaces.octaOnR3();
  const spatial = (maximumOffset?: number): number[] => {
    const tables = octa.kernelTables({ kernelSize: 7, frequenciesCutoff: 2, maximumOffset });
    return [...new Set(tables.pair([0], [0]).paths.map((path) => path.frequency))];
  };
  assertEquals(spatial(), [0, 4, 6]);
  assertEquals(spatial(1), [0, 4]);
  assertEquals(spatial(0), [0]);
});

test("pointKernelTables: elements carry the size of the output irrep, and other radial functions their rings", () => {
  const space = gspaces.rot3dOnR3();
  const tables = space.pointKernelTables({ width: 2, ringCount: 3 });
  const plain = new KernelTables(tables.basis, new Float64Array(0), { normalize: false, dropBelow: 0 });
  const [scaled, bare] = [tables.pair([0], [2]), plain.pair([0], [2])];
  assertEquals([...scaled.coefficients], [...bare.coefficients].map((v) => 5 * v));
  // Cut-offs 0, 3, 6: degree 2 needs a ring at 1 or 2.
  assertEquals(scaled.paths.map((p) => p.radius), [1, 2]);
  const bumps = space.pointKernelTables({ radial: bumpRadial([{ radius: 1, sigma: 1 }]), frequenciesCutoff: 2 });
  assertEquals(bumps.basis.harmonics.map((h) => h.frequency), [0, 1, 2]);
  assertEquals([...bumps.basis.sample(Float64Array.of(0, 0, 3))], new Array(9).fill(0));
});

test("fiberTables are the intertwiners, with two elements for irreps of complex type", () => {
  const tables = gspaces.rot2dOnR3(5).fiberTables();
  assertEquals(tables.pair([1], [1]).pathCount, 2);
  assertEquals(tables.pair([1], [2]).pathCount, 0);
});

test("noBaseSpace has no differential operators and no convolutions on points", () => {
  const point = gspaces.noBaseSpace(cyclicGroup(3));
  assertThrows(() => point.diffopTables({ maximumOrder: 1 }), KernelError, "dimension 1, 2 or 3");
  assertThrows(() => point.pointKernelTables({ width: 1, ringCount: 1 }), KernelError, "dimension 1, 2 or 3");
});

test("kernel tables of space and stencils are the same bits on every engine, as weights in files mean the same", () => {
  const view = new DataView(new ArrayBuffer(8));
  let hash = 2166136261;
  const add = (numbers: Float64Array): void => {
    for (const v of numbers) {
      view.setFloat64(0, v + 0);
      hash = Math.imul(hash ^ view.getInt32(0), 16777619);
      hash = Math.imul(hash ^ view.getInt32(4), 16777619);
    }
  };
  const spaces = [
    gspaces.flipOnR1(),
    gspaces.rot3dOnR3(),
    gspaces.octaOnR3(),
    gspaces.fullIcoOnR3(),
    gspaces.conicalOnR3(3, { axis: 0.3 }),
    gspaces.fullCylindricalOnR3(),
    gspaces.fullTetraOnR3(),
  ];
  for (const space of spaces) {
    const tables = space.kernelTables({ kernelSize: 5 });
    const irreps = someIrreps(space.fibergroup, 6);
    for (const i of irreps) for (const o of irreps) add(tables.pair(i, o).sampled());
    add(space.diffopTables({ maximumOrder: 2, discretization: "rbf", kernelSize: 3 }).functions);
  }
  add(gspaces.icoOnR3().orbitKernelTables({ kernelSize: 3, stabilizer: [false, 5] }).pair([1], [3]).sampled());
  assertEquals(hash >>> 0, 69654897);
});
