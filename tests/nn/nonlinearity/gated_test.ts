// Gated non-linearities: pairing, what becomes of the gates, the module contract, and what they refuse.
// covers: src/nn/plain/gated_nonlinearity.ts, src/nn/multi_input.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { directSum, o2Group, so3Group } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, noBaseSpace, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  FieldType,
  FieldTypeError,
  GatedNonLinearity1,
  GatedNonLinearity2,
  GatedNonLinearityUniform,
  type GateLabel,
  GeometricTensor,
  InducedGatedNonLinearity1,
} from "../../../src/nn/mod.ts";
import { GatedNonLinearity, type GateFunction } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, assign, concatenate, noGrad, ShapeError, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract, checkTypes } from "../module_contract.ts";
import { feature, normal, trivial, values } from "../support.ts";

const circle = rot2dOnR2(), plane = flipRot2dOnR2(4);
const so3 = noBaseSpace(so3Group()), o2 = noBaseSpace(o2Group());
const { trivialRepr } = circle;
const mixed = new FieldType(circle, [
  trivialRepr,
  circle.irrep(2),
  trivialRepr,
  circle.irrep(1),
  trivialRepr,
  trivialRepr,
]);
const labels: readonly GateLabel[] = ["gate", "gated", "gate", "gated", "gated", "gate"];
const logistic = (t: number): number => 1 / (1 + Math.exp(-t));

test("GatedNonLinearity1 pairs gates by position with fields by size and multiplies by σ(gate − b)", () => {
  const module = new GatedNonLinearity1(mixed, { gates: labels, dtype: "float64" });
  assertEquals(module.pairs, [[0, 4], [2, 1], [5, 3]]);
  assertEquals(module.outType.sizes, [2, 2, 1]);
  const x = feature(mixed, 1, 1, 1), y = module.forward(x);
  const bias = values(module.parameters()[0]);
  [1, 3, 4].forEach((field, position) => {
    const k = module.pairs.findIndex(([, gated]) => gated === field);
    const gate = logistic(x.fields([module.pairs[k][0]]).tensor.itemSync() - bias[k]);
    const expected = values(x.fields([field]).tensor).map((v) => v * gate);
    assertClose(values(y.fields([position]).tensor), expected, { absolute: 1e-14 });
  });
});

test("GatedNonLinearity1 with dropGates false keeps all fields, gates after the function", () => {
  const module = new GatedNonLinearity1(mixed, { gates: labels, dropGates: false, dtype: "float64" });
  assert(module.outType.equals(mixed));
  const x = feature(mixed, 2, 2, 2), y = module.forward(x), bias = values(module.parameters()[0]);
  const gates = values(x.fields([2]).tensor).map((v) => logistic(v - bias[1]));
  assertClose(values(y.fields([2]).tensor), gates, { absolute: 1e-14 });
});

test("gated modules keep their contract over C_N, SO(2), O(2), D_N and SO(3)", async () => {
  const cyclic = rot2dOnR2(4);
  await checkTypes([
    new FieldType(cyclic, [cyclic.trivialRepr, cyclic.trivialRepr, cyclic.regularRepr, cyclic.irrep(1)]),
    new FieldType(so3, [so3.trivialRepr, so3.trivialRepr, so3.irrep(2), so3.irrep(1)]),
    new FieldType(circle, [trivialRepr, trivialRepr, circle.irrep(1), circle.irrep(2)]),
  ], (type, dtype) => new GatedNonLinearity1(type, { dtype }));
  for (const gate of ["sigmoid", "tanh", "relu"] as const) {
    await checkContract((dtype) => new GatedNonLinearity1(mixed, { gates: labels, dtype, gate }));
    await checkContract((dtype) => new GatedNonLinearity1(mixed, { gates: labels, dropGates: false, dtype, gate }));
  }
  const sum = directSum([trivialRepr, trivialRepr, circle.irrep(1), circle.irrep(2)]);
  await checkContract((dtype) => new GatedNonLinearityUniform(new FieldType(circle, sum, 2), { dtype }));
  const induced = new FieldType(plane, [
    plane.quotientRepr([null, 4]),
    plane.inducedRepr([null, 4], [1]),
    plane.quotientRepr([null, 2]),
    plane.inducedRepr([null, 2], [1]),
  ]);
  // By size: the field of 4 channels from [null, 2] comes after the one of 4 from [null, 4].
  const gates: readonly GateLabel[] = ["gate", "gated", "gate", "gated"];
  for (const dropGates of [true, false]) {
    await checkContract((dtype) => new InducedGatedNonLinearity1(induced, { gates, dropGates, dtype }));
  }
  const line = o2.inducedRepr([null, -1], [0]), vector = o2.inducedRepr([null, -1], [1]);
  await checkContract((dtype) => new InducedGatedNonLinearity1(new FieldType(o2, [line, vector]), { dtype }));
});

