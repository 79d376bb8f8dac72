// The plans of tensor products of fields with themselves: the structured one gives the same numbers and derivatives as the expanded
// matrix, over all groups, and is picked where it is cheaper.
// covers: src/nn/nonlinearity/square_choice.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  changeBasis,
  cyclicGroup,
  directSum,
  octahedralGroup,
  type Representation,
  so3Group,
} from "../../../src/group/mod.ts";
import { type GSpace, noBaseSpace, rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import { compile } from "../../../src/nn/compile.ts";
import {
  analyze,
  GeometricTensor,
  SequentialModule,
  TensorProductModule,
  type TensorProductOptions,
} from "../../../src/nn/mod.ts";
import { denseSquareCost, structuredSquareCost } from "../../../src/nn/nonlinearity/square_choice.ts";
import { StructuredSquare } from "../../../src/nn/nonlinearity/square_plan.ts";
import {
  ArgumentError,
  backendInfo,
  grad,
  gradcheck,
  noGrad,
  randn,
  scope,
  startBackend,
  type Tensor,
  zeros,
} from "../../../src/tensor/mod.ts";
import { irrepsOf, testGroups } from "../../group/groups.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { normal, values } from "../support.ts";

const so3 = noBaseSpace(so3Group()), scalarsToTwo = directSum([0, 1, 2].map((l) => so3.irrep(l)));

/** Output, gradient by the input and gradient by the weights. */
function results(module: TensorProductModule, x: Tensor, gradient: Tensor): Tensor[] {
  const y = module.forward(new GeometricTensor(x, module.inType)).tensor;
  return [y, ...grad([y], [x, module.weights], { gradOutputs: [gradient] })];
}

function assertAgree(
  space: GSpace,
  rho: Representation,
  out: Representation,
  spatial: readonly number[] = [],
  options: TensorProductOptions = {},
): void {
  for (const dtype of ["float64", "float32"] as const) {
    using _ = scope();
    const make = (plan: "dense" | "structured") =>
      TensorProductModule.construct(space, 2, rho, out, { ...options, dtype, plan });
    const dense = make("dense"), structured = make("structured");
    structured.loadStateDict(dense.stateDict());
    const x = randn([3, dense.inType.size, ...spatial], { dtype }).requireGrad();
    const gradient = randn([3, dense.outType.size, ...spatial], { dtype });
    const expected = results(dense, x, gradient), got = results(structured, x, gradient);
    expected.forEach((tensor, i) => {
      const scale = Math.max(1e-3, ...values(tensor).map(Math.abs));
      assertClose(values(got[i]), values(tensor), { absolute: scale * (dtype === "float64" ? 1e-12 : 1e-5) });
    });
    for (const module of [dense, structured]) module.dispose();
  }
}

for (const row of testGroups) {
  const { group } = row;
  test(`the plans of TensorProductModule agree: ${group}`, () => {
    const irreps = irrepsOf(row), some = directSum(irreps.slice(0, irreps[1]?.size > 2 ? 2 : 3));
    if (some.size > 10) return;
    assertAgree(noBaseSpace(group), some, some);
    if (group.order <= 8) assertAgree(noBaseSpace(group), group.regularRepresentation, some);
  });
}

test("the plans agree on grids, on skewed bases, with filters, and where irreps of the output are out of reach", () => {
  const plane = rot2dOnR2(), circle = directSum([plane.irrep(0), plane.irrep(1), plane.irrep(2)]);
  assertAgree(plane, circle, circle, [4, 5]);
  const space = rot3dOnR3();
  assertAgree(space, directSum([space.irrep(0), space.irrep(1)]), directSum([space.irrep(1), space.irrep(4)]), [
    2,
    3,
    2,
  ]);
  const skew = Float64Array.from({ length: 16 }, (_, i) => i % 5 === 0 ? 2 : Math.cos(i) / 2);
  const slanted = changeBasis(directSum([so3.irrep(0), so3.irrep(1)]), skew, "slanted");
  assertAgree(so3, slanted, slanted);
  assertAgree(so3, slanted, slanted, [], {
    basisFilter: ({ outField, inIrrep }) => outField === 0 || inIrrep[0] !== 1,
  });
  // Several kernels, whose results add up in one row.
  const wide = directSum([0, 1, 2, 3].map((l) => so3.irrep(l)));
  assertAgree(so3, wide, wide);
});

test("a product that vanishes on squares is 0 by both plans", () => {
  assertAgree(so3, so3.irrep(1), so3.irrep(1));
});

test("TensorProductModule by the structured plan keeps its contract", async () => {
  const plane = rot2dOnR2(), circle = directSum([plane.irrep(0), plane.irrep(1)]);
  await checkContract(
    (dtype) => TensorProductModule.construct(plane, 2, circle, circle, { dtype, plan: "structured" }),
    { small: [1, 2] },
  );
  await checkContract((dtype) =>
    TensorProductModule.construct(so3, 2, scalarsToTwo, scalarsToTwo, { dtype, plan: "structured" })
  );
  const octa = noBaseSpace(octahedralGroup()), some = directSum([octa.irrep(1), octa.irrep(2)]);
  await checkContract((dtype) => TensorProductModule.construct(octa, 1, some, some, { dtype, plan: "structured" }));
});

test("the structured square has first and second derivatives by input and weights", async () => {
  const group = cyclicGroup(4), space = noBaseSpace(group), rho = group.regularRepresentation;
  const { layout, weights } = TensorProductModule.construct(space, 2, rho, rho, { dtype: "float64" });
  const plan = new StructuredSquare(layout, 2, rho, rho.tensor(rho), rho);
  await gradcheck((x, w) => plan.apply(x, w), [normal([2, 8, 2]), normal(weights.shape)], { secondOrder: true });
});

test("symmetric and antisymmetric pairs leave few terms: SO(3), irreps to 2", () => {
  const { layout } = TensorProductModule.construct(so3, 4, scalarsToTwo, scalarsToTwo, { initialize: false });
  const { work } = new StructuredSquare(layout, 4, scalarsToTwo, scalarsToTwo.tensor(scalarsToTwo), scalarsToTwo);
  // Of 9³ = 729 multiply-adds; each form and row counts one more.
  assertEquals([work.terms, work.basisChange, work.touched], [97, 0, 27]);
});

test("TensorProductModule picks the plan by size, and backendInfo shows it", async () => {
  const cpu = await startBackend("cpu");
  const module = await TensorProductModule.construct(so3, 32, scalarsToTwo, scalarsToTwo).to(cpu);
  const planFor = (batch: number) => module.planFor([batch, module.inType.size], cpu);
  assertEquals([planFor(2048), planFor(64)], ["structured", "structured"]);
  noGrad(() => module.forward(new GeometricTensor(zeros([64, module.inType.size], { backend: cpu }), module.inType)));
  assert(backendInfo().includes("tensor product 32 fields 9→9, batch 64: structured"), backendInfo());
  assertEquals(analyze(module, [64, module.inType.size]).layers.map(({ plan }) => plan), ["structured"]);
  const large = octahedralGroup().regularRepresentation, octa = noBaseSpace(octahedralGroup());
  const regular = TensorProductModule.construct(octa, 1, large, octa.irrep(1), { initialize: false });
  assertEquals(regular.planFor([2048, 24], cpu), "dense");
  const eight = noBaseSpace(cyclicGroup(8)),
    few = TensorProductModule.construct(eight, 16, eight.regularRepr, eight.regularRepr);
  assertEquals([few.planFor([64, 128], cpu), few.planFor([2048, 128], cpu)], ["dense", "structured"]);
  assertThrows(
    () =>
      TensorProductModule.construct(
        so3,
        1,
        so3.irrep(1),
        so3.irrep(0),
        Object.assign({}, { plan: "harmonic" as "dense" }),
      ),
    ArgumentError,
    "expected the plan auto, dense or structured, got harmonic",
  );
});

test("costs of squares grow with positions, fields and terms", () => {
  const work = { terms: 97, basisChange: 0, touched: 27, calls: 13 };
  assert(denseSquareCost(2048, 32, 9, 9) > denseSquareCost(64, 32, 9, 9));
  assert(structuredSquareCost(64, 32, work) < structuredSquareCost(64, 32, { ...work, terms: 200 }));
  assert(structuredSquareCost(2048, 32, work) < denseSquareCost(2048, 32, 9, 9));
});

test("a compiled network runs its tensor products by the structured plan", async () => {
  const cpu = await startBackend("cpu");
  const network = new SequentialModule(
    TensorProductModule.construct(so3, 4, scalarsToTwo, scalarsToTwo, { plan: "structured" }),
    TensorProductModule.construct(so3, 4, scalarsToTwo, so3.irrep(0), { plan: "structured" }),
  );
  await network.to(cpu);
  using compiled = await compile(network, [5, 36]);
  using _ = scope();
  const x = randn([5, 36], { backend: cpu });
  const expected = noGrad(() => network.eval().forward(new GeometricTensor(x, network.inType))).tensor;
  const scale = Math.max(...values(expected).map(Math.abs));
  assertClose(values(compiled.run(x)), values(expected), { absolute: 1e-5 * scale });
});
