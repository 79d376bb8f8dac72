// The plans of equivariant linear maps: the structured one gives the same numbers, derivatives and equivariance as the expanded matrix over
// all groups and kinds of fields, means the same by its weights, agrees with the oracle, and is picked where it is cheaper.
// covers: src/nn/conv/linear_sides.ts
// covers: src/nn/conv/linear_choice.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  bandlimitedRegularRepresentation,
  changeBasis,
  cyclicGroup,
  dihedralGroup,
  directSum,
  octahedralGroup,
  type Representation,
  so3Group,
} from "../../../src/group/mod.ts";
import { noBaseSpace } from "../../../src/gspaces/mod.ts";
import { compile } from "../../../src/nn/compile.ts";
import {
  analyze,
  FieldType,
  GeometricTensor,
  Linear,
  NormNonLinearity,
  SequentialModule,
  type SteerableLinearOptions,
} from "../../../src/nn/mod.ts";
import { assign } from "../../../src/nn/plain/persistent.ts";
import { denseCost, structuredCost } from "../../../src/nn/conv/linear_choice.ts";
import { CPU_COSTS } from "../../../src/nn/conv/plan_cost.ts";
import { StructuredLinear } from "../../../src/nn/conv/linear_plan.ts";
import {
  ArgumentError,
  backendInfo,
  grad,
  gradcheck,
  memory,
  noGrad,
  randn,
  scope,
  seed,
  startBackend,
  type Tensor,
  zeros,
} from "../../../src/tensor/mod.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import {
  caseBackend,
  closeTensor,
  fieldTypeOf,
  fitWeights,
  moduleOf,
  tensorOf,
} from "../../conformance/modules_support.ts";
import { spaceOf } from "../../conformance/descriptions.ts";
import { readCases } from "../../conformance/run.ts";
import { irrepsOf, testGroups } from "../../group/groups.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { normal, regular, values } from "../support.ts";

/** The same layer by both plans. */
function pair(inType: FieldType, outType: FieldType, options: SteerableLinearOptions = {}): [Linear, Linear] {
  const dense = new Linear(inType, outType, { ...options, plan: "dense" });
  const structured = new Linear(inType, outType, { ...options, plan: "structured" });
  structured.loadStateDict(dense.stateDict());
  return [dense, structured];
}

/** Output, gradient by the input and gradient by the weights. */
function results(layer: Linear, x: Tensor, gradient: Tensor): Tensor[] {
  const y = layer.forward(new GeometricTensor(x, layer.inType)).tensor;
  return [y, ...grad([y], [x, layer.weights], { gradOutputs: [gradient] })];
}

function assertAgree(inType: FieldType, outType: FieldType, options: SteerableLinearOptions = {}): void {
  for (const dtype of ["float64", "float32"] as const) {
    using _ = scope();
    const [dense, structured] = pair(inType, outType, { ...options, dtype });
    const x = randn([3, inType.size], { dtype }).requireGrad(), gradient = randn([3, outType.size], { dtype });
    const expected = results(dense, x, gradient), got = results(structured, x, gradient);
    expected.forEach((tensor, i) => {
      const scale = Math.max(...values(tensor).map(Math.abs));
      assertClose(values(got[i]), values(tensor), { absolute: scale * (dtype === "float64" ? 1e-12 : 1e-5) });
    });
    for (const layer of [dense, structured]) layer.dispose();
  }
}

for (const row of testGroups) {
  const { group, frequency } = row;
  test(`the plans of Linear agree on fields of all kinds: ${group}`, () => {
    const space = noBaseSpace(group), some = irrepsOf(row).slice(0, 4), last = some[some.length - 1];
    const sum = directSum([...some, last, some[0]]);
    const mixed = new FieldType(space, [sum, some[0], sum, last, some[0]]);
    assertAgree(mixed, mixed);
    const large: Representation = group.order < Infinity
      ? group.regularRepresentation
      : bandlimitedRegularRepresentation(group, Math.min(frequency, 2));
    if (large.size > 60) return;
    const wide = new FieldType(space, [large, large]);
    assertAgree(wide, wide);
    assertAgree(wide, mixed);
    assertAgree(mixed, wide, { bias: false });
  });
}

