/**
 * Steerable convolutions on point clouds of the plane and of space (Thomas et al., Tensor Field Networks, 2018; escnn's
 * `R2PointConv`, `R3PointConv`): continuous steerable kernels between neighbouring points, averaged over the edges of a graph.
 */

import type { RepresentationKind } from "../../group/types.ts";
import { Shells } from "../../kernels/shells.ts";
import type { BasisFilter, KernelTables } from "../../kernels/kernel_tables.ts";
import { KernelError } from "../../kernels/errors.ts";
import type { RadialDescription, RadialProfile } from "../../kernels/radial.ts";
import { type WeightLayout, weightLayout } from "../../kernels/weight_layout.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError, ShapeError } from "../../tensor/errors.ts";
import { isGradEnabled, noGrad, scope, type Tensor, zeros } from "../../tensor/mod.ts";
import { BiasExpansion } from "../conv/bias_expansion.ts";
import { type Expanded, ExpansionCache } from "../conv/expansion_cache.ts";
import { FilterExpansion } from "../conv/filter_expansion.ts";
import { checkTypes, groupType } from "../conv/rd_conv.ts";
import type { EquivarianceReport } from "../check_equivariance.ts";
import { requireInput } from "../equivariant_module.ts";
import { ExportError } from "../errors.ts";
import type { FieldType } from "../field_type.ts";
import { GeometricTensor } from "../geometric_tensor.ts";
import { generalizedHeValues } from "../init.ts";
import type { Layer } from "../plain/layer.ts";
import { Module } from "../plain/module.ts";
import { assign, persistent } from "../plain/persistent.ts";
import { convolvePoints, PointConvolution, type PointConvolutionInputs } from "../plain/point_convolution.ts";
import { type PointFunction, PointFunctions, type PointRadial } from "../plain/point_functions.ts";
import { PointGraph } from "../plain/point_graph.ts";
import { checkPointEquivariance, type PointEquivarianceOptions } from "./point_equivariance.ts";

/** Options of steerable convolutions on points. Exactly one of `width` with `ringCount`, `rings`, and `radial` says what rings there are. */
export interface PointConvOptions {
  /** The radius of the last ring: with `ringCount` rings, equally spaced from 0. */
  readonly width?: number;
  /** The number of rings (escnn's `n_rings`). */
  readonly ringCount?: number;
  /** The radii of the rings. */
  readonly rings?: readonly number[];
  /** Widths of the rings, for all or for each. Default 0.6, the last 0.4, at radius 0 0.005. */
  readonly sigma?: number | readonly number[];
  /** Radial functions in the place of Gaussian rings: `bumpRadial`, `besselRadial`, `withCutoff`; `learnedRadial` with `radialNetwork`. */
  readonly radial?: RadialProfile;
  /** A layer `[edges, 1]` → `[edges, functions]` that computes the radial functions of `learnedRadial` from distances; trained with the rest. */
  readonly radialNetwork?: Layer;
  /** Greatest frequency on a ring: F for F · radius, or a function of the radius. Default 3. */
  readonly frequenciesCutoff?: number | ((radius: number) => number);
  /** The highest frequency of all rings. Default: what the cut-off allows. */
  readonly maximumFrequency?: number;
  /** How far harmonics may be aliased at most. Default: as far as the frequencies go. */
  readonly maximumOffset?: number;
  /** Which basis elements to keep. Default: all. */
  readonly basisFilter?: BasisFilter;
  /** Number of blocks into which the fields are divided; every block repeats the same fields. Default 1. */
  readonly groups?: number;
  /** Whether a bias is added to the trivial irreps of the output. Default true. */
  readonly bias?: boolean;
  /** Whether weights start with the generalized He initialization; else they are zero, to be loaded. Default true. */
  readonly initialize?: boolean;
  /** Element type of weights and bias. Default float32. */
  readonly dtype?: FloatDType;
}

