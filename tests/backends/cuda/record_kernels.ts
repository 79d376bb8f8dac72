// Run by real_libraries_test.ts in a process of its own, with ESCNN_EMULATOR_RECORD naming a folder: work on the emulator of which every
// kernel's source is kept there. Arguments: how many random cases of the backend suite, and "all" for the oracle's modules as well.

import { Emulator, overrideEnvironment } from "../../../backends/cuda/emulator/control.ts";
import { createBackend } from "../../../backends/cuda/mod.ts";
import { createBackend as createReference } from "../../../backends/reference/mod.ts";
import { EquivariantNetwork, INPUT_SIZE } from "../../../examples/demo/networks.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { Adam, bernoulli, crossEntropy, rand, recordStep, scope, type Tensor, tensor, useBackend } from "@escnn/escnn";
import { runCases, shareOf, SUITE_PRIMITIVES } from "../../backend_suite.ts";
import { FIXTURE_FILES, readCases, runCases as runFixtures } from "../../conformance/run.ts";

const [cases, extent] = runtime.args;
await Emulator.start();
const [tested, oracle] = [await createBackend(), await createReference({})];
for (const primitive of SUITE_PRIMITIVES) {
  const numbers = Array.from({ length: shareOf(primitive, Number(cases)) }, (_, i) => i);
  await runCases(primitive, numbers, 11, tested, oracle);
}
tested.dispose();
await useBackend("cuda");
const network = new EquivariantNetwork();
const optimizer = new Adam(network.parameters());
for (let step = 0; step < 2; step++) {
  using _ = scope();
  const images = tensor(new Float32Array(2 * INPUT_SIZE * INPUT_SIZE).fill(0.5), [2, 1, INPUT_SIZE, INPUT_SIZE]);
  optimizer.zeroGrad();
  crossEntropy(network.forward(images), tensor(Int32Array.of(3, 4))).backward();
  optimizer.step();
}
// Kernels whose scalars are in memory: of an optimizer, of random numbers in maps and in reductions.
using recorded = await recordStep((images: Tensor) => {
  optimizer.zeroGrad();
  const kept = images.mul(bernoulli(0.5, images.shape)), noise = rand([2, 10]);
  const loss = network.forward(kept).add(noise).square().mean();
  loss.backward();
  optimizer.step();
  return loss;
});
for (let step = 0; step < 3; step++) {
  using _ = scope();
  recorded.run(rand([2, 1, INPUT_SIZE, INPUT_SIZE]));
}
if (extent === "all") {
  overrideEnvironment({ ESCNN_CONFORMANCE_BACKEND: "cuda" });
  const folder = decodeURIComponent(new URL("../../fixtures/", import.meta.url).pathname);
  for (const file of ["layers", "modules", "networks"]) {
    const { failures } = await runFixtures(
      await readCases(await runtime.readFile(`${folder}${file}.json.gz`)),
      FIXTURE_FILES[file],
    );
    if (failures.length > 0) throw new Error(failures.join("\n"));
  }
}
