/**
 * The network of escnn's example se3_3Dcnn: features of SO(3) on voxels, residual blocks with Fourier non-linearities on the group, an
 * invariant map by functions on the sphere, and a plain head.
 */

import {
  directSum,
  EquivariantModule,
  FieldType,
  FourierELU,
  GeometricTensor,
  gspaces,
  IIDBatchNorm3d,
  type IrrepId,
  Module,
  plain,
  PointwiseAvgPoolAntialiased3D,
  QuotientFourierELU,
  R3Conv,
  type Representation,
  SequentialModule,
  type Tensor,
} from "@escnn/escnn";

const space = gspaces.rot3dOnR3();

/** The sum of 1, V, V ⊗ V, … up to the K-th power of the vectors V. */
function powers(highest: number): Representation {
  const vector = space.irrep(1), list: Representation[] = [space.irrep(0)];
  for (let k = 1; k <= highest; k++) list.push(k === 1 ? vector : list[k - 1].tensor(vector));
  return directSum(list);
}

const frequencies = (highest: number): IrrepId[] => Array.from({ length: highest + 1 }, (_, l) => [l]);

/** A residual block: convolution, normalization, functions on SO(3) through an ELU, a convolution of stride 2; beside it a blurred 1 × 1 × 1 one. */
class Block extends EquivariantModule {
  readonly inType: FieldType;
  readonly outType: FieldType;
  readonly #main: SequentialModule;
  readonly #shortcut: SequentialModule;

  constructor(inType: FieldType, channels: number, outType: FieldType) {
    super();
    this.inType = inType;
    this.outType = outType;
    const elu = new FourierELU(space, channels, frequencies(2), { grid: { type: "thomson_cube", N: 4 } });
    this.#main = this.addModule(
      "main",
      new SequentialModule(
        new R3Conv(inType, elu.inType, 3, { padding: 1, bias: false }),
        new IIDBatchNorm3d(elu.inType),
        elu,
        new R3Conv(elu.outType, outType, 3, { padding: 1, stride: 2, bias: false }),
      ),
    );
    this.#shortcut = this.addModule(
      "shortcut",
      new SequentialModule(
        new PointwiseAvgPoolAntialiased3D(inType, 0.33, 2, { padding: 1 }),
        new R3Conv(inType, outType, 1, { bias: false }),
      ),
    );
  }

  override forward(input: GeometricTensor): GeometricTensor {
    return this.#main.forward(input).add(this.#shortcut.forward(input));
  }

  override evaluateOutputShape(inputShape: readonly number[]): number[] {
    return this.#main.evaluateOutputShape(inputShape);
  }

  override export(): PlainBlock {
    return new PlainBlock(this.#main.export(), this.#shortcut.export());
  }
}

/** What a block exports to. */
class PlainBlock extends plain.Layer {
  readonly #main: plain.Layer;
  readonly #shortcut: plain.Layer;

  constructor(main: plain.Layer, shortcut: plain.Layer) {
    super();
    this.#main = this.addModule("main", main);
    this.#shortcut = this.addModule("shortcut", shortcut);
  }

  override forward(input: Tensor): Tensor {
    return this.#main.forward(input).add(this.#shortcut.forward(input));
  }
}

/** `[batch, 1, 33, 33, 33]` → logits `[batch, classes]`, unchanged by rotations. */
export class SE3Network extends Module {
  /** What the voxels are: a scalar. */
  readonly voxels = new FieldType(space, space.trivialRepr);
  /** From voxels to 128 invariants. */
  readonly body: SequentialModule;
  /** From invariants to logits. */
  readonly head: plain.Sequential;

  /** A network with this many classes. */
  constructor(classes = 10) {
    super();
    const stem = new FieldType(space, powers(2), 3);
    const stages = [[2, 2], [6, 5], [12, 5], [8, 10]].map(([fields, channels]) =>
      [new FieldType(space, powers(3), fields), channels] as const
    );
    const invariants = new QuotientFourierELU(space, [false, -1], 128, frequencies(2), {
      outIrreps: [[0]],
      grid: { sphere: { type: "thomson_cube", N: 1 } },
    });
    let type = stem;
    const blocks = stages.map(([outType, channels]) => {
      const block = new Block(type, channels, outType);
      type = outType;
      return block;
    });
    this.body = this.addModule(
      "body",
      new SequentialModule(
        new R3Conv(this.voxels, stem, 5, { padding: 2, bias: false }),
        ...blocks,
        new R3Conv(type, invariants.inType, 3, { bias: false }),
        invariants,
      ),
    );
    const layers: plain.Layer[] = [new plain.Flatten()];
    for (const [from, to] of [[128, 256], [256, 128]]) {
      layers.push(
        new plain.Linear(from, to, { bias: false }),
        new plain.BatchNorm1d(to),
        new plain.ELU(),
        new plain.Dropout(0.1),
      );
    }
    this.head = this.addModule("head", new plain.Sequential(...layers, new plain.Linear(128, classes)));
  }

  /** The logits. */
  forward(input: Tensor): Tensor {
    return this.head.forward(this.body.forward(new GeometricTensor(input, this.voxels)).tensor);
  }
}
