// Equivariant perceptrons and lists of modules.
// covers: src/nn/structure/module_list.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { dihedralGroup, so2Group, so3Group } from "../../../src/group/mod.ts";
import { noBaseSpace } from "../../../src/gspaces/mod.ts";
import { equivariantMLP, FieldType, Linear, ModuleList } from "../../../src/nn/mod.ts";
import { Linear as PlainLinear } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, zeros } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { feature } from "../support.ts";

const so3 = noBaseSpace(so3Group()), so2 = noBaseSpace(so2Group()), d3 = noBaseSpace(dihedralGroup(3));

test("equivariantMLP of a finite group is exactly equivariant and keeps its contract", async () => {
  const inType = new FieldType(d3, [d3.irrep(1, 1), d3.trivialRepr]), outType = new FieldType(d3, d3.irrep(1, 1));
  await checkContract((dtype) => equivariantMLP(inType, outType, { channels: [2, 3], dtype }), { tolerance: 1e-10 });
  await checkContract((dtype) => equivariantMLP(inType, outType, { channels: [], dtype }));
});

test("equivariantMLP of SO(2) and SO(3) uses Fourier non-linearities, nearly equivariant", async () => {
  const vectors = new FieldType(so3, so3.irrep(1)), tensors = new FieldType(so3, so3.irrep(2));
  const sphere = equivariantMLP(vectors, tensors, {
    channels: [4, 4],
    irreps: [[0], [1], [2]],
    subgroup: [false, -1],
    grid: { sphere: { type: "fibonacci", N: 200 } },
  });
  assertEquals(sphere.length, 7);
  assert((await sphere.checkEquivariance({ tolerance: 0.05 })).passed);
  const circle = equivariantMLP(new FieldType(so2, so2.irrep(1)), new FieldType(so2, so2.irrep(1)), {
    irreps: [[0], [1], [2], [3]],
    grid: { type: "regular", N: 32 },
    batchNorm: false,
  });
  assertEquals(circle.length, 3);
  assert((await circle.checkEquivariance({ tolerance: 0.01 })).passed);
  assertEquals(sphere.forward(feature(vectors, 5)).shape, [5, 5]);
});

test("equivariantMLP refuses an infinite group without irreps, and a sphere without a subgroup", () => {
  const vectors = new FieldType(so3, so3.irrep(1));
  assertThrows(() => equivariantMLP(vectors, vectors), ArgumentError, "irreps and a grid");
  const options = { irreps: [[0], [1]], grid: { sphere: { type: "fibonacci", N: 20 } } } as const;
  assertThrows(() => equivariantMLP(vectors, vectors, options), ArgumentError, "a subgroup");
});

test("ModuleList registers modules under their positions and exports them", () => {
  const type = new FieldType(d3, d3.regularRepr), list = new ModuleList([new Linear(type, type)]);
  list.append(new Linear(type, type));
  assertEquals(list.length, 2);
  assertEquals([...list].length, 2);
  assertEquals(list.namedParameters().map(([name]) => name), ["0.weights", "0.bias", "1.weights", "1.bias"]);
  const plain = list.export();
  assert(plain.at(-1) instanceof PlainLinear);
  assertEquals(plain.at(0).forward(zeros([2, 6])).shape, [2, 6]);
  assertThrows(() => list.at(2), ArgumentError, "2 modules");
});
