// The named errors and how their facts become a message.

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  ArgumentError,
  BackendError,
  BackendMismatchError,
  describeError,
  DisposedError,
  DTypeError,
  GradientError,
  OutOfMemoryError,
  ScopeError,
  ShapeError,
} from "../../src/tensor/errors.ts";
import { test } from "../support/test.ts";

test("describeError says what was expected, what came and what to do, and ends every sentence once", () => {
  assertEquals(describeError({ op: "add", expected: "a", actual: "b" }), "add: expected a, got b.");
  assertEquals(describeError({ op: "add", expected: "a", actual: "b", hint: "Do c" }), "add: expected a, got b. Do c.");
  assertEquals(
    describeError({ op: "add", expected: "a", actual: "b", hint: "Do c!" }),
    "add: expected a, got b. Do c!",
  );
});

test("describeError does not double the period of a quoted cause", () => {
  assertEquals(
    describeError({ op: "start", expected: "a backend", actual: "cpu: no memory." }),
    "start: expected a backend, got cpu: no memory.",
  );
});

test("every error has its name, its facts and the base class of its kind", () => {
  const details = { op: "op", expected: "this", actual: "that", hint: "Try" };
  const kinds = [
    [ShapeError, RangeError],
    [ArgumentError, RangeError],
    [OutOfMemoryError, RangeError],
    [DTypeError, TypeError],
    [BackendMismatchError, TypeError],
    [BackendError, Error],
    [DisposedError, Error],
    [GradientError, Error],
    [ScopeError, Error],
  ] as const;
  for (const [Kind, Base] of kinds) {
    const error = new Kind(details);
    assertInstanceOf(error, Base);
    assertEquals(error.name, Kind.name);
    assertEquals(error.message, "op: expected this, got that. Try.");
    assertEquals(error.details, details);
    assert(String(error.stack).includes(Kind.name));
  }
});

test("BackendError carries its cause", () => {
  const cause = new Error("no such file");
  const error = new BackendError({ op: "useBackend", expected: "a library", actual: "none" }, { cause });
  assertEquals(error.cause, cause);
});
