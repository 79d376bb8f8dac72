// covers: src/optim/guard.ts

import { assertEquals, assertRejects } from "@std/assert";
import { Adam, guardedStep, NonFiniteLossError, SGD } from "../../src/optim/mod.ts";
import { tensor, useBackend } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";

test("guardedStep steps and returns the loss while all is finite", async () => {
  await useBackend("reference");
  const w = tensor([2]).requireGrad();
  const loss = w.mul(w).sum();
  loss.backward();
  assertEquals(await guardedStep(new SGD([w], { learningRate: 0.25 }), loss), 4);
  assertEquals([...await w.data()], [1]);
});

test("guardedStep reports the step of a NaN loss and keeps the last good parameters", async () => {
  await useBackend("reference");
  const w = tensor([0.25]).requireGrad();
  const optimizer = new Adam([w], { learningRate: 0.5 });
  const step = async (): Promise<number> => {
    optimizer.zeroGrad();
    const loss = w.log().sum();
    loss.backward();
    return await guardedStep(optimizer, loss);
  };
  await step();
  const good = [...await w.data()];
  const error = await assertRejects(step, NonFiniteLossError, "training step 2: expected a finite loss");
  assertEquals(good[0] < 0, true);
  assertEquals([error.step, Number.isNaN(error.loss)], [2, true]);
  assertEquals([...await w.data()], good);
});

test("guardedStep refuses an infinite gradient of a finite loss", async () => {
  await useBackend("reference");
  const w = tensor([0, 1]).requireGrad();
  const optimizer = new SGD([w], { learningRate: 0.1 });
  const loss = w.sqrt().sum();
  loss.backward();
  await assertRejects(() => guardedStep(optimizer, loss), NonFiniteLossError, "with a gradient that is not finite");
  assertEquals([...await w.data()], [0, 1]);
});
