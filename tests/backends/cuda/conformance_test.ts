// The oracle's fixtures on the cuda backend, in float64: layers, modules, transforms and whole networks agree with escnn as they do on the
// reference backend. What needs no backend (groups, bases) is left to the conformance task.

import { assertEquals } from "@std/assert";
import { overrideEnvironment } from "../../../backends/cuda/emulator/control.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { disposeBackend, runningBackends } from "../../../src/tensor/mod.ts";
import { FIXTURE_FILES, readCases, runCases } from "../../conformance/run.ts";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { name, missing, emulator } = await chooseDevice();
const folder = runtime.env("ESCNN_FIXTURES") ||
  decodeURIComponent(new URL("../../fixtures/", import.meta.url).pathname);

for (const file of ["layers", "modules", "transforms", "networks"] as const) {
  test.runIf(missing === undefined, `All cases of ${file} agree with escnn on ${name}`, missing ?? "", async () => {
    overrideEnvironment({ ESCNN_CONFORMANCE_BACKEND: "cuda" });
    const cases = await readCases(await runtime.readFile(`${folder}/${file}.json.gz`));
    const { kinds, failures } = await runCases(cases, FIXTURE_FILES[file]);
    assertEquals(failures, []);
    let passed = 0;
    for (const [kind, count] of kinds) {
      assertEquals([...count.skipped], [], kind);
      passed += count.passed;
    }
    assertEquals(passed, cases.length);
  });
}

test.runIf(
  emulator !== undefined,
  "The conformance ran on the cuda backend, which leaves nothing on the emulator",
  missing ?? "on a GPU",
  () => {
    assertEquals([...runningBackends().keys()].includes("cuda"), true);
    assertEquals(emulator!.calls("cuLaunchKernel") > 100, true);
    disposeBackend("cuda");
    assertEquals(emulator!.leaks(), {});
  },
);
