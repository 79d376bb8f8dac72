/**
 * Convolutions in space for the rotations of the icosahedron, with filters of Gaussians around the points of an orbit: few
 * functions of high frequency instead of harmonics (escnn's `R3IcoConv`).
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { GSpace } from "../../gspaces/gspace.ts";
import { GSpace3D } from "../../gspaces/spaces.ts";
import { icosahedralGroup } from "../../group/groups/icosahedral.ts";
import type { PerAxis } from "../../tensor/conv_geometry.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { FieldTypeError } from "../errors.ts";
import type { FieldType } from "../field_type.ts";
import { Conv3d, ConvTranspose3d } from "../plain/convolution.ts";
import { GridConv, GridConvTransposed, type SteerableConvolutionTransposedOptions } from "./grid_conv.ts";
import type { SteerableConvolutionOptions, TableMaker } from "./rd_conv.ts";

/**
 * How many points carry each ring: the 12 vertices of the icosahedron, the 20 of the dodecahedron, or the 30 of the
 * icosidodecahedron. escnn calls them `"dodeca"`, `"ico"` and `"icosidodeca"`: its names for 12 and 20 are swapped.
 */
export type IcosahedralPoints = 12 | 20 | 30;

/** What orbits add to the options of a convolution. Nothing is cut off by frequency. */
export interface OrbitOptions {
  /** The points that carry each ring. Default 12. */
  readonly points?: IcosahedralPoints;
}

/** Options of {@linkcode R3IcoConv}. */
export interface R3IcoConvOptions
  extends Omit<SteerableConvolutionOptions, "frequenciesCutoff" | "maximumOffset">, OrbitOptions {}

/** Options of {@linkcode R3IcoConvTransposed}. */
export interface R3IcoConvTransposedOptions
  extends Omit<SteerableConvolutionTransposedOptions, "frequenciesCutoff" | "maximumOffset">, OrbitOptions {}

/** Order of the rotations that keep a point of the orbit in place. */
const STABILIZER: Readonly<Record<IcosahedralPoints, number>> = { 12: 5, 20: 3, 30: 2 };

/** Tables on orbits. Throws FieldTypeError unless the space has the rotations of the icosahedron. */
function orbitTables(op: string, points: IcosahedralPoints): TableMaker {
  if (!Object.hasOwn(STABILIZER, points)) {
    throw new ArgumentError({ op, expected: "points of 12, 20 or 30", actual: String(points) });
  }
  return (gspace: GSpace, options) => {
    if (!(gspace instanceof GSpace3D) || gspace.fibergroup !== icosahedralGroup()) {
      throw new FieldTypeError({
        op,
        expected: "types on icoOnR3(), space with the rotations of the icosahedron",
        actual: String(gspace),
      });
    }
    return gspace.orbitKernelTables({ ...options, stabilizer: [false, STABILIZER[points]] });
  };
}

/**
 * Convolution in space for the rotations of the icosahedron, with Gaussians around 12, 20 or 30 points on each ring as filters:
 * `[batch, in channels, depth, height, width]` → `[batch, out channels, …]`. The group moves voxels off the grid, so that
 * equivariance is exact for the tetrahedral rotations alone and improves with the kernel's size for others.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, gspaces, R3IcoConv, seed, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * seed(0);
 * const space = gspaces.icoOnR3();
 * const density = new FieldType(space, space.trivialRepr);
 * const vertices = new FieldType(space, space.quotientRepr([false, 5]));
 * const conv = new R3IcoConv(density, vertices, 3, { points: 12, padding: 1 });
 * assertEquals(conv.evaluateOutputShape([1, 1, 7, 7, 7]), [1, 12, 7, 7, 7]);
 * ```
 */
export class R3IcoConv<K extends RepresentationKind = RepresentationKind> extends GridConv<K> {
  /** The points that carry each ring. */
  readonly points: IcosahedralPoints;

  /** A convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis. */
  constructor(inType: FieldType, outType: FieldType<K>, kernelSize: PerAxis, options: R3IcoConvOptions = {}) {
    const { points = 12 } = options;
    super(3, inType, outType, kernelSize, options, orbitTables("R3IcoConv", points));
    this.points = points;
  }

  /** A plain convolution with the expanded filter and the same options. */
  override export(): Conv3d {
    return this.fill(new Conv3d(...this.plainArguments()));
  }

  /** The options as text. */
  protected override describe(): string {
    return `${super.describe()}, points ${this.points}`;
  }
}

/** Transposed convolution in space for the rotations of the icosahedron, the adjoint of {@linkcode R3IcoConv}'s geometry. */
export class R3IcoConvTransposed<K extends RepresentationKind = RepresentationKind> extends GridConvTransposed<K> {
  /** The points that carry each ring. */
  readonly points: IcosahedralPoints;

  /** A transposed convolution from `inType` to `outType` with filters of `kernelSize` taps along each axis. */
  constructor(
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: R3IcoConvTransposedOptions = {},
  ) {
    const { points = 12 } = options;
    super(3, inType, outType, kernelSize, options, orbitTables("R3IcoConvTransposed", points));
    this.points = points;
  }

  /** A plain transposed convolution with the expanded filter and the same options. */
  override export(): ConvTranspose3d {
    return this.fill(new ConvTranspose3d(...this.plainArguments()));
  }

  /** The options as text. */
  protected override describe(): string {
    return `${super.describe()}, points ${this.points}`;
  }
}
