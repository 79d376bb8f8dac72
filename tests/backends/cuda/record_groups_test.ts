// Recorded steps of optimizers with groups of parameters, on the emulator or a GPU: the same to the bit as steps that are not recorded, with the rates of
// schedules, and those that are set between steps; each group is one launch.

import { assertEquals, assertNotEquals } from "@std/assert";
import {
  Adam,
  AdamW,
  applySchedule,
  clipGradientNorm,
  cosineSchedule,
  disposeBackend,
  type Optimizer,
  parameter,
  randn,
  recordStep,
  type Schedule,
  scope,
  seed,
  SGD,
  stepSchedule,
  type Tensor,
  useBackend,
} from "@escnn/escnn";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { name: device, missing, emulator } = await chooseDevice();

/** Parameters of a small network: two matrices and two rows. */
type Four = readonly [Tensor, Tensor, Tensor, Tensor];

const optimizers: { readonly [name: string]: (parameters: Four) => Optimizer } = {
  "Adam with rates": ([a, b, c, d]) => new Adam([{ parameters: [a, b] }, { parameters: [c, d], learningRate: 0.02 }]),
  "AdamW with decays": ([a, b, c, d]) =>
    new AdamW([{ parameters: [a, c] }, { parameters: [b, d], weightDecay: 0, betas: [0.5, 0.75] }], {
      learningRate: 0.05,
      weightDecay: 0.25,
    }),
  "SGD with momenta": ([a, b, c, d]) =>
    new SGD([{ parameters: [a, c], momentum: 0.5 }, { parameters: [b, d], learningRate: 0.1, weightDecay: 0.125 }]),
};
const schedules: { readonly [name: string]: Schedule | readonly Schedule[] } = {
  "one schedule": cosineSchedule(0.05, 8),
  "a schedule for each group": [cosineSchedule(0.05, 8), stepSchedule(0.1, 3, { factor: 0.5 })],
};

for (const [name, make] of Object.entries(optimizers)) {
  test.runIf(
    missing === undefined,
    `${device}: ${name} by group, recorded and not, take the same steps`,
    missing ?? "",
    async () => {
      emulator?.reset();
      await useBackend("cuda");
      for (const schedule of Object.values(schedules)) {
        const expected = await train(make, schedule, 0);
        assertEquals(await train(make, schedule, 1), expected);
        assertEquals(new Set(expected.losses).size, expected.losses.length);
      }
      disposeBackend("cuda");
      emulator?.reset();
      assertEquals(emulator?.leaks() ?? {}, {}, "left behind");
    },
  );
}

async function train(
  make: (parameters: Four) => Optimizer,
  schedule: Schedule | readonly Schedule[],
  recordings: number,
): Promise<{ losses: number[]; state: number[][]; rates: number[][] }> {
  seed(3);
  const parameters: Four = [
    parameter(randn([3, 4])),
    parameter(randn([4])),
    parameter(randn([4, 2])),
    parameter(randn([2])),
  ];
  const [a, b, c, d] = parameters;
  using optimizer = make(parameters);
  using step = await recordStep((x: Tensor) => {
    applySchedule(optimizer, schedule);
    optimizer.zeroGrad();
    const loss = x.matmul(a).add(b).tanh().matmul(c).add(d).sub(1).square().mean();
    loss.backward();
    clipGradientNorm(optimizer.parameters, 2);
    optimizer.step();
    return loss;
  }, { recordings });
  const losses: number[] = [], rates: number[][] = [];
  for (let i = 0; i < 8; i++) {
    using _ = scope();
    losses.push(await step.run(randn([5, 3])).item());
    rates.push(optimizer.groups.map(({ learningRate }) => learningRate));
  }
  assertEquals([step.recordings, optimizer.stepCount], [recordings, 8]);
  assertNotEquals(rates[7], rates[6]);
  const tensors = [...parameters, ...Object.values(optimizer.stateDict().tensors)];
  const state = await Promise.all(tensors.map(async (tensor) => [...await tensor.data()]));
  for (const tensor of parameters) tensor.dispose();
  return { losses, state, rates };
}

test.runIf(
  missing === undefined,
  `${device}: rates set for a group between recorded steps hold`,
  missing ?? "",
  async () => {
    emulator?.reset();
    await useBackend("cuda");
    const [a, b] = [parameter([8]), parameter([8])];
    const optimizer = new SGD([{ parameters: [a] }, { parameters: [b] }], { learningRate: 1 });
    using step = await recordStep(() => {
      optimizer.zeroGrad();
      a.add(b).sum().backward();
      optimizer.step();
    });
    const expected = [8, 8];
    for (let i = 0; i < 6; i++) {
      optimizer.groups[1].learningRate = 2 ** -i;
      step.run();
      expected[0] -= 1;
      expected[1] -= 2 ** -i;
      assertEquals([...await a.data(), ...await b.data()], expected);
    }
    assertEquals(step.recordings, 1);
    optimizer.dispose();
    step.dispose();
    disposeBackend("cuda");
    emulator?.reset();
    assertEquals(emulator?.leaks() ?? {}, {}, "left behind");
  },
);

test.runIf(
  emulator !== undefined,
  "cuda on the emulator: a step is one launch for each group",
  missing ?? "no emulator",
  async () => {
    emulator!.reset();
    await useBackend("cuda");
    const parameters = Array.from({ length: 12 }, (_, i) => parameter(randn([3 + i])));
    const even = parameters.filter((_, i) => i % 2 === 0), odd = parameters.filter((_, i) => i % 2 === 1);
    const groups = [{ parameters: even, learningRate: 0.5 }, { parameters: odd, weightDecay: 0.5 }];
    const optimizer = new Adam(groups);
    parameters.map((each) => each.sum()).reduce((x, y) => x.add(y)).backward();
    for (let i = 0; i < 3; i++) {
      const before = emulator!.calls("cuLaunchKernel");
      optimizer.step();
      if (i > 0) assertEquals(emulator!.calls("cuLaunchKernel") - before, 2);
    }
    optimizer.dispose();
    disposeBackend("cuda");
    assertEquals(emulator!.leaks(), {}, "left behind");
  },
);
