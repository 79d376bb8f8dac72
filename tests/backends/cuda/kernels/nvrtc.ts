// The real NVRTC, which needs no GPU, for tests that compile kernels with it; `undefined` where it is not installed.

import { openLibrary } from "../../../../ffi/mod.ts";
import { compileOptions, Nvrtc } from "../../../../backends/cuda/kernels/compile.ts";
import { libraryCandidates, libraryFolders } from "../../../../backends/cuda/search.ts";
import { NVRTC_SYMBOLS } from "../../../../backends/cuda/symbols/nvrtc.ts";

/** Why tests are skipped. */
export const NO_NVRTC = "NVRTC is not installed (ESCNN_CUDA_HOME or ESCNN_NVRTC names its place)";

/** Architectures that kernels are compiled for, of those that the compiler knows. */
export const ARCHITECTURES: readonly number[] = [80, 90, 100];

/** What the emulator exports and NVIDIA's library does not. */
const EMULATOR_SYMBOL = { escnn_emulator_reset: { parameters: [], result: "void" } } as const;

/** Whether a library is the emulator, whose compiler says nothing about what NVIDIA's takes. */
function isEmulator(path: string): boolean {
  try {
    openLibrary({ name: "NVRTC", candidates: [path], symbols: EMULATOR_SYMBOL, install: "" }).close();
    return true;
  } catch {
    return false;
  }
}

/** Opens NVRTC. Where tests share a process one before may have put the emulator in its place: then there is none. */
export async function openNvrtc(): Promise<Nvrtc | undefined> {
  const { paths } = await libraryCandidates("nvrtc", [13, 12], await libraryFolders());
  try {
    const library = openLibrary({ name: "NVRTC", candidates: paths, symbols: NVRTC_SYMBOLS, install: "" });
    return isEmulator(library.path) ? undefined : new Nvrtc(library);
  } catch {
    return undefined;
  }
}

/** Compiles a source for all architectures; throws with the log. */
export function compileEverywhere(
  nvrtc: Nvrtc,
  source: string,
  { fmad = false, architectures = ARCHITECTURES }: { fmad?: boolean; architectures?: readonly number[] } = {},
): void {
  const known = nvrtc.architectures();
  for (const architecture of architectures.filter((one) => known.includes(one))) {
    const code = nvrtc.compile(source, compileOptions(`sm_${architecture}`, fmad, nvrtc.version()[0]));
    // A cubin is an ELF file.
    if (String.fromCharCode(...code.subarray(1, 4)) !== "ELF") throw new Error(`no ELF for sm_${architecture}`);
  }
}
