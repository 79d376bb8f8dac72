// Ids of irreps and subgroups: comparison, order and their text.

import { assert, assertEquals } from "@std/assert";
import { compareIds, irrepKey, sameId, subgroupIdOf, subgroupKey } from "../../src/group/ids.ts";
import { cyclicGroup } from "../../src/group/mod.ts";
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
