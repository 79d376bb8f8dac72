// Pooling over cosets and onto subgroups: values, equivariance, and what they refuse.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { octahedralGroup } from "../../../src/group/mod.ts";
import { flipRot2dOnR2, noBaseSpace, rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { FieldType, FieldTypeError, GeometricTensor, QuotientPooling, SubgroupPooling } from "../../../src/nn/mod.ts";
import { tensor } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { checkContract } from "../module_contract.ts";
import { feature, regular, values } from "../support.ts";

const c8 = rot2dOnR2(8), d4 = flipRot2dOnR2(4), octa = noBaseSpace(octahedralGroup());

test("QuotientPooling takes maxima over cosets gH and keeps its contract", async () => {
  const type = regular(c8), x = new GeometricTensor(tensor([0, 7, 2, 5, 4, 3, 6, 1], [1, 8, 1, 1]), type);
  assertEquals(values(new QuotientPooling(type, 2).forward(x).tensor), [4, 7, 6, 5]);
  await checkContract(() => new QuotientPooling(regular(c8, 2), 4), { small: [1, 1] });
  await checkContract(() => new QuotientPooling(regular(d4), [null, 2]), { small: [1, 1] });
  await checkContract(() => new QuotientPooling(regular(octa), [false, 4]));
});

test("SubgroupPooling takes maxima over right cosets onto a subgroup, and commutes with that", () => {
  const type = regular(c8), module = new SubgroupPooling(type, 4);
  const x = new GeometricTensor(tensor([0, 7, 2, 5, 4, 3, 6, 1], [1, 8, 1, 1]), type);
  const y = module.forward(x);
  assertEquals(values(y.tensor), [7, 5, 4, 6]);
  assertEquals(y.type.fibergroup.order, 4);
  const cases = [
    { type: regular(c8, 2), id: 4 },
    { type: regular(d4), id: [null, 4] },
    { type: regular(d4), id: [1, 2] },
    { type: regular(octa), id: [false, 3] },
  ] as const;
  for (const { type, id } of cases) {
    const pool = new SubgroupPooling(type, id), spatial = type.gspace.dimensionality === 0 ? [] : [3, 3];
    const input = feature(type, 2, ...spatial), output = pool.forward(input);
    const { subgroup } = type.gspace.restrict(id);
    for (const h of subgroup.subgroup.elements) {
      const moved = pool.forward(input.transform(subgroup.inclusion(h)));
      assertEquals(values(moved.tensor), values(output.transform(h).tensor));
    }
    assertEquals(values(pool.export().forward(input.tensor)), values(output.tensor));
  }
});

test("pooling over subgroups refuses fields that are not regular", () => {
  const quotient = new FieldType(c8, c8.quotientRepr(2));
  assertThrows(() => new QuotientPooling(quotient, 2), FieldTypeError, "regular fields");
  assertThrows(() => new SubgroupPooling(quotient, 2), FieldTypeError, "quotient[2]");
  const continuous = rot2dOnR2(), scalars = new FieldType(continuous, continuous.trivialRepr);
  assertThrows(() => new SubgroupPooling(scalars, 2), FieldTypeError, "finite group");
  assert(new QuotientPooling(regular(c8), 4).outType.isPointwise());
});
