/**
 * The representation that any representation of a subgroup of finite index induces: functions f on G with
 * f(g h) = ρ(h)⁻¹ f(g), seen at the coset representatives (Serre, Linear Representations of Finite Groups, 3.3).
 */

import { multiplyMatrices } from "../math/linear_algebra.ts";
import { GroupError } from "./errors.ts";
import { HomogeneousSpace } from "./homogeneous_space.ts";
import { subgroupKey } from "./ids.ts";
import { MatrixRepresentation } from "./representation.ts";
import type { Group, IrrepId, Representation, SubgroupId, SubgroupIdPart } from "./types.ts";

/**
 * The representation of a group induced from a representation ρ of a subgroup of finite index. Axes are (coset, component
 * of ρ), cosets represented by their first element; where g r_j = r_i h the block (i, j) of the matrix of g is ρ(h).
 * Orthogonal when ρ is; for an irrep it equals `group.inducedRepresentation`.
 *
 * @param group The group.
 * @param subgroupId The subgroup.
 * @param representation ρ, of the subgroup as a group of its own.
 * @param name For people. Default: `induced[id][name]`.
 * @throws {@linkcode GroupError} for a representation of another group and for a subgroup of infinite index.
 *
 * @example
 * ```ts
 * import { cyclicGroup, dihedralGroup, induceRepresentation } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const induced = induceRepresentation(dihedralGroup(4), [null, 4], cyclicGroup(4).regularRepresentation);
 * assertEquals([induced.size, induced.kind], [8, "pointwise"]);
 * assertEquals(induced.multiplicity([1, 1]), 2);
 * ```
 */
export function induceRepresentation<K extends "pointwise" | "general">(
  group: Group,
  subgroupId: SubgroupId | SubgroupIdPart,
  representation: Representation<K>,
  name?: string,
): Representation<K> {
  const space = new HomogeneousSpace(group, subgroupId);
  const { id, subgroup } = space.subgroup;
  if (representation.group !== subgroup) {
    throw new GroupError({
      op: `induceRepresentation to ${group.name}`,
      expected: `a representation of ${subgroup.name}`,
      actual: `"${representation.name}" of ${representation.group.name}`,
      hint: "It is that of group.subgroup(id).subgroup.",
    });
  }
  const cosets = space.representatives.length;
  const width = representation.size;
  const size = cosets * width;
  const parts = representation.constituents.map((psi) => group.inducedRepresentation(id, psi.id));
  const tags = ["norm", "gated", `induced_norm_${width}`, `induced_gated_${width}`];
  for (const tag of ["pointwise", "concatenated"]) if (representation.supportedNonlinearities.has(tag)) tags.push(tag);
  return new MatrixRepresentation<K>({
    group,
    name: name ?? `induced${subgroupKey(id)}[${representation.name}]`,
    size,
    irreps: parts.flatMap((part): readonly IrrepId[] => part.irreps),
    kind: representation.kind,
    supportedNonlinearities: tags,
    changeOfBasis: () => {
      // In the basis of ρ's irreps the parts' axes (coset, component) interleave.
      const inner = new Float64Array(size * size);
      let [offset, column] = [0, 0];
      for (const part of parts) {
        const d = part.size / cosets;
        for (let i = 0; i < cosets; i++) {
          for (let c = 0; c < d; c++) {
            const row = (i * width + offset + c) * size + column;
            inner.set(part.changeOfBasis.subarray((i * d + c) * part.size, (i * d + c + 1) * part.size), row);
          }
        }
        offset += d;
        column += part.size;
      }
      if (representation.isIrrepBasis) return inner;
      const outer = new Float64Array(size * size);
      for (let i = 0; i < cosets; i++) {
        const rows = inner.subarray(i * width * size, (i + 1) * width * size);
        outer.set(multiplyMatrices(representation.changeOfBasis, rows, width, width, size), i * width * size);
      }
      return outer;
    },
    matrix: (g) => {
      const out = new Float64Array(size * size);
      space.representatives.forEach((r, j) => {
        const { index, rest } = space.locate(g.multiply(r));
        const block = representation.matrix(rest);
        for (let a = 0; a < width; a++) {
          for (let b = 0; b < width; b++) {
            out[(index * width + a) * size + j * width + b] = block[a * width + b];
          }
        }
      });
      return out;
    },
  });
}
