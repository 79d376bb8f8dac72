// The registry: names, options, failures and what backendInfo says about them.

import { assertEquals, assertRejects, assertStrictEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { createBackend } from "../../backends/reference/mod.ts";
import { tensor } from "../../src/tensor/creation.ts";
import { ArgumentError, BackendError } from "../../src/tensor/errors.ts";
import {
  backendInfo,
  currentBackend,
  disposeBackend,
  registerBackend,
  runningBackends,
  useBackend,
} from "../../src/tensor/registry.ts";

let starts = 0;
registerBackend("counted", (options) => {
  starts++;
  return createBackend(options);
});
registerBackend("broken", () => {
  throw new BackendError({
    op: "useBackend",
    expected: "libbroken.so",
    actual: "none in /usr/lib",
    hint: "apt install broken",
  });
});

test("currentBackend refuses before the first useBackend and says what to call", () => {
  assertThrows(() => currentBackend(), BackendError, 'await useBackend("auto")');
  assertThrows(() => tensor([1]), BackendError, "a backend in use");
  assertStringIncludes(backendInfo(), "no backend in use");
});

test("useBackend starts a backend once for the same options, also when asked twice at a time", async () => {
  const [first, second] = await Promise.all([useBackend("counted"), useBackend("counted")]);
  assertStrictEquals(first, second);
  assertStrictEquals(await useBackend("counted"), first);
  assertEquals(starts, 1);
  assertStrictEquals(currentBackend(), first);
  await useBackend("counted", { threads: 1 });
  assertEquals(starts, 2);
});

test("useBackend names the known backends when asked for another one", async () => {
  await assertRejects(() => useBackend("gpu9000"), ArgumentError, "one of auto, reference, cpu");
});

test("a backend that cannot start leaves the current one and is explained by backendInfo", async () => {
  const before = await useBackend("reference");
  await assertRejects(() => useBackend("broken"), BackendError, "apt install broken");
  assertStrictEquals(currentBackend(), before);
  const info = backendInfo().split("\n");
  assertStringIncludes(info[0], "reference");
  assertStringIncludes(backendInfo(), "broken: not available: useBackend: expected libbroken.so");
});

test("registerBackend refuses names that are taken", () => {
  assertThrows(() => registerBackend("cpu", createBackend), ArgumentError, "a name that is not taken");
  assertThrows(() => registerBackend("auto", createBackend), ArgumentError);
});

test("useBackend auto tries preferred backends first and takes the next one when they fail", async () => {
  registerBackend("preferred", createBackend, { preferred: true });
  registerBackend("failing", () => Promise.reject(new Error("no device")), { preferred: true });
  await useBackend("auto");
  assertStringIncludes(backendInfo(), "failing: not available: no device");
  assertEquals([...runningBackends().values()].includes(currentBackend()), true);
});

test("disposeBackend ends the current one", async () => {
  await useBackend("counted", { threads: 1 });
  disposeBackend();
  assertThrows(() => currentBackend(), BackendError);
  disposeBackend("counted");
  await useBackend("reference");
});