test("the structured plan of Linear gives the oracle's numbers", async () => {
  const path = new URL("../../fixtures/layers.json.gz", import.meta.url).pathname;
  const cases = (await readCases(await runtime.readFile(path))).filter(({ kind }) => kind === "linear");
  assert(cases.length > 0);
  await caseBackend();
  for (const c of cases) {
    using _ = scope();
    const inType = fieldTypeOf(spaceOf(c.space), c.in), module = moduleOf(inType, c);
    assert(module instanceof Linear);
    fitWeights(module, c.filter, c.bias);
    const structured = new Linear(inType, module.outType, {
      bias: module.bias !== undefined,
      plan: "structured",
      dtype: "float64",
    });
    structured.loadStateDict(module.stateDict());
    const output = structured.forward(new GeometricTensor(tensorOf(c.input), inType)).tensor;
    closeTensor("output", output, c.expect.output, c.tolerance);
    for (const layer of [module, structured]) layer.dispose();
  }
});

const c8 = regular(noBaseSpace(cyclicGroup(8)), 3), octa = regular(noBaseSpace(octahedralGroup()));
const so3 = noBaseSpace(so3Group());
const vectors = new FieldType(so3, [so3.irrep(1), directSum([so3.irrep(0), so3.irrep(2)]), so3.irrep(1), so3.irrep(1)]);
const scalars = new FieldType(so3, [so3.irrep(0), so3.irrep(1)]);

test("plans agree where irreps occur on one side alone, are filtered away, or stand in a skewed basis", () => {
  const other = new FieldType(so3, [so3.irrep(3), so3.irrep(1), directSum([so3.irrep(4), so3.irrep(0)])]);
  assertAgree(vectors, other);
  assertAgree(other, vectors);
  const space = c8.gspace;
  const sparse = new FieldType(space, [space.regularRepr, space.quotientRepr([4]), space.irrep(3)]);
  assertAgree(sparse, c8);
  assertAgree(c8, sparse);
  assertAgree(c8, c8, { basisFilter: ({ outField, inIrrep }) => outField !== 1 || inIrrep[0] !== 2 });
  assertAgree(vectors, vectors, { basisFilter: ({ inField, outField }) => inField <= outField });
  const skew = Float64Array.from({ length: 25 }, (_, i) => i % 6 === 0 ? 2 : Math.sin(i) / 2);
  const slanted = changeBasis(directSum([so3.irrep(0), so3.irrep(1), so3.irrep(0)]), skew, "slanted");
  const bent = new FieldType(so3, [slanted, so3.irrep(1), slanted]);
  assertAgree(bent, vectors);
  assertAgree(vectors, bent);
});

test("Linear by the structured plan keeps its contract", async () => {
  for (const type of [vectors, c8, octa]) {
    await checkContract((dtype) => new Linear(type, type, { dtype, plan: "structured" }));
  }
});

test("the structured plan has first and second derivatives by input and weights", async () => {
  const [, layer] = pair(c8, new FieldType(c8.gspace, [c8.gspace.irrep(1), c8.gspace.regularRepr]), {
    dtype: "float64",
  });
  const x = normal([2, c8.size]), { weights } = layer;
  await gradcheck((input) => layer.forward(new GeometricTensor(input, c8)).tensor, [x], { secondOrder: true });
  const plan = new StructuredLinear(layer.layout, layer.inType, layer.outType);
  await gradcheck((input, w) => plan.apply(input, w).tanh(), [x, normal(weights.shape)], { secondOrder: true });
});

test("the structured plan is at most twice as far from equivariance as the dense one, or 1e-6", async () => {
  for (const type of [c8, octa, vectors, regular(noBaseSpace(dihedralGroup(6)), 4)]) {
    seed(1);
    const errors = await Promise.all(
      pair(type, type, { dtype: "float32" }).map(async (layer) => (await layer.checkEquivariance()).maxExact),
    );
    assert(errors[1] <= Math.max(2 * errors[0], 1e-6), `${type}: ${errors}`);
  }
});

