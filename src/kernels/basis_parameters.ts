/**
 * The rings, widths and band-limits of a convolution's filters from its kernel size (escnn's defaults), and the points of
 * its pixel grid. Higher frequencies than a ring can resolve on the grid would alias, so each ring has its own limit.
 */

import { KernelError } from "./errors.ts";
import type { Ring } from "./radial.ts";

/**
 * The band-limit of a ring as a function of its radius r: a number F ≥ 0 for F · r; −1 (in space `"default1"`), −2
 * (`"default2"`), −3 (`"default3"`) for the default and more cautious ones; or a function of r.
 */
export type FrequenciesCutoff = number | "default1" | "default2" | "default3" | ((radius: number) => number);

/** What decides the filters of a convolution. */
export interface BasisOptions {
  /** The number of taps along each axis; a number for all axes or one for each, in array order. */
  readonly kernelSize: number | readonly number[];
  /** The distance of neighbouring taps. Default 1. */
  readonly dilation?: number;
  /** The radii of the rings. Default: ⌈k/2⌉ equally spaced ones from 0 to ⌊(k−1)/2⌋, times the dilation. */
  readonly rings?: readonly number[];
  /** The widths of the rings, one for all or one for each. Default 0.6, the last 0.4, a ring at 0 has 0.005. */
  readonly sigma?: number | readonly number[];
  /** The band-limit of each ring. Default −1, in space `"default1"`. */
  readonly frequenciesCutoff?: FrequenciesCutoff;
}

/** The rings of a filter with their band-limits. */
export interface BasisParameters {
  /** The rings from the inside out (or as given). */
  readonly rings: readonly Ring[];
  /** The highest frequency of each ring, −1 where there is none. */
  readonly cutoffs: readonly number[];
  /** The highest frequency of all. */
  readonly maximumFrequency: number;
}

function positiveInteger(op: string, name: string, value: number): number {
  if (!Number.isInteger(value) || value < 1) {
    throw new KernelError({ op, expected: `${name} to be an integer of 1 or more`, actual: String(value) });
  }
  return value;
}

function equallySpaced(last: number, count: number): number[] {
  return Array.from({ length: count }, (_, i) => count === 1 ? 0 : last * i / (count - 1));
}

function ringsOf(op: string, radii: readonly number[], sigma: number | readonly number[] | undefined): Ring[] {
  const widths = typeof sigma === "number" ? radii.map(() => sigma) : sigma;
  if (radii.length === 0 || (widths !== undefined && widths.length !== radii.length)) {
    throw new KernelError({
      op,
      expected: "at least one ring, and one sigma for all or one for each ring",
      actual: `${radii.length} rings and ${widths?.length ?? "no"} sigmas`,
    });
  }
  return radii.map((radius, i) => {
    const ring = { radius, sigma: widths?.[i] ?? (radius === 0 ? 0.005 : i === radii.length - 1 ? 0.4 : 0.6) };
    if (!(radius >= 0 && ring.sigma > 0)) {
      throw new KernelError({
        op,
        expected: "radii of 0 or more and positive sigmas",
        actual: `radius ${ring.radius} with sigma ${ring.sigma}`,
      });
    }
    return ring;
  });
}

function limited(rings: readonly Ring[], cutoff: (radius: number) => number): BasisParameters {
  const limits = rings.map((ring) => cutoff(ring.radius));
  const cutoffs = limits.map((limit) => limit >= 0 ? Math.floor(limit) : -1);
  return { rings, cutoffs, maximumFrequency: Math.trunc(Math.max(...limits)) };
}

/**
 * The rings and band-limits of a convolution.
 *
 * @param dimension Of the base space: 1, 2 or 3.
 * @param options The layer's options.
 * @throws {@linkcode KernelError} for sizes, rings, widths or cut-offs that make no sense.
 */
export function convolutionParameters(dimension: 1 | 2 | 3, options: BasisOptions): BasisParameters {
  const op = "convolutionParameters";
  const shape = kernelShape(op, dimension, options.kernelSize);
  const k = Math.max(...shape);
  const dilation = positiveInteger(op, "dilation", options.dilation ?? 1);
  const radii = options.rings ?? equallySpaced(Math.floor((k - 1) / 2), Math.ceil(k / 2)).map((r) => r * dilation);
  const farthest = dilation * Math.sqrt(shape.reduce((sum, size) => sum + (size - 1) * (size - 1) / 4, 0));
  const outside = radii.find((r) => r > farthest + 1e-4);
  if (outside !== undefined) {
    throw new KernelError({
      op,
      expected: `rings within the kernel, of radii up to ${farthest.toFixed(4)}`,
      actual: `a ring of radius ${outside}`,
      hint: "Use a larger kernelSize or smaller rings.",
    });
  }
  return limited(ringsOf(op, radii, options.sigma), cutoffFunction(dimension, options.frequenciesCutoff, k));
}

