/**
 * Training with augmentation, batches prepared by the main thread and by a worker: milliseconds that the loop waits for a batch, that a
 * whole step takes on the clock, and of the processor. The ways run in turn, some steps of each in every round; the table gives the least
 * and the median over the rounds. `LOADING_ROUNDS` and `LOADING_STEPS` choose others.
 */

import process from "node:process";
import {
  Adam,
  BatchLoader,
  type BatchOptions,
  crossEntropy,
  type ImageDataset,
  scope,
  seed,
  tensor,
  useBackend,
} from "@escnn/escnn";
import { ConventionalNetwork, type DigitNetwork, EquivariantNetwork, INPUT_SIZE } from "../examples/demo/networks.ts";

const ROUNDS = Number(process.env.LOADING_ROUNDS ?? 5);
const STEPS = Number(process.env.LOADING_STEPS ?? 8);
const BATCH = 64;

/** What a loop does with a batch. */
type Step = (images: Float32Array, labels: Int32Array) => Promise<void>;

/** One way to prepare batches, and what its steps took. */
interface Way {
  readonly name: string;
  readonly loader: BatchLoader;
  readonly wait: number[];
  readonly clock: number[];
  readonly processor: number[];
}

/** Random images, as many as a round needs. */
function randomImages(size: number): ImageDataset {
  const length = BATCH * (STEPS + 1);
  const pixels = Uint8Array.from({ length: length * size * size }, (_, i) => (Math.imul(i, 2654435761) >>> 24) & 255);
  return { length, height: size, width: size, pixels, labels: Uint8Array.from({ length }, (_, i) => i % 10) };
}

const WAYS: readonly (readonly [string, BatchOptions])[] = [
  ["main thread", {}],
  ["main thread, memory used again", { reuse: true }],
  ["1 worker", { workers: 1 }],
  ["1 worker, memory used again", { workers: 1, reuse: true }],
];

function waysOf(dataset: ImageDataset): Way[] {
  const common: BatchOptions = {
    batchSize: BATCH,
    shuffle: true,
    rotation: [0, 2 * Math.PI],
    translation: [-2, 2],
    normalize: { mean: 0.13, deviation: 0.31 },
  };
  return WAYS.map(([name, options]) => {
    const loader = new BatchLoader(dataset, { ...common, ...options });
    return { name, loader, wait: [], clock: [], processor: [] };
  });
}

/** Runs an epoch of one way; the first step, in which workers start and batches pile up, does not count. */
async function round(way: Way, epoch: number, step: Step) {
  const batches = way.loader.epoch(epoch);
  let [begin, used, wait] = [0, process.cpuUsage(), 0];
  for (let i = 0; i <= STEPS; i++) {
    const asked = performance.now();
    const { value } = await batches.next();
    const got = performance.now();
    if (value === undefined) throw new Error(`the epoch ended at step ${i}`);
    if (i > 0) wait += got - asked;
    await step(value.images, value.labels);
    if (i === 0) [begin, used] = [performance.now(), process.cpuUsage()];
  }
  way.clock.push((performance.now() - begin) / STEPS);
  const { user, system } = process.cpuUsage(used);
  way.processor.push((user + system) / 1000 / STEPS);
  way.wait.push(wait / STEPS);
  await batches.next();
}

const leastAndMedian = (list: readonly number[]): string => {
  const sorted = [...list].sort((a, b) => a - b);
  const [least, median] = [sorted[0], sorted[sorted.length >> 1]];
  return `${least.toFixed(2).padStart(9)} ${median.toFixed(2).padStart(9)}`;
};

async function compare(name: string, size: number, step: Step) {
  const ways = waysOf(randomImages(size));
  for (let i = 0; i <= ROUNDS; i++) {
    for (const way of ways) await round(way, i, step);
    // The first round warms up.
    if (i === 0) { for (const way of ways) way.wait.length = way.clock.length = way.processor.length = 0; }
  }
  console.log(`${name}: milliseconds a step, least and median of ${ROUNDS} rounds of ${STEPS}`);
  console.log(`  ${"".padEnd(32)} ${"wait".padStart(19)} ${"clock".padStart(19)} ${"processor".padStart(19)}`);
  for (const way of ways) {
    const columns = [way.wait, way.clock, way.processor].map(leastAndMedian).join(" ");
    console.log(`  ${way.name.padEnd(32)} ${columns}`);
    await way.loader.dispose();
  }
}

/** A training step of a network. */
function trainingStep(
  network: DigitNetwork,
  size: number,
): (images: Float32Array, labels: Int32Array) => Promise<void> {
  const optimizer = new Adam(network.parameters());
  return async (images, labels) => {
    using _ = scope();
    const loss = crossEntropy(network.forward(tensor(images, [labels.length, 1, size, size])), tensor(labels));
    optimizer.zeroGrad();
    loss.backward();
    optimizer.step();
    await loss.item();
  };
}

/** Registers a comparison that runs once, however often it is called: its own rounds are the repeats. */
function register(name: string, size: number, prepare: () => Promise<Step>): void {
  let done = false;
  Deno.bench({ name: `loading: ${name}`, n: 1, warmup: 0 }, async (timer) => {
    timer.start();
    if (!done) await compare(name, size, await prepare());
    timer.end();
    done = true;
  });
}

for (const threads of [2, 1]) {
  for (const Network of [EquivariantNetwork, ConventionalNetwork]) {
    const name = `${Network.name}, ${INPUT_SIZE}×${INPUT_SIZE}, batch ${BATCH}, ${threads} threads compute`;
    register(name, INPUT_SIZE, async () => {
      await useBackend("cpu", { threads });
      seed(0);
      return trainingStep(new Network(), INPUT_SIZE);
    });
  }
}

// The main thread is idle in its step, as it is while a GPU computes.
register(`a step that waits 10 ms for a device, 96×96, batch ${BATCH}`, 96, () => {
  return Promise.resolve(() => new Promise((resolve) => setTimeout(resolve, 10)));
});

// No computation, so that the loop waits for every batch: what a batch costs.
register(`nothing but batches, 96×96, batch ${BATCH}`, 96, () => Promise.resolve(() => Promise.resolve()));
