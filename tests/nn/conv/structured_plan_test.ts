// The harmonic and the structured plan of steerable convolutions against the expanded filter, over groups, fields and options.
// covers: src/nn/conv/harmonic_plan.ts, src/nn/conv/plan_basis.ts, src/nn/conv/plan_parts.ts

import { assert, assertEquals } from "@std/assert";
import { dihedralGroup, type Representation } from "../../../src/group/mod.ts";
import { changeBasis } from "../../../src/group/constructions.ts";
import { flip2dOnR2, flipRot2dOnR2, type GSpace, rot2dOnR2, trivialOnR2 } from "../../../src/gspaces/mod.ts";
import { FieldType } from "../../../src/nn/mod.ts";
import { R2Conv } from "../../../src/nn/conv/r2_conv.ts";
import type { SteerableConvolutionOptions } from "../../../src/nn/conv/rd_conv.ts";
import { HarmonicConvolution } from "../../../src/nn/conv/harmonic_plan.ts";
import type { FastConvolution, FastOptions, LayerParts } from "../../../src/nn/conv/plan_parts.ts";
import { StructuredConvolution } from "../../../src/nn/conv/structured_plan.ts";
import { convolution, grad, gradcheck, randn, seed, useBackend } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";

await useBackend("reference");

const PLANS: readonly (readonly [string, (parts: LayerParts) => FastConvolution])[] = [
  ["HarmonicConvolution", (parts) => new HarmonicConvolution(parts)],
  ["StructuredConvolution", (parts) => new StructuredConvolution(parts)],
  ["the adjoint form of HarmonicConvolution", (parts) => new HarmonicConvolution(parts, "adjoint")],
  ["the adjoint form of StructuredConvolution", (parts) => new StructuredConvolution(parts, "adjoint")],
];

/** A layer in float64 and what plans are made from. */
function layer(
  inType: FieldType,
  outType: FieldType,
  kernelSize: number,
  options: SteerableConvolutionOptions = {},
): { readonly conv: R2Conv; readonly parts: LayerParts } {
  const conv = new R2Conv(inType, outType, kernelSize, { ...options, bias: false, dtype: "float64" });
  const groups = options.groups ?? 1;
  const part = (type: FieldType) => new FieldType(type.gspace, type.representations.slice(0, type.length / groups));
  return {
    conv,
    parts: {
      tables: conv.tables,
      layout: conv.layout,
      inType: part(inType),
      outType: part(outType),
      groups,
      kernelSize: [kernelSize, kernelSize],
    },
  };
}

/** Asserts that output and both gradients of a plan are those of the filter, to a bound. */
function agrees(conv: R2Conv, plan: FastConvolution, given: Partial<FastOptions> = {}, bound = 1e-11): void {
  const groups = conv.settings.groups;
  const options = { stride: [1, 1], padding: 0, dilation: [1, 1], ...given };
  const x = randn([2, conv.inType.size, 8, 9], { dtype: "float64", requiresGrad: true });
  const weights = conv.weights;
  const dense = convolution(x, conv.expandFilter(), { ...options, groups });
  const fast = plan.apply(x, weights, options);
  assertEquals(fast.shape, dense.shape);
  assertClose(fast.dataSync(), dense.dataSync(), { absolute: bound });
  const gradOutputs = [randn(dense.shape, { dtype: "float64" })];
  const expected = grad([dense], [x, weights], { gradOutputs });
  const got = grad([fast], [x, weights], { gradOutputs });
  got.forEach((gradient, i) => {
    assertEquals(gradient.shape, expected[i].shape);
    assertClose(gradient.dataSync(), expected[i].dataSync(), { absolute: 10 * bound });
  });
}

/** Interleaved fields: regular, an irrep, trivial. */
function variety(space: GSpace): FieldType {
  const irreps = space.irreps(2).slice(0, 3);
  return new FieldType(space, [space.regularRepr, irreps[irreps.length - 1], space.trivialRepr, space.regularRepr]);
}

const SPACES: readonly (readonly [string, GSpace])[] = [
  ["C1", trivialOnR2()],
  ["C3", rot2dOnR2(3)],
  ["C8", rot2dOnR2(8)],
  ["flips", flip2dOnR2()],
  ["D4", flipRot2dOnR2(4, { axis: 0 })],
];

