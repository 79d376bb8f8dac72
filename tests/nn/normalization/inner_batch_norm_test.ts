// Batch normalization of fields: statistics shared in a field, running statistics, state, derivatives, export.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { flipRot2dOnR2, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  checkEquivariance,
  ExportError,
  FieldType,
  FieldTypeError,
  GeometricTensor,
  InnerBatchNorm,
} from "../../../src/nn/mod.ts";
import { ArgumentError, randn, ShapeError } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, gradcheckModule, normal, regular, values } from "../support.ts";

const space = rot2dOnR2(4);
const mixed = new FieldType(space, [space.regularRepr, space.trivialRepr, space.regularRepr, space.trivialRepr]);

test("InnerBatchNorm gives each field mean 0 and variance 1, over batch, positions and channels", () => {
  const x = feature(mixed, 3, 4, 5);
  const y = new InnerBatchNorm(mixed, { dtype: "float64" }).forward(x.mul(7).with(x.tensor.mul(7).add(1000)));
  for (let field = 0; field < mixed.length; field++) {
    const part = y.fields([field]).tensor;
    assertClose([part.mean().itemSync(), part.square().mean().itemSync()], [0, 1], { absolute: 1e-6 });
  }
});

test("InnerBatchNorm loses no digits in float32 when the mean is large beside the deviation", () => {
  const type = regular(space), x = randn([8, 4, 6, 6]);
  const shifted = new GeometricTensor(x.add(4096), type);
  const y = new InnerBatchNorm(type).forward(shifted).tensor;
  const fine =
    new InnerBatchNorm(type, { dtype: "float64" }).forward(shifted.with(shifted.tensor.cast("float64"))).tensor;
  assertClose(values(y), values(fine), { absolute: 1e-4 });
});

test("InnerBatchNorm keeps running statistics by momentum, unbiased, and uses them in eval mode", () => {
  const type = regular(space), norm = new InnerBatchNorm(type, { momentum: 0.25, dtype: "float64" });
  const x = feature(type, 2, 3, 3), numbers = values(x.tensor);
  norm.forward(x);
  const mean = numbers.reduce((a, b) => a + b, 0) / numbers.length;
  const variance = numbers.reduce((a, b) => a + (b - mean) ** 2, 0) / (numbers.length - 1);
  const buffers = new Map(norm.namedBuffers().map(([name, buffer]) => [name, values(buffer)]));
  assertClose(buffers.get("batch_norm_[4].running_mean")!, [0.25 * mean], { absolute: 1e-14 });
  assertClose(buffers.get("batch_norm_[4].running_var")!, [0.75 + 0.25 * variance], { absolute: 1e-14 });
  assertEquals(buffers.get("batch_norm_[4].num_batches_tracked"), [1]);
  const scale = 1 / Math.sqrt(0.75 + 0.25 * variance + 1e-5);
  const expected = numbers.map((v) => (v - 0.25 * mean) * scale);
  assertClose(values(norm.eval().forward(x).tensor), expected, { absolute: 1e-13 });
  assertEquals(norm.namedBuffers().map(([, buffer]) => values(buffer)), [...buffers.values()]);
});

test("InnerBatchNorm with momentum null averages over all batches", () => {
  const type = regular(space), norm = new InnerBatchNorm(type, { momentum: null, dtype: "float64" });
  const batches = [feature(type, 2, 2, 2), feature(type, 2, 2, 2), feature(type, 2, 2, 2)];
  for (const batch of batches) norm.forward(batch);
  const mean = batches.reduce((sum, { tensor }) => sum + tensor.mean().itemSync(), 0) / 3;
  assertClose(values(norm.namedBuffers()[0][1]), [mean], { absolute: 1e-14 });
});

test("InnerBatchNorm has first and second derivatives through the statistics and by weight and bias", async () => {
  await gradcheckModule(new InnerBatchNorm(mixed, { dtype: "float64" }), normal([2, 10, 2, 1]));
  const type = regular(space), norm = new InnerBatchNorm(type, { dtype: "float64" });
  const x = feature(type, 2, 3, 3), direction = normal(x.shape);
  const y = norm.forward(x).tensor;
  y.mul(direction).sum().backward();
  const [weight, bias] = norm.parameters();
  assertClose(values(weight.grad!), [y.mul(direction).sum().itemSync()], { absolute: 1e-12 });
  assertClose(values(bias.grad!), [direction.sum().itemSync()], { absolute: 1e-12 });
});

test("InnerBatchNorm is equivariant in train and eval mode and with interleaved fields", async () => {
  const dihedral = flipRot2dOnR2(4);
  const type = new FieldType(dihedral, [dihedral.regularRepr, dihedral.quotientRepr([null, 2]), dihedral.regularRepr]);
  const norm = new InnerBatchNorm(type);
  norm.forward(feature(type, 2, 3, 3));
  assert((await norm.checkEquivariance({ size: 4 })).maxExact < 1e-14);
  const trained = { inType: type, forward: (x: GeometricTensor) => norm.forward(x) };
  assert((await checkEquivariance(trained, { size: 4 })).maxExact < 1e-13);
});

test("InnerBatchNorm has escnn's names and loads what it saved in either mode", () => {
  const norm = new InnerBatchNorm(mixed), copy = new InnerBatchNorm(mixed).eval();
  norm.forward(feature(mixed, 2, 3, 3));
  const names = ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"];
  assertEquals(
    [...norm.stateDict().tensors.keys()].sort(),
    [4, 1].flatMap((size) => names.map((name) => `batch_norm_[${size}].${name}`)).sort(),
  );
  copy.loadStateDict(norm.stateDict());
  const x = feature(mixed, 2, 3, 3);
  assertEquals(values(copy.forward(x).tensor), values(norm.eval().forward(x).tensor));
});

test("InnerBatchNorm takes an empty batch in eval mode and refuses single numbers in train mode", () => {
  const type = new FieldType(space, space.trivialRepr), norm = new InnerBatchNorm(type);
  assertThrows(() => norm.forward(feature(type, 1, 1, 1)), ShapeError, "at least two numbers");
  assertThrows(() => norm.forward(feature(type, 0, 3, 3)), ShapeError, "eval()");
  assertEquals(values(norm.buffers()[0]), [0]);
  assertEquals(norm.eval().forward(feature(type, 0, 3, 3)).shape, [0, 1, 3, 3]);
  assertEquals(norm.forward(feature(type, 1, 1, 1)).shape, [1, 1, 1, 1]);
});

test("InnerBatchNorm exports its running statistics to a plain batch normalization", () => {
  const norm = new InnerBatchNorm(mixed);
  norm.forward(feature(mixed, 4, 5, 5));
  assertExports(norm, [4, 3]);
  assertThrows(
    () => new InnerBatchNorm(mixed, { trackRunningStats: false }).export(),
    ExportError,
    "running statistics",
  );
});

test("InnerBatchNorm refuses fields that are no permutations, other types, and options out of range", () => {
  const irreps = new FieldType(space, space.irrep(1));
  // @ts-expect-error -- irreps are no permutation representations
  assertThrows(() => new InnerBatchNorm(irreps), FieldTypeError, "InnerBatchNorm");
  assertThrows(() => new InnerBatchNorm(mixed).forward(feature(regular(space), 2, 3, 3)), FieldTypeError);
  assertThrows(() => new InnerBatchNorm(mixed, { momentum: 2 }), ArgumentError, "momentum");
  assertThrows(() => new InnerBatchNorm(mixed, { eps: -1 }), ArgumentError, "eps");
});
