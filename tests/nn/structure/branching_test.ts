// Branching, merging and both in one: types, order of fields, state, equivariance, exports, and what they refuse.
// covers: src/nn/plain/parallel.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { flipRot2dOnR2, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  BranchingModule,
  FieldType,
  FieldTypeError,
  GatedNonLinearity2,
  InnerBatchNorm,
  MergeModule,
  MultipleModule,
  NormNonLinearity,
  ReLU,
  ReshuffleModule,
  RestrictionModule,
  tensorDirectSum,
} from "../../../src/nn/mod.ts";
import { SelectChannels } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, ShapeError, zeros } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { assertExports, feature, regular, trivial, values } from "../support.ts";

const plane = flipRot2dOnR2(4), vector = plane.irrep(1, 1);
const mixed = new FieldType(plane, [
  plane.regularRepr,
  vector,
  plane.trivialRepr,
  vector,
  plane.regularRepr,
  plane.trivialRepr,
]);
const labels = ["p", "n", "p", "n", "p", "g"];

test("BranchingModule splits fields by labels, in order or by size", () => {
  const module = new BranchingModule(mixed, labels), x = feature(mixed, 2, 3, 3);
  const parts = module.forward(x);
  assertEquals([...parts.keys()], ["p", "n", "g"]);
  assertEquals(values(parts.get("p")!.tensor), values(x.fields([0, 2, 4]).tensor));
  assertEquals(module.evaluateOutputShape(x.shape).get("n"), [2, 4, 3, 3]);
  const sorted = new BranchingModule(mixed, labels, { reshuffle: 2 });
  assertEquals(sorted.outTypes.get("p")!.sizes, [1, 8, 8]);
  const plain = sorted.export().forward(x.tensor);
  assertEquals(values(plain.get("p")!), values(sorted.forward(x).get("p")!.tensor));
});

test("MergeModule applies modules to labelled inputs and joins the results", async () => {
  const gates = trivial(plane, 2), features = new FieldType(plane, vector, 2), scalars = regular(plane);
  const merge = new MergeModule([[new ReLU(scalars), "a"], [new GatedNonLinearity2([gates, features]), ["g", "b"]]]);
  assertEquals(merge.outType.sizes, [8, 2, 2]);
  assertEquals(merge.namedParameters().map(([name]) => name), ["submodule_1.bias"]);
  const inputs = new Map([["a", feature(scalars, 2, 4, 4)], ["b", feature(features, 2, 4, 4)], [
    "g",
    feature(gates, 2, 4, 4),
  ]]);
  const y = merge.forward(inputs);
  assertEquals(y.shape, merge.evaluateOutputShape(new Map([...inputs].map(([label, x]) => [label, x.shape]))));
  const plain = merge.export().forward(new Map([...inputs].map(([label, x]) => [label, x.tensor])));
  assertEquals(values(plain), values(y.tensor));
  const { maxExact, exact } = await merge.checkEquivariance({ size: 4 });
  assert(exact.length === 8 && maxExact < 1e-13);
  const joint = tensorDirectSum([...merge.inTypes.keys()].map((label) => inputs.get(label)!));
  assert((await merge.checkEquivariance({ input: joint })).passed);
  const rotations = new MergeModule([[new RestrictionModule(scalars, [null, 4]), "a"], [
    new RestrictionModule(features, [null, 4]),
    "b",
  ]]);
  assertEquals((await rotations.checkEquivariance({ size: 3 })).exact.length, 4);
  assert((await new BranchingModule(mixed, labels).checkEquivariance({ size: 3 })).maxExact < 1e-14);
});

test("MultipleModule keeps its contract, with escnn's names", async () => {
  const make = (dtype: "float32" | "float64", reshuffle: 0 | 2): MultipleModule => {
    const p = reshuffle === 2
      ? [plane.trivialRepr, plane.regularRepr, plane.regularRepr]
      : mixed.representations.filter((_, i) => labels[i] === "p");
    const pointwise = new FieldType(plane, p).requirePointwise();
    return new MultipleModule(mixed, labels, [
      [new NormNonLinearity(new FieldType(plane, vector, 2), { dtype }), "n"],
      [new InnerBatchNorm(pointwise, { dtype }), "p"],
      [new ReLU(trivial(plane)), ["g"]],
    ], { reshuffle });
  };
  for (const reshuffle of [0, 2] as const) await checkContract((dtype) => make(dtype, reshuffle), { small: [1, 1] });
  const names = make("float32", 0).namedParameters().map(([name]) => name);
  assertEquals(names[0], "merging.submodule_0.log_bias");
});

test("ReshuffleModule exports to a selection of channels", () => {
  assertExports(new ReshuffleModule(mixed, [4, 1, 0, 3, 5, 2]), [3, 2]);
  assertThrows(() => new SelectChannels([0, 5]).forward(zeros([1, 3, 2])), ShapeError, "more than 5 channels");
  assertThrows(() => new SelectChannels([-1]), ArgumentError, "channel positions");
});

test("branching and merging refuse labels, types and inputs that do not fit", () => {
  assertThrows(() => new BranchingModule(mixed, ["a"]), ArgumentError, "6 labels");
  const wrong = { reshuffle: 3 as 2 };
  assertThrows(() => new BranchingModule(mixed, labels, wrong), ArgumentError, "reshuffle");
  const relu = new ReLU(regular(plane)), other = new ReLU(trivial(plane));
  assertThrows(() => new MergeModule([]), ArgumentError, "at least one");
  assertThrows(() => new MergeModule([[relu, ["a", "b"]]]), ArgumentError, "1 labels");
  assertThrows(() => new MergeModule([[relu, "a"], [other, "a"]]), FieldTypeError, "in one type");
  const merge = new MergeModule([[relu, "a"]]);
  assertThrows(() => merge.forward(new Map()), ArgumentError, '"a"');
  assertThrows(() => merge.forward(new Map([["a", feature(trivial(plane), 1, 2, 2)]])), FieldTypeError, "ReLU");
  assertThrows(() => new MultipleModule(mixed, labels, [[relu, "p"]]), FieldTypeError, 'label "p"');
  const circle = rot2dOnR2(4);
  assertThrows(() => new BranchingModule(mixed, labels).forward(feature(regular(circle), 1, 2, 2)), FieldTypeError);
});
