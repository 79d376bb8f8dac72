// Antialiased pooling: the Gaussian's size and values, equivariance, exports.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import {
  FieldType,
  GeometricTensor,
  PointwiseAvgPoolAntialiased2D,
  PointwiseMaxPoolAntialiased2D,
} from "../../../src/nn/mod.ts";
import { ArgumentError, grad, ShapeError, startBackend, type Tensor, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, gradcheckModule, normal, regular, trivial, values } from "../support.ts";

const space = rot2dOnR2(8), irreps = new FieldType(space, [space.irrep(1), space.irrep(3)]);

test("PointwiseAvgPoolAntialiased2D spreads a pixel as a Gaussian of size 2 round(3 sigma) + 1 with sum 1", () => {
  const type = trivial(space), x = zeros([1, 1, 9, 9], { dtype: "float64" });
  x.backend.write(x, Float64Array.from({ length: 81 }, (_, i) => i === 40 ? 1 : 0));
  const y = values(new PointwiseAvgPoolAntialiased2D(type, 0.66, 1).forward(new GeometricTensor(x, type)).tensor);
  const weights = Array.from({ length: 81 }, (_, i) => {
    const dx = i % 9 - 4, dy = Math.floor(i / 9) - 4;
    return Math.max(Math.abs(dx), Math.abs(dy)) <= 2 ? Math.exp(-(dx * dx + dy * dy) / (2 * 0.66 * 0.66)) : 0;
  });
  const sum = weights.reduce((a, b) => a + b, 0);
  assertClose(y, weights.map((w) => w / sum), { absolute: 1e-15 });
});

test("antialiased pools are equivariant, differentiable, know their output's shape, and equal their exports", async () => {
  for (
    const module of [
      new PointwiseAvgPoolAntialiased2D(irreps, 0.66, 2),
      new PointwiseAvgPoolAntialiased2D(irreps, 0.4, [2, 1], { padding: [0, 1] }),
      new PointwiseMaxPoolAntialiased2D(regular(space), 3, { stride: 2, padding: 1, sigma: 0.4 }),
    ]
  ) {
    const quarter = [0, 4].map((k) => space.fibergroup.element(k));
    const { maxExact } = await module.checkEquivariance({ size: 9, batch: 1, elements: quarter });
    assert(maxExact < 1e-14, `${module}: ${maxExact}`);
    const x = feature(module.inType, 2, 9, 7);
    assertEquals(module.evaluateOutputShape(x.shape), module.forward(x).shape);
    assertEquals(module.forward(feature(module.inType, 0, 9, 7)).shape[0], 0);
    assertExports(module, [9, 7]);
    await gradcheckModule(module, normal([1, module.inType.size, 3, 4]));
  }
});

test("PointwiseAvgPoolAntialiased2D gives the same by a filter of the backend, by matrix products and by a convolution", () => {
  const type = trivial(space, 2), pool = new PointwiseAvgPoolAntialiased2D(type, 0.8, 2, { padding: [1, 3] });
  const x = feature(type, 1, 10, 70), { backend } = x.tensor, filtered = pool.forward(x).tensor;
  Object.defineProperty(backend, "separableFilter", { value: undefined, configurable: true });
  try {
    const y = pool.forward(x).tensor;
    assertClose(values(y), values(filtered), { absolute: 1e-14 });
    // The output's left part sees the input's left part alone, which is small enough for matrix products.
    const part = pool.forward(x.with(x.tensor.slice(3, 0, 41))).tensor;
    assertClose(values(y.slice(3, 0, 18)), values(part.slice(3, 0, 18)), { absolute: 1e-14 });
  } finally {
    Reflect.deleteProperty(backend, "separableFilter");
  }
});

test("antialiased averages on cpu are those of the reference to 1e-6, their gradients too", async () => {
  const cpu = await startBackend("cpu"), type = trivial(space, 3);
  try {
    for (const [sigma, stride] of [[0.66, 2], [0.9, 1], [0.5, 3]]) {
      const pool = new PointwiseAvgPoolAntialiased2D(type, sigma, stride);
      const x = normal([2, 3, 25, 22]).cast("float32").detach().requireGrad();
      const moved = (await x.detach().to(cpu)).detach().requireGrad();
      const [expected, actual] = [x, moved].map((input) => {
        const y = pool.forward(new GeometricTensor(input, type)).tensor;
        return [y, ...grad([y.square().sum()], [input])] as Tensor[];
      });
      expected.forEach((tensor, i) => assertClose(values(actual[i]), values(tensor), { absolute: 2e-6 }));
    }
  } finally {
    cpu.dispose();
  }
});

test("antialiased pools refuse a sigma that is not positive and inputs smaller than the filter", () => {
  assertThrows(() => new PointwiseAvgPoolAntialiased2D(irreps, 0, 2), ArgumentError, "positive sigma");
  const pool = new PointwiseAvgPoolAntialiased2D(irreps, 1, 1, { padding: 0 });
  assertThrows(() => pool.forward(feature(irreps, 1, 3, 9)), ShapeError);
});
