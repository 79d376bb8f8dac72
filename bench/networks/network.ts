/**
 * What the benchmarks' networks share: maps from tensor to tensor, an equivariant body and a plain head, that export to plain layers.
 */

import { type EquivariantModule, GeometricTensor, Module, plain, type Tensor } from "@escnn/escnn";

/** A network `[batch, channels, …spatial]` → a tensor. */
export abstract class Network extends Module {
  /** The result. */
  abstract forward(input: Tensor): Tensor;

  /** The same numbers by plain layers, in eval mode. */
  abstract export(): plain.Layer;
}

/** An equivariant body and a plain head behind it. */
export class BodyAndHead extends Network {
  /** The equivariant part. */
  readonly body: EquivariantModule;
  /** The plain part, if there is one. */
  readonly head: plain.Layer | undefined;

  /** A network of these parts. */
  constructor(body: EquivariantModule, head?: plain.Layer) {
    super();
    this.body = this.addModule("body", body);
    if (head !== undefined) this.head = this.addModule("head", head);
  }

  override forward(input: Tensor): Tensor {
    const features = this.body.forward(new GeometricTensor(input, this.body.inType)).tensor;
    return this.head === undefined ? features : this.head.forward(features);
  }

  override export(): plain.Layer {
    const body = this.body.export();
    return this.head === undefined ? body : new plain.Sequential(body, this.head);
  }
}

/** A network of plain layers. */
export class PlainNetwork extends Network {
  /** The layers. */
  readonly layers: plain.Layer;

  /** A network of these layers. */
  constructor(layers: plain.Layer) {
    super();
    this.layers = this.addModule("layers", layers);
  }

  override forward(input: Tensor): Tensor {
    return this.layers.forward(input);
  }

  override export(): plain.Layer {
    return this.layers;
  }
}