test("GatedNonLinearity2 takes gates and features apart, commutes with the group, exports, and keeps its state", async () => {
  const gates = trivial(plane, 3),
    features = new FieldType(plane, [plane.irrep(1, 1), plane.trivialRepr, plane.regularRepr]);
  const module = new GatedNonLinearity2([gates, features], { dtype: "float64" });
  assertEquals(module.pairs, [[0, 1], [1, 0], [2, 2]]);
  assertEquals(module.namedParameters().map(([name, { shape }]) => [name, [...shape]]), [["bias", [1, 3, 1]]]);
  const [g, x] = [feature(gates, 2, 3, 3), feature(features, 2, 3, 3)];
  const y = module.forward(g, x);
  assertEquals(module.evaluateOutputShape(g.shape, x.shape), [...y.shape]);
  assert((await module.checkEquivariance({ size: 4 })).maxExact < 1e-13);
  assertEquals(values(module.export().forward(g.tensor, x.tensor)), values(y.tensor));
  const joint = gates.concat(features), single = new GatedNonLinearity1(joint, { dtype: "float64" });
  noGrad(() => assign(single.parameters()[0], module.parameters()[0].dataSync()));
  const together = new GeometricTensor(concatenate([g.tensor, x.tensor], 1), joint);
  assertEquals(values(single.forward(together).tensor), values(y.tensor));
  const empty = module.forward(feature(gates, 0, 3, 3), feature(features, 0, 3, 3));
  assertEquals(empty.shape, [0, 11, 3, 3]);
});

test("gated modules refuse labels that do not pair up, gates that are not trivial, and inputs that do not fit", () => {
  assertThrows(() => new GatedNonLinearity1(trivial(plane, 3)), ArgumentError, "an odd number");
  assertThrows(() => new GatedNonLinearity1(mixed, { gates: ["gate", "gated"] }), ArgumentError, "6 fields");
  const vectors = new FieldType(circle, circle.irrep(1), 2);
  assertThrows(() => new GatedNonLinearity1(vectors), FieldTypeError, "trivial representation");
  assertThrows(() => new GatedNonLinearityUniform(mixed), FieldTypeError, "m trivial irreps");
  const scalars = trivial(plane, 2);
  assertThrows(() => new GatedNonLinearity2([trivial(plane, 1), scalars]), FieldTypeError, "2 gates");
  assertThrows(() => new GatedNonLinearity2([trivial(circle, 2), scalars]), FieldTypeError, "one space");
  const two = new GatedNonLinearity2([scalars, scalars]);
  assertThrows(
    () => two.forward(feature(scalars, 1, 2, 2), feature(scalars, 1, 3, 2)),
    ArgumentError,
    "same positions",
  );
  assertThrows(
    () => two.forward(feature(scalars, 1, 2, 2), feature(trivial(plane, 1), 1, 2, 2)),
    FieldTypeError,
    "input 1",
  );
  const wrong = new FieldType(plane, [plane.quotientRepr([null, 2]), plane.inducedRepr([null, 4], [1])]);
  assertThrows(() => new InducedGatedNonLinearity1(wrong), FieldTypeError, "quotient by the subgroup");
  const gate = "step" as GateFunction;
  assertThrows(() => new GatedNonLinearity1(mixed, { gates: labels, gate }), ArgumentError, "sigmoid, tanh, relu");
  const layer = new GatedNonLinearity({
    channels: 3,
    biasShape: [1, 1],
    blocks: [{ gate: 0, start: 1, size: 2, bias: 0, output: 0 }],
  });
  assertThrows(() => layer.forward(zeros([1, 4])), ShapeError, "3 channels");
  assertEquals(layer.forward(normal([5, 3])).shape, [5, 2]);
});
