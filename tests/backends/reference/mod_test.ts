// The reference backend as a whole: reading, writing, copying, its memory report and its end.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { createBackend } from "../../../backends/reference/mod.ts";
import { DisposedError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";
import { viewOf } from "./views.ts";

test("dispose frees everything and refuses all work with DisposedError", async () => {
  const backend = await createBackend({});
  const view = viewOf(backend, "float32", [1], [1]);
  backend.dispose();
  assertEquals(backend.memory().liveBytes, 0);
  assertThrows(() => backend.allocate(4), DisposedError, "the reference backend after its disposal");
  assertThrows(() => backend.readSync(view), DisposedError, 'useBackend("reference")');
});

test("info describes the backend", async () => {
  const backend = await createBackend({});
  assertEquals(backend.info().name, "reference");
  assertEquals(backend.name, "reference");
  assert(backend.canReadSync);
  await backend.synchronize();
});
