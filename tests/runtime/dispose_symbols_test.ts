// The symbols of explicit resource management: left alone where they exist, defined where they do not.

import { assertEquals } from "@std/assert";
import { defineDisposeSymbols } from "../../src/runtime/dispose_symbols.ts";
import { test } from "../support/test.ts";

test("defineDisposeSymbols defines what is missing under the registry's names", () => {
  const target: { dispose?: symbol; asyncDispose?: symbol } = {};
  defineDisposeSymbols(target);
  assertEquals(target.dispose, Symbol.for("Symbol.dispose"));
  assertEquals(target.asyncDispose, Symbol.for("Symbol.asyncDispose"));
});

test("defineDisposeSymbols leaves an engine's own symbols as they are", () => {
  const own = Symbol("own");
  const target = { dispose: own };
  defineDisposeSymbols(target);
  assertEquals(target.dispose, own);
  const before = Symbol.dispose;
  defineDisposeSymbols();
  assertEquals(Symbol.dispose, before);
});
