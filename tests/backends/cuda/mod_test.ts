// covers: backends/cuda/convolution.ts, backends/cuda/info.ts, backends/cuda/operations.ts, backends/cuda/scratch.ts
// covers: backends/cuda/recorder.ts, backends/cuda/convolution_algorithms.ts
// The cuda backend on the emulator (host memory, no GPU) seen as a whole: what waits and what does not, recordings, the choice of convolution
// algorithms, two instances at a time, and what info says. Values of all operations are the suite's, in the emulator's own tests.

import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { usableAlgorithms, withinWorkspace } from "../../../backends/cuda/convolution_algorithms.ts";
import type { AlgorithmResult } from "../../../backends/cuda/cudnn.ts";
import { whyNoEmulator } from "../../../backends/cuda/emulator/build.ts";
import { Emulator } from "../../../backends/cuda/emulator/control.ts";
import { createBackend, type CudaOptions } from "../../../backends/cuda/mod.ts";
import type { Backend, View } from "../../../src/tensor/backend.ts";
import { convolutionGeometry, type ConvolutionOptions } from "../../../src/tensor/conv_geometry.ts";
import { binary, input, scalar } from "../../../src/tensor/expr.ts";
import { ArgumentError, BackendError, DisposedError } from "../../../src/tensor/errors.ts";
import { contiguousStrides, elementCount } from "../../../src/tensor/layout.ts";
import { test } from "../../support/test.ts";

const missing = await whyNoEmulator();
const emulator = missing === undefined ? await Emulator.start() : undefined;

function emulatedTest(name: string, run: (emulator: Emulator) => Promise<void>): void {
  test.runIf(emulator !== undefined, name, missing ?? "", async () => {
    if (emulator === undefined) return;
    emulator.reset();
    await run(emulator);
    emulator.reset();
    assertEquals(emulator.leaks(), {}, "left behind");
  });
}

function view(backend: Backend, shape: readonly number[], values?: (i: number) => number): View {
  const count = elementCount(shape);
  const buffer = backend.allocate(count * 4);
  const made: View = { buffer, dtype: "float32", shape, strides: contiguousStrides(shape), offset: 0 };
  if (values !== undefined) backend.write(made, Float32Array.from({ length: count }, (_, i) => values(i)));
  return made;
}

/** `x = factor · x`. */
function multiply(backend: Backend, x: View, factor: number): void {
  const expressions = [binary("mul", input(0, "float32"), scalar(0, "float32"))];
  backend.map({ expressions, shape: x.shape, inputs: [x], scalars: [factor], outputs: [x] });
}

function convolve(backend: Backend, inputShape: number[], weightShape: number[], options: ConvolutionOptions): View {
  const geometry = convolutionGeometry(inputShape, weightShape, options);
  const output = view(backend, [inputShape[0], weightShape[0], ...geometry.outputSize]);
  const x = view(backend, inputShape, (i) => i % 7 - 3);
  backend.convolution({ geometry, input: x, weight: view(backend, weightShape, (i) => i % 3 - 1), output });
  return output;
}

emulatedTest("nothing but reading, synchronize and dispose waits", async (emulator) => {
  const backend = await createBackend();
  const waits = () =>
    ["cuStreamSynchronize", "cuEventSynchronize", "cuCtxSynchronize"].reduce((n, name) => n + emulator.calls(name), 0);
  const x = view(backend, [64], (i) => i);
  const y = convolve(backend, [2, 4, 8, 8], [4, 4, 3, 3], { padding: 1 });
  for (let step = 0; step < 20; step++) {
    const a = view(backend, [8, 8], (i) => i + step);
    const b = view(backend, [8, 8]);
    backend.matmul({ a, b: a, output: b, alpha: 1, beta: 0 });
    multiply(backend, x, -1);
    backend.copy(b, { ...x, shape: [8, 8], strides: [1, 8] });
    backend.free(a.buffer);
    backend.free(b.buffer);
  }
  assertEquals(waits(), 0);
  backend.readSync(x);
  await backend.read(y);
  await backend.synchronize();
  assertEquals(waits(), 3);
  backend.dispose();
  assertEquals(waits(), 4);
});

