/**
 * Splitting fields into the smallest parts whose channels no group element mixes, which other modules may then treat one by one.
 */

import { disentangle } from "../../group/constructions.ts";
import { representationFromFunction } from "../../group/decompose.ts";
import type { GroupElement, IrreducibleRepresentation, Representation, RepresentationKind } from "../../group/types.ts";
import { maximumDifference } from "../../math/linear_algebra.ts";
import { FieldType } from "../field_type.ts";
import { LayerModule } from "../layer_module.ts";
import { SelectChannels } from "../plain/parallel.ts";

/** The block of ρ(g) on some axes. */
function blockOf(rho: Representation, axes: readonly number[], g: GroupElement): Float64Array {
  const matrix = rho.matrix(g), n = axes.length, block = new Float64Array(n * n);
  axes.forEach((row, i) => axes.forEach((column, j) => block[i * n + j] = matrix[row * rho.size + column]));
  return block;
}

/** Representations by name that a part may turn out to be. */
function* knownOf(rho: Representation, size: number): Iterable<Representation> {
  const { group } = rho;
  const own = new Map<string, IrreducibleRepresentation>();
  for (const psi of rho.constituents) own.set(JSON.stringify(psi.id), psi);
  for (const psi of own.values()) if (psi.size === size) yield psi;
  if (group.order === size) yield group.regularRepresentation;
}

/** A representation of the group on some axes of ρ that no ρ(g) mixes with the others. */
function partOf(rho: Representation, axes: readonly number[], index: number): Representation {
  if (axes.length === rho.size) return rho;
  const { generators } = rho.group;
  for (const candidate of knownOf(rho, axes.length)) {
    if (generators.every((g) => maximumDifference(candidate.matrix(g), blockOf(rho, axes, g)) <= 1e-9)) {
      return candidate;
    }
  }
  return representationFromFunction(rho.group, axes.length, (g) => blockOf(rho, axes, g), {
    name: `${rho.name}_${index}`,
    supportedNonlinearities: rho.supportedNonlinearities,
  });
}

/**
 * Each field split into the smallest parts that no ρ(g) mixes, as fields of their own, with the channels reordered. Restricted regular
 * fields come apart into regular ones of the subgroup.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { DisentangleModule, FieldType, gspaces } from "@escnn/escnn";
 *
 * const space = gspaces.rot2dOnR2(8);
 * const restricted = new FieldType(space, space.regularRepr).restrict(4);
 * assertEquals(new DisentangleModule(restricted).outType.sizes, [4, 4]);
 * ```
 */
export class DisentangleModule extends LayerModule<RepresentationKind, SelectChannels> {
  /** A module for fields of `inType`. */
  constructor(inType: FieldType) {
    const channels: number[] = [];
    const parts: Representation[] = [];
    const split = new Map<
      Representation,
      readonly { readonly axes: readonly number[]; readonly part: Representation }[]
    >();
    inType.representations.forEach((rho, field) => {
      let found = split.get(rho);
      if (found === undefined) {
        const sets = rho.size === 1 ? [[0]] : disentangle(rho);
        found = sets.map((axes, i) => ({ axes, part: partOf(rho, axes, i) }));
        split.set(rho, found);
      }
      for (const { axes, part } of found) {
        parts.push(part);
        for (const axis of axes) channels.push(inType.fieldsStart[field] + axis);
      }
    });
    super(inType, new FieldType(inType.gspace, parts), () => new SelectChannels(channels));
  }
}
