// Grids of points on the sphere: counts, unit length and quadrature of low harmonics.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../../src/group/errors.ts";
import {
  fibonacciSphere,
  healpixSphere,
  longitudeLatitudeSphere,
  randomSphere,
  type SphereGridDescription,
  spherePoints,
  thomsonSphere,
} from "../../../src/group/grids/sphere.ts";
import { test } from "../../support/test.ts";

function energy(points: readonly (readonly number[])[]): number {
  let sum = 0;
  points.forEach((p, i) => points.slice(0, i).forEach((q) => sum += 1 / Math.hypot(...p.map((v, k) => v - q[k]))));
  return sum;
}

test("thomsonSphere reaches the known energies of 12 and 60 charges to 1e-5", () => {
  assertAlmostEquals(energy(thomsonSphere(12)), 49.165253058, 49 * 1e-5);
  assertAlmostEquals(energy(thomsonSphere(60)), 1543.830400976, 1543 * 1e-5);
});

test("spherePoints are unit vectors, distinct, as many as they should be", () => {
  const cases: [SphereGridDescription, number][] = [
    [{ type: "fibonacci", N: 20 }, 20],
    [{ type: "fibonacci", N: 1 }, 1],
    [{ type: "healpix", side: 3 }, 108],
    [{ type: "longlat", N: 6, M: 4 }, 14],
    [{ type: "rand", N: 9 }, 9],
    [{ type: "thomson", N: 7 }, 7],
    [{ type: "thomson_cube", N: 2 }, 48],
    [{ type: "ico" }, 30],
    [{ type: "cube" }, 6],
    [{ type: "cube_vertices" }, 8],
    [{ type: "tetra" }, 6],
  ];
  for (const [grid, count] of cases) {
    const points = spherePoints(grid);
    assertEquals(points.length, count);
    for (const p of points) assertAlmostEquals(Math.hypot(...p), 1, 1e-15 * 4);
    const keys = new Set(points.map((p) => p.map((v) => v.toFixed(9)).join()));
    assertEquals(keys.size, count);
  }
});

test("healpixSphere has its rings at the known heights", () => {
  const heights = [...new Set(healpixSphere(2).map(([, , z]) => z.toFixed(12)))].map(Number);
  assertEquals(heights.sort((a, b) => a - b).length, 7);
  assertAlmostEquals(heights[0], -11 / 12, 1e-11);
  assertAlmostEquals(heights[3], 0, 1e-11);
});

test("longitudeLatitudeSphere starts and ends at the poles", () => {
  const points = longitudeLatitudeSphere(5, 7);
  assertEquals([points[0], points[points.length - 1]], [[0, 0, 1], [0, 0, -1]]);
});

test("sets of points are the same each time", () => {
  assertEquals(fibonacciSphere(9), fibonacciSphere(9));
  assertEquals(randomSphere(4, 8), randomSphere(4, 8));
  assert(thomsonSphere(5) === thomsonSphere(5));
});

test("counts that are none are refused", () => {
  assertThrows(() => fibonacciSphere(0), GroupError, "0");
  assertThrows(() => healpixSphere(1.5), GroupError, "1.5");
  assertThrows(() => longitudeLatitudeSphere(3, 1), GroupError, "1");
  assertThrows(() => spherePoints({ type: "thomson", N: NaN }), GroupError, "NaN");
});
