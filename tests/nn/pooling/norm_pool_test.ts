// Pooling by norms: values against direct computation, the module contract, and what they refuse.
// covers: src/nn/plain/norm_pooling.ts

import { assert, assertEquals, assertThrows } from "@std/assert";
import { o2Group, so3Group } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, noBaseSpace, octaOnR3, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { FieldType, FieldTypeError, InducedNormPool, NormMaxPool, NormPool } from "../../../src/nn/mod.ts";
import { ArgumentError, ShapeError, zeros } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { checkContract, checkTypes } from "../module_contract.ts";
import { feature, values } from "../support.ts";

const circle = rot2dOnR2(), plane = flipRot2dOnR2(4), octa = octaOnR3();
const so3 = noBaseSpace(so3Group()), o2 = noBaseSpace(o2Group());
const mixed = new FieldType(circle, [circle.irrep(1), circle.trivialRepr, circle.irrep(2), circle.trivialRepr]);

test("NormPool and InducedNormPool keep their contract", async () => {
  await checkTypes(
    [mixed, new FieldType(so3, [so3.irrep(2), so3.irrep(1), so3.irrep(2)])],
    (type) => new NormPool(type),
  );
  const induced = [
    new FieldType(plane, [plane.inducedRepr([null, 4], [1]), plane.inducedRepr([null, 2], [1])]),
    new FieldType(o2, o2.inducedRepr([null, -1], [1]), 2),
  ];
  await checkTypes(induced, (type) => new InducedNormPool(type));
});

test("NormPool has gradient 0 at the zero field", () => {
  const type = new FieldType(circle, circle.irrep(1));
  const x = feature(type, 1, 2, 2).mul(0), leaf = x.tensor.detach().requireGrad();
  new NormPool(type).forward(x.with(leaf)).tensor.sum().backward();
  assertEquals(values(leaf.grad!), new Array(8).fill(0));
});

test("NormMaxPool takes in each window the vector of the largest norm", () => {
  const module = new NormMaxPool(mixed, 2), x = feature(mixed, 2, 6, 4), y = module.forward(x);
  assertEquals(y.shape, [2, 6, 3, 2]);
  const [input, output] = [values(x.tensor), values(y.tensor)];
  const at = (data: number[], sizes: number[], b: number, c: number, i: number, j: number): number =>
    data[((b * 6 + c) * sizes[0] + i) * sizes[1] + j];
  mixed.sizes.forEach((size, field) => {
    const start = mixed.fieldsStart[field], channels = Array.from({ length: size }, (_, k) => start + k);
    for (let position = 0; position < 12; position++) {
      const [b, i, j] = [Math.floor(position / 6), Math.floor(position / 2) % 3, position % 2];
      const vectors = [0, 1, 2, 3].map((k) =>
        channels.map((c) => at(input, [6, 4], b, c, 2 * i + (k >> 1), 2 * j + (k & 1)))
      );
      const norms = vectors.map((v) => Math.hypot(...v)), best = vectors[norms.indexOf(Math.max(...norms))];
      assertClose(channels.map((c) => at(output, [3, 2], b, c, i, j)), best);
    }
  });
});

test("NormMaxPool keeps its contract with strides, padding, dilation and ceil mode, in two and three dimensions", async () => {
  const cases = [
    { size: 6, options: {} },
    { size: 5, options: { stride: 2, padding: 1 } },
    { size: 5, options: { stride: 1, dilation: 2 } },
    { size: 6, options: { stride: 3, ceilMode: true } },
  ];
  const small = new FieldType(circle, [circle.irrep(1), circle.trivialRepr]);
  for (const { size, options } of cases) {
    await checkContract(() => new NormMaxPool(small, 3, options), {
      spatial: [size, size],
      small: options.dilation === 2 ? [5, 5] : [3, 3],
    });
  }
  const volume = new FieldType(octa, [octa.trivialRepr, octa.irrep(1)]);
  await checkContract(() => new NormMaxPool(volume, 2), { spatial: [4, 4, 4], small: [2, 2, 2] });
});

test("pooling by norms refuses points, fields that are not induced, other channels and windows that do not fit", () => {
  const points = new FieldType(so3, so3.irrep(1));
  assertThrows(() => new NormMaxPool(points, 2), FieldTypeError, "on a grid");
  assertThrows(() => new NormMaxPool(mixed, 2, { padding: 2 }), ArgumentError, "half the window");
  assertThrows(() => new InducedNormPool(mixed), FieldTypeError, "induced");
  assertThrows(() => new NormMaxPool(mixed, 5).forward(feature(mixed, 1, 3, 3)), ShapeError, "window");
  assertThrows(() => new NormPool(mixed).export().forward(zeros([1, 5, 2, 2])), ShapeError, "6 channels");
  assert(new NormPool(mixed).outType.isPointwise());
});
