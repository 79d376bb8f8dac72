/**
 * What the demo shows at its end: a table of both networks and its pictures.
 */

import { type ImageDataset, noGrad, rotateImage, runtime, scope, tensor } from "@escnn/escnn";
import { accuracy, firstBatch, rotateBatch } from "./evaluation.ts";
import { type DigitNetwork, INPUT_SIZE } from "./networks.ts";
import { lineChart, type Picture, type PictureRow, pictureTable, smoothed } from "./plots.ts";
import type { TrainingRecord } from "./training.ts";

/** The figures of one network, as the demo's last line gives them. */
export interface Figures {
  /** Trained numbers. */
  readonly parameters: number;
  /** Accuracy on upright test images, 0 to 1. */
  readonly upright: number;
  /** Accuracy on test images at random angles, 0 to 1. */
  readonly rotated: number;
  /** Relative change of the logits under quarter turns. */
  readonly equivarianceError: number;
  /** Seconds of training. */
  readonly seconds: number;
}

/** One network after training. */
export interface NetworkReport {
  /** The network, in eval mode. */
  readonly network: DigitNetwork;
  /** Its figures. */
  readonly figures: Figures;
  /** Its losses. */
  readonly record: TrainingRecord;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** The table of figures as text. */
export function table(reports: readonly NetworkReport[]): string {
  const rows = [
    ["", "parameters", "upright", "rotated", "lost", "equivariance error", "seconds"],
    ...reports.map(({ network, figures }) => [
      network.title,
      String(figures.parameters),
      percent(figures.upright),
      percent(figures.rotated),
      percent(figures.upright - figures.rotated),
      figures.equivarianceError.toExponential(1),
      figures.seconds.toFixed(1),
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row.map((text, column) => column === 0 ? text.padEnd(widths[0]) : text.padStart(widths[column])).join("   ")
  ).join("\n");
}

const ANGLE_STEP = 15;
const ANGLE_IMAGES = 200;

/** Accuracy at 0°, 15°, … 180°. */
async function accuracyByAngle(network: DigitNetwork, dataset: ImageDataset): Promise<[number, number][]> {
  const points: [number, number][] = [];
  for (let degrees = 0; degrees <= 180; degrees += ANGLE_STEP) {
    const angle = degrees * Math.PI / 180;
    points.push([
      degrees,
      await accuracy(network, dataset, { limit: ANGLE_IMAGES, rotation: [angle, angle], seed: 0 }),
    ]);
  }
  return points;
}

/**
 * Two rows for a network: the sum over channels of its last feature maps of an image turned by each angle, and the same turned back. An
 * equivariant network's maps turn with the image, so its second row does not change.
 */
async function featureMaps(
  network: DigitNetwork,
  images: readonly Float32Array[],
  degrees: readonly number[],
): Promise<PictureRow[]> {
  const maps: Picture[] = [];
  const back: Picture[] = [];
  for (const [i, image] of images.entries()) {
    using _ = scope();
    const map = noGrad(() => network.features(tensor(image, [1, 1, INPUT_SIZE, INPUT_SIZE])).sum([0, 1]));
    const [size, values] = [map.shape[0], await map.data()];
    const turned = new Float32Array(size * size);
    rotateImage(values, 0, turned, 0, size, size, -degrees[i] * Math.PI / 180);
    maps.push({ size, values });
    back.push({ size, values: turned });
  }
  return [{ name: network.title, pictures: maps }, { name: "turned back", pictures: back }];
}

/** Writes the pictures into a folder; returns their paths. */
export async function writePlots(
  reports: readonly NetworkReport[],
  dataset: ImageDataset,
  folder: string,
  onProgress: (share: number) => void,
): Promise<string[]> {
  const written: string[] = [];
  const write = async (name: string, svg: string): Promise<void> => {
    await runtime.writeFile(`${folder}/${name}`, new TextEncoder().encode(svg));
    written.push(`${folder}/${name}`);
    onProgress(written.length / 3);
  };
  await write(
    "training.svg",
    lineChart(
      reports.map(({ network, record }) => ({ name: network.title, points: smoothed(record.losses, 10) })),
      { title: "Training on upright digits", x: "step", y: "loss (mean of 10 steps)" },
    ),
  );
  const curves = [];
  for (const { network } of reports) {
    curves.push({ name: network.title, points: await accuracyByAngle(network, dataset) });
  }
  await write(
    "angles.svg",
    lineChart(curves, {
      title: "Accuracy on digits turned by one angle",
      x: "angle in degrees",
      y: "accuracy",
      range: [0, 1],
      interval: ANGLE_STEP,
    }),
  );
  const first = await firstBatch(dataset, 1);
  const degrees = [0, 30, 60, 90, 135, 180, 270];
  const images = degrees.map((angle) => rotateBatch(first, angle * Math.PI / 180));
  const rows: PictureRow[] = [{ name: "input", pictures: images.map((values) => ({ size: INPUT_SIZE, values })) }];
  for (const { network } of reports) rows.push(...await featureMaps(network, images, degrees));
  await write(
    "features.svg",
    pictureTable("Last feature maps of a turning digit", degrees.map((angle) => `${angle}°`), rows),
  );
  return written;
}
