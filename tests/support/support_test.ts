// Tests of the test harness itself: the assertions fail where they must, with messages that name the values.
// covers: tests/support/std_assert.ts, tests/support/close.ts

import { test, testRuntime } from "./test.ts";
import {
  assert,
  assertAlmostEquals,
  assertEquals,
  AssertionError,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { assertClose, largestError } from "./close.ts";

test("testRuntime names the runtime that runs the file", () => {
  const globals = globalThis as { Deno?: unknown; Bun?: unknown };
  assertEquals(testRuntime, globals.Deno ? "deno" : globals.Bun ? "bun" : "node");
});

test("@escnn/escnn and @std/assert resolve to this checkout", async () => {
  assertStrictEquals(await import("@escnn/escnn"), await import("../../mod.ts"));
  assertStrictEquals(await import("@std/assert"), await import("./std_assert.ts"));
});

test("assertEquals compares structure, NaN with NaN, and typed arrays by class", () => {
  assertEquals({ a: [1, NaN, new Map([["x", new Set([1])]])] }, { a: [1, NaN, new Map([["x", new Set([1])]])] });
  assertEquals(new Float32Array([1, NaN]), new Float32Array([1, NaN]));
  assertNotEquals<ArrayLike<number>>(new Float32Array([1]), new Float64Array([1]));
  assertNotEquals<unknown>({ a: undefined }, {});
  assertNotEquals<unknown>([1, 2], [1, 2, 3]);
  const error = assertThrows(() => assertEquals([1, 2], [1, 3]), AssertionError, "first difference at index 1");
  assertStringIncludes(error.message, "got 2, expected 3");
});

test("assertStrictEquals tells equal objects from the same object", () => {
  const a = {};
  assertStrictEquals(a, a);
  assertThrows(() => assertStrictEquals(a, {}), AssertionError, "equal but not the same");
});

test("assertAlmostEquals has a default tolerance of 1e-7 relative", () => {
  assertAlmostEquals(1e6, 1e6 + 0.05);
  assertThrows(() => assertAlmostEquals(1, 1 + 2e-7), AssertionError, "within");
  assertThrows(() => assertAlmostEquals(NaN, 1), AssertionError);
});

test("assertThrows checks class and text, and refuses a function that returns", () => {
  const error = assertThrows(
    () => {
      throw new RangeError("expected 3, got 4");
    },
    RangeError,
    "got 4",
  );
  assert(error instanceof RangeError);
  assertThrows(() => assertThrows(() => 1), AssertionError, "Expected function to throw");
  assertThrows(
    () =>
      assertThrows(() => {
        throw new Error("x");
      }, RangeError),
    AssertionError,
    "RangeError",
  );
});

test("assertRejects resolves to the reason", async () => {
  const reason = await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no");
  assertEquals(reason.message, "no");
  await assertRejects(() => assertRejects(() => Promise.resolve(1)), AssertionError, "reject");
});

test("assertClose names the largest error, its index and both values", () => {
  assertClose([1, 2], [1, 2 + 1e-9], { absolute: 1e-8 });
  assertClose([NaN, Infinity, 100], [NaN, Infinity, 100.5], { relative: 0.01 });
  const error = assertThrows(() => assertClose([1, 5, 3], [1, 2, 3.5], { absolute: 0.1 }), AssertionError);
  assertStringIncludes(error.message, "largest error 3 at index 1 of 3: got 5, expected 2");
  assertStringIncludes(error.message, "2 outside");
  assertThrows(() => assertClose([NaN], [1], { absolute: 1e9 }), AssertionError, "index 0");
  assertThrows(() => assertClose([1], [1, 2]), AssertionError, "expected 2 numbers, got 1");
  assertEquals(largestError([], []).index, -1);
});
