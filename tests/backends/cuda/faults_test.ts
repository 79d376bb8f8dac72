// covers: backends/cuda/driver.ts, backends/cuda/cublas.ts, backends/cuda/cudnn.ts, backends/cuda/create_context.ts, backends/cuda/context.ts
// covers: backends/cuda/symbols/driver.ts, backends/cuda/symbols/nvrtc.ts, backends/cuda/symbols/cublas.ts, backends/cuda/symbols/cudnn.ts
// Faults on the emulator (host memory, no GPU): every function that a start or a piece of work calls fails once, memory runs out, the device
// is lost, versions do not fit. Each gives an error that names the call, nothing stays behind, and the cpu backend goes on.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { whyNoEmulator, withoutSymbol } from "../../../backends/cuda/emulator/build.ts";
import { Emulator, emulatorEnvironment, overrideEnvironment } from "../../../backends/cuda/emulator/control.ts";
import { CudaError } from "../../../backends/cuda/errors.ts";
import { openToolkit } from "../../../backends/cuda/libraries.ts";
import { createBackend } from "../../../backends/cuda/mod.ts";
import { CUBLAS_SYMBOLS } from "../../../backends/cuda/symbols/cublas.ts";
import { CUDNN_SYMBOLS } from "../../../backends/cuda/symbols/cudnn.ts";
import { DRIVER_SYMBOLS } from "../../../backends/cuda/symbols/driver.ts";
import { NVRTC_SYMBOLS } from "../../../backends/cuda/symbols/nvrtc.ts";
import type { Backend, View } from "../../../src/tensor/backend.ts";
import { convolutionGeometry } from "../../../src/tensor/conv_geometry.ts";
import { binary, input, scalar } from "../../../src/tensor/expr.ts";
import {
  ArgumentError,
  BackendError,
  BackendMismatchError,
  DisposedError,
  OutOfMemoryError,
} from "../../../src/tensor/errors.ts";
import { contiguousStrides, elementCount } from "../../../src/tensor/layout.ts";
import { backendInfo, disposeBackend, useBackend } from "../../../src/tensor/registry.ts";
import { tensor } from "../../../src/tensor/creation.ts";
import { runtime } from "../../../src/runtime/mod.ts";
import { temporaryDirectory } from "../../support/files.ts";
import { test } from "../../support/test.ts";

const missing = await whyNoEmulator();
const emulator = missing === undefined ? await Emulator.start() : undefined;

/** A test with the emulator in its first state before and after. */
function faultTest(name: string, run: (emulator: Emulator) => Promise<void>): void {
  test.runIf(emulator !== undefined, name, missing ?? "", async () => {
    if (emulator === undefined) return;
    emulator.reset();
    try {
      await run(emulator);
      assertEquals(emulator.leaks(), {}, "left behind");
    } finally {
      emulator.reset();
    }
  });
}

function view(backend: Backend, shape: readonly number[], values?: (i: number) => number): View {
  const count = elementCount(shape);
  const buffer = backend.allocate(count * 4);
  const made: View = { buffer, dtype: "float32", shape, strides: contiguousStrides(shape), offset: 0 };
  if (values !== undefined) backend.write(made, Float32Array.from({ length: count }, (_, i) => values(i)));
  return made;
}

