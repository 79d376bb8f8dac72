// Tests of native calls against the C library, in Deno, Bun and Node.
// covers: ffi/mod.ts, ffi/load.ts, ffi/library.ts, ffi/types.ts, ffi/errors.ts, ffi/deno.ts, ffi/bun.ts, ffi/node.ts, ffi/node_builtin.ts

import {
  assert,
  assertEquals,
  assertGreater,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  cLibraryCandidates,
  FfiUnavailableError,
  LibraryClosedError,
  LibraryNotFoundError,
  loadFfi,
  MissingSymbolError,
  openLibrary,
  platformName,
  type SymbolTable,
} from "../../ffi/mod.ts";
import { execute } from "../support/process.ts";
import { test, testRuntime } from "../support/test.ts";

const symbols = {
  abs: { parameters: ["i32"], result: "i32" }, // int abs(int j)
  llabs: { parameters: ["i64"], result: "i64" }, // long long llabs(long long j)
  strlen: { parameters: ["buffer"], result: "usize" }, // size_t strlen(const char *s)
  memchr: { parameters: ["pointer", "i32", "usize"], result: "pointer" }, // void *memchr(const void *, int, size_t)
  memcpy: { parameters: ["pointer", "buffer", "usize"], result: "pointer" }, // void *memcpy(void *, const void *, size_t)
  atof: { parameters: ["buffer"], result: "f64" }, // double atof(const char *nptr)
  strtof: { parameters: ["buffer", "pointer"], result: "f32" }, // float strtof(const char *nptr, char **endptr)
  strtoul: { parameters: ["buffer", "pointer", "i32"], result: "u64" }, // unsigned long strtoul(const char *, char **, int)
  ntohl: { parameters: ["u32"], result: "u32" }, // uint32_t ntohl(uint32_t netlong)
  srand: { parameters: ["u32"], result: "void" }, // void srand(unsigned seed)
  escnn_no_such_function: { parameters: [], result: "void", optional: true },
} as const satisfies SymbolTable;

const open = () =>
  openLibrary({
    name: "the C library",
    candidates: cLibraryCandidates(),
    symbols,
    install: "it is part of the system",
  });

const zeroTerminated = (text: string) => new TextEncoder().encode(`${text}\0`);

test("loadFfi gives the adapter of the runtime, the same one each time", () => {
  const adapter = loadFfi();
  assertEquals(adapter.runtime, testRuntime);
  assertStrictEquals(loadFfi(), adapter);
  assertMatch(adapter.description, { deno: /Deno\.dlopen/, bun: /bun:ffi/, node: /^(koffi \d|node:ffi)/ }[testRuntime]);
  assertMatch(platformName(), /^\w+-\w+$/);
});

test("openLibrary gives typed functions for every type of argument and result", () => {
  using library = open();
  const { abs, llabs, strlen, atof, strtof, strtoul, ntohl, srand } = library.symbols;
  assertEquals(abs(-7), 7);
  assertEquals(abs(-2147483647), 2147483647);
  assertEquals(llabs(-7), 7);
  assertEquals(llabs(-(2 ** 53) + 1), 2 ** 53 - 1);
  assertEquals(strlen(zeroTerminated("seventeen letters")), 17);
  assertEquals(atof(zeroTerminated("0.1")), 0.1);
  assertEquals(strtof(zeroTerminated("0.1"), 0), Math.fround(0.1));
  assertEquals(strtoul(zeroTerminated("18446744073709551615"), 0, 10), 2 ** 64);
  assertEquals(strtoul(zeroTerminated("9007199254740991"), 0, 10), 2 ** 53 - 1);
  assertEquals(ntohl(0x01020380), 0x80030201);
  assertEquals(srand(4294967295), undefined);
  assertEquals(library.symbols.escnn_no_such_function, undefined);
});

test("openLibrary gives functions whose results stay the same over 50,000 calls", () => {
  using library = open();
  const { llabs } = library.symbols;
  let sum = 0;
  for (let i = 0; i < 50_000; i++) sum += llabs(-i);
  assertEquals(sum, 50_000 * 49_999 / 2);
});

test("addressOf, viewBytes and readCString see a WebAssembly memory, unshared and shared", () => {
  using library = open();
  const adapter = loadFfi();
  const { memchr, memcpy } = library.symbols;
  for (const shared of [false, true]) {
    const memory = new WebAssembly.Memory({ initial: 2, maximum: 65536, shared });
    const bytes = new Uint8Array(memory.buffer);
    const base = adapter.addressOf(memory.buffer);
    assertGreater(base, 0);
    assert(Number.isSafeInteger(base));
    bytes[1000] = 200;
    assertEquals(memchr(base, 200, 2000) - base, 1000);
    assertEquals(memchr(base, 201, 2000), 0);
    assertEquals(memcpy(base + 64, zeroTerminated("größer"), 9), base + 64);
    assertEquals(bytes[64], "g".charCodeAt(0));
    assertEquals(adapter.readCString(base + 64), "größer");
    const view = adapter.viewBytes(base + 64, 4);
    assertEquals(view.length, 4);
    assertEquals(view[0], bytes[64]);
    bytes[64] = 65;
    assertEquals(view[0], 65);
    view[1] = 66;
    assertEquals(bytes[65], 66);
  }
  assertEquals(adapter.readCString(0), "");
});

