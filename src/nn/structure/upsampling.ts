/**
 * Enlarging feature maps by interpolation; it acts on positions alone, so every field type may pass.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { Shape } from "../../tensor/layout.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import {
  type Upsample,
  Upsample1d,
  Upsample2d,
  type Upsample2dOptions,
  Upsample3d,
  type Upsample3dOptions,
  type UpsampleLayerOptions,
} from "../plain/upsampling.ts";
import { requireDimension } from "../requirements.ts";

/** Options of {@linkcode R2Upsampling}: exactly one of `scaleFactor` and `size`. */
export type UpsamplingOptions = Upsample2dOptions;

/** What enlargements share: the plain layer does the work, and keeps no state. */
export abstract class UpsamplingModule<K extends RepresentationKind, L extends Upsample> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType<K>;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<K>;
  /** The plain layer that does the work. */
  readonly layer: L;

  /** An enlargement by a layer. Throws FieldTypeError for a type on a space of another dimension. */
  constructor(inType: FieldType<K>, layer: L) {
    super();
    requireDimension(new.target.name, inType, layer.dimension);
    this.layer = this.wrap(layer);
    this.inType = this.outType = inType;
  }

  /** The enlarged feature map. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkGridInput(input);
    return new GeometricTensor(this.layer.forward(input.tensor), this.outType);
  }

  /** The output's shape for an input of this shape. */
  override evaluateOutputShape(inputShape: Shape): number[] {
    this.checkShape(inputShape);
    return [inputShape[0], this.outType.size, ...this.layer.outputSize(inputShape.slice(2))];
  }

  /** The plain layer, which holds no tensors. */
  override export(): L {
    return this.layer;
  }

  /** The type as text. */
  protected override describe(): string {
    return String(this.inType);
  }
}

/** Enlarges `[batch, channels, length]` of any fields by a factor or to a size. */
export class R1Upsampling<K extends RepresentationKind = RepresentationKind> extends UpsamplingModule<K, Upsample1d> {
  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(inType: FieldType<K>, options: UpsampleLayerOptions) {
    super(inType, new Upsample1d(options));
  }
}

/** Enlarges `[batch, channels, height, width]` of any fields by a factor or to a size. */
export class R2Upsampling<K extends RepresentationKind = RepresentationKind> extends UpsamplingModule<K, Upsample2d> {
  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(inType: FieldType<K>, options: UpsamplingOptions) {
    super(inType, new Upsample2d(options));
  }
}

/** Enlarges `[batch, channels, depth, height, width]` of any fields by a factor or to a size. */
export class R3Upsampling<K extends RepresentationKind = RepresentationKind> extends UpsamplingModule<K, Upsample3d> {
  /** An enlargement. Throws ArgumentError unless exactly one of `scaleFactor` and `size` is given. */
  constructor(inType: FieldType<K>, options: Upsample3dOptions) {
    super(inType, new Upsample3d(options));
  }
}
