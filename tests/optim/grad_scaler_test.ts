// Loss scaling: the same training with and without, steps that overflow, growth of the factor, and its state.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { Adam, GradScaler, SGD } from "../../src/optim/mod.ts";
import { ArgumentError } from "../../src/tensor/errors.ts";
import { seed } from "../../src/tensor/random.ts";
import { autocast, randn, scope, tensor, useBackend } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";

/** Parameters of a small regression after 20 steps. */
async function train(scaler: GradScaler | undefined): Promise<number[]> {
  seed(1);
  const [x, y] = [randn([16, 4]), randn([16, 1])];
  const weight = tensor([[0.5], [-0.5], [0.25], [1]]).requireGrad();
  using optimizer = new Adam([weight], { learningRate: 0.05 });
  for (let step = 0; step < 20; step++) {
    using _ = scope();
    optimizer.zeroGrad();
    const loss = autocast("float16", () => x.matmul(weight)).sub(y).square().mean();
    if (scaler === undefined) {
      loss.backward();
      optimizer.step();
    } else {
      scaler.scale(loss).backward();
      assertEquals(await scaler.step(optimizer), true);
    }
  }
  return [...await weight.data()];
}

test("GradScaler gives the same training, to the bit for a factor that is a power of two", async () => {
  for (const backend of ["reference", "cpu"]) {
    await useBackend(backend);
    const plain = await train(undefined);
    assertEquals(await train(new GradScaler({ initialScale: 1024 })), plain);
    assert(Math.abs(plain[0] - 0.5) > 0.01);
  }
});

test("GradScaler keeps parameters and halves its factor where gradients overflow", async () => {
  await useBackend("reference");
  const weight = tensor([1, 2]).requireGrad();
  using optimizer = new SGD([weight], { learningRate: 0.5, momentum: 0.9 });
  const scaler = new GradScaler({ initialScale: 2 ** 120 });
  const step = async (factor: number): Promise<boolean> => {
    optimizer.zeroGrad();
    scaler.scale(weight.mul(factor).sum()).backward();
    return await scaler.step(optimizer);
  };
  assertEquals(await step(2 ** 10), false);
  assertEquals([...await weight.data()], [1, 2]);
  assertEquals(scaler.currentScale, 2 ** 119);
  assertEquals([await step(2 ** 9), await step(2 ** 9)], [false, true]);
  assertEquals(scaler.currentScale, 2 ** 118);
  assertEquals([...await weight.data()], [1 - 256, 2 - 256]);
});

test("GradScaler grows after its interval, and an overflow starts the count again", async () => {
  await useBackend("reference");
  const weight = tensor([1]).requireGrad();
  using optimizer = new SGD([weight], { learningRate: 0 });
  const scaler = new GradScaler({ initialScale: 8, growthInterval: 3, growthFactor: 4, backoffFactor: 0.25 });
  const scales: number[] = [];
  for (const factor of [1, 1, Infinity, 1, 1, 1, 1]) {
    optimizer.zeroGrad();
    scaler.scale(weight.mul(factor).sum()).backward();
    await scaler.step(optimizer);
    scales.push(scaler.currentScale);
  }
  assertEquals(scales, [8, 8, 2, 2, 2, 8, 8]);
  const other = new GradScaler();
  other.loadStateDict(scaler.stateDict());
  assertEquals(other.stateDict(), { scale: 8, goodSteps: 1 });
});

test("GradScaler refuses options out of range, states that cannot be, and steps without gradients", async () => {
  await useBackend("reference");
  assertThrows(() => new GradScaler({ initialScale: 0 }), ArgumentError, "initialScale");
  assertThrows(() => new GradScaler({ growthFactor: 0.5 }), ArgumentError, "growthFactor");
  assertThrows(() => new GradScaler({ backoffFactor: 1 }), ArgumentError, "backoffFactor");
  assertThrows(() => new GradScaler({ growthInterval: 0 }), ArgumentError, "growthInterval");
  const scaler = new GradScaler();
  assertThrows(() => scaler.loadStateDict({ scale: NaN, goodSteps: 0 }), ArgumentError, "scale");
  assertEquals(scaler.stateDict(), { scale: 65536, goodSteps: 0 });
  using optimizer = new SGD([tensor([1]).requireGrad()], { learningRate: 1 });
  await assertRejects(() => scaler.step(optimizer), ArgumentError, "backward() first");
});
