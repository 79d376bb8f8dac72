// covers: src/group/reflections.ts
import { assert, assertEquals } from "@std/assert";
import {
  cosSinOfAngle,
  cosSinOfTurn,
  foldFrequency,
  harmonicTerms,
  sameAngle,
  stepOfAngle,
  TURN,
  wrapAngle,
} from "../../src/group/planar.ts";
import { clebschGordanWithFlips, restrictToFlips, tensorWithFlips } from "../../src/group/reflections.ts";
import { test } from "../support/test.ts";

test("cosSinOfTurn is exact at eighths and symmetric everywhere", () => {
  assertEquals(cosSinOfTurn(1, 4).map((v) => v + 0), [0, 1]);
  assertEquals(cosSinOfTurn(-1, 4).map((v) => v + 0), [0, -1]);
  assertEquals(cosSinOfTurn(3, 8), [-Math.SQRT1_2, Math.SQRT1_2]);
  for (let n = 1; n <= 24; n++) {
    for (let k = 0; k < n; k++) {
      const [c, s] = cosSinOfTurn(k, n);
      const [c2, s2] = cosSinOfTurn(n - k, n);
      assertEquals([c + 0, s + 0], [c2 + 0, -s2 + 0]);
      assert(Math.abs(c - Math.cos(2 * Math.PI * k / n)) < 1e-15 * (1 + k));
      assert(Math.abs(s - Math.sin(2 * Math.PI * k / n)) < 1e-15 * (1 + k));
    }
  }
});

test("cosSinOfAngle is exact at quarter turns", () => {
  assertEquals(cosSinOfAngle(Math.PI / 2).map((v) => v + 0), [0, 1]);
  assertEquals(cosSinOfAngle(-Math.PI).map((v) => v + 0), [-1, 0]);
  assertEquals(cosSinOfAngle(0.3), [0.955336489125606, 0.29552020666133955]);
});

test("wrapAngle, sameAngle and stepOfAngle work modulo a turn", () => {
  assertEquals(wrapAngle(-1e-20), 0);
  assert(Math.abs(wrapAngle(-1) - (TURN - 1)) < 1e-15);
  assert(sameAngle(0, TURN - 1e-9));
  assert(!sameAngle(0, 1e-6));
  assertEquals(stepOfAngle(-TURN / 5, 5), 4);
  assertEquals(stepOfAngle(0.1, 5), undefined);
});

test("foldFrequency reflects beyond half the order", () => {
  assertEquals(foldFrequency(5, 8), { frequency: 3, mirrored: true });
  assertEquals(foldFrequency(4, 8), { frequency: 4, mirrored: false });
  assertEquals(foldFrequency(9, 8), { frequency: 1, mirrored: false });
  assertEquals(foldFrequency(-1, 8), { frequency: 1, mirrored: true });
});

test("harmonicTerms are the addition theorems", () => {
  const [a, b] = [0.7, 1.9];
  const vector = [
    Math.cos(3 * a) * Math.cos(2 * b),
    Math.cos(3 * a) * Math.sin(2 * b),
    Math.sin(3 * a) * Math.cos(2 * b),
    Math.sin(3 * a) * Math.sin(2 * b),
  ];
  const dot = (column: readonly number[]): number => column.reduce((sum, v, i) => sum + v * vector[i], 0) * Math.SQRT2;
  const [difference, sum] = harmonicTerms(3, 2);
  assert(Math.abs(dot(difference.even) - Math.cos(3 * a - 2 * b)) < 1e-15);
  assert(Math.abs(dot(difference.odd) - Math.sin(3 * a - 2 * b)) < 1e-15);
  assert(Math.abs(dot(sum.even) - Math.cos(3 * a + 2 * b)) < 1e-15);
  assert(Math.abs(dot(sum.odd) - Math.sin(3 * a + 2 * b)) < 1e-15);
});

test("reflections: tensor products and restrictions by hand", () => {
  assertEquals(tensorWithFlips([1, 1], [1, 1], 4), [
    { irrep: [0, 0], copies: 1 },
    { irrep: [1, 0], copies: 1 },
    { irrep: [0, 2], copies: 1 },
    { irrep: [1, 2], copies: 1 },
  ]);
  assertEquals(tensorWithFlips([1, 0], [1, 3], Infinity), [{ irrep: [1, 3], copies: 1 }]);
  assertEquals(clebschGordanWithFlips([1, 1], [1, 1], [1, 3], Infinity).copies, 0);
  assertEquals([...clebschGordanWithFlips([1, 0], [1, 1], [1, 1], 5).coefficients], [0, 1, -1, 0]);
  assertEquals(restrictToFlips(2, [1, 0], 4).irreps, [[0, 2], [1, 2]]);
  assertEquals(restrictToFlips(2, [1, 0], 1).irreps, [[0], [1]]);
});
