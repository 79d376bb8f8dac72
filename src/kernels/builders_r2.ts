/**
 * The builders of kernel bases in the plane and on a point by escnn's names: each gives the steerable kernels between two
 * representations for one way in which their group acts.
 */

import { CyclicGroup } from "../group/groups/cyclic.ts";
import { DihedralGroup } from "../group/groups/dihedral.ts";
import type { Group, GroupElement, Representation, SubgroupId } from "../group/types.ts";
import { KernelError } from "./errors.ts";
import { PointFilter } from "./filter_basis.ts";
import { KernelBasis, type KernelBasisOptions } from "./kernel_basis.ts";
import type { Ring } from "./radial.ts";
import { CircularShells } from "./shells.ts";

/** Options of all builders with harmonics. */
export interface BuilderOptions extends KernelBasisOptions {
  /**
   * The highest frequency. Default: for SO(2), O(2), SO(3) and O(3) the greatest frequency of the input plus that of the
   * output, which is all that there are; for other groups 5.
   */
  readonly maximumFrequency?: number;
  /** An element M of O(2) or O(3): the kernel is K(M x), so that the group moves x by M⁻¹ g M. Default: the identity. */
  readonly adjoint?: GroupElement;
}

/** Options of builders with reflections of the plane. */
export interface AxisBuilderOptions extends BuilderOptions {
  /** The axis of the reflections, in radians: g moves x by R(axis) g R(−axis). Default π/2. */
  readonly axis?: number;
}

/**
 * A builder: the kernels from `inRepresentation` to `outRepresentation` on rings of `radii` whose profiles are Gaussians of width `sigma`
 * (one for all, or one for each). Throws {@linkcode KernelError} for representations of another family of groups, or widths that do not fit.
 */
export type KernelBuilder<Options extends BuilderOptions = BuilderOptions> = (
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options?: Options,
) => KernelBasis;

/** The rings of radii and one width for all or one for each. Throws {@linkcode KernelError} when they do not fit. */
export function builderRings(radii: readonly number[], sigma: number | readonly number[]): readonly Ring[] {
  const widths = typeof sigma === "number" ? radii.map(() => sigma) : sigma;
  if (widths.length !== radii.length) {
    throw new KernelError({
      op: "kernel builder",
      expected: `one sigma for all or one for each of ${radii.length} radii`,
      actual: `${widths.length} of them`,
    });
  }
  return radii.map((radius, i) => ({ radius, sigma: widths[i] }));
}

/** The sum of the highest frequencies of two representations: beyond it full groups have no kernels. */
export function reachableFrequency(inRepresentation: Representation, outRepresentation: Representation): number {
  const highest = (rho: Representation): number => Math.max(...rho.constituents.map((psi) => psi.frequency));
  return highest(inRepresentation) + highest(outRepresentation);
}

/** The error for representations of a group that is none of the builder's family. */
export function wrongGroup(op: string, expected: string, group: Group): KernelError {
  return new KernelError({ op, expected: `representations of ${expected}`, actual: `those of ${group.name}` });
}

/** The highest frequency of builders for proper subgroups. */
export const SUBGROUP_FREQUENCY = 5;

/** Which subgroup acts for a representation. */
type SubgroupOf = (inRepresentation: Representation) => SubgroupId;

/** A builder for a subgroup of O(2). `full`: all frequencies that the representations reach, else up to {@linkcode SUBGROUP_FREQUENCY}. */
function planar(subgroup: SubgroupId | SubgroupOf, full = false): KernelBuilder<AxisBuilderOptions> {
  return (inRepresentation, outRepresentation, radii, sigma, options = {}) => {
    const highest = full ? reachableFrequency(inRepresentation, outRepresentation) : SUBGROUP_FREQUENCY;
    const { maximumFrequency = highest, axis = Math.PI / 2, adjoint } = options;
    const subgroupId = typeof subgroup === "function" ? subgroup(inRepresentation) : subgroup;
    const rings = builderRings(radii, sigma);
    const filters = new CircularShells({ subgroupId, rings, maximumFrequency, axis, adjoint });
    return new KernelBasis(filters, inRepresentation, outRepresentation, options);
  };
}

/** N of the group C_N of a representation. Throws {@linkcode KernelError} for another group. */
export function cyclicOrder(op: string, { group }: Representation): number {
  if (!(group instanceof CyclicGroup)) throw wrongGroup(op, "a cyclic group", group);
  return group.order;
}

/** N of the group D_N of a representation. Throws {@linkcode KernelError} for another group. */
export function dihedralOrder(op: string, { group }: Representation): number {
  if (!(group instanceof DihedralGroup)) throw wrongGroup(op, "a dihedral group", group);
  return group.order / 2;
}

/** SO(2) rotates the plane. */
export const kernelsSO2ActR2: KernelBuilder = planar([null, -1], true);

/** The subgroup of SO(2) with an id (its order) rotates the plane. */
export function kernelsSO2SubgroupActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  order: number,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return planar([null, order])(inRepresentation, outRepresentation, radii, sigma, options);
}

/** C_N rotates the plane. */
export const kernelsCNActR2: KernelBuilder = planar((rho) => [null, cyclicOrder("kernelsCNActR2", rho)]);

/** C_1: nothing moves. */
export const kernelsTrivialActR2: KernelBuilder = planar([null, 1]);

/** O(2) rotates and reflects the plane. */
export const kernelsO2ActR2: KernelBuilder<AxisBuilderOptions> = planar([0, -1], true);

/** The subgroup of O(2) with an id acts on the plane. */
export function kernelsO2SubgroupActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  subgroupId: SubgroupId,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: AxisBuilderOptions = {},
): KernelBasis {
  return planar(subgroupId)(inRepresentation, outRepresentation, radii, sigma, options);
}

/** D_N rotates and reflects the plane. */
export const kernelsDNActR2: KernelBuilder<AxisBuilderOptions> = planar((rho) => [
  0,
  dihedralOrder("kernelsDNActR2", rho),
]);

/** C_2 reflects the plane. */
export const kernelsFlipActR2: KernelBuilder<AxisBuilderOptions> = planar([0, 1]);

/** The intertwiners: kernels on a point, which no group moves. */
export function kernelsOnPoint(
  inRepresentation: Representation,
  outRepresentation: Representation,
  options: KernelBasisOptions = {},
): KernelBasis {
  return new KernelBasis(new PointFilter(inRepresentation.group), inRepresentation, outRepresentation, options);
}
