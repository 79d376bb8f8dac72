// Names of representations in state dicts: escnn's, unique within a type.

import { assertEquals } from "@std/assert";
import { changeBasis, dihedralGroup } from "../../src/group/mod.ts";
import { noBaseSpace } from "../../src/gspaces/mod.ts";
import { FieldType } from "../../src/nn/mod.ts";
import { classNames, classOfFields, escnnName } from "../../src/nn/state_names.ts";
import { test } from "../support/test.ts";

test("escnnName writes subgroup ids as Python does and leaves other names alone", () => {
  assertEquals(escnnName("quotient[2]"), "quotient[2]");
  assertEquals(escnnName("quotient[null,4]"), "quotient[(None, 4)]");
  assertEquals(escnnName("quotient[false,4]"), "quotient[(False, 4)]");
  assertEquals(escnnName('quotient["cone",-1]'), "quotient[('cone', -1)]");
  assertEquals(escnnName("quotient[[2],[null,4]]"), "quotient[((2,), (None, 4))]");
  assertEquals(escnnName("induced[null,-1][1]"), "induced[(None, -1)][irrep_1]");
  for (const name of ["regular", "irrep_1,1", "regular_[[0]|[1]]", "quotient[", "[irrep_0]_[regular]"]) {
    assertEquals(escnnName(name), name);
  }
});

test("classNames are unique and without dots; classOfFields gives each field its class", () => {
  const space = noBaseSpace(dihedralGroup(4)), rho = space.irrep(1, 1);
  const turned = changeBasis(rho, Float64Array.of(0.6, -0.8, 0.8, 0.6), "irrep_1,1");
  const dotted = changeBasis(rho, Float64Array.of(0, -1, 1, 0), "angle 0.5");
  const type = new FieldType(space, [rho, turned, rho, dotted]);
  assertEquals(classNames(type), ["irrep_1,1", "irrep_1,1#2", "angle 0_5"]);
  assertEquals(classOfFields(type), [0, 1, 0, 2]);
});
