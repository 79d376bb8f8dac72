// covers: backends/cpu/mod.ts, backends/cpu/operations.ts
// The cpu backend as a whole: what it says about itself under every permission and variable, what it refuses, and that its
// results do not depend on the number of threads.

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { type CpuOptions, createBackend } from "../../../backends/cpu/mod.ts";
import { findOpenblas } from "../../../backends/cpu/openblas.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import type { Backend, View } from "../../../src/tensor/backend.ts";
import { convolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import { BYTES_PER_ELEMENT, type DType, type TypedArray } from "../../../src/tensor/dtype.ts";
import {
  ArgumentError,
  BackendError,
  BackendMismatchError,
  DisposedError,
  DTypeError,
  OutOfMemoryError,
  ShapeError,
} from "../../../src/tensor/errors.ts";
import { input as inputNode, unary } from "../../../src/tensor/expr.ts";
import { contiguousStrides, elementCount } from "../../../src/tensor/layout.ts";
import { test, testRuntime } from "../../support/test.ts";

const hasBlas = findOpenblas("auto", 1).opened !== undefined;
const twoThreads = Math.min(2, runtime.cores());

function view(backend: Backend, shape: number[], dtype: DType = "float32", data?: TypedArray): View {
  const buffer = backend.allocate(elementCount(shape) * BYTES_PER_ELEMENT[dtype]);
  const made: View = { buffer, dtype, shape, strides: contiguousStrides(shape), offset: 0 };
  if (data !== undefined) backend.write(made, data);
  return made;
}

/** Numbers in [-1, 1) from a seed. */
function noise(length: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

test("info names threads and OpenBLAS, or why there is none", async () => {
  const off = await createBackend({ openblas: "off", threads: 1 });
  assertEquals(
    off.info().description,
    'cpu: WebAssembly SIMD, 1 thread; OpenBLAS switched off by the option openblas: "off"',
  );
  assertEquals(off.info().details.sharedMemory, false);
  off.dispose();
  const auto = await createBackend({ threads: twoThreads, openblas: "auto" });
  const { description, details } = auto.info();
  assertMatch(description, /^cpu: WebAssembly SIMD, \d+ threads?; (Open)?BLAS .+/);
  assertEquals(details.openblas, hasBlas);
  assertEquals(details.threads, twoThreads);
  assertEquals(auto.name, "cpu");
  auto.dispose();
});

test("read and write move every dtype in and out of contiguous, strided, reversed and empty views", async () => {
  const backend = await createBackend({ openblas: "off" });
  for (const dtype of ["float32", "float64", "int32", "bool"] as const) {
    const whole = view(backend, [4, 6], dtype);
    const make = (values: number[]): TypedArray => {
      if (dtype === "float32") return Float32Array.from(values);
      if (dtype === "float64") return Float64Array.from(values);
      return dtype === "int32" ? Int32Array.from(values) : Uint8Array.from(values);
    };
    const numbers = Array.from({ length: 24 }, (_, i) => dtype === "bool" ? i % 2 : i);
    backend.write(whole, make(numbers));
    assertEquals(await backend.read(whole), make(numbers));
    const part: View = { ...whole, shape: [3, 2], strides: [-1, 12], offset: 4 };
    const expected = [4, 16, 3, 15, 2, 14].map((i) => numbers[i]);
    assertEquals(backend.readSync(part), make(expected));
    backend.write(part, make(expected.map((value) => 1 - value)));
    assertEquals(backend.readSync(part), make(expected.map((value) => 1 - value)));
    assertEquals(backend.readSync({ ...whole, shape: [1], strides: [1], offset: 5 }), make([numbers[5]]));
    const empty: View = { ...whole, shape: [0, 6], strides: [6, 1], offset: 0 };
    backend.write(empty, make([]));
    assertEquals(backend.readSync(empty), make([]));
    assertEquals(backend.readSync({ ...whole, shape: [], strides: [], offset: 3 }).length, 1);
    backend.free(whole.buffer);
  }
  assertEquals(backend.memory().liveBytes, 0);
  backend.dispose();
});

test("What is read is a copy that later writes do not change", async () => {
  const backend = await createBackend({ openblas: "off", threads: twoThreads });
  const it = view(backend, [3], "float32", Float32Array.of(1, 2, 3));
  const before = backend.readSync(it);
  assert(before.buffer instanceof ArrayBuffer);
  backend.write(it, Float32Array.of(4, 5, 6));
  assertEquals(before, Float32Array.of(1, 2, 3));
  backend.dispose();
});

test("Wrong data, foreign, freed and too small buffers are refused by name", async () => {
  const backend = await createBackend({ openblas: "off" });
  const other = await createBackend({ openblas: "off" });
  const it = view(backend, [2, 3]);
  assertThrows(() => backend.write(it, new Float64Array(6)), DTypeError, "float32");
  assertThrows(() => backend.write(it, new Float32Array(5)), ArgumentError, "6 elements");
  assertThrows(() => other.readSync(it), BackendMismatchError, "another cpu backend");
  await assertRejects(() => other.read(it), BackendMismatchError);
  assertThrows(() => backend.readSync({ ...it, buffer: { bytes: 24 } }), BackendMismatchError, "another backend");
  assertThrows(() => backend.readSync({ ...it, offset: 1 }), ShapeError, "elements 1 to 6");
  assertThrows(() => backend.readSync({ ...it, strides: [-3, 1] }), ShapeError, "elements -3 to 2");
  assertThrows(() => backend.copy(it, { ...it, strides: [4, 1] }), ShapeError, "24 bytes");
  backend.free(it.buffer);
  assertThrows(() => backend.readSync(it), DisposedError, "freed");
  backend.dispose();
  other.dispose();
});

test("After dispose every method refuses, and memory is empty", async () => {
  const backend = await createBackend({ openblas: "off" });
  const it = view(backend, [2]);
  backend.dispose();
  backend.dispose();
  assertThrows(() => backend.allocate(1), DisposedError, "cpu backend");
  assertThrows(() => backend.free(it.buffer), DisposedError);
  assertThrows(() => backend.readSync(it), DisposedError);
  await assertRejects(() => backend.synchronize(), DisposedError);
  assertEquals(backend.memory(), { liveBytes: 0, liveBuffers: 0, peakBytes: 0, reservedBytes: 0 });
  assertMatch(backend.info().description, /^cpu: /);
});

test("heapLimit bounds the memory; OutOfMemoryError leaves everything as it was", async () => {
  const backend = await createBackend({ openblas: "off", heapLimit: 8 << 20 });
  const it = view(backend, [1 << 20], "float32", noise(1 << 20, 1));
  assertThrows(() => backend.allocate(5 << 20), OutOfMemoryError, "8 MiB");
  assertEquals(backend.memory().liveBytes, 4 << 20);
  assertEquals(backend.readSync(it), noise(1 << 20, 1));
  backend.dispose();
  await assertRejects(() => createBackend({ heapLimit: 100 }), ArgumentError, "heapLimit");
});

test("threads out of range are refused with the number of cores", async () => {
  await assertRejects(() => createBackend({ threads: 0 }), ArgumentError, `cores, ${runtime.cores()}`);
  await assertRejects(() => createBackend({ threads: runtime.cores() + 1 }), ArgumentError, "ESCNN_THREADS");
});

/** Results of one call of each heavy primitive. */
async function results(options: CpuOptions): Promise<Record<string, TypedArray>> {
  const backend = await createBackend({ grainScale: 1e-4, startAfter: 0, ...options });
  const deadline = performance.now() + 20_000;
  const a = view(backend, [2, 70, 130], "float32", noise(2 * 70 * 130, 1));
  const b = view(backend, [2, 130, 90], "float32", noise(2 * 130 * 90, 2));
  const product = view(backend, [2, 70, 90]);
  const threads = Number(backend.info().details.threads);
  do {
    backend.matmul({ a, b, output: product, alpha: 1, beta: 0 });
    await new Promise((resolve) => setTimeout(resolve, 2));
  } while (Number(backend.info().details.workersReady) < threads - 1 && performance.now() < deadline);
  const found: Record<string, TypedArray> = {};
  backend.matmul({ a, b, output: product, alpha: 1, beta: 0 });
  found.matmul = backend.readSync(product);

  const mapped = view(backend, [2, 70, 130]);
  const node = inputNode(0, "float32");
  backend.map({
    expressions: [unary("exp", node)],
    shape: [2, 70, 130],
    inputs: [a],
    scalars: [],
    outputs: [mapped],
  });
  found.map = backend.readSync(mapped);
  for (const axes of [[0], [1], [2], [0, 1, 2], [0, 2]]) {
    const shape = [2, 70, 130].map((size, axis) => axes.includes(axis) ? 1 : size);
    const reduced = view(backend, shape);
    backend.mapReduce({
      expressions: [node],
      reductions: ["sum"],
      shape: [2, 70, 130],
      axes,
      inputs: [a],
      scalars: [],
      outputs: [reduced],
    });
    found[`mapReduce over ${axes}`] = backend.readSync(reduced);
  }

  const input = view(backend, [6, 10, 17, 19], "float32", noise(6 * 10 * 17 * 19, 3));
  const weight = view(backend, [12, 10, 3, 3], "float32", noise(12 * 10 * 9, 4));
  const geometry = convolutionGeometry([6, 10, 17, 19], [12, 10, 3, 3], { padding: 1 });
  const output = view(backend, [6, 12, 17, 19]);
  backend.convolution({ geometry, input, weight, output });
  found.convolution = backend.readSync(output);
  backend.convolutionInputGradient({ geometry, input, weight, output });
  found.convolutionInputGradient = backend.readSync(input);
  backend.write(input, noise(6 * 10 * 17 * 19, 3));
  backend.convolutionWeightGradient({ geometry, input, weight, output });
  found.convolutionWeightGradient = backend.readSync(weight);
  backend.dispose();
  return found;
}

for (const openblas of ["off", "auto"]) {
  test.runIf(
    twoThreads > 1 && (openblas === "off" || hasBlas),
    `Results have the same bits on one thread and on two (openblas: ${openblas})`,
    twoThreads > 1 ? "OpenBLAS cannot be used here" : "one core",
    async () => {
      const one = await results({ threads: 1, openblas });
      const two = await results({ threads: 2, openblas });
      for (const name of Object.keys(one)) {
        const bits = (array: TypedArray) => [...new Uint8Array(array.buffer)];
        assertEquals(bits(two[name]), bits(one[name]), name);
      }
    },
  );
}

interface Printed {
  description: string;
  details: Record<string, string | number | boolean>;
  right: boolean;
  error?: string;
  message?: string;
  /** Seconds that the process took. */
  seconds: number;
}

/** Runs print_info.ts in a process of its own, in Deno. */
async function printInfo(
  program: string,
  flags: string[],
  options: CpuOptions = {},
  env: Record<string, string> = {},
): Promise<Printed> {
  const deno = (globalThis as unknown as { Deno: typeof Deno }).Deno;
  const start = performance.now();
  const file = new URL("./print_info.ts", import.meta.url).pathname;
  const { stdout, stderr, code } = await new deno.Command(program === "deno" ? deno.execPath() : program, {
    args: [...(program === "deno" ? ["run", "--no-prompt", ...flags] : []), file, JSON.stringify(options)],
    env: { ESCNN_THREADS: "", ESCNN_OPENBLAS: "", ESCNN_HEAP_LIMIT: "", ...env },
    stdin: "null",
  }).output();
  const text = new TextDecoder().decode(stdout).trim();
  assert(
    code === 0 && text.startsWith("{"),
    `${program} ${flags} ended with ${code}: ${text} ${new TextDecoder().decode(stderr)}`,
  );
  return { ...JSON.parse(text), seconds: (performance.now() - start) / 1000 };
}

const inDeno = testRuntime === "deno";
const onlyDeno = "starts Deno";

test.runIf(inDeno, "Without permissions Deno runs on WebAssembly and says --allow-ffi", onlyDeno, async () => {
  const { description, details, right } = await printInfo("deno", []);
  assertStringIncludes(description, "OpenBLAS not used: run with --allow-ffi");
  assertEquals([details.threads, right], [runtime.cores(), true]);
});

test.runIf(inDeno && hasBlas, "With --allow-ffi alone Deno runs on OpenBLAS", "OpenBLAS is not installed", async () => {
  const { description, right } = await printInfo("deno", ["--allow-ffi"]);
  assertMatch(description, /; (OpenBLAS [\d.]+\w* \(\w+\)|BLAS at .+)$/);
  assertEquals(right, true);
});

test.runIf(
  inDeno,
  "ESCNN_THREADS, ESCNN_OPENBLAS and ESCNN_HEAP_LIMIT count where they may be read",
  onlyDeno,
  async () => {
    const env = { ESCNN_THREADS: "1", ESCNN_OPENBLAS: "off", ESCNN_HEAP_LIMIT: "16777216" };
    const read = await printInfo("deno", ["-A"], {}, env);
    assertEquals(read.description, "cpu: WebAssembly SIMD, 1 thread; OpenBLAS switched off by ESCNN_OPENBLAS=off");
    assertEquals(read.details.heapLimit, 16_777_216);
    const unread = await printInfo("deno", [], {}, env);
    assertEquals([unread.details.threads, unread.details.heapLimit], [runtime.cores(), 2 ** 32]);
    const option = await printInfo("deno", ["--allow-env"], { threads: 1, openblas: "off" }, { ESCNN_THREADS: "999" });
    assertEquals(option.details.threads, 1);
  },
);

test.runIf(inDeno, "Variables out of range are refused by name", onlyDeno, async () => {
  const threads = await printInfo("deno", ["--allow-env"], {}, { ESCNN_THREADS: "many" });
  assertEquals(threads.error, "ArgumentError");
  for (const part of ["ESCNN_THREADS", '"many"', `cores, ${runtime.cores()}`]) {
    assertStringIncludes(threads.message!, part);
  }
  const limit = await printInfo("deno", ["--allow-env"], {}, { ESCNN_HEAP_LIMIT: "1GB" });
  assertEquals(limit.error, "ArgumentError");
  for (const part of ["ESCNN_HEAP_LIMIT", "1GB"]) assertStringIncludes(limit.message!, part);
  const library = await printInfo("deno", ["-A"], {}, { ESCNN_OPENBLAS: "/absent.so" });
  assertEquals(library.error, "BackendError");
  for (const part of ["ESCNN_OPENBLAS", "/absent.so", "off"]) assertStringIncludes(library.message!, part);
});

for (const program of ["deno", "node_modules/.bin/bun", "node_modules/.bin/tsx"]) {
  test.runIf(
    inDeno,
    `A process of ${program.split("/").at(-1)} with parked workers ends by itself within 10 s`,
    onlyDeno,
    async () => {
      const { details, right, seconds } = await printInfo(program, ["-A"], { threads: twoThreads });
      assertEquals([details.workersReady, right], [twoThreads - 1, true]);
      assert(seconds < 10, `${seconds} s`);
    },
  );
}

test.runIf(hasBlas, "createBackend refuses the path of a library that is not there", "no OpenBLAS", async () => {
  await assertRejects(() => createBackend({ openblas: "/absent.so" }), BackendError, "/absent.so");
});