test("addressOf of a shared memory stays the same when the memory grows", () => {
  const adapter = loadFfi();
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 65536, shared: true });
  const base = adapter.addressOf(memory.buffer);
  for (let i = 0; i < 10; i++) {
    memory.grow(16);
    assertEquals(adapter.addressOf(memory.buffer), base);
  }
});

test("openLibrary names every candidate, the platform and the install command when none can be opened", () => {
  const error = assertThrows(
    () =>
      openLibrary({
        name: "Phantom",
        candidates: ["libphantom.so.7", "/nowhere/libphantom.so"],
        env: "ESCNN_PHANTOM",
        symbols: { phantom: { parameters: [], result: "void" } },
        install: "install it with: apt-get install phantom",
      }),
    LibraryNotFoundError,
  );
  assertEquals(error.library, "Phantom");
  assertEquals(error.tried.map(({ path }) => path), ["libphantom.so.7", "/nowhere/libphantom.so"]);
  assertEquals(error.platform, platformName());
  assertEquals(error.missingPermission, undefined);
  assertStringIncludes(error.message, "Phantom was not found");
  assertStringIncludes(error.message, "/nowhere/libphantom.so: ");
  assertStringIncludes(error.message, "apt-get install phantom, or set ESCNN_PHANTOM to its path");
});

test("openLibrary names the symbols that a library lacks", () => {
  const error = assertThrows(
    () =>
      openLibrary({
        name: "the C library",
        candidates: cLibraryCandidates(),
        symbols: {
          abs: { parameters: ["i32"], result: "i32" },
          escnn_first: { parameters: [], result: "void" },
          escnn_second: { parameters: [], result: "void" },
        },
        install: "install the right one",
      }),
    MissingSymbolError,
    `lacks "escnn_first", "escnn_second"`,
  );
  assertEquals(error.missing, ["escnn_first", "escnn_second"]);
  assertEquals(error.library, "the C library");
  assert(cLibraryCandidates().includes(error.path));
});

test("openLibrary takes its environment variable as the only candidate, and off as an answer", async () => {
  const flags = testRuntime === "deno" ? ["--allow-ffi", "--allow-env"] : [];
  const off = await execute("tests/ffi/open_c_library.ts", [], { flags, env: { ESCNN_TEST_LIBRARY: "off" } });
  assertEquals(JSON.parse(off.stdout), {
    name: "LibraryNotFoundError",
    message: "the C library is switched off by ESCNN_TEST_LIBRARY=off; unset it to use the library",
    disabled: true,
  });
  const wrong = await execute("tests/ffi/open_c_library.ts", [], { flags, env: { ESCNN_TEST_LIBRARY: "/no/lib.so" } });
  assertEquals(JSON.parse(wrong.stdout).tried, ["/no/lib.so"]);
  const unset = await execute("tests/ffi/open_c_library.ts", [], { flags, env: { ESCNN_TEST_LIBRARY: undefined } });
  assertEquals(JSON.parse(unset.stdout), { abs: 5 });
});

test("close makes later calls throw LibraryClosedError, and closing twice has no effect", () => {
  const library = open();
  assertEquals(library.symbols.abs(-1), 1);
  library.close();
  library.close();
  assertThrows(() => library.symbols.abs(-1), LibraryClosedError, `"abs" was called after the C library was closed`);
});

if (testRuntime === "deno") {
  test("loadFfi without permission neither prompts nor hangs, and names --allow-ffi", async () => {
    for (const flags of [[], ["--allow-env"], ["--deny-ffi"]]) {
      const { code, stdout, stderr } = await execute("tests/ffi/open_c_library.ts", [], { flags, limit: 20 });
      assertEquals(stderr, "");
      assertEquals(code, 0);
      const result = JSON.parse(stdout);
      assertEquals(result.name, "FfiUnavailableError");
      assertEquals(result.missingPermission, "--allow-ffi");
      assertEquals(result.triedAdapters, ["Deno.dlopen"]);
      assertStringIncludes(result.message, "run with --allow-ffi");
    }
  });
}

test("FfiUnavailableError says what to install", () => {
  const error = new FfiUnavailableError("the package koffi is not installed", {
    tried: ["koffi"],
    platform: "linux-x64",
    install: "npm install koffi",
  });
  assertEquals(
    error.message,
    "Native libraries cannot be called on linux-x64 (tried koffi), the package koffi is not installed: npm install koffi",
  );
  assertEquals(error.install, "npm install koffi");
  assertEquals(error.missingPermission, undefined);
  assertEquals(
    new FfiUnavailableError("browsers have no native libraries", { tried: [], platform: "browser-wasm32" }).message,
    "Native libraries cannot be called on browser-wasm32, browsers have no native libraries",
  );
});
