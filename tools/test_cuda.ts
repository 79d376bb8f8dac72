// The tasks `test:cuda-emulated` and `test:cuda`: all tests of the cuda backend, in Deno and in Bun, on the emulator or on a GPU. On the
// emulator nothing needs a GPU, only a C++ compiler; on a GPU its drivers and libraries must be found. Ends like the task `test`.

import { buildEmulator, emulatorFolder, whyNoEmulator } from "../backends/cuda/emulator/build.ts";
import { installedPrograms, runProgram } from "./process.ts";
import { printSummary, runStage, type Stage, type StageResult, testFiles } from "./test.ts";
import { requireSupportedDeno } from "./versions.ts";

/** What runs on either device. */
const ON_DEVICE = ["suite", "conformance", "training", "demo_training", "record_step", "record_points", "index_faults"]
  .map((name) => `tests/backends/cuda/${name}_test.ts`);

async function stages(mode: "emulated" | "gpu"): Promise<Stage[]> {
  const { bun } = await installedPrograms();
  const env = (runtime: string) => ({ ESCNN_TEST_CUDA: mode, ESCNN_TEST_RUNTIME: runtime, NO_COLOR: "1" });
  const inDeno = mode === "gpu"
    ? [...ON_DEVICE, "tests/backends/cuda/real_libraries_test.ts"]
    : testFiles(["tests/backends/cuda"]);
  // What NVIDIA's compiler says does not depend on the runtime, and takes long.
  const inBun = mode === "gpu" ? ON_DEVICE : inDeno.filter((file) => !file.endsWith("real_libraries_test.ts"));
  // One GPU: what runs beside each other takes its memory and its time.
  const parallel = mode === "gpu" ? [] : ["--parallel"];
  return [
    {
      name: "Deno",
      run: (report) =>
        runProgram(
          Deno.execPath(),
          ["test", "--no-check", "-A", ...parallel, `--junit-path=${report}`, ...inDeno],
          { env: env("deno") },
        ),
    },
    {
      name: "Bun",
      run: (report) =>
        runProgram(
          bun,
          ["test", "--reporter=junit", `--reporter-outfile=${report}`, ...inBun.map((file) => `./${file}`)],
          { env: env("bun") },
        ),
    },
  ];
}

if (import.meta.main) {
  requireSupportedDeno();
  const [mode] = Deno.args;
  if (mode !== "emulated" && mode !== "gpu") {
    console.error("usage: deno task test:cuda-emulated, deno task test:cuda");
    Deno.exit(2);
  }
  if (mode === "emulated") {
    const missing = await whyNoEmulator();
    if (missing !== undefined) {
      console.error(`The emulator cannot be built: ${missing}. Install a C++ compiler: apt-get install g++`);
      Deno.exit(2);
    }
    await buildEmulator();
    console.log(`The emulator and its compiled kernels are kept in ${emulatorFolder()}`);
  }
  const results: StageResult[] = [];
  for (const stage of await stages(mode)) results.push(await runStage(stage, false));
  Deno.exit(printSummary(results) ? 0 : 1);
}
