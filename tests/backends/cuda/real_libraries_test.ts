// NVIDIA's real libraries and headers, which need no GPU to be looked at: every function that the backend names is there and takes what the
// tables say, and every kernel that the backend generates compiles for the architectures of three generations.

import { assert, assertEquals } from "@std/assert";
import { whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { restoreEnvironment } from "../../../backends/cuda/emulator/control.ts";
import { libraryCandidates, libraryFolders, type LibraryRole } from "../../../backends/cuda/search.ts";
import { CUBLAS_SYMBOLS } from "../../../backends/cuda/symbols/cublas.ts";
import { CUDNN_SYMBOLS } from "../../../backends/cuda/symbols/cudnn.ts";
import { DRIVER_SYMBOLS } from "../../../backends/cuda/symbols/driver.ts";
import { NVRTC_SYMBOLS } from "../../../backends/cuda/symbols/nvrtc.ts";
import { LibraryNotFoundError, openLibrary, type SymbolTable } from "../../../ffi/mod.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { temporaryDirectory } from "../../support/files.ts";
import { execute } from "../../support/process.ts";
import { test } from "../../support/test.ts";
import { Declarations } from "./c_declarations.ts";
import { NO_NVRTC, openNvrtc } from "./kernels/nvrtc.ts";

const TABLES: { readonly [R in Exclude<LibraryRole, "driver">]: SymbolTable } = {
  nvrtc: NVRTC_SYMBOLS,
  cublas: CUBLAS_SYMBOLS,
  cudnn: CUDNN_SYMBOLS,
};

// Where test files share their modules, an earlier one may have put the emulator in the place of the libraries.
restoreEnvironment();
const folders = await libraryFolders();

for (const role of ["nvrtc", "cublas", "cudnn"] as const) {
  const symbols = TABLES[role];
  const { paths } = await libraryCandidates(role, [13, 12], folders);
  let missing: string | undefined;
  let lacking: readonly string[] = [];
  try {
    openLibrary({ name: role, candidates: paths, symbols, install: "" }).close();
  } catch (error) {
    if (error instanceof LibraryNotFoundError) missing = `${role} is not installed, or not in ESCNN_CUDA_HOME`;
    else lacking = [String(error)];
  }
  test.runIf(
    missing === undefined,
    `The installed ${role} has all ${Object.keys(symbols).length} functions that the backend names`,
    missing ?? "",
    () => assertEquals(lacking, []),
  );
}

/** The header files beside the libraries, as far as they are there. */
async function readHeaders(names: readonly string[]): Promise<string[] | undefined> {
  const texts: string[] = [];
  for (const name of names) {
    for (const folder of [...folders.map((lib) => lib.replace(/\/[^/]+$/, "/include")), "/usr/local/cuda/include"]) {
      if (!await runtime.exists(`${folder}/${name}`)) continue;
      texts.push(new TextDecoder().decode(await runtime.readFile(`${folder}/${name}`)));
      break;
    }
  }
  return texts.length === names.length ? texts : undefined;
}

const HEADERS: readonly (readonly [name: string, files: readonly string[], table: SymbolTable])[] = [
  ["cuda.h", ["cuda.h"], DRIVER_SYMBOLS],
  ["nvrtc.h", ["nvrtc.h"], NVRTC_SYMBOLS],
  ["cublas_api.h", ["driver_types.h", "library_types.h", "cublas_api.h"], CUBLAS_SYMBOLS],
  ["cudnn_cnn.h", ["driver_types.h", "cudnn_graph.h", "cudnn_ops.h", "cudnn_cnn.h"], CUDNN_SYMBOLS],
];

for (const [name, files, table] of HEADERS) {
  const headers = await readHeaders(files);
  test.runIf(
    headers !== undefined,
    `The table of functions agrees with ${name} in names, number and width of arguments, and results`,
    `${files.join(", ")} are not installed, or not in ESCNN_CUDA_HOME`,
    () => assertEquals(new Declarations(headers!).differences(table), []),
  );
}

test("The comparison with a header finds a missing function, a wrong width and a missing argument", () => {
  const header = `
    #define cuMemAlloc cuMemAlloc_v2
    #define cuFill __CUDA_API_PTSZ(cuFill_v2)
    typedef struct CUstream_st *CUstream; typedef enum mode_enum { A = 0, /* } */ B } mode_t;
    /* CUresult CUDAAPI cuOld(int a); */
    typedef enum cudaError_enum { CUDA_SUCCESS = 0 } CUresult;
    CUresult CUDAAPI cuMemAlloc(CUdeviceptr *dptr, size_t bytesize);
    CUresult CUDAAPI cuFill(CUdeviceptr p, unsigned char uc, mode_t mode, CUstream stream);
    const char *CUBLASWINAPI name(CUresult status);
    size_t CUDNNWINAPI version(void);`;
  const table: SymbolTable = {
    cuMemAlloc_v2: { parameters: ["pointer", "usize"], result: "i32" },
    cuFill_v2: { parameters: ["pointer", "u32", "i32", "pointer"], result: "i32" },
    name: { parameters: ["i32"], result: "pointer" },
    version: { parameters: [], result: "usize" },
  };
  const differences = (text: string) => new Declarations([text]).differences(table);
  assertEquals(differences(header), []);
  assertEquals(differences(header.replace("cuFill(", "cuOther(")), ["cuFill_v2 is not declared"]);
  assertEquals(differences(header.replace("size_t bytesize", "int bytesize")).length, 1);
  assertEquals(differences(header.replace(", CUstream stream", "")).length, 1);
  assertEquals(differences(header.replace("size_t CUDNN", "int CUDNN")), ["version: declared i32, table usize"]);
});

const nvrtc = await openNvrtc();
const noEmulator = await whyNoEmulator();
const all = (runtime.env("ESCNN_TEST_CUDA") || "part") !== "part";

/** What became of the recorded sources on an architecture. */
interface CompileReport {
  readonly sources: number;
  readonly failures: readonly string[];
}

const ARCHITECTURES = [80, 90, 100] as const;

let compiled: Promise<Map<number, CompileReport>> | undefined;

/** Records the kernels that some work makes, and compiles them for all architectures at the same time. */
function compileRecorded(): Promise<Map<number, CompileReport>> {
  return compiled ??= (async () => {
    await using folder = await temporaryDirectory();
    const work = all ? ["2000", "all"] : ["60", "part"];
    const record = await execute("tests/backends/cuda/record_kernels.ts", work, {
      flags: ["-A"],
      env: { ESCNN_EMULATOR_RECORD: folder.path },
      limit: 1200,
    });
    assertEquals(record.code, 0, record.stderr);
    const known = ARCHITECTURES.filter((architecture) => nvrtc?.architectures().includes(architecture));
    const reports = known.map(async (architecture) => {
      const args = [folder.path, String(architecture)];
      const run = await execute("tests/backends/cuda/compile_recorded.ts", args, { flags: ["-A"], limit: 1800 });
      assertEquals(run.code, 0, run.stderr);
      return [architecture, JSON.parse(run.stdout) as CompileReport] as const;
    });
    return new Map(await Promise.all(reports));
  })();
}

for (const architecture of ARCHITECTURES) {
  const known = nvrtc?.architectures().includes(architecture) ?? false;
  test.runIf(
    known && noEmulator === undefined,
    `All kernels that the work on the emulator made compile with the real NVRTC for sm_${architecture}`,
    nvrtc === undefined ? NO_NVRTC : noEmulator ?? `NVRTC ${nvrtc.version().join(".")} does not know it`,
    async () => {
      const report = (await compileRecorded()).get(architecture)!;
      assertEquals(report.failures, []);
      assert(report.sources > (all ? 500 : 50), `${report.sources} sources`);
    },
  );
}
