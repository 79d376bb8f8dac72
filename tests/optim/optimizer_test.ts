// covers: src/optim/optimizer.ts, src/optim/sgd.ts, src/optim/adam.ts, src/optim/mod.ts

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { Adam, AdamW, type Optimizer, OptimizerStateError, SGD } from "../../src/optim/mod.ts";
import { Linear } from "../../src/nn/plain/mod.ts";
import { ArgumentError, GradientError } from "../../src/tensor/errors.ts";
import { type Tensor, tensor, useBackend } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";

const START = [1, -2, 0.5];

function parameter(): Tensor {
  return tensor(new Float64Array(START), [3], { name: "w" }).requireGrad();
}

/** Takes `count` steps on Σ (i + 1) wᵢ² / 2, whose gradient is (i + 1) wᵢ, and returns w. */
async function descend(optimizer: Optimizer, w: Tensor, count: number): Promise<number[]> {
  const curvature = tensor(new Float64Array([1, 2, 3]));
  for (let i = 0; i < count; i++) {
    optimizer.zeroGrad();
    w.mul(w).mul(curvature).sum().mul(0.5).backward();
    optimizer.step();
  }
  return [...await w.data()];
}

/** The same descent in plain numbers: `rule(w, g, state, t)` returns the new w and changes the state. */
function plainly(count: number, rule: (w: number, g: number, state: number[], t: number) => number): number[] {
  return START.map((start, i) => {
    const state = [0, 0];
    let w = start;
    for (let t = 1; t <= count; t++) w = rule(w, (i + 1) * w, state, t);
    return w;
  });
}

test("SGD follows w − ηg, with weight decay in the gradient", async () => {
  await useBackend("reference");
  const w = parameter();
  const got = await descend(new SGD([w], { learningRate: 0.1, weightDecay: 0.3 }), w, 4);
  assertClose(got, plainly(4, (w, g) => w - 0.1 * (g + 0.3 * w)), { absolute: 1e-14 });
});

test("SGD with momentum and Nesterov follows PyTorch's definition", async () => {
  await useBackend("reference");
  for (const nesterov of [false, true]) {
    const w = parameter();
    const got = await descend(new SGD([w], { learningRate: 0.05, momentum: 0.9, nesterov }), w, 5);
    const expected = plainly(5, (w, g, state) => {
      state[0] = 0.9 * state[0] + g;
      return w - 0.05 * (nesterov ? g + 0.9 * state[0] : state[0]);
    });
    assertClose(got, expected, { absolute: 1e-14 });
  }
});

test("Adam and AdamW follow their papers' updates with bias correction", async () => {
  await useBackend("reference");
  const adam = (decay: number, decoupled: boolean) => (w: number, g: number, state: number[], t: number): number => {
    const gradient = decoupled ? g : g + decay * w;
    state[0] = 0.8 * state[0] + 0.2 * gradient;
    state[1] = 0.95 * state[1] + 0.05 * gradient * gradient;
    const start = decoupled ? w * (1 - 0.02 * decay) : w;
    return start - 0.02 * (state[0] / (1 - 0.8 ** t)) / (Math.sqrt(state[1] / (1 - 0.95 ** t)) + 1e-6);
  };
  const options = { learningRate: 0.02, betas: [0.8, 0.95] as const, epsilon: 1e-6, weightDecay: 0.1 };
  const a = parameter();
  assertClose(await descend(new Adam([a], options), a, 6), plainly(6, adam(0.1, false)), { absolute: 1e-13 });
  const b = parameter();
  assertClose(await descend(new AdamW([b], options), b, 6), plainly(6, adam(0.1, true)), { absolute: 1e-13 });
});

test("Optimizer.step passes over parameters without gradient and counts steps", async () => {
  await useBackend("reference");
  const [w, unused] = [parameter(), parameter()];
  const optimizer = new Adam([w, unused], { learningRate: 0.1 });
  await descend(optimizer, w, 2);
  assertEquals([...await unused.data()], START);
  assertEquals(optimizer.stepCount, 2);
});