/** Base of steerable convolutions on points. Parameters: `weights`, `bias`, and those of a `radialNetwork`. */
export abstract class PointConv<K extends RepresentationKind = RepresentationKind> extends Module {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The type of outputs. */
  readonly outType: FieldType<K>;
  /** Number of blocks of fields. */
  readonly groups: number;
  /** The meaning of the weights of one group. */
  readonly layout: WeightLayout;
  /** The kernel tables behind the filter. */
  readonly tables: KernelTables;
  readonly #functions: PointFunctions;
  readonly #hasNetwork: boolean;
  readonly #expansion: FilterExpansion;
  readonly #biasExpansion: BiasExpansion | undefined;
  readonly #cache = new ExpansionCache();

  /** A convolution from `inType` to `outType` on a space of a dimension. */
  constructor(dimension: 2 | 3, inType: FieldType, outType: FieldType<K>, options: PointConvOptions) {
    super();
    const op = new.target.name;
    checkTypes(op, dimension, inType, outType);
    checkRings(op, options);
    const { groups = 1, bias = true, initialize = true, dtype = "float32", radialNetwork, ...basis } = options;
    this.inType = inType;
    this.outType = outType;
    this.groups = groups;
    const inGroup = groupType(op, inType, groups), outGroup = groupType(op, outType, groups);
    this.tables = inType.gspace.pointKernelTables(basis);
    const fieldIrreps = (type: FieldType) => type.representations.map((representation) => representation.irreps);
    this.layout = weightLayout(this.tables, fieldIrreps(inGroup), fieldIrreps(outGroup));
    this.#functions = functionsOf(op, dimension, this.tables, radialNetwork);
    this.#expansion = new FilterExpansion(this.tables, this.layout, inGroup, outGroup, groups, {
      count: this.tables.functionCount,
      unnormalized: true,
      of: (table) => table.coefficients,
    });
    this.#hasNetwork = radialNetwork !== undefined;
    this.addParameter(
      "weights",
      initialize
        ? persistent(() => generalizedHeValues(this.layout, groups, dtype))
        : zeros([this.#expansion.weightCount], { dtype }),
    );
    const biasExpansion = bias ? new BiasExpansion(outType) : undefined;
    if (biasExpansion !== undefined && biasExpansion.count > 0) {
      this.#biasExpansion = biasExpansion;
      this.addParameter("bias", zeros([biasExpansion.count], { dtype }));
    }
    if (radialNetwork !== undefined) this.addModule("radialNetwork", radialNetwork);
  }

  /** The flat vector of coefficients, all groups one after the other. */
  get weights(): Tensor {
    return this.parameter("weights");
  }

  /** The bias parameters, if there are any. */
  get bias(): Tensor | undefined {
    return this.#biasExpansion === undefined ? undefined : this.parameter("bias");
  }

  /** The coefficients of the scalar functions, `[out channels, in channels / groups, functions]`, in `dtype` (default: the weights'). */
  expandFilter(dtype: FloatDType = this.weights.dtype as FloatDType): Tensor {
    return this.#expansion.apply(this.weights.cast(dtype));
  }

  /** The bias of each output channel, if there is one. */
  expandBias(dtype: FloatDType = this.weights.dtype as FloatDType): Tensor | undefined {
    const bias = this.bias;
    return bias === undefined ? undefined : this.#biasExpansion!.apply(bias.cast(dtype));
  }

  #expanded(dtype: FloatDType): Expanded {
    if (this.training || isGradEnabled()) return { filter: this.expandFilter(dtype), bias: this.expandBias(dtype) };
    return this.#cache.get(this, dtype);
  }

  /** Frees the cached filter. */
  protected override onStateChange(): void {
    this.#cache.drop();
  }

  /**
   * out(i) = bias + mean over the edges j → i of K(p_j − p_i) x(j); a point without edges gets the bias alone. Differentiable with
   * respect to weights, features and positions.
   *
   * @param input Features at positions: a geometric tensor with `coords`.
   * @param edges `[2, edges]` int32: sources, then targets (sorted once and remembered, so layers should share the tensor); or a graph.
   * @param options Differences to use in the place of those of the positions, and positions of the output that are not the input's.
   * @throws FieldTypeError for another type, ShapeError or ArgumentError for edges and positions that do not fit.
   */
  forward(
    input: GeometricTensor,
    edges: Tensor | PointGraph,
    { edgeDelta, targets }: PointConvolutionInputs = {},
  ): GeometricTensor {
    const op = this.constructor.name, { coords, tensor } = input;
    requireInput(op, this.inType, input);
    if (coords === undefined) {
      throw new ShapeError({
        op,
        expected: "features at points, a GeometricTensor with coords",
        actual: `a grid ${input}`,
        hint: "Pass the positions as third argument: new GeometricTensor(features, type, coords)",
      });
    }
    const place = targets ?? coords;
    const graph = edges instanceof PointGraph ? edges : PointGraph.of(edges, tensor.shape[0], place.shape[0]);
    const { filter, bias } = this.#expanded(tensor.dtype as FloatDType);
    const result = convolvePoints(op, tensor, coords, graph, {
      filter,
      bias,
      functions: this.#functions,
      groups: this.groups,
      edgeDelta,
      targets,
    });
    return new GeometricTensor(result, this.outType, place);
  }

  /**
   * Compares f(g x) with g f(x) for elements g of the group on a point cloud, where every element is exact. The module is checked in
   * eval mode and left as it was.
   *
   * @param options The cloud and its edges (default: random points, all connected), positions of the output, elements, tolerance.
   * @throws EquivarianceError when an element gives a greater error than the tolerance.
   */
  checkEquivariance(options: PointEquivarianceOptions = {}): Promise<EquivarianceReport> {
    const reach = this.tables.basis.rings.reduce((most, { radius }) => Math.max(most, radius), 0);
    return checkPointEquivariance(this, reach || 1, options);
  }

  /**
   * A plain layer that computes the same numbers: the same scalar functions with the expanded coefficients.
   *
   * @throws ExportError where radial functions are computed by a network of the user's.
   */
  export(): PointConvolution {
    if (this.#hasNetwork) {
      throw new ExportError({
        op: `${this.constructor.name}.export`,
        expected: "radial functions that are known by their formula",
        actual: "a radialNetwork",
        hint: "Run the module as it is",
      });
    }
    const target = new PointConvolution(this.inType.size, this.outType.size, this.#functions.options, {
      groups: this.groups,
      bias: this.bias !== undefined,
      initialize: false,
      dtype: this.weights.dtype as FloatDType,
    });
    noGrad(() => {
      using _ = scope();
      const filter = this.expandFilter(), bias = this.expandBias();
      assign(bias === undefined ? [[target.weight, filter]] : [[target.weight, filter], [target.bias!, bias]]);
    });
    return target;
  }

  /** The options as text. */
  protected override describe(): string {
    const rings = this.tables.basis.rings.map(({ radius }) => Number(radius.toFixed(4))).join(", ");
    const groups = this.groups === 1 ? "" : `, groups ${this.groups}`;
    return `${this.inType} -> ${this.outType}, rings ${rings}${groups}`;
  }
}

