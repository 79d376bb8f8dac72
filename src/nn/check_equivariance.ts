/**
 * The one check of equivariance, for modules and functions: f(g x) against g f(x). Elements that map the sampling grid to
 * itself must agree to rounding; those that need interpolation are reported apart, on smooth inputs and inside a disc.
 */

import type { Group, GroupElement } from "../group/types.ts";
import {
  currentBackend,
  getRandomState,
  noGrad,
  randn,
  scope,
  setRandomState,
  type Tensor,
  tensor,
} from "../tensor/mod.ts";
import type { Backend } from "../tensor/backend.ts";
import type { DType, FloatDType } from "../tensor/dtype.ts";
import { ArgumentError, ShapeError } from "../tensor/errors.ts";
import { EquivarianceError } from "./errors.ts";
import type { FieldType } from "./field_type.ts";
import { GeometricTensor } from "./geometric_tensor.ts";
import { assign, persistent } from "./plain/persistent.ts";
import type { Module } from "./plain/module.ts";
import { isExactOnGrid } from "./transform.ts";

const DEFAULT_SIZE = 17;

/** A map between feature maps: every equivariant module is one, and so is any object of this form. */
export interface EquivariantMap {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The type of outputs, checked against what comes out. */
  readonly outType?: FieldType;
  /** The map. */
  forward(input: GeometricTensor): GeometricTensor;
  /** The element that acts on inputs when this one, of the output's group, acts on outputs. Default: the same. */
  inclusion?(element: GroupElement): GroupElement;
}

/** Options of {@linkcode checkEquivariance}. */
export interface EquivarianceOptions {
  /** The elements to try. Default: the `testingElements` of the group, that of outputs where a module restricts it. */
  readonly elements?: readonly GroupElement[];
  /** Spatial sizes of random inputs, one number for all axes. Default 17. Choose one that strides divide symmetrically. */
  readonly size?: number | readonly number[];
  /** Samples of random inputs. Default 2. */
  readonly batch?: number;
  /** Inputs to use instead of random ones; they may be point clouds. */
  readonly input?: GeometricTensor;
  /** Element type of random inputs, in which the module then computes. Default float64. */
  readonly dtype?: FloatDType;
  /** Bound on the greatest error of exact elements, relative to the greatest output. Default 1e-9 in float64, 1e-4 in float32. */
  readonly tolerance?: number;
  /** Bound on the relative mean error of interpolated elements. Default: none, they are only reported. */
  readonly interpolatedTolerance?: number;
  /** Backend of random inputs. Default: the current one. */
  readonly backend?: Backend;
  /** Throw when a bound is exceeded. Default true; with false read `passed`. */
  readonly assert?: boolean;
}

/** The error of one element. */
export interface ElementError {
  /** The element. */
  readonly element: GroupElement;
  /** The error: greatest and relative to the greatest output if exact, else the relative root mean square in the disc. */
  readonly error: number;
}

/** What {@linkcode checkEquivariance} found. */
export interface EquivarianceReport {
  /** Elements that map the grids of input and output to themselves (all of them on points and without a base space). */
  readonly exact: readonly ElementError[];
  /** Elements that need interpolation. */
  readonly interpolated: readonly ElementError[];
  /** The greatest error of exact elements; 0 if there are none. */
  readonly maxExact: number;
  /** The greatest error of interpolated elements; 0 if there are none. */
  readonly maxInterpolated: number;
  /** The bound on `maxExact`. */
  readonly tolerance: number;
  /** Whether all bounds hold. */
  readonly passed: boolean;
}

/**
 * Compares f(g x) with g f(x) for elements g of the group. A module is checked in eval mode and left as it was.
 *
 * @param subject A module, or any `{ inType, forward }`.
 * @param options Elements, sizes, tolerances.
 * @returns The error for each element, exact and interpolated ones apart.
 * @throws EquivarianceError when a bound is exceeded, naming the worst element and its error.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { checkEquivariance, FieldType, R2Conv, gspaces, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2(4);
 * const conv = new R2Conv(new FieldType(space, [space.trivialRepr]), new FieldType(space, [space.regularRepr]), 3);
 * const report = await checkEquivariance(conv, { size: 7 });
 * assert(report.maxExact < 1e-12);
 * ```
 */
export function checkEquivariance(
  subject: EquivariantMap,
  options: EquivarianceOptions = {},
): Promise<EquivarianceReport> {
  const module = "namedModules" in subject ? subject as unknown as Module : undefined;
  return checkMap(subject.constructor.name, subject, module, options);
}