/** Work that reaches every library: transfers, a kernel, products, convolutions, a recording. Gives what it computed. */
async function work(backend: Backend): Promise<number[]> {
  const x = view(backend, [2, 2, 4, 4], (i) => i % 5 - 2);
  const w = view(backend, [2, 2, 3, 3], (i) => i % 3 - 1);
  const y = view(backend, [2, 2, 4, 4]);
  const call = {
    geometry: convolutionGeometry(x.shape, w.shape, { padding: 1 }),
    input: x,
    weight: w,
    output: y,
  };
  backend.convolution(call);
  backend.convolutionInputGradient(call);
  backend.convolutionWeightGradient(call);
  const a = view(backend, [3, 4], (i) => i);
  const b = view(backend, [4, 2], (i) => 1 - i);
  const c = view(backend, [3, 2]);
  backend.matmul({ a, b, output: c, alpha: 1, beta: 0 });
  const batched = {
    a: { ...a, shape: [2, 3, 2], strides: [6, 2, 1] },
    b: { ...b, shape: [2, 2, 2], strides: [4, 2, 1] },
  };
  const output = view(backend, [2, 3, 2]);
  backend.matmul({ ...batched, output, alpha: 1, beta: 0 });
  const double = {
    expressions: [binary("mul", input(0, "float32"), scalar(0, "float32"))],
    shape: c.shape,
    inputs: [c],
  };
  const recording = backend.record?.(() => backend.map({ ...double, scalars: [2], outputs: [c] }));
  recording?.run();
  recording?.dispose();
  backend.copy({ ...c, shape: [6], strides: [1] }, { ...output, shape: [6], strides: [1] });
  await backend.synchronize();
  return [...await backend.read(c), ...backend.readSync(y)];
}

const EXPECTED_PRODUCT = [0, 1, 2].flatMap((row) =>
  [0, 1].map((column) => {
    const sum = [0, 1, 2, 3].reduce((total, k) => total + (4 * row + k) * (1 - 2 * k - column), 0);
    // Doubled by the recording's first run and by its second one.
    return 4 * sum;
  })
);

const SYMBOLS = [DRIVER_SYMBOLS, NVRTC_SYMBOLS, CUBLAS_SYMBOLS, CUDNN_SYMBOLS].flatMap((table) => Object.keys(table));

/** Functions that give something back: their failure is told by `dispose`. */
const ENDING = /Destroy|Free|Unload|Release/;
/** Functions without a status. */
const NO_STATUS = /GetVersion$|ErrorString|ErrorName|StatusString/;

/** What is called during `run`, with how often. */
async function callsDuring(emulator: Emulator, run: () => Promise<void>): Promise<Map<string, number>> {
  emulator.reset();
  await run();
  return new Map(SYMBOLS.map((name) => [name, emulator.calls(name)] as const).filter(([, count]) => count > 0));
}

async function cpuWorks(): Promise<void> {
  await useBackend("cpu");
  assertEquals([...await tensor([1, 2, 3]).mul(2).data()], [2, 4, 6]);
}

faultTest("work on the emulator gives what it should, and nothing is left after dispose", async (emulator) => {
  const backend = await createBackend();
  assertEquals(backend.info().details.device, "emulator (host memory)");
  const [...values] = await work(backend);
  assertEquals(values.slice(0, 6), EXPECTED_PRODUCT);
  backend.dispose();
  backend.dispose();
  assertEquals(emulator.leaks(), {});
  assertThrows(() => backend.allocate(4), DisposedError, 'await useBackend("cuda")');
  assertEquals(backend.memory().reservedBytes, 0);
});

faultTest("a start of which any call fails says which one, and leaves nothing behind", async (emulator) => {
  const calls = await callsDuring(emulator, async () => (await createBackend()).dispose());
  const names = [...calls.keys()].filter((name) => !ENDING.test(name) && !NO_STATUS.test(name));
  // `cuStreamSynchronize` belongs to the end.
  const starting = names.filter((name) => name !== "cuStreamSynchronize");
  assert(starting.length >= 15, starting.join());
  for (const name of starting) {
    emulator.reset();
    emulator.fail(name, 1, 999);
    const error = await assertRejects(() => createBackend(), BackendError);
    assertStringIncludes(error.message, name.replace(/_v\d$/, ""));
    assertStringIncludes(error.message, 'useBackend("cuda")');
    assertEquals(emulator.leaks(), {}, name);
  }
  await cpuWorks();
  (await createBackend()).dispose();
});

