/**
 * Pooling of each channel to a fixed spatial size: cell i of `out` covers the input from ⌊i·in/out⌋ to ⌈(i + 1)·in/out⌉.
 */

import type { RepresentationKind } from "../../group/types.ts";
import { type PerAxis, perAxis } from "../../tensor/conv_geometry.ts";
import type { Shape } from "../../tensor/layout.ts";
import { adaptiveAveragePool, adaptiveMaxPool } from "../../tensor/mod.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
} from "../plain/pooling.ts";
import { requireDimension } from "../requirements.ts";

/** What the averages to a fixed size share. */
export abstract class AdaptiveAvgPoolModule<K extends RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** Spatial size of the output. */
  readonly outputSize: readonly number[];

  /** A pooling on a space of this dimension. */
  constructor(dimension: number, inType: FieldType<K>, outputSize: PerAxis) {
    super();
    requireDimension(new.target.name, inType, dimension);
    this.outputSize = perAxis(outputSize, dimension, "outputSize", 1, new.target.name);
    this.inType = this.outType = inType;
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    return new GeometricTensor(adaptiveAveragePool(input.tensor, this.outputSize), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...this.outputSize];
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, outputSize ${this.outputSize.join("x")}`;
  }
}

/** What the maxima to a fixed size share. */
export abstract class AdaptiveMaxPoolModule extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** Spatial size of the output. */
  readonly outputSize: readonly number[];

  /** A pooling on a space of this dimension. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(dimension: number, inType: FieldType<"pointwise">, outputSize: PerAxis) {
    super();
    requireDimension(new.target.name, inType, dimension);
    this.outputSize = perAxis(outputSize, dimension, "outputSize", 1, new.target.name);
    this.inType = this.outType = inType.requirePointwise(new.target.name);
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    return new GeometricTensor(adaptiveMaxPool(input.tensor, this.outputSize), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...this.outputSize];
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, outputSize ${this.outputSize.join("x")}`;
  }
}

/** Average of each channel over the cells of an `outputSize` grid, on the line; any fields. */
export class PointwiseAdaptiveAvgPool1D<K extends RepresentationKind = RepresentationKind>
  extends AdaptiveAvgPoolModule<K> {
  /** A pooling to `outputSize`. */
  constructor(inType: FieldType<K>, outputSize: PerAxis) {
    super(1, inType, outputSize);
  }

  /** The plain layer. */
  override export(): AdaptiveAvgPool1d {
    return new AdaptiveAvgPool1d(this.outputSize);
  }
}

/** Maximum of each channel over the cells of an `outputSize` grid, on the line; permutation fields. */
export class PointwiseAdaptiveMaxPool1D extends AdaptiveMaxPoolModule {
  /** A pooling to `outputSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, outputSize: PerAxis) {
    super(1, inType, outputSize);
  }

  /** The plain layer. */
  override export(): AdaptiveMaxPool1d {
    return new AdaptiveMaxPool1d(this.outputSize);
  }
}

/** Average of each channel over the cells of an `outputSize` grid, on the plane; any fields. */
export class PointwiseAdaptiveAvgPool2D<K extends RepresentationKind = RepresentationKind>
  extends AdaptiveAvgPoolModule<K> {
  /** A pooling to `outputSize`. */
  constructor(inType: FieldType<K>, outputSize: PerAxis) {
    super(2, inType, outputSize);
  }

  /** The plain layer. */
  override export(): AdaptiveAvgPool2d {
    return new AdaptiveAvgPool2d(this.outputSize);
  }
}

/** Maximum of each channel over the cells of an `outputSize` grid, on the plane; permutation fields. */
export class PointwiseAdaptiveMaxPool2D extends AdaptiveMaxPoolModule {
  /** A pooling to `outputSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, outputSize: PerAxis) {
    super(2, inType, outputSize);
  }

  /** The plain layer. */
  override export(): AdaptiveMaxPool2d {
    return new AdaptiveMaxPool2d(this.outputSize);
  }
}

/** Average of each channel over the cells of an `outputSize` grid, in space; any fields. */
export class PointwiseAdaptiveAvgPool3D<K extends RepresentationKind = RepresentationKind>
  extends AdaptiveAvgPoolModule<K> {
  /** A pooling to `outputSize`. */
  constructor(inType: FieldType<K>, outputSize: PerAxis) {
    super(3, inType, outputSize);
  }

  /** The plain layer. */
  override export(): AdaptiveAvgPool3d {
    return new AdaptiveAvgPool3d(this.outputSize);
  }
}

/** Maximum of each channel over the cells of an `outputSize` grid, in space; permutation fields. */
export class PointwiseAdaptiveMaxPool3D extends AdaptiveMaxPoolModule {
  /** A pooling to `outputSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, outputSize: PerAxis) {
    super(3, inType, outputSize);
  }

  /** The plain layer. */
  override export(): AdaptiveMaxPool3d {
    return new AdaptiveMaxPool3d(this.outputSize);
  }
}
