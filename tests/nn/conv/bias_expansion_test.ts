// Expansion of biases: one number for each trivial irrep, constant along the trivial column of the change of basis.

import { assertEquals } from "@std/assert";
import { directSum } from "../../../src/group/constructions.ts";
import { rot2dOnR2 } from "../../../src/gspaces/mod.ts";
import { BiasExpansion } from "../../../src/nn/conv/bias_expansion.ts";
import { FieldType, R2Conv } from "../../../src/nn/mod.ts";
import { tensor } from "../../../src/tensor/mod.ts";
import { assertClose } from "../../support/close.ts";
import { test } from "../../support/test.ts";
import { values } from "../support.ts";

const space = rot2dOnR2(4);

test("BiasExpansion spreads each number over the trivial column of its field", () => {
  const twice = directSum([space.trivialRepr, space.irrep(1), space.trivialRepr]);
  const type = new FieldType(space, [space.regularRepr, space.irrep(1), twice]);
  const expansion = new BiasExpansion(type);
  assertEquals(expansion.count, 3);
  const bias = values(expansion.apply(tensor([2, 3, 5], { dtype: "float64" })));
  assertClose(bias, [1, 1, 1, 1, 0, 0, 3, 0, 0, 5], { absolute: 1e-15 });
});

test("BiasExpansion counts nothing for fields without trivial irreps, and R2Conv has no bias then", () => {
  const type = new FieldType(space, space.irrep(1), 2);
  assertEquals(new BiasExpansion(type).count, 0);
  assertEquals([...new R2Conv(type, type, 3).stateDict().tensors.keys()], ["weights"]);
});
