// What the emulator refuses and shows that real libraries would let pass or answer with garbage: pointers that are none, work whose result
// is read too early, barriers that not all threads reach, memory written beyond its end, TF32 where float32 was meant.

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { whyNoEmulator } from "../../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../../backends/cuda/emulator/control.ts";
import { HostBlock } from "../../../../backends/cuda/host_memory.ts";
import { KernelArguments } from "../../../../backends/cuda/kernel_arguments.ts";
import { CUBLAS_SYMBOLS } from "../../../../backends/cuda/symbols/cublas.ts";
import { CUDNN_SYMBOLS } from "../../../../backends/cuda/symbols/cudnn.ts";
import { DRIVER_SYMBOLS } from "../../../../backends/cuda/symbols/driver.ts";
import { NVRTC_SYMBOLS } from "../../../../backends/cuda/symbols/nvrtc.ts";
import { loadFfi, type NativeSymbols, openLibrary } from "../../../../ffi/mod.ts";
import { test } from "../../../support/test.ts";

const missing = await whyNoEmulator();
const emulator = missing === undefined ? await Emulator.start() : undefined;
const symbols = { ...DRIVER_SYMBOLS, ...NVRTC_SYMBOLS, ...CUBLAS_SYMBOLS, ...CUDNN_SYMBOLS };

/** The emulator's functions, with a context, a stream, and a few helpers. */
class Device implements Disposable {
  readonly call: NativeSymbols<typeof symbols>;
  readonly emulator: Emulator;
  readonly stream: number;
  readonly #out = new HostBlock(1024);
  readonly #library;
  readonly #arguments = new KernelArguments();

  constructor(emulator: Emulator) {
    this.emulator = emulator;
    emulator.reset();
    this.#library = openLibrary({ name: "the emulator", candidates: [emulator.path], symbols, install: "" });
    this.call = this.#library.symbols;
    assertEquals(this.call.cuInit(0), 0);
    const context = this.take((out) => this.call.cuDevicePrimaryCtxRetain(out, 0));
    assertEquals(this.call.cuCtxSetCurrent(context), 0);
    this.stream = this.take((out) => this.call.cuStreamCreate(out, 1));
  }

