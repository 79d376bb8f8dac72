/**
 * Requirements on field types that several modules share.
 */

import { FieldTypeError } from "./errors.ts";
import type { FieldType } from "./field_type.ts";

/** Throws FieldTypeError unless the type's space has this dimension. */
export function requireDimension(op: string, type: FieldType, dimension: number): void {
  if (type.gspace.dimensionality === dimension) return;
  throw new FieldTypeError({
    op,
    expected: `a type on a space of dimension ${dimension}`,
    actual: `${type} of dimension ${type.gspace.dimensionality}`,
  });
}
