/**
 * The double G × G of a group, which besides the subgroups of a product has the diagonal ones: `["diagonal"]`, the elements
 * (h, h), and `["diagonal", id]`. Restricting to the diagonal is taking tensor products of irreps.
 */

import type { Group } from "../types.ts";
import { directProduct } from "./product.ts";

/**
 * The direct product of a group with itself.
 *
 * @example
 * ```ts
 * import { dihedralGroup, doubleGroup } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const double = doubleGroup(dihedralGroup(3));
 * assertEquals(double.restrictIrrep("diagonal", [[1, 1], [1, 1], 0]).irreps, [[0, 0], [1, 0], [1, 1]]);
 * ```
 */
export function doubleGroup(group: Group): Group {
  return directProduct(group, group);
}
