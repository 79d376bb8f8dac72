// Equivariant linear maps on a point.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { cyclicGroup, dihedralGroup, o2Group } from "../../../src/group/mod.ts";
import { noBaseSpace, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { EmptyBasisError } from "../../../src/kernels/mod.ts";
import { FieldType, FieldTypeError, Linear } from "../../../src/nn/mod.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, gradcheckModule, normal, regular } from "../support.ts";

for (const group of [cyclicGroup(6), dihedralGroup(3), dihedralGroup(4)]) {
  test(`Linear is equivariant to 1e-12: ${group.name}`, async () => {
    const space = noBaseSpace(group), irreps = space.irreps();
    const type = new FieldType(space, [space.regularRepr, irreps[irreps.length - 1]]);
    assert((await new Linear(type, type).checkEquivariance()).maxExact < 1e-12);
  });
}

test("Linear is equivariant to 1e-12 for O(2), and has as many weights as intertwiners", async () => {
  const space = noBaseSpace(o2Group());
  const type = new FieldType(space, [space.irrep(1, 1), space.irrep(1, 2), space.irrep(1, 1)]);
  const linear = new Linear(type, type);
  assertEquals(linear.weights.shape, [5]);
  assert((await linear.checkEquivariance()).maxExact < 1e-12);
});

test("Linear exports, has derivatives, and knows its output's shape", async () => {
  const type = regular(noBaseSpace(cyclicGroup(4)), 2), linear = new Linear(type, type);
  assertExports(linear, []);
  assertEquals(linear.evaluateOutputShape([3, 8]), linear.forward(feature(type, 3)).shape);
  await gradcheckModule(new Linear(type, type, { dtype: "float64" }), normal([2, 8]));
});

test("Linear refuses types with a base space and pairs without intertwiners", () => {
  const plane = rot2dOnR2(4);
  const error = assertThrows(() => new Linear(regular(plane), regular(plane)), FieldTypeError, "dimension 0");
  assertStringIncludes(error.message, "convolution with kernelSize 1");
  const space = noBaseSpace(cyclicGroup(4));
  const from = new FieldType(space, space.irrep(1)), to = new FieldType(space, space.irrep(2));
  assertThrows(() => new Linear(from, to), EmptyBasisError);
});
