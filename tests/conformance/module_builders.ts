// Specifications of modules in the fixtures as modules of this library: one row for each of escnn's classes.

import {
  type ConcatenatedFunction,
  ConcatenatedNonLinearity,
  DisentangleModule,
  ELU,
  type EquivariantModule,
  FieldDropout,
  FieldNorm,
  FieldType,
  FourierELU,
  FourierPointwise,
  GatedNonLinearity1,
  GatedNonLinearity2,
  GatedNonLinearityUniform,
  type GateLabel,
  GNormBatchNorm,
  GroupPooling,
  type IcosahedralPoints,
  IdentityModule,
  IIDBatchNorm1d,
  IIDBatchNorm2d,
  IIDBatchNorm3d,
  InducedGatedNonLinearity1,
  InducedNormBatchNorm,
  InducedNormNonLinearity,
  InducedNormPool,
  InnerBatchNorm,
  LeakyReLU,
  Linear,
  MaskModule,
  type MergePart,
  type MultiInputModule,
  MultipleModule,
  NormBatchNorm,
  NormMaxPool,
  NormNonLinearity,
  NormPool,
  PointwiseAdaptiveAvgPool2D,
  PointwiseAdaptiveAvgPool3D,
  PointwiseAdaptiveMaxPool2D,
  PointwiseAdaptiveMaxPool3D,
  PointwiseAvgPool2D,
  PointwiseAvgPool3D,
  PointwiseAvgPoolAntialiased2D,
  PointwiseAvgPoolAntialiased3D,
  PointwiseDropout,
  type PointwiseFunction,
  PointwiseMaxPool2D,
  PointwiseMaxPool3D,
  PointwiseMaxPoolAntialiased2D,
  PointwiseMaxPoolAntialiased3D,
  PointwiseNonLinearity,
  QuotientFourierELU,
  QuotientFourierPointwise,
  R2Conv,
  R2ConvTransposed,
  R2Upsampling,
  R3Conv,
  R3ConvTransposed,
  R3IcoConv,
  R3IcoConvTransposed,
  R3Upsampling,
  type RdConv,
  ReLU,
  ReshuffleModule,
  RestrictionModule,
  SequentialModule,
  type SteerableConvolutionOptions,
  type SteerableConvolutionTransposedOptions,
  TensorProductModule,
  VectorFieldNonLinearity,
} from "../../src/nn/mod.ts";
import type { IrrepId, RepresentationKind } from "../../src/group/types.ts";
import type { NormFunction, PaddingMode } from "../../src/nn/plain/mod.ts";
import type { FrequenciesCutoff } from "../../src/kernels/mod.ts";
import type { GSpace } from "../../src/gspaces/gspace.ts";
import { type Json, type JsonObject, list, number, numbers, object, same, Unsupported } from "./check.ts";
import { elementOf, irrepIdOf, representationOf, subgroupIdOf } from "./descriptions.ts";

/** The field type of a case. */
export function fieldTypeOf(space: GSpace, value: Json | undefined): FieldType {
  return new FieldType(space, list(value).map((rho) => representationOf(space.fibergroup, rho)));
}

type Pointwise = FieldType<"pointwise">;
/** Makes the module of a specification; `parts` makes those of its parts. */
type Builder = (inType: FieldType, options: JsonObject, spec: JsonObject, parts: PartBuilder) => EquivariantModule;

/** Makes a part of a container. */
export interface PartBuilder {
  /** A module of one input. */
  single(inType: FieldType, spec: JsonObject): EquivariantModule;
  /** A module of several inputs. */
  several(inTypes: readonly FieldType[], spec: JsonObject): MultiInputModule;
}

const optional = <T>(value: Json | undefined, read: (value: Json) => T): T | undefined =>
  value === undefined ? undefined : read(value);
const sizes = (value: Json): number | number[] => typeof value === "number" ? value : numbers(value);
const pointwise = (type: FieldType): Pointwise => type.requirePointwise();

/** Options of a convolution that both directions have. */
function convolutionOptions(options: JsonObject) {
  return {
    stride: optional(options.stride, sizes),
    padding: optional(options.padding, sizes),
    dilation: optional(options.dilation, number),
    groups: optional(options.groups, number),
    bias: options.bias !== false,
    rings: optional(options.rings, numbers),
    sigma: optional(options.sigma, sizes),
    frequenciesCutoff: options.frequenciesCutoff as FrequenciesCutoff | undefined,
    initialize: false,
    dtype: "float64",
  } as const;
}