/** The same for a module of several inputs: they are the parts, one after the other, of one input of the sum of their types. */
export function checkJoint(
  module: Module,
  inTypes: readonly FieldType[],
  forward: (parts: readonly GeometricTensor[]) => GeometricTensor,
  options: EquivarianceOptions,
  inclusion?: (element: GroupElement) => GroupElement,
): Promise<EquivarianceReport> {
  const [first, ...others] = inTypes;
  const breaks: number[] = [];
  const inType = others.reduce<FieldType>((sum, type) => {
    breaks.push(sum.length);
    return sum.concat(type);
  }, first);
  const subject = { inType, forward: (x: GeometricTensor) => forward(x.split(breaks)), inclusion };
  return checkMap(module.constructor.name, subject, module, options);
}

/** The same for a map called `name` in errors that computes with a module, which is what is put into eval mode. */
export async function checkMap(
  name: string,
  subject: EquivariantMap,
  module: Module | undefined,
  options: EquivarianceOptions,
): Promise<EquivarianceReport> {
  const type = options.input?.type ?? subject.inType;
  const dtype = options.input === undefined ? options.dtype ?? "float64" : options.input.tensor.dtype;
  const tolerance = options.tolerance ?? (dtype === "float64" ? 1e-9 : 1e-4);
  const exact: ElementError[] = [];
  const interpolated: ElementError[] = [];
  const restore = suspend(module);
  try {
    await scope(() =>
      noGrad(async () => {
        const [rough, smooth] = options.input === undefined
          ? randomInputs(type, options)
          : [options.input, options.input];
        const outputs = new Map<GeometricTensor, GeometricTensor>();
        const apply = (x: GeometricTensor): GeometricTensor => {
          if (!outputs.has(x)) outputs.set(x, subject.forward(x));
          return outputs.get(x)!;
        };
        const group = firstOutput(() => apply(rough), options).type.fibergroup;
        for (const element of options.elements ?? group.testingElements) {
          const inner = includeElement(name, subject, type, group, element);
          const isExact = exactFor(apply(rough), element) && exactFor(rough, inner);
          const x = isExact ? rough : smooth;
          const moved = subject.forward(inPrecision(inPrecision(x, "float64").transform(inner), dtype));
          const expected = inPrecision(apply(x), "float64").transform(element);
          const [a, b] = [await moved.tensor.data(), await expected.tensor.data()];
          if (isExact) exact.push({ element, error: greatestError(a, b) });
          else interpolated.push({ element, error: errorInDisc(a, b, expected.shape) });
        }
      })
    );
  } finally {
    restore();
  }
  return judge(name, exact, interpolated, tolerance, options);
}

/** A feature map, and its positions, in an element type: it is moved in float64 whatever the module computes in. */
function inPrecision(x: GeometricTensor, dtype: DType): GeometricTensor {
  return new GeometricTensor(x.tensor.cast(dtype), x.type, x.coords?.cast(dtype));
}

/** The output for the first input; where a size was not given, the error for one that does not fit says so. */
function firstOutput(apply: () => GeometricTensor, options: EquivarianceOptions): GeometricTensor {
  try {
    return apply();
  } catch (error) {
    if (!(error instanceof ShapeError) || options.size !== undefined || options.input !== undefined) throw error;
    const hint = `checkEquivariance tries inputs of size ${DEFAULT_SIZE}: name another with { size }`;
    throw new ShapeError({ ...error.details, hint });
  }
}

/** The element of the input's group for one of the output's. */
function includeElement(
  name: string,
  subject: EquivariantMap,
  type: FieldType,
  outGroup: Group,
  element: GroupElement,
): GroupElement {
  const inner = subject.inclusion?.(element) ?? element;
  if (inner.group === type.fibergroup) return inner;
  throw new ArgumentError({
    op: `checkEquivariance of ${name}`,
    expected: outGroup === type.fibergroup
      ? `elements of ${outGroup.name}`
      : `a map from ${type.fibergroup.name} to ${outGroup.name} that knows its inclusion(element)`,
    actual: String(element),
    hint: "Elements are those of the output's group; a network of your own that restricts it overrides inclusion()",
  });
}

