// What consoles show of the library's objects: a line of facts, not their insides.

import { inspect } from "node:util";
import { assertEquals } from "@std/assert";
import { FieldType, GeometricTensor, gspaces, plain, R3Conv, tensor, useBackend, zeros } from "../../mod.ts";
import { test } from "../support/test.ts";

test("consoles show tensors, modules, types and groups by their text", async () => {
  await useBackend("reference");
  const space = gspaces.rot3dOnR3(), group = space.fibergroup, type = new FieldType(space, group.irrep(1));
  const shown: readonly (readonly [object, string])[] = [
    [tensor([1, 2]), "Tensor([2], float32, reference, [1, 2])"],
    [new plain.Linear(2, 3), "Linear(2 -> 3)"],
    [
      new R3Conv(type, type, 3),
      "R3Conv([SO(3) on R3 [so3]: irrep_1] -> [SO(3) on R3 [so3]: irrep_1], kernelSize 3x3x3)",
    ],
    [type, "[SO(3) on R3 [so3]: irrep_1]"],
    [new GeometricTensor(zeros([2, 3]), type, zeros([2, 3])), "GeometricTensor([2, 3], [SO(3) on R3 [so3]: irrep_1])"],
    [space, "SO(3) on R3 [so3]"],
    [group, "SO(3)"],
    [group.identity, "SO(3)([0,0,0,1])"],
    [group.irrep(1), "irrep_1 of SO(3)"],
  ];
  for (const [object, text] of shown) assertEquals(inspect(object), text);
});
