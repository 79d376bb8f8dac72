// covers: src/optim/recorded_step.ts, src/optim/step_round.ts, src/tensor/step_notes.ts
// Recorded steps where nothing records, and with a backend that says what it is asked for; those of CUDA graphs are in tests/backends/cuda.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { Adam, applySchedule, GradScaler, recordStep, SGD } from "../../src/optim/mod.ts";
import { StepRound } from "../../src/optim/step_round.ts";
import { ArgumentError, GradientError } from "../../src/tensor/errors.ts";
import {
  bernoulli,
  getRandomState,
  memory,
  nextDraw,
  noGrad,
  parameter,
  rand,
  randn,
  seed,
  type Tensor,
  tensor,
  useBackend,
} from "../../src/tensor/mod.ts";
import { assign } from "../../src/tensor/map.ts";
import { joinScalars } from "../../src/tensor/step_notes.ts";
import { test } from "../support/test.ts";

test("elsewhere a recorded step runs each time, in a scope of its own", async () => {
  for (const backend of ["reference", "cpu"]) {
    await useBackend(backend);
    let runs = 0;
    const weight = parameter([[0.5], [-0.25]]);
    using optimizer = new SGD([weight], { learningRate: 0.1 });
    using recorded = await recordStep((x: Tensor) => {
      runs++;
      optimizer.zeroGrad();
      const loss = x.matmul(weight).square().mean();
      loss.backward();
      optimizer.step();
      return [loss, x];
    });
    const x = randn([4, 2]);
    const count = (): number => memory()[backend].liveTensors;
    recorded.run(x).forEach((result) => result.dispose());
    const before = count();
    const [loss, same] = recorded.run(x);
    assertEquals(count(), before + 2);
    assertEquals([loss.requiresGrad, same.shape, runs, recorded.recordings], [false, [4, 2], 2, 0]);
    await useBackend("reference");
    if (backend === "cpu") {
      assertThrows(() => recorded.run(x.detach().requireGrad()), GradientError, "detach().requireGrad() on it inside");
    }
  }
});

test("a round repeats draws, optimizers, schedules and scales in their order, and takes them back", async () => {
  await useBackend("reference");
  seed(4);
  const weight = parameter([1, 2]);
  using optimizer = new Adam([weight], { learningRate: 1 });
  const scaler = new GradScaler({ initialScale: 8 });
  const round = new StepRound();
  const before = getRandomState();
  const step = (): { words: readonly number[]; joined: readonly number[]; fixed: readonly number[] } => {
    applySchedule(optimizer, (step) => 1 / (1 + step));
    optimizer.zeroGrad();
    const words = nextDraw(), joined = joinScalars([7], words), fixed = joinScalars([1], [2]);
    scaler.scale(weight.square().sum()).backward();
    optimizer.step();
    return { words, joined, fixed };
  };
  const { words, joined, fixed } = round.note(step);
  round.requireCleared();
  assertEquals([round.isChanging(words), round.isChanging(joined), round.isChanging(fixed)], [true, true, false]);
  assertEquals([getRandomState().draws, optimizer.stepCount, optimizer.learningRate], [1, 1, 1]);
  // The next step has the next draw and rate; outside of a round nothing is noted.
  scaler.loadStateDict({ scale: 4, goodSteps: 0 });
  const values = round.repeat();
  assertEquals([getRandomState().draws, optimizer.stepCount, optimizer.learningRate], [2, 2, 0.5]);
  assertEquals(values.get(joined), [7, ...values.get(words)!]);
  assertEquals(values.get(words)![2], 1);
  assert([...values.values()].some((list) => list.length === 1 && list[0] === 4), "the scale is the one of now");
  // Adam's bias corrections are those of the second step.
  const adam = [...values.values()].find((list) => list.length === 3)!;
  assertEquals(adam, [0.5 / (1 - 0.9 ** 2), 1 / Math.sqrt(1 - 0.999 ** 2), 1]);
  const undo = round.snapshot();
  round.repeat();
  undo();
  assertEquals([getRandomState().draws, optimizer.stepCount], [2, 2]);
  round.undo();
  assertEquals([getRandomState(), optimizer.stepCount, weight.grad], [before, 1, undefined]);
});

test("a round gives leaves their gradients and storages their versions again", async () => {
  await useBackend("reference");
  const weight = parameter([1, 2]), statistic = tensor([0]);
  const round = new StepRound();
  round.note(() => {
    weight.clearGrad();
    weight.square().sum().backward();
    noGrad(() => assign(statistic, weight.detach().slice(0, 0, 1)));
  });
  round.requireCleared();
  round.holdGradients();
  const { version } = statistic.storage, { storage } = weight.grad!;
  weight.clearGrad();
  weight.mul(5).sum().backward();
  assert(weight.grad!.storage !== storage);
  round.settle();
  assertEquals(statistic.storage.version, version + 1);
  assert(weight.grad!.storage === storage);
  assertEquals(weight.grad!.dataSync(), new Float32Array([2, 4]));
  round.dispose();
  const adds = new StepRound();
  assertThrows(() => adds.note(() => weight.sum().backward()), GradientError, "optimizer.zeroGrad()");
  const first = parameter([1]), forgets = new StepRound();
  forgets.note(() => first.sum().backward());
  assertThrows(() => forgets.requireCleared(), GradientError, "clears gradients before it computes new ones");
});

test("scalars of random tensors are told as one array that changes", async () => {
  await useBackend("reference");
  const seen: (readonly number[])[] = [];
  const backend = rand([1]).backend;
  const map = backend.map.bind(backend);
  backend.map = (call) => {
    seen.push(call.scalars);
    map(call);
  };
  try {
    const round = new StepRound();
    round.note(() => bernoulli(0.5, [3]));
    assertEquals(seen.map(round.isChanging), [true]);
    const next = round.repeat().get(seen[0])!;
    assertEquals([next[4], next[2]], [0.5, seen[0][2] + 1]);
  } finally {
    Reflect.deleteProperty(backend, "map");
  }
  const step = await recordStep(() => ({ a: 1 }) as unknown as { a: Tensor });
  assertThrows(() => step.run(), ArgumentError, "got a number");
});
