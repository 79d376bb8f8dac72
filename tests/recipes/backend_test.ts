// CONTRIBUTING.md's recipe for a backend from outside: it is registered, runs a network, and passes the suite of all backends.

import { assert, assertEquals, assertInstanceOf, assertStringIncludes } from "@std/assert";
import {
  backendInfo,
  checkEquivariance,
  disposeBackend,
  FieldType,
  gspaces,
  R2Conv,
  registerBackend,
  scope,
  seed,
  useBackend,
} from "@escnn/escnn";
import { runBackendSuite } from "../backend_suite.ts";
import { test } from "../support/test.ts";
import { createProfilingBackend, ProfilingBackend } from "./profiling_backend.ts";
import { recipe } from "./project_copy.ts";

test("CONTRIBUTING.md shows the backend that is tested here", async () => {
  const blocks = await recipe("Recipe: a backend", "ts");
  const shown = blocks.find(({ info }) => info === "ts tests/recipes/profiling_backend.ts");
  assertEquals(shown?.code, await Deno.readTextFile("tests/recipes/profiling_backend.ts"));
  const own = await Deno.readTextFile("tests/recipes/backend_test.ts");
  for (const { info, code } of blocks) {
    if (info !== "ts") continue;
    for (const line of code.trimEnd().split("\n")) assertStringIncludes(own, line);
  }
});

test("registerBackend makes a backend from outside run a network", async () => {
  registerBackend("profiling", createProfilingBackend);
  const backend = await useBackend("profiling");
  assertInstanceOf(backend, ProfilingBackend);
  assertStringIncludes(backendInfo(), "profiling: measures reference: plain TypeScript");
  await scope(async () => {
    seed(0);
    const space = gspaces.rot2dOnR2(4);
    const type = new FieldType(space, space.regularRepr);
    const convolution = new R2Conv(type, type, 3);
    const report = await checkEquivariance(convolution, { size: 7 });
    assert(report.passed);
  });
  const { calls, milliseconds } = backend.profile.get("convolution") ?? { calls: 0, milliseconds: 0 };
  // Each of the group's four elements is compared with the unmoved input.
  assert(calls >= 4 && milliseconds > 0, `${calls} calls`);
  disposeBackend("profiling");
});

runBackendSuite({ name: "profiling", create: () => createProfilingBackend({}), cases: 300 });
