// The cuda backend on the emulator in each runtime: a few cases of every primitive of the backend suite. Node calls native code through a
// package that need not be installed; then the tests are skipped there, by name.

import { createBackend } from "../../backends/cuda/mod.ts";
import { runBackendSuite, SUITE_PRIMITIVES } from "../backend_suite.ts";
import { chooseDevice } from "../backends/cuda/chosen_device.ts";
import { test, testRuntime } from "../support/test.ts";

const { missing } = await chooseDevice();
const name = `cuda on the emulator in ${testRuntime}`;

if (missing !== undefined) {
  for (const primitive of SUITE_PRIMITIVES) test.skip(`${primitive} on ${name} agrees with the reference`, missing);
} else {
  runBackendSuite({ name, create: () => createBackend(), cases: 100, seed: 12, accuracy: false });
}
