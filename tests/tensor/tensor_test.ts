// The face of a tensor: reading, printing, moving, and what refuses to be read.
// covers: src/tensor/backend.ts

import { assertEquals, assertFalse, assertInstanceOf, assertRejects, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { values } from "./support.ts";
import { arange, tensor, zeros } from "../../src/tensor/creation.ts";
import {
  BackendError,
  BackendMismatchError,
  DisposedError,
  OutOfMemoryError,
  ShapeError,
} from "../../src/tensor/errors.ts";
import type { Backend } from "../../src/tensor/backend.ts";
import * as E from "../../src/tensor/expr.ts";
import { mapMany } from "../../src/tensor/map.ts";
import { disposeBackend, registerBackend, startBackend } from "../../src/tensor/registry.ts";
import { scope } from "../../src/tensor/scope.ts";
import { Tensor } from "../../src/tensor/tensor.ts";
import { createBackend } from "../../backends/reference/mod.ts";

/** The reference backend with changes, under another name. */
async function variant(name: string, changes: Partial<Backend>): Promise<Backend> {
  const base = await createBackend({});
  return new Proxy(base, {
    get(target, key) {
      if (key === "name") return name;
      if (key in changes) return changes[key as keyof Backend];
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

registerBackend("second", () => variant("second", {}));
registerBackend("waiting", () => variant("waiting", { canReadSync: false }));

test("data, dataSync, item and itemSync copy elements out", async () => {
  using _ = scope();
  const x = arange(4).reshape([2, 2]).transpose(0, 1);
  assertEquals(await x.data(), Float32Array.of(0, 2, 1, 3));
  assertEquals(x.dataSync(), Float32Array.of(0, 2, 1, 3));
  assertEquals(await x.sum().item(), 6);
  assertEquals(x.select(0, 1).select(0, 0).itemSync(), 1);
  assertEquals(await zeros([0]).data(), new Float32Array(0));
  assertThrows(() => x.itemSync(), ShapeError, "a tensor with one element, got tensor [2, 2] float32");
  await assertRejects(() => x.item(), ShapeError, "data()");
});

test("dataSync refuses on a backend that cannot wait", async () => {
  using _ = scope();
  const backend = await startBackend("waiting");
  const x = tensor([1], { backend });
  assertThrows(() => x.dataSync(), BackendError, "await tensor.data()");
  assertEquals(await x.data(), Float32Array.of(1));
  assertEquals(String(x), "Tensor([1], float32, waiting)");
});

test("toString shows facts and few elements", () => {
  using _ = scope();
  assertEquals(String(tensor([[1, 2], [3, 4]])), "Tensor([2, 2], float32, reference, [[1, 2], [3, 4]])");
  assertEquals(
    String(tensor([0.1, 1 / 3, 16777217, NaN])),
    "Tensor([4], float32, reference, [0.1, 0.33333334, 16777216, NaN])",
  );
  assertEquals(String(tensor(Float64Array.of(0.1))), "Tensor([1], float64, reference, [0.1])");
  assertEquals(String(zeros([1000], { name: "w" })), 'Tensor("w", [1000], float32, reference)');
  const gone = tensor([1]);
  gone.dispose();
  assertEquals(String(gone), "Tensor([1], float32, reference, disposed)");
});

test("facts of a tensor: rank, size, backend", () => {
  using _ = scope();
  const x = zeros([2, 3, 4]);
  assertEquals([x.rank, x.size, x.backend.name, tensor(1).size], [3, 24, "reference", 1]);
  assertInstanceOf(x, Tensor);
});

test("to moves a copy to another backend, and mixed operands are refused by name", async () => {
  const x = tensor([1, 2], { name: "x" }).requireGrad();
  const there = await x.to("second");
  assertEquals([there.backend.name, there.name, values(there)], ["second", "x", [1, 2]]);
  assertFalse(there.requiresGrad);
  assertThrows(() => x.add(there), BackendMismatchError, 'tensor "x" [2] float32 on reference and');
  assertThrows(() => x.add(there), BackendMismatchError, "on second");
  const here = await x.to("reference");
  assertEquals(here.buffer, x.buffer);
  for (const t of [x, there, here]) t.dispose();
});

test("running out of memory leaves nothing behind: a map with several results frees the first ones", async () => {
  let left = 3;
  const allocate = (bytes: number) => {
    if (left-- > 0) return store.allocate(bytes);
    throw new OutOfMemoryError({ op: "allocate", expected: "at most 3 buffers", actual: "a fourth one" });
  };
  const store = await createBackend({});
  const backend = new Proxy(store, {
    get(target, key) {
      if (key === "allocate") return allocate;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  using _ = scope();
  const x = tensor([1, 2], { backend });
  const three = (a: E.Expr): E.Expr[] => [a, E.neg(a), E.abs(a)];
  assertThrows(() => mapMany([x], three), OutOfMemoryError, "a fourth one");
  assertEquals(store.memory().liveBuffers, 1);
  left = 3;
  assertEquals(mapMany([x], three).map(values), [[1, 2], [-1, -2], [1, 2]]);
});

test("tensors of a disposed backend refuse use", async () => {
  const backend = await startBackend("second");
  const x = tensor([1], { backend });
  disposeBackend("second");
  assertThrows(() => x.add(1), DisposedError, "whose backend was disposed");
  x.dispose();
});
