// Pointwise non-linearities: values, equivariance, derivatives away from kinks, exports, and what they refuse.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { flipRot2dOnR2, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  ELU,
  FieldType,
  FieldTypeError,
  GeometricTensor,
  LeakyReLU,
  type PointwiseFunction,
  type PointwiseModule,
  PointwiseNonLinearity,
  ReLU,
} from "../../../src/nn/mod.ts";
import { ArgumentError, tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { assertExports, awayFromZero, feature, gradcheckModule, normal, regular, values } from "../support.ts";

const space = flipRot2dOnR2(4), type = regular(space, 2);
const functions: readonly PointwiseFunction[] = ["p_relu", "p_elu", "p_sigmoid", "p_tanh"];
const modules: readonly PointwiseModule[] = [
  new ReLU(type),
  new ELU(type, { alpha: 0.7 }),
  new LeakyReLU(type, { negativeSlope: 0.2 }),
  ...functions.map((name) => new PointwiseNonLinearity(type, { function: name })),
];

test("pointwise modules compute their functions", () => {
  const pair = regular(rot2dOnR2(2));
  const at = (module: PointwiseModule) =>
    values(module.forward(new GeometricTensor(tensor([[[[-1]], [[2]]]], { dtype: "float64" }), pair)).tensor);
  assertEquals(at(new ReLU(pair)), [0, 2]);
  assertClose(at(new ELU(pair, { alpha: 0.5 })), [0.5 * (Math.exp(-1) - 1), 2], { absolute: 1e-15 });
  assertClose(at(new LeakyReLU(pair)), [-0.01, 2], { absolute: 1e-15 });
  assertClose(at(new PointwiseNonLinearity(pair, { function: "p_sigmoid" })), [
    1 / (1 + Math.E),
    1 / (1 + Math.exp(-2)),
  ], {
    absolute: 1e-15,
  });
  assertClose(at(new PointwiseNonLinearity(pair, { function: "p_tanh" })), [Math.tanh(-1), Math.tanh(2)], {
    absolute: 1e-15,
  });
});

test("pointwise modules are equivariant exactly, differentiable, and equal to their exports", async () => {
  for (const module of modules) {
    assert((await module.checkEquivariance({ size: 4, batch: 1 })).maxExact < 1e-15, module.toString());
    await gradcheckModule(module, awayFromZero(normal([1, 16, 2, 1])));
    assertExports(module, [3, 2]);
  }
});

test("ELU does not overflow in value or derivative", () => {
  const x = tensor([[[[-800]], [[800]]]], { dtype: "float64" }).requireGrad();
  const pair = regular(rot2dOnR2(2));
  const y = new ELU(pair).forward(new GeometricTensor(x, pair)).tensor;
  assertEquals(values(y), [-1, 800]);
  y.sum().backward();
  assertEquals(values(x.grad!), [0, 1]);
});

test("pointwise modules keep coords, and refuse other types and unknown functions", () => {
  const coords = normal([5, 2]);
  const cloud = new GeometricTensor(normal([5, 16]), type, coords);
  assertEquals(new ReLU(type).forward(cloud).coords, coords);
  const error = assertThrows(() => new ReLU(type).forward(feature(regular(space), 1, 2, 2)), FieldTypeError);
  assertStringIncludes(error.message, "ReLU");
  const named = { function: "relu" as PointwiseFunction };
  assertThrows(() => new PointwiseNonLinearity(type, named), ArgumentError, "p_sigmoid");
  const general = new FieldType(space, space.irrep(1, 1));
  // @ts-expect-error -- irreps are no permutation representations
  assertThrows(() => new ELU(general), FieldTypeError, "ELU");
});

test("pointwise modules take an empty batch", () => {
  for (const module of modules) assertEquals(module.forward(feature(type, 0, 3, 3)).shape, [0, 16, 3, 3]);
});
