// Dropout of channels and of whole fields.

import { assert, assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import { rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { FieldDropout, FieldType, FieldTypeError, PointwiseDropout } from "../../../src/nn/mod.ts";
import { ArgumentError, seed } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { assertExports, feature, regular, values } from "../support.ts";

const space = rot2dOnR2(4);

test("FieldDropout drops whole fields with one draw for each sample and field, and scales the others", () => {
  seed(7);
  const type = new FieldType(space, [space.regularRepr, space.irrep(1)], 50);
  const x = feature(type, 4, 2, 3), y = new FieldDropout(type, { p: 0.25 }).forward(x);
  let dropped = 0;
  for (let sample = 0; sample < 4; sample++) {
    for (let field = 0; field < type.length; field++) {
      const before = values(x.fields([field]).tensor.select(0, sample));
      const after = values(y.fields([field]).tensor.select(0, sample));
      if (after[0] === 0) {
        dropped++;
        assert(after.every((v) => v === 0));
      } else after.forEach((v, i) => assert(Math.abs(v - before[i] / 0.75) < 1e-12));
    }
  }
  assert(Math.abs(dropped / 400 - 0.25) < 0.08, `${dropped}`);
});

test("PointwiseDropout drops single numbers", () => {
  seed(8);
  const type = regular(space, 4), x = feature(type, 4, 5, 5);
  const y = values(new PointwiseDropout(type, { p: 0.5 }).forward(x).tensor), before = values(x.tensor);
  const dropped = y.filter((v) => v === 0).length;
  assert(Math.abs(dropped / y.length - 0.5) < 0.05);
  y.forEach((v, i) => assert(v === 0 || Math.abs(v - 2 * before[i]) < 1e-12));
});

test("dropout is the identity in eval mode and for p = 0, and zero for p = 1", () => {
  const type = regular(space), x = feature(type, 2, 3, 3);
  for (const make of [FieldDropout, PointwiseDropout]) {
    assertStrictEquals(new make(type).eval().forward(x), x);
    assertEquals(values(new make(type, { p: 0 }).forward(x).tensor), values(x.tensor));
    assert(values(new make(type, { p: 1 }).forward(x).tensor).every((v) => v === 0));
    assertThrows(() => new make(type, { p: 1.5 }), ArgumentError, "probability");
  }
  assertExports(new PointwiseDropout(type), [3, 3]);
});

test("PointwiseDropout refuses fields that are no permutations", () => {
  const irreps = new FieldType(space, space.irrep(1));
  // @ts-expect-error -- irreps are no permutation representations
  assertThrows(() => new PointwiseDropout(irreps), FieldTypeError);
});
