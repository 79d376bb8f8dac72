// The cuda backend on the emulator in each runtime: a few cases of every primitive of the backend suite. Node calls native code through a
// package that need not be installed; then the tests are skipped there, by name.

import { createBackend } from "../../backends/cuda/mod.ts";
import { runBackendSuite } from "../backend_suite.ts";
import { chooseDevice } from "../backends/cuda/chosen_device.ts";
import { testRuntime } from "../support/test.ts";

const { missing } = await chooseDevice();
const name = `cuda on the emulator in ${testRuntime}`;

runBackendSuite({ name, create: () => createBackend(), missing, cases: 100, seed: 12, accuracy: false });