/**
 * The taps along each axis, in array order.
 *
 * @throws {@linkcode KernelError} unless they are one positive integer, or one for each axis.
 */
export function kernelShape(op: string, dimension: number, kernelSize: number | readonly number[]): readonly number[] {
  const shape = typeof kernelSize === "number" ? Array.from({ length: dimension }, () => kernelSize) : kernelSize;
  if (shape.length !== dimension) {
    const axes = ["horizontal", "vertical", "depth"].slice(0, dimension).reverse().join(", ");
    throw new KernelError({
      op,
      expected: `a kernelSize of one number, or of ${dimension}: [${axes}]`,
      actual: JSON.stringify(kernelSize),
    });
  }
  shape.forEach((size) => positiveInteger(op, "kernelSize", size));
  return shape;
}

// The last ring is where r = ⌊k/2⌋ exactly, whatever the dilation: escnn's convention.
function cutoffFunction(
  dimension: 1 | 2 | 3,
  cutoff: FrequenciesCutoff = -1,
  kernelSize: number,
): (radius: number) => number {
  const last = Math.floor(kernelSize / 2);
  if (typeof cutoff === "function") return cutoff;
  if (typeof cutoff === "number" && cutoff >= 0) return (r) => cutoff * r;
  // On a line there are only even and odd functions, and any ring but the centre can hold both.
  if (dimension === 1 && isDefaultCutoff(cutoff)) return (r) => r === 0 ? 0 : 1;
  switch (cutoff) {
    case -1:
    case "default1":
      if (dimension === 3) return (r) => Math.min(2 * r, last - r + 2);
      return (r) => r === 0 ? 0 : Math.min(2 * r, r === last ? 2 : 2 * r - (r + 1) % 2);
    case -2:
    case "default2":
      return (r) => r === 0 ? 0 : Math.min(2 * r, r === last ? 1 : 2 * r - (r + 1) % 2);
    case -3:
    case "default3":
      return (r) => r === 0 ? 0 : r === last ? 1 : 2;
    default:
      throw new KernelError({
        op: "frequenciesCutoff",
        expected: 'a number of 0 or more, -1, -2, -3, "default1", "default2", "default3" or a function of the radius',
        actual: String(cutoff),
      });
  }
}

function isDefaultCutoff(cutoff: number | string): boolean {
  return [-1, -2, -3, "default1", "default2", "default3"].includes(cutoff);
}

/** What decides the filters of a convolution on points. */
export interface PointBasisOptions {
  /** The radius of the last ring; with `ringCount`, in the place of `rings`. */
  readonly width?: number;
  /** The number of rings. */
  readonly ringCount?: number;
  /** The radii of the rings. */
  readonly rings?: readonly number[];
  /** The widths of the rings. Default 0.6, the last 0.4, a ring at 0 has 0.005. */
  readonly sigma?: number | readonly number[];
  /** F for a band-limit of F · r. Default 3. */
  readonly frequenciesCutoff?: number | ((radius: number) => number);
}

/** The rings and band-limits of a convolution on points. Throws {@linkcode KernelError}. */
export function pointConvolutionParameters(options: PointBasisOptions): BasisParameters {
  const op = "pointConvolutionParameters";
  const { width, ringCount, rings, sigma, frequenciesCutoff = 3 } = options;
  let radii = rings;
  if (radii === undefined) {
    if (width === undefined || ringCount === undefined || !(width > 0)) {
      throw new KernelError({
        op,
        expected: "rings, or a positive width and ringCount",
        actual: JSON.stringify({ width, ringCount }),
      });
    }
    radii = equallySpaced(width, positiveInteger(op, "ringCount", ringCount));
  }
  const cutoff = typeof frequenciesCutoff === "function" ? frequenciesCutoff : (r: number) => frequenciesCutoff * r;
  return limited(ringsOf(op, radii, sigma), cutoff);
}

/**
 * The points of a filter's taps, in row-major order of its spatial axes.
 *
 * @param kernelSize The taps along each axis, in array order (`[vertical, horizontal]`, `[depth, vertical, horizontal]`).
 * @param dilation The distance of neighbouring taps.
 * @returns [taps, axes], columns x, y(, z): x along the last array axis upwards, y and z along the others downwards.
 */
export function gridCoordinates(kernelSize: readonly number[], dilation = 1): Float64Array {
  const d = kernelSize.length;
  let taps = 1;
  for (const size of kernelSize) taps *= positiveInteger("gridCoordinates", "kernelSize", size);
  const out = new Float64Array(taps * d);
  for (let tap = 0; tap < taps; tap++) {
    let rest = tap;
    for (let column = 0; column < d; column++) {
      const size = kernelSize[d - 1 - column];
      const centred = (rest % size - (size - 1) / 2) * dilation;
      out[tap * d + column] = column === 0 || centred === 0 ? centred : -centred;
      rest = Math.floor(rest / size);
    }
  }
  return out;
}