faultTest(
  "work of which any call fails says which one and during what, and dispose leaves nothing",
  async (emulator) => {
    const calls = await callsDuring(emulator, async () => {
      const backend = await createBackend();
      await work(backend);
      backend.dispose();
    });
    const start = await callsDuring(emulator, async () => (await createBackend()).dispose());
    let tried = 0;
    for (const [name, count] of calls) {
      if (ENDING.test(name) || NO_STATUS.test(name)) continue;
      const first = (start.get(name) ?? 0) + 1;
      for (const occurrence of new Set([first, Math.ceil((first + count) / 2), count])) {
        if (occurrence > count || occurrence < first) continue;
        // The last wait is that of dispose.
        if (name === "cuStreamSynchronize" && occurrence === count) continue;
        emulator.reset();
        emulator.fail(name, occurrence, 999);
        const backend = await createBackend();
        const error = await assertRejects(
          () => work(backend),
          Error,
          undefined,
          `${name}, occurrence ${occurrence} of ${count}`,
        );
        assert(error instanceof BackendError || error instanceof OutOfMemoryError, String(error));
        assertStringIncludes(error.message, name.replace(/_v\d$/, ""));
        backend.dispose();
        assertEquals(emulator.leaks(), {}, `${name}, occurrence ${occurrence}`);
        tried++;
      }
    }
    assert(tried >= 30, String(tried));
    await cpuWorks();
  },
);

faultTest("dispose goes on when something cannot be given back, and tells it", async (emulator) => {
  const kinds = [
    ["cuStreamDestroy_v2", "streams"],
    ["cuMemFreeHost", "pinnedAllocations"],
    ["cuEventDestroy_v2", "events"],
  ] as const;
  const left = new Set<string>();
  for (const [name, kind] of kinds) {
    const backend = await createBackend();
    await work(backend);
    emulator.reset();
    emulator.fail(name, 1, 999);
    assertThrows(() => backend.dispose(), CudaError, name.replace(/_v\d$/, ""));
    left.add(kind);
    const { pinnedBytes: _, ...leaks } = emulator.leaks();
    assertEquals(new Set(Object.keys(leaks)), left, name);
    assertEquals(Object.values(leaks), Object.values(leaks).map(() => 1), name);
  }
  // What is left goes with its context.
  const last = await createBackend();
  emulator.lose(719);
  last.dispose();
});

faultTest("a lost device is told at every call and at the next start, until the process ends", async (emulator) => {
  const backend = await createBackend();
  const x = view(backend, [4], (i) => i);
  emulator.lose(719);
  const error = assertThrows(() => backend.readSync(x), CudaError);
  for (const part of ["read of [4]", "CUDA_ERROR_LAUNCH_FAILED", "in a new process only"]) {
    assertStringIncludes(error.message, part);
  }
  assertEquals(error.failure.deviceLost, true);
  await assertRejects(() => backend.synchronize(), CudaError);
  assertThrows(() => backend.write(x, new Float32Array(4)), CudaError, "write of [4]");
  assertEquals(backend.info().details.lost, true);
  backend.dispose();
  assertEquals(emulator.leaks(), {});
  const again = await assertRejects(() => createBackend(), CudaError, "in a new process only");
  assertEquals([again.failure.status, again.failure.deviceLost], [719, true]);
  await cpuWorks();
  // What a new process finds.
  emulator.reset();
  const next = await createBackend();
  await work(next);
  next.dispose();
});

faultTest(
  "memory that runs out at any allocation is an OutOfMemoryError, and more can be asked for after it",
  async (emulator) => {
    for (const name of ["cuMemAlloc_v2", "cuMemAllocHost_v2"]) {
      emulator.reset();
      const backend = await createBackend();
      const before = emulator.calls(name);
      await work(backend);
      const count = emulator.calls(name) - before;
      backend.dispose();
      for (let occurrence = 1; occurrence <= count; occurrence++) {
        const other = await createBackend();
        // Both the call and the one after cached memory was given back.
        emulator.fail(name, occurrence, 2);
        emulator.fail(name, occurrence + 1, 2);
        let error: unknown;
        try {
          await work(other);
        } catch (thrown) {
          error = thrown;
        }
        assert(error === undefined || error instanceof OutOfMemoryError, `${name} ${occurrence}: ${error}`);
        emulator.reset();
        assertEquals((await work(other)).slice(0, 6), EXPECTED_PRODUCT);
        other.dispose();
        assertEquals(emulator.leaks(), {});
      }
    }
  },
);

