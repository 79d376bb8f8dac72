/**
 * Which versions go together: CUDA 12 and 13, cuDNN 9, and a driver that is not older than the libraries. A version that does not fit is told with the version found, where, and what is needed.
 */

import { BackendError } from "../../src/tensor/errors.ts";
import { START } from "./libraries.ts";

/** Major versions of CUDA that the backend knows, the newest first. */
export const CUDA_MAJORS: readonly number[] = [13, 12];

/** The major version of cuDNN that it knows. */
export const CUDNN_MAJOR = 9;

/** 12040 → "12.4". */
export function cudaVersionText(version: number): string {
  return `${Math.floor(version / 1000)}.${Math.floor((version % 1000) / 10)}`;
}

/** 91002 → "9.10.2". */
export function cudnnVersionText(version: number): string {
  return `${Math.floor(version / 10000)}.${Math.floor((version % 10000) / 100)}.${version % 100}`;
}

/** 130200 → "13.2.0": cuBLAS counts patches in two digits. */
export function cublasVersionText(version: number): string {
  return `${Math.floor(version / 10000)}.${Math.floor((version % 10000) / 100)}.${version % 100}`;
}

/**
 * The major versions of CUDA whose libraries a driver can run, the best first.
 *
 * @throws BackendError when the driver is older than all of them.
 */
export function usableMajors(driverVersion: number, path: string): number[] {
  const majors = CUDA_MAJORS.filter((major) => driverVersion >= major * 1000);
  if (majors.length === 0) {
    throw new BackendError({
      op: START,
      expected: "a CUDA driver for CUDA 12.0 or later",
      actual: `one for CUDA ${cudaVersionText(driverVersion)} at ${path}`,
      hint: "Update NVIDIA's driver to version 525 or later",
    });
  }
  return majors;
}

/**
 * Checks the major version of a CUDA library.
 *
 * @param library Its name.
 * @param text Its version as people write it.
 * @param driverVersion As the driver gives it.
 * @throws BackendError naming both versions and the file.
 */
export function checkCudaLibrary(
  library: string,
  major: number,
  text: string,
  path: string,
  driverVersion: number,
): void {
  const driver = cudaVersionText(driverVersion);
  if (!CUDA_MAJORS.includes(major)) {
    throw new BackendError({
      op: START,
      expected: `${library} of CUDA 12 or 13`,
      actual: `version ${text} at ${path} (the driver supports CUDA ${driver})`,
      hint: "Install one of these, or set ESCNN_CUDA_HOME to where it is",
    });
  }
  if (major * 1000 > driverVersion) {
    throw new BackendError({
      op: START,
      expected: `a driver for CUDA ${major} because ${library} is ${text} (${path})`,
      actual: `a driver for CUDA ${driver}`,
      hint: `Update NVIDIA's driver, or install ${library} of CUDA ${Math.floor(driverVersion / 1000)}`,
    });
  }
}

/** Checks the version of cuDNN. @throws BackendError naming both versions and the file. */
export function checkCudnn(version: number, path: string): void {
  // Until version 8 the major version counted thousands.
  const major = version >= 90000 ? Math.floor(version / 10000) : Math.floor(version / 1000);
  if (major === CUDNN_MAJOR) return;
  const text = version >= 90000
    ? cudnnVersionText(version)
    : `${major}.${Math.floor((version % 1000) / 100)}.${version % 100}`;
  throw new BackendError({
    op: START,
    expected: `cuDNN ${CUDNN_MAJOR}`,
    actual: `cuDNN ${text} at ${path}`,
    hint: "pip install nvidia-cudnn-cu12 (or nvidia-cudnn-cu13), or set ESCNN_CUDNN to its path",
  });
}
