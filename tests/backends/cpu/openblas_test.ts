// covers: backends/cpu/openblas.ts, backends/cpu/openblas_symbols.ts, backends/cpu/blas_environment.ts
// covers: backends/cpu/create_context.ts
// OpenBLAS through FFI: products against the definition on the caller and on workers, the environment in which it is opened,
// refusals with reasons, and the symbol table against the header where it is installed.

import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import {
  cpuinfoHasAvx512,
  hasAvx512,
  openCLibrary,
  withBlasEnvironment,
} from "../../../backends/cpu/blas_environment.ts";
import type { Kernel } from "../../../backends/cpu/context.ts";
import { createContext } from "../../../backends/cpu/create_context.ts";
import { findOpenblas, openblasCandidates, openblasInstallCommand } from "../../../backends/cpu/openblas.ts";
import {
  CBLAS,
  CONTROL_SYMBOLS,
  GEMM_POINTERS,
  GEMM_SYMBOLS,
  OPENBLAS_SYMBOLS,
} from "../../../backends/cpu/openblas_symbols.ts";
import { cLibraryCandidates, loadFfi } from "../../../ffi/mod.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { ArgumentError, BackendError } from "../../../src/tensor/errors.ts";
import { test } from "../../support/test.ts";

const found = findOpenblas("auto", 2);
const hasBlas = found.opened !== undefined;
const whyNot = found.opened === undefined ? found.reason : "";
const hasCLibrary = runtime.platform !== "windows" && canCall();

function canCall(): boolean {
  try {
    loadFfi();
    return true;
  } catch {
    return false;
  }
}

function processorHasAvx512(): boolean {
  using library = openCLibrary();
  return hasAvx512(library);
}

/** Small integers, so that every product is exact in float32 and does not depend on the order of summation. */
function integers(length: number, seed: number): number[] {
  let state = seed;
  return Array.from({ length }, () => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    return (state >>> 16) % 17 - 8;
  });
}

interface Problem {
  order: number;
  transA: number;
  transB: number;
  m: number;
  n: number;
  k: number;
  alpha: number;
  beta: number;
}

/** Element (row, column) of a stored matrix. */
function at(p: Problem, leading: number, row: number, column: number): number {
  return p.order === CBLAS.rowMajor ? row * leading + column : column * leading + row;
}

function leadings(p: Problem): [lda: number, ldb: number, ldc: number] {
  const rowMajor = p.order === CBLAS.rowMajor;
  const a = p.transA === CBLAS.noTrans ? [p.m, p.k] : [p.k, p.m];
  const b = p.transB === CBLAS.noTrans ? [p.k, p.n] : [p.n, p.k];
  return rowMajor ? [a[1] + 2, b[1] + 3, p.n + 1] : [a[0] + 2, b[0] + 3, p.m + 1];
}

/** The product after its definition. */
function expected(p: Problem, a: number[], b: number[], c: number[]): number[] {
  const [lda, ldb, ldc] = leadings(p);
  const result = [...c];
  for (let i = 0; i < p.m; i++) {
    for (let j = 0; j < p.n; j++) {
      let sum = 0;
      for (let l = 0; l < p.k; l++) {
        const left = p.transA === CBLAS.noTrans ? at(p, lda, i, l) : at(p, lda, l, i);
        const right = p.transB === CBLAS.noTrans ? at(p, ldb, l, j) : at(p, ldb, j, l);
        sum += a[left] * b[right];
      }
      const place = at(p, ldc, i, j);
      result[place] = p.alpha * sum + p.beta * c[place];
    }
  }
  return result;
}

function problems(): Problem[] {
  const list: Problem[] = [];
  for (const order of [CBLAS.rowMajor, CBLAS.columnMajor]) {
    for (const transA of [CBLAS.noTrans, CBLAS.trans]) {
      for (const transB of [CBLAS.noTrans, CBLAS.trans]) {
        for (const [m, n, k] of [[1, 1, 1], [5, 7, 3], [33, 18, 40]]) {
          list.push({ order, transA, transB, m, n, k, alpha: -2, beta: 3 });
        }
      }
    }
  }
  return list;
}