faultTest(
  "OutOfMemoryError says what was asked for and what there is, and leaves the backend in use",
  async (emulator) => {
    emulator.set("totalBytes", 64 << 20);
    const backend = await createBackend();
    const kept = view(backend, [1 << 20], (i) => i % 7);
    const error = assertThrows(() => backend.allocate(80 << 20), OutOfMemoryError);
    for (const part of [`${80 << 20} free bytes`, `of ${64 << 20}`, "smaller batches"]) {
      assertStringIncludes(error.message, part);
    }
    const values = await backend.read(kept);
    assertEquals([values[0], values[6], values[(1 << 20) - 1]], [0, 6, ((1 << 20) - 1) % 7]);
    assertEquals(backend.memory().liveBuffers, 1);
    backend.dispose();
  },
);

faultTest("a convolution takes an algorithm with less workspace where memory is short", async (emulator) => {
  const backend = await createBackend();
  emulator.fail("cuMemAlloc_v2", 2, 2);
  emulator.fail("cuMemAlloc_v2", 3, 2);
  emulator.fail("cuMemAlloc_v2", 4, 2);
  const x = view(backend, [1, 1, 4, 4], (i) => i);
  const w = view(backend, [1, 1, 3, 3], () => 1);
  const y = view(backend, [1, 1, 2, 2]);
  backend.convolution({ geometry: convolutionGeometry(x.shape, w.shape, {}), input: x, weight: w, output: y });
  assertEquals([...backend.readSync(y)], [45, 54, 81, 90]);
  // The slab of the operands, and the attempt to get a workspace.
  assertEquals(emulator.calls("cuMemAlloc_v2"), 2);
  backend.dispose();
});

faultTest(
  "no device, a device that is not there, and wrong options are told before anything is made",
  async (emulator) => {
    await assertRejects(() => createBackend({ device: 1 }), ArgumentError, "device below 1");
    await assertRejects(() => createBackend({ device: -1 }), ArgumentError, "device as the number");
    await assertRejects(() => createBackend({ precision: "float16" as "tf32" }), ArgumentError, "tf32");
    await assertRejects(() => createBackend({ memoryLimit: 0 }), ArgumentError, "memoryLimit");
    emulator.set("devices", 0);
    await assertRejects(() => createBackend(), BackendError, "a device that the CUDA driver can use");
    emulator.reset();
    emulator.fail("cuInit", 1, 100);
    await assertRejects(() => createBackend(), BackendError, "nvidia-smi");
    emulator.fail("cuDevicePrimaryCtxRetain", 1, 2);
    await assertRejects(() => createBackend(), OutOfMemoryError, "End other programs");
  },
);

faultTest("a library without one of the functions is refused with the function and the file", async (emulator) => {
  const variables = emulatorEnvironment(emulator.path);
  const cases = [
    ["ESCNN_CUDA_DRIVER", "cuLaunchKernel", "the CUDA driver"],
    ["ESCNN_NVRTC", "nvrtcGetCUBIN", "NVRTC"],
    ["ESCNN_CUBLAS", "cublasSgemm_v2", "cuBLAS"],
    ["ESCNN_CUDNN", "cudnnConvolutionForward", "cuDNN"],
  ] as const;
  for (const [variable, symbol, library] of cases) {
    const path = await withoutSymbol(emulator.path, symbol);
    overrideEnvironment({ ...variables, [variable]: path });
    try {
      const error = await assertRejects(() => createBackend(), BackendError);
      for (const part of [`expected ${library}`, `a library without ${symbol}`, path]) {
        assertStringIncludes(error.message, part);
      }
    } finally {
      overrideEnvironment(variables);
    }
    assertEquals(emulator.leaks(), {}, symbol);
  }
  await cpuWorks();
});

