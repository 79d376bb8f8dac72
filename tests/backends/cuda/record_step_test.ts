// covers: backends/cuda/scalar_slots.ts
// Recorded training steps, on the emulator or a GPU: the demo's network with dropout, Adam and a schedule takes the same steps to the bit as one that
// is not recorded, also where a batch has another size; faults leave the host's counters as they were; nothing is left behind.

import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import {
  Adam,
  applySchedule,
  ArgumentError,
  autocast,
  BackendError,
  bernoulli,
  clipGradientNorm,
  cosineSchedule,
  crossEntropy,
  currentBackend,
  disposeBackend,
  DisposedError,
  expr,
  gather,
  getRandomState,
  GradientError,
  GradScaler,
  mapInPlace,
  memory,
  noGrad,
  parameter,
  rand,
  randn,
  type RecordedStep,
  recordStep,
  scope,
  seed,
  SGD,
  type Tensor,
  tensor,
  useBackend,
} from "@escnn/escnn";
import * as plain from "@escnn/escnn/plain";
import type { Emulator } from "../../../backends/cuda/emulator/control.ts";
import { EquivariantNetwork, INPUT_SIZE } from "../../../examples/demo/networks.ts";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { mode, name: device, missing, emulator } = await chooseDevice();
const steps = mode === "part" ? 6 : 50;

function deviceTest(name: string, run: () => Promise<void>, unfit = missing): void {
  test.runIf(unfit === undefined, `${device}: ${name}`, unfit ?? "", async () => {
    emulator?.reset();
    await useBackend("cuda");
    seed(5);
    await run();
    disposeBackend("cuda");
    emulator?.reset();
    assertEquals(emulator?.leaks() ?? {}, {}, "left behind");
  });
}

/** A test that needs faults. */
function emulatedTest(name: string, run: (emulator: Emulator) => Promise<void>): void {
  deviceTest(
    name,
    () => run(emulator!),
    missing ?? (emulator === undefined ? "only the emulator can be made to fail" : undefined),
  );
}

/** Trains the demo's network; gives the losses and all that the training changed. */
async function train(
  recordings: number,
  each: (step: number, recorded: RecordedStep<[Tensor, Tensor], Tensor>) => void = () => {},
): Promise<{ losses: number[]; state: number[][]; draws: number }> {
  seed(11);
  const network = new EquivariantNetwork(), dropout = new plain.Dropout(0.25);
  network.train();
  const parameters = [...network.parameters()];
  const optimizer = new Adam(parameters, { learningRate: 1e-2 });
  const schedule = cosineSchedule(1e-2, steps);
  using step = await recordStep((images: Tensor, labels: Tensor) => {
    applySchedule(optimizer, schedule);
    optimizer.zeroGrad();
    const loss = crossEntropy(network.forward(dropout.forward(images)), labels, { labelSmoothing: 0.1 });
    loss.backward();
    clipGradientNorm(parameters, 2);
    optimizer.step();
    return loss;
  }, { recordings });
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    using _ = scope();
    // The last batch of an epoch of five is another one.
    const count = i % 5 === 4 ? 3 : 2;
    const images = rand([count, 1, INPUT_SIZE, INPUT_SIZE]);
    const labels = tensor(Int32Array.from({ length: count }, (_, k) => (i + 3 * k) % 10));
    losses.push((await step.run(images, labels).data())[0]);
    each(i, step);
  }
  const state: number[][] = [];
  for (const tensors of [parameters, [...network.buffers()], Object.values(optimizer.stateDict().tensors)]) {
    for (const tensor of tensors) state.push([...await tensor.data()]);
  }
  assertEquals(optimizer.stepCount, steps);
  assert(Math.abs(optimizer.learningRate - schedule(steps - 1)) < 1e-12);
  for (const { grad } of parameters) state.push([...await grad!.data()]);
  optimizer.dispose();
  return { losses, state, draws: getRandomState().draws };
}

