// What the runners of modules, layers, networks and transforms share: tensors of cases, field types, specifications of modules
// as objects of this library, and weights by least squares.

import {
  ELU,
  type EquivariantModule,
  FieldDropout,
  FieldType,
  GroupPooling,
  IdentityModule,
  InnerBatchNorm,
  LeakyReLU,
  Linear,
  MaskModule,
  type Module,
  PointwiseAdaptiveAvgPool2D,
  PointwiseAdaptiveMaxPool2D,
  PointwiseAvgPool2D,
  PointwiseAvgPoolAntialiased2D,
  PointwiseDropout,
  type PointwiseFunction,
  PointwiseMaxPool2D,
  PointwiseMaxPoolAntialiased2D,
  PointwiseNonLinearity,
  R2Conv,
  R2ConvTransposed,
  R2Upsampling,
  RdConv,
  ReLU,
  ReshuffleModule,
  RestrictionModule,
  SequentialModule,
  STATE_CONVENTION,
} from "../../src/nn/mod.ts";
import type { RepresentationKind } from "../../src/group/types.ts";
import type { GSpace } from "../../src/gspaces/gspace.ts";
import { runtime } from "../../src/runtime/mod.ts";
import type { PaddingMode } from "../../src/nn/plain/mod.ts";
import { type Backend, noGrad, scope, type Tensor, tensor as makeTensor, useBackend } from "../../src/tensor/mod.ts";
import {
  CheckFailure,
  close,
  type Json,
  type JsonObject,
  list,
  number,
  numbers,
  object,
  same,
  tensor,
  Unsupported,
} from "./check.ts";
import { representationOf, subgroupIdOf } from "./descriptions.ts";

/** The backend on which modules are run, in float64: the reference, or the one that ESCNN_CONFORMANCE_BACKEND names. */
export function caseBackend(): Promise<Backend> {
  return useBackend(runtime.env("ESCNN_CONFORMANCE_BACKEND") ?? "reference");
}

/** A tensor of a case in float64; scalars of type int32 where `integer`. */
export function tensorOf(value: Json | undefined, integer = false): Tensor {
  const { shape, data } = tensor(value);
  return integer ? makeTensor(Int32Array.from(data), shape) : makeTensor(data, shape, { dtype: "float64" });
}

/** Fails unless a tensor has the expected shape and numbers. */
export function closeTensor(
  what: string,
  got: Tensor | undefined,
  expected: Json | undefined,
  tolerance: number,
): void {
  if (got === undefined) throw new CheckFailure(`${what}: there is none`);
  const { shape, data } = tensor(expected);
  same(`shape of ${what}`, got.shape, shape);
  close(what, Float64Array.from(got.dataSync()), data, tolerance);
}

/** The field type of a case. */
export function fieldTypeOf(space: GSpace, value: Json | undefined): FieldType {
  return new FieldType(space, list(value).map((rho) => representationOf(space.fibergroup, rho)));
}

type Pointwise = FieldType<"pointwise">;
type Builder = (inType: FieldType, options: JsonObject, spec: JsonObject) => EquivariantModule;

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
    frequenciesCutoff: optional(options.frequenciesCutoff, number),
    initialize: false,
    dtype: "float64",
  } as const;
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

/** Modules by escnn's class names. */
const BUILDERS: Readonly<Record<string, Builder>> = {
  R2Conv: (inType, options, spec) =>
    new R2Conv(inType, outTypeOf(inType, spec), number(options.kernelSize), {
      ...convolutionOptions(options),
      paddingMode: options.paddingMode as PaddingMode | undefined,
    }),
  R2ConvTransposed: (inType, options, spec) =>
    new R2ConvTransposed(inType, outTypeOf(inType, spec), number(options.kernelSize), {
      ...convolutionOptions(options),
      outputPadding: optional(options.outputPadding, sizes),
    }),
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
  SequentialModule: (inType, options) => {
    const parts: EquivariantModule[] = [];
    let type = inType;
    for (const part of list(options.modules)) {
      const module = moduleOf(type, object(part));
      parts.push(module);
      type = module.outType;
    }
    return new SequentialModule<RepresentationKind>(...parts);
  },
};

/** The module of a specification, with its parameters and buffers set. Throws Unsupported for a class that is not here. */
export function moduleOf(inType: FieldType, spec: JsonObject): EquivariantModule {
  const name = String(spec.module);
  if (!Object.hasOwn(BUILDERS, name)) throw new Unsupported(`module ${name}`);
  const module = BUILDERS[name](inType, object(spec.options ?? {}), spec);
  if (module instanceof RdConv) fitWeights(module, spec.filter ?? spec.matrix, spec.bias ?? null);
  // A container's entries are those of its parts, which have been set already.
  else if (name !== "SequentialModule") setState(module, spec);
  return module;
}

