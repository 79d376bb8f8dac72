/**
 * Enlarging feature maps on the plane by interpolation; it acts on positions alone, so every field type may pass.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { Shape } from "../../tensor/layout.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { Upsample2d, type Upsample2dOptions } from "../plain/upsampling.ts";
import { requireDimension } from "../requirements.ts";

/** Options of {@linkcode R2Upsampling}: exactly one of `scaleFactor` and `size`. */
export type UpsamplingOptions = Upsample2dOptions;

/** Enlarges `[batch, channels, height, width]` of any fields by a factor or to a size. */
export class R2Upsampling<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** The plain layer that does the work. */
  readonly layer: Upsample2d;

  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(inType: FieldType<K>, options: UpsamplingOptions) {
    super();
    requireDimension("R2Upsampling", inType, 2);
    this.layer = new Upsample2d(options);
    this.inType = this.outType = inType;
  }

  /** The enlarged feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(this.layer.forward(input.tensor), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...this.layer.outputSize(inputShape.slice(2))];
  }

  /** The plain layer. */
  override export(): Upsample2d {
    return new Upsample2d(this.layer.options);
  }
}
