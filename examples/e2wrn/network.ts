/**
 * The wide residual network of escnn's example e2wrn (Weiler & Cesa 2019): regular fields of C_N or D_N, restricted to smaller groups between
 * stages, as wide as a conventional network of the same cost.
 */

import {
  DisentangleModule,
  EquivariantModule,
  FieldType,
  GeometricTensor,
  type GSpace,
  gspaces,
  InnerBatchNorm,
  Module,
  plain,
  PointwiseDropout,
  R2Conv,
  ReLU,
  RestrictionModule,
  SequentialModule,
  type SubgroupId,
  type Tensor,
} from "@escnn/escnn";

/** Which network. */
export interface WideResNetOptions {
  /** Layers: 6 n + 4 for n blocks in a stage. Default 10. */
  readonly depth?: number;
  /** How many times wider than a network of 16, 32, 64 channels. Default 4. */
  readonly widen?: number;
  /** Dropout inside blocks. Default 0.3. */
  readonly dropout?: number;
  /** Rotations of the first stage. Default 4. */
  readonly rotations?: number;
  /** Whether reflections belong to the group. Default true. */
  readonly reflections?: boolean;
  /**
   * Restrictions: 0 none; 1 to half of the rotations before the last stage; 2 to half of them after the first stage; 3 to half after the
   * first stage and to one after the second. Reflections stay. Default 3.
   */
  readonly restriction?: 0 | 1 | 2 | 3;
  /** Stride of the first stage. Default 1. */
  readonly initialStride?: number;
  /** Number of classes. Default 10. */
  readonly classes?: number;
}

/** The plane with N rotations, with or without reflections. */
function spaceOf(rotations: number, reflections: boolean): GSpace {
  if (!reflections) return rotations === 1 ? gspaces.trivialOnR2() : gspaces.rot2dOnR2(rotations);
  return rotations === 1 ? gspaces.flip2dOnR2() : gspaces.flipRot2dOnR2(rotations);
}

/** Regular fields that cost as much as `planes` conventional channels. */
function regularType(space: GSpace, planes: number): FieldType<"pointwise"> {
  const order = space.fibergroup.order;
  return new FieldType(space, space.regularRepr, Math.floor(planes * Math.sqrt(order) / order));
}

/** Trivial fields that cost as much as `planes` conventional channels. */
function trivialType(space: GSpace, planes: number): FieldType<"pointwise"> {
  return new FieldType(space, space.trivialRepr, Math.floor(planes * Math.sqrt(space.fibergroup.order)));
}

function convolution(
  inType: FieldType,
  outType: FieldType<"pointwise">,
  kernelSize: number,
  stride = 1,
): R2Conv<"pointwise"> {
  const padding = (kernelSize - 1) / 2;
  return new R2Conv(inType, outType, kernelSize, { padding, stride, bias: false, frequenciesCutoff: (r) => 3 * r });
}

/** A block: normalization, ReLU and convolution twice, added to the normalized input or a 1 × 1 convolution of it. */
class WideBlock extends EquivariantModule<"pointwise"> {
  readonly inType: FieldType<"pointwise">;
  readonly outType: FieldType<"pointwise">;
  readonly #activation: SequentialModule<"pointwise">;
  readonly #main: SequentialModule<"pointwise">;
  readonly #shortcut: R2Conv<"pointwise"> | undefined;

  constructor(
    inType: FieldType<"pointwise">,
    inner: FieldType<"pointwise">,
    outType: FieldType<"pointwise">,
    kernelSize: number,
    stride: number,
    dropout: number,
  ) {
    super();
    this.inType = inType;
    this.outType = outType;
    this.#activation = this.addModule("activation", new SequentialModule(new InnerBatchNorm(inType), new ReLU(inType)));
    this.#main = this.addModule(
      "main",
      new SequentialModule(
        convolution(inType, inner, kernelSize),
        new InnerBatchNorm(inner),
        new ReLU(inner),
        new PointwiseDropout(inner, { p: dropout }),
        convolution(inner, outType, kernelSize, stride),
      ),
    );
    if (stride !== 1 || !inType.equals(outType)) {
      this.#shortcut = this.addModule("shortcut", convolution(inType, outType, 1, stride));
    }
  }

  override forward(input: GeometricTensor): GeometricTensor {
    const x = this.#activation.forward(input);
    return this.#main.forward(x).add(this.#shortcut === undefined ? input : this.#shortcut.forward(x));
  }

  override evaluateOutputShape(inputShape: readonly number[]): number[] {
    return this.#main.evaluateOutputShape(inputShape);
  }

  override export(): PlainBlock {
    return new PlainBlock(this.#activation.export(), this.#main.export(), this.#shortcut?.export());
  }
}

