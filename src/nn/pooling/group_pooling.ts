/**
 * Group pooling: the maximum over the channels of each field. A permutation of the channels does not change it, so the result
 * is one invariant number for each field and position.
 */

import { EquivariantModule } from "../equivariant_module.ts";
import { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { maxOfBlocks, MaxPoolChannels } from "../plain/pooling.ts";

/**
 * The maximum over the channels of each field: permutation fields → as many trivial fields.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, GroupPooling, gspaces, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(3);
 * const type = new FieldType(space, [space.regularRepr, space.trivialRepr]);
 * const y = new GroupPooling(type).forward(new GeometricTensor(tensor([[[[1]], [[3]], [[2]], [[-1]]]]), type));
 * assertEquals([...y.tensor.dataSync()], [3, -1]);
 * ```
 */
export class GroupPooling extends EquivariantModule<"pointwise"> {
  /** The type of inputs. */
  readonly inType: FieldType<"pointwise">;
  /** A trivial field for each field of the input. */
  readonly outType: FieldType<"pointwise">;

  /** A pooling of fields of `inType`. Throws FieldTypeError unless they are permutation representations. */
  constructor(inType: FieldType<"pointwise">) {
    super();
    this.inType = inType.requirePointwise("GroupPooling");
    const { gspace } = inType;
    this.outType = new FieldType(gspace, inType.representations.map(() => gspace.trivialRepr));
  }

  /** The maxima; positions stay. Throws FieldTypeError for another type. */
  override forward(input: GeometricTensor): GeometricTensor {
    this.checkInput(input);
    return new GeometricTensor(maxOfBlocks(input.tensor, this.inType.sizes), this.outType, input.coords);
  }

  /** The plain layer. */
  override export(): MaxPoolChannels {
    const { sizes } = this.inType;
    return new MaxPoolChannels(sizes.every((size) => size === sizes[0]) ? sizes[0] : sizes);
  }

  /** The options as text. */
  protected override describe(): string {
    return String(this.inType);
  }
}
