// The README's program in each runtime and on each backend: the same seed gives the same features everywhere, and without
// permissions it runs on WebAssembly alone and says so. The test command runs this file in Deno, in Bun and in Node.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { findOpenblas } from "../../backends/cpu/openblas.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { execute, type Execution } from "../support/process.ts";
import { test, testRuntime } from "../support/test.ts";

/** What seed 0 gives, the same in every runtime; from the reference backend, whose sums run in float64. */
const EXPECTED = { shape: [16, 80, 28, 28], sum: 325272.0625, norm: 579.7896118164062 };

const hasBlas = findOpenblas("auto", 1).opened !== undefined;

/** Variables that a developer may have set. */
const UNSET = { ESCNN_BACKEND: undefined, ESCNN_OPENBLAS: undefined, ESCNN_THREADS: undefined };

const ALL = testRuntime === "deno" ? ["-A"] : [];

interface Output {
  shape: number[];
  sum: number;
  norm: number;
  backend: string;
}

/** Asserts that the last line of stdout holds the expected numbers on the backend. */
function assertOutput({ code, stdout, stderr }: Execution, backend: string): void {
  assertEquals(code, 0, stderr);
  const line = stdout.trimEnd().split("\n").at(-1) ?? "";
  const output = JSON.parse(line) as Output;
  assertEquals(Object.keys(output), ["shape", "sum", "norm", "backend"]);
  assertEquals(output.backend, backend);
  assertEquals(output.shape, EXPECTED.shape);
  for (const key of ["sum", "norm"] as const) {
    const error = Math.abs(output[key] / EXPECTED[key] - 1);
    assert(error <= 1e-5, `${key}: expected ${EXPECTED[key]}, got ${output[key]}, relative error ${error}`);
  }
}

test(`snippet tests run in the runtime they name: ${testRuntime}`, () => assertEquals(runtime.name, testRuntime));

test(`snippet in ${testRuntime} gives the expected features within 1e-5 on the reference backend`, async () => {
  const run = await execute("examples/snippet.ts", [], {
    flags: ALL,
    env: { ...UNSET, ESCNN_BACKEND: "reference" },
    limit: 120,
  });
  assertOutput(run, "reference");
  assertStringIncludes(run.stderr, "reference: plain TypeScript");
});

test.runIf(
  hasBlas,
  `snippet in ${testRuntime} gives the expected features within 1e-5 on the cpu with OpenBLAS`,
  "OpenBLAS cannot be used here",
  async () => {
    const run = await execute("examples/snippet.ts", [], { flags: ALL, env: UNSET });
    assertOutput(run, "cpu");
    assert(/OpenBLAS \d/.test(run.stderr), run.stderr);
  },
);

for (const threads of runtime.cores() > 1 ? ["1", "2"] : ["1"]) {
  test(`snippet in ${testRuntime} gives the expected features within 1e-5 on the cpu without OpenBLAS, threads: ${threads}`, async () => {
    const run = await execute("examples/snippet.ts", [], {
      flags: ALL,
      env: { ...UNSET, ESCNN_OPENBLAS: "off", ESCNN_THREADS: threads },
    });
    assertOutput(run, "cpu");
    assertStringIncludes(run.stderr, "OpenBLAS switched off by ESCNN_OPENBLAS=off");
  });
}

test.runIf(
  testRuntime === "deno",
  "snippet in Deno without permissions runs on the cpu without OpenBLAS, says which flag helps, and asks nothing",
  "permissions are Deno's",
  async () => {
    const run = await execute("examples/snippet.ts", [], { env: UNSET });
    assertOutput(run, "cpu");
    assertEquals(run.stderr.trim().split("\n").length, 1, run.stderr);
    assertStringIncludes(run.stderr, "OpenBLAS not used: run with --allow-ffi");
    assert(!/Deno requests|Allow\?/.test(run.stdout + run.stderr), run.stderr);
  },
);
