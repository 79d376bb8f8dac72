/**
 * What this WebAssembly engine can do, found by validating tiny modules: SIMD (required), relaxed SIMD (fused
 * multiply-add where the machine has it), shared memory. DESIGN §12 lists the engines measured.
 */

import { runtime } from "../../src/runtime/mod.ts";
import { BackendError } from "../../src/tensor/errors.ts";
import type { CpuFeatures } from "./context.ts";

/** Modules that the engine is asked about, as `ModuleBuilder` writes them: a start does not wait for it. */
export const PROBES = {
  /** `i32x4.splat`. */
  simd: "0061736d0100000001060160017b017b020f0103656e76066d656d6f7279020001030201000701000a080106004101fd110b",
  /** `f32x4.relaxed_madd`. */
  relaxedSimd:
    "0061736d0100000001060160017b017b020f0103656e76066d656d6f7279020001030201000701000a0d010b00200020002000fd85020b",
  /** A shared memory. */
  sharedMemory: "0061736d0100000001010002120103656e76066d656d6f72790203018080040301000701000a0100",
} as const;

function bytesOf(probe: keyof typeof PROBES): Uint8Array<ArrayBuffer> {
  const digits = PROBES[probe], module = new Uint8Array(digits.length / 2);
  for (let i = 0; i < module.length; i++) module[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return module;
}

function validates(probe: keyof typeof PROBES): boolean {
  return WebAssembly.validate(bytesOf(probe));
}

/** A page's policy may forbid compiling what the engine finds valid: said at the start, not by the first operation. */
function requireCompilation(): void {
  try {
    new WebAssembly.Module(bytesOf("simd"));
  } catch (cause) {
    throw new BackendError({
      op: "cpu backend",
      expected: "a page that may compile WebAssembly",
      actual: cause instanceof Error ? cause.message : String(cause),
      hint: "Add 'wasm-unsafe-eval' to script-src in the page's Content-Security-Policy",
    }, { cause });
  }
}

/** Probes the engine. Throws `BackendError` where there is no WebAssembly or no SIMD, or a page forbids it. */
export function detectFeatures(): CpuFeatures {
  if (typeof WebAssembly === "undefined") {
    throw new BackendError({
      op: "cpu backend",
      expected: "a runtime with WebAssembly",
      actual: "none",
      hint: 'Use the backend "reference", or a runtime with WebAssembly (Deno, Bun, Node 20 or a current browser)',
    });
  }
  const simd = validates("simd");
  if (!simd) {
    throw new BackendError({
      op: "cpu backend",
      expected: "a WebAssembly engine with 128-bit SIMD",
      actual: "one without",
      hint: 'Use the backend "reference", or a newer runtime',
    });
  }
  if (runtime.name === "browser") requireCompilation();
  const relaxedSimd = validates("relaxedSimd");
  return { simd: true, relaxedSimd, threads: canShareMemory() };
}

/** A page without cross-origin isolation has no `SharedArrayBuffer`, whatever its engine knows. */
function canShareMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  if (!validates("sharedMemory")) return false;
  try {
    return new WebAssembly.Memory({ initial: 0, maximum: 1, shared: true }).buffer instanceof SharedArrayBuffer;
  } catch {
    return false;
  }
}