test("Optimizer.step unless a raised flag leaves parameters and state as they are", async () => {
  await useBackend("reference");
  const w = parameter();
  const optimizer = new SGD([w], { learningRate: 0.1, momentum: 0.5 });
  w.mul(w).sum().backward();
  optimizer.step({ unless: tensor(new Int32Array([1]), []) });
  assertEquals([...await w.data()], START);
  assertEquals([...await optimizer.stateDict().tensors["momentum.0"].data()], [0, 0, 0]);
  optimizer.step({ unless: tensor(new Int32Array([0]), []) });
  assertClose(await w.data(), START.map((value) => value - 0.2 * value), { absolute: 1e-15 });
});

test("Optimizer.loadStateDict continues a run bit for bit", async () => {
  await useBackend("reference");
  const straight = parameter();
  const expected = await descend(new Adam([straight], { learningRate: 0.1 }), straight, 5);
  const first = parameter();
  const saved = new Adam([first], { learningRate: 0.1 });
  await descend(saved, first, 3);
  const second = tensor(await first.data() as Float64Array).requireGrad();
  const resumed = new Adam([second], { learningRate: 0.7 });
  resumed.loadStateDict(saved.stateDict());
  assertEquals(await descend(resumed, second, 2), expected);
  assertEquals(resumed.stepCount, 5);
});

test("Optimizer.loadStateDict lists all faults at once and changes nothing", async () => {
  await useBackend("reference");
  const w = parameter();
  const optimizer = new Adam([w]);
  await descend(optimizer, w, 1);
  const before = [...await optimizer.stateDict().tensors["average.0"].data()];
  const wrong = {
    tensors: { "average.0": tensor(new Float64Array(2)), "momentum.0": tensor(new Float64Array(3)) },
    values: { step: 1 },
  };
  const error = assertThrows(() => optimizer.loadStateDict(wrong), OptimizerStateError);
  for (
    const part of [
      "squareAverage.0 is missing",
      "momentum.0 is unexpected",
      "average.0 is float64 [2] instead of float64 [3]",
      "learningRate is missing",
    ]
  ) {
    assertStringIncludes(error.message, part);
  }
  assertEquals([...await optimizer.stateDict().tensors["average.0"].data()], before);
});

test("Optimizers refuse impossible options and parameters, naming the option", async () => {
  await useBackend("reference");
  assertThrows(() => new SGD([parameter()], { learningRate: -1 }), ArgumentError, "SGD: expected learningRate");
  assertThrows(
    () => new SGD([parameter()], { momentum: 1 }),
    ArgumentError,
    "momentum as a number of at least 0 and below 1, got 1",
  );
  assertThrows(() => new SGD([parameter()], { nesterov: true }), ArgumentError, "momentum above 0");
  assertThrows(() => new Adam([parameter()], { betas: [0.9, 1.5] }), ArgumentError, "betas[1]");
  assertThrows(() => new AdamW([parameter()], { weightDecay: NaN }), ArgumentError, "weightDecay");
  assertThrows(() => new Adam([]), ArgumentError, "at least one parameter");
  assertThrows(() => new Adam([tensor([1, 2])]), GradientError, "parameters that require gradients");
});

test("optimizers refuse what is no parameter, and one that comes twice", async () => {
  await useBackend("reference");
  const layer = new Linear(2, 3), module: unknown = layer;
  assertThrows(
    () => new Adam(module as Tensor[]),
    ArgumentError,
    "got Linear(2 -> 3). Pass the parameters of a module",
  );
  const named: unknown = layer.namedParameters();
  assertThrows(
    () => new SGD(named as Tensor[]),
    ArgumentError,
    "SGD: expected tensors, each of them once, got an array at 0",
  );
  const [weight, bias] = layer.parameters();
  assertThrows(() => new Adam([weight, bias, weight]), ArgumentError, "[3, 2] float32 again at 2");
});
