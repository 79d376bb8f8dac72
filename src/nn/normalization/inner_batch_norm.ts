/**
 * Batch normalization of permutation fields: one mean and variance for each field, shared by its channels, so that a
 * permutation of the channels commutes with it. PyTorch's definition otherwise, gradient through the statistics included.
 */

import { concatenate, noGrad, scope, type Tensor } from "../../tensor/mod.ts";
import type { Expr } from "../../tensor/expr.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import { ExportError } from "../errors.ts";
import type { FieldType } from "../field_type.ts";
import type { GeometricTensor } from "../geometric_tensor.ts";
import { selectFields } from "../transform.ts";
import {
  type BatchNorm,
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  batchNormalize,
  type BatchNormOptions,
  type BatchNormSettings,
  batchNormSettings,
  batchNormState,
  type BatchNormTensors,
  positionsOf,
} from "../plain/batch_norm.ts";
import { Module } from "../plain/module.ts";
import { assign, Constant, selectAt } from "../plain/persistent.ts";

/** The state of the fields of one size, as the child `batch_norm_[size]` that escnn has. */
class SizeState extends Module {
  readonly settings: BatchNormSettings;
  readonly fields: readonly number[];
  readonly fieldSize: number;

  constructor(fields: readonly number[], fieldSize: number, settings: BatchNormSettings) {
    super();
    this.fields = fields;
    this.fieldSize = fieldSize;
    this.settings = settings;
    const { parameters, buffers } = batchNormState(fields.length, settings);
    for (const [name, value] of parameters) this.addParameter(name, value);
    for (const [name, value] of buffers) this.addBuffer(name, value);
  }

  get tensors(): BatchNormTensors {
    const { affine, trackRunningStats } = this.settings;
    return {
      weight: affine ? this.parameter("weight") : undefined,
      bias: affine ? this.parameter("bias") : undefined,
      runningMean: trackRunningStats ? this.buffer("running_mean") : undefined,
      runningVar: trackRunningStats ? this.buffer("running_var") : undefined,
      batches: trackRunningStats ? this.buffer("num_batches_tracked") : undefined,
    };
  }
}

/**
 * Batch normalization with one mean and variance for each field, over batch, positions and the field's channels. State names:
 * `batch_norm_[s].weight`, `.bias`, `.running_mean`, `.running_var`, `.num_batches_tracked`, s the size of the fields that it holds.
 *
 * @example
 * ```ts
 * import { assertAlmostEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, InnerBatchNorm, randn, gspaces, seed, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const space = gspaces.rot2dOnR2(4);
 * const type = new FieldType(space, [space.regularRepr]);
 * const norm = new InnerBatchNorm(type);
 * const y = norm.forward(new GeometricTensor(randn([8, 4, 5, 5]).mul(3).add(1), type));
 * assertAlmostEquals(y.tensor.mean().itemSync(), 0, 1e-5);
 * assertAlmostEquals(y.tensor.square().mean().itemSync(), 1, 1e-4);
 * ```
 */
export class InnerBatchNorm extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** The options with their defaults. */
  readonly settings: BatchNormSettings;
  readonly #states: readonly SizeState[];
  readonly #order: Constant | undefined;

  /** A normalization of fields of `inType`. Throws FieldTypeError unless they are permutation representations. */
  constructor(inType: FieldType<"pointwise">, options: BatchNormOptions = {}) {
    super();
    this.inType = this.outType = inType.requirePointwise("InnerBatchNorm");
    this.settings = batchNormSettings("InnerBatchNorm", options);
    const bySize = new Map<number, number[]>();
    inType.sizes.forEach((size, field) => {
      const fields = bySize.get(size);
      if (fields === undefined) bySize.set(size, [field]);
      else fields.push(field);
    });
    this.#states = [...bySize].map(([size, fields]) =>
      this.addModule(`batch_norm_[${size}]`, new SizeState(fields, size, this.settings))
    );
    const channels = this.#states.flatMap(({ fields }) => fields.flatMap((field) => channelsOf(inType, field)));
    if (channels.some((channel, i) => channel !== i)) {
      const order = new Int32Array(channels.length);
      channels.forEach((channel, i) => order[channel] = i);
      this.#order = new Constant(order, [order.length]);
    }
  }

  /** The normalized feature map. Throws FieldTypeError for another type, ShapeError for too small a batch in train mode. */
  override forward(input: GeometricTensor): GeometricTensor {
    return this.forwardThen(input, (value) => value);
  }

  /** The normalized feature map with a function of each number in the same kernel. @internal */
  forwardThen(input: GeometricTensor, then: (value: Expr) => Expr): GeometricTensor {
    this.checkInput(input);
    const x = input.tensor, batch = x.shape[0], positions = positionsOf(x);
    const parts = this.#states.map(({ fields, fieldSize, tensors }) => {
      const part = this.#states.length === 1 ? x : selectFields(x, this.inType, fields);
      const view = part.reshape([batch, fields.length, fieldSize, positions]);
      return batchNormalize("InnerBatchNorm", view, tensors, this.settings, this.training, then)
        .reshape([batch, fields.length * fieldSize, ...x.shape.slice(2)]);
    });
    const joined = parts.length === 1 ? parts[0] : concatenate(parts, 1);
    return input.with(this.#order === undefined ? joined : selectAt(joined, 1, this.#order));
  }

  /**
   * A plain batch normalization with each field's numbers on all of its channels. Equal in eval mode; in train mode it computes
   * statistics for each channel by itself. Throws ExportError without running statistics.
   */
  override export(): BatchNorm {
    if (!this.settings.trackRunningStats) {
      throw new ExportError({
        op: "InnerBatchNorm.export",
        expected: "running statistics",
        actual: "trackRunningStats false",
        hint: "A plain batch normalization has other batch statistics: those of each channel by itself",
      });
    }
    const classes = [BatchNorm1d, BatchNorm1d, BatchNorm2d, BatchNorm3d];
    const target = new classes[this.inType.gspace.dimensionality](this.inType.size, this.settings);
    noGrad(() => {
      using _ = scope();
      const spread = (name: "weight" | "bias" | "runningMean" | "runningVar"): [Tensor, Tensor][] => {
        const goal = target.tensors[name];
        return goal === undefined ? [] : [[goal, this.#perChannel(name)]];
      };
      const batches = this.#states[0].tensors.batches!;
      assign([
        ...spread("weight"),
        ...spread("bias"),
        ...spread("runningMean"),
        ...spread("runningVar"),
        [target.tensors.batches!, batches],
      ]);
    });
    return target.train(this.training);
  }

  #perChannel(name: "weight" | "bias" | "runningMean" | "runningVar"): Tensor {
    const parts = this.#states.map(({ fields, fieldSize, tensors }) =>
      tensors[name]!.reshape([fields.length, 1]).expand([fields.length, fieldSize]).reshape([fields.length * fieldSize])
    );
    const joined = parts.length === 1 ? parts[0] : concatenate(parts, 0);
    return this.#order === undefined ? joined : selectAt(joined, 0, this.#order);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, eps ${this.settings.eps}, momentum ${this.settings.momentum}`;
  }
}

function channelsOf(type: FieldType, field: number): number[] {
  return Array.from({ length: type.sizes[field] }, (_, i) => type.fieldsStart[field] + i);
}