deviceTest(`${steps} steps of the demo's network, recorded and not, are the same to the bit`, async () => {
  const expected = await train(0);
  const launched: number[] = [], live: number[] = [];
  const launches = () => emulator?.calls("cuLaunchKernel") ?? 0;
  let before = 0;
  const recorded = await train(1, (i, step) => {
    assertEquals(step.recordings, i < 2 ? 0 : 1);
    launched.push(launches() - before);
    before = launches();
    live.push(memory().cuda.liveBytes);
  });
  assertEquals(recorded.losses, expected.losses);
  assert(new Set(expected.losses).size === steps, "the losses move");
  assertEquals(recorded.draws, expected.draws);
  recorded.state.forEach((values, i) => assertEquals(values, expected.state[i], `state ${i}`));
  // From the fourth on a step is one graph: other launches are those of the batch, of the inputs and of the loss.
  if (emulator !== undefined) {
    assert(launched[3] < 8 && launched[1] > 100, launched.join());
    const graphs = launched.filter((_, i) => i > 1 && i % 5 !== 4).length;
    assertEquals(emulator.calls("cuGraphLaunch"), graphs);
  }
  // Memory is flat: gradients are the recording's, but after a batch of another size.
  const flat = live.filter((_, i) => i > 2 && i % 5 !== 4);
  assertEquals(flat, flat.map(() => flat[0]));
});

/** A regression with one weight, and its step. */
function regression(): { weight: Tensor; optimizer: SGD; step: (x: Tensor) => Tensor } {
  const weight = parameter([[0.5], [-0.25]]);
  const optimizer = new SGD([weight], { learningRate: 0.1, momentum: 0.9 });
  return {
    weight,
    optimizer,
    step: (x) => {
      optimizer.zeroGrad();
      const loss = x.matmul(weight).sub(1).square().mean();
      loss.backward();
      optimizer.step();
      return loss;
    },
  };
}

const batch = (): Tensor => randn([4, 2]);

deviceTest(
  "learning rates set between steps, draws in reductions and scales of a GradScaler are those of their step",
  async () => {
    const run = async (recordings: number): Promise<number[]> => {
      seed(2);
      const { weight, optimizer } = regression();
      const scaler = new GradScaler({ initialScale: 16, growthInterval: 2 });
      using step = await recordStep((x: Tensor) => {
        optimizer.zeroGrad();
        const noise = rand([4, 1]).sum(), mask = bernoulli(0.5, [4, 1]);
        const loss = autocast("bfloat16", () => x.matmul(weight)).mul(mask).add(noise).square().mean();
        scaler.scale(loss).backward();
        return { loss, parts: noise };
      }, { recordings });
      const found: number[] = [];
      for (let i = 0; i < 7; i++) {
        using _ = scope();
        optimizer.learningRate = 0.1 / (i + 1);
        const { loss, parts } = step.run(batch());
        // Reads and steps of the optimizer that read belong outside.
        assertEquals(await scaler.step(optimizer), true);
        found.push((await loss.data())[0], (await parts.data())[0]);
      }
      assert(scaler.currentScale > 16);
      optimizer.dispose();
      return [...found, ...await weight.data()];
    };
    assertEquals(await run(1), await run(0));
  },
);

deviceTest("results are tensors of their own, and gradients those of the last step", async () => {
  const { weight, optimizer, step } = regression();
  using recorded = await recordStep(step);
  const results: Tensor[] = [], xs = Array.from({ length: 6 }, batch);
  const weights: number[][] = [];
  for (const x of xs) {
    weights.push([...await weight.data()]);
    results.push(recorded.run(x));
  }
  assertEquals(recorded.recordings, 1);
  const losses = await Promise.all(results.map((result) => result.item()));
  assertEquals(new Set(losses).size, 6);
  const gradient = [...await weight.grad!.data()];
  using other = tensor(weights[5], [2, 1]).requireGrad();
  xs[5].matmul(other).sub(1).square().mean().backward();
  assertEquals(gradient, [...await other.grad!.data()]);
  // A step that is not recorded has gradients of its own, and the next recorded one its own again.
  recorded.run(randn([3, 2]));
  optimizer.zeroGrad();
  assertEquals(weight.grad, undefined);
  recorded.run(xs[0]);
  assertEquals(weight.grad?.shape, [2, 1]);
  optimizer.dispose();
});

