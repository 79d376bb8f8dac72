// Functions of samples as tensors: the same values and derivatives of both orders whether or not the backend has the operation, and
// no samples kept for the pass backward.

import { assert } from "@std/assert";
import { gradcheck, keep, matmul, memory, randn, scope, seed, type Tensor, useBackend } from "../../mod.ts";
import * as E from "../../src/tensor/expr.ts";
import { fusedPlan } from "../../src/tensor/fused_plan.ts";
import { map } from "../../src/tensor/mod.ts";
import { sampledMap } from "../../src/tensor/sampled_map.ts";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";

const elu = (x: E.Expr): E.Expr => E.select(E.gt(x, 0), x, E.unary("expm1", E.select(E.gt(x, 0), 0, x)));

for (const backend of ["reference", "cpu"] as const) {
  test(`sampledMap has the derivatives of a function of samples, of both orders: ${backend}`, async () => {
    await useBackend(backend);
    seed(1);
    const options = { dtype: "float64" } as const;
    const first = randn([7, 3], options), second = randn([7, 2], options), result = randn([4, 7], options);
    const plan = fusedPlan([E.mul(E.tanh(E.input(0, "float64")), E.input(1, "float64"))], ["float64", "float64"]);
    await gradcheck(
      (x, y) => sampledMap(plan, [x, y], [first, second], result),
      [randn([2, 3, 65], options), randn([2, 2, 65], options)],
      { secondOrder: true },
    );
  });
}

test("sampledMap gives the values and gradients of products and a map to 1e-5, float32", async () => {
  await useBackend("cpu");
  seed(2);
  const sampling = randn([96, 35]),
    analysis = randn([35, 96]),
    plan = fusedPlan([elu(E.input(0, "float32"))], ["float32"]);
  const gradient = randn([2, 35, 500]), x = randn([2, 35, 500]);
  const results = [
    (t: Tensor) => sampledMap(plan, [t], [sampling], analysis),
    (t: Tensor) => matmul(analysis, map([matmul(sampling, t)], elu)),
  ].map((f) => {
    const leaf = x.clone().requireGrad();
    const y = f(leaf);
    y.backward(gradient);
    return [y.dataSync(), leaf.grad!.dataSync()];
  });
  assertClose(results[0][0], results[1][0], { absolute: 2e-4 });
  assertClose(results[0][1], results[1][1], { absolute: 2e-4 });
});

test("sampledMap keeps its input for the pass backward, not the samples", async () => {
  await useBackend("cpu");
  const sampling = randn([96, 8]),
    analysis = randn([8, 96]),
    plan = fusedPlan([elu(E.input(0, "float32"))], ["float32"]);
  const x = randn([2, 8, 1000]).requireGrad();
  const before = memory().cpu.liveBytes;
  const y = scope(() => keep(sampledMap(plan, [x], [sampling], analysis)));
  assert(memory().cpu.liveBytes - before <= 2 * 8 * 1000 * 4 + 64, "more than the result is alive");
  y.backward(y.detach());
});

test("matmul keeps nothing of an operand whose other one is constant", async () => {
  await useBackend("cpu");
  const matrix = randn([8, 8]);
  const x = randn([8, 1000]).requireGrad();
  const before = memory().cpu.liveBytes;
  const y = scope(() => matmul(matrix, matmul(matrix, x)));
  assert(memory().cpu.liveBytes - before <= 8 * 1000 * 4 + 64, "the operand between the products is alive");
  y.backward(y.detach());
  assertClose(
    x.grad!.dataSync(),
    matmul(matmul(matmul(matrix, matrix).transpose(0, 1), matmul(matrix, matrix)), x).dataSync(),
    { absolute: 1e-2 },
  );
});
