// Transforms of gridded data: exact permutations for symmetries of the grid, interpolation for the rest.

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { flip2dOnR2, type GridTransform, gridTransform, rot2dOnR2 } from "../../src/gspaces/mod.ts";
import { KernelError } from "../../src/kernels/mod.ts";
import { test } from "../support/test.ts";

function apply(transform: GridTransform, data: ArrayLike<number>): number[] {
  if (transform.kind === "permutation") return Array.from(transform.source, (i) => data[i]);
  const { taps, source, weights } = transform;
  return Array.from({ length: source.length / taps }, (_, p) => {
    let sum = 0;
    for (let t = 0; t < taps; t++) sum += weights[p * taps + t] * data[source[p * taps + t]];
    return sum;
  });
}

test("a quarter turn of a rectangle moves counter-clockwise and exchanges its sides", () => {
  const space = rot2dOnR2(4);
  const turn = space.gridTransform(space.fibergroup.element(1), [2, 3]);
  assertEquals(turn.kind, "permutation");
  assertEquals(turn.outputShape, [3, 2]);
  // 1 2 3      3 6
  // 4 5 6  →   2 5
  //            1 4
  assertEquals(apply(turn, [1, 2, 3, 4, 5, 6]), [3, 6, 2, 5, 1, 4]);
});

test("a reflection about the vertical axis exchanges left and right", () => {
  const space = flip2dOnR2();
  assertEquals(apply(space.gridTransform(space.fibergroup.element(1), [2, 2]), [1, 2, 3, 4]), [2, 1, 4, 3]);
});

test("permutations compose as the group does", () => {
  const space = rot2dOnR2(4);
  const data = Array.from({ length: 15 }, (_, i) => i);
  for (const a of space.fibergroup.elements) {
    for (const b of space.fibergroup.elements) {
      const inner = space.gridTransform(b, [3, 5]);
      const outer = space.gridTransform(a, inner.outputShape);
      const whole = space.gridTransform(a.multiply(b), [3, 5]);
      assertEquals(apply(outer, apply(inner, data)), apply(whole, data));
      assertEquals(outer.outputShape, whole.outputShape);
    }
  }
});

test("interpolation is exact on linear functions inside, of order 1 and 3, and its weights sum to 1", () => {
  const space = rot2dOnR2(8);
  const n = 15;
  const f = (x: number, y: number): number => 0.3 + 0.5 * x - 0.2 * y;
  const data = Array.from({ length: n * n }, (_, i) => f(i % n - 7, 7 - Math.floor(i / n)));
  for (const order of [1, 3] as const) {
    const turn = space.gridTransform(space.fibergroup.element(1), [n, n], { order });
    assert(turn.kind === "interpolation");
    assertEquals(turn.taps, (order + 1) ** 2);
    const got = apply(turn, data);
    const h = Math.SQRT1_2;
    for (let i = 0; i < n * n; i++) {
      const [x, y] = [i % n - 7, 7 - Math.floor(i / n)];
      if (x * x + y * y > 16) continue;
      assertAlmostEquals(got[i], f(h * x + h * y, -h * x + h * y), 1e-12);
      let sum = 0;
      for (let t = 0; t < turn.taps; t++) sum += turn.weights[i * turn.taps + t];
      assertAlmostEquals(sum, 1, 1e-12);
    }
  }
});

test("cubic interpolation is exact on quadratic functions inside", () => {
  const space = rot2dOnR2(3);
  const n = 13;
  const f = (x: number, y: number): number => x * x - 0.5 * x * y + 0.1 * y * y;
  const data = Array.from({ length: n * n }, (_, i) => f(i % n - 6, 6 - Math.floor(i / n)));
  const got = apply(space.gridTransform(space.fibergroup.element(1), [n, n], { order: 3 }), data);
  const [c, s] = [-0.5, Math.sqrt(0.75)];
  for (let i = 0; i < n * n; i++) {
    const [x, y] = [i % n - 6, 6 - Math.floor(i / n)];
    if (x * x + y * y <= 9) assertAlmostEquals(got[i], f(c * x + s * y, -s * x + c * y), 1e-11);
  }
});

test("interpolation sees zeros outside the data", () => {
  const space = rot2dOnR2(8);
  const turn = space.gridTransform(space.fibergroup.element(1), [7, 7]);
  assertEquals(apply(turn, new Float64Array(49).fill(1))[0], 0);
});

test("three axes: a quarter turn about z of depth × height × width", () => {
  const turn = gridTransform(Float64Array.of(0, -1, 0, 1, 0, 0, 0, 0, 1), [1, 2, 3]);
  assertEquals(turn.outputShape, [1, 3, 2]);
  assertEquals(apply(turn, [1, 2, 3, 4, 5, 6]), [3, 6, 2, 5, 1, 4]);
  const flip = gridTransform(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, -1), [2, 1, 1]);
  assertEquals(apply(flip, [1, 2]), [2, 1]);
});

test("gridTransform refuses shapes of the wrong dimension", () => {
  assertThrows(() => gridTransform(Float64Array.of(1, 0, 0, 1), [3, 3, 3]), KernelError, "2 spatial axes");
  assertThrows(() => gridTransform(Float64Array.of(1, 0, 0, 1), [3, 0]), KernelError, "[3,0]");
});
