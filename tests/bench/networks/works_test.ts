// The benchmarks' networks have the sizes of escnn's, train, and export to layers that compute the same.

import { assert, assertEquals } from "@std/assert";
import { noGrad, randn, scope, seed, useBackend } from "@escnn/escnn";
import { cloud, nearestEdges, NEIGHBOURS, POINTS } from "../../../bench/networks/layers.ts";
import { exported, Training, type WorkName, WORKS } from "../../../bench/networks/works.ts";
import { test } from "../../support/test.ts";

/** Trained values as PyTorch counts them; escnn has 172 less in wrn, whose disentangling separates fewer fields. */
const PARAMETERS: Readonly<Record<WorkName, number>> = {
  "readme-conv": 340,
  "tutorial-c8": 2_067_434,
  "conventional": 37_498_762,
  "wrn": 2_672_083 + 172,
  "se3": 228_796,
  "octa": 1826,
  "point": 7696,
  "dense-conv": 102_464,
};

/** Batches on which a pass takes little time. */
const SMALL: Partial<Readonly<Record<WorkName, readonly number[]>>> = {
  "readme-conv": [2, 3, 9, 9],
  "tutorial-c8": [2, 1, 29, 29],
  "wrn": [1, 3, 16, 16],
  "se3": [1, 1, 33, 33, 33],
  "octa": [1, 48, 7, 7, 7],
};

for (const [name, shape] of Object.entries(SMALL) as [WorkName, readonly number[]][]) {
  test(`${name}: the exported network gives the same numbers to 1e-4`, async () => {
    await useBackend("cpu");
    seed(0);
    using _ = scope();
    const network = WORKS[name].create().eval(), input = randn(shape);
    noGrad(() => {
      const expected = network.forward(input), actual = exported(network).forward(input);
      assertEquals(actual.shape, expected.shape);
      const error = Number(actual.sub(expected).abs().max().dataSync()[0]);
      const scale = Number(expected.abs().max().dataSync()[0]);
      assert(error <= 1e-4 * scale, `${error} of ${scale}`);
    });
  });
}

test("every work has the number of parameters of its counterpart in PyTorch", async () => {
  await useBackend("cpu");
  for (const [name, work] of Object.entries(WORKS)) {
    using _ = scope();
    const network = work.create();
    assertEquals([name, network.parameterCount()], [name, PARAMETERS[name as WorkName]]);
    for (const tensor of [...network.parameters(), ...network.buffers()]) tensor.dispose();
  }
});

test("Training lowers the loss of octa in steps of Adam", async () => {
  await useBackend("cpu");
  seed(0);
  const { octa } = WORKS, training = new Training({ ...octa, inputShape: [1, 48, 5, 5, 5] });
  const losses: number[] = [];
  for (let step = 0; step < 5; step++) losses.push(await training.step());
  assert(losses[4] < losses[0], String(losses));
});

test("nearestEdges: each point hears of its nearest others, itself excluded", () => {
  const positions = cloud(), edges = nearestEdges(positions);
  assertEquals(edges.length, 2 * POINTS * NEIGHBOURS);
  const distance = (a: number, b: number) =>
    Math.hypot(...[0, 1, 2].map((axis) => positions[3 * a + axis] - positions[3 * b + axis]));
  for (const target of [0, 777, POINTS - 1]) {
    const sources = [...edges.slice(target * NEIGHBOURS, (target + 1) * NEIGHBOURS)];
    assert(sources.every((source) => source !== target) && new Set(sources).size === NEIGHBOURS);
    const farthest = Math.max(...sources.map((source) => distance(source, target)));
    const within = Array.from({ length: POINTS }, (_, i) => i).filter((i) =>
      i !== target && distance(i, target) <= farthest
    );
    assertEquals(within.length, NEIGHBOURS);
  }
});
