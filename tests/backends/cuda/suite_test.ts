// The suite of all backends on the cuda backend: the emulator (a part of the cases in the test command), or a GPU.

import { createBackend } from "../../../backends/cuda/mod.ts";
import { assertEquals } from "@std/assert";
import { runBackendSuite } from "../../backend_suite.ts";
import { test } from "../../support/test.ts";
import { chooseDevice } from "./chosen_device.ts";

const { mode, name, missing, emulator } = await chooseDevice();

runBackendSuite({
  name,
  create: () => createBackend(),
  missing,
  cases: { part: 400, emulated: 4000, gpu: 20_000 }[mode],
  seed: 11,
});
if (missing === undefined && emulator !== undefined) {
  test("The suite leaves nothing on the emulator", () => assertEquals(emulator.leaks(), {}));
}