/** A builder of convolutions. */
function convolutionBuilder(
  Class: new (
    inType: FieldType,
    outType: FieldType,
    kernelSize: number,
    options: SteerableConvolutionOptions & { readonly points?: IcosahedralPoints },
  ) => RdConv,
): Builder {
  return (inType, options, spec) =>
    new Class(inType, outTypeOf(inType, spec), number(options.kernelSize), {
      ...convolutionOptions(options),
      paddingMode: options.paddingMode as PaddingMode | undefined,
      points: options.points as IcosahedralPoints | undefined,
    });
}

/** A builder of transposed convolutions. */
function transposedBuilder(
  Class: new (
    inType: FieldType,
    outType: FieldType,
    kernelSize: number,
    options: SteerableConvolutionTransposedOptions & { readonly points?: IcosahedralPoints },
  ) => RdConv,
): Builder {
  return (inType, options, spec) =>
    new Class(inType, outTypeOf(inType, spec), number(options.kernelSize), {
      ...convolutionOptions(options),
      outputPadding: optional(options.outputPadding, sizes),
      points: options.points as IcosahedralPoints | undefined,
    });
}

const outTypeOf = (inType: FieldType, spec: JsonObject): FieldType => fieldTypeOf(inType.gspace, spec.out);

const poolOptions = (options: JsonObject) => ({
  stride: optional(options.stride, sizes),
  padding: optional(options.padding, sizes),
  ceilMode: options.ceilMode === true,
});

const batchNormOptions = (options: JsonObject) => ({
  eps: optional(options.eps, number),
  momentum: options.momentum === undefined ? undefined : options.momentum as number | null,
  affine: options.affine !== false,
  trackRunningStats: options.trackRunningStats !== false,
  dtype: "float64",
} as const);

const normOptions = (options: JsonObject) => ({
  function: options.function as NormFunction | undefined,
  bias: options.bias !== false,
  dtype: "float64",
} as const);

const gatedOptions = (options: JsonObject) => ({
  gates: options.gates as readonly GateLabel[] | undefined,
  dropGates: options.dropGates !== false,
  dtype: "float64",
} as const);

function checkPairs<M extends { readonly pairs: readonly (readonly [number, number])[] }>(
  module: M,
  spec: JsonObject,
): M {
  same("pairs of gates and fields", module.pairs, spec.pairs);
  return module;
}

const idsOf = (value: Json): IrrepId[] => list(value).map(irrepIdOf);
const irrepsOf = (options: JsonObject): IrrepId[] => idsOf(list(options.irreps));
const quotientOf = (inType: FieldType, options: JsonObject) => subgroupIdOf(inType.fibergroup, options.subgroup);

const fourierOptions = (inType: FieldType, options: JsonObject) => ({
  grid: list(options.grid).map((g) => elementOf(inType.fibergroup, g)),
  outIrreps: optional(options.outIrreps, idsOf),
  normalize: options.normalize !== false,
});

/** Labels of fields. */
export const labelsOf = (value: Json | undefined): string[] => list(value).map(String);

/** How a branching orders fields. */
export const reshuffleOf = (options: JsonObject): 0 | 1 | 2 => (options.reshuffle ?? 0) as 0 | 1 | 2;

/** The parts of a merge with their labels. */
export function partsOf(
  specs: readonly Json[],
  typeOf: (label: string) => FieldType,
  { single, several }: PartBuilder,
): MergePart[] {
  return specs.map((value) => {
    const spec = object(value), labels = labelsOf(spec.labels);
    return [labels.length === 1 ? single(typeOf(labels[0]), spec) : several(labels.map(typeOf), spec), labels];
  });
}