/** Sets parameters and buffers by escnn's names, entries in the order that `parameterFields` tells. */
function setState(module: Module, spec: JsonObject): void {
  const given = { ...object(spec.parameters ?? {}), ...object(spec.buffers ?? {}) };
  const fields = object(spec.parameterFields ?? {});
  for (const [name, entry] of Object.entries(fields)) {
    const order = numbers(object(entry).fields);
    same(`fields of ${name} ascending`, order, [...order].sort((a, b) => a - b));
  }
  const state = module.stateDict().tensors;
  const tensors = new Map(
    Object.entries(given).map(([name, value]) => [name, tensorOf(value, state.get(name)?.dtype === "int32")]),
  );
  module.loadStateDict({ convention: STATE_CONVENTION, tensors });
}

/** A column for each weight: what it expands to when it is 1 and the others are 0. */
export function expansionColumns(weights: Tensor, expand: () => Tensor): Float64Array[] {
  const { size } = weights;
  const columns: Float64Array[] = [];
  noGrad(() => {
    for (let b = 0; b < size; b++) {
      using _ = scope();
      setWeights(weights, Float64Array.from({ length: size }, (_, i) => i === b ? 1 : 0));
      columns.push(Float64Array.from(expand().dataSync()));
    }
  });
  return columns;
}

/** Overwrites a tensor. */
export function setWeights(weights: Tensor, values: Float64Array): void {
  noGrad(() => weights.backend.write(weights, values));
  weights.storage.version++;
}

/** Sets a convolution's weights and bias parameters so that they expand to a filter and a bias, and returns the columns. */
export function fitWeights(
  module: RdConv,
  filter: Json | undefined,
  bias: Json,
): { filterColumns: Float64Array[]; biasColumns: Float64Array[] } {
  const expandFilter = () => module.expandFilter();
  const filterColumns = expansionColumns(module.weights, expandFilter);
  setWeights(module.weights, leastSquares("filter", filterColumns, tensor(filter).data));
  if ((bias === null) !== (module.bias === undefined)) {
    throw new CheckFailure(`bias: ${bias === null ? "none" : "one"} expected, got ${module.bias?.shape}`);
  }
  if (module.bias === undefined) return { filterColumns, biasColumns: [] };
  const biasColumns = expansionColumns(module.bias, () => module.expandBias()!);
  setWeights(module.bias, leastSquares("bias", biasColumns, tensor(bias).data));
  return { filterColumns, biasColumns };
}

/** The combination of columns nearest to `target` by modified Gram-Schmidt; fails when it is farther than 1e-7 anywhere. */
export function leastSquares(what: string, columns: readonly Float64Array[], target: Float64Array): Float64Array {
  const { factors, orthonormal } = gramSchmidt(columns);
  const rest = Float64Array.from(target);
  const inner = orthonormal.map((q) => {
    if (q === undefined) return 0;
    let dot = 0;
    for (let i = 0; i < rest.length; i++) dot += q[i] * rest[i];
    for (let i = 0; i < rest.length; i++) rest[i] -= dot * q[i];
    return dot;
  });
  const worst = rest.reduce((a, v) => Math.max(a, Math.abs(v)), 0);
  if (!(worst < 1e-7)) throw new CheckFailure(`${what}: not in the span, residual ${worst}`);
  const solution = new Float64Array(columns.length);
  for (let k = columns.length - 1; k >= 0; k--) {
    if (orthonormal[k] === undefined) continue;
    let value = inner[k];
    for (let j = k + 1; j < columns.length; j++) value -= factors[j][k] * solution[j];
    solution[k] = value / factors[k][k];
  }
  return solution;
}

function gramSchmidt(columns: readonly Float64Array[]): {
  factors: Float64Array[];
  orthonormal: (Float64Array | undefined)[];
} {
  const orthonormal: (Float64Array | undefined)[] = [];
  const factors = columns.map((column, j) => {
    const row = new Float64Array(j + 1);
    const rest = Float64Array.from(column);
    const size = Math.sqrt(column.reduce((a, v) => a + v * v, 0));
    for (let pass = 0; pass < 2; pass++) {
      orthonormal.forEach((q, k) => {
        if (q === undefined) return;
        let dot = 0;
        for (let i = 0; i < rest.length; i++) dot += q[i] * rest[i];
        if (dot === 0) return;
        for (let i = 0; i < rest.length; i++) rest[i] -= dot * q[i];
        row[k] += dot;
      });
    }
    const norm = Math.sqrt(rest.reduce((a, v) => a + v * v, 0));
    row[j] = norm;
    orthonormal.push(norm > 1e-9 * size ? rest.map((v) => v / norm) : undefined);
    return row;
  });
  return { factors, orthonormal };
}
