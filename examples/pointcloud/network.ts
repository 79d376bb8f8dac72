/**
 * A classifier of point clouds that does not see rotations and shifts: steerable convolutions on points with gates, the mean of invariant
 * fields over the points of a shape, and a plain layer.
 */

import {
  FieldType,
  GatedNonLinearity1,
  GeometricTensor,
  gspaces,
  Module,
  ones,
  plain,
  poolGraphs,
  R3PointConv,
  type Tensor,
} from "@escnn/escnn";

const space = gspaces.rot3dOnR3();
const KERNEL = { width: 3, ringCount: 4, maximumFrequency: 2, sigma: 0.7 } as const;

/** `count` scalars, vectors and tensors of second order, with a gate for each vector and tensor. */
function gatedType(count: number): { readonly gated: FieldType; readonly gates: readonly ("gate" | "gated")[] } {
  const gates = new FieldType(space, space.irrep(0), 3 * count),
    features = [0, 1, 2].map((l) => new FieldType(space, space.irrep(l), count));
  const gated = features.reduce<FieldType>((sum, type) => sum.concat(type), gates);
  return {
    gated,
    gates: gated.representations.map((_, field) => field < gates.length ? "gate" : "gated"),
  };
}

/** The network: `[points, 1]` at positions → logits `[shapes, classes]`. */
export class PointClassifier extends Module {
  /** The type of inputs: one scalar at each point. */
  readonly inType = new FieldType(space, space.trivialRepr);
  readonly #invariants = new FieldType(space, space.trivialRepr, 32);
  readonly #convolutions: readonly R3PointConv[];
  readonly #gates: readonly GatedNonLinearity1[];
  readonly #last: R3PointConv;
  readonly #head: plain.Sequential;

  /** A classifier of shapes into this many classes. */
  constructor(classes: number, channels = 6) {
    super();
    const { gated, gates } = gatedType(channels);
    const nonLinearities = [0, 1].map((i) => this.addModule(`gate${i}`, new GatedNonLinearity1(gated, { gates })));
    const [{ outType }] = nonLinearities;
    this.#gates = nonLinearities;
    this.#convolutions = [this.inType, outType].map((type, i) =>
      this.addModule(`convolution${i}`, new R3PointConv(type, gated, KERNEL))
    );
    this.#last = this.addModule("convolution2", new R3PointConv(outType, this.#invariants, KERNEL));
    this.#head = this.addModule(
      "head",
      new plain.Sequential(new plain.Linear(32, 32), new plain.ELU(), new plain.Linear(32, classes)),
    );
  }

  /** The logits of shapes: each point belongs to one of them. */
  forward(positions: Tensor, graph: plain.PointGraph, shapes: Int32Array): Tensor {
    let x = new GeometricTensor(ones([positions.shape[0], 1], { backend: positions.backend }), this.inType, positions);
    this.#convolutions.forEach((convolution, i) => x = this.#gates[i].forward(convolution.forward(x, graph)));
    return this.#head.forward(poolGraphs(this.#last.forward(x, graph), shapes).tensor);
  }
}
