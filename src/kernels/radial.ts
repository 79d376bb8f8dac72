/**
 * Radial parts of steerable filters: Gaussian rings exp(−(r − R)² / 2σ²) (unnormalized, as in escnn), and smooth functions
 * with compact support for point clouds: spherical Bessel functions (Gasteiger et al. 2020), bumps on rings, a polynomial
 * cut-off, and functions that the user gives. All come with their derivatives.
 */

import { cos, exp, sin } from "../math/functions.ts";
import { KernelError } from "./errors.ts";

/** A ring of a filter. */
export interface Ring {
  /** Its radius R, in units of the grid's spacing. */
  readonly radius: number;
  /** The standard deviation σ of its Gaussian. */
  readonly sigma: number;
}

/** exp(−(r − R)² / 2σ²) at the distance `r` from the origin. */
export function gaussianProfile(r: number, ring: Ring): number {
  const d = (r - ring.radius) / ring.sigma;
  return exp(-0.5 * d * d);
}

/** Functions of the distance from the origin. */
export interface RadialProfile {
  /** What the functions are, with all that is needed to write them down elsewhere. */
  readonly description: RadialDescription;
  /** Where each function is large: the nominal radius and width, for attributes and band-limits. */
  readonly rings: readonly Ring[];
  /** The distance from which all functions vanish; `Infinity` when they do not. */
  readonly cutoff: number;
  /** The functions at distances: [functions, count]. */
  sample(distances: Float64Array): Float64Array;
  /** Their derivatives: [functions, count]. */
  derivative(distances: Float64Array): Float64Array;
}

/** The families of radial functions; see the functions of the same names for their formulas. */
export type RadialDescription =
  | { readonly kind: "gaussian"; readonly rings: readonly Ring[] }
  | { readonly kind: "bump"; readonly rings: readonly Ring[] }
  | { readonly kind: "bessel"; readonly count: number; readonly cutoff: number; readonly exponent: number }
  | { readonly kind: "cutoff"; readonly inner: RadialDescription; readonly cutoff: number; readonly exponent: number }
  | { readonly kind: "custom"; readonly count: number; readonly cutoff: number }
  | { readonly kind: "learned"; readonly count: number; readonly cutoff: number };

type RadialFunction = (r: number) => readonly [number, number];

// A profile from functions that give the value and the derivative.
function profile(
  description: RadialDescription,
  rings: readonly Ring[],
  cutoff: number,
  functions: readonly RadialFunction[],
): RadialProfile {
  const evaluate = (distances: Float64Array, which: 0 | 1): Float64Array => {
    const count = distances.length;
    const out = new Float64Array(functions.length * count);
    functions.forEach((f, i) => {
      for (let p = 0; p < count; p++) if (distances[p] < cutoff) out[i * count + p] = f(distances[p])[which];
    });
    return out;
  };
  return {
    description,
    rings,
    cutoff,
    sample: (distances) => evaluate(distances, 0),
    derivative: (distances) => evaluate(distances, 1),
  };
}

function requirePositive(op: string, name: string, value: number): void {
  if (value > 0 && value < Infinity) return;
  throw new KernelError({ op, expected: `a positive ${name}`, actual: String(value) });
}

function requireRings(op: string, rings: readonly Ring[]): void {
  const wrong = rings.find(({ radius, sigma }) => !(radius >= 0 && radius < Infinity && sigma > 0 && sigma < Infinity));
  if (rings.length > 0 && wrong === undefined) return;
  throw new KernelError({
    op,
    expected: "at least one ring, radii of 0 or more and positive sigmas",
    actual: wrong === undefined ? "no ring" : `radius ${wrong.radius} with sigma ${wrong.sigma}`,
  });
}

/** Gaussian rings exp(−(r − R)² / 2σ²). Throws {@linkcode KernelError} for a negative radius or a width that is not positive. */
export function gaussianRadial(rings: readonly Ring[]): RadialProfile {
  requireRings("gaussianRadial", rings);
  const functions = rings.map((ring): RadialFunction => (r) => {
    const value = gaussianProfile(r, ring);
    return [value, (ring.radius - r) / (ring.sigma * ring.sigma) * value];
  });
  return profile({ kind: "gaussian", rings }, rings, Infinity, functions);
}

