/**
 * The benchmarks' works by name: a network, the shape of its inputs, its loss and its optimizer. What they are layer by layer stands in
 * `bench/peers/README.md`, and `bench/peers/*.py` builds the same in PyTorch.
 */

import {
  Adam,
  type AdamOptions,
  crossEntropy,
  type Optimizer,
  type plain,
  randint,
  randn,
  scope,
  type Tensor,
} from "@escnn/escnn";
import { SE3Network } from "../../examples/se3-cnn/network.ts";
import { WideResNet } from "../../examples/e2wrn/network.ts";
import { denseConv, octa, PointNetwork, POINTS, readmeConv } from "./layers.ts";
import { BodyAndHead, type Network } from "./network.ts";
import { conventional, tutorialC8 } from "./tutorial.ts";

/** The names of the works. */
export type WorkName =
  | "readme-conv"
  | "tutorial-c8"
  | "conventional"
  | "wrn"
  | "se3"
  | "octa"
  | "point"
  | "dense-conv";

/** A network with what it is trained on. */
export interface Work {
  /** What it is, for people. */
  readonly title: string;
  /** Shape of the inputs, standard normal numbers. */
  readonly inputShape: readonly number[];
  /** `classes`: cross-entropy with random labels of ten classes; `square`: the mean square of the output. */
  readonly loss: "classes" | "square";
  /** The optimizer's options. */
  readonly adam: AdamOptions;
  /** Makes the network with its initial weights. */
  readonly create: () => Network;
}

/** All works. */
export const WORKS: Readonly<Record<WorkName, Work>> = {
  "readme-conv": {
    title: "R2Conv 5×5, RGB → 10 regular fields of C8, ReLU",
    inputShape: [16, 3, 32, 32],
    loss: "square",
    adam: {},
    create: readmeConv,
  },
  "tutorial-c8": {
    title: "escnn's C8 network for rotated MNIST",
    inputShape: [64, 1, 29, 29],
    loss: "classes",
    adam: { learningRate: 5e-5, weightDecay: 1e-5 },
    create: tutorialC8,
  },
  "conventional": {
    title: "conventional CNN with the channels of tutorial-c8",
    inputShape: [64, 1, 29, 29],
    loss: "classes",
    adam: { learningRate: 5e-5, weightDecay: 1e-5 },
    create: conventional,
  },
  "wrn": {
    title: "wide residual network 10-4 of D4, D2, D1",
    inputShape: [4, 3, 96, 96],
    loss: "classes",
    adam: {},
    create: () => withHead(new WideResNet()),
  },
  "se3": {
    title: "SE(3) network on voxels",
    inputShape: [2, 1, 33, 33, 33],
    loss: "classes",
    adam: {},
    create: () => withHead(new SE3Network()),
  },
  "octa": {
    title: "R3Conv 5×5×5, 2 → 2 regular fields of the octahedral group",
    inputShape: [2, 48, 17, 17, 17],
    loss: "square",
    adam: {},
    create: octa,
  },
  "point": {
    title: "R3PointConv, SO(3), 16 copies of irreps 0-2 → the same, 16 neighbours",
    inputShape: [POINTS, 144],
    loss: "square",
    adam: {},
    create: () => new PointNetwork(),
  },
  "dense-conv": {
    title: "conventional convolution 64 → 64, 5×5",
    inputShape: [64, 64, 29, 29],
    loss: "square",
    adam: {},
    create: denseConv,
  },
};

/** An example's network, whose parts have the same names, as one that can be exported. */
function withHead({ body, head }: WideResNet | SE3Network): BodyAndHead {
  return new BodyAndHead(body, head);
}

/** The largest number of classes. */
const CLASSES = 10;

/** A network in training on one random batch. */
export class Training {
  /** The network. */
  readonly network: Network;
  /** The batch. */
  readonly inputs: Tensor;
  readonly #labels: Tensor | undefined;
  readonly #optimizer: Optimizer;

  /** Makes the batch and the optimizer. */
  constructor(work: Work, network: Network = work.create()) {
    this.network = network;
    this.inputs = randn(work.inputShape);
    this.#labels = work.loss === "classes" ? randint(0, CLASSES, [work.inputShape[0]]) : undefined;
    this.#optimizer = new Adam(network.parameters(), work.adam);
  }

  /** The result in train mode, recorded for a backward pass; it is gone at the end of the surrounding scope. */
  forward(): Tensor {
    return this.network.forward(this.inputs);
  }

  /** Forward, loss, backward, Adam. Gives the loss, in the surrounding scope. */
  update(): Tensor {
    this.#optimizer.zeroGrad();
    const output = this.forward();
    const loss = this.#labels === undefined ? output.square().mean() : crossEntropy(output, this.#labels);
    loss.backward();
    this.#optimizer.step();
    return loss;
  }

  /** The same in a scope of its own, with the loss read. */
  async step(): Promise<number> {
    using _ = scope();
    return await this.update().item();
  }
}

/** The network of a work as plain layers in eval mode. */
export function exported(network: Network): plain.Layer {
  network.eval();
  const layer = network.export();
  layer.eval();
  return layer;
}
