// Non-linearities of norms: values, the module contract over several groups, and what they refuse.
// covers: src/nn/plain/norm_nonlinearity.ts, src/nn/requirements.ts, src/nn/layer_module.ts

import { assertEquals, assertThrows } from "@std/assert";
import { changeBasis } from "../../../src/group/mod.ts";
import { dihedralGroup, o2Group, so3Group } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, noBaseSpace, rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import {
  FieldType,
  FieldTypeError,
  GeometricTensor,
  InducedNormNonLinearity,
  NormNonLinearity,
  SoftThresholdingNonLinearity,
} from "../../../src/nn/mod.ts";
import type { NormFunction } from "../../../src/nn/plain/mod.ts";
import { NormNonLinearity as PlainNormNonLinearity } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, ShapeError, tensor, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkTypes } from "../module_contract.ts";
import { feature, trivial, values } from "../support.ts";

const plane = flipRot2dOnR2(4), circle = rot2dOnR2();
const o2 = o2Group(), o2Point = noBaseSpace(o2), so3Point = noBaseSpace(so3Group()), space3 = rot3dOnR3();
const types: readonly FieldType[] = [
  // Interleaved sizes: no arithmetic progression, so channels are gathered.
  new FieldType(plane, [plane.irrep(1, 1), plane.trivialRepr, plane.regularRepr, plane.trivialRepr, plane.irrep(1, 1)]),
  new FieldType(circle, [circle.irrep(1), circle.irrep(2), circle.trivialRepr]),
  new FieldType(so3Point, [so3Point.irrep(0), so3Point.irrep(1), so3Point.irrep(2)], 2),
  new FieldType(o2Point, [o2.irrep(1, 1), o2.irrep(1, 0)]),
];

test("NormNonLinearity computes v f(‖v‖ − e^b) / ‖v‖, and 0 at 0", () => {
  const type = new FieldType(circle, circle.irrep(1)),
    x = (v: number[]) => new GeometricTensor(tensor(Float64Array.from(v), [1, 2, 1, 1]), type);
  const at = (fn: NormFunction, v: number[]): number[] => {
    return values(new NormNonLinearity(type, { function: fn, dtype: "float64" }).forward(x(v)).tensor);
  };
  const sigmoid = 1 / (1 + Math.exp(-4));
  assertClose(at("n_relu", [3, 4]), [3 * 0.8, 4 * 0.8], { absolute: 1e-14 });
  assertClose(at("n_relu", [0.3, 0.4]), [0, 0]);
  assertClose(at("n_sigmoid", [3, 4]), [0.6 * sigmoid, 0.8 * sigmoid], { absolute: 1e-14 });
  assertClose(at("n_softplus", [3, 4]), [0.6, 0.8].map((u) => u * Math.log1p(Math.exp(4))), { absolute: 1e-14 });
  assertClose(at("squash", [3, 4]), [0.6 * 5 / 6, 0.8 * 5 / 6], { absolute: 1e-14 });
  for (const fn of ["n_relu", "n_sigmoid", "n_softplus", "squash"] as const) assertEquals(at(fn, [0, 0]), [0, 0]);
});

test("NormNonLinearity has gradient 0 at the zero field and does not overflow", () => {
  const type = new FieldType(circle, circle.irrep(1));
  const module = new NormNonLinearity(type, { function: "n_softplus" });
  const x = tensor(Float32Array.of(0, 0, 1e15, 0), [2, 2, 1, 1]).requireGrad();
  const y = module.forward(new GeometricTensor(x, type)).tensor;
  y.sum().backward();
  assertEquals(values(y), [0, 0, Math.fround(1e15), 0]);
  assertClose(values(x.grad!), [0, 0, 1, 1], { absolute: 1e-5 });
});

test("NormNonLinearity orders its biases by field size, stable", () => {
  const type = types[0], module = new NormNonLinearity(type, { dtype: "float64" });
  assertEquals(module.namedParameters().map(([name, { shape }]) => [name, [...shape]]), [["log_bias", [1, 5, 1, 1]]]);
  const biases = [-30, -1, -30, -30, -30].map((b) => Math.exp(b));
  const state = new Map([["log_bias", tensor(biases.map(Math.log), [1, 5, 1, 1])]]);
  module.loadStateDict({ convention: module.stateDict().convention, tensors: state });
  const x = feature(type, 1, 1, 1), y = module.forward(x);
  // Entry 1 is the second field of size 1: field 3.
  const before = x.fields([3]).tensor.itemSync(), after = y.fields([3]).tensor.itemSync();
  assertClose([after], [Math.sign(before) * Math.max(Math.abs(before) - Math.exp(-1), 0)], { absolute: 1e-12 });
  assertClose(values(y.fields([0, 2, 4]).tensor), values(x.fields([0, 2, 4]).tensor), { absolute: 1e-10 });
});

