// Normalizations of fields: statistics against direct computation, the module contract in both modes, state names, what they refuse.
// covers: src/nn/plain/field_norm.ts, src/nn/plain/field_statistics.ts, src/nn/plain/norm_batch_norm.ts,
// src/nn/plain/gnorm_batch_norm.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { changeBasis, dihedralGroup, directSum, o2Group, octahedralGroup, so3Group } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, noBaseSpace, octaOnR3, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  checkEquivariance,
  EquivariantInstanceNorm,
  EquivariantLayerNorm,
  type EquivariantModule,
  FieldNorm,
  FieldType,
  FieldTypeError,
  GeometricTensor,
  GNormBatchNorm,
  IIDBatchNorm1d,
  IIDBatchNorm2d,
  IIDBatchNorm3d,
  InducedNormBatchNorm,
  NormBatchNorm,
} from "../../../src/nn/mod.ts";
import { GNormBatchNorm as PlainGNorm, IIDBatchNorm as PlainIID } from "../../../src/nn/plain/mod.ts";
import { ArgumentError, randn, ShapeError, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkTypes, keepBuffers } from "../module_contract.ts";
import { feature, trivial, values } from "../support.ts";

const plane = flipRot2dOnR2(4), circle = rot2dOnR2(), octa = octaOnR3();
const so3 = noBaseSpace(so3Group()), o2 = noBaseSpace(o2Group());
const invariant = new FieldType(plane, [plane.regularRepr, plane.irrep(1, 1), plane.trivialRepr, plane.regularRepr]);
const directions = new FieldType(circle, [circle.irrep(1), circle.irrep(2), circle.irrep(1)]);
const points = new FieldType(so3, [so3.trivialRepr, so3.irrep(1), so3.irrep(1), so3.irrep(2)]);
const sums = new FieldType(o2, directSum([o2.irrep(1, 1), o2.trivialRepr, o2.irrep(1, 0)]), 2);
const induced = new FieldType(plane, [plane.inducedRepr([null, 4], [1]), plane.inducedRepr([null, 2], [1])]);

const D = { differentiateStatistics: true } as const;
const TRAINED = { differentiableInTraining: true } as const;
const number = (x: GeometricTensor): number[] => values(x.tensor);
const meanOf = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0) / list.length;

/** Equivariance of a module with batch statistics. */
async function trainedError(module: EquivariantModule): Promise<number> {
  const { inType } = module;
  const restore = keepBuffers(module);
  const forward = (x: GeometricTensor): GeometricTensor => {
    restore();
    return module.train().forward(x);
  };
  const subject = { inType, forward };
  return (await checkEquivariance(subject, { size: 3, batch: 3 })).maxExact;
}

test("normalizations keep their contract in eval mode, and in train mode with differentiated statistics", async () => {
  await checkTypes([directions], (type, dtype) => new NormBatchNorm(type, { dtype, ...D }), TRAINED);
  await checkTypes([induced], (type, dtype) => new InducedNormBatchNorm(type, { dtype, ...D }), {
    ...TRAINED,
    small: [2, 1],
  });
  await checkTypes([points, sums], (type, dtype) => new IIDBatchNorm1d(type, { dtype, ...D }), TRAINED);
  const small = { ...TRAINED, small: [1, 1] };
  await checkTypes([invariant], (type, dtype) => new IIDBatchNorm2d(type, { dtype, ...D }), small);
  await checkTypes([invariant, points, sums, directions], (type, dtype) => new GNormBatchNorm(type, { dtype, ...D }), {
    ...TRAINED,
  });
});

test("normalizations of each sample keep their contract", async () => {
  for (const Norm of [FieldNorm, EquivariantInstanceNorm, EquivariantLayerNorm]) {
    await checkTypes([directions, points, sums], (type, dtype) => new Norm(type, { dtype, ...D }), TRAINED);
    await checkTypes([invariant], (type, dtype) => new Norm(type, { dtype, ...D }), { small: [1, 1] });
  }
});

