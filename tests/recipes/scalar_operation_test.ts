// CONTRIBUTING.md's recipe for a scalar operation, followed on a copy of the project.

import { assert, assertEquals, assertThrows } from "@std/assert";
import { test } from "../support/test.ts";
import { applyDifference, copyProject, recipe } from "./project_copy.ts";

test("the recipe for a scalar operation gives one that compiles, and passes its tests on reference and cpu", async () => {
  await using project = await copyProject();
  const changed = await project.apply(await recipe("Recipe: a scalar operation", "diff"));
  assert(changed.length >= 8, changed.join(", "));
  const form = await project.deno("fmt", "--check", ...changed);
  assertEquals(form.code, 0, form.output);
  const types = await project.deno("check", "-q", "mod.ts", "backends/cpu/mod.ts", "backends/cuda/mod.ts", ...changed);
  assertEquals(types.code, 0, types.output);
  const { code, output } = await project.deno(
    ...["test", "--no-check", "-A", "--filter", "/signedSqrt|EMITTERS/"],
    "tests/tensor/expr_ops_test.ts",
    "tests/tensor/gradcheck_test.ts",
    "tests/backends/cpu/emit_ops_test.ts",
    "tests/backends/cpu/suite_wasm_one_thread_test.ts",
    "tests/backends/reference/suite_test.ts",
  );
  assertEquals(code, 0, output);
  for (
    const name of [
      "signedSqrt has its known values",
      "gradcheck: signedSqrt, first and second order",
      "UNARY_EMITTERS has code for exactly the types",
      "signedSqrt of float32 on cpu without OpenBLAS on 1 thread is within 0.5 ulp",
      "signedSqrt of float64 on reference is within 0.5 ulp",
    ]
  ) assert(output.includes(name), `${name} did not run:\n${output}`);
});

test("the compiler names every table that lacks the new operation", async () => {
  await using project = await copyProject();
  const [first] = await recipe("Recipe: a scalar operation", "diff");
  // The name in the union alone.
  const code = first.code.split("\n").slice(0, 3).join("\n");
  await project.apply([{ ...first, code }]);
  const entries = ["mod.ts", "backends/cpu/mod.ts", "backends/cuda/mod.ts", "tests/backend_suite.ts"];
  const types = await project.deno("check", "-q", ...entries);
  assertEquals(types.code, 1);
  for (
    const place of [
      "src/tensor/expr_ops.ts",
      "src/tensor/expr_derivative.ts",
      "backends/cpu/emit_ops.ts",
      "backends/cuda/kernels/operations.ts",
      "tests/backend_suite/bounds.ts",
    ]
  ) assert(types.output.includes(place), `${place} is not named:\n${types.output}`);
});

test("applyDifference adds behind the lines it is shown, removes, and says which line is missing", () => {
  const read = () => "a\nb\na\nc\n";
  const result = applyDifference("--- f\n b\n a\n+x\n+y\n-c\n", read);
  assertEquals(result.get("f"), "a\nb\na\nx\ny\n");
  assertThrows(() => applyDifference("--- f\n z\n+x\n", read), Error, "f has no line\nz");
});
