// Disentangling: restricted and summed fields come apart into known representations, and nothing is lost.

import { assert, assertEquals } from "@std/assert";
import { directSum, octahedralGroup } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, noBaseSpace, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { DisentangleModule, FieldType, ReLU } from "../../../src/nn/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { regular } from "../support.ts";

const c8 = rot2dOnR2(8), d4 = flipRot2dOnR2(4), continuous = flipRot2dOnR2();

test("DisentangleModule keeps its contract on sums, restrictions and tensor products", async () => {
  const types = [
    new FieldType(c8, [directSum([c8.regularRepr, c8.irrep(1)]), c8.trivialRepr]),
    regular(c8, 2).restrict(4),
    regular(d4).restrict([null, 4]),
    new FieldType(d4, d4.irrep(1, 1).tensor(d4.irrep(1, 1))),
    new FieldType(continuous, continuous.irrep(1, 2)).restrict([0, 4]),
    new FieldType(noBaseSpace(octahedralGroup()), octahedralGroup().standardRepresentation).restrict([false, 4]),
  ];
  for (const type of types) {
    await checkContract(() => new DisentangleModule(type), {
      spatial: new Array<number>(type.gspace.dimensionality).fill(3),
      small: new Array<number>(type.gspace.dimensionality).fill(1),
      tolerance: 1e-9,
    });
  }
});

test("DisentangleModule finds the regular fields in a restricted regular one, and they stay pointwise", () => {
  const module = new DisentangleModule(regular(c8).restrict(2));
  const { regularRepr } = module.outType.gspace;
  assertEquals(module.outType.sizes, [2, 2, 2, 2]);
  assert(module.outType.representations.every((rho) => rho.equals(regularRepr)));
  assert(new ReLU(module.outType.requirePointwise()).outType.length === 4);
});

test("DisentangleModule leaves fields that do not come apart as they are", () => {
  const type = new FieldType(d4, [d4.regularRepr, d4.irrep(1, 1)]);
  const module = new DisentangleModule(type);
  assert(module.outType.equals(type));
  assertEquals(module.layer.channels, Array.from({ length: 10 }, (_, i) => i));
});
