// covers: src/optim/parameter_groups.ts
// Groups of parameters: each follows its own options, one optimizer drives them all, and states know their groups.

import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  Adam,
  type AdamOptions,
  AdamW,
  applySchedule,
  clipGradientNorm,
  cosineSchedule,
  GradScaler,
  guardedStep,
  NonFiniteLossError,
  type Optimizer,
  OptimizerStateError,
  type ParameterGroup,
  SGD,
  stepSchedule,
} from "../../src/optim/mod.ts";
import { StepRound } from "../../src/optim/step_round.ts";
import { Linear } from "../../src/nn/plain/mod.ts";
import { ArgumentError, GradientError, ShapeError } from "../../src/tensor/errors.ts";
import * as E from "../../src/tensor/expr.ts";
import { mapInPlaceGroups } from "../../src/tensor/map.ts";
import { assign, noGrad, type Tensor, tensor, useBackend } from "../../src/tensor/mod.ts";
import { assertClose } from "../support/close.ts";
import { test } from "../support/test.ts";

const START = [1, -2, 0.5];

function parameter(): Tensor {
  return tensor(new Float64Array(START), [3], { name: "w" }).requireGrad();
}

/** Gradients of Σ (i + 1) wᵢ² / 2 for all of them, which are (i + 1) wᵢ. */
function backward(parameters: readonly Tensor[]): void {
  const curvature = tensor(new Float64Array([1, 2, 3]));
  parameters.map((w) => w.mul(w).mul(curvature).sum().mul(0.5)).reduce((a, b) => a.add(b)).backward();
}

