/**
 * Requirements on field types that several modules share.
 */

import { isOrthogonal } from "../math/linear_algebra.ts";
import type { Representation } from "../group/types.ts";
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

/** Throws FieldTypeError that names the fields for which `holds` is false. */
export function requireFields(
  op: string,
  type: FieldType,
  expected: string,
  holds: (representation: Representation) => boolean,
  hint?: string,
): void {
  const wrong = type.classes.filter(({ representation }) => !holds(representation));
  if (wrong.length === 0) return;
  const names = wrong.map(({ representation }) => representation.name).join(", ");
  throw new FieldTypeError({ op, expected, actual: `${type} with ${names}`, hint });
}

/** Throws FieldTypeError unless the matrices of all fields are orthogonal, so that the group keeps their norms. */
export function requireOrthogonal(op: string, type: FieldType): void {
  requireFields(
    op,
    type,
    "fields with an orthogonal representation, whose norms the group keeps",
    (rho) => rho.isOrthogonal || rho.group.generators.every((g) => isOrthogonal(rho.matrix(g), rho.size)),
    "Take the representation in an orthonormal basis",
  );
}

/** The size of the sub-vectors whose norms the group permutes: of a field induced from an irrep of a subgroup its dimension. */
export function inducedSize(representation: Representation): number | undefined {
  for (const tag of representation.supportedNonlinearities) {
    const match = /^induced_norm_(\d+)$/.exec(tag);
    if (match !== null) return Number(match[1]);
  }
  // The trivial representation is induced from itself.
  return representation.isTrivial() ? 1 : undefined;
}

/** Throws FieldTypeError unless all fields are induced from irreps of subgroups. */
export function requireInduced(
  op: string,
  type: FieldType,
): readonly { readonly parts: number; readonly size: number }[] {
  requireFields(
    op,
    type,
    "fields induced from an irrep of a subgroup (inducedRepr, quotientRepr)",
    (rho) => inducedSize(rho) !== undefined,
  );
  return type.representations.map((rho) => {
    const size = inducedSize(rho)!;
    return { parts: rho.size / size, size };
  });
}
