/**
 * The builders of kernel bases in space by escnn's names, with those that escnn names but lacks (full polyhedral groups, the
 * tetrahedral and the pyritohedral one): each gives the steerable kernels between two representations for one way in which
 * their group acts.
 */

import { icosahedralGroup } from "../group/groups/icosahedral.ts";
import { o3Group } from "../group/groups/o3.ts";
import type { Representation, SubgroupId, SubgroupIdPart } from "../group/types.ts";
import {
  type BuilderOptions,
  builderRings,
  cyclicOrder,
  dihedralOrder,
  type KernelBuilder,
  reachableFrequency,
  SUBGROUP_FREQUENCY,
  wrongGroup,
} from "./builders_r2.ts";
import { KernelBasis } from "./kernel_basis.ts";
import { OrbitShells } from "./orbit_basis.ts";
import { SphericalShells } from "./shells.ts";

/** A builder for a subgroup of O(3). `full`: all frequencies that the representations reach, else up to {@linkcode SUBGROUP_FREQUENCY}. */
function spatial(
  subgroup: SubgroupId | ((inRepresentation: Representation) => SubgroupId),
  full = false,
): KernelBuilder {
  return (inRepresentation, outRepresentation, radii, sigma, options = {}) => {
    const highest = full ? reachableFrequency(inRepresentation, outRepresentation) : SUBGROUP_FREQUENCY;
    const { maximumFrequency = highest, adjoint } = options;
    const subgroupId = typeof subgroup === "function" ? subgroup(inRepresentation) : subgroup;
    const filters = new SphericalShells({ subgroupId, rings: builderRings(radii, sigma), maximumFrequency, adjoint });
    return new KernelBasis(filters, inRepresentation, outRepresentation, options);
  };
}

// N of C_2 × C_N (factor 2) or C_2 × D_N (factor 4).
function productOrder(op: string, { group }: Representation, factor: number): number {
  const n = group.order / factor;
  if (!Number.isInteger(n)) throw wrongGroup(op, "a finite product with C_2", group);
  return n;
}

/** SO(3) rotates space. */
export const kernelsSO3ActR3: KernelBuilder = spatial(["so3"], true);

/** O(3) rotates and reflects space. */
export const kernelsO3ActR3: KernelBuilder = spatial(["o3"], true);

/** The subgroup of SO(3) with an id rotates space. */
export function kernelsSO3SubgroupActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  subgroupId: SubgroupId,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(o3Group().combineSubgroups(["so3"], subgroupId))(
    inRepresentation,
    outRepresentation,
    radii,
    sigma,
    options,
  );
}

/** The subgroup of O(3) with an id acts on space. */
export function kernelsO3SubgroupActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  subgroupId: SubgroupId,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(subgroupId)(inRepresentation, outRepresentation, radii, sigma, options);
}

/** The rotations of the icosahedron. */
export const kernelsIcoActR3: KernelBuilder = spatial([false, "ico"]);

/** The rotations of the cube. */
export const kernelsOctaActR3: KernelBuilder = spatial([false, "octa"]);

/** The rotations of the tetrahedron. */
export const kernelsTetraActR3: KernelBuilder = spatial([false, "tetra"]);

/** All symmetries of the icosahedron. */
export const kernelsFullIcoActR3: KernelBuilder = spatial([true, "ico"]);

/** All symmetries of the cube. */
export const kernelsFullOctaActR3: KernelBuilder = spatial([true, "octa"]);

/** All symmetries of the tetrahedron. */
export const kernelsFullTetraActR3: KernelBuilder = spatial(["fulltetra"]);

/** The rotations of the tetrahedron and the inversion. */
export const kernelsPyritoActR3: KernelBuilder = spatial([true, "tetra"]);

/** SO(2) rotates space about z. */
export const kernelsSO2ActR3: KernelBuilder = spatial([false, false, -1]);

/** C_N rotates space about z. */
export const kernelsCNActR3: KernelBuilder = spatial((rho) => [false, false, cyclicOrder("kernelsCNActR3", rho)]);

/** O(2) rotates space about z and reflects it in planes through z. */
export const kernelsO2ConicalActR3: KernelBuilder = spatial(["cone", -1]);

/** D_N rotates space about z and reflects it in planes through z. */
export const kernelsDNConicalActR3: KernelBuilder = spatial((
  rho,
) => ["cone", dihedralOrder("kernelsDNConicalActR3", rho)]);

/** O(2) rotates space about z and turns z around. */
export const kernelsO2DihedralActR3: KernelBuilder = spatial([false, true, -1]);

/** D_N rotates space about z and turns z around. */
export const kernelsDNDihedralActR3: KernelBuilder = spatial((
  rho,
) => [false, true, dihedralOrder("kernelsDNDihedralActR3", rho)]);

/** C_2 inverts space. */
export const kernelsInvActR3: KernelBuilder = spatial([true, false, 1]);

/** C_1: nothing moves. */
export const kernelsTrivialActR3: KernelBuilder = spatial([false, false, 1]);

/** C_2 × O(2): the inversion, rotations about z and half turns across it. */
export const kernelsFullCylinderActR3: KernelBuilder = spatial([true, true, -1]);

/** C_2 × D_N: the inversion, N rotations about z and half turns across it. */
export const kernelsFullCylinderDiscreteActR3: KernelBuilder = spatial((
  rho,
) => [true, true, productOrder("kernelsFullCylinderDiscreteActR3", rho, 4)]);

/** C_2 × SO(2): the inversion and rotations about z. */
export const kernelsCylinderActR3: KernelBuilder = spatial([true, false, -1]);

/** C_2 × C_N: the inversion and N rotations about z. */
export const kernelsCylinderDiscreteActR3: KernelBuilder = spatial((
  rho,
) => [true, false, productOrder("kernelsCylinderDiscreteActR3", rho, 2)]);

/**
 * The rotations of the icosahedron move Gaussians around an orbit: kernels of many frequencies on few points.
 *
 * @param stabilizer The subgroup of a point of the orbit: `[false, 5]`, `[false, 3]`, `[false, 2]` for 12, 20, 30 points.
 */
export function kernelsAliasedIcoActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  stabilizer: SubgroupId | SubgroupIdPart,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  const group = icosahedralGroup();
  const { adjoint } = options;
  const filters = new OrbitShells({
    group,
    action: (g) => group.standardRepresentation.matrix(g),
    stabilizer,
    rings: builderRings(radii, sigma),
    adjoint: adjoint === undefined ? undefined : o3Group().standardRepresentation.matrix(adjoint),
  });
  return new KernelBasis(filters, inRepresentation, outRepresentation, options);
}

function aliased(stabilizer: SubgroupId): KernelBuilder {
  return (inRepresentation, outRepresentation, radii, sigma, options) =>
    kernelsAliasedIcoActR3(inRepresentation, outRepresentation, stabilizer, radii, sigma, options);
}

/** {@linkcode kernelsAliasedIcoActR3} on the twelve vertices of an icosahedron. */
export const kernelsAliasedIcoActR3Icosahedron: KernelBuilder = aliased([false, 5]);

/** {@linkcode kernelsAliasedIcoActR3} on the twenty vertices of a dodecahedron. */
export const kernelsAliasedIcoActR3Dodecahedron: KernelBuilder = aliased([false, 3]);

/** {@linkcode kernelsAliasedIcoActR3} on the thirty vertices of an icosidodecahedron. */
export const kernelsAliasedIcoActR3Icosidodecahedron: KernelBuilder = aliased([false, 2]);
