// Tests of the stack that stands in for AsyncLocalStorage in browsers.

import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { StackContextStorage } from "../../src/runtime/context_storage.ts";
import { ScopeOrderError } from "../../src/runtime/mod.ts";
import { test } from "../support/test.ts";

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test("StackContextStorage nests, and restores after a throw", () => {
  const storage = new StackContextStorage<number>();
  assertEquals(storage.run(1, () => storage.run(2, () => storage.get())), 2);
  assertThrows(
    () =>
      storage.run(1, () => {
        throw new RangeError("inside");
      }),
    RangeError,
    "inside",
  );
  assertEquals(storage.get(), undefined);
});

test("StackContextStorage keeps the value until the promise settles", async () => {
  const storage = new StackContextStorage<number>();
  const seen = await storage.run(5, async () => {
    await pause(1);
    return storage.get();
  });
  assertEquals(seen, 5);
  assertEquals(storage.get(), undefined);
});

test("StackContextStorage throws when asynchronous scopes end out of order, and is usable afterwards", async () => {
  const storage = new StackContextStorage<string>();
  const first = storage.run("first", () => pause(1));
  const second = storage.run("second", () => pause(10));
  await assertRejects(() => first, ScopeOrderError, "1 scope inside it still open");
  await second;
  assertEquals(storage.get(), undefined);
});

test("StackContextStorage.enter gives a function that leaves once", () => {
  const storage = new StackContextStorage<string>();
  const leave = storage.enter("a");
  const leaveInner = storage.enter("b");
  assertEquals(storage.get(), "b");
  assertThrows(leave, ScopeOrderError);
  leaveInner();
  leave();
  assertEquals(storage.get(), undefined);
});