function checkRings(op: string, { width, ringCount, rings, radial, radialNetwork }: PointConvOptions): void {
  const equal = width !== undefined || ringCount !== undefined;
  if ([equal, rings !== undefined, radial !== undefined].filter((given) => given).length !== 1) {
    throw new ArgumentError({
      op,
      expected: "either width and ringCount, or rings, or radial",
      actual: JSON.stringify({ width, ringCount, rings, radial: radial?.description.kind }),
    });
  }
  if ((radial?.description.kind === "learned") === (radialNetwork !== undefined)) return;
  throw new ArgumentError({
    op,
    expected: "a radialNetwork together with radial: kernels.learnedRadial(…), and only then",
    actual: `${radialNetwork === undefined ? "no network" : "a network"} with ${radial?.description.kind ?? "rings"}`,
  });
}

/** The tables' functions for tensors. */
function functionsOf(op: string, dimension: 2 | 3, tables: KernelTables, network: Layer | undefined): PointFunctions {
  const { basis } = tables;
  if (!(basis instanceof Shells)) {
    throw new KernelError({ op, expected: "harmonics times radial functions", actual: "another filter basis" });
  }
  const { description, rings } = basis.radial;
  const radial: PointRadial = network === undefined
    ? plainRadial(op, description)
    : { kind: "function", count: rings.length, evaluate: (distances) => network.forward(distances) };
  const functions = tables.functionInfo.map(({ frequency, component, ringIndex }): PointFunction => ({
    frequency,
    component,
    ring: ringIndex,
  }));
  return new PointFunctions({ dimension, radial, functions });
}

