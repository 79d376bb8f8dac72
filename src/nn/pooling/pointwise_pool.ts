/**
 * Pooling of each channel by itself over windows of the plane. Maxima commute with the group for permutation fields only,
 * averages for all.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { PerAxis } from "../../tensor/conv_geometry.ts";
import type { Shape } from "../../tensor/layout.ts";
import { averagePool, maxPool } from "../../tensor/mod.ts";
import { poolGeometry, type PoolOptions } from "../../tensor/pool_geometry.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { requireDimension } from "../requirements.ts";
import { AvgPool2d, MaxPool2d } from "../plain/pooling.ts";

/** Maximum of each channel over windows: `[batch, channels, height, width]` of permutation fields. Padding never wins. */
export class PointwiseMaxPool2D extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride (default: the window's size), padding, dilation, ceilMode. */
  readonly options: PoolOptions;

  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: PoolOptions = {}) {
    super();
    requireDimension("PointwiseMaxPool2D", inType, 2);
    this.inType = this.outType = inType.requirePointwise("PointwiseMaxPool2D");
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(maxPool(input.tensor, this.kernelSize, this.options), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const geometry = poolGeometry(inputShape, this.kernelSize, this.options, "PointwiseMaxPool2D");
    return [inputShape[0], this.outType.size, ...geometry.outputSize];
  }

  /** The plain layer. */
  override export(): MaxPool2d {
    return new MaxPool2d(this.kernelSize, this.options);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, kernelSize ${this.kernelSize}, stride ${this.options.stride ?? this.kernelSize}`;
  }
}

/** Average of each channel over windows: `[batch, channels, height, width]` of any fields. Zeros of the padding count. */
export class PointwiseAvgPool2D<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride (default: the window's size), padding, ceilMode. */
  readonly options: Omit<PoolOptions, "dilation">;

  /** A pooling with windows of `kernelSize`. */
  constructor(inType: FieldType<K>, kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super();
    requireDimension("PointwiseAvgPool2D", inType, 2);
    this.inType = this.outType = inType;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(averagePool(input.tensor, this.kernelSize, this.options), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const geometry = poolGeometry(inputShape, this.kernelSize, this.options, "PointwiseAvgPool2D");
    return [inputShape[0], this.outType.size, ...geometry.outputSize];
  }

  /** The plain layer. */
  override export(): AvgPool2d {
    return new AvgPool2d(this.kernelSize, this.options);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, kernelSize ${this.kernelSize}, stride ${this.options.stride ?? this.kernelSize}`;
  }
}
