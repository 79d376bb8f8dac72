/**
 * NVRTC with checked calls: CUDA C in, code for one architecture out (a cubin; PTX for a device that the compiler does not know). An error carries the compiler's log and the
 * lines of the source that it names.
 */

import { type Library, loadFfi } from "../../../ffi/mod.ts";
import { BackendError } from "../../../src/tensor/errors.ts";
import { CudaError } from "../errors.ts";
import { HostBlock } from "../host_memory.ts";
import type { NVRTC_SYMBOLS } from "../symbols/nvrtc.ts";

/** The library's name in messages. */
export const NVRTC_NAME = "NVRTC";

/** `NVRTC_ERROR_COMPILATION`. */
const COMPILATION_FAILED = 6;
/** Characters of a log in a message. */
const LOG_LENGTH = 2000;

/** What the name of a virtual architecture starts with. */
const VIRTUAL = "compute_";

/**
 * The architecture to compile for: the device's own, else the highest one of its major version that the compiler knows, whose code runs
 * on the later ones; for a device of a later major version the highest virtual one (`compute_90`), whose code the driver translates.
 *
 * @param capability The device's compute capability.
 * @param supported What the compiler knows: 80, 86, 90, …
 * @throws BackendError when there is none.
 */
export function chooseArchitecture(capability: readonly [number, number], supported: readonly number[]): string {
  const [major, minor] = capability;
  const own = supported.filter((arch) => Math.floor(arch / 10) === major && arch % 10 <= minor);
  if (own.length > 0) return `sm_${Math.max(...own)}`;
  const earlier = supported.filter((arch) => Math.floor(arch / 10) < major);
  if (earlier.length === 0) {
    throw new BackendError({
      op: "NVRTC",
      expected: `a compiler for compute capability ${major}.${minor} (sm_${10 * major + minor})`,
      actual: `one for ${supported.map((arch) => `sm_${arch}`).join(", ")}`,
      hint: "Install a version of CUDA that knows the device",
    });
  }
  return `${VIRTUAL}${Math.max(...earlier)}`;
}

/**
 * The options with which kernels are compiled.
 *
 * @param architecture `sm_90` or `compute_90`.
 * @param fmad Whether a product and a sum may be fused.
 * @param major The compiler's major version; from 13 on it can leave out what no kernel here uses, which saves a fifth of the time.
 */
export function compileOptions(architecture: string, fmad: boolean, major: number): readonly string[] {
  const options = [`--gpu-architecture=${architecture}`, "--std=c++17", `--fmad=${fmad}`];
  return major >= 13 ? [...options, "--minimal"] : options;
}

/** The lines of a source that a log names as `kernel.cu(12)`, at most five, with their numbers; the first ones when it names none. */
export function namedLines(source: string, log: string): string {
  const lines = source.split("\n");
  const named = [...log.matchAll(/kernel\.cu\((\d+)\)/g)].map((match) => Number(match[1]));
  const chosen = [...new Set(named)].filter((line) => line >= 1 && line <= lines.length);
  const shown = chosen.length > 0 ? chosen.slice(0, 5) : lines.slice(0, 5).map((_, i) => i + 1);
  return shown.map((line) => `${line}: ${lines[line - 1]}`).join("\n");
}

/** The compiler. */
export class Nvrtc {
  readonly #library: Library<typeof NVRTC_SYMBOLS>;

  /** @param library The opened NVRTC. */
  constructor(library: Library<typeof NVRTC_SYMBOLS>) {
    this.#library = library;
  }

  /** Its version. */
  version(): readonly [major: number, minor: number] {
    using out = new HostBlock(16);
    this.#check("nvrtcVersion", this.#library.symbols.nvrtcVersion(out.address, out.address + 8));
    return [out.view.getInt32(0, true), out.view.getInt32(8, true)];
  }

