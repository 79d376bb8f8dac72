/**
 * The demo's two networks, of about the same number of parameters and the same course: four convolutions with two antialiased poolings
 * between them, a maximum over orientations (equivariant) or channels (conventional), the spatial mean, and a small classifier.
 */

import {
  type EquivariantModule,
  FieldType,
  GeometricTensor,
  GroupPooling,
  gspaces,
  InnerBatchNorm,
  MaskModule,
  Module,
  PointwiseAvgPoolAntialiased2D,
  R2Conv,
  ReLU,
  SequentialModule,
  type Tensor,
} from "@escnn/escnn";
import * as plain from "@escnn/escnn/plain";

/** Rows and columns of the input: odd, so that the pixel grid stays symmetric under the poolings' stride 2. */
export const INPUT_SIZE = 29;
const CLASSES = 10;
const HIDDEN = 64;

/** A classifier of grey-value images `[batch, 1, 29, 29]` whose feature maps can be looked at. */
export abstract class DigitNetwork extends Module {
  /** What the demo calls it. */
  abstract readonly title: string;
  /** The last feature maps `[batch, channels, height, width]`, after the maximum over orientations or channels. */
  abstract features(images: Tensor): Tensor;
  /** From channels to logits. */
  protected abstract readonly head: plain.Sequential;

  /** Logits `[batch, 10]`. */
  forward(images: Tensor): Tensor {
    return this.head.forward(this.features(images).mean([2, 3]));
  }
}

function classifier(channels: number): plain.Sequential {
  return new plain.Sequential(
    new plain.Linear(channels, HIDDEN),
    new plain.BatchNorm1d(HIDDEN),
    new plain.ELU(),
    new plain.Linear(HIDDEN, CLASSES),
  );
}

/** Kernel sizes and regular fields of the four convolutions, and whether a pooling follows. */
const LAYERS = [
  { fields: 5, kernelSize: 7, pool: true },
  { fields: 8, kernelSize: 5, pool: false },
  { fields: 8, kernelSize: 5, pool: true },
  { fields: 12, kernelSize: 5, pool: false },
] as const;

/** A steerable CNN of regular fields of C_16: turning the image turns its feature maps, and leaves the logits as they are. */
export class EquivariantNetwork extends DigitNetwork {
  override readonly title = "steerable CNN (C16)";
  /** Grey values: a trivial field. */
  readonly inType: FieldType<"pointwise">;
  readonly #body: SequentialModule;
  protected override readonly head: plain.Sequential;

  constructor() {
    super();
    const space = gspaces.rot2dOnR2(16);
    this.inType = new FieldType(space, space.trivialRepr);
    const modules: EquivariantModule[] = [];
    modules.push(new MaskModule(this.inType, INPUT_SIZE, { margin: 1 }));
    let type = this.inType;
    for (const { fields, kernelSize, pool } of LAYERS) {
      const outType = new FieldType(space, space.regularRepr, fields);
      modules.push(new R2Conv(type, outType, kernelSize, { padding: (kernelSize - 1) / 2, bias: false }));
      modules.push(new InnerBatchNorm(outType), new ReLU(outType));
      if (pool) modules.push(new PointwiseAvgPoolAntialiased2D(outType, 0.9, 2));
      type = outType;
    }
    modules.push(new GroupPooling(type));
    this.#body = this.addModule("body", new SequentialModule(...modules));
    this.head = this.addModule("head", classifier(type.representations.length));
  }

  override features(images: Tensor): Tensor {
    return this.#body.forward(new GeometricTensor(images, this.inType)).tensor;
  }
}

/** A conventional CNN of the same course with about as many parameters. */
export class ConventionalNetwork extends DigitNetwork {
  override readonly title = "conventional CNN";
  readonly #body: plain.Sequential;
  protected override readonly head: plain.Sequential;

  constructor() {
    super();
    const channels = [12, 20, 24, 24];
    const layers: plain.Layer[] = [];
    let from = 1;
    LAYERS.forEach(({ kernelSize, pool }, i) => {
      layers.push(new plain.Conv2d(from, channels[i], kernelSize, { padding: (kernelSize - 1) / 2, bias: false }));
      layers.push(new plain.BatchNorm2d(channels[i]), new plain.ReLU());
      if (pool) layers.push(new plain.AvgPool2d(3, { stride: 2, padding: 1 }));
      from = channels[i];
    });
    this.#body = this.addModule("body", new plain.Sequential(...layers));
    this.head = this.addModule("head", classifier(from));
  }

  override features(images: Tensor): Tensor {
    return this.#body.forward(images);
  }
}
