/**
 * Starts the device: finds and checks the libraries, takes the context, and builds on it memory, stream, compiler and handles. Each
 * step says how to undo it, so that a start that fails half-way leaves nothing behind, and `dispose` undoes all in reverse.
 */

import { loadFfi } from "../../ffi/mod.ts";
import { runtime } from "../../src/runtime/mod.ts";
import type { BackendOptions, MatmulCall, ReducedPrecision } from "../../src/tensor/backend.ts";
import { ArgumentError, BackendError, OutOfMemoryError } from "../../src/tensor/errors.ts";
import { CudaAllocator } from "./allocator.ts";
import type { CudaContext, CudaKernel, DeviceFacts, Extent3, KernelCompiler } from "./context.ts";
import { Cublas, type CudaPrecision, type Gemm } from "./cublas.ts";
import { Cudnn } from "./cudnn.ts";
import { DEVICE_ATTRIBUTES, Driver, DRIVER_NAME, OUT_OF_MEMORY } from "./driver.ts";
import { CudaError, endsProcess } from "./errors.ts";
import { IndexFaults } from "./index_faults.ts";
import { KernelArguments } from "./kernel_arguments.ts";
import { Nvrtc } from "./kernels/compile.ts";
import { NvrtcKernelCompiler } from "./kernels/compiler.ts";
import { openDriver, openToolkit, START } from "./libraries.ts";
import { Recorder } from "./recorder.ts";
import { ScratchSlots } from "./scratch.ts";
import { Staging } from "./staging.ts";
import {
  checkCudaLibrary,
  checkCudnn,
  cublasVersionText,
  cudaVersionText,
  cudnnVersionText,
  usableMajors,
} from "./versions.ts";

/** `CUDA_ERROR_NO_DEVICE`. */
const NO_DEVICE = 100;

/** Memory for cuBLAS to work in, as its manual advises: more since compute capability 9. */
const WORKSPACE_BYTES = { before9: 8 << 20, since9: 32 << 20 } as const;

/** Bytes of a convolution's workspace at most, unless told otherwise. */
const WORKSPACE_LIMIT = 1 << 30;

/** Options of the cuda backend. */
export type CudaOptions = Pick<
  BackendOptions,
  "device" | "precision" | "benchmark" | "memoryLimit" | "workspaceLimit" | "synchronous"
>;

/** Versions and files of what was opened. */
export interface CudaVersions {
  /** CUDA of the driver: 13000 is 13.0. */
  readonly driver: number;
  readonly driverPath: string;
  readonly nvrtc: readonly [number, number];
  readonly nvrtcPath: string;
  /** 130200 is 13.2.0. */
  readonly cublas: number;
  readonly cublasPath: string;
  /** 91002 is 9.10.2. */
  readonly cudnn: number;
  readonly cudnnPath: string;
}

/** Runs what undoes things, the latest first; an error of one does not keep the others. */
class Undo {
  readonly #steps: (() => void)[] = [];
  #first: unknown;

  push(step: () => void): void {
    this.#steps.push(step);
  }

  /** Runs a step and keeps its error. */
  readonly attempt = (step: () => void): void => {
    try {
      step();
    } catch (error) {
      this.#first ??= error;
    }
  };

  /** Runs all; gives the first error. */
  run(): unknown {
    for (const step of this.#steps.splice(0).reverse()) this.attempt(step);
    const error = this.#first;
    this.#first = undefined;
    return error;
  }
}

/** The one implementation of {@linkcode CudaContext}. */
export class CudaSystem implements CudaContext {
  readonly driver: Driver;
  readonly device: DeviceFacts;
  readonly stream: number;
  readonly allocator: CudaAllocator;
  readonly kernels: KernelCompiler;
  readonly scratchSlots: ScratchSlots;
  readonly staging: Staging;
  readonly recorder: Recorder;
  readonly cudnn: Cudnn;
  readonly versions: CudaVersions;
  readonly precision: CudaPrecision;
  readonly benchmark: boolean;
  /** Bytes of a convolution's workspace at most. */
  readonly workspaceLimit: number;
  /** Whether every operation is waited for. */
  readonly synchronous: boolean;
  readonly indexFaults: IndexFaults;
  readonly #cublas: Cublas;
  readonly #arguments = new KernelArguments();
  readonly #undo: Undo;
  #hasWorkspace = false;
  #precision: ReducedPrecision | undefined;
  #matmul: ((call: MatmulCall) => void) | undefined;

