/**
 * Sets of points on the unit sphere: Fibonacci spirals, HEALPix (Górski et al. 2005), longitudes and latitudes, orbits of
 * polyhedral groups, repelling points. All are deterministic; random points take a seed.
 */

import { cos, sin } from "../../math/functions.ts";
import { GroupError } from "../errors.ts";
import { cosSinOfTurn, TURN } from "../planar.ts";
import { rotateVector, type Vector3 } from "../rotations.ts";
import { quaternionToMatrix } from "../rotations.ts";
import { type PolyhedralName, polyhedralRotations } from "../rotation_subgroups.ts";
import { randomSource } from "./random.ts";
import { repelPoints } from "./repulsion.ts";

/**
 * A set of points on the sphere by escnn's names: `fibonacci` (N), `healpix` (12 side²), `longlat` (N longitudes, M
 * latitudes), `thomson` (N), `thomson_cube` (24 N), `rand` (N), and the orbits `ico` (30), `cube` (6), `cube_vertices` (8),
 * `tetra` (6).
 */
export type SphereGridDescription =
  | { readonly type: "fibonacci" | "thomson" | "thomson_cube"; readonly N: number }
  | { readonly type: "rand"; readonly N: number; readonly seed?: number }
  | { readonly type: "healpix"; readonly side: number }
  | { readonly type: "longlat"; readonly N: number; readonly M: number }
  | { readonly type: "ico" | "cube" | "cube_vertices" | "tetra" };

/** Throws {@linkcode GroupError} unless a count is an integer of `least` or more. */
export function requireCount(op: string, name: string, count: number, least: number): void {
  if (!Number.isInteger(count) || count < least) {
    throw new GroupError({ op, expected: `${name} to be an integer of ${least} or more`, actual: String(count) });
  }
}

/** N points along a spiral about y with equal areas: y = 1 − 2i/(N − 1), turned by the golden angle each. */
export function fibonacciSphere(n: number): readonly Vector3[] {
  requireCount("fibonacciSphere", "the number of points", n, 1);
  if (n === 1) return [[0, 1, 0]];
  const golden = TURN / 2 * (3 - Math.sqrt(5));
  return Array.from({ length: n }, (_, i): Vector3 => {
    const y = 1 - 2 * i / (n - 1);
    const r = Math.sqrt(1 - y * y);
    return [cos(golden * i) * r, y, sin(golden * i) * r];
  });
}

/** The 12 side² centres of the HEALPix cells. */
export function healpixSphere(side: number): readonly Vector3[] {
  requireCount("healpixSphere", "the side", side, 1);
  const points: Vector3[] = [];
  const ring = (z: number, count: number, shift: number): void => {
    const r = Math.sqrt(1 - z * z);
    for (let j = 1; j <= count; j++) {
      const [c, s] = cosSinOfTurn(2 * j - shift, 2 * count);
      points.push([r * c, r * s, z]);
    }
  };
  for (let i = 1; i < side; i++) ring(1 - i * i / (3 * side * side), 4 * i, 1);
  for (let i = side; i <= 2 * side; i++) ring((4 * side - 2 * i) / (3 * side), 4 * side, (i - side + 1) % 2);
  const southern = points.filter(([, , z]) => z > 0).map(([x, y, z]): Vector3 => [x, y, 0 - z]);
  return [...points, ...southern];
}

/** M latitudes from the north to the south pole, each pole once, with N longitudes on the others. */
export function longitudeLatitudeSphere(n: number, m: number): readonly Vector3[] {
  requireCount("longitudeLatitudeSphere", "the number of longitudes", n, 1);
  requireCount("longitudeLatitudeSphere", "the number of latitudes", m, 2);
  const points: Vector3[] = [[0, 0, 1]];
  for (let l = 1; l < m - 1; l++) {
    const [z, r] = cosSinOfTurn(l, 2 * (m - 1));
    for (let i = 0; i < n; i++) {
      const [c, s] = cosSinOfTurn(i, n);
      points.push([r * c, r * s, z]);
    }
  }
  points.push([0, 0, -1]);
  return points;
}

/** N uniformly distributed points. */
export function randomSphere(n: number, seed: number): readonly Vector3[] {
  requireCount("randomSphere", "the number of points", n, 1);
  const random = randomSource(seed);
  return Array.from({ length: n }, (): Vector3 => {
    const z = 2 * random() - 1;
    const [angle, r] = [TURN * random(), Math.sqrt(1 - z * z)];
    return [r * cos(angle), r * sin(angle), z];
  });
}

/** The orbit of a point under a polyhedral group of rotations, each point once. */
export function orbitOnSphere(name: PolyhedralName, root: Vector3): readonly Vector3[] {
  const points: Vector3[] = [];
  for (const q of polyhedralRotations(name)) {
    const p = rotateVector(q, root);
    if (!points.some((o) => Math.max(...o.map((v, k) => Math.abs(v - p[k]))) <= 1e-8)) points.push(p);
  }
  return points;
}

const repelled = new Map<string, readonly Vector3[]>();

/** Points that repel each other (Thomson's problem): N, or the 24 N images of N under the rotations of a cube. */
export function thomsonSphere(n: number, cube = false): readonly Vector3[] {
  requireCount("thomsonSphere", "the number of points", n, 1);
  const key = `${n}${cube}`;
  let points = repelled.get(key);
  if (points === undefined) {
    // Off the symmetry axes of the cube, where the repulsion of the images has no direction.
    const spiral = fibonacciSphere(n).map((p) => rotateVector([0.1, 0.3, 0.2, Math.sqrt(0.86)], p));
    const rotations = cube ? polyhedralRotations("octa") : [];
    const images = cube ? rotations.map(quaternionToMatrix) : [Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1)];
    const flat = repelPoints(Float64Array.from(spiral.flat()), 3, images);
    const found = Array.from({ length: n }, (_, i): Vector3 => [flat[3 * i], flat[3 * i + 1], flat[3 * i + 2]]);
    points = cube ? found.flatMap((p) => rotations.map((q) => rotateVector(q, p))) : found;
    repelled.set(key, points);
  }
  return points;
}

/** The points of a description. Throws {@linkcode GroupError} when a count is none. */
export function spherePoints(grid: SphereGridDescription): readonly Vector3[] {
  switch (grid.type) {
    case "fibonacci":
      return fibonacciSphere(grid.N);
    case "healpix":
      return healpixSphere(grid.side);
    case "longlat":
      return longitudeLatitudeSphere(grid.N, grid.M);
    case "rand":
      return randomSphere(grid.N, grid.seed ?? 0);
    case "thomson":
      return thomsonSphere(grid.N);
    case "thomson_cube":
      return thomsonSphere(grid.N, true);
    case "ico":
      return orbitOnSphere("ico", [0, 0, 1]);
    case "cube":
      return orbitOnSphere("octa", [0, 0, 1]);
    case "tetra":
      return orbitOnSphere("tetra", [0, 0, 1]);
    case "cube_vertices": {
      const s = Math.sqrt(1 / 3);
      return orbitOnSphere("octa", [s, s, s]);
    }
  }
}