emulatedTest("record runs once, and each run issues the same work again in one call", async (emulator) => {
  const backend = await createBackend();
  const x = view(backend, [5], (i) => i);
  const y = view(backend, [5]);
  assert(backend.record !== undefined);
  const recording = backend.record(() => {
    const temporary = view(backend, [5]);
    backend.copy(x, temporary);
    multiply(backend, temporary, 3);
    backend.copy(temporary, y);
    backend.free(temporary.buffer);
  });
  assertEquals([...backend.readSync(y)], [0, 3, 6, 9, 12]);
  const launches = emulator.calls("cuLaunchKernel");
  const other = view(backend, [5], () => 77);
  for (const start of [10, 20]) {
    backend.write(x, Float32Array.from({ length: 5 }, (_, i) => start + i));
    recording.run();
    assertEquals([...backend.readSync(y)], [0, 1, 2, 3, 4].map((i) => 3 * (start + i)));
  }
  assertEquals(emulator.calls("cuLaunchKernel"), launches);
  assertEquals([...backend.readSync(other)], new Array(5).fill(77), "the recording's memory is its own");
  assertEquals(backend.info().details.recordings, 1);
  recording.dispose();
  recording.dispose();
  assertThrows(() => recording.run(), DisposedError, "a live recording");
  backend.dispose();
});

emulatedTest("a recording keeps the scratch memory that it was made with", async (emulator) => {
  const backend = await createBackend();
  const x = view(backend, [4, 4], (i) => i);
  const spread = (size: number): View => ({
    ...view(backend, [2 * size, 2 * size]),
    shape: [size, size],
    strides: [4 * size, 2],
  });
  const output = spread(4);
  assert(backend.record !== undefined);
  const recording = backend.record(() => backend.matmul({ a: x, b: x, output, alpha: 1, beta: 0 }));
  const expected = [...backend.readSync(output)];
  // A greater product needs more of the same scratch memory.
  const big = view(backend, [80, 80], () => 1);
  backend.matmul({ a: big, b: big, output: spread(80), alpha: 1, beta: 0 });
  multiply(backend, output, 0);
  recording.run();
  assertEquals([...backend.readSync(output)], expected);
  backend.dispose();
  assertEquals(emulator.leaks(), {});
  assertThrows(() => recording.run(), DisposedError, "with its backend");
});

emulatedTest(
  "work that needs the host cannot be recorded, and a failed recording leaves the backend as it was",
  async (emulator) => {
    const backend = await createBackend();
    const x = view(backend, [4], (i) => i);
    assert(backend.record !== undefined);
    const record = backend.record.bind(backend);
    let calls = 0;
    const second = (action: () => void) => () => {
      multiply(backend, x, 2);
      if (++calls % 2 === 0) action();
    };
    assertThrows(() => record(second(() => backend.readSync(x))), BackendError, "read, which needs the host");
    assertThrows(() => record(second(() => backend.write(x, new Float32Array(4)))), BackendError, "write, which");
    assertThrows(() => record(second(() => record(() => {}))), BackendError, "record, which");
    assertThrows(() => record(second(() => backend.dispose())), BackendError, "dispose, which");
    const error = await assertRejects(
      () => Promise.resolve().then(() => record(second(() => multiply(backend, { ...x, offset: 9 }, 1)))),
      Error,
    );
    assertStringIncludes(error.message, "elements 9 to 12");
    // Each attempt has doubled once, for real.
    assertEquals([...backend.readSync(x)], [0, 32, 64, 96]);
    record(() => multiply(backend, x, 0.5)).run();
    assertEquals([...backend.readSync(x)], [0, 8, 16, 24]);
    assertEquals(emulator.live("graphs"), 0);
    backend.dispose();
  },
);

emulatedTest("what breaks a recording is told, not that its end found it broken", async (emulator) => {
  const backend = await createBackend();
  const x = view(backend, [4], (i) => i);
  for (const end of [0, 901]) {
    let rounds = 0;
    const failing = (): void => {
      multiply(backend, x, 2);
      if (++rounds > 1) {
        emulator.fail("cuLaunchKernel", 1, 900);
        if (end !== 0) emulator.fail("cuStreamEndCapture", 1, end);
      }
      multiply(backend, x, 2);
    };
    const error = assertThrows(() => backend.record!(failing), BackendError);
    assertStringIncludes(error.message, "cuLaunchKernel");
    assertStringIncludes(error.message, "not permitted when stream is capturing");
  }
  assertEquals([emulator.live("graphs"), emulator.live("executables")], [0, 0]);
  multiply(backend, x, 3);
  assertEquals([...backend.readSync(x)], [0, 48, 96, 144], "four times in each rehearsal");
  backend.dispose();
});

