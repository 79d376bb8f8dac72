// Other modules as one map from feature maps to feature maps, so that one contract holds for them.

import * as nn from "../../../src/nn/mod.ts";
import { Layer } from "../../../src/nn/plain/mod.ts";
import type { Tensor } from "../../../src/tensor/mod.ts";

/** Modules as one map between two types. */
export class Inside extends nn.EquivariantModule {
  readonly inType: nn.FieldType;
  readonly outType: nn.FieldType;
  readonly #forward: (x: nn.GeometricTensor) => nn.GeometricTensor;
  readonly #export: () => (x: Tensor) => Tensor;

  constructor(
    module: nn.Module,
    inType: nn.FieldType,
    outType: nn.FieldType,
    forward: (x: nn.GeometricTensor) => nn.GeometricTensor,
    makeExport: () => (x: Tensor) => Tensor,
  ) {
    super();
    this.addModule("module", module);
    this.inType = inType;
    this.outType = outType;
    this.#forward = forward;
    this.#export = makeExport;
  }

  override forward(input: nn.GeometricTensor): nn.GeometricTensor {
    this.checkInput(input);
    return this.#forward(input);
  }

  override export(): Layer {
    const run = this.#export();
    return new (class extends Layer {
      override forward(input: Tensor): Tensor {
        return run(input);
      }
    })();
  }
}

/** The channels of a tensor cut at a position. */
export const cut = (x: Tensor, at: number): [Tensor, Tensor] => [x.slice(1, 0, at), x.slice(1, at, x.shape[1])];
