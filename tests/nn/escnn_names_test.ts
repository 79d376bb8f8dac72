// Whoever comes from escnn finds its 72 modules, its types and its initializers under their names.

import { assertEquals, assertStrictEquals } from "@std/assert";
import * as library from "@escnn/escnn";
import { test } from "../support/test.ts";

/** The names of escnn.nn; where ours is another, after a colon. */
const MODULES = `
EquivariantModule R2Conv R3Conv R2ConvTransposed R3ConvTransposed R3IcoConv R3IcoConvTransposed R2PointConv R3PointConv Linear
R2Upsampling R3Upsampling
ReLU ELU LeakyReLU PointwiseNonLinearity NormNonLinearity InducedNormNonLinearity GatedNonLinearity1 GatedNonLinearity2
GatedNonLinearityUniform InducedGatedNonLinearity1 ConcatenatedNonLinearity VectorFieldNonLinearity FourierPointwise FourierELU
QuotientFourierPointwise QuotientFourierELU TensorProductModule
PointwiseMaxPool PointwiseMaxPool2D PointwiseMaxPool3D PointwiseMaxPoolAntialiased PointwiseMaxPoolAntialiased2D
PointwiseMaxPoolAntialiased3D PointwiseAvgPool PointwiseAvgPool2D PointwiseAvgPool3D PointwiseAvgPoolAntialiased
PointwiseAvgPoolAntialiased2D PointwiseAvgPoolAntialiased3D PointwiseAdaptiveAvgPool PointwiseAdaptiveAvgPool2D
PointwiseAdaptiveAvgPool3D PointwiseAdaptiveMaxPool PointwiseAdaptiveMaxPool2D PointwiseAdaptiveMaxPool3D NormMaxPool
GroupPooling MaxPoolChannels:plain.MaxPoolChannels NormPool InducedNormPool
InnerBatchNorm NormBatchNorm InducedNormBatchNorm GNormBatchNorm IIDBatchNorm1d IIDBatchNorm2d IIDBatchNorm3d FieldNorm
FieldDropout PointwiseDropout ReshuffleModule BranchingModule MergeModule MultipleModule SequentialModule IdentityModule
RestrictionModule DisentangleModule MaskModule HarmonicPolynomialR3
`.trim().split(/\s+/);

/** The other names of escnn.nn. */
const OTHERS = `
FieldType GeometricTensor tensor_directsum:tensorDirectSum init.generalized_he_init:generalizedHeInit
init.deltaorthonormal_init:deltaOrthonormalInit
`.trim().split(/\s+/);

const ALIASES = [
  "MaxPool",
  "MaxPoolAntialiased",
  "AvgPool",
  "AvgPoolAntialiased",
  "AdaptiveAvgPool",
  "AdaptiveMaxPool",
];

function find(path: string): unknown {
  return path.split(".").reduce<unknown>((value, key) => Object(value)[key], library);
}

test("all 72 modules of escnn.nn are exported under their names, and the six aliases are the same classes", () => {
  assertEquals([MODULES.length, new Set(MODULES).size], [72, 72]);
  const missing = [...MODULES, ...OTHERS].filter((entry) => typeof find(entry.split(":").at(-1)!) !== "function");
  assertEquals(missing, []);
  for (const name of MODULES) {
    const value = find(name.split(":").at(-1)!) as { readonly prototype: unknown };
    assertEquals(value === library.Module || value.prototype instanceof library.Module, true, name);
  }
  for (const alias of ALIASES) assertStrictEquals(find(`Pointwise${alias}`), find(`Pointwise${alias}2D`));
});
