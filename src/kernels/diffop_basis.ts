/**
 * Steerable partial differential operators (Jenner & Weiler, Steerable Partial Differential Operators for Equivariant Neural
 * Networks, 2022) as a filter basis. Their symbols, polynomials of the derivatives, satisfy the constraint of kernels, so that
 * harmonic polynomials times powers of the Laplacian take the place of harmonics on rings. The functions are the stencils
 * that discretize them: finite differences, derivatives of a Gaussian, or radial basis functions (RBF-FD).
 */

import type { Group } from "../group/types.ts";
import { solveLinear } from "../math/linear_algebra.ts";
import { gridCoordinates, kernelShape } from "./basis_parameters.ts";
import { KernelError } from "./errors.ts";
import { type FilterBasis, type FilterHarmonic, functionCount, requirePoints } from "./filter_basis.ts";
import type { BasisFilter } from "./kernel_tables.ts";
import {
  exponentsOf,
  harmonicPolynomialsByDegree,
  multiplyPolynomials,
  type Polynomial,
  squaredNormPolynomial,
} from "./polynomials.ts";
import type { Ring } from "./radial.ts";
import { gaussianDerivative, polyharmonicDerivative, type RadialDerivative } from "./radial_derivatives.ts";
import { type HarmonicAction, harmonicSize, splitHarmonics } from "./shells.ts";
import { derivativeStencil, stencilSize } from "./finite_differences.ts";

/** What decides the differential operators of a layer. */
export interface DiffopOptions {
  /** The highest order of the operators: that of the harmonic polynomial plus twice the power of the Laplacian. */
  readonly maximumOrder: number;
  /** The highest power of the Laplacian. Default: as the order allows. */
  readonly maximumPower?: number;
  /**
   * How derivatives become stencils. `"finiteDifference"` (default): products of central differences along the axes;
   * `"gaussian"`: derivatives of a Gaussian, so of the blurred field; `"rbf"`: the weights that are exact for radial functions
   * around the taps, and for polynomials.
   */
  readonly discretization?: "finiteDifference" | "gaussian" | "rbf";
  /** The number of taps along each axis, one number or in array order. Default for finite differences: the fewest. */
  readonly kernelSize?: number | readonly number[];
  /** The distance of neighbouring taps. Default 1. */
  readonly dilation?: number;
  /** Even; the error of finite differences falls with this power of the taps' distance. Default 2. */
  readonly accuracy?: number;
  /** The standard deviation of the Gaussian of `"gaussian"`. Default: a sixth of the extent of the largest axis. */
  readonly smoothing?: number;
  /** The radial function of `"rbf"`: r^n with odd n, or exp(−(r/w)²). Default `"polyharmonic"`. */
  readonly radialFunction?: "polyharmonic" | "gaussian";
  /** n of the polyharmonic function. Default: 2⌊maximumOrder / 2⌋ + 3. */
  readonly exponent?: number;
  /** w of the Gaussian radial function. Default: twice the dilation. */
  readonly width?: number;
  /** Polynomials up to this degree are differentiated exactly by `"rbf"`. Default: what the radial function needs. */
  readonly polynomialDegree?: number;
  /** How far harmonics may be aliased at most, see {@linkcode partOffsets}. Default: as far as the order goes. */
  readonly maximumOffset?: number;
  /** Which basis elements to keep. Default all. */
  readonly basisFilter?: BasisFilter;
}

const OP = "DiffopBasis";

function requireInteger(name: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new KernelError({ op: OP, expected: `${name} to be an integer of ${least} or more`, actual: String(value) });
}

function requirePositive(name: string, value: number): number {
  if (value > 0 && value < Infinity) return value;
  throw new KernelError({ op: OP, expected: `a positive ${name}`, actual: String(value) });
}

function shapeOf(dimension: 1 | 2 | 3, options: DiffopOptions): readonly number[] {
  const { maximumOrder, accuracy = 2, discretization = "finiteDifference", kernelSize } = options;
  requireInteger("maximumOrder", maximumOrder, 0);
  if (kernelSize !== undefined) return kernelShape(OP, dimension, kernelSize);
  if (discretization !== "finiteDifference") {
    throw new KernelError({ op: OP, expected: `a kernelSize for discretization "${discretization}"`, actual: "none" });
  }
  const sizes = Array.from({ length: maximumOrder + 1 }, (_, order) => stencilSize(order, accuracy, true));
  return Array.from({ length: dimension }, () => Math.max(...sizes));
}

