// The suite of all backends on the cuda backend: the emulator (a part of the cases in the test command), or a GPU.

import { createBackend } from "../../../backends/cuda/mod.ts";
import { assertEquals } from "@std/assert";
import { runBackendSuite, SUITE_PRIMITIVES } from "../../backend_suite.ts";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { mode, name, missing, emulator } = await chooseDevice();

if (missing !== undefined) {
  for (const primitive of SUITE_PRIMITIVES) test.skip(`${primitive} on ${name} agrees with the reference`, missing);
} else {
  runBackendSuite({
    name,
    create: () => createBackend(),
    cases: { part: 400, emulated: 4000, gpu: 20_000 }[mode],
    seed: 11,
  });
  if (emulator !== undefined) {
    test("The suite leaves nothing on the emulator", () => assertEquals(emulator.leaks(), {}));
  }
}
