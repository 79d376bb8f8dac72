/**
 * The builders of kernel bases in space by escnn's names, with those that escnn names but lacks (full polyhedral groups, the
 * tetrahedral and the pyritohedral one): each gives the steerable kernels between two representations for one way in which
 * their group acts.
 */

import { CyclicGroup } from "../group/groups/cyclic.ts";
import { DihedralGroup } from "../group/groups/dihedral.ts";
import { icosahedralGroup } from "../group/groups/icosahedral.ts";
import { o3Group } from "../group/groups/o3.ts";
import type { Representation, SubgroupId, SubgroupIdPart } from "../group/types.ts";
import {
  type BuilderOptions,
  builderRings,
  reachableFrequency,
  SUBGROUP_FREQUENCY,
  wrongGroup,
} from "./builders_r2.ts";
import { KernelBasis } from "./kernel_basis.ts";
import { OrbitShells } from "./orbit_basis.ts";
import { SphericalShells } from "./shells.ts";

function spatial(
  subgroupId: SubgroupId,
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions,
  fallback: number = SUBGROUP_FREQUENCY,
): KernelBasis {
  const { maximumFrequency = fallback, adjoint } = options;
  const filters = new SphericalShells({ subgroupId, rings: builderRings(radii, sigma), maximumFrequency, adjoint });
  return new KernelBasis(filters, inRepresentation, outRepresentation, options);
}

function cyclicOrder(op: string, { group }: Representation): number {
  if (!(group instanceof CyclicGroup)) throw wrongGroup(op, "a cyclic group", group);
  return group.order;
}

function dihedralOrder(op: string, { group }: Representation): number {
  if (!(group instanceof DihedralGroup)) throw wrongGroup(op, "a dihedral group", group);
  return group.order / 2;
}

// N of C_2 × C_N (factor 2) or C_2 × D_N (factor 4).
function productOrder(op: string, { group }: Representation, factor: number): number {
  const n = group.order / factor;
  if (!Number.isInteger(n)) throw wrongGroup(op, "a finite product with C_2", group);
  return n;
}

/** SO(3) rotates space. */
export function kernelsSO3ActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  const highest = reachableFrequency(inRepresentation, outRepresentation);
  return spatial(["so3"], inRepresentation, outRepresentation, radii, sigma, options, highest);
}

/** O(3) rotates and reflects space. */
export function kernelsO3ActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  const highest = reachableFrequency(inRepresentation, outRepresentation);
  return spatial(["o3"], inRepresentation, outRepresentation, radii, sigma, options, highest);
}

/** The subgroup of SO(3) with an id rotates space. */
export function kernelsSO3SubgroupActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  subgroupId: SubgroupId,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(
    o3Group().combineSubgroups(["so3"], subgroupId),
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
  return spatial(subgroupId, inRepresentation, outRepresentation, radii, sigma, options);
}

/** The rotations of the icosahedron. */
export function kernelsIcoActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([false, "ico"], inRepresentation, outRepresentation, radii, sigma, options);
}

/** The rotations of the cube. */
export function kernelsOctaActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([false, "octa"], inRepresentation, outRepresentation, radii, sigma, options);
}

/** The rotations of the tetrahedron. */
export function kernelsTetraActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([false, "tetra"], inRepresentation, outRepresentation, radii, sigma, options);
}

/** All symmetries of the icosahedron. */
export function kernelsFullIcoActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([true, "ico"], inRepresentation, outRepresentation, radii, sigma, options);
}

/** All symmetries of the cube. */
export function kernelsFullOctaActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([true, "octa"], inRepresentation, outRepresentation, radii, sigma, options);
}

/** All symmetries of the tetrahedron. */
export function kernelsFullTetraActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(["fulltetra"], inRepresentation, outRepresentation, radii, sigma, options);
}

/** The rotations of the tetrahedron and the inversion. */
export function kernelsPyritoActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([true, "tetra"], inRepresentation, outRepresentation, radii, sigma, options);
}

/** SO(2) rotates space about z. */
export function kernelsSO2ActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([false, false, -1], inRepresentation, outRepresentation, radii, sigma, options);
}

/** C_N rotates space about z. */
export function kernelsCNActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(
    [false, false, cyclicOrder("kernelsCNActR3", inRepresentation)],
    inRepresentation,
    outRepresentation,
    radii,
    sigma,
    options,
  );
}

/** O(2) rotates space about z and reflects it in planes through z. */
export function kernelsO2ConicalActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(["cone", -1], inRepresentation, outRepresentation, radii, sigma, options);
}

/** D_N rotates space about z and reflects it in planes through z. */
export function kernelsDNConicalActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(
    ["cone", dihedralOrder("kernelsDNConicalActR3", inRepresentation)],
    inRepresentation,
    outRepresentation,
    radii,
    sigma,
    options,
  );
}

/** O(2) rotates space about z and turns z around. */
export function kernelsO2DihedralActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([false, true, -1], inRepresentation, outRepresentation, radii, sigma, options);
}

/** D_N rotates space about z and turns z around. */
export function kernelsDNDihedralActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(
    [false, true, dihedralOrder("kernelsDNDihedralActR3", inRepresentation)],
    inRepresentation,
    outRepresentation,
    radii,
    sigma,
    options,
  );
}

/** C_2 inverts space. */
export function kernelsInvActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([true, false, 1], inRepresentation, outRepresentation, radii, sigma, options);
}

/** C_1: nothing moves. */
export function kernelsTrivialActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([false, false, 1], inRepresentation, outRepresentation, radii, sigma, options);
}

/** C_2 × O(2): the inversion, rotations about z and half turns across it. */
export function kernelsFullCylinderActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([true, true, -1], inRepresentation, outRepresentation, radii, sigma, options);
}

/** C_2 × D_N: the inversion, N rotations about z and half turns across it. */
export function kernelsFullCylinderDiscreteActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(
    [true, true, productOrder("kernelsFullCylinderDiscreteActR3", inRepresentation, 4)],
    inRepresentation,
    outRepresentation,
    radii,
    sigma,
    options,
  );
}

/** C_2 × SO(2): the inversion and rotations about z. */
export function kernelsCylinderActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial([true, false, -1], inRepresentation, outRepresentation, radii, sigma, options);
}

/** C_2 × C_N: the inversion and N rotations about z. */
export function kernelsCylinderDiscreteActR3(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return spatial(
    [true, false, productOrder("kernelsCylinderDiscreteActR3", inRepresentation, 2)],
    inRepresentation,
    outRepresentation,
    radii,
    sigma,
    options,
  );
}

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

/** {@linkcode kernelsAliasedIcoActR3} on the twelve vertices of an icosahedron. */
export function kernelsAliasedIcoActR3Icosahedron(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return kernelsAliasedIcoActR3(inRepresentation, outRepresentation, [false, 5], radii, sigma, options);
}

/** {@linkcode kernelsAliasedIcoActR3} on the twenty vertices of a dodecahedron. */
export function kernelsAliasedIcoActR3Dodecahedron(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return kernelsAliasedIcoActR3(inRepresentation, outRepresentation, [false, 3], radii, sigma, options);
}

/** {@linkcode kernelsAliasedIcoActR3} on the thirty vertices of an icosidodecahedron. */
export function kernelsAliasedIcoActR3Icosidodecahedron(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return kernelsAliasedIcoActR3(inRepresentation, outRepresentation, [false, 2], radii, sigma, options);
}
