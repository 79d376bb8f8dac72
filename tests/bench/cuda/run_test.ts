// The task bench:cuda as a program, on the emulator: it names the device that ran, measures networks, and ends with a line of ratios. Its
// figures mean something on a GPU only.

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { buildEmulator, whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { emulatorEnvironment } from "../../../backends/cuda/emulator/control.ts";
import { execute } from "../../support/process.ts";
import { test } from "../../support/test.ts";

const missing = await whyNoEmulator();

test.runIf(
  missing === undefined,
  "bench:cuda names the emulator as its device, measures, and prints ratios as its last line",
  missing ?? "",
  async () => {
    const args = ["--seconds", "0.001", "--no-peers", "readme-conv/inference", "point/recorded-step"];
    const env = emulatorEnvironment(await buildEmulator());
    const { code, stdout, stderr } = await execute("bench/cuda/run.ts", args, { flags: ["-A"], env, limit: 300 });
    assertEquals(code, 0, stderr);
    const lines = stdout.trim().split("\n");
    assertStringIncludes(lines[0], "emulator (host memory)");
    for (const name of args.slice(3)) {
      assert(lines.some((line) => line.startsWith(`${name}: `) && /: [\d.e+]+ ms$/.test(line)), stdout);
    }
    assertMatch(lines.at(-1)!, /^\{.*\}$/);
  },
);

test.runIf(
  missing === undefined,
  "bench:cuda without a driver says what was looked for",
  missing ?? "",
  async () => {
    const env = { ESCNN_CUDA_DRIVER: "/absent/libcuda.so.1" };
    const { code, stderr } = await execute("bench/cuda/run.ts", ["nothing"], { flags: ["-A"], env });
    assertEquals(code, 1);
    assertStringIncludes(stderr, "/absent/libcuda.so.1");
  },
);
