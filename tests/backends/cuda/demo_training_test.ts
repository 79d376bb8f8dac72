// The demo's own training function on the cuda backend: recorded steps are those that are not recorded, to the bit, an interrupted run goes on
// from its checkpoint, and a loss that is not finite ends it with the parameters of the last good step, however late it is read.

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  disposeBackend,
  type ImageDataset,
  memory,
  NonFiniteLossError,
  seed,
  type Tensor,
  useBackend,
} from "@escnn/escnn";
import * as plain from "@escnn/escnn/plain";
import { ConventionalNetwork, DigitNetwork, EquivariantNetwork } from "../../../examples/demo/networks.ts";
import { train, type TrainingOptions, type TrainingRecord } from "../../../examples/demo/training.ts";
import { assertClose } from "../../support/close.ts";
import { temporaryDirectory } from "../../support/files.ts";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { mode, name: device, missing, emulator } = await chooseDevice();
/** The steerable network takes the emulator four times as long. */
const networks = mode === "part" ? [ConventionalNetwork] : [ConventionalNetwork, EquivariantNetwork];

function deviceTest(name: string, run: (folder: string) => Promise<void>): void {
  test.runIf(missing === undefined, `${device}: ${name}`, missing ?? "", async () => {
    emulator?.reset();
    await using folder = await temporaryDirectory();
    await run(folder.path);
    disposeBackend("cuda");
    await useBackend("reference");
    emulator?.reset();
    assertEquals(emulator?.leaks() ?? {}, {}, "left behind");
  });
}

/** Images of bars, and one that is white all over. */
function bars(length: number, white = -1): ImageDataset {
  const pixels = new Uint8Array(length * 784), labels = new Uint8Array(length);
  for (let i = 0; i < length; i++) {
    labels[i] = i % 10;
    if (i === white) pixels.fill(255, i * 784, (i + 1) * 784);
    for (let row = 0; row < labels[i] + 4; row++) pixels.fill(255, i * 784 + row * 28 + 12, i * 784 + row * 28 + 16);
  }
  return { length, height: 28, width: 28, pixels, labels };
}

/** A network that takes the logarithm of what is left of the mean grey value to that of a white image, which is none. */
class TinyNetwork extends DigitNetwork {
  override readonly title = "tiny";
  protected override readonly head = this.addModule("head", new plain.Sequential(new plain.Linear(1, 10)));

  override features(images: Tensor): Tensor {
    return images.mean([2, 3], true).neg().add(2).log();
  }
}

interface Trained {
  readonly record: TrainingRecord;
  readonly state: readonly (readonly number[])[];
  /** Tensors that there are more than before, without gradients: the constants of modules that have some. */
  readonly left: number;
}

async function stateOf(network: DigitNetwork): Promise<number[][]> {
  const state: number[][] = [];
  for (const tensor of [...network.parameters(), ...network.buffers()]) state.push([...await tensor.data()]);
  return state;
}

/** Trains on one batch in each epoch. */
async function trained(
  make: () => DigitNetwork,
  data: ImageDataset,
  epochs: number,
  options: TrainingOptions,
): Promise<Trained> {
  seed(7);
  const network = make(), before = memory().cuda.liveTensors;
  const settings = { data: "", train: data.length, test: 0, epochs, seed: 3, backend: "cuda", out: "" };
  const record = await train(network, data, settings, options);
  for (const parameter of network.parameters()) parameter.clearGrad();
  return { record, state: await stateOf(network), left: memory().cuda.liveTensors - before };
}

for (const network of networks) {
  deviceTest(
    `30 steps of the demo's training of ${network.name}, recorded and not, are the same to the bit`,
    async (folder) => {
      await useBackend("cuda");
      const run = async (recordings: number): Promise<Trained & { graphs: number; seen: number[] }> => {
        const seen: number[] = [], before = emulator?.calls("cuGraphLaunch") ?? 0;
        const result = await trained(() => new network(), bars(2), 30, {
          checkpoint: `${folder}/${recordings}`,
          recordings,
          onStep: (step, total, loss) => {
            assertEquals([step, total], [seen.length + 1, 30]);
            seen.push(loss);
          },
        });
        return { ...result, seen, graphs: (emulator?.calls("cuGraphLaunch") ?? 0) - before };
      };
      const expected = await run(0), recorded = await run(1);
      assertEquals(recorded.record.losses, expected.record.losses);
      assertEquals(recorded.seen, expected.seen);
      assert(new Set(expected.seen).size === 30, "the losses move");
      recorded.state.forEach((values, i) => assertEquals(values, expected.state[i], `state ${i}`));
      if (emulator !== undefined) assertEquals([expected.graphs, recorded.graphs], [0, 28]);
    },
  );
}

deviceTest("a recorded training that was interrupted goes on from its checkpoint to the same bits", async (folder) => {
  await useBackend("cuda");
  const run = (checkpoint: string, onStep?: TrainingOptions["onStep"]): Promise<Trained> =>
    trained(() => new TinyNetwork(), bars(6), 60, { checkpoint: `${folder}/${checkpoint}`, onStep });
  const whole = await run("whole");
  assert(whole.left <= 0, `${whole.left} tensors are left`);
  const interrupted = run("parts", (step) => {
    if (step === 55) throw new RangeError("interrupted");
  });
  await assertRejects(() => interrupted, RangeError, "interrupted");
  const resumed = await run("parts");
  assertEquals(resumed.record.resumedAt, 50);
  assertEquals(resumed.record.losses, whole.record.losses);
  assertEquals(resumed.state, whole.state);
});

deviceTest("a loss that is not finite ends the training with the parameters of the step before", async (folder) => {
  // Five batches in an epoch, of which one has the image that makes it so.
  const data = bars(320, 100);
  const run = async (backend: string): Promise<{ error: NonFiniteLossError; state: number[][]; seen: number[] }> => {
    await useBackend(backend);
    seed(7);
    const network = new TinyNetwork(), seen: number[] = [];
    const settings = { data: "", train: data.length, test: 0, epochs: 9, seed: 3, backend, out: "" };
    const error = await assertRejects(
      () =>
        train(network, data, settings, {
          checkpoint: `${folder}/${backend}`,
          onStep: (step, _, loss) => seen[step - 1] = loss,
        }),
      NonFiniteLossError,
    );
    return { error, state: await stateOf(network), seen };
  };
  const expected = await run("cpu"), found = await run("cuda");
  disposeBackend("cpu");
  assert(expected.error.step > 1 && expected.error.step <= 5, `step ${expected.error.step}`);
  assertEquals(expected.seen.length, expected.error.step - 1);
  assertEquals(found.error.step, expected.error.step);
  assertStringIncludes(found.error.message, `training step ${expected.error.step}`);
  assertClose(found.state.flat(), expected.state.flat(), { absolute: 1e-5 });
});