/** Bumps (1 − t²)³, t = (r − R)/σ, zero for |t| ≥ 1: twice differentiable with compact support. Throws {@linkcode KernelError}. */
export function bumpRadial(rings: readonly Ring[]): RadialProfile {
  requireRings("bumpRadial", rings);
  const functions = rings.map(({ radius, sigma }): RadialFunction => (r) => {
    const t = (r - radius) / sigma;
    const s = 1 - t * t;
    return s <= 0 ? [0, 0] : [s * s * s, -6 * t * s * s / sigma];
  });
  const cutoff = rings.reduce((far, { radius, sigma }) => Math.max(far, radius + sigma), 0);
  return profile({ kind: "bump", rings }, rings, cutoff, functions);
}

function power(x: number, n: number): number {
  let out = 1;
  for (let i = 0; i < n; i++) out *= x;
  return out;
}

function requireExponent(op: string, exponent: number): void {
  if (Number.isInteger(exponent) && exponent >= 2) return;
  throw new KernelError({ op, expected: "an integer exponent of 2 or more", actual: String(exponent) });
}

/**
 * The polynomial cut-off 1 − (p+1)(p+2)/2 d^p + p(p+2) d^(p+1) − p(p+1)/2 d^(p+2) at d = r / cutoff: 1 at the origin, and with
 * its first two derivatives 0 at the cut-off (Gasteiger et al. 2020). Returns the value and the derivative.
 */
export function polynomialCutoff(r: number, cutoff: number, exponent: number): readonly [number, number] {
  const d = r / cutoff;
  if (d >= 1) return [0, 0];
  const p = exponent;
  const low = power(d, p - 1);
  const value = 1 - (p + 1) * (p + 2) / 2 * low * d + p * (p + 2) * low * d * d - p * (p + 1) / 2 * low * d * d * d;
  // The derivative is −p(p+1)(p+2)/2 d^(p−1) (1 − d)².
  return [value, -p * (p + 1) * (p + 2) / 2 * low * (1 - d) * (1 - d) / cutoff];
}

/** Options of the profiles with a polynomial cut-off. */
export interface CutoffOptions {
  /** The distance from which on the functions vanish. */
  readonly cutoff: number;
  /** p of {@linkcode polynomialCutoff}. Default 6. */
  readonly exponent?: number;
}

/**
 * Spherical Bessel functions of order 0, √(2/c) sin(nπr/c)/r for n = 1 … count, times the {@linkcode polynomialCutoff}.
 *
 * @throws {@linkcode KernelError} for a count, cut-off or exponent that makes no sense.
 *
 * @example
 * ```ts
 * import { gspaces, kernels } from "@escnn/escnn";
 * import { assertEquals } from "@std/assert";
 *
 * const radial = kernels.besselRadial(8, { cutoff: 5 });
 * const tables = gspaces.rot3dOnR3().pointKernelTables({ radial, maximumFrequency: 1, frequenciesCutoff: () => 1 });
 * // From scalars to vectors one element for each radial function.
 * assertEquals(tables.pair([0], [1]).pathCount, 8);
 * assertEquals([...radial.sample(Float64Array.of(5))], new Array(8).fill(0));
 * ```
 */
export function besselRadial(count: number, { cutoff, exponent = 6 }: CutoffOptions): RadialProfile {
  const op = "besselRadial";
  if (!Number.isInteger(count) || count < 1) {
    throw new KernelError({ op, expected: "a count of 1 or more", actual: String(count) });
  }
  requirePositive(op, "cutoff", cutoff);
  requireExponent(op, exponent);
  const scale = Math.sqrt(2 / cutoff);
  const functions = Array.from({ length: count }, (_, i): RadialFunction => {
    const k = (i + 1) * Math.PI / cutoff;
    return (r) => {
      const [u, du] = polynomialCutoff(r, cutoff, exponent);
      const t = k * r;
      // Near the origin the quotients cancel; their series are exact to double precision there.
      const [f, df] = t < 1e-3
        ? [k * (1 - t * t / 6), -k * k * t / 3 * (1 - t * t / 10)]
        : [sin(t) / r, (t * cos(t) - sin(t)) / (r * r)];
      return [scale * f * u, scale * (df * u + f * du)];
    };
  });
  const rings = functions.map((_, i) => ({ radius: i * cutoff / count, sigma: cutoff / count }));
  return profile({ kind: "bessel", count, cutoff, exponent }, rings, cutoff, functions);
}

