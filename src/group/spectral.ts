/**
 * Band-limited representations of the continuous groups: functions on a homogeneous space G/H, or fields on it of a type
 * that H acts on, limited to some irreps of G. The change of basis is the identity; how often an irrep occurs follows from
 * Frobenius reciprocity.
 */

import { spectralQuotientRepresentation } from "./constructions.ts";
import { GroupError } from "./errors.ts";
import { HomogeneousSpace } from "./homogeneous_space.ts";
import { irrepKey, subgroupKey } from "./ids.ts";
import { MatrixRepresentation } from "./representation.ts";
import type { Group, IrrepId, Representation, SubgroupId, SubgroupIdPart } from "./types.ts";

/**
 * Fields on G/H of the type ψ of H, limited to some irreps of G: each irrep in the order given, as often as it occurs in the
 * representation induced from ψ. Throws {@linkcode GroupError} when none of them occurs.
 *
 * @param group G.
 * @param subgroupId H.
 * @param psi The id of an irrep of H.
 * @param irreps The ids of irreps of G.
 * @param name For people.
 */
export function spectralInducedRepresentation(
  group: Group,
  subgroupId: SubgroupId | SubgroupIdPart,
  psi: IrrepId,
  irreps: readonly IrrepId[],
  name?: string,
): Representation {
  const space = new HomogeneousSpace(group, subgroupId);
  const inner = space.subgroup.subgroup.irrep(...psi);
  const ids: IrrepId[] = [];
  let size = 0;
  for (const id of irreps) {
    const rho = group.irrep(...id);
    const count = space.multiplicity(rho, inner);
    for (let m = 0; m < count; m++) ids.push(rho.id);
    size += count * rho.size;
  }
  const key = `${subgroupKey(space.subgroup.id)}${irrepKey(inner.id)}`;
  if (size === 0) {
    throw new GroupError({
      op: "spectralInducedRepresentation",
      expected: `irreps of ${group.name} that occur in the representation induced from ${key}`,
      actual: irreps.map(irrepKey).join(", ") || "none",
    });
  }
  return new MatrixRepresentation({
    group,
    name: name ?? `induced${key}_[${irreps.map(irrepKey).join("|")}]`,
    size,
    irreps: ids,
    kind: "general",
    supportedNonlinearities: ["norm", "gated", "concatenated"],
  });
}

/** Fields on G/H of the type ψ of H, limited to all irreps of G of frequency up to `maximumFrequency`. */
export function bandlimitedInducedRepresentation(
  group: Group,
  subgroupId: SubgroupId | SubgroupIdPart,
  psi: IrrepId,
  maximumFrequency: number,
): Representation {
  const irreps = group.irreps(maximumFrequency).map((rho) => rho.id);
  return spectralInducedRepresentation(group, subgroupId, psi, irreps);
}

/** Functions on G/H limited to all irreps of frequency up to `maximumFrequency`. */
export function bandlimitedQuotientRepresentation(
  group: Group,
  subgroupId: SubgroupId | SubgroupIdPart,
  maximumFrequency: number,
): Representation {
  const { id } = group.subgroup(subgroupId);
  const irreps = group.irreps(maximumFrequency).map((rho) => rho.id);
  return spectralQuotientRepresentation(group, id, irreps, `quotient${subgroupKey(id)}_${maximumFrequency}`);
}

// The stabilizers of the north pole.
const STABILIZERS: Readonly<Record<string, SubgroupId>> = { "SO(3)": [false, -1], "O(3)": ["cone", -1] };

/**
 * Functions on the sphere limited to degree `maximumFrequency`: one copy of each irrep of spherical harmonics, of SO(3) `[l]`,
 * of O(3) `[l mod 2, l]`. Throws {@linkcode GroupError} for other groups.
 *
 * @example
 * ```ts
 * import { o3Group, sphereRepresentation } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(sphereRepresentation(o3Group(), 2).irreps, [[0, 0], [1, 1], [0, 2]]);
 * ```
 */
export function sphereRepresentation(group: Group, maximumFrequency: number): Representation {
  const stabilizer = STABILIZERS[group.name];
  if (stabilizer === undefined) {
    throw new GroupError({ op: "sphereRepresentation", expected: "SO(3) or O(3)", actual: group.name });
  }
  return bandlimitedQuotientRepresentation(group, stabilizer, maximumFrequency);
}
