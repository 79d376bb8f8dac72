// Pooling of channels over windows.
// covers: src/nn/pooling/adaptive_pool.ts, src/nn/requirements.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { cyclicGroup } from "../../../src/group/mod.ts";
import { noBaseSpace, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  FieldType,
  FieldTypeError,
  GeometricTensor,
  PointwiseAdaptiveAvgPool2D,
  PointwiseAdaptiveMaxPool2D,
  PointwiseAvgPool2D,
  PointwiseMaxPool2D,
} from "../../../src/nn/mod.ts";
import { requireDimension } from "../../../src/nn/requirements.ts";
import { ArgumentError, tensor } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, gradcheckModule, normal, regular, trivial, values } from "../support.ts";

const space = rot2dOnR2(4), type = regular(space);

test("PointwiseMaxPool2D and PointwiseAvgPool2D pool each channel by itself", () => {
  const one = trivial(space);
  const x = new GeometricTensor(tensor([[[[1, 2, 5], [3, 4, 6], [0, -1, 7]]]], { dtype: "float64" }), one);
  assertEquals(values(new PointwiseMaxPool2D(one, 2, { stride: 1 }).forward(x).tensor), [4, 6, 4, 7]);
  assertEquals(values(new PointwiseAvgPool2D(one, 2, { stride: 1 }).forward(x).tensor), [2.5, 4.25, 1.5, 4]);
  assertEquals(values(new PointwiseAdaptiveMaxPool2D(one, 1).forward(x).tensor), [7]);
  assertEquals(values(new PointwiseAdaptiveAvgPool2D(one, [3, 1]).forward(x).tensor.mul(3).round()), [8, 13, 6]);
});

test("pooling modules are equivariant, know their output's shape, and equal their exports", async () => {
  const irreps = new FieldType(space, [space.irrep(1), space.regularRepr]);
  for (
    const module of [
      new PointwiseMaxPool2D(type, 2),
      new PointwiseMaxPool2D(type, 3, { stride: 1, padding: 1 }),
      new PointwiseAvgPool2D(irreps, 2),
      new PointwiseAvgPool2D(irreps, 3, { stride: 1, padding: 1 }),
      new PointwiseAdaptiveMaxPool2D(type, 2),
      new PointwiseAdaptiveAvgPool2D(irreps, 2),
    ]
  ) {
    assert((await module.checkEquivariance({ size: 8, batch: 1 })).maxExact < 1e-14, module.toString());
    const x = feature(module.inType, 2, 8, 6);
    assertEquals(module.evaluateOutputShape(x.shape), module.forward(x).shape);
    assertEquals(module.forward(feature(module.inType, 0, 8, 6)).shape[0], 0);
    assertExports(module, [8, 6]);
    await gradcheckModule(module, normal([1, module.inType.size, 4, 3]));
  }
});

test("pooling modules refuse fields that maxima mix, other types and other dimensions", () => {
  const irreps = new FieldType(space, space.irrep(1));
  // @ts-expect-error -- irreps are no permutation representations
  assertThrows(() => new PointwiseMaxPool2D(irreps, 2), FieldTypeError, "PointwiseMaxPool2D");
  // @ts-expect-error -- irreps are no permutation representations
  assertThrows(() => new PointwiseAdaptiveMaxPool2D(irreps, 2), FieldTypeError);
  assertThrows(() => new PointwiseMaxPool2D(type, 2).forward(feature(trivial(space), 1, 4, 4)), FieldTypeError);
  assertThrows(() => new PointwiseMaxPool2D(type, 2, { padding: 2 }).forward(feature(type, 1, 4, 4)), ArgumentError);
  const point = regular(noBaseSpace(cyclicGroup(4)));
  assertThrows(() => new PointwiseAvgPool2D(point, 2), FieldTypeError, "dimension 2");
  assertThrows(
    () => requireDimension("here", point, 3),
    FieldTypeError,
    "here: expected a type on a space of dimension 3",
  );
});