faultTest("versions that do not fit are refused with both versions", async (emulator) => {
  const cases = [
    ["driverVersion", 11080, "CUDA 11.8"],
    ["driverVersion", 12040, "a driver for CUDA 13 because NVRTC is 13.0"],
    ["nvrtcMajor", 11, "NVRTC of CUDA 12 or 13"],
    ["cublasVersion", 110000, "cuBLAS of CUDA 12 or 13"],
    ["cudnnVersion", 8907, "cuDNN 8.9.7"],
    ["cudnnCudaVersion", 14010, "cuDNN of CUDA 12 or 13"],
    ["cudnnCudaVersion", 11080, "version 9.10.0 for CUDA 11.8"],
    ["computeMajor", 3, "compute capability 3."],
  ] as const;
  for (const [setting, value, message] of cases) {
    emulator.reset();
    emulator.set(setting, value);
    const error = await assertRejects(() => createBackend(), BackendError);
    assertStringIncludes(error.message, message);
    assertEquals(emulator.leaks(), {}, setting);
  }
});

faultTest(
  "NVRTC and cuBLAS are those of the CUDA that cuDNN was built for, where there are several",
  async ({ path }) => {
    await using directory = await temporaryDirectory();
    const library = await runtime.readFile(path);
    const put = (name: string) => runtime.writeFile(`${directory.path}/${name}`, library);
    overrideEnvironment({ ESCNN_CUDA_HOME: directory.path, ESCNN_NVRTC: "", ESCNN_CUBLAS: "", ESCNN_CUDNN: "" });
    try {
      await put("libcudnn.so.9");
      const error = await assertRejects(() => openToolkit([13, 12]), BackendError);
      for (const part of ["NVRTC (libnvrtc.so.13 or libnvrtc.so.12)", "ESCNN_NVRTC"]) {
        assertStringIncludes(error.message, part);
      }
      for (const name of ["nvrtc", "cublas"]) for (const major of [12, 13]) await put(`lib${name}.so.${major}`);
      const cudnn = Emulator.open(`${directory.path}/libcudnn.so.9`);
      for (const [version, major] of [[13000, 13], [12080, 12], [11080, 13]]) {
        cudnn.set("cudnnCudaVersion", version);
        const { nvrtc, cublas } = await openToolkit([13, 12]);
        const expected = [`libnvrtc.so.${major}`, `libcublas.so.${major}`];
        assertEquals([nvrtc.path, cublas.path], expected.map((name) => `${directory.path}/${name}`));
      }
    } finally {
      overrideEnvironment({ ESCNN_CUDA_HOME: "", ...emulatorEnvironment(path) });
    }
  },
);

faultTest("tensors of two backends do not mix, and the error names both", async () => {
  await useBackend("cuda");
  const here = tensor([1, 2, 3]);
  await useBackend("cpu");
  const there = tensor([1, 2, 3]);
  const error = assertThrows(() => here.add(there), BackendMismatchError);
  for (const part of ["cuda", "cpu"]) assertStringIncludes(error.message, part);
  const moved = await there.to("cuda");
  assertEquals([...await here.add(moved).data()], [2, 4, 6]);
  assertEquals([...await (await here.to("cpu")).add(there).data()], [2, 4, 6]);
  disposeBackend("cuda");
  assertEquals([...await there.add(1).data()], [2, 3, 4]);
});

faultTest(
  'useBackend("auto") takes cuda, and the cpu with one word about it where cuda does not start',
  async (emulator) => {
    assertEquals((await useBackend("auto")).name, "cuda");
    disposeBackend("cuda");
    const told: string[] = [];
    const warn = console.warn;
    console.warn = (...words: unknown[]) => told.push(words.join(" "));
    try {
      emulator.set("driverVersion", 11040);
      assertEquals((await useBackend("auto")).name, "cpu");
      assertEquals((await useBackend("auto")).name, "cpu");
    } finally {
      console.warn = warn;
    }
    assertEquals(told.length, 1);
    for (const part of ["using cpu", "CUDA 11.4", "version 525"]) assertStringIncludes(told[0], part);
    assertStringIncludes(backendInfo(), "cuda: not available");
  },
);