function judge(
  name: string,
  exact: readonly ElementError[],
  interpolated: readonly ElementError[],
  tolerance: number,
  options: EquivarianceOptions,
): EquivarianceReport {
  // A NaN must count as a failure, so the comparisons are written to be false for it.
  const worst = (list: readonly ElementError[]): ElementError | undefined =>
    list.reduce<ElementError | undefined>((a, b) => a === undefined || !(b.error <= a.error) ? b : a, undefined);
  const worstExact = worst(exact), worstInterpolated = worst(interpolated);
  const exactOk = worstExact === undefined || worstExact.error <= tolerance;
  const bound = options.interpolatedTolerance ?? Infinity;
  const interpolatedOk = worstInterpolated === undefined || worstInterpolated.error <= bound;
  const report: EquivarianceReport = {
    exact,
    interpolated,
    maxExact: worstExact?.error ?? 0,
    maxInterpolated: worstInterpolated?.error ?? 0,
    tolerance,
    passed: exactOk && interpolatedOk,
  };
  if (report.passed || options.assert === false) return report;
  const failed = exactOk ? worstInterpolated! : worstExact!;
  throw new EquivarianceError({
    op: `checkEquivariance of ${name}`,
    expected: `f(g x) = g f(x) within ${exactOk ? bound : tolerance}`,
    actual: `an error of ${failed.error} for g = ${failed.element}`,
    hint:
      "With strides, windows must cover the input symmetrically: (size + 2 padding - kernel) divisible by the stride. " +
      "analyze(module, inputShape) names layers that do not, and sizes that fit",
  });
}

/** Puts a module into eval mode with its random state and buffers saved; the result undoes it. */
function suspend(module: Module | undefined): () => void {
  const state = getRandomState();
  if (module === undefined) return () => setRandomState(state);
  const modes = module.namedModules().map(([, part]): [Module, boolean] => [part, part.training]);
  const buffers = module.buffers().map((buffer): [Tensor, Tensor] => [buffer, persistent(() => buffer.clone())]);
  module.eval();
  return () => {
    // Parents come first, so that each child's own mode is what remains.
    for (const [part, mode] of modes) part.train(mode);
    noGrad(() => assign(buffers));
    for (const [, saved] of buffers) saved.dispose();
    setRandomState(state);
  };
}

function exactFor(x: GeometricTensor, g: GroupElement): boolean {
  return x.coords !== undefined || isExactOnGrid(x.type.gspace, g, x.shape.slice(2));
}

/** White noise, which shows every error, and a smooth input, which interpolation can follow. */
function randomInputs(type: FieldType, options: EquivarianceOptions): [GeometricTensor, GeometricTensor] {
  const dimension = type.gspace.dimensionality, { size = DEFAULT_SIZE, batch = 2, dtype = "float64" } = options;
  const spatial = typeof size === "number" ? new Array<number>(dimension).fill(size) : [...size];
  const shape = [batch, type.size, ...spatial];
  const backend = options.backend ?? currentBackend();
  const noise = randn(shape, { dtype, backend });
  let smooth = noise;
  spatial.forEach((length, axis) => {
    // Low-pass in each axis by a matrix product with a wide Gaussian.
    const width = length / 6, weights = new Float64Array(length * length);
    for (let i = 0; i < length; i++) {
      for (let j = 0; j < length; j++) {
        const t = (i - j) / width;
        // exp is not needed: any smooth bump will do, and this one needs no transcendental function.
        weights[i * length + j] = 1 / ((1 + t * t) * (1 + t * t));
      }
    }
    const matrix = tensor(weights, [length, length], { dtype: "float64", backend }).cast(dtype);
    const order = smooth.shape.map((_, a) => a).filter((a) => a !== axis + 2).concat(axis + 2);
    const inverse = order.map((_, a) => order.indexOf(a));
    smooth = smooth.permute(order).matmul(matrix).permute(inverse);
  });
  return [new GeometricTensor(noise, type), new GeometricTensor(smooth.contiguous(), type)];
}

function greatestError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let error = 0, scale = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i] - b[i]);
    if (!(difference <= error)) error = difference;
    scale = Math.max(scale, Math.abs(b[i]));
  }
  return error === 0 ? 0 : error / (scale || 1);
}

/** Root mean square of the difference over that of the expected values, at positions within half the radius. */
function errorInDisc(a: ArrayLike<number>, b: ArrayLike<number>, shape: readonly number[]): number {
  if (a.length !== b.length) return Infinity;
  const spatial = shape.slice(2), positions = spatial.reduce((x, y) => x * y, 1);
  let difference = 0, scale = 0;
  for (let i = 0; i < a.length; i++) {
    let rest = i % positions, distance = 0;
    for (let axis = spatial.length - 1; axis >= 0; axis--) {
      const t = (rest % spatial[axis]) / ((spatial[axis] - 1) / 2 || 1) - (spatial[axis] > 1 ? 1 : 0);
      rest = Math.floor(rest / spatial[axis]);
      distance += t * t;
    }
    if (distance > 0.25) continue;
    difference += (a[i] - b[i]) * (a[i] - b[i]);
    scale += b[i] * b[i];
  }
  return Math.sqrt(difference / (scale || 1));
}
