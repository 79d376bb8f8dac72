// Ids of irreps and subgroups: comparison, order and their text.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { compareIds, irrepKey, sameId, subgroupIdOf, subgroupKey } from "../../src/group/ids.ts";
import { cyclicGroup, GroupError, type IrrepId } from "../../src/group/mod.ts";
import { test } from "../support/test.ts";

test("sameId and irrepKey see nested ids", () => {
  assert(sameId([1, [0, 2]], [1, [0, 2]]));
  assert(!sameId([1, [0, 2]], [1, [0, 3]]));
  assert(!sameId([1], [1, 0]));
  assert(!sameId([1, 2], [1, [2]]));
  assertEquals(irrepKey([1, [0, 2], 0]), "[1,[0,2],0]");
});

test("compareIds is numeric, not by text", () => {
  assertEquals([[10], [2], [1, 5], [1]].sort(compareIds), [[1], [1, 5], [2], [10]]);
  assert(compareIds([[0, 3], 1], [[1, 0], 0]) < 0);
});

test("subgroupIdOf wraps a lone part, subgroupKey tells elements and nested ids apart", () => {
  assertEquals(subgroupIdOf(4), [4]);
  assertEquals(subgroupIdOf([null, 4]), [null, 4]);
  assertEquals(subgroupKey([null, [2], true, "ico", cyclicGroup(4).element(1)]), "[null,[2],true,ico,C4(1)]");
});

test("irrepKey refuses what is no id, and says where the id of an irrep is", () => {
  const group = cyclicGroup(8);
  const irrep: unknown = group.irrep(1), text: unknown = "1";
  assertThrows(() => irrepKey(irrep as IrrepId), GroupError, "The property id of an irrep is its id");
  assertThrows(() => group.irrep(text as number), GroupError, 'an array of numbers like [1], got "1"');
});
