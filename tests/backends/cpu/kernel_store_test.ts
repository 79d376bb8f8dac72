// covers: backends/cpu/stored_kernels.js

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { KernelStore } from "../../../backends/cpu/kernel_store.ts";
import { STORED_KERNELS } from "../../../backends/cpu/stored_kernels.js";
import { binary, constant, type Expr, index, input, random, scalar, unary } from "../../../src/tensor/expr.ts";
import { execute } from "../../support/process.ts";
import { test, testRuntime } from "../../support/test.ts";

const ENGINE = { simd: true, relaxedSimd: true, threads: true } as const;

/** The key under which a module is looked up. */
function keyOf(what: string, ...expressions: Expr[]): string {
  let found = "";
  const store = new KernelStore({ shared: true, features: ENGINE, onModule: (key) => found = key });
  store.module(what, expressions, () => new Uint8Array());
  return found;
}

test.runIf(
  testRuntime === "deno",
  "stored kernels are what the cpu backend builds for common programs",
  "the tool that writes them runs in Deno",
  async () => {
    const { code, stdout, stderr } = await execute("tools/store_kernels.ts", ["--check"], {
      flags: ["-A", "--no-check"],
    });
    assertEquals(code, 0, stdout + stderr);
  },
);

test("KernelStore: keys are the same in every process and differ with what a kernel's text depends on", () => {
  const x = input(0, "float32"), y = input(1, "float32");
  const position = index("linear"), zero = constant(0, "int32");
  const words = [zero, zero, position, zero, zero] as const;
  assertEquals(keyOf("map|1|contiguous", binary("add", x, y)), "179jyaw1p5m67q");
  const keys = [
    keyOf("map", binary("add", x, y)),
    keyOf("map", binary("add", y, x)),
    keyOf("map", binary("add", x, x)),
    keyOf("map", binary("mul", x, y)),
    keyOf("map", binary("add", x, constant(1, "float32"))),
    keyOf("map", binary("add", x, constant(2, "float32"))),
    keyOf("map", binary("add", x, scalar(0, "float32"))),
    keyOf("map", binary("add", input(0, "float64"), input(1, "float64"))),
    keyOf("map", unary("exp", x)),
    keyOf("map", unary("exp", x), unary("log", x)),
    keyOf("map", unary("log", x), unary("exp", x)),
    keyOf("reduce", unary("exp", x)),
    keyOf("map", random("bits", "int32", words)),
    keyOf("map", random("bits", "int32", words, 1)),
    keyOf("map", random("uniform", "float32", words)),
    keyOf("map"),
  ];
  assertEquals(new Set(keys).size, keys.length);
});

test("KernelStore: a stored module is not built; another memory, engine or a listener builds", () => {
  const [key, base64] = Object.entries(STORED_KERNELS)[0];
  assertNotEquals(base64.length, 0);
  const what = "gemm|float32";
  assert(keyOf(what) in STORED_KERNELS, `no stored matrix product among ${key} and others`);
  const built = new Uint8Array([1]);
  const stored = new KernelStore({ shared: true, features: ENGINE }).module(what, [], () => built);
  assert(WebAssembly.validate(stored.slice()));
  const others = [
    new KernelStore({ shared: false, features: ENGINE }),
    new KernelStore({ shared: true, features: { ...ENGINE, relaxedSimd: false } }),
    new KernelStore({ shared: true, features: ENGINE, onModule: () => {} }),
  ];
  for (const store of others) assertEquals(store.module(what, [], () => built), built);
  assertEquals(new KernelStore({ shared: true, features: ENGINE }).module("unknown", [], () => built), built);
});
