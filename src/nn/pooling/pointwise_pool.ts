/**
 * Pooling of each channel by itself over windows of the grid. Maxima commute with the group for permutation fields only,
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
import { AvgPool1d, AvgPool2d, AvgPool3d, MaxPool1d, MaxPool2d, MaxPool3d } from "../plain/pooling.ts";

/** What the maxima over windows share. Padding never wins. */
export abstract class PointwiseMaxPoolModule extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride (default: the window's size), padding, dilation, ceilMode. */
  readonly options: PoolOptions;

  /** A pooling on a space of this dimension. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(dimension: number, inType: FieldType<"pointwise">, kernelSize: PerAxis, options: PoolOptions) {
    super();
    requireDimension(new.target.name, inType, dimension);
    this.inType = this.outType = inType.requirePointwise(new.target.name);
    this.kernelSize = kernelSize;
    this.options = options;
    checkWindow(new.target.name, dimension, kernelSize, options);
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    return new GeometricTensor(maxPool(input.tensor, this.kernelSize, this.options), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const geometry = poolGeometry(inputShape, this.kernelSize, this.options, this.constructor.name);
    return [inputShape[0], this.outType.size, ...geometry.outputSize];
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, kernelSize ${this.kernelSize}, stride ${this.options.stride ?? this.kernelSize}`;
  }
}

/** Throws ArgumentError or ShapeError for a window and options that fit no input. */
export function checkWindow(op: string, dimension: number, kernelSize: PerAxis, options: PoolOptions): void {
  poolGeometry([1, 1, ...new Array<number>(dimension).fill(1 << 20)], kernelSize, options, op);
}

/** What the averages over windows share. Zeros of the padding count. */
export abstract class PointwiseAvgPoolModule<K extends RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** Size of the window. */
  readonly kernelSize: PerAxis;
  /** Stride (default: the window's size), padding, ceilMode. */
  readonly options: Omit<PoolOptions, "dilation">;

  /** A pooling on a space of this dimension. */
  constructor(dimension: number, inType: FieldType<K>, kernelSize: PerAxis, options: Omit<PoolOptions, "dilation">) {
    super();
    requireDimension(new.target.name, inType, dimension);
    this.inType = this.outType = inType;
    this.kernelSize = kernelSize;
    this.options = options;
    checkWindow(new.target.name, dimension, kernelSize, options);
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    return new GeometricTensor(averagePool(input.tensor, this.kernelSize, this.options), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    const geometry = poolGeometry(inputShape, this.kernelSize, this.options, this.constructor.name);
    return [inputShape[0], this.outType.size, ...geometry.outputSize];
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, kernelSize ${this.kernelSize}, stride ${this.options.stride ?? this.kernelSize}`;
  }
}

/** Maximum of each channel over windows: `[batch, channels, length]` of permutation fields. */
export class PointwiseMaxPool1D extends PointwiseMaxPoolModule {
  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: PoolOptions = {}) {
    super(1, inType, kernelSize, options);
  }

  /** The plain layer. */
  override export(): MaxPool1d {
    return new MaxPool1d(this.kernelSize, this.options);
  }
}

/** Average of each channel over windows: `[batch, channels, length]` of any fields. */
export class PointwiseAvgPool1D<K extends RepresentationKind = RepresentationKind> extends PointwiseAvgPoolModule<K> {
  /** A pooling with windows of `kernelSize`. */
  constructor(inType: FieldType<K>, kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super(1, inType, kernelSize, options);
  }

  /** The plain layer. */
  override export(): AvgPool1d {
    return new AvgPool1d(this.kernelSize, this.options);
  }
}

/** Maximum of each channel over windows: `[batch, channels, height, width]` of permutation fields. */
export class PointwiseMaxPool2D extends PointwiseMaxPoolModule {
  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: PoolOptions = {}) {
    super(2, inType, kernelSize, options);
  }

  /** The plain layer. */
  override export(): MaxPool2d {
    return new MaxPool2d(this.kernelSize, this.options);
  }
}

/** Average of each channel over windows: `[batch, channels, height, width]` of any fields. */
export class PointwiseAvgPool2D<K extends RepresentationKind = RepresentationKind> extends PointwiseAvgPoolModule<K> {
  /** A pooling with windows of `kernelSize`. */
  constructor(inType: FieldType<K>, kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super(2, inType, kernelSize, options);
  }

  /** The plain layer. */
  override export(): AvgPool2d {
    return new AvgPool2d(this.kernelSize, this.options);
  }
}

/** Maximum of each channel over windows: `[batch, channels, depth, height, width]` of permutation fields. */
export class PointwiseMaxPool3D extends PointwiseMaxPoolModule {
  /** A pooling with windows of `kernelSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, kernelSize: PerAxis, options: PoolOptions = {}) {
    super(3, inType, kernelSize, options);
  }

  /** The plain layer. */
  override export(): MaxPool3d {
    return new MaxPool3d(this.kernelSize, this.options);
  }
}

/** Average of each channel over windows: `[batch, channels, depth, height, width]` of any fields. */
export class PointwiseAvgPool3D<K extends RepresentationKind = RepresentationKind> extends PointwiseAvgPoolModule<K> {
  /** A pooling with windows of `kernelSize`. */
  constructor(inType: FieldType<K>, kernelSize: PerAxis, options: Omit<PoolOptions, "dilation"> = {}) {
    super(3, inType, kernelSize, options);
  }

  /** The plain layer. */
  override export(): AvgPool3d {
    return new AvgPool3d(this.kernelSize, this.options);
  }
}
