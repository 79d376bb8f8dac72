/**
 * The error of a native call that failed: which function of which library, the status with the library's own name and text for
 * it, and during which operation. It is a BackendError, so whoever handles those handles it.
 */

import { BackendError } from "../../src/tensor/errors.ts";

/** The facts of a failed call. */
export interface CudaFailure {
  /** The library: `CUDA driver`, `cuBLAS`, `cuDNN`, `NVRTC`. */
  readonly library: string;
  /** The function: `cuLaunchKernel`. */
  readonly call: string;
  /** The status that it gave. */
  readonly status: number;
  /** The library's name or text for that status. */
  readonly text: string;
  /** What was being done: `matmul [2, 3] × [3, 4] of float32`. */
  readonly operation?: string;
  /** Whether nothing works any more on this device, in most cases until the process ends. */
  readonly deviceLost?: boolean;
  /** What to do about it. */
  readonly hint?: string;
}

const LOST_HINT = "The device's context is lost and its tensors with it, and CUDA works again in a new process only: " +
  "end this one, or go on with the cpu backend";

/** A function of the driver, cuBLAS, cuDNN or NVRTC failed. */
export class CudaError extends BackendError {
  /** The facts of the failure. */
  readonly failure: CudaFailure;

  /** Makes the error from its facts. */
  constructor(failure: CudaFailure, options?: ErrorOptions) {
    const { library, call, status, text, operation, deviceLost, hint } = failure;
    super({
      op: operation === undefined ? call : `${operation}: ${call}`,
      expected: `success of ${library}`,
      actual: `status ${status}: ${text}`,
      hint: hint ?? (deviceLost === true ? LOST_HINT : undefined),
    }, options);
    this.name = "CudaError";
    this.failure = failure;
  }

  /** The same error with what was being done. */
  during(operation: string): CudaError {
    return new CudaError({ ...this.failure, operation }, { cause: this });
  }
}

/**
 * Statuses of the driver after which every call on the context fails: deinitialized (4), a device that went away (46), an error that memory
 * cannot correct (214), a lost link (220), a destroyed context (709), and those that end CUDA's work in the process.
 */
const LOST: ReadonlySet<number> = new Set([4, 46, 214, 220, 709]);

/**
 * Statuses that all calls give from then on, whatever is released and made anew, until the process ends: a contained error (226), what kernels
 * do wrong (700, 702, 710, 714 to 719, 721), and a server of the device that ended the process's work (810).
 */
const ENDS_PROCESS: ReadonlySet<number> = new Set([226, 700, 702, 710, 714, 715, 716, 717, 718, 719, 721, 810]);

/** Whether a status of the driver means that the context is lost. */
export function isDeviceLost(status: number): boolean {
  return LOST.has(status) || endsProcess(status);
}

/** Whether a status of the driver means that CUDA does not work any more in this process. */
export function endsProcess(status: number): boolean {
  return ENDS_PROCESS.has(status);
}
