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
import { AdaptiveAvgPool2d, AdaptiveMaxPool2d } from "../plain/pooling.ts";
import { requireDimension } from "../requirements.ts";

/** Average of each channel over the cells of an `outputSize` grid; any fields. */
export class PointwiseAdaptiveAvgPool2D<K extends RepresentationKind = RepresentationKind>
  extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** Spatial size of the output. */
  readonly outputSize: readonly number[];

  /** A pooling to `outputSize`. */
  constructor(inType: FieldType<K>, outputSize: PerAxis) {
    super();
    requireDimension("PointwiseAdaptiveAvgPool2D", inType, 2);
    this.outputSize = perAxis(outputSize, 2, "outputSize", 1, "PointwiseAdaptiveAvgPool2D");
    this.inType = this.outType = inType;
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(adaptiveAveragePool(input.tensor, this.outputSize), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...this.outputSize];
  }

  /** The plain layer. */
  override export(): AdaptiveAvgPool2d {
    return new AdaptiveAvgPool2d(this.outputSize);
  }
}

/** Maximum of each channel over the cells of an `outputSize` grid; permutation fields. */
export class PointwiseAdaptiveMaxPool2D extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** Spatial size of the output. */
  readonly outputSize: readonly number[];

  /** A pooling to `outputSize`. Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, outputSize: PerAxis) {
    super();
    requireDimension("PointwiseAdaptiveMaxPool2D", inType, 2);
    this.outputSize = perAxis(outputSize, 2, "outputSize", 1, "PointwiseAdaptiveMaxPool2D");
    this.inType = this.outType = inType.requirePointwise("PointwiseAdaptiveMaxPool2D");
  }

  /** The pooled feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(adaptiveMaxPool(input.tensor, this.outputSize), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...this.outputSize];
  }

  /** The plain layer. */
  override export(): AdaptiveMaxPool2d {
    return new AdaptiveMaxPool2d(this.outputSize);
  }
}
