/**
 * The CUDA driver with checked calls: each method is one function of libcuda, and a status other than success is thrown as
 * CudaError with the driver's own words. Results come through a small block of host memory; nothing here waits unless it says so.
 */

import { type Library, loadFfi } from "../../ffi/mod.ts";
import { CudaError, isDeviceLost } from "./errors.ts";
import { HostBlock } from "./host_memory.ts";
import { MemoryRelief } from "./memory_relief.ts";
import type { DRIVER_SYMBOLS } from "./symbols/driver.ts";

/** The library's name in messages. */
export const DRIVER_NAME = "CUDA driver";

/** `CUDA_ERROR_OUT_OF_MEMORY`. */
export const OUT_OF_MEMORY = 2;

/** Numbers of `CUdevice_attribute`. */
export const DEVICE_ATTRIBUTES = {
  maxSharedBytesPerBlock: 8,
  warpSize: 10,
  multiprocessors: 16,
  computeCapabilityMajor: 75,
  computeCapabilityMinor: 76,
  maxOptInSharedBytesPerBlock: 97,
} as const;

/** `CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES`. */
const MAX_DYNAMIC_SHARED = 8;
/** `CU_STREAM_NON_BLOCKING`: no order with the legacy default stream of other code in the process. */
const NON_BLOCKING = 1;
/** `CU_STREAM_CAPTURE_MODE_RELAXED`: this thread may allocate while it captures. */
const CAPTURE_RELAXED = 2;
/** `CUDA_ERROR_STREAM_CAPTURE_INVALIDATED`. */
const CAPTURE_INVALIDATED = 901;

/** The context that is current on this thread, whichever backend made it so: there is one thread, and setting it costs a call. */
let currentContext = 0;

/** Checked calls. */
export class Driver {
  /** What calls do that find no memory for their own needs; the other libraries share it. */
  readonly relief: MemoryRelief = new MemoryRelief();
  readonly #library: Library<typeof DRIVER_SYMBOLS>;
  readonly #results = new HostBlock(512);
  #context = 0;
  #lost = false;

  /** @param library The opened libcuda. */
  constructor(library: Library<typeof DRIVER_SYMBOLS>) {
    this.#library = library;
  }

  /** The file of libcuda. */
  get path(): string {
    return this.#library.path;
  }

  /** Whether a call told that nothing works any more on the context. */
  get lost(): boolean {
    return this.#lost;
  }

  /** Initializes the driver; may be called again. */
  initialize(): void {
    this.#check("cuInit", this.#library.symbols.cuInit(0));
  }

  /** The version of CUDA that the driver supports: 13000 is 13.0. */
  version(): number {
    this.#check("cuDriverGetVersion", this.#library.symbols.cuDriverGetVersion(this.#results.address));
    return this.#results.view.getInt32(0, true);
  }

  /** The number of visible devices. */
  deviceCount(): number {
    this.#check("cuDeviceGetCount", this.#library.symbols.cuDeviceGetCount(this.#results.address));
    return this.#results.view.getInt32(0, true);
  }

  /** The handle of a device. */
  device(ordinal: number): number {
    this.#check("cuDeviceGet", this.#library.symbols.cuDeviceGet(this.#results.address, ordinal));
    return this.#results.view.getInt32(0, true);
  }

  /** A device's name. */
  deviceName(device: number): string {
    this.#results.bytes.fill(0);
    this.#check("cuDeviceGetName", this.#library.symbols.cuDeviceGetName(this.#results.address, 256, device));
    return this.#results.readText();
  }

  /** One of `DEVICE_ATTRIBUTES`. */
  deviceAttribute(attribute: number, device: number): number {
    const { cuDeviceGetAttribute } = this.#library.symbols;
    this.#check("cuDeviceGetAttribute", cuDeviceGetAttribute(this.#results.address, attribute, device));
    return this.#results.view.getInt32(0, true);
  }

