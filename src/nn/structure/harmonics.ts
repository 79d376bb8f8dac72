/**
 * Harmonic polynomials of vectors as an equivariant module: vectors of space to functions on the sphere.
 */

import { o3Group } from "../../group/groups/o3.ts";
import { so3Group } from "../../group/groups/so3.ts";
import { sphereRepresentation } from "../../group/spectral.ts";
import type { RepresentationKind } from "../../group/types.ts";
import { noBaseSpace } from "../../gspaces/factories.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { FieldType } from "../field_type.ts";
import { LayerModule } from "../layer_module.ts";
import { HarmonicPolynomials } from "../plain/harmonics.ts";

/**
 * `[points, 3]`, vectors (x, y, z) of the standard representation → `[points, (L + 1)²]`, functions on the sphere up to degree L: the
 * homogeneous harmonic polynomials of degree l, m = −l … l, with Σ_m Y_lm² = |x|^(2l) and Y_1 = (y, z, x). Differentiable to any order.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { GeometricTensor, HarmonicPolynomialR3, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const harmonics = new HarmonicPolynomialR3(1);
 * const y = harmonics.forward(new GeometricTensor(tensor([[1, 2, 3]]), harmonics.inType));
 * assertEquals([...y.tensor.dataSync()], [1, 2, 3, 1]);
 * ```
 */
export class HarmonicPolynomialR3 extends LayerModule<RepresentationKind, HarmonicPolynomials> {
  /** Polynomials up to degree `L`. Options: `group`, `"so3"` (default) or `"o3"`. */
  constructor(L: number, { group: name = "so3" }: { readonly group?: "so3" | "o3" } = {}) {
    if (name !== "so3" && name !== "o3") {
      throw new ArgumentError({ op: "HarmonicPolynomialR3", expected: 'group "so3" or "o3"', actual: String(name) });
    }
    const layer = new HarmonicPolynomials(L);
    const group = name === "so3" ? so3Group() : o3Group(), space = noBaseSpace(group);
    const inType = new FieldType(space, group.standardRepresentation);
    const outType = new FieldType(space, sphereRepresentation(group, layer.maximumDegree));
    super(inType, outType, () => new HarmonicPolynomials(L));
  }
}