test("normalizations in space: IIDBatchNorm3d, GNormBatchNorm and FieldNorm on voxels", async () => {
  const type = new FieldType(octa, [
    octahedralGroup().standardRepresentation,
    octa.trivialRepr,
    octa.quotientRepr([false, 4]),
  ]);
  for (const module of [new IIDBatchNorm3d(type), new GNormBatchNorm(type), new FieldNorm(type)]) {
    assert((await module.checkEquivariance({ size: 3, tolerance: 1e-11 })).passed);
    assert(await trainedError(module) < 1e-11, module.toString());
  }
});

test("batch normalizations are equivariant in train mode too", async () => {
  const cases: readonly EquivariantModule[] = [
    new NormBatchNorm(directions),
    new InducedNormBatchNorm(induced),
    new IIDBatchNorm1d(points),
    new IIDBatchNorm1d(sums),
    new IIDBatchNorm2d(invariant),
    new GNormBatchNorm(invariant),
    new GNormBatchNorm(sums),
  ];
  for (const module of cases) assert(await trainedError(module) < 1e-10, module.toString());
});

test("IIDBatchNorm1d gives each field mean square 1, and its statistics are those of a direct computation", () => {
  const module = new IIDBatchNorm1d(points, { momentum: 1, dtype: "float64" });
  const x = feature(points, 50), y = module.forward(x.mul(3));
  for (let field = 1; field < 4; field++) {
    assertClose([meanOf(number(y.fields([field])).map((v) => v * v))], [1], { absolute: 0.2 });
  }
  const scalars = number(x.fields([0])).map((v) => 3 * v), mean = meanOf(scalars);
  const buffers = new Map(module.namedBuffers().map(([name, buffer]) => [name, values(buffer)]));
  assertClose(buffers.get("irrep_0_running_mean")!, [mean], { absolute: 1e-12 });
  const variance = scalars.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 49;
  assertClose(buffers.get("irrep_0_running_var")!, [variance], { absolute: 1e-12 });
  assertEquals(buffers.get("num_batches_tracked"), [1]);
  assertEquals(buffers.get("irrep_1_running_var")!.length, 2);
});

test("batch normalizations with momentum null average over batches", () => {
  const make = (): readonly EquivariantModule[] => [
    new NormBatchNorm(directions, { momentum: null, dtype: "float64" }),
    new IIDBatchNorm2d(directions, { momentum: null, dtype: "float64" }),
    new GNormBatchNorm(directions, { momentum: null, dtype: "float64" }),
  ];
  const [a, b] = [feature(directions, 3, 2, 2), feature(directions, 3, 2, 2)];
  make().forEach((both, i) => {
    both.forward(a);
    both.forward(b);
    const single = [a, b].map((x) => {
      const module = make()[i];
      module.forward(x);
      return module;
    });
    for (const [name, buffer] of both.namedBuffers()) {
      if (name === "num_batches_tracked") continue;
      const parts = single.map((module) => values(new Map(module.namedBuffers()).get(name)!));
      assertClose(values(buffer), parts[0].map((v, j) => (v + parts[1][j]) / 2), { absolute: 1e-12, message: name });
    }
  });
});

test("batch normalizations lose no digits in float32 when the mean is large beside the deviation", () => {
  const type = trivial(plane, 4), x = randn([8, 4, 5, 5]).add(4096);
  for (const Norm of [IIDBatchNorm2d, GNormBatchNorm]) {
    const y = new Norm(type).forward(new GeometricTensor(x, type));
    const fine = new Norm(type, { dtype: "float64" }).forward(new GeometricTensor(x.cast("float64"), type));
    // The mean itself is a float32 near 4096, whose neighbours are 5e-4 apart.
    assertClose(number(y), number(fine), { absolute: 3e-4 });
  }
});

test("statistics are constants in the gradient unless differentiateStatistics is set", () => {
  for (const differentiateStatistics of [false, true]) {
    const module = new IIDBatchNorm2d(trivial(plane), { dtype: "float64", differentiateStatistics });
    const x = feature(trivial(plane), 2, 2, 2), leaf = x.tensor.requireGrad();
    module.forward(x).tensor.sum().backward();
    const gradient = values(leaf.grad!);
    // Through the statistics the sum of the outputs is always 0.
    if (differentiateStatistics) assertClose(gradient, gradient.map(() => 0), { absolute: 1e-12 });
    else assert(gradient.every((g) => Math.abs(g - gradient[0]) < 1e-12 && g > 0.1));
  }
});