emulatedTest("a convolution's algorithm is looked for once for each shape and direction", async (emulator) => {
  const backend = await createBackend();
  const guesses = () => emulator.calls("cudnnGetConvolutionForwardAlgorithm_v7");
  for (let i = 0; i < 3; i++) convolve(backend, [2, 4, 6, 6], [4, 2, 3, 3], { groups: 2 });
  assertEquals(guesses(), 1);
  convolve(backend, [3, 4, 6, 6], [4, 2, 3, 3], { groups: 2 });
  convolve(backend, [2, 4, 6, 6], [4, 4, 3, 3], {});
  assertEquals(guesses(), 3);
  assertEquals(emulator.calls("cudnnFindConvolutionForwardAlgorithmEx"), 0);
  backend.dispose();
});

emulatedTest("benchmark times the algorithms at the first call, and gives the same values", async (emulator) => {
  const results: number[][] = [];
  for (const options of [{}, { benchmark: true }, { precision: "tf32" }] satisfies CudaOptions[]) {
    emulator.reset();
    const backend = await createBackend(options);
    const shapes = [[2, 4, 6, 6], [4, 4, 3, 3]] as const;
    const outputs = [0, 1].map(() => convolve(backend, [...shapes[0]], [...shapes[1]], { padding: 1 }));
    results.push(...outputs.map((output) => [...backend.readSync(output)]));
    assertEquals(emulator.calls("cudnnFindConvolutionForwardAlgorithmEx"), "benchmark" in options ? 1 : 0);
    backend.dispose();
  }
  for (const result of results) assertEquals(result, results[0]);
});

emulatedTest(
  "products and convolutions that may round go by reduced precision, those of float64 never",
  async (emulator) => {
    const backend = await createBackend();
    const reduced = () => emulator.calls("cublasGemmStridedBatchedEx");
    const [a, b, output] = [
      view(backend, [3, 4], (i) => i),
      view(backend, [4, 2], (i) => 1 - i),
      view(backend, [3, 2]),
    ];
    backend.matmul({ a, b, output, alpha: 1, beta: 0 });
    const exact = [...backend.readSync(output)];
    assertEquals(reduced(), 0);
    for (const precision of ["float16", "bfloat16"] as const) {
      multiply(backend, output, 0);
      backend.matmul({ a, b, output, alpha: 1, beta: 0, precision });
      assertEquals([...backend.readSync(output)], exact, "small integers are exact in any precision");
    }
    assertEquals(reduced(), 2);
    const wide = (made: View): View => {
      const count = elementCount(made.shape);
      const target: View = { ...made, dtype: "float64", buffer: backend.allocate(8 * count) };
      backend.write(target, new Float64Array(count).fill(2));
      return target;
    };
    backend.matmul({ a: wide(a), b: wide(b), output: wide(output), alpha: 1, beta: 0, precision: "bfloat16" });
    assertEquals(reduced(), 2);
    const math = () => emulator.calls("cudnnSetConvolutionMathType");
    const [x, w] = [view(backend, [1, 2, 5, 5], (i) => i % 7 - 3), view(backend, [2, 2, 3, 3], (i) => i % 3 - 1)];
    const geometry = convolutionGeometry(x.shape, w.shape, {});
    const results = ([undefined, "float16", "bfloat16"] as const).map((precision) => {
      const y = view(backend, [1, 2, 3, 3]);
      backend.convolution({
        geometry,
        input: x,
        weight: w,
        output: y,
        ...(precision === undefined ? {} : { precision }),
      });
      return [...backend.readSync(y)];
    });
    assertEquals([results[1], results[2]], [results[0], results[0]]);
    assert(math() >= 3, "a descriptor for each precision");
    backend.dispose();
  },
);