  /** Made by {@linkcode createSystem}. */
  constructor(parts: {
    driver: Driver;
    device: DeviceFacts;
    stream: number;
    allocator: CudaAllocator;
    kernels: KernelCompiler;
    staging: Staging;
    indexFaults: IndexFaults;
    cublas: Cublas;
    cudnn: Cudnn;
    versions: CudaVersions;
    options: CudaOptions;
    undo: Undo;
  }) {
    this.driver = parts.driver;
    this.device = parts.device;
    this.stream = parts.stream;
    this.allocator = parts.allocator;
    this.kernels = parts.kernels;
    this.staging = parts.staging;
    this.cudnn = parts.cudnn;
    this.versions = parts.versions;
    this.precision = parts.options.precision ?? "float32";
    this.benchmark = parts.options.benchmark ?? false;
    this.workspaceLimit = parts.options.workspaceLimit ?? WORKSPACE_LIMIT;
    this.synchronous = parts.options.synchronous ?? false;
    this.indexFaults = parts.indexFaults;
    this.scratchSlots = new ScratchSlots(parts.allocator);
    this.#cublas = parts.cublas;
    this.#undo = parts.undo;
    this.recorder = new Recorder(this);
    this.#undo.push(() => this.recorder.dispose(this.#undo.attempt));
  }

  arguments(): KernelArguments {
    return this.#arguments.clear();
  }

  launch(kernel: CudaKernel, grid: Extent3, block: Extent3, sharedBytes: number, args: KernelArguments): void {
    if (grid.includes(0) || block.includes(0)) return;
    this.driver.launchKernel(kernel, grid, block, sharedBytes, this.stream, args.address);
  }

  scratch(bytes: number, slot = 0): number {
    return this.scratchSlots.pointer(bytes, slot);
  }

  scalarsInMemory(scalars: readonly number[]): number {
    return this.recorder.scalarsInMemory(scalars);
  }

  indexReport(): number {
    return this.indexFaults.address;
  }

  /**
   * Waits for all that was issued.
   *
   * @throws ArgumentError for an index out of range in it.
   */
  synchronize(): void {
    this.staging.synchronize();
    this.indexFaults.check();
  }

