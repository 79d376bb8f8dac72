/**
 * A training step of the demo's networks: forward, backward and Adam on a batch of 64 images of 29 × 29. The steerable network is what
 * the demo's minutes go into; the conventional one of as many parameters is mostly overhead around small convolutions.
 */

import { Adam, crossEntropy, randint, randn, scope, seed, useBackend } from "@escnn/escnn";
import { ConventionalNetwork, type DigitNetwork, EquivariantNetwork, INPUT_SIZE } from "../examples/demo/networks.ts";
import { peaks, peaksText } from "./peaks.ts";

const BATCH = 64;
const ROUNDS = 5;

console.log(peaksText(await peaks()));

for (const openblas of ["auto", "off"]) {
  const group = openblas === "auto" ? "training step, OpenBLAS if present" : "training step, WebAssembly";
  for (const Network of [EquivariantNetwork, ConventionalNetwork]) {
    let step: (() => Promise<void>) | undefined;
    const name = `${group}: ${Network.name}, batch ${BATCH}`;
    Deno.bench({ name, group, warmup: 2, n: ROUNDS }, async (timer) => {
      step ??= await prepare(Network, openblas);
      timer.start();
      await step();
      timer.end();
    });
  }
}

/** A function that takes one step on fixed random images, on a backend of its own. */
async function prepare(Network: new () => DigitNetwork, openblas: string): Promise<() => Promise<void>> {
  await useBackend("cpu", { openblas });
  seed(0);
  const network = new Network();
  const images = randn([BATCH, 1, INPUT_SIZE, INPUT_SIZE]);
  const labels = randint(0, 10, [BATCH]);
  const optimizer = new Adam(network.parameters());
  const step = async (): Promise<void> => {
    using _ = scope();
    const loss = crossEntropy(network.forward(images), labels);
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    await loss.item();
  };
  await step();
  return step;
}
