// Steerable convolutions on the line: the module contract over groups and options, transposes, exports, bad input.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { flipOnR1, rot2dOnR2, trivialOnR1 } from "../../../src/gspaces/mod.ts";
import { FieldType, FieldTypeError, R1Conv, R1ConvTransposed } from "../../../src/nn/mod.ts";
import { ArgumentError, seed } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { assertExports, feature, regular, trivial } from "../support.ts";

for (const space of [flipOnR1(), trivialOnR1()]) {
  const type = new FieldType(space, [space.trivialRepr, space.regularRepr, ...space.irreps()]);
  test(`R1Conv commutes with ${space}, differentiates, saves, exports, and takes empty batches`, async () => {
    seed(1);
    const options = { spatial: [7], small: [4] };
    await checkContract((dtype) => new R1Conv(type, type, 3, { padding: "same", dtype }), options);
    await checkContract((dtype) => new R1Conv(type, type, [5], { padding: 2, stride: 2, dtype }), options);
  });

  test(`R1ConvTransposed commutes with ${space}, differentiates, saves, exports, and takes empty batches`, async () => {
    seed(2);
    const options = { spatial: [5], small: [3] };
    await checkContract((dtype) => new R1ConvTransposed(type, type, 3, { stride: 2, padding: 1, dtype }), options);
  });
}

test("R1Conv reads signals in both directions alike: an even kernel from scalars to scalars", () => {
  const space = flipOnR1(), conv = new R1Conv(trivial(space), trivial(space), 5, { dtype: "float64" });
  const filter = conv.expandFilter().dataSync();
  // Three rings of frequency 0.
  assertEquals(conv.weights.size, 3);
  for (let i = 0; i < 5; i++) assert(Math.abs(filter[i] - filter[4 - i]) < 1e-14);
});

test("R1Conv.export and R1ConvTransposed.export keep padding by side, dilation, groups and output padding", () => {
  const space = flipOnR1(), type = regular(space, 2);
  assertExports(new R1Conv(type, type, 3, { padding: [[2, 1]], dilation: 2, groups: 2, paddingMode: "reflect" }), [8]);
  const up = new R1ConvTransposed(type, type, 3, { padding: [[0, 1]], stride: 2, outputPadding: 1, groups: 2 });
  assertExports(up, [6]);
  assertEquals(up.forward(feature(type, 2, 6)).shape, up.evaluateOutputShape([2, 4, 6]));
});

test("R1Conv refuses the plane and sizes for two axes", () => {
  const plane = rot2dOnR2(4), line = flipOnR1();
  assertThrows(() => new R1Conv(regular(plane), regular(plane), 3), FieldTypeError, "dimension 1");
  assertThrows(() => new R1Conv(regular(line), regular(line), [3, 3]), ArgumentError, "kernelSize");
});
