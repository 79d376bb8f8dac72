/**
 * Training with checkpoints: a run that was interrupted goes on where its last checkpoint was written, with the batches that it would have
 * seen anyway.
 */

import {
  Adam,
  applySchedule,
  BatchLoader,
  crossEntropy,
  guardedStep,
  type ImageDataset,
  loadCheckpoint,
  oneCycleSchedule,
  runtime,
  saveCheckpoint,
  scope,
  tensor,
} from "@escnn/escnn";
import { type DigitNetwork, INPUT_SIZE } from "./networks.ts";
import type { Settings } from "./settings.ts";

const BATCH_SIZE = 64;
const LEARNING_RATE = 1e-2;
/** Share of the target spread over all classes, so that logits stay small and what interpolation changes does not decide. */
const LABEL_SMOOTHING = 0.1;
/** Pixels by which an image may be moved, still upright: resampled as softly as the rotated test images are. */
const TRANSLATION = [-0.5, 0.5] as const;
const STEPS_BETWEEN_CHECKPOINTS = 50;

/** Grey values of MNIST: mean and standard deviation. */
export const NORMALIZATION = { mean: 0.1307, deviation: 0.3081 } as const;

/** What a training run leaves. */
export interface TrainingRecord {
  /** The loss of every step. */
  readonly losses: number[];
  /** Seconds of training, over all parts of an interrupted run. */
  readonly seconds: number;
  /** Step from which an earlier run was continued; 0 for a new one. */
  readonly resumedAt: number;
}

/** Options of {@linkcode train}. */
export interface TrainingOptions {
  /** File of the checkpoint: read if it is there, written every 50 steps. */
  readonly checkpoint: string;
  /** Called after every step. */
  readonly onStep?: (step: number, total: number, loss: number) => void;
}

/** Trains a network on upright images with Adam under a one-cycle schedule. */
export async function train(
  network: DigitNetwork,
  dataset: ImageDataset,
  settings: Settings,
  options: TrainingOptions,
): Promise<TrainingRecord> {
  const loader = new BatchLoader(dataset, {
    batchSize: BATCH_SIZE,
    shuffle: true,
    seed: settings.seed,
    limit: settings.train,
    padTo: [INPUT_SIZE, INPUT_SIZE],
    normalize: NORMALIZATION,
    translation: TRANSLATION,
  });
  const total = loader.length * settings.epochs;
  const optimizer = new Adam(network.parameters(), { learningRate: LEARNING_RATE });
  const schedule = oneCycleSchedule(LEARNING_RATE, total);
  // A checkpoint of another task must not be continued.
  const task = JSON.stringify({ ...settings, out: "", backend: "", test: 0, title: network.title });
  const losses: number[] = [];
  let seconds = 0;
  if (await runtime.exists(options.checkpoint)) {
    const values = await loadCheckpoint(options.checkpoint, {
      model: network,
      optimizer,
      accept: (saved) => saved.task === task,
    });
    if (values !== undefined) {
      losses.push(...values.losses as number[]);
      seconds = values.seconds as number;
    }
  }
  const resumedAt = losses.length;
  const save = (): Promise<void> =>
    saveCheckpoint(options.checkpoint, { model: network, optimizer }, { task, losses: [...losses], seconds });

  network.train();
  for (let epoch = Math.floor(losses.length / loader.length); epoch < settings.epochs; epoch++) {
    let start = performance.now();
    for await (const batch of loader.epoch(epoch, losses.length % loader.length)) {
      using _ = scope();
      const images = tensor(batch.images, batch.shape);
      const labels = tensor(batch.labels);
      optimizer.zeroGrad();
      const loss = crossEntropy(network.forward(images), labels, { labelSmoothing: LABEL_SMOOTHING });
      loss.backward();
      applySchedule(optimizer, schedule);
      losses.push(await guardedStep(optimizer, loss));
      seconds += (performance.now() - start) / 1000;
      options.onStep?.(losses.length, total, losses[losses.length - 1]);
      if (losses.length % STEPS_BETWEEN_CHECKPOINTS === 0 || losses.length === total) await save();
      start = performance.now();
    }
  }
  optimizer.dispose();
  network.eval();
  return { losses, seconds, resumedAt };
}
