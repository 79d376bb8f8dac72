// covers: backends/cpu/features.ts

import { assertEquals } from "@std/assert";
import { test, testRuntime } from "../../support/test.ts";
import { detectFeatures } from "../../../backends/cpu/features.ts";

test("detectFeatures finds SIMD and threads in every supported runtime, relaxed SIMD in Deno and Bun", () => {
  const features = detectFeatures();
  assertEquals(features.simd, true);
  assertEquals(features.threads, true);
  if (testRuntime !== "node") assertEquals(features.relaxedSimd, true);
});
