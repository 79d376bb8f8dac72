// Fusion: what becomes one call, and random chains of elementwise work, reductions, views and products against their own numbers.
// covers: src/nn/compile/nest.ts, src/nn/compile/repeats.ts

import fc from "fast-check";
import { assert, assertEquals } from "@std/assert";
import { concatenate, seed, type Tensor, tensor, useBackend } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { assertCompiles, Calling } from "./support.ts";

await useBackend("reference");

async function operationsOf(run: (x: Tensor) => unknown, shape: readonly number[]): Promise<string[]> {
  using compiled = await assertCompiles(new Calling(run), shape, 1e-12, { dtype: "float64" });
  return compiled.describe().steps.map(({ operation }) => operation);
}

const matrix = (rows: number, columns: number): Tensor =>
  tensor(Float64Array.from({ length: rows * columns }, (_, i) => ((i * 7) % 11) / 5 - 1), [rows, columns]);

test("a chain of elementwise functions is one map, whatever the shapes they are seen in", async () => {
  assertEquals(
    await operationsOf((x) => x.add(1).reshape([2, 3, 4, 25]).mul(2).relu().reshape([2, 12, 5, 5]).exp(), [
      2,
      12,
      5,
      5,
    ]),
    ["map"],
  );
});

test("a result that is read twice is computed once and stored by the map that follows", async () => {
  const run = (x: Tensor): Tensor => {
    const y = x.relu().add(0.5);
    return y.mul(y.sum([0], true));
  };
  assertEquals(await operationsOf(run, [40, 30]), ["map", "mapReduce", "map"]);
});

test("reductions over a few elements and what is made of them are one map", async () => {
  const norm = (x: Tensor): Tensor => x.mul(x.square().sum([1], true).add(1).sqrt());
  assertEquals(await operationsOf((x) => norm(x.reshape([3, 4, 2, 10])).reshape([3, 4, 20]), [3, 4, 20]), ["map"]);
});

test("an elementwise function before a large reduction is a part of it", async () => {
  assertEquals(await operationsOf((x) => x.square().mul(3).sum([1]), [3, 200]), ["mapReduce"]);
});

test("a product with a small constant matrix is a part of the map behind or before it, and a product by itself", async () => {
  const a = matrix(4, 6);
  assertEquals(await operationsOf((x) => a.matmul(x).relu(), [5, 6, 30]), ["map"]);
  assertEquals(await operationsOf((x) => a.matmul(x.relu()), [5, 6, 30]), ["map"]);
  assertEquals(await operationsOf((x) => a.matmul(x), [5, 6, 30]), ["matmul"]);
  const large = matrix(20, 6);
  assertEquals(await operationsOf((x) => large.matmul(x).relu(), [5, 6, 30]), ["matmul", "map"]);
});

test("parts that are joined are written to their places", async () => {
  const run = (x: Tensor): Tensor => concatenate([x.relu(), x.slice(1, 0, 2).mul(2)], 1);
  assertEquals(await operationsOf(run, [2, 3, 7]), ["map", "map"]);
});

test("what is computed twice is computed once", async () => {
  const a = matrix(20, 6), b = matrix(20, 6);
  assertEquals(await operationsOf((x) => a.matmul(x).add(b.matmul(x)), [5, 6, 30]), ["matmul", "map"]);
});

test("what does not depend on the input is not computed at all", async () => {
  const a = matrix(6, 30);
  assertEquals(await operationsOf((x) => x.mul(a.exp().sum([0])), [6, 30]), ["map"]);
  assertEquals(await operationsOf(() => a.exp().sum([0]), [6, 30]), ["copy"]);
  assertEquals(await operationsOf((x) => x, [6, 30]), ["copy"]);
});

/** Random choices from numbers between 0 and 1. */
type Choose = <T>(list: readonly T[]) => T;

/** A random step of a program on `[2, 4, 6]`-like tensors; each keeps the number of axes. */
function randomStep(pool: readonly Tensor[], choose: Choose): Tensor {
  const x = choose(pool), y = choose(pool);
  const axis = choose([0, 1, 2]);
  const broadcasts = y.shape.every((size, i) => size === x.shape[i] || size === 1 || x.shape[i] === 1);
  switch (choose(["map", "pair", "sum", "max", "permute", "slice", "reshape", "join", "matmul", "contiguous"])) {
    case "map":
      return choose([() => x.relu(), () => x.mul(0.5).add(1), () => x.square().mul(0.1), () => x.tanh()])();
    case "pair":
      return broadcasts ? x.add(y).mul(0.5) : x.sub(1);
    case "sum":
      return x.sum([axis], true).mul(0.3);
    case "max":
      return x.max([axis], true);
    case "permute":
      return x.permute(choose([[1, 0, 2], [2, 1, 0], [0, 2, 1]]));
    case "slice":
      return x.shape[axis] > 1 ? x.slice(axis, 1, x.shape[axis]) : x;
    case "reshape":
      return x.shape[1] % 2 === 0
        ? x.contiguous().reshape([x.shape[0] * 2, x.shape[1] / 2, x.shape[2]])
        : x.contiguous().reshape([x.shape[1], x.shape[0], x.shape[2]]);
    case "join":
      return x.size > 400 ? x.mean([axis], true) : concatenate([x, x.mul(2)], axis);
    case "matmul":
      return matrix(3, x.shape[1]).matmul(x).mul(0.3);
    default:
      return x.contiguous();
  }
}

for (const name of ["reference", "cpu"]) {
  test(`random programs give the same numbers compiled, to 1e-11 on ${name}`, async () => {
    await useBackend(name);
    try {
      seed(3);
      let before = 0, after = 0;
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 60, maxLength: 60 }),
          async (numbers) => {
            const program = (x: Tensor): Tensor => {
              let next = 0;
              const choose: Choose = (list) =>
                list[Math.min(list.length - 1, Math.floor(numbers[next++ % numbers.length] * list.length))];
              const pool = [x];
              for (let step = 0; step < 12; step++) pool.push(randomStep(pool.slice(-4), choose));
              return pool[pool.length - 1].add(pool[pool.length - 2].mean());
            };
            using compiled = await assertCompiles(new Calling(program), [2, 4, 6], 1e-11, { dtype: "float64" });
            before += compiled.describe().recordedSteps;
            after += compiled.describe().steps.length;
          },
        ),
        { numRuns: 150, seed: 11 },
      );
      assert(after < 0.7 * before, `${after} of ${before} steps`);
    } finally {
      await useBackend("reference");
    }
  });
}
