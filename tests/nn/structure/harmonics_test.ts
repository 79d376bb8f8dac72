// Harmonic polynomials: against the tables of kernels, equivariance, derivatives, and what they refuse.
// covers: src/nn/plain/harmonics.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { harmonicPolynomials } from "../../../src/kernels/spherical.ts";
import { GeometricTensor, HarmonicPolynomialR3 } from "../../../src/nn/mod.ts";
import { ArgumentError, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { normal, values } from "../support.ts";

test("HarmonicPolynomialR3 equals the harmonics of the kernels to 1e-12 up to degree 9", () => {
  const module = new HarmonicPolynomialR3(9), x = normal([7, 3]);
  const y = module.forward(new GeometricTensor(x, module.inType)).tensor;
  assertEquals(y.shape, [7, 100]);
  const table = harmonicPolynomials(9, values(x));
  const expected = Array.from({ length: 700 }, (_, i) => table[(i % 100) * 7 + Math.floor(i / 100)]);
  assertClose(values(y), expected, { absolute: 1e-12, relative: 1e-11 });
});

test("HarmonicPolynomialR3 keeps its contract for SO(3) and O(3), second derivatives included", async () => {
  for (const group of ["so3", "o3"] as const) {
    for (const L of [1, 3]) await checkContract(() => new HarmonicPolynomialR3(L, { group }));
  }
  const module = new HarmonicPolynomialR3(6, { group: "o3" });
  assert((await module.checkEquivariance({ tolerance: 1e-10 })).passed);
});

test("HarmonicPolynomialR3 refuses degrees and groups that it does not have", () => {
  assertThrows(() => new HarmonicPolynomialR3(-1), ArgumentError, "degree");
  const group = "so2" as "so3";
  assertThrows(() => new HarmonicPolynomialR3(2, { group }), ArgumentError, '"o3"');
  assertEquals(new HarmonicPolynomialR3(2).export().forward(zeros([0, 3])).shape, [0, 9]);
});
