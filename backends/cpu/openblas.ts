/**
 * OpenBLAS for the cpu backend: looks for the library, opens it on one thread (the executor's workers call it on their own
 * tiles; DESIGN §5 has the measurement), checks it with a small product, and gives its products as kernels. When it cannot be
 * used, the reason is kept for `backendInfo()`.
 */

import {
  FfiUnavailableError,
  type Library,
  LibraryNotFoundError,
  loadFfi,
  MissingSymbolError,
  openLibrary,
  WORKER_FFI_SOURCE,
  workerLibrary,
} from "../../ffi/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { BackendError } from "../../src/tensor/errors.ts";
import { withBlasEnvironment } from "./blas_environment.ts";
import type { Blas } from "./context.ts";
import type { NativeSupport, ThreadExecutor } from "./executor.ts";
import type { WebAssemblyHeap } from "./heap.ts";
import { CBLAS, GEMM_POINTERS, GEMM_SYMBOLS, OPENBLAS_SYMBOLS } from "./openblas_symbols.ts";

/** The environment variable with a path, or `off`. */
const VARIABLE = "ESCNN_OPENBLAS";

/** An opened OpenBLAS. */
export interface OpenedBlas {
  /** The library. */
  readonly library: Library<typeof OPENBLAS_SYMBOLS>;
  /** `OpenBLAS 0.3.21 (SkylakeX)`. */
  readonly description: string;
  /** The version, "unknown" for another BLAS. */
  readonly version: string;
  /** The processor whose kernels it chose, "unknown" for another BLAS. */
  readonly core: string;
}

/** What came of the search. */
export type BlasSearch =
  | { readonly opened: OpenedBlas }
  | { readonly opened: undefined; readonly reason: string; readonly detail: string };

/** Names and usual places of OpenBLAS on a platform, the likeliest first. Only builds with 32-bit integers. */
export function openblasCandidates(platform: string = runtime.platform, arch: string = runtime.arch): string[] {
  switch (platform) {
    case "darwin":
      return [
        "/opt/homebrew/opt/openblas/lib/libopenblas.dylib",
        "/usr/local/opt/openblas/lib/libopenblas.dylib",
        "/opt/local/lib/libopenblas.dylib",
        "libopenblas.dylib",
      ];
    case "windows":
      return ["libopenblas.dll", "openblas.dll"];
    default: {
      const triple = arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
      return [
        `/usr/lib/${triple}/openblas-pthread/libopenblas.so.0`,
        "libopenblas.so.0",
        "libopenblasp.so.0",
        "libopenblas.so",
        "/usr/lib64/libopenblasp.so.0",
        "/usr/lib64/libopenblas.so.0",
        "/usr/local/lib/libopenblas.so",
        "/opt/OpenBLAS/lib/libopenblas.so",
        "/home/linuxbrew/.linuxbrew/opt/openblas/lib/libopenblas.so",
      ];
    }
  }
}

/** How to install OpenBLAS on a platform. */
export function openblasInstallCommand(platform: string = runtime.platform): string {
  switch (platform) {
    case "darwin":
      return "brew install openblas";
    case "windows":
      return "put libopenblas.dll (github.com/OpenMathLib/OpenBLAS/releases) into a folder of PATH";
    default:
      return "apt-get install libopenblas0-pthread";
  }
}

/**
 * Looks for OpenBLAS and opens it.
 *
 * @param option `"auto"`, `"off"` or a path; `undefined` means `ESCNN_OPENBLAS`, else `"auto"`.
 * @param threads Threads that will call it.
 * @throws BackendError when a path was given (as option or variable) and the library there cannot be used.
 */
export function findOpenblas(option: string | undefined, threads: number): BlasSearch {
  const wanted = option ?? (runtime.env(VARIABLE) || "auto");
  if (wanted === "off") {
    const by = option === undefined ? `by ${VARIABLE}=off` : 'by the option openblas: "off"';
    return { opened: undefined, reason: `OpenBLAS switched off ${by}`, detail: "off" };
  }
  const explicit = wanted !== "auto";
  const install = openblasInstallCommand();
  try {
    const library = withBlasEnvironment(() =>
      openLibrary({
        name: "OpenBLAS",
        candidates: explicit ? [wanted] : openblasCandidates(),
        symbols: OPENBLAS_SYMBOLS,
        install,
      })
    );
    return { opened: examine(library, threads, install) };
  } catch (error) {
    const failure = describeFailure(error, install);
    // With a path in the environment and no native calls at all, falling back is right: the variable is set for all programs.
    if (explicit && !(option === undefined && error instanceof FfiUnavailableError)) {
      throw new BackendError({
        op: option === undefined ? VARIABLE : "cpu option openblas",
        expected: "the path of an OpenBLAS with 32-bit integers",
        actual: `"${wanted}": ${failure.detail}`,
        hint: `Install OpenBLAS (${install}), or say "off" to do without`,
      }, { cause: error });
    }
    return { opened: undefined, ...failure };
  }
}