  /** The address that a successful call writes. */
  take(make: (out: number) => number): number {
    assertEquals(make(this.#out.address), 0, this.emulator.message());
    return this.#out.readAddress(0);
  }

  /** The integer that a successful call writes. */
  number(make: (out: number) => number): number {
    this.#out.bytes.fill(0, 0, 8);
    return this.take(make);
  }

  allocate(bytes: number): number {
    return this.take((out) => this.call.cuMemAlloc_v2(out, bytes));
  }

  pinned(bytes: number): number {
    return this.take((out) => this.call.cuMemAllocHost_v2(out, bytes));
  }

  /** Device memory with these numbers. */
  floats(values: readonly number[]): number {
    const pointer = this.allocate(4 * values.length);
    using host = HostBlock.of(new Uint8Array(Float32Array.from(values).buffer));
    assertEquals(this.call.cuMemcpyHtoDAsync_v2(pointer, host.address, 4 * values.length, this.stream), 0);
    return pointer;
  }

  read(pointer: number, count: number): number[] {
    using host = new HostBlock(4 * count);
    assertEquals(
      this.call.cuMemcpyDtoHAsync_v2(host.address, pointer, 4 * count, this.stream),
      0,
      this.emulator.message(),
    );
    return [...new Float32Array(host.bytes.slice().buffer)];
  }

  /** Compiles a source: the status, and the log or the image. */
  compile(source: string, options: readonly string[] = ["--gpu-architecture=sm_90", "--std=c++17"]) {
    using text = HostBlock.text(source);
    using name = HostBlock.text("kernel.cu");
    using program = HostBlock.of(new Uint8Array(8));
    assertEquals(this.call.nvrtcCreateProgram(program.address, text.address, name.address, 0, 0, 0), 0);
    const handle = program.readAddress(0);
    const words = options.map((option) => HostBlock.text(option));
    using list = new HostBlock(8 * options.length);
    words.forEach((word, i) => list.writeAddress(8 * i, word.address));
    const status = this.call.nvrtcCompileProgram(handle, options.length, list.address);
    using log = new HostBlock(this.number((out) => this.call.nvrtcGetProgramLogSize(handle, out)));
    this.call.nvrtcGetProgramLog(handle, log.address);
    const image = new HostBlock(this.number((out) => this.call.nvrtcGetCUBINSize(handle, out)));
    if (status === 0) assertEquals(this.call.nvrtcGetCUBIN(handle, image.address), 0);
    this.call.nvrtcDestroyProgram(program.address);
    return { status, log: log.readText(), image };
  }

  /** Compiles a source and gives one of its kernels. */
  kernel(source: string, name: string): { readonly module: number; readonly handle: number } {
    const { status, log, image } = this.compile(source);
    assertEquals(status, 0, log);
    const module = this.take((out) => this.call.cuModuleLoadData(out, image.address));
    using text = HostBlock.text(name);
    return { module, handle: this.take((out) => this.call.cuModuleGetFunction(out, module, text.address)) };
  }

  launch(handle: number, grid: number, block: number, fill: (args: KernelArguments) => unknown, shared = 0): number {
    this.#arguments.clear();
    fill(this.#arguments);
    return this.call.cuLaunchKernel(handle, grid, 1, 1, block, 1, 1, shared, this.stream, this.#arguments.address, 0);
  }

  wait(): number {
    return this.call.cuStreamSynchronize(this.stream);
  }

  [Symbol.dispose](): void {
    this.call.cuStreamDestroy_v2(this.stream);
    this.call.cuDevicePrimaryCtxRelease_v2(0);
    this.#library.close();
    this.emulator.reset();
  }
}

function deviceTest(name: string, run: (device: Device) => void): void {
  test.runIf(emulator !== undefined, name, missing ?? "", () => {
    using device = new Device(emulator!);
    run(device);
  });
}

deviceTest("Memory: unknown pointers, freed ones, and ranges that leave an allocation are refused", (device) => {
  const { call, emulator, stream } = device;
  const a = device.allocate(1000);
  using host = new HostBlock(2000);
  assertEquals(call.cuMemcpyHtoDAsync_v2(a, host.address, 1000, stream), 0);
  assertEquals(call.cuMemcpyHtoDAsync_v2(a + 1, host.address, 1000, stream), 1);
  assertStringIncludes(emulator.message(), "1000 bytes");
  assertEquals(call.cuMemcpyHtoDAsync_v2(host.address, host.address, 10, stream), 1);
  assertEquals(call.cuMemcpyDtoHAsync_v2(a, a, 10, stream), 1);
  assertEquals(call.cuMemcpyDtoDAsync_v2(a, a + 5, 10, stream), 1);
  assertStringIncludes(emulator.message(), "overlap");
  assertEquals(call.cuMemsetD8Async(a + 999, 0, 2, stream), 1);
  assertEquals([call.cuMemFree_v2(a + 8), call.cuMemFree_v2(a), call.cuMemFree_v2(a)], [1, 0, 1]);
  assertEquals(call.cuMemcpyHtoDAsync_v2(a, host.address, 1, stream), 1);
  assertEquals(call.cuMemAlloc_v2(host.address, 0), 1);
  assertEquals(call.cuStreamSynchronize(a), 400);
  assertEquals(emulator.leaks(), { contexts: 1, streams: 1 });
});

deviceTest(
  "Transfers happen when someone waits: pinned sources must stay, and targets hold no result before",
  (device) => {
    const { call, stream } = device;
    const [a, pinned] = [device.allocate(16), device.pinned(16)];
    const view = new Float32Array(loadFfi().viewBytes(pinned, 16).buffer);
    view.set([1, 2, 3, 4]);
    assertEquals(call.cuMemcpyHtoDAsync_v2(a, pinned, 16, stream), 0);
    view[0] = 9;
    assertEquals(device.wait(), 0);
    view.fill(0);
    assertEquals(call.cuMemcpyDtoHAsync_v2(pinned, a, 16, stream), 0);
    assert(view.every((value) => value !== 0 && value !== 9 && value !== 2), `early: ${view}`);
    assertEquals(device.wait(), 0);
    assertEquals([...view], [9, 2, 3, 4]);
    assertEquals([call.cuMemFree_v2(a), call.cuMemFreeHost(pinned)], [0, 0]);
  },
);

const SCALE = `extern "C" __global__ void scale(float* x, const float f, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) x[i] = x[i] * f;
}`;

deviceTest("Launches: foreign pointers, misaligned ones and impossible shapes are refused", (device) => {
  const { handle, module } = device.kernel(SCALE, "scale");
  const x = device.floats([1, 2, 3]);
  assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(x).f32(2).i32(3)), 0);
  assertEquals(device.read(x, 3), [2, 4, 6]);
  using host = new HostBlock(64);
  assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(host.address).f32(2).i32(3)), 1);
  assertStringIncludes(device.emulator.message(), "argument 0");
  assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(x + 2).f32(2).i32(3)), 1);
  assertStringIncludes(device.emulator.message(), "not aligned to 4");
  assertEquals(device.launch(handle, 0, 64, (args) => args.pointer(x).f32(2).i32(3)), 1);
  assertEquals(device.launch(handle, 1, 1025, (args) => args.pointer(x).f32(2).i32(3)), 1);
  assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(x).f32(2).i32(3), 49153), 1);
  assertEquals(device.launch(module, 1, 64, (args) => args.pointer(x).f32(2).i32(3)), 400);
  assertEquals(device.call.cuMemFree_v2(x), 0);
  assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(x).f32(2).i32(3)), 1);
  assertEquals(device.call.cuModuleUnload(module), 0);
  assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(0).f32(2).i32(0)), 400);
});

