// The compiler of kernels: what is compiled, what is taken from memory and from disk, and what is done with code that cannot be used.

import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { CudaError } from "../../../../backends/cuda/errors.ts";
import { NvrtcKernelCompiler } from "../../../../backends/cuda/kernels/compiler.ts";
import { KernelCache } from "../../../../backends/cuda/kernels/kernel_cache.ts";
import { BackendError } from "../../../../src/tensor/errors.ts";
import { temporaryDirectory } from "../../../support/files.ts";
import { test } from "../../../support/test.ts";

function failure(deviceLost = false): CudaError {
  return new CudaError({
    library: "CUDA driver",
    call: "cuModuleLoadData",
    status: 200,
    text: "invalid image",
    deviceLost,
  });
}

/** A driver and a compiler that note what they are asked for; code is the source's text. */
class Tools {
  readonly log: string[] = [];
  readonly loaded = new Set<number>();
  /** Whether the driver takes a module. */
  accepts: (code: string, attempt: number) => CudaError | undefined = () => undefined;
  #next = 1;
  #attempts = 0;

  readonly driver = {
    loadModule: (image: Uint8Array): number => {
      const code = new TextDecoder().decode(image);
      const error = this.accepts(code, this.#attempts++);
      if (error !== undefined) throw error;
      this.log.push(`load ${code}`);
      this.loaded.add(this.#next);
      return this.#next++;
    },
    moduleFunction: (module: number, name: string): number => {
      this.log.push(`function ${name}`);
      return 100 * module + name.length;
    },
    unloadModule: (module: number): void => {
      this.loaded.delete(module);
    },
  };

  readonly nvrtc = {
    version: () => [13, 0] as const,
    architectures: () => [80, 90],
    compile: (source: string, options: readonly string[]) => {
      this.log.push(`compile ${source} ${options.join(" ")}`);
      return new TextEncoder().encode(`code of ${source}`);
    },
  };

  compiler(cache = new KernelCache("off")): NvrtcKernelCompiler {
    return new NvrtcKernelCompiler({ driver: this.driver, nvrtc: this.nvrtc, capability: [9, 0], cache });
  }
}

test("NvrtcKernelCompiler compiles a source once for each set of options", () => {
  const tools = new Tools(), compiler = tools.compiler();
  const [first, second] = compiler.kernel("s", ["a", "bb"]);
  assertEquals([first, second], [{ name: "a", handle: 101 }, { name: "bb", handle: 102 }]);
  assertEquals(compiler.kernel("s", ["bb"])[0], second);
  assertEquals(tools.log, [
    "compile s --gpu-architecture=sm_90 --std=c++17 --fmad=false --minimal",
    "load code of s",
    "function a",
    "function bb",
  ]);
  assertEquals(compiler.kernel("s", ["a"], { fmad: true })[0].handle, 201);
  assertStringIncludes(tools.log[4], "--fmad=true");
  assertEquals(compiler.details.kernelsCompiled, 2);
  assertEquals(compiler.details.kernelArchitecture, "sm_90");
  compiler.dispose();
  assertEquals(tools.loaded.size, 0);
});

test("NvrtcKernelCompiler takes from disk what another process compiled", async () => {
  await using folder = await temporaryDirectory();
  new Tools().compiler(new KernelCache(folder.path)).kernel("s", ["a"]);
  const tools = new Tools(), compiler = tools.compiler(new KernelCache(folder.path));
  compiler.kernel("s", ["a"]);
  assertEquals(tools.log, ["load code of s", "function a"]);
  assertEquals(compiler.details.kernelsFromDisk, 1);
  assertEquals(compiler.details.kernelsCompiled, 0);
  assertEquals(compiler.details.kernelCache, folder.path);
});

test("NvrtcKernelCompiler compiles anew what the driver does not take from disk, but not on a lost device", async () => {
  await using folder = await temporaryDirectory();
  new Tools().compiler(new KernelCache(folder.path)).kernel("s", ["a"]);
  const tools = new Tools(), compiler = tools.compiler(new KernelCache(folder.path));
  tools.accepts = (_, attempt) => attempt === 0 ? failure() : undefined;
  compiler.kernel("s", ["a"]);
  assertEquals(tools.log[0], "compile s --gpu-architecture=sm_90 --std=c++17 --fmad=false --minimal");
  const lost = new Tools();
  lost.accepts = () => failure(true);
  assertThrows(() => lost.compiler(new KernelCache(folder.path)).kernel("s", ["a"]), CudaError, "invalid image");
  assertEquals(lost.log, []);
});

test("NvrtcKernelCompiler keeps nothing of a source that fails, and does not write it to disk", async () => {
  await using folder = await temporaryDirectory();
  const tools = new Tools(), compiler = tools.compiler(new KernelCache(folder.path));
  tools.accepts = (_, attempt) => attempt === 0 ? failure() : undefined;
  assertThrows(() => compiler.kernel("s", ["a"]), CudaError);
  assertEquals(new KernelCache(folder.path).status, folder.path);
  assertEquals(compiler.details.kernelsCompiled, 0);
  compiler.kernel("s", ["a"]);
  assertEquals(tools.log.filter((line) => line.startsWith("compile")).length, 2);
});

test("NvrtcKernelCompiler compiles for a virtual architecture where the device is newer, and refuses an older one", () => {
  const { driver, nvrtc, log } = new Tools();
  const compiler = (capability: readonly [number, number]) =>
    new NvrtcKernelCompiler({ driver, nvrtc, capability, cache: new KernelCache("off") });
  compiler([12, 0]).kernel("s", ["a"]);
  assertStringIncludes(log[0], "--gpu-architecture=compute_90 ");
  assertThrows(() => compiler([7, 5]), BackendError, "sm_75");
});
