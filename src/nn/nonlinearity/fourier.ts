/**
 * Fourier non-linearities (Cesa et al. 2022): a field of band-limited functions on the group, or on a quotient of it, is sampled on a
 * grid, a pointwise function acts on the samples, and their least-squares fit is the result. Equivariant as far as the grid
 * resolves what the function makes: exactly on a finite group's own elements, nearly on a fine grid.
 */

import { spectralQuotientRepresentation, spectralRegularRepresentation } from "../../group/constructions.ts";
import { type GridDescription, groupGrid, sphereGrid } from "../../group/grids/grid.ts";
import type { SphereGridDescription } from "../../group/grids/sphere.ts";
import { HomogeneousSpace } from "../../group/homogeneous_space.ts";
import { sameId } from "../../group/ids.ts";
import type {
  Group,
  GroupElement,
  IrrepId,
  RepresentationKind,
  SubgroupId,
  SubgroupIdPart,
} from "../../group/types.ts";
import type { GSpace } from "../../gspaces/gspace.ts";
import { invertMatrix, multiplyMatrices, transposeMatrix } from "../../math/linear_algebra.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { FieldType } from "../field_type.ts";
import { LayerModule } from "../layer_module.ts";
import { type PlainMatrix, SampledNonLinearity, type ScalarFunction } from "../plain/fiber_nonlinearity.ts";
import type { PointwiseFunction } from "./pointwise.ts";

/** Elements of the group to sample at, or the description of a grid of it. */
export type FourierGrid = readonly GroupElement[] | GridDescription;

/** Elements of the group to sample cosets at, the description of a grid of it, or of a grid of the sphere. */
export type QuotientFourierGrid = FourierGrid | { readonly sphere: SphereGridDescription };

/** Options of Fourier non-linearities. */
export interface FourierNonLinearityOptions {
  /**
   * Where functions are sampled. Default: all elements of a finite group; a continuous one needs a grid. Fewer points than a field has
   * channels lose a part of it, and more of them are closer to equivariance.
   */
  readonly grid?: FourierGrid;
  /** The irreps of the result, where they are others than the input's. */
  readonly outIrreps?: readonly IrrepId[];
  /** Whether samples are scaled so that the function concentrated at the identity has norm 1. Default true. */
  readonly normalize?: boolean;
}

/** Options of Fourier non-linearities on a quotient. */
export interface QuotientFourierOptions extends Omit<FourierNonLinearityOptions, "grid"> {
  /**
   * Where functions are sampled. Default: all elements of a finite group; a continuous one needs a grid. Fewer points than a field has
   * channels lose a part of it, and more of them are closer to equivariance.
   */
  readonly grid?: QuotientFourierGrid;
}

const FUNCTIONS: { readonly [F in PointwiseFunction]: ScalarFunction } = {
  p_relu: "relu",
  p_elu: "elu",
  p_sigmoid: "sigmoid",
  p_tanh: "tanh",
};

function functionOf(op: string, name: PointwiseFunction): ScalarFunction {
  if (Object.hasOwn(FUNCTIONS, name)) return FUNCTIONS[name];
  throw new ArgumentError({
    op,
    expected: `one of the functions ${Object.keys(FUNCTIONS).join(", ")}`,
    actual: JSON.stringify(name),
  });
}

/** One axis of each orbit of the endomorphisms, which pair an axis with those at distances of dim / count. */
function axes(size: number, endomorphisms: number): Float64Array[] {
  return Array.from(
    { length: size / endomorphisms },
    (_, axis) => Float64Array.from({ length: size }, (_, i) => i === axis ? 1 : 0),
  );
}

/** The values of basis functions at elements of the group, [elements, functions], unscaled but for √dim. */
function sampleIrreps(
  space: HomogeneousSpace,
  irreps: readonly IrrepId[],
  elements: readonly GroupElement[],
  weighted: boolean,
): PlainMatrix {
  const { group } = space, trivial = space.subgroup.subgroup.trivialRepresentation;
  const parts = irreps.map((id) => {
    const rho = group.irrep(...id);
    const vectors = weighted ? axes(rho.size, rho.endomorphismCount) : space.intertwiners(rho, trivial);
    return { rho, vectors, scale: weighted ? Math.sqrt(rho.size) : 1 };
  });
  const columns = parts.reduce((sum, { rho, vectors }) => sum + rho.size * vectors.length, 0);
  const data = new Float64Array(elements.length * columns);
  elements.forEach((g, row) => {
    let at = row * columns;
    for (const { rho, vectors, scale } of parts) {
      const d = rho.size, matrix = rho.matrix(g);
      for (const vector of vectors) {
        for (let i = 0; i < d; i++) {
          let sum = 0;
          for (let k = 0; k < d; k++) sum += matrix[i * d + k] * vector[k];
          data[at++] = scale * sum;
        }
      }
    }
  });
  return { rows: elements.length, columns, data };
}