const SUM = `extern "C" __global__ void sum(const float* x, float* y, int n, int early) {
  __shared__ float part[64];
  if (early && threadIdx.x >= 32) return;
  part[threadIdx.x] = threadIdx.x < n ? x[threadIdx.x] : 0.0f;
  __syncthreads();
  for (int width = 32; width > 0; width /= 2) {
    if (threadIdx.x < width) part[threadIdx.x] += part[threadIdx.x + width];
    __syncthreads();
  }
  if (threadIdx.x == 0) y[0] = part[0];
}`;

deviceTest(
  "Threads meet at barriers in either order, and a thread that ends before one is told at the wait",
  (device) => {
    const { handle, module } = device.kernel(SUM, "sum");
    const x = device.floats([...Array(64).keys()]);
    const y = device.floats([0]);
    for (const order of [0, 1]) {
      device.emulator.set("reverse", order);
      assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(x).pointer(y).i32(64).i32(0)), 0);
      assertEquals(device.read(y, 1), [2016]);
    }
    assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(x).pointer(y).i32(64).i32(1)), 0);
    assertEquals(device.wait(), 719);
    assertStringIncludes(device.emulator.message(), "32 threads ended while others wait in line 5");
    assertEquals(device.wait(), 719, "the device is lost from then on");
    assertEquals(device.call.cuModuleUnload(module), 719);
  },
);

const RACE = `extern "C" __global__ void turn(float* x) {
  __shared__ float part[64];
  part[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = part[63 - threadIdx.x];
}`;

deviceTest("Shared memory without a barrier holds NaN of the emulator's, not the neighbour's value", (device) => {
  const { handle, module } = device.kernel(RACE, "turn");
  const x = device.floats([...Array(64).keys()]);
  assertEquals(device.launch(handle, 1, 64, (args) => args.pointer(x)), 0);
  assert(device.read(x, 64).some((value) => Number.isNaN(value)));
  assertEquals([device.call.cuModuleUnload(module), device.call.cuMemFree_v2(x)], [0, 0]);
});

const BEYOND = `extern "C" __global__ void beyond(float* x, int n) { x[n] = 1.0f; }
extern "C" __global__ void dynamic(float* x, int n) {
  extern __shared__ float part[];
  part[threadIdx.x] = 1.0f;
  __syncthreads();
  x[0] = part[n];
}`;

deviceTest(
  "A kernel that writes behind its memory, or behind its dynamic shared memory, is told at the wait",
  (device) => {
    const { handle } = device.kernel(BEYOND, "beyond");
    const x = device.allocate(16);
    assertEquals(device.launch(handle, 1, 1, (args) => args.pointer(x).i32(4)), 0);
    assertEquals(device.wait(), 700);
    assertStringIncludes(device.emulator.message(), "1 bytes behind it");
  },
);