async function descend(optimizer: Optimizer, count: number, before: () => void = () => {}): Promise<number[][]> {
  for (let i = 0; i < count; i++) {
    before();
    optimizer.zeroGrad();
    backward(optimizer.parameters);
    optimizer.step();
  }
  return await Promise.all(optimizer.parameters.map(async (w) => [...await w.data()]));
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

type Numbers = { rate: number; decay: number; betas: readonly [number, number]; epsilon: number };

/** Adam as in its paper, and with decoupled decay. */
function adam({ rate, decay, betas: [first, second], epsilon }: Numbers, decoupled = false) {
  return (w: number, g: number, state: number[], t: number): number => {
    const gradient = decoupled ? g : g + decay * w;
    state[0] = first * state[0] + (1 - first) * gradient;
    state[1] = second * state[1] + (1 - second) * gradient * gradient;
    const start = decoupled ? w * (1 - rate * decay) : w;
    return start - rate * (state[0] / (1 - first ** t)) / (Math.sqrt(state[1] / (1 - second ** t)) + epsilon);
  };
}

test("Adam and AdamW update each group by its own options, else the optimizer's, else the defaults", async () => {
  await useBackend("reference");
  for (const decoupled of [false, true]) {
    const [a, b, c, d] = [parameter(), parameter(), parameter(), parameter()];
    const groups = [
      { parameters: [a, b], learningRate: 0.003 },
      { parameters: new Set([c]), weightDecay: 0, betas: [0.7, 0.8] as const },
      { parameters: [d], learningRate: undefined, epsilon: 0.1 },
    ];
    const options = { learningRate: 0.02, weightDecay: 0.3 };
    using optimizer = decoupled ? new AdamW(groups, options) : new Adam(groups, options);
    const all: Numbers = { rate: 0.02, decay: 0.3, betas: [0.9, 0.999], epsilon: 1e-8 };
    const expected = [
      { ...all, rate: 0.003 },
      { ...all, rate: 0.003 },
      { ...all, decay: 0, betas: [0.7, 0.8] as const },
      { ...all, epsilon: 0.1 },
    ].map((numbers) => plainly(6, adam(numbers, decoupled)));
    assertEquals(optimizer.parameters, [a, b, c, d]);
    const got = await descend(optimizer, 6);
    got.forEach((values, i) => assertClose(values, expected[i], { absolute: 1e-13, message: `parameter ${i}` }));
    assertEquals(optimizer.stepCount, 6);
  }
});

test("SGD has groups with and without momentum, and state for those with it", async () => {
  await useBackend("reference");
  using optimizer = new SGD([
    { parameters: [parameter()], momentum: 0.9, nesterov: true },
    { parameters: [parameter()], learningRate: 0.01 },
    { parameters: [parameter()], momentum: 0.5, weightDecay: 0.2 },
  ], { learningRate: 0.05 });
  const momentum = (share: number, decay: number, nesterov: boolean) => (w: number, g: number, state: number[]) => {
    const gradient = g + decay * w;
    state[0] = share * state[0] + gradient;
    return w - 0.05 * (nesterov ? gradient + share * state[0] : state[0]);
  };
  const expected = [
    plainly(5, momentum(0.9, 0, true)),
    plainly(5, (w, g) => w - 0.01 * g),
    plainly(5, momentum(0.5, 0.2, false)),
  ];
  const got = await descend(optimizer, 5);
  got.forEach((values, i) => assertClose(values, expected[i], { absolute: 1e-14, message: `parameter ${i}` }));
  assertEquals(Object.keys(optimizer.stateDict().tensors), ["momentum.0", "momentum.2"]);
});

test("a list is one group, and groups of equal options take the same steps to the bit", async () => {
  await useBackend("reference");
  const list = new Adam([parameter(), parameter()], { learningRate: 0.1, weightDecay: 0.01 });
  assertEquals(list.groups.length, 1);
  assertEquals(list.groups[0].parameters, list.parameters);
  assertEquals(list.groups[0].options, { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.01 });
  const groups = [{ parameters: [parameter()] }, { parameters: [parameter()], weightDecay: 0.01 }];
  const grouped = new Adam(groups, { learningRate: 0.1, weightDecay: 0.01 });
  assertEquals(await descend(grouped, 4), await descend(list, 4));
  // A step that passes over a whole group counts for it as well.
  const [{ parameters: [a] }, { parameters: [b] }] = grouped.groups;
  const before = [...await a.data()];
  grouped.zeroGrad();
  backward([b]);
  grouped.step();
  assertEquals([...await a.data()], before);
  assertEquals(grouped.stepCount, 5);
});

const rates = (optimizer: Optimizer): number[] => optimizer.groups.map(({ learningRate }) => learningRate);

test("the learning rate of the optimizer is that of the first group without its own, and scales all", async () => {
  await useBackend("reference");
  const three = (...own: (number | undefined)[]) =>
    own.map((learningRate) => ({ parameters: [parameter()], learningRate }));
  const optimizer = new SGD(three(0.25, undefined, 0), { learningRate: 0.5 });
  assertEquals([optimizer.learningRate, ...rates(optimizer)], [0.5, 0.25, 0.5, 0]);
  // LambdaLR's factors 1, 1/2, 1/3 of the rates that the groups began with.
  const found: number[][] = [];
  await descend(optimizer, 3, () => {
    applySchedule(optimizer, (step) => 0.5 / (1 + step));
    found.push(rates(optimizer));
  });
  assertEquals(found, [1, 2, 3].map((n) => [0.25 * ((0.5 / n) / 0.5), 0.5 / n, 0]));
  // A group's own number holds until the optimizer's is set.
  optimizer.groups[0].learningRate = 7;
  assertEquals(rates(optimizer)[0], 7);
  optimizer.learningRate = 1;
  assertEquals([optimizer.learningRate, ...rates(optimizer)], [1, 0.5, 1, 0]);
  assertEquals(optimizer.groups.map((group) => group.initialLearningRate), [0.25, 0.5, 0]);
  // Where all have their own, the first one leads, but for those that begin with 0; a zero of all is left together.
  const own = new SGD(three(0, 0.1, 0.3), { learningRate: 4 });
  assertEquals(own.learningRate, 0.1);
  own.learningRate = 0;
  own.learningRate = 0.2;
  assertEquals(rates(own), [0, 0.2, 0.3 * (0.2 / 0.1)]);
  const zero = new SGD(three(undefined, 0), { learningRate: 0 });
  zero.learningRate = 0.1;
  assertEquals(rates(zero), [0.1, 0.1]);
});

test("applySchedule gives each group its own schedule from a list", async () => {
  await useBackend("reference");
  const groups = [{ parameters: [parameter()] }, { parameters: [parameter()], learningRate: 1 }];
  const optimizer = new SGD(groups, { learningRate: 2 });
  const schedules = [stepSchedule(2, 1, { factor: 0.5 }), cosineSchedule(1, 2)];
  const found: number[][] = [];
  await descend(optimizer, 3, () => found.push([applySchedule(optimizer, schedules), ...rates(optimizer)]));
  assertEquals(found, [0, 1, 2].map((step) => [2 / 2 ** step, 2 / 2 ** step, schedules[1](step)]));
  assertThrows(() => applySchedule(optimizer, schedules.slice(1)), ArgumentError, "or 2, one for each group, got a li");
  // A rate that is none changes no group.
  assertThrows(() => applySchedule(optimizer, [() => 9, () => NaN]), ArgumentError, "learningRate");
  assertThrows(() => applySchedule(optimizer, () => -1), ArgumentError, "SGD: expected learningRate as a number of");
  assertThrows(() => optimizer.groups[1].learningRate = NaN, ArgumentError, "SGD, group 1: expected learningRate");
  assertEquals(rates(optimizer), found[2].slice(1));
});

test("guardedStep, GradScaler and clipGradientNorm see all groups", async () => {
  await useBackend("reference");
  const [a, b] = [tensor([3]).requireGrad(), tensor([4]).requireGrad()];
  const optimizer = new SGD([{ parameters: [a] }, { parameters: [b], learningRate: 0.125 }], { learningRate: 0.25 });
  const loss = a.square().add(b.square()).sum().mul(0.5);
  loss.backward();
  // The gradient (3, 4) of norm 5, clipped to 2.5.
  assertEquals(await clipGradientNorm(optimizer.parameters, 2.5)!.item(), 5);
  assertEquals(await guardedStep(optimizer, loss), 12.5);
  assertClose([...await a.data(), ...await b.data()], [3 - 0.25 * 1.5, 4 - 0.125 * 2], { relative: 1e-6 });
  const before = [...await a.data(), ...await b.data()];
  // Only the second group's gradient is not finite; both stay.
  const refused = (): Tensor => {
    optimizer.zeroGrad();
    return a.add(b.sub(b).sqrt().div(0)).sum();
  };
  const bad = refused();
  bad.backward();
  await assertRejects(() => guardedStep(optimizer, bad), NonFiniteLossError, "training step 2");
  const scaler = new GradScaler({ initialScale: 8 });
  scaler.scale(refused()).backward();
  assertEquals(await scaler.step(optimizer), false);
  assertEquals([...await a.data(), ...await b.data()], before);
  optimizer.zeroGrad();
  scaler.scale(a.mul(2).add(b).sum()).backward();
  assertEquals(await scaler.step(optimizer), true);
  assertClose([...await a.data(), ...await b.data()], [before[0] - 0.5, before[1] - 0.125], { relative: 1e-6 });
});

test("a round repeats the scalars of each group, and counts the step once", async () => {
  await useBackend("reference");
  using optimizer = new Adam([
    { parameters: [parameter()] },
    { parameters: [parameter()], learningRate: 0.1, betas: [0.5, 0.75] },
  ], { learningRate: 1 });
  const round = new StepRound();
  round.note(() => {
    applySchedule(optimizer, (step) => 1 / (1 + step));
    optimizer.zeroGrad();
    backward(optimizer.parameters);
    optimizer.step();
  });
  const values = [...round.repeat().values()];
  assertEquals(values, [
    [0.5 / (1 - 0.9 ** 2), 1 / Math.sqrt(1 - 0.999 ** 2), 1],
    [0.1 * 0.5 / (1 - 0.5 ** 2), 1 / Math.sqrt(1 - 0.75 ** 2), 1],
  ]);
  assertEquals(optimizer.stepCount, 2);
  round.undo();
  assertEquals(optimizer.stepCount, 1);
});

function pair(first: Partial<AdamOptions> = {}, second: Partial<AdamOptions> = {}, options: AdamOptions = {}): Adam {
  return new Adam([{ parameters: [parameter(), parameter()], ...first }, { parameters: [parameter()], ...second }], {
    learningRate: 0.5,
    ...options,
  });
}

test("states of one group are those of a list, also where the group has a rate of its own", async () => {
  await useBackend("reference");
  const grouped = new Adam([{ parameters: [parameter()], learningRate: 0.25 }], { learningRate: 1 });
  const expected = await descend(grouped, 3);
  assertEquals(grouped.stateDict().values, { step: 3, learningRate: 0.25 });
  const list = new Adam(expected.map((values) => tensor(new Float64Array(values)).requireGrad()));
  // The betas of a list are not looked at, as ever.
  list.loadStateDict(grouped.stateDict());
  assertEquals([list.learningRate, list.stepCount], [0.25, 3]);
  assertEquals(await descend(list, 2), await descend(grouped, 2));
});

test("Optimizer.loadStateDict takes over steps and all rates of groups, and continues bit for bit", async () => {
  await useBackend("reference");
  const schedule = (step: number) => 0.5 / (1 + step);
  const saved = pair({ learningRate: 0.1 }, { weightDecay: 0.25 });
  const values = await descend(saved, 3, () => applySchedule(saved, schedule));
  const state = saved.stateDict();
  assertEquals(state.values, {
    step: 3,
    learningRate: 0.5 / 3,
    groups: 2,
    leader: 1,
    ...Object.fromEntries([0, 1].flatMap((i) => [
      [`group.${i}.size`, 2 - i],
      [`group.${i}.learningRate`, i === 0 ? 0.1 * ((0.5 / 3) / 0.5) : 0.5 / 3],
      [`group.${i}.initialLearningRate`, i === 0 ? 0.1 : 0.5],
      [`group.${i}.betas.0`, 0.9],
      [`group.${i}.betas.1`, 0.999],
      [`group.${i}.epsilon`, 1e-8],
      [`group.${i}.weightDecay`, i === 0 ? 0 : 0.25],
    ])),
  });
  // Other rates, as a new start of the program may have them: those of the state count, and their proportion.
  const resumed = pair({ learningRate: 3 }, { learningRate: 0, weightDecay: 0.25 }, { learningRate: 2 });
  noGrad(() => resumed.parameters.forEach((w, i) => assign(w, new Float64Array(values[i]))));
  resumed.loadStateDict(state);
  assertEquals([rates(resumed), resumed.learningRate, resumed.stepCount], [rates(saved), 0.5 / 3, 3]);
  const go = (optimizer: Adam) => descend(optimizer, 2, () => applySchedule(optimizer, schedule));
  assertEquals(await go(resumed), await go(saved));
});

test("Optimizer.loadStateDict names what differs in the groups and changes nothing", async () => {
  await useBackend("reference");
  const saved = pair({ weightDecay: 0.125 }, { betas: [0.5, 0.999] });
  await descend(saved, 2);
  const state = saved.stateDict();
  const other = pair({}, { betas: [0.9, 0.999] }, { learningRate: 3 });
  const before = other.stateDict().values;
  const error = assertThrows(() => other.loadStateDict(state), OptimizerStateError);
  assertStringIncludes(error.message, "in the same groups");
  assertStringIncludes(
    error.message,
    "got group.0.weightDecay is 0.125 instead of 0; group.1.betas.0 is 0.5 instead of 0.9.",
  );
  assertEquals(other.stateDict().values, before);
  // The same parameters in other groups, in one, and in three.
  const swapped = new Adam([{ parameters: [parameter()] }, { parameters: [parameter(), parameter()] }]);
  assertThrows(
    () => swapped.loadStateDict(state),
    OptimizerStateError,
    "group.0.size is 2 instead of 1; group.0.weightDecay",
  );
  const list = new Adam([parameter(), parameter(), parameter()]);
  assertThrows(() => list.loadStateDict(state), OptimizerStateError, "groups are 2 instead of 1.");
  assertThrows(() => saved.loadStateDict(list.stateDict()), OptimizerStateError, "groups are 1 instead of 2.");
  const faulty = (changes: { [name: string]: number | undefined }) => () =>
    saved.loadStateDict({ ...state, values: { ...state.values, ...changes } as { [name: string]: number } });
  assertThrows(
    faulty({ "group.1.learningRate": -1 }),
    OptimizerStateError,
    "group.1.learningRate is -1 instead of a n",
  );
  assertThrows(faulty({ "group.1.initialLearningRate": undefined }), OptimizerStateError, "LearningRate is missing");
  assertThrows(faulty({ leader: 2 }), OptimizerStateError, "leader is 2 instead of the index of a group");
  assertThrows(faulty({ "group.1.epsilon": undefined }), OptimizerStateError, "group.1.epsilon is missing");
  assertThrows(faulty({ "group.0.amsgrad": 1 }), OptimizerStateError, "group.0.amsgrad is unexpected");
  assertEquals(saved.stateDict().values, state.values);
});

test("optimizers refuse groups that cannot be, naming the group", async () => {
  await useBackend("reference");
  const layer = new Linear(2, 3), [weight, bias] = layer.parameters();
  const refused = (groups: unknown, message: string, options: unknown = {}): void => {
    assertThrows(() => new Adam(groups as Tensor[], options as AdamOptions), ArgumentError, message);
  };
  refused([{ parameters: [weight] }, { parameters: [bias, weight] }], "Adam, group 1: expected tensors, each of them");
  refused([{ parameters: [weight] }, { parameters: [bias, weight] }], "float32 in group 0 and again at 1 of this one");
  refused([{ parameters: [weight, weight] }], "Adam, group 0: expected tensors, each of them once, got tensor [");
  refused([{ parameters: [weight] }, { parameters: [] }], "Adam, group 1: expected at least one parameter, got none");
  refused([{ parameters: [weight], weightDecay: -1 }], "Adam, group 0: expected weightDecay as a number of at least 0");
  refused([{ parameters: [weight], learningRate: NaN }], "Adam, group 0: expected learningRate");
  refused([{ parameters: [weight] }], "Adam, group 0: expected weightDecay", { weightDecay: -1 });
  refused(
    [{ params: [weight], lr: 1 }],
    "Adam, group 0: expected options among parameters, learningRate, betas, epsil",
  );
  refused([{ params: [weight], lr: 1 }], "weightDecay, got params, lr");
  refused([{ learningRate: 1 }], "Adam, group 0: expected tensors, each of them once, got undefined");
  refused([{ parameters: weight }], "Pass a list: [tensor]");
  refused([{ parameters: "weight" }], "got weight");
  refused([{ parameters: [[weight]] }], "got an array at 0");
  refused([{ parameters: [weight] }, bias], "tensors or groups of them, not both, got a tensor at 1 beside groups");
  refused([layer], "got object at 0. Pass model.parameters()");
  refused([weight], "Adam: expected options among learningRate, betas, epsilon, weightDecay, got lr", { lr: 1 });
  refused([weight], "Adam: expected an object with options, got 0.1", 0.1);
  const frozen = parameter().detach();
  assertThrows(
    () => new Adam([{ parameters: [frozen] }]),
    GradientError,
    "Adam, group 0: expected parameters that req",
  );
  assertThrows(
    () => new SGD([{ parameters: [weight], momentum: 0.5 }, { parameters: [bias] }], { nesterov: true }),
    ArgumentError,
    "SGD, group 1: expected momentum above 0 with nesterov",
  );
  const typed: ParameterGroup<AdamOptions> = { parameters: layer.parameters(), betas: [0.5, 0.5] };
  assertEquals(new AdamW([typed]).groups[0].options, { betas: [0.5, 0.5], epsilon: 1e-8, weightDecay: 1e-2 });
});

test("mapInPlaceGroups checks the sets of all groups before it changes one", async () => {
  await useBackend("reference");
  const [a, b, c] = [tensor([1, 2]), tensor([3]), tensor([5, 6, 7])];
  const add = (scalar: number, target: Tensor, input: Tensor) => ({
    sets: [{ targets: [target], inputs: [input] }],
    scalars: [scalar],
    build: ([t]: readonly E.Expr[], [x]: readonly E.Expr[], [s]: readonly E.Expr[]) => [E.add(t, E.mul(x, s))],
  });
  assertThrows(() => mapInPlaceGroups([add(1, a, b), add(2, a, c)]), ShapeError);
  assertEquals([...await a.data()], [1, 2]);
  // One group after the other: the second one uses what the first one changed.
  mapInPlaceGroups([add(2, a, b), add(10, c, b), add(1, b, tensor([1]))]);
  assertEquals([[...await a.data()], [...await b.data()], [...await c.data()]], [[7, 8], [4], [35, 36, 37]]);
});