/** Modules by escnn's class names. */
export const BUILDERS: Readonly<Record<string, Builder>> = {
  R2Conv: convolutionBuilder(R2Conv),
  R3Conv: convolutionBuilder(R3Conv),
  R3IcoConv: convolutionBuilder(R3IcoConv),
  R2ConvTransposed: transposedBuilder(R2ConvTransposed),
  R3ConvTransposed: transposedBuilder(R3ConvTransposed),
  R3IcoConvTransposed: transposedBuilder(R3IcoConvTransposed),
  Linear: (inType, options, spec) =>
    new Linear(inType, outTypeOf(inType, spec), { bias: options.bias !== false, initialize: false, dtype: "float64" }),
  ReLU: (inType) => new ReLU(pointwise(inType)),
  ELU: (inType, options) => new ELU(pointwise(inType), { alpha: optional(options.alpha, number) }),
  LeakyReLU: (inType, options) =>
    new LeakyReLU(pointwise(inType), { negativeSlope: optional(options.negativeSlope, number) }),
  PointwiseNonLinearity: (inType, options) =>
    new PointwiseNonLinearity(pointwise(inType), { function: options.function as PointwiseFunction | undefined }),
  PointwiseMaxPool2D: (inType, options) =>
    new PointwiseMaxPool2D(pointwise(inType), sizes(options.kernelSize), {
      ...poolOptions(options),
      dilation: optional(options.dilation, sizes),
    }),
  PointwiseMaxPoolAntialiased2D: (inType, options) =>
    new PointwiseMaxPoolAntialiased2D(pointwise(inType), sizes(options.kernelSize), {
      ...poolOptions(options),
      sigma: optional(options.sigma, number),
    }),
  PointwiseAvgPool2D: (inType, options) =>
    new PointwiseAvgPool2D(inType, sizes(options.kernelSize), poolOptions(options)),
  PointwiseAvgPoolAntialiased2D: (inType, options) =>
    new PointwiseAvgPoolAntialiased2D(inType, number(options.sigma), optional(options.stride, sizes) ?? 1, {
      padding: optional(options.padding, sizes),
    }),
  PointwiseAdaptiveAvgPool2D: (inType, options) => new PointwiseAdaptiveAvgPool2D(inType, sizes(options.outputSize)),
  PointwiseAdaptiveMaxPool2D: (inType, options) =>
    new PointwiseAdaptiveMaxPool2D(pointwise(inType), sizes(options.outputSize)),
  GroupPooling: (inType) => new GroupPooling(pointwise(inType)),
  InnerBatchNorm: (inType, options) => new InnerBatchNorm(pointwise(inType), batchNormOptions(options)),
  FieldDropout: (inType, options) => new FieldDropout(inType, { p: optional(options.p, number) }),
  PointwiseDropout: (inType, options) => new PointwiseDropout(pointwise(inType), { p: optional(options.p, number) }),
  IdentityModule: (inType) => new IdentityModule(inType),
  ReshuffleModule: (inType, options) => new ReshuffleModule(inType, numbers(options.permutation)),
  RestrictionModule: (inType, options) => new RestrictionModule(inType, subgroupIdOf(inType.fibergroup, options.id)),
  MaskModule: (inType, options) =>
    new MaskModule(inType, number(options.S), {
      margin: optional(options.margin, number),
      sigma: optional(options.sigma, number),
    }),
  R2Upsampling: (inType, options) =>
    new R2Upsampling(inType, {
      scaleFactor: optional(options.scaleFactor, number),
      size: optional(options.size, sizes),
      mode: options.mode as "bilinear" | "nearest" | undefined,
      alignCorners: options.alignCorners === true,
    }),
  PointwiseMaxPool3D: (inType, options) =>
    new PointwiseMaxPool3D(pointwise(inType), sizes(options.kernelSize), {
      ...poolOptions(options),
      dilation: optional(options.dilation, sizes),
    }),
  PointwiseMaxPoolAntialiased3D: (inType, options) =>
    new PointwiseMaxPoolAntialiased3D(pointwise(inType), sizes(options.kernelSize), {
      ...poolOptions(options),
      sigma: optional(options.sigma, number),
    }),
  PointwiseAvgPool3D: (inType, options) =>
    new PointwiseAvgPool3D(inType, sizes(options.kernelSize), poolOptions(options)),
  PointwiseAvgPoolAntialiased3D: (inType, options) =>
    new PointwiseAvgPoolAntialiased3D(inType, number(options.sigma), optional(options.stride, sizes) ?? 1, {
      padding: optional(options.padding, sizes),
    }),
  PointwiseAdaptiveAvgPool3D: (inType, options) => new PointwiseAdaptiveAvgPool3D(inType, sizes(options.outputSize)),
  PointwiseAdaptiveMaxPool3D: (inType, options) =>
    new PointwiseAdaptiveMaxPool3D(pointwise(inType), sizes(options.outputSize)),
  NormMaxPool: (inType, options) =>
    new NormMaxPool(inType, sizes(options.kernelSize), {
      ...poolOptions(options),
      dilation: optional(options.dilation, sizes),
    }),
  NormPool: (inType) => new NormPool(inType),
  InducedNormPool: (inType) => new InducedNormPool(inType),
  NormNonLinearity: (inType, options) => new NormNonLinearity(inType, normOptions(options)),
  InducedNormNonLinearity: (inType, options) => new InducedNormNonLinearity(inType, normOptions(options)),
  GatedNonLinearity1: (inType, options, spec) =>
    checkPairs(new GatedNonLinearity1(inType, gatedOptions(options)), spec),
  GatedNonLinearityUniform: (inType) => new GatedNonLinearityUniform(inType, { dtype: "float64" }),
  InducedGatedNonLinearity1: (inType, options, spec) =>
    checkPairs(new InducedGatedNonLinearity1(inType, gatedOptions(options)), spec),
  VectorFieldNonLinearity: (inType) => new VectorFieldNonLinearity(inType),
  ConcatenatedNonLinearity: (inType, options) =>
    new ConcatenatedNonLinearity(inType, { function: options.function as ConcatenatedFunction | undefined }),
  FourierPointwise: (inType, options) =>
    new FourierPointwise(inType.gspace, number(options.channels), irrepsOf(options), {
      ...fourierOptions(inType, options),
      function: options.function as PointwiseFunction | undefined,
    }),
  FourierELU: (inType, options) =>
    new FourierELU(inType.gspace, number(options.channels), irrepsOf(options), fourierOptions(inType, options)),
  QuotientFourierPointwise: (inType, options) =>
    new QuotientFourierPointwise(
      inType.gspace,
      quotientOf(inType, options),
      number(options.channels),
      irrepsOf(options),
      {
        ...fourierOptions(inType, options),
        function: options.function as PointwiseFunction | undefined,
      },
    ),
  QuotientFourierELU: (inType, options) =>
    new QuotientFourierELU(
      inType.gspace,
      quotientOf(inType, options),
      number(options.channels),
      irrepsOf(options),
      fourierOptions(inType, options),
    ),
  TensorProductModule: (inType, _options, spec) =>
    new TensorProductModule(inType, outTypeOf(inType, spec), { initialize: false, dtype: "float64" }),
  NormBatchNorm: (inType, options) => new NormBatchNorm(inType, batchNormOptions(options)),
  InducedNormBatchNorm: (inType, options) => new InducedNormBatchNorm(inType, batchNormOptions(options)),
  GNormBatchNorm: (inType, options) => new GNormBatchNorm(inType, batchNormOptions(options)),
  IIDBatchNorm1d: (inType, options) => new IIDBatchNorm1d(inType, batchNormOptions(options)),
  IIDBatchNorm2d: (inType, options) => new IIDBatchNorm2d(inType, batchNormOptions(options)),
  IIDBatchNorm3d: (inType, options) => new IIDBatchNorm3d(inType, batchNormOptions(options)),
  FieldNorm: (inType, options) =>
    new FieldNorm(inType, {
      eps: optional(options.eps, number),
      affine: options.affine !== false,
      dtype: "float64",
    }),
  DisentangleModule: (inType) => new DisentangleModule(inType),
  R3Upsampling: (inType, options) =>
    new R3Upsampling(inType, {
      scaleFactor: optional(options.scaleFactor, number),
      size: optional(options.size, sizes),
      mode: options.mode as "trilinear" | "nearest" | undefined,
      alignCorners: options.alignCorners === true,
    }),
  MultipleModule: (inType, options, _spec, parts) => {
    const labels = labelsOf(options.labels);
    const types = inType.groupByLabels(labels);
    return new MultipleModule(inType, labels, partsOf(list(options.modules), (label) => types.get(label)!, parts), {
      reshuffle: reshuffleOf(options),
    });
  },
  SequentialModule: (inType, options, _spec, { single }) => {
    const parts: EquivariantModule[] = [];
    let type = inType;
    for (const part of list(options.modules)) {
      const module = single(type, object(part));
      parts.push(module);
      type = module.outType;
    }
    return new SequentialModule<RepresentationKind>(...parts);
  },
};

/** The module of several inputs of a specification, without its state. Throws Unsupported for a class that is not here. */
export function severalOf(inTypes: readonly FieldType[], spec: JsonObject): GatedNonLinearity2 {
  if (spec.module !== "GatedNonLinearity2") throw new Unsupported(`module ${spec.module} of several inputs`);
  const [gates, features] = inTypes;
  return checkPairs(new GatedNonLinearity2([gates, features], { dtype: "float64" }), spec);
}
