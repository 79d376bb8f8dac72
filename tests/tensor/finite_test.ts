// Flags for NaN and infinities.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { int32 } from "./support.ts";
import { tensor, zeros } from "../../src/tensor/creation.ts";
import { ArgumentError, NonFiniteError } from "../../src/tensor/errors.ts";
import { assertFinite, nonFiniteFlag } from "../../src/tensor/finite.ts";
import { scope } from "../../src/tensor/scope.ts";

test("nonFiniteFlag counts the tensors with a NaN or an infinity", () => {
  using _ = scope();
  const good = tensor([1, -3e38]);
  const flag = nonFiniteFlag([good, zeros([0]), int32([1])]);
  assertEquals([flag.dtype, flag.shape, flag.itemSync()], ["int32", [], 0]);
  const bad = [tensor([1, NaN]), tensor([[Infinity, -Infinity]], { dtype: "float64" }), good];
  assertEquals(nonFiniteFlag(bad).itemSync(), 2);
  assertThrows(() => nonFiniteFlag([]), ArgumentError, "at least one tensor");
});

test("assertFinite names the tensor and what was computed", async () => {
  using _ = scope();
  const x = tensor([1]);
  await assertFinite([x]);
  await assertFinite([]);
  const loss = tensor([NaN], { name: "loss" });
  await assertRejects(() => assertFinite([x, loss], "step 3"), NonFiniteError, "step 3: expected finite numbers");
  await assertRejects(() => assertFinite([x, loss]), NonFiniteError, 'tensor "loss"');
});