function plainRadial(op: string, description: RadialDescription): PointRadial {
  switch (description.kind) {
    case "gaussian":
    case "bump":
    case "bessel":
      return description;
    case "cutoff":
      return { ...description, inner: plainRadial(op, description.inner) };
    default:
      throw new ArgumentError({
        op,
        expected: "radial functions with a formula: gaussianRadial, bumpRadial, besselRadial, withCutoff",
        actual: description.kind,
        hint: "Give functions of your own as a layer: radial: kernels.learnedRadial(rings), radialNetwork: layer",
      });
  }
}

/**
 * Steerable convolution on points of the plane: `[points, in channels]` of `inType` at positions (x, y) → `[points, out channels]` of
 * `outType`. See {@linkcode PointConv.forward} for what it computes.
 *
 * Throws FieldTypeError for types on other spaces, EmptyBasisError when there is no kernel at all, ArgumentError or KernelError for
 * options out of range, before anything is allocated.
 *
 * @example
 * ```ts
 * import { assertEquals } from "@std/assert";
 * import { FieldType, GeometricTensor, gspaces, R2PointConv, randn, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot2dOnR2();
 * const scalars = new FieldType(space, space.trivialRepr), vectors = new FieldType(space, space.irrep(1));
 * const conv = new R2PointConv(scalars, vectors, { width: 1, ringCount: 2 });
 * const edges = tensor(new Int32Array([0, 1, 2, 1, 0, 1]), [2, 3]); // 0 → 1, 1 → 0, 2 → 1
 * const y = conv.forward(new GeometricTensor(randn([3, 1]), scalars, randn([3, 2])), edges);
 * assertEquals(y.shape, [3, 2]);
 * ```
 */
export class R2PointConv<K extends RepresentationKind = RepresentationKind> extends PointConv<K> {
  /** A convolution from `inType` to `outType`. */
  constructor(inType: FieldType, outType: FieldType<K>, options: PointConvOptions) {
    super(2, inType, outType, options);
  }
}

/**
 * Steerable convolution on points of space: `[points, in channels]` of `inType` at positions (x, y, z) → `[points, out channels]` of
 * `outType`. See {@linkcode PointConv.forward} for what it computes. Throws as {@linkcode R2PointConv} does.
 *
 * @example
 * ```ts
 * import { assert } from "@std/assert";
 * import { FieldType, GeometricTensor, gspaces, R3PointConv, randn, tensor, useBackend } from "@escnn/escnn";
 *
 * await useBackend("reference");
 * const space = gspaces.rot3dOnR3();
 * const type = new FieldType(space, [space.irrep(0), space.irrep(1)]);
 * const conv = new R3PointConv(type, type, { width: 2, ringCount: 3, dtype: "float64" });
 * const edges = tensor(new Int32Array([0, 1, 2, 3, 1, 2, 3, 0]), [2, 4]);
 * const positions = randn([4, 3], { dtype: "float64" }), features = randn([4, 4], { dtype: "float64" });
 * const report = await conv.checkEquivariance({ input: new GeometricTensor(features, type, positions), edges });
 * assert(report.maxExact < 1e-10); // all rotations are exact on points
 * ```
 */
export class R3PointConv<K extends RepresentationKind = RepresentationKind> extends PointConv<K> {
  /** A convolution from `inType` to `outType`. */
  constructor(inType: FieldType, outType: FieldType<K>, options: PointConvOptions) {
    super(3, inType, outType, options);
  }
}
