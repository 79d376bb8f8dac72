// Random tensors: the same numbers for the same seed and draw, the right distributions, and what is refused.

import { assert, assertEquals, assertNotEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { values } from "./support.ts";
import { ArgumentError, DTypeError, ShapeError } from "../../src/tensor/errors.ts";
import { zeros } from "../../src/tensor/creation.ts";
import * as E from "../../src/tensor/expr.ts";
import { map } from "../../src/tensor/map.ts";
import { philox4x32 } from "../../src/tensor/philox.ts";
import {
  bernoulli,
  getRandomState,
  nextDraw,
  rand,
  randint,
  randn,
  randomMask,
  randomNode,
  seed,
  setRandomState,
} from "../../src/tensor/random.ts";
import { startBackend } from "../../src/tensor/registry.ts";
import { scope } from "../../src/tensor/scope.ts";

const mean = (list: number[]) => list.reduce((a, b) => a + b, 0) / list.length;

test("rand is Philox of seed, draw and position, times 2^-24", () => {
  using _ = scope();
  const value = 2 ** 40 + 12345;
  seed(value);
  rand([3]);
  const second = values(rand([2, 2]));
  const expected = [0, 1, 2, 3].map((i) =>
    (philox4x32([value % 2 ** 32, Math.floor(value / 2 ** 32)], [i, 1, 0, 0])[0] >>> 8) * 2 ** -24
  );
  assertEquals(second, expected);
});

test("seed and setRandomState reproduce what follows", () => {
  using _ = scope();
  seed(3);
  const first = [values(rand([5])), values(randn([5]))];
  const state = getRandomState();
  const after = values(randn([4]));
  seed(3);
  assertEquals([values(rand([5])), values(randn([5]))], first);
  assertEquals(state, { seed: 3, draws: 2 });
  setRandomState({ seed: 9, draws: 0 });
  assertNotEquals(values(randn([4])), after);
  setRandomState(JSON.parse(JSON.stringify(state)));
  assertEquals(values(randn([4])), after);
  setRandomState({ seed: 3, draws: 2 ** 33 + 1 });
  assertEquals(nextDraw(), [3, 0, 1, 2]);
});

test("randomNode in a map of float32 gives the numbers of rand, to the last bit", () => {
  using _ = scope();
  const value = 2 ** 50 + 987654321;
  seed(value);
  const expected = values(rand([2, 3]));
  seed(value);
  const drawn = map([zeros([2, 3])], (x, s, k0, k1, d0, d1) => {
    return E.add(E.mul(x, s), randomNode("uniform", "float32", [k0, k1, d0, d1]));
  }, { scalars: [2], integers: nextDraw() });
  assertEquals(values(drawn), expected);
});

test("draws differ from each other, and float64 from float32 only in its last bits", () => {
  using _ = scope();
  seed(1);
  const a = values(rand([4]));
  const b = values(rand([4]));
  assertNotEquals(a, b);
  seed(1);
  const wide = values(rand([4], { dtype: "float64" }));
  wide.forEach((x, i) => assert(Math.abs(x - a[i]) < 2 ** -24));
});

test("rand, randn, randint and bernoulli have their distributions (20,000 numbers, 5 standard errors)", () => {
  using _ = scope();
  seed(11);
  const n = 20_000;
  const uniform = values(rand([n]));
  assert(uniform.every((x) => x >= 0 && x < 1));
  assert(Math.abs(mean(uniform) - 0.5) < 5 * Math.sqrt(1 / 12 / n));
  const normal = values(randn([n]));
  assert(Math.abs(mean(normal)) < 5 / Math.sqrt(n));
  assert(Math.abs(mean(normal.map((x) => x * x)) - 1) < 5 * Math.sqrt(2 / n));
  const dice = randint(1, 7, [n]);
  assertEquals(dice.dtype, "int32");
  for (let face = 1; face <= 6; face++) {
    const share = mean(values(dice).map((x) => x === face ? 1 : 0));
    assert(Math.abs(share - 1 / 6) < 5 * Math.sqrt(5 / 36 / n));
  }
  const coins = values(bernoulli(0.3, [n]));
  assert(coins.every((x) => x === 0 || x === 1));
  assert(Math.abs(mean(coins) - 0.3) < 5 * Math.sqrt(0.21 / n));
});

test("randint covers the whole int32 range and bernoulli its ends", () => {
  using _ = scope();
  seed(2);
  const wide = values(randint(-(2 ** 31), 2 ** 31, [1000]));
  assert(Math.min(...wide) < -2e9 && Math.max(...wide) > 2e9);
  assertEquals(values(bernoulli(0, [100])).every((x) => x === 0), true);
  assertEquals(values(bernoulli(1, [100])).every((x) => x === 1), true);
});

test("random functions refuse bad seeds, bounds, probabilities, types and shapes, and draw nothing", () => {
  seed(5);
  const before = getRandomState();
  assertThrows(() => seed(-1), ArgumentError, "2^53");
  assertThrows(() => seed(0.5), ArgumentError);
  assertThrows(() => setRandomState({ seed: 0, draws: NaN }), ArgumentError, "draws");
  assertThrows(() => randint(3, 3, [1]), ArgumentError, "low < high");
  assertThrows(() => bernoulli(1.5, [1]), ArgumentError, "from 0 to 1");
  assertThrows(() => rand([1], { dtype: "int32" }), DTypeError, "float32 or float64");
  assertThrows(() => randn([-1]), ShapeError);
  assertEquals(getRandomState(), before);
});

test("randomMask takes all four words of a block, by quarters of the elements", () => {
  seed(5);
  const { draws } = getRandomState();
  const p = 0.3, count = 37, mask = randomMask(p, [count]).dataSync(), q = 12;
  assertEquals(getRandomState().draws, draws + 1);
  const expected = Array.from({ length: count }, (_, i) => {
    const block = philox4x32([5, 0], [i % q, draws, 0, 0]);
    return (block[Math.floor(i / q)] | 0) <= Math.round(p * 2 ** 32) - 1 - 2 ** 31 ? 1 : 0;
  });
  assertEquals([...mask], expected);
});

test("randomMask is true as often as it should, everywhere at p = 1, of any shape", () => {
  seed(6);
  const mask = randomMask(0.7, [40, 50, 5]);
  assertEquals([mask.shape, mask.dtype], [[40, 50, 5], "bool"]);
  const quarters = Array.from({ length: 4 }, (_, i) => mask.dataSync().slice(2500 * i, 2500 * (i + 1)));
  for (const part of quarters) {
    const share = [...part].reduce((a, b) => a + b, 0) / part.length;
    // Five standard deviations.
    assert(Math.abs(share - 0.7) < 5 * Math.sqrt(0.21 / 2500), `${share}`);
  }
  assert([...randomMask(1, [100]).dataSync()].every((value) => value === 1));
  assertEquals([...randomMask(1e-12, [100]).dataSync()].filter((value) => value === 1), []);
  assertEquals(randomMask(0.5, [3, 0]).shape, [3, 0]);
  assertThrows(() => randomMask(0, [2]), ArgumentError, "above 0");
  assertThrows(() => randomMask(1.1, [2]), ArgumentError, "at most 1");
});

test("randomMask gives the same on cpu as on the reference", async () => {
  const cpu = await startBackend("cpu");
  for (const shape of [[1], [16], [17], [3, 50, 7]]) {
    seed(8);
    const expected = randomMask(0.4, shape).dataSync();
    seed(8);
    assertEquals(randomMask(0.4, shape, { backend: cpu }).dataSync(), expected);
  }
  cpu.dispose();
});
