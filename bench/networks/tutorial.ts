/**
 * The network of escnn's tutorial on rotated MNIST (Weiler & Cesa 2019): six steerable convolutions between regular fields of C_8, and the
 * conventional network of the same channel counts.
 */

import {
  type EquivariantModule,
  FieldType,
  GeometricTensor,
  GroupPooling,
  gspaces,
  InnerBatchNorm,
  MaskModule,
  plain,
  PointwiseAvgPoolAntialiased2D,
  R2Conv,
  ReLU,
  SequentialModule,
  type Tensor,
} from "@escnn/escnn";
import { BodyAndHead, PlainNetwork } from "./network.ts";

/** Rows and columns of the input: 28² padded at right and bottom. */
const SIZE = 29;
const ORIENTATIONS = 8;
const SIGMA = 0.66;

/** Fields out, kernel size, padding, and the antialiased pooling behind the block. */
const BLOCKS: readonly {
  readonly fields: number;
  readonly kernelSize: number;
  readonly padding: number;
  readonly pool?: { readonly stride: number; readonly padding?: number };
}[] = [
  { fields: 24, kernelSize: 7, padding: 1 },
  { fields: 48, kernelSize: 5, padding: 2, pool: { stride: 2 } },
  { fields: 48, kernelSize: 5, padding: 2 },
  { fields: 96, kernelSize: 5, padding: 2, pool: { stride: 2 } },
  { fields: 96, kernelSize: 5, padding: 2 },
  { fields: 64, kernelSize: 5, padding: 1, pool: { stride: 1, padding: 0 } },
];

/** From invariants to logits. */
function head(channels: number): plain.Layer {
  return new plain.Sequential(
    new plain.Flatten(),
    new plain.Linear(channels, 64),
    new plain.BatchNorm1d(64),
    new plain.ELU(),
    new plain.Linear(64, 10),
  );
}

/** The steerable network: `[batch, 1, 29, 29]` → logits `[batch, 10]`. */
export function tutorialC8(): BodyAndHead {
  const space = gspaces.rot2dOnR2(ORIENTATIONS), image = new FieldType(space, space.trivialRepr);
  const modules: EquivariantModule<"pointwise">[] = [new MaskModule(image, SIZE, { margin: 1 })];
  let type = image;
  for (const { fields, kernelSize, padding, pool } of BLOCKS) {
    const outType = new FieldType(space, space.regularRepr, fields);
    modules.push(
      new R2Conv(type, outType, kernelSize, { padding, bias: false }),
      new InnerBatchNorm(outType),
      new ReLU(outType),
    );
    if (pool !== undefined) {
      const { stride, padding } = pool;
      modules.push(new PointwiseAvgPoolAntialiased2D(outType, SIGMA, stride, padding === undefined ? {} : { padding }));
    }
    type = outType;
  }
  const pooling = new GroupPooling(type);
  return new BodyAndHead(new SequentialModule(...modules, pooling), head(pooling.outType.size));
}

/** The fixed Gaussian blur with a stride, of every channel. */
class Blur extends plain.Layer {
  readonly #pool: PointwiseAvgPoolAntialiased2D<"pointwise">;

  constructor(channels: number, stride: number, padding: number | undefined) {
    super();
    const space = gspaces.trivialOnR2(), type = new FieldType(space, space.trivialRepr, channels);
    this.#pool = new PointwiseAvgPoolAntialiased2D(type, SIGMA, stride, padding === undefined ? {} : { padding });
  }

  override forward(input: Tensor): Tensor {
    return this.#pool.forward(new GeometricTensor(input, this.#pool.inType)).tensor;
  }
}

/** The conventional network with as many channels, and a maximum over groups of eight of them: `[batch, 1, 29, 29]` → logits `[batch, 10]`. */
export function conventional(): PlainNetwork {
  const layers: plain.Layer[] = [];
  let channels = 1;
  for (const { fields, kernelSize, padding, pool } of BLOCKS) {
    const outChannels = fields * ORIENTATIONS;
    layers.push(
      new plain.Conv2d(channels, outChannels, kernelSize, { padding, bias: false }),
      new plain.BatchNorm2d(outChannels),
      new plain.ReLU(),
    );
    if (pool !== undefined) layers.push(new Blur(outChannels, pool.stride, pool.padding));
    channels = outChannels;
  }
  return new PlainNetwork(
    new plain.Sequential(...layers, new plain.MaxPoolChannels(ORIENTATIONS), head(channels / ORIENTATIONS)),
  );
}
