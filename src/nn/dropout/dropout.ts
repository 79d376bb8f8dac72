/**
 * Dropout on fields: whole fields, which commutes with every representation, or single channels of permutation fields.
 */

import type { RepresentationKind } from "../../group/types.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import type { FieldType } from "../field_type.ts";
import type { GeometricTensor } from "../geometric_tensor.ts";
import { LayerModule } from "../layer_module.ts";
import { checkProbability, Dropout, dropout, FieldDropout as PlainFieldDropout } from "../plain/dropout.ts";

/** Zeroes each number with probability `p` and divides the others by 1 − p. The identity in eval mode. */
export class PointwiseDropout extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** The type of outputs: that of the inputs. */
  readonly outType: FieldType<"pointwise">;
  /** The probability of zero. */
  readonly p: number;

  /** Options: `p` (default 0.5). Throws FieldTypeError unless the fields are permutation representations. */
  constructor(inType: FieldType<"pointwise">, { p = 0.5 }: { readonly p?: number } = {}) {
    super();
    this.inType = this.outType = inType.requirePointwise("PointwiseDropout");
    this.p = checkProbability("PointwiseDropout", p);
  }

  /** The result; positions stay. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return this.training ? input.with(dropout(input.tensor, this.p, input.shape)) : input;
  }

  /** The plain layer. */
  override export(): Dropout {
    return new Dropout(this.p).train(this.training);
  }

  /** The options as text. */
  protected override describe(): string {
    return `${this.inType}, p ${this.p}`;
  }
}

/**
 * Zeroes whole fields: one draw for each sample and field, the same at all positions; the others are divided by 1 − p. The
 * identity in eval mode.
 */
export class FieldDropout<K extends RepresentationKind = RepresentationKind> extends LayerModule<K, PlainFieldDropout> {
  /** Options: `p` (default 0.5). */
  constructor(inType: FieldType<K>, { p = 0.5 }: { readonly p?: number } = {}) {
    super(inType, inType, () => new PlainFieldDropout(inType.sizes, p));
  }

  /** The probability of zero. */
  get p(): number {
    return this.layer.p;
  }
}