deviceTest("Dynamic shared memory has the size of the launch, and writing behind it is told", (device) => {
  const { handle, module } = device.kernel(BEYOND, "dynamic");
  const x = device.allocate(16);
  assertEquals(device.launch(handle, 1, 32, (args) => args.pointer(x).i32(31), 128), 0);
  assertEquals(device.read(x, 1), [1]);
  assertEquals(device.launch(handle, 1, 32, (args) => args.pointer(x).i32(31), 100_000), 1);
  assertEquals(device.call.cuFuncSetAttribute(handle, 8, 100_000), 0);
  assertEquals(device.launch(handle, 1, 32, (args) => args.pointer(x).i32(31), 100_000), 0);
  assertEquals(device.wait(), 0);
  assertEquals(device.launch(handle, 1, 33, (args) => args.pointer(x).i32(0), 128), 0);
  assertEquals(device.wait(), 700);
  assertStringIncludes(device.emulator.message(), "beyond its 128 bytes");
  assertEquals(device.call.cuModuleUnload(module), 700);
});

deviceTest("NVRTC: errors come with the line, and includes and unknown options are refused", (device) => {
  const wrong = device.compile(`${SCALE}\nextern "C" __global__ void other(float* x) { x[0] = nothing; }`);
  assertEquals(wrong.status, 6);
  assertStringIncludes(wrong.log, "kernel.cu:5");
  assertStringIncludes(wrong.log, "nothing");
  assertEquals(device.compile('#include <math.h>\nextern "C" __global__ void f() {}').status, 6);
  assertEquals(device.compile(SCALE, ["--gpu-architecture=sm_12"]).status, 5);
  assertEquals(device.compile(SCALE, ["--gpu-architecture=sm_90", "--nonsense"]).status, 5);
  assertEquals(device.compile('extern "C" __global__ void f(float* x) { x[0] = INFINITY; }').status, 6);
  const { image } = device.compile(SCALE, ["--gpu-architecture=sm_100"]);
  using out = new HostBlock(8);
  assertEquals(device.call.cuModuleLoadData(out.address, image.address), 209, "an image for another device");
  const good = device.compile(SCALE).image;
  good.bytes[good.bytes.length - 3] ^= 1;
  assertEquals(device.call.cuModuleLoadData(out.address, good.address), 200, "an image with a wrong checksum");
  assertEquals(device.emulator.live("programs"), 0);
});

deviceTest(
  "A capture records instead of running, breaks on what waits, and replays; freed memory is told",
  (device) => {
    const { call, stream } = device;
    const { handle, module } = device.kernel(SCALE, "scale");
    const x = device.floats([1, 2]);
    assertEquals(device.wait(), 0);
    assertEquals(call.cuStreamBeginCapture_v2(stream, 2), 0);
    assertEquals(device.launch(handle, 1, 32, (args) => args.pointer(x).f32(3).i32(2)), 0);
    const graph = device.take((out) => call.cuStreamEndCapture(stream, out));
    const executable = device.take((out) => call.cuGraphInstantiateWithFlags(out, graph, 0));
    assertEquals(device.read(x, 2), [1, 2]);
    assertEquals([call.cuGraphLaunch(executable, stream), call.cuGraphLaunch(executable, stream)], [0, 0]);
    assertEquals(device.read(x, 2), [9, 18]);
    assertEquals(call.cuStreamBeginCapture_v2(stream, 2), 0);
    assertEquals(device.wait(), 900);
    using out = new HostBlock(8);
    assertEquals(call.cuStreamEndCapture(stream, out.address), 901);
    assertEquals([out.readAddress(0), device.emulator.live("graphs"), device.emulator.live("executables")], [0, 1, 1]);
    assertEquals(call.cuMemFree_v2(x), 0);
    assertEquals(call.cuGraphLaunch(executable, stream), 700);
    assertStringIncludes(device.emulator.message(), "has been freed");
    assertEquals(call.cuModuleUnload(module), 700);
  },
);

