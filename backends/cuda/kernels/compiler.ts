/**
 * The compiler of kernels that the operations see: each source is compiled once for the device's architecture and loaded, from memory
 * or from the cache on disk where it has been seen before.
 */

import type { CudaKernel, KernelCompiler, KernelOptions } from "../context.ts";
import type { Driver } from "../driver.ts";
import { CudaError } from "../errors.ts";
import { chooseArchitecture, compileOptions, type Nvrtc } from "./compile.ts";
import { KernelCache, type KernelKey } from "./kernel_cache.ts";

/** What a {@linkcode NvrtcKernelCompiler} is made of. */
export interface KernelCompilerParts {
  /** Loads modules. */
  readonly driver: Pick<Driver, "loadModule" | "moduleFunction" | "unloadModule">;
  /** Compiles. */
  readonly nvrtc: Pick<Nvrtc, "version" | "architectures" | "compile">;
  /** The device's compute capability. */
  readonly capability: readonly [number, number];
  /** What is kept on disk. Default: the folder of `ESCNN_CUDA_CACHE` or of the user. */
  readonly cache?: KernelCache;
}

/** Compiles, keeps and loads kernels. */
export class NvrtcKernelCompiler implements KernelCompiler {
  readonly #parts: KernelCompilerParts;
  readonly #cache: KernelCache;
  readonly #architecture: string;
  readonly #version: readonly [number, number];
  /** Loaded modules by options and source. */
  readonly #modules = new Map<string, { readonly module: number; readonly kernels: Map<string, CudaKernel> }>();
  #compiled = 0;
  #fromDisk = 0;

  /** @throws BackendError when the compiler does not know the device's architecture. */
  constructor(parts: KernelCompilerParts) {
    this.#parts = parts;
    this.#cache = parts.cache ?? new KernelCache();
    this.#architecture = chooseArchitecture(parts.capability, parts.nvrtc.architectures());
    this.#version = parts.nvrtc.version();
  }

  /** Sources compiled and taken from disk, architecture, the cache's folder or why there is none. */
  get details(): { readonly [fact: string]: string | number | boolean } {
    return {
      kernelArchitecture: this.#architecture,
      kernelsCompiled: this.#compiled,
      kernelsFromDisk: this.#fromDisk,
      kernelCache: this.#cache.status,
    };
  }

  /** The kernels of a source. */
  kernel(source: string, entries: readonly string[], { fmad = false }: KernelOptions = {}): readonly CudaKernel[] {
    const id = `${fmad}\n${source}`;
    let loaded = this.#modules.get(id);
    if (loaded === undefined) {
      loaded = { module: this.#load(source, fmad), kernels: new Map() };
      this.#modules.set(id, loaded);
    }
    const { module, kernels } = loaded;
    return entries.map((name) => {
      let kernel = kernels.get(name);
      if (kernel === undefined) {
        kernel = { name, handle: this.#parts.driver.moduleFunction(module, name) };
        kernels.set(name, kernel);
      }
      return kernel;
    });
  }

  /** Unloads all modules; one that cannot be unloaded (a lost device) does not keep the others. */
  dispose(): void {
    for (const { module } of this.#modules.values()) {
      try {
        this.#parts.driver.unloadModule(module);
      } catch (error) {
        if (!(error instanceof CudaError)) throw error;
      }
    }
    this.#modules.clear();
  }

  #load(source: string, fmad: boolean): number {
    const { driver, nvrtc } = this.#parts;
    const options = compileOptions(this.#architecture, fmad, this.#version[0]);
    const key: KernelKey = { compiler: this.#version.join("."), architecture: this.#architecture, options, source };
    const kept = this.#cache.read(key);
    if (kept !== undefined) {
      try {
        const module = driver.loadModule(kept);
        this.#fromDisk++;
        return module;
      } catch (error) {
        // Code that the driver does not take is made anew; any other failure would come again.
        if (!(error instanceof CudaError) || error.failure.deviceLost === true) throw error;
      }
    }
    const code = nvrtc.compile(source, options);
    const module = driver.loadModule(code);
    this.#compiled++;
    this.#cache.write(key, code);
    return module;
  }
}