/** The matrices of a Fourier non-linearity: coefficients to samples, and samples to coefficients. */
export interface FourierMatrices {
  /** A [samples, coefficients of the input]. */
  readonly sampling: PlainMatrix;
  /** A⁺ [coefficients of the result, samples]. */
  readonly analysis: PlainMatrix;
}

// What escnn adds to the diagonal of the normal equations; checkpoints depend on it.
const REGULARIZATION = 1e-8;

/**
 * The matrices for functions on a homogeneous space. Row g of A holds √dim ψ ψ(g) b for each irrep ψ and each of its vectors b that
 * the subgroup holds fixed (on a proper quotient without the factor √dim ψ); A⁺ is the regularized pseudo-inverse of the same matrix
 * for the irreps of the result, followed by those of the input that it lacks.
 */
function fourierMatrices(
  op: string,
  space: HomogeneousSpace,
  irreps: readonly IrrepId[],
  outIrreps: readonly IrrepId[] | undefined,
  grid: readonly GroupElement[],
  weighted: boolean,
  normalize: boolean,
): FourierMatrices {
  const scaled = (ids: readonly IrrepId[]): PlainMatrix => {
    const matrix = sampleIrreps(space, ids, grid, weighted);
    if (!normalize) return matrix;
    const { data } = sampleIrreps(space, ids, [space.group.identity], weighted);
    const norm = Math.sqrt(data.reduce((sum, v) => sum + v * v, 0));
    return { ...matrix, data: matrix.data.map((v) => v / norm) };
  };
  const sampling = scaled(irreps);
  const extra = outIrreps === undefined ? [] : irreps.filter((id) => !outIrreps.some((other) => sameId(id, other)));
  const basis = outIrreps === undefined ? sampling : scaled([...outIrreps, ...extra]);
  const { rows, columns, data } = basis;
  const transposed = transposeMatrix(data, rows, columns);
  const gram = multiplyMatrices(transposed, data, columns, rows, columns);
  for (let i = 0; i < columns; i++) gram[i * columns + i] += REGULARIZATION;
  const inverse = invertMatrix(gram, columns);
  if (inverse === undefined || inverse.some((v) => !Number.isFinite(v))) {
    throw new ArgumentError({
      op,
      expected: `a grid that tells ${columns} functions apart`,
      actual: `${rows} points`,
      hint: "Take more points or fewer irreps",
    });
  }
  const kept = outIrreps === undefined ? columns : sampleIrreps(space, outIrreps, [], weighted).columns;
  const analysis = multiplyMatrices(inverse, transposed, columns, columns, rows).slice(0, kept * rows);
  return { sampling, analysis: { rows: kept, columns: rows, data: analysis } };
}

function gridOf(op: string, group: Group, grid: QuotientFourierGrid | undefined): readonly GroupElement[] {
  if (grid === undefined) {
    if (!group.isContinuous) return group.elements;
    throw new ArgumentError({
      op,
      expected: `a grid of ${group.name}, because it is infinite`,
      actual: "none",
      hint:
        'Give grid: { type: "regular", N: 16 } for planar groups, { type: "thomson_cube", N: 4 } for those of space',
    });
  }
  if (!isElements(grid)) return "sphere" in grid ? sphereGrid(group, grid.sphere) : groupGrid(group, grid);
  const foreign = grid.find((g) => g.group !== group);
  if (grid.length === 0 || foreign !== undefined) {
    throw new ArgumentError({
      op,
      expected: `elements of ${group.name}`,
      actual: foreign === undefined ? "none" : String(foreign),
    });
  }
  return grid;
}

function isElements(grid: QuotientFourierGrid): grid is readonly GroupElement[] {
  return Array.isArray(grid);
}

/** What all Fourier non-linearities share. */
export abstract class FourierModule extends LayerModule<RepresentationKind, SampledNonLinearity> {
  /** Number of fields. */
  readonly channels: number;
  /** The irreps of a field of the input. */
  readonly irreps: readonly IrrepId[];
  /** The elements at which functions are sampled. */
  readonly grid: readonly GroupElement[];
  /** The matrices A and A⁺. */
  readonly matrices: FourierMatrices;