deviceTest("two shapes are recorded beside each other, and disposing leaves no tensor", async () => {
  const run = async (recordings: number): Promise<number[]> => {
    seed(8);
    const { weight, optimizer, step } = regression();
    step(batch()).dispose();
    optimizer.zeroGrad();
    const before = memory().cuda.liveTensors;
    const recorded = await recordStep(step, { recordings });
    const found: number[] = [];
    for (let i = 0; i < 10; i++) {
      using _ = scope();
      const loss = recorded.run(randn([i % 2 === 0 ? 4 : 3, 2]));
      found.push(await loss.item(), ...await weight.grad!.data());
    }
    assertEquals(recorded.recordings, recordings);
    recorded.dispose();
    optimizer.zeroGrad();
    assertEquals(memory().cuda.liveTensors, before);
    optimizer.dispose();
    return [...found, ...await weight.data()];
  };
  const expected = await run(0);
  for (const recordings of [1, 2]) assertEquals(await run(recordings), expected);
});

deviceTest("a step recorded on a synchronous backend throws for its own indices", async () => {
  disposeBackend("cuda");
  await useBackend("cuda", { synchronous: true });
  const x = tensor([1, 2, 3]), places = (index: number) => tensor(Int32Array.of(index), [1]);
  using recorded = await recordStep((index: Tensor) => gather(x, 0, index));
  for (const index of [0, 1, 2, 1]) assertEquals([...await recorded.run(places(index)).data()], [index + 1]);
  assertEquals(recorded.recordings, 1);
  assertThrows(() => recorded.run(places(3)), ArgumentError, "gather: expected indices from 0 to 2, got index 3");
  assertEquals([...await recorded.run(places(0)).data()], [1]);
});

deviceTest("a step that cannot be recorded says why at its second run", async () => {
  const { weight, step, optimizer } = regression();
  const x = batch();
  const second = async (fn: (x: Tensor) => Tensor): Promise<() => void> => {
    const recorded = await recordStep(fn);
    recorded.run(x);
    return () => recorded.run(x);
  };
  const reads = await second((x) => tensor(step(x).itemSync()));
  assertThrows(reads, BackendError, "read: expected operations on the device only while work is recorded");
  const writes = await second((x) => step(x).add(tensor([1, 2, 3])));
  assertThrows(writes, BackendError, "write, which needs the host");
  const adds = await second((x) => {
    const loss = x.matmul(weight).mean();
    loss.backward();
    return loss;
  });
  assertThrows(adds, GradientError, "Call optimizer.zeroGrad() at the beginning of the step");
  const promises = await recordStep((() => Promise.resolve()) as unknown as () => void);
  assertThrows(() => promises.run(), ArgumentError, "got a promise");
  await assertRejects(() => recordStep(step, { recordings: -1 }), ArgumentError, "recordings as a number from 0 on");
  optimizer.dispose();
});

deviceTest(
  "numbers that change, other work and tensors that are replaced end the recording, and the step is not taken",
  async () => {
    const { weight, optimizer, step } = regression();
    const x = batch();
    let rate = 0;
    const decays = await recordStep((x: Tensor) => {
      const loss = step(x);
      noGrad(() => mapInPlace([weight], [], [rate], ([w], _, [r]) => [expr.mul(w, expr.sub(1, r))]));
      return loss;
    });
    decays.run(x);
    rate = 0.25;
    decays.run(x);
    rate = 0.5;
    const before = { weights: [...await weight.data()], steps: optimizer.stepCount, state: getRandomState() };
    const unchanged = async (): Promise<void> => {
      assertEquals([...await weight.data()], before.weights);
      assertEquals([optimizer.stepCount, getRandomState()], [before.steps, before.state]);
      assertEquals(weight.grad, undefined);
      assertEquals((emulator?.live("graphs") ?? 0) + (emulator?.live("executables") ?? 0), 0);
    };
    assertThrows(() => decays.run(x), BackendError, "got 0.25 and then 0.5 as a number of an elementwise operation");
    await unchanged();
    rate = 0.25;
    decays.run(x);
    assertEquals(decays.recordings, 1);
    decays.dispose();
    assertThrows(() => decays.run(x), DisposedError, "a recorded step with its memory");

    let rounds = 0;
    const differs = await recordStep((x: Tensor) => rounds++ % 3 === 2 ? x.mul(x).sum() : x.sum());
    const branches = await recordStep((x: Tensor) => rounds++ % 3 === 2 ? x : x.sum());
    for (const recorded of [differs, branches]) {
      rounds = 0;
      recorded.run(x);
      recorded.run(x);
    }
    rounds = 2;
    assertThrows(
      () => differs.run(x),
      BackendError,
      "work that is the same in each round, got map of [4, 2] after mapReduce",
    );
    rounds = 2;
    assertThrows(() => branches.run(x), BackendError, "got 0 operations after 1");
    differs.dispose();
    branches.dispose();

    let state = tensor([1, 1]);
    const replaces = await recordStep((x: Tensor) => {
      const next = state.mul(0.5).add(x.mean()).keep();
      state.dispose();
      state = next;
      return next;
    });
    replaces.run(x);
    replaces.run(x);
    assertThrows(() => replaces.run(x), DisposedError, "Change tensors in place");
    replaces.dispose();

    const factor = parameter([2]);
    const uses = await recordStep((x: Tensor) => x.mul(factor).detach());
    for (let i = 0; i < 4; i++) uses.run(x);
    factor.dispose();
    assertThrows(() => uses.run(x), DisposedError, "uses memory that has been freed since");
    uses.dispose();
    optimizer.dispose();
  },
);