for (const type of ["sgemm", "dgemm"] as const) {
  test.runIf(
    hasBlas,
    `cblas_${type} equals the definition for every order and transposition, on the caller and on workers`,
    whyNot,
    async () => {
      const context = createContext({ openblas: "auto", threads: Math.min(2, runtime.cores()), startAfter: 0 });
      const { heap, executor, blas } = context;
      assert(blas !== undefined);
      const deadline = performance.now() + 20_000;
      while (executor.threads > 1 && executor.readyWorkers === 0) {
        assert(performance.now() < deadline, "the worker did not start in 20 s");
        executor.beginTask();
        executor.flush();
        await new Promise((resolve) => setTimeout(resolve, 5));
      }
      const kernel: Kernel = blas[type];
      const size = type === "sgemm" ? 4 : 8;
      const view = () => type === "sgemm" ? heap.f32() : heap.f64();
      const checks: (() => void)[] = [];
      for (const direct of [true, false]) {
        for (const p of problems()) {
          const [lda, ldb, ldc] = leadings(p);
          const a = integers(lda * 64, 1);
          const b = integers(ldb * 64, 2);
          const c = integers(ldc * 64, 3);
          const buffers = [a, b, c].map((values) => {
            const buffer = heap.allocate(values.length * size);
            view().set(values, buffer.pointer / size);
            return buffer;
          });
          const [pa, pb, pc] = buffers.map((buffer) => buffer.pointer);
          const args = [p.order, p.transA, p.transB, p.m, p.n, p.k, p.alpha, pa, lda, pb, ldb, p.beta, pc, ldc];
          if (direct) {
            kernel.invoke(...args);
          } else {
            executor.beginTask();
            executor.push(kernel, ...args);
          }
          checks.push(() => {
            const result = [...view().subarray(pc / size, pc / size + c.length)];
            assertEquals(result, expected(p, a, b, c), `${JSON.stringify(p)}, direct: ${direct}`);
          });
        }
      }
      executor.flush();
      for (const check of checks) check();
      context.dispose();
    },
  );
}

test.runIf(hasBlas, "findOpenblas reads version and core, and sets one thread", whyNot, () => {
  const opened = found.opened!;
  assert(/^\d+\.\d+/.test(opened.version) || opened.version === "unknown", opened.version);
  if (opened.version !== "unknown") assertEquals(opened.description, `OpenBLAS ${opened.version} (${opened.core})`);
});

test.runIf(
  hasBlas && processorHasAvx512() && !runtime.env("OPENBLAS_CORETYPE") && found.opened.version !== "unknown",
  "OpenBLAS uses AVX-512 kernels where the processor has AVX-512",
  hasBlas ? "the processor has no AVX-512, or OPENBLAS_CORETYPE is set" : whyNot,
  () => {
    assert(["SkylakeX", "Cooperlake", "SapphireRapids"].includes(found.opened!.core), found.opened!.core);
  },
);

test.runIf(
  hasCLibrary,
  "withBlasEnvironment shows native code its variables while it runs, keeps the user's, and leaves none behind",
  "no native calls here",
  () => {
    using library = openCLibrary();
    const name = (text: string) => {
      const bytes = new Uint8Array(4096);
      new TextEncoder().encodeInto(text, bytes);
      return bytes;
    };
    const native = (text: string) => loadFfi().readCString(library.symbols.getenv(name(text)));
    const before = ["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"].map(native);
    library.symbols.setenv(name("OPENBLAS_CORETYPE"), name("Haswell"), 1);
    assertEquals(withBlasEnvironment(() => native("OPENBLAS_CORETYPE"), true), "Haswell");
    assertEquals(native("OPENBLAS_CORETYPE"), "Haswell");
    library.symbols.unsetenv(name("OPENBLAS_CORETYPE"));
    assertEquals(withBlasEnvironment(() => native("OPENBLAS_CORETYPE"), true), "SkylakeX");
    assertEquals(withBlasEnvironment(() => native("OPENBLAS_CORETYPE"), false), "");
    assertEquals(withBlasEnvironment(() => native("OPENBLAS_NUM_THREADS"), true), before[1] || "1");
    assertThrows(() => withBlasEnvironment(() => assert(false, "inside"), true), Error, "inside");
    assertEquals(native("OPENBLAS_CORETYPE"), "");
    if (before[0] !== "") library.symbols.setenv(name("OPENBLAS_CORETYPE"), name(before[0]), 1);
    assertEquals(["OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS"].map(native), before);
  },
);

