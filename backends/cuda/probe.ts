/**
 * Whether it is worth loading the cuda backend at all: a look for the driver that opens nothing and costs a few milliseconds less
 * than trying. `useBackend("auto")` asks it first, so that machines without NVIDIA's driver start as fast as ever.
 */

import { runtime } from "../../src/runtime/mod.ts";

/** Device files of NVIDIA's driver, on Linux and in WSL. */
const DEVICES: readonly string[] = ["/dev/nvidiactl", "/dev/dxg"];

/**
 * Whether there may be a GPU that CUDA can use. False in browsers, on systems without CUDA, without the device files, and where
 * `ESCNN_CUDA_DRIVER` says `off`; true when that variable gives a path.
 */
export async function mayHaveCuda(): Promise<boolean> {
  if (runtime.name === "browser" || runtime.platform === "darwin") return false;
  const given = runtime.env("ESCNN_CUDA_DRIVER");
  if (given) return given !== "off";
  if (runtime.platform === "windows") return await runtime.exists("C:/Windows/System32/nvcuda.dll");
  for (const device of DEVICES) {
    if (await runtime.exists(device)) return true;
  }
  return false;
}
