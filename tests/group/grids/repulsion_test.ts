// Points that repel each other: spread evenly, and the same bits on every run.

import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { repelPoints } from "../../../src/group/grids/repulsion.ts";
import { test } from "../../support/test.ts";

const identity = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1);

test("repelPoints turns four charges into a tetrahedron to 1e-6", () => {
  const start = Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1, 0.6, 0.8, 0);
  const points = repelPoints(start, 3, [identity]);
  for (let i = 0; i < 4; i++) {
    for (let j = 0; j < i; j++) {
      let inner = 0;
      for (let k = 0; k < 3; k++) inner += points[3 * i + k] * points[3 * j + k];
      assertAlmostEquals(inner, -1 / 3, 1e-6);
    }
  }
  assertEquals(start[9], 0.6);
});

test("repelPoints with images under x → −x makes three axes orthogonal to 1e-6", () => {
  const start = Float64Array.of(1, 0, 0, 0.6, 0.8, 0, 0.1, 0.3, Math.sqrt(0.9));
  const points = repelPoints(start, 3, [identity, identity.map((v) => -v)]);
  for (let i = 0; i < 3; i++) {
    for (let j = 0; j < i; j++) {
      let inner = 0;
      for (let k = 0; k < 3; k++) inner += points[3 * i + k] * points[3 * j + k];
      assert(Math.abs(inner) < 1e-6);
    }
  }
});
