// Tests of native calls inside a worker: the worker's functions give the same values as those of the main thread, on
// the same memory.

import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  cLibraryCandidates,
  loadFfi,
  openLibrary,
  type SymbolTable,
  WORKER_FFI_SOURCE,
  workerLibrary,
} from "../../ffi/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { test } from "../support/test.ts";

const symbols = {
  abs: { parameters: ["i32"], result: "i32" },
  llabs: { parameters: ["i64"], result: "i64" },
  atof: { parameters: ["buffer"], result: "f64" },
  memchr: { parameters: ["pointer", "i32", "usize"], result: "pointer" },
  memset: { parameters: ["pointer", "i32", "usize"], result: "pointer" },
  escnn_no_such_function: { parameters: [], result: "void", optional: true },
} as const satisfies SymbolTable;

function open() {
  return openLibrary({ name: "the C library", candidates: cLibraryCandidates(), symbols, install: "it is there" });
}

async function runWorker(body: string, data: unknown): Promise<unknown> {
  const keep = setInterval(() => {}, 1000);
  try {
    return await new Promise((resolve, reject) => {
      runtime.spawnWorker(`${WORKER_FFI_SOURCE}\n${body}`, { data, onMessage: resolve, onError: reject });
    });
  } finally {
    clearInterval(keep);
  }
}

test("openNative in a worker calls the library on the memory of the main thread", async () => {
  using library = open();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const base = loadFfi().addressOf(memory.buffer);
  new Uint8Array(memory.buffer)[300] = 9;
  const result = await runWorker(
    `const native = openNative(data.library);
     native.memset(data.base + 512, 77, 16);
     port.post([
       native.abs(-3), native.llabs(-(2 ** 53) + 1), native.atof(new TextEncoder().encode("0.1\\0")),
       native.memchr(data.base, 9, 1000) - data.base, native.memchr(data.base, 10, 1000),
       typeof native.escnn_no_such_function,
     ]);`,
    { library: workerLibrary(loadFfi(), library.path, symbols), base, memory },
  );
  assertEquals(result, [3, 2 ** 53 - 1, 0.1, 300, 0, "undefined"]);
  const bytes = new Uint8Array(memory.buffer);
  assertEquals([bytes[511], bytes[512], bytes[527], bytes[528]], [0, 77, 77, 0]);
});

test("openNative in a worker throws for a missing library and a missing symbol", async () => {
  using library = open();
  const adapter = loadFfi();
  const needed = { escnn_needed: { parameters: [], result: "void" } } as const satisfies SymbolTable;
  const body = `try { openNative(data); port.post("opened"); } catch (error) { port.post(String(error)); }`;
  assertStringIncludes(
    String(await runWorker(body, workerLibrary(adapter, library.path, needed))),
    `${library.path} lacks "escnn_needed"`,
  );
  const absent = String(await runWorker(body, workerLibrary(adapter, "/nowhere/lib.so", symbols)));
  assertEquals(absent.startsWith("Error"), true, absent);
});