/** The taps of the stencils, [taps, dimension]. Throws {@linkcode KernelError} for sizes that make no sense. */
export function diffopGrid(dimension: 1 | 2 | 3, options: DiffopOptions): Float64Array {
  return gridCoordinates(shapeOf(dimension, options), options.dilation ?? 1);
}

/** A differential operator with its symbol. */
interface Operator {
  /** The degree of the harmonic polynomial. */
  readonly degree: number;
  /** Its component. */
  readonly component: number;
  /** The power of the Laplacian. */
  readonly power: number;
}

/** Harmonic polynomials of the derivatives times powers of the Laplacian, as stencils. */
export class DiffopBasis implements FilterBasis {
  /** The group. */
  readonly group: Group;
  /** 1, 2 or 3. */
  readonly dimensionality: 1 | 2 | 3;
  /** One for each power of the Laplacian: all are at the origin. */
  readonly rings: readonly Ring[];
  /** The harmonics by degree; their rings are the powers of the Laplacian. */
  readonly harmonics: readonly FilterHarmonic[];
  readonly #options: DiffopOptions;
  readonly #shape: readonly number[];

  /**
   * Makes the basis.
   *
   * @throws {@linkcode KernelError} for options that make no sense or a kernel too small for the order.
   */
  constructor(action: HarmonicAction, options: DiffopOptions) {
    const { maximumOrder, dilation = 1, accuracy = 2 } = options;
    this.group = action.group;
    this.dimensionality = action.dimension;
    this.#options = options;
    this.#shape = shapeOf(action.dimension, options);
    requireInteger("dilation", dilation, 1);
    if (requireInteger("accuracy", accuracy, 2) % 2 !== 0) {
      throw new KernelError({ op: OP, expected: "an even accuracy", actual: String(accuracy) });
    }
    const powers = Math.min(
      Math.floor(maximumOrder / 2),
      requireInteger("maximumPower", options.maximumPower ?? Math.floor(maximumOrder / 2), 0),
    );
    if ((options.discretization ?? "finiteDifference") === "finiteDifference") this.#requireTaps(accuracy);
    this.rings = Array.from({ length: powers + 1 }, () => ({ radius: 0, sigma: dilation }));
    this.harmonics = splitHarmonics(action, maximumOrder, (degree) => {
      const rings = this.rings.map((_, k) => k).filter((k) => degree + 2 * k <= maximumOrder);
      return { rings, orders: rings.map((k) => degree + 2 * k) };
    });
  }

