/**
 * What steerable convolutions on the plane and in space share: weights in the irrep basis, their expansion into a filter and
 * its cache in eval mode, initialization, the bias, and the plain convolution that the expanded filter runs through.
 */

import type { RepresentationKind } from "../../group/types.ts";
import type { GSpace } from "../../gspaces/gspace.ts";
import type { FrequenciesCutoff } from "../../kernels/basis_parameters.ts";
import type { ConvolutionOptions, KernelAttributes, KernelTables } from "../../kernels/kernel_tables.ts";
import { type WeightLayout, weightLayout } from "../../kernels/weight_layout.ts";
import { type Padding, type PerAxis, perAxis } from "../../tensor/conv_geometry.ts";
import type { FloatDType } from "../../tensor/dtype.ts";
import { ArgumentError } from "../../tensor/errors.ts";
import { localScope } from "../../tensor/scope.ts";
import { isGradEnabled, noGrad, scope, type Tensor, zeros } from "../../tensor/mod.ts";
import { EquivariantModule } from "../equivariant_module.ts";
import { FieldTypeError } from "../errors.ts";
import { FieldType, requireSameSpace } from "../field_type.ts";
import { generalizedHeValues } from "../init.ts";
import {
  describeAxes,
  describeSides,
  type PaddingMode,
  requirePaddingMode,
  resolvePadding,
  type Sides,
} from "../plain/convolution.ts";
import { assign, persistent } from "../plain/persistent.ts";
import type { Module } from "../plain/module.ts";
import { BiasExpansion } from "./bias_expansion.ts";
import { type ConvolutionPlan, ConvolutionPlans, requirePlan } from "./convolution_plan.ts";
import { type Expanded, ExpansionCache } from "./expansion_cache.ts";
import { FilterExpansion } from "./filter_expansion.ts";
import type { FastConvolution, FastOptions } from "./plan_parts.ts";

/** Options of steerable convolutions. Arrays over axes are in array order: `[vertical, horizontal]`, `[depth, vertical, horizontal]`. */
export interface SteerableConvolutionOptions {
  /** Padding: of all sides, of each axis, `[before, after]` of each axis, or `"same"` for outputs of size ⌈size / stride⌉. Default 0. */
  readonly padding?: Padding | "same";
  /** Step between neighbouring outputs. Default 1. */
  readonly stride?: PerAxis;
  /** Distance between neighbouring taps. Default 1. */
  readonly dilation?: number;
  /** What stands in the padding. Default zeros. */
  readonly paddingMode?: PaddingMode;
  /** Number of blocks into which the fields are divided; every block repeats the same fields. Default 1. */
  readonly groups?: number;
  /** Whether a bias is added to the trivial irreps of the output. Default true. */
  readonly bias?: boolean;
  /** Width of the rings, for all or for each. Default 0.6, the last 0.4, at radius 0 0.005. */
  readonly sigma?: number | readonly number[];
  /** Radii of the rings. Default: ⌈k/2⌉ from 0 to ⌊(k − 1)/2⌋, times the dilation. */
  readonly rings?: readonly number[];
  /**
   * Greatest frequency on a ring by its radius: a function, F for F · radius, or a policy −1 (default), −2, −3 of escnn, in space
   * `"default1"`, `"default2"`, `"default3"`.
   */
  readonly frequenciesCutoff?: FrequenciesCutoff;
  /** How far harmonics may be aliased at most. Default: as far as the frequencies go. */
  readonly maximumOffset?: number;
  /** Which basis elements to keep. Default: all. */
  readonly basisFilter?: (attributes: KernelAttributes) => boolean;
  /** Whether weights start with the generalized He initialization; else they are zero, to be loaded. Default true. */
  readonly initialize?: boolean;
  /** Element type of weights and bias. Default float32. */
  readonly dtype?: FloatDType;
  /** How the convolution is computed: with its filter, with functions on the grid, in the irrep basis. Default: what is fastest. */
  readonly plan?: ConvolutionPlan | "auto";
}

/** The options with defaults that every steerable convolution has. */
export interface SteerableConvolutionSettings {
  /** Padding as `[before, after]` for each axis. */
  readonly padding: Sides;
  /** Stride for each axis. */
  readonly stride: readonly number[];
  /** Dilation of all axes. */
  readonly dilation: number;
  /** What stands in the padding. */
  readonly paddingMode: PaddingMode;
  /** Number of blocks. */
  readonly groups: number;
}

/** Makes the kernel tables of a space for the options of a layer. */
export type TableMaker = (gspace: GSpace, options: ConvolutionOptions) => KernelTables;

/**
 * Base of steerable convolutions. Parameters: `weights`, the flat vector of coefficients in the irrep basis, and `bias`, one
 * number for each trivial irrep of the output. The meaning of `weights` is the same on every machine, backend and mode.
 */
