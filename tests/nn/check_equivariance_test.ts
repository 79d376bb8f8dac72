// The check of equivariance: it finds maps that are not equivariant, names the element, and leaves modules as they were.
// covers: src/nn/errors.ts

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { flipRot2dOnR2, rot2dOnR2 } from "../../src/gspaces/mod.ts";
import {
  checkEquivariance,
  EquivarianceError,
  FieldType,
  GeometricTensor,
  IdentityModule,
  InnerBatchNorm,
  MaskModule,
  R2Conv,
  RestrictionModule,
  SequentialModule,
} from "../../src/nn/mod.ts";
import { ArgumentError, getRandomState, seed, ShapeError } from "../../src/tensor/mod.ts";
import { test } from "../support/test.ts";
import { feature, regular, trivial, values } from "./support.ts";

test("checkEquivariance accepts a function and reports exact and interpolated elements apart", async () => {
  const space = rot2dOnR2(8), type = regular(space);
  const report = await checkEquivariance({ inType: type, forward: (x) => x.mul(2) }, { size: 9 });
  assertEquals(report.exact.length, 4);
  assertEquals(report.interpolated.length, 4);
  assert(report.maxExact < 1e-14, `${report.maxExact}`);
  assert(report.maxInterpolated < 1e-12, `${report.maxInterpolated}`);
  assert(report.passed);
});

test("checkEquivariance names the worst element of a map that is not equivariant", async () => {
  const space = rot2dOnR2(4), type = regular(space);
  const crop = { inType: type, forward: (x: GeometricTensor) => x.with(x.tensor.mul(x.tensor.slice(1, 0, 1))) };
  const error = await assertRejects(() => checkEquivariance(crop, { size: 5 }), EquivarianceError, "f(g x) = g f(x)");
  assertStringIncludes(error.message, "for g = ");
  assertStringIncludes(error.details.expected, "within 1e-9");
  const report = await checkEquivariance(crop, { size: 5, assert: false });
  assert(!report.passed && report.maxExact > 0.1);
});

test("checkEquivariance counts NaN as a failure", async () => {
  const space = rot2dOnR2(2), type = trivial(space);
  const broken = { inType: type, forward: (x: GeometricTensor) => x.mul(NaN) };
  await assertRejects(() => checkEquivariance(broken, { size: 3 }), EquivarianceError, "NaN");
});

test("checkEquivariance bounds interpolated elements only when asked to", async () => {
  const space = rot2dOnR2(8);
  const conv = new R2Conv(trivial(space), regular(space), 5);
  const report = await conv.checkEquivariance({ size: 33 });
  assert(report.maxExact < 1e-12 && report.maxInterpolated < 0.05, `${report.maxExact} ${report.maxInterpolated}`);
  await assertRejects(() => conv.checkEquivariance({ size: 33, interpolatedTolerance: 1e-6 }), EquivarianceError);
});

test("checkEquivariance leaves mode, running statistics and random state of a module as they were", async () => {
  seed(5);
  const space = rot2dOnR2(4), norm = new InnerBatchNorm(regular(space, 2));
  norm.forward(feature(norm.inType, 2, 3, 3));
  const before = norm.buffers().map(values), random = getRandomState();
  await norm.checkEquivariance({ size: 4 });
  assert(norm.training);
  assertEquals(norm.buffers().map(values), before);
  assertEquals(getRandomState(), random);
});

test("checkEquivariance takes inputs and elements of the caller, point clouds included", async () => {
  const space = flipRot2dOnR2(5), type = new FieldType(space, [space.regularRepr, space.irrep(1, 2)]);
  const input = feature(type, 2, 4, 4);
  const element = space.fibergroup.element([1, 2]);
  const { exact, interpolated } = await checkEquivariance({ inType: type, forward: (x) => x }, {
    input,
    elements: [element],
  });
  assertEquals([exact.length, interpolated.length], [0, 1]);
  const cloud = new GeometricTensor(
    input.tensor.reshape([-1, type.size]),
    type,
    feature(trivial(space, 2), 32, 1, 1).tensor.reshape([32, 2]),
  );
  const report = await checkEquivariance({ inType: type, forward: (x) => x.mul(3) }, { input: cloud });
  assertEquals(report.exact.length, 10);
  assert(report.maxExact < 1e-14);
});

test("checkEquivariance tries the elements of the output's group, which act on inputs by the module's inclusion", async () => {
  const space = flipRot2dOnR2(4), type = regular(space);
  const reflections = new RestrictionModule(type, [1, 1]), { outType } = reflections;
  const network = new SequentialModule(new IdentityModule(type), reflections, new R2Conv(outType, outType, 3));
  const report = await network.checkEquivariance({ size: 5 });
  assertEquals(report.exact.map(({ element }) => element.group.order), [2, 2]);
  assert(report.maxExact < 1e-12, `${report.maxExact}`);
  const [, reflection] = outType.fibergroup.elements;
  assertEquals(network.inclusion(reflection).group.order, 8);
  // Only what the restricted group holds is a symmetry: the others move the output in a way that is not known.
  const elements = [space.fibergroup.elements[1]];
  await assertRejects(() => network.checkEquivariance({ size: 5, elements }), Error, "C2");
  const own = { inType: type, forward: (x: GeometricTensor) => x.restrict([1, 1]) };
  const error = await assertRejects(() => checkEquivariance(own, { size: 4 }), ArgumentError, "inclusion");
  assertStringIncludes(error.message, "from D4 to C2");
});

test("checkEquivariance moves float32 features in float64", async () => {
  const space = rot2dOnR2(), type = new FieldType(space, [space.irrep(1), space.irrep(3)]);
  const points = feature(type, 40, 1, 1).tensor.reshape([40, 4]);
  const cloud = new GeometricTensor(points, type, feature(trivial(space, 2), 40, 1, 1).tensor.reshape([40, 2]));
  const narrow = new GeometricTensor(cloud.tensor.cast("float32"), type, cloud.coords!.cast("float32"));
  // The identity in float32 errs by the one rounding of its input, half a unit in the last place.
  const { maxExact } = await checkEquivariance({ inType: type, forward: (x) => x }, { input: narrow });
  assert(maxExact > 0 && maxExact <= 2 ** -24, `${maxExact}`);
});

test("checkEquivariance says that it was its own size where that does not fit", async () => {
  const space = rot2dOnR2(4), type = new FieldType(space, space.trivialRepr), mask = new MaskModule(type, 29);
  await assertRejects(() => mask.checkEquivariance(), ShapeError, "[29, 29], got [17, 17]. checkEquivariance tries");
  await assertRejects(() => mask.checkEquivariance({ size: 9 }), ShapeError, "[29, 29], got [9, 9].");
  assert((await mask.checkEquivariance({ size: 29 })).maxExact < 1e-12);
});