  /** The architectures that it compiles for: 80, 86, 90, … */
  architectures(): readonly number[] {
    const { nvrtcGetNumSupportedArchs, nvrtcGetSupportedArchs } = this.#library.symbols;
    using count = new HostBlock(8);
    this.#check("nvrtcGetNumSupportedArchs", nvrtcGetNumSupportedArchs(count.address));
    const size = count.view.getInt32(0, true);
    using list = new HostBlock(4 * size);
    this.#check("nvrtcGetSupportedArchs", nvrtcGetSupportedArchs(list.address));
    return Array.from({ length: size }, (_, i) => list.view.getInt32(4 * i, true));
  }

  /**
   * Compiles a source.
   *
   * @param options `--gpu-architecture=sm_90` and others.
   * @returns The machine code; PTX where the architecture is a virtual one.
   * @throws CudaError with the log when the source is wrong.
   */
  compile(source: string, options: readonly string[]): Uint8Array<ArrayBuffer> {
    const { nvrtcCreateProgram, nvrtcDestroyProgram, nvrtcCompileProgram } = this.#library.symbols;
    using program = new HostBlock(8);
    using text = HostBlock.text(source);
    using name = HostBlock.text("kernel.cu");
    this.#check("nvrtcCreateProgram", nvrtcCreateProgram(program.address, text.address, name.address, 0, 0, 0));
    const handle = program.readAddress(0);
    try {
      // One after another in one block, which is there for as long as the call takes.
      const texts = options.map((option) => new TextEncoder().encode(`${option}\0`));
      using words = new HostBlock(texts.reduce((sum, { length }) => sum + length, 0));
      using list = new HostBlock(8 * options.length);
      let end = 0;
      texts.forEach((text, i) => {
        words.bytes.set(text, end);
        list.writeAddress(8 * i, words.address + end);
        end += text.length;
      });
      const status = nvrtcCompileProgram(handle, options.length, list.address);
      if (status === COMPILATION_FAILED) throw this.#compilationError(handle, source, status);
      this.#check("nvrtcCompileProgram", status);
      return this.#code(handle, options.some((option) => option.includes(`=${VIRTUAL}`)));
    } finally {
      nvrtcDestroyProgram(program.address);
    }
  }

  #code(program: number, isPtx: boolean): Uint8Array<ArrayBuffer> {
    const { nvrtcGetCUBINSize, nvrtcGetCUBIN, nvrtcGetPTXSize, nvrtcGetPTX } = this.#library.symbols;
    using size = new HostBlock(8);
    if (isPtx) {
      this.#check("nvrtcGetPTXSize", nvrtcGetPTXSize(program, size.address));
      // With the zero byte behind the text, which tells the driver where it ends.
      using text = new HostBlock(size.readAddress(0));
      this.#check("nvrtcGetPTX", nvrtcGetPTX(program, text.address));
      return text.bytes.slice();
    }
    this.#check("nvrtcGetCUBINSize", nvrtcGetCUBINSize(program, size.address));
    using code = new HostBlock(size.readAddress(0));
    this.#check("nvrtcGetCUBIN", nvrtcGetCUBIN(program, code.address));
    return code.bytes.slice();
  }

  #compilationError(program: number, source: string, status: number): CudaError {
    const { nvrtcGetProgramLogSize, nvrtcGetProgramLog } = this.#library.symbols;
    using size = new HostBlock(8);
    this.#check("nvrtcGetProgramLogSize", nvrtcGetProgramLogSize(program, size.address));
    using block = new HostBlock(size.readAddress(0) + 1);
    this.#check("nvrtcGetProgramLog", nvrtcGetProgramLog(program, block.address));
    const log = block.readText().trim();
    return new CudaError({
      library: NVRTC_NAME,
      call: "nvrtcCompileProgram",
      status,
      text: `${this.#describe(status)}\n${log.slice(0, LOG_LENGTH)}\n${namedLines(source, log)}\n`,
      hint: "This is a defect of the library: please report it with this message",
    });
  }

  #describe(status: number): string {
    return loadFfi().readCString(this.#library.symbols.nvrtcGetErrorString(status));
  }

  #check(call: string, status: number): void {
    if (status === 0) return;
    throw new CudaError({ library: NVRTC_NAME, call, status, text: this.#describe(status) });
  }
}
