// What only a browser can forbid: the library is loaded with `process` and `Deno` hidden.
// covers: backends/cpu/features.ts

import { assertEquals, assertThrows } from "@std/assert";
import { test } from "../../support/test.ts";

const NAMES = ["process", "Deno"] as const;
const hidden = NAMES.map((name) => Object.getOwnPropertyDescriptor(globalThis, name)!);
for (const name of NAMES) {
  Object.defineProperty(globalThis, name, { value: undefined, configurable: true, writable: true });
}
const { detectFeatures } = await import("../../../backends/cpu/features.ts");
const { BackendError } = await import("../../../src/tensor/errors.ts");
NAMES.forEach((name, i) => Object.defineProperty(globalThis, name, hidden[i]));

test("detectFeatures in a page whose policy forbids WebAssembly says what to add to it", () => {
  assertEquals(detectFeatures().simd, true);
  const { Module } = WebAssembly;
  const refuse = function (): void {
    throw new WebAssembly.CompileError("blocked by CSP");
  };
  Object.defineProperty(WebAssembly, "Module", { value: refuse, configurable: true, writable: true });
  try {
    assertThrows(
      () => detectFeatures(),
      BackendError,
      "got blocked by CSP. Add 'wasm-unsafe-eval' to script-src in the page's Content-Security-Policy",
    );
  } finally {
    Object.defineProperty(WebAssembly, "Module", { value: Module, configurable: true, writable: true });
  }
});
