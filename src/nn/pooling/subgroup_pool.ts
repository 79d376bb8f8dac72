/**
 * Pooling over parts of the group (Cohen & Welling 2016): over the cosets of a subgroup, which leaves a function on the quotient, or onto
 * a subgroup, whose symmetries alone the result keeps.
 */

import { HomogeneousSpace } from "../../group/homogeneous_space.ts";
import type { GroupElement, Subgroup, SubgroupId, SubgroupIdPart } from "../../group/types.ts";
import { FieldTypeError } from "../errors.ts";
import { FieldType } from "../field_type.ts";
import { LayerModule } from "../layer_module.ts";
import { SelectChannels } from "../plain/parallel.ts";
import { MaxPoolChannels } from "../plain/pooling.ts";
import { Sequential } from "../plain/structure.ts";
import { requireFields } from "../requirements.ts";

function requireRegular(op: string, type: FieldType): void {
  if (type.fibergroup.isContinuous) {
    throw new FieldTypeError({ op, expected: "fields of a finite group", actual: String(type) });
  }
  const regular = type.fibergroup.regularRepresentation;
  requireFields(op, type, "regular fields", (rho) => rho.equals(regular));
}

/** The maximum over sets of group elements, for each regular field. */
function poolLayer(type: FieldType, sets: readonly (readonly GroupElement[])[]): Sequential {
  const { fibergroup: group } = type, positions = sets.flatMap((set) => set.map((g) => group.indexOf(g)));
  const channels = type.fieldsStart.flatMap((start) => positions.map((position) => start + position));
  return new Sequential(new SelectChannels(channels), new MaxPoolChannels(sets[0].length));
}

/** The maximum of regular fields over each coset gH of a subgroup H: quotient fields of the same group. */
export class QuotientPooling extends LayerModule<"pointwise", Sequential> {
  /** A pooling of regular fields over the cosets of the subgroup `id`. Throws FieldTypeError for other fields. */
  constructor(inType: FieldType<"pointwise">, id: SubgroupId | SubgroupIdPart) {
    requireRegular("QuotientPooling", inType);
    const { gspace, fibergroup: group } = inType, space = new HomogeneousSpace(group, id);
    const { subgroup, inclusion } = space.subgroup;
    const members = subgroup.elements.map(inclusion);
    const sets = space.representatives.map((r) => members.map((h) => r.multiply(h)));
    const outType = new FieldType(gspace, gspace.quotientRepr(id), inType.length);
    super(inType, outType, () => poolLayer(inType, sets));
  }
}

/**
 * Regular fields of G to regular fields of a subgroup H: at h the maximum over h t, t the first element of each coset H t. The result is a
 * feature map on the space with the symmetries H.
 */
export class SubgroupPooling extends LayerModule<"pointwise", Sequential> {
  readonly #subgroup: Subgroup;

  /** A pooling of regular fields to the subgroup `id`. Throws FieldTypeError for other fields. */
  constructor(inType: FieldType<"pointwise">, id: SubgroupId | SubgroupIdPart) {
    requireRegular("SubgroupPooling", inType);
    const { fibergroup: group } = inType, { gspace, subgroup } = inType.gspace.restrict(id);
    const members = subgroup.subgroup.elements.map((h) => subgroup.inclusion(h));
    const transversal: GroupElement[] = [];
    const seen = new Set<number>();
    for (const g of group.elements) {
      if (seen.has(group.indexOf(g))) continue;
      transversal.push(g);
      for (const h of members) seen.add(group.indexOf(h.multiply(g)));
    }
    const sets = members.map((h) => transversal.map((t) => h.multiply(t)));
    const outType = new FieldType(gspace, gspace.regularRepr, inType.length);
    super(inType, outType, () => poolLayer(inType, sets));
    this.#subgroup = subgroup;
  }

  /** The element of the group for one of the subgroup. */
  override inclusion(element: GroupElement): GroupElement {
    return this.#subgroup.inclusion(element);
  }
}