deviceTest(
  "A broken capture takes no more work, and what a graph would do otherwise than the call breaks it",
  (device) => {
    const { call, stream } = device;
    const { handle, module } = device.kernel(SCALE, "scale");
    const x = device.floats([1, 2]);
    assertEquals(device.wait(), 0);
    using out = new HostBlock(8);
    using host = new HostBlock(16);
    const launch = () => device.launch(handle, 1, 32, (args) => args.pointer(x).f32(3).i32(2));
    const begin = (mode: number) => assertEquals(call.cuStreamBeginCapture_v2(stream, mode), 0);
    const end = () => assertEquals([call.cuStreamEndCapture(stream, out.address), out.readAddress(0)], [901, 0]);
    begin(2);
    assertEquals(call.cuMemcpyHtoDAsync_v2(x, host.address, 8, stream), 900);
    assertStringIncludes(device.emulator.message(), "not pinned");
    assertEquals([launch(), call.cuMemsetD8Async(x, 0, 8, stream), call.cuMemcpyDtoDAsync_v2(x, x + 4, 4, stream)], [
      901,
      901,
      901,
    ]);
    end();
    // A relaxed capture lets memory be allocated, the others do not.
    for (const mode of [0, 1]) {
      begin(mode);
      assertEquals(call.cuMemAlloc_v2(out.address, 8), 900);
      assertStringIncludes(device.emulator.message(), `cuMemAlloc during a capture in mode ${mode}`);
      end();
    }
    begin(2);
    const y = device.allocate(8);
    const graph = device.take((place) => call.cuStreamEndCapture(stream, place));
    assertEquals([call.cuGraphDestroy(graph), launch()], [0, 0], "the stream works again");
    assertEquals(device.read(x, 2), [3, 6]);
    assertEquals([call.cuMemFree_v2(x), call.cuMemFree_v2(y), call.cuModuleUnload(module)], [0, 0, 0]);
  },
);

deviceTest("Code is loaded during a capture by drivers from CUDA 12.3 on", (device) => {
  const { call, emulator, stream } = device;
  const { image } = device.compile(SCALE);
  using out = new HostBlock(8);
  const begin = () => assertEquals(call.cuStreamBeginCapture_v2(stream, 2), 0);
  begin();
  const module = device.take((place) => call.cuModuleLoadData(place, image.address));
  const graph = device.take((place) => call.cuStreamEndCapture(stream, place));
  emulator.set("driverVersion", 12020);
  begin();
  assertEquals(call.cuModuleLoadData(out.address, image.address), 900);
  assertEquals(call.cuStreamEndCapture(stream, out.address), 901);
  assertEquals([call.cuGraphDestroy(graph), call.cuModuleUnload(module)], [0, 0]);
});

const LISTED = `struct Pointers { unsigned long long v[3]; };
extern "C" __global__ void listed(const Pointers p) { ((float*)p.v[1])[0] = 5.0f; }`;

deviceTest("Addresses in a structure of them must be live as well, and products keep off their factors", (device) => {
  const { call, emulator, stream } = device;
  const { handle, module } = device.kernel(LISTED, "listed");
  const x = device.floats([1, 2, 3, 4]);
  const launch = () => device.launch(handle, 1, 1, (args) => args.pointers([0, x, 0]));
  assertEquals(launch(), 0);
  assertEquals(device.read(x, 2), [5, 2]);
  const blas = device.take((out) => call.cublasCreate_v2(out));
  assertEquals(call.cublasSetStream_v2(blas, stream), 0);
  using scalars = HostBlock.of(new Uint8Array(Float32Array.of(1, 0).buffer));
  const [one, zero] = [scalars.address, scalars.address + 4];
  const multiply = (c: number) => call.cublasSgemm_v2(blas, 0, 0, 1, 1, 2, one, x, 1, x + 8, 2, zero, c, 1);
  assertEquals([multiply(x + 4), multiply(x + 12)], [7, 7]);
  assertStringIncludes(emulator.message(), "overlap the factor B");
  assertEquals([call.cublasDestroy_v2(blas), call.cuMemFree_v2(x)], [0, 0]);
  assertEquals(launch(), 1);
  assertStringIncludes(emulator.message(), "address 1 in argument 0");
  assertEquals(call.cuModuleUnload(module), 0);
});

