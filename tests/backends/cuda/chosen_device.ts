// The device of the tests that run in three places: a part of them on the emulator in the test command, all on the emulator with
// `deno task test:cuda-emulated`, and all on a real GPU with `deno task test:cuda`. ESCNN_TEST_CUDA says which.

import { whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../backends/cuda/emulator/control.ts";
import { createBackend } from "../../../backends/cuda/mod.ts";
import { loadFfi } from "../../../ffi/mod.ts";
import { runtime } from "../../../src/runtime/mod.ts";

/** How much is run, and on what. */
export type CudaTestMode = "part" | "emulated" | "gpu";

/** The device. */
export interface ChosenDevice {
  /** How much is run, and on what. */
  readonly mode: CudaTestMode;
  /** "cuda on the emulator" or "cuda", for the tests' names. */
  readonly name: string;
  /** Why nothing can be run; `undefined` when it can. */
  readonly missing: string | undefined;
  /** The emulator, when it is the device. */
  readonly emulator: Emulator | undefined;
}

function readMode(): CudaTestMode {
  const text = runtime.env("ESCNN_TEST_CUDA") || "part";
  if (text === "part" || text === "emulated" || text === "gpu") return text;
  throw new RangeError(`ESCNN_TEST_CUDA: expected part, emulated or gpu, got ${text}`);
}

/** Finds or builds the device. Where it must be there and is not, the first test fails with the reason. */
export async function chooseDevice(): Promise<ChosenDevice> {
  const mode = readMode();
  if (mode === "gpu") {
    // A missing GPU is an error here: the command was asked to show that one works.
    const backend = await createBackend();
    const device = String(backend.info().details.device);
    backend.dispose();
    if (device.startsWith("emulator")) throw new Error(`Expected a GPU, got "${device}"`);
    return { mode, name: `cuda (${device})`, missing: undefined, emulator: undefined };
  }
  const name = "cuda on the emulator";
  const missing = await whyNoEmulator() ?? whyNoCalls();
  if (missing !== undefined) return { mode, name, missing, emulator: undefined };
  return { mode, name, missing, emulator: await Emulator.start() };
}

/** Node calls native code through a package that need not be there. */
function whyNoCalls(): string | undefined {
  try {
    loadFfi();
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
