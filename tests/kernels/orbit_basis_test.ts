// Kernels on the orbits of the icosahedron and of other finite groups.

import { assertAlmostEquals, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { dihedralGroup, icosahedralGroup, so3Group } from "../../src/group/mod.ts";
import { randomSource } from "../../src/group/grids/random.ts";
import { icoOnR3, octaOnR3, rot3dOnR3 } from "../../src/gspaces/mod.ts";
import { functionCount, KernelError, KernelTables, OrbitShells } from "../../src/kernels/mod.ts";
import { maximumDifference, multiplyMatrices } from "../../src/math/linear_algebra.ts";
import { randomKernel, randomRepresentation } from "../gspaces/constraint_support.ts";
import { test } from "../support/test.ts";

const ico = icosahedralGroup();
const RINGS = [{ radius: 0, sigma: 0.4 }, { radius: 1.5, sigma: 0.6 }];
const orbit = (order: number): OrbitShells =>
  new OrbitShells({
    group: ico,
    action: (g) => ico.standardRepresentation.matrix(g),
    stabilizer: [false, order],
    rings: RINGS,
  });

for (const [order, points] of [[5, 12], [3, 20], [2, 30]] as const) {
  test(`OrbitShells: ${points} points of the icosahedral orbit of C${order}, the constraint to 1e-9`, () => {
    const basis = orbit(order);
    assertEquals(basis.directions.length, 3 * points);
    assertEquals(functionCount(basis), points + 1);
    const random = randomSource(order);
    for (let run = 0; run < 8; run++) {
      const [source, target] = [randomRepresentation(ico, random), randomRepresentation(ico, random)];
      const g = ico.sample(random);
      const x = Float64Array.from({ length: 3 }, () => 4 * random() - 2);
      const there = multiplyMatrices(ico.standardRepresentation.matrix(g), x, 3, 3, 1);
      const both = Float64Array.of(...x, ...there);
      const tables = new KernelTables(basis, both, { normalize: false, dropBelow: 0 });
      const [at, moved] = randomKernel(tables, source, target, random);
      const [n, m] = [target.size, source.size];
      const left = multiplyMatrices(target.matrix(g), at, n, n, m);
      const expected = multiplyMatrices(left, source.matrix(g.inverse()), n, m, m);
      assertAlmostEquals(maximumDifference(moved, expected), 0, 1e-9);
    }
  });
}

test("orbitKernelTables: 13, 21 and 26 functions count for k = 3", () => {
  const space = icoOnR3();
  const ranks = [5, 3, 2].map((order) => {
    const { span } = space.orbitKernelTables({ kernelSize: 3, stabilizer: [false, order] });
    return span.rank;
  });
  assertEquals(ranks, [13, 21, 26]);
  const options = { kernelSize: 3, stabilizer: [false, 5] };
  assertEquals(space.orbitKernelTables(options) === space.orbitKernelTables(options), true);
  assertEquals(space.orbitKernelTables(options).pair([0], [3]).paths.map((p) => p.partIrrep), [[3]]);
});

test("OrbitShells of the octahedral group: the six neighbours of a voxel", () => {
  const basis = octaOnR3().orbitKernelTables({ kernelSize: 3, stabilizer: [false, 4], sigma: 0.3 }).basis;
  assertEquals(functionCount(basis), 7);
  const values = basis.sample(Float64Array.of(1, 0, 0, 0, 0, 0));
  assertEquals([...values].filter((v) => Math.abs(v - 1) < 1e-12).length, 2);
});

test("OrbitShells refuse infinite groups, and points that the stabilizer moves", () => {
  const infinite = assertThrows(
    () => rot3dOnR3().orbitKernelTables({ kernelSize: 3, stabilizer: [false, 5] }),
    KernelError,
  );
  assertStringIncludes(infinite.message, "a finite group, got SO(3)");
  assertThrows(
    () => icoOnR3().orbitKernelTables({ kernelSize: 3, stabilizer: [false, 1] }),
    KernelError,
    "no single axis",
  );
  const action = (g: ReturnType<typeof ico.element>): Float64Array => ico.standardRepresentation.matrix(g);
  const moved = assertThrows(
    () => new OrbitShells({ group: ico, action, stabilizer: [false, 2], rings: RINGS, root: [1, 1, 1] }),
    KernelError,
  );
  assertStringIncludes(moved.message, "leaves in place, got [1,1,1]");
  assertThrows(
    () =>
      new OrbitShells({ group: so3Group(), action: () => new Float64Array(9), stabilizer: [false, 2], rings: RINGS }),
    KernelError,
  );
});

test("OrbitShells in the plane: D_4 moves one of four points on the axes", () => {
  const group = dihedralGroup(4);
  const psi = group.irrep(1, 1);
  const basis = new OrbitShells({
    group,
    action: (g) => psi.matrix(g),
    stabilizer: [0, 1],
    rings: [{ radius: 2, sigma: 0.5 }],
  });
  const corners = [...basis.directions].map((v) => Math.round(v) + 0);
  assertEquals(corners.length, 8);
  assertEquals([...new Set(Array.from({ length: 4 }, (_, i) => String(corners.slice(2 * i, 2 * i + 2))))].length, 4);
  // The adjoint turns the points: sampling at M⁻¹ x undoes it.
  const s = Math.sqrt(0.5);
  const turned = new OrbitShells({
    group,
    action: (g) => psi.matrix(g),
    stabilizer: [0, 1],
    rings: [{ radius: 2, sigma: 0.5 }],
    adjoint: Float64Array.of(s, -s, s, s),
  });
  const [a, b] = [basis.sample(Float64Array.of(0.3, 1.1)), turned.sample(Float64Array.of(s * 1.4, s * 0.8))];
  a.forEach((v, i) => assertAlmostEquals(v, b[i], 1e-12));
});
