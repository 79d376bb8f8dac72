/**
 * Sets of rotations that cover SO(3): elements of polyhedral groups, products of a set of axes with equal angles
 * (Fibonacci, Hopf), and repelling rotations, started from super-Fibonacci spirals (Alexa 2022). All are deterministic.
 */

import { cbrt, cos, sin } from "../../math/functions.ts";
import { TURN } from "../planar.ts";
import {
  axisAngleToQuaternion,
  multiplyQuaternions,
  type Quaternion,
  sameRotation,
  type Vector3,
} from "../rotations.ts";
import { polyhedralRotations } from "../rotation_subgroups.ts";
import { repelPoints } from "./repulsion.ts";
import { fibonacciSphere, healpixSphere, requireCount } from "./sphere.ts";

function nearest(x: number): number {
  return Math.floor(x + 0.5);
}

// Rotations by the angles about the points, equal ones once.
function aboutPoints(points: readonly Vector3[], angles: readonly number[]): readonly Quaternion[] {
  const found: Quaternion[] = [];
  for (const p of points) {
    for (const angle of angles) {
      const q = axisAngleToQuaternion(p, angle);
      if (!found.some((r) => sameRotation(r, q))) found.push(q);
    }
  }
  return found;
}

/** About N rotations: by multiples of 2π/∛(πN) about the points of a Fibonacci sphere. */
export function fibonacciRotations(n: number): readonly Quaternion[] {
  requireCount("fibonacciRotations", "the number of rotations", n, 1);
  const turns = Math.max(1, nearest(cbrt(TURN / 2 * n)));
  const points = Math.max(1, nearest(cbrt(n * n / (TURN / 2))));
  return aboutPoints(fibonacciSphere(points), Array.from({ length: turns }, (_, i) => TURN * i / turns));
}

/** About N rotations: by equally spaced angles about the centres of HEALPix cells. */
export function hopfRotations(n: number): readonly Quaternion[] {
  requireCount("hopfRotations", "the number of rotations", n, 1);
  const turns = Math.max(1, nearest(cbrt(TURN / 2 * n)));
  const side = Math.max(1, nearest(Math.sqrt(n / (2 * TURN * TURN))));
  return aboutPoints(healpixSphere(side), Array.from({ length: turns }, (_, i) => TURN * (i + 0.25) / turns));
}

/** N rotations along a super-Fibonacci spiral. */
export function spiralRotations(n: number): readonly Quaternion[] {
  requireCount("spiralRotations", "the number of rotations", n, 1);
  return Array.from({ length: n }, (_, i): Quaternion => {
    const s = i + 0.5;
    const [inner, outer] = [Math.sqrt(s / n), Math.sqrt(1 - s / n)];
    const [a, b] = [TURN * s / Math.sqrt(2), TURN * s / 1.5337511687552043];
    return [inner * sin(a), inner * cos(a), outer * sin(b), outer * cos(b)];
  });
}

// The 4 × 4 matrix of q ↦ c q.
function leftMultiplication([x, y, z, w]: Quaternion): Float64Array {
  return Float64Array.of(w, -z, y, x, z, w, -x, y, -y, x, w, z, -x, -y, -z, w);
}

const repelled = new Map<string, readonly Quaternion[]>();

/**
 * Rotations that repel each other (Thomson's problem on SO(3)): N, or with `cube` the 24 N products c q of the rotations c
 * of a cube with N rotations q, q major, so that rotating the grid by 90° permutes it.
 */
export function thomsonRotations(n: number, cube = false): readonly Quaternion[] {
  requireCount("thomsonRotations", "the number of rotations", n, 1);
  const key = `${n}${cube}`;
  let rotations = repelled.get(key);
  if (rotations === undefined) {
    const symmetry = cube ? polyhedralRotations("octa") : [[0, 0, 0, 1] as const];
    const images = symmetry.flatMap((c) => {
      const matrix = leftMultiplication(c);
      return [matrix, matrix.map((v) => 0 - v)];
    });
    const flat = repelPoints(Float64Array.from(spiralRotations(n).flat()), 4, images);
    const found = Array.from(
      { length: n },
      (_, i): Quaternion => [flat[4 * i], flat[4 * i + 1], flat[4 * i + 2], flat[4 * i + 3]],
    );
    rotations = cube ? found.flatMap((q) => symmetry.map((c) => multiplyQuaternions(c, q))) : found;
    repelled.set(key, rotations);
  }
  return rotations;
}
