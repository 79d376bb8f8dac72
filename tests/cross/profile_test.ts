// A profile in each runtime: modules, derivatives and operations are seen through the library's one observer.

import { assert, assertEquals } from "@std/assert";
import { plain, profile, randn, scope, useBackend } from "@escnn/escnn";
import { test, testRuntime } from "../support/test.ts";

test(`profile in ${testRuntime} sees modules, their derivatives and operations`, async () => {
  await useBackend("cpu", { openblas: "off", threads: 1 });
  const net = new plain.Sequential(new plain.Linear(8, 16), new plain.ReLU(), new plain.Linear(16, 2));
  const found = await profile(() => scope(() => net.forward(randn([4, 8])).sum().backward()), { models: [net] });
  const facts = found.modules.filter(({ calls, layer }) => calls === 1 && layer !== "").map(({ name }) => name).sort();
  assertEquals(facts, ["Sequential", "Sequential.0", "Sequential.1", "Sequential.2"]);
  assert(found.modules.every(({ layer, backward }) => layer === "" || backward > 0));
  const products = found.operations.filter(({ operation }) => operation === "matmul").map(({ module }) => module);
  assertEquals(products.sort(), ["Sequential.0", "Sequential.0", "Sequential.2", "Sequential.2", "Sequential.2"]);
});