deviceTest("Libraries on a broken capture fail, and shared memory is what the capability has", (device) => {
  const { call, emulator, stream } = device;
  const handle = device.take((out) => call.cublasCreate_v2(out));
  assertEquals(call.cublasSetStream_v2(handle, stream), 0);
  const x = device.floats([1, 2, 3, 4]);
  assertEquals(device.wait(), 0);
  using scalars = HostBlock.of(new Uint8Array(Float32Array.of(1, 0).buffer));
  using out = new HostBlock(8);
  assertEquals([call.cuStreamBeginCapture_v2(stream, 2), device.wait()], [0, 900]);
  assertEquals(
    call.cublasSgemm_v2(handle, 0, 0, 1, 1, 1, scalars.address, x, 1, x + 4, 1, scalars.address + 4, x + 8, 1),
    13,
  );
  assertEquals(call.cuStreamEndCapture(stream, out.address), 901);
  const optIn = (major: number, minor: number): number => {
    emulator.set("computeMajor", major);
    emulator.set("computeMinor", minor);
    return device.number((place) => call.cuDeviceGetAttribute(place, 97, 0));
  };
  assertEquals([optIn(7, 5), optIn(8, 0), optIn(8, 9), optIn(10, 0), optIn(12, 0)].map((bytes) => bytes / 1024), [
    ...[64, 163, 99, 227, 99],
  ]);
  assertEquals([call.cublasDestroy_v2(handle), call.cuMemFree_v2(x)], [0, 0]);
});

deviceTest("cuDNN counts the elements of a tensor in 31 bits", (device) => {
  const { call } = device;
  const tensor = device.take((out) => call.cudnnCreateTensorDescriptor(out));
  const set = (shape: readonly number[]): number => {
    const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((a, b) => a * b, 1));
    using sizes = HostBlock.of(new Uint8Array(Int32Array.from(shape).buffer));
    using steps = HostBlock.of(new Uint8Array(Int32Array.from(strides).buffer));
    return call.cudnnSetTensorNdDescriptor(tensor, 0, shape.length, sizes.address, steps.address);
  };
  assertEquals([set([1, 64, 4096, 4096]), set([2, 64, 4096, 4096])], [0, 3000]);
  assertStringIncludes(device.emulator.message(), "2147483648 elements");
  assertEquals(call.cudnnDestroyTensorDescriptor(tensor), 0);
});

deviceTest("cuBLAS: TF32 shows where the math mode allows it, and matrices must fit their memory", (device) => {
  const { call, stream } = device;
  const handle = device.take((out) => call.cublasCreate_v2(out));
  assertEquals(call.cublasSetStream_v2(handle, stream), 0);
  const value = 1 + 2 ** -20;
  const a = device.floats([value, 0, 0, 1]);
  const b = device.floats([1, 2, 3, 4]);
  const c = device.floats([0, 0, 0, 0]);
  using scalars = HostBlock.of(new Uint8Array(Float32Array.of(1, 0).buffer));
  const multiply = (lda: number) =>
    call.cublasSgemm_v2(handle, 0, 0, 2, 2, 2, scalars.address, a, lda, b, 2, scalars.address + 4, c, 2);
  assertEquals(multiply(2), 0);
  assertEquals(device.read(c, 4), [Math.fround(value), 2, Math.fround(3 * value), 4]);
  assertEquals([call.cublasSetMathMode(handle, 3), multiply(2)], [0, 0]);
  assertEquals(device.read(c, 4), [1, 2, 3, 4]);
  assertEquals([multiply(1), multiply(3)], [7, 13]);
  assertStringIncludes(device.emulator.message(), "matrix A");
  assertEquals(call.cublasSgemm_v2(a, 0, 0, 2, 2, 2, scalars.address, a, 2, b, 2, scalars.address, c, 2), 1);
  assertEquals(call.cublasDestroy_v2(handle), 0);
  assertEquals(call.cublasDestroy_v2(handle), 1);
  for (const pointer of [a, b, c]) assertEquals(call.cuMemFree_v2(pointer), 0);
});