  /** A module called `op`; without a subgroup on the group itself. */
  constructor(
    op: string,
    gspace: GSpace,
    subgroupId: SubgroupId | SubgroupIdPart | undefined,
    channels: number,
    irreps: readonly IrrepId[],
    name: PointwiseFunction,
    options: QuotientFourierOptions,
  ) {
    const group = gspace.fibergroup, fn = functionOf(op, name);
    if (!Number.isInteger(channels) || channels < 1 || !Array.isArray(irreps) || irreps.length === 0) {
      throw new ArgumentError({
        op,
        expected: "a positive number of channels and at least one irrep",
        actual: `${channels} channels, ${Array.isArray(irreps) ? `${irreps.length} irreps` : `irreps ${irreps}`}`,
        hint: "Irreps are listed by their ids, such as [[0], [1]], or group.irreps(1).map(({ id }) => id)",
      });
    }
    const { outIrreps, normalize = true } = options;
    const typeOf = (ids: readonly IrrepId[]): FieldType => {
      const rho = subgroupId === undefined
        ? spectralRegularRepresentation(group, ids)
        : spectralQuotientRepresentation(group, subgroupId, ids);
      return new FieldType(gspace, rho, channels);
    };
    const inType = typeOf(irreps), outType = outIrreps === undefined ? inType : typeOf(outIrreps);
    const grid = gridOf(op, group, options.grid);
    const space = new HomogeneousSpace(group, subgroupId ?? group.subgroupTrivialId);
    const matrices = fourierMatrices(op, space, irreps, outIrreps, grid, subgroupId === undefined, normalize);
    super(inType, outType, () => new SampledNonLinearity(channels, matrices.sampling, matrices.analysis, fn));
    this.channels = channels;
    this.irreps = irreps;
    this.grid = grid;
    this.matrices = matrices;
  }
}

/** Options with the name of a function. */
export interface WithSampleFunction {
  /** The function of a sample. Default `"p_relu"`. */
  readonly function?: PointwiseFunction;
}

/**
 * A function of the samples of band-limited functions on the group. Input: `channels` fields, each holding every listed irrep as often as
 * functions on the group do (the band-limited regular representation).
 *
 * @example
 * ```ts
 * import { assert, assertEquals } from "@std/assert";
 * import { cyclicGroup, FourierPointwise, gspaces, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.noBaseSpace(cyclicGroup(6));
 * const relu = new FourierPointwise(space, 3, [[0], [1], [2], [3]]);
 * assertEquals(relu.inType.size, 18);
 * assert((await relu.checkEquivariance({ tolerance: 1e-7 })).passed);
 * ```
 */
export class FourierPointwise extends FourierModule {
  /** A non-linearity of `channels` fields on `gspace`. Throws ArgumentError for an infinite group without a grid. */
  constructor(
    gspace: GSpace,
    channels: number,
    irreps: readonly IrrepId[],
    options: FourierNonLinearityOptions & WithSampleFunction = {},
  ) {
    super("FourierPointwise", gspace, undefined, channels, irreps, options.function ?? "p_relu", options);
  }
}

/** {@linkcode FourierPointwise} with the function x where x > 0, else eˣ − 1. */
export class FourierELU extends FourierModule {
  /** A non-linearity of `channels` fields on `gspace`. Throws ArgumentError for an infinite group without a grid. */
  constructor(gspace: GSpace, channels: number, irreps: readonly IrrepId[], options: FourierNonLinearityOptions = {}) {
    super("FourierELU", gspace, undefined, channels, irreps, "p_elu", options);
  }
}

/** {@linkcode FourierPointwise} for functions on the quotient of the group by a subgroup, e.g. on the sphere. */
export class QuotientFourierPointwise extends FourierModule {
  /** A non-linearity of `channels` fields of functions on the quotient by `subgroupId`. */
  constructor(
    gspace: GSpace,
    subgroupId: SubgroupId | SubgroupIdPart,
    channels: number,
    irreps: readonly IrrepId[],
    options: QuotientFourierOptions & WithSampleFunction = {},
  ) {
    const fn = options.function ?? "p_relu";
    super("QuotientFourierPointwise", gspace, subgroupId, channels, irreps, fn, options);
  }
}

/** {@linkcode QuotientFourierPointwise} with the function x where x > 0, else eˣ − 1. */
export class QuotientFourierELU extends FourierModule {
  /** A non-linearity of `channels` fields of functions on the quotient by `subgroupId`. */
  constructor(
    gspace: GSpace,
    subgroupId: SubgroupId | SubgroupIdPart,
    channels: number,
    irreps: readonly IrrepId[],
    options: QuotientFourierOptions = {},
  ) {
    super("QuotientFourierELU", gspace, subgroupId, channels, irreps, "p_elu", options);
  }
}
