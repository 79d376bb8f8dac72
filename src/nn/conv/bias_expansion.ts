/**
 * Expansion of equivariant biases: only trivial irreps may be shifted, so there is one number for each trivial irrep of the
 * output, spread over the field's channels by a column of its change of basis.
 */

import type { Tensor } from "../../tensor/mod.ts";
import type { FieldType } from "../field_type.ts";
import { Constant } from "../plain/persistent.ts";

/** The linear map from a layer's bias parameters to the bias of each channel. */
export class BiasExpansion {
  /** Number of bias parameters: trivial irreps of the type, in field order and then in the representation's order. */
  readonly count: number;
  readonly #matrix: Constant;

  /** The expansion for outputs of a type. */
  constructor(type: FieldType) {
    const columns: { readonly start: number; readonly values: Float64Array }[] = [];
    type.representations.forEach((representation, field) => {
      const { size, changeOfBasis } = representation;
      let column = 0;
      for (const irrep of representation.constituents) {
        if (irrep.isTrivial()) {
          const at = column;
          const values = Float64Array.from({ length: size }, (_, row) => changeOfBasis[row * size + at]);
          columns.push({ start: type.fieldsStart[field], values });
        }
        column += irrep.size;
      }
    });
    this.count = columns.length;
    const matrix = new Float64Array(type.size * columns.length);
    columns.forEach(({ start, values }, j) =>
      values.forEach((value, row) => matrix[(start + row) * columns.length + j] = value)
    );
    this.#matrix = new Constant(matrix, [type.size, columns.length]);
  }

  /** The bias of each channel `[channels]` from the parameters `[count]`. */
  apply(bias: Tensor): Tensor {
    return this.#matrix.like(bias).matmul(bias.reshape([this.count, 1])).reshape([-1]);
  }
}
