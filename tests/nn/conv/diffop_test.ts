// Steerable differential operators: exact derivatives of polynomials, equivariance, bad input.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { flipRot2dOnR2, noBaseSpace, rot2dOnR2, rot3dOnR3 } from "../../../src/gspaces/mod.ts";
import { EmptyBasisError, KernelError } from "../../../src/kernels/mod.ts";
import { DiffopConv, FieldType, FieldTypeError, GeometricTensor, R2Diffop, R3Diffop } from "../../../src/nn/mod.ts";
import { seed, tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { trivial, values } from "../support.ts";

test("R2Diffop of order 2 from scalars to scalars is a combination of the identity and the exact Laplacian", () => {
  const type = trivial(rot2dOnR2());
  const layer = new R2Diffop(type, type, 2, { bias: false, dtype: "float64" });
  assertEquals(layer.weights.size, 2);
  const size = 7,
    at = (f: (x: number, y: number) => number) =>
      Float64Array.from({ length: size * size }, (_, i) => f(i % size - 3, 3 - Math.floor(i / size)));
  const field = new GeometricTensor(tensor(at((x, y) => 3 * x * x + y * y - x * y + x), [1, 1, size, size]), type);
  const inner = at((x, y) => Math.max(Math.abs(x), Math.abs(y)) <= 2 ? 1 : 0);
  const f = at((x, y) => 3 * x * x + y * y - x * y + x).filter((_, i) => inner[i] === 1);
  const [identity, laplacian] = values(layer.weights);
  // Elements are scaled to norm 1: the stencil of the Laplacian has squares 4 · 1 + 16.
  const expected = f.map((v) => identity * v + laplacian * 8 / Math.sqrt(20));
  assertClose(values(layer.forward(field).tensor), [...expected], { absolute: 1e-12 });
});

for (const discretization of ["finiteDifference", "gaussian", "rbf"] as const) {
  test(`R2Diffop by ${discretization} is equivariant to 1e-11 under the grid's symmetries`, async () => {
    seed(1);
    for (const space of [rot2dOnR2(), rot2dOnR2(8), flipRot2dOnR2(4)]) {
      const type = new FieldType(space, [...space.irreps(2)]);
      const layer = new R2Diffop(type, type, 2, { discretization, kernelSize: 5, padding: 2 });
      const { maxExact, exact } = await layer.checkEquivariance({ size: 6, batch: 1 });
      assert(exact.length > 0 && maxExact < 1e-11, `${maxExact}`);
    }
  });
}

test("R3Diffop from vectors to vectors of order 1 is the curl, and the identity", () => {
  const space = rot3dOnR3(), vectors = new FieldType(space, space.irrep(1));
  const layer = new R3Diffop(vectors, vectors, 1, { initialize: false });
  assertEquals(layer.weights.size, 2);
  assertEquals(layer.kernelSize, [3, 3, 3]);
  assertStringIncludes(layer.toString(), "maximumOrder 1");
  assert(layer instanceof DiffopConv);
});

test("R2Diffop refuses points without a base, fields without operators and stencils that are too small", () => {
  const plane = rot2dOnR2(), point = noBaseSpace(plane.fibergroup);
  assertThrows(() => new R2Diffop(trivial(point), trivial(point), 1), FieldTypeError, "dimension 2");
  const high = new FieldType(plane, plane.irrep(3));
  assertThrows(() => new R2Diffop(trivial(plane), high, 2), EmptyBasisError);
  assertThrows(() => new R2Diffop(trivial(plane), trivial(plane), 4, { kernelSize: 3 }), KernelError, "taps");
  assertThrows(() => new R2Diffop(trivial(plane), trivial(plane), -1), KernelError, "maximumOrder");
});
