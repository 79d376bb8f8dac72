// Grids of rotations: counts, coverage and symmetry.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { GroupError } from "../../../src/group/errors.ts";
import {
  fibonacciRotations,
  hopfRotations,
  spiralRotations,
  thomsonRotations,
} from "../../../src/group/grids/rotations.ts";
import type { Quaternion } from "../../../src/group/rotations.ts";
import { test } from "../../support/test.ts";

function smallestAngle(rotations: readonly Quaternion[]): number {
  let largest = 0;
  rotations.forEach((p, i) =>
    rotations.slice(0, i).forEach((q) =>
      largest = Math.max(largest, Math.abs(p[0] * q[0] + p[1] * q[1] + p[2] * q[2] + p[3] * q[3]))
    )
  );
  return 2 * Math.acos(largest);
}

test("thomsonRotations of 60 are the vertices of the 600-cell up to sign: 72° apart to 0.1°", () => {
  assertAlmostEquals(smallestAngle(thomsonRotations(60)), 2 * Math.PI / 5, 0.0018);
});

test("thomsonRotations of 4 are half turns apart to 1e-6", () => {
  assertAlmostEquals(smallestAngle(thomsonRotations(4)), Math.PI, 1e-6);
});

test("thomsonRotations are the same each time and refuse no count", () => {
  assert(thomsonRotations(6) === thomsonRotations(6));
  assertThrows(() => thomsonRotations(0), GroupError, "0");
});

test("fibonacciRotations and hopfRotations have the known counts and no two equal", () => {
  for (
    const [rotations, count] of [[fibonacciRotations(50), 33], [fibonacciRotations(20), 13], [
      hopfRotations(60),
      72,
    ]] as const
  ) {
    assertEquals(rotations.length, count);
    assert(smallestAngle(rotations) > 0.1);
  }
  assertEquals(hopfRotations(1).length, 12);
});

test("spiralRotations spread evenly: 100 of them no closer than 0.35 rad", () => {
  assert(smallestAngle(spiralRotations(100)) > 0.35);
});