function describeFailure(error: unknown, install: string): { reason: string; detail: string } {
  const detail = error instanceof Error ? error.message : String(error);
  if (error instanceof FfiUnavailableError || error instanceof LibraryNotFoundError) {
    if (error.missingPermission !== undefined) {
      return { reason: `OpenBLAS not used: run with ${error.missingPermission}`, detail };
    }
    if (error instanceof FfiUnavailableError) {
      return { reason: `OpenBLAS not used: ${error.install ?? "this runtime cannot call native libraries"}`, detail };
    }
    return { reason: `OpenBLAS not found: ${install}`, detail };
  }
  if (error instanceof MissingSymbolError) return { reason: `OpenBLAS not used: ${detail}`, detail };
  return { reason: `OpenBLAS not used: ${detail}`, detail };
}

/** Reads what was opened and sets it to one thread. Closes and throws when our threads cannot use it. */
function examine(library: Library<typeof OPENBLAS_SYMBOLS>, threads: number, install: string): OpenedBlas {
  const { openblas_get_config, openblas_get_corename, openblas_get_parallel, openblas_set_num_threads } =
    library.symbols;
  const { readCString } = loadFfi();
  const config = openblas_get_config === undefined ? "" : readCString(openblas_get_config());
  const refuse = (what: string, hint: string): never => {
    library.close();
    throw new Error(`${library.path} ${what} (${config}); ${hint}`);
  };
  if (/USE64BITINT/.test(config)) {
    refuse("is a build with 64-bit integers", `install one with 32-bit integers: ${install}`);
  }
  if (threads > 1 && openblas_get_parallel?.() === 0) {
    refuse("is a serial build, which several threads must not call at once", `install a threaded one: ${install}`);
  }
  openblas_set_num_threads?.(1);
  const version = /OpenBLAS ([\d.]+\w*)/.exec(config)?.[1] ?? "unknown";
  const core = openblas_get_corename === undefined ? "unknown" : readCString(openblas_get_corename());
  const description = version === "unknown" ? `BLAS at ${library.path}` : `OpenBLAS ${version} (${core})`;
  return { library, description, version, core };
}

/**
 * What workers need to open the same library.
 *
 * @param opened The library.
 * @param heap A shared heap, whose address stays the same.
 */
export function nativeSupport({ library }: OpenedBlas, heap: WebAssemblyHeap): NativeSupport {
  const adapter = loadFfi();
  return {
    source: WORKER_FFI_SOURCE,
    library: workerLibrary(adapter, library.path, GEMM_SYMBOLS),
    base: adapter.addressOf(heap.memory.buffer),
  };
}

/**
 * Makes the products kernels and tries them.
 *
 * @throws BackendError when a product of small integers is not exact.
 */
export function registerBlas(
  { library, description }: OpenedBlas,
  executor: ThreadExecutor,
  heap: WebAssemblyHeap,
): Blas {
  const { cblas_sgemm, cblas_dgemm } = library.symbols;
  const gemm = (name: string, fn: typeof cblas_sgemm) =>
    executor.registerNative({ name, pointers: GEMM_POINTERS, fn: fn as (...args: number[]) => void });
  const blas: Blas = { sgemm: gemm("cblas_sgemm", cblas_sgemm), dgemm: gemm("cblas_dgemm", cblas_dgemm), description };
  probe(blas, heap, library.path);
  return blas;
}

/** C = 2 · A · Bᵀ − C for A = [[1, 2, 3], [4, 5, 6]], B = [[1, 0, 2], [3, 1, 0]], C = 1, with gaps between the rows. */
function probe(blas: Blas, heap: WebAssemblyHeap, path: string): void {
  const pointer = heap.reserve(3 * 64);
  for (const [kernel, view, size] of [[blas.sgemm, heap.f32(), 4], [blas.dgemm, heap.f64(), 8]] as const) {
    const [a, b, c] = [0, 8, 16].map((start) => pointer / size + start);
    view.set([1, 2, 3, 9, 4, 5, 6, 9], a);
    view.set([1, 0, 2, 9, 3, 1, 0, 9], b);
    view.set([1, 1, 7, 1, 1, 7], c);
    const { rowMajor, noTrans, trans } = CBLAS;
    kernel.invoke(rowMajor, noTrans, trans, 2, 2, 3, 2, a * size, 4, b * size, 4, -1, c * size, 3);
    const result = [...view.subarray(c, c + 6)];
    if (result.join() === "13,9,7,31,33,7") continue;
    heap.release(pointer);
    throw new BackendError({
      op: kernel.name,
      expected: "[13, 9, 7, 31, 33, 7] as the probe's product",
      actual: `[${result.join(", ")}]`,
      hint: `The library at ${path} is not a BLAS with 32-bit integers: set ESCNN_OPENBLAS to another one, or to "off"`,
    });
  }
  heap.release(pointer);
}