test("cpuinfoHasAvx512 wants all five parts of AVX-512", () => {
  const flags = "fpu avx2 avx512f avx512dq avx512cd avx512bw avx512vl";
  assertEquals(cpuinfoHasAvx512(`processor\t: 0\nflags\t\t: ${flags}\nbugs\t\t: none\n`), true);
  assertEquals(cpuinfoHasAvx512("flags : fpu avx2 avx512f avx512dq avx512cd avx512bw\n"), false);
  assertEquals(cpuinfoHasAvx512("flags : fpu avx2 avx512fp16 avx512dq avx512cd avx512bw avx512vl\n"), false);
  assertEquals(cpuinfoHasAvx512(""), false);
});

test("openblasCandidates and openblasInstallCommand know Linux, macOS and Windows", () => {
  assert(openblasCandidates("linux", "x64").includes("/usr/lib/x86_64-linux-gnu/openblas-pthread/libopenblas.so.0"));
  assert(openblasCandidates("linux", "arm64").includes("/usr/lib/aarch64-linux-gnu/openblas-pthread/libopenblas.so.0"));
  assert(openblasCandidates("darwin", "arm64").every((path) => path.endsWith(".dylib")));
  assert(openblasCandidates("windows", "x64").every((path) => path.endsWith(".dll")));
  for (const platform of ["linux", "darwin", "windows"]) {
    assert(openblasCandidates(platform, "x64").every((path) => !/64_?\.|_64/.test(path.split("/").at(-1)!)), platform);
  }
  assertEquals(openblasInstallCommand("linux"), "apt-get install libopenblas0-pthread");
  assertEquals(openblasInstallCommand("darwin"), "brew install openblas");
});

test("findOpenblas takes off for off and says so", () => {
  const search = findOpenblas("off", 2);
  assertEquals(search.opened, undefined);
  assertStringIncludes((search as { reason: string }).reason, 'openblas: "off"');
});

test.runIf(
  hasCLibrary,
  "A path that holds no OpenBLAS is an error that names path and remedy",
  "no native calls",
  () => {
    const absent = assertThrows(() => findOpenblas("/absent/libopenblas.so", 1), BackendError);
    for (const part of ["cpu option openblas", "/absent/libopenblas.so", openblasInstallCommand(), '"off"']) {
      assertStringIncludes(absent.message, part);
    }
    const other = assertThrows(() => findOpenblas(cLibraryCandidates()[0], 1), BackendError);
    assertStringIncludes(other.message, "cblas_sgemm");
  },
);

test("createContext takes 1 to the number of cores as threads, and names both otherwise", () => {
  for (const threads of [0, -1, 1.5, NaN, runtime.cores() + 1]) {
    const error = assertThrows(() => createContext({ threads, openblas: "off" }), ArgumentError);
    assertStringIncludes(error.message, `number of cores, ${runtime.cores()}`);
    assertStringIncludes(error.message, `got ${threads}`);
  }
  const context = createContext({ threads: 1, openblas: "off" });
  assertEquals([context.executor.threads, context.heap.shared, context.blas], [1, false, undefined]);
});

test("scratch keeps its place until more is asked for, apart for each slot", () => {
  const context = createContext({ threads: 1, openblas: "off" });
  const first = context.scratch(1000);
  const second = context.scratch(1000, 1);
  assert(Math.abs(first - second) >= 1000);
  assertEquals(context.scratch(10), first);
  assertEquals(context.scratch(1000, 1), second);
  const grown = context.scratch(1_000_000, 1);
  context.heap.u8().fill(1, grown, grown + 1_000_000);
  assertEquals(context.scratch(500_000, 1), grown);
  assertThrows(() => context.scratch(1, 16), ArgumentError, "slot");
  assertEquals(context.heap.liveBytes, 0);
});

/** Type of a declared parameter in our table: pointers by their star, integers by name. */
function typeOf(declaration: string): string {
  const text = declaration.replace(/\b(OPENBLAS_CONST|const)\b/g, "").trim();
  if (text.includes("*")) return "pointer";
  if (/^(enum\s+CBLAS_\w+|CBLAS_\w+|blasint|int)\b/.test(text)) return "i32";
  if (/^float\b/.test(text)) return "f32";
  if (/^double\b/.test(text)) return "f64";
  return text;
}