test("Linear picks the plan by size, batch and mode, and backendInfo and analyze show it", async () => {
  const cpu = await startBackend("cpu");
  // A backend that states costs of its own.
  const other = Object.assign(Object.create(cpu), { steerableCosts: CPU_COSTS });
  const space = noBaseSpace(octahedralGroup());
  const layer = await new Linear(regular(space, 8), regular(space, 8)).to(cpu);
  const planFor = (batch: number, backend = cpu) => layer.planFor([batch, layer.inType.size], backend);
  assertEquals([planFor(64), planFor(64, other)], ["structured", "dense"]);
  layer.eval();
  assertEquals([noGrad(() => planFor(64)), planFor(64)], ["dense", "structured"]);
  layer.train();
  noGrad(() => layer.forward(new GeometricTensor(zeros([64, layer.inType.size], { backend: cpu }), layer.inType)));
  assert(backendInfo().includes("linear 192→192 channels, batch 64: structured"), backendInfo());
  assertEquals(analyze(layer, [64, layer.inType.size]).layers.map(({ plan }) => plan), ["structured"]);
  for (const plan of ["dense", "structured"] as const) {
    assertEquals(new Linear(c8, c8, { plan }).planFor([1, c8.size]), plan);
  }
  const tiny = await new Linear(scalars, scalars).to(cpu);
  tiny.eval();
  assertEquals(noGrad(() => tiny.planFor([4096, scalars.size], cpu)), "dense");
});

test("costs grow with the batch, and those of the dense plan with the expansion", () => {
  const type = regular(noBaseSpace(octahedralGroup()), 16);
  const { work } = new StructuredLinear(new Linear(type, type, { initialize: false }).layout, type, type);
  // Σ d³ = 64 for each pair of fields; two changes of basis of 24 × 24 for each field.
  assertEquals([work.product, work.basisChange], [64 * 16 * 16, 2 * 16 * 24 * 24]);
  assert(structuredCost(2048, work, true) > structuredCost(64, work, true));
  assert(structuredCost(64, work, true) > structuredCost(64, work, false));
  assert(denseCost(64, type.size ** 2, true) > denseCost(64, type.size ** 2, false));
  assert(structuredCost(2048, work, false) < denseCost(2048, type.size ** 2, false));
});

test("a compiled network runs its linear maps by the structured plan", async () => {
  const cpu = await startBackend("cpu"), type = new FieldType(so3, directSum([so3.irrep(0), so3.irrep(1)]), 4);
  const network = new SequentialModule(
    new Linear(type, type, { plan: "structured" }),
    new NormNonLinearity(type, { bias: false }),
    new Linear(type, scalars, { plan: "structured" }),
  );
  await network.to(cpu);
  using compiled = await compile(network, [5, type.size]);
  using _ = scope();
  const x = randn([5, type.size], { backend: cpu });
  const expected = noGrad(() => network.eval().forward(new GeometricTensor(x, type))).tensor;
  assertClose(values(compiled.run(x)), values(expected), { absolute: 1e-5 });
});

test("training steps by the structured plan leave nothing behind", async () => {
  const cpu = await startBackend("cpu"), layer = await new Linear(c8, c8, { plan: "structured" }).to(cpu);
  const step = () => {
    using _ = scope();
    const x = randn([4, c8.size], { backend: cpu });
    layer.forward(new GeometricTensor(x, c8)).tensor.square().sum().backward();
    layer.weights.clearGrad();
    layer.bias!.clearGrad();
    return memory().cpu.liveTensors;
  };
  step();
  const live = step();
  assertEquals(step(), live);
});

test("weights that are kept in eval mode follow changes, in both types", () => {
  for (const type of [c8, vectors]) {
    const [dense, structured] = pair(type, type, { dtype: "float64" });
    const x = new GeometricTensor(normal([2, type.size]), type);
    for (const layer of [dense, structured]) layer.eval();
    const both = () => noGrad(() => [dense, structured].map((layer) => values(layer.forward(x).tensor)));
    for (let change = 0; change < 2; change++) {
      const [expected, got] = both();
      assertClose(got, expected, { absolute: 1e-12 });
      assertEquals(both()[1], got);
      noGrad(() => [dense, structured].forEach(({ weights }) => assign([[weights, weights.mul(-3).add(1)]])));
    }
    const half = new GeometricTensor(x.tensor.cast("float32"), type);
    const [expected, got] = noGrad(() => [dense, structured].map((layer) => values(layer.forward(half).tensor)));
    assertClose(got, expected, { absolute: 1e-4 });
  }
});

test("Linear refuses the harmonic plan and names that do not exist", () => {
  const make = (plan: string) => () => new Linear(c8, c8, Object.assign({}, { plan }) as SteerableLinearOptions);
  assertThrows(make("harmonic"), ArgumentError, "expected the plan auto, dense or structured, got harmonic");
  assertThrows(make("fast"), ArgumentError, "auto, dense, harmonic, structured");
});