test("norm modules keep their contract over C_N, D_N, SO(2), O(2) and SO(3)", async () => {
  for (const fn of ["n_relu", "n_sigmoid", "n_softplus", "squash"] as const) {
    await checkTypes(
      fn === "n_relu" ? types : types.slice(0, 1),
      (type, dtype) => new NormNonLinearity(type, { function: fn, dtype }),
    );
  }
  await checkTypes(types.slice(0, 3), (type, dtype) => new SoftThresholdingNonLinearity(type, { dtype }));
  await checkTypes(
    [new FieldType(space3, [space3.irrep(1), space3.irrep(2)])],
    (type, dtype) => new NormNonLinearity(type, { dtype }),
    { spatial: [3, 3, 3], small: [1, 1, 1] },
  );
});

test("InducedNormNonLinearity scales each sub-vector and keeps its contract", async () => {
  const d4 = noBaseSpace(dihedralGroup(4));
  const induced = [
    new FieldType(plane, [
      plane.inducedRepr([null, 4], [1]),
      plane.quotientRepr([null, 4]),
      plane.inducedRepr([null, 2], [1]),
    ]),
    new FieldType(o2Point, [o2.inducedRepresentation([null, -1], [1]), o2.inducedRepresentation([null, -1], [2])]),
    new FieldType(d4, d4.inducedRepr([null, 4], [1]), 2),
  ];
  for (const fn of ["n_relu", "n_sigmoid", "squash"] as const) {
    await checkTypes(induced, (type, dtype) => new InducedNormNonLinearity(type, { function: fn, dtype }));
  }
  const type = new FieldType(o2Point, o2.inducedRepresentation([null, -1], [1]));
  const x = new GeometricTensor(tensor([[3, 4, 0, 0.5]]), type);
  const y = values(new InducedNormNonLinearity(type).forward(x).tensor);
  assertClose(y, [3 * 0.8, 4 * 0.8, 0, 0], { absolute: 1e-6 });
});

test("SoftThresholdingNonLinearity shortens norms by the threshold, trained or fixed", () => {
  const type = new FieldType(circle, circle.irrep(1));
  const module = new SoftThresholdingNonLinearity(type, { threshold: 2, trainable: false });
  assertEquals(module.parameters(), []);
  assertEquals(module.namedBuffers().map(([name]) => name), ["threshold"]);
  const y = module.forward(new GeometricTensor(tensor([3, 4], [1, 2, 1, 1]), type));
  assertClose(values(y.tensor), [3 * 0.6, 4 * 0.6], { absolute: 1e-6 });
  const error = { threshold: -1 };
  assertThrows(() => new SoftThresholdingNonLinearity(type, error), ArgumentError, "at least 0");
});

test("norm modules refuse fields that are not orthogonal, not induced, other types and unknown functions", () => {
  const skewed = changeBasis(plane.irrep(1, 1), Float64Array.of(1, 0.5, 0, 1), "skewed", ["norm"]);
  const type = new FieldType(plane, skewed);
  assertThrows(() => new NormNonLinearity(type), FieldTypeError, "skewed");
  assertThrows(() => new SoftThresholdingNonLinearity(type), FieldTypeError, "orthogonal");
  assertThrows(() => new InducedNormNonLinearity(types[1]), FieldTypeError, "induced from an irrep");
  assertThrows(
    () => new NormNonLinearity(types[0]).forward(feature(trivial(plane), 1, 2, 2)),
    FieldTypeError,
    "NormNonLinearity",
  );
  const unknown = { function: "relu" as NormFunction };
  assertThrows(() => new NormNonLinearity(types[0], unknown), ArgumentError, "n_softplus");
  assertThrows(() => new PlainNormNonLinearity([2, 1]).forward(zeros([1, 4, 2])), ShapeError, "3 channels");
  assertThrows(() => new PlainNormNonLinearity([]), ArgumentError, "sub-vectors");
});