  #requireTaps(accuracy: number): void {
    for (const size of this.#shape) {
      for (let order = 0; order <= this.#options.maximumOrder; order++) {
        const needed = stencilSize(order, accuracy, size % 2 === 1);
        if (needed <= size) continue;
        throw new KernelError({
          op: OP,
          expected:
            `${needed} taps or more along each axis for derivatives of order ${order} with accuracy ${accuracy}`,
          actual: `a kernelSize of ${JSON.stringify(this.#shape)}`,
          hint: "Use a larger kernelSize, a lower maximumOrder or a lower accuracy.",
        });
      }
    }
  }

  #operators(): Operator[] {
    const { dimensionality: d, harmonics } = this;
    return harmonics.flatMap(({ frequency, rings }) =>
      rings.flatMap((power) =>
        Array.from({ length: harmonicSize(d, frequency) }, (_, component) => ({ degree: frequency, component, power }))
      )
    );
  }

  #symbols(): Polynomial[] {
    const d = this.dimensionality;
    const highest = this.harmonics.reduce((degree, { frequency }) => Math.max(degree, frequency), 0);
    const harmonic = harmonicPolynomialsByDegree(d, highest);
    const laplacian = squaredNormPolynomial(d);
    return this.#operators().map(({ degree, component, power }) => {
      let symbol = harmonic[degree][component];
      for (let k = 0; k < power; k++) symbol = multiplyPolynomials(symbol, laplacian);
      return symbol;
    });
  }

  /**
   * The stencils on the taps: [functions, taps], to be correlated with a field.
   *
   * @param points The taps, [taps, dimension]; finite differences know only those of {@linkcode diffopGrid}.
   */
  sample(points: Float64Array): Float64Array {
    const count = requirePoints("sample", points, this.dimensionality);
    switch (this.#options.discretization ?? "finiteDifference") {
      case "finiteDifference":
        return this.#finiteDifferences(points);
      case "gaussian":
        return this.#gaussian(points, count);
      case "rbf":
        return this.#radialBasis(points, count);
      default:
        throw new KernelError({
          op: OP,
          expected: 'a discretization "finiteDifference", "gaussian" or "rbf"',
          actual: String(this.#options.discretization),
        });
    }
  }

  #finiteDifferences(points: Float64Array): Float64Array {
    const { dimensionality: d } = this;
    const { accuracy = 2, dilation = 1, maximumOrder } = this.#options;
    const grid = diffopGrid(d, this.#options);
    if (grid.length !== points.length || grid.some((v, i) => Math.abs(v - points[i]) > 1e-9)) {
      throw new KernelError({
        op: OP,
        expected: `the ${grid.length / d} taps of diffopGrid for finite differences`,
        actual: `${points.length / d} other points`,
        hint: 'Use the discretization "gaussian" or "rbf" for points off the grid.',
      });
    }
    const taps = points.length / d;
    // Of each axis x, y, z: the stencils by order at the coordinates of its taps.
    const axes = Array.from({ length: d }, (_, axis) => {
      const size = this.#shape[d - 1 - axis];
      const coordinates = Float64Array.from({ length: size }, (_, i) => (i - (size - 1) / 2) * dilation);
      const stencils = Array.from(
        { length: maximumOrder + 1 },
        (_, order) => derivativeStencil(coordinates, order, accuracy),
      );
      return { size, stencils };
    });
    const at = (axis: number, order: number, tap: number): number => {
      const { size, stencils } = axes[axis];
      const index = Math.floor(points[tap * d + axis] / dilation + (size - 1) / 2 + 0.5);
      return stencils[order][index];
    };
    const out = new Float64Array(functionCount(this) * taps);
    this.#symbols().forEach((symbol, row) => {
      for (const [key, coefficient] of symbol) {
        const exponents = exponentsOf(key);
        for (let tap = 0; tap < taps; tap++) {
          let product = coefficient;
          for (let axis = 0; axis < d; axis++) product *= at(axis, exponents[axis], tap);
          out[row * taps + tap] += product;
        }
      }
    });
    return out;
  }

  // (Y(∂) Δ^k φ)(−x) at each tap x: what an operator makes at the origin of the radial function φ around x.
  #operatorsOn(derivative: RadialDerivative, points: Float64Array, count: number): Float64Array {
    const { dimensionality: d } = this;
    const highest = this.harmonics.reduce((degree, { frequency }) => Math.max(degree, frequency), 0);
    const harmonic = harmonicPolynomialsByDegree(d, highest);
    const out = new Float64Array(functionCount(this) * count);
    this.#operators().forEach(({ degree, component, power }, row) => {
      const radial = derivative(degree, power, d);
      for (let p = 0; p < count; p++) {
        const x = Array.from({ length: d }, (_, i) => 0 - points[p * d + i]);
        const rr = x.reduce((sum, v) => sum + v * v, 0);
        out[row * count + p] = evaluate(harmonic[degree][component], x) * radial(rr);
      }
    });
    return out;
  }

  #gaussian(points: Float64Array, count: number): Float64Array {
    const { dilation = 1 } = this.#options;
    const extent = (Math.max(...this.#shape) - 1) * dilation;
    const sigma = requirePositive("smoothing", this.#options.smoothing ?? Math.max(extent / 6, dilation / 2));
    const out = this.#operatorsOn(gaussianDerivative(1 / (2 * sigma * sigma)), points, count);
    // The cell of a tap over the integral of the Gaussian.
    let cell = 1;
    for (let i = 0; i < this.dimensionality; i++) cell *= dilation / (sigma * Math.sqrt(2 * Math.PI));
    return out.map((v) => v * cell);
  }

  #radialBasis(points: Float64Array, count: number): Float64Array {
    const { dimensionality: d } = this;
    const { maximumOrder, radialFunction = "polyharmonic", dilation = 1 } = this.#options;
    const exponent = requireInteger("exponent", this.#options.exponent ?? 2 * Math.floor(maximumOrder / 2) + 3, 1);
    if (radialFunction === "polyharmonic" && (exponent % 2 === 0 || exponent <= maximumOrder)) {
      throw new KernelError({ op: OP, expected: `an odd exponent above ${maximumOrder}`, actual: String(exponent) });
    }
    const width = requirePositive("width", this.#options.width ?? 2 * dilation);
    const derivative = radialFunction === "gaussian"
      ? gaussianDerivative(1 / (width * width))
      : polyharmonicDerivative(exponent);
    const least = radialFunction === "gaussian" ? 0 : Math.max(maximumOrder, (exponent - 1) / 2);
    const degree = requireInteger("polynomialDegree", this.#options.polynomialDegree ?? least, 0);
    const monomials = monomialsUpTo(degree, d, this.#shape);
    const size = count + monomials.length;
    const system = new Float64Array(size * size);
    const value = derivative(0, 0, d);
    for (let p = 0; p < count; p++) {
      for (let q = 0; q < count; q++) {
        let rr = 0;
        for (let i = 0; i < d; i++) {
          const v = points[p * d + i] - points[q * d + i];
          rr += v * v;
        }
        system[p * size + q] = value(rr);
      }
      monomials.forEach((exponents, m) => {
        const v = power(points, p, exponents);
        system[p * size + count + m] = v;
        system[(count + m) * size + p] = v;
      });
    }
    const total = functionCount(this);
    const right = new Float64Array(size * total);
    const radial = this.#operatorsOn(derivative, points, count);
    for (let row = 0; row < total; row++) {
      for (let p = 0; p < count; p++) right[p * total + row] = radial[row * count + p];
    }
    this.#symbols().forEach((symbol, row) => {
      monomials.forEach((exponents, m) => {
        // ∂^α x^α = α! at the origin, and nothing else remains there.
        const coefficient = symbol.get(exponents.join(",")) ?? 0;
        right[(count + m) * total + row] = coefficient * exponents.reduce((product, e) => product * factorial(e), 1);
      });
    });
    const solution = solveLinear(system, right, size, total);
    if (solution === undefined) {
      throw new KernelError({
        op: OP,
        expected: "taps that determine the radial basis functions",
        actual: `a singular system of ${count} taps and ${monomials.length} polynomials`,
        hint: "Use a larger kernelSize, a lower polynomialDegree or a smaller width.",
      });
    }
    const out = new Float64Array(total * count);
    for (let row = 0; row < total; row++) {
      for (let p = 0; p < count; p++) out[row * count + p] = solution[p * total + row];
    }
    return out;
  }
}

function evaluate(polynomial: Polynomial, x: readonly number[]): number {
  let sum = 0;
  for (const [key, coefficient] of polynomial) {
    let product = coefficient;
    exponentsOf(key).forEach((e, i) => {
      for (let k = 0; k < e; k++) product *= x[i];
    });
    sum += product;
  }
  return sum;
}

function power(points: Float64Array, p: number, exponents: readonly number[]): number {
  let product = 1;
  exponents.forEach((e, i) => {
    for (let k = 0; k < e; k++) product *= points[p * exponents.length + i];
  });
  return product;
}

function factorial(n: number): number {
  let out = 1;
  for (let i = 2; i <= n; i++) out *= i;
  return out;
}

// Monomials of a total degree that the taps of each axis can tell apart, the lowest first.
function monomialsUpTo(degree: number, dimension: number, shape: readonly number[]): number[][] {
  const out: number[][] = [];
  const extend = (head: number[], left: number): void => {
    const axis = head.length;
    if (axis === dimension) {
      out.push(head);
      return;
    }
    const most = Math.min(left, shape[dimension - 1 - axis] - 1);
    for (let e = 0; e <= most; e++) extend([...head, e], left - e);
  };
  extend([], degree);
  const sum = (exponents: readonly number[]): number => exponents.reduce((a, b) => a + b, 0);
  return out.sort((a, b) => sum(a) - sum(b));
}