  /** A device's memory in bytes. */
  deviceBytes(device: number): number {
    this.#check("cuDeviceTotalMem", this.#library.symbols.cuDeviceTotalMem_v2(this.#results.address, device));
    return this.#results.readAddress(0);
  }

  /** Takes the device's primary context, which other code in the process shares, and makes it current. */
  retainContext(device: number): void {
    const { cuDevicePrimaryCtxRetain } = this.#library.symbols;
    this.#check("cuDevicePrimaryCtxRetain", cuDevicePrimaryCtxRetain(this.#results.address, device));
    this.#context = this.#results.readAddress(0);
    currentContext = 0;
    try {
      this.#enter();
    } catch (error) {
      this.#context = 0;
      this.#library.symbols.cuDevicePrimaryCtxRelease_v2(device);
      throw error;
    }
  }

  /** Gives it back. */
  releaseContext(device: number): void {
    this.#context = 0;
    currentContext = 0;
    this.#check("cuDevicePrimaryCtxRelease", this.#library.symbols.cuDevicePrimaryCtxRelease_v2(device));
  }

  /** Makes the context current where another one is: what cuBLAS and cuDNN need, which work on the thread's current device. */
  makeCurrent(): void {
    this.#enter();
  }

  /** Free and total bytes of the device. */
  memoryInfo(): { readonly free: number; readonly total: number } {
    this.#enter();
    const { address } = this.#results;
    this.#check("cuMemGetInfo", this.#library.symbols.cuMemGetInfo_v2(address, address + 8));
    return { free: this.#results.readAddress(0), total: this.#results.readAddress(8) };
  }

  /** Device memory, or `undefined` when there is none left. */
  tryAllocate(bytes: number): number | undefined {
    this.#enter();
    const status = this.#library.symbols.cuMemAlloc_v2(this.#results.address, bytes);
    if (status === OUT_OF_MEMORY) return undefined;
    this.#check("cuMemAlloc", status);
    return this.#results.readAddress(0);
  }

  /** Gives device memory back; waits for work that uses it. */
  free(pointer: number): void {
    this.#enter();
    this.#check("cuMemFree", this.#library.symbols.cuMemFree_v2(pointer));
  }

  /** Pinned host memory, or `undefined` when there is none left. */
  tryAllocateHost(bytes: number): number | undefined {
    this.#enter();
    const status = this.#library.symbols.cuMemAllocHost_v2(this.#results.address, bytes);
    if (status === OUT_OF_MEMORY) return undefined;
    this.#check("cuMemAllocHost", status);
    return this.#results.readAddress(0);
  }

  /** Gives pinned host memory back. */
  freeHost(address: number): void {
    this.#enter();
    this.#check("cuMemFreeHost", this.#library.symbols.cuMemFreeHost(address));
  }

  /** Puts a copy from pinned host memory to the device on a stream. */
  copyToDevice(target: number, source: number, bytes: number, stream: number): void {
    this.#enter();
    this.#check("cuMemcpyHtoDAsync", this.#library.symbols.cuMemcpyHtoDAsync_v2(target, source, bytes, stream));
  }

  /** Puts a copy from the device to pinned host memory on a stream. */
  copyToHost(target: number, source: number, bytes: number, stream: number): void {
    this.#enter();
    this.#check("cuMemcpyDtoHAsync", this.#library.symbols.cuMemcpyDtoHAsync_v2(target, source, bytes, stream));
  }

  /** Puts a copy within the device on a stream; the two must not overlap. */
  copyOnDevice(target: number, source: number, bytes: number, stream: number): void {
    this.#enter();
    this.#check("cuMemcpyDtoDAsync", this.#library.symbols.cuMemcpyDtoDAsync_v2(target, source, bytes, stream));
  }

  /** Puts a fill with one byte's value on a stream. */
  fill(target: number, value: number, bytes: number, stream: number): void {
    this.#enter();
    this.#check("cuMemsetD8Async", this.#library.symbols.cuMemsetD8Async(target, value, bytes, stream));
  }

  /** A new stream. */
  createStream(): number {
    this.#enter();
    this.#check("cuStreamCreate", this.#library.symbols.cuStreamCreate(this.#results.address, NON_BLOCKING));
    return this.#results.readAddress(0);
  }

  /** Ends a stream. */
  destroyStream(stream: number): void {
    this.#enter();
    this.#check("cuStreamDestroy", this.#library.symbols.cuStreamDestroy_v2(stream));
  }

  /** Waits until all on a stream is done. */
  synchronizeStream(stream: number): void {
    this.#enter();
    this.#check("cuStreamSynchronize", this.#library.symbols.cuStreamSynchronize(stream));
  }

  /** From here on what is put on the stream is recorded instead of run. */
  beginCapture(stream: number): void {
    this.#enter();
    this.#check("cuStreamBeginCapture", this.#library.symbols.cuStreamBeginCapture_v2(stream, CAPTURE_RELAXED));
  }

  /** Ends the record and gives the graph; fails where the capture was broken by something that cannot be captured. */
  endCapture(stream: number): number {
    this.#enter();
    this.#check("cuStreamEndCapture", this.#library.symbols.cuStreamEndCapture(stream, this.#results.address));
    const graph = this.#results.readAddress(0);
    // Of a broken capture the manual promises no status, but that there is no graph.
    if (graph === 0) this.#check("cuStreamEndCapture", CAPTURE_INVALIDATED);
    return graph;
  }

  /** Makes a graph ready to run. */
  instantiateGraph(graph: number): number {
    this.#enter();
    const { cuGraphInstantiateWithFlags } = this.#library.symbols;
    this.#attempt(
      "cuGraphInstantiateWithFlags",
      () => cuGraphInstantiateWithFlags(this.#results.address, graph, 0),
    );
    return this.#results.readAddress(0);
  }

  /** Puts a graph on a stream. */
  launchGraph(executable: number, stream: number): void {
    this.#enter();
    this.#attempt("cuGraphLaunch", () => this.#library.symbols.cuGraphLaunch(executable, stream));
  }

  /** Frees a graph that was made ready. */
  destroyExecutable(executable: number): void {
    this.#enter();
    this.#check("cuGraphExecDestroy", this.#library.symbols.cuGraphExecDestroy(executable));
  }

  /** Frees a graph. */
  destroyGraph(graph: number): void {
    this.#enter();
    this.#check("cuGraphDestroy", this.#library.symbols.cuGraphDestroy(graph));
  }

  /** A new event, which takes times. */
  createEvent(): number {
    this.#enter();
    this.#check("cuEventCreate", this.#library.symbols.cuEventCreate(this.#results.address, 0));
    return this.#results.readAddress(0);
  }

  /** Puts an event on a stream. */
  recordEvent(event: number, stream: number): void {
    this.#enter();
    this.#check("cuEventRecord", this.#library.symbols.cuEventRecord(event, stream));
  }

  /** Waits until an event was reached. */
  synchronizeEvent(event: number): void {
    this.#enter();
    this.#check("cuEventSynchronize", this.#library.symbols.cuEventSynchronize(event));
  }

  /** Milliseconds between two events that were reached. */
  elapsedMilliseconds(start: number, end: number): number {
    this.#enter();
    const { cuEventElapsedTime } = this.#library.symbols;
    this.#check("cuEventElapsedTime", cuEventElapsedTime(this.#results.address, start, end));
    return this.#results.view.getFloat32(0, true);
  }

  /** Frees an event. */
  destroyEvent(event: number): void {
    this.#enter();
    this.#check("cuEventDestroy", this.#library.symbols.cuEventDestroy_v2(event));
  }

  /** Loads compiled code (a cubin, or PTX that ends with a zero byte) into the context. */
  loadModule(image: Uint8Array): number {
    this.#enter();
    using block = HostBlock.of(image);
    const { cuModuleLoadData } = this.#library.symbols;
    this.#attempt("cuModuleLoadData", () => cuModuleLoadData(this.#results.address, block.address));
    return this.#results.readAddress(0);
  }

  /** Unloads it. */
  unloadModule(module: number): void {
    this.#enter();
    this.#check("cuModuleUnload", this.#library.symbols.cuModuleUnload(module));
  }

  /** A function of a module. */
  moduleFunction(module: number, name: string): number {
    this.#enter();
    using text = HostBlock.text(name);
    const { cuModuleGetFunction } = this.#library.symbols;
    this.#check(`cuModuleGetFunction "${name}"`, cuModuleGetFunction(this.#results.address, module, text.address));
    return this.#results.readAddress(0);
  }

  /** Lets a function have more dynamic shared memory than the usual 48 KiB, up to `maxOptInSharedBytesPerBlock`. */
  allowSharedBytes(handle: number, bytes: number): void {
    this.#enter();
    const { cuFuncSetAttribute } = this.#library.symbols;
    this.#check("cuFuncSetAttribute", cuFuncSetAttribute(handle, MAX_DYNAMIC_SHARED, bytes));
  }

  /**
   * Puts a kernel on a stream.
   *
   * @param parameters The address of the array of pointers to the arguments.
   */
  launchKernel(
    { name, handle }: { readonly name: string; readonly handle: number },
    grid: readonly [number, number, number],
    block: readonly [number, number, number],
    sharedBytes: number,
    stream: number,
    parameters: number,
  ): void {
    this.#enter();
    const { cuLaunchKernel } = this.#library.symbols;
    const [gx, gy, gz] = grid;
    const [bx, by, bz] = block;
    const status = cuLaunchKernel(handle, gx, gy, gz, bx, by, bz, sharedBytes, stream, parameters, 0);
    if (status !== 0) {
      const shape = `grid ${grid.join(" × ")}, block ${block.join(" × ")}, ${sharedBytes} bytes of shared memory`;
      this.#again(
        `cuLaunchKernel "${name}" (${shape})`,
        status,
        () => cuLaunchKernel(handle, gx, gy, gz, bx, by, bz, sharedBytes, stream, parameters, 0),
      );
    }
  }

