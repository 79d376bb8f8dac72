// Scopes where the runtime has one stack for all, as in browsers: the library is loaded with `process` and `Deno` hidden.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";

const NAMES = ["process", "Deno"] as const;
const hidden = NAMES.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)!);
for (const name of NAMES) {
  Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true });
}
const { runtime } = await import("../../src/runtime/mod.ts");
const { scope } = await import("../../src/tensor/scope.ts");
const { tensor } = await import("../../src/tensor/creation.ts");
const { noGrad } = await import("../../src/tensor/context.ts");
const { useBackend } = await import("../../src/tensor/registry.ts");
const { ScopeError } = await import("../../src/tensor/errors.ts");
NAMES.forEach((name, i) => Object.defineProperty(globalThis, name, hidden[i]));

await useBackend("reference");

test("scopes nest and dispose in a browser", async () => {
  assertEquals(runtime.name, "browser");
  const lost = tensor([0]);
  const kept = await scope(async () => {
    const inner = tensor([1]);
    await Promise.resolve();
    using _ = scope();
    return inner.add(tensor([2])).keep();
  });
  assertEquals(await kept.item(), 3);
  assertEquals([lost.isDisposed, kept.owner], [false, undefined]);
});

test("scopes that end out of order in a browser throw ScopeError, and still dispose", () => {
  const outer = scope();
  const first = tensor([1]);
  const inner = scope();
  const second = tensor([2]);
  assertThrows(() => outer.end(), ScopeError, "the reverse order of their beginning");
  assertEquals([first.isDisposed, second.isDisposed], [true, false]);
  inner.end();
  assertEquals(second.isDisposed, true);
});

for (const [name, run] of [["scope", scope], ["noGrad", noGrad]] as const) {
  test(`concurrent asynchronous calls of ${name} in a browser reject with ScopeError, and later ones work`, async () => {
    const gates = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const [first, second] = gates.map(({ promise }, i) =>
      run(async () => {
        await promise;
        return tensor([i]);
      })
    );
    const rejected = assertRejects(() => first, ScopeError, "got 1 scope inside it still open. Use await scope(async");
    gates[0].resolve();
    await rejected;
    gates[1].resolve();
    assertEquals(await (await second).item(), 1);
    assertEquals(await (await run(async () => await Promise.resolve(tensor([2])))).item(), 2);
  });
}
