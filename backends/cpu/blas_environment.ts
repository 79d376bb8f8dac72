/**
 * The environment in which OpenBLAS is opened. It reads its variables once, when it is loaded: which processor to assume
 * and how many threads to start. Releases before 0.3.22 take newer processors with AVX-512 for AVX2 ones (Debian's 0.3.21
 * on a Zen 4: half the speed), so the core is named for them; and its own threads are not wanted, because ours call it.
 *
 * The variables are set with the C library's `setenv`, because not every runtime's own reaches native code, and are removed
 * as soon as OpenBLAS is open, so that child processes do not inherit them.
 */

import { cLibraryCandidates, type Library, loadFfi, openLibrary } from "../../ffi/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import { C_LIBRARY_SYMBOLS } from "./openblas_symbols.ts";

/** The core with AVX-512 that every OpenBLAS since 0.3.0 knows. */
const AVX512_CORE = "SkylakeX";

/** What the kernels of that core use: bits of EBX in leaf 7 of CPUID (F, DQ, CD, BW, VL). */
const AVX512_BITS = (1 << 16) | (1 << 17) | (1 << 28) | (1 << 30) | (1 << 31);

/** The same as Linux lists them. */
const AVX512_FLAGS = ["avx512f", "avx512dq", "avx512cd", "avx512bw", "avx512vl"];

/** Whether a text in the form of Linux's `/proc/cpuinfo` has all parts of AVX-512 that OpenBLAS's kernels use. */
export function cpuinfoHasAvx512(text: string): boolean {
  const flags = new Set(/^flags\s*:(.*)$/m.exec(text)?.[1].trim().split(/\s+/));
  return AVX512_FLAGS.every((flag) => flags.has(flag));
}

/** The C library, opened. */
type CLibrary = Library<typeof C_LIBRARY_SYMBOLS>;

/** Opens the C library. Throws where native code cannot be called. */
export function openCLibrary(): CLibrary {
  return openLibrary({
    name: "the C library",
    candidates: cLibraryCandidates(),
    symbols: C_LIBRARY_SYMBOLS,
    install: "it is part of the system",
  });
}

/** Whether the processor and the system support AVX-512; false where that cannot be found out. */
export function hasAvx512({ symbols: { __x86_get_cpuid_feature_leaf: leafOf } }: CLibrary): boolean {
  if (runtime.platform !== "linux" || runtime.arch !== "x64") return false;
  if (leafOf !== undefined) {
    const active = new DataView(loadFfi().viewBytes(leafOf(1), 32).slice().buffer).getUint32(20, true);
    return (active & AVX512_BITS) === AVX512_BITS;
  }
  // Another C library, or an older one: the kernel's list is left, where it may be read.
  try {
    return cpuinfoHasAvx512(new TextDecoder().decode(runtime.readFileSync("/proc/cpuinfo")));
  } catch {
    return false;
  }
}

/** A zero-terminated string in a buffer of its own, which is long enough not to be moved by any engine. */
function cString(text: string): Uint8Array {
  const bytes = new Uint8Array(4096);
  new TextEncoder().encodeInto(text, bytes.subarray(0, bytes.length - 1));
  return bytes;
}

/**
 * Runs `open` with the variables set that OpenBLAS shall find; those that the user has set stay as they are.
 *
 * @param open Opens the library.
 * @param avx512 Whether the processor has AVX-512. Default: what the system says.
 * @returns What `open` returns.
 */
export function withBlasEnvironment<R>(open: () => R, avx512?: boolean): R {
  if (runtime.platform === "windows") return open();
  using library = openCLibrary();
  const wanted: [name: string, value: string][] = [["OPENBLAS_NUM_THREADS", "1"]];
  if (avx512 ?? hasAvx512(library)) wanted.push(["OPENBLAS_CORETYPE", AVX512_CORE]);
  const { getenv, setenv, unsetenv } = library.symbols;
  const added = wanted.map(([name, value]) => [cString(name), cString(value)] as const)
    .filter(([name]) => getenv(name) === 0);
  try {
    for (const [name, value] of added) setenv(name, value, 1);
    return open();
  } finally {
    for (const [name] of added) unsetenv(name);
  }
}