/** What a block exports to. */
class PlainBlock extends plain.Layer {
  readonly #activation: plain.Layer;
  readonly #main: plain.Layer;
  readonly #shortcut: plain.Layer | undefined;

  constructor(activation: plain.Layer, main: plain.Layer, shortcut: plain.Layer | undefined) {
    super();
    this.#activation = this.addModule("activation", activation);
    this.#main = this.addModule("main", main);
    if (shortcut !== undefined) this.#shortcut = this.addModule("shortcut", shortcut);
  }

  override forward(input: Tensor): Tensor {
    const x = this.#activation.forward(input);
    return this.#main.forward(x).add(this.#shortcut === undefined ? input : this.#shortcut.forward(x));
  }
}

/** `[batch, 3, height, width]` → logits `[batch, classes]`. */
export class WideResNet extends Module {
  /** What the channels of the input are: three scalars. */
  readonly image: FieldType<"pointwise">;
  /** The spaces of the three stages. */
  readonly spaces: readonly GSpace[];
  /** From images to features. */
  readonly body: SequentialModule<"pointwise">;
  /** From features to logits. */
  readonly head: plain.Sequential;

  /** A network by its options. */
  constructor(options: WideResNetOptions = {}) {
    super();
    const { depth = 10, widen = 4, dropout = 0.3, rotations = 4, reflections = true, restriction = 3 } = options;
    const { initialStride = 1, classes = 10 } = options;
    const half = Math.max(1, Math.floor(rotations / 2));
    const orders = [
      [rotations, rotations, rotations],
      [rotations, rotations, half],
      [rotations, half, half],
      [rotations, half, 1],
    ][restriction];
    const blocks = Math.floor((depth - 4) / 6), planes = [16, 16 * widen, 32 * widen, 64 * widen];
    let space = spaceOf(rotations, reflections);
    const spaces: GSpace[] = [];
    this.image = new FieldType(space, space.trivialRepr, 3);
    let type = regularType(space, planes[0]);
    const modules: EquivariantModule<"pointwise">[] = [convolution(this.image, type, 5)];
    for (let stage = 0; stage < 3; stage++) {
      const order = orders[stage];
      if (stage > 0 && order !== orders[stage - 1]) {
        const id: SubgroupId = reflections ? [0, order] : [order];
        const restricted = new RestrictionModule(type, id);
        const parts = new DisentangleModule(restricted.outType);
        space = restricted.outType.gspace;
        type = parts.outType.requirePointwise("WideResNet");
        modules.push(new SequentialModule(restricted, parts) as EquivariantModule<"pointwise">);
      }
      spaces.push(space);
      // Small kernels lose little where a quarter turn is the finest rotation; others need a ring more.
      const kernelSize = [2, 4].includes(order) || space.fibergroup.order === 1 ? 3 : 5;
      for (let block = 0; block < blocks; block++) {
        const inner = regularType(space, planes[stage + 1]), last = stage === 2 && block === blocks - 1;
        const outType = last ? trivialType(space, planes[stage + 1]) : inner;
        const stride = block > 0 ? 1 : stage === 0 ? initialStride : 2;
        modules.push(new WideBlock(type, inner, outType, kernelSize, stride, dropout));
        type = outType;
      }
    }
    modules.push(new InnerBatchNorm(type, { momentum: 0.9 }), new ReLU(type));
    this.spaces = spaces;
    this.body = this.addModule("body", new SequentialModule(...modules));
    this.head = this.addModule(
      "head",
      new plain.Sequential(new plain.GlobalAveragePool(), new plain.Linear(type.size, classes)),
    );
  }

  /** The logits. */
  forward(input: Tensor): Tensor {
    return this.head.forward(this.body.forward(new GeometricTensor(input, this.image)).tensor);
  }
}