emulatedTest("padding that differs between two sides is the same as a padded input", async () => {
  const backend = await createBackend();
  const shape = [1, 2, 5, 4];
  const values = (i: number) => i % 7 - 3;
  const x = view(backend, shape, values);
  const padded = view(backend, [1, 2, 5 + 0 + 2, 4 + 1 + 0], () => 0);
  backend.copy(x, { ...padded, shape, offset: 1 });
  const w = view(backend, [3, 2, 3, 2], (i) => i % 3 - 1);
  const run = (source: View, options: ConvolutionOptions): number[] => {
    const geometry = convolutionGeometry(source.shape, w.shape, options);
    const output = view(backend, [1, 3, ...geometry.outputSize]);
    backend.convolution({ geometry, input: source, weight: w, output });
    return [...backend.readSync(output)];
  };
  assertEquals(run(x, { padding: [[0, 2], [1, 0]] }), run(padded, {}));
  assertEquals(run(x, { padding: [[0, 2], [1, 0]], stride: 2 }), run(padded, { stride: 2 }));
  backend.dispose();
});

emulatedTest("two instances work side by side, each with memory of its own", async (emulator) => {
  emulator.set("devices", 2);
  const [first, second] = [await createBackend(), await createBackend({ device: 1 })];
  const [x, y] = [view(first, [3], (i) => i), view(second, [3], (i) => 10 + i)];
  multiply(first, x, 2);
  multiply(second, y, 3);
  assertEquals([...first.readSync(x)], [0, 2, 4]);
  assertEquals([...second.readSync(y)], [30, 33, 36]);
  assertThrows(() => second.readSync(x), Error, "another cuda backend");
  assertEquals([first.info().details.ordinal, second.info().details.ordinal], [0, 1]);
  first.dispose();
  assertEquals([...second.readSync(y)], [30, 33, 36]);
  second.dispose();
});

emulatedTest("products and convolutions of two instances each run with their own context", async (emulator) => {
  emulator.set("devices", 2);
  const instances = await Promise.all([0, 1].map((device) => createBackend({ device })));
  const work = instances.map((backend) => {
    const [x, y] = [view(backend, [2, 2], (i) => i), view(backend, [2, 2])];
    return {
      product: () => backend.matmul({ a: x, b: x, output: y, alpha: 1, beta: 0 }),
      convolution: () => convolve(backend, [1, 1, 4, 4], [1, 1, 3, 3], {}),
    };
  });
  for (const name of ["product", "convolution"] as const) {
    for (const each of work) each[name]();
    const before = emulator.calls("cuCtxSetCurrent");
    for (const each of work) each[name]();
    assertEquals(emulator.calls("cuCtxSetCurrent") - before, 2, name);
  }
  for (const backend of instances) backend.dispose();
});

emulatedTest("a long batch of products takes several calls, each with its part of the operands", async (emulator) => {
  const backend = await createBackend();
  const batch = 65535 + 3;
  const [a, b, output] = [
    view(backend, [batch, 1, 1], (i) => i % 1000),
    view(backend, [batch, 1, 2], (i) => i % 7),
    view(backend, [batch, 1, 2]),
  ];
  backend.matmul({ a, b, output, alpha: 2, beta: 0 });
  assertEquals(emulator.calls("cublasSgemmStridedBatched"), 2);
  const result = backend.readSync(output);
  result.forEach((value, i) => assertEquals(value, 2 * (Math.floor(i / 2) % 1000) * (i % 7)));
  backend.dispose();
});

emulatedTest(
  "an algorithm that cuDNN turns out not to support is replaced by the next one, for good",
  async (emulator) => {
    const backend = await createBackend();
    const run = () => [...backend.readSync(convolve(backend, [2, 4, 6, 6], [4, 4, 3, 3], { padding: 1 }))];
    const calls = () => emulator.calls("cudnnConvolutionForward");
    const expected = run();
    emulator.fail("cudnnConvolutionForward", 1, 3002);
    const before = calls();
    assertEquals([run(), run()], [expected, expected]);
    assertEquals(calls() - before, 3);
    emulator.fail("cudnnConvolutionForward", 1, 5000);
    assertThrows(run, BackendError, "5000");
    backend.dispose();
  },
);

