// covers: backends/cpu/features.ts

import { assertEquals } from "@std/assert";
import { test, testRuntime } from "../../support/test.ts";
import { detectFeatures, PROBES } from "../../../backends/cpu/features.ts";
import { ModuleBuilder } from "../../../backends/cpu/wasm/assembler.ts";

test("detectFeatures finds SIMD and threads in every supported runtime, relaxed SIMD in Deno and Bun", () => {
  const features = detectFeatures();
  assertEquals(features.simd, true);
  assertEquals(features.threads, true);
  if (testRuntime !== "node") assertEquals(features.relaxedSimd, true);
});

test("the modules that features are probed with are those of ModuleBuilder", () => {
  const hex = (build: (module: ModuleBuilder) => void, shared = false): string => {
    const module = new ModuleBuilder({ shared });
    build(module);
    return Array.from(module.toBytes(), (byte) => byte.toString(16).padStart(2, "0")).join("");
  };
  assertEquals(
    PROBES.simd,
    hex((module) => {
      module.function(["v128"], ["v128"]).i32(1).op("i32x4.splat");
    }),
  );
  assertEquals(
    PROBES.relaxedSimd,
    hex((module) => {
      const f = module.function(["v128"], ["v128"]);
      f.get(f.params[0]).get(f.params[0]).get(f.params[0]).op("f32x4.relaxed_madd");
    }),
  );
  assertEquals(PROBES.sharedMemory, hex(() => {}, true));
});
