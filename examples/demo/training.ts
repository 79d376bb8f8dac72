/**
 * Training with checkpoints: a run that was interrupted goes on where its last checkpoint was written, with the batches that it would have
 * seen anyway. Where the backend can, a step is recorded and repeated by one call, and the device works ahead while nobody looks at the losses.
 */

import {
  Adam,
  applySchedule,
  BatchLoader,
  crossEntropy,
  expr,
  type ImageDataset,
  keep,
  loadCheckpoint,
  mapInPlace,
  nonFiniteFlag,
  NonFiniteLossError,
  oneCycleSchedule,
  recordStep,
  runtime,
  saveCheckpoint,
  scope,
  type Tensor,
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
/** Between two looks at the losses of a device that works by itself: about as often as a progress bar is drawn. */
const MILLISECONDS_BETWEEN_READS = 100;

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
  /** Called for every step, in order, when its loss has been read. */
  readonly onStep?: (step: number, total: number, loss: number) => void;
  /** For how many sizes of batches the step is recorded where the backend can, see `recordStep`. Default 1. */
  readonly recordings?: number;
}

/** What a step leaves on the device. */
type Outcome = {
  readonly loss: Tensor;
  /** 1 where the loss or a gradient is not finite. */
  readonly flag: Tensor;
};

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

  // Raised by the first step that is not finite: no later one is applied, whenever the losses are read.
  using refused = tensor(Int32Array.of(0), []);
  using step = await recordStep((images: Tensor, labels: Tensor): Outcome => {
    optimizer.zeroGrad();
    const loss = crossEntropy(network.forward(images), labels, { labelSmoothing: LABEL_SMOOTHING });
    loss.backward();
    applySchedule(optimizer, schedule);
    const flag = nonFiniteFlag([loss, ...optimizer.parameters.flatMap(({ grad }) => grad === undefined ? [] : [grad])]);
    mapInPlace([refused], [flag], [], ([before], [now]) => [expr.maximum(before, now)]);
    optimizer.step({ unless: refused });
    return { loss, flag };
  }, { recordings: options.recordings });

  // Steps whose losses have not been read. A backend that computes before it returns has nothing to do meanwhile.
  const pending: Outcome[] = [];
  const worksAhead = refused.backend.record !== undefined;
  let lastRead = performance.now();
  const read = async (): Promise<void> => {
    for (const { loss, flag } of pending) {
      const [value, raised] = await Promise.all([loss.item(), flag.item()]);
      if (raised !== 0) throw new NonFiniteLossError(losses.length + 1, value);
      losses.push(value);
    }
    forget(pending);
    lastRead = performance.now();
  };

  network.train();
  try {
    let taken = losses.length;
    for (let epoch = Math.floor(taken / loader.length); epoch < settings.epochs; epoch++) {
      let start = performance.now();
      for await (const batch of loader.epoch(epoch, taken % loader.length)) {
        scope(() => {
          const { loss, flag } = step.run(tensor(batch.images, batch.shape), tensor(batch.labels));
          pending.push({ loss: keep(loss), flag: keep(flag) });
        });
        taken++;
        const saves = taken % STEPS_BETWEEN_CHECKPOINTS === 0 || taken === total;
        const known = losses.length;
        if (saves || !worksAhead || performance.now() - lastRead >= MILLISECONDS_BETWEEN_READS) await read();
        seconds += (performance.now() - start) / 1000;
        for (let i = known; i < losses.length; i++) options.onStep?.(i + 1, total, losses[i]);
        if (saves) await save();
        start = performance.now();
      }
    }
  } finally {
    forget(pending);
    optimizer.dispose();
  }
  network.eval();
  return { losses, seconds, resumedAt };
}

function forget(outcomes: Outcome[]): void {
  for (const { loss, flag } of outcomes.splice(0)) {
    loss.dispose();
    flag.dispose();
  }
}