emulatedTest("an algorithm that needs more than the limit of workspaces is passed over", async (emulator) => {
  const run = async (workspaceLimit?: number): Promise<{ values: number[]; allocations: number }> => {
    const before = emulator.calls("cuMemAlloc_v2");
    const backend = await createBackend(workspaceLimit === undefined ? {} : { workspaceLimit });
    const values = [...backend.readSync(convolve(backend, [1, 1, 4, 4], [1, 1, 3, 3], {}))];
    backend.dispose();
    return { values, allocations: emulator.calls("cuMemAlloc_v2") - before };
  };
  const free = await run(), limited = await run(0);
  assertEquals(limited.values, free.values);
  // The slab of the operands, and a workspace.
  assertEquals([free.allocations, limited.allocations], [2, 1]);
  await assertRejects(
    () => createBackend({ workspaceLimit: -1 }),
    ArgumentError,
    "workspaceLimit as a number of bytes",
  );
});

test("withinWorkspace keeps the order of what fits, else the algorithm that needs least", () => {
  const results = [300, 100, 200, 50].map((workspace, algorithm) => ({
    ...{ algorithm, workspace, status: 0, milliseconds: 1, deterministic: true, math: 3 },
  }));
  const numbers = (limit: number): number[] => withinWorkspace(results, limit).map(({ algorithm }) => algorithm);
  assertEquals([numbers(1000), numbers(200), numbers(10)], [[0, 1, 2, 3], [1, 2, 3], [3]]);
  assertEquals(withinWorkspace([], 5), []);
});

emulatedTest("operands of a convolution that are not aligned go through aligned copies", async (emulator) => {
  const backend = await createBackend();
  const w = view(backend, [1, 1, 2, 2], (i) => i + 1);
  const geometry = convolutionGeometry([1, 1, 3, 3], w.shape, {});
  const run = (offset: number): number[] => {
    const memory = view(backend, [13], (i) => i - offset);
    const x: View = { ...memory, shape: [1, 1, 3, 3], strides: [9, 9, 3, 1], offset };
    const output = view(backend, [1, 1, 2, 2]);
    backend.convolution({ geometry, input: x, weight: w, output });
    return [...backend.readSync(output)];
  };
  const copies = () => emulator.calls("cuMemcpyDtoDAsync_v2");
  const expected = run(0);
  assertEquals([run(4), copies()], [expected, 0]);
  assertEquals([run(1), copies()], [expected, 1]);
  backend.dispose();
});

emulatedTest("a device that the compiler does not know gets code that the driver translates", async (emulator) => {
  emulator.set("computeMajor", 13);
  const backend = await createBackend();
  const x = view(backend, [3], (i) => i + 1);
  multiply(backend, x, 5);
  assertEquals([...backend.readSync(x)], [5, 10, 15]);
  assertEquals(backend.info().details.kernelArchitecture, "compute_121");
  assertEquals([emulator.calls("nvrtcGetPTX"), emulator.calls("nvrtcGetCUBIN")], [1, 0]);
  backend.dispose();
});

emulatedTest("info names the device, its memory and all versions, also after dispose", async () => {
  const backend = await createBackend({ memoryLimit: 1 << 30 });
  const { name, description, details } = backend.info();
  assertEquals(name, "cuda");
  for (
    const part of [
      "emulator (host memory)",
      "sm_90",
      "GiB free of",
      "CUDA 13.0",
      "NVRTC",
      "cuBLAS",
      "cuDNN 9.",
      "float32 precision",
    ]
  ) {
    assertStringIncludes(description, part);
  }
  assertEquals([details.device, details.computeCapability], ["emulator (host memory)", "9.0"]);
  assert(typeof details.freeBytes === "number" && details.freeBytes <= Number(details.totalBytes));
  backend.dispose();
  assertEquals(backend.info().details.freeBytes, undefined);
});

test("usableAlgorithms keeps those that sum products, the reproducible ones first, and all with tf32", () => {
  const result = (algorithm: number, status: number, deterministic: boolean, math = 3): AlgorithmResult => ({
    algorithm,
    status,
    milliseconds: 1,
    workspace: 0,
    deterministic,
    math,
  });
  const results = [
    result(0, 0, false),
    result(4, 0, true),
    result(1, 9, true),
    result(3, 0, true),
    result(1, 0, true, 1),
  ];
  const numbers = (list: readonly AlgorithmResult[]) => list.map(({ algorithm }) => algorithm);
  assertEquals(numbers(usableAlgorithms("weightGradient", results, false)), [3, 0]);
  assertEquals(numbers(usableAlgorithms("weightGradient", results, true)), [4, 3, 1, 0]);
  assertEquals(numbers(usableAlgorithms("inputGradient", results, false)), [0]);
});