deviceTest("cuDNN: TF32 shows with the default math type, and descriptors and workspaces must fit", (device) => {
  const { call, stream } = device;
  const handle = device.take((out) => call.cudnnCreate(out));
  assertEquals(call.cudnnSetStream(handle, stream), 0);
  // A block lives as long as something refers to it.
  const held: HostBlock[] = [];
  const ints = (...values: number[]): number => {
    held.push(HostBlock.of(new Uint8Array(Int32Array.from(values).buffer)));
    return held[held.length - 1].address;
  };
  const x = device.take((out) => call.cudnnCreateTensorDescriptor(out));
  const y = device.take((out) => call.cudnnCreateTensorDescriptor(out));
  const w = device.take((out) => call.cudnnCreateFilterDescriptor(out));
  const convolution = device.take((out) => call.cudnnCreateConvolutionDescriptor(out));
  const fit = (size: number) =>
    call.cudnnSetTensorNdDescriptor(y, 0, 4, ints(1, 1, size, size), ints(size * size, size * size, size, 1));
  assertEquals(call.cudnnSetTensorNdDescriptor(x, 0, 4, ints(1, 1, 3, 3), ints(9, 9, 3, 1)), 0);
  assertEquals(call.cudnnSetTensorNdDescriptor(x, 0, 4, ints(1, 1, 3, 0), ints(9, 9, 3, 1)), 2000);
  assertEquals(call.cudnnSetFilterNdDescriptor(w, 0, 0, 4, ints(1, 1, 2, 2)), 0);
  assertEquals(fit(2), 0);
  assertEquals(
    call.cudnnSetConvolutionNdDescriptor(convolution, 2, ints(0, 0), ints(1, 1), ints(1, 1), 1, 0),
    0,
  );
  const value = 1 + 2 ** -20;
  const input = device.floats([value, 2, 3, 4, 5, 6, 7, 8, 9]);
  const weight = device.floats([1, 0, 0, 2]);
  const output = device.floats([0, 0, 0, 0]);
  const workspace = device.allocate(4096);
  using scalars = HostBlock.of(new Uint8Array(Float32Array.of(1, 0).buffer));
  const run = (algorithm: number, bytes: number) =>
    call.cudnnConvolutionForward(
      ...[handle, scalars.address, x, input, w, weight, convolution, algorithm] as const,
      ...[workspace, bytes, scalars.address + 4, y, output] as const,
    );
  assertEquals(run(0, 0), 0);
  assertEquals(device.read(output, 4), [11, 14, 20, 23]);
  assertEquals(call.cudnnSetConvolutionMathType(convolution, 3), 0);
  const size = device.number((out) =>
    call.cudnnGetConvolutionForwardWorkspaceSize(handle, x, w, convolution, y, 1, out)
  );
  assert(size > 0 && size <= 4096);
  assertEquals([run(1, size - 1), run(5, 4096), run(1, size)], [2006, 3000, 0]);
  assertEquals(device.read(output, 1), [Math.fround(value + 10)]);
  assertEquals([fit(3), run(0, 0)], [0, 2008]);
  assertStringIncludes(device.emulator.message(), "is 2 by the convolution");
  assertEquals([fit(2), call.cudnnDestroyFilterDescriptor(x)], [0, 2000]);
  assertEquals(call.cudnnDestroyTensorDescriptor(x), 0);
  assertEquals(run(0, 0), 2000);
  assertEquals(call.cudnnDestroyTensorDescriptor(y), 0);
  assertEquals(call.cudnnDestroyFilterDescriptor(w), 0);
  assertEquals(call.cudnnDestroyConvolutionDescriptor(convolution), 0);
  assertEquals(call.cudnnDestroy(handle), 0);
  for (const pointer of [input, weight, output, workspace]) assertEquals(call.cuMemFree_v2(pointer), 0);
  assertEquals(device.emulator.leaks(), { contexts: 1, streams: 1 });
});

deviceTest("Work without a current context, and a context that is used after its release, are refused", (device) => {
  const { call } = device;
  assertEquals(call.cuCtxSetCurrent(0), 0);
  using out = new HostBlock(8);
  assertEquals(call.cuMemAlloc_v2(out.address, 8), 201);
  assertEquals(call.cuCtxSetCurrent(device.stream), 201);
  assertStringIncludes(device.emulator.message(), "belongs to the streams");
  const context = device.take((place) => call.cuDevicePrimaryCtxRetain(place, 0));
  assertEquals(call.cuDevicePrimaryCtxRelease_v2(0), 0);
  assertEquals(call.cuCtxSetCurrent(context), 0);
});
