/**
 * What this WebAssembly engine can do, found by validating tiny modules: SIMD (required), relaxed SIMD (fused
 * multiply-add where the machine has it), shared memory. DESIGN §12 lists the engines measured.
 */

import { BackendError } from "../../src/tensor/errors.ts";
import type { CpuFeatures } from "./context.ts";
import { ModuleBuilder } from "./wasm/assembler.ts";

function validates(build: (module: ModuleBuilder) => void, shared = false): boolean {
  const module = new ModuleBuilder({ shared });
  build(module);
  return WebAssembly.validate(module.toBytes());
}

/** Probes the engine. Throws `BackendError` where there is no WebAssembly or no SIMD. */
export function detectFeatures(): CpuFeatures {
  if (typeof WebAssembly === "undefined") {
    throw new BackendError({
      op: "cpu backend",
      expected: "a runtime with WebAssembly",
      actual: "none",
      hint: 'Use the backend "reference", or a runtime with WebAssembly (Deno, Bun, Node 20 or a current browser)',
    });
  }
  const simd = validates((module) => {
    module.function(["v128"], ["v128"]).i32(1).op("i32x4.splat");
  });
  if (!simd) {
    throw new BackendError({
      op: "cpu backend",
      expected: "a WebAssembly engine with 128-bit SIMD",
      actual: "one without",
      hint: 'Use the backend "reference", or a newer runtime',
    });
  }
  const relaxedSimd = validates((module) => {
    const f = module.function(["v128"], ["v128"]);
    f.get(f.params[0]).get(f.params[0]).get(f.params[0]).op("f32x4.relaxed_madd");
  });
  return { simd: true, relaxedSimd, threads: canShareMemory() };
}

/** A page without cross-origin isolation has no `SharedArrayBuffer`, whatever its engine knows. */
function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  if (!validates(() => {}, true)) return false;
  try {
    return new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}