/** Any profile times the {@linkcode polynomialCutoff}. Throws {@linkcode KernelError}. */
export function withCutoff(inner: RadialProfile, { cutoff, exponent = 6 }: CutoffOptions): RadialProfile {
  requirePositive("withCutoff", "cutoff", cutoff);
  requireExponent("withCutoff", exponent);
  const far = Math.min(cutoff, inner.cutoff);
  const combine = (distances: Float64Array, differentiate: boolean): Float64Array => {
    const out = inner.sample(distances);
    const slopes = differentiate ? inner.derivative(distances) : out;
    const count = distances.length;
    for (let p = 0; p < count; p++) {
      const [u, du] = polynomialCutoff(distances[p], cutoff, exponent);
      for (let i = p; i < out.length; i += count) out[i] = differentiate ? slopes[i] * u + out[i] * du : out[i] * u;
    }
    return out;
  };
  return {
    description: { kind: "cutoff", inner: inner.description, cutoff, exponent },
    rings: inner.rings,
    cutoff: far,
    sample: (distances) => combine(distances, false),
    derivative: (distances) => combine(distances, true),
  };
}

/** Functions of the distance that the user gives. */
export interface CustomRadialOptions {
  /** The functions at a distance, as many as there are rings. */
  readonly values: (r: number) => readonly number[];
  /** Their derivatives. */
  readonly derivatives: (r: number) => readonly number[];
  /** The nominal radius and width of each function, for attributes and band-limits. */
  readonly rings: readonly Ring[];
  /** The distance from which all functions vanish. Default: none. */
  readonly cutoff?: number;
}

/**
 * Radial functions of one's own.
 *
 * @throws {@linkcode KernelError} when the functions are not as many as the rings; checked at distance 0 at once, elsewhere
 * when they are sampled.
 */
export function customRadial({ values, derivatives, rings, cutoff = Infinity }: CustomRadialOptions): RadialProfile {
  const op = "customRadial";
  requireRings(op, rings);
  const evaluate = (f: (r: number) => readonly number[], distances: Float64Array): Float64Array => {
    const count = distances.length;
    const out = new Float64Array(rings.length * count);
    for (let p = 0; p < count; p++) {
      if (!(distances[p] < cutoff)) continue;
      const at = f(distances[p]);
      if (at.length !== rings.length) {
        throw new KernelError({ op, expected: `${rings.length} functions, one for each ring`, actual: `${at.length}` });
      }
      at.forEach((v, i) => out[i * count + p] = v);
    }
    return out;
  };
  evaluate(values, Float64Array.of(0));
  return {
    description: { kind: "custom", count: rings.length, cutoff },
    rings,
    cutoff,
    sample: (distances) => evaluate(values, distances),
    derivative: (distances) => evaluate(derivatives, distances),
  };
}

/**
 * Radial functions that a layer computes itself from the distance, such as a small network (Thomas et al., Tensor Field
 * Networks, 2018): the tables of kernels need only know how many there are. They cannot be sampled here.
 *
 * @param rings The nominal radius and width of each function, for attributes and band-limits.
 * @param cutoff The distance from which all functions vanish. Default: none.
 * @throws {@linkcode KernelError} for rings that make no sense; `sample` and `derivative` throw it for any distance.
 */
export function learnedRadial(rings: readonly Ring[], cutoff = Infinity): RadialProfile {
  requireRings("learnedRadial", rings);
  const refuse = (distances: Float64Array): Float64Array => {
    if (distances.length === 0) return distances;
    throw new KernelError({
      op: "learnedRadial",
      expected: "the layer to compute its radial functions",
      actual: "a call to sample them",
      hint: "Use gaussianRadial, besselRadial or customRadial for functions that are known.",
    });
  };
  const description = { kind: "learned" as const, count: rings.length, cutoff };
  return { description, rings, cutoff, sample: refuse, derivative: refuse };
}