for (const [planName, make] of PLANS) {
  for (const [name, space] of SPACES) {
    test(`${planName} gives the values and gradients of the filter to 1e-11: ${name}`, () => {
      seed(3);
      const { conv, parts } = layer(variety(space), variety(space), 5);
      agrees(conv, make(parts), { padding: 2 });
    });
  }

  test(`${planName} agrees for SO(2) and O(2) irreps`, () => {
    seed(4);
    for (
      const [space, ids] of [
        [rot2dOnR2(), [[0], [1], [2], [1]]],
        [flipRot2dOnR2(), [[0, 0], [1, 1], [1, 2], [1, 1]]],
      ] as const
    ) {
      const type = new FieldType(space, ids.map((id) => space.irrep(...id)));
      const { conv, parts } = layer(type, type, 3);
      agrees(conv, make(parts));
    }
  });

  test(`${planName} takes groups, stride, dilation and uneven padding`, () => {
    seed(5);
    const space = rot2dOnR2(4);
    const type = new FieldType(space, [space.regularRepr, space.irrep(1)], 2);
    const { conv, parts } = layer(type, type, 3, { groups: 2, dilation: 2 });
    const plan = make(parts);
    agrees(conv, plan, {
      stride: plan.form === "adjoint" ? [1, 1] : [2, 1],
      dilation: [2, 2],
      padding: [[1, 2], [0, 3]],
    });
  });

  test(`${planName} takes functions that are as many as the taps, or dependent`, () => {
    seed(6);
    const space = rot2dOnR2(4), type = new FieldType(space, [space.regularRepr, space.trivialRepr]);
    const all = layer(type, type, 3, { frequenciesCutoff: () => 8, sigma: 0.6 });
    assert(all.conv.tables.functionCount >= 9);
    agrees(all.conv, make(all.parts), { padding: 1 });
    const large = layer(type, type, 7, { dilation: 2 });
    assert(large.conv.tables.span.rank < large.conv.tables.functionCount);
    // The span of dependent functions is known to 1e-9 of the greatest.
    agrees(large.conv, make(large.parts), { padding: 6, dilation: [2, 2] }, 2e-9);
  });

  test(`${planName} leaves out the elements that a filter removes at some positions`, () => {
    seed(7);
    const space = rot2dOnR2(4), type = new FieldType(space, [space.regularRepr, space.regularRepr]);
    const { conv, parts } = layer(type, type, 3, {
      basisFilter: ({ inField, outField, frequency }) => inField === outField || frequency < 2,
    });
    assert(conv.layout.kept !== undefined);
    agrees(conv, make(parts), { padding: 1 });
  });

  test(`${planName} takes changes of basis that are not orthogonal`, () => {
    seed(8);
    const space = flipRot2dOnR2(3), group = dihedralGroup(3);
    const regular: Representation = group.regularRepresentation;
    const n = regular.size;
    const skew = Float64Array.from({ length: n * n }, (_, i) => (i % (n + 1) === 0 ? 1.5 : Math.sin(i) / 4));
    const skewed = changeBasis(regular, skew, "skewed");
    const type = new FieldType(space, [skewed, space.trivialRepr, skewed]);
    const { conv, parts } = layer(type, type, 3);
    agrees(conv, make(parts), { padding: 1 });
  });

  test(`${planName} has right first and second derivatives (gradcheck)`, async () => {
    seed(9);
    const space = rot2dOnR2(3), type = new FieldType(space, [space.regularRepr, space.irrep(1)]);
    const { conv, parts } = layer(type, type, 3);
    const plan = make(parts);
    const x = randn([1, type.size, 4, 3], { dtype: "float64" });
    await gradcheck((a, w) => plan.apply(a, w, { padding: 1, stride: [1, 1], dilation: [1, 1] }), [
      x,
      conv.weights.detach().clone(),
    ], {
      secondOrder: true,
    });
  });
}

test("StructuredConvolution multiplies the weights themselves where no irrep of the output is of complex type", () => {
  const space = flipRot2dOnR2(4), type = new FieldType(space, space.regularRepr, 2);
  const { parts } = layer(type, type, 5);
  assertEquals(new StructuredConvolution(parts).plan.weightCount, parts.layout.size);
});

test("StructuredConvolution builds planes of half of the paths to irreps of complex type", () => {
  const space = rot2dOnR2(8), type = new FieldType(space, space.regularRepr);
  const { conv, parts } = layer(type, type, 5);
  const { plan } = new StructuredConvolution(parts);
  assertEquals(conv.layout.size, 88);
  const planes = plan.inputs.flatMap(({ parts: list }) =>
    list.map(({ output, paths }) => paths * plan.outputs[output].size)
  ).reduce((a, b) => a + b, 0);
  assertEquals(planes, 88);
});