test("normalizations have escnn's names in their state", () => {
  const d4 = noBaseSpace(dihedralGroup(4));
  const type = new FieldType(d4, [d4.quotientRepr([null, 2]), d4.irrep(1, 1), d4.trivialRepr]);
  const names = (module: EquivariantModule): string[] => [...module.stateDict().tensors.keys()].sort();
  assertEquals(names(new FieldNorm(type)), [
    "irrep_0,0_bias",
    "irrep_0,0_weight",
    "irrep_1,1_weight",
    "quotient[(None, 2)]_bias",
    "quotient[(None, 2)]_weight",
  ]);
  assertEquals(names(new NormBatchNorm(directions)), ["2_running_var", "2_weight", "num_batches_tracked"]);
  assertEquals(names(new InducedNormBatchNorm(induced, { affine: false })), [
    "(4, 1)_running_var",
    "(4, 2)_running_var",
    "num_batches_tracked",
  ]);
  const plain = new GNormBatchNorm(type, { affine: false, trackRunningStats: false });
  assertEquals(names(plain), []);
  assertEquals(plain.eval().forward(feature(type, 3)).shape, [3, 7]);
});

test("normalizations refuse too small batches, wrong types, trivial irreps and options out of range", () => {
  const modules = [new NormBatchNorm(directions), new IIDBatchNorm2d(directions), new GNormBatchNorm(directions)];
  for (const module of modules) {
    assertThrows(() => module.forward(feature(directions, 1, 1, 1)), ShapeError, "eval()");
    assertEquals(values(module.namedBuffers().find(([name]) => name === "num_batches_tracked")![1]), [0]);
    assertEquals(module.eval().forward(feature(directions, 0, 2, 2)).shape, [0, 6, 2, 2]);
    assertThrows(() => module.forward(feature(trivial(plane, 6), 1, 2, 2)), FieldTypeError);
  }
  assertThrows(() => new NormBatchNorm(invariant), FieldTypeError, "without trivial irreps");
  assertThrows(() => new InducedNormBatchNorm(directions), FieldTypeError, "induced");
  assertThrows(() => new IIDBatchNorm1d(invariant), FieldTypeError, "dimension 1");
  assertThrows(() => new IIDBatchNorm2d(points), FieldTypeError, "dimension 2");
  assertThrows(() => new IIDBatchNorm3d(points), FieldTypeError, "dimension 3");
  const skewed = new FieldType(plane, changeBasis(plane.irrep(1, 1), Float64Array.of(1, 0.5, 0, 1), "skewed"));
  assertThrows(() => new FieldNorm(skewed), FieldTypeError, "skewed");
  assertThrows(() => new FieldNorm(invariant, { eps: -1 }), ArgumentError, "eps");
  assertThrows(() => new GNormBatchNorm(invariant, { momentum: 1.5 }), ArgumentError, "momentum");
  assertThrows(() => new PlainGNorm([], [0]), ArgumentError, "kinds");
  assertThrows(() => new PlainIID({ classes: [], kinds: [] }), ArgumentError, "kinds");
  assertThrows(() => new IIDBatchNorm2d(directions).export().forward(zeros([1, 5, 2, 2])), ShapeError, "6 channels");
});

test("GNormBatchNorm takes any basis: a field in a skewed one is normalized by its irreps", async () => {
  const skewed = changeBasis(
    directSum([plane.irrep(1, 1), plane.trivialRepr]),
    Float64Array.of(1, 0.5, 0, 0, 1, 0.25, 0, 0, 1),
    "skewed",
  );
  const module = new GNormBatchNorm(new FieldType(plane, skewed));
  assert((await module.checkEquivariance({ size: 3, tolerance: 1e-11 })).passed);
  assert(await trainedError(module) < 1e-10);
});
