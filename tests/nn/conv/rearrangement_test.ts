// Columns in another order: by copies and by index, with columns that come from nowhere, derivatives, and views.

import { assert, assertEquals } from "@std/assert";
import { Rearrangement } from "../../../src/nn/conv/rearrangement.ts";
import { gradcheck, tensor, zeros } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

const count = (length: number): number[] => Array.from({ length }, (_, i) => i);

/** Fields of 3 channels by component: regular. */
const TRANSPOSED = count(12).map((i) => (i % 4) * 3 + Math.floor(i / 4));
/** No two neighbours with the same step. */
const SHUFFLED = count(41).map((i) => (i * i) % 41).map((_, i) => (17 * i * i * i + 5) % 41);
const unique = (list: readonly number[]): number[] => [...new Set(list)];
const CASES: readonly (readonly [string, readonly number[], number, boolean])[] = [
  ["a transposition", TRANSPOSED, 12, false],
  ["a choice of some columns", [1, 3, 5, 0, 2], 7, false],
  ["columns from nowhere", [2, -1, 0, -1, 1], 3, false],
  ["reversed columns", [2, 1, 0], 3, false],
  ["an irregular order", unique([...SHUFFLED, ...count(41)]), 41, true],
  ["an irregular order with columns from nowhere", [-1, ...unique([...SHUFFLED, ...count(41)]).slice(0, 35)], 41, true],
];

for (const [name, sources, size, indexed] of CASES) {
  test(`Rearrangement moves ${name} there and back`, async () => {
    const order = Rearrangement.of(Int32Array.from(sources), size)!;
    const x = tensor(Float64Array.from({ length: 2 * size }, (_, i) => i + 1), [2, size]);
    const expected = [0, 1].flatMap((row) => sources.map((source) => source < 0 ? 0 : row * size + source + 1));
    const there = order.apply(x);
    assertEquals([there.shape, values(there)], [[2, sources.length], expected]);
    assertEquals(values(order.apply(x.transpose(0, 1).clone().transpose(0, 1))), expected);
    const back = order.undo(there);
    assertEquals(back.shape, [2, size]);
    const kept = values(x).map((value, i) => sources.includes(i % size) ? value : 0);
    assertEquals(values(back), kept);
    assertEquals(order.cost === 4, indexed);
    await gradcheck((t) => order.apply(t.mul(t)), [normal([2, size])], { secondOrder: true });
    await gradcheck((t) => order.undo(t.mul(t)), [normal([2, sources.length])], { secondOrder: true });
    assertEquals(order.apply(zeros([0, size])).shape, [0, sources.length]);
  });
}

test("Rearrangement is nothing where all stay, and cheapest in long rows", () => {
  assertEquals(Rearrangement.of(Int32Array.from(count(5)), 5), undefined);
  assert(Rearrangement.of(Int32Array.from(count(5)), 6) !== undefined);
  const long = Rearrangement.of(Int32Array.from(count(60).map((i) => (i + 30) % 60)), 60)!;
  const short = Rearrangement.of(Int32Array.from(count(60).map((i) => (i % 2) * 30 + (i >> 1))), 60)!;
  assertEquals(long.cost, 1 + 6 / 30);
  assertEquals(short.cost, 1 + 6 / 2);
});

test("Rearrangement begins copies at breaks where that takes fewer", () => {
  // Two irregular joints: the second type continues the first one's step by chance.
  const sources = [0, 2, 4, 6, 8, 1, 3, 9, 5, 7].map((source) => source);
  const order = Rearrangement.of(Int32Array.from(sources), 10, [0, 4, 7])!;
  const x = tensor(Float64Array.from(count(10)), [1, 10]);
  assertEquals(values(order.apply(x)), sources);
});