export abstract class RdConv<K extends RepresentationKind = RepresentationKind> extends EquivariantModule<K> {
  /** The type of inputs. */
  readonly inType: FieldType;
  /** The type of outputs. */
  readonly outType: FieldType<K>;
  /** Sizes of the filter, in array order. */
  readonly kernelSize: readonly number[];
  /** Padding, stride, dilation, mode, groups. */
  readonly settings: SteerableConvolutionSettings;
  /** The meaning of the weights of one group. */
  readonly layout: WeightLayout;
  /** The kernel tables behind the filter. */
  readonly tables: KernelTables;
  /** Ways to compute the convolution without its filter. */
  protected readonly plans: ConvolutionPlans;
  readonly #makeExpansion: () => FilterExpansion;
  #madeExpansion: FilterExpansion | undefined;
  readonly #biasExpansion: BiasExpansion | undefined;
  readonly #cache = new ExpansionCache();

  /** A convolution from `inType` to `outType` on a space of a dimension. */
  constructor(
    dimension: number,
    inType: FieldType,
    outType: FieldType<K>,
    kernelSize: PerAxis,
    options: SteerableConvolutionOptions,
    makeTables: TableMaker = (gspace, basisOptions) => gspace.kernelTables(basisOptions),
  ) {
    super();
    const op = new.target.name;
    checkTypes(op, dimension, inType, outType);
    const { groups = 1, bias = true, initialize = true, dtype = "float32", dilation = 1 } = options;
    this.inType = inType;
    this.outType = outType;
    this.kernelSize = perAxis(kernelSize, dimension, "kernelSize", 1, op);
    checkKernelShape(op, inType.gspace, this.kernelSize);
    const [step] = perAxis(dilation, 1, "dilation", 1, op);
    this.settings = {
      padding: resolvePadding(op, options.padding ?? 0, this.kernelSize, this.kernelSize.map(() => step)),
      stride: perAxis(options.stride ?? 1, dimension, "stride", 1, op),
      dilation: step,
      paddingMode: requirePaddingMode(op, options.paddingMode ?? "zeros"),
      groups,
    };
    const inGroup = groupType(op, inType, groups), outGroup = groupType(op, outType, groups);
    this.tables = makeTables(inType.gspace, {
      kernelSize: this.kernelSize,
      dilation: step,
      rings: options.rings,
      sigma: options.sigma,
      frequenciesCutoff: options.frequenciesCutoff,
      maximumOffset: options.maximumOffset,
      basisFilter: options.basisFilter,
    });
    const fieldIrreps = (type: FieldType) => type.representations.map((representation) => representation.irreps);
    this.layout = weightLayout(this.tables, fieldIrreps(inGroup), fieldIrreps(outGroup));
    this.#makeExpansion = () => new FilterExpansion(this.tables, this.layout, inGroup, outGroup, groups);
    this.plans = new ConvolutionPlans(
      {
        tables: this.tables,
        layout: this.layout,
        inType: inGroup,
        outType: outGroup,
        groups,
        kernelSize: this.kernelSize,
      },
      requirePlan(op, options.plan ?? "auto"),
    );
    const shape = [this.layout.size * groups];
    this.addParameter(
      "weights",
      initialize ? persistent(() => generalizedHeValues(this.layout, groups, dtype)) : zeros(shape, { dtype }),
    );
    const biasExpansion = bias ? new BiasExpansion(outType) : undefined;
    if (biasExpansion !== undefined && biasExpansion.count > 0) {
      this.#biasExpansion = biasExpansion;
      this.addParameter("bias", zeros([biasExpansion.count], { dtype }));
    }
  }

  /** The flat vector of coefficients, all groups one after the other. */
  get weights(): Tensor {
    return this.parameter("weights");
  }

  /** The bias parameters, if there are any. */
  get bias(): Tensor | undefined {
    return this.#biasExpansion === undefined ? undefined : this.parameter("bias");
  }

