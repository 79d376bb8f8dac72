// Masks: values at the centre, the edge of the disc and beyond.
// covers: src/nn/structure/upsampling.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { flipRot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { FieldType, GeometricTensor, MaskModule, R2Upsampling } from "../../../src/nn/mod.ts";
import { ArgumentError, ones, ShapeError } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, gradcheckModule, normal, trivial, values } from "../support.ts";

const space = flipRot2dOnR2(4), type = new FieldType(space, [space.irrep(1, 1), space.trivialRepr]);

test("MaskModule is 1 inside the disc and falls off as a Gaussian of the squared distance", () => {
  const mask = new MaskModule(trivial(space), 5, { sigma: 1.5 });
  const y = values(mask.forward(new GeometricTensor(ones([1, 1, 5, 5], { dtype: "float64" }), trivial(space))).tensor);
  const corner = Math.exp((4 - 8) / 2.25), next = Math.exp((4 - 5) / 2.25);
  assertClose(y.slice(0, 5), [corner, next, 1, next, corner], { absolute: 1e-15 });
  assertClose(y.slice(10, 15), [1, 1, 1, 1, 1]);
});

test("MaskModule is equivariant, differentiable, and equal to its export", async () => {
  const mask = new MaskModule(type, 6, { margin: 10 });
  assert((await mask.checkEquivariance({ size: 6 })).maxExact < 1e-14);
  await gradcheckModule(new MaskModule(type, 3), normal([1, 3, 3, 3]));
  assertExports(mask, [6, 6]);
});

test("MaskModule refuses other sizes and options that make no sense", () => {
  assertThrows(() => new MaskModule(type, 6).forward(feature(type, 1, 6, 5)), ShapeError, "[6, 6]");
  assertThrows(() => new MaskModule(type, 0), ArgumentError, "size 0");
  assertThrows(() => new MaskModule(type, 6, { sigma: 0 }), ArgumentError, "sigma 0");
  assertThrows(() => new MaskModule(type, 6, { margin: 101 }), ArgumentError, "margin 101");
});

test("R2Upsampling enlarges by a factor or to a size, equivariantly, and equals its export", async () => {
  for (
    const options of [
      { scaleFactor: 2 },
      { size: 9, alignCorners: true },
      { scaleFactor: 3, mode: "nearest" },
    ] as const
  ) {
    const up = new R2Upsampling(type, options);
    assert((await up.checkEquivariance({ size: 5 })).maxExact < 1e-14, JSON.stringify(options));
    const x = feature(type, 2, 4, 3);
    assertEquals(up.evaluateOutputShape(x.shape), up.forward(x).shape);
    assertExports(up, [4, 3]);
  }
  assertThrows(() => new R2Upsampling(type, { scaleFactor: 2, size: 5 }), ArgumentError, "either");
});