/** Compares the table with the text of a header; gives one line for each difference. */
function differences(header: string): string[] {
  const flat = header.replace(/\/\*[\s\S]*?\*\//g, "").replace(/\s+/g, " ");
  const lines: string[] = [];
  for (const [name, { parameters, result }] of Object.entries(OPENBLAS_SYMBOLS)) {
    const match = new RegExp(`(\\w+ ?\\*?) ?\\b${name} ?\\(([^)]*)\\)`).exec(flat);
    if (match === null) {
      lines.push(`${name} is not declared`);
      continue;
    }
    const declared = match[2].trim() === "void" ? [] : match[2].split(",").map(typeOf);
    if (declared.join() !== parameters.join()) lines.push(`${name}: declared (${declared}), table (${parameters})`);
    const returned = match[1].trim() === "void" ? "void" : typeOf(match[1]);
    if (returned !== result) lines.push(`${name}: declared ${returned}, table ${result}`);
  }
  return lines;
}

function installedHeader(): string | undefined {
  const folders = [
    "/usr/include",
    "/usr/include/x86_64-linux-gnu",
    "/usr/include/aarch64-linux-gnu",
    "/usr/include/openblas",
    "/usr/local/include",
    "/opt/OpenBLAS/include",
    "/opt/homebrew/opt/openblas/include",
    "/usr/local/opt/openblas/include",
  ];
  const given = runtime.env("CBLAS_HEADER");
  const debian = ["x86_64", "aarch64"].map((arch) => `/usr/include/${arch}-linux-gnu/openblas-pthread`);
  for (const path of [...(given ? [given] : []), ...[...debian, ...folders].map((folder) => `${folder}/cblas.h`)]) {
    try {
      const text = new TextDecoder().decode(runtime.readFileSync(path));
      if (text.includes("openblas_set_num_threads")) return text;
    } catch {
      // Not there: the next one.
    }
  }
  return undefined;
}

const header = installedHeader();
test.runIf(
  header !== undefined,
  "OPENBLAS_SYMBOLS agree with the installed cblas.h in names, number and width of arguments, and results",
  "cblas.h of OpenBLAS is not installed (libopenblas-dev)",
  () => {
    assert(!/define\s+OPENBLAS_USE64BITINT/.test(header!), "the header is of a build with 64-bit integers");
    assertEquals(differences(header!), []);
  },
);

test("The comparison with a header finds a missing function, a wrong width and a missing argument", () => {
  const good = `
    void openblas_set_num_threads(int num_threads); char* openblas_get_config(void); char* openblas_get_corename(void);
    int openblas_get_parallel(void);
    void cblas_sgemm(OPENBLAS_CONST enum CBLAS_ORDER Order, OPENBLAS_CONST enum CBLAS_TRANSPOSE TransA,
      OPENBLAS_CONST enum CBLAS_TRANSPOSE TransB, OPENBLAS_CONST blasint M, OPENBLAS_CONST blasint N,
      OPENBLAS_CONST blasint K, OPENBLAS_CONST float alpha, OPENBLAS_CONST float *A, OPENBLAS_CONST blasint lda,
      OPENBLAS_CONST float *B, OPENBLAS_CONST blasint ldb, OPENBLAS_CONST float beta, float *C, OPENBLAS_CONST blasint ldc);
    void cblas_dgemm(const CBLAS_ORDER Order, const CBLAS_TRANSPOSE TransA, const CBLAS_TRANSPOSE TransB, const int M,
      const int N, const int K, const double alpha, const double *A, const int lda, const double *B, const int ldb,
      const double beta, double *C, const int ldc);`;
  assertEquals(differences(good), []);
  assertEquals(differences(good.replace("openblas_get_parallel", "other")), ["openblas_get_parallel is not declared"]);
  assertEquals(differences(good.replace("float beta", "double beta")).length, 1);
  assertEquals(differences(good.replace(", const int ldc", "")).length, 1);
  assertEquals(differences(good.replace("char* openblas_get_config", "int openblas_get_config")).length, 1);
});

test("GEMM_POINTERS marks exactly the pointer arguments of both products, and only control functions are optional", () => {
  for (const { parameters } of Object.values(GEMM_SYMBOLS)) {
    const marked = parameters.map((_, i) => ((GEMM_POINTERS >>> i) & 1) === 1);
    assertEquals(marked, parameters.map((type) => type === "pointer"));
  }
  assert(Object.values(CONTROL_SYMBOLS).every(({ optional }) => optional));
});
