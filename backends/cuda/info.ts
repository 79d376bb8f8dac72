/**
 * What `backendInfo()` says about the cuda backend: device, memory, versions and files of the libraries, and how kernels are kept.
 */

import type { BackendInfo } from "../../src/tensor/backend.ts";
import type { CudaSystem } from "./create_context.ts";
import { CudaError } from "./errors.ts";
import { cublasVersionText, cudaVersionText, cudnnVersionText } from "./versions.ts";

const GIB = 2 ** 30;

/** Describes a running system; `undefined` stands for one that has been disposed. */
export function describeSystem(system: CudaSystem, running: boolean): BackendInfo {
  const { device, versions, precision, benchmark, workspaceLimit, synchronous, kernels } = system;
  const free = running ? freeBytes(system) : undefined;
  const [major, minor] = device.computeCapability;
  const gib = (bytes: number) => `${(bytes / GIB).toFixed(1)} GiB`;
  const memory = free === undefined ? gib(device.totalBytes) : `${gib(free)} free of ${gib(device.totalBytes)}`;
  const texts = {
    driver: `CUDA ${cudaVersionText(versions.driver)}`,
    nvrtc: versions.nvrtc.join("."),
    cublas: cublasVersionText(versions.cublas),
    cudnn: cudnnVersionText(versions.cudnn),
  };
  const details: { [fact: string]: string | number | boolean } = {
    device: device.name,
    ordinal: device.ordinal,
    computeCapability: `${major}.${minor}`,
    multiprocessors: device.multiprocessors,
    totalBytes: device.totalBytes,
    driver: texts.driver,
    driverPath: versions.driverPath,
    nvrtc: texts.nvrtc,
    nvrtcPath: versions.nvrtcPath,
    cublas: texts.cublas,
    cublasPath: versions.cublasPath,
    cudnn: texts.cudnn,
    cudnnPath: versions.cudnnPath,
    precision,
    benchmark,
    workspaceLimit,
    synchronous,
    pinnedBytes: system.staging.pinnedBytes,
    recordings: system.recorder.liveRecordings,
    lost: system.driver.lost,
    ...kernels.details,
  };
  if (free !== undefined) details.freeBytes = free;
  const libraries = `driver for ${texts.driver}, NVRTC ${texts.nvrtc}, cuBLAS ${texts.cublas}, cuDNN ${texts.cudnn}`;
  return {
    name: "cuda",
    description: `cuda: ${device.name} (sm_${major}${minor}, ${memory}); ${libraries}; ${precision} precision`,
    details,
  };
}

/** Free memory of the device; `undefined` when it cannot say. */
function freeBytes({ driver }: CudaSystem): number | undefined {
  try {
    return driver.memoryInfo().free;
  } catch (error) {
    if (error instanceof CudaError) return undefined;
    throw error;
  }
}