  /** The driver's name and text for a status. */
  describe(status: number): string {
    const { cuGetErrorName, cuGetErrorString } = this.#library.symbols;
    const { readCString } = loadFfi();
    using out = new HostBlock(16);
    const name = cuGetErrorName(status, out.address) === 0 ? readCString(out.readAddress(0)) : "an unknown status";
    const text = cuGetErrorString(status, out.address + 8) === 0 ? readCString(out.readAddress(8)) : "";
    return text === "" ? name : `${name}, ${text}`;
  }

  /** Makes this driver's context current where another one is. */
  #enter(): void {
    if (this.#context === currentContext) return;
    this.#check("cuCtxSetCurrent", this.#library.symbols.cuCtxSetCurrent(this.#context));
    currentContext = this.#context;
  }

  /** Makes a call for which the driver takes memory. */
  #attempt(call: string, run: () => number): void {
    this.#again(call, run(), run);
  }

  /** Checks the status of such a call, and makes it once more where it found no memory. */
  #again(call: string, status: number, run: () => number): void {
    try {
      this.#check(call, status);
    } catch (error) {
      this.relief.retry(error, () => this.#check(call, run()));
    }
  }

  #check(call: string, status: number): void {
    if (status === 0) return;
    // Before there is a context, none can be lost: then the same statuses say that the device is taken.
    const deviceLost = this.#context !== 0 && isDeviceLost(status);
    this.#lost ||= deviceLost;
    throw new CudaError({ library: DRIVER_NAME, call, status, text: this.describe(status), deviceLost });
  }
}
