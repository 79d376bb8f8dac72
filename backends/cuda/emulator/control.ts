/**
 * The emulator seen from tests: it is built, put in the place of NVIDIA's libraries, looked into (what is live, how often a function was
 * called), and made to fail.
 */

import { type Library, loadFfi, openLibrary, type SymbolTable } from "../../../ffi/mod.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { HostBlock } from "../host_memory.ts";
import { buildEmulator } from "./build.ts";

/** The functions by which a test looks into the emulator. */
export const CONTROL_SYMBOLS = {
  // int escnn_emulator_fail(const char* name, int64_t occurrence, int status);
  escnn_emulator_fail: { parameters: ["pointer", "i64", "i32"], result: "i32" },
  // void escnn_emulator_lose(int status);
  escnn_emulator_lose: { parameters: ["i32"], result: "void" },
  // int escnn_emulator_set(const char* name, int64_t value);
  escnn_emulator_set: { parameters: ["pointer", "i64"], result: "i32" },
  // int64_t escnn_emulator_calls(const char* name);
  escnn_emulator_calls: { parameters: ["pointer"], result: "i64" },
  // const char* escnn_emulator_message();
  escnn_emulator_message: { parameters: [], result: "pointer" },
  // void escnn_emulator_reset();
  escnn_emulator_reset: { parameters: [], result: "void" },
  // int64_t escnn_emulator_live(const char* what);
  escnn_emulator_live: { parameters: ["pointer"], result: "i64" },
} as const satisfies SymbolTable;

/** What can be live. */
export const LIVE_KINDS = [
  "contexts",
  "streams",
  "events",
  "graphs",
  "executables",
  "modules",
  "programs",
  "cublas",
  "cudnn",
  "tensorDescriptors",
  "filterDescriptors",
  "convolutionDescriptors",
  "poolingDescriptors",
  "deviceAllocations",
  "deviceBytes",
  "pinnedAllocations",
  "pinnedBytes",
] as const;

/** One of them. */
export type LiveKind = typeof LIVE_KINDS[number];

/** What a test can set; `objects.cpp` says what each means and its default. */
export type EmulatorSetting =
  | "driverVersion"
  | "nvrtcMajor"
  | "nvrtcMinor"
  | "cublasVersion"
  | "cudnnVersion"
  | "cudnnCudaVersion"
  | "devices"
  | "computeMajor"
  | "computeMinor"
  | "multiprocessors"
  | "totalBytes"
  | "reverse"
  | "careful";

/** The environment that puts a library in the place of all of NVIDIA's; kernels are cached by the emulator alone. */
export function emulatorEnvironment(path: string): Record<string, string> {
  return {
    ESCNN_CUDA_DRIVER: path,
    ESCNN_NVRTC: path,
    ESCNN_CUBLAS: path,
    ESCNN_CUDNN: path,
    ESCNN_CUDA_CACHE: "off",
  };
}

/** Variables that this module graph sees in place of the environment's. */
const overrides: Record<string, string> = {};
let overridden = false;

/**
 * Lets `runtime.env` give these values, in this module graph only: the process's environment is shared by test files that run in threads
 * beside each other.
 */
export function overrideEnvironment(values: Record<string, string>): void {
  Object.assign(overrides, values);
  if (overridden) return;
  overridden = true;
  const env = runtime.env.bind(runtime);
  Object.assign(runtime, { env: (name: string) => overrides[name] ?? env(name) });
}

/** Lets `runtime.env` give the environment's own values again. */
export function restoreEnvironment(): void {
  for (const name of Object.keys(overrides)) delete overrides[name];
}

/** The emulator of this thread. */
export class Emulator {
  /** The library's path. */
  readonly path: string;
  readonly #library: Library<typeof CONTROL_SYMBOLS>;
  readonly #before: ReadonlyMap<LiveKind, number>;

  private constructor(path: string, library: Library<typeof CONTROL_SYMBOLS>) {
    this.path = path;
    this.#library = library;
    this.#before = new Map(LIVE_KINDS.map((kind) => [kind, this.live(kind)]));
  }

  /** Builds the emulator where needed, opens it, and puts it in the place of all of NVIDIA's libraries for this module graph. */
  static async start(): Promise<Emulator> {
    const path = await buildEmulator();
    overrideEnvironment(emulatorEnvironment(path));
    return Emulator.open(path);
  }

  /** Opens a built emulator. */
  static open(path: string): Emulator {
    const library = openLibrary({
      name: "the emulator of CUDA",
      candidates: [path],
      symbols: CONTROL_SYMBOLS,
      install: "build it with a C++ compiler",
    });
    return new Emulator(path, library);
  }

  /**
   * Makes a call fail; several calls of a function can be told.
   *
   * @param name The exported function: `cuMemAlloc_v2`.
   * @param occurrence Which call from now on; 1 is the next.
   * @param status What it gives.
   */
  fail(name: string, occurrence: number, status: number): void {
    using text = HostBlock.text(name);
    if (this.#library.symbols.escnn_emulator_fail(text.address, occurrence, status) !== 1) {
      throw new RangeError(`Expected an occurrence from 1 on, got ${occurrence}`);
    }
  }

  /** From now on every call that needs the device gives `status`; 0 brings the device back. */
  lose(status: number): void {
    this.#library.symbols.escnn_emulator_lose(status);
  }

  /** Changes a setting. */
  set(name: EmulatorSetting, value: number): void {
    using text = HostBlock.text(name);
    if (this.#library.symbols.escnn_emulator_set(text.address, value) !== 1) {
      throw new RangeError(`The emulator has no setting ${name}`);
    }
  }

  /** How often an exported function was called since the last reset. */
  calls(name: string): number {
    using text = HostBlock.text(name);
    return this.#library.symbols.escnn_emulator_calls(text.address);
  }

  /** How much of a kind is live. */
  live(kind: LiveKind): number {
    using text = HostBlock.text(kind);
    return this.#library.symbols.escnn_emulator_live(text.address);
  }

  /**
   * What is live and was not when this object was made, by kind; empty when nothing is. A failed test file that ran on this thread before
   * may have left something.
   */
  leaks(): Partial<Record<LiveKind, number>> {
    const found: Partial<Record<LiveKind, number>> = {};
    for (const kind of LIVE_KINDS) {
      const count = this.live(kind) - (this.#before.get(kind) ?? 0);
      if (count !== 0) found[kind] = count;
    }
    return found;
  }

  /** What was wrong in the last refused call. */
  message(): string {
    return loadFfi().readCString(this.#library.symbols.escnn_emulator_message());
  }

  /** Forgets faults, settings, counters and the message; what is live stays. */
  reset(): void {
    this.#library.symbols.escnn_emulator_reset();
  }
}
