// The option `plan` of steerable convolutions: all plans give the same layer, equivariance stays, the choice follows the shape.
// covers: src/nn/conv/plan_cost.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createBackend as createCpu } from "../../../backends/cpu/mod.ts";
import { bandlimitedRegularRepresentation, directSum } from "../../../src/group/mod.ts";
import {
  flip2dOnR2,
  flipOnR1,
  flipRot2dOnR2,
  icoOnR3,
  octaOnR3,
  rot2dOnR2,
  rot3dOnR3,
} from "../../../src/gspaces/mod.ts";
import {
  FieldType,
  GeometricTensor,
  type GridConv,
  R1Conv,
  R2Conv,
  R2ConvTransposed,
  R2Diffop,
  R3Conv,
  R3Diffop,
  R3IcoConv,
  ReLU,
  SequentialModule,
} from "../../../src/nn/mod.ts";
import { ConvolutionPlans, requirePlan } from "../../../src/nn/conv/convolution_plan.ts";
import { StructuredConvolution } from "../../../src/nn/conv/structured_plan.ts";
import { steerableWork } from "../../../src/tensor/steerable_plan.ts";
import { CPU_COSTS, planCosts } from "../../../src/nn/conv/plan_cost.ts";
import { convolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import type { SteerableConvolutionOptions } from "../../../src/nn/conv/rd_conv.ts";
import { ArgumentError, noGrad, randn, seed, startBackend } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { regular } from "../support.ts";

const PLANS = ["dense", "harmonic", "structured"] as const;

const OPTIONS: readonly SteerableConvolutionOptions[] = [
  { padding: 1, paddingMode: "reflect" },
  { padding: [1, 2], paddingMode: "circular", stride: 2 },
  { padding: "same" },
  { groups: 2, dilation: 2, padding: 2, bias: false },
];

for (const options of OPTIONS) {
  test(`R2Conv gives the same by all plans to 1e-5: ${JSON.stringify(options)}`, () => {
    seed(1);
    const type = regular(rot2dOnR2(4), 2);
    const x = new GeometricTensor(randn([2, type.size, 9, 9]), type);
    const [first, ...others] = PLANS.map((plan) => new R2Conv(type, type, 3, { ...options, plan }));
    const expected = first.forward(x).tensor;
    for (const conv of others) {
      conv.loadStateDict(first.stateDict());
      assertClose(conv.forward(x).tensor.dataSync(), expected.dataSync(), { absolute: 1e-5 });
    }
  });
}

test("R3Conv gives the same by all plans to 1e-5", () => {
  seed(2);
  const space = rot3dOnR3();
  const type = new FieldType(space, [space.irrep(0), space.irrep(1), space.irrep(2), space.irrep(1)]);
  const x = new GeometricTensor(randn([1, type.size, 5, 6, 5]), type);
  const [first, ...others] = PLANS.map((plan) => new R3Conv(type, type, 3, { padding: 1, plan }));
  const expected = first.forward(x).tensor;
  for (const conv of others) {
    conv.loadStateDict(first.stateDict());
    assertClose(conv.forward(x).tensor.dataSync(), expected.dataSync(), { absolute: 1e-5 });
  }
});

test("faster plans are at most twice as far from equivariance as the dense one, or 1e-6", async () => {
  for (const space of [rot2dOnR2(4), flipRot2dOnR2(6)]) {
    const type = regular(space, 2);
    const errors: number[] = [];
    for (const plan of PLANS) {
      seed(3);
      const model = new SequentialModule(new R2Conv(type, type, 5, { padding: 2, plan }), new ReLU(type));
      errors.push((await model.checkEquivariance({ size: 9, batch: 1 })).maxExact);
    }
    for (const error of errors.slice(1)) assert(error <= Math.max(2 * errors[0], 1e-6), `${errors}`);
  }
});

test("planFor names the fixed plan, and not the harmonic one where functions are as many as taps", () => {
  const type = regular(rot2dOnR2(8), 8);
  for (const plan of PLANS) assertEquals(new R2Conv(type, type, 5, { plan }).planFor([1, type.size, 9, 9]), plan);
  const many = new R2Conv(type, type, 3, { frequenciesCutoff: () => 8, sigma: 0.6 });
  assert(many.tables.functionCount >= 9 && many.planFor([1, type.size, 9, 9]) !== "harmonic");
});

test("planFor picks the structured plan for wide layers of regular fields", () => {
  const plane = regular(rot2dOnR2(8), 24);
  assertEquals(new R2Conv(plane, plane, 5, { initialize: false }).planFor([64, plane.size, 29, 29]), "structured");
  const space = regular(octaOnR3(), 2);
  assertEquals(new R3Conv(space, space, 5, { initialize: false }).planFor([2, space.size, 17, 17, 17]), "structured");
});

test("a layer keeps its meaning in eval mode without gradients, by every plan", () => {
  seed(4);
  const type = regular(rot2dOnR2(4), 2);
  const x = new GeometricTensor(randn([1, type.size, 6, 6]), type);
  for (const plan of PLANS) {
    const conv = new R2Conv(type, type, 3, { plan });
    const trained = conv.forward(x).tensor.dataSync();
    conv.eval();
    assertClose(noGrad(() => conv.forward(x)).tensor.dataSync(), trained, { absolute: 1e-6 });
  }
});

const [line, plane, volume, ico] = [
  regular(flipOnR1(), 2),
  regular(rot2dOnR2(8)),
  new FieldType(rot3dOnR3(), rot3dOnR3().irreps(1)),
  regular(icoOnR3()),
];
type Plan = typeof PLANS[number];
const LAYERS: readonly (readonly [string, (plan: Plan) => GridConv, readonly number[]])[] = [
  ["R1Conv", (plan) => new R1Conv(line, line, 3, { paddingMode: "circular", padding: 1, plan }), [9]],
  ["R2Diffop", (plan) => new R2Diffop(plane, plane, 2, { padding: "same", plan }), [7, 7]],
  ["R3Diffop", (plan) => new R3Diffop(volume, volume, 2, { padding: "same", plan }), [5, 5, 5]],
  ["R3IcoConv", (plan) => new R3IcoConv(ico, ico, 3, { points: 20, plan }), [4, 4, 4]],
];

for (const [name, make, size] of LAYERS) {
  test(`${name} gives the same by all plans to 1e-5`, () => {
    const [first, ...others] = PLANS.map((plan) => {
      seed(0);
      return make(plan);
    });
    const x = new GeometricTensor(randn([2, first.inType.size, ...size]), first.inType);
    const expected = noGrad(() => first.forward(x)).tensor.dataSync();
    assert(expected.some((value) => Math.abs(value) > 1e-3));
    others.forEach((conv, i) => {
      assertEquals(conv.planFor(x.shape), PLANS[i + 1]);
      assertClose(noGrad(() => conv.forward(x)).tensor.dataSync(), expected, { absolute: 1e-5 });
    });
  });
}

test("requirePlan names the plans", () => {
  assertThrows(() => requirePlan("R2Conv", "fast"), ArgumentError, "auto, dense, harmonic, structured");
  assertEquals(requirePlan("R2Conv", "auto"), "auto");
});

test("the auto plan of a backend without the primitive is dense", async () => {
  const reference = await startBackend("reference");
  const bare = Object.create(reference, { steerableConvolution: { value: undefined } });
  const type = regular(rot2dOnR2(8), 24);
  assertEquals(new R2Conv(type, type, 5, { initialize: false }).planFor([64, type.size, 29, 29], bare), "dense");
});

test("R2ConvTransposed gives the same by all plans to 1e-5, with stride, groups and output padding", () => {
  seed(5);
  const space = rot2dOnR2(4);
  const inType = new FieldType(space, [space.regularRepr, space.irrep(1)], 2), outType = regular(space, 2);
  const x = new GeometricTensor(randn([2, inType.size, 5, 6]), inType);
  for (const options of [{ stride: 2, outputPadding: 1, padding: 1, groups: 2 }, { padding: 2, dilation: 2 }]) {
    const [first, ...others] = PLANS.map((plan) => new R2ConvTransposed(inType, outType, 5, { ...options, plan }));
    const expected = first.forward(x).tensor;
    for (const conv of others) {
      conv.loadStateDict(first.stateDict());
      const got = conv.forward(x).tensor;
      assertEquals(got.shape, expected.shape);
      assertClose(got.dataSync(), expected.dataSync(), { absolute: 1e-5 });
    }
  }
});

test("layers to few channels mix channels first, and give the same", () => {
  seed(6);
  const space = rot3dOnR3();
  const inType = new FieldType(space, [0, 1, 2].map((l) => space.irrep(l)), 8),
    outType = new FieldType(space, space.irrep(0));
  const [dense, structured] = (["dense", "structured"] as const).map((plan) =>
    new R3Conv(inType, outType, 5, { padding: 2, plan })
  );
  structured.loadStateDict(dense.stateDict());
  const shape = [1, inType.size, 5, 6, 5], x = new GeometricTensor(randn(shape), inType);
  assertClose(structured.forward(x).tensor.dataSync(), dense.forward(x).tensor.dataSync(), { absolute: 1e-5 });
  const { tables, layout } = dense;
  const parts = { tables, layout, inType, outType, groups: 1, kernelSize: dense.kernelSize };
  const geometry = convolutionGeometry(shape, [1, inType.size, 5, 5, 5], { padding: 2 });
  const [cheapest] = planCosts(new ConvolutionPlans(parts, "auto"), geometry);
  assertEquals(cheapest.form, "adjoint");
  assert(cheapest.plan !== "dense");
});

test("a backend's own costs decide the plan, for one shape on several backends", async () => {
  const type = regular(rot2dOnR2(8), 8);
  const { tables, layout, kernelSize } = new R2Conv(type, type, 5, { padding: 2 });
  const plans = new ConvolutionPlans({ tables, layout, inType: type, outType: type, groups: 1, kernelSize }, "auto");
  const geometry = convolutionGeometry([4, type.size, 29, 29], [type.size, type.size, 5, 5], { padding: 2 });
  assertEquals(planCosts(plans, geometry)[0].plan, "structured");
  assertEquals(planCosts(plans, geometry, false, { ...CPU_COSTS, plane: 1e6 })[0].plan, "dense");
  const usual = await startBackend("cpu");
  const costly = Object.create(usual, { steerableCosts: { value: { ...CPU_COSTS, plane: 1e6 } } }) as typeof usual;
  for (const [backend, plan] of [[usual, "structured"], [costly, "dense"], [usual, "structured"]] as const) {
    assertEquals(plans.choose(geometry, "float32", backend).plan, plan);
  }
});

test("a backend's faster dense convolution decides the plan, for the element type that it is for", async () => {
  const type = regular(flip2dOnR2(), 32);
  const { tables, layout, kernelSize } = new R2Conv(type, type, 5, { padding: 2 });
  const plans = new ConvolutionPlans({ tables, layout, inType: type, outType: type, groups: 1, kernelSize }, "auto");
  const geometry = convolutionGeometry([16, type.size, 29, 29], [type.size, type.size, 5, 5], { padding: 2 });
  const fast = await createCpu({ convolution: "auto" }), slow = await createCpu({ convolution: "direct" });
  assert(fast.convolutionShare!(geometry, "float32") < 0.6);
  assertEquals([fast.convolutionShare!(geometry, "float64"), slow.convolutionShare!(geometry, "float32")], [1, 1]);
  assertEquals(plans.choose(geometry, "float32", fast).plan, "dense");
  assertEquals(plans.choose(geometry, "float64", fast).plan, "structured");
  assertEquals(plans.choose(geometry, "float32", slow).plan, "structured");
  fast.dispose();
  slow.dispose();
});

test("changes of basis cost what they do: nothing where fields are irreps in order already", () => {
  const space = rot3dOnR3(), irreps = directSum(space.irreps(2)), powers = irreps.tensor(space.irrep(1));
  const partsOf = (inType: FieldType, outType: FieldType) => {
    const { tables, layout, kernelSize } = new R3Conv(inType, outType, 3);
    return { tables, layout, inType, outType, groups: 1, kernelSize };
  };
  const plain = new FieldType(space, irreps, 4), mixed = new FieldType(space, powers, 2);
  const { before, after } = new StructuredConvolution(partsOf(plain, mixed)).basisWork;
  assertEquals(before, { products: 0, written: 0 });
  assertEquals(after, { products: 2 * powers.size ** 2, written: 2 * powers.size });
  const two = new FieldType(space, [irreps, powers, irreps]);
  // Two classes, whose fields alternate: a product for one, then they are joined and brought into order.
  assertEquals(new StructuredConvolution(partsOf(plain, two)).basisWork.after, {
    products: powers.size ** 2,
    written: powers.size + 2 * (powers.size + 2 * irreps.size),
  });
});

test("with strides the plan that folds fewer channels' rows, or multiplies less behind them, is the cheapest", () => {
  const space = rot3dOnR3(), fourier = bandlimitedRegularRepresentation(space.fibergroup, 2);
  const vector = space.irrep(1), powers = directSum([space.trivialRepr, vector, vector.tensor(vector)]);
  const inType = new FieldType(space, fourier, 2), outType = new FieldType(space, powers, 4);
  const { tables, layout, kernelSize } = new R3Conv(inType, outType, 3);
  const plans = new ConvolutionPlans({ tables, layout, inType, outType, groups: 1, kernelSize }, "auto");
  const size = [33, 33, 33], filter = [outType.size, inType.size, ...kernelSize];
  const geometry = convolutionGeometry([2, inType.size, ...size], filter, { padding: 1, stride: 2 });
  assertEquals(planCosts(plans, geometry)[0].plan, "structured");
  const { folded, outputs } = steerableWork(plans.get("harmonic", "forward").plan, geometry);
  const positions = 2 * 17 ** 3;
  // Three taps of a row, of two rows and two depths for each row of the output.
  assertEquals(folded, 3 * 4 * inType.size * positions);
  assertEquals(outputs, outType.size * positions);
});