emulatedTest("faults while a step is recorded or repeated leave host and device as they were", async (emulator) => {
  const { weight, optimizer, step } = regression();
  using recorded = await recordStep((x: Tensor) => step(x.add(rand([4, 2]))));
  const x = batch();
  recorded.run(x);
  recorded.run(x);
  for (
    const [call, status] of [["cuGraphInstantiateWithFlags", 1], ["cuStreamEndCapture", 901], [
      "cuGraphLaunch",
      1,
    ]] as const
  ) {
    const before = { weights: [...await weight.data()], steps: optimizer.stepCount, state: getRandomState() };
    emulator.fail(call, 1, status);
    assertThrows(() => recorded.run(x), BackendError, call.replace(/WithFlags$/, ""));
    assertEquals([...await weight.data()], before.weights, call);
    assertEquals([optimizer.stepCount, getRandomState()], [before.steps, before.state], call);
  }
  assertEquals([recorded.recordings, emulator.live("executables")], [0, 0]);
  recorded.run(x);
  const { steps, state } = { steps: optimizer.stepCount, state: getRandomState() };
  emulator.fail("cuGraphLaunch", 1, 1);
  assertThrows(() => recorded.run(x), BackendError, "cuGraphLaunch");
  assertEquals([optimizer.stepCount, getRandomState()], [steps, state]);
  recorded.run(x);
  assertEquals(optimizer.stepCount, steps + 1);
  optimizer.dispose();
});

emulatedTest(
  "a step for whose recording there is no memory is recorded after cached memory went back",
  async (emulator) => {
    // Large enough that each gradient is an allocation of its own.
    const weight = parameter(new Array<number>(1 << 19).fill(1));
    const optimizer = new SGD([weight], { learningRate: 0.5 });
    using recorded = await recordStep((x: Tensor) => {
      optimizer.zeroGrad();
      const loss = weight.mul(x).sum();
      loss.backward();
      optimizer.step();
      return loss;
    });
    const x = tensor([2]);
    recorded.run(x);
    recorded.run(x);
    currentBackend().free(currentBackend().allocate(9 << 20));
    const freed = emulator.calls("cuMemFree_v2");
    emulator.fail("cuMemAlloc_v2", 1, 2);
    const [before] = await weight.data();
    recorded.run(x);
    assert(emulator.calls("cuMemFree_v2") > freed, "cached memory went back");
    assertEquals([recorded.recordings, optimizer.stepCount, (await weight.data())[5]], [1, 3, before - 1]);
    recorded.run(x);
    assertEquals((await weight.data())[5], before - 2);
    optimizer.dispose();
  },
);

deviceTest("a recorded step goes with its backend", async () => {
  const { optimizer, step } = regression();
  const recorded = await recordStep(step);
  for (let i = 0; i < 4; i++) recorded.run(batch());
  assertEquals(currentBackend().info().details.recordings, 1);
  disposeBackend("cuda");
  recorded.dispose();
  optimizer.dispose();
});
