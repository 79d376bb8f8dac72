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

/** Throws {@linkcode KernelError} when the group of a builder's representations is none of its family. */
export function wrongGroup(op: string, expected: string, group: Group): KernelError {
  return new KernelError({ op, expected: `representations of ${expected}`, actual: `those of ${group.name}` });
}

function planar(
  subgroupId: SubgroupId,
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: AxisBuilderOptions,
  fallback: number,
): KernelBasis {
  const { maximumFrequency = fallback, axis = Math.PI / 2, adjoint } = options;
  const rings = builderRings(radii, sigma);
  const filters = new CircularShells({ subgroupId, rings, maximumFrequency, axis, adjoint });
  return new KernelBasis(filters, inRepresentation, outRepresentation, options);
}

/** The largest frequency of builders for proper subgroups. */
export const SUBGROUP_FREQUENCY = 5;

function cyclicOrder(op: string, { group }: Representation): number {
  if (!(group instanceof CyclicGroup)) throw wrongGroup(op, "a cyclic group", group);
  return group.order;
}

/** SO(2) rotates the plane. */
export function kernelsSO2ActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  const highest = reachableFrequency(inRepresentation, outRepresentation);
  return planar([null, -1], inRepresentation, outRepresentation, radii, sigma, options, highest);
}

/** The subgroup of SO(2) with an id (its order) rotates the plane. */
export function kernelsSO2SubgroupActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  order: number,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return planar([null, order], inRepresentation, outRepresentation, radii, sigma, options, SUBGROUP_FREQUENCY);
}

/** C_N rotates the plane. */
export function kernelsCNActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return planar(
    [null, cyclicOrder("kernelsCNActR2", inRepresentation)],
    inRepresentation,
    outRepresentation,
    radii,
    sigma,
    options,
    SUBGROUP_FREQUENCY,
  );
}

/** C_1: nothing moves. */
export function kernelsTrivialActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: BuilderOptions = {},
): KernelBasis {
  return planar([null, 1], inRepresentation, outRepresentation, radii, sigma, options, SUBGROUP_FREQUENCY);
}

/** O(2) rotates and reflects the plane. */
export function kernelsO2ActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: AxisBuilderOptions = {},
): KernelBasis {
  const highest = reachableFrequency(inRepresentation, outRepresentation);
  return planar([0, -1], inRepresentation, outRepresentation, radii, sigma, options, highest);
}

/** The subgroup of O(2) with an id acts on the plane. */
export function kernelsO2SubgroupActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  subgroupId: SubgroupId,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: AxisBuilderOptions = {},
): KernelBasis {
  return planar(subgroupId, inRepresentation, outRepresentation, radii, sigma, options, SUBGROUP_FREQUENCY);
}

/** D_N rotates and reflects the plane. */
export function kernelsDNActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: AxisBuilderOptions = {},
): KernelBasis {
  const { group } = inRepresentation;
  if (!(group instanceof DihedralGroup)) throw wrongGroup("kernelsDNActR2", "a dihedral group", group);
  return planar([0, group.order / 2], inRepresentation, outRepresentation, radii, sigma, options, SUBGROUP_FREQUENCY);
}

/** C_2 reflects the plane. */
export function kernelsFlipActR2(
  inRepresentation: Representation,
  outRepresentation: Representation,
  radii: readonly number[],
  sigma: number | readonly number[],
  options: AxisBuilderOptions = {},
): KernelBasis {
  return planar([0, 1], inRepresentation, outRepresentation, radii, sigma, options, SUBGROUP_FREQUENCY);
}

/** The intertwiners: kernels on a point, which no group moves. */
export function kernelsOnPoint(
  inRepresentation: Representation,
  outRepresentation: Representation,
  options: KernelBasisOptions = {},
): KernelBasis {
  return new KernelBasis(new PointFilter(inRepresentation.group), inRepresentation, outRepresentation, options);
}
