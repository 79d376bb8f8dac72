// Group pooling: the maximum over the channels of each field.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { flipRot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { FieldType, FieldTypeError, GroupPooling } from "../../../src/nn/mod.ts";
import { MaxPoolChannels } from "../../../src/nn/plain/mod.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, gradcheckModule, normal, regular, values } from "../support.ts";

const space = flipRot2dOnR2(4);
const mixed = new FieldType(space, [
  space.quotientRepr([null, 2]),
  space.regularRepr,
  space.regularRepr,
  space.trivialRepr,
]);

test("GroupPooling takes the maximum over each field and gives trivial fields", () => {
  const pool = new GroupPooling(mixed), x = feature(mixed, 2, 2, 3);
  const y = pool.forward(x);
  assertEquals(y.type.sizes, [1, 1, 1, 1]);
  mixed.sizes.forEach((size, field) => {
    const part = values(x.fields([field]).tensor.select(0, 1).reshape([size, 6]));
    const expected = Array.from(
      { length: 6 },
      (_, p) => Math.max(...Array.from({ length: size }, (_, c) => part[c * 6 + p])),
    );
    assertEquals(values(y.tensor.select(0, 1).select(0, field).reshape([6])), expected);
  });
});

test("GroupPooling is equivariant, differentiable, and equals its export, also for fields of several sizes", async () => {
  const pool = new GroupPooling(mixed);
  assert((await pool.checkEquivariance({ size: 4 })).maxExact < 1e-15);
  await gradcheckModule(pool, normal([1, mixed.size, 1, 2]));
  assertExports(pool, [3, 4]);
  assertExports(new GroupPooling(regular(space, 3)), [3, 4]);
  const layer = new GroupPooling(regular(space, 3)).export();
  assert(layer instanceof MaxPoolChannels);
  assertEquals(layer.kernelSize, 8);
  assertEquals(pool.forward(feature(mixed, 0, 2, 2)).shape, [0, 4, 2, 2]);
});

test("GroupPooling refuses irreps and other types", () => {
  const irreps = new FieldType(space, space.irrep(1, 1));
  // @ts-expect-error -- irreps are no permutation representations
  assertThrows(() => new GroupPooling(irreps), FieldTypeError, "GroupPooling");
  assertThrows(() => new GroupPooling(mixed).forward(feature(regular(space), 1, 2, 2)), FieldTypeError);
});
