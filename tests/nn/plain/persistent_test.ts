// Tensors that outlive scopes: constants, assignment, selection at fixed positions.

import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { assign, Constant, persistent, selectAt, untracked } from "../../../src/nn/plain/persistent.ts";
import { currentBackend, gradcheck, memory, noGrad, scope, tensor, zeros } from "../../../src/tensor/mod.ts";
import { test } from "../../support/test.ts";
import { normal, values } from "../support.ts";

test("Constant makes one tensor for each backend and element type, outside of scopes", () => {
  const constant = new Constant(Float64Array.of(0.1, 0.2), [2]);
  const made = scope(() => [constant.like(zeros([1])), constant.like(zeros([1], { dtype: "float64" }))]);
  assertEquals(made.map((t) => t.dtype), ["float32", "float64"]);
  assertEquals(values(made[1]), [0.1, 0.2]);
  assertStrictEquals(constant.on(currentBackend(), "float32"), made[0]);
  const list = new Constant(Int32Array.of(3, 1), [2]);
  assertEquals(list.like(zeros([1], { dtype: "float64" })).dtype, "int32");
});

test("persistent frees what it makes on the way and records nothing", () => {
  const weight = normal([3]).requireGrad();
  const before = memory().reference.liveTensors;
  const kept = scope(() => persistent(() => weight.mul(2).add(1)));
  assertEquals(memory().reference.liveTensors, before + 1);
  assert(!kept.requiresGrad && !kept.isDisposed);
  kept.dispose();
});

test("untracked takes a tensor out of its scope", () => {
  const kept = scope(() => {
    const inner = scope();
    const value = untracked(zeros([2]));
    inner.end();
    return value;
  });
  assertEquals(values(kept), [0, 0]);
});

test("assign overwrites in place, converts float types, and notes the change", () => {
  const target = zeros([2]), version = target.storage.version;
  noGrad(() => assign([[target, tensor([1.5, 2.5], { dtype: "float64" })]]));
  assertEquals(values(target), [1.5, 2.5]);
  assert(target.storage.version > version);
});

test("selectAt selects slices along an axis, with derivatives to second order", async () => {
  const positions = new Constant(Int32Array.of(2, 0, 2), [3]);
  const x = tensor([[1, 2, 3], [4, 5, 6]], { dtype: "float64" });
  assertEquals(values(selectAt(x, 1, positions)), [3, 1, 3, 6, 4, 6]);
  await gradcheck((v) => selectAt(v, 1, positions).square(), [normal([2, 3])], { secondOrder: true });
});
