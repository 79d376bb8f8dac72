/**
 * Opening the four libraries. Each is opened once in a process and stays open: NVIDIA's libraries keep threads and exit handlers,
 * and unloading them under these crashes. What cannot be opened is told with the places that were looked into.
 */

import {
  FfiUnavailableError,
  type Library,
  LibraryNotFoundError,
  MissingSymbolError,
  openLibrary,
  type SymbolTable,
} from "../../ffi/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { BackendError } from "../../src/tensor/errors.ts";
import { HOME_VARIABLE, LIBRARIES, libraryCandidates, libraryFolders, type LibraryRole } from "./search.ts";
import { CUBLAS_SYMBOLS } from "./symbols/cublas.ts";
import { CUDNN_SYMBOLS } from "./symbols/cudnn.ts";
import { DRIVER_SYMBOLS } from "./symbols/driver.ts";
import { NVRTC_SYMBOLS } from "./symbols/nvrtc.ts";

/** The start that fails, as the user wrote it. */
export const START = 'useBackend("cuda")';

/** The opened libraries but the driver. */
export interface ToolkitLibraries {
  /** The compiler. */
  readonly nvrtc: Library<typeof NVRTC_SYMBOLS>;
  /** Matrix products. */
  readonly cublas: Library<typeof CUBLAS_SYMBOLS>;
  /** Convolutions. */
  readonly cudnn: Library<typeof CUDNN_SYMBOLS>;
}

/** Libraries that are open, by role and what was tried. */
const opened = new Map<string, Library<SymbolTable>>();

/**
 * The CUDA driver.
 *
 * @throws BackendError when there is none, it lacks functions, or native code cannot be called.
 */
export async function openDriver(): Promise<Library<typeof DRIVER_SYMBOLS>> {
  return await open("driver", DRIVER_SYMBOLS, [13], []);
}

/**
 * NVRTC, cuBLAS and cuDNN, all before any is used.
 *
 * @param majors Major versions of CUDA that the driver can run, the best first.
 * @throws BackendError as {@linkcode openDriver}.
 */
export async function openToolkit(majors: readonly number[]): Promise<ToolkitLibraries> {
  const folders = await libraryFolders();
  // cuDNN is of one version of CUDA, and takes the other two of that version where they are already in the process when it needs them.
  const cudnn = await open("cudnn", CUDNN_SYMBOLS, majors, folders);
  const built = Math.floor(cudnn.symbols.cudnnGetCudartVersion() / 1000);
  const order = majors.toSorted((a, b) => Number(b === built) - Number(a === built));
  return {
    nvrtc: await open("nvrtc", NVRTC_SYMBOLS, order, folders),
    cublas: await open("cublas", CUBLAS_SYMBOLS, order, folders),
    cudnn,
  };
}

async function open<const S extends SymbolTable>(
  role: LibraryRole,
  symbols: S,
  majors: readonly number[],
  folders: readonly string[],
): Promise<Library<S>> {
  const { name, install, variable, files } = LIBRARIES[role];
  if (runtime.env(variable) === "off") {
    throw new BackendError({
      op: START,
      expected: `${name} to be allowed`,
      actual: `${variable}=off`,
      hint: `Unset ${variable}`,
    });
  }
  const { paths, searched } = await libraryCandidates(role, majors, folders);
  const key = `${role} ${paths.join("\n")}`;
  const known = opened.get(key);
  if (known !== undefined) return known as unknown as Library<S>;
  try {
    const library = openLibrary({ name, candidates: paths, symbols, install });
    opened.set(key, library as unknown as Library<SymbolTable>);
    return library;
  } catch (error) {
    const places = role === "driver" ? variable : `${HOME_VARIABLE} or ${variable}`;
    const wanted = [...new Set(majors.map((major) => files(major, runtime.platform === "windows")))].join(" or ");
    const details = describe(error, searched);
    throw new BackendError({
      op: START,
      expected: `${name} (${wanted})`,
      actual: details.actual,
      hint: details.hint ?? `${capitalize(install)}, or set ${places} to where it is`,
    }, { cause: error });
  }
}

function describe(error: unknown, searched: readonly string[]): { readonly actual: string; readonly hint?: string } {
  if (error instanceof FfiUnavailableError) {
    const hint = error.missingPermission === undefined ? error.install : `Run with ${error.missingPermission}`;
    return { actual: error.message, hint };
  }
  if (error instanceof MissingSymbolError) {
    return { actual: `a library without ${error.missing.join(", ")} at ${error.path}` };
  }
  if (error instanceof LibraryNotFoundError) {
    if (error.missingPermission !== undefined) {
      return { actual: "no permission to open it", hint: `Run with ${error.missingPermission}` };
    }
    // The loader's words matter for files that are there; that a bare name was not found says nothing new.
    const reasons = error.tried.filter(({ path }) => path.includes("/")).map(({ path, reason }) =>
      `${path}: ${reason}`
    );
    const where = searched.length > 8 ? [...searched.slice(0, 8), `${searched.length - 8} more folders`] : searched;
    return { actual: `none in ${where.join(", ")}${reasons.length > 0 ? ` (${reasons.join("; ")})` : ""}` };
  }
  return { actual: error instanceof Error ? error.message : String(error) };
}

function capitalize(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