  matmul(call: MatmulCall): void {
    if (this.#matmul === undefined) throw new TypeError("The operations have not been made yet");
    this.#matmul(call);
  }

  /** Sets what `matmul` runs; the operations are made after the system. */
  setMatmul(matmul: (call: MatmulCall) => void): void {
    this.#matmul = matmul;
  }

  /** Runs work that is made of products; their factors may be rounded to `precision`. */
  atPrecision(precision: ReducedPrecision | undefined, work: () => void): void {
    this.#precision = precision;
    try {
      work();
    } finally {
      this.#precision = undefined;
    }
  }

  /** A product by cuBLAS. */
  gemm(product: Gemm): void {
    this.driver.makeCurrent();
    if (!this.#hasWorkspace) {
      const bytes = this.device.computeCapability[0] >= 9 ? WORKSPACE_BYTES.since9 : WORKSPACE_BYTES.before9;
      this.#cublas.setWorkspace(this.allocator.allocateInternal(bytes).pointer, bytes);
      this.#hasWorkspace = true;
    }
    const precision = product.precision ?? this.#precision;
    this.#cublas.gemm(precision === undefined ? product : { ...product, precision });
  }

  /** Adds what is to be undone before the system itself. */
  onDispose(step: () => void): void {
    this.#undo.push(step);
  }

  /** Waits for the device and gives everything back. Throws the first error, unless the device is lost anyway. */
  dispose(): void {
    this.#undo.push(() => this.indexFaults.check());
    this.#undo.push(() => this.driver.synchronizeStream(this.stream));
    const error = this.#undo.run();
    if (error !== undefined && !this.driver.lost) throw error;
  }
}

/**
 * Starts a device.
 *
 * @throws BackendError when libraries are missing or of the wrong version, or there is no device; ArgumentError for wrong options;
 * CudaError when a call fails; OutOfMemoryError when the device has no memory left. Nothing is left behind.
 */
export async function createSystem(options: CudaOptions): Promise<CudaSystem> {
  validate(options);
  const undo = new Undo();
  try {
    return await build(options, undo);
  } catch (error) {
    undo.run();
    if (!(error instanceof CudaError)) throw error;
    if (error.failure.status === OUT_OF_MEMORY && error.failure.call.startsWith("cu")) {
      throw new OutOfMemoryError({
        op: START,
        expected: "memory for a context on the device",
        actual: `${error.failure.call}: ${error.failure.text}`,
        hint: "End other programs on the device, or choose another one with the option device",
      });
    }
    const { failure } = error;
    // As where an earlier backend of this process lost its device.
    const ended = failure.library === DRIVER_NAME && endsProcess(failure.status);
    const deviceLost = ended || failure.deviceLost === true;
    const check = "Check with nvidia-smi that driver and GPU work, and that nothing else holds the GPU";
    const hint = failure.hint ?? (ended ? undefined : check);
    throw new CudaError({ ...failure, operation: START, deviceLost, ...(hint === undefined ? {} : { hint }) }, {
      cause: error,
    });
  }
}

function validate(
  { device = 0, precision = "float32", memoryLimit = Infinity, workspaceLimit = 0, synchronous = false }: CudaOptions,
): void {
  const wrong = (expected: string, actual: unknown) => {
    throw new ArgumentError({ op: START, expected, actual: String(actual) });
  };
  if (!Number.isSafeInteger(device) || device < 0) wrong("device as the number of a device, from 0", device);
  if (precision !== "float32" && precision !== "tf32") wrong('precision "float32" or "tf32"', precision);
  if (typeof synchronous !== "boolean") wrong("synchronous as true or false", synchronous);
  if (!(workspaceLimit >= 0)) wrong("workspaceLimit as a number of bytes from 0 on", workspaceLimit);
  if (!(memoryLimit > 0)) wrong("memoryLimit as a number of bytes above 0", memoryLimit);
}

async function build(options: CudaOptions, undo: Undo): Promise<CudaSystem> {
  const adapter = loadDriverAdapter();
  const driverLibrary = await openDriver();
  const driver = new Driver(driverLibrary);
  const ordinal = options.device ?? 0;
  const driverVersion = chooseDevice(driver, ordinal);
  const libraries = await openToolkit(usableMajors(driverVersion, driverLibrary.path));
  const nvrtc = new Nvrtc(libraries.nvrtc);
  const nvrtcVersion = nvrtc.version();
  checkCudaLibrary("NVRTC", nvrtcVersion[0], nvrtcVersion.join("."), libraries.nvrtc.path, driverVersion);
  const cudnn = new Cudnn(libraries.cudnn, driver.relief);
  checkCudnn(cudnn.version(), libraries.cudnn.path);
  const builtFor = cudnn.cudaVersion();
  const cudnnText = `${cudnnVersionText(cudnn.version())} for CUDA ${cudaVersionText(builtFor)}`;
  checkCudaLibrary("cuDNN", Math.floor(builtFor / 1000), cudnnText, libraries.cudnn.path, driverVersion);

  const handle = driver.device(ordinal);
  const device = deviceFacts(driver, handle, ordinal);
  driver.retainContext(handle);
  undo.push(() => driver.releaseContext(handle));
  const stream = driver.createStream();
  undo.push(() => driver.destroyStream(stream));
  const allocator = new CudaAllocator(driver, stream, options.memoryLimit);
  undo.push(() => allocator.dispose(undo.attempt));
  driver.relief.setSource(allocator);
  const staging = new Staging(driver, stream, adapter);
  undo.push(() => staging.dispose(undo.attempt));
  const indexFaults = new IndexFaults(driver, adapter);
  undo.push(() => indexFaults.dispose());
  const kernels = new NvrtcKernelCompiler({ driver, nvrtc, capability: device.computeCapability });
  undo.push(() => kernels.dispose());
  const cublas = new Cublas(libraries.cublas, driver.relief);
  undo.push(() => cublas.destroy());
  cublas.create();
  const cublasVersion = cublas.version();
  const cublasText = cublasVersionText(cublasVersion);
  checkCudaLibrary("cuBLAS", Math.floor(cublasVersion / 10000), cublasText, libraries.cublas.path, driverVersion);
  cublas.configure(stream, options.precision ?? "float32");
  undo.push(() => cudnn.destroy());
  cudnn.create(stream);
  const versions = {
    driver: driverVersion,
    driverPath: driverLibrary.path,
    nvrtc: nvrtcVersion,
    nvrtcPath: libraries.nvrtc.path,
    cublas: cublasVersion,
    cublasPath: libraries.cublas.path,
    cudnn: cudnn.version(),
    cudnnPath: libraries.cudnn.path,
  };
  return new CudaSystem({
    driver,
    device,
    stream,
    allocator,
    kernels,
    staging,
    indexFaults,
    cublas,
    cudnn,
    versions,
    options,
    undo,
  });
}

/** Native calls, or why there are none, in the words of this backend. */
function loadDriverAdapter(): ReturnType<typeof loadFfi> {
  try {
    return loadFfi();
  } catch (cause) {
    const missing = (cause as { readonly missingPermission?: string }).missingPermission;
    throw new BackendError({
      op: START,
      expected: "native calls in this runtime",
      actual: cause instanceof Error ? cause.message : String(cause),
      hint: missing === undefined ? 'Use useBackend("cpu") here' : `Run with ${missing}`,
    }, { cause });
  }
}

/** Initializes the driver and checks that the device is there. Gives the driver's version of CUDA. */
function chooseDevice(driver: Driver, ordinal: number): number {
  let count: number;
  try {
    driver.initialize();
    count = driver.deviceCount();
  } catch (error) {
    if (!(error instanceof CudaError) || error.failure.status !== NO_DEVICE) throw error;
    count = 0;
  }
  const visible = runtime.env("CUDA_VISIBLE_DEVICES");
  const limited = visible === undefined ? "" : ` (CUDA_VISIBLE_DEVICES is "${visible}")`;
  if (count === 0) {
    throw new BackendError({
      op: START,
      expected: "a device that the CUDA driver can use",
      actual: `none${limited}; the driver is ${driver.path}`,
      hint: "Check with nvidia-smi that the GPU is there and visible to this process",
    });
  }
  if (ordinal >= count) {
    throw new ArgumentError({
      op: START,
      expected: `device below ${count}, the number of visible devices${limited}`,
      actual: String(ordinal),
    });
  }
  return driver.version();
}

function deviceFacts(driver: Driver, handle: number, ordinal: number): DeviceFacts {
  const fact = (name: keyof typeof DEVICE_ATTRIBUTES): number =>
    driver.deviceAttribute(DEVICE_ATTRIBUTES[name], handle);
  return {
    name: driver.deviceName(handle),
    ordinal,
    computeCapability: [fact("computeCapabilityMajor"), fact("computeCapabilityMinor")],
    multiprocessors: fact("multiprocessors"),
    totalBytes: driver.deviceBytes(handle),
    maxSharedBytesPerBlock: fact("maxSharedBytesPerBlock"),
    maxOptInSharedBytesPerBlock: fact("maxOptInSharedBytesPerBlock"),
    warpSize: fact("warpSize"),
  };
}