  /** How weights become the filter; made when a filter is first asked for, which fast plans never do. */
  get #expansion(): FilterExpansion {
    return this.#madeExpansion ??= this.#makeExpansion();
  }

  /** The filter that the weights make, with the axes that the plain layer takes, in `dtype` (default: the weights'). */
  expandFilter(dtype: FloatDType = this.weights.dtype as FloatDType): Tensor {
    const [rows, columns] = this.#expansion.shape;
    return this.arrangeFilter(
      this.#expansion.apply(this.weights.cast(dtype)).reshape([rows, columns, ...this.kernelSize]),
    );
  }

  /** The filter `[out channels, in channels / groups, …taps]` with the axes that the plain layer takes. */
  protected arrangeFilter(filter: Tensor): Tensor {
    return filter;
  }

  /** The bias of each output channel, if there is one. */
  expandBias(dtype: FloatDType = this.weights.dtype as FloatDType): Tensor | undefined {
    const bias = this.bias;
    return bias === undefined ? undefined : this.#biasExpansion!.apply(bias.cast(dtype));
  }

  /**
   * Filter and bias for an input of this type. In eval mode without gradients they are kept until the weights change; whoever
   * wants gradients gets them recorded in every pass.
   */
  protected expanded(dtype: FloatDType): Expanded {
    if (this.training || isGradEnabled()) return { filter: this.expandFilter(dtype), bias: this.expandBias(dtype) };
    return this.#cache.get(this, dtype);
  }

  /** Frees the cached filter. */
  protected override onStateChange(): void {
    this.#cache.drop();
  }

  /** The convolution of `x` by a plan that needs no filter, with the bias. */
  protected convolveBy(plan: FastConvolution, x: Tensor, options: FastOptions): Tensor {
    const dtype = x.dtype as FloatDType;
    // What comes before the bias is as large as the output, and no gradient needs it.
    return localScope(() => {
      const y = plan.apply(x, this.weights.cast(dtype), options);
      const bias = this.expandBias(dtype);
      return bias === undefined ? y : y.add(bias.reshape([-1, ...options.stride.map(() => 1)]));
    });
  }

  /** Copies the expanded filter and bias into a plain layer's parameters. */
  protected fill<M extends Module & { readonly weight: Tensor; readonly bias: Tensor | undefined }>(target: M): M {
    noGrad(() => {
      using _ = scope();
      const filter = this.expandFilter(), bias = this.expandBias();
      assign(bias === undefined ? [[target.weight, filter]] : [[target.weight, filter], [target.bias!, bias]]);
    });
    return target;
  }

  /** The options as text. */
  protected override describe(): string {
    const { padding, stride, dilation, groups, paddingMode } = this.settings;
    const parts = [
      `${this.inType} -> ${this.outType}`,
      ...describeAxes("kernelSize", this.kernelSize),
      ...describeSides(padding),
      ...describeAxes("stride", stride, 1),
      ...describeAxes("dilation", [dilation], 1),
      ...describeAxes("groups", [groups], 1),
    ];
    if (paddingMode !== "zeros") parts.push(paddingMode);
    return parts.join(", ");
  }
}

/** Throws ArgumentError where the group would move the box of taps, which has unequal sides, out of itself. */
function checkKernelShape(op: string, gspace: GSpace, kernelSize: readonly number[]): void {
  const d = kernelSize.length;
  if (kernelSize.every((size) => size === kernelSize[0])) return;
  for (const element of gspace.testingElements) {
    const matrix = gspace.baseSpaceAction(element);
    for (let i = 0; i < d; i++) {
      for (let j = 0; j < d; j++) {
        // The action is on (x, y, z), sizes are in array order.
        const mixes = Math.abs(matrix[i * d + j]) > 1e-9 && kernelSize[d - 1 - i] !== kernelSize[d - 1 - j];
        if (!mixes) continue;
        throw new ArgumentError({
          op,
          expected: `a kernelSize with equal sides, because ${gspace} turns its axes into each other`,
          actual: kernelSize.join("x"),
          hint: "Only reflections along the axes and half turns keep a box of unequal sides",
        });
      }
    }
  }
}

/** Throws FieldTypeError unless both types live on one space of this dimension. */
export function checkTypes(op: string, dimension: number, inType: FieldType, outType: FieldType): void {
  requireSameSpace(op, inType, outType);
  if (inType.gspace.dimensionality !== dimension) {
    throw new FieldTypeError({
      op,
      expected: `types on a space of dimension ${dimension}`,
      actual: `${inType} of dimension ${inType.gspace.dimensionality}`,
      hint: dimension === 0
        ? "On a grid use a convolution with kernelSize 1; for points make types of noBaseSpace(group), and give the result their coords"
        : undefined,
    });
  }
}

/** The type of one of `groups` equal blocks of fields. Throws ArgumentError or FieldTypeError where they are not equal. */
export function groupType(op: string, type: FieldType, groups: number): FieldType {
  if (groups === 1) return type;
  if (!Number.isInteger(groups) || groups < 1 || type.length % groups !== 0) {
    throw new ArgumentError({
      op,
      expected: `groups that divide the ${type.length} fields of ${type}`,
      actual: String(groups),
    });
  }
  const count = type.length / groups;
  const first = new FieldType(type.gspace, type.representations.slice(0, count));
  for (let group = 1; group < groups; group++) {
    const other = new FieldType(type.gspace, type.representations.slice(group * count, (group + 1) * count));
    if (!first.equals(other)) {
      throw new FieldTypeError({
        op,
        expected: `${groups} groups of the fields ${first}`,
        actual: `${other} in group ${group}`,
        hint: "Order the fields so that every group repeats the same ones",
      });
    }
  }
  return first;
}
